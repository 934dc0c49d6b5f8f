/* SPDX-License-Identifier: Apache-2.0 */
/* kinesis/client_int.h: what the files of the client share: one signed call and its answer. */
#pragma once

#include "base/buf.h"
#include "codec/message.h"
#include "kinesis/client.h"
#include "net/aws_clock.h"
#include "net/aws_credentials.h"
#include "net/aws_retry.h"
#include "net/http_client.h"

/* The largest answer is GetRecords': 10 MiB of data is 14 MiB of base64, and keys of 10,000 records may be
 * escaped. */
#define TL_KINESIS_ANSWER_MAX (64u << 20)
#define TL_KINESIS_BODY_MAX (32u << 20)

struct tl_kinesis_client {
    struct tl_http_client *http;
    struct tl_http_response response;
    enum tl_wire wire;           /* of requests; an answer says its own */
    struct tl_msg_parser *parser; /* holds the last answer */
    struct tl_buf body;          /* of the call being made */
    struct tl_buf authorization;
    struct tl_aws_credentials credentials; /* of the last request */
    struct tl_aws_endpoint endpoint;
    struct tl_aws_clock clock;
    struct tl_aws_retry retry;
    char aws_name[80]; /* of the last error; "" when it had none */
    bool embedded;
    const bool *cancel;
};

/* Empties the body and begins its object; end it with tl_msg_end_structure before the call. */
struct tl_msg_writer tl_kinesis_begin(struct tl_kinesis_client *c, const char *stream);
/* Sends c->body as the action. *answer: the answer's object, valid until the next call; an empty body is an
 * empty object. */
TL_MUST_USE bool tl_kinesis_call(struct tl_kinesis_client *c, const char *action, struct tl_msg *answer,
                                 struct tl_error *error);
/* As above, and tries again a few times as the SDKs do: for calls that stand alone, outside the consumer's
 * and producer's loops. */
TL_MUST_USE bool tl_kinesis_call_patiently(struct tl_kinesis_client *c, const char *action,
                                           struct tl_msg *answer, struct tl_error *error);

#define TL_KINESIS_HEADERS_MAX 8
struct tl_kinesis_signed { /* the headers of one request */
    char date[17], target[80];
    struct tl_http_header headers[TL_KINESIS_HEADERS_MAX];
    size_t count;
};
/* Signs c->body as the action, for sending it at once. Views into c. */
TL_MUST_USE bool tl_kinesis_sign(struct tl_kinesis_client *c, const char *action,
                                 struct tl_kinesis_signed *out, struct tl_error *error);
/* Fills error from c->response, which is no success, and c->aws_name. Always false. */
bool tl_kinesis_refused(struct tl_kinesis_client *c, const char *action, struct tl_error *error);
/* True where the same request, signed anew, may pass. *corrected, *renewed: false at first. */
bool tl_kinesis_may_sign_again(struct tl_kinesis_client *c, bool *corrected, bool *renewed);
/* Records of an answer or an event into the batch; answer_size: of its bytes. Of an event stream, action is
 * SubscribeToShard. */
TL_MUST_USE bool tl_kinesis_decode_records(struct tl_msg answer, size_t answer_size, const char *action,
                                           struct tl_record_batch *batch, struct tl_error *error);

/* "kinesis <action>: the answer <what>": the peer does not speak Kinesis. Always false; TL_IO. */
bool tl_kinesis_bad_answer(struct tl_error *error, const char *action, const char *what);
/* The code of an AWS error name; 0 when it is not known. */
enum tl_code tl_kinesis_code_of(struct tl_view aws_name);

/* Copies text of 1 to size - 1 printable ASCII characters without blanks; false when it is something else. */
TL_MUST_USE bool tl_kinesis_copy_token(struct tl_view from, char *to, size_t size);
/* As above for a decimal number without leading zeros. */
TL_MUST_USE bool tl_kinesis_copy_decimal(struct tl_view from, char *to, size_t size);
/* A partition key: 1 to 256 characters of UTF-8. */
bool tl_kinesis_key_is_valid(struct tl_view key);
