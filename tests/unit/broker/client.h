/* SPDX-License-Identifier: Apache-2.0 */
/* client.h: a broker in the test's own process, and a small client of its API. */
#pragma once

#include "support.h"

#include "broker/broker.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#define JSON "application/x-amz-json-1.1"

struct server {
    char *dir;
    struct tl_broker *broker;
    bool limits;
    const char *faults;
    uint64_t seed;
    int64_t subscription_ns, state_delay_ns;
};

static inline void start(struct server *s)
{
    struct tl_error error;
    struct tl_broker_options options = { .data_dir = s->dir,
                                         .listen = "127.0.0.1:0",
                                         .fsync = true,
                                         .region = "eu-west-1",
                                         .limits = s->limits,
                                         .faults = s->faults,
                                         .seed = s->seed,
                                         .subscription_ns = s->subscription_ns,
                                         .state_delay_ns = s->state_delay_ns };
    test_ok(tl_broker_open(&s->broker, &options, &error), &error);
}

static inline int set_up(void **state)
{
    static struct server s;
    struct tl_error error;
    s = (struct server){ .dir = test_dir_new() };
    start(&s);
    test_ok(tl_broker_ensure_stream(s.broker, "ticks", 2, &error), &error);
    test_ok(tl_broker_ensure_stream(s.broker, "ticks", 2, &error), &error); /* there already */
    *state = &s;
    return 0;
}

static inline int tear_down(void **state)
{
    struct server *s = *state;
    tl_broker_close(s->broker);
    test_dir_remove(s->dir);
    return 0;
}

/* ---- a small client ---- */

struct answer {
    int status;
    struct tl_buf whole;
    const char *body;
};

static inline int connect_to(const struct server *s)
{
    struct sockaddr_in to = { .sin_family = AF_INET };
    const char *address = tl_broker_address(s->broker), *colon = strrchr(address, ':');
    to.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static inline struct answer receive(int fd)
{
    struct answer a = { 0 };
    char block[65536];
    ssize_t n;
    tl_buf_init(&a.whole, (size_t)64 << 20);
    while ((n = recv(fd, block, sizeof block, 0)) > 0)
        tl_buf_add(&a.whole, block, (size_t)n);
    close(fd);
    const char *end = strstr(tl_buf_text(&a.whole), "\r\n\r\n");
    assert_non_null(end);
    a.body = end + 4;
    a.status = (int)strtol(tl_buf_text(&a.whole) + 9, NULL, 10);
    return a;
}

static inline void send_all(int fd, const struct tl_buf *request)
{
    for (size_t at = 0; at < request->size;) {
        ssize_t n = send(fd, request->data + at, request->size - at, MSG_NOSIGNAL);
        assert_true(n > 0);
        at += (size_t)n;
    }
}

static inline int send_call(const struct server *s, const char *method, const char *type, const char *target,
                            struct tl_view body)
{
    struct tl_buf request;
    int fd = connect_to(s);
    tl_buf_init(&request, (size_t)64 << 20);
    tl_buf_addf(&request, "%s / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %zu\r\n", method,
                body.size);
    if (type)
        tl_buf_addf(&request, "Content-Type: %s\r\n", type);
    if (target)
        tl_buf_addf(&request, "X-Amz-Target: %s\r\n", target);
    tl_buf_add_text(&request, "\r\n");
    tl_buf_add_view(&request, body);
    send_all(fd, &request);
    tl_buf_release(&request);
    return fd;
}

static inline struct answer call(const struct server *s, const char *action, const char *body)
{
    char target[128];
    snprintf(target, sizeof target, "Kinesis_20131202.%s", action);
    return receive(send_call(s, "POST", JSON, target, tl_view_of(body)));
}

static inline void assert_answer(const struct server *s, const char *action, const char *body, int status,
                                 const char *part)
{
    struct answer a = call(s, action, body);
    if (a.status != status || !strstr(a.body, part))
        fail_msg("%s %.300s\nwas answered %d %.1500s\nnot %d ...%s...", action, body, a.status, a.body,
                 status, part);
    tl_buf_release(&a.whole);
}

/* The text of a member of the answer. */
static inline void member(const struct answer *a, const char *name, char *out, size_t size)
{
    char wanted[64];
    snprintf(wanted, sizeof wanted, "\"%s\":\"", name);
    const char *at = strstr(a->body, wanted);
    assert_non_null(at);
    at += strlen(wanted);
    snprintf(out, size, "%.*s", (int)strcspn(at, "\""), at);
}
