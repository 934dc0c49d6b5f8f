/* SPDX-License-Identifier: Apache-2.0 */
/* lake/ingest.c: CSV files into the price history: read all, merge with what is there, write. A wrong file changes nothing. */
#include "lake/sample.h"

#include "base/file.h"
#include "base/map.h"
#include "lake/duck.h"
#include "lake/history.h"
#include "lake/partition_path.h"
#include "lake/price_history.h"
#include "lake/yfinance.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define FILE_MAX ((size_t)1 << 30)
#define ROWS_BYTES ((size_t)8 << 30)
#define ROWS_MAX ((size_t)1 << 28)

static bool read_files(const char *const *paths, size_t count, struct tl_rows *rows, struct tl_error *error)
{
    for (size_t i = 0; i < count; i++) {
        struct tl_buf text;
        tl_buf_init(&text, FILE_MAX);
        bool ok = tl_file_read(paths[i], &text, error) && tl_yfinance_read(tl_buf_view(&text), paths[i], rows, error);
        tl_buf_release(&text);
        if (!ok)
            return false;
    }
    return true;
}

/* ---- rows by (ticker, date): the newest wins ---- */

struct merged {
    const struct tl_rows *rows;
    size_t row;
};

static void add_key(const struct tl_rows *rows, size_t row, struct tl_buf *key)
{
    tl_buf_reset(key);
    tl_buf_add_view(key, tl_rows_text(rows, row, TL_PRICE_TICKER));
    tl_buf_add_char(key, '\0');
    tl_buf_add_view(key, tl_rows_text(rows, row, TL_PRICE_DATE));
}

static bool merge_rows(const struct tl_rows *rows, struct tl_map *places, struct merged *merged)
{
    struct tl_buf key;
    bool ok = true;
    tl_buf_init(&key, 4096);
    for (size_t row = 0; ok && row < rows->row_count; row++) {
        bool added;
        add_key(rows, row, &key);
        uint64_t *place = key.failed ? NULL : tl_map_put(places, tl_buf_view(&key), &added);
        if (place && added)
            *place = places->count - 1;
        if (place)
            merged[*place] = (struct merged){ rows, row };
        ok = place != NULL;
    }
    tl_buf_release(&key);
    return ok;
}

static int by_ticker_and_date(const void *a, const void *b)
{
    const struct merged *x = a, *y = b;
    int order = tl_view_cmp(tl_rows_text(x->rows, x->row, TL_PRICE_TICKER), tl_rows_text(y->rows, y->row, TL_PRICE_TICKER));
    return order ? order : tl_view_cmp(tl_rows_text(x->rows, x->row, TL_PRICE_DATE), tl_rows_text(y->rows, y->row, TL_PRICE_DATE));
}

static void copy_row(const struct merged *from, struct tl_rows *out)
{
    tl_rows_add(out);
    for (size_t c = 0; c < out->column_count; c++) {
        union tl_cell cell = from->rows->columns[c].cells[from->row];
        if (tl_rows_is_null(from->rows, from->row, c))
            continue;
        if (tl_price_columns[c].type == TL_TYPE_VARCHAR)
            tl_rows_set_text(out, c, tl_rows_text(from->rows, from->row, c));
        else if (tl_price_columns[c].type == TL_TYPE_DOUBLE)
            tl_rows_set_double(out, c, cell.f64);
        else
            tl_rows_set_i64(out, c, cell.i64);
    }
}

/* ---- what is there of the tickers ---- */

static void add_tickers(const struct tl_rows *rows, struct tl_buf *sql)
{
    struct tl_map seen;
    tl_map_init(&seen, ROWS_MAX);
    for (size_t row = 0; row < rows->row_count; row++) {
        bool added = false;
        if (!tl_map_put(&seen, tl_rows_text(rows, row, TL_PRICE_TICKER), &added))
            sql->failed = true;
        if (!added)
            continue;
        tl_buf_add_text(sql, seen.count > 1 ? ", " : "");
        tl_sql_add_string(sql, tl_rows_text(rows, row, TL_PRICE_TICKER));
    }
    tl_map_release(&seen);
}

