/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 of the server: what clients do, what bad ones do. */
#include "h2_client.h"

static void connect_h2(struct h2_client *c, const struct peer *p)
{
    h2_open(c, peer_connect(p), NULL, NULL, 0);
}

static int open_peer(void **state)
{
    struct peer *p = calloc(1, sizeof *p);
    assert_non_null(p);
    peer_open(p, NULL);
    *state = p;
    return 0;
}

static int open_impatient_peer(void **state)
{
    struct tl_http_server_options options = { .header_timeout_ns = 100 * MS, .idle_timeout_ns = 200 * MS };
    struct peer *p = calloc(1, sizeof *p);
    assert_non_null(p);
    peer_open(p, &options);
    *state = p;
    return 0;
}

static int close_peer(void **state)
{
    struct peer *p = *state;
    peer_close(p);
    free(p);
    return 0;
}

/* ---- what is asked is what is answered ---- */

static void bodies_are_the_same_as_over_http_1_1(void **state)
{
    struct peer *p = *state;
    static const char *const paths[] = { "/large", "/copied", "/echo" };
    char *body = large_body(), request[256];
    for (size_t i = 0; i < TL_COUNT(paths); i++) {
        struct h2_client c;
        bool up = i == 2;
        size_t size;
        connect_h2(&c, p);
        struct h2_answer *a = h2_ask(&c, up ? "POST" : "GET", paths[i], NULL, up ? body : NULL, LARGE_SIZE);
        h2_expect(&c, a, 200, NULL);
        int fd = peer_connect(p);
        snprintf(request, sizeof request,
                 "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
                 up ? "POST" : "GET", paths[i], up ? LARGE_SIZE : 0);
        peer_send_text(fd, request);
        assert_true(!up || peer_send(fd, body, LARGE_SIZE));
        char *all = peer_read_all(fd, &size), *found = strstr(all, "\r\n\r\n");
        assert_non_null(found);
        assert_int_equal(all + size - (found + 4), LARGE_SIZE);
        assert_int_equal(a->size, LARGE_SIZE);
        assert_memory_equal(found + 4, body, LARGE_SIZE);
        assert_memory_equal(a->body, body, LARGE_SIZE);
        free(all);
        close(fd);
        h2_close(&c);
    }
    free(body);
}

static void the_preface_may_come_byte_by_byte(void **state)
{
    struct peer *p = *state;
    int fd = peer_connect(p);
    uint8_t bytes[256];
    size_t size = sizeof h2_preface - 1;
    const uint8_t settings[9] = { 0, 0, 0, 4 }, head[9] = { 0, 0, sizeof h2_get_block, 1, 5, 0, 0, 0, 1 };
    memcpy(bytes, h2_preface, size);
    memcpy(bytes + size, settings, 9);
    memcpy(bytes + size + 9, head, 9);
    memcpy(bytes + size + 18, h2_get_block, sizeof h2_get_block);
    size += 18 + sizeof h2_get_block;
    for (size_t i = 0; i < size; i++) {
        assert_true(peer_send(fd, bytes + i, 1));
        peer_call(p, NULL, NULL); /* the loop turns in between */
    }
    peer_wait(p, &p->handled, 1);
    close(fd);
}

