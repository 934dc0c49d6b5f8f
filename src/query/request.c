/* SPDX-License-Identifier: Apache-2.0 */
#include "query/request.h"

#include "codec/json.h"
#include "codec/json_writer.h"

#include <stdio.h>
#include <stdlib.h>

#define ROWS_MOST (UINT64_C(1) << 60)
#define PARAMETERS_MAX 1000

static void write_trino(struct tl_json_writer *w, const struct tl_query_trino *t)
{
    tl_json_key(w, "trino");
    tl_json_begin_object(w);
    if (t->database)
        tl_json_member_text(w, "database", t->database);
    tl_json_member_i64(w, "output_max", (int64_t)t->output_max);
    tl_json_key(w, "parameters");
    tl_json_begin_array(w);
    for (size_t i = 0; i < t->parameter_count; i++) {
        tl_json_begin_object(w);
        if (t->parameters[i].expression)
            tl_json_member_text(w, "expression", t->parameters[i].expression);
        if (t->parameters[i].text)
            tl_json_member_text(w, "text", t->parameters[i].text);
        tl_json_end_object(w);
    }
    tl_json_end_array(w);
    if (t->readable)
        tl_json_member_text(w, "readable", t->readable);
    tl_json_key(w, "views");
    tl_json_begin_array(w);
    for (size_t i = 0; i < t->view_count; i++) {
        tl_json_begin_object(w);
        tl_json_member_text(w, "database", t->views[i].database);
        tl_json_member_text(w, "name", t->views[i].name);
        tl_json_member_text(w, "select", t->views[i].select);
        tl_json_end_object(w);
    }
    tl_json_end_array(w);
    tl_json_end_object(w);
}

void tl_query_request_write(const struct tl_query_options *o, struct tl_buf *out)
{
    struct tl_json_writer w;
    int64_t timeout = o->timeout_ns ? o->timeout_ns : TL_QUERY_TIMEOUT_NS;
    tl_json_writer_init(&w, out);
    tl_json_begin_object(&w);
    tl_json_member_text(&w, "lake", o->lake_root);
    tl_json_member_text(&w, "sql", o->sql);
    tl_json_member_i64(&w, "format", o->format);
    tl_json_member_i64(&w, "row_max", (int64_t)(o->row_max == 0 ? TL_QUERY_ROW_MAX : o->row_max < ROWS_MOST ? o->row_max : ROWS_MOST));
    tl_json_member_i64(&w, "cpu_s", timeout / INT64_C(1000000000) + 2);
    tl_json_member_i64(&w, "memory_max", (int64_t)(o->memory_max ? o->memory_max : TL_QUERY_MEMORY_MAX));
    if (o->trino)
        write_trino(&w, o->trino);
    tl_json_end_object(&w);
}

static char *copy_member(struct tl_json root, const char *name)
{
    struct tl_view v = tl_json_get_string(root, name);
    return v.data && !memchr(v.data, '\0', v.size) ? strndup(v.data, v.size) : NULL;
}

static bool read_views(struct tl_json list, struct tl_query_request *out)
{
    struct tl_json item;
    struct tl_json_iter it;
    bool ok = true;
    out->views = calloc(tl_json_size(list) + 1, sizeof *out->views);
    for (tl_json_iter_init(&it, list); out->views && ok && tl_json_next(&it, NULL, &item);) {
        struct tl_query_view v = { copy_member(item, "database"), copy_member(item, "name"), copy_member(item, "select") };
        out->views[out->view_count++] = v;
        ok = v.database && v.name && v.select;
    }
    return out->views && ok;
}

static bool read_trino(struct tl_json json, struct tl_query_request *out)
{
    struct tl_json list = tl_json_member(json, "parameters"), item;
    struct tl_json_iter it;
    size_t count = tl_json_size(list);
    out->trino = true;
    out->database = copy_member(json, "database");
    out->readable = copy_member(json, "readable");
    out->output_max = (uint64_t)tl_json_get_i64(json, "output_max", 0);
    out->parameters = count <= PARAMETERS_MAX ? calloc(count + 1, sizeof *out->parameters) : NULL;
    for (tl_json_iter_init(&it, list); out->parameters && tl_json_next(&it, NULL, &item);)
        out->parameters[out->parameter_count++] = (struct tl_query_parameter){ copy_member(item, "expression"), copy_member(item, "text") };
    return out->parameters && read_views(tl_json_member(json, "views"), out);
}

bool tl_query_request_read(struct tl_view text, struct tl_query_request *out, struct tl_error *error)
{
    struct tl_json_parser *parser;
    struct tl_json root;
    *out = (struct tl_query_request){ .lake_root = NULL };
    if (!tl_json_parser_new(&parser, error))
        return false;
    bool ok = tl_json_parse_copy(parser, text, &root, error);
    if (ok) {
        out->lake_root = copy_member(root, "lake");
        out->sql = copy_member(root, "sql");
        out->format = (enum tl_query_format)tl_json_get_i64(root, "format", TL_QUERY_CSV);
        out->row_max = (uint64_t)tl_json_get_i64(root, "row_max", 0);
        out->cpu_s = tl_json_get_i64(root, "cpu_s", 0);
        out->memory_max = (uint64_t)tl_json_get_i64(root, "memory_max", 0);
        ok = (out->lake_root && out->sql) || tl_error_set(error, TL_INVALID, "the statement holds a NUL byte");
        struct tl_json trino = tl_json_member(root, "trino");
        if (ok && tl_json_kind_of(trino) == TL_JSON_OBJECT && !read_trino(trino, out))
            ok = tl_error_set(error, TL_LIMIT, "more than %d parameters", PARAMETERS_MAX);
    }
    tl_json_parser_free(parser);
    if (!ok)
        tl_query_request_release(out);
    return ok;
}

