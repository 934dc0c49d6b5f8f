/* SPDX-License-Identifier: Apache-2.0 */
#include "kinesis/client_int.h"

#include "base/io.h"
#include "base/time.h"
#include "kinesis/wait_int.h"
#include "net/aws_client.h"
#include "net/digest.h"
#include "net/sigv4.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define TARGET_PREFIX "Kinesis_20131202."
#define TIMEOUT_NS (30 * TL_NS_PER_S)

static const struct {
    const char *name;
    enum tl_code code;
} aws_errors[] = {
    { "ResourceNotFoundException", TL_NOT_FOUND },
    { "ResourceInUseException", TL_CONFLICT },
    { "ProvisionedThroughputExceededException", TL_THROTTLED },
    { "ThrottlingException", TL_THROTTLED },
    { "Throttling", TL_THROTTLED },
    { "TooManyRequestsException", TL_THROTTLED },
    { "RequestLimitExceeded", TL_THROTTLED },
    { "KMSThrottlingException", TL_THROTTLED },
    { "SlowDown", TL_THROTTLED },
    { "ExpiredIteratorException", TL_EXPIRED },
    { "ExpiredNextTokenException", TL_EXPIRED },
    { "LimitExceededException", TL_LIMIT },
    { "AccessDeniedException", TL_DENIED },
    { "AccessDenied", TL_DENIED },
    { "KMSAccessDeniedException", TL_DENIED },
    { "ExpiredTokenException", TL_DENIED },
    { "IncompleteSignatureException", TL_DENIED },
    { "InvalidClientTokenId", TL_DENIED },
    { "InvalidSignatureException", TL_DENIED },
    { "MissingAuthenticationTokenException", TL_DENIED },
    { "OptInRequired", TL_DENIED },
    { "RequestExpired", TL_DENIED },
    { "SignatureDoesNotMatch", TL_DENIED },
    { "UnrecognizedClientException", TL_DENIED },
    { "InvalidArgumentException", TL_INVALID },
    { "SerializationException", TL_INVALID },
    { "UnknownOperationException", TL_INVALID },
    { "ValidationException", TL_INVALID },
    { "InternalFailure", TL_UNAVAILABLE },
    { "InternalFailureException", TL_UNAVAILABLE },
    { "InternalServerError", TL_UNAVAILABLE },
    { "RequestTimeout", TL_UNAVAILABLE },
    { "RequestTimeoutException", TL_UNAVAILABLE },
    { "ServiceUnavailable", TL_UNAVAILABLE },
    { "ServiceUnavailableException", TL_UNAVAILABLE },
};

enum tl_code tl_kinesis_code_of(struct tl_view aws_name)
{
    for (size_t i = 0; i < TL_COUNT(aws_errors); i++)
        if (tl_view_is(aws_name, aws_errors[i].name))
            return aws_errors[i].code;
    return 0;
}

static enum tl_code code_of_status(int status)
{
    if (status == 429)
        return TL_THROTTLED;
    if (status == 408 || status >= 500)
        return TL_UNAVAILABLE;
    if (status == 401 || status == 403)
        return TL_DENIED;
    return status == 413 ? TL_LIMIT : TL_INVALID;
}

bool tl_kinesis_bad_answer(struct tl_error *error, const char *action, const char *what)
{
    return tl_error_set(error, TL_IO, "kinesis %s: the answer %s", action, what);
}

bool tl_kinesis_copy_token(struct tl_view from, char *to, size_t size)
{
    if (from.size == 0 || from.size >= size)
        return false;
    for (size_t i = 0; i < from.size; i++)
        if (from.data[i] <= ' ' || from.data[i] > '~')
            return false;
    memcpy(to, from.data, from.size);
    to[from.size] = '\0';
    return true;
}

bool tl_kinesis_copy_decimal(struct tl_view from, char *to, size_t size)
{
    for (size_t i = 0; i < from.size; i++)
        if (from.data[i] < '0' || from.data[i] > '9')
            return false;
    return (from.size == 1 || (from.size > 1 && from.data[0] != '0')) &&
           tl_kinesis_copy_token(from, to, size);
}

