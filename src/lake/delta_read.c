/* SPDX-License-Identifier: Apache-2.0 */
#include "base/grow.h"
#include "base/io.h"
#include "lake/delta_int.h"
#include "lake/duck_cursor.h"
#include "lake/lake_scan.h"
#include "lake/store_int.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define FILES_MAX 10000000
#define ROWS_MAX ((size_t)1 << 31)
#define CHECKPOINT ".checkpoint.parquet"

void tl_delta_name(const char *path, int64_t version, const char *ending, struct tl_buf *out)
{
    tl_buf_addf(out, "%s/_delta_log/%020" PRId64 "%s", path, version, ending);
}

/* "00000000000000000010.json" -> 10; -1 for other names. */
static int64_t version_of(const char *name, const char *ending)
{
    int64_t version;
    struct tl_view digits = { name, 20 };
    if (strlen(name) != 20 + strlen(ending) || strcmp(name + 20, ending) != 0 || strspn(name, "0123456789") != 20)
        return -1;
    while (digits.size > 1 && digits.data[0] == '0')
        digits = (struct tl_view){ digits.data + 1, digits.size - 1 };
    return tl_view_to_i64(digits, &version) ? version : -1;
}

static bool list_log(struct tl_store *store, const char *path, struct tl_dir_list *names, struct tl_error *error)
{
    char folder[PATH_MAX];
    snprintf(folder, sizeof folder, "%s/_delta_log", path);
    return tl_store_list(store, folder, names, error);
}

bool tl_delta_find_parts(struct tl_store *store, const char *path, struct tl_delta_parts *out, struct tl_error *error)
{
    struct tl_dir_list names;
    *out = (struct tl_delta_parts){ -1, -1 };
    if (!list_log(store, path, &names, error))
        return false;
    for (size_t i = 0; i < names.count; i++) {
        int64_t version = version_of(names.names[i], CHECKPOINT);
        out->checkpoint = version > out->checkpoint ? version : out->checkpoint;
    }
    bool whole = true;
    out->version = out->checkpoint;
    for (size_t i = 0; whole && i < names.count; i++) { /* sorted, as versions are */
        int64_t version = version_of(names.names[i], ".json");
        if (version <= out->version)
            continue;
        whole = version == out->version + 1;
        out->version = version;
    }
    tl_dir_list_release(&names);
    return whole || tl_error_set(error, TL_CORRUPT, "the Delta log of '%s/%s' has no version before %" PRId64 " that can be read",
                                 tl_store_root(store), path, out->version);
}

bool tl_delta_exists(struct tl_store *store, const char *path, bool *exists, struct tl_error *error)
{
    struct tl_dir_list names;
    if (!list_log(store, path, &names, error))
        return false;
    *exists = names.count > 0;
    tl_dir_list_release(&names);
    return true;
}

/* Adds the file as DuckDB can open it. */
static bool add_part(struct tl_store *store, const char *name, struct tl_dir_list *copies, struct tl_buf *sql, struct tl_error *error)
{
    const char *folder;
    char path[PATH_MAX];
    if (tl_store_folder(store)) {
        tl_lake_add_file(sql, store, name);
        return true;
    }
    size_t cap = copies->count; /* grows one by one: a dozen files */
    if (!tl_store_stage(store, &folder, error))
        return false;
    if (snprintf(path, sizeof path, "%s/delta-%016" PRIx64 "-%s", folder, tl_view_hash(tl_view_of(name), (uint64_t)(uintptr_t)copies),
                 strrchr(name, '/') + 1) >= (int)sizeof path)
        return tl_error_set(error, TL_INVALID, "'%.200s' is too long a path", folder);
    if (!tl_store_fetch(store, name, path, NULL, error))
        return false;
    if (!tl_dir_list_add(copies, &cap, tl_view_of(path), error)) {
        tl_io->unlink(path);
        return false;
    }
    tl_sql_add_string(sql, tl_view_of(path));
    return true;
}

void tl_delta_drop_copies(struct tl_dir_list *copies)
{
    for (size_t i = 0; i < copies->count; i++)
        tl_io->unlink(copies->names[i]);
    tl_dir_list_release(copies);
}

