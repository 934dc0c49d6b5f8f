/* SPDX-License-Identifier: Apache-2.0 */
/* Where a feed stands: only what is acknowledged without a gap counts, also across passes and restarts. */
#include "support.h"

#include "base/io_fault.h"
#include "base/time.h"
#include "cli/feed_state.h"

#include <errno.h>

static void open_state(struct tl_feed_state *s, const char *dir)
{
    struct tl_error error;
    test_ok(tl_feed_state_open(s, dir, "h", &error), &error);
}

static uint64_t begin_pass(struct tl_feed_state *s, uint64_t first, uint64_t total)
{
    struct tl_error error;
    uint64_t skip;
    test_ok(tl_feed_state_begin_pass(s, first, total, &skip, &error), &error);
    return skip;
}

static void save(struct tl_feed_state *s, uint64_t settled)
{
    struct tl_error error;
    test_ok(tl_feed_state_save(s, settled, true, &error), &error);
}

/* What a restart would begin with. */
static void assert_place(const char *dir, uint64_t rows, uint64_t loops)
{
    struct tl_feed_state s;
    open_state(&s, dir);
    assert_int_equal(s.rows, rows);
    assert_int_equal(s.loops, loops);
    tl_feed_state_release(&s);
}

static void a_place_survives_a_restart(void **state)
{
    char *dir = test_dir_new();
    struct tl_feed_state s;
    (void)state;
    assert_place(dir, 0, 0);
    open_state(&s, dir);
    assert_int_equal(begin_pass(&s, 0, 100), 0);
    save(&s, 42);
    assert_place(dir, 42, 0);
    tl_feed_state_release(&s);

    open_state(&s, dir);
    assert_int_equal(begin_pass(&s, 0, 100), 42);
    save(&s, 0);
    assert_place(dir, 42, 0);
    save(&s, 7);
    assert_place(dir, 49, 0);
    tl_feed_state_release(&s);
    test_dir_remove(dir);
}

static void records_of_the_pass_before_may_still_be_on_their_way(void **state)
{
    char *dir = test_dir_new();
    struct tl_feed_state s;
    (void)state;
    open_state(&s, dir);
    begin_pass(&s, 0, 100);
    tl_feed_state_end_pass(&s);
    save(&s, 60); /* all read, not all acknowledged */
    assert_place(dir, 60, 0);
    begin_pass(&s, 100, 100);
    save(&s, 99);
    assert_place(dir, 99, 0);
    save(&s, 100);
    assert_place(dir, 0, 1);
    save(&s, 130);
    assert_place(dir, 30, 1);
    tl_feed_state_end_pass(&s);
    begin_pass(&s, 200, 100);
    save(&s, 50); /* two passes ago: not known any more, what is noted stays */
    assert_place(dir, 30, 1);
    tl_feed_state_release(&s);
    test_dir_remove(dir);
}

/* What is sent again bears the stamp it had: the id is kept, and the counter goes on over passes. */
static void stamps_are_the_same_when_sent_again(void **state)
{
    char *dir = test_dir_new(), id[17];
    struct tl_feed_state s;
    (void)state;
    open_state(&s, dir);
    memcpy(id, s.producer, sizeof id);
    assert_int_equal(strlen(id), 16);
    assert_true(s.dirty);
    begin_pass(&s, 0, 100);
    assert_int_equal(s.pass.base, 0);
    save(&s, 0);
    assert_false(s.dirty);
    tl_feed_state_end_pass(&s);
    begin_pass(&s, 100, 100);
    assert_int_equal(s.pass.base, 100);
    save(&s, 90); /* of the pass before */
    tl_feed_state_release(&s);

    open_state(&s, dir);
    assert_string_equal(s.producer, id);
    assert_int_equal(begin_pass(&s, 0, 100), 90);
    assert_int_equal(s.pass.base, 0);
    tl_feed_state_end_pass(&s);
    begin_pass(&s, 10, 100);
    save(&s, 110); /* done */
    tl_feed_state_release(&s);

    open_state(&s, dir);
    assert_int_equal(begin_pass(&s, 0, 100), 0);
    assert_int_equal(s.pass.base, 200);
    save(&s, 5);
    tl_feed_state_release(&s);

    open_state(&s, dir);
    assert_int_equal(begin_pass(&s, 0, 101), 5); /* the history has changed: row 5 is another one */
    assert_string_not_equal(s.producer, id);
    assert_true(s.dirty);
    tl_feed_state_release(&s);
    test_dir_remove(dir);
}

