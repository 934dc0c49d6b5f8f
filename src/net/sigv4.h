/* SPDX-License-Identifier: Apache-2.0 */
/* net/sigv4.h: AWS Signature Version 4: one canonical request for signing and verifying. */
#pragma once

#include "base/buf.h"
#include "net/aws_credentials.h"
#include "net/http_server.h"

struct tl_sigv4_request {
    struct tl_view method, path /* as sent, encoded once */, query /* raw */;
    const struct tl_http_header *headers; /* those to be signed, host among them; any order and case */
    size_t header_count;
    struct tl_view payload_hash; /* 64 hex digits, or UNSIGNED-PAYLOAD */
    const char *region, *service;
    int64_t now_ns;
};
/* Adds to out the value of the Authorization header. headers must hold host and x-amz-date (tl_sigv4_date).
 * Path segments are encoded again for every service but s3. */
TL_MUST_USE bool tl_sigv4_sign(const struct tl_sigv4_request *r, const struct tl_aws_credentials *credentials,
                               struct tl_buf *out, struct tl_error *error);
/* The key of a day, region and service. */
void tl_sigv4_key(const char *secret, struct tl_view day, const char *region, const char *service,
                  uint8_t key[32]);
/* The signature of the request: date as in x-amz-date, scope "day/region/service/aws4_request". */
TL_MUST_USE bool tl_sigv4_signature(const struct tl_sigv4_request *r, struct tl_view date, const char *scope,
                                    const uint8_t key[32], char hex[65], struct tl_error *error);
/* The canonical request alone, for tests. */
void tl_sigv4_canonical(const struct tl_sigv4_request *r, struct tl_buf *out);
void tl_sigv4_date(int64_t now_ns, char out[17]); /* 20250927T123400Z */