bool tl_delta_add_actions(struct tl_store *store, const char *path, const struct tl_delta_parts *parts, struct tl_dir_list *copies,
                          struct tl_buf *sql, struct tl_error *error)
{
    struct tl_buf name;
    bool ok = true;
    tl_buf_init(&name, PATH_MAX);
    tl_buf_add_text(sql, "WITH actions AS (SELECT -2 AS v, CAST(NULL AS " TL_DELTA_TXN ") AS txn, CAST(NULL AS " TL_DELTA_ADD
                         ") AS \"add\", CAST(NULL AS " TL_DELTA_REMOVE ") AS remove, CAST(NULL AS " TL_DELTA_META
                         ") AS \"metaData\", CAST(NULL AS " TL_DELTA_PROTOCOL ") AS protocol WHERE false");
    if (parts->checkpoint >= 0) {
        tl_buf_add_text(sql, " UNION ALL BY NAME SELECT -1 AS v, COLUMNS(lambda c: c IN ('txn', 'add', 'remove', 'metaData', 'protocol')) FROM read_parquet(");
        tl_delta_name(path, parts->checkpoint, CHECKPOINT, &name);
        ok = add_part(store, tl_buf_text(&name), copies, sql, error);
        tl_buf_add_char(sql, ')');
    }
    for (int64_t v = parts->checkpoint + 1; ok && v <= parts->version; v++) {
        tl_buf_addf(sql, v > parts->checkpoint + 1 ? ", " : " UNION ALL BY NAME SELECT CAST(regexp_extract(filename, '([0-9]{20})[.]json$', 1) AS BIGINT) AS v, * "
                                                            "EXCLUDE (filename) FROM read_json([");
        tl_buf_reset(&name);
        tl_delta_name(path, v, ".json", &name);
        ok = add_part(store, tl_buf_text(&name), copies, sql, error);
    }
    if (parts->version > parts->checkpoint)
        tl_buf_add_text(sql, "], format = 'newline_delimited', filename = true, maximum_object_size = 67108864, columns = {txn: '" TL_DELTA_TXN
                             "', \"add\": '" TL_DELTA_ADD "', remove: '" TL_DELTA_REMOVE "', \"metaData\": '" TL_DELTA_META
                             "', protocol: '" TL_DELTA_PROTOCOL "'})");
    tl_buf_add_text(sql, "), files AS (SELECT * FROM actions WHERE \"add\" IS NOT NULL OR remove IS NOT NULL QUALIFY row_number() OVER (PARTITION BY "
                         "coalesce(\"add\".path, remove.path) ORDER BY v DESC, \"add\" IS NOT NULL DESC) = 1) ");
    tl_buf_release(&name);
    return ok && tl_buf_ok(sql, "the parts of a Delta log", error);
}

/* ---- live files ---- */

/* A path of the log is a relative URL: %XX is a byte. False when it is not one of a file below the table. */
static bool decode_path(const char *table, struct tl_view path, struct tl_buf *name)
{
    tl_buf_addf(name, "%s/", table);
    for (size_t i = 0; i < path.size; i++) {
        unsigned value;
        char c = path.data[i];
        if (c == '%') {
            if (i + 2 >= path.size || sscanf(path.data + i + 1, "%2x", &value) != 1 || !value)
                return false;
            c = (char)value;
            i += 2;
        }
        tl_buf_add_char(name, c);
    }
    return !name->failed && path.size > 0 && path.data[0] != '/' && !strstr(tl_buf_text(name), "://");
}

