/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/feed_json.h"

#include "base/time.h"
#include "codec/json_writer.h"
#include "engine/plan.h"

#include <assert.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define KEYS_MAX (1u << 20)
#define DIGITS_MAX 17

bool tl_feed_json_init(struct tl_feed_json *f, const struct tl_column_def *columns, size_t count,
                       struct tl_error *error)
{
    *f = (struct tl_feed_json){ .column_count = count, .second = INT64_MIN };
    tl_buf_init(&f->keys, KEYS_MAX);
    f->key_end = calloc(count ? count : 1, sizeof *f->key_end);
    if (!f->key_end)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for a feed's columns");
    for (size_t i = 0; i < count; i++) {
        struct tl_json_writer w;
        tl_json_writer_init(&w, &f->keys);
        tl_buf_add_text(&f->keys, i ? ", " : "{");
        tl_json_write_string(&w, tl_view_of(columns[i].name));
        tl_buf_add_text(&f->keys, ": ");
        f->key_end[i] = f->keys.size;
    }
    if (tl_buf_ok(&f->keys, "the column names of a feed", error))
        return true;
    tl_feed_json_release(f);
    return false;
}

void tl_feed_json_release(struct tl_feed_json *f)
{
    tl_buf_release(&f->keys);
    free(f->key_end);
    f->key_end = NULL;
}

/* Decimal digits of a positive number: 0.d1d2d3... * 10^point. */
struct digits {
    char text[24];
    int count, point;
};

static void set_digits(struct digits *d, uint64_t n, int scale)
{
    char text[24];
    int first = sizeof text, zeros = 0;
    for (; n >= 10 && n % 10 == 0; n /= 10) /* not kept: they only move the point */
        zeros++;
    do
        text[--first] = (char)('0' + n % 10);
    while (n /= 10);
    d->count = (int)sizeof text - first;
    d->point = d->count + zeros - scale;
    memcpy(d->text, text + first, (size_t)d->count);
}

static const uint64_t pow10_u64[20] = {
    1u,
    10u,
    100u,
    1000u,
    10000u,
    100000u,
    1000000u,
    10000000u,
    100000000u,
    1000000000u,
    10000000000u,
    100000000000u,
    1000000000000u,
    10000000000000u,
    100000000000000u,
    1000000000000000u,
    10000000000000000u,
    100000000000000000u,
    1000000000000000000u,
    10000000000000000000u,
};

/* Prices as people write them. n / 10^scale with both exact is the double nearest to that decimal; with at
 * most 15 digits no shorter one reads back as the same. */
static bool few_decimals(double v, struct digits *d)
{
    for (int scale = 0; scale <= 6; scale++) {
        double scaled = v * (double)pow10_u64[scale];
        if (scaled >= 1e15)
            return false;
        double n = rint(scaled);
        if (n / (double)pow10_u64[scale] == v) {
            set_digits(d, (uint64_t)n, scale);
            return true;
        }
    }
    return false;
}

__extension__ typedef unsigned __int128 wide;

/* Is t * 10^scale inside the open interval of decimals that read back as v, whose ends are (4m -+ 2) * 10^k /
 * 2^shift? The ends belong to it for even m, but are halves of units that no shorter decimal meets often
 * enough to matter: taking them out is safe. */
static bool reads_back(uint64_t t, int scale, int shift, wide low, wide high)
{
    wide at = (wide)t * pow10_u64[scale] << shift;
    return at > low && at < high;
}

/* Doubles in [2^-9, 2^52) that are no power of two, in exact 128-bit integers: 17 digits are taken, then as
 * many are rounded away as still read back as the same double. Prices with noise (187.14999389648438) are
 * common, and three printf and strtod each is too slow. */
static bool shortest_wide(double v, struct digits *d)
{
    int exponent;
    double fraction = frexp(v, &exponent); /* [0.5, 1) * 2^exponent */
    if (exponent < -8 || exponent > 52 || fraction == 0.5)
        return false;
    uint64_t m = (uint64_t)ldexp(fraction, 53);
    int shift = 53 - exponent + 2; /* v = 4m / 2^shift */
    int k = 16;
    for (double top = v * 1e16; top >= 1e17 && k > 0; k--)
        top /= 10;
    for (double top = v * (double)pow10_u64[k]; top < 1e16 && k < 19; k++)
        top *= 10;
    wide scaled = (wide)(4 * m) * pow10_u64[k];
    wide low = (wide)(4 * m - 2) * pow10_u64[k], high = (wide)(4 * m + 2) * pow10_u64[k];
    uint64_t whole = (uint64_t)(scaled >> shift), best = 0;
    int best_scale = -1;
    for (int scale = 0; scale < DIGITS_MAX; scale++) {
        uint64_t below = whole / pow10_u64[scale], t = below;
        wide unit = (wide)pow10_u64[scale] << shift;
        wide rest = scaled - (wide)below * unit;
        if (rest * 2 > unit || (rest * 2 == unit && (below & 1)))
            t = below + 1;
        if (!reads_back(t, scale, shift, low, high))
            break;
        best = t;
        best_scale = scale;
    }
    if (best_scale < 0)
        return false;
    set_digits(d, best, k - best_scale);
    return true;
}

/* Everything else, by trial. */
static void shortest_printf(double v, struct digits *d)
{
    char text[40];
    for (int count = v < 1e-300 ? 1 : 15; count <= DIGITS_MAX; count++) {
        snprintf(text, sizeof text, "%.*e", count - 1, v);
        if (strtod(text, NULL) == v || (count == 16 && tl_double_digits_above(v, text)))
            break;
    }
    const char *e = strchr(text, 'e');
    d->count = 0;
    for (const char *p = text; p < e; p++)
        if (*p != '.')
            d->text[d->count++] = *p;
    while (d->count > 1 && d->text[d->count - 1] == '0')
        d->count--;
    d->point = (int)strtol(e + 1, NULL, 10) + 1;
}

