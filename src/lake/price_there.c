/* SPDX-License-Identifier: Apache-2.0 */
/* DuckDB reads the files: in a folder where they are, of a bucket copies in a scratch folder, of the partitions alone that are merged. */
#include "lake/price_there.h"

#include "base/arena.h"
#include "base/io.h"
#include "base/map.h"
#include "lake/duck.h"
#include "lake/duck_cursor.h"
#include "lake/ingest.h"
#include "lake/lake_scan.h"
#include "lake/partition_path.h"
#include "lake/price_history.h"
#include "lake/store_int.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define ROWS_BYTES ((size_t)4 << 30)
#define SQL_MAX ((size_t)16 << 20)
#define NAMES_BYTES ((size_t)256 << 20)
#define FOLDERS_MAX ((size_t)1 << 20)
#define LISTED_ALONE 10 /* tickers; more of them are listed by one walk over all, which S3 answers a thousand at a time */

struct tl_prices_there {
    struct tl_store *lake, *scratch; /* scratch: of a bucket, the folder of the copies */
    struct tl_duck *duck;
    struct tl_store_entries seen;
};

/* ---- opening ---- */

static bool open_scratch(struct tl_prices_there *p, struct tl_error *error)
{
    const char *staging;
    char path[PATH_MAX];
    uint64_t number;
    if (tl_store_folder(p->lake))
        return true;
    if (!tl_io->random(&number, sizeof number))
        return tl_error_set(error, TL_IO, "no random number for a folder's name");
    if (!tl_store_stage(p->lake, &staging, error))
        return false;
    if (snprintf(path, sizeof path, "%s/ingest-%016" PRIx64, staging, number) >= (int)sizeof path)
        return tl_error_set(error, TL_INVALID, "'%.200s' is too long a path", staging);
    return tl_store_open(&p->scratch, path, error);
}

bool tl_prices_there_open(struct tl_prices_there **out, struct tl_store *lake, struct tl_error *error)
{
    struct tl_prices_there *p = calloc(1, sizeof *p);
    *out = NULL;
    if (!p)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    p->lake = lake;
    if (!open_scratch(p, error) || !tl_duck_open(&p->duck, error)) {
        tl_prices_there_close(p);
        return false;
    }
    *out = p;
    return true;
}

void tl_prices_there_close(struct tl_prices_there *p)
{
    struct tl_error ignored;
    if (!p)
        return;
    tl_duck_close(p->duck);
    if (p->scratch)
        (void)!tl_dir_remove(tl_store_folder(p->scratch), &ignored); /* below the temporary folder: nobody waits for it */
    tl_store_close(p->scratch);
    tl_store_entries_release(&p->seen);
    free(p);
}

const struct tl_store_entries *tl_prices_there_seen(const struct tl_prices_there *p)
{
    return p->scratch ? &p->seen : NULL;
}

/* ---- tickers and their files ---- */

static struct tl_view ticker_at(const struct tl_price_file *f, size_t i)
{
    return tl_rows_text(&f->rows, f->order[i], TL_PRICE_TICKER);
}

size_t tl_price_ticker_end(const struct tl_price_file *f, size_t i)
{
    size_t end = i + 1;
    while (end < f->count && tl_view_eq(ticker_at(f, end), ticker_at(f, i)))
        end++;
    return end;
}

/* "processed/stocks/ticker=AAPL" */
static bool ticker_folder(struct tl_view ticker, char out[PATH_MAX], struct tl_error *error)
{
    struct tl_buf folder;
    tl_buf_init(&folder, PATH_MAX - 1);
    tl_buf_add_text(&folder, TL_PROCESSED_PATH "/");
    tl_partition_path_add(&folder, TL_VIEW("ticker"), ticker);
    bool ok = tl_buf_ok(&folder, "a folder's name", error);
    snprintf(out, PATH_MAX, "%s", ok ? tl_buf_text(&folder) : "");
    tl_buf_release(&folder);
    return ok;
}

/* A partition is rewritten as one file of ours: rows of a file that someone else put there would then be there twice. */
static bool check_ours(struct tl_store *lake, const char *name, struct tl_error *error)
{
    const char *leaf = strrchr(name, '/');
    return (leaf && tl_view_starts_with(tl_view_of(leaf + 1), TL_VIEW(TL_HISTORY_FILE_PREFIX))) ||
           tl_error_set(error, TL_INVALID, "'%s/%s' was not written by tapeline: remove it, or ingest into another lake", tl_store_root(lake), name);
}

