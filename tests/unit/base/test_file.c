/* SPDX-License-Identifier: Apache-2.0 */
/* base/file.h: whole files and folders; under every fault the old or the new content, and no temporary. */
#include "support.h"

#include "base/io_fault.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>

static int enter(void **state)
{
    *state = test_dir_new();
    return chdir(*state);
}

static int leave(void **state)
{
    if (chdir("/") != 0)
        return 1;
    test_dir_remove(*state);
    return 0;
}

static void write_plainly(const char *path, const char *text)
{
    struct tl_error error;
    test_ok(tl_file_write_atomic(path, tl_view_of(text), &error), &error);
}

static void assert_holds(const char *path, const char *wanted)
{
    struct tl_buf b;
    struct tl_error error;
    tl_buf_init(&b, 1 << 20);
    test_ok(tl_file_read(path, &b, &error), &error);
    assert_string_equal(tl_buf_text(&b), wanted);
    tl_buf_release(&b);
}

static size_t names_in(const char *path)
{
    struct tl_dir_list list;
    struct tl_error error;
    test_ok(tl_dir_list(path, &list, &error), &error);
    size_t count = list.count;
    tl_dir_list_release(&list);
    return count;
}

static void a_file_is_read_whole_appended_and_bounded(void **state)
{
    (void)state;
    struct tl_buf b;
    struct tl_error error;
    static char large[100001];
    memset(large, 'x', sizeof large - 1);
    write_plainly("f", large);
    tl_buf_init(&b, 100005);
    tl_buf_add_text(&b, "head ");
    test_ok(tl_file_read("f", &b, &error), &error);
    assert_int_equal(b.size, 100005);
    tl_buf_release(&b);
    tl_buf_init(&b, 99999);
    assert_false(tl_file_read("f", &b, &error));
    assert_int_equal(error.code, TL_LIMIT);
    assert_non_null(strstr(error.text, "'f'"));
    tl_buf_release(&b);
    assert_false(tl_file_read("absent", &b, &error));
    assert_int_equal(error.code, TL_NOT_FOUND);
    assert_string_equal(error.text, "cannot open 'absent': No such file or directory");
    assert_false(tl_file_read(".", &b, &error)); /* a folder opens, but does not read */
    assert_int_equal(error.code, TL_IO);
    tl_io->unlink("f");
}

static void sizes_existence_and_parts_of_a_file(void **state)
{
    (void)state;
    struct tl_error error;
    int64_t size;
    char part[4] = "";
    write_plainly("f", "0123456789");
    test_ok(tl_file_size("f", &size, &error), &error);
    assert_int_equal(size, 10);
    assert_true(tl_file_exists("f"));
    assert_false(tl_file_exists("g"));
    assert_false(tl_file_size("g", &size, &error));
    assert_int_equal(error.code, TL_NOT_FOUND);
    int fd = tl_io->open("f", O_RDWR, 0);
    test_ok(tl_file_pread_all(fd, part, 3, 7, &error), &error);
    assert_string_equal(part, "789");
    assert_false(tl_file_pread_all(fd, part, 3, 8, &error));
    assert_int_equal(error.code, TL_CORRUPT);
    test_ok(tl_file_write_all(fd, "abc", 3, &error), &error);
    tl_io->close(fd);
    assert_holds("f", "abc3456789");
    fd = tl_io->open("f", O_RDONLY, 0);
    assert_false(tl_file_write_all(fd, "abc", 3, &error));
    tl_io->close(fd);
    tl_io->unlink("f");
}

static ssize_t one_byte(int fd, const void *data, size_t size)
{
    return tl_io_kernel.write(fd, data, size ? 1 : 0);
}

static ssize_t one_byte_back(int fd, void *data, size_t size, off_t at)
{
    return tl_io_kernel.pread(fd, data, size ? 1 : 0, at);
}

static ssize_t no_byte(int fd, const void *data, size_t size)
{
    (void)fd, (void)data, (void)size;
    return 0;
}

static void short_writes_and_reads_are_gone_on_with(void **state)
{
    (void)state;
    struct tl_io slow = tl_io_kernel;
    struct tl_error error;
    char text[6] = "";
    slow.write = one_byte;
    slow.pread = one_byte_back;
    tl_io = &slow;
    write_plainly("f", "abcde");
    int fd = tl_io->open("f", O_RDONLY, 0);
    test_ok(tl_file_pread_all(fd, text, 5, 0, &error), &error);
    assert_string_equal(text, "abcde");
    tl_io->close(fd);
    slow.write = no_byte; /* would loop forever */
    assert_false(tl_file_write_atomic("f", TL_VIEW("x"), &error));
    assert_int_equal(error.code, TL_NO_SPACE);
    tl_io = &tl_io_kernel;
    assert_holds("f", "abcde");
    assert_int_equal(names_in("."), 1);
    tl_io->unlink("f");
}