static void add_zeros(struct tl_buf *out, int count)
{
    for (int i = 0; i < count; i++)
        tl_buf_add_char(out, '0');
}

/* float_repr_style 'short': fixed from 1e-4 to below 1e16, else with an exponent of at least two digits. */
static void add_digits(struct tl_buf *out, const struct digits *d)
{
    size_t count = (size_t)d->count;
    if (d->point <= -4 || d->point > 16) {
        tl_buf_add_char(out, d->text[0]);
        if (count > 1) {
            tl_buf_add_char(out, '.');
            tl_buf_add(out, d->text + 1, count - 1);
        }
        int exponent = d->point - 1;
        tl_buf_addf(out, "e%c%02d", exponent < 0 ? '-' : '+', exponent < 0 ? -exponent : exponent);
    } else if (d->point <= 0) {
        tl_buf_add_text(out, "0.");
        add_zeros(out, -d->point);
        tl_buf_add(out, d->text, count);
    } else if (d->count <= d->point) {
        tl_buf_add(out, d->text, count);
        add_zeros(out, d->point - d->count);
        tl_buf_add_text(out, ".0");
    } else {
        tl_buf_add(out, d->text, (size_t)d->point);
        tl_buf_add_char(out, '.');
        tl_buf_add(out, d->text + d->point, count - (size_t)d->point);
    }
}

void tl_feed_json_double(struct tl_buf *out, double v)
{
    assert(isfinite(v));
    if (signbit(v))
        tl_buf_add_char(out, '-');
    v = fabs(v);
    if (v == 0) {
        tl_buf_add_text(out, "0.0");
        return;
    }
    struct digits d;
    if (!few_decimals(v, &d) && !shortest_wide(v, &d))
        shortest_printf(v, &d);
    add_digits(out, &d);
}

static void add_instant(struct tl_feed_json *f, int64_t now_ns, struct tl_buf *out)
{
    static_assert(sizeof f->instant >= TL_TIME_TEXT_MAX, "room for an instant");
    int64_t second = tl_floor_div(now_ns, TL_NS_PER_S);
    if (second != f->second) {
        size_t size = tl_time_format(second * TL_NS_PER_S, TL_TIME_ISO_US, f->instant);
        assert(size == strlen("2025-09-27T12:34:00.123456+00:00"));
        (void)size;
        f->second = second;
    }
    int64_t us = (now_ns - second * TL_NS_PER_S) / TL_NS_PER_US;
    for (int at = 25; at >= 20; at--, us /= 10)
        f->instant[at] = (char)('0' + us % 10);
    tl_buf_add_char(out, '"');
    tl_buf_add_text(out, f->instant);
    tl_buf_add_char(out, '"');
}

static void add_text(struct tl_view v, struct tl_buf *out)
{
    struct tl_json_writer w;
    tl_json_writer_init(&w, out);
    tl_json_write_string(&w, v);
}

static void add_cell(struct tl_feed_json *f, const struct tl_rows *rows, size_t row, size_t column,
                     int64_t now_ns, struct tl_buf *out)
{
    const struct tl_column *c = &rows->columns[column];
    char text[TL_TIME_TEXT_MAX];
    if (c->null[row]) {
        tl_buf_add_text(out, "null");
        return;
    }
    switch (c->def.type) {
    case TL_TYPE_VARCHAR:
        if (tl_view_eq(tl_rows_text(rows, row, column), TL_VIEW(TL_FEED_NOW)))
            add_instant(f, now_ns, out);
        else
            add_text(tl_rows_text(rows, row, column), out);
        break;
    case TL_TYPE_DOUBLE:
        if (isfinite(c->cells[row].f64))
            tl_feed_json_double(out, c->cells[row].f64);
        else
            tl_buf_add_text(out, "null");
        break;
    case TL_TYPE_BOOLEAN:
        tl_buf_add_text(out, c->cells[row].i64 ? "true" : "false");
        break;
    case TL_TYPE_DATE:
        tl_date_format(c->cells[row].i64, text);
        add_text(tl_view_of(text), out);
        break;
    case TL_TYPE_TIMESTAMP:
        tl_time_format(c->cells[row].i64, TL_TIME_ISO_US, text);
        add_text(tl_view_of(text), out);
        break;
    default:
        tl_buf_add_i64(out, c->cells[row].i64);
    }
}

void tl_feed_json_stamp(struct tl_feed_json *f, const char *producer_id)
{
    snprintf(f->stamp, sizeof f->stamp, ", \"" TL_STAMP_ID "\": \"%.32s\", \"" TL_STAMP_SEQ "\": ", producer_id);
}

void tl_feed_json_row(struct tl_feed_json *f, const struct tl_rows *rows, size_t row, int64_t now_ns,
                      uint64_t counter, struct tl_buf *out)
{
    assert(rows->column_count == f->column_count && row < rows->row_count);
    size_t begin = 0;
    for (size_t i = 0; i < f->column_count; i++) {
        tl_buf_add(out, f->keys.data + begin, f->key_end[i] - begin);
        begin = f->key_end[i];
        add_cell(f, rows, row, i, now_ns, out);
    }
    if (f->stamp[0]) {
        tl_buf_add_text(out, f->stamp);
        tl_buf_add_i64(out, (int64_t)counter);
    }
    tl_buf_add_char(out, '}');
}
