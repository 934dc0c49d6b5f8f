/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/time.h"
#include "net/http_client.h"
#include "net/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>

#define SECOND TL_NS_PER_S

struct fixture {
    struct tl_http_server *server;
    struct tl_http_exchange *parked; /* of "/park", answered by "/release" */
};

static void answer_parked(void *arg)
{
    struct fixture *f = arg;
    tl_http_respond(f->parked, 200, "text/plain", NULL, 0, TL_VIEW("parked"));
    f->parked = NULL;
}

static void *release_from_a_thread(void *arg)
{
    struct fixture *f = arg;
    assert_true(tl_http_server_post(f->server, answer_parked, f));
    return NULL;
}

static void end_stream(void *x)
{
    tl_http_stream_end(x);
}

static void handle(struct tl_http_exchange *x, void *user)
{
    struct fixture *f = user;
    struct tl_view path = tl_http_path(x);
    if (tl_view_is(path, "/park")) {
        f->parked = x;
    } else if (tl_view_is(path, "/release")) {
        tl_http_respond(x, 200, "text/plain", NULL, 0, TL_VIEW("released"));
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, release_from_a_thread, f), 0);
        pthread_detach(thread);
    } else if (tl_view_is(path, "/stream")) {
        tl_http_stream_begin(x, 200, "text/event-stream", NULL, 0, end_stream, x);
        tl_http_stream_write(x, TL_VIEW("one"));
        tl_http_stream_write(x, TL_VIEW("two"));
        tl_http_stream_end(x);
    } else if (tl_view_is(path, "/flood")) {
        static char block[4096];
        tl_http_stream_begin(x, 200, "text/event-stream", NULL, 0, end_stream, x);
        while (tl_http_stream_room(x) > 0) /* a reader that does not read has a bounded share */
            tl_http_stream_write(x, (struct tl_view){ block, sizeof block });
    } else {
        tl_http_respond(x, 200, "text/plain", NULL, 0, tl_http_body(x).size ? tl_http_body(x) : path);
    }
}

static int open_server(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct tl_error error;
    struct tl_http_server_options options = {
        .name = "test", .body_max = 10000, .check_host = true, .handler = handle, .user = f
    };
    assert_non_null(f);
    test_ok(tl_http_server_open(&f->server, "127.0.0.1:0", &options, &error), &error);
    *state = f;
    return 0;
}

static int close_server(void **state)
{
    struct fixture *f = *state;
    tl_http_server_close(f->server, SECOND / 10);
    free(f);
    return 0;
}

static int connect_to(const struct fixture *f)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)tl_http_server_port(f->server)) };
    struct timeval patience = { .tv_sec = 5 };
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(inet_pton(AF_INET, "127.0.0.1", &address.sin_addr), 1);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    return fd;
}

