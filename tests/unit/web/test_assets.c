/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "web/assets.h"

static void the_page_is_there_and_names_only_files_that_are(void **state)
{
    (void)state;
    struct tl_error error;
    struct tl_buf page;
    const struct tl_web_asset *a = tl_web_asset_find(TL_VIEW("/"));
    assert_non_null(a);
    assert_false(a->immutable);
    tl_buf_init(&page, a->size);
    test_ok(tl_web_asset_unpack(a, &page, &error), &error);
    assert_int_equal(page.size, a->size);
    size_t named = 0;
    for (const char *at = tl_buf_text(&page); (at = strstr(at, "/assets/")); at++, named++) {
        struct tl_view path = { at, strcspn(at, "\"") };
        const struct tl_web_asset *file = tl_web_asset_find(path);
        assert_non_null(file);
        assert_true(file->immutable);
    }
    assert_int_equal(named, 4);
    assert_null(strstr(tl_buf_text(&page), "//")); /* no other host, no unfilled place */
    assert_null(strchr(tl_buf_text(&page), '@'));
    tl_buf_release(&page);
}

static void what_is_not_there_is_null(void **state)
{
    (void)state;
    static const char *const paths[] = { "", "//", "/index.html", "/assets/", "/assets/../", "/assets/main.js" };
    for (size_t i = 0; i < TL_COUNT(paths); i++)
        assert_null(tl_web_asset_find(tl_view_of(paths[i])));
}

static void accept_encoding(void **state)
{
    (void)state;
    static const struct {
        const char *header;
        bool gzip;
    } cases[] = {
        { "gzip, deflate, br", true }, { "GZIP", true },           { "br;q=1.0, gzip;q=0.5", true }, { "*", true },
        { "", false },                 { "identity", false },      { "gzip;q=0", false },            { "gzip; q=0.000", false },
        { "*;q=0", false },            { "*, gzip;q=0", false },   { "gzip;q=x", true },             { "xgzip", false },
        { "gzip;q=0.001", true },      { ",,;,", false },
    };
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        if (tl_web_accepts_gzip(tl_view_of(cases[i].header)) != cases[i].gzip)
            fail_msg("'%s'", cases[i].header);
    }
}

static void if_none_match(void **state)
{
    (void)state;
    assert_true(tl_web_etag_matches(TL_VIEW("\"a\""), "\"a\""));
    assert_true(tl_web_etag_matches(TL_VIEW("\"b\", W/\"a\""), "\"a\""));
    assert_true(tl_web_etag_matches(TL_VIEW("*"), "\"a\""));
    assert_false(tl_web_etag_matches(TL_VIEW("\"b\""), "\"a\""));
    assert_false(tl_web_etag_matches(TL_VIEW(""), "\"a\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_is_there_and_names_only_files_that_are),
        cmocka_unit_test(what_is_not_there_is_null),
        cmocka_unit_test(accept_encoding),
        cmocka_unit_test(if_none_match),
    };
    return cmocka_run_group_tests_name("web_assets", tests, NULL, NULL);
}
