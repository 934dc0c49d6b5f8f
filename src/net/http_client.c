/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http_client.h"

#include "base/time.h"
#include "net/http_curl_int.h"

#include <pthread.h>
#include <stdlib.h>

#define HEADERS_MAX ((size_t)64 << 10)
#define PADDING 64 /* TL_JSON_PADDING, behind the body */
#define CONNECT_TIMEOUT_MS 3000L

struct tl_http_client {
    CURL *curl;
    size_t response_max;
    char reason[CURL_ERROR_SIZE];
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init_curl(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
}

CURL *tl_curl_new(void)
{
    pthread_once(&once, init_curl);
    return curl_easy_init();
}

bool tl_http_client_new(struct tl_http_client **out, size_t response_max, struct tl_error *error)
{
    *out = calloc(1, sizeof **out);
    if (*out)
        (*out)->curl = tl_curl_new();
    if (!*out || !(*out)->curl) {
        free(*out);
        *out = NULL;
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    }
    (*out)->response_max = response_max;
    return true;
}

void tl_http_client_free(struct tl_http_client *c)
{
    if (!c)
        return;
    curl_easy_cleanup(c->curl);
    free(c);
}

void tl_http_response_init(struct tl_http_response *r, size_t max)
{
    r->status = 0;
    tl_buf_init(&r->body, max + PADDING);
    tl_buf_init(&r->headers, HEADERS_MAX);
}

void tl_http_response_release(struct tl_http_response *r)
{
    tl_buf_release(&r->body);
    tl_buf_release(&r->headers);
}

static size_t take(char *data, size_t one, size_t count, void *to)
{
    struct tl_buf *out = to;
    tl_buf_add(out, data, one * count);
    return out->failed ? 0 : one * count;
}

static int is_cancelled(void *cancel, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    return cancel && __atomic_load_n((const bool *)cancel, __ATOMIC_ACQUIRE);
}

struct curl_slist *tl_curl_headers(const struct tl_http_request *request)
{
    /* curl's own Expect costs a round trip; its own content type, that of a form, would be sent with every body, and some servers (moto)
     * then read the body as a form. One among the request's headers is sent all the same. */
    struct curl_slist *list = curl_slist_append(NULL, "Expect:"), *plain = list ? curl_slist_append(list, "Content-Type:") : NULL;
    if (!plain)
        curl_slist_free_all(list);
    list = plain;
    for (size_t i = 0; list && i < request->header_count; i++) {
        struct tl_buf line;
        tl_buf_init(&line, 16 << 10);
        tl_buf_addf(&line, "%.*s: %.*s", TL_VIEW_ARG(request->headers[i].name), TL_VIEW_ARG(request->headers[i].value));
        struct curl_slist *longer = line.failed ? NULL : curl_slist_append(list, tl_buf_text(&line));
        tl_buf_release(&line);
        if (!longer)
            curl_slist_free_all(list);
        list = longer;
    }
    return list;
}

void tl_curl_set_request(CURL *curl, const struct tl_http_request *request, char *reason)
{
    curl_easy_setopt(curl, CURLOPT_URL, request->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request->method);
    if (strcmp(request->method, "HEAD") == 0)
        curl_easy_setopt(curl, CURLOPT_NOBODY, 1L); /* its answer tells the size of a body that does not follow */
    if (request->body.data || strcmp(request->method, "POST") == 0) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request->body.data ? request->body.data : "");
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body.size);
    }
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, reason);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TCP_NODELAY, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                     request->connect_timeout_ns ? (long)(request->connect_timeout_ns / TL_NS_PER_MS) : CONNECT_TIMEOUT_MS);
    if (request->direct)
        curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
    const char *bundle = getenv("AWS_CA_BUNDLE"); /* as the AWS SDKs have it */
    if (bundle && bundle[0])
        curl_easy_setopt(curl, CURLOPT_CAINFO, bundle);
}

static void prepare(struct tl_http_client *c, const struct tl_http_request *request, struct tl_http_response *response,
                    struct curl_slist *headers)
{
    CURL *curl = c->curl;
    curl_easy_reset(curl); /* keeps the connections */
    tl_curl_set_request(curl, request, c->reason);
    curl_easy_setopt(curl, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &response->body);
    curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, take);
    curl_easy_setopt(curl, CURLOPT_HEADERDATA, &response->headers);
    curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, 256L << 10);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)(request->timeout_ns / TL_NS_PER_MS));
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, is_cancelled);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, (void *)(uintptr_t)request->cancel);
}

bool tl_curl_explain(CURLcode code, const char *reason, const char *url, struct tl_error *error)
{
    if (!reason[0])
        reason = curl_easy_strerror(code);
    if (code == CURLE_ABORTED_BY_CALLBACK)
        return tl_error_set(error, TL_STOPPED, "stopped");
    if (code == CURLE_OPERATION_TIMEDOUT)
        return tl_error_set(error, TL_TIMEOUT, "no answer from %s in time: %s", url, reason);
    if (code == CURLE_OUT_OF_MEMORY)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    return tl_error_set(error, TL_UNAVAILABLE, "cannot reach %s: %s", url, reason);
}

bool tl_http_client_send(struct tl_http_client *c, const struct tl_http_request *request, struct tl_http_response *response,
                         struct tl_error *error)
{
    struct curl_slist *headers = tl_curl_headers(request);
    if (!headers)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for the headers");
    response->status = 0;
    tl_buf_reset(&response->body);
    tl_buf_reset(&response->headers);
    c->reason[0] = '\0';
    prepare(c, request, response, headers);
    CURLcode code = curl_easy_perform(c->curl);
    curl_slist_free_all(headers);
    if (code == CURLE_WRITE_ERROR && (response->body.failed || response->headers.failed))
        return tl_error_set(error, TL_LIMIT, "the answer of %s is larger than %zu bytes", request->url,
                            response->body.max - PADDING);
    if (code != CURLE_OK)
        return tl_curl_explain(code, c->reason, request->url, error);
    long status = 0;
    curl_easy_getinfo(c->curl, CURLINFO_RESPONSE_CODE, &status);
    response->status = (int)status;
    if (response->body.size > c->response_max)
        return tl_error_set(error, TL_LIMIT, "the answer of %s is larger than %zu bytes", request->url, c->response_max);
    size_t size = response->body.size;
    if (!tl_buf_reserve(&response->body, PADDING))
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    response->body.size = size; /* the padding is readable, and not part of the body */
    response->body.data[size] = '\0';
    return true;
}

struct tl_view tl_http_response_header(const struct tl_http_response *r, const char *name)
{
    struct tl_view rest = tl_buf_view(&r->headers);
    while (rest.size) {
        struct tl_view value, line = tl_view_split(rest, '\n', &rest);
        struct tl_view field = tl_view_split(line, ':', &value);
        if (value.data && tl_view_eq_ignore_case(field, tl_view_of(name)))
            return tl_view_trim(value);
    }
    return (struct tl_view){ NULL, 0 };
}