static void begin_select(struct tl_buf *sql, struct tl_view ticker)
{
    tl_buf_add_text(sql, sql->size ? " UNION ALL SELECT " : "SELECT ");
    tl_sql_add_string(sql, ticker);
    tl_buf_add_text(sql, " AS ticker, CAST(substr(date, 1, 4) AS BIGINT) AS year, date, open, high, low, close, volume FROM read_parquet([");
}

static void end_select(struct tl_buf *sql)
{
    tl_buf_add_text(sql, "], hive_partitioning = false)");
}

/* ---- of a folder ---- */

static bool add_ticker(struct tl_prices_there *p, struct tl_view ticker, struct tl_buf *sql, struct tl_error *error)
{
    char folder[PATH_MAX];
    struct tl_dir_list files;
    bool ok = true;
    if (!ticker_folder(ticker, folder, error) || !tl_lake_files(p->lake, folder, &files, error))
        return false;
    if (files.count)
        begin_select(sql, ticker);
    for (size_t i = 0; ok && i < files.count; i++) {
        tl_buf_add_text(sql, i ? ", " : "");
        tl_lake_add_file(sql, p->lake, files.names[i]);
        ok = check_ours(p->lake, files.names[i], error);
    }
    if (files.count)
        end_select(sql);
    tl_dir_list_release(&files);
    return ok;
}

static bool add_files(struct tl_prices_there *p, const struct tl_price_slice *s, struct tl_buf *sql, struct tl_error *error)
{
    bool ok = true;
    for (size_t i = s->begin; ok && i < s->end; i = tl_price_ticker_end(s->file, i))
        ok = add_ticker(p, ticker_at(s->file, i), sql, error);
    return ok;
}

/* ---- of a bucket ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct tl_store_entry *)a)->name, ((const struct tl_store_entry *)b)->name);
}

static bool list_ticker(struct tl_prices_there *p, struct tl_view ticker, struct tl_error *error)
{
    char folder[PATH_MAX];
    struct tl_store_entries found;
    if (!ticker_folder(ticker, folder, error) || !tl_store_walk(p->lake, folder, &found, error))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < found.count; i++)
        ok = tl_store_entries_add(&p->seen, tl_view_of(found.items[i].name), &found.items[i].info, error);
    tl_store_entries_release(&found);
    return ok;
}

static bool list(struct tl_prices_there *p, const struct tl_price_slice *s, struct tl_error *error)
{
    size_t tickers = 0;
    bool ok = true;
    tl_store_entries_release(&p->seen);
    for (size_t i = s->begin; i < s->end; i = tl_price_ticker_end(s->file, i))
        tickers++;
    if (tickers > LISTED_ALONE)
        return tl_store_walk(p->lake, TL_PROCESSED_PATH, &p->seen, error);
    for (size_t i = s->begin; ok && i < s->end; i = tl_price_ticker_end(s->file, i))
        ok = list_ticker(p, ticker_at(s->file, i), error);
    if (p->seen.count)
        qsort(p->seen.items, p->seen.count, sizeof *p->seen.items, by_name);
    return ok;
}

/* The partitions that the slice has rows of: "processed/stocks/ticker=AAPL/year=2024" to a row of it. */
static bool find_partitions(const struct tl_price_slice *s, struct tl_map *out, struct tl_error *error)
{
    char folder[PATH_MAX], ticker[PATH_MAX];
    const struct tl_rows *rows = &s->file->rows;
    int64_t last = INT64_MIN;
    for (size_t i = s->begin; i < s->end; i++) {
        bool same = i > s->begin && tl_view_eq(ticker_at(s->file, i), ticker_at(s->file, i - 1)), added;
        int64_t year = rows->columns[TL_PRICE_YEAR].cells[s->file->order[i]].i64;
        if (same && year == last)
            continue;
        last = year;
        if (!same && !ticker_folder(ticker_at(s->file, i), ticker, error))
            return false;
        if (snprintf(folder, sizeof folder, "%s/year=%" PRId64, ticker, year) >= (int)sizeof folder)
            return tl_error_set(error, TL_LIMIT, "'%.200s' is too long a name", ticker);
        uint64_t *at = tl_map_put(out, tl_view_of(folder), &added);
        if (!at)
            return tl_error_set(error, TL_NO_MEMORY, "out of memory");
        *at = added ? i : *at;
    }
    return true;
}

struct copies {
    struct tl_arena texts;
    struct tl_store_file *files;
    size_t *rows; /* of the slice's file, one whose partition each is of */
    size_t count;
};

