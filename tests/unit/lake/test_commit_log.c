/* SPDX-License-Identifier: Apache-2.0 */
/* DESIGN section 3: a torn or corrupt record is detected and the one before it used; an intent fences. */
#include "support.h"

#include "base/io_fault.h"
#include "base/log.h"
#include "lake/commit_log.h"

#include <errno.h>
#include <limits.h>
#include <sys/time.h>

struct lake {
    char *root;
    struct tl_store *store;
    struct tl_commit_log *log;
};

static struct lake open_lake(void)
{
    struct tl_error error;
    struct lake l = { .root = test_dir_new() };
    test_ok(tl_store_open(&l.store, l.root, &error), &error);
    test_ok(tl_commit_log_open(&l.log, l.store, "p", &error), &error);
    return l;
}

static void close_lake(struct lake *l)
{
    tl_commit_log_close(l->log);
    tl_store_close(l->store);
    test_dir_remove(l->root);
}

static void commit(struct lake *l, uint64_t epoch, const char *text)
{
    struct tl_error error;
    test_ok(tl_commit_log_commit(l->log, epoch, tl_view_of(text), &error), &error);
}

/* The newest commit as "epoch:payload", or "none". */
static const char *newest(struct lake *l)
{
    static char text[256];
    struct tl_error error;
    struct tl_buf payload;
    bool found;
    uint64_t epoch = 0;
    tl_buf_init(&payload, 1 << 20);
    test_ok(tl_commit_log_load(l->log, &found, &epoch, &payload, &error), &error);
    snprintf(text, sizeof text, found ? "%llu:%s" : "none", (unsigned long long)epoch, tl_buf_text(&payload));
    tl_buf_release(&payload);
    return text;
}

static void path_of(const struct lake *l, const char *kind, unsigned epoch, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "%s/_tapeline/p/%s-%020u", l->root, kind, epoch);
}

static void overwrite(const char *path, const char *data, size_t size)
{
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(data, 1, size, f), size);
    fclose(f);
}

static void the_newest_commit_is_found(void **state)
{
    (void)state;
    struct lake l = open_lake();
    assert_string_equal(newest(&l), "none");
    commit(&l, 1, "one");
    assert_string_equal(newest(&l), "1:one");
    commit(&l, 9, "nine");
    commit(&l, 10, "ten");
    assert_string_equal(newest(&l), "10:ten");
    close_lake(&l);
}

static void three_commits_are_kept(void **state)
{
    (void)state;
    struct lake l = open_lake();
    struct tl_dir_list names;
    struct tl_error error;
    for (uint64_t i = 1; i <= 7; i++) {
        test_ok(tl_commit_log_intent(l.log, i, TL_VIEW("i"), &error), &error);
        commit(&l, i, "c");
    }
    test_ok(tl_store_list(l.store, "_tapeline/p", &names, &error), &error);
    assert_int_equal(names.count, 3 + 7); /* and every intent: a replay repeats the clock's steps */
    assert_string_equal(names.names[0], "commit-00000000000000000005");
    tl_dir_list_release(&names);
    close_lake(&l);
}

