/* SPDX-License-Identifier: Apache-2.0 */
/* The access log: what a line says, what it never says, and files that cannot be written. */
#include "h2_client.h"

#include "codec/json.h"

#include <fcntl.h>
#include <sys/stat.h>

struct fixture {
    char *dir, path[256];
    struct peer peer;
    struct tl_json_parser *parser;
};

static void open_log(struct fixture *f, const char *path)
{
    peer_open(&f->peer, &(struct tl_http_server_options){ .access_log = path });
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct tl_error error;
    assert_non_null(f);
    f->dir = test_dir_new();
    snprintf(f->path, sizeof f->path, "%s/access.log", f->dir);
    test_ok(tl_json_parser_new(&f->parser, &error), &error);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    tl_json_parser_free(f->parser);
    test_dir_remove(f->dir);
    free(f);
    return 0;
}

static void ask(struct fixture *f, const char *request, const char *wanted)
{
    char text[65536];
    int fd = peer_connect(&f->peer);
    peer_send_text(fd, request);
    peer_read_until(fd, wanted, text, sizeof text);
    assert_non_null(strstr(text, wanted));
    close(fd);
}

/* Closes the server, which writes all, and reads the file. */
static char *close_and_read(struct fixture *f)
{
    struct tl_buf text;
    struct tl_error error;
    peer_close(&f->peer);
    tl_buf_init(&text, 64 << 20);
    test_ok(tl_file_read(f->path, &text, &error), &error);
    char *copy = strdup(tl_buf_text(&text));
    tl_buf_release(&text);
    return copy;
}

struct line {
    struct tl_view time, server, protocol, method, path, action, stream;
    int64_t status, bytes_in, bytes_out;
    bool tls, aborted;
};

static struct tl_view text_of(struct tl_json root, const char *name)
{
    struct tl_json v;
    struct tl_view text = { NULL, 0 };
    if (tl_json_get(root, name, &v))
        assert_true(tl_json_string(v, &text));
    return text;
}

static int64_t number_of(struct tl_json root, const char *name)
{
    struct tl_json v;
    int64_t n = -1;
    assert_true(tl_json_get(root, name, &v) && tl_json_i64(v, &n));
    return n;
}

/* The next line of *rest; its views live until the next call. */
static struct line next_line(struct fixture *f, struct tl_view *rest)
{
    struct tl_view text = tl_view_split(*rest, '\n', rest);
    struct tl_json root, v;
    struct tl_error error;
    double took = -1;
    int64_t began;
    assert_true(text.size > 0);
    test_ok(tl_json_parse_copy(f->parser, text, &root, &error), &error);
    struct line l = { text_of(root, "time"),
                      text_of(root, "server"),
                      text_of(root, "protocol"),
                      text_of(root, "method"),
                      text_of(root, "path"),
                      text_of(root, "action"),
                      text_of(root, "stream"),
                      number_of(root, "status"),
                      number_of(root, "bytes_in"),
                      number_of(root, "bytes_out"),
                      tl_json_get_bool(root, "tls", true),
                      tl_json_get_bool(root, "aborted", false) };
    assert_true(tl_json_get(root, "duration_ms", &v) && tl_json_double(v, &took) && took >= 0);
    assert_true(tl_time_parse(l.time, &began));
    assert_int_equal(l.time.size, strlen("2025-09-27T12:34:00.123Z"));
    assert_true(tl_view_starts_with(text_of(root, "peer"), TL_VIEW("127.0.0.1:")));
    assert_true(tl_view_is(l.server, "test"));
    return l;
}

static void expect_line(struct fixture *f, struct tl_view *rest, const char *protocol, const char *method,
                        const char *path, int status, int64_t in, int64_t out)
{
    struct line l = next_line(f, rest);
    assert_true(tl_view_is(l.protocol, protocol));
    assert_true(tl_view_is(l.method, method));
    assert_true(tl_view_is(l.path, path));
    assert_int_equal(l.status, status);
    assert_int_equal(l.bytes_in, in);
    assert_int_equal(l.bytes_out, out);
    assert_false(l.aborted || l.tls);
}

