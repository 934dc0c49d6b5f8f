/* SPDX-License-Identifier: Apache-2.0 */
/* net/aws_clock.h: the time that signatures carry: this machine's, corrected by what a service's answers say.
 *
 * AWS refuses requests whose date is minutes off (5 for most services, 15 for S3). As in the SDKs: when a
 * service refuses for that, its answer's Date header gives the difference, the request is signed again with
 * it, and so are those after it. One clock an endpoint, owned by the thread that sends. */
#pragma once

#include "net/http_date.h"

struct tl_aws_clock {
    int64_t skew_ns; /* what the service's clock is ahead of ours; 0 until it has been seen to matter */
};
int64_t tl_aws_clock_now(const struct tl_aws_clock *c);
/* code: the AWS name of an error; date: the answer's Date header. True when the clock was wrong by enough to
 * explain the error and has been corrected: sign again. */
bool tl_aws_clock_correct(struct tl_aws_clock *c, struct tl_view code, struct tl_view date);
/* What the Date header says the service is ahead of this machine, to a second or so. False when it is no
 * date. */
bool tl_aws_clock_measure(struct tl_view date, int64_t *skew_ns);