static void replacing_replaces_and_creating_never_does(void **state)
{
    (void)state;
    struct tl_error error;
    write_plainly("f", "one");
    write_plainly("f", "two");
    assert_holds("f", "two");
    assert_false(tl_file_create_atomic("f", TL_VIEW("three"), &error));
    assert_int_equal(error.code, TL_CONFLICT);
    assert_holds("f", "two");
    test_ok(tl_file_create_atomic("g", TL_VIEW(""), &error), &error);
    assert_holds("g", "");
    assert_int_equal(names_in("."), 2);
    tl_io->unlink("f");
    tl_io->unlink("g");
    assert_false(tl_file_write_atomic("no/such/folder", TL_VIEW("x"), &error));
    assert_int_equal(error.code, TL_NOT_FOUND);
    char deep[5000];
    memset(deep, 'x', sizeof deep);
    deep[sizeof deep - 1] = '\0';
    assert_false(tl_file_write_atomic(deep, TL_VIEW("x"), &error));
    assert_false(tl_dir_make(deep, &error));
}

static void assert_old_or_new(const char *path, bool told_done)
{
    struct tl_buf b;
    struct tl_error error;
    tl_buf_init(&b, 100);
    test_ok(tl_file_read(path, &b, &error), &error);
    bool is_new = tl_view_is(tl_buf_view(&b), "new");
    assert_true(is_new || tl_view_is(tl_buf_view(&b), "old"));
    assert_true(is_new || !told_done);
    tl_buf_release(&b);
}

static void every_call_of_a_replacement_fails_once(void **state)
{
    (void)state;
    bool struck = true;
    for (unsigned nth = 1; struck; nth++) {
        struct tl_error error = { .code = 0 };
        write_plainly("f", "old");
        tl_io_fault_at(nth, nth % 2 ? EIO : ENOSPC, false);
        bool done = tl_file_write_atomic("f", TL_VIEW("new"), &error);
        struck = tl_io_fault_clear();
        assert_int_equal(done, !struck); /* no fault goes unreported */
        assert_true(done || error.code == (nth % 2 ? TL_IO : TL_NO_SPACE));
        assert_true(done || strstr(error.text, "'f") || strstr(error.text, "'.'"));
        assert_old_or_new("f", done);
        assert_int_equal(names_in("."), 1); /* no temporary */
    }
    tl_io->unlink("f");
}

static void a_dead_disk_leaves_the_old_content(void **state)
{
    (void)state;
    bool struck = true;
    for (unsigned nth = 1; struck; nth++) {
        struct tl_error error;
        test_ok(tl_dir_make("d", &error), &error);
        write_plainly("d/f", "old");
        tl_io_fault_at(nth, EIO, true);
        bool done = tl_file_write_atomic("d/f", TL_VIEW("new"), &error);
        struck = tl_io_fault_clear();
        assert_int_equal(done, !struck);
        assert_old_or_new("d/f", done);
        test_ok(tl_dir_remove("d", &error), &error); /* a temporary cannot be removed by a dead disk */
    }
}

static void every_call_of_a_creation_fails_once(void **state)
{
    (void)state;
    bool struck = true;
    for (unsigned nth = 1; struck; nth++) {
        struct tl_error error;
        test_ok(tl_dir_make("d", &error), &error);
        tl_io_fault_at(nth, EIO, false);
        bool done = tl_file_create_atomic("d/f", TL_VIEW("new"), &error);
        struck = tl_io_fault_clear();
        assert_true(done || struck);
        assert_true(!done || tl_file_exists("d/f"));
        if (tl_file_exists("d/f"))
            assert_holds("d/f", "new");
        /* One temporary may stay: where its own removal is what failed, after the file stands. */
        assert_in_range(names_in("d"), 0, done && struck ? 2 : 1);
        test_ok(tl_dir_remove("d", &error), &error);
    }
}