static void a_line_tells_the_request_and_no_secret(void **state)
{
    struct fixture *f = *state;
    struct h2_client c;
    const char *const secret[] = { "authorization", "SECRET-1", "cookie", "SECRET-2", NULL };
    open_log(f, f->path);
    ask(f,
        "POST /note?X-Amz-Signature=SECRET-3 HTTP/1.1\r\nHost: localhost\r\nAuthorization: "
        "SECRET-4\r\nContent-Length: 5\r\n\r\nticks",
        "noted");
    ask(f, "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n", "0\r\n\r\n");
    ask(f, "GET /a%0a%1b%22%ff HTTP/1.1\r\nHost: localhost\r\n\r\n", "404");
    ask(f, "POST /echo HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999\r\n\r\n", "413");
    ask(f, "HEAD /echo HTTP/1.1\r\nHost: localhost\r\n\r\n", "200");
    h2_open(&c, peer_connect(&f->peer), NULL, NULL, 0);
    h2_expect(&c, h2_ask(&c, "POST", "/note", secret, "ticks", 5), 200, "noted");
    h2_await(&c, h2_get(&c, "/drop"));
    h2_expect(&c, h2_get(&c, "/large"), 200, NULL);
    h2_close(&c);
    char *text = close_and_read(f);
    struct tl_view rest = tl_view_of(text);
    assert_null(strstr(text, "SECRET"));
    struct line first = next_line(f, &rest);
    assert_true(tl_view_is(first.path, "/note") && tl_view_is(first.stream, "ticks"));
    assert_true(tl_view_is(first.action, "Put\"Record\"\n")); /* escaped: it is one line all the same */
    expect_line(f, &rest, "HTTP/1.1", "GET", "/stream", 200, 0, 6);
    assert_int_equal(next_line(f, &rest).status, 404);
    expect_line(f, &rest, "HTTP/1.1", "POST", "/echo", 413, 0, 0);
    expect_line(f, &rest, "HTTP/1.1", "HEAD", "/echo", 200, 0, 0);
    expect_line(f, &rest, "HTTP/2", "POST", "/note", 200, 5, 5);
    expect_line(f, &rest, "HTTP/2", "GET", "/drop", 0, 0, 0);
    expect_line(f, &rest, "HTTP/2", "GET", "/large", 200, 0, (int64_t)LARGE_SIZE);
    assert_int_equal(rest.size, 0);
    free(text);
}

static void who_leaves_early_is_told_to_have_left(void **state)
{
    struct fixture *f = *state;
    open_log(f, f->path);
    int fd = peer_connect(&f->peer);
    peer_send_text(fd, "GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n");
    peer_wait(&f->peer, &f->peer.handled, 1);
    close(fd);
    peer_wait(&f->peer, &f->peer.closed_streams, 1);
    char *text = close_and_read(f);
    struct tl_view rest = tl_view_of(text);
    struct line l = next_line(f, &rest);
    assert_true(l.aborted && tl_view_is(l.path, "/flood"));
    free(text);
}

static void lines_are_appended_and_several_servers_share_a_file(void **state)
{
    struct fixture *f = *state;
    struct fixture second = *f;
    struct tl_error error;
    size_t count = 0;
    test_ok(tl_file_write_atomic(f->path, TL_VIEW("before\n"), &error), &error);
    open_log(f, f->path);
    open_log(&second, f->path);
    for (int i = 0; i < 50; i++) {
        ask(f, "GET /echo HTTP/1.1\r\nHost: localhost\r\n\r\n", "200");
        ask(&second, "GET /empty HTTP/1.1\r\nHost: localhost\r\n\r\n", "204");
    }
    peer_close(&second.peer);
    char *text = close_and_read(f);
    struct tl_view rest = tl_view_of(text);
    assert_true(tl_view_is(tl_view_split(rest, '\n', &rest), "before"));
    for (; rest.size; count++)
        next_line(f, &rest);
    assert_int_equal(count, 100);
    free(text);
}

static void a_log_that_cannot_be_opened_is_an_error(void **state)
{
    struct tl_http_server *server;
    struct tl_error error;
    struct tl_http_server_options o = { .name = "x",
                                        .handler = peer_handle,
                                        .access_log = "/nowhere/access.log" };
    (void)state;
    assert_false(tl_http_server_open(&server, "127.0.0.1:0", &o, &error));
    assert_non_null(strstr(error.text, "/nowhere/access.log"));
}

/* A full disk, and a pipe that nobody reads: requests are served all the same. */
static void a_log_that_cannot_be_written_holds_nobody_up(void **state)
{
    struct fixture *f = *state;
    char request[9000];
    snprintf(request, sizeof request, "GET /%0*d HTTP/1.1\r\nHost: localhost\r\n\r\n", 8000, 0);
    open_log(f, "/dev/full");
    for (int i = 0; i < 20; i++)
        ask(f, request, "404");
    peer_close(&f->peer);
    assert_int_equal(mkfifo(f->path, 0600), 0);
    int reader = open(f->path, O_RDONLY | O_NONBLOCK);
    assert_true(reader >= 0);
    open_log(f, f->path);
    for (int i = 0; i < 1000; i++) /* 8 MB: more than a pipe and the log's own buffer hold */
        ask(f, request, "404");
    peer_close(&f->peer);
    char first[16];
    assert_true(read(reader, first, sizeof first) == sizeof first);
    assert_memory_equal(first, "{\"time\":\"", 9);
    close(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_tells_the_request_and_no_secret, setup, teardown),
        cmocka_unit_test_setup_teardown(who_leaves_early_is_told_to_have_left, setup, teardown),
        cmocka_unit_test_setup_teardown(lines_are_appended_and_several_servers_share_a_file, setup, teardown),
        cmocka_unit_test_setup_teardown(a_log_that_cannot_be_opened_is_an_error, setup, teardown),
        cmocka_unit_test_setup_teardown(a_log_that_cannot_be_written_holds_nobody_up, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
