/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/price_history.h"

#include "lake/catalog.h"
#include "lake/parquet_sink.h"
#include "lake/sample.h"

#include <limits.h>
#include <stdio.h>

const struct tl_column_def tl_price_columns[8] = {
    { "ticker", TL_TYPE_VARCHAR, true }, { "year", TL_TYPE_BIGINT, true },  { "date", TL_TYPE_VARCHAR, true }, { "open", TL_TYPE_DOUBLE, false },
    { "high", TL_TYPE_DOUBLE, false },   { "low", TL_TYPE_DOUBLE, false },  { "close", TL_TYPE_DOUBLE, false }, { "volume", TL_TYPE_BIGINT, false },
};
static const char *const partitions[] = { "ticker", "year" };

bool tl_price_history_write(struct tl_store *lake, const struct tl_rows *rows, struct tl_error *error)
{
    struct tl_parquet_sink_options options = { .pipeline = "history",
                                               .view = "prices",
                                               .path = TL_HISTORY_PATH,
                                               .partition_by = partitions,
                                               .partition_count = TL_COUNT(partitions) };
    struct tl_parquet_sink *sink;
    struct tl_file_list files = { 0 };
    if (!tl_parquet_sink_open(&sink, lake, &options, error))
        return false;
    /* Always as epoch 0: a partition has one file, and writing it again replaces it. */
    bool ok = tl_parquet_sink_write(sink, 0, rows, &files, error);
    tl_file_list_release(&files);
    tl_parquet_sink_close(sink);
    return ok;
}

bool tl_price_history_register(struct tl_store *lake, const char *database, const char *name, const char *path, bool synthetic,
                               struct tl_error *error)
{
    /* Columns of the file first, those of the folders last, as readers give them. */
    struct tl_column_def columns[TL_COUNT(tl_price_columns)];
    for (size_t i = 0; i < TL_COUNT(columns); i++)
        columns[i] = tl_price_columns[(i + 2) % TL_COUNT(columns)];
    struct tl_catalog_table table = {
        .database = database,
        .name = name,
        .path = path,
        .columns = columns,
        .column_count = TL_COUNT(columns),
        .partition_by = partitions,
        .partition_count = TL_COUNT(partitions),
        .synthetic = synthetic,
    };
    /* The sample takes the place of a built table, of which nothing is left then. */
    return synthetic ? tl_catalog_replace(lake, &table, error) : tl_catalog_ensure(lake, &table, error);
}

/* Is there a file that is not hidden at or below the folder? */
static bool has_files(struct tl_store *lake, const char *folder, int depth)
{
    struct tl_dir_list names;
    struct tl_error ignored;
    bool found = false;
    if (!tl_store_list(lake, folder, &names, &ignored))
        return false;
    for (size_t i = 0; i < names.count && !found; i++) {
        char child[PATH_MAX];
        struct tl_view name = tl_view_of(names.names[i]);
        if (name.data[0] == '_' || name.data[0] == '.' || snprintf(child, sizeof child, "%s/%s", folder, name.data) >= (int)sizeof child)
            continue;
        found = tl_view_ends_with(name, TL_VIEW(".parquet")) || (depth > 0 && has_files(lake, child, depth - 1));
    }
    tl_dir_list_release(&names);
    return found;
}

bool tl_history_has_files(struct tl_store *lake, const char *path)
{
    return has_files(lake, path, 4);
}

bool tl_history_exists(struct tl_store *lake, bool *synthetic)
{
    struct tl_buf mark;
    struct tl_error ignored;
    tl_buf_init(&mark, 4096);
    *synthetic = tl_store_get(lake, TL_HISTORY_SYNTHETIC, &mark, &ignored);
    bool incomplete = *synthetic && tl_view_starts_with(tl_buf_view(&mark), TL_VIEW(TL_HISTORY_INCOMPLETE));
    tl_buf_release(&mark);
    if (incomplete)
        return false;
    return tl_history_has_files(lake, TL_HISTORY_PATH);
}

bool tl_price_rows_equal(const struct tl_rows *a, size_t x, const struct tl_rows *b, size_t y)
{
    bool same = true;
    for (size_t c = 0; same && c < a->column_count; c++)
        same = tl_rows_cell_equal(a, x, b, y, c);
    return same;
}
