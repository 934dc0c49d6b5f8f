/* SPDX-License-Identifier: Apache-2.0 */
/* CREATE TABLE ... AS and UNLOAD: the rows as one Parquet file, a list of files (the manifest) beside the results, and for CREATE TABLE a table
 * that the catalog knows as a client's. The query's process is asked twice: for the columns, then for the rows. */
#include "faces/athena_run_int.h"

#include "base/file.h"
#include "lake/duck.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define SQL_MAX ((size_t)4 << 20)

/* ---- the columns on their way: DuckDB's type, how the child sends it, what the parent makes of it ---- */

static const struct wire {
    const char *type;
    const char *send;  /* "%s" is the column */
    const char *take;  /* the same; decimal: precision and scale follow */
} wires[] = {
    { "varchar", "%s", "%s" },
    { "bigint", "CAST(%s AS BIGINT)", "%s" },
    { "integer", "CAST(%s AS INTEGER)", "%s" },
    { "smallint", "CAST(%s AS INTEGER)", "CAST(%s AS SMALLINT)" },
    { "tinyint", "CAST(%s AS INTEGER)", "CAST(%s AS TINYINT)" },
    { "double", "%s", "%s" },
    { "float", "CAST(%s AS DOUBLE)", "CAST(%s AS REAL)" },
    { "boolean", "%s", "%s" },
    { "date", "%s", "%s" },
    { "timestamp", "%s", "CAST(%s AS TIMESTAMP)" },
    { "decimal", "CAST(%s AS VARCHAR)", "CAST(%s AS DECIMAL(%d, %d))" },
    { "varbinary", "hex(%s)", "unhex(%s)" },
};

static const struct wire *wire_of(const struct tl_trino_column *c)
{
    for (size_t i = 0; i < TL_COUNT(wires); i++)
        if (strcmp(wires[i].type, c->type) == 0)
            return &wires[i];
    return NULL;
}

/* A format of the table, with the column's name in place of "%s". */
static void add_column(struct tl_buf *out, const char *format, size_t i, const struct tl_trino_column *c)
{
    for (const char *p = format; *p; p++) {
        if (p[0] == '%' && p[1] == 's')
            tl_buf_addf(out, "c%zu", i);
        else if (p[0] == '%')
            tl_buf_add_i64(out, p[-1] == '(' ? c->precision : c->scale);
        else
            tl_buf_add_char(out, *p);
        p += p[0] == '%';
    }
}

static bool check_columns(const struct tl_trino_columns *columns, bool table, struct tl_error *error)
{
    char unnamed[32];
    for (size_t i = 0; i < columns->count; i++) {
        const struct tl_trino_column *c = &columns->items[i];
        snprintf(unnamed, sizeof unnamed, "_col%zu", i);
        if (table && strcmp(c->name, unnamed) == 0)
            return tl_error_set(error, TL_INVALID, "MISSING_COLUMN_NAME: Column name not specified at position %zu", i + 1);
        if (table && wire_of(c) && !tl_athena_language_type(c->type))
            return tl_error_set(error, TL_UNSUPPORTED, "NOT_SUPPORTED: column '%s' is a %s, which a table of the lake cannot have: CAST it (UNLOAD takes it)", c->name, c->type);
        if (!wire_of(c))
            return tl_error_set(error, TL_UNSUPPORTED, "NOT_SUPPORTED: Unsupported Hive type: %s (column '%s'): CAST it", c->type, c->name);
        for (size_t before = 0; before < i; before++)
            if (tl_view_eq_ignore_case(tl_view_of(columns->items[before].name), tl_view_of(c->name)))
                return tl_error_set(error, TL_INVALID, "DUPLICATE_COLUMN_NAME: Column name '%s' specified more than once", c->name);
    }
    return true;
}

/* SELECT c0, CAST(c1 AS VARCHAR) ... FROM (the statement) AS t (c0, c1 ...); and the other way round, with the columns' names. */
static void write_statements(const struct tl_trino_columns *columns, const char *sql, struct tl_buf *send, struct tl_buf *take)
{
    tl_buf_add_text(send, "SELECT ");
    tl_buf_add_text(take, "SELECT ");
    for (size_t i = 0; i < columns->count; i++) {
        const struct tl_trino_column *c = &columns->items[i];
        tl_buf_add_text(send, i ? ", " : "");
        add_column(send, wire_of(c)->send, i, c);
        tl_buf_addf(send, " AS c%zu", i);
        tl_buf_add_text(take, i ? ", " : "");
        add_column(take, wire_of(c)->take, i, c);
        tl_buf_add_text(take, " AS ");
        tl_sql_add_name(take, tl_view_of(c->name));
    }
    tl_buf_addf(send, " FROM (%s\n) AS t (", sql);
    for (size_t i = 0; i < columns->count; i++)
        tl_buf_addf(send, "%sc%zu", i ? ", " : "", i);
    tl_buf_add_char(send, ')');
    tl_buf_add_text(take, " FROM tl_result()");
}

/* ---- files ---- */

/* *url: of the list, "s3://tapeline-results/.../<id>-manifest.csv". */
static bool write_manifest(struct tl_athena_work *w, bool table, const char *file, char **url, struct tl_error *error)
{
    const char *results = tl_face_options(w->athena->face)->results_dir;
    char path[PATH_MAX], text[PATH_MAX];
    struct tl_athena_output output;
    struct tl_buf line;
    int64_t bytes;
    const char *folder = table ? "tables/" : "";
    if (snprintf(path, sizeof path, "%s/%s%s%s-manifest.csv", results, w->execution->prefix, folder, w->execution->id) >= (int)sizeof path ||
        snprintf(text, sizeof text, "s3://" TL_FACE_RESULTS "/%s%s%s-manifest.csv", w->execution->prefix, folder, w->execution->id) >= (int)sizeof text)
        return tl_error_set(error, TL_INVALID, "the manifest's name is too long");
    tl_buf_init(&line, PATH_MAX * 2);
    tl_buf_addf(&line, "%s\n", file);
    bool ok = tl_athena_output_open(&output, path, error) && tl_file_write_all(output.fd, line.data, line.size, error);
    ok = tl_athena_output_close(&output, ok, &bytes, error) && ok;
    tl_buf_release(&line);
    *url = ok ? strdup(text) : NULL;
    return ok && (*url || tl_error_set(error, TL_NO_MEMORY, "out of memory"));
}

