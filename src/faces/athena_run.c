/* SPDX-License-Identifier: Apache-2.0 */
/* One execution, from QUEUED to its end. */
#include "faces/athena_run_int.h"

#include "base/file.h"
#include "base/io.h"
#include "base/log.h"
#include "query/request.h"
#include "trino/rewrite.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define TIMEOUT_NS (30 * 60 * INT64_C(1000000000)) /* Athena's own, of DML */
#define RESULT_MAX ((uint64_t)8 << 30)
#define ARENA_MAX ((size_t)256 << 20)
#define METADATA_MAX ((size_t)4 << 20)

/* ---- the result's file ---- */

/* Seen under its name only when it is whole: until then it has one that listings leave out. */
bool tl_athena_output_open(struct tl_athena_output *o, const char *path, struct tl_error *error)
{
    char folder[PATH_MAX];
    uint64_t number;
    *o = (struct tl_athena_output){ .fd = -1 };
    if (!tl_io->random(&number, sizeof number))
        return tl_error_set(error, TL_IO, "no random number for a temporary file's name");
    int n = snprintf(o->path, sizeof o->path, "%s", path), m = snprintf(o->temporary, sizeof o->temporary, "%s.tmp-%016llx", path, (unsigned long long)number);
    if (n >= (int)sizeof o->path || m >= (int)sizeof o->temporary)
        return tl_error_set(error, TL_INVALID, "the result's file has too long a name");
    memcpy(folder, o->path, sizeof folder);
    *strrchr(folder, '/') = '\0';
    if (!tl_dir_make(folder, error))
        return false;
    o->fd = tl_io->open(o->temporary, O_WRONLY | O_CREAT | O_EXCL, 0644);
    return o->fd >= 0 || tl_error_sys(error, errno, "cannot make '%s'", o->temporary);
}

bool tl_athena_output_close(struct tl_athena_output *o, bool keep, int64_t *bytes, struct tl_error *error)
{
    char folder[PATH_MAX];
    struct stat info = { .st_size = 0 };
    if (o->fd < 0)
        return !keep;
    bool ok = keep && ((tl_io->fstat(o->fd, &info) == 0 && tl_io->fsync(o->fd) == 0) || tl_error_sys(error, errno, "cannot write '%s'", o->path));
    tl_io->close(o->fd);
    o->fd = -1;
    if (ok && tl_io->rename(o->temporary, o->path) != 0)
        ok = tl_error_sys(error, errno, "cannot rename '%s'", o->temporary);
    if (!ok)
        tl_io->unlink(o->temporary);
    *bytes = (int64_t)info.st_size;
    memcpy(folder, o->path, sizeof folder);
    *strrchr(folder, '/') = '\0';
    return ok && tl_dir_sync(folder, error);
}

/* The columns, beside the result. */
static bool write_metadata(const struct tl_athena_output *o, const struct tl_trino_columns *columns, struct tl_error *error)
{
    char path[PATH_MAX + 16];
    struct tl_json_writer w;
    struct tl_buf text;
    snprintf(path, sizeof path, "%s.metadata", o->path);
    tl_buf_init(&text, METADATA_MAX);
    tl_json_writer_init(&w, &text);
    tl_json_begin_array(&w);
    for (size_t i = 0; i < columns->count; i++) {
        tl_json_begin_object(&w);
        tl_json_member_text(&w, "Name", columns->items[i].name);
        tl_json_member_text(&w, "Type", columns->items[i].type);
        tl_json_member_i64(&w, "Precision", columns->items[i].precision);
        tl_json_member_i64(&w, "Scale", columns->items[i].scale);
        tl_json_end_object(&w);
    }
    tl_json_end_array(&w);
    bool ok = tl_buf_ok(&text, "the columns", error) && tl_file_write_atomic(path, tl_buf_view(&text), error);
    tl_buf_release(&text);
    return ok;
}

/* ---- the statement ---- */

/* What is a parameter's value: an expression where it is one without columns, else the text itself. */
static struct tl_query_parameter parameter_of(const char *text, struct tl_arena *arena)
{
    struct tl_trino_tokens tokens;
    struct tl_error ignored;
    struct tl_buf out;
    char *expression = NULL;
    tl_buf_init(&out, TL_QUERY_SQL_MAX);
    if (tl_trino_lex(tl_view_of(text), arena, &tokens, &ignored) && tl_trino_rewrite_value(&tokens, 0, tokens.count, arena, &out, &ignored))
        expression = tl_arena_text(arena, tl_buf_view(&out));
    tl_buf_release(&out);
    return (struct tl_query_parameter){ expression, text };
}

