/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/yfinance_int.h"

#include "base/grow.h"
#include "base/time.h"
#include "lake/price_history.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define ROWS_BYTES ((size_t)8 << 30)
#define ROWS_MAX ((size_t)1 << 28)
#define REJECTS_BYTES ((size_t)1 << 30)
#define DATA_MAX 4096

static const struct tl_view nothing = { NULL, 0 };

const struct tl_column_def tl_reject_columns[5] = {
    { "file", TL_TYPE_VARCHAR, true },   { "line", TL_TYPE_BIGINT, true }, { "ticker", TL_TYPE_VARCHAR, false },
    { "reason", TL_TYPE_VARCHAR, true }, { "data", TL_TYPE_VARCHAR, true },
};

/* ---- rejects ---- */

static void add_line_text(struct tl_rows *rows, struct tl_view line)
{
    char text[DATA_MAX * 4 + 1];
    size_t size = 0, take = line.size < DATA_MAX ? line.size : DATA_MAX;
    bool plain = tl_view_is_utf8(line) && !memchr(line.data, '\0', line.size);
    while (plain && take < line.size && take > 0 && ((unsigned char)line.data[take] & 0xc0) == 0x80)
        take--; /* not within a character */
    for (size_t i = 0; i < take; i++) {
        unsigned char c = (unsigned char)line.data[i];
        if (plain || (c < 0x80 && c >= 0x20))
            text[size++] = (char)c;
        else
            size += (size_t)snprintf(text + size, 5, "\\x%02x", c);
    }
    tl_rows_set_text(rows, TL_REJECT_DATA, (struct tl_view){ text, size });
}

static void reject_line(struct tl_price_reader *r, size_t line, struct tl_view raw, struct tl_view ticker, const char *reason)
{
    struct tl_rows *rows = &r->out->rejects;
    tl_rows_add(rows);
    if (rows->failed)
        return;
    tl_rows_set_text(rows, TL_REJECT_FILE, tl_view_of(r->path));
    tl_rows_set_i64(rows, TL_REJECT_LINE, (int64_t)line);
    if (ticker.size)
        tl_rows_set_text(rows, TL_REJECT_TICKER, ticker);
    tl_rows_set_text(rows, TL_REJECT_REASON, tl_view_of(reason));
    add_line_text(rows, raw);
}

/* The line that is read now, for what. */
static void reject(struct tl_price_reader *r, struct tl_view ticker, const char *what, struct tl_view subject)
{
    char reason[256];
    struct tl_view shown = { subject.data, subject.size < 60 ? subject.size : 60 };
    while (shown.size && shown.size < subject.size && ((unsigned char)subject.data[shown.size] & 0xc0) == 0x80)
        shown.size--;
    if (subject.data)
        snprintf(reason, sizeof reason, "%s '%.*s'", what, TL_VIEW_ARG(shown));
    else
        snprintf(reason, sizeof reason, "%s", what);
    reject_line(r, r->csv.line, r->csv.raw, ticker, reason);
}

/* ---- rows ---- */

struct prices {
    double values[ROLE_COUNT];
    int64_t volume;
    bool has[ROLE_COUNT];
};

/* The trading day is the date as written, whatever its zone. */
static bool read_date(struct tl_view field, char date[11], int *year)
{
    int64_t ns;
    struct tl_view day = { field.data, field.size < 10 ? field.size : 10 };
    if (day.size != 10 || !tl_time_parse(field, &ns) || !tl_time_parse(day, &ns))
        return false;
    int month, d;
    memcpy(date, day.data, 10);
    date[10] = '\0';
    tl_days_to_date(tl_floor_div(ns, 86400 * TL_NS_PER_S), year, &month, &d);
    return true;
}

static bool is_null(struct tl_view field)
{
    return field.size == 0 || tl_view_eq_ignore_case(field, TL_VIEW("nan")) || tl_view_eq_ignore_case(field, TL_VIEW("null")) ||
           tl_view_eq_ignore_case(field, TL_VIEW("none"));
}

/* What is wrong with it, or NULL. */
static const char *read_number(struct tl_view field, enum role role, struct prices *out)
{
    double v;
    if (is_null(field))
        return NULL;
    out->has[role] = true;
    if (role == ROLE_VOLUME && tl_view_to_i64(field, &out->volume) && out->volume >= 0)
        return NULL; /* exact also beyond what a double holds */
    if (!tl_view_to_double(field, &v))
        return "not a number:";
    out->values[role] = v;
    if (role != ROLE_VOLUME)
        return NULL;
    if (v < 0 || v > 9e18 || v != floor(v))
        return "a volume is a whole number from 0 up, not";
    out->volume = (int64_t)v;
    return NULL;
}

