/* SPDX-License-Identifier: Apache-2.0 */
/* DuckDB reads a foot from a file: one of this machine, as long as the object, of which only the end has bytes. */
#include "lake/parquet_foot.h"

#include "base/bytes.h"
#include "base/io.h"
#include "lake/duck_cursor.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#define TAIL ((int64_t)64 << 10)
#define LEAST 12
#define FOOT_MAX ((size_t)64 << 20)
#define ROWS_MAX ((size_t)16 << 20)

/* The end of the object: the whole foot. */
static bool read_tail(struct tl_store *store, const struct tl_store_entry *file, bool whole, struct tl_buf *tail, struct tl_error *error)
{
    int64_t size = file->info.size, want = whole && size > TAIL ? TAIL : whole ? size : 4;
    if (!tl_store_get_range(store, file->name, size - want, (size_t)want, NULL, tail, error))
        return false;
    if (!whole || tail->size < 8)
        return true;
    int64_t foot = (int64_t)tl_get_le(tail->data + tail->size - 8, 4) + 8;
    if (foot <= want || foot > size)
        return true;
    tl_buf_reset(tail);
    return tl_store_get_range(store, file->name, size - foot, (size_t)foot, NULL, tail, error);
}

static bool make_stand_in(const char *path, int64_t size, struct tl_view tail, struct tl_error *error)
{
    int fd = tl_io->open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0)
        return tl_error_sys(error, errno, "cannot create '%s'", path);
    bool ok = (tl_io->ftruncate(fd, size) == 0 && tl_io->pwrite(fd, tail.data, tail.size, (off_t)(size - (int64_t)tail.size)) == (ssize_t)tail.size) ||
              tl_error_sys(error, errno, "cannot write '%s'", path);
    tl_io->close(fd);
    return ok;
}

static const struct tl_column_def *find_column(const struct tl_catalog_table *t, struct tl_view name)
{
    for (size_t i = 0; i < t->column_count; i++)
        if (tl_view_is(name, t->columns[i].name))
            return &t->columns[i];
    return NULL;
}

/* rows: a column's name and DuckDB's word for its type each. */
static void compare(const struct tl_catalog_table *t, const struct tl_rows *rows, struct tl_buf *problem)
{
    for (size_t i = 0; i < rows->row_count; i++) {
        struct tl_view name = tl_rows_text(rows, i, 0), type = tl_rows_text(rows, i, 1);
        const struct tl_column_def *def = find_column(t, name);
        if (tl_view_is(type, "TIMESTAMP WITH TIME ZONE"))
            type = TL_VIEW("TIMESTAMPTZ");
        if (name.size && name.data[0] == '~') /* base of what lake/partition_path.h cuts */
            continue;
        if (!def)
            tl_buf_addf(problem, "%scolumn '%.*s' is not in the catalog's table", problem->size ? "; " : "", TL_VIEW_ARG(name));
        else if (!tl_view_is(type, tl_sql_type(def->type)))
            tl_buf_addf(problem, "%scolumn '%s' is %.*s, and %s in the catalog", problem->size ? "; " : "", def->name, TL_VIEW_ARG(type), tl_sql_type(def->type));
    }
}

static bool describe(struct tl_duck *duck, const char *path, const struct tl_catalog_table *t, struct tl_buf *problem, struct tl_error *error)
{
    struct tl_duck_cursor *cursor;
    struct tl_rows rows;
    struct tl_buf sql;
    struct tl_error told;
    bool done;
    tl_buf_init(&sql, 2 * PATH_MAX);
    tl_buf_add_text(&sql, "SELECT column_name, column_type FROM (DESCRIBE SELECT * FROM read_parquet(");
    tl_sql_add_string(&sql, tl_view_of(path));
    tl_buf_add_text(&sql, ", hive_partitioning = false))");
    bool ok = tl_buf_ok(&sql, "a file's path", error);
    if (ok && !tl_duck_cursor_open(&cursor, duck, tl_buf_text(&sql), 0, &told)) {
        tl_buf_addf(problem, "its foot cannot be read: %s", told.text);
    } else if (ok) {
        ok = tl_rows_init(&rows, tl_duck_cursor_columns(cursor), tl_duck_cursor_column_count(cursor), ROWS_MAX, error) &&
             tl_duck_cursor_next(cursor, &rows, &done, error);
        if (ok)
            compare(t, &rows, problem);
        tl_rows_release(&rows);
        tl_duck_cursor_close(cursor);
    }
    tl_buf_release(&sql);
    return ok;
}

static bool check_columns(struct tl_store *store, struct tl_duck *duck, const struct tl_store_entry *file, const struct tl_catalog_table *table,
                          struct tl_view tail, struct tl_buf *problem, struct tl_error *error)
{
    const char *staging;
    char path[PATH_MAX];
    if (!tl_store_stage(store, &staging, error))
        return false;
    if (snprintf(path, sizeof path, "%s/foot.parquet", staging) >= (int)sizeof path)
        return tl_error_set(error, TL_INVALID, "'%.200s' is too long a path", staging);
    bool ok = make_stand_in(path, file->info.size, tail, error) && describe(duck, path, table, problem, error);
    tl_io->unlink(path);
    return ok;
}

bool tl_parquet_foot_check(struct tl_store *store, struct tl_duck *duck, const struct tl_store_entry *file, const struct tl_catalog_table *table,
                           struct tl_buf *problem, struct tl_error *error)
{
    struct tl_buf tail;
    tl_buf_init(&tail, FOOT_MAX);
    bool deep = duck && table, ok = file->info.size < LEAST || read_tail(store, file, deep, &tail, error);
    bool whole = tail.size >= 4 && memcmp(tail.data + tail.size - 4, "PAR1", 4) == 0;
    if (ok && !whole)
        tl_buf_addf(problem, "is no whole Parquet file (%" PRId64 " bytes)", file->info.size);
    else if (ok && deep)
        ok = check_columns(store, duck, file, table, tl_buf_view(&tail), problem, error);
    tl_buf_release(&tail);
    return ok;
}