static bool execution_parameters(struct tl_athena_work *w, struct tl_error *error)
{
    const struct tl_athena_execution *e = w->execution;
    struct tl_query_parameter *list = TL_ARENA_ARRAY(&w->arena, e->parameter_count + 1, struct tl_query_parameter);
    for (size_t i = 0; list && i < e->parameter_count; i++)
        list[i] = parameter_of(e->parameters[i], &w->arena);
    w->trino.parameters = list;
    w->trino.parameter_count = e->parameter_count;
    return list || tl_error_set(error, TL_NO_MEMORY, "out of memory");
}

/* EXECUTE name USING a, b: expressions, and nothing else. */
static bool using_parameters(struct tl_athena_work *w, const struct tl_athena_statement *s, struct tl_error *error)
{
    size_t count = 0, end;
    for (size_t at = s->from; at < s->to; at = end + 1, count++)
        end = tl_trino_item_end(&w->tokens, at, s->to);
    struct tl_query_parameter *list = TL_ARENA_ARRAY(&w->arena, count + 1, struct tl_query_parameter);
    bool ok = list || tl_error_set(error, TL_NO_MEMORY, "out of memory");
    w->trino.parameters = list;
    for (size_t at = s->from; ok && at < s->to; at = end + 1) {
        struct tl_buf out;
        end = tl_trino_item_end(&w->tokens, at, s->to);
        tl_buf_init(&out, TL_QUERY_SQL_MAX);
        ok = tl_trino_rewrite_value(&w->tokens, at, end, &w->arena, &out, error);
        if (ok)
            list[w->trino.parameter_count++].expression = tl_arena_text(&w->arena, tl_buf_view(&out));
        tl_buf_release(&out);
    }
    return ok && tl_arena_ok(&w->arena, "the parameters", error);
}

bool tl_athena_rewrite(struct tl_athena_work *w, size_t from, size_t to, const char *before, struct tl_buf *sql, struct tl_error *error)
{
    size_t count;
    tl_buf_add_text(sql, before);
    if (!tl_trino_rewrite(&w->tokens, from, to, &w->arena, sql, &count, error))
        return false;
    return count == w->trino.parameter_count ||
           tl_error_set(error, TL_INVALID, "INVALID_PARAMETER_USAGE: Incorrect number of parameters: expected %zu but found %zu", count, w->trino.parameter_count);
}

bool tl_athena_query(struct tl_athena_work *w, const char *sql, enum tl_query_format format, int fd, struct tl_query_result *result, struct tl_error *error)
{
    const struct tl_aws_face_options *o = tl_face_options(w->athena->face);
    struct tl_query_options options = {
        .lake_root = o->lake_root,
        .region = o->lake_region,
        .sql = sql,
        .format = format,
        .row_max = UINT64_MAX,
        .timeout_ns = o->timeout_ns ? o->timeout_ns : TIMEOUT_NS,
        .memory_max = o->memory_max,
        .cancel = &w->execution->cancel,
        .output_fd = fd,
        .trino = &w->trino,
    };
    return tl_athena_client_views(w, sql, error) && tl_query_run(&options, result, error);
}

static void keep_result(struct tl_athena_work *w, struct tl_query_result *result)
{
    w->columns = result->columns;
    result->columns = (struct tl_trino_columns){ .count = 0 };
    w->rows = result->rows;
    w->scanned_bytes += result->scanned_bytes;
    tl_query_result_release(result);
}

static bool run_select(struct tl_athena_work *w, const struct tl_athena_statement *s, struct tl_error *error)
{
    bool plan = s->kind == TL_ATHENA_EXPLAIN;
    struct tl_query_result result = { .rows = 0 };
    struct tl_athena_output output = { .fd = -1 };
    struct tl_error closing;
    struct tl_buf sql;
    char *path = tl_athena_result_path(w->athena, w->execution, plan ? ".txt" : ".csv");
    tl_buf_init(&sql, TL_QUERY_SQL_MAX);
    w->trino.output_max = RESULT_MAX;
    bool ok = (path || tl_error_set(error, TL_NO_MEMORY, "out of memory")) &&
              tl_athena_rewrite(w, s->from, s->to, plan ? s->analyze ? "EXPLAIN ANALYZE " : "EXPLAIN " : "", &sql, error) &&
              tl_buf_ok(&sql, "the statement", error) && tl_athena_output_open(&output, path, error);
    if (ok && (ok = tl_athena_query(w, tl_buf_text(&sql), plan ? TL_QUERY_ATHENA_PLAN : TL_QUERY_ATHENA, output.fd, &result, error)))
        keep_result(w, &result);
    bool closed = tl_athena_output_close(&output, ok, &w->result_bytes, ok ? error : &closing);
    ok = ok && closed && write_metadata(&output, &w->columns, error);
    tl_buf_release(&sql);
    free(path);
    return ok;
}

