/* SPDX-License-Identifier: Apache-2.0 */
/* net/aws_credentials.h: who we are to AWS: the chain of the SDKs, kept fresh.
 *
 * In this order, and the first that is set up wins (AWS SDKs and Tools Reference Guide, "Standardized
 * credential providers"): environment    AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN web
 * identity   AWS_WEB_IDENTITY_TOKEN_FILE and AWS_ROLE_ARN, by STS AssumeRoleWithWebIdentity profile
 * AWS_PROFILE in the shared files: role_arn with source_profile or credential_source (STS AssumeRole),
 * role_arn with web_identity_token_file, keys, credential_process; sso_* is refused by name container
 * AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or AWS_CONTAINER_CREDENTIALS_FULL_URI instance       IMDSv2 of EC2,
 * unless AWS_EC2_METADATA_DISABLED A source that is set up and fails ends the walk with its error: to go on
 * would be to act as somebody else. Only the instance is asked without having been set up: where nobody
 * answers there, it is absent.
 *
 * Temporary ones are fetched again from 15 minutes before they end, by one thread while the others go on with
 * the old; in the last 10 the others wait for it. Where that fails the old ones serve while they are valid.
 */
#pragma once

#include "base/error.h"
#include "net/aws_endpoint.h"

#include <stdint.h>

struct tl_aws_credentials {
    char access_key[160], secret_key[160], session_token[8192];
    char origin[256];   /* "environment", "profile 'x' in /home/u/.aws/credentials", "role arn:... of profile
                           'x'" */
    int64_t expires_ns; /* 0: they do not end, or nobody has said when */
};

enum tl_aws_found { TL_AWS_ABSENT, TL_AWS_FOUND, TL_AWS_FAILED, TL_AWS_NOT_ASKED };
#define TL_AWS_PROVIDERS 5
/* What the last walk along the chain met. */
struct tl_aws_chain_report {
    struct {
        const char *provider; /* "environment", ... */
        enum tl_aws_found found;
        char text[320]; /* the origin, or why it is not this one */
    } rows[TL_AWS_PROVIDERS];
};

struct tl_aws_chain;
TL_MUST_USE bool tl_aws_chain_new(struct tl_aws_chain **out, struct tl_error *error);
void tl_aws_chain_free(struct tl_aws_chain *c); /* NULL is fine */
/* The one of this process; it lives as long. */
struct tl_aws_chain *tl_aws_chain_shared(void);
/* Credentials to sign with now: those at hand, or fetched (blocking; each source has its own time limits).
 * Any thread. */
TL_MUST_USE bool tl_aws_chain_get(struct tl_aws_chain *c, struct tl_aws_credentials *out,
                                  struct tl_error *error);
/* The service has said that these are expired: the next get fetches anew, unless that has happened since. Any
 * thread. */
void tl_aws_chain_reject(struct tl_aws_chain *c, const struct tl_aws_credentials *refused);
void tl_aws_chain_report(struct tl_aws_chain *c, struct tl_aws_chain_report *out);

/* Those of the shared chain: call it before each request, and temporary ones stay fresh. */
TL_MUST_USE bool tl_aws_credentials_load(struct tl_aws_credentials *out, struct tl_error *error);
