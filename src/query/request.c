/* SPDX-License-Identifier: Apache-2.0 */
#include "query/request.h"

#include "codec/json.h"
#include "codec/json_writer.h"

#include <stdlib.h>

#define ROWS_MOST (UINT64_C(1) << 60)

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
    tl_json_end_object(&w);
}

static char *copy_member(struct tl_json root, const char *name)
{
    struct tl_view v = tl_json_get_string(root, name);
    return v.data && !memchr(v.data, '\0', v.size) ? strndup(v.data, v.size) : NULL;
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
    r->lake_root = r->sql = NULL;
}

void tl_query_status_write(uint64_t rows, bool truncated, const struct tl_error *failed, struct tl_buf *out)
{
    struct tl_json_writer w;
    tl_json_writer_init(&w, out);
    tl_json_begin_object(&w);
    tl_json_member_i64(&w, "rows", (int64_t)rows);
    tl_json_member_bool(&w, "truncated", truncated);
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
        struct tl_view message = tl_json_get_string(root, "error");
        if (code != 0)
            ok = tl_error_set(error, code >= TL_INVALID && code <= TL_CORRUPT ? (enum tl_code)code : TL_CORRUPT, "%.*s", TL_VIEW_ARG(message));
    }
    tl_json_parser_free(parser);
    return ok;
}
