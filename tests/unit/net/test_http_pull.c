/* SPDX-License-Identifier: Apache-2.0 */
/* Answers that come bit by bit, from a server that ends some without a word. */
#include "support.h"

#include "base/time.h"
#include "net/http_pull.h"
#include "net/http_server.h"

#include <pthread.h>

struct fixture {
    struct tl_http_server *server;
    struct tl_http_pull *pull;
    char url[80];
    unsigned drops; /* the server's thread's, once it runs: requests that nobody answers */
    struct tl_error error;
};

static void handler(struct tl_http_exchange *x, void *user)
{
    struct fixture *f = user;
    if (f->drops) {
        f->drops--;
        tl_http_exchange_drop(x);
        return;
    }
    tl_http_respond(x, 200, "text/plain", NULL, 0, tl_http_body(x));
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    struct tl_http_server_options options = { .name = "test", .body_max = 1 << 20, .handler = handler, .user = f };
    f->drops = 3;
    test_ok(tl_http_server_open(&f->server, "127.0.0.1:0", &options, &f->error), &f->error);
    snprintf(f->url, sizeof f->url, "http://%s/", tl_http_server_address(f->server));
    test_ok(tl_http_pull_new(&f->pull, 1 << 20, &f->error), &f->error);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    tl_http_pull_free(f->pull);
    tl_http_server_close(f->server, 0);
    free(f);
    return 0;
}

/* True when an answer has come, whole; false when its connection ended. */
static bool ask(struct fixture *f, const char *body)
{
    bool ended = false;
    struct tl_http_request request = { .method = "POST", .url = f->url, .body = tl_view_of(body) };
    test_ok(tl_http_pull_send(f->pull, &request, &f->error), &f->error);
    for (int i = 0; i < 1000 && !ended; i++)
        if (!tl_http_pull_step(f->pull, 1 << 20, 10 * TL_NS_PER_MS, &ended, &f->error))
            return false;
    assert_true(ended);
    return true;
}

/* A stream that was reset takes no later one with it. */
static void after_answers_that_did_not_come_others_do(void **state)
{
    struct fixture *f = *state;
    for (unsigned i = 0; i < 3; i++) {
        assert_false(ask(f, "lost"));
        assert_true(tl_code_is_retriable(f->error.code));
    }
    for (unsigned i = 0; i < 3; i++) {
        test_ok(ask(f, "found"), &f->error);
        assert_int_equal(tl_http_pull_response(f->pull)->status, 200);
        assert_true(tl_view_is(tl_buf_view(&tl_http_pull_response(f->pull)->body), "found"));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(after_answers_that_did_not_come_others_do, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