static bool any_value(const struct tl_price_reader *r, const struct tl_price_group *g)
{
    for (size_t role = ROLE_OPEN; role < ROLE_COUNT; role++)
        if (!is_null(r->csv.fields[g->columns[role]]))
            return true;
    return false;
}

/* False: the row is rejected. */
static bool read_prices(struct tl_price_reader *r, const struct tl_price_group *g, struct tl_view ticker, struct prices *prices)
{
    *prices = (struct prices){ .volume = 0 };
    for (size_t role = ROLE_OPEN; role < ROLE_COUNT; role++) {
        struct tl_view field = r->csv.fields[g->columns[role]];
        const char *what = read_number(field, (enum role)role, prices);
        if (what) {
            reject(r, ticker, what, field);
            return false;
        }
    }
    bool ok = prices->has[ROLE_CLOSE];
    if (!ok)
        reject(r, ticker, "there is no closing price", nothing);
    else if (prices->has[ROLE_HIGH] && prices->has[ROLE_LOW] && prices->values[ROLE_HIGH] < prices->values[ROLE_LOW]) {
        reject(r, ticker, "the high is below the low", nothing);
        ok = false;
    }
    return ok;
}

static bool note_origin(struct tl_price_reader *r)
{
    size_t row = r->out->rows.row_count;
    if (!tl_grow((void **)&r->origins, &r->origin_cap, row + 1, sizeof *r->origins, ROWS_MAX))
        return tl_error_set(r->error, TL_LIMIT, "'%s' has too many rows", r->path);
    r->origins[row] = (struct tl_price_origin){ r->csv.line, (size_t)(r->csv.raw.data - r->csv.text.data), r->csv.raw.size,
                                       tl_view_hash(r->csv.fields[r->date_column], 0) };
    return true;
}

static bool add_row(struct tl_price_reader *r, struct tl_view ticker, const char *date, int year, const struct prices *p)
{
    static const size_t target[ROLE_COUNT] = { [ROLE_OPEN] = TL_PRICE_OPEN, [ROLE_HIGH] = TL_PRICE_HIGH, [ROLE_LOW] = TL_PRICE_LOW,
                                               [ROLE_CLOSE] = TL_PRICE_CLOSE, [ROLE_VOLUME] = TL_PRICE_VOLUME };
    struct tl_rows *rows = &r->out->rows;
    if (!note_origin(r))
        return false;
    tl_rows_add(rows);
    if (rows->failed)
        return tl_rows_ok(rows, r->path, r->error);
    tl_rows_set_text(rows, TL_PRICE_TICKER, ticker);
    tl_rows_set_i64(rows, TL_PRICE_YEAR, year);
    tl_rows_set_text(rows, TL_PRICE_DATE, tl_view_of(date));
    for (size_t role = ROLE_OPEN; role < ROLE_COUNT; role++) {
        if (!p->has[role])
            continue;
        if (role == ROLE_VOLUME)
            tl_rows_set_i64(rows, TL_PRICE_VOLUME, p->volume);
        else
            tl_rows_set_double(rows, target[role], p->values[role]);
    }
    return true;
}

static bool add_line(struct tl_price_reader *r)
{
    char date[11];
    int year = 0;
    struct tl_view of_line = r->groups[0].ticker[0] ? nothing : tl_view_of(r->name_ticker);
    struct prices prices;
    if (r->csv.wrong) {
        reject(r, nothing, r->csv.wrong, nothing);
        return true;
    }
    if (r->csv.field_count != r->column_count) {
        reject(r, nothing, "the line has not as many columns as the header", nothing);
        return true;
    }
    if (r->ticker_column != NO_COLUMN)
        of_line = r->csv.fields[r->ticker_column];
    if (!read_date(r->csv.fields[r->date_column], date, &year)) {
        reject(r, of_line, "not a date such as 2024-01-31:", r->csv.fields[r->date_column]);
        return true;
    }
    for (size_t i = 0; i < r->group_count; i++) {
        const struct tl_price_group *g = &r->groups[i];
        struct tl_view ticker = g->ticker[0] ? tl_view_of(g->ticker) : of_line;
        if (!any_value(r, g))
            continue; /* a day on which this one did not trade */
        if (!tl_price_ticker_is_good(ticker))
            reject(r, nothing, "a ticker has 1 to 31 characters, not", ticker);
        else if (read_prices(r, g, ticker, &prices) && !add_row(r, ticker, date, year, &prices))
            return false;
    }
    return true;
}

/* ---- one row a day ---- */

