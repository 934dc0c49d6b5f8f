/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/history.h"

#include "lake/duck.h"
#include "lake/duck_cursor.h"
#include "lake/duck_statement.h"
#include "lake/lake_cache.h"
#include "lake/lake_scan.h"

#include <stdlib.h>

#define BATCH_BYTES_MAX ((size_t)256 << 20)
#define SQL_MAX ((size_t)1 << 24)

struct tl_history {
    struct tl_store *store;
    struct tl_duck *duck;
    struct tl_duck_cursor *cursor;
    char *select;
    uint64_t total;
};

static bool define(struct tl_history *h, struct tl_error *error)
{
    struct tl_catalog catalog;
    if (!tl_catalog_load(h->store, &catalog, error))
        return false;
    bool ok = tl_lake_define(h->duck, h->store, &catalog, h->select, NULL, error);
    tl_catalog_release(&catalog);
    return ok;
}

/* Before the cursor is opened: a connection runs one statement at a time. */
static bool count_rows(struct tl_history *h, struct tl_error *error)
{
    struct tl_buf sql;
    struct tl_rows rows;
    bool done;
    tl_buf_init(&sql, SQL_MAX);
    tl_buf_add_text(&sql, "SELECT count(*) FROM (");
    tl_buf_add_view(&sql, tl_duck_statement_text(h->select));
    tl_buf_add_text(&sql, "\n) AS q");
    struct tl_duck_cursor *cursor = NULL;
    bool ok = tl_buf_ok(&sql, "the SELECT", error) && tl_duck_cursor_open(&cursor, h->duck, tl_buf_text(&sql), 0, error);
    if (ok && (ok = tl_rows_init(&rows, tl_duck_cursor_columns(cursor), 1, 1 << 16, error))) {
        ok = tl_duck_cursor_next(cursor, &rows, &done, error);
        h->total = ok && !done ? (uint64_t)rows.columns[0].cells[0].i64 : 0;
        tl_rows_release(&rows);
    }
    tl_duck_cursor_close(cursor);
    tl_buf_release(&sql);
    return ok;
}

static bool open_all(struct tl_history *h, const char *lake_root, const char *region, struct tl_error *error)
{
    if (!h->select)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    char *folder = NULL; /* of a lake in S3: the files that are read, on this machine */
    if (tl_store_is_s3(lake_root) && !tl_lake_cache_sync(lake_root, region, h->select, NULL, &folder, error))
        return false;
    bool opened = tl_store_open(&h->store, folder ? folder : lake_root, error);
    free(folder);
    if (!opened || !tl_duck_open(&h->duck, error) || !define(h, error) || !tl_lake_confine(h->duck, h->store, "feed-sort", error))
        return false;
    /* First the text as it stands, for the sake of its errors. */
    void *prepared;
    bool ok = tl_duck_statement_prepare(h->duck, h->select, NULL, &prepared, error);
    tl_duck_statement_free(prepared);
    ok = ok && count_rows(h, error) && tl_duck_cursor_open(&h->cursor, h->duck, h->select, TL_DUCK_DATE_AS_TEXT, error);
    return ok || tl_error_context(error, "in the feed's SELECT");
}

bool tl_history_open(struct tl_history **out, const char *lake_root, const char *select, struct tl_error *error)
{
    return tl_history_open_in(out, lake_root, NULL, select, error);
}

bool tl_history_open_in(struct tl_history **out, const char *lake_root, const char *region, const char *select, struct tl_error *error)
{
    *out = NULL;
    struct tl_history *h = calloc(1, sizeof *h);
    if (!h)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    h->select = strdup(select);
    bool ok = open_all(h, lake_root, region, error);
    if (ok)
        *out = h;
    else
        tl_history_close(h);
    return ok;
}

void tl_history_close(struct tl_history *h)
{
    if (!h)
        return;
    tl_duck_cursor_close(h->cursor);
    tl_duck_close(h->duck);
    tl_store_close(h->store);
    free(h->select);
    free(h);
}

size_t tl_history_column_count(const struct tl_history *h)
{
    return tl_duck_cursor_column_count(h->cursor);
}

const struct tl_column_def *tl_history_column(const struct tl_history *h, size_t i)
{
    return tl_duck_cursor_columns(h->cursor) + i;
}

bool tl_history_rows_init(const struct tl_history *h, struct tl_rows *out, struct tl_error *error)
{
    return tl_rows_init(out, tl_duck_cursor_columns(h->cursor), tl_duck_cursor_column_count(h->cursor), BATCH_BYTES_MAX, error);
}

bool tl_history_next(struct tl_history *h, struct tl_rows *out, bool *done, struct tl_error *error)
{
    return tl_duck_cursor_next(h->cursor, out, done, error) || tl_error_context(error, "in the feed's SELECT");
}

bool tl_history_total(struct tl_history *h, uint64_t *total, struct tl_error *error)
{
    (void)error;
    *total = h->total;
    return true;
}
