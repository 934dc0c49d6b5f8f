/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/yfinance.h"

#include "base/grow.h"
#include "base/map.h"
#include "base/time.h"
#include "lake/csv_reader.h"
#include "lake/price_history.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#define TICKER_MAX 32
#define GROUPS_MAX ((size_t)1 << 17)
#define ROWS_BYTES ((size_t)8 << 30)
#define ROWS_MAX ((size_t)1 << 28)
#define REJECTS_BYTES ((size_t)1 << 30)
#define DATA_MAX 4096
#define NO_COLUMN SIZE_MAX

enum role { ROLE_NONE, ROLE_DATE, ROLE_TICKER, ROLE_OPEN, ROLE_HIGH, ROLE_LOW, ROLE_CLOSE, ROLE_VOLUME, ROLE_COUNT };

const struct tl_column_def tl_reject_columns[5] = {
    { "file", TL_TYPE_VARCHAR, true },   { "line", TL_TYPE_BIGINT, true }, { "ticker", TL_TYPE_VARCHAR, false },
    { "reason", TL_TYPE_VARCHAR, true }, { "data", TL_TYPE_VARCHAR, true },
};

/* The columns of one ticker: those of a three-line header belong to several. */
struct group {
    char ticker[TICKER_MAX]; /* "": a column or the file's name tells */
    size_t columns[ROLE_COUNT];
};
/* Where a row is from. */
struct origin {
    size_t line;
    size_t at, size;    /* of the line, in the text */
    uint64_t date_hash; /* of the date as written */
};
struct reader {
    struct tl_csv_reader csv;
    const char *path;
    char name_ticker[TICKER_MAX];
    enum role *roles; /* of the columns */
    size_t column_count, date_column, ticker_column;
    struct group *groups;
    size_t group_count, group_cap;
    struct origin *origins; /* of the rows */
    size_t origin_cap;
    struct tl_price_file *out;
    struct tl_error *error;
};

static bool wrong(struct reader *r, const char *what, struct tl_view subject)
{
    return tl_error_set(r->error, TL_INVALID, "'%s' line %zu: %s '%.*s'", r->path, r->csv.line, what,
                        (int)(subject.size < 60 ? subject.size : 60), subject.data ? subject.data : "");
}

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

static void reject_line(struct reader *r, size_t line, struct tl_view raw, struct tl_view ticker, const char *reason)
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
static void reject(struct reader *r, struct tl_view ticker, const char *what, struct tl_view subject)
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

static const struct tl_view nothing = { NULL, 0 };

/* ---- headers ---- */

static enum role role_of(struct tl_view name)
{
    static const struct {
        const char *name;
        enum role role;
    } names[] = {
        { "date", ROLE_DATE },   { "datetime", ROLE_DATE }, { "ticker", ROLE_TICKER }, { "symbol", ROLE_TICKER }, { "open", ROLE_OPEN },
        { "high", ROLE_HIGH },   { "low", ROLE_LOW },       { "close", ROLE_CLOSE },   { "volume", ROLE_VOLUME },
    };
    for (size_t i = 0; i < TL_COUNT(names); i++)
        if (tl_view_eq_ignore_case(name, tl_view_of(names[i].name)))
            return names[i].role;
    return ROLE_NONE; /* Adj Close, Dividends, Stock Splits ... */
}

static bool ticker_is_good(struct tl_view v)
{
    return v.size > 0 && v.size < TICKER_MAX;
}

/* "prices/aapl_daily.csv" -> "AAPL" */
static void ticker_of_path(const char *path, char out[TICKER_MAX])
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t size = 0;
    for (; name[size] && name[size] != '_' && name[size] != '.' && size < TICKER_MAX - 1; size++)
        out[size] = name[size] >= 'a' && name[size] <= 'z' ? (char)(name[size] - 32) : name[size];
    out[size] = '\0';
}

static bool is_priced(const struct reader *r)
{
    for (size_t i = 0; i < r->column_count; i++)
        if (r->roles[i] >= ROLE_OPEN)
            return true;
    return false;
}

/* A line of the header; *found false at the end. */
static bool next_header_line(struct reader *r, bool *found)
{
    if (!tl_csv_reader_next(&r->csv, found, r->error))
        return false;
    return !*found || !r->csv.wrong || wrong(r, r->csv.wrong, nothing);
}

/* The group of the ticker, made when it is new. */
static struct group *group_of(struct reader *r, struct tl_map *names, struct tl_view ticker)
{
    bool added;
    uint64_t *at = tl_map_put(names, ticker, &added);
    if (!at || (added && !tl_grow((void **)&r->groups, &r->group_cap, r->group_count + 1, sizeof *r->groups, GROUPS_MAX))) {
        tl_error_set(r->error, TL_NO_MEMORY, "out of memory");
        return NULL;
    }
    if (added) {
        struct group *g = &r->groups[r->group_count];
        *g = (struct group){ .ticker = "" };
        memcpy(g->ticker, ticker.data, ticker.size);
        for (size_t i = 0; i < ROLE_COUNT; i++)
            g->columns[i] = NO_COLUMN;
        *at = r->group_count++;
    }
    return &r->groups[*at];
}

