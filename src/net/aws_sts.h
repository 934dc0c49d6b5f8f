/* SPDX-License-Identifier: Apache-2.0 */
/* net/aws_sts.h: the three actions of STS (version 2011-06-15, query protocol) that we need. Each is one
 * client, made and freed. */
#pragma once

#include "net/aws_credentials.h"

struct tl_aws_role {
    const char *arn;
    const char *session_name; /* NULL: one of our own */
    const char *external_id;  /* or NULL */
    const char *duration;     /* seconds as text, or NULL for the service's hour */
};
/* *skew_ns: what the service's clock is ahead of ours, untouched when it does not say. out->origin stays the
 * caller's. */
TL_MUST_USE bool tl_aws_sts_assume_role(const struct tl_aws_credentials *source,
                                        const struct tl_aws_role *role, struct tl_aws_credentials *out,
                                        int64_t *skew_ns, struct tl_error *error);
TL_MUST_USE bool tl_aws_sts_assume_role_with_web_identity(const struct tl_aws_role *role, const char *token,
                                                          struct tl_aws_credentials *out, int64_t *skew_ns,
                                                          struct tl_error *error);

struct tl_aws_identity {
    char account[32], arn[2100], user_id[256];
    bool has_skew;
    int64_t skew_ns;
    char endpoint[640];
};
/* Needs no right. region: NULL by the rules. */
TL_MUST_USE bool tl_aws_sts_caller_identity(struct tl_aws_chain *chain, const char *region,
                                            struct tl_aws_identity *out, struct tl_error *error);