static bool write_rows(struct tl_athena_work *w, const struct tl_athena_place *place, const char *sql, const struct tl_trino_columns *columns,
                       char file[PATH_MAX], struct tl_error *error)
{
    struct tl_query_result result = { .rows = 0 };
    struct tl_athena_output output = { .fd = -1 };
    struct tl_error closing;
    struct tl_buf send, take;
    char path[PATH_MAX + 64];
    snprintf(path, sizeof path, "%s/%s.parquet", place->path, w->execution->id);
    tl_buf_init(&send, SQL_MAX);
    tl_buf_init(&take, SQL_MAX);
    write_statements(columns, sql, &send, &take);
    w->trino.parquet_select = tl_buf_text(&take);
    bool ok = tl_buf_ok(&send, "the statement", error) && tl_buf_ok(&take, "the columns", error) && tl_athena_output_open(&output, path, error) &&
              tl_athena_query(w, tl_buf_text(&send), TL_QUERY_PARQUET, output.fd, &result, error);
    if (ok) {
        w->rows = result.rows;
        w->scanned_bytes += result.scanned_bytes;
        tl_query_result_release(&result);
    }
    ok = tl_athena_output_close(&output, ok, &w->result_bytes, ok ? error : &closing) && ok;
    tl_buf_release(&send);
    tl_buf_release(&take);
    return ok && (snprintf(file, PATH_MAX, "%s%s.parquet", place->url, w->execution->id) < PATH_MAX || tl_error_set(error, TL_INVALID, "the file's name is too long"));
}

/* The columns of the statement, which does not run. */
static bool look(struct tl_athena_work *w, const char *sql, struct tl_trino_columns *columns, struct tl_error *error)
{
    struct tl_query_result result;
    if (!tl_athena_query(w, sql, TL_QUERY_ATHENA_COLUMNS, -1, &result, error))
        return false;
    *columns = result.columns;
    result.columns = (struct tl_trino_columns){ .count = 0 };
    tl_query_result_release(&result);
    return true;
}

static bool find_place(struct tl_athena_work *w, const struct tl_athena_statement *s, struct tl_athena_place *place, struct tl_error *error)
{
    char text[PATH_MAX];
    if (!s->location)
        snprintf(text, sizeof text, "s3://" TL_FACE_RESULTS "/%stables/%s/", w->execution->prefix, w->execution->id);
    return tl_athena_place_find(tl_face_options(w->athena->face), s->location ? s->location : text, place, error);
}

enum tl_type tl_athena_language_type(const char *type)
{
    static const struct {
        const char *name;
        enum tl_type type;
    } types[] = { { "varchar", TL_TYPE_VARCHAR }, { "boolean", TL_TYPE_BOOLEAN }, { "integer", TL_TYPE_INTEGER },    { "bigint", TL_TYPE_BIGINT },
                  { "double", TL_TYPE_DOUBLE },   { "date", TL_TYPE_DATE },       { "timestamp", TL_TYPE_TIMESTAMP } };
    for (size_t i = 0; i < TL_COUNT(types); i++)
        if (strcmp(types[i].name, type) == 0)
            return types[i].type;
    return (enum tl_type)0;
}

static bool register_file(struct tl_athena_work *w, const struct tl_athena_statement *s, const struct tl_athena_place *place,
                          const struct tl_trino_columns *columns, struct tl_error *error)
{
    char file[PATH_MAX + 64];
    snprintf(file, sizeof file, "%s/%s.parquet", place->path, w->execution->id);
    return tl_athena_register(w, s, place, file, columns, error);
}

static bool write_as(struct tl_athena_work *w, const struct tl_athena_statement *s, const char *sql, struct tl_error *error)
{
    struct tl_athena_place place;
    struct tl_trino_columns columns = { .count = 0 };
    char file[PATH_MAX];
    bool table = s->kind == TL_ATHENA_CTAS;
    bool ok = find_place(w, s, &place, error) && look(w, sql, &columns, error) && check_columns(&columns, table, error) &&
              write_rows(w, &place, sql, &columns, file, error) && write_manifest(w, table, file, &w->manifest, error) &&
              (!table || register_file(w, s, &place, &columns, error));
    if (ok)
        w->updated = (int64_t)w->rows;
    tl_trino_columns_release(&columns);
    return ok;
}

bool tl_athena_write_table(struct tl_athena_work *w, const struct tl_athena_statement *s, struct tl_error *error)
{
    struct tl_buf sql;
    bool there = false;
    w->trino.parquet_codec = s->codec;
    if (s->kind == TL_ATHENA_CTAS && !tl_athena_table_is_new(w, s, &there, error))
        return there && s->if_exists; /* IF NOT EXISTS: nothing to do */
    tl_buf_init(&sql, SQL_MAX);
    bool ok = tl_athena_rewrite(w, s->from, s->to, "", &sql, error) && tl_buf_ok(&sql, "the statement", error) && write_as(w, s, tl_buf_text(&sql), error);
    tl_buf_release(&sql);
    return ok;
}