static bool read_history(struct tl_history *history, struct tl_rows *out, struct tl_error *error)
{
    struct tl_rows chunk;
    bool done = false;
    if (!tl_history_rows_init(history, &chunk, error))
        return false;
    bool ok = true;
    while (ok && !done) {
        ok = tl_history_next(history, &chunk, &done, error);
        for (size_t row = 0; ok && row < chunk.row_count; row++)
            copy_row(&(struct merged){ &chunk, row }, out);
    }
    tl_rows_release(&chunk);
    return ok && tl_rows_ok(out, "the history that is there", error);
}

static bool read_existing(struct tl_store *lake, const struct tl_rows *new_rows, struct tl_rows *out, struct tl_error *error)
{
    struct tl_buf sql;
    struct tl_history *history;
    tl_buf_init(&sql, 64 << 20);
    tl_buf_add_text(&sql, "SELECT ticker::VARCHAR, year::BIGINT, date, open, high, low, close, volume FROM LAKE('" TL_HISTORY_PATH "') WHERE ticker::VARCHAR IN (");
    add_tickers(new_rows, &sql);
    tl_buf_add_text(&sql, ")");
    bool ok = tl_buf_ok(&sql, "the list of tickers", error) && tl_history_open(&history, tl_store_root(lake), tl_buf_text(&sql), error);
    tl_buf_release(&sql);
    if (!ok)
        return tl_error_context(error, "cannot read the history in '%s'", tl_store_root(lake));
    ok = read_history(history, out, error);
    tl_history_close(history);
    return ok;
}

/* The sample's files, all of them; its mark stays until the real prices are there. */
static bool remove_sample(struct tl_store *lake, struct tl_error *error)
{
    struct tl_dir_list names;
    if (!tl_store_list(lake, TL_HISTORY_PATH, &names, error))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < names.count; i++) {
        char name[PATH_MAX];
        if (names.names[i][0] == '_')
            continue;
        snprintf(name, sizeof name, TL_HISTORY_PATH "/%s", names.names[i]);
        ok = tl_store_delete_tree(lake, name, error);
    }
    tl_dir_list_release(&names);
    return ok;
}

static void count_result(const struct tl_rows *new_rows, size_t files, struct tl_ingest_stats *stats)
{
    struct tl_map tickers;
    tl_map_init(&tickers, ROWS_MAX);
    *stats = (struct tl_ingest_stats){ .files = files, .rows = new_rows->row_count };
    for (size_t row = 0; row < new_rows->row_count; row++) {
        bool added;
        struct tl_view date = tl_rows_text(new_rows, row, TL_PRICE_DATE);
        if (!tl_map_put(&tickers, tl_rows_text(new_rows, row, TL_PRICE_TICKER), &added))
            break;
        if (!stats->first_date[0] || tl_view_cmp(date, tl_view_of(stats->first_date)) < 0)
            snprintf(stats->first_date, sizeof stats->first_date, "%.*s", TL_VIEW_ARG(date));
        if (tl_view_cmp(date, tl_view_of(stats->last_date)) > 0)
            snprintf(stats->last_date, sizeof stats->last_date, "%.*s", TL_VIEW_ARG(date));
    }
    stats->tickers = tickers.count;
    tl_map_release(&tickers);
}

