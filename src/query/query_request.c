/* SPDX-License-Identifier: Apache-2.0 */
#include "query/query_request.h"

#include "codec/json_writer.h"

#include <stdlib.h>

void tl_query_request_write(const struct tl_query_request *r, struct tl_buf *out)
{
    struct tl_json_writer w;
    tl_json_writer_init(&w, out);
    tl_json_begin_object(&w);
    tl_json_member_text(&w, "root", r->root);
    tl_json_member_text(&w, "sql", r->sql);
    tl_json_member_i64(&w, "format", (int64_t)r->format);
    tl_json_member_i64(&w, "row_max", (int64_t)r->row_max);
    tl_json_member_i64(&w, "timeout_ns", r->timeout_ns);
    tl_json_member_i64(&w, "memory_max", (int64_t)r->memory_max);
    tl_json_member_bool(&w, "unicode", r->unicode);
    tl_json_end_object(&w);
}

static char *get_text(struct tl_json object, const char *name)
{
    struct tl_view v = tl_json_get_string(object, name);
    return v.data && !memchr(v.data, '\0', v.size) ? strndup(v.data, v.size) : NULL;
}

static bool read_object(struct tl_json object, struct tl_query_request *out)
{
    int64_t format = tl_json_get_i64(object, "format", -1);
    *out = (struct tl_query_request){
        .root = get_text(object, "root"),
        .sql = get_text(object, "sql"),
        .format = (enum tl_query_format)format,
        .row_max = (uint64_t)tl_json_get_i64(object, "row_max", 0),
        .timeout_ns = tl_json_get_i64(object, "timeout_ns", 0),
        .memory_max = (size_t)tl_json_get_i64(object, "memory_max", 0),
        .unicode = tl_json_get_bool(object, "unicode", false),
    };
    return out->root && out->sql && format >= TL_QUERY_TABLE && format <= TL_QUERY_PARQUET && out->row_max > 0 && out->timeout_ns > 0 &&
           out->memory_max > 0;
}

bool tl_query_request_read(struct tl_view text, struct tl_query_request *out, struct tl_error *error)
{
    struct tl_json_parser *parser;
    struct tl_json root;
    *out = (struct tl_query_request){ 0 };
    if (!tl_json_parser_new(&parser, error))
        return false;
    bool ok = tl_json_parse_copy(parser, text, &root, error) &&
              (read_object(root, out) || tl_error_set(error, TL_INVALID, "query-child is started by tapeline itself, with a request on stdin"));
    tl_json_parser_free(parser);
    return ok;
}

void tl_query_request_release(struct tl_query_request *r)
{
    free(r->root);
    free(r->sql);
    *r = (struct tl_query_request){ 0 };
}

void tl_query_answer_write(const struct tl_query_answer *a, const struct tl_error *error, struct tl_buf *out)
{
    struct tl_json_writer w;
    tl_json_writer_init(&w, out);
    tl_json_begin_object(&w);
    tl_json_member_i64(&w, "rows", (int64_t)a->rows);
    tl_json_member_bool(&w, "truncated", a->truncated);
    tl_json_member_bool(&w, "synthetic", a->synthetic);
    if (error) {
        tl_json_member_i64(&w, "code", (int64_t)error->code);
        tl_json_member_text(&w, "text", error->text);
    }
    tl_json_end_object(&w);
}

bool tl_query_answer_read(struct tl_view text, struct tl_query_answer *out, bool *complete, struct tl_error *error)
{
    struct tl_json_parser *parser;
    struct tl_json root;
    *out = (struct tl_query_answer){ 0 };
    *complete = false;
    if (!tl_json_parser_new(&parser, error))
        return false;
    bool ok = tl_json_parse_copy(parser, text, &root, error) && tl_json_kind_of(root) == TL_JSON_OBJECT;
    *complete = ok;
    if (ok) {
        out->rows = (uint64_t)tl_json_get_i64(root, "rows", 0);
        out->truncated = tl_json_get_bool(root, "truncated", false);
        out->synthetic = tl_json_get_bool(root, "synthetic", false);
        int64_t code = tl_json_get_i64(root, "code", 0);
        struct tl_view why = tl_json_get_string(root, "text");
        if (code)
            ok = tl_error_set(error, code > 0 && code <= TL_CORRUPT ? (enum tl_code)code : TL_INVALID, "%.*s", TL_VIEW_ARG(why));
    }
    tl_json_parser_free(parser);
    return ok;
}
