/* SPDX-License-Identifier: Apache-2.0 */
/* base/publish.h: the barriers P1 to P3, told by the calls themselves; under every fault each file is whole in its place or where it was. */
#include "support.h"

#include "base/io.h"
#include "base/io_fault.h"
#include "base/publish.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define FILES 12
#define FOLDERS 3

static struct tl_publish_file files[FILES];
static char paths[FILES][64], names[FILES][64];

static int enter(void **state)
{
    *state = test_dir_new();
    for (int i = 0; i < FILES; i++) {
        snprintf(paths[i], sizeof paths[i], "from/%d", i);
        snprintf(names[i], sizeof names[i], "a/b/k=%d/f%d", i / (FILES / FOLDERS), i);
        files[i] = (struct tl_publish_file){ paths[i], names[i] };
    }
    return chdir(*state);
}

static int leave(void **state)
{
    if (chdir("/") != 0)
        return 1;
    test_dir_remove(*state);
    return 0;
}

static void write_files(const char *text)
{
    struct tl_error error;
    test_ok(tl_dir_make("from", &error), &error);
    test_ok(tl_dir_make("to", &error), &error);
    for (int i = 0; i < FILES; i++) {
        FILE *f = fopen(paths[i], "w");
        assert_non_null(f);
        fprintf(f, "%s %d", text, i);
        fclose(f);
    }
}

static bool holds(const char *path, const char *text, int i)
{
    char wanted[64];
    struct tl_buf b;
    struct tl_error error;
    tl_buf_init(&b, 1 << 16);
    snprintf(wanted, sizeof wanted, "%s %d", text, i);
    bool same = tl_file_read(path, &b, &error) && strcmp(tl_buf_text(&b), wanted) == 0;
    tl_buf_release(&b);
    return same;
}

/* ---- the order of the calls ---- */

enum call { FSYNC, RENAME, MKDIR };
static struct {
    pthread_mutex_t lock;
    struct {
        enum call call;
        ino_t inode; /* of what is synced */
    } calls[1000];
    size_t count;
} seen = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void note(enum call call, ino_t inode)
{
    pthread_mutex_lock(&seen.lock);
    if (seen.count < TL_COUNT(seen.calls)) {
        seen.calls[seen.count].call = call;
        seen.calls[seen.count++].inode = inode;
    }
    pthread_mutex_unlock(&seen.lock);
}

static int noted_fsync(int fd)
{
    struct stat st;
    int result = fstat(fd, &st) == 0 ? tl_io_kernel.fsync(fd) : -1;
    note(FSYNC, st.st_ino);
    return result;
}

static int noted_rename(const char *from, const char *to)
{
    note(RENAME, 0);
    return tl_io_kernel.rename(from, to);
}

static int noted_mkdir(const char *path, mode_t mode)
{
    note(MKDIR, 0);
    return tl_io_kernel.mkdir(path, mode);
}

static size_t syncs_of(const char *path, size_t from)
{
    struct stat st;
    size_t count = 0;
    assert_int_equal(stat(path, &st), 0);
    for (size_t i = from; i < seen.count; i++)
        count += seen.calls[i].call == FSYNC && seen.calls[i].inode == st.st_ino;
    return count;
}

static void all_are_synced_before_the_first_rename_and_each_folder_once_after_the_last(void **state)
{
    (void)state;
    struct tl_error error;
    struct tl_io io = tl_io_kernel;
    io.fsync = noted_fsync;
    io.rename = noted_rename;
    io.mkdir = noted_mkdir;
    write_files("new");
    seen.count = 0;
    tl_io = &io;
    bool ok = tl_publish_files("to", files, FILES, &error);
    tl_io = &tl_io_kernel;
    test_ok(ok, &error);
    size_t first = 0, last = 0;
    while (first < seen.count && seen.calls[first].call == FSYNC)
        first++;
    for (size_t i = first; i < seen.count; i++)
        last = seen.calls[i].call == FSYNC ? last : i;
    assert_int_equal(first, FILES);                                  /* P1, then nothing but P2 */
    assert_int_equal(last + 1 - first, FILES + 2 + FOLDERS);         /* "a", "a/b" and the folders are made */
    assert_int_equal(seen.count - last - 1, 3 + FOLDERS);            /* P3 */
    for (int i = 0; i < FILES; i++) {
        char path[4096];
        snprintf(path, sizeof path, "to/%s", names[i]);
        assert_true(holds(path, "new", i));
        assert_int_equal(syncs_of(path, 0), 1);
        *strrchr(path, '/') = '\0';
        assert_int_equal(syncs_of(path, last + 1), 1);
    }
    assert_int_equal(syncs_of("to", last + 1), 1);
    assert_int_equal(syncs_of("to/a", last + 1), 1);
    assert_int_equal(syncs_of("to/a/b", last + 1), 1);
}

