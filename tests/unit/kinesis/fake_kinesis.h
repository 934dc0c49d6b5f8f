/* SPDX-License-Identifier: Apache-2.0 */
/* fake_kinesis.h: a Kinesis server for tests, that answers as the test says; for unit tests of src/kinesis.
 */
#pragma once

#include "support.h"

#include "base/buf.h"
#include "base/time.h"
#include "codec/base64.h"
#include "codec/json.h"
#include "kinesis/client.h"
#include "net/http_server.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <sys/socket.h>

struct fake;
/* Fills *out and *status (200 before) for a call. On the server's thread, with the lock held. */
typedef void fake_answer(struct fake *f, struct tl_view action, struct tl_json body, struct tl_buf *out,
                         int *status);

struct fake {
    struct tl_http_server *server;
    char endpoint[80];
    fake_answer *answer;
    void *user;
    pthread_mutex_t lock; /* for what tests and server share */
    struct tl_json_parser *parser;
    struct tl_buf last_body;
    char last_action[64], last_authorization[1024], last_token[64];
    unsigned calls;
};

static void fake_note(struct fake *f, struct tl_http_exchange *x)
{
    struct tl_view target = tl_http_header_value(x, "x-amz-target"),
                   authorization = tl_http_header_value(x, "authorization");
    struct tl_view token = tl_http_header_value(x, "x-amz-security-token");
    struct tl_view prefix = TL_VIEW("Kinesis_20131202.");
    assert_true(tl_view_starts_with(target, prefix));
    snprintf(f->last_action, sizeof f->last_action, "%.*s", (int)(target.size - prefix.size),
             target.data + prefix.size);
    snprintf(f->last_authorization, sizeof f->last_authorization, "%.*s", TL_VIEW_ARG(authorization));
    snprintf(f->last_token, sizeof f->last_token, "%.*s", TL_VIEW_ARG(token));
    tl_buf_reset(&f->last_body);
    tl_buf_add_view(&f->last_body, tl_http_body(x));
    f->calls++;
}

static void fake_handler(struct tl_http_exchange *x, void *user)
{
    struct fake *f = user;
    struct tl_error error;
    struct tl_json body;
    struct tl_buf out;
    int status = 200;
    tl_buf_init(&out, 128u << 20);
    pthread_mutex_lock(&f->lock);
    fake_note(f, x);
    struct tl_view text = tl_http_body(x);
    assert_true(tl_json_parse(f->parser, text.data, text.size, &body, &error));
    f->answer(f, tl_view_of(f->last_action), body, &out, &status);
    pthread_mutex_unlock(&f->lock);
    struct tl_http_header id = { TL_VIEW("x-amzn-RequestId"), TL_VIEW("id-1") };
    tl_http_respond(x, status, "application/x-amz-json-1.1", &id, 1, tl_buf_view(&out));
    tl_buf_release(&out);
}

static inline void fake_listen(struct fake *f, const char *address)
{
    struct tl_error error;
    struct tl_http_server_options options = {
        .name = "fake", .body_max = 16 << 20, .handler = fake_handler, .user = f
    };
    test_ok(tl_http_server_open(&f->server, address, &options, &error), &error);
    snprintf(f->endpoint, sizeof f->endpoint, "http://%s", tl_http_server_address(f->server));
}

/* A port that nobody listens on just now. */
static inline int fake_free_port(void)
{
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    socklen_t n = sizeof a;
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
    getsockname(fd, (struct sockaddr *)&a, &n);
    close(fd);
    return ntohs(a.sin_port);
}
static inline struct fake *fake_new(fake_answer *answer, void *user)
{
    struct tl_error error;
    struct fake *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->answer = answer;
    f->user = user;
    pthread_mutex_init(&f->lock, NULL);
    tl_buf_init(&f->last_body, 16 << 20);
    test_ok(tl_json_parser_new(&f->parser, &error), &error);
    char address[32];
    snprintf(address, sizeof address, "127.0.0.1:%d", fake_free_port());
    fake_listen(f, address);
    return f;
}

static inline void fake_free(struct fake *f)
{
    if (f->server)
        tl_http_server_close(f->server, 0);
    tl_json_parser_free(f->parser);
    tl_buf_release(&f->last_body);
    pthread_mutex_destroy(&f->lock);
    free(f);
}

static inline struct tl_kinesis_options fake_options(const struct fake *f)
{
    return (struct tl_kinesis_options){ .endpoint = f->endpoint, .embedded = true };
}

/* {"__type":...} with a status. */
static inline void fake_error(struct tl_buf *out, int *status, int code, const char *type)
{
    *status = code;
    tl_buf_addf(out, "{\"__type\":\"%s\",\"message\":\"as the test says\"}", type);
}
