/* SPDX-License-Identifier: Apache-2.0 */
/* net/aws_credentials.h: who we are to AWS: the SDKs' chain, first part: environment (AWS_ACCESS_KEY_ID,
 * AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN), then the shared credentials and config files (AWS_PROFILE,
 * AWS_SHARED_CREDENTIALS_FILE, AWS_CONFIG_FILE). Other sources are named as unsupported in the error, never skipped silently
 * when a profile asks for them (sso_*, role_arn, credential_process, web identity, container and IMDS). */
#pragma once

#include "base/error.h"

struct tl_aws_credentials {
    char access_key[160], secret_key[160], session_token[4096];
    char origin[256]; /* "environment", "profile 'x' in /home/u/.aws/credentials" */
};
TL_MUST_USE bool tl_aws_credentials_load(struct tl_aws_credentials *out, struct tl_error *error);
/* AWS_REGION, AWS_DEFAULT_REGION, then the profile's region in the config file. False (no error) when none is set. */
bool tl_aws_region(char out[64]);
/* AWS_ENDPOINT_URL_<SERVICE> (service in capitals, e.g. "KINESIS"), then AWS_ENDPOINT_URL. False when none is set.
 * AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=true switches both off. */
bool tl_aws_endpoint(const char *service, char out[512]);
