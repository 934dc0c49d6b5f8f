/* SPDX-License-Identifier: Apache-2.0 */
/* A text on a socket in a folder: paths of any length, sockets that were left behind, peers that go away or do not read. */
#include "support.h"

#include "base/time.h"
#include "net/local_server.h"

#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define NAME "status.sock"

struct fixture {
    char *root, dir[4096];
    struct tl_local_server *server;
    size_t size; /* of the text */
    struct tl_error error;
};

static void answer(void *user, struct tl_buf *out)
{
    struct fixture *x = user;
    for (size_t i = 0; i < x->size; i++)
        tl_buf_add_char(out, (char)('a' + i % 26));
}

static int set_up(void **state)
{
    struct fixture *x = calloc(1, sizeof *x);
    x->root = test_dir_new();
    /* Longer than a socket's address. */
    snprintf(x->dir, sizeof x->dir, "%s/%0100d/%0100d", x->root, 1, 2);
    test_ok(tl_dir_make(x->dir, &x->error), &x->error);
    x->size = 1000;
    signal(SIGPIPE, SIG_IGN);
    *state = x;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *x = *state;
    tl_local_server_close(x->server);
    test_dir_remove(x->root);
    free(x);
    return 0;
}

static void open_server(struct fixture *x)
{
    test_ok(tl_local_server_open(&x->server, x->dir, NAME, answer, x, &x->error), &x->error);
}

static bool fetch(struct fixture *x, int64_t timeout_ns, size_t *size)
{
    struct tl_buf text;
    tl_buf_init(&text, 64u << 20);
    bool ok = tl_local_fetch(x->dir, NAME, timeout_ns, &text, &x->error);
    *size = text.size;
    tl_buf_release(&text);
    return ok;
}

static void everybody_gets_the_text(void **state)
{
    struct fixture *x = *state;
    size_t size;
    open_server(x);
    for (int i = 0; i < 20; i++) {
        x->size = (size_t)i * 100000 + 1;
        test_ok(fetch(x, 20 * TL_NS_PER_S, &size), &x->error);
        assert_int_equal(size, x->size);
    }
    struct stat st;
    char path[4200];
    snprintf(path, sizeof path, "%s/" NAME, x->dir);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
}

static void nobody_there(void **state)
{
    struct fixture *x = *state;
    size_t size;
    assert_false(fetch(x, TL_NS_PER_S, &size));
    assert_int_equal(x->error.code, TL_NOT_FOUND);
    open_server(x);
    tl_local_server_close(x->server);
    x->server = NULL;
    assert_false(fetch(x, TL_NS_PER_S, &size)); /* it takes its socket with it */
    assert_int_equal(x->error.code, TL_NOT_FOUND);
}

static void a_socket_of_a_process_that_was_killed(void **state)
{
    struct fixture *x = *state;
    size_t size;
    char cwd[4096];
    assert_non_null(getcwd(cwd, sizeof cwd));
    assert_int_equal(chdir(x->dir), 0);
    struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = NAME };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    assert_int_equal(chdir(cwd), 0);
    assert_false(fetch(x, TL_NS_PER_S, &size));
    assert_int_equal(x->error.code, TL_UNAVAILABLE);
    open_server(x);
    test_ok(fetch(x, 20 * TL_NS_PER_S, &size), &x->error);
}

static int connect_only(struct fixture *x)
{
    char cwd[4096];
    assert_non_null(getcwd(cwd, sizeof cwd));
    assert_int_equal(chdir(x->dir), 0);
    struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = NAME };
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(chdir(cwd), 0);
    return fd;
}

/* Whoever does not read holds the others up for seconds, not for ever; whoever goes away, not at all. */
static void peers_that_do_not_read(void **state)
{
    struct fixture *x = *state;
    size_t size;
    x->size = 8u << 20;
    open_server(x);
    for (int i = 0; i < 20; i++)
        close(connect_only(x));
    int fd = connect_only(x);
    test_ok(fetch(x, 60 * TL_NS_PER_S, &size), &x->error);
    assert_int_equal(size, x->size);
    close(fd);
}

static void an_empty_answer_is_none(void **state)
{
    struct fixture *x = *state;
    size_t size;
    x->size = 0;
    open_server(x);
    assert_false(fetch(x, 20 * TL_NS_PER_S, &size));
    assert_int_equal(x->error.code, TL_UNAVAILABLE);
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(everybody_gets_the_text),
        WITH(nobody_there),
        WITH(a_socket_of_a_process_that_was_killed),
        WITH(peers_that_do_not_read),
        WITH(an_empty_answer_is_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
