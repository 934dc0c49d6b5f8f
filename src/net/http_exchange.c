/* SPDX-License-Identifier: Apache-2.0 */
/* net/http_exchange.c: the request as the handler sees it; its life. */
#include "base/bytes.h"
#include "base/io.h"
#include "net/http_int.h"

#include <stdlib.h>

struct tl_http_exchange *tl_http_exchange_new(struct tl_http_connection *c)
{
    struct tl_http_exchange *x = calloc(1, sizeof *x);
    if (!x)
        return NULL;
    x->connection = c;
    x->server = c->server;
    x->out = evbuffer_new();
    x->access = c->server->access_log ? tl_http_access_new() : NULL;
    memcpy(x->peer, c->peer, sizeof x->peer);
    x->is_tls = c->is_tls;
    x->method = "";
    x->body_fd = x->file = -1;
    x->body_max = c->server->options.body_max;
    tl_buf_init(&x->head, TL_HTTP_HEADER_MAX);
    tl_buf_init(&x->body, c->server->options.body_max + TL_HTTP_BODY_PADDING);
    tl_buf_init(&x->path, TL_HTTP_HEADER_MAX);
    if (x->out)
        return x;
    free(x->access);
    free(x);
    return NULL;
}

void tl_http_exchange_free(struct tl_http_exchange *x)
{
    if (x->access)
        tl_http_access_end(x->server->access_log, x);
    evbuffer_free(x->out);
    tl_bytes_release(x->whole);
    if (x->body_fd >= 0)
        tl_io->close(x->body_fd);
    if (x->file >= 0)
        tl_io->close(x->file);
    tl_buf_release(&x->head);
    tl_buf_release(&x->body);
    tl_buf_release(&x->path);
    free(x);
}

void tl_http_exchange_orphan(struct tl_http_exchange *x)
{
    x->connection = NULL;
    x->aborted = !x->dropped && (!x->complete || evbuffer_get_length(x->out) > 0 || x->file_left);
    if (x->complete || !x->dispatched) {
        tl_http_exchange_free(x);
        return;
    }
    tl_http_posted *told = x->streaming ? x->on_close : NULL;
    x->on_close = NULL;
    if (told)
        told(x->user);
}

void tl_http_exchange_dispatch(struct tl_http_exchange *x)
{
    struct tl_http_server *s = x->server;
    x->dispatched = true;
    tl_metric_add(s->requests, 1);
    s->options.handler(x, s->options.user);
}

/* Percent-decodes; '+' is a blank in a query. False for a bad escape or a NUL. */
static bool decode(struct tl_view in, bool plus, struct tl_buf *out)
{
    for (size_t i = 0; i < in.size; i++) {
        char c = in.data[i];
        if (c == '%') {
            if (in.size - i < 3 || tl_hex_digit(in.data[i + 1]) < 0 || tl_hex_digit(in.data[i + 2]) < 0)
                return false;
            c = (char)(tl_hex_digit(in.data[i + 1]) * 16 + tl_hex_digit(in.data[i + 2]));
            i += 2;
            if (c == '\0')
                return false;
        } else if (c == '+' && plus) {
            c = ' ';
        }
        tl_buf_add_char(out, c);
    }
    return true;
}

struct tl_view tl_http_host_name(struct tl_view host)
{
    host = tl_view_trim(host);
    if (host.size && host.data[0] == '[') {
        const char *close = memchr(host.data, ']', host.size);
        return close ? (struct tl_view){ host.data, (size_t)(close - host.data) + 1 }
                     : (struct tl_view){ NULL, 0 };
    }
    struct tl_view rest;
    host = tl_view_split(host, ':', &rest);
    if (host.size && host.data[host.size - 1] == '.')
        host.size--;
    return host;
}

static bool host_is_ours(const struct tl_http_server *s, struct tl_view host)
{
    static const char *const always[] = { "localhost", "127.0.0.1", "[::1]" };
    host = tl_http_host_name(host);
    for (size_t i = 0; i < TL_COUNT(always); i++)
        if (tl_view_eq_ignore_case(host, tl_view_of(always[i])))
            return true;
    for (size_t i = 0; i < s->host_count; i++)
        if (tl_view_eq_ignore_case(host, tl_view_of(s->hosts[i])))
            return true;
    return tl_view_eq_ignore_case(host, tl_view_of(s->bound_host));
}