/* Foreign text for a message: control characters would let the peer write lines or colours into a terminal.
 */
static void copy_printable(struct tl_view from, char *to, size_t size)
{
    size_t n = from.size < size - 1 ? from.size : size - 1;
    for (size_t i = 0; i < n; i++)
        to[i] = (unsigned char)from.data[i] < ' ' || from.data[i] == 0x7f ? ' ' : from.data[i];
    to[n] = '\0';
}

/* "com.amazonaws.kinesis.v20131202#ResourceInUseException:http://..." is ResourceInUseException. */
static struct tl_view bare_name(struct tl_view type)
{
    struct tl_view after, name = tl_view_split(type, ':', &after);
    struct tl_view rest, prefix = tl_view_split(name, '#', &rest);
    return rest.data ? rest : prefix;
}

/* What the answer says it is: some servers, and what stands before them, tell errors in JSON always. */
static enum tl_wire answer_wire(const struct tl_kinesis_client *c)
{
    struct tl_view type = tl_http_response_header(&c->response, "content-type");
    return tl_view_starts_with(type, TL_VIEW("application/x-amz-cbor")) ? TL_WIRE_CBOR : TL_WIRE_JSON;
}

bool tl_kinesis_refused(struct tl_kinesis_client *c, const char *action, struct tl_error *error)
{
    struct tl_error wrong;
    struct tl_msg root;
    struct tl_view type = { NULL, 0 }, message = { NULL, 0 };
    const struct tl_buf *body = &c->response.body;
    if (body->size && tl_msg_parse(c->parser, answer_wire(c), tl_buf_view(body), &root, &wrong)) {
        type = bare_name(tl_msg_get_string(root, "__type"));
        message = tl_msg_get_string(root, "message");
        if (!message.data)
            message = tl_msg_get_string(root, "Message");
    }
    if (!type.size)
        type = bare_name(tl_http_response_header(&c->response, "x-amzn-errortype"));
    char text[500], id[80], *name = c->aws_name;
    copy_printable(type, name, sizeof c->aws_name);
    copy_printable(message, text, sizeof text);
    copy_printable(tl_http_response_header(&c->response, "x-amzn-requestid"), id, sizeof id);
    char status[40];
    snprintf(status, sizeof status, "HTTP status %d", c->response.status);
    enum tl_code code = tl_kinesis_code_of(type);
    if (!code)
        code = code_of_status(c->response.status);
    bool skew = tl_view_is(type, "InvalidSignatureException") && strncmp(text, "Signature", 9) == 0;
    return tl_error_set(error, code, "kinesis %s: %s%s%s%s%s%s%s", action, name[0] ? name : status,
                        text[0] ? ": " : "", text, id[0] ? " (request id " : "", id, id[0] ? ")" : "",
                        skew ? " (is this machine's clock right?)" : "");
}

struct tl_msg_writer tl_kinesis_begin(struct tl_kinesis_client *c, const char *stream)
{
    struct tl_msg_writer w;
    tl_buf_reset(&c->body);
    tl_msg_writer_init(&w, c->wire, &c->body);
    tl_msg_begin_structure(&w);
    if (stream)
        tl_msg_member_text(&w, "StreamName", stream);
    return w;
}

/* Signs exactly what is sent: host, date, target, type and the session token. */
static bool sign(struct tl_kinesis_client *c, const struct tl_http_header *headers, size_t count, int64_t now,
                 struct tl_error *error)
{
    uint8_t digest[32];
    char hash[65];
    tl_sha256(tl_buf_view(&c->body), digest);
    tl_hex(digest, sizeof digest, hash);
    struct tl_sigv4_request request = {
        .method = TL_VIEW("POST"),
        .path = tl_view_of(c->endpoint.path),
        .query = TL_VIEW(""),
        .headers = headers,
        .header_count = count,
        .payload_hash = tl_view_of(hash),
        .region = c->endpoint.region,
        .service = "kinesis",
        .now_ns = now,
    };
    tl_buf_reset(&c->authorization);
    return tl_sigv4_sign(&request, &c->credentials, &c->authorization, error) &&
           tl_buf_ok(&c->authorization, "the Authorization header", error);
}