static void send_text(int fd, const char *text)
{
    assert_int_equal(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
}

/* Reads until the text holds what is wanted, or the connection ends. */
static void read_until(int fd, const char *wanted, char *out, size_t size)
{
    size_t used = 0;
    out[0] = '\0';
    while (!strstr(out, wanted) && used + 1 < size) {
        ssize_t n = recv(fd, out + used, size - used - 1, 0);
        if (n <= 0)
            break;
        used += (size_t)n;
        out[used] = '\0';
    }
}

static void expect(const struct fixture *f, const char *request, const char *answer)
{
    char text[65536];
    int fd = connect_to(f);
    send_text(fd, request);
    read_until(fd, answer, text, sizeof text);
    if (!strstr(text, answer))
        fail_msg("%s\n-- answered:\n%s\n-- expected:\n%s", request, text, answer);
    close(fd);
}

static void requests_on_one_connection_are_answered_in_order(void **state)
{
    struct fixture *f = *state;
    char text[65536];
    int fd = connect_to(f);
    /* The first is answered last, by another thread: the answers keep the requests' order all the same. */
    send_text(fd,
              "GET /park HTTP/1.1\r\nHost: localhost\r\n\r\nGET /release HTTP/1.1\r\nHost: localhost\r\n\r\n"
              "GET /third HTTP/1.1\r\nHost: localhost\r\n\r\n");
    read_until(fd, "/third", text, sizeof text);
    const char *parked = strstr(text, "parked"), *released = strstr(text, "released"),
               *third = strstr(text, "/third");
    assert_true(parked && released && third && parked < released && released < third);
    close(fd);
}

static void bodies_come_whole_by_length_and_by_chunks(void **state)
{
    expect(*state, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhello", "\r\n\r\nhello");
    expect(*state,
           "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: "
           "chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n",
           "\r\n\r\nhello");
    expect(*state, "POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n",
           "HTTP/1.1 100 Continue");
}

static void what_is_too_large_or_wrong_is_refused(void **state)
{
    char large[40000];
    snprintf(large, sizeof large, "GET / HTTP/1.1\r\nHost: localhost\r\nX: %0*d\r\n\r\n", 20000, 0);
    expect(*state, large, "HTTP/1.1 431 ");
    expect(*state, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10001\r\n\r\n", "HTTP/1.1 413 ");
    expect(*state,
           "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
           "HTTP/1.1 400 ");
    expect(*state, "nonsense\r\n\r\n", "HTTP/1.1 400 ");
    expect(*state, "GET /%zz HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 400 ");
    expect(*state, "GET /%00 HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 400 ");
}

static void only_our_own_names_are_answered(void **state)
{
    static const char *const good[] = { "localhost", "LOCALHOST:80", "127.0.0.1", "localhost.", "[::1]:9" };
    static const char *const bad[] = { "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "",
                                       "[::2]" };
    char request[256];
    for (size_t i = 0; i < TL_COUNT(good); i++) {
        snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", good[i]);
        expect(*state, request, "HTTP/1.1 200 ");
    }
    for (size_t i = 0; i < TL_COUNT(bad); i++) {
        snprintf(request, sizeof request, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", bad[i]);
        expect(*state, request, "HTTP/1.1 403 ");
    }
    expect(*state, "GET / HTTP/1.1\r\n\r\n", "HTTP/1.1 403 ");
    expect(*state, "GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", "HTTP/1.1 403 ");
    expect(*state, "GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n\r\n", "HTTP/1.1 403 ");
    expect(*state, "GET http://localhost/x HTTP/1.1\r\nHost: localhost\r\n\r\n", "\r\n\r\n/x");
}

static void streams_are_chunked_and_bounded(void **state)
{
    expect(*state, "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n", "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");
    struct fixture *f = *state;
    int slow = connect_to(f);
    send_text(slow, "GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n");
    expect(f, "GET /still-there HTTP/1.1\r\nHost: localhost\r\n\r\n",
           "/still-there"); /* the flood has ended by itself */
    close(slow);
}

static void clients_that_leave_early_do_no_harm(void **state)
{
    struct fixture *f = *state;
    for (int i = 0; i < 50; i++) {
        int fd = connect_to(f);
        send_text(fd, i % 2 ? "GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n"
                            : "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 50\r\n\r\nhalf");
        close(fd);
    }
    expect(f, "GET /alive HTTP/1.1\r\nHost: localhost\r\n\r\n", "/alive");
}

static void the_client_speaks_to_the_server(void **state)
{
    struct fixture *f = *state;
    struct tl_http_client *client;
    struct tl_http_response response;
    struct tl_error error;
    char url[128];
    snprintf(url, sizeof url, "http://%s/", tl_http_server_address(f->server));
    test_ok(tl_http_client_new(&client, 1 << 20, &error), &error);
    tl_http_response_init(&response, 1 << 20);
    struct tl_http_request request = {
        .method = "POST", .url = url, .body = TL_VIEW("body"), .timeout_ns = 5 * SECOND
    };
    for (int i = 0; i < 100; i++) {
        test_ok(tl_http_client_send(client, &request, &response, &error), &error);
        assert_int_equal(response.status, 200);
        assert_true(tl_view_is(tl_buf_view(&response.body), "body"));
        assert_true(tl_view_is(tl_http_response_header(&response, "content-type"), "text/plain"));
    }
    request.url = "http://127.0.0.1:1/";
    assert_false(tl_http_client_send(client, &request, &response, &error));
    assert_int_equal(error.code, TL_UNAVAILABLE);
    tl_http_response_release(&response);
    tl_http_client_free(client);
}

/* As java.net.http does it: the offer stands in a request that has a body. */
static void an_offer_to_upgrade_is_passed_over(void **state)
{
    struct fixture *f = *state;
    char answer[1000];
    int fd = connect_to(f);
#define OFFER "Host: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAEAAEAAAAIAAAAB\r\n"
    send_text(fd, "POST /a HTTP/1.1\r\n" OFFER "Content-Length: 4\r\n\r\nbody"
                  "POST /b HTTP/1.1\r\n" OFFER "Transfer-Encoding: chunked\r\n\r\n5\r\nchunk\r\n0\r\n\r\n"
                  "GET /c HTTP/1.1\r\n" OFFER "\r\n"
                  "GET /last HTTP/1.1\r\nHost: localhost\r\n\r\n");
    read_until(fd, "/last", answer, sizeof answer);
    const char *body = strstr(answer, "\r\n\r\nbody"), *chunk = strstr(answer, "\r\n\r\nchunk");
    const char *none = strstr(answer, "\r\n\r\n/c"), *last = strstr(answer, "\r\n\r\n/last");
    assert_true(body && chunk && none && last && body < chunk && chunk < none && none < last);
    assert_null(strstr(answer, " 101 "));
    close(fd);
}

static void a_port_in_use_is_told(void **state)
{
    struct fixture *f = *state;
    struct tl_http_server *second;
    struct tl_error error;
    struct tl_http_server_options options = { .name = "test2", .handler = handle, .user = f };
    assert_false(tl_http_server_open(&second, tl_http_server_address(f->server), &options, &error));
    assert_int_equal(error.code, TL_CONFLICT);
    assert_non_null(strstr(error.text, tl_http_server_address(f->server)));
    assert_false(tl_http_server_open(&second, "nowhere", &options, &error));
    assert_int_equal(error.code, TL_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(requests_on_one_connection_are_answered_in_order, open_server,
                                        close_server),
        cmocka_unit_test_setup_teardown(bodies_come_whole_by_length_and_by_chunks, open_server, close_server),
        cmocka_unit_test_setup_teardown(what_is_too_large_or_wrong_is_refused, open_server, close_server),
        cmocka_unit_test_setup_teardown(only_our_own_names_are_answered, open_server, close_server),
        cmocka_unit_test_setup_teardown(streams_are_chunked_and_bounded, open_server, close_server),
        cmocka_unit_test_setup_teardown(clients_that_leave_early_do_no_harm, open_server, close_server),
        cmocka_unit_test_setup_teardown(the_client_speaks_to_the_server, open_server, close_server),
        cmocka_unit_test_setup_teardown(an_offer_to_upgrade_is_passed_over, open_server, close_server),
        cmocka_unit_test_setup_teardown(a_port_in_use_is_told, open_server, close_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