/* Every Host that is given must be ours, and there is exactly one: a page of another name cannot reach us by
 * DNS rebinding. */
static bool host_check(const struct tl_http_exchange *x)
{
    size_t hosts = 0;
    for (size_t i = 0; i < x->header_count; i++) {
        struct tl_http_header h = tl_http_header_at(x, i);
        if (!tl_view_eq_ignore_case(h.name, TL_VIEW("host")))
            continue;
        hosts++;
        if (!host_is_ours(x->server, h.value))
            return false;
    }
    return hosts == 1;
}

/* "http://host/path" -> "/path"; the host is checked as a Host header would be. */
static bool strip_origin(const struct tl_http_exchange *x, struct tl_view *url)
{
    const char *scheme = url->size && url->data[0] != '/' ? memmem(url->data, url->size, "://", 3) : NULL;
    if (!scheme)
        return true;
    struct tl_view rest = { scheme + 3, url->size - (size_t)(scheme + 3 - url->data) };
    const char *slash = memchr(rest.data, '/', rest.size);
    struct tl_view host = { rest.data, slash ? (size_t)(slash - rest.data) : rest.size };
    *url = slash ? (struct tl_view){ slash, rest.size - host.size } : TL_VIEW("/");
    return !x->server->options.check_host || host_is_ours(x->server, host);
}

int tl_http_exchange_check(struct tl_http_exchange *x)
{
    struct tl_view url = { x->head.data ? x->head.data + x->url_at : "", x->url_size }, query;
    if (x->server->options.check_host && !host_check(x))
        return 403;
    if (!strip_origin(x, &url))
        return 403;
    struct tl_view path = tl_view_split(url, '?', &query);
    x->query = query;
    if (!decode(path, false, &x->path) || x->path.failed)
        return 400;
    return 0;
}

struct tl_view tl_http_method(const struct tl_http_exchange *x)
{
    return tl_view_of(x->method);
}

struct tl_view tl_http_path(const struct tl_http_exchange *x)
{
    return tl_buf_view(&x->path);
}

struct tl_view tl_http_url(const struct tl_http_exchange *x)
{
    return (struct tl_view){ x->head.data + x->url_at, x->url_size };
}

struct tl_view tl_http_query(const struct tl_http_exchange *x)
{
    return x->query;
}

bool tl_http_query_param(const struct tl_http_exchange *x, const char *name, struct tl_buf *out)
{
    struct tl_view rest = x->query;
    while (rest.size) {
        struct tl_view value, part = tl_view_split(rest, '&', &rest);
        struct tl_view key = tl_view_split(part, '=', &value);
        if (tl_view_is(key, name))
            return decode(value, true, out);
    }
    return false;
}

struct tl_http_header tl_http_header_at(const struct tl_http_exchange *x, size_t i)
{
    const struct header_span *h = &x->headers[i];
    return (struct tl_http_header){ { x->head.data + h->name_at, h->name_size },
                                    { x->head.data + h->value_at, h->value_size } };
}

size_t tl_http_header_count(const struct tl_http_exchange *x)
{
    return x->header_count;
}

struct tl_view tl_http_header_value(const struct tl_http_exchange *x, const char *name)
{
    for (size_t i = 0; i < x->header_count; i++) {
        struct tl_http_header h = tl_http_header_at(x, i);
        if (tl_view_eq_ignore_case(h.name, tl_view_of(name)))
            return tl_view_trim(h.value);
    }
    return (struct tl_view){ NULL, 0 };
}

struct tl_view tl_http_body(const struct tl_http_exchange *x)
{
    return tl_buf_view(&x->body);
}

const char *tl_http_peer(const struct tl_http_exchange *x)
{
    return x->peer;
}

const char *tl_http_protocol(const struct tl_http_exchange *x)
{
    return x->stream ? "HTTP/2" : x->http_1_0 ? "HTTP/1.0" : "HTTP/1.1";
}

bool tl_http_is_tls(const struct tl_http_exchange *x)
{
    return x->is_tls;
}

struct tl_http_server *tl_http_server_of(const struct tl_http_exchange *x)
{
    return x->server;
}

void tl_http_note(struct tl_http_exchange *x, const char *key, struct tl_view value)
{
    if (x->access)
        tl_http_access_note(x->access, key, value);
}
