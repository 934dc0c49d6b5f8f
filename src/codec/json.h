/* SPDX-License-Identifier: Apache-2.0 */
/* codec/json.h: strict JSON documents (UTF-8, RFC 8259), read by simdjson's DOM behind this header.
 *
 * A parser is reused for many documents; values point into the parser's last document and die with the next parse or
 * with the text. One thread at a time. Used for API bodies, checkpoints and small files; ticks have codec/json_tick.h. */
#pragma once

#include "base/error.h"
#include "base/view.h"

/* Readable (not written) bytes that must follow the text given to tl_json_parse. */
#define TL_JSON_PADDING 64

struct tl_json_parser;
enum tl_json_kind { TL_JSON_NULL, TL_JSON_BOOL, TL_JSON_INT, TL_JSON_UINT /* above INT64_MAX */, TL_JSON_DOUBLE,
                    TL_JSON_STRING, TL_JSON_ARRAY, TL_JSON_OBJECT };
struct tl_json { /* a value; passed by value */
    const void *document;
    size_t index;
};
struct tl_json_iter {
    struct tl_json value; /* the array or object */
    size_t at, end;       /* private */
};

TL_MUST_USE bool tl_json_parser_new(struct tl_json_parser **out, struct tl_error *error);
void tl_json_parser_free(struct tl_json_parser *p);
/* text[0..size) and TL_JSON_PADDING bytes after it must be readable. Depth up to 64. TL_INVALID when not one JSON value. */
TL_MUST_USE bool tl_json_parse(struct tl_json_parser *p, const char *text, size_t size, struct tl_json *root,
                               struct tl_error *error);
/* As above; copies the text into a padded buffer of the parser first. */
TL_MUST_USE bool tl_json_parse_copy(struct tl_json_parser *p, struct tl_view text, struct tl_json *root,
                                    struct tl_error *error);
enum tl_json_kind tl_json_kind_of(struct tl_json v);
/* The member, or false when absent or v is no object. Of a repeated name the last wins. */
bool tl_json_get(struct tl_json v, const char *name, struct tl_json *out);
/* The member, or null when absent or v is no object: so that a path may be walked without asking at each step. */
struct tl_json tl_json_member(struct tl_json v, const char *name);
/* False when v is of another kind (INT and UINT below 2^63 both give i64; any number gives double). */
bool tl_json_string(struct tl_json v, struct tl_view *out);
bool tl_json_i64(struct tl_json v, int64_t *out);
bool tl_json_double(struct tl_json v, double *out);
bool tl_json_bool(struct tl_json v, bool *out);
/* Shorthands: the member name of object v, or the default when absent or of another kind. */
struct tl_view tl_json_get_string(struct tl_json v, const char *name);             /* {NULL, 0} when absent */
int64_t tl_json_get_i64(struct tl_json v, const char *name, int64_t absent);
double tl_json_get_double(struct tl_json v, const char *name, double absent);
bool tl_json_get_bool(struct tl_json v, const char *name, bool absent);
size_t tl_json_size(struct tl_json v); /* elements or members; 0 for others */
/* for (tl_json_iter_init(&it, v); tl_json_next(&it, &key, &item);): key is {NULL, 0} for arrays; key may be NULL. */
void tl_json_iter_init(struct tl_json_iter *it, struct tl_json v);
bool tl_json_next(struct tl_json_iter *it, struct tl_view *key, struct tl_json *item);
