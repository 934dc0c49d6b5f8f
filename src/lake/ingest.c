/* SPDX-License-Identifier: Apache-2.0 */
/* lake/ingest.c: a file's rows, some tickers at a time: read what the lake has of them, merge, write the partitions that change. */
#include "lake/ingest.h"

#include "base/file.h"
#include "lake/lake_lock.h"
#include "lake/catalog.h"
#include "lake/parquet_sink.h"
#include "lake/price_history.h"
#include "lake/price_there.h"
#include "lake/yfinance.h"

#include <assert.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define FILE_MAX ((size_t)1 << 30)
#define ROWS_BYTES ((size_t)4 << 30)
#define SLICE_TICKERS 50 /* merged at a time, */
#define SLICE_ROWS 200000 /* or so many rows */
#define TRIES 5 /* where another ingest has changed a bucket's partitions meanwhile */

struct tl_ingest {
    struct tl_store *lake;
    struct tl_dir_lock lock;
    struct tl_prices_there *there;
    struct tl_parquet_sink *sink, *reject_sink;
    bool registered;
};

/* ---- opening, the two tables ---- */

static const char *const partitions[] = { "ticker", "year" };
static const char *const reject_partitions[] = { "source" };
static const struct tl_column_def reject_columns[] = {
    { "file", TL_TYPE_VARCHAR, true },   { "line", TL_TYPE_BIGINT, true },  { "ticker", TL_TYPE_VARCHAR, false },
    { "reason", TL_TYPE_VARCHAR, true }, { "data", TL_TYPE_VARCHAR, true }, { "source", TL_TYPE_VARCHAR, true },
};

/* Both at once: a lake without rejects has the table too, with no rows. */
static bool register_tables(struct tl_ingest *g, struct tl_error *error)
{
    struct tl_catalog_table rejects = {
        .database = "processed",
        .name = "stocks_rejects",
        .path = TL_REJECTS_PATH,
        .columns = reject_columns,
        .column_count = TL_COUNT(reject_columns),
        .partition_by = reject_partitions,
        .partition_count = TL_COUNT(reject_partitions),
    };
    g->registered = g->registered || (tl_price_history_register(g->lake, "processed", "stocks", TL_PROCESSED_PATH, false, error) &&
                                      tl_catalog_ensure(g->lake, &rejects, error));
    return g->registered;
}

static bool open_sink(struct tl_ingest *g, struct tl_error *error)
{
    struct tl_parquet_sink_options options = {
        .pipeline = "history", .view = "prices", .path = TL_PROCESSED_PATH, .partition_by = partitions, .partition_count = TL_COUNT(partitions)
    };
    return g->sink || tl_parquet_sink_open(&g->sink, g->lake, &options, error);
}

bool tl_ingest_open(struct tl_ingest **out, struct tl_store *lake, struct tl_error *error)
{
    struct tl_ingest *g = calloc(1, sizeof *g);
    *out = NULL;
    if (!g)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    g->lake = lake;
    if (!tl_lake_lock_open(&g->lock, lake, TL_LAKE_BATCH, error)) {
        free(g);
        return false;
    }
    if (!tl_prices_there_open(&g->there, lake, error)) {
        tl_ingest_close(g);
        return false;
    }
    *out = g;
    return true;
}

void tl_ingest_close(struct tl_ingest *g)
{
    if (!g)
        return;
    tl_parquet_sink_close(g->sink);
    tl_parquet_sink_close(g->reject_sink);
    tl_prices_there_close(g->there);
    tl_lake_lock_close(&g->lock);
    free(g);
}

bool tl_ingest_exists(struct tl_store *lake)
{
    return tl_history_has_files(lake, TL_PROCESSED_PATH);
}

/* ---- merging ---- */

struct merge {
    const struct tl_rows *old_rows;
    const struct tl_price_slice *slice;
    size_t old_at, new_at;
    struct tl_rows *out;    /* partitions that change, whole */
    uint64_t changed, partitions;
};

static int by_key(const struct tl_rows *a, size_t x, const struct tl_rows *b, size_t y)
{
    int order = tl_view_cmp(tl_rows_text(a, x, TL_PRICE_TICKER), tl_rows_text(b, y, TL_PRICE_TICKER));
    return order ? order : tl_view_cmp(tl_rows_text(a, x, TL_PRICE_DATE), tl_rows_text(b, y, TL_PRICE_DATE));
}

struct row {
    const struct tl_rows *rows;
    size_t at;
};

/* The next row of both in order: where they have the same key the new one, and *change says whether it differs from what is there.
 * False at the end. */