/* Sorted by ticker, date, then as in the file. */
static int by_day(const void *a, const void *b, void *arg)
{
    const struct tl_rows *rows = arg;
    size_t x = *(const size_t *)a, y = *(const size_t *)b;
    int order = tl_view_cmp(tl_rows_text(rows, x, TL_PRICE_TICKER), tl_rows_text(rows, y, TL_PRICE_TICKER));
    order = order ? order : tl_view_cmp(tl_rows_text(rows, x, TL_PRICE_DATE), tl_rows_text(rows, y, TL_PRICE_DATE));
    return order ? order : (x > y) - (x < y);
}

static bool same_day(const struct tl_rows *rows, size_t x, size_t y)
{
    return tl_view_eq(tl_rows_text(rows, x, TL_PRICE_DATE), tl_rows_text(rows, y, TL_PRICE_DATE)) &&
           tl_view_eq(tl_rows_text(rows, x, TL_PRICE_TICKER), tl_rows_text(rows, y, TL_PRICE_TICKER));
}

static void reject_row(struct tl_price_reader *r, size_t row, const char *reason)
{
    const struct tl_price_origin *o = &r->origins[row];
    reject_line(r, o->line, (struct tl_view){ r->csv.text.data + o->at, o->size }, tl_rows_text(&r->out->rows, row, TL_PRICE_TICKER), reason);
}

/* Of the rows order[begin, end) of one day, the one that holds; SIZE_MAX: none. */
static size_t choose(struct tl_price_reader *r, const size_t *order, size_t begin, size_t end)
{
    const struct tl_rows *rows = &r->out->rows;
    char reason[80];
    size_t last = order[end - 1];
    bool times = false;
    for (size_t i = begin; i < end; i++)
        times = times || r->origins[order[i]].date_hash != r->origins[last].date_hash;
    for (size_t i = begin; times && i < end; i++)
        reject_row(r, order[i], "the day is there twice (prices within a day are not read, only daily ones)");
    snprintf(reason, sizeof reason, "the day is there again in line %zu, which holds", r->origins[last].line);
    for (size_t i = begin; !times && i + 1 < end; i++)
        if (!tl_price_rows_equal(rows, order[i], rows, last))
            reject_row(r, order[i], reason);
    return times ? SIZE_MAX : last;
}

static bool sort_rows(struct tl_price_reader *r)
{
    struct tl_price_file *out = r->out;
    size_t *order = calloc(out->rows.row_count + 1, sizeof *order);
    out->order = order;
    if (!order)
        return tl_error_set(r->error, TL_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < out->rows.row_count; i++)
        order[i] = i;
    qsort_r(order, out->rows.row_count, sizeof *order, by_day, &out->rows);
    for (size_t begin = 0, end; begin < out->rows.row_count; begin = end) {
        end = begin + 1;
        while (end < out->rows.row_count && same_day(&out->rows, order[begin], order[end]))
            end++;
        size_t row = end - begin == 1 ? order[begin] : choose(r, order, begin, end);
        if (row != SIZE_MAX)
            order[out->count++] = row;
    }
    return true;
}

/* ---- all ---- */

static bool read_all(struct tl_price_reader *r)
{
    bool found = true;
    if (!tl_price_header_read(r))
        return false;
    while (found) {
        if (!tl_csv_reader_next(&r->csv, &found, r->error) || (found && !add_line(r)))
            return false;
    }
    return sort_rows(r) && tl_rows_ok(&r->out->rows, r->path, r->error) && tl_rows_ok(&r->out->rejects, r->path, r->error);
}

bool tl_price_file_read(struct tl_price_file *out, struct tl_view text, const char *path, struct tl_error *error)
{
    struct tl_price_reader r = { .path = path, .out = out, .error = error };
    *out = (struct tl_price_file){ .count = 0 };
    if (tl_view_starts_with(text, TL_VIEW("\xef\xbb\xbf")))
        text = (struct tl_view){ text.data + 3, text.size - 3 };
    tl_price_ticker_of_path(path, r.name_ticker);
    if (!tl_rows_init(&out->rows, tl_price_columns, TL_COUNT(tl_price_columns), ROWS_BYTES, error))
        return false;
    if (!tl_rows_init(&out->rejects, tl_reject_columns, TL_COUNT(tl_reject_columns), REJECTS_BYTES, error)) {
        tl_rows_release(&out->rows);
        return false;
    }
    tl_csv_reader_init(&r.csv, text);
    bool ok = read_all(&r);
    tl_csv_reader_release(&r.csv);
    free(r.roles);
    free(r.groups);
    free(r.origins);
    if (!ok)
        tl_price_file_release(out);
    return ok;
}

void tl_price_file_release(struct tl_price_file *file)
{
    tl_rows_release(&file->rows);
    tl_rows_release(&file->rejects);
    free(file->order);
    *file = (struct tl_price_file){ .count = 0 };
}