/* SHOW, DESCRIBE: told from the catalog. */
static bool run_show(struct tl_athena_work *w, const struct tl_athena_statement *s, struct tl_error *error)
{
    struct tl_athena_output output = { .fd = -1 };
    struct tl_error closing;
    struct tl_buf text;
    char *path = tl_athena_result_path(w->athena, w->execution, ".txt");
    tl_buf_init(&text, METADATA_MAX);
    bool ok = (path || tl_error_set(error, TL_NO_MEMORY, "out of memory")) &&
              tl_athena_show(w->athena, s, w->execution->database, &text, &w->columns, &w->rows, error) && tl_buf_ok(&text, "the answer", error) &&
              tl_athena_output_open(&output, path, error) && tl_file_write_all(output.fd, text.data, text.size, error);
    bool closed = tl_athena_output_close(&output, ok, &w->result_bytes, ok ? error : &closing);
    ok = ok && closed && write_metadata(&output, &w->columns, error);
    tl_buf_release(&text);
    free(path);
    return ok;
}

/* An empty result: of what has no rows. */
static bool run_quiet(struct tl_athena_work *w, struct tl_error *error)
{
    struct tl_athena_output output = { .fd = -1 };
    char *path = tl_athena_result_path(w->athena, w->execution, ".txt");
    bool ok = (path || tl_error_set(error, TL_NO_MEMORY, "out of memory")) && tl_athena_output_open(&output, path, error);
    ok = tl_athena_output_close(&output, ok, &w->result_bytes, error) && ok;
    free(path);
    return ok;
}

static bool run_prepare(struct tl_athena_work *w, const struct tl_athena_statement *s, struct tl_error *error)
{
    char *sql = NULL;
    if (s->kind == TL_ATHENA_PREPARE) {
        const char *begin = w->tokens.items[s->from].text.data;
        const struct tl_view last = w->tokens.items[s->to - 1].text;
        sql = tl_arena_text(&w->arena, (struct tl_view){ begin, (size_t)(last.data + last.size - begin) });
        if (!sql)
            return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    }
    return tl_athena_prepare(w->athena, s->name, sql, error) && run_quiet(w, error);
}

static bool run_statement(struct tl_athena_work *w, const struct tl_athena_statement *s, struct tl_error *error);

static bool run_execute(struct tl_athena_work *w, const struct tl_athena_statement *s, struct tl_error *error)
{
    struct tl_athena_statement inner;
    bool own = s->from < s->to;
    if (own && !using_parameters(w, s, error))
        return false;
    pthread_mutex_lock(&w->athena->mutex);
    const struct tl_athena_saved *saved = tl_athena_find_prepared(w->athena, s->name);
    char *sql = saved ? tl_arena_text(&w->arena, tl_view_of(saved->sql)) : NULL;
    pthread_mutex_unlock(&w->athena->mutex);
    if (!sql)
        return tl_error_set(error, TL_NOT_FOUND, "NOT_FOUND: Prepared statement not found: %s", s->name);
    if (!tl_trino_lex(tl_view_of(sql), &w->arena, &w->tokens, error) || !tl_athena_statement_parse(&w->tokens, &w->arena, &inner, error))
        return false;
    if (inner.kind != TL_ATHENA_SELECT)
        return tl_error_set(error, TL_UNSUPPORTED, "a prepared statement is served where it is a SELECT");
    return run_statement(w, &inner, error);
}

static bool run_statement(struct tl_athena_work *w, const struct tl_athena_statement *s, struct tl_error *error)
{
    switch (s->kind) {
    case TL_ATHENA_SELECT:
    case TL_ATHENA_EXPLAIN:
        return run_select(w, s, error);
    case TL_ATHENA_PREPARE:
    case TL_ATHENA_DEALLOCATE:
        return run_prepare(w, s, error);
    case TL_ATHENA_EXECUTE:
        return run_execute(w, s, error);
    case TL_ATHENA_CTAS:
    case TL_ATHENA_UNLOAD:
        return tl_athena_write_table(w, s, error);
    case TL_ATHENA_DROP_TABLE:
        return tl_athena_drop_table(w, s, error) && run_quiet(w, error);
    default:
        return run_show(w, s, error);
    }
}

