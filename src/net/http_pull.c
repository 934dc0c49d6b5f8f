/* SPDX-License-Identifier: Apache-2.0 */
#include "net/http_pull.h"

#include "base/time.h"
#include "net/http_curl_int.h"

#include <assert.h>
#include <stdlib.h>

#define HEADERS_MAX ((size_t)64 << 10)
/* What libcurl hands over at once, on top of the limit. */
#define CHUNK_MAX ((size_t)1 << 20)

struct tl_http_pull {
    CURLM *multi;
    CURL *curl;
    struct curl_slist *headers;
    struct tl_http_response response;
    struct tl_buf body; /* of the request */
    char *url;
    size_t want; /* no more is read while so many bytes wait */
    bool active, paused;
    char reason[CURL_ERROR_SIZE];
};

bool tl_http_pull_new(struct tl_http_pull **out, size_t body_max, struct tl_error *error)
{
    struct tl_http_pull *p = calloc(1, sizeof *p);
    *out = NULL;
    if (!p)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    tl_http_response_init(&p->response, body_max + CHUNK_MAX);
    tl_buf_init(&p->body, 1 << 20);
    p->curl = tl_curl_new();
    p->multi = p->curl ? curl_multi_init() : NULL;
    if (!p->multi) {
        tl_http_pull_free(p);
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    }
    *out = p;
    return true;
}

static void give_up(struct tl_http_pull *p)
{
    if (p->active)
        curl_multi_remove_handle(p->multi, p->curl);
    p->active = p->paused = false;
    curl_slist_free_all(p->headers);
    p->headers = NULL;
    free(p->url);
    p->url = NULL;
}

void tl_http_pull_free(struct tl_http_pull *p)
{
    if (!p)
        return;
    if (p->multi)
        give_up(p);
    if (p->curl)
        curl_easy_cleanup(p->curl);
    if (p->multi)
        curl_multi_cleanup(p->multi);
    tl_http_response_release(&p->response);
    tl_buf_release(&p->body);
    free(p);
}

struct tl_http_response *tl_http_pull_response(struct tl_http_pull *p)
{
    return &p->response;
}

static size_t take_body(char *data, size_t one, size_t count, void *user)
{
    struct tl_http_pull *p = user;
    size_t size = one * count;
    if (p->response.body.size >= p->want) {
        p->paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    tl_buf_add(&p->response.body, data, size);
    return p->response.body.failed ? 0 : size;
}

static size_t take_header(char *data, size_t one, size_t count, void *user)
{
    struct tl_http_pull *p = user;
    tl_buf_add(&p->response.headers, data, one * count);
    return p->response.headers.failed ? 0 : one * count;
}

bool tl_http_pull_send(struct tl_http_pull *p, const struct tl_http_request *request, struct tl_error *error)
{
    give_up(p);
    p->response.status = 0;
    p->reason[0] = '\0';
    tl_buf_reset(&p->response.body);
    tl_buf_reset(&p->response.headers);
    tl_buf_reset(&p->body);
    tl_buf_add_view(&p->body, request->body);
    p->headers = tl_curl_headers(request);
    p->url = strdup(request->url);
    if (!p->headers || !p->url || p->body.failed) {
        give_up(p);
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for a request");
    }
    struct tl_http_request copy = *request;
    copy.url = p->url;
    copy.body = tl_buf_view(&p->body);
    bool tls = strncmp(p->url, "https:", 6) == 0;
    curl_easy_reset(p->curl);
    tl_curl_set_request(p->curl, &copy, p->reason);
    curl_easy_setopt(p->curl, CURLOPT_HTTP_VERSION,
                     (long)(tls ? CURL_HTTP_VERSION_2TLS : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE));
    curl_easy_setopt(p->curl, CURLOPT_HTTPHEADER, p->headers);
    curl_easy_setopt(p->curl, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(p->curl, CURLOPT_WRITEDATA, p);
    curl_easy_setopt(p->curl, CURLOPT_HEADERFUNCTION, take_header);
    curl_easy_setopt(p->curl, CURLOPT_HEADERDATA, p);
    curl_easy_setopt(p->curl, CURLOPT_TCP_KEEPALIVE, 1L);
    /* A connection of its own for each answer: one whose last stream failed or was given up stays in libcurl's pool, and of 7.88 every
     * further request on it fails ("Error in the HTTP2 framing layer"); one that has died without a word would be taken again too. */
    curl_easy_setopt(p->curl, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(p->curl, CURLOPT_FORBID_REUSE, 1L);
    if (curl_multi_add_handle(p->multi, p->curl) != CURLM_OK) {
        give_up(p);
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for a request");
    }
    p->active = true;
    return true;
}

/* True when the transfer is over; *code says how. */
static bool is_over(struct tl_http_pull *p, CURLcode *code)
{
    int left;
    for (CURLMsg *m = curl_multi_info_read(p->multi, &left); m; m = curl_multi_info_read(p->multi, &left)) {
        if (m->msg != CURLMSG_DONE)
            continue;
        *code = m->data.result;
        return true;
    }
    return false;
}

static bool run(struct tl_http_pull *p, struct tl_error *error)
{
    int running;
    CURLMcode code = curl_multi_perform(p->multi, &running);
    if (code != CURLM_OK)
        return tl_error_set(error, TL_UNAVAILABLE, "cannot reach %s: %s", p->url, curl_multi_strerror(code));
    if (p->paused && p->response.body.size < p->want) {
        p->paused = false;
        curl_easy_pause(p->curl, CURLPAUSE_CONT); /* may call take_body at once */
    }
    return true;
}

bool tl_http_pull_step(struct tl_http_pull *p, size_t want, int64_t wait_ns, bool *ended,
                       struct tl_error *error)
{
    *ended = false;
    if (!p->active)
        return tl_error_set(error, TL_UNAVAILABLE, "there is no request under way");
    size_t before = p->response.body.size;
    p->want = want;
    CURLcode code = CURLE_OK;
    if (!run(p, error))
        return false;
    bool over = is_over(p, &code);
    if (!over && wait_ns > 0 && p->response.body.size == before) {
        curl_multi_poll(p->multi, NULL, 0, (int)(wait_ns / TL_NS_PER_MS), NULL);
        if (!run(p, error))
            return false;
        over = is_over(p, &code);
    }
    long status = 0;
    curl_easy_getinfo(p->curl, CURLINFO_RESPONSE_CODE, &status);
    p->response.status = (int)status;
    if (!over)
        return true;
    bool ok = code == CURLE_OK;
    if (!ok && p->response.body.failed)
        tl_error_set(error, TL_LIMIT, "the answer of %s is larger than %zu bytes", p->url, p->response.body.max);
    else if (!ok)
        tl_curl_explain(code, p->reason, p->url, error);
    give_up(p);
    *ended = true;
    return ok;
}

void tl_http_pull_take(struct tl_http_pull *p, size_t n)
{
    struct tl_buf *body = &p->response.body;
    assert(n <= body->size);
    memmove(body->data, body->data + n, body->size - n);
    body->size -= n;
}
