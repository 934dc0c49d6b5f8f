/* SPDX-License-Identifier: Apache-2.0 */
/* The executions: a list in memory, newest first, and a record of each on disk: <results>/_tapeline/athena/<id>.json. */
#include "faces/athena_int.h"

#include "base/file.h"
#include "base/io.h"
#include "base/log.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define EXECUTIONS_MAX 1000
#define RECORD_MAX ((size_t)8 << 20)

static const char *const states[] = { "QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED" };

void tl_athena_execution_free(struct tl_athena_execution *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->parameter_count; i++)
        free(e->parameters[i]);
    free(e->parameters);
    tl_trino_columns_release(&e->columns);
    free(e->sql);
    free(e->database);
    free(e->token);
    free(e->prefix);
    free(e->reason);
    free(e->location);
    free(e->manifest);
    free(e);
}

char *tl_athena_result_path(const struct tl_athena_face *a, const struct tl_athena_execution *e, const char *ending)
{
    char path[PATH_MAX];
    int n = snprintf(path, sizeof path, "%s/%s%s%s", tl_face_options(a->face)->results_dir, e->prefix, e->id, ending);
    return n > 0 && (size_t)n < sizeof path ? strdup(path) : NULL;
}

static bool record_path(const struct tl_athena_face *a, const char *id, char path[PATH_MAX])
{
    return snprintf(path, PATH_MAX, "%s/%s.json", a->folder, id) < PATH_MAX;
}

/* ---- the record ---- */

static void write_texts(struct tl_json_writer *w, const struct tl_athena_execution *e)
{
    tl_json_member_text(w, "sql", e->sql);
    tl_json_member_text(w, "database", e->database);
    tl_json_member_text(w, "token", e->token);
    tl_json_member_text(w, "prefix", e->prefix);
    tl_json_member_text(w, "type", e->type);
    tl_json_member_text(w, "substatement", e->substatement);
    tl_json_member_text(w, "state", states[e->state]);
    tl_json_member_text(w, "reason", e->reason);
    tl_json_member_text(w, "location", e->location);
    tl_json_member_text(w, "manifest", e->manifest);
    tl_json_key(w, "parameters");
    tl_json_begin_array(w);
    for (size_t i = 0; i < e->parameter_count; i++)
        tl_json_write_text(w, e->parameters[i]);
    tl_json_end_array(w);
}

static void write_columns(struct tl_json_writer *w, const struct tl_trino_columns *columns)
{
    tl_json_key(w, "columns");
    tl_json_begin_array(w);
    for (size_t i = 0; i < columns->count; i++) {
        tl_json_begin_object(w);
        tl_json_member_text(w, "name", columns->items[i].name);
        tl_json_member_text(w, "type", columns->items[i].type);
        tl_json_member_i64(w, "precision", columns->items[i].precision);
        tl_json_member_i64(w, "scale", columns->items[i].scale);
        tl_json_end_object(w);
    }
    tl_json_end_array(w);
}

void tl_athena_save(struct tl_athena_face *a, const struct tl_athena_execution *e)
{
    struct tl_json_writer w;
    struct tl_buf text;
    struct tl_error error;
    char path[PATH_MAX];
    tl_buf_init(&text, RECORD_MAX);
    tl_json_writer_init(&w, &text);
    tl_json_begin_object(&w);
    tl_json_member_i64(&w, "version", 1);
    write_texts(&w, e);
    tl_json_member_i64(&w, "code", e->code);
    tl_json_member_i64(&w, "results", e->results);
    tl_json_member_i64(&w, "submitted_ns", e->submitted_ns);
    tl_json_member_i64(&w, "started_ns", e->started_ns);
    tl_json_member_i64(&w, "ended_ns", e->ended_ns);
    tl_json_member_i64(&w, "scanned_bytes", e->scanned_bytes);
    tl_json_member_i64(&w, "result_bytes", e->result_bytes);
    tl_json_member_i64(&w, "updated", e->updated);
    tl_json_member_i64(&w, "rows", (int64_t)e->rows);
    write_columns(&w, &e->columns);
    tl_json_end_object(&w);
    bool ok = tl_buf_ok(&text, "an execution's record", &error) && record_path(a, e->id, path) && tl_file_write_atomic(path, tl_buf_view(&text), &error);
    if (!ok)
        tl_log_warn("athena", "the record of execution %s is not kept: %s", e->id, error.text);
    tl_buf_release(&text);
}

