/* SPDX-License-Identifier: Apache-2.0 */
/* net/aws_service.h: which AWS service a request on the AWS port is for, and its errors in that service's form. Kinesis is the port's own. */
#pragma once

#include "net/http_server.h"

enum tl_aws_service { TL_AWS_KINESIS, TL_AWS_S3, TL_AWS_GLUE, TL_AWS_ATHENA };

/* By X-Amz-Target; without one by the shape: a POST of JSON or CBOR is Kinesis', all else S3's. */
enum tl_aws_service tl_aws_service_of(const struct tl_http_exchange *x);
/* The request says that it is for S3, where a lone Kinesis server would get it: it is signed for that, or has S3's headers. */
bool tl_aws_says_s3(const struct tl_http_exchange *x);
const char *tl_aws_service_name(enum tl_aws_service service); /* of a signature's scope: "s3" */
/* What X-Amz-Target asks of the service: "GetTables"; empty for S3. */
struct tl_view tl_aws_action(const struct tl_http_exchange *x);
/* Takes a request that is not Kinesis', on the loop thread. */
typedef void tl_aws_handler(struct tl_http_exchange *x, enum tl_aws_service service, void *user);
typedef void tl_aws_body_rule(const struct tl_http_exchange *x, enum tl_aws_service service, struct tl_http_body_place *place, void *user);

#define TL_AWS_REQUEST_ID_SIZE 37
void tl_aws_request_id(char out[TL_AWS_REQUEST_ID_SIZE]); /* a UUID */
/* Text of an element: '<' and the like escaped, control characters that XML has not left out. */
void tl_xml_add(struct tl_buf *out, struct tl_view text);
/* <name>text</name> */
void tl_xml_element(struct tl_buf *out, const char *name, struct tl_view text);
/* The body of an error: XML for S3, JSON for the others. */
void tl_aws_write_error(struct tl_buf *out, enum tl_aws_service service, const char *code, struct tl_view message);
/* Answers with the error: a HEAD has no body. From the loop thread. */
void tl_aws_answer_error(struct tl_http_exchange *x, enum tl_aws_service service, int status, const char *code, struct tl_view message);
