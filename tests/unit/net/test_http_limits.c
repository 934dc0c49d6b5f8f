/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/1.1 of the server: its limits of time and number, and ends of connections. */
#include "http_peer.h"

#define GET_STREAM "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n"

static void open_peer(struct peer *p, int64_t header_ns, int64_t idle_ns, size_t connections)
{
    struct tl_http_server_options o = { .header_timeout_ns = header_ns,
                                        .idle_timeout_ns = idle_ns,
                                        .connections_max = connections };
    peer_open(p, &o);
}

static void expect_end(struct peer *p, const char *sent, const char *answer)
{
    int fd = peer_connect(p);
    peer_send_text(fd, sent);
    char *text = peer_read_all(fd, NULL);
    if (!strstr(text, answer) || (!*answer && *text))
        fail_msg("%s\n-- answered:\n%s\n-- expected:\n%s", sent, text, answer);
    free(text);
    close(fd);
}

static void heads_must_come_in_time(void **state)
{
    (void)state;
    struct peer p;
    open_peer(&p, 50 * MS, 60 * SECOND, 0);
    expect_end(&p, "", "");
    expect_end(&p, "GET / HTT", "HTTP/1.1 408 ");
    expect_end(&p, "GET /stream HTTP/1.1\r\nHost: loc", "HTTP/1.1 408 ");
    expect_end(&p, GET_STREAM "GET / HTT", "HTTP/1.1 408 "); /* a second one's as well */
    peer_close(&p);
}

static void idle_connections_are_closed_and_waiting_ones_are_not(void **state)
{
    (void)state;
    struct peer p;
    open_peer(&p, 60 * SECOND, 50 * MS, 0);
    int parked = peer_connect(&p);
    peer_send_text(parked, "GET /park HTTP/1.1\r\nHost: localhost\r\n\r\n");
    peer_wait(&p, &p.handled, 1);
    for (int i = 0; i < 4; i++) /* each lasts for the idle time-out */
        expect_end(&p, GET_STREAM, "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");
    peer_call(&p, peer_release_parked, &p);
    char text[4096];
    peer_read_until(parked, "parked", text, sizeof text);
    assert_non_null(strstr(text, "HTTP/1.1 200 "));
    close(parked);
    peer_close(&p);
}

static void bodies_must_come_at_some_pace(void **state)
{
    (void)state;
    struct peer p;
    open_peer(&p, 60 * SECOND, 100 * MS, 0);
    static const char head[] = "POST /size HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\n";
    int slow = peer_connect(&p);
    peer_send_text(slow, head);
    bool open = true;
    char text[4096] = "";
    while (open) { /* 10 bytes now and then: never idle, and far too slow */
        peer_send(slow, "x", 1);
        ssize_t n = recv(slow, text, sizeof text - 1, MSG_DONTWAIT);
        open = n < 0 && errno == EAGAIN;
        text[n > 0 ? n : 0] = '\0';
        usleep(5000);
    }
    assert_non_null(strstr(text, "HTTP/1.1 408 "));
    close(slow);
    assert_int_equal(atomic_load(&p.handled), 0);
    peer_close(&p);
}

static void slow_connections_do_not_stop_a_healthy_client(void **state)
{
    (void)state;
    struct peer p;
    enum { MAX = 50 };
    int idle[MAX], half[MAX];
    char text[4096];
    open_peer(&p, 60 * SECOND, 60 * SECOND, MAX);
    for (int i = 0; i < MAX; i++) { /* they have had an answer, and do nothing more */
        idle[i] = peer_connect(&p);
        peer_send_text(idle[i], GET_STREAM);
        peer_read_until(idle[i], "0\r\n\r\n", text, sizeof text);
    }
    int healthy = peer_connect(&p);
    peer_send_text(healthy, GET_STREAM);
    peer_read_until(healthy, "0\r\n\r\n", text, sizeof text);
    assert_non_null(strstr(text, "one"));
    assert_int_equal(recv(idle[0], text, 1, 0), 0); /* the one that was idle for longest went */
    for (int i = 0; i < MAX; i++) { /* each takes the place of an idle one, and then is at work */
        half[i] = peer_connect(&p);
        peer_send_text(half[i], "GET / HTTP/1.1\r\n");
        peer_call(&p, NULL, NULL);
        peer_call(&p, NULL, NULL);
    }
    expect_end(&p, "", ""); /* now all are at work: one more is closed at once */
    for (int i = 0; i < MAX; i++) {
        close(half[i]);
        close(idle[i]);
    }
    close(healthy);
    peer_close(&p);
}