static void add_header(struct tl_kinesis_signed *s, const char *name, struct tl_view value)
{
    assert(s->count < TL_KINESIS_HEADERS_MAX);
    s->headers[s->count++] = (struct tl_http_header){ tl_view_of(name), value };
}

bool tl_kinesis_sign(struct tl_kinesis_client *c, const char *action, struct tl_kinesis_signed *out,
                     struct tl_error *error)
{
    static const char *const types[] = { [TL_WIRE_JSON] = "application/x-amz-json-1.1",
                                         [TL_WIRE_CBOR] = "application/x-amz-cbor-1.1" };
    if (!c->embedded && !tl_aws_credentials_load(&c->credentials, error))
        return false;
    int64_t now = tl_aws_clock_now(&c->clock);
    out->count = 0;
    tl_sigv4_date(now, out->date);
    snprintf(out->target, sizeof out->target, TARGET_PREFIX "%s", action);
    add_header(out, "host", tl_view_of(c->endpoint.host));
    add_header(out, "content-type", tl_view_of(types[c->wire]));
    add_header(out, "x-amz-date", tl_view_of(out->date));
    add_header(out, "x-amz-target", tl_view_of(out->target));
    if (c->credentials.session_token[0])
        add_header(out, "x-amz-security-token", tl_view_of(c->credentials.session_token));
    if (!sign(c, out->headers, out->count, now, error))
        return false;
    add_header(out, "authorization", tl_buf_view(&c->authorization));
    add_header(out, "user-agent", TL_VIEW("tapeline/" TAPELINE_VERSION));
    return true;
}

static bool send_once(struct tl_kinesis_client *c, const char *action, struct tl_error *error)
{
    struct tl_kinesis_signed s;
    if (!tl_kinesis_sign(c, action, &s, error))
        return false;
    struct tl_http_request request = {
        .method = "POST",
        .url = c->endpoint.url,
        .headers = s.headers,
        .header_count = s.count,
        .body = tl_buf_view(&c->body),
        .timeout_ns = TIMEOUT_NS,
        .cancel = c->cancel,
    };
    return tl_http_client_send(c->http, &request, &c->response, error);
}

/* The clock was wrong, or temporary credentials have ended. Each once. */
bool tl_kinesis_may_sign_again(struct tl_kinesis_client *c, bool *corrected, bool *renewed)
{
    struct tl_view name = tl_view_of(c->aws_name), date = tl_http_response_header(&c->response, "date");
    if (!*corrected && tl_aws_clock_correct(&c->clock, name, date))
        return *corrected = true;
    if (*renewed || c->embedded || !tl_aws_code_is_expired(name))
        return false;
    tl_aws_chain_reject(tl_aws_chain_shared(), &c->credentials);
    return *renewed = true;
}

int64_t tl_kinesis_clock_skew(const struct tl_kinesis_client *c)
{
    int64_t skew;
    struct tl_view date = tl_http_response_header(&c->response, "date");
    if (!tl_aws_clock_measure(date, &skew))
        return 0;
    return skew > 2 * TL_NS_PER_S || skew < -2 * TL_NS_PER_S ? skew : 0;
}

/* An empty body is an empty object. */
static bool parse_answer(struct tl_kinesis_client *c, const char *action, struct tl_msg *answer,
                         struct tl_error *error)
{
    static const char empty[TL_JSON_PADDING + 3] = "{}";
    const struct tl_buf *body = &c->response.body;
    struct tl_error wrong;
    enum tl_wire wire = body->size ? answer_wire(c) : TL_WIRE_JSON;
    struct tl_view bytes = body->size ? tl_buf_view(body) : (struct tl_view){ empty, 2 };
    if (!tl_msg_parse(c->parser, wire, bytes, answer, &wrong))
        return tl_kinesis_bad_answer(error, action,
                                     wrong.code == TL_NO_MEMORY ? "does not fit into memory"
                                     : wire == TL_WIRE_CBOR     ? "is not CBOR"
                                                                : "is not JSON");
    if (tl_msg_kind_of(*answer) != TL_MSG_STRUCTURE)
        return tl_kinesis_bad_answer(error, action, "is not an object");
    return true;
}

