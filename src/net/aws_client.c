/* SPDX-License-Identifier: Apache-2.0 */
#include "net/aws_client.h"

#include "base/io.h"
#include "base/time.h"
#include "codec/json.h"
#include "net/aws_retry.h"
#include "net/aws_xml.h"
#include "net/digest.h"
#include "net/sigv4.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define SLICE_NS (100 * TL_NS_PER_MS) /* how late a stop may be seen */
#define HEADERS_MAX (9 + TL_AWS_HEADERS_MAX)
#define PATH_SIZE 4096 /* a key of S3 has 1,024 bytes, each at most three once encoded */

struct tl_aws_client {
    const char *service;
    struct tl_aws_endpoint endpoint;
    struct tl_aws_chain *chain;
    struct tl_aws_credentials credentials;
    struct tl_aws_clock clock;
    struct tl_aws_retry retry;
    struct tl_http_client *http;
    struct tl_http_response response;
    struct tl_buf authorization;
    struct tl_json_parser *json;
    int64_t timeout_ns;
    const bool *cancel;
    int64_t measured_ns; /* the skew at the last answer */
    bool is_measured;
    char code[80]; /* of the last error */
};

static const struct {
    const char *name;
    enum tl_code code;
} names[] = {
    { "AccessDenied", TL_DENIED },
    { "AccessDeniedException", TL_DENIED },
    { "AlreadyExistsException", TL_CONFLICT },
    { "ConditionalRequestConflict", TL_UNAVAILABLE }, /* another one is being decided: ask again */
    { "EntityNotFoundException", TL_NOT_FOUND },
    { "InvalidClientTokenId", TL_DENIED },
    { "InvalidAccessKeyId", TL_DENIED },
    { "InvalidIdentityToken", TL_DENIED },
    { "InvalidSignatureException", TL_DENIED },
    { "MissingAuthenticationTokenException", TL_DENIED },
    { "NoSuchBucket", TL_NOT_FOUND },
    { "NoSuchKey", TL_NOT_FOUND },
    { "NoSuchUpload", TL_NOT_FOUND },
    { "OperationAborted", TL_UNAVAILABLE },
    { "PreconditionFailed", TL_CONFLICT },
    { "PriorRequestNotComplete", TL_THROTTLED },
    { "ProvisionedThroughputExceededException", TL_THROTTLED },
    { "RequestExpired", TL_DENIED },
    { "RequestLimitExceeded", TL_THROTTLED },
    { "RequestThrottled", TL_THROTTLED },
    { "RequestThrottledException", TL_THROTTLED },
    { "RequestTimeTooSkewed", TL_DENIED },
    { "RequestTimeout", TL_UNAVAILABLE },
    { "RequestTimeoutException", TL_UNAVAILABLE },
    { "ResourceInUseException", TL_CONFLICT },
    { "ResourceNotFoundException", TL_NOT_FOUND },
    { "SignatureDoesNotMatch", TL_DENIED },
    { "SlowDown", TL_THROTTLED },
    { "Throttling", TL_THROTTLED },
    { "ThrottledException", TL_THROTTLED },
    { "ThrottlingException", TL_THROTTLED },
    { "TooManyRequestsException", TL_THROTTLED },
    { "IDPCommunicationError", TL_UNAVAILABLE },
    { "UnrecognizedClientException", TL_DENIED },
};

bool tl_aws_code_is_expired(struct tl_view code)
{
    return tl_view_is(code, "ExpiredTokenException") || tl_view_is(code, "ExpiredToken") ||
           tl_view_is(code, "TokenRefreshRequired");
}

