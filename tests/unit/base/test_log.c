/* SPDX-License-Identifier: Apache-2.0 */
/* base/log.h: what a line looks like, and that what is logged cannot forge one. */
#include "support.h"

#include "base/io_fault.h"
#include "base/log.h"

static char written[16384];
static unsigned writes;

static ssize_t keep(int fd, const void *data, size_t size)
{
    assert_int_equal(fd, STDERR_FILENO);
    assert_true(size < sizeof written);
    memcpy(written, data, size);
    written[size] = '\0';
    writes++;
    return (ssize_t)size;
}

static struct tl_io kept;

static int64_t noon(void)
{
    return 1758976440123456789; /* 2025-09-27T12:34:00.123456789Z */
}

static int catch_stderr(void **state)
{
    (void)state;
    kept = tl_io_kernel;
    kept.write = keep;
    kept.wall_ns = noon;
    tl_io = &kept;
    writes = 0;
    written[0] = '\0';
    tl_log_init(NULL, false);
    return 0;
}

static int let_go(void **state)
{
    (void)state;
    tl_io = &tl_io_kernel;
    return 0;
}

static void a_line_has_time_level_part_and_message(void **state)
{
    (void)state;
    tl_log_info("net", "listening on %s", "127.0.0.1:8080");
    assert_string_equal(written, "2025-09-27T12:34:00.123Z info  net: listening on 127.0.0.1:8080\n");
    tl_log_warn("lake", "slow");
    assert_string_equal(written, "2025-09-27T12:34:00.123Z warn  lake: slow\n");
    tl_log_error("lake", "gone");
    assert_string_equal(written, "2025-09-27T12:34:00.123Z error lake: gone\n");
    assert_int_equal(writes, 3); /* one write a line */
}

static void a_json_line_is_an_object(void **state)
{
    (void)state;
    tl_log_init(NULL, true);
    tl_log_warn("net", "peer said \"%s\" \\ %d", "no", 5);
    assert_string_equal(written, "{\"time\":\"2025-09-27T12:34:00.123Z\",\"level\":\"warn\",\"part\":\"net\","
                                 "\"message\":\"peer said \\\"no\\\" \\\\ 5\"}\n");
}

static void nothing_logged_can_forge_a_line_or_a_colour(void **state)
{
    (void)state;
    static const struct {
        const char *message, *text, *json;
    } cases[] = {
        { "a\nb", "a\\x0ab", "a\\u000ab" },
        { "\r\t\x01\x7f", "\\x0d\\x09\\x01\\x7f", "\\u000d\\u0009\\u0001\\u007f" },
        { "\x1b[31mred", "\\x1b[31mred", "\\u001b[31mred" },
        { "\xc2\x9b"
          "31m",
          "\\x9b31m", "\\u009b31m" }, /* CSI in one character */
        { "\x9b"
          "31m",
          "\\x9b31m", "\\ufffd31m" }, /* and in one byte */
        { "\xc2\xa0 \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
          "\xc2\xa0 \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80",
          "\xc2\xa0 \xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80" },
        { "cut \xe2\x82", "cut \\xe2\\x82", "cut \\ufffd\\ufffd" },
        { "\xff\xc0\x80", "\\xff\\xc0\\x80", "\\ufffd\\ufffd\\ufffd" },
    };
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        char wanted[300];
        tl_log_init(NULL, false);
        tl_log_info("p", "%s", cases[i].message);
        snprintf(wanted, sizeof wanted, "2025-09-27T12:34:00.123Z info  p: %s\n", cases[i].text);
        assert_string_equal(written, wanted);
        tl_log_init(NULL, true);
        tl_log_info("p", "%s", cases[i].message);
        snprintf(wanted, sizeof wanted, "\"message\":\"%s\"}\n", cases[i].json);
        assert_non_null(strstr(written, wanted));
    }
}

static void a_long_message_is_cut_and_the_line_is_whole(void **state)
{
    (void)state;
    static const char *const fillers[] = { "x", "\"", "\x1b", "\xff", "\xe2\x82\xac", "\xf0\x9f\x98\x80" };
    for (size_t f = 0; f < TL_COUNT(fillers); f++) {
        for (size_t shift = 0; shift < 12; shift++) {
            char text[9000];
            memset(text, 'y', shift);
            text[shift] = '\0';
            while (strlen(text) + 5 < sizeof text)
                memcpy(text + strlen(text), fillers[f], strlen(fillers[f]) + 1);
            tl_log_init(NULL, true);
            tl_log_info("part", "%s", text);
            size_t size = strlen(written);
            assert_in_range(size, 2000, 4096);
            assert_string_equal(written + size - 3, "\"}\n");
            assert_ptr_equal(strchr(written, '\n'), written + size - 1);
            assert_true(tl_view_is_utf8(tl_view_of(written)));
        }
    }
}

static void debug_lines_come_for_the_parts_asked_for(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        bool net, lake;
    } cases[] = {
        { NULL, false, false },
        { "", false, false },
        { "debug", true, true },
        { "net=debug", true, false },
        { "lake=debug,net=debug", true, true },
        { "net=info", false, false },
        { "net", false, false },
        { "x=debug,debug", true, true },
        { ",,net=debug,", true, false },
        { "averyveryverylongpartname=debug", false, false },
        { "=debug", false, false },
    };
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        tl_log_init(cases[i].spec, false);
        assert_int_equal(tl_log_enabled("net", TL_LOG_DEBUG), cases[i].net);
        assert_int_equal(tl_log_enabled("lake", TL_LOG_DEBUG), cases[i].lake);
        assert_true(tl_log_enabled("net", TL_LOG_INFO));
        writes = 0;
        tl_log_debug("net", "x");
        assert_int_equal(writes, cases[i].net);
    }
}

static void a_hundred_parts_do_no_harm(void **state)
{
    (void)state;
    char spec[4000] = "";
    for (int i = 0; i < 100; i++)
        snprintf(spec + strlen(spec), 32, "part%d=debug,", i);
    tl_log_init(spec, false);
    assert_true(tl_log_enabled("part0", TL_LOG_DEBUG));
    assert_false(tl_log_enabled("part99", TL_LOG_DEBUG)); /* past the limit; and nothing else breaks */
}

/* A log line in the middle of a swept operation must not take the fault meant for the disk. */
static void log_lines_are_not_counted_as_disk_writes(void **state)
{
    (void)state;
    tl_io_fault_at(1, 5, false);
    assert_true(tl_io->write(STDERR_FILENO, "", 0) == 0);
    assert_int_equal(tl_io_fault_calls(), 0);
    assert_false(tl_io_fault_clear());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_line_has_time_level_part_and_message, catch_stderr, let_go),
        cmocka_unit_test_setup_teardown(a_json_line_is_an_object, catch_stderr, let_go),
        cmocka_unit_test_setup_teardown(nothing_logged_can_forge_a_line_or_a_colour, catch_stderr, let_go),
        cmocka_unit_test_setup_teardown(a_long_message_is_cut_and_the_line_is_whole, catch_stderr, let_go),
        cmocka_unit_test_setup_teardown(debug_lines_come_for_the_parts_asked_for, catch_stderr, let_go),
        cmocka_unit_test_setup_teardown(a_hundred_parts_do_no_harm, catch_stderr, let_go),
        cmocka_unit_test_teardown(log_lines_are_not_counted_as_disk_writes, let_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