static bool read_columns(struct tl_json list, struct tl_trino_columns *out)
{
    struct tl_json item;
    struct tl_json_iter it;
    struct tl_error ignored;
    size_t i = 0;
    if (tl_json_size(list) == 0)
        return true;
    if (!tl_trino_columns_init(out, tl_json_size(list), &ignored))
        return false;
    for (tl_json_iter_init(&it, list); tl_json_next(&it, NULL, &item); i++) {
        char *type = tl_athena_member(item, "type");
        out->items[i].name = tl_athena_member(item, "name");
        out->items[i].precision = (int32_t)tl_json_get_i64(item, "precision", 0);
        out->items[i].scale = (int32_t)tl_json_get_i64(item, "scale", 0);
        bool ok = type && out->items[i].name && tl_trino_column_set(&out->items[i], type);
        free(type);
        if (!ok)
            return false;
    }
    return true;
}

static void read_parameters(struct tl_json list, struct tl_athena_execution *e)
{
    struct tl_json item;
    struct tl_json_iter it;
    e->parameters = calloc(tl_json_size(list) + 1, sizeof *e->parameters);
    for (tl_json_iter_init(&it, list); e->parameters && tl_json_next(&it, NULL, &item);) {
        struct tl_view text = { NULL, 0 };
        e->parameters[e->parameter_count] = tl_json_string(item, &text) ? tl_athena_copy(text) : NULL;
        e->parameter_count += e->parameters[e->parameter_count] != NULL;
    }
}

static bool read_state(struct tl_json json, enum tl_athena_state *out)
{
    for (size_t i = 0; i < TL_COUNT(states); i++)
        if (tl_view_is(tl_json_get_string(json, "state"), states[i])) {
            *out = (enum tl_athena_state)i;
            return true;
        }
    return false;
}

static bool read_record(struct tl_json json, struct tl_athena_execution *e)
{
    e->sql = tl_athena_member(json, "sql");
    e->database = tl_athena_member(json, "database");
    e->token = tl_athena_member(json, "token");
    e->prefix = tl_athena_member(json, "prefix");
    e->reason = tl_athena_member(json, "reason");
    e->location = tl_athena_member(json, "location");
    e->manifest = tl_athena_member(json, "manifest");
    snprintf(e->type, sizeof e->type, "%.*s", TL_VIEW_ARG(tl_json_get_string(json, "type")));
    snprintf(e->substatement, sizeof e->substatement, "%.*s", TL_VIEW_ARG(tl_json_get_string(json, "substatement")));
    read_parameters(tl_json_member(json, "parameters"), e);
    e->code = (enum tl_code)tl_json_get_i64(json, "code", 0);
    e->results = (enum tl_athena_results)tl_json_get_i64(json, "results", TL_ATHENA_NO_RESULTS);
    e->submitted_ns = tl_json_get_i64(json, "submitted_ns", 0);
    e->started_ns = tl_json_get_i64(json, "started_ns", 0);
    e->ended_ns = tl_json_get_i64(json, "ended_ns", 0);
    e->scanned_bytes = tl_json_get_i64(json, "scanned_bytes", 0);
    e->result_bytes = tl_json_get_i64(json, "result_bytes", 0);
    e->updated = tl_json_get_i64(json, "updated", -1);
    e->rows = (uint64_t)tl_json_get_i64(json, "rows", 0);
    return e->sql && e->prefix && e->parameters && tl_json_get_i64(json, "version", 0) == 1 && read_state(json, &e->state) &&
           read_columns(tl_json_member(json, "columns"), &e->columns);
}

/* What ran when the process ended has failed. */
static void settle(struct tl_athena_execution *e)
{
    if (e->state > TL_ATHENA_RUNNING)
        return;
    e->state = TL_ATHENA_FAILED;
    e->code = TL_STOPPED;
    e->ended_ns = tl_io->wall_ns();
    free(e->reason);
    e->reason = strdup("tapeline was stopped while the query ran: start it again");
}

