/* SPDX-License-Identifier: Apache-2.0 */
/* net/aws_profile.h: the files that AWS tools share: config and credentials (AWS SDKs and Tools Reference
 * Guide, "Shared config and credentials files").
 *
 * Both are INI. In config a profile is [profile x] (or [default]), in credentials [x]; config also has
 * [services x] and [sso-session x]. Lines that begin with # or ; are comments; a value keeps what looks like
 * one behind it, as in botocore. Names of settings are folded to lower case. An indented line below a setting
 * without a value is a setting of its own, nested; below one with a value it goes on with that. Of a setting
 * said twice the last counts; [profile default] goes before [default]. Sections of other kinds are passed
 * over. What is not such a file is refused, with file and line. Immutable once made: threads may share it. */
#pragma once

#include "base/error.h"
#include "base/view.h"

#define TL_AWS_FILE_MAX ((size_t)1 << 20) /* bytes of a file */

struct tl_aws_profiles;
enum tl_aws_file { TL_AWS_FILE_CONFIG, TL_AWS_FILE_CREDENTIALS };

/* Reads AWS_CONFIG_FILE (or ~/.aws/config) and AWS_SHARED_CREDENTIALS_FILE (or ~/.aws/credentials). A file
 * that is not there is an empty one. */
TL_MUST_USE bool tl_aws_profiles_load(struct tl_aws_profiles **out, struct tl_error *error);
/* The same from texts, for tests: the names of the files are "config" and "credentials". */
TL_MUST_USE bool tl_aws_profiles_parse(struct tl_aws_profiles **out, struct tl_view config,
                                       struct tl_view credentials, struct tl_error *error);
void tl_aws_profiles_free(struct tl_aws_profiles *p); /* NULL is fine */

/* AWS_PROFILE, AWS_DEFAULT_PROFILE, or "default". *asked (may be NULL): one of the two is set. */
const char *tl_aws_profile_name(bool *asked);
bool tl_aws_profiles_has(const struct tl_aws_profiles *p, const char *profile);
/* A setting of a profile; NULL when there is none, or it has no value. Credentials go before config. */
const char *tl_aws_profile_get(const struct tl_aws_profiles *p, const char *profile, const char *key);
/* The same in one of the files only. */
const char *tl_aws_profile_get_in(const struct tl_aws_profiles *p, enum tl_aws_file file, const char *profile,
                                  const char *key);
/* A nested setting of [services <name>], such as kinesis' endpoint_url. */
const char *tl_aws_services_get(const struct tl_aws_profiles *p, const char *services, const char *service,
                                const char *key);
/* The path that the file was read from, or would have been; "" without HOME. */
const char *tl_aws_profiles_path(const struct tl_aws_profiles *p, enum tl_aws_file file);