static bool choose_copies(struct tl_prices_there *p, const struct tl_map *partitions, struct copies *c, struct tl_error *error)
{
    c->files = calloc(p->seen.count + 1, sizeof *c->files);
    c->rows = calloc(p->seen.count + 1, sizeof *c->rows);
    if (!c->files || !c->rows)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < p->seen.count; i++) {
        const char *name = p->seen.items[i].name, *slash = strrchr(name, '/');
        const uint64_t *row = slash ? tl_map_find(partitions, (struct tl_view){ name, (size_t)(slash - name) }) : NULL;
        if (!row || slash[1] == '_' || slash[1] == '.' || !tl_view_ends_with(tl_view_of(name), TL_VIEW(".parquet")))
            continue;
        if (!check_ours(p->lake, name, error))
            return false;
        c->files[c->count] = (struct tl_store_file){ .path = tl_arena_printf(&c->texts, "%s/%zu.parquet", tl_store_folder(p->scratch), c->count), .name = name };
        c->rows[c->count++] = *row;
    }
    return tl_arena_ok(&c->texts, "the names of files", error);
}

static bool add_copies(struct tl_prices_there *p, const struct tl_price_slice *s, struct copies *c, struct tl_buf *sql, struct tl_error *error)
{
    struct tl_map partitions;
    tl_map_init(&partitions, FOLDERS_MAX);
    bool ok = list(p, s, error) && find_partitions(s, &partitions, error) && choose_copies(p, &partitions, c, error);
    tl_map_release(&partitions);
    if (!ok)
        return false;
    if (!tl_store_fetch_many(p->lake, c->files, c->count, error)) {
        if (error->code == TL_NOT_FOUND)
            error->code = TL_CONFLICT;
        return false;
    }
    for (size_t i = 0; i < c->count; i++) {
        bool more = i > 0 && tl_view_eq(ticker_at(s->file, c->rows[i]), ticker_at(s->file, c->rows[i - 1]));
        if (i > 0 && !more)
            end_select(sql);
        if (more)
            tl_buf_add_text(sql, ", ");
        else
            begin_select(sql, ticker_at(s->file, c->rows[i]));
        tl_lake_add_file(sql, p->scratch, strrchr(c->files[i].path, '/') + 1);
    }
    if (c->count)
        end_select(sql);
    return true;
}

static void copies_release(struct copies *c)
{
    for (size_t i = 0; i < c->count; i++)
        tl_io->unlink(c->files[i].path);
    free(c->files);
    free(c->rows);
    tl_arena_release(&c->texts);
}

/* ---- rows ---- */

static bool read_rows(struct tl_duck *duck, const char *sql, struct tl_rows *out, struct tl_error *error)
{
    struct tl_duck_cursor *cursor;
    struct tl_rows batch;
    bool done = false;
    if (!tl_duck_cursor_open(&cursor, duck, sql, 0, error))
        return false;
    bool ok = tl_rows_init(&batch, tl_price_columns, TL_COUNT(tl_price_columns), ROWS_BYTES, error);
    bool ready = ok;
    while (ok && !done) {
        ok = tl_duck_cursor_next(cursor, &batch, &done, error);
        for (size_t row = 0; ok && row < batch.row_count; row++)
            tl_rows_add_copy(out, &batch, row);
    }
    if (ready)
        tl_rows_release(&batch);
    tl_duck_cursor_close(cursor);
    return ok && tl_rows_ok(out, "the history that is there", error);
}

bool tl_prices_there_read(struct tl_prices_there *p, const struct tl_price_slice *slice, struct tl_rows *out, struct tl_error *error)
{
    struct tl_buf union_of, sql;
    struct copies copies = { .count = 0 };
    tl_buf_init(&union_of, SQL_MAX);
    tl_buf_init(&sql, SQL_MAX);
    tl_arena_init(&copies.texts, NAMES_BYTES);
    bool ok = p->scratch ? add_copies(p, slice, &copies, &union_of, error) : add_files(p, slice, &union_of, error);
    if (ok && union_of.size) {
        tl_buf_add_text(&sql, "SELECT * FROM (");
        tl_buf_add_view(&sql, tl_buf_view(&union_of));
        tl_buf_add_text(&sql, ") ORDER BY ticker, date");
        ok = tl_buf_ok(&union_of, "the list of files", error) && tl_buf_ok(&sql, "the list of files", error) && read_rows(p->duck, tl_buf_text(&sql), out, error);
    }
    copies_release(&copies);
    tl_buf_release(&union_of);
    tl_buf_release(&sql);
    return ok || tl_error_context(error, "cannot read the history in '%s'", tl_store_root(p->lake));
}