/* A full disk does not end a feed: what is not noted is sent again. */
static void a_full_disk_is_waited_for(void **state)
{
    char *dir = test_dir_new();
    struct tl_feed_state s;
    struct tl_error error;
    (void)state;
    open_state(&s, dir);
    begin_pass(&s, 0, 100);
    save(&s, 10);
    tl_io_clock_set(TL_NS_PER_S * 1000000);
    tl_io_fault_at(1, ENOSPC, true);
    s.saved_ns = 0;
    test_ok(tl_feed_state_save(&s, 50, false, &error), &error);
    assert_false(tl_feed_state_save(&s, 50, true, &error)); /* at the end it is told */
    assert_int_equal(error.code, TL_NO_SPACE);
    assert_true(tl_io_fault_clear());
    assert_place(dir, 10, 0);
    s.saved_ns = 0;
    test_ok(tl_feed_state_save(&s, 60, false, &error), &error);
    tl_io_clock_clear();
    assert_place(dir, 60, 0);
    tl_feed_state_release(&s);
    test_dir_remove(dir);
}

static void one_process_sends_a_feed(void **state)
{
    char *dir = test_dir_new();
    struct tl_feed_state a, b;
    struct tl_error error;
    (void)state;
    open_state(&a, dir);
    open_state(&b, dir);
    test_ok(tl_feed_state_lock(&a, &error), &error);
    assert_false(tl_feed_state_lock(&b, &error));
    assert_int_equal(error.code, TL_CONFLICT);
    tl_feed_state_release(&a);
    test_ok(tl_feed_state_lock(&b, &error), &error);
    tl_feed_state_release(&b);
    test_dir_remove(dir);
}

static void a_pass_that_is_done_begins_anew(void **state)
{
    char *dir = test_dir_new();
    struct tl_feed_state s;
    (void)state;
    open_state(&s, dir);
    begin_pass(&s, 0, 100);
    tl_feed_state_end_pass(&s);
    save(&s, 100);
    tl_feed_state_release(&s);
    open_state(&s, dir);
    assert_int_equal(begin_pass(&s, 0, 100), 0);
    assert_int_equal(s.loops, 1);
    tl_feed_state_release(&s);
    test_dir_remove(dir);
}

static void a_history_that_shrank_is_gone_on_with_modulo(void **state)
{
    char *dir = test_dir_new();
    struct tl_feed_state s;
    (void)state;
    open_state(&s, dir);
    begin_pass(&s, 0, 100);
    save(&s, 95);
    tl_feed_state_release(&s);
    open_state(&s, dir);
    assert_int_equal(begin_pass(&s, 0, 30), 5);
    tl_feed_state_release(&s);
    test_dir_remove(dir);
}

static void wrong_files_are_named(void **state)
{
    static const char *const texts[] = {
        "", "{", "[]", "{}", "{\"rows\":1}", "{\"rows\":-1,\"loops\":0}", "{\"rows\":\"1\",\"loops\":0}"
    };
    (void)state;
    for (size_t i = 0; i < TL_COUNT(texts); i++) {
        char *dir = test_dir_new(), path[512];
        struct tl_feed_state s;
        struct tl_error error;
        snprintf(path, sizeof path, "%s/feed-h.json", dir);
        test_ok(tl_file_write_atomic(path, tl_view_of(texts[i]), &error), &error);
        assert_false(tl_feed_state_open(&s, dir, "h", &error));
        assert_non_null(strstr(error.text, path));
        test_dir_remove(dir);
    }
}

static void names_become_file_names(void **state)
{
    char *dir = test_dir_new(), path[512];
    struct tl_feed_state s;
    struct tl_error error;
    (void)state;
    test_ok(tl_feed_state_open(&s, dir, "../a b", &error), &error);
    snprintf(path, sizeof path, "%s/feed-%%2e%%2e%%2fa%%20b.json", dir);
    assert_string_equal(s.path, path);
    tl_feed_state_release(&s);
    test_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_place_survives_a_restart),
        cmocka_unit_test(records_of_the_pass_before_may_still_be_on_their_way),
        cmocka_unit_test(a_full_disk_is_waited_for),
        cmocka_unit_test(one_process_sends_a_feed),
        cmocka_unit_test(stamps_are_the_same_when_sent_again),
        cmocka_unit_test(a_pass_that_is_done_begins_anew),
        cmocka_unit_test(a_history_that_shrank_is_gone_on_with_modulo),
        cmocka_unit_test(wrong_files_are_named),
        cmocka_unit_test(names_become_file_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