/* A partition is rewritten as one file of ours: rows of a file that someone else put there would then be there twice. */
static bool is_ours(struct tl_store *lake, const struct tl_rows *rows, size_t row, struct tl_error *error)
{
    struct tl_buf folder;
    struct tl_dir_list names = { 0 };
    char year[16];
    snprintf(year, sizeof year, "%lld", (long long)rows->columns[TL_PRICE_YEAR].cells[row].i64);
    tl_buf_init(&folder, 4096);
    tl_buf_add_text(&folder, TL_HISTORY_PATH "/");
    tl_partition_path_add(&folder, TL_VIEW("ticker"), tl_rows_text(rows, row, TL_PRICE_TICKER));
    tl_buf_add_char(&folder, '/');
    tl_partition_path_add(&folder, TL_VIEW("year"), tl_view_of(year));
    bool ok = tl_buf_ok(&folder, "a folder's name", error) && tl_store_list(lake, tl_buf_text(&folder), &names, error);
    for (size_t i = 0; ok && i < names.count; i++) {
        struct tl_view name = tl_view_of(names.names[i]);
        if (tl_view_ends_with(name, TL_VIEW(".parquet")) && !tl_view_starts_with(name, TL_VIEW(TL_HISTORY_FILE_PREFIX)))
            ok = tl_error_set(error, TL_CONFLICT, "'%s/%s/%s' was not written by tapeline: remove it, or ingest into another lake",
                              tl_store_root(lake), tl_buf_text(&folder), names.names[i]);
    }
    tl_dir_list_release(&names);
    tl_buf_release(&folder);
    return ok;
}

static bool all_are_ours(struct tl_store *lake, const struct tl_rows *rows, struct tl_error *error)
{
    for (size_t row = 0; row < rows->row_count; row++) { /* sorted by ticker and date */
        bool same = row > 0 && tl_view_eq(tl_rows_text(rows, row, TL_PRICE_TICKER), tl_rows_text(rows, row - 1, TL_PRICE_TICKER)) &&
                    rows->columns[TL_PRICE_YEAR].cells[row].i64 == rows->columns[TL_PRICE_YEAR].cells[row - 1].i64;
        if (!same && !is_ours(lake, rows, row, error))
            return false;
    }
    return true;
}

static bool write_merged(struct tl_store *lake, const struct tl_rows *old_rows, const struct tl_rows *new_rows, struct tl_rows *out,
                         struct tl_error *error)
{
    struct tl_map places;
    tl_map_init(&places, ROWS_MAX);
    struct merged *merged = calloc(old_rows->row_count + new_rows->row_count + 1, sizeof *merged);
    bool ok = merged && merge_rows(old_rows, &places, merged) && merge_rows(new_rows, &places, merged);
    if (!ok)
        tl_error_set(error, TL_NO_MEMORY, "out of memory");
    if (ok)
        qsort(merged, places.count, sizeof *merged, by_ticker_and_date);
    for (size_t i = 0; ok && i < places.count; i++)
        copy_row(&merged[i], out);
    free(merged);
    tl_map_release(&places);
    return ok && tl_rows_ok(out, "the history", error) && all_are_ours(lake, out, error) && tl_price_history_write(lake, out, error);
}

static bool ingest(struct tl_store *lake, const struct tl_rows *new_rows, struct tl_rows *old_rows, struct tl_rows *out, struct tl_error *error)
{
    bool synthetic, exists = tl_history_exists(lake, &synthetic);
    if (synthetic ? !remove_sample(lake, error) : exists && !read_existing(lake, new_rows, old_rows, error))
        return false;
    if (!write_merged(lake, old_rows, new_rows, out, error) || !tl_price_history_register(lake, false, error))
        return false;
    return !synthetic || tl_store_delete(lake, TL_HISTORY_SYNTHETIC, error);
}

bool tl_ingest_csv(struct tl_store *lake, const char *const *paths, size_t count, struct tl_ingest_stats *stats, struct tl_error *error)
{
    struct tl_rows tables[3]; /* new, old, merged */
    size_t ready = 0;
    bool ok = true;
    for (; ok && ready < TL_COUNT(tables); ready += ok)
        ok = tl_rows_init(&tables[ready], tl_price_columns, TL_COUNT(tl_price_columns), ROWS_BYTES, error);
    ok = ok && read_files(paths, count, &tables[0], error);
    if (ok && tables[0].row_count == 0)
        ok = tl_error_set(error, TL_INVALID, "'%s' has no rows", paths[0]);
    ok = ok && ingest(lake, &tables[0], &tables[1], &tables[2], error);
    if (ok)
        count_result(&tables[0], count, stats);
    while (ready > 0)
        tl_rows_release(&tables[--ready]);
    return ok;
}
