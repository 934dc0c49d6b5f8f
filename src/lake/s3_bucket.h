/* SPDX-License-Identifier: Apache-2.0 */
/* lake/s3_bucket.h: signed requests to one bucket of S3, from several threads at a time, each on a connection of its own.
 *
 * On AWS the bucket stands in the host name, unless it has a dot, which no certificate covers; on other servers in the path.
 * TAPELINE_S3_ADDRESSING = path or virtual says otherwise. A bucket that turns out to be in another region is followed there, once. */
#pragma once

#include "net/aws_client.h"

#define TL_S3_BLOCK ((size_t)8 << 20) /* parts of what goes up or comes down */

struct tl_s3;
/* url: "s3://bucket/prefix". region: NULL, or as said. Checks both; sends nothing. */
TL_MUST_USE bool tl_s3_open(struct tl_s3 **out, const char *url, const char *region, struct tl_error *error);
void tl_s3_close(struct tl_s3 *s3); /* NULL is fine; no call is under way */
/* "" or with a slash at its end; not encoded. */
const char *tl_s3_prefix(const struct tl_s3 *s3);
const char *tl_s3_url(const struct tl_s3 *s3);

struct tl_s3_request {
    const char *method;
    const char *key;   /* behind the prefix, not encoded; NULL: the bucket itself */
    const char *query; /* encoded, or NULL */
    const struct tl_http_header *headers;
    size_t header_count;
    struct tl_view body;
    const char *right; /* what the caller has to be allowed: "s3:PutObject" */
};
/* A request's answer; holds a connection until tl_s3_done. */
struct tl_s3_call {
    const struct tl_http_response *response;
    const char *code; /* S3's name of the error, "" for none */
    size_t lane;
};
/* True for a status of 200 to 299. call is to be handed to tl_s3_done in either case. What is absent is TL_NOT_FOUND (but a bucket that
 * is absent is TL_INVALID), a condition that is not met TL_CONFLICT. */
TL_MUST_USE bool tl_s3_send(struct tl_s3 *s3, const struct tl_s3_request *request, struct tl_s3_call *call, struct tl_error *error);
void tl_s3_done(struct tl_s3 *s3, struct tl_s3_call *call);

/* Adds text with all but letters, digits and "-_.~" as %XX; slashes stay when asked. */
void tl_s3_encode(struct tl_buf *out, struct tl_view text, bool keep_slashes);
