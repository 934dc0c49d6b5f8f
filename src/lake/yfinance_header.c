/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/yfinance_int.h"

#include "base/grow.h"
#include "base/map.h"

#include <stdlib.h>

#define GROUPS_MAX ((size_t)1 << 17)
#define HEADER_MAX ((size_t)1 << 27)

static const struct tl_view nothing = { NULL, 0 };

static bool wrong(struct tl_price_reader *r, const char *what, struct tl_view subject)
{
    if (!subject.data)
        return tl_error_set(r->error, TL_INVALID, "'%s' line %zu: %s", r->path, r->csv.line, what);
    return tl_error_set(r->error, TL_INVALID, "'%s' line %zu: %s '%.*s'", r->path, r->csv.line, what,
                        (int)(subject.size < 60 ? subject.size : 60), subject.data);
}

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

bool tl_price_ticker_is_good(struct tl_view v)
{
    return v.size > 0 && v.size < TICKER_MAX;
}

void tl_price_ticker_of_path(const char *path, char out[TICKER_MAX])
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
    size_t size = 0;
    for (; name[size] && name[size] != '_' && name[size] != '.' && size < TICKER_MAX - 1; size++)
        out[size] = name[size] >= 'a' && name[size] <= 'z' ? (char)(name[size] - 32) : name[size];
    out[size] = '\0';
}

static bool is_priced(const struct tl_price_reader *r)
{
    for (size_t i = 0; i < r->column_count; i++)
        if (r->roles[i] >= ROLE_OPEN)
            return true;
    return false;
}

/* A line of the header; *found false at the end. */
static bool next_header_line(struct tl_price_reader *r, bool *found)
{
    if (!tl_csv_reader_next(&r->csv, found, r->error))
        return false;
    return !*found || !r->csv.wrong || wrong(r, r->csv.wrong, nothing);
}

/* The group of the ticker, made when it is new. */
static struct tl_price_group *group_of(struct tl_price_reader *r, struct tl_map *names, struct tl_view ticker)
{
    bool added;
    uint64_t *at = tl_map_put(names, ticker, &added);
    if (!at || (added && !tl_grow((void **)&r->groups, &r->group_cap, r->group_count + 1, sizeof *r->groups, GROUPS_MAX))) {
        tl_error_set(r->error, TL_NO_MEMORY, "out of memory");
        return NULL;
    }
    if (added) {
        struct tl_price_group *g = &r->groups[r->group_count];
        *g = (struct tl_price_group){ .ticker = "" };
        memcpy(g->ticker, ticker.data, ticker.size);
        for (size_t i = 0; i < ROLE_COUNT; i++)
            g->columns[i] = NO_COLUMN;
        *at = r->group_count++;
    }
    return &r->groups[*at];
}

static bool place_column(struct tl_price_reader *r, struct tl_map *names, struct tl_view ticker, size_t column)
{
    static const char *const words[ROLE_COUNT] = { [ROLE_OPEN] = "Open", [ROLE_HIGH] = "High", [ROLE_LOW] = "Low",
                                                   [ROLE_CLOSE] = "Close", [ROLE_VOLUME] = "Volume" };
    enum role role = r->roles[column];
    if (role < ROLE_OPEN)
        return true;
    struct tl_price_group *g = group_of(r, names, ticker);
    if (!g)
        return false;
    if (g->columns[role] != NO_COLUMN)
        return wrong(r, "the header has twice the column", tl_view_of(words[role]));
    g->columns[role] = column;
    return true;
}

/* Each ticker needs all five. */
static bool check_groups(struct tl_price_reader *r)
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
static bool read_second_line(struct tl_price_reader *r, struct tl_map *names, const struct tl_view *first)
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
        if (r->roles[i] >= ROLE_OPEN && !tl_price_ticker_is_good(ticker))
            return wrong(r, "a ticker has 1 to 31 characters, not", ticker);
        if (!place_column(r, names, ticker, i))
            return false;
    }
    return true;
}

static bool read_third_line(struct tl_price_reader *r)
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
static bool has_three_lines(const struct tl_price_reader *r)
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

static bool read_three_lines(struct tl_price_reader *r, struct tl_map *names)
{
    /* The second line's fields take the place of the first's, which point into the text (or, quoted, into a buffer that goes). */
    struct tl_view *first = calloc(r->column_count + 1, sizeof *first);
    struct tl_buf copy;
    tl_buf_init(&copy, HEADER_MAX);
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

static bool read_one_line(struct tl_price_reader *r, struct tl_map *names)
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

bool tl_price_header_read(struct tl_price_reader *r)
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