static void what_stands_there_is_replaced_and_none_is_nothing(void **state)
{
    (void)state;
    struct tl_error error;
    for (int round = 0; round < 2; round++) {
        write_files(round ? "second" : "first");
        test_ok(tl_publish_files("to", files, FILES, &error), &error);
    }
    for (int i = 0; i < FILES; i++) {
        char path[4096];
        snprintf(path, sizeof path, "to/%s", names[i]);
        assert_true(holds(path, "second", i));
    }
    test_ok(tl_publish_files("to", files, 0, &error), &error);
}

/* Each file is in its place with either text, whole, or where it was. */
static void assert_all_whole(void)
{
    for (int i = 0; i < FILES; i++) {
        char path[4096];
        snprintf(path, sizeof path, "to/%s", names[i]);
        bool there = holds(path, "new", i), waits = holds(paths[i], "new", i);
        assert_true(there != waits);
        assert_true(there || holds(path, "old", i));
    }
}

static void every_call_that_fails_is_told_and_again_is_well(void **state)
{
    (void)state;
    struct tl_error error;
    bool fired = true;
    for (unsigned nth = 1; fired; nth++) {
        write_files("old");
        test_ok(tl_publish_files("to", files, FILES, &error), &error);
        write_files("new");
        tl_io_fault_at(nth, EIO, false);
        bool ok = tl_publish_files("to", files, FILES, &error);
        fired = tl_io_fault_clear();
        assert_true(ok != fired); /* each is a failure: none is passed over */
        if (!ok)
            assert_int_equal(error.code, TL_IO);
        assert_all_whole();
        write_files("again");
        test_ok(tl_publish_files("to", files, FILES, &error), &error);
    }
}

static void killed_at_every_call_all_are_whole(void **state)
{
    (void)state;
    struct tl_error error;
    bool killed = true;
    for (unsigned nth = 1; killed; nth += 3) {
        write_files("old");
        test_ok(tl_publish_files("to", files, FILES, &error), &error);
        write_files("new");
        pid_t child = fork();
        if (child == 0) {
            tl_io_fault_kill_at(nth);
            _exit(tl_publish_files("to", files, FILES, &error) ? 0 : 1);
        }
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        killed = WIFSIGNALED(status);
        assert_true(killed || WEXITSTATUS(status) == 0);
        assert_all_whole();
    }
}

static void what_cannot_be_is_named(void **state)
{
    (void)state;
    struct tl_error error;
    struct tl_publish_file absent = { "from/absent", "x" }, in_a_file = { paths[0], "f/x" };
    write_files("new");
    assert_false(tl_publish_files("to", &absent, 1, &error));
    assert_int_equal(error.code, TL_NOT_FOUND);
    assert_non_null(strstr(error.text, "from/absent"));
    FILE *f = fopen("to/f", "w");
    assert_non_null(f);
    fclose(f);
    assert_false(tl_publish_files("to", &in_a_file, 1, &error));
    assert_non_null(strstr(error.text, "to/f"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(all_are_synced_before_the_first_rename_and_each_folder_once_after_the_last, enter, leave),
        cmocka_unit_test_setup_teardown(what_stands_there_is_replaced_and_none_is_nothing, enter, leave),
        cmocka_unit_test_setup_teardown(every_call_that_fails_is_told_and_again_is_well, enter, leave),
        cmocka_unit_test_setup_teardown(killed_at_every_call_all_are_whole, enter, leave),
        cmocka_unit_test_setup_teardown(what_cannot_be_is_named, enter, leave),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