static bool place_column(struct reader *r, struct tl_map *names, struct tl_view ticker, size_t column)
{
    static const char *const words[ROLE_COUNT] = { [ROLE_OPEN] = "Open", [ROLE_HIGH] = "High", [ROLE_LOW] = "Low",
                                                   [ROLE_CLOSE] = "Close", [ROLE_VOLUME] = "Volume" };
    enum role role = r->roles[column];
    if (role < ROLE_OPEN)
        return true;
    struct group *g = group_of(r, names, ticker);
    if (!g)
        return false;
    if (g->columns[role] != NO_COLUMN)
        return wrong(r, "the header has twice the column", tl_view_of(words[role]));
    g->columns[role] = column;
    return true;
}

/* Each ticker needs all five. */
static bool check_groups(struct reader *r)
{
    static const struct {
        enum role role;
        const char *name;
    } needed[] = { { ROLE_OPEN, "Open" }, { ROLE_HIGH, "High" }, { ROLE_LOW, "Low" }, { ROLE_CLOSE, "Close" }, { ROLE_VOLUME, "Volume" } };
    if (r->date_column == NO_COLUMN)
        return wrong(r, "the header has no column", TL_VIEW("Date"));
    if (r->group_count == 0)
        return wrong(r, "the header has no column", TL_VIEW("Close"));
    for (size_t g = 0; g < r->group_count; g++)
        for (size_t i = 0; i < TL_COUNT(needed); i++)
            if (r->groups[g].columns[needed[i].role] == NO_COLUMN)
                return r->groups[g].ticker[0]
                           ? tl_error_set(r->error, TL_INVALID, "'%s' line %zu: the header has no column '%s' of ticker '%s'", r->path,
                                          r->csv.line, needed[i].name, r->groups[g].ticker)
                           : wrong(r, "the header has no column", tl_view_of(needed[i].name));
    return true;
}

/* The second of three lines: tickers below the names of prices, or (tickers are on top) the names below them. */
static bool read_second_line(struct reader *r, struct tl_map *names, const struct tl_view *first)
{
    bool found, priced = is_priced(r);
    if (!next_header_line(r, &found))
        return false;
    const struct tl_view *second = r->csv.fields;
    if (!found || r->csv.field_count != r->column_count)
        return wrong(r, "the header's second line has not as many columns as the first:", found ? second[0] : TL_VIEW(""));
    if (priced && second[0].size && !tl_view_eq_ignore_case(second[0], TL_VIEW("Ticker")))
        return wrong(r, "after 'Price,...' a line 'Ticker,...' is expected, not", second[0]);
    for (size_t i = 1; i < r->column_count; i++) {
        struct tl_view ticker = priced ? second[i] : first[i];
        r->roles[i] = priced ? r->roles[i] : role_of(second[i]);
        if (r->roles[i] >= ROLE_OPEN && !ticker_is_good(ticker))
            return wrong(r, "a ticker has 1 to 31 characters, not", ticker);
        if (!place_column(r, names, ticker, i))
            return false;
    }
    return true;
}

static bool read_third_line(struct reader *r)
{
    bool found;
    if (!next_header_line(r, &found))
        return false;
    if (!found || role_of(r->csv.fields[0]) != ROLE_DATE)
        return wrong(r, "the header's third line begins with 'Date', not", found ? r->csv.fields[0] : TL_VIEW("the end"));
    r->date_column = 0;
    return true;
}

/* "Price,Close,Close" "Ticker,AAPL,MSFT" "Date,,"; older versions leave the first cells empty; group_by='ticker' has the tickers on top. */
static bool has_three_lines(const struct reader *r)
{
    size_t closes = 0;
    for (size_t i = 0; i < r->column_count; i++) {
        if (r->roles[i] == ROLE_DATE)
            return false;
        closes += r->roles[i] == ROLE_CLOSE;
    }
    struct tl_view first = r->csv.fields[0];
    return tl_view_eq_ignore_case(first, TL_VIEW("Price")) || closes > 1 ||
           (!is_priced(r) && (first.size == 0 || tl_view_eq_ignore_case(first, TL_VIEW("Ticker"))));
}

