/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "web/event.h"
#include "web/fixture.h"

static const char *event_text(const struct tl_rows *rows, bool snapshot, size_t row_max, struct tl_buf *out)
{
    struct tl_web_rows_event event = { .version = 7, .snapshot = snapshot, .x_column = WINDOW_END, .row_max = row_max };
    tl_buf_init(out, 1u << 24);
    tl_web_rows_event_write(&event, rows, out);
    assert_false(out->failed);
    return tl_buf_text(out);
}

static void a_row_has_instants_as_milliseconds_and_doubles_shortest(void **state)
{
    (void)state;
    struct tl_rows rows;
    struct tl_buf out;
    changes_init(&rows, AVERAGE);
    average_add(&rows, "AAPL", 2, 187.1, false);
    assert_string_equal(event_text(&rows, false, 100, &out),
                        "{\"version\":7,\"rows\":[{\"ticker\":\"AAPL\",\"trade_date\":\"2024-01-01\",\"window_start\":60000,"
                        "\"window_end\":120000,\"avg_close\":187.1,\"final\":false}]}");
    tl_buf_release(&out);
    tl_rows_release(&rows);
}

static void null_cells_are_null_and_a_snapshot_says_so(void **state)
{
    (void)state;
    struct tl_rows rows;
    struct tl_buf out;
    changes_init(&rows, LATEST);
    tl_rows_add(&rows);
    tl_rows_set_text(&rows, 0, TL_VIEW("X"));
    tl_rows_set_i64(&rows, 2, 0);
    assert_string_equal(event_text(&rows, true, 100, &out),
                        "{\"version\":7,\"snapshot\":true,\"rows\":[{\"ticker\":\"X\",\"latest_close\":null,\"final\":false}]}");
    tl_buf_release(&out);
    tl_rows_release(&rows);
}

static void hostile_text_cannot_leave_its_string_or_its_line(void **state)
{
    (void)state;
    struct tl_rows rows;
    struct tl_buf out, frame;
    changes_init(&rows, LATEST);
    latest_add(&rows, "<img onerror>\"\\\r\n\ndata: x", 1);
    const char *json = event_text(&rows, false, 100, &out);
    tl_buf_init(&frame, 1u << 20);
    tl_web_event_frame("latest_close", "1.2", tl_view_of(json), &frame);
    const char *text = tl_buf_text(&frame);
    assert_null(strchr(text, '<'));
    assert_null(strchr(text, '\r'));
    /* three field lines and the empty one that ends the event */
    size_t lines = 0;
    for (const char *c = text; *c; c++)
        lines += *c == '\n';
    assert_int_equal(lines, 4);
    tl_buf_release(&frame);
    tl_buf_release(&out);
    tl_rows_release(&rows);
}

static void too_many_rows_keep_the_open_and_the_newest(void **state)
{
    (void)state;
    struct tl_rows rows;
    struct tl_buf out;
    changes_init(&rows, AVERAGE);
    for (int64_t end = 1; end <= 50; end++)
        average_add(&rows, "A", end, 1, true);
    average_add(&rows, "B", 3, 2, false);
    size_t order[3];
    assert_int_equal(tl_web_rows_select(&rows, WINDOW_END, 3, order), 3);
    assert_int_equal(order[0], 50); /* open, though old */
    assert_int_equal(order[1], 49);
    assert_int_equal(order[2], 48);
    assert_non_null(strstr(event_text(&rows, false, 3, &out), "\"truncated\":true"));
    tl_buf_release(&out);
    tl_rows_release(&rows);
}

static void an_id_resumes_only_the_process_and_the_views_it_came_from(void **state)
{
    (void)state;
    static const struct {
        const char *id;
        bool ok;
    } cases[] = {
        { "abc.1f.0", true },   { "abd.1f.0", false }, { "abc.1f", false },    { "abc.1f.0.2", false }, { "abc.1f.0.", false },
        { "", false },          { "abc", false },      { "abc..0", false },    { "abc.1F.0", false },   { "abc.-1.0", false },
        { "abc.1f.00000000000000000", false },         { " abc.1f.0", false }, { "abc.1f.0\n", false },
    };
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        uint64_t cursors[2] = { 9, 9 };
        if (tl_web_event_id_parse(tl_view_of(cases[i].id), 0xabc, cursors, 2) != cases[i].ok)
            fail_msg("'%s'", cases[i].id);
        if (cases[i].ok)
            assert_true(cursors[0] == 0x1f && cursors[1] == 0);
    }
}

static void ids_read_back(void **state)
{
    (void)state;
    struct test_random random = test_random_new();
    for (int i = 0; i < 1000; i++) {
        uint64_t boot = test_random_u64(&random), back[3];
        uint64_t cursors[3] = { test_random_u64(&random), i % 2 ? UINT64_MAX : 0, test_random_below(&random, 1000) };
        struct tl_buf id;
        tl_buf_init(&id, 4096);
        tl_web_event_id_write(boot, cursors, 3, &id);
        assert_true(tl_web_event_id_parse(tl_buf_view(&id), boot, back, 3));
        assert_memory_equal(cursors, back, sizeof back);
        tl_buf_release(&id);
    }
}

static void event_names_do_not_take_the_place_of_others(void **state)
{
    (void)state;
    static const struct {
        const char *view, *event;
    } cases[] = { { "avg_1min", "avg_1min" }, { "stats", "view_stats" }, { "shown", "view_shown" }, { "error", "view_error" }, { "a\nb", "a_b" } };
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        struct tl_buf out;
        tl_buf_init(&out, 4096);
        tl_web_event_name(cases[i].view, &out);
        assert_string_equal(tl_buf_text(&out), cases[i].event);
        tl_buf_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_row_has_instants_as_milliseconds_and_doubles_shortest),
        cmocka_unit_test(null_cells_are_null_and_a_snapshot_says_so),
        cmocka_unit_test(hostile_text_cannot_leave_its_string_or_its_line),
        cmocka_unit_test(too_many_rows_keep_the_open_and_the_newest),
        cmocka_unit_test(an_id_resumes_only_the_process_and_the_views_it_came_from),
        cmocka_unit_test(ids_read_back),
        cmocka_unit_test(event_names_do_not_take_the_place_of_others),
    };
    return cmocka_run_group_tests_name("web_event", tests, NULL, NULL);
}