void tl_query_request_release(struct tl_query_request *r)
{
    free(r->lake_root);
    free(r->sql);
    free(r->database);
    for (size_t i = 0; i < r->parameter_count; i++) {
        free((char *)r->parameters[i].expression);
        free((char *)r->parameters[i].text);
    }
    free(r->parameters);
    for (size_t i = 0; i < r->view_count; i++) {
        free((char *)r->views[i].database);
        free((char *)r->views[i].name);
        free((char *)r->views[i].select);
    }
    free(r->views);
    free(r->readable);
    *r = (struct tl_query_request){ .lake_root = NULL };
}

static void write_columns(struct tl_json_writer *w, const struct tl_trino_columns *columns)
{
    tl_json_key(w, "columns");
    tl_json_begin_array(w);
    for (size_t i = 0; i < columns->count; i++) {
        const struct tl_trino_column *c = &columns->items[i];
        tl_json_begin_object(w);
        tl_json_member_text(w, "name", c->name ? c->name : "");
        tl_json_member_text(w, "type", c->type);
        tl_json_member_i64(w, "precision", c->precision);
        tl_json_member_i64(w, "scale", c->scale);
        tl_json_end_object(w);
    }
    tl_json_end_array(w);
}

/* None of it is taken on trust. */
static bool read_columns(struct tl_json list, struct tl_trino_columns *out, struct tl_error *error)
{
    struct tl_json item;
    struct tl_json_iter it;
    size_t i = 0;
    char type[40];
    if (tl_json_size(list) == 0)
        return true;
    if (!tl_trino_columns_init(out, tl_json_size(list), error))
        return false;
    for (tl_json_iter_init(&it, list); tl_json_next(&it, NULL, &item); i++) {
        struct tl_view name = tl_json_get_string(item, "name");
        int64_t precision = tl_json_get_i64(item, "precision", 0), scale = tl_json_get_i64(item, "scale", 0);
        struct tl_trino_column *c = &out->items[i];
        snprintf(type, sizeof type, "%.*s", TL_VIEW_ARG(tl_json_get_string(item, "type")));
        c->precision = precision >= 0 && precision <= 38 ? (int32_t)precision : 0;
        c->scale = scale >= 0 && scale <= 38 ? (int32_t)scale : 0;
        c->name = strndup(name.data ? name.data : "", name.size);
        if (!c->name || !tl_trino_column_set(c, type))
            return tl_error_set(error, TL_CORRUPT, "the query's process told nonsense");
    }
    return true;
}

void tl_query_status_write(const struct tl_query_result *result, const struct tl_error *failed, struct tl_buf *out)
{
    struct tl_json_writer w;
    tl_json_writer_init(&w, out);
    tl_json_begin_object(&w);
    tl_json_member_i64(&w, "rows", (int64_t)result->rows);
    tl_json_member_bool(&w, "truncated", result->truncated);
    tl_json_member_i64(&w, "scanned", result->scanned_bytes);
    tl_json_member_i64(&w, "files", result->scanned_files);
    write_columns(&w, &result->columns);
    tl_json_member_i64(&w, "code", failed ? (int64_t)failed->code : 0);
    tl_json_member_text(&w, "error", failed ? failed->text : "");
    tl_json_end_object(&w);
}

bool tl_query_status_read(struct tl_view text, struct tl_query_result *out, struct tl_error *error)
{
    struct tl_json_parser *parser;
    struct tl_json root;
    if (!tl_json_parser_new(&parser, error))
        return false;
    bool ok = text.size && tl_json_parse_copy(parser, text, &root, error);
    if (!ok) {
        tl_error_set(error, TL_CORRUPT, "the query's process ended without an answer");
    } else {
        int64_t code = tl_json_get_i64(root, "code", TL_CORRUPT);
        out->rows = (uint64_t)tl_json_get_i64(root, "rows", 0);
        out->truncated = tl_json_get_bool(root, "truncated", false);
        out->scanned_bytes = tl_json_get_i64(root, "scanned", 0);
        out->scanned_files = tl_json_get_i64(root, "files", -1);
        struct tl_view message = tl_json_get_string(root, "error");
        if (code != 0)
            ok = tl_error_set(error, code >= TL_INVALID && code <= TL_CORRUPT ? (enum tl_code)code : TL_CORRUPT, "%.*s", TL_VIEW_ARG(message));
        else
            ok = read_columns(tl_json_member(root, "columns"), &out->columns, error);
    }
    tl_json_parser_free(parser);
    return ok;
}