static void a_kill_at_every_call_leaves_old_or_new(void **state)
{
    (void)state;
    bool killed = true;
    for (unsigned nth = 1; killed; nth++) {
        struct tl_error error;
        write_plainly("f", "old");
        pid_t child = fork();
        if (child == 0) {
            tl_io_fault_kill_at(nth);
            _exit(tl_file_write_atomic("f", TL_VIEW("new"), &error) ? 0 : 1);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        killed = WIFSIGNALED(status);
        assert_true(killed ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0);
        assert_old_or_new("f", !killed);
    }
    struct tl_dir_list list;
    struct tl_error error;
    test_ok(tl_dir_list(".", &list, &error), &error);
    for (size_t i = 0; i < list.count; i++)
        tl_io->unlink(list.names[i]);
    tl_dir_list_release(&list);
}

static void folders_are_made_with_their_parents(void **state)
{
    (void)state;
    static const char *const paths[] = { "a", "a/b/c/d", "a/b/c/d", "x/y/", "x//z", "./w/v", "." };
    struct tl_error error;
    struct stat st;
    for (size_t i = 0; i < TL_COUNT(paths); i++) {
        test_ok(tl_dir_make(paths[i], &error), &error);
        assert_true(tl_io->stat(paths[i], &st) == 0 && S_ISDIR(st.st_mode));
    }
    write_plainly("a/file", "");
    assert_false(tl_dir_make("a/file", &error));
    assert_false(tl_dir_make("a/file/b", &error));
    assert_false(tl_dir_make("", &error));
    test_ok(tl_dir_remove("a", &error), &error);
    test_ok(tl_dir_remove("x", &error), &error);
    test_ok(tl_dir_remove("w", &error), &error);
    assert_int_equal(names_in("."), 0);
}

static void every_call_of_making_folders_fails_once_and_again_works(void **state)
{
    (void)state;
    bool struck = true;
    for (unsigned nth = 1; struck; nth++) {
        struct tl_error error;
        tl_io_fault_at(nth, ENOSPC, false);
        bool done = tl_dir_make("a/b/c", &error);
        struck = tl_io_fault_clear();
        assert_int_equal(done, !struck);
        assert_true(done || error.code == TL_NO_SPACE);
        test_ok(tl_dir_make("a/b/c", &error), &error);
        test_ok(tl_dir_remove("a", &error), &error);
    }
}

static void names_are_listed_sorted_by_bytes(void **state)
{
    (void)state;
    static const char *const made[] = { "b", "a10", "B", "a2", ".hidden", "\xc3\xa9" };
    static const char *const wanted[] = { ".hidden", "B", "a10", "a2", "b", "\xc3\xa9" };
    struct tl_dir_list list;
    struct tl_error error;
    for (size_t i = 0; i < TL_COUNT(made); i++)
        write_plainly(made[i], "");
    test_ok(tl_dir_list(".", &list, &error), &error);
    assert_int_equal(list.count, TL_COUNT(wanted));
    for (size_t i = 0; i < list.count; i++) {
        assert_string_equal(list.names[i], wanted[i]);
        tl_io->unlink(wanted[i]);
    }
    tl_dir_list_release(&list);
    tl_dir_list_release(&list);
    assert_false(tl_dir_list("absent", &list, &error));
    assert_int_equal(error.code, TL_NOT_FOUND);
    assert_int_equal(list.count, 0);
}

static void removal_is_deep_and_never_follows_links(void **state)
{
    (void)state;
    struct tl_error error;
    test_ok(tl_dir_make("out", &error), &error);
    write_plainly("out/precious", "x");
    test_ok(tl_dir_make("a/b/c", &error), &error);
    write_plainly("a/b/c/f", "x");
    assert_int_equal(symlink("../out", "a/link"), 0);
    assert_int_equal(symlink("out", "direct"), 0);
    test_ok(tl_dir_remove("a", &error), &error);
    test_ok(tl_dir_remove("direct", &error), &error);
    assert_holds("out/precious", "x");
    assert_false(tl_file_exists("a"));
    assert_false(tl_file_exists("direct"));
    test_ok(tl_dir_remove("a", &error), &error); /* absent is fine */
    char deep[200] = "deep";
    for (int i = 0; i < 40; i++)
        memcpy(deep + strlen(deep), "/d", 3);
    test_ok(tl_dir_make(deep, &error), &error);
    assert_false(tl_dir_remove("deep", &error));
    assert_int_equal(error.code, TL_LIMIT);
    test_ok(tl_dir_remove("deep/d/d/d/d/d/d/d/d/d/d", &error), &error);
    test_ok(tl_dir_remove("deep", &error), &error);
    test_ok(tl_dir_remove("out", &error), &error);
}

static void every_call_of_a_removal_fails_once_and_again_works(void **state)
{
    (void)state;
    bool struck = true;
    for (unsigned nth = 1; struck; nth++) {
        struct tl_error error;
        test_ok(tl_dir_make("a/b", &error), &error);
        write_plainly("a/f", "x");
        tl_io_fault_at(nth, EIO, false);
        bool done = tl_dir_remove("a", &error);
        struck = tl_io_fault_clear();
        assert_int_equal(done, !struck);
        test_ok(tl_dir_remove("a", &error), &error);
    }
}

static void a_folder_is_locked_by_one_and_the_other_is_told_by_whom(void **state)
{
    (void)state;
    struct tl_dir_lock a, b;
    struct tl_error error;
    char wanted[200], text[32];
    test_ok(tl_dir_lock_open(&a, ".", &error), &error);
    snprintf(text, sizeof text, "%d\n", (int)getpid());
    assert_holds("LOCK", text);
    assert_false(tl_dir_lock_open(&b, ".", &error));
    assert_int_equal(error.code, TL_CONFLICT);
    snprintf(wanted, sizeof wanted,
             "folder '.' is in use by process %d (stop it, or choose another folder)",
             (int)getpid());
    assert_string_equal(error.text, wanted);
    tl_dir_lock_close(&b); /* never held */
    write_plainly("f", "x");
    int fd = tl_io->open("LOCK", O_WRONLY | O_TRUNC, 0); /* the holder has not written its number yet */
    tl_io->close(fd);
    assert_false(tl_dir_lock_open(&b, ".", &error));
    assert_non_null(strstr(error.text, "in use by another process (stop it"));
    tl_dir_lock_close(&a);
    tl_dir_lock_close(&a);
    test_ok(tl_dir_lock_open(&b, ".", &error), &error);
    tl_dir_lock_close(&b);
    assert_false(tl_dir_lock_open(&b, "absent", &error));
    assert_int_equal(error.code, TL_NOT_FOUND);
    tl_io->unlink("f");
    tl_io->unlink("LOCK");
}

static void a_dead_holder_does_not_keep_the_lock(void **state)
{
    (void)state;
    struct tl_dir_lock lock;
    struct tl_error error;
    pid_t child = fork();
    if (child == 0) {
        if (tl_dir_lock_open(&lock, ".", &error))
            raise(SIGKILL);
        _exit(1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    test_ok(tl_dir_lock_open(&lock, ".", &error), &error);
    tl_dir_lock_close(&lock);
    tl_io->unlink("LOCK");
}

static void every_call_of_locking_fails_once_and_leaves_it_free(void **state)
{
    (void)state;
    bool struck = true;
    for (unsigned nth = 1; struck; nth++) {
        struct tl_dir_lock lock;
        struct tl_error error;
        tl_io_fault_at(nth, ENOSPC, false);
        bool done = tl_dir_lock_open(&lock, ".", &error);
        struck = tl_io_fault_clear();
        assert_int_equal(done, !struck);
        assert_true(done || (error.code == TL_NO_SPACE && lock.fd == -1));
        tl_dir_lock_close(&lock);
        test_ok(tl_dir_lock_open(&lock, ".", &error), &error);
        tl_dir_lock_close(&lock);
        tl_io->unlink("LOCK");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_file_is_read_whole_appended_and_bounded),
        cmocka_unit_test(sizes_existence_and_parts_of_a_file),
        cmocka_unit_test(short_writes_and_reads_are_gone_on_with),
        cmocka_unit_test(replacing_replaces_and_creating_never_does),
        cmocka_unit_test(every_call_of_a_replacement_fails_once),
        cmocka_unit_test(a_dead_disk_leaves_the_old_content),
        cmocka_unit_test(every_call_of_a_creation_fails_once),
        cmocka_unit_test(a_kill_at_every_call_leaves_old_or_new),
        cmocka_unit_test(folders_are_made_with_their_parents),
        cmocka_unit_test(every_call_of_making_folders_fails_once_and_again_works),
        cmocka_unit_test(names_are_listed_sorted_by_bytes),
        cmocka_unit_test(removal_is_deep_and_never_follows_links),
        cmocka_unit_test(every_call_of_a_removal_fails_once_and_again_works),
        cmocka_unit_test(a_folder_is_locked_by_one_and_the_other_is_told_by_whom),
        cmocka_unit_test(a_dead_holder_does_not_keep_the_lock),
        cmocka_unit_test(every_call_of_locking_fails_once_and_leaves_it_free),
    };
    return cmocka_run_group_tests(tests, enter, leave);
}