static void an_answer_reaches_who_is_still_sending(void **state)
{
    (void)state;
    struct peer p;
    open_peer(&p, 0, 0, 0);
    for (int i = 0; i < 20; i++) {
        int fd = peer_connect(&p);
        char *body = large_body();
        peer_send_text(fd, "POST /size HTTP/1.1\r\nHost: localhost\r\nContent-Length: 20000000\r\n\r\n");
        assert_true(
            peer_send(fd, body, 4 << 20)); /* after a reset this would fail, and the answer could be lost */
        char text[4096];
        peer_read_until(fd, "\r\n\r\n", text, sizeof text);
        assert_non_null(strstr(text, "HTTP/1.1 413 "));
        assert_int_equal(recv(fd, text, sizeof text, 0),
                         0); /* an end, and no reset, which could lose the answer */
        free(body);
        close(fd);
    }
    peer_close(&p);
}

static void a_hundred_requests_at_once_are_answered_in_order(void **state)
{
    (void)state;
    struct peer p;
    struct tl_buf asked;
    char wanted[64];
    open_peer(&p, 0, 0, 0);
    tl_buf_init(&asked, 1 << 20);
    for (int i = 0; i < 100; i++)
        tl_buf_addf(&asked, "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 7%s\r\n\r\nno. %03d",
                    i == 99 ? "\r\nConnection: close" : "", i);
    int fd = peer_connect(&p);
    peer_send_text(fd, tl_buf_text(&asked));
    char *text = peer_read_all(fd, NULL), *at = text;
    for (int i = 0; i < 100; i++) {
        snprintf(wanted, sizeof wanted, "\r\n\r\nno. %03d", i);
        assert_non_null(at = strstr(at, wanted));
    }
    assert_null(strstr(text, "HTTP/1.1 4"));
    free(text);
    tl_buf_release(&asked);
    close(fd);
    peer_close(&p);
}

