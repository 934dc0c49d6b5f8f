/* SPDX-License-Identifier: Apache-2.0 */
/* net/aws_provider_int.h: the sources of credentials, behind the chain. Each fills *out (TL_AWS_FOUND) or
 * *why: the reason why it is absent, or its error (TL_AWS_FAILED). */
#pragma once

#include "base/view.h"
#include "net/aws_credentials.h"
#include "net/aws_profile.h"

#define TL_AWS_PROFILE_DEPTH 8 /* of source_profile */

/* One walk along the chain. */
struct tl_aws_walk {
    const struct tl_aws_profiles *profiles;
    const char *visited[TL_AWS_PROFILE_DEPTH]; /* profiles on the way to a source_profile */
    size_t depth;
    int64_t skew_ns; /* what the last service that was asked is ahead of us */
};

enum tl_aws_found tl_aws_from_environment(struct tl_aws_walk *w, struct tl_aws_credentials *out,
                                          struct tl_error *why);
enum tl_aws_found tl_aws_from_web_identity(struct tl_aws_walk *w, struct tl_aws_credentials *out,
                                           struct tl_error *why);
enum tl_aws_found tl_aws_from_profile(struct tl_aws_walk *w, struct tl_aws_credentials *out,
                                      struct tl_error *why);
enum tl_aws_found tl_aws_from_container(struct tl_aws_walk *w, struct tl_aws_credentials *out,
                                        struct tl_error *why);
enum tl_aws_found tl_aws_from_instance(struct tl_aws_walk *w, struct tl_aws_credentials *out,
                                       struct tl_error *why);

/* Runs the command of a credential_process (split as by a shell, but without one) and reads what it prints.
 */
TL_MUST_USE bool tl_aws_run_process(const char *command, struct tl_aws_credentials *out,
                                    struct tl_error *error);
/* Splits as a shell does with quotes and backslashes, and nothing more. At most max - 1 words; NULL ends
 * them; each is a malloc'ed text in words, whose block is words[0]. */
TL_MUST_USE bool tl_aws_split_command(const char *command, char **words, size_t max, struct tl_error *error);

/* The answer of a process, container or instance: {"AccessKeyId", "SecretAccessKey", token, "Expiration"}. */
TL_MUST_USE bool tl_aws_credentials_from_json(struct tl_aws_credentials *out, struct tl_view text,
                                              const char *token_name, bool has_version,
                                              struct tl_error *error);
/* Copies text of 1 to room - 1 printable ASCII characters; false when it is something else. */
TL_MUST_USE bool tl_aws_copy_key(char *to, size_t room, struct tl_view from);
