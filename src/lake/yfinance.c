/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/yfinance.h"

#include "base/map.h"
#include "base/time.h"
#include "lake/price_history.h"

#include <math.h>
#include <stdio.h>

#define COLUMNS_MAX 4096
#define FIELD_MAX 4096
#define TICKER_MAX 32
#define DAYS_MAX ((size_t)1 << 26)

enum role { ROLE_NONE, ROLE_DATE, ROLE_TICKER, ROLE_OPEN, ROLE_HIGH, ROLE_LOW, ROLE_CLOSE, ROLE_VOLUME };

struct column {
    enum role role;
    char ticker[TICKER_MAX]; /* of a three-line header; "" otherwise */
};
struct reader {
    struct tl_view rest;
    const char *path;
    size_t line; /* the number of the line last read, from 1 */
    struct column columns[COLUMNS_MAX];
    size_t column_count;
    char name_ticker[TICKER_MAX];
    struct tl_view fields[COLUMNS_MAX];
    size_t field_count;
    char unquoted[FIELD_MAX]; /* fields with quotes inside, of one line */
    size_t unquoted_size;
    struct tl_view date_field; /* of the line */
    struct tl_map days;        /* "date|ticker" to a hash of the date as written */
    struct tl_error *error;
};

static bool wrong(struct reader *r, const char *what, struct tl_view subject)
{
    return tl_error_set(r->error, TL_INVALID, "'%s' line %zu: %s '%.*s'", r->path, r->line, what, (int)(subject.size < 60 ? subject.size : 60),
                        subject.data ? subject.data : "");
}

/* ---- lines and fields ---- */

/* A "quoted" field at the begin of *line. */
static bool take_quoted(struct reader *r, struct tl_view *line, struct tl_view *field)
{
    size_t begin = r->unquoted_size, i = 1;
    for (; i < line->size; i++) {
        if (line->data[i] == '"' && (i + 1 == line->size || line->data[i + 1] != '"'))
            break;
        i += line->data[i] == '"';
        if (r->unquoted_size == FIELD_MAX)
            return wrong(r, "the quoted fields are too long:", *line);
        r->unquoted[r->unquoted_size++] = line->data[i];
    }
    if (i >= line->size)
        return wrong(r, "a quote is not closed:", *line);
    *field = (struct tl_view){ r->unquoted + begin, r->unquoted_size - begin };
    *line = (struct tl_view){ line->data + i + 1, line->size - i - 1 };
    if (line->size && line->data[0] != ',')
        return wrong(r, "text follows a closing quote:", *line);
    if (line->size)
        *line = (struct tl_view){ line->data + 1, line->size - 1 };
    else
        line->data = NULL;
    return true;
}

/* The next line that is not empty, as fields. *found false at the end. */
static bool next_line(struct reader *r, bool *found)
{
    struct tl_view line = { NULL, 0 };
    *found = false;
    while (r->rest.size && !line.size) {
        line = tl_view_trim(tl_view_split(r->rest, '\n', &r->rest));
        r->line++;
    }
    if (!line.size)
        return true;
    r->field_count = r->unquoted_size = 0;
    while (line.data) {
        struct tl_view field;
        if (r->field_count == COLUMNS_MAX)
            return wrong(r, "too many columns:", (struct tl_view){ NULL, 0 });
        if (line.size && line.data[0] == '"') {
            if (!take_quoted(r, &line, &field))
                return false;
        } else {
            field = tl_view_split(line, ',', &line);
        }
        r->fields[r->field_count++] = tl_view_trim(field);
    }
    *found = true;
    return true;
}

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

static bool set_ticker(struct reader *r, struct tl_view v, char out[TICKER_MAX])
{
    if (v.size == 0 || v.size >= TICKER_MAX)
        return wrong(r, "a ticker has 1 to 31 characters, not", v);
    memcpy(out, v.data, v.size);
    out[v.size] = '\0';
    return true;
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
        if (r->columns[i].role >= ROLE_OPEN)
            return true;
    return false;
}

/* The second of three lines: tickers below the names of prices, or the other way round. */
static bool read_second_line(struct reader *r)
{
    bool found, priced = is_priced(r);
    for (size_t i = 1; !priced && i < r->column_count; i++)
        if (!set_ticker(r, r->fields[i], r->columns[i].ticker))
            return false;
    if (!next_line(r, &found))
        return false;
    if (!found || r->field_count != r->column_count)
        return wrong(r, "the header's second line has not as many columns as the first:", found ? r->fields[0] : TL_VIEW(""));
    if (priced && r->fields[0].size && !tl_view_eq_ignore_case(r->fields[0], TL_VIEW("Ticker")))
        return wrong(r, "after 'Price,...' a line 'Ticker,...' is expected, not", r->fields[0]);
    for (size_t i = 1; i < r->column_count; i++) {
        if (!priced)
            r->columns[i].role = role_of(r->fields[i]);
        else if (r->columns[i].role != ROLE_NONE && !set_ticker(r, r->fields[i], r->columns[i].ticker))
            return false;
    }
    return true;
}