static bool read_three_lines(struct reader *r, struct tl_map *names)
{
    /* The second line's fields take the place of the first's, which point into the text (or, quoted, into a buffer that goes). */
    struct tl_view *first = calloc(r->column_count + 1, sizeof *first);
    struct tl_buf copy;
    tl_buf_init(&copy, SIZE_MAX / 4);
    size_t total = 0;
    for (size_t i = 0; i < r->column_count; i++)
        total += r->csv.fields[i].size;
    char *text = tl_buf_reserve(&copy, total + 1);
    if (!first || !text) {
        free(first);
        tl_buf_release(&copy);
        return tl_error_set(r->error, TL_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0, at = 0; i < r->column_count; at += r->csv.fields[i++].size) {
        if (r->csv.fields[i].size)
            memcpy(text + at, r->csv.fields[i].data, r->csv.fields[i].size);
        first[i] = (struct tl_view){ text + at, r->csv.fields[i].size };
    }
    bool ok = read_second_line(r, names, first) && read_third_line(r);
    free(first);
    tl_buf_release(&copy);
    return ok;
}

static bool read_one_line(struct reader *r, struct tl_map *names)
{
    if (r->csv.fields[0].size == 0)
        r->roles[0] = ROLE_DATE; /* pandas writes an index without a name so */
    for (size_t i = 0; i < r->column_count; i++) {
        size_t *place = r->roles[i] == ROLE_DATE ? &r->date_column : r->roles[i] == ROLE_TICKER ? &r->ticker_column : NULL;
        if (place && *place != NO_COLUMN)
            return wrong(r, "the header has twice the column", r->csv.fields[i]);
        if (place)
            *place = i;
        else if (!place_column(r, names, TL_VIEW(""), i))
            return false;
    }
    return true;
}

static bool read_header(struct reader *r)
{
    bool found;
    if (!next_header_line(r, &found))
        return false;
    if (!found)
        return tl_error_set(r->error, TL_INVALID, "'%s' is empty", r->path);
    r->column_count = r->csv.field_count;
    r->date_column = r->ticker_column = NO_COLUMN;
    r->roles = calloc(r->column_count + 1, sizeof *r->roles);
    if (!r->roles)
        return tl_error_set(r->error, TL_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < r->column_count; i++)
        r->roles[i] = role_of(r->csv.fields[i]);
    struct tl_map names;
    tl_map_init(&names, GROUPS_MAX);
    bool ok = (has_three_lines(r) ? read_three_lines(r, &names) : read_one_line(r, &names)) && check_groups(r);
    tl_map_release(&names);
    if (ok && !r->groups[0].ticker[0] && r->ticker_column == NO_COLUMN && !r->name_ticker[0])
        return wrong(r, "no column, header or file name tells the ticker of", tl_view_of(r->path));
    return ok;
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

static bool any_value(const struct reader *r, const struct group *g)
{
    for (size_t role = ROLE_OPEN; role < ROLE_COUNT; role++)
        if (!is_null(r->csv.fields[g->columns[role]]))
            return true;
    return false;
}

/* False: the row is rejected. */
static bool read_prices(struct reader *r, const struct group *g, struct tl_view ticker, struct prices *prices)
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

static bool note_origin(struct reader *r)
{
    size_t row = r->out->rows.row_count;
    if (!tl_grow((void **)&r->origins, &r->origin_cap, row + 1, sizeof *r->origins, ROWS_MAX))
        return tl_error_set(r->error, TL_LIMIT, "'%s' has too many rows", r->path);
    r->origins[row] = (struct origin){ r->csv.line, (size_t)(r->csv.raw.data - r->csv.text.data), r->csv.raw.size,
                                       tl_view_hash(r->csv.fields[r->date_column], 0) };
    return true;
}

static bool add_row(struct reader *r, struct tl_view ticker, const char *date, int year, const struct prices *p)
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

static bool add_line(struct reader *r)
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
        const struct group *g = &r->groups[i];
        struct tl_view ticker = g->ticker[0] ? tl_view_of(g->ticker) : of_line;
        if (!any_value(r, g))
            continue; /* a day on which this one did not trade */
        if (!ticker_is_good(ticker))
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

static void reject_row(struct reader *r, size_t row, const char *reason)
{
    const struct origin *o = &r->origins[row];
    reject_line(r, o->line, (struct tl_view){ r->csv.text.data + o->at, o->size }, tl_rows_text(&r->out->rows, row, TL_PRICE_TICKER), reason);
}

/* Of the rows order[begin, end) of one day, the one that holds; SIZE_MAX: none. */
static size_t choose(struct reader *r, const size_t *order, size_t begin, size_t end)
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

static bool sort_rows(struct reader *r)
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

static bool read_all(struct reader *r)
{
    bool found = true;
    if (!read_header(r))
        return false;
    while (found) {
        if (!tl_csv_reader_next(&r->csv, &found, r->error) || (found && !add_line(r)))
            return false;
    }
    return sort_rows(r) && tl_rows_ok(&r->out->rows, r->path, r->error) && tl_rows_ok(&r->out->rejects, r->path, r->error);
}

bool tl_price_file_read(struct tl_price_file *out, struct tl_view text, const char *path, struct tl_error *error)
{
    struct reader r = { .path = path, .out = out, .error = error };
    *out = (struct tl_price_file){ .count = 0 };
    if (tl_view_starts_with(text, TL_VIEW("\xef\xbb\xbf")))
        text = (struct tl_view){ text.data + 3, text.size - 3 };
    ticker_of_path(path, r.name_ticker);
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