static bool run_text(struct tl_athena_work *w, struct tl_error *error)
{
    struct tl_athena_statement statement;
    return tl_trino_lex(tl_view_of(w->execution->sql), &w->arena, &w->tokens, error) &&
           tl_athena_statement_parse(&w->tokens, &w->arena, &statement, error) && execution_parameters(w, error) && run_statement(w, &statement, error);
}

/* ---- what is told of a failure ---- */

/* DuckDB's kinds of errors by Athena's names. */
static void reason_of(const struct tl_error *error, struct tl_buf *out)
{
    static const char *const kinds[][2] = { { "Parser Error: ", "SYNTAX_ERROR: " },
                                            { "Binder Error: ", "SYNTAX_ERROR: " },
                                            { "Catalog Error: ", "SYNTAX_ERROR: " },
                                            { "Invalid Input Error: ", "" },
                                            { "Conversion Error: ", "INVALID_CAST_ARGUMENT: " },
                                            { "Out of Range Error: ", "NUMERIC_VALUE_OUT_OF_RANGE: " },
                                            { "Out of Memory Error: ", "EXCEEDED_MEMORY_LIMIT: " } };
    const char *text = error->text;
    for (size_t i = 0; i < TL_COUNT(kinds); i++)
        if (strncmp(text, kinds[i][0], strlen(kinds[i][0])) == 0) {
            tl_buf_add_text(out, kinds[i][1]);
            tl_buf_add_text(out, text + strlen(kinds[i][0]));
            return;
        }
    if (strncmp(text, "line ", 5) == 0)
        tl_buf_add_text(out, error->code == TL_UNSUPPORTED ? "NOT_SUPPORTED: " : "SYNTAX_ERROR: ");
    else if (strncmp(text, "there is no table", 17) == 0)
        tl_buf_add_text(out, "TABLE_NOT_FOUND: ");
    tl_buf_add_text(out, text);
}

/* ---- its life ---- */

/* False: it was cancelled before it began. */
static bool begin(struct tl_athena_face *a, struct tl_athena_execution *e)
{
    pthread_mutex_lock(&a->mutex);
    bool go = !__atomic_load_n(&e->cancel, __ATOMIC_ACQUIRE);
    if (go) {
        e->state = TL_ATHENA_RUNNING;
        e->started_ns = tl_io->wall_ns();
    }
    pthread_mutex_unlock(&a->mutex);
    return go;
}

static void end(struct tl_athena_face *a, struct tl_athena_work *w, bool ok, const struct tl_error *error)
{
    struct tl_athena_execution *e = w->execution;
    struct tl_buf reason;
    bool cancelled = !ok && __atomic_load_n(&e->cancel, __ATOMIC_ACQUIRE);
    tl_buf_init(&reason, 8192);
    if (cancelled)
        tl_buf_add_text(&reason, "Query cancelled by user");
    else if (!ok)
        reason_of(error, &reason);
    pthread_mutex_lock(&a->mutex);
    e->state = ok ? TL_ATHENA_SUCCEEDED : cancelled ? TL_ATHENA_CANCELLED : TL_ATHENA_FAILED;
    e->ended_ns = tl_io->wall_ns();
    e->reason = ok ? NULL : strdup(tl_buf_text(&reason));
    e->code = ok ? (enum tl_code)0 : error->code;
    e->columns = w->columns;
    e->rows = w->rows;
    e->scanned_bytes = w->scanned_bytes;
    e->result_bytes = w->result_bytes;
    e->updated = ok ? w->updated : -1;
    if (ok && w->manifest) {
        e->manifest = w->manifest;
        w->manifest = NULL;
    }
    tl_athena_save(a, e);
    e->users--;
    pthread_mutex_unlock(&a->mutex);
    tl_buf_release(&reason);
}

void tl_athena_run_one(void *arg)
{
    struct tl_athena_run run = *(struct tl_athena_run *)arg;
    struct tl_athena_work w = { .athena = run.athena, .execution = run.execution, .updated = -1, .trino = { .database = run.execution->database } };
    struct tl_error error = { .code = TL_STOPPED, .text = "the query was stopped" };
    free(arg);
    tl_arena_init(&w.arena, ARENA_MAX);
    bool ok = begin(run.athena, run.execution) && run_text(&w, &error);
    end(run.athena, &w, ok, &error);
    free(w.manifest);
    free(w.readable);
    tl_arena_release(&w.arena);
}
