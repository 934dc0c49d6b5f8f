/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "broker/registry.h"

#include <signal.h>
#include <sys/wait.h>

struct listed {
    size_t count;
    struct tl_registry_stream streams[8];
};

static bool note(const struct tl_registry_stream *stream, void *user, struct tl_error *error)
{
    struct listed *l = user;
    (void)error;
    assert_true(l->count < TL_COUNT(l->streams));
    l->streams[l->count++] = *stream;
    return true;
}

static struct listed list(struct tl_registry *r)
{
    struct listed l = { 0 };
    struct tl_error error;
    test_ok(tl_registry_each(r, note, &l, &error), &error);
    return l;
}

static struct tl_registry *open_registry(const char *dir)
{
    struct tl_registry *r;
    struct tl_error error;
    char path[512];
    snprintf(path, sizeof path, "%s/streams.sqlite", dir);
    test_ok(tl_registry_open(&r, path, &error), &error);
    return r;
}

static uint64_t add(struct tl_registry *r, const char *name)
{
    struct tl_registry_stream s = {
        .created_ms = 1421279230123, .shards = 3, .on_demand = true, .retention_hours = 24
    };
    struct tl_error error;
    snprintf(s.name, sizeof s.name, "%s", name);
    test_ok(tl_registry_add(r, &s, &error), &error);
    return s.id;
}

static void what_was_added_is_there_after_opening_again(void **state)
{
    char *dir = test_dir_new();
    uint8_t key[32], again[32];
    struct tl_error error;
    (void)state;
    struct tl_registry *r = open_registry(dir);
    assert_int_equal(list(r).count, 0);
    test_ok(tl_registry_key(r, key, &error), &error);
    uint64_t id = add(r, "ticks");
    tl_registry_close(r);
    r = open_registry(dir);
    struct listed l = list(r);
    assert_int_equal(l.count, 1);
    assert_int_equal(l.streams[0].id, id);
    assert_string_equal(l.streams[0].name, "ticks");
    assert_int_equal(l.streams[0].created_ms, 1421279230123);
    assert_int_equal(l.streams[0].shards, 3);
    assert_true(l.streams[0].on_demand);
    assert_false(l.streams[0].deleting);
    assert_int_equal(l.streams[0].retention_hours, 24);
    test_ok(tl_registry_key(r, again, &error), &error);
    assert_memory_equal(key, again, 32); /* iterators outlive a restart */
    tl_registry_close(r);
    test_dir_remove(dir);
}

static void a_name_is_free_again_while_its_old_stream_is_deleted(void **state)
{
    char *dir = test_dir_new();
    struct tl_error error;
    (void)state;
    struct tl_registry *r = open_registry(dir);
    uint64_t first = add(r, "ticks");
    struct tl_registry_stream twice = { .name = "ticks", .shards = 1 };
    assert_false(tl_registry_add(r, &twice, &error));
    test_ok(tl_registry_mark_deleting(r, first, &error), &error);
    uint64_t second = add(r, "ticks");
    assert_int_not_equal(first, second); /* an id names a folder, and is never used again */
    assert_int_equal(list(r).count, 2);
    assert_true(list(r).streams[0].deleting);
    test_ok(tl_registry_remove(r, second, &error), &error);
    test_ok(tl_registry_remove(r, first, &error), &error);
    assert_int_equal(list(r).count, 0);
    assert_true(add(r, "ticks") > second);
    tl_registry_close(r);
    test_dir_remove(dir);
}

static void what_was_told_to_be_done_survives_a_kill(void **state)
{
    char *dir = test_dir_new();
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct tl_error error;
        struct tl_registry *r = open_registry(dir);
        uint64_t gone = add(r, "deleted");
        add(r, "kept");
        if (!tl_registry_mark_deleting(r, gone, &error))
            _exit(1);
        kill(getpid(), SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    struct tl_registry *r = open_registry(dir);
    struct listed l = list(r);
    assert_int_equal(l.count, 2);
    assert_true(l.streams[0].deleting);
    assert_string_equal(l.streams[1].name, "kept");
    assert_false(l.streams[1].deleting);
    tl_registry_close(r);
    test_dir_remove(dir);
}

static void what_is_no_registry_is_refused_by_name(void **state)
{
    char *dir = test_dir_new(), path[512];
    struct tl_registry *r;
    struct tl_error error;
    static const char junk[8192] = "This is not a database. ";
    (void)state;
    snprintf(path, sizeof path, "%s/streams.sqlite", dir);
    test_ok(tl_file_write_atomic(path, (struct tl_view){ junk, sizeof junk }, &error), &error);
    assert_false(tl_registry_open(&r, path, &error));
    assert_null(r);
    assert_int_equal(error.code, TL_CORRUPT);
    assert_non_null(strstr(error.text, path));
    test_dir_remove(dir);
}

/* The format's number is SQLite's user_version: four bytes, big-endian, at offset 60 of the file. */
static void a_newer_format_is_refused_and_left_alone(void **state)
{
    char *dir = test_dir_new(), path[512];
    struct tl_registry *r;
    struct tl_error error;
    struct tl_buf before, after;
    (void)state;
    tl_registry_close(open_registry(dir));
    snprintf(path, sizeof path, "%s/streams.sqlite", dir);
    tl_buf_init(&before, 1 << 20);
    tl_buf_init(&after, 1 << 20);
    test_ok(tl_file_read(path, &before, &error), &error);
    before.data[63] = 7;
    test_ok(tl_file_write_atomic(path, tl_buf_view(&before), &error), &error);
    assert_false(tl_registry_open(&r, path, &error));
    assert_non_null(
        strstr(error.text,
               "was written by a newer tapeline (format 7, this one reads 1): upgrade tapeline or choose"));
    test_ok(tl_file_read(path, &after, &error), &error);
    assert_true(tl_view_eq(tl_buf_view(&before), tl_buf_view(&after)));
    tl_buf_release(&before);
    tl_buf_release(&after);
    test_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_is_there_after_opening_again),
        cmocka_unit_test(a_name_is_free_again_while_its_old_stream_is_deleted),
        cmocka_unit_test(what_was_told_to_be_done_survives_a_kill),
        cmocka_unit_test(what_is_no_registry_is_refused_by_name),
        cmocka_unit_test(a_newer_format_is_refused_and_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