static bool read_third_line(struct reader *r)
{
    bool found;
    if (!next_line(r, &found))
        return false;
    if (!found || role_of(r->fields[0]) != ROLE_DATE)
        return wrong(r, "the header's third line begins with 'Date', not", found ? r->fields[0] : TL_VIEW("the end"));
    r->columns[0].role = ROLE_DATE;
    return true;
}

/* "Price,Close,Close" "Ticker,AAPL,MSFT" "Date,,"; older versions leave the first cells empty; group_by='ticker' has the tickers on top. */
static bool has_three_lines(const struct reader *r)
{
    size_t closes = 0;
    for (size_t i = 0; i < r->column_count; i++) {
        if (r->columns[i].role == ROLE_DATE)
            return false;
        closes += r->columns[i].role == ROLE_CLOSE;
    }
    struct tl_view first = r->fields[0];
    return tl_view_eq_ignore_case(first, TL_VIEW("Price")) || closes > 1 ||
           (!is_priced(r) && (first.size == 0 || tl_view_eq_ignore_case(first, TL_VIEW("Ticker"))));
}

static bool check_roles(struct reader *r, bool three_lines)
{
    static const struct {
        enum role role;
        const char *name;
    } needed[] = { { ROLE_DATE, "Date" }, { ROLE_OPEN, "Open" },   { ROLE_HIGH, "High" },
                   { ROLE_LOW, "Low" },   { ROLE_CLOSE, "Close" }, { ROLE_VOLUME, "Volume" } };
    size_t roles[ROLE_VOLUME + 1] = { 0 };
    for (size_t i = 0; i < r->column_count; i++)
        roles[r->columns[i].role]++;
    for (size_t i = 0; i < TL_COUNT(needed); i++) {
        if (!roles[needed[i].role])
            return wrong(r, "the header has no column", tl_view_of(needed[i].name));
        if (roles[needed[i].role] > 1 && (!three_lines || needed[i].role == ROLE_DATE))
            return wrong(r, "the header has twice the column", tl_view_of(needed[i].name));
    }
    return true;
}

static bool read_header(struct reader *r)
{
    bool found;
    if (!next_line(r, &found))
        return false;
    if (!found)
        return tl_error_set(r->error, TL_INVALID, "'%s' is empty", r->path);
    r->column_count = r->field_count;
    for (size_t i = 0; i < r->column_count; i++)
        r->columns[i] = (struct column){ .role = role_of(r->fields[i]) };
    bool three_lines = has_three_lines(r);
    if (three_lines) {
        r->columns[0].role = ROLE_NONE;
        if (!read_second_line(r) || !read_third_line(r))
            return false;
    } else if (r->fields[0].size == 0) {
        r->columns[0].role = ROLE_DATE; /* pandas writes an index without a name so */
    }
    return check_roles(r, three_lines);
}

/* ---- rows ---- */

static bool read_date(struct reader *r, struct tl_view field, char date[11], int *year)
{
    int64_t ns;
    struct tl_view day = { field.data, field.size < 10 ? field.size : 10 };
    /* The trading day is the date as written, whatever its zone. */
    if (day.size != 10 || !tl_time_parse(field, &ns) || !tl_time_parse(day, &ns))
        return wrong(r, "not a date such as 2024-01-31:", field);
    int month, d;
    memcpy(date, day.data, 10);
    date[10] = '\0';
    tl_days_to_date(tl_floor_div(ns, 86400 * TL_NS_PER_S), year, &month, &d);
    return true;
}

static bool read_number(struct reader *r, struct tl_view field, enum role role, struct tl_rows *rows)
{
    static const size_t target[] = { [ROLE_OPEN] = TL_PRICE_OPEN, [ROLE_HIGH] = TL_PRICE_HIGH, [ROLE_LOW] = TL_PRICE_LOW,
                                     [ROLE_CLOSE] = TL_PRICE_CLOSE, [ROLE_VOLUME] = TL_PRICE_VOLUME };
    double v;
    int64_t whole;
    if (field.size == 0 || tl_view_eq_ignore_case(field, TL_VIEW("nan")))
        return true; /* NULL */
    if (role == ROLE_VOLUME && tl_view_to_i64(field, &whole) && whole >= 0) { /* exact also beyond what a double holds */
        tl_rows_set_i64(rows, TL_PRICE_VOLUME, whole);
        return true;
    }
    if (!tl_view_to_double(field, &v))
        return wrong(r, "not a number:", field);
    if (role != ROLE_VOLUME)
        tl_rows_set_double(rows, target[role], v);
    else if (v < 0 || v > 9e18 || v != floor(v))
        return wrong(r, "a volume is a whole number from 0 up, not", field);
    else
        tl_rows_set_i64(rows, TL_PRICE_VOLUME, (int64_t)v);
    return true;
}

