/* SPDX-License-Identifier: Apache-2.0 */
/* h2_client.h: a client of HTTP/2 for tests: by nghttp2 where it shall behave, by single frames where it
 * shall not. */
#pragma once

#include "http_peer.h"

#include <nghttp2/nghttp2.h>
#include <openssl/ssl.h>

#define H2_ANSWERS 256

struct h2_answer {
    int32_t stream;
    int status, interim;
    char headers[2048]; /* "name=value\n" each */
    char *body;
    size_t size, cap;
    bool closed;
    uint32_t code; /* of the stream's end */
    const char *request;
    size_t request_size, request_sent;
    bool empty_end; /* the request ends with an empty DATA frame, as Java's client has it */
};

struct h2_client {
    int fd;
    SSL *ssl;
    nghttp2_session *session;
    struct h2_answer answers[H2_ANSWERS];
    size_t answer_count;
    int goaway; /* -1: none came; else its code */
    unsigned pings, unasked_pings, settings;
    bool over; /* the connection has ended */
};

static inline struct h2_answer *h2_answer_of(struct h2_client *c, int32_t stream)
{
    return nghttp2_session_get_stream_user_data(c->session, stream);
}

static inline ssize_t h2_on_send(nghttp2_session *s, const uint8_t *data, size_t size, int flags, void *user)
{
    (void)s, (void)flags;
    struct h2_client *c = user;
    if (c->ssl)
        return SSL_write(c->ssl, data, (int)size) > 0 ? (ssize_t)size : NGHTTP2_ERR_CALLBACK_FAILURE;
    return peer_send(c->fd, data, size) ? (ssize_t)size : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static inline int h2_on_header(nghttp2_session *s, const nghttp2_frame *f, const uint8_t *name,
                               size_t name_size, const uint8_t *value, size_t value_size, uint8_t flags,
                               void *user)
{
    (void)s, (void)flags;
    struct h2_answer *a = h2_answer_of(user, f->hd.stream_id);
    if (name_size == 7 && memcmp(name, ":status", 7) == 0) {
        uint64_t status = 0;
        assert_true(tl_view_to_u64((struct tl_view){ (const char *)value, value_size }, &status));
        *(status < 200 ? &a->interim : &a->status) = (int)status;
        return 0;
    }
    size_t used = strlen(a->headers);
    snprintf(a->headers + used, sizeof a->headers - used, "%.*s=%.*s\n", (int)name_size, (const char *)name,
             (int)value_size, (const char *)value);
    return 0;
}

static inline int h2_on_data(nghttp2_session *s, uint8_t flags, int32_t stream, const uint8_t *data,
                             size_t size, void *user)
{
    (void)s, (void)flags;
    struct h2_answer *a = h2_answer_of(user, stream);
    while (a->cap - a->size < size + 1)
        assert_non_null(a->body = realloc(a->body, a->cap = a->cap ? a->cap * 2 : 1 << 16));
    memcpy(a->body + a->size, data, size);
    a->body[a->size += size] = '\0';
    return 0;
}

static inline int h2_on_frame(nghttp2_session *s, const nghttp2_frame *f, void *user)
{
    (void)s;
    struct h2_client *c = user;
    bool ack = f->hd.flags & NGHTTP2_FLAG_ACK;
    if (f->hd.type == NGHTTP2_GOAWAY)
        c->goaway = (int)f->goaway.error_code;
    if (f->hd.type == NGHTTP2_SETTINGS && ack)
        c->settings++;
    if (f->hd.type == NGHTTP2_PING && ack && memcmp(f->ping.opaque_data, "tapeline", 8) == 0)
        c->pings++;
    else if (f->hd.type == NGHTTP2_PING)
        c->unasked_pings++;
    return 0;
}

static inline int h2_on_close(nghttp2_session *s, int32_t stream, uint32_t code, void *user)
{
    (void)s;
    struct h2_answer *a = h2_answer_of(user, stream);
    a->closed = true;
    a->code = code;
    return 0;
}

static inline ssize_t h2_read_request(nghttp2_session *s, int32_t stream, uint8_t *buf, size_t size,
                                      uint32_t *flags, nghttp2_data_source *source, void *user)
{
    (void)s, (void)stream, (void)user;
    struct h2_answer *a = source->ptr;
    size_t rest = a->request_size - a->request_sent;
    size_t now = rest < size ? rest : size;
    memcpy(buf, a->request + a->request_sent, now);
    a->request_sent += now;
    if (now == rest && !(a->empty_end && now > 0))
        *flags |= NGHTTP2_DATA_FLAG_EOF;
    return (ssize_t)now;
}

/* On a connected socket. ssl: NULL for cleartext. */
static inline void h2_open(struct h2_client *c, int fd, SSL *ssl, const nghttp2_settings_entry *settings,
                           size_t count)
{
    nghttp2_session_callbacks *k;
    memset(c, 0, sizeof *c);
    c->fd = fd;
    c->ssl = ssl;
    c->goaway = -1;
    assert_int_equal(nghttp2_session_callbacks_new(&k), 0);
    nghttp2_session_callbacks_set_send_callback(k, h2_on_send);
    nghttp2_session_callbacks_set_on_header_callback(k, h2_on_header);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(k, h2_on_data);
    nghttp2_session_callbacks_set_on_frame_recv_callback(k, h2_on_frame);
    nghttp2_session_callbacks_set_on_stream_close_callback(k, h2_on_close);
    assert_int_equal(nghttp2_session_client_new(&c->session, k, c), 0);
    nghttp2_session_callbacks_del(k);
    assert_int_equal(nghttp2_submit_settings(c->session, 0, settings, count), 0);
}

static inline void h2_close(struct h2_client *c)
{
    nghttp2_session_del(c->session);
    for (size_t i = 0; i < c->answer_count; i++)
        free(c->answers[i].body);
    if (c->ssl)
        SSL_free(c->ssl);
    close(c->fd);
}

#define H2_FIELD(name, value)                                                                                \
    {                                                                                                        \
        (uint8_t *)(uintptr_t)(name), (uint8_t *)(uintptr_t)(value), strlen(name), strlen(value), 0          \
    }

/* extra: pairs of names and values, NULL at the end; those that begin with ':' take the place of the usual
 * ones. body NULL: none. */
static inline struct h2_answer *h2_ask(struct h2_client *c, const char *method, const char *path,
                                       const char *const *extra, const char *body, size_t size)
{
    struct h2_answer *a = &c->answers[c->answer_count++];
    nghttp2_nv fields[128] = { H2_FIELD(":method", method), H2_FIELD(":scheme", "http"),
                               H2_FIELD(":path", path), H2_FIELD(":authority", "localhost") };
    size_t count = 4;
    nghttp2_data_provider provider = { .source.ptr = a, .read_callback = h2_read_request };
    assert_true(c->answer_count <= H2_ANSWERS);
    if (extra && !extra[0]) /* without :authority */
        count = 3;
    for (; extra && *extra; extra += 2)
        fields[count++] = (nghttp2_nv)H2_FIELD(extra[0], extra[1]);
    a->request = body;
    a->request_size = size;
    a->stream = nghttp2_submit_request(c->session, NULL, fields, count, body ? &provider : NULL, a);
    assert_true(a->stream > 0);
    return a;
}

static inline struct h2_answer *h2_get(struct h2_client *c, const char *path)
{
    return h2_ask(c, "GET", path, NULL, NULL, 0);
}

/* Sends what waits, reads once. False: nothing more comes. */
static inline bool h2_step(struct h2_client *c)
{
    static uint8_t block[65536];
    if (nghttp2_session_send(c->session) != 0)
        c->over = true;
    ssize_t n = c->ssl ? SSL_read(c->ssl, block, sizeof block) : recv(c->fd, block, sizeof block, 0);
    if (n < 0 && !c->ssl && errno == EAGAIN)
        fail_msg("waited in vain for the server");
    if (n <= 0)
        c->over = true;
    else if (nghttp2_session_mem_recv(c->session, block, (size_t)n) != n)
        fail_msg("the server's frames are not understood");
    return n > 0;
}

static inline void h2_send(struct h2_client *c)
{
    assert_int_equal(nghttp2_session_send(c->session), 0);
}

static inline void h2_await(struct h2_client *c, const struct h2_answer *a)
{
    while (!a->closed && h2_step(c))
        ;
    if (!a->closed)
        fail_msg("the connection ended before stream %d", a->stream);
}

static inline void h2_await_all(struct h2_client *c)
{
    for (size_t i = 0; i < c->answer_count; i++)
        h2_await(c, &c->answers[i]);
}

static inline void h2_await_end(struct h2_client *c)
{
    while (h2_step(c))
        ;
}

/* All that was sent before has been read when this is back. */
static inline void h2_ping(struct h2_client *c)
{
    unsigned before = c->pings;
    h2_send(c); /* a PING would overtake what waits */
    assert_int_equal(nghttp2_submit_ping(c->session, 0, (const uint8_t *)"tapeline"), 0);
    while (c->pings == before && h2_step(c))
        ;
    assert_int_equal(c->pings, before + 1);
}

static inline void h2_expect(struct h2_client *c, struct h2_answer *a, int status, const char *body)
{
    h2_await(c, a);
    assert_int_equal(a->status, status);
    assert_int_equal(a->code, NGHTTP2_NO_ERROR);
    if (body)
        assert_string_equal(a->body ? a->body : "", body);
}

/* ---- single frames ---- */

static const char h2_preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

static inline bool h2_frame(int fd, uint8_t type, uint8_t flags, uint32_t stream, const void *payload,
                            size_t size)
{
    uint8_t f[16384 + 9] = {
        (uint8_t)(size >> 16),   (uint8_t)(size >> 8),    (uint8_t)size,          type,           flags,
        (uint8_t)(stream >> 24), (uint8_t)(stream >> 16), (uint8_t)(stream >> 8), (uint8_t)stream
    };
    assert_true(size <= 16384);
    if (size)
        memcpy(f + 9, payload, size);
    return peer_send(fd, f, size + 9);
}

/* GET /echo of localhost, by the static table and literals. */
static const uint8_t h2_get_block[] = { 0x82, 0x86, 0x04, 0x05, '/', 'e', 'c', 'h', 'o', 0x41,
                                        0x09, 'l',  'o',  'c',  'a', 'l', 'h', 'o', 's', 't' };

static inline int h2_connect_raw(const struct peer *p)
{
    int fd = peer_connect(p);
    peer_send_text(fd, h2_preface);
    assert_true(h2_frame(fd, NGHTTP2_SETTINGS, 0, 0, NULL, 0));
    return fd;
}
