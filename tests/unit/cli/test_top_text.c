/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of `tapeline top`: what they say, that they fit, that no text of the pipeline reaches the terminal raw. */
#include "support.h"

#include "cli/top_text.h"

struct lines {
    char text[40][1024];
    enum tl_top_tone tones[40];
    size_t count;
};

static void collect(void *user, enum tl_top_tone tone, struct tl_view text)
{
    struct lines *l = user;
    assert_true(l->count < TL_COUNT(l->text) && text.size < sizeof l->text[0]);
    memcpy(l->text[l->count], text.data, text.size);
    l->text[l->count][text.size] = '\0';
    l->tones[l->count++] = tone;
}

static void write_all(struct lines *l, const char *json, size_t width, size_t rows)
{
    static struct tl_top top;
    struct tl_json_parser *parser;
    struct tl_json root;
    struct tl_error error;
    l->count = 0;
    test_ok(tl_json_parser_new(&parser, &error), &error);
    test_ok(tl_json_parse_copy(parser, tl_view_of(json), &root, &error), &error);
    tl_top_write(&top, root, width, rows, collect, l);
    tl_json_parser_free(parser);
}

static const struct lines *find(const struct lines *l, const char *text, size_t *at)
{
    for (*at = 0; *at < l->count; ++*at)
        if (strstr(l->text[*at], text))
            return l;
    return NULL;
}

#define STATUS(waiting, last, late)                                                                                       \
    "{\"pipeline\":\"stocks\\u001b[31m\",\"version\":\"1\",\"stats\":{\"now\":1700000000000,\"uptime_ms\":5000,\"waiting\":\"" waiting "\"," \
    "\"last_record\":" last ",\"watermark\":1699999880000,\"lag_ms\":120000,"                                               \
    "\"ledger\":{\"received\":10,\"aggregated\":9,\"late\":" late ",\"malformed\":0,\"duplicate\":0,\"filtered\":0,\"windows\":3}," \
    "\"rates\":{\"input\":6.5,\"processing\":80000},\"epoch\":{\"number\":4,\"duration_ms\":31.5,\"write_ms\":20,\"rows_committed\":30,\"files_committed\":3}," \
    "\"state\":{\"rows\":20,\"bytes\":2048},\"latency\":{\"stream_to_engine\":{\"count\":9,\"p50_ms\":2.5,\"p99_ms\":8}},"     \
    "\"shards\":[{\"id\":\"shardId-000000000000\",\"records\":10,\"watermark\":1699999880000,\"millis_behind\":20000,\"records_behind\":1300,\"records_behind_estimated\":true,\"idle\":false,\"finished\":false}]}}"

static void the_figures_are_there(void **state)
{
    (void)state;
    struct lines l;
    size_t at;
    write_all(&l, STATUS("", "1699999999000", "1"), 200, 40);
    assert_non_null(strstr(l.text[0], "stocks [31m  tapeline 1  2023-11-14 22:13:20 UTC")); /* the escape is a blank */
    assert_non_null(find(&l, "the newest record came 1 s ago", &at));
    assert_int_equal(l.tones[at], TL_TOP_GOOD);
    assert_non_null(find(&l, "received 10 = aggregated 9 + late 1", &at));
    assert_non_null(find(&l, "epoch  4: 31", &at));
    assert_non_null(find(&l, "20 rows, 2.0 KiB", &at));
    assert_non_null(find(&l, "→ engine 2.5 ms/8.0 ms", &at));
    assert_non_null(find(&l, "shardId-000000000000", &at));
    assert_int_equal(l.tones[at], TL_TOP_BAD); /* twenty seconds behind */
    assert_non_null(strstr(l.text[at], "20 s          about 1300 "));
}

static void what_is_wrong_stands_out(void **state)
{
    (void)state;
    struct lines l;
    size_t at;
    write_all(&l, STATUS("no space left", "1699999900000", "0"), 200, 40);
    assert_non_null(find(&l, "WAITING: no space left", &at));
    assert_int_equal(l.tones[at], TL_TOP_BAD);
    assert_non_null(find(&l, "STALE: the newest record came", &at));
    assert_non_null(find(&l, "DOES NOT BALANCE", &at));
}

static void lines_fit_and_nothing_is_no_error(void **state)
{
    (void)state;
    struct lines l;
    write_all(&l, STATUS("", "1699999999000", "1"), 30, 5);
    assert_int_equal(l.count, 5);
    for (size_t i = 0; i < l.count; i++) {
        size_t columns = 0;
        for (const char *c = l.text[i]; *c; c++)
            columns += ((unsigned char)*c & 0xc0) != 0x80;
        assert_true(columns <= 30);
    }
    write_all(&l, "{}", 80, 40);
    assert_true(l.count > 5);
    write_all(&l, "[1]", 80, 40);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_figures_are_there),
        cmocka_unit_test(what_is_wrong_stands_out),
        cmocka_unit_test(lines_fit_and_nothing_is_no_error),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
