/* SPDX-License-Identifier: Apache-2.0 */
/* A program of its own: its group, its signals, what it reads, and where it writes. */
#include "support.h"

#include "base/file.h"
#include "base/spawn.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static char *const environment[] = { (char *)"NAME=value", NULL };

static void it_stands_apart_and_writes_where_it_is_told(void **state)
{
    (void)state;
    static const char *const words[] = { "sh", "-c", "cut -d ' ' -f 5 /proc/$$/stat; echo $NAME; wc -c; kill -INT $$; echo on >&2", NULL };
    char *dir = test_dir_new(), out[512], err[512], want[64];
    struct tl_buf said;
    struct tl_error error;
    pid_t pid;
    int status;
    snprintf(out, sizeof out, "%s/out", dir);
    snprintf(err, sizeof err, "%s/err", dir);
    signal(SIGINT, SIG_IGN);
    assert_int_equal(tl_spawn(&pid, words, environment, (struct tl_spawn_end){ .path = out }, (struct tl_spawn_end){ .path = err }), 0);
    signal(SIGINT, SIG_DFL);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT); /* not ignored, though it is here */
    tl_buf_init(&said, 1 << 16);
    test_ok(tl_file_read(out, &said, &error), &error);
    snprintf(want, sizeof want, "%d\nvalue\n0\n", (int)pid);
    assert_string_equal(tl_buf_text(&said), want);
    tl_buf_reset(&said);
    test_ok(tl_file_read(err, &said, &error), &error);
    assert_int_equal(said.size, 0);
    tl_buf_release(&said);
    test_dir_remove(dir);
}

static void a_pipe_takes_what_it_writes(void **state)
{
    (void)state;
    static const char *const words[] = { "echo", "there", NULL };
    char text[16] = "";
    int ends[2], status;
    pid_t pid;
    assert_int_equal(pipe(ends), 0);
    assert_int_equal(tl_spawn(&pid, words, environment, (struct tl_spawn_end){ .fd = ends[1] }, (struct tl_spawn_end){ .fd = 0 }), 0);
    close(ends[1]);
    assert_int_equal(read(ends[0], text, sizeof text - 1), 6);
    assert_string_equal(text, "there\n");
    close(ends[0]);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(status, 0);
}

static void what_is_not_there_is_told(void **state)
{
    (void)state;
    static const char *const words[] = { "no-such-program-anywhere", NULL };
    pid_t pid;
    assert_int_equal(tl_spawn(&pid, words, environment, (struct tl_spawn_end){ .fd = 0 }, (struct tl_spawn_end){ .fd = 0 }), ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_stands_apart_and_writes_where_it_is_told),
        cmocka_unit_test(a_pipe_takes_what_it_writes),
        cmocka_unit_test(what_is_not_there_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
