/* SPDX-License-Identifier: Apache-2.0 */
/* E13: what a process can no longer do behind the sandbox, tried by system calls themselves, as code that got hold of it would. */
#include "support.h"

#include "query/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

static char *root;
static char inside[PATH_MAX], new_file[PATH_MAX], outside[PATH_MAX];

static bool reads_inside(void) { return open(inside, O_RDONLY) >= 0; }
static bool lists_inside(void) { return open(root, O_RDONLY | O_DIRECTORY) >= 0; }
static void *nothing(void *p) { return p; }
static bool has_threads(void)
{
    pthread_t thread;
    return pthread_create(&thread, NULL, nothing, NULL) == 0 && pthread_join(thread, NULL) == 0;
}
static bool has_memory(void) { return malloc(1 << 20) != NULL; }

static bool reads_outside(void) { return open("/etc/passwd", O_RDONLY) >= 0; }
static bool reads_beside(void) { return open(outside, O_RDONLY) >= 0; }
static bool reads_proc(void) { return open("/proc/self/environ", O_RDONLY) >= 0; }
static bool climbs_out(void)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%.*s/../../../etc/passwd", PATH_MAX / 2, root);
    return open(path, O_RDONLY) >= 0;
}
static bool follows_a_link(void)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%.*s/link", PATH_MAX / 2, root);
    return open(path, O_RDONLY) >= 0;
}
static bool opens_for_writing(void) { return open(inside, O_WRONLY) >= 0 || open(inside, O_RDWR) >= 0; }
static bool truncates_by_open(void) { return open(inside, O_RDONLY | O_TRUNC) >= 0; }
static bool makes_a_file(void) { return open(new_file, O_RDONLY | O_CREAT, 0600) >= 0; }
static bool makes_a_nameless_file(void) { return open(root, O_TMPFILE | O_WRONLY, 0600) >= 0; }
static bool removes(void) { return unlink(inside) == 0; }
static bool renames(void) { return rename(inside, new_file) == 0; }
static bool links(void) { return link(inside, new_file) == 0 || symlink(inside, new_file) == 0; }
static bool makes_a_folder(void) { return mkdir(new_file, 0700) == 0; }
static bool changes_mode(void) { return chmod(inside, 0777) == 0; }
static bool truncates(void) { return truncate(inside, 0) == 0; }
static bool has_a_socket(void) { return socket(AF_INET, SOCK_STREAM, 0) >= 0 || socket(AF_UNIX, SOCK_STREAM, 0) >= 0; }
static bool has_a_socket_pair(void)
{
    int fds[2];
    return socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0;
}
static bool forks(void) { return syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) >= 0; }
static bool runs_a_program(void)
{
    char *argv[] = { NULL };
    execve("/bin/true", argv, argv);
    return false; /* else the exit code tells: 0 */
}
static bool signals_its_parent(void) { return kill(getppid(), 0) == 0; }
static bool traces(void) { return ptrace(PTRACE_ATTACH, getppid(), 0, 0) == 0; }
static bool uses_io_uring(void) { return syscall(SYS_io_uring_setup, 1, NULL) >= 0 || errno != EPERM; }
static bool gets_privileges(void) { return setuid(0) == 0; }
static bool types_into_terminals(void) { return syscall(SYS_ioctl, 0, 0x5412 /* TIOCSTI */, "x") == 0 || errno != EPERM; }

enum { NO = 17, YES = 18 }; /* exit codes that nothing else has */

static int code_of(bool (*act)(void))
{
    struct tl_error error;
    int status = 0;
    pid_t child = fork();
    if (child == 0) {
        if (!tl_sandbox_limits((size_t)1 << 30, 10, &error) || !tl_sandbox_close(root, NULL, &error)) {
            fprintf(stderr, "%s\n", error.text);
            _exit(1);
        }
        _exit(act() ? YES : NO);
    }
    assert_true(child > 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static int set_up(void **state)
{
    (void)state;
    struct tl_error error;
    char link_path[PATH_MAX];
    root = test_dir_new();
    snprintf(inside, sizeof inside, "%s/file", root);
    snprintf(new_file, sizeof new_file, "%s/new", root);
    snprintf(outside, sizeof outside, "%s-beside", root);
    snprintf(link_path, sizeof link_path, "%s/link", root);
    test_ok(tl_file_write_atomic(inside, TL_VIEW("x"), &error) && tl_file_write_atomic(outside, TL_VIEW("x"), &error), &error);
    return symlink(outside, link_path);
}

static int tear_down(void **state)
{
    (void)state;
    unlink(outside);
    test_dir_remove(root);
    return 0;
}

static void what_a_query_needs_works(void **state)
{
    (void)state;
    bool (*const acts[])(void) = { reads_inside, lists_inside, has_threads, has_memory };
    for (size_t i = 0; i < TL_COUNT(acts); i++)
        assert_int_equal(code_of(acts[i]), YES);
}

static void what_it_does_not_need_fails(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool (*act)(void);
    } acts[] = {
        { "open for writing", opens_for_writing }, { "truncate by open", truncates_by_open }, { "make a file", makes_a_file },
        { "make a nameless file", makes_a_nameless_file }, { "remove", removes }, { "rename", renames }, { "link", links },
        { "make a folder", makes_a_folder }, { "change a mode", changes_mode }, { "truncate", truncates }, { "socket", has_a_socket },
        { "socket pair", has_a_socket_pair }, { "fork", forks }, { "run a program", runs_a_program }, { "signal the parent", signals_its_parent },
        { "trace", traces }, { "io_uring", uses_io_uring }, { "type into a terminal", types_into_terminals }, { "become root", gets_privileges },
    };
    for (size_t i = 0; i < TL_COUNT(acts); i++)
        if (code_of(acts[i].act) != NO)
            fail_msg("still possible: %s", acts[i].name);
}

static void files_outside_are_not_there(void **state)
{
    (void)state;
    if (syscall(SYS_landlock_create_ruleset, NULL, 0, 1) < 1) {
        print_message(">>> NO LANDLOCK IN THIS KERNEL: reading outside the lake is refused by DuckDB's settings alone\n");
        skip();
    }
    bool (*const acts[])(void) = { reads_outside, reads_beside, reads_proc, climbs_out, follows_a_link };
    for (size_t i = 0; i < TL_COUNT(acts); i++)
        assert_int_equal(code_of(acts[i]), NO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_a_query_needs_works),
        cmocka_unit_test(what_it_does_not_need_fails),
        cmocka_unit_test(files_outside_are_not_there),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