static bool add_live(const char *table, const struct tl_rows *rows, size_t row, struct tl_delta_files *out, struct tl_error *error)
{
    struct tl_buf name;
    struct tl_view path = tl_rows_text(rows, row, 0), values = tl_rows_text(rows, row, 1);
    tl_buf_init(&name, PATH_MAX);
    bool ok = decode_path(table, path, &name) ||
              tl_error_set(error, TL_UNSUPPORTED, "the Delta table '%s' has a file elsewhere: '%.*s'", table, TL_VIEW_ARG(path));
    if (ok && !tl_grow((void **)&out->items, &out->cap, out->count + 1, sizeof *out->items, FILES_MAX))
        ok = tl_error_set(error, TL_NO_MEMORY, "out of memory");
    if (ok) {
        struct tl_delta_file *f = &out->items[out->count++];
        *f = (struct tl_delta_file){ .name = strdup(tl_buf_text(&name)),
                                     .path = strndup(path.data, path.size),
                                     .partition_values = values.size ? strndup(values.data, values.size) : strdup("{}"),
                                     .size = rows->columns[2].cells[row].i64 };
        ok = (f->name && f->path && f->partition_values) || tl_error_set(error, TL_NO_MEMORY, "out of memory");
    }
    tl_buf_release(&name);
    return ok;
}

static bool read_live(struct tl_duck *duck, const char *sql, const char *table, struct tl_delta_files *out, struct tl_error *error)
{
    struct tl_duck_cursor *cursor = NULL;
    struct tl_rows rows;
    bool done = false;
    if (!tl_duck_cursor_open(&cursor, duck, sql, 0, error))
        return false;
    bool ok = tl_rows_init(&rows, tl_duck_cursor_columns(cursor), tl_duck_cursor_column_count(cursor), ROWS_MAX, error);
    while (ok && !done) {
        ok = tl_duck_cursor_next(cursor, &rows, &done, error);
        for (size_t i = 0; ok && !done && i < rows.row_count; i++)
            ok = add_live(table, &rows, i, out, error);
    }
    tl_rows_release(&rows);
    tl_duck_cursor_close(cursor);
    return ok;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct tl_delta_file *)a)->name, ((const struct tl_delta_file *)b)->name);
}

/* select: of the files that are meant, path, partition values as text, size. */
static bool read_files(struct tl_store *store, struct tl_duck *duck, const char *path, const char *select, struct tl_delta_files *out,
                       struct tl_error *error)
{
    struct tl_delta_parts parts;
    struct tl_dir_list copies = { 0 };
    struct tl_buf sql;
    *out = (struct tl_delta_files){ 0 };
    if (!tl_delta_find_parts(store, path, &parts, error))
        return false;
    if (parts.version < 0)
        return true;
    tl_buf_init(&sql, (size_t)256 << 20);
    bool ok = tl_delta_add_actions(store, path, &parts, &copies, &sql, error);
    tl_buf_add_text(&sql, select);
    ok = ok && tl_buf_ok(&sql, "the parts of a Delta log", error) && read_live(duck, tl_buf_text(&sql), path, out, error);
    if (!ok)
        tl_error_context(error, "the Delta log of '%s/%s'", tl_store_root(store), path);
    if (ok && out->count)
        qsort(out->items, out->count, sizeof *out->items, by_name);
    tl_delta_drop_copies(&copies);
    tl_buf_release(&sql);
    if (!ok)
        tl_delta_files_release(out);
    return ok;
}

bool tl_delta_live(struct tl_store *store, struct tl_duck *duck, const char *path, struct tl_delta_files *out, struct tl_error *error)
{
    static const char select[] = "SELECT \"add\".path, CAST(to_json(\"add\".partitionValues) AS VARCHAR), \"add\".size FROM files WHERE \"add\" IS NOT NULL";
    return read_files(store, duck, path, select, out, error);
}

bool tl_delta_removed(struct tl_store *store, struct tl_duck *duck, const char *path, int64_t since_ms, struct tl_delta_files *out,
                      struct tl_error *error)
{
    char select[200];
    snprintf(select, sizeof select,
             "SELECT remove.path, '{}', coalesce(remove.size, 0) FROM files WHERE remove IS NOT NULL AND coalesce(remove.deletionTimestamp, 0) >= %" PRId64,
             since_ms);
    return read_files(store, duck, path, select, out, error);
}

void tl_delta_files_release(struct tl_delta_files *files)
{
    for (size_t i = 0; i < files->count; i++) {
        free(files->items[i].name);
        free(files->items[i].path);
        free(files->items[i].partition_values);
    }
    free(files->items);
    *files = (struct tl_delta_files){ 0 };
}
