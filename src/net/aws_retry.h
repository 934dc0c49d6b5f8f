/* SPDX-License-Identifier: Apache-2.0 */
/* net/aws_retry.h: how often a call is tried, as the SDKs' "standard" retry mode has it (AWS SDKs and Tools
 * Reference Guide, "Retry behavior"): AWS_MAX_ATTEMPTS (3) in all, a random time up to 1 s, 2 s, 4 s ... 20 s
 * between them, and a quota (500 tokens; a retry takes 5, after a timeout 10; a success gives back) that ends
 * retries where a service is down for good. One owner thread. */
#pragma once

#include "base/error.h"

#include <stdint.h>

enum tl_aws_retry_mode {
    TL_AWS_RETRY_STANDARD,
    TL_AWS_RETRY_LEGACY,   /* 5 attempts where AWS_MAX_ATTEMPTS is not set; the waits of "standard" */
    TL_AWS_RETRY_ADAPTIVE, /* taken as "standard": the producer has a rate control of its own */
};
struct tl_aws_retry {
    enum tl_aws_retry_mode mode;
    unsigned attempts; /* at least 1; the first one counts */
    unsigned quota, taken;
};
/* AWS_RETRY_MODE and AWS_MAX_ATTEMPTS, then retry_mode and max_attempts of the profile. TL_INVALID names the
 * one that is wrong. */
TL_MUST_USE bool tl_aws_retry_load(struct tl_aws_retry *out, struct tl_error *error);
const char *tl_aws_retry_mode_name(enum tl_aws_retry_mode mode);
/* After attempt number `attempt` (from 0) has failed with code: true if there may be another, after
 * *delay_ns. */
bool tl_aws_retry_again(struct tl_aws_retry *r, unsigned attempt, enum tl_code code, int64_t *delay_ns);
/* A call has succeeded. */
void tl_aws_retry_succeeded(struct tl_aws_retry *r);
