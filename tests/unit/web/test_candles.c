/* SPDX-License-Identifier: Apache-2.0 */
/* Candles against a naive computation over all ticks, in any order; bounds of keys and time. */
#include "support.h"

#include "base/time.h"
#include "web/candles.h"

#include <stdlib.h>

#define TICKS 4000
#define SPAN_S 600

struct tick {
    int64_t at;
    double price, volume;
};

static int later(const void *left, const void *right)
{
    const struct tick *a = left, *b = right;
    return a->at < b->at ? -1 : a->at > b->at;
}

/* The candle of one interval, from the sorted ticks; NULL text when there is none. */
static void expected(const struct tick *sorted, int64_t start_ns, int64_t size_ns, struct tl_buf *out)
{
    double open = 0, high = 0, low = 0, close = 0, volume = 0;
    int64_t count = 0;
    for (size_t i = 0; i < TICKS; i++) {
        if (sorted[i].at < start_ns || sorted[i].at >= start_ns + size_ns)
            continue;
        open = count ? open : sorted[i].price;
        high = !count || sorted[i].price > high ? sorted[i].price : high;
        low = !count || sorted[i].price < low ? sorted[i].price : low;
        close = sorted[i].price;
        volume += sorted[i].volume;
        count++;
    }
    if (!count)
        return;
    struct tl_json_writer w;
    struct tl_buf one;
    tl_buf_init(&one, 4096);
    tl_json_writer_init(&w, &one);
    tl_json_begin_array(&w);
    tl_json_write_i64(&w, start_ns / TL_NS_PER_MS);
    tl_json_write_double(&w, open);
    tl_json_write_double(&w, high);
    tl_json_write_double(&w, low);
    tl_json_write_double(&w, close);
    tl_json_write_double(&w, volume);
    tl_json_write_i64(&w, count);
    tl_json_end_array(&w);
    tl_buf_add_text(out, out->size > 1 ? "," : "");
    tl_buf_add_view(out, tl_buf_view(&one));
    tl_buf_release(&one);
}

static void candles_of_ticks_in_any_order(void **state)
{
    (void)state;
    static struct tick ticks[TICKS];
    struct tl_candles c;
    struct tl_buf got, wanted;
    struct tl_json_writer w;
    unsigned seed = 7;
    int64_t base = 1700000000 * TL_NS_PER_S;
    tl_candles_init(&c);
    for (size_t i = 0; i < TICKS; i++) { /* all instants differ: then the order of arrival means nothing */
        ticks[i] = (struct tick){ base + (int64_t)(rand_r(&seed) % SPAN_S) * TL_NS_PER_S + (int64_t)i * 1000, (double)(rand_r(&seed) % 1000) / 4,
                                  rand_r(&seed) % 100 };
        assert_true(tl_candles_add(&c, TL_VIEW("A"), ticks[i].at, ticks[i].price, ticks[i].volume));
    }
    qsort(ticks, TICKS, sizeof ticks[0], later);
    for (int minutes = 0; minutes < 2; minutes++) {
        int64_t size = minutes ? TL_NS_PER_MIN : TL_NS_PER_S;
        tl_buf_init(&got, 1u << 20);
        tl_buf_init(&wanted, 1u << 20);
        tl_json_writer_init(&w, &got);
        tl_candles_write(&c, TL_VIEW("A"), size / TL_NS_PER_MS, &w);
        tl_buf_add_char(&wanted, '[');
        for (int64_t at = base / size * size; at < base + SPAN_S * TL_NS_PER_S; at += size)
            expected(ticks, at, size, &wanted);
        tl_buf_add_char(&wanted, ']');
        assert_string_equal(tl_buf_text(&got), tl_buf_text(&wanted));
        tl_buf_release(&got);
        tl_buf_release(&wanted);
    }
    tl_candles_release(&c);
}

static void changes_are_told_once(void **state)
{
    (void)state;
    struct tl_candles c;
    struct tl_buf out;
    struct tl_json_writer w;
    tl_candles_init(&c);
    tl_buf_init(&out, 1u << 16);
    assert_true(tl_candles_add(&c, TL_VIEW("A"), 5 * TL_NS_PER_S, 2, 1));
    assert_true(tl_candles_add(&c, TL_VIEW("B"), 5 * TL_NS_PER_S, 3, 1));
    tl_json_writer_init(&w, &out);
    assert_int_equal(tl_candles_changes(&c, &w), 4); /* a second and a minute each */
    tl_json_writer_init(&w, &out);
    assert_int_equal(tl_candles_changes(&c, &w), 0);
    assert_true(tl_candles_add(&c, TL_VIEW("A"), 5 * TL_NS_PER_S, 4, 1));
    tl_json_writer_init(&w, &out);
    assert_int_equal(tl_candles_changes(&c, &w), 2);
    tl_buf_release(&out);
    tl_candles_release(&c);
}

static void keys_and_time_are_bounded(void **state)
{
    (void)state;
    struct tl_candles c;
    struct tl_buf out;
    struct tl_json_writer w;
    tl_candles_init(&c);
    tl_buf_init(&out, 1u << 20);
    for (int i = 0; i < TL_CANDLE_KEYS_MAX + 5; i++) {
        char key[16];
        snprintf(key, sizeof key, "K%d", i);
        assert_true(tl_candles_add(&c, tl_view_of(key), TL_NS_PER_S, 1, 1));
    }
    assert_true(c.overflow);
    assert_int_equal(c.keys.count, TL_CANDLE_KEYS_MAX);
    /* A day later: the old second is gone, and one that is older than the ring does not come back. */
    int64_t day = 24 * 60 * TL_NS_PER_MIN;
    assert_true(tl_candles_add(&c, TL_VIEW("K0"), day, 7, 1));
    assert_true(tl_candles_add(&c, TL_VIEW("K0"), day - TL_CANDLE_SECONDS * TL_NS_PER_S, 9, 1));
    tl_json_writer_init(&w, &out);
    tl_candles_write(&c, TL_VIEW("K0"), 1000, &w);
    assert_string_equal(tl_buf_text(&out), "[[86400000,7,7,7,7,1,1]]");
    tl_buf_reset(&out);
    tl_json_writer_init(&w, &out);
    tl_candles_write(&c, TL_VIEW("unknown"), 1000, &w);
    assert_string_equal(tl_buf_text(&out), "[]");
    tl_buf_release(&out);
    tl_candles_release(&c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(candles_of_ticks_in_any_order),
        cmocka_unit_test(changes_are_told_once),
        cmocka_unit_test(keys_and_time_are_bounded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
