/* SPDX-License-Identifier: Apache-2.0 */
/* GetQueryResults: pages of the stored result. A token is the place in its file where the next page begins. */
#include "faces/athena_int.h"

#include "base/io.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PAGE_MAX 1000
#define PAGE_BYTES ((size_t)8 << 20) /* a page of long rows ends earlier */
#define ROW_MAX ((size_t)48 << 20)
#define BLOCK ((size_t)256 << 10)
#define SEED UINT64_C(0x617468656e61)

/* What is needed of the execution, copied with the mutex held. */
struct page {
    struct tl_athena_call *call;
    enum tl_athena_results results;
    char id[TL_ATHENA_ID_SIZE];
    struct tl_trino_columns columns;
    int64_t updated;
    int fd;
    int64_t at; /* of the next byte in the file */
    struct tl_buf block;
    size_t read; /* of block */
    bool ended;
};

/* ---- tokens ---- */

static uint64_t seal(const struct page *p, int64_t at)
{
    char text[80];
    int n = snprintf(text, sizeof text, "%s %" PRId64, p->id, at);
    return tl_view_hash((struct tl_view){ text, (size_t)n }, SEED);
}

static bool read_token(struct page *p, struct tl_view token)
{
    struct tl_view check, place = tl_view_split(token, '-', &check);
    uint64_t given = 0;
    bool ok = tl_view_to_i64(place, &p->at) && p->at > 0 && tl_view_to_u64(check, &given) && given == seal(p, p->at);
    return ok || tl_athena_invalid(p->call, NULL, "Malformed NextToken");
}

static void write_token(struct page *p)
{
    char text[64];
    snprintf(text, sizeof text, "%" PRId64 "-%" PRIu64, p->at, seal(p, p->at));
    tl_json_member_text(&p->call->out, "NextToken", text);
}

/* ---- reading the file ---- */

/* The next byte, or -1 at the end. */
static int next_byte(struct page *p)
{
    if (p->read == p->block.size && !p->ended) {
        tl_buf_reset(&p->block);
        p->read = 0;
        char *to = tl_buf_reserve(&p->block, BLOCK);
        ssize_t n = to ? tl_io->pread(p->fd, to, BLOCK, (off_t)p->at) : -1;
        p->block.size = n > 0 ? (size_t)n : 0;
        p->ended = n <= 0;
    }
    if (p->ended)
        return -1;
    p->at++;
    return (unsigned char)p->block.data[p->read++];
}

static void write_datum(struct tl_json_writer *w, const struct tl_buf *cell, bool null)
{
    tl_json_begin_object(w);
    if (!null)
        tl_json_member_string(w, "VarCharValue", tl_buf_view(cell));
    tl_json_end_object(w);
}

/* A quoted field after its first quote; the byte behind it is returned. */
static int read_quoted(struct page *p, struct tl_buf *cell)
{
    for (int c = next_byte(p); c >= 0; c = next_byte(p)) {
        if (c == '"') {
            c = next_byte(p);
            if (c != '"')
                return c;
        }
        tl_buf_add_char(cell, (char)c);
    }
    return -1;
}

/* A row of CSV: an empty field without quotes is NULL. False at the end. */
static bool write_csv_row(struct page *p, struct tl_buf *cell)
{
    struct tl_json_writer *w = &p->call->out;
    int c = next_byte(p);
    if (c < 0)
        return false;
    tl_json_begin_object(w);
    tl_json_key(w, "Data");
    tl_json_begin_array(w);
    for (bool more = true; more;) {
        bool quoted = c == '"';
        tl_buf_reset(cell);
        if (quoted)
            c = read_quoted(p, cell);
        write_datum(w, cell, !quoted);
        more = c == ',';
        if (more)
            c = next_byte(p);
    }
    tl_json_end_array(w);
    tl_json_end_object(w);
    return true;
}

/* A line is one field, whatever its columns: so does Athena. */
static bool write_text_row(struct page *p, struct tl_buf *cell)
{
    struct tl_json_writer *w = &p->call->out;
    int c = next_byte(p);
    if (c < 0)
        return false;
    tl_buf_reset(cell);
    for (; c >= 0 && c != '\n'; c = next_byte(p))
        tl_buf_add_char(cell, (char)c);
    tl_json_begin_object(w);
    tl_json_key(w, "Data");
    tl_json_begin_array(w);
    write_datum(w, cell, false);
    tl_json_end_array(w);
    tl_json_end_object(w);
    return true;
}

/* ---- the answer ---- */

static void write_columns(struct tl_json_writer *w, const struct tl_trino_columns *columns)
{
    tl_json_key(w, "ResultSetMetadata");
    tl_json_begin_object(w);
    tl_json_key(w, "ColumnInfo");
    tl_json_begin_array(w);
    for (size_t i = 0; i < columns->count; i++) {
        const struct tl_trino_column *c = &columns->items[i];
        tl_json_begin_object(w);
        tl_json_member_text(w, "CatalogName", "hive");
        tl_json_member_text(w, "SchemaName", "");
        tl_json_member_text(w, "TableName", "");
        tl_json_member_text(w, "Name", c->name);
        tl_json_member_text(w, "Label", c->name);
        tl_json_member_text(w, "Type", c->type);
        tl_json_member_i64(w, "Precision", c->precision);
        tl_json_member_i64(w, "Scale", c->scale);
        tl_json_member_text(w, "Nullable", "UNKNOWN");
        tl_json_member_bool(w, "CaseSensitive", strcmp(c->type, "varchar") == 0);
        tl_json_end_object(w);
    }
    tl_json_end_array(w);
    tl_json_end_object(w);
}