static bool next_row(const struct merge *m, size_t *old_at, size_t *new_at, struct row *out, bool *change)
{
    const struct tl_rows *fresh = &m->slice->file->rows;
    bool has_old = *old_at < m->old_rows->row_count, has_new = *new_at < m->slice->end;
    *change = false;
    if (!has_old && !has_new)
        return false;
    size_t at = has_new ? m->slice->file->order[*new_at] : 0;
    int order = !has_old ? 1 : !has_new ? -1 : by_key(m->old_rows, *old_at, fresh, at);
    *out = order < 0 ? (struct row){ m->old_rows, *old_at } : (struct row){ fresh, at };
    *change = order > 0 || (order == 0 && !tl_price_rows_equal(m->old_rows, *old_at, fresh, at));
    *old_at += order <= 0;
    *new_at += order >= 0;
    return true;
}

static bool same_partition(const struct row *a, const struct row *b)
{
    return a->rows->columns[TL_PRICE_YEAR].cells[a->at].i64 == b->rows->columns[TL_PRICE_YEAR].cells[b->at].i64 &&
           tl_view_eq(tl_rows_text(a->rows, a->at, TL_PRICE_TICKER), tl_rows_text(b->rows, b->at, TL_PRICE_TICKER));
}

/* One partition: a first pass finds its end and whether anything changes, a second one copies. */
static void merge_partition(struct merge *m)
{
    size_t old_at = m->old_at, new_at = m->new_at, old_end = old_at, new_end = new_at;
    struct row first, row;
    bool change;
    uint64_t changed = 0;
    for (bool begin = true; next_row(m, &old_at, &new_at, &row, &change); begin = false) {
        if (begin)
            first = row;
        else if (!same_partition(&first, &row))
            break;
        changed += change;
        old_end = old_at;
        new_end = new_at;
    }
    while (changed && (m->old_at < old_end || m->new_at < new_end) && next_row(m, &m->old_at, &m->new_at, &row, &change))
        tl_rows_add_copy(m->out, row.rows, row.at);
    m->old_at = old_end;
    m->new_at = new_end;
    m->changed += changed;
    m->partitions += changed > 0;
}

static bool write_rows(struct tl_ingest *g, const struct tl_rows *rows, struct tl_error *error)
{
    struct tl_file_list files = { 0 };
    bool ok = open_sink(g, error) && register_tables(g, error);
    if (ok) {
        tl_parquet_sink_replaces(g->sink, tl_prices_there_seen(g->there));
        ok = tl_parquet_sink_write(g->sink, 0, rows, &files, error);
    }
    tl_file_list_release(&files);
    return ok;
}

static bool try_slice(struct tl_ingest *g, const struct tl_price_slice *s, struct tl_ingest_stats *stats, struct tl_error *error)
{
    struct tl_rows old_rows, out;
    if (!tl_rows_init(&old_rows, tl_price_columns, TL_COUNT(tl_price_columns), ROWS_BYTES, error))
        return false;
    if (!tl_rows_init(&out, tl_price_columns, TL_COUNT(tl_price_columns), ROWS_BYTES, error)) {
        tl_rows_release(&old_rows);
        return false;
    }
    bool ok = tl_prices_there_read(g->there, s, &old_rows, error);
    struct merge m = { .old_rows = &old_rows, .slice = s, .new_at = s->begin, .out = &out };
    while (ok && (m.old_at < old_rows.row_count || m.new_at < s->end))
        merge_partition(&m);
    ok = ok && tl_rows_ok(&out, "the history", error) && (out.row_count == 0 || write_rows(g, &out, error));
    if (ok) {
        stats->changed += m.changed;
        stats->partitions += m.partitions;
    }
    tl_rows_release(&old_rows);
    tl_rows_release(&out);
    return ok;
}

/* In a bucket a partition is put only as it was seen: where another ingest has put one since, both are merged anew. */
static bool ingest_slice(struct tl_ingest *g, const struct tl_price_slice *s, struct tl_ingest_stats *stats, struct tl_error *error)
{
    for (int left = TRIES; left > 0; left--) {
        if (try_slice(g, s, stats, error))
            return true;
        if (error->code != TL_CONFLICT || !tl_prices_there_seen(g->there))
            return false;
    }
    return tl_error_context(error, "another 'tapeline ingest' changes the same tickers: let it end, and ingest again");
}

static void count_rows(const struct tl_price_file *f, struct tl_ingest_stats *stats)
{
    for (size_t i = 0; i < f->count; i++) {
        struct tl_view date = tl_rows_text(&f->rows, f->order[i], TL_PRICE_DATE);
        if (!stats->first_date[0] || tl_view_cmp(date, tl_view_of(stats->first_date)) < 0)
            snprintf(stats->first_date, sizeof stats->first_date, "%.*s", TL_VIEW_ARG(date));
        if (tl_view_cmp(date, tl_view_of(stats->last_date)) > 0)
            snprintf(stats->last_date, sizeof stats->last_date, "%.*s", TL_VIEW_ARG(date));
    }
    for (size_t i = 0; i < f->count; i = tl_price_ticker_end(f, i))
        stats->tickers++;
    stats->files++;
    stats->rows += f->count;
    stats->rejected += f->rejects.row_count;
}

