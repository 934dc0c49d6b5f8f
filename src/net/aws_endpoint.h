/* SPDX-License-Identifier: Apache-2.0 */
/* net/aws_endpoint.h: region and endpoint of a service, by the rules of the AWS SDKs (AWS SDKs and Tools
 * Reference Guide, "AWS Region" and "Service-specific endpoints"). */
#pragma once

#include "base/error.h"

#define TL_AWS_REGION_MAX 64
#define TL_AWS_URL_MAX 512

/* AWS_REGION, AWS_DEFAULT_REGION, then the profile's region in the shared files. False (no error) when none
 * is set. */
bool tl_aws_region(char out[TL_AWS_REGION_MAX]);
/* The endpoint that the user has set: AWS_ENDPOINT_URL_<SERVICE> (service in capitals, e.g. "KINESIS"),
 * AWS_ENDPOINT_URL, then endpoint_url of the service in the profile's `services` section, then endpoint_url
 * of the profile. False when none is set, or AWS_IGNORE_CONFIGURED_ENDPOINT_URLS
 * (ignore_configured_endpoint_urls of the profile) is true. */
bool tl_aws_endpoint(const char *service, char out[TL_AWS_URL_MAX]);

struct tl_aws_endpoint {
    char url[640];  /* "https://kinesis.us-east-1.amazonaws.com/": it ends in a slash */
    char host[256]; /* as signed and sent: without the scheme's own port */
    char path[256]; /* "/", or "/base/" of the URL given */
    char region[TL_AWS_REGION_MAX];
    char origin[160]; /* where the URL is from: "AWS_ENDPOINT_URL_KINESIS", "AWS's own for us-east-1" */
    char region_origin[160]; /* where the region is from */
    bool custom;             /* not one of AWS's */
};
/* service: as in AWS's host names, "kinesis". region, url: as the caller has them, or NULL for the rules. A
 * service of AWS's own needs a region (TL_INVALID says what to set); other servers take us-east-1 where none
 * is set. sts without a region is the global one. Partitions: aws, aws-cn, aws-us-gov, aws-iso, -b, -e and
 * -f, aws-eusc. AWS_USE_FIPS_ENDPOINT and AWS_USE_DUALSTACK_ENDPOINT are refused by name (TL_UNSUPPORTED)
 * unless a URL is set. */
TL_MUST_USE bool tl_aws_endpoint_resolve(struct tl_aws_endpoint *out, const char *service, const char *region,
                                         const char *url, struct tl_error *error);
/* "us-east-1": small letters, digits and hyphens only. */
bool tl_aws_region_is_valid(const char *region);