static bool write_rows(struct page *p, int64_t most)
{
    struct tl_json_writer *w = &p->call->out;
    struct tl_buf cell;
    int64_t rows = 0;
    size_t before = p->call->job->reply.body.size;
    tl_buf_init(&cell, ROW_MAX);
    tl_buf_init(&p->block, BLOCK);
    tl_json_key(w, "Rows");
    tl_json_begin_array(w);
    bool more = p->fd >= 0;
    while (more && rows < most && w->out->size - before < PAGE_BYTES) {
        more = p->results == TL_ATHENA_CSV ? write_csv_row(p, &cell) : write_text_row(p, &cell);
        rows += more;
    }
    tl_json_end_array(w);
    bool ok = !cell.failed;
    if (more && next_byte(p) >= 0)
        p->at--;
    else
        p->at = 0; /* the last page */
    tl_buf_release(&cell);
    tl_buf_release(&p->block);
    return ok || tl_athena_invalid(p->call, NULL, "a value of the result is larger than %zu bytes: read the file at OutputLocation", ROW_MAX);
}

static bool answer(struct page *p, int64_t most)
{
    struct tl_json_writer *w = &p->call->out;
    tl_json_member_i64(w, "UpdateCount", p->updated >= 0 ? p->updated : 0);
    tl_json_key(w, "ResultSet");
    tl_json_begin_object(w);
    if (!write_rows(p, most))
        return false;
    write_columns(w, &p->columns);
    tl_json_end_object(w);
    if (p->at)
        write_token(p);
    return true;
}

static bool copy_columns(const struct tl_trino_columns *from, struct tl_trino_columns *to)
{
    struct tl_error ignored;
    if (from->count == 0)
        return true;
    if (!tl_trino_columns_init(to, from->count, &ignored))
        return false;
    for (size_t i = 0; i < from->count; i++) {
        to->items[i] = from->items[i];
        to->items[i].name = strdup(from->items[i].name);
        if (!to->items[i].name)
            return false;
    }
    return true;
}

/* With the mutex held: a copy of what is asked about, and the result's file open (it may be forgotten meanwhile). */
static bool look_up(struct page *p, struct tl_view id, char **path)
{
    struct tl_athena_execution *e = tl_athena_find(p->call->athena, id);
    if (!e)
        return tl_athena_invalid(p->call, "QUERY_EXECUTION_NOT_FOUND", "QueryExecution %.*s was not found", (int)(id.size < 100 ? id.size : 100), id.data);
    if (e->state != TL_ATHENA_SUCCEEDED) {
        static const char *const states[] = { "QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED" };
        bool later = e->state < TL_ATHENA_SUCCEEDED;
        return tl_athena_invalid(p->call, "INVALID_QUERY_EXECUTION_STATE",
                                 later ? "Query has not yet finished. Current state: %s" : "Query did not finish successfully. Final query state: %s", states[e->state]);
    }
    memcpy(p->id, e->id, sizeof p->id);
    p->results = e->results;
    p->updated = e->updated;
    *path = e->results == TL_ATHENA_NO_RESULTS ? NULL : tl_athena_result_path(p->call->athena, e, e->results == TL_ATHENA_CSV ? ".csv" : ".txt");
    return copy_columns(&e->columns, &p->columns) || tl_athena_invalid(p->call, NULL, "out of memory");
}

static bool open_file(struct page *p, const char *path)
{
    p->fd = path ? tl_io->open(path, O_RDONLY, 0) : -1;
    return !path || p->fd >= 0 ||
           tl_athena_invalid(p->call, "RESULTS_NOT_FOUND", "Could not find results: the file at OutputLocation is gone (%s)", strerror(errno));
}

bool tl_athena_get_results(struct tl_athena_call *call)
{
    struct page page = { .call = call, .fd = -1 };
    struct tl_view id, token;
    int64_t most;
    char *path = NULL;
    if (!tl_athena_text(call, "QueryExecutionId", true, &id) || !tl_athena_text(call, "NextToken", false, &token) ||
        !tl_athena_max(call, PAGE_MAX, PAGE_MAX, &most))
        return false;
    pthread_mutex_lock(&call->athena->mutex);
    bool ok = look_up(&page, id, &path);
    pthread_mutex_unlock(&call->athena->mutex);
    ok = ok && (token.size == 0 || read_token(&page, token)) && open_file(&page, path) && answer(&page, most);
    if (page.fd >= 0)
        tl_io->close(page.fd);
    tl_trino_columns_release(&page.columns);
    free(path);
    return ok;
}