static bool ingest_rows(struct tl_ingest *g, const struct tl_price_file *f, struct tl_ingest_stats *stats, struct tl_error *error)
{
    bool ok = true;
    for (struct tl_price_slice s = { f, 0, 0 }; ok && s.begin < f->count; s.begin = s.end) {
        s.end = s.begin;
        for (size_t tickers = 0; s.end < f->count && tickers < SLICE_TICKERS && s.end - s.begin < SLICE_ROWS; tickers++)
            s.end = tl_price_ticker_end(f, s.end);
        ok = ingest_slice(g, &s, stats, error);
    }
    return ok;
}

/* ---- rejects ---- */

/* The file's full name: however it is called, it has one set of rejects. */
static void source_of(const char *file, char out[17])
{
    snprintf(out, 17, "%016" PRIx64, tl_view_hash(tl_view_of(file), 0));
}

static bool open_reject_sink(struct tl_ingest *g, struct tl_error *error)
{
    struct tl_parquet_sink_options options = {
        .pipeline = "history", .view = "rejects", .path = TL_REJECTS_PATH, .partition_by = reject_partitions, .partition_count = TL_COUNT(reject_partitions)
    };
    return g->reject_sink || tl_parquet_sink_open(&g->reject_sink, g->lake, &options, error);
}

static void copy_reject(const struct tl_rows *from, size_t row, const char *file, const char *source, struct tl_rows *out)
{
    tl_rows_add(out);
    if (out->failed)
        return;
    tl_rows_set_text(out, TL_REJECT_FILE, tl_view_of(file));
    tl_rows_set_i64(out, TL_REJECT_LINE, from->columns[TL_REJECT_LINE].cells[row].i64);
    for (size_t c = TL_REJECT_TICKER; c <= TL_REJECT_DATA; c++)
        if (!tl_rows_is_null(from, row, c))
            tl_rows_set_text(out, c, tl_rows_text(from, row, c));
    tl_rows_set_text(out, TL_REJECT_DATA + 1, tl_view_of(source));
}

/* folder: that of the source. */
static bool write_rejects(struct tl_ingest *g, const struct tl_rows *rejects, const char *file, const char *source, const char *folder,
                          struct tl_error *error)
{
    struct tl_rows rows;
    struct tl_store_entries seen = { 0 };
    struct tl_file_list files = { 0 };
    if (!tl_rows_init(&rows, reject_columns, TL_COUNT(reject_columns), ROWS_BYTES, error))
        return false;
    for (size_t row = 0; row < rejects->row_count; row++)
        copy_reject(rejects, row, file, source, &rows);
    bool ok = tl_rows_ok(&rows, "the rejects", error) && open_reject_sink(g, error) && register_tables(g, error);
    if (ok && !tl_store_folder(g->lake)) {
        ok = tl_store_walk(g->lake, folder, &seen, error);
        tl_parquet_sink_replaces(g->reject_sink, &seen);
    }
    ok = ok && tl_parquet_sink_write(g->reject_sink, 0, &rows, &files, error);
    tl_store_entries_release(&seen);
    tl_file_list_release(&files);
    tl_rows_release(&rows);
    return ok;
}

static bool keep_rejects(struct tl_ingest *g, const struct tl_rows *rejects, const char *path, struct tl_error *error)
{
    char *full = realpath(path, NULL), source[17], folder[sizeof TL_REJECTS_PATH "/source=0123456789abcdef"];
    const char *file = full ? full : path;
    struct tl_dir_list there;
    source_of(file, source);
    snprintf(folder, sizeof folder, TL_REJECTS_PATH "/source=%s", source);
    bool ok = true;
    if (rejects->row_count) {
        ok = write_rejects(g, rejects, file, source, folder, error);
    } else if (tl_store_list(g->lake, folder, &there, error)) {
        ok = there.count == 0 || tl_store_delete_tree(g->lake, folder, error);
        tl_dir_list_release(&there);
    } else {
        ok = false;
    }
    free(full);
    return ok;
}

bool tl_ingest_file(struct tl_ingest *g, const char *path, struct tl_ingest_stats *stats, struct tl_error *error)
{
    struct tl_buf text;
    struct tl_price_file file;
    tl_buf_init(&text, FILE_MAX);
    bool ok = tl_file_read(path, &text, error) && tl_price_file_read(&file, tl_buf_view(&text), path, error);
    tl_buf_release(&text);
    if (!ok)
        return false;
    ok = keep_rejects(g, &file.rejects, path, error);
    if (ok && file.count == 0)
        ok = file.rejects.row_count
                 ? tl_error_set(error, TL_INVALID, "'%s' has no rows that can be taken: line %lld: %.*s", path,
                                (long long)file.rejects.columns[TL_REJECT_LINE].cells[0].i64,
                                TL_VIEW_ARG(tl_rows_text(&file.rejects, 0, TL_REJECT_REASON)))
                 : tl_error_set(error, TL_INVALID, "'%s' has no rows", path);
    ok = ok && ingest_rows(g, &file, stats, error);
    if (ok)
        count_rows(&file, stats);
    tl_price_file_release(&file);
    return ok;
}