bool tl_kinesis_call(struct tl_kinesis_client *c, const char *action, struct tl_msg *answer,
                     struct tl_error *error)
{
    bool corrected = false, renewed = false;
    if (!tl_buf_ok(&c->body, "the request", error))
        return tl_error_context(error, "kinesis %s", action);
    for (;;) {
        if (!send_once(c, action, error))
            return tl_error_context(error, "kinesis %s", action);
        if (c->response.status == 200)
            return parse_answer(c, action, answer, error);
        (void)tl_kinesis_refused(c, action, error);
        if (!tl_kinesis_may_sign_again(c, &corrected, &renewed))
            return false;
    }
}

bool tl_kinesis_call_patiently(struct tl_kinesis_client *c, const char *action, struct tl_msg *answer,
                               struct tl_error *error)
{
    for (unsigned attempt = 0;; attempt++) {
        int64_t delay_ns;
        struct tl_error stopped;
        if (tl_kinesis_call(c, action, answer, error)) {
            tl_aws_retry_succeeded(&c->retry);
            return true;
        }
        /* LimitExceededException is what calls about streams and shards say of their rate. */
        enum tl_code code = error->code == TL_LIMIT ? TL_THROTTLED : error->code;
        if (!tl_aws_retry_again(&c->retry, attempt, code, &delay_ns))
            return false;
        if (!tl_wait(c->cancel, delay_ns, &stopped)) {
            *error = stopped;
            return false;
        }
    }
}

/* What is wrong with credentials is told now, and not with the first record. */
static bool check_credentials(struct tl_kinesis_client *c, struct tl_error *error)
{
    if (!c->embedded)
        return tl_aws_credentials_load(&c->credentials, error);
    c->credentials = (struct tl_aws_credentials){
        .access_key = "tapeline",
        .secret_key = "tapeline",
        .origin = "fixed, for the embedded broker",
    };
    return true;
}

bool tl_kinesis_client_new(struct tl_kinesis_client **out, const struct tl_kinesis_options *options,
                           struct tl_error *error)
{
    assert(options);
    *out = NULL;
    struct tl_kinesis_client *c = calloc(1, sizeof *c);
    if (!c)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for a Kinesis client");
    c->embedded = options->embedded;
    c->wire = options->cbor ? TL_WIRE_CBOR : TL_WIRE_JSON;
    c->cancel = options->cancel;
    tl_buf_init(&c->body, TL_KINESIS_BODY_MAX);
    tl_buf_init(&c->authorization, 8192);
    tl_http_response_init(&c->response, TL_KINESIS_ANSWER_MAX);
    if (!tl_aws_endpoint_resolve(&c->endpoint, "kinesis", options->region, options->endpoint, error) ||
        !tl_aws_retry_load(&c->retry, error) || !check_credentials(c, error) ||
        !tl_msg_parser_new(&c->parser, error) || !tl_http_client_new(&c->http, TL_KINESIS_ANSWER_MAX, error)) {
        tl_kinesis_client_free(c);
        return false;
    }
    *out = c;
    return true;
}

void tl_kinesis_client_free(struct tl_kinesis_client *c)
{
    if (!c)
        return;
    if (c->http)
        tl_http_client_free(c->http);
    tl_msg_parser_free(c->parser);
    tl_http_response_release(&c->response);
    tl_buf_release(&c->body);
    tl_buf_release(&c->authorization);
    explicit_bzero(&c->credentials, sizeof c->credentials);
    free(c);
}
