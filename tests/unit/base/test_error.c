/* SPDX-License-Identifier: Apache-2.0 */
/* base/error.h: errors say what, where and in which context, whatever their length. */
#include "support.h"

#include "base/error.h"

#include <errno.h>

static void setting_fills_code_place_and_text_and_is_false(void **state)
{
    (void)state;
    struct tl_error e;
    assert_false(tl_error_set(&e, TL_LIMIT, "%d shards, at most %d", 501, 500));
    assert_int_equal(e.code, TL_LIMIT);
    assert_string_equal(e.text, "501 shards, at most 500");
    assert_non_null(strstr(e.file, "test_error.c"));
    assert_true(e.line > 0);
}

static void errno_becomes_a_code_a_caller_can_branch_on(void **state)
{
    (void)state;
    static const struct {
        int errnum;
        enum tl_code code;
    } cases[] = {
        { ENOSPC, TL_NO_SPACE },  { EDQUOT, TL_NO_SPACE }, { ENOENT, TL_NOT_FOUND },
        { EACCES, TL_DENIED },    { EPERM, TL_DENIED },    { EROFS, TL_DENIED },
        { ENOMEM, TL_NO_MEMORY }, { EEXIST, TL_CONFLICT }, { EADDRINUSE, TL_CONFLICT },
        { EIO, TL_IO },           { EBADF, TL_IO },        { 0, TL_IO },
    };
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        struct tl_error e;
        assert_false(tl_error_sys(&e, cases[i].errnum, "cannot open '%s'", "x"));
        assert_int_equal(e.code, cases[i].code);
        char wanted[200];
        snprintf(wanted, sizeof wanted, "cannot open 'x': %s", strerror(cases[i].errnum));
        assert_string_equal(e.text, wanted);
    }
}

static void context_goes_before_and_keeps_code_and_place(void **state)
{
    (void)state;
    struct tl_error e;
    tl_error_sys(&e, ENOSPC, "cannot write");
    int line = e.line;
    assert_false(tl_error_context(&e, "segment '%s'", "a"));
    assert_false(tl_error_context(&e, "epoch %d", 41));
    assert_string_equal(e.text, "epoch 41: segment 'a': cannot write: No space left on device");
    assert_int_equal(e.code, TL_NO_SPACE);
    assert_int_equal(e.line, line);
}

static void long_texts_are_cut_and_terminated(void **state)
{
    (void)state;
    struct tl_error e;
    char text[3 * TL_ERROR_TEXT_MAX];
    memset(text, 'x', sizeof text);
    text[sizeof text - 1] = '\0';
    tl_error_set(&e, TL_INVALID, "%s", text);
    assert_int_equal(strlen(e.text), TL_ERROR_TEXT_MAX - 1);
    tl_error_sys(&e, EIO, "%s", text);
    assert_int_equal(strlen(e.text), TL_ERROR_TEXT_MAX - 1);
    tl_error_context(&e, "outer");
    assert_int_equal(strlen(e.text), TL_ERROR_TEXT_MAX - 1);
    assert_memory_equal(e.text, "outer: xxx", 10);
    tl_error_context(&e, "%s", text);
    assert_int_equal(strlen(e.text), TL_ERROR_TEXT_MAX - 1);
}

static void every_code_has_its_own_name(void **state)
{
    (void)state;
    for (int a = TL_INVALID; a <= TL_CORRUPT; a++) {
        assert_memory_equal(tl_code_name((enum tl_code)a), "TL_", 3);
        for (int b = TL_INVALID; b < a; b++)
            assert_string_not_equal(tl_code_name((enum tl_code)a), tl_code_name((enum tl_code)b));
    }
    assert_string_equal(tl_code_name(TL_NO_SPACE), "TL_NO_SPACE");
    assert_string_equal(tl_code_name((enum tl_code)0), "TL_UNKNOWN");
    assert_string_equal(tl_code_name((enum tl_code)99), "TL_UNKNOWN");
}

static void only_passing_troubles_are_retried(void **state)
{
    (void)state;
    for (int code = TL_INVALID; code <= TL_CORRUPT; code++)
        assert_int_equal(tl_code_is_retriable((enum tl_code)code),
                         code == TL_THROTTLED || code == TL_TIMEOUT || code == TL_UNAVAILABLE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(setting_fills_code_place_and_text_and_is_false),
        cmocka_unit_test(errno_becomes_a_code_a_caller_can_branch_on),
        cmocka_unit_test(context_goes_before_and_keeps_code_and_place),
        cmocka_unit_test(long_texts_are_cut_and_terminated),
        cmocka_unit_test(every_code_has_its_own_name),
        cmocka_unit_test(only_passing_troubles_are_retried),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
