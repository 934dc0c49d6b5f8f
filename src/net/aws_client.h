/* SPDX-License-Identifier: Apache-2.0 */
/* net/aws_client.h: signed calls of one AWS service, as the SDKs make them: credentials of the chain, signed
 * for the service's clock, tried again in the standard retry mode. One thread a client. Errors carry AWS's
 * code and message: TL_NOT_FOUND, TL_CONFLICT, TL_THROTTLED, TL_EXPIRED, TL_LIMIT, TL_DENIED, TL_INVALID,
 * TL_UNAVAILABLE, TL_TIMEOUT. */
#pragma once

#include "net/aws_clock.h"
#include "net/aws_credentials.h"
#include "net/aws_endpoint.h"
#include "net/http_client.h"

#define TL_AWS_HEADERS_MAX 4

struct tl_aws_client;
struct tl_aws_client_options {
    const char *service;        /* in scope and host name: "sts", "s3", "glue"; static text */
    const char *region, *url;   /* as tl_aws_endpoint_resolve takes them */
    struct tl_aws_chain *chain; /* NULL: credentials sign */
    const struct tl_aws_credentials *credentials; /* NULL too: nothing is signed */
    size_t answer_max;
    int64_t timeout_ns; /* of one attempt */
    unsigned attempts;  /* 0: as AWS_MAX_ATTEMPTS says */
    const bool *cancel; /* as in net/http_client.h */
};
TL_MUST_USE bool tl_aws_client_new(struct tl_aws_client **out, const struct tl_aws_client_options *options,
                                   struct tl_error *error);
void tl_aws_client_free(struct tl_aws_client *c); /* NULL is fine */

struct tl_aws_request {
    const char *method;
    const char *path;   /* behind the endpoint's own, encoded once, without a slash in front: "bucket/key";
                           NULL: none */
    const char *query;  /* encoded, without '?'; NULL: none */
    const char *target; /* X-Amz-Target, or NULL */
    const char *content_type;     /* or NULL */
    const struct tl_http_header *headers; /* more of them, signed too: at most TL_AWS_HEADERS_MAX */
    size_t header_count;
    struct tl_view body;
};
/* True for an answer of 200 to 299. Every fallible part's error names the service. */
TL_MUST_USE bool tl_aws_client_send(struct tl_aws_client *c, const struct tl_aws_request *request,
                                    struct tl_error *error);
/* Of the last answer; NULL-free. */
const struct tl_http_response *tl_aws_client_response(const struct tl_aws_client *c);
const struct tl_aws_endpoint *tl_aws_client_endpoint(const struct tl_aws_client *c);
const char *tl_aws_client_error_code(
    const struct tl_aws_client *c); /* "AccessDenied"; "" when the last answer had none */
/* What the service's clock was ahead at the last answer; false when no answer has told. */
bool tl_aws_client_skew(const struct tl_aws_client *c, int64_t *skew_ns);
/* True for the names by which services say that temporary credentials have ended. */
bool tl_aws_code_is_expired(struct tl_view code);