/* A day that is there twice under different times is no daily history, and one of its rows would be lost. The same line again is. */
static bool is_new_day(struct reader *r, const char *ticker, const char *date)
{
    char key[TICKER_MAX + 16];
    bool added;
    int size = snprintf(key, sizeof key, "%s|%s", date, ticker);
    uint64_t hash = tl_view_hash(r->date_field, 0), *value = tl_map_put(&r->days, (struct tl_view){ key, (size_t)size }, &added);
    if (!value)
        return tl_error_set(r->error, TL_NO_MEMORY, "out of memory");
    if (!added && *value != hash)
        return wrong(r, "the day is there twice (prices within a day are not read, only daily ones):", r->date_field);
    *value = hash;
    return true;
}

/* The columns of one ticker in the line; those of a three-line header belong to several. */
static bool add_ticker(struct reader *r, const char *ticker, const char *of_column, const char *date, int year, struct tl_rows *rows)
{
    bool any = false;
    for (size_t i = 0; i < r->column_count; i++)
        any = any || (r->columns[i].role >= ROLE_OPEN && strcmp(r->columns[i].ticker, of_column) == 0 && r->fields[i].size > 0);
    if (!any)
        return true; /* a day on which this one did not trade */
    if (!is_new_day(r, ticker, date))
        return false;
    tl_rows_add(rows);
    tl_rows_set_text(rows, TL_PRICE_TICKER, tl_view_of(ticker));
    tl_rows_set_i64(rows, TL_PRICE_YEAR, year);
    tl_rows_set_text(rows, TL_PRICE_DATE, tl_view_of(date));
    for (size_t i = 0; i < r->column_count; i++)
        if (r->columns[i].role >= ROLE_OPEN && strcmp(r->columns[i].ticker, of_column) == 0 &&
            !read_number(r, r->fields[i], r->columns[i].role, rows))
            return false;
    return true;
}

static bool first_of_its_ticker(const struct reader *r, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (r->columns[k].role >= ROLE_OPEN && strcmp(r->columns[k].ticker, r->columns[i].ticker) == 0)
            return false;
    return r->columns[i].role >= ROLE_OPEN;
}

static bool add_line(struct reader *r, struct tl_rows *rows)
{
    char date[11] = "", ticker[TICKER_MAX];
    int year = 0;
    if (r->field_count != r->column_count)
        return wrong(r, "the line has not as many columns as the header:", r->fields[0]);
    memcpy(ticker, r->name_ticker, sizeof ticker);
    for (size_t i = 0; i < r->column_count; i++) {
        if (r->columns[i].role == ROLE_DATE)
            r->date_field = r->fields[i];
        if (r->columns[i].role == ROLE_DATE && !read_date(r, r->fields[i], date, &year))
            return false;
        if (r->columns[i].role == ROLE_TICKER && !set_ticker(r, r->fields[i], ticker))
            return false;
    }
    for (size_t i = 0; i < r->column_count; i++) {
        if (!first_of_its_ticker(r, i))
            continue;
        const char *own = r->columns[i].ticker;
        if (!own[0] && !ticker[0])
            return wrong(r, "no column, header or file name tells the ticker of", tl_view_of(r->path));
        if (!add_ticker(r, own[0] ? own : ticker, own, date, year, rows))
            return false;
    }
    return true;
}

bool tl_yfinance_read(struct tl_view text, const char *path, struct tl_rows *rows, struct tl_error *error)
{
    static _Thread_local struct reader r; /* too large for a stack */
    bool found = true;
    if (tl_view_starts_with(text, TL_VIEW("\xef\xbb\xbf")))
        text = (struct tl_view){ text.data + 3, text.size - 3 };
    r.rest = text;
    r.path = path;
    r.line = r.column_count = 0;
    r.error = error;
    ticker_of_path(path, r.name_ticker);
    if (!tl_view_is_utf8(text))
        return tl_error_set(error, TL_INVALID, "'%s' is not UTF-8 text", path);
    tl_map_init(&r.days, DAYS_MAX);
    bool ok = read_header(&r);
    while (ok && found)
        ok = next_line(&r, &found) && (!found || add_line(&r, rows));
    tl_map_release(&r.days);
    return ok && tl_rows_ok(rows, path, error);
}
