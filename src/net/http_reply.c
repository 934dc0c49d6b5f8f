/* SPDX-License-Identifier: Apache-2.0 */
/* net/http_reply.c: answers: whole ones, and streams. An answer waits in its exchange until those before it
 * are sent. */
#include "base/io.h"
#include "base/time.h"
#include "net/http2.h"
#include "net/http_date.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

static const char *reason_of(int status)
{
    static const struct {
        int status;
        const char *reason;
    } reasons[] = {
        { 200, "OK" },
        { 204, "No Content" },
        { 206, "Partial Content" },
        { 304, "Not Modified" },
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 408, "Request Timeout" },
        { 409, "Conflict" },
        { 411, "Length Required" },
        { 412, "Precondition Failed" },
        { 413, "Content Too Large" },
        { 415, "Unsupported Media Type" },
        { 416, "Range Not Satisfiable" },
        { 429, "Too Many Requests" },
        { 431, "Request Header Fields Too Large" },
        { 500, "Internal Server Error" },
        { 501, "Not Implemented" },
        { 503, "Service Unavailable" },
        { 507, "Insufficient Storage" },
    };
    for (size_t i = 0; i < TL_COUNT(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Status";
}

/* Made once a second (one loop thread each). */
const char *tl_http_date_now(void)
{
    static _Thread_local int64_t made_for = -1;
    static _Thread_local char text[TL_HTTP_DATE_SIZE];
    int64_t now_ns = tl_io->wall_ns(), now = tl_floor_div(now_ns, TL_NS_PER_S);
    if (now != made_for)
        tl_http_date_format(now_ns, text);
    made_for = now;
    return text;
}

/* A value with a line break would make headers of its own: what is not printable is left out. */
static void add_value(struct evbuffer *out, struct tl_view v)
{
    for (size_t i = 0; i < v.size;) {
        size_t run = i;
        while (run < v.size && (unsigned char)v.data[run] >= 0x20 && v.data[run] != 0x7f)
            run++;
        evbuffer_add(out, v.data + i, run - i);
        i = run + 1;
    }
}

static void add_head(struct tl_http_exchange *x, int status, const char *content_type,
                     const struct tl_http_header *headers, size_t header_count)
{
    evbuffer_add_printf(x->out, "HTTP/1.1 %d %s\r\nDate: %s\r\n", status, reason_of(status),
                        tl_http_date_now());
    if (content_type)
        evbuffer_add_printf(x->out, "Content-Type: %s\r\n", content_type);
    for (size_t i = 0; i < header_count; i++) {
        add_value(x->out, headers[i].name);
        evbuffer_add(x->out, ": ", 2);
        add_value(x->out, headers[i].value);
        evbuffer_add(x->out, "\r\n", 2);
    }
    if (!x->keep_alive)
        evbuffer_add_printf(x->out, "Connection: close\r\n");
    else if (x->http_1_0)
        evbuffer_add_printf(x->out, "Connection: keep-alive\r\n");
}

static void finish(struct tl_http_exchange *x)
{
    struct tl_http_connection *c = x->connection;
    x->complete = true;
    if (!c) {
        tl_http_exchange_free(x);
        return;
    }
    if (x->stream)
        tl_http2_resume(x);
    else if (c->server->closing && c->last == x)
        x->keep_alive = false;
    tl_http_connection_flush(c);
    tl_http_connection_settle(c);
}

static bool has_no_body(const struct tl_http_exchange *x, int status)
{
    return x->is_head || status == 204 || status == 304;
}

/* Of a 204 no length is told (RFC 9110, 8.6), of a 304 it would have to be that of a 200: neither. */
static void begin_whole(struct tl_http_exchange *x, int status, const char *content_type,
                        const struct tl_http_header *headers, size_t header_count, uint64_t size)
{
    assert(!x->complete && !x->streaming);
    bool no_length = status == 204 || status == 304, no_body = has_no_body(x, status) || size == 0;
    tl_http_access_status(x->access, status);
    tl_http_access_bytes(x->access, no_body ? 0 : (size_t)size);
    if (x->stream) {
        tl_http2_head(x, status, content_type, headers, header_count, no_length ? -1 : (int64_t)size,
                      !no_body);
        return;
    }
    add_head(x, status, content_type, headers, header_count);
    if (!no_length)
        evbuffer_add_printf(x->out, "Content-Length: %" PRIu64 "\r\n", size);
    evbuffer_add(x->out, "\r\n", 2);
}

void tl_http_respond(struct tl_http_exchange *x, int status, const char *content_type,
                     const struct tl_http_header *headers, size_t header_count, struct tl_view body)
{
    begin_whole(x, status, content_type, headers, header_count, body.size);
    if (!has_no_body(x, status) && body.size)
        evbuffer_add(x->out, body.data, body.size);
    finish(x);
}

/* ---- bodies that are not copied ---- */

struct tl_bytes *tl_bytes_new(char *data)
{
    struct tl_bytes *b = malloc(sizeof *b);
    if (b)
        *b = (struct tl_bytes){ .data = data, .references = 1 };
    else
        free(data);
    return b;
}

void tl_bytes_release(struct tl_bytes *b)
{
    if (!b)
        return;
    assert(b->references > 0);
    if (--b->references > 0)
        return;
    free(b->data);
    free(b);
}

static void release_part(const void *data, size_t size, void *bytes)
{
    (void)data, (void)size;
    tl_bytes_release(bytes);
}

bool tl_bytes_add_to(struct tl_bytes *b, const char *at, size_t size, struct evbuffer *out)
{
    if (evbuffer_add_reference(out, at, size, release_part, b) != 0)
        return false;
    b->references++;
    return true;
}

void tl_http_respond_take(struct tl_http_exchange *x, int status, const char *content_type,
                          const struct tl_http_header *headers, size_t header_count, struct tl_buf *body)
{
    size_t size;
    char *data = tl_buf_take(body, &size);
    begin_whole(x, status, content_type, headers, header_count, size);
    if (data && size && x->connection && !has_no_body(x, status)) {
        x->whole = tl_bytes_new(data);
        if (!x->whole || !tl_bytes_add_to(x->whole, data, size, x->out))
            x->dropped = true; /* no memory for a few bytes: the promised length cannot be kept */
    } else {
        free(data);
    }
    finish(x);
}

void tl_http_respond_file(struct tl_http_exchange *x, int status, const char *content_type,
                          const struct tl_http_header *headers, size_t header_count, int fd, int64_t at, uint64_t size)
{
    begin_whole(x, status, content_type, headers, header_count, size);
    x->file = fd;
    x->file_at = at;
    x->file_left = has_no_body(x, status) ? 0 : size;
    finish(x);
}

/* ---- streams ---- */

void tl_http_stream_begin(struct tl_http_exchange *x, int status, const char *content_type,
                          const struct tl_http_header *headers, size_t header_count, tl_http_posted *on_close,
                          void *user)
{
    struct tl_http_connection *c = x->connection;
    assert(!x->complete && !x->streaming);
    x->streaming = true;
    x->on_close = on_close;
    x->user = user;
    tl_http_access_status(x->access, status);
    if (x->stream) {
        tl_http2_head(x, status, content_type, headers, header_count, -1, !x->is_head);
    } else {
        if (x->http_1_0)
            x->keep_alive = false; /* no chunks there: the end of the connection ends the stream */
        add_head(x, status, content_type, headers, header_count);
        evbuffer_add_printf(x->out, x->http_1_0 ? "\r\n" : "Transfer-Encoding: chunked\r\n\r\n");
    }
    if (c)
        tl_http_connection_flush(c);
}

void tl_http_stream_write(struct tl_http_exchange *x, struct tl_view bytes)
{
    if (!x->connection || bytes.size == 0 || x->is_head)
        return;
    bool chunked = !x->stream && !x->http_1_0;
    tl_http_access_bytes(x->access, bytes.size);
    if (chunked)
        evbuffer_add_printf(x->out, "%zx\r\n", bytes.size);
    evbuffer_add(x->out, bytes.data, bytes.size);
    if (chunked)
        evbuffer_add(x->out, "\r\n", 2);
    if (x->stream)
        tl_http2_resume(x);
    if (x->stream || x->connection->first == x)
        tl_http_connection_flush(x->connection);
}

size_t tl_http_stream_room(const struct tl_http_exchange *x)
{
    if (!x->connection)
        return 0;
    size_t used = evbuffer_get_length(x->out) + tl_http_connection_output(x->connection);
    return used < x->server->options.output_max ? x->server->options.output_max - used : 0;
}

void tl_http_stream_end(struct tl_http_exchange *x)
{
    x->on_close = NULL;
    if (x->connection && !x->stream && !x->http_1_0 && !x->is_head)
        evbuffer_add(x->out, "0\r\n\r\n", 5);
    finish(x);
}

/* Nobody is answered: as if the network had failed. */
void tl_http_exchange_drop(struct tl_http_exchange *x)
{
    x->on_close = NULL;
    x->dropped = true;
    if (!x->streaming)
        tl_http_access_status(x->access, 0);
    finish(x); /* which resets a stream, and ends a connection */
}