static void a_text_that_only_begins_like_the_preface_is_http_1_1(void **state)
{
    struct peer *p = *state;
    static const char *const texts[] = { "PRI * HTTP/2.0\r\n\r\nSM\r\n\rX", "PRX / HTTP/1.1\r\n\r\n",
                                         "PRI * HTTP/1.1\r\n\r\n12345678901234567890" };
    for (size_t i = 0; i < TL_COUNT(texts); i++) {
        char text[4096];
        int fd = peer_connect(p);
        peer_send_text(fd, texts[i]);
        peer_read_until(fd, "\r\n\r\n", text, sizeof text);
        assert_non_null(strstr(text, "HTTP/1.1 400 "));
        close(fd);
    }
    char text[4096];
    int fd = peer_connect(p);
    peer_send_text(fd, "PUT /request HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    peer_read_until(fd, "host is localhost", text, sizeof text);
    assert_non_null(strstr(text, "HTTP/1.1 tls=0 PUT /request"));
    close(fd);
}

static void the_authority_is_the_host(void **state)
{
    struct h2_client c;
    const char *const same[] = { "host", "LocalHost", NULL }, *const other[] = { "host", "evil.example",
                                                                                 NULL };
    const char *const none[] = { NULL, NULL };
    connect_h2(&c, *state);
    struct h2_answer *a = h2_get(&c, "/request?a=b%20c");
    h2_expect(&c, a, 200, "HTTP/2 tls=0 GET /request?a=b%20c\nhost=localhost\nhost is localhost\n");
    assert_non_null(strstr(a->headers, "content-type=text/plain\n"));
    assert_non_null(strstr(a->headers, "x-upper=Kept\n"));
    assert_non_null(strstr(a->headers, "date="));
    assert_non_null(strstr(a->headers, "x-bad=aX-Forged: b\n"));
    h2_expect(&c, h2_ask(&c, "GET", "/request", same, NULL, 0), 200,
              "HTTP/2 tls=0 GET /request?\nhost=localhost\nhost is localhost\n");
    h2_expect(&c, h2_ask(&c, "GET", "/request", other, NULL, 0), 400, "");
    h2_await(&c, h2_ask(&c, "GET", "/request", none, NULL, 0)); /* neither of both: malformed */
    assert_int_equal(c.answers[c.answer_count - 1].code, NGHTTP2_PROTOCOL_ERROR);
    h2_close(&c);
}

static void headers_come_in_order_and_cookies_in_one(void **state)
{
    struct h2_client c;
    const char *const extra[] = { "b", "2", "cookie", "x=1", "cookie", "y=2", "a", "1", "b", "3", NULL };
    connect_h2(&c, *state);
    h2_expect(
        &c, h2_ask(&c, "GET", "/request", extra, NULL, 0), 200,
        "HTTP/2 tls=0 GET /request?\nhost=localhost\nb=2\ncookie=x=1; y=2\na=1\nb=3\nhost is localhost\n");
    h2_close(&c);
}

static void answers_without_a_body_have_none(void **state)
{
    struct h2_client c;
    connect_h2(&c, *state);
    struct h2_answer *head = h2_ask(&c, "HEAD", "/large", NULL, NULL, 0);
    h2_expect(&c, head, 200, "");
    assert_non_null(strstr(head->headers, "content-length=10485760\n"));
    h2_expect(&c, h2_ask(&c, "HEAD", "/stream", NULL, NULL, 0), 200, "");
    struct h2_answer *empty = h2_get(&c, "/empty"), *unchanged = h2_get(&c, "/unchanged");
    h2_expect(&c, empty, 204, "");
    h2_expect(&c, unchanged, 304, "");
    assert_null(strstr(empty->headers, "content-length"));
    assert_null(strstr(unchanged->headers, "content-length"));
    h2_expect(&c, h2_ask(&c, "POST", "/echo", NULL, "", 0), 200, "");
    h2_close(&c);
}

static void streams_are_sent_as_they_are_written(void **state)
{
    struct h2_client c;
    connect_h2(&c, *state);
    h2_expect(&c, h2_get(&c, "/stream"), 200, "onetwo");
    h2_close(&c);
}

static void a_body_may_end_with_an_empty_frame(void **state)
{
    struct h2_client c;
    const char *const expects[] = { "expect", "100-continue", NULL };
    connect_h2(&c, *state);
    struct h2_answer *a = h2_ask(&c, "POST", "/echo", expects, "hello", 5);
    a->empty_end = true;
    h2_expect(&c, a, 200, "hello");
    assert_int_equal(a->interim, 100);
    h2_close(&c);
}

static void many_requests_share_a_connection(void **state)
{
    struct h2_client c;
    connect_h2(&c, *state);
    for (int i = 0; i < 200; i++) /* twice what may be open: the client waits for the server's SETTINGS */
        h2_ask(&c, "POST", "/echo", NULL, i % 2 ? "odd" : "even", i % 2 ? 3 : 4);
    h2_await_all(&c);
    for (int i = 0; i < 200; i++)
        h2_expect(&c, &c.answers[i], 200, i % 2 ? "odd" : "even");
    h2_close(&c);
}

/* ---- refusals ---- */

static void what_is_too_large_or_wrong_is_refused(void **state)
{
    struct h2_client c;
    char *body = large_body(), *large = calloc(1, 20000);
    assert_non_null(large);
    memset(large, 'x', 17000);
    const char *const long_value[] = { "x", large, NULL };
    const char *const length[] = { "content-length", "10486761", NULL }, *const lie[] = { "content-length",
                                                                                          "99999999999",
                                                                                          NULL };
    const char *many[202] = { NULL };
    for (size_t i = 0; i < 200; i += 2)
        many[i] = "y", many[i + 1] = "1";
    connect_h2(&c, *state);
    assert_non_null(body = realloc(body, BODY_MAX + 1));
    h2_expect(&c, h2_ask(&c, "GET", "/echo", long_value, NULL, 0), 431, "");
    h2_expect(&c, h2_ask(&c, "GET", "/echo", many, NULL, 0), 431, "");
    h2_expect(&c, h2_get(&c, "/%zz"), 400, "");
    h2_expect(&c, h2_get(&c, "/%00"), 400, "");
    h2_expect(&c, h2_ask(&c, "BREW", "/echo", NULL, NULL, 0), 400, "");
    h2_expect(&c, h2_ask(&c, "POST", "/size", NULL, body, BODY_MAX), 200, "10486760 bytes");
    h2_expect(&c, h2_ask(&c, "POST", "/size", NULL, body, BODY_MAX + 1), 413, "");
    h2_expect(&c, h2_ask(&c, "POST", "/size", length, body, BODY_MAX + 1), 413, "");
    struct h2_answer *lied = h2_ask(&c, "POST", "/size", lie, body, 10); /* refused, and then malformed */
    h2_await(&c, lied);
    assert_true(lied->status == 413 || lied->code == NGHTTP2_PROTOCOL_ERROR);
    h2_expect(&c, h2_get(&c, "/stream"), 200, "onetwo"); /* and the connection goes on */
    free(body);
    free(large);
    h2_close(&c);
}

static void foreign_hosts_are_refused_where_hosts_are_checked(void **state)
{
    (void)state;
    struct tl_http_server_options options = { .check_host = true };
    struct peer p;
    struct h2_client c;
    const char *const evil[] = { "host", "evil.example", NULL };
    peer_open(&p, &options);
    connect_h2(&c, &p);
    h2_expect(&c, h2_get(&c, "/stream"), 200, "onetwo");
    h2_expect(&c, h2_ask(&c, "GET", "/stream", evil, NULL, 0), 400, "");
    h2_close(&c);
    int fd = h2_connect_raw(&p);
    uint8_t block[sizeof h2_get_block];
    memcpy(block, h2_get_block, sizeof block);
    memcpy(block + sizeof block - 9, "evil.site", 9);
    assert_true(h2_frame(fd, NGHTTP2_HEADERS, 5, 1, block, sizeof block));
    assert_true(h2_frame(fd, NGHTTP2_GOAWAY, 0, 0, "\0\0\0\0\0\0\0\0", 8));
    free(peer_read_all(fd, NULL));
    assert_int_equal(atomic_load(&p.handled), 1);
    close(fd);
    peer_close(&p);
}

static void a_drop_resets_the_stream_alone(void **state)
{
    struct h2_client c;
    connect_h2(&c, *state);
    struct h2_answer *dropped = h2_get(&c, "/drop"), *broken = h2_get(&c, "/broken");
    struct h2_answer *good = h2_get(&c, "/stream");
    h2_await_all(&c);
    assert_int_equal(dropped->code, NGHTTP2_INTERNAL_ERROR);
    assert_int_equal(dropped->status, 0);
    assert_int_equal(broken->code, NGHTTP2_INTERNAL_ERROR);
    h2_expect(&c, good, 200, "onetwo");
    h2_close(&c);
}

/* ---- coming and going ---- */

/* The JavaScript SDK allows one stream, and says GOAWAY right after the head of its answer. */
static void what_is_open_is_served_after_a_goaway(void **state)
{
    struct peer *p = *state;
    struct h2_client c;
    const nghttp2_settings_entry one[] = { { NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, 1 } };
    h2_open(&c, peer_connect(p), NULL, one, 1);
    struct h2_answer *large = h2_get(&c, "/large"), *parked = h2_get(&c, "/park");
    while (!large->status)
        assert_true(h2_step(&c));
    assert_int_equal(nghttp2_submit_goaway(c.session, 0, 0, NGHTTP2_NO_ERROR, NULL, 0), 0);
    h2_send(&c);
    h2_await(&c, large);
    assert_int_equal(large->size, LARGE_SIZE);
    assert_false(parked->closed);
    peer_call(p, peer_release_parked, p);
    h2_expect(&c, parked, 200, "parked");
    h2_await_end(&c); /* nothing is open any more: the server closes */
    assert_int_equal(c.unasked_pings, 0);
    h2_close(&c);
}

static void pings_are_acknowledged_and_none_is_made_up(void **state)
{
    struct h2_client c;
    connect_h2(&c, *state);
    h2_get(&c, "/park");
    for (int i = 0; i < 20; i++)
        h2_ping(&c);
    assert_int_equal(c.unasked_pings, 0);
    h2_close(&c);
}

static void reset_streams_are_told_and_answered_into_the_void(void **state)
{
    struct peer *p = *state;
    struct h2_client c;
    connect_h2(&c, p);
    struct h2_answer *parked = h2_get(&c, "/park"), *flood = h2_get(&c, "/flood");
    h2_send(&c);
    peer_wait(p, &p->handled, 2);
    struct h2_answer *const all[] = { parked, flood };
    for (size_t i = 0; i < TL_COUNT(all); i++)
        nghttp2_submit_rst_stream(c.session, 0, all[i]->stream, NGHTTP2_CANCEL);
    h2_ping(&c);
    assert_int_equal(atomic_load(&p->closed_streams), 1);
    peer_call(p, peer_release_parked, p); /* its stream is gone */
    h2_expect(&c, h2_get(&c, "/stream"), 200, "onetwo");
    h2_close(&c);
}

static void a_reset_in_the_middle_of_a_body_harms_nobody(void **state)
{
    struct peer *p = *state;
    int fd = h2_connect_raw(p);
    uint8_t block[sizeof h2_get_block], half[1000] = { 0 };
    memcpy(block, h2_get_block, sizeof block);
    block[0] = 0x83; /* POST */
    for (uint32_t stream = 1; stream < 100; stream += 2) {
        assert_true(h2_frame(fd, NGHTTP2_HEADERS, 4, stream, block, sizeof block));
        assert_true(h2_frame(fd, NGHTTP2_DATA, 0, stream, half, sizeof half));
        assert_true(h2_frame(fd, NGHTTP2_RST_STREAM, 0, stream, "\0\0\0\x08", 4));
    }
    assert_true(h2_frame(fd, NGHTTP2_HEADERS, 5, 101, h2_get_block, sizeof h2_get_block));
    peer_wait(p, &p->handled, 1);
    assert_int_equal(atomic_load(&p->handled), 1);
    close(fd);
}

static void a_client_that_goes_ends_its_streams(void **state)
{
    struct peer *p = *state;
    for (unsigned i = 1; i <= 10; i++) {
        struct h2_client c;
        connect_h2(&c, p);
        h2_get(&c, "/park");
        h2_get(&c, "/flood");
        h2_get(&c, "/large");
        h2_ask(&c, "POST", "/echo", NULL, "x", 1);
        h2_send(&c);
        peer_wait(p, &p->handled, 3 * i);
        h2_close(&c);
        peer_wait(p, &p->closed_streams, i);
    }
    peer_call(p, peer_release_parked, p);
}

static void a_closing_server_says_so_and_serves_what_is_open(void **state)
{
    (void)state;
    struct peer p;
    struct h2_client c;
    peer_open(&p, NULL);
    connect_h2(&c, &p);
    struct h2_answer *large = h2_get(&c, "/large"), *flood = h2_get(&c, "/flood");
    h2_send(&c);
    peer_wait(&p, &p.handled, 2);
    pthread_t closer;
    assert_int_equal(pthread_create(&closer, NULL, (void *(*)(void *))(void (*)(void))peer_close, &p), 0);
    h2_expect(&c, large, 200, NULL);
    assert_int_equal(large->size, LARGE_SIZE);
    h2_expect(&c, flood, 200, NULL); /* ended by its owner, who was told */
    h2_await_end(&c);
    assert_int_equal(c.goaway, NGHTTP2_NO_ERROR);
    assert_int_equal(atomic_load(&p.closed_streams), 1);
    pthread_join(closer, NULL);
    h2_close(&c);
}

/* ---- flow control ---- */

static void a_slow_reader_has_a_bounded_share(void **state)
{
    struct peer *p = *state;
    struct h2_client c;
    const nghttp2_settings_entry none[] = { { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0 } };
    h2_open(&c, peer_connect(p), NULL, none, 1);
    struct h2_answer *flood = h2_get(&c, "/flood");
    h2_send(&c);
    h2_ping(&c);
    size_t flooded = atomic_load(&p->flooded); /* room() was 0 at last, with nothing sent */
    assert_in_range(flooded, OUTPUT_MAX, OUTPUT_MAX + 4096);
    assert_int_equal(flood->size, 0);
    nghttp2_submit_window_update(c.session, 0, flood->stream, 1000);
    while (flood->size < 1000)
        assert_true(h2_step(&c));
    nghttp2_session_set_local_window_size(c.session, 0, flood->stream, 1 << 24);
    while (flood->size < flooded)
        assert_true(h2_step(&c));
    h2_close(&c);
}

/* Eight bodies of 10 MiB in turns: more than the server keeps of unread ones. Windows must not lock each
 * other out. */
static void large_bodies_in_turns_all_arrive(void **state)
{
    struct h2_client c;
    char *body = large_body();
    connect_h2(&c, *state);
    for (int i = 0; i < 8; i++)
        h2_ask(&c, "POST", "/size", NULL, body, LARGE_SIZE);
    h2_await_all(&c);
    for (int i = 0; i < 8; i++)
        h2_expect(&c, &c.answers[i], 200, "10485760 bytes");
    free(body);
    h2_close(&c);
}

static void answers_that_are_not_taken_hold_up_requests(void **state)
{
    struct peer *p = *state;
    struct h2_client c;
    const nghttp2_settings_entry none[] = { { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0 } };
    h2_open(&c, peer_connect(p), NULL, none, 1);
    for (int i = 0; i < 12; i++)
        h2_get(&c, "/large");
    h2_ping(&c);
    assert_int_equal(atomic_load(&p->handled), 4); /* four of 10 MiB are over 32 MiB */
    for (int i = 0; i < 12; i++)
        nghttp2_session_set_local_window_size(c.session, 0, c.answers[i].stream, 1 << 20);
    h2_await_all(&c);
    for (int i = 0; i < 12; i++)
        assert_int_equal(c.answers[i].size, LARGE_SIZE);
    h2_close(&c);
}

/* ---- patience ---- */

static void a_peer_that_takes_nothing_is_dropped(void **state)
{
    struct peer *p = *state;
    struct h2_client c;
    const nghttp2_settings_entry none[] = { { NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, 0 } };
    h2_open(&c, peer_connect(p), NULL, none, 1);
    h2_get(&c, "/large");
    while (!c.over) { /* its PINGs do not keep it */
        nghttp2_submit_ping(c.session, 0, (const uint8_t *)"tapeline");
        h2_step(&c);
        usleep(10000);
    }
    h2_close(&c);
}

static void heads_must_come_in_time(void **state)
{
    struct peer *p = *state;
    int without_settings = peer_connect(p), half_preface = peer_connect(p), half_head = h2_connect_raw(p);
    peer_send_text(without_settings, h2_preface);
    peer_send_text(half_preface, "PRI * HT");
    assert_true(h2_frame(half_head, NGHTTP2_HEADERS, 1, 1, h2_get_block, 4)); /* no END_HEADERS */
    free(peer_read_all(without_settings, NULL));
    free(peer_read_all(half_preface, NULL));
    free(peer_read_all(half_head, NULL));
    close(without_settings);
    close(half_preface);
    close(half_head);
}

static void a_body_that_does_not_come_is_given_up(void **state)
{
    struct peer *p = *state;
    int fd = h2_connect_raw(p);
    uint8_t block[sizeof h2_get_block];
    memcpy(block, h2_get_block, sizeof block);
    block[0] = 0x83;
    assert_true(h2_frame(fd, NGHTTP2_HEADERS, 4, 1, block, sizeof block));
    assert_true(h2_frame(fd, NGHTTP2_DATA, 0, 1, "x", 1));
    size_t size;
    char *all = peer_read_all(fd, &size); /* 408 and RST_STREAM(NO_ERROR); then, idle, GOAWAY */
    assert_non_null(memmem(all, size, "408", 3));
    free(all);
    close(fd);
}

static void an_idle_connection_is_closed_with_a_goaway(void **state)
{
    struct h2_client c;
    connect_h2(&c, *state);
    h2_expect(&c, h2_get(&c, "/stream"), 200, "onetwo");
    h2_await_end(&c);
    assert_int_equal(c.goaway, NGHTTP2_NO_ERROR);
    h2_close(&c);
}

/* ---- attacks: the connection ends, the server does not ---- */

struct flood {
    const char *name;
    uint8_t type, flags, payload[16];
    size_t size;
    uint32_t stream;
};

static const struct flood floods[] = {
    { "PING", NGHTTP2_PING, 0, "tapeline", 8, 0 },
    { "SETTINGS", NGHTTP2_SETTINGS, 0, "\0\x04\0\0\x10\0", 6, 0 },
    { "PRIORITY", NGHTTP2_PRIORITY, 0, "\0\0\0\0\x10", 5, 7 },
    { "WINDOW_UPDATE", NGHTTP2_WINDOW_UPDATE, 0, "\0\0\0\1", 4, 0 },
    { "empty DATA", NGHTTP2_DATA, 0, "", 0, 1 },
};

static void floods_end_the_connection(void **state)
{
    struct peer *p = *state;
    uint8_t post[sizeof h2_get_block];
    memcpy(post, h2_get_block, sizeof post);
    post[0] = 0x83;
    for (size_t i = 0; i < TL_COUNT(floods); i++) {
        const struct flood *f = &floods[i];
        int fd = h2_connect_raw(p), sent = 0;
        assert_true(h2_frame(fd, NGHTTP2_HEADERS, 4, 1, post, sizeof post));
        while (sent < 1000000 && h2_frame(fd, f->type, f->flags, f->stream, f->payload, f->size))
            sent++;
        if (sent == 1000000)
            fail_msg("a million frames of %s were taken", f->name);
        close(fd);
    }
    struct h2_client c;
    connect_h2(&c, p);
    h2_expect(&c, h2_get(&c, "/stream"), 200, "onetwo");
    h2_close(&c);
}

static void rapid_resets_end_the_connection(void **state)
{
    struct peer *p = *state;
    int fd = h2_connect_raw(p);
    uint32_t stream = 1;
    while (stream < 400000 && h2_frame(fd, NGHTTP2_HEADERS, 5, stream, h2_get_block, sizeof h2_get_block) &&
           h2_frame(fd, NGHTTP2_RST_STREAM, 0, stream, "\0\0\0\x08", 4))
        stream += 2;
    assert_true(stream < 400000);
    assert_true(atomic_load(&p->handled) < 20000);
    close(fd);
}

static void endless_heads_end_the_connection(void **state)
{
    struct peer *p = *state;
    /* A literal of 4,000 bytes goes into the dynamic table; each byte after it stands for them once more. */
    uint8_t bomb[8192] = { 0x82, 0x86, 0x84, 0x41, 0x09, 'l', 'o', 'c',  'a',  'l',
                           'h',  'o',  's',  't',  0x40, 1,   'x', 0x7f, 0xa1, 0x1e };
    memset(bomb + 20, 'a', 4000);
    memset(bomb + 4020, 0xbe, sizeof bomb - 4020);
    int fd = h2_connect_raw(p);
    assert_true(h2_frame(fd, NGHTTP2_HEADERS, 5, 1, bomb, sizeof bomb));
    free(peer_read_all(fd, NULL));
    close(fd);
    static const uint8_t part[16000];
    for (int empty = 0; empty < 2; empty++) {
        int sent = 0;
        fd = h2_connect_raw(p);
        assert_true(h2_frame(fd, NGHTTP2_HEADERS, 1, 1, h2_get_block, sizeof h2_get_block));
        while (sent < 100000 && h2_frame(fd, NGHTTP2_CONTINUATION, 0, 1, part, empty ? 0 : sizeof part))
            sent++;
        assert_true(sent < 100000);
        close(fd);
    }
    assert_int_equal(atomic_load(&p->handled), 0);
}

static void too_many_streams_are_refused(void **state)
{
    struct peer *p = *state;
    int fd = h2_connect_raw(p);
    uint8_t post[sizeof h2_get_block];
    memcpy(post, h2_get_block, sizeof post);
    post[0] = 0x83;
    for (uint32_t i = 0; i < 1000; i++) /* bodies that do not come: all stay open */
        if (!h2_frame(fd, NGHTTP2_HEADERS, 4, 2 * i + 1, post, sizeof post))
            break;
    /* One connection's streams are refused or it ends; no other is harmed. */
    struct h2_client c;
    connect_h2(&c, p);
    h2_expect(&c, h2_get(&c, "/stream"), 200, "onetwo");
    h2_close(&c);
    close(fd);
}

static void nonsense_is_answered_with_a_goaway(void **state)
{
    struct peer *p = *state;
    static const struct flood wrong[] = {
        { "DATA on stream 0", NGHTTP2_DATA, 0, "x", 1, 0 },
        { "HEADERS on an even stream", NGHTTP2_HEADERS, 5, "\x82", 1, 2 },
        { "PUSH_PROMISE of a client", NGHTTP2_PUSH_PROMISE, 4, "\0\0\0\2\x82", 5, 1 },
        { "a bad block", NGHTTP2_HEADERS, 5, "\xff\xff\xff\xff\xff\xff", 6, 1 },
        { "SETTINGS of odd length", NGHTTP2_SETTINGS, 0, "\0\1\2", 3, 0 },
    };
    for (size_t i = 0; i < TL_COUNT(wrong); i++) {
        int fd = h2_connect_raw(p);
        size_t size;
        static const uint8_t goaway[] = { NGHTTP2_GOAWAY, 0, 0, 0, 0, 0 };
        assert_true(
            h2_frame(fd, wrong[i].type, wrong[i].flags, wrong[i].stream, wrong[i].payload, wrong[i].size));
        char *all = peer_read_all(fd, &size);
        if (!memmem(all, size, goaway, sizeof goaway))
            fail_msg("no GOAWAY after %s", wrong[i].name);
        free(all);
        close(fd);
    }
}

#define WITH_PEER(test) cmocka_unit_test_setup_teardown(test, open_peer, close_peer)
#define WITH_IMPATIENT_PEER(test) cmocka_unit_test_setup_teardown(test, open_impatient_peer, close_peer)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PEER(bodies_are_the_same_as_over_http_1_1),
        WITH_PEER(the_preface_may_come_byte_by_byte),
        WITH_PEER(a_text_that_only_begins_like_the_preface_is_http_1_1),
        WITH_PEER(the_authority_is_the_host),
        WITH_PEER(headers_come_in_order_and_cookies_in_one),
        WITH_PEER(answers_without_a_body_have_none),
        WITH_PEER(streams_are_sent_as_they_are_written),
        WITH_PEER(a_body_may_end_with_an_empty_frame),
        WITH_PEER(many_requests_share_a_connection),
        WITH_PEER(what_is_too_large_or_wrong_is_refused),
        cmocka_unit_test(foreign_hosts_are_refused_where_hosts_are_checked),
        WITH_PEER(a_drop_resets_the_stream_alone),
        WITH_PEER(what_is_open_is_served_after_a_goaway),
        WITH_PEER(pings_are_acknowledged_and_none_is_made_up),
        WITH_PEER(reset_streams_are_told_and_answered_into_the_void),
        WITH_PEER(a_reset_in_the_middle_of_a_body_harms_nobody),
        WITH_PEER(a_client_that_goes_ends_its_streams),
        cmocka_unit_test(a_closing_server_says_so_and_serves_what_is_open),
        WITH_PEER(a_slow_reader_has_a_bounded_share),
        WITH_PEER(large_bodies_in_turns_all_arrive),
        WITH_PEER(answers_that_are_not_taken_hold_up_requests),
        WITH_IMPATIENT_PEER(a_peer_that_takes_nothing_is_dropped),
        WITH_IMPATIENT_PEER(heads_must_come_in_time),
        WITH_IMPATIENT_PEER(a_body_that_does_not_come_is_given_up),
        WITH_IMPATIENT_PEER(an_idle_connection_is_closed_with_a_goaway),
        WITH_PEER(floods_end_the_connection),
        WITH_PEER(rapid_resets_end_the_connection),
        WITH_PEER(endless_heads_end_the_connection),
        WITH_PEER(too_many_streams_are_refused),
        WITH_PEER(nonsense_is_answered_with_a_goaway),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