static void keep_alive_is_kept_and_close_closes(void **state)
{
    (void)state;
    struct peer p;
    open_peer(&p, 0, 0, 0);
    expect_end(&p, "GET /stream HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", "0\r\n\r\n");
    expect_end(&p, "GET /stream HTTP/1.0\r\nHost: localhost\r\n\r\n",
               "\r\n\r\nonetwo"); /* no chunks in 1.0 */
    expect_end(&p,
               "GET /echo HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n" GET_STREAM
               "GET /echo HTTP/1.0\r\n\r\n",
               "Connection: keep-alive");
    expect_end(&p, GET_STREAM "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
               "HTTP/1.1 400 ");
    expect_end(
        &p, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 400 ");
    peer_close(&p);
}

static void trailers_are_no_headers(void **state)
{
    (void)state;
    struct peer p;
    char text[4096];
    open_peer(&p, 0, 0, 0);
    int fd = peer_connect(&p);
    peer_send_text(
        fd, "POST /request HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n"
            "Authorization: forged\r\n\r\n");
    peer_read_until(fd, "host is", text, sizeof text);
    assert_non_null(strstr(text, "Host=localhost\n"));
    assert_null(strstr(text, "Authorization"));
    close(fd);
    peer_close(&p);
}

static void a_drop_closes_after_what_came_before(void **state)
{
    (void)state;
    struct peer p;
    open_peer(&p, 0, 0, 0);
    int fd = peer_connect(&p);
    peer_send_text(fd, GET_STREAM "GET /drop HTTP/1.1\r\nHost: localhost\r\n\r\n" GET_STREAM);
    char *text = peer_read_all(fd, NULL), *first = strstr(text, "HTTP/1.1 200 ");
    assert_non_null(first);
    assert_non_null(strstr(text, "0\r\n\r\n"));
    assert_null(strstr(first + 1, "HTTP/1.1"));
    free(text);
    close(fd);
    expect_end(&p, "GET /drop HTTP/1.1\r\nHost: localhost\r\n\r\n", "");
    fd = peer_connect(&p);
    peer_send_text(fd, "GET /broken HTTP/1.1\r\nHost: localhost\r\n\r\n");
    text = peer_read_all(fd, NULL);
    assert_non_null(strstr(text, "4\r\nhalf\r\n"));
    assert_null(strstr(text, "0\r\n\r\n")); /* cut: the client must see that it is not whole */
    free(text);
    close(fd);
    peer_close(&p);
}

static void the_date_is_of_today(void **state)
{
    (void)state;
    struct peer p;
    char text[4096], before[64], after[64];
    time_t now = time(NULL);
    struct tm utc;
    open_peer(&p, 0, 0, 0);
    strftime(before, sizeof before, "Date: %a, %d %b %Y %H:%M:", gmtime_r(&now, &utc));
    int fd = peer_connect(&p);
    peer_send_text(fd, GET_STREAM);
    peer_read_until(fd, "\r\n\r\n", text, sizeof text);
    now = time(NULL);
    strftime(after, sizeof after, "Date: %a, %d %b %Y %H:%M:", gmtime_r(&now, &utc));
    assert_true(strstr(text, before) || strstr(text, after));
    assert_non_null(strstr(text, " GMT\r\n"));
    close(fd);
    peer_close(&p);
}

static void a_closing_server_ends_streams_and_answers_the_rest(void **state)
{
    (void)state;
    struct peer p;
    char text[65536];
    open_peer(&p, 0, 0, 0);
    int flood = peer_connect(&p), large = peer_connect(&p), idle = peer_connect(&p);
    peer_send_text(flood, "GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n");
    peer_send_text(large, "GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n");
    peer_wait(&p, &p.handled, 2);
    pthread_t closer;
    assert_int_equal(pthread_create(&closer, NULL, (void *(*)(void *))(void (*)(void))peer_close, &p), 0);
    size_t size;
    char *all = peer_read_all(large, &size);
    assert_true(size > LARGE_SIZE);
    free(all);
    all = peer_read_all(flood, &size);
    assert_memory_equal(all + size - 5, "0\r\n\r\n", 5);
    free(all);
    assert_int_equal(recv(idle, text, sizeof text, 0), 0);
    pthread_join(closer, NULL);
    assert_int_equal(atomic_load(&p.closed_streams), 1);
    close(flood);
    close(large);
    close(idle);
}

/* What fuzzing started from (tests/fuzz/fuzz_http.c tells the first byte's meaning), at the speed of a unit
 * test. */
static void the_fuzz_corpus_does_no_harm(void **state)
{
    (void)state;
    static const char dir[] = TL_SOURCE_DIR "/tests/fuzz/corpus/http";
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0";
    struct peer p;
    struct tl_dir_list list;
    struct tl_error error;
    open_peer(&p, 0, 0, 0);
    test_ok(tl_dir_list(dir, &list, &error), &error);
    assert_true(list.count >= 20);
    for (size_t i = 0; i < list.count; i++) {
        char path[4096];
        struct tl_buf input;
        tl_buf_init(&input, 1 << 20);
        snprintf(path, sizeof path, "%s/%s", dir, list.names[i]);
        test_ok(tl_file_read(path, &input, &error), &error);
        assert_true(input.size > 0);
        int fd = peer_connect(&p);
        if (input.data[0] & 4)
            assert_true(peer_send(fd, preface, sizeof preface));
        peer_send(fd, input.data + 1, input.size - 1);
        shutdown(fd, SHUT_WR);
        free(peer_read_all(fd, NULL)); /* it ends */
        close(fd);
        tl_buf_release(&input);
    }
    tl_dir_list_release(&list);
    int fd = peer_connect(&p);
    char text[4096];
    peer_send_text(fd, GET_STREAM);
    peer_read_until(fd, "0\r\n\r\n", text, sizeof text);
    assert_non_null(strstr(text, "one"));
    close(fd);
    peer_close(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_must_come_in_time),
        cmocka_unit_test(idle_connections_are_closed_and_waiting_ones_are_not),
        cmocka_unit_test(bodies_must_come_at_some_pace),
        cmocka_unit_test(slow_connections_do_not_stop_a_healthy_client),
        cmocka_unit_test(an_answer_reaches_who_is_still_sending),
        cmocka_unit_test(a_hundred_requests_at_once_are_answered_in_order),
        cmocka_unit_test(keep_alive_is_kept_and_close_closes),
        cmocka_unit_test(trailers_are_no_headers),
        cmocka_unit_test(a_drop_closes_after_what_came_before),
        cmocka_unit_test(the_date_is_of_today),
        cmocka_unit_test(a_closing_server_ends_streams_and_answers_the_rest),
        cmocka_unit_test(the_fuzz_corpus_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