static void a_commit_torn_at_any_byte_gives_way_to_the_one_before(void **state)
{
    (void)state;
    struct lake l = open_lake();
    struct tl_error error;
    struct tl_buf whole;
    char path[PATH_MAX];
    commit(&l, 1, "one");
    commit(&l, 2, "the second");
    path_of(&l, "commit", 2, path);
    tl_buf_init(&whole, 4096);
    test_ok(tl_file_read(path, &whole, &error), &error);
    for (size_t size = 0; size < whole.size; size++) {
        overwrite(path, whole.data, size);
        assert_string_equal(newest(&l), "1:one");
    }
    for (size_t bit = 0; bit < whole.size * 8; bit++) {
        whole.data[bit / 8] ^= (char)(1 << bit % 8);
        overwrite(path, whole.data, whole.size);
        assert_string_equal(newest(&l), "1:one");
        whole.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    tl_buf_add_char(&whole, 'x'); /* and too long */
    overwrite(path, whole.data, whole.size);
    assert_string_equal(newest(&l), "1:one");
    tl_buf_release(&whole);
    /* The epoch is run again, and its commit takes the damaged one's place. */
    commit(&l, 2, "the second");
    assert_string_equal(newest(&l), "2:the second");
    close_lake(&l);
}

static void when_no_commit_can_be_read_nothing_is_begun_anew(void **state)
{
    (void)state;
    struct lake l = open_lake();
    struct tl_error error;
    struct tl_buf payload;
    char path[PATH_MAX];
    bool found;
    uint64_t epoch;
    commit(&l, 1, "one");
    path_of(&l, "commit", 1, path);
    overwrite(path, "x", 1);
    tl_buf_init(&payload, 4096);
    assert_false(tl_commit_log_load(l.log, &found, &epoch, &payload, &error));
    assert_int_equal(error.code, TL_CORRUPT);
    tl_buf_release(&payload);
    close_lake(&l);
}

static void an_intent_fences(void **state)
{
    (void)state;
    struct lake l = open_lake();
    struct tl_error error;
    struct tl_buf payload;
    bool found;
    char path[PATH_MAX];
    test_ok(tl_commit_log_intent(l.log, 1, TL_VIEW("mine"), &error), &error);
    test_ok(tl_commit_log_intent(l.log, 1, TL_VIEW("mine"), &error), &error); /* done already */
    assert_false(tl_commit_log_intent(l.log, 1, TL_VIEW("theirs"), &error));
    assert_int_equal(error.code, TL_CONFLICT);
    assert_non_null(strstr(error.text, "another instance"));
    tl_buf_init(&payload, 4096);
    test_ok(tl_commit_log_load_intent(l.log, 1, &found, &payload, &error), &error);
    assert_true(found);
    assert_string_equal(tl_buf_text(&payload), "mine");
    test_ok(tl_commit_log_load_intent(l.log, 2, &found, &payload, &error), &error);
    assert_false(found);
    path_of(&l, "intent", 1, path);
    overwrite(path, "TLEPOCH1", 8);
    assert_false(tl_commit_log_load_intent(l.log, 1, &found, &payload, &error));
    assert_int_equal(error.code, TL_CORRUPT);
    tl_buf_release(&payload);
    close_lake(&l);
}

static void every_system_call_of_a_commit_fails_once(void **state)
{
    (void)state;
    static const int errnums[] = { EIO, ENOSPC };
    for (size_t e = 0; e < TL_COUNT(errnums); e++) {
        bool fired = true;
        for (unsigned nth = 1; fired; nth++) {
            struct lake l = open_lake();
            struct tl_error error;
            commit(&l, 1, "one");
            tl_io_fault_at(nth, errnums[e], false);
            bool ok = tl_commit_log_commit(l.log, 2, TL_VIEW("two"), &error);
            fired = tl_io_fault_clear();
            /* What was acknowledged is there; what was not is there whole or not at all. */
            const char *there = newest(&l);
            assert_true(strcmp(there, "2:two") == 0 || (!ok && strcmp(there, "1:one") == 0));
            commit(&l, 2, "two");
            assert_string_equal(newest(&l), "2:two");
            close_lake(&l);
        }
    }
}

/* tl_io_fault_kill_at would end this process: what it leaves is made by hand. */
static void what_a_killed_write_left_is_removed_and_records_stay(void **state)
{
    (void)state;
    struct lake l = open_lake();
    struct tl_error error;
    struct tl_dir_list names;
    char path[PATH_MAX];
    test_ok(tl_commit_log_tidy(l.log, &error), &error); /* before there is a folder */
    commit(&l, 1, "one");
    static const char *const left[] = { "commit-00000000000000000002.tmp-0123456789abcdef",
                                        "intent-00000000000000000002.tmp-fedcba9876543210" };
    for (size_t i = 0; i < TL_COUNT(left); i++) {
        snprintf(path, sizeof path, "%s/_tapeline/p/%s", l.root, left[i]);
        overwrite(path, "TLEPO", 5);
    }
    test_ok(tl_commit_log_tidy(l.log, &error), &error);
    test_ok(tl_store_list(l.store, "_tapeline/p", &names, &error), &error);
    assert_int_equal(names.count, 3); /* they may be another instance's */
    tl_dir_list_release(&names);
    for (size_t i = 0; i < TL_COUNT(left); i++) {
        snprintf(path, sizeof path, "%s/_tapeline/p/%s", l.root, left[i]);
        assert_int_equal(utimes(path, (struct timeval[2]){ { 0, 0 }, { 0, 0 } }), 0);
    }
    test_ok(tl_commit_log_tidy(l.log, &error), &error);
    test_ok(tl_store_list(l.store, "_tapeline/p", &names, &error), &error);
    assert_int_equal(names.count, 1);
    tl_dir_list_release(&names);
    assert_string_equal(newest(&l), "1:one");
    close_lake(&l);
}

static void the_last_epoch_is_one_that_nothing_was_committed_behind(void **state)
{
    (void)state;
    struct lake l = open_lake();
    struct tl_error error;
    bool last;
    test_ok(tl_commit_log_settle(l.log, &error), &error);
    test_ok(tl_commit_log_is_last(l.log, 2, &last, &error), &error);
    assert_true(last);
    commit(&l, 1, "one");
    test_ok(tl_commit_log_intent(l.log, 2, TL_VIEW("two"), &error), &error);
    test_ok(tl_commit_log_is_last(l.log, 2, &last, &error), &error);
    assert_true(last);
    test_ok(tl_commit_log_is_last(l.log, 1, &last, &error), &error);
    assert_false(last);
    commit(&l, 2, "two");
    test_ok(tl_commit_log_is_last(l.log, 2, &last, &error), &error);
    assert_false(last);
    close_lake(&l);
}

static void names_of_pipelines_stay_in_their_folder(void **state)
{
    (void)state;
    struct lake l = open_lake();
    struct tl_commit_log *log;
    struct tl_error error;
    static const char *const names[] = { "", "a/b", "../x", "/x" };
    for (size_t i = 0; i < TL_COUNT(names); i++)
        assert_false(tl_commit_log_open(&log, l.store, names[i], &error));
    test_ok(tl_commit_log_open(&log, l.store, "..", &error), &error);
    assert_false(tl_commit_log_commit(log, 1, TL_VIEW("x"), &error));
    tl_commit_log_close(log);
    close_lake(&l);
}

int main(void)
{
    tl_log_init("error", false);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_commit_is_found),
        cmocka_unit_test(three_commits_are_kept),
        cmocka_unit_test(a_commit_torn_at_any_byte_gives_way_to_the_one_before),
        cmocka_unit_test(when_no_commit_can_be_read_nothing_is_begun_anew),
        cmocka_unit_test(an_intent_fences),
        cmocka_unit_test(every_system_call_of_a_commit_fails_once),
        cmocka_unit_test(what_a_killed_write_left_is_removed_and_records_stay),
        cmocka_unit_test(the_last_epoch_is_one_that_nothing_was_committed_behind),
        cmocka_unit_test(names_of_pipelines_stay_in_their_folder),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