static enum tl_code code_of(struct tl_view name, int status)
{
    for (size_t i = 0; i < TL_COUNT(names); i++)
        if (tl_view_is(name, names[i].name))
            return names[i].code;
    if (tl_aws_code_is_expired(name))
        return TL_EXPIRED;
    if (status == 429)
        return TL_THROTTLED;
    if (status == 408 || status >= 500)
        return TL_UNAVAILABLE;
    if (status == 401 || status == 403)
        return TL_DENIED;
    if (status == 412)
        return TL_CONFLICT;
    return status == 404 ? TL_NOT_FOUND : TL_INVALID;
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

/* "com.amazonaws.glue#EntityNotFoundException:http://..." is EntityNotFoundException. */
static struct tl_view bare_name(struct tl_view type)
{
    struct tl_view after, name = tl_view_split(type, ':', &after);
    struct tl_view rest, prefix = tl_view_split(name, '#', &rest);
    return rest.data ? rest : prefix;
}

/* Name and message of an error, as services of JSON, of query XML and of REST XML write them. */
static void read_failure(struct tl_aws_client *c, char name[80], char message[500])
{
    struct tl_error not_json;
    struct tl_json root;
    char text[80], long_text[500];
    const struct tl_buf *body = &c->response.body;
    struct tl_view type = { NULL, 0 }, said = { NULL, 0 }, all = tl_buf_view(body);
    name[0] = message[0] = '\0';
    if (body->size && tl_json_parse(c->json, body->data, body->size, &root, &not_json)) {
        type = tl_json_get_string(root, "__type");
        said = tl_json_get_string(root, "message");
        if (!said.data)
            said = tl_json_get_string(root, "Message");
    } else {
        if (tl_aws_xml_text(all, "Code", text, sizeof text))
            type = tl_view_of(text);
        if (tl_aws_xml_text(all, "Message", long_text, sizeof long_text))
            said = tl_view_of(long_text);
    }
    if (!type.size)
        type = tl_http_response_header(&c->response, "x-amzn-errortype");
    copy_printable(bare_name(type), name, 80);
    copy_printable(said, message, 500);
}

static bool answer_error(struct tl_aws_client *c, struct tl_error *error)
{
    char message[500], id[80], status[40];
    read_failure(c, c->code, message);
    struct tl_view told = tl_http_response_header(&c->response, "x-amzn-requestid");
    if (!told.data)
        told = tl_http_response_header(&c->response, "x-amz-request-id");
    copy_printable(told, id, sizeof id);
    snprintf(status, sizeof status, "HTTP status %d", c->response.status);
    return tl_error_set(error, code_of(tl_view_of(c->code), c->response.status), "%s: %s%s%s%s%s%s",
                        c->service, c->code[0] ? c->code : status, message[0] ? ": " : "", message,
                        id[0] ? " (request id " : "", id, id[0] ? ")" : "");
}

static bool sign(struct tl_aws_client *c, const struct tl_aws_request *request, const char *path,
                 const char *hash, const struct tl_http_header *headers, size_t count, int64_t now_ns,
                 struct tl_error *error)
{
    struct tl_sigv4_request r = {
        .method = tl_view_of(request->method),
        .path = tl_view_of(path),
        .query = tl_view_of(request->query ? request->query : ""),
        .headers = headers,
        .header_count = count,
        .payload_hash = tl_view_of(hash),
        .region = c->endpoint.region,
        .service = c->service,
        .now_ns = now_ns,
    };
    tl_buf_reset(&c->authorization);
    return tl_sigv4_sign(&r, &c->credentials, &c->authorization, error);
}

static void add(struct tl_http_header *headers, size_t *count, struct tl_view name, const char *value)
{
    assert(*count < HEADERS_MAX);
    if (value && value[0])
        headers[(*count)++] = (struct tl_http_header){ name, tl_view_of(value) };
}

static bool send_signed(struct tl_aws_client *c, const struct tl_aws_request *request, const char *path,
                        const char *url, struct tl_error *error)
{
    struct tl_http_header headers[HEADERS_MAX];
    size_t count = 0;
    uint8_t digest[32];
    char date[17], hash[65];
    int64_t now = tl_aws_clock_now(&c->clock);
    tl_sigv4_date(now, date);
    tl_sha256(request->body, digest);
    tl_hex(digest, sizeof digest, hash);
    add(headers, &count, TL_VIEW("host"), c->endpoint.host);
    add(headers, &count, TL_VIEW("content-type"), request->content_type);
    add(headers, &count, TL_VIEW("x-amz-target"), request->target);
    assert(request->header_count <= TL_AWS_HEADERS_MAX);
    for (size_t i = 0; i < request->header_count; i++)
        headers[count++] = request->headers[i];
    if (c->credentials.access_key[0]) {
        add(headers, &count, TL_VIEW("x-amz-date"), date);
        add(headers, &count, TL_VIEW("x-amz-security-token"), c->credentials.session_token);
        if (strcmp(c->service, "s3") == 0)
            add(headers, &count, TL_VIEW("x-amz-content-sha256"), hash);
        if (!sign(c, request, path, hash, headers, count, now, error))
            return false;
        add(headers, &count, TL_VIEW("authorization"), tl_buf_text(&c->authorization));
    }
    add(headers, &count, TL_VIEW("user-agent"), "tapeline/" TAPELINE_VERSION);
    struct tl_http_request http = {
        .method = request->method,
        .url = url,
        .headers = headers,
        .header_count = count,
        .body = request->body,
        .timeout_ns = c->timeout_ns,
        .cancel = c->cancel,
    };
    return tl_http_client_send(c->http, &http, &c->response, error);
}

static bool send_once(struct tl_aws_client *c, const struct tl_aws_request *request, struct tl_error *error)
{
    char path[PATH_SIZE], url[2 * PATH_SIZE];
    c->code[0] = '\0'; /* what fails before an answer has no name */
    if (c->chain && !tl_aws_chain_get(c->chain, &c->credentials, error))
        return false;
    int size = snprintf(path, sizeof path, "%s%s", c->endpoint.path, request->path ? request->path : "");
    int url_size = snprintf(url, sizeof url, "%s%s%s%s", c->endpoint.url, request->path ? request->path : "",
                            request->query ? "?" : "", request->query ? request->query : "");
    if (size >= (int)sizeof path || url_size >= (int)sizeof url)
        return tl_error_set(error, TL_LIMIT, "%s: the request's path is too long", c->service);
    if (!send_signed(c, request, path, url, error))
        return tl_error_context(error, "%s", c->service);
    c->is_measured = tl_aws_clock_measure(tl_http_response_header(&c->response, "date"), &c->measured_ns);
    return (c->response.status >= 200 && c->response.status < 300) || answer_error(c, error);
}

static bool wait(const struct tl_aws_client *c, int64_t ns, struct tl_error *error)
{
    for (int64_t left = ns; left > 0; left -= SLICE_NS) {
        if (c->cancel && __atomic_load_n(c->cancel, __ATOMIC_ACQUIRE))
            return tl_error_set(error, TL_STOPPED, "stopped");
        tl_io->sleep_ns(left < SLICE_NS ? left : SLICE_NS);
    }
    return true;
}

bool tl_aws_client_send(struct tl_aws_client *c, const struct tl_aws_request *request, struct tl_error *error)
{
    bool corrected = false, renewed = false;
    for (unsigned attempt = 0;;) {
        int64_t delay_ns;
        if (send_once(c, request, error)) {
            tl_aws_retry_succeeded(&c->retry);
            return true;
        }
        struct tl_view code = tl_view_of(c->code), date = tl_http_response_header(&c->response, "date");
        if (!corrected && code.size && tl_aws_clock_correct(&c->clock, code, date)) {
            corrected = true;
            continue;
        }
        if (!renewed && c->chain && tl_aws_code_is_expired(code)) {
            tl_aws_chain_reject(c->chain, &c->credentials);
            renewed = true;
            continue;
        }
        if (!tl_aws_retry_again(&c->retry, attempt++, error->code, &delay_ns) || !wait(c, delay_ns, error))
            return false;
    }
}

bool tl_aws_client_new(struct tl_aws_client **out, const struct tl_aws_client_options *options,
                       struct tl_error *error)
{
    struct tl_aws_client *c = *out = calloc(1, sizeof *c);
    if (!c)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for an AWS client");
    c->service = options->service;
    c->chain = options->chain;
    c->timeout_ns = options->timeout_ns;
    c->cancel = options->cancel;
    if (options->credentials)
        c->credentials = *options->credentials;
    tl_http_response_init(&c->response, options->answer_max);
    tl_buf_init(&c->authorization, 8192);
    bool ok = tl_aws_endpoint_resolve(&c->endpoint, options->service, options->region, options->url, error) &&
              tl_aws_retry_load(&c->retry, error) && tl_json_parser_new(&c->json, error) &&
              tl_http_client_new(&c->http, options->answer_max, error);
    if (options->attempts)
        c->retry.attempts = options->attempts;
    if (ok)
        return true;
    tl_aws_client_free(c);
    *out = NULL;
    return false;
}

void tl_aws_client_free(struct tl_aws_client *c)
{
    if (!c)
        return;
    if (c->http)
        tl_http_client_free(c->http);
    if (c->json)
        tl_json_parser_free(c->json);
    tl_http_response_release(&c->response);
    tl_buf_release(&c->authorization);
    explicit_bzero(&c->credentials, sizeof c->credentials);
    free(c);
}

const struct tl_http_response *tl_aws_client_response(const struct tl_aws_client *c)
{
    return &c->response;
}

const struct tl_aws_endpoint *tl_aws_client_endpoint(const struct tl_aws_client *c)
{
    return &c->endpoint;
}

const char *tl_aws_client_error_code(const struct tl_aws_client *c)
{
    return c->code;
}

bool tl_aws_client_skew(const struct tl_aws_client *c, int64_t *skew_ns)
{
    *skew_ns = c->measured_ns;
    return c->is_measured;
}