static struct tl_athena_execution *load_record(const char *path, struct tl_view id, struct tl_json_parser *parser)
{
    struct tl_athena_execution *e = calloc(1, sizeof *e);
    struct tl_buf text;
    struct tl_error error;
    struct tl_json json;
    tl_buf_init(&text, RECORD_MAX);
    bool ok = e && id.size < sizeof e->id && tl_file_read(path, &text, &error) && tl_json_parse_copy(parser, tl_buf_view(&text), &json, &error);
    if (ok)
        memcpy(e->id, id.data, id.size);
    ok = ok && read_record(json, e);
    tl_buf_release(&text);
    if (ok) {
        settle(e);
        return e;
    }
    tl_log_warn("athena", "'%s' is no record of an execution: it is left out", path);
    tl_athena_execution_free(e);
    return NULL;
}

static int by_age(const void *a, const void *b)
{
    const struct tl_athena_execution *x = *(struct tl_athena_execution *const *)a, *y = *(struct tl_athena_execution *const *)b;
    return x->submitted_ns < y->submitted_ns ? -1 : x->submitted_ns > y->submitted_ns;
}

static bool load_all(struct tl_athena_face *a, struct tl_error *error)
{
    struct tl_dir_list list;
    struct tl_json_parser *parser;
    size_t count = 0;
    if (!tl_dir_list(a->folder, &list, error))
        return false;
    struct tl_athena_execution **found = calloc(list.count + 1, sizeof(struct tl_athena_execution *));
    bool ok = (found || tl_error_set(error, TL_NO_MEMORY, "out of memory")) && tl_json_parser_new(&parser, error);
    for (size_t i = 0; ok && i < list.count; i++) {
        char path[PATH_MAX];
        struct tl_view name = tl_view_of(list.names[i]);
        if (name.size != TL_ATHENA_ID_SIZE - 1 + 5 || !tl_view_ends_with(name, TL_VIEW(".json")) || snprintf(path, sizeof path, "%s/%s", a->folder, list.names[i]) >= (int)sizeof path)
            continue;
        found[count] = load_record(path, (struct tl_view){ name.data, name.size - 5 }, parser);
        count += found[count] != NULL;
    }
    if (ok) {
        tl_json_parser_free(parser);
        qsort(found, count, sizeof(struct tl_athena_execution *), by_age);
        for (size_t i = 0; i < count; i++)
            tl_athena_add(a, found[i]);
    }
    free(found);
    tl_dir_list_release(&list);
    return ok;
}

bool tl_athena_store_open(struct tl_athena_face *a, struct tl_error *error)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/_tapeline/athena", tl_face_options(a->face)->results_dir) >= (int)sizeof path)
        return tl_error_set(error, TL_INVALID, "the folder of results has too long a name");
    a->folder = strdup(path);
    if (!a->folder)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    return tl_dir_make(a->folder, error) && load_all(a, error);
}

void tl_athena_store_close(struct tl_athena_face *a)
{
    while (a->newest) {
        struct tl_athena_execution *e = a->newest;
        a->newest = e->older;
        tl_athena_execution_free(e);
    }
    free(a->folder);
}

/* ---- the list ---- */

struct tl_athena_execution *tl_athena_find(struct tl_athena_face *a, struct tl_view id)
{
    for (struct tl_athena_execution *e = a->newest; e; e = e->older)
        if (tl_view_is(id, e->id))
            return e;
    return NULL;
}

/* Its record and its result; tables that it made stay. */
static void forget(struct tl_athena_face *a, struct tl_athena_execution *e)
{
    static const char *const endings[] = { ".csv", ".txt", ".csv.metadata", ".txt.metadata" };
    char path[PATH_MAX];
    for (size_t i = 0; i < TL_COUNT(endings); i++) {
        char *file = tl_athena_result_path(a, e, endings[i]);
        if (file)
            tl_io->unlink(file);
        free(file);
    }
    if (record_path(a, e->id, path))
        tl_io->unlink(path);
    *(e->newer ? &e->newer->older : &a->newest) = e->older;
    *(e->older ? &e->older->newer : &a->oldest) = e->newer;
    a->count--;
    tl_athena_execution_free(e);
}

void tl_athena_add(struct tl_athena_face *a, struct tl_athena_execution *e)
{
    e->older = a->newest;
    e->newer = NULL;
    *(a->newest ? &a->newest->newer : &a->oldest) = e;
    a->newest = e;
    a->count++;
    for (struct tl_athena_execution *old = a->oldest; old && a->count > EXECUTIONS_MAX;) {
        struct tl_athena_execution *next = old->newer;
        if (old->users == 0 && old->state > TL_ATHENA_RUNNING)
            forget(a, old);
        old = next;
    }
}
