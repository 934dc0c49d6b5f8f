/* SPDX-License-Identifier: Apache-2.0 */
/* net/http_reply.c: answers: whole ones, and streams. An answer waits in its exchange until those before it
 * are sent. */
#include "base/io.h"
#include "base/time.h"
#include "net/http2.h"

#include <assert.h>
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
        { 304, "Not Modified" },
        { 400, "Bad Request" },
        { 401, "Unauthorized" },
        { 403, "Forbidden" },
        { 404, "Not Found" },
        { 405, "Method Not Allowed" },
        { 408, "Request Timeout" },
        { 413, "Content Too Large" },
        { 415, "Unsupported Media Type" },
        { 431, "Request Header Fields Too Large" },
        { 500, "Internal Server Error" },
        { 503, "Service Unavailable" },
    };
    for (size_t i = 0; i < TL_COUNT(reasons); i++)
        if (reasons[i].status == status)
            return reasons[i].reason;
    return "Status";
}

/* "Sat, 27 Sep 2025 12:34:00 GMT": made once a second (one loop thread each). */
const char *tl_http_date_now(void)
{
    static _Thread_local char text[40];
    static _Thread_local int64_t made_for = INT64_MIN;
    static const char days[][4] = { "Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed" };
    static const char months[][4] = { "Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                      "Jul", "Aug", "Sep", "Oct", "Nov", "Dec" };
    int64_t now = tl_floor_div(tl_io->wall_ns(), TL_NS_PER_S);
    if (now == made_for)
        return text;
    int64_t day = tl_floor_div(now, 86400), of_day = now - day * 86400;
    int year, month, date;
    tl_days_to_date(day, &year, &month, &date);
    snprintf(text, sizeof text, "%s, %02d %s %04d %02d:%02d:%02d GMT", days[(day % 7 + 7) % 7], date % 100,
             months[month - 1], year % 10000, (int)(of_day / 3600), (int)(of_day / 60 % 60),
             (int)(of_day % 60));
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
    if (x->server->access)
        tl_http_access_add(x->server->access, x);
    if (!c) {
        tl_http_exchange_free(x);
        return;
    }
    if (c->h2) {
        tl_http2_resume(x);
        tl_http_connection_settle(c);
        return;
    }
    if (c->server->closing)
        x->keep_alive = false;
    tl_http_connection_flush(c);
    tl_http_connection_settle(c);
}

static bool has_no_body(int status)
{
    return status == 204 || status == 304;
}

static void begin_whole(struct tl_http_exchange *x, int status, const char *content_type,
                        const struct tl_http_header *headers, size_t header_count, size_t size)
{
    assert(!x->complete && !x->streaming);
    x->status = status;
    x->bytes_out = size;
    if (x->stream) {
        tl_http2_head(x, status, content_type, headers, header_count,
                      has_no_body(status) ? 0 : (int64_t)size);
        return;
    }
    add_head(x, status, content_type, headers, header_count);
    if (!has_no_body(status))
        evbuffer_add_printf(x->out, "Content-Length: %zu\r\n", size);
    evbuffer_add(x->out, "\r\n", 2);
}

void tl_http_respond(struct tl_http_exchange *x, int status, const char *content_type,
                     const struct tl_http_header *headers, size_t header_count, struct tl_view body)
{
    begin_whole(x, status, content_type, headers, header_count, body.size);
    if (!x->is_head && !has_no_body(status) && body.size)
        evbuffer_add(x->out, body.data, body.size);
    finish(x);
}

static void free_bytes(const void *data, size_t size, void *unused)
{
    (void)size, (void)unused;
    free((void *)(uintptr_t)data);
}

void tl_http_respond_take(struct tl_http_exchange *x, int status, const char *content_type,
                          const struct tl_http_header *headers, size_t header_count, struct tl_buf *body)
{
    size_t size;
    char *bytes = tl_buf_take(body, &size);
    begin_whole(x, status, content_type, headers, header_count, size);
    if (bytes && (x->is_head || size == 0 || has_no_body(status) ||
                  evbuffer_add_reference(x->out, bytes, size, free_bytes, NULL) != 0))
        free(bytes);
    finish(x);
}

void tl_http_stream_begin(struct tl_http_exchange *x, int status, const char *content_type,
                          const struct tl_http_header *headers, size_t header_count, tl_http_posted *on_close,
                          void *user)
{
    assert(!x->complete && !x->streaming);
    x->streaming = true;
    x->on_close = on_close;
    x->user = user;
    x->status = status;
    if (x->stream) {
        tl_http2_head(x, status, content_type, headers, header_count, -1);
        if (x->connection)
            tl_http2_resume(x);
        return;
    }
    if (x->http_1_0)
        x->keep_alive = false; /* no chunks there: the end of the connection ends the stream */
    add_head(x, status, content_type, headers, header_count);
    evbuffer_add_printf(x->out, x->http_1_0 ? "\r\n" : "Transfer-Encoding: chunked\r\n\r\n");
    if (x->connection) {
        tl_http_connection_flush(x->connection);
    }
}

void tl_http_stream_write(struct tl_http_exchange *x, struct tl_view bytes)
{
    if (!x->connection || bytes.size == 0 || x->is_head)
        return;
    x->bytes_out += bytes.size;
    if (x->stream) {
        evbuffer_add(x->out, bytes.data, bytes.size);
        tl_http2_resume(x);
        return;
    }
    if (!x->http_1_0)
        evbuffer_add_printf(x->out, "%zx\r\n", bytes.size);
    evbuffer_add(x->out, bytes.data, bytes.size);
    if (!x->http_1_0)
        evbuffer_add(x->out, "\r\n", 2);
    if (x->connection->first == x)
        tl_http_connection_flush(x->connection);
}

size_t tl_http_stream_room(const struct tl_http_exchange *x)
{
    if (!x->connection)
        return 0;
    size_t used =
        evbuffer_get_length(x->out) + evbuffer_get_length(bufferevent_get_output(x->connection->bev));
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
    struct tl_http_connection *c = x->connection;
    x->on_close = NULL;
    x->complete = true;
    if (!c) {
        tl_http_exchange_free(x);
        return;
    }
    if (c->h2)
        tl_http2_reset(x);
    else
        c->dead = true;
    tl_http_connection_settle(c);
}
