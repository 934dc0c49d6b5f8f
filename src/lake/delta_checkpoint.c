/* SPDX-License-Identifier: Apache-2.0 */
/* A classic checkpoint: a row for each thing that counts at that version, made by one statement over the checkpoint before and the commits
 * since. Of what was removed, a week is kept, so that readers of an older version find their files. */
#include "base/io.h"
#include "base/time.h"
#include "lake/delta_int.h"
#include "lake/duck_cursor.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>

#define KEEP_REMOVED_MS (INT64_C(7) * 24 * 3600 * 1000)

static void add_select(int64_t now_ms, struct tl_buf *sql)
{
    tl_buf_add_text(sql, "SELECT CAST(NULL AS " TL_DELTA_TXN ") AS txn, CAST(NULL AS " TL_DELTA_ADD ") AS \"add\", CAST(NULL AS " TL_DELTA_REMOVE
                         ") AS remove, CAST(NULL AS " TL_DELTA_META ") AS \"metaData\", (SELECT protocol FROM actions WHERE protocol IS NOT NULL ORDER BY v "
                         "DESC LIMIT 1) AS protocol UNION ALL BY NAME SELECT (SELECT \"metaData\" FROM actions WHERE \"metaData\" IS NOT NULL ORDER BY v DESC "
                         "LIMIT 1) AS \"metaData\" UNION ALL BY NAME (SELECT txn FROM actions WHERE txn IS NOT NULL QUALIFY row_number() OVER (PARTITION BY "
                         "txn.appId ORDER BY v DESC, txn.version DESC) = 1 ORDER BY txn.appId) UNION ALL BY NAME (SELECT \"add\" FROM files WHERE \"add\" "
                         "IS NOT NULL ORDER BY \"add\".path) UNION ALL BY NAME (SELECT remove FROM files WHERE \"add\" IS NULL AND ");
    tl_buf_addf(sql, "remove.deletionTimestamp > %" PRId64 " ORDER BY remove.path)", now_ms - KEEP_REMOVED_MS);
}

/* How many rows the file has, which _last_checkpoint tells. */
static bool count_rows(struct tl_duck *duck, const char *path, int64_t *rows, struct tl_error *error)
{
    struct tl_buf sql;
    struct tl_duck_cursor *cursor = NULL;
    struct tl_rows batch;
    bool done = false;
    tl_buf_init(&sql, 2 * PATH_MAX);
    tl_buf_add_text(&sql, "SELECT count(*) FROM read_parquet(");
    tl_sql_add_string(&sql, tl_view_of(path));
    tl_buf_add_char(&sql, ')');
    bool ok = tl_buf_ok(&sql, "a path", error) && tl_duck_cursor_open(&cursor, duck, tl_buf_text(&sql), 0, error);
    if (ok && (ok = tl_rows_init(&batch, tl_duck_cursor_columns(cursor), 1, 1 << 16, error))) {
        ok = tl_duck_cursor_next(cursor, &batch, &done, error);
        *rows = ok && !done ? batch.columns[0].cells[0].i64 : 0;
        tl_rows_release(&batch);
    }
    tl_duck_cursor_close(cursor);
    tl_buf_release(&sql);
    return ok;
}

static bool put_checkpoint(struct tl_store *store, struct tl_duck *duck, const char *path, int64_t version, const char *file,
                           struct tl_error *error)
{
    int64_t rows;
    struct tl_buf name, text;
    tl_buf_init(&name, PATH_MAX);
    tl_buf_init(&text, 200);
    bool ok = count_rows(duck, file, &rows, error);
    tl_delta_name(path, version, ".checkpoint.parquet", &name);
    struct tl_store_file one = { .path = file, .name = tl_buf_text(&name) };
    ok = ok && tl_store_publish(store, &one, 1, error);
    tl_buf_reset(&name);
    tl_buf_addf(&name, "%s/_delta_log/_last_checkpoint", path);
    if (ok)
        tl_buf_addf(&text, "{\"version\":%" PRId64 ",\"size\":%" PRId64 "}", version, rows);
    ok = ok && tl_store_put(store, tl_buf_text(&name), tl_buf_view(&text), error);
    tl_buf_release(&name);
    tl_buf_release(&text);
    return ok;
}

bool tl_delta_checkpoint(struct tl_store *store, struct tl_duck *duck, const char *path, const struct tl_delta_parts *parts,
                         struct tl_error *error)
{
    struct tl_dir_list copies = { 0 };
    struct tl_buf sql;
    const char *folder;
    char file[PATH_MAX];
    if (!tl_store_stage(store, &folder, error))
        return false;
    if (snprintf(file, sizeof file, "%s/delta-%016" PRIx64 ".checkpoint", folder, tl_view_hash(tl_view_of(path), (uint64_t)parts->version)) >=
        (int)sizeof file)
        return tl_error_set(error, TL_INVALID, "'%.200s' is too long a path", folder);
    tl_buf_init(&sql, (size_t)256 << 20);
    tl_buf_add_text(&sql, "COPY (");
    bool ok = tl_delta_add_actions(store, path, parts, &copies, &sql, error);
    add_select(tl_io->wall_ns() / TL_NS_PER_MS, &sql);
    tl_buf_add_text(&sql, ") TO ");
    tl_sql_add_string(&sql, tl_view_of(file));
    tl_buf_add_text(&sql, " (FORMAT parquet, COMPRESSION snappy)");
    ok = ok && tl_buf_ok(&sql, "a checkpoint's statement", error) && tl_duck_run(duck, tl_buf_text(&sql), error) &&
         put_checkpoint(store, duck, path, parts->version, file, error);
    if (!ok)
        tl_io->unlink(file);
    tl_delta_drop_copies(&copies);
    tl_buf_release(&sql);
    return ok;
}
