/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/letter_edit.h"

#include "base/suggest.h"
#include "base/time.h"
#include "codec/json.h"
#include "codec/json_writer.h"

#include <stdio.h>

#define NAMES_MAX 256

/* The column that a name means: to the letter, or else without regard to case. */
static const struct tl_column_def *column_of(const struct tl_source_plan *source, struct tl_view name, struct tl_error *error)
{
    const char *names[NAMES_MAX];
    char text[140];
    size_t count = 0;
    for (size_t i = 0; i < source->column_count; i++)
        if (tl_view_is(name, source->columns[i].name))
            return &source->columns[i];
    for (size_t i = 0; i < source->column_count; i++) {
        if (tl_view_eq_ignore_case(name, tl_view_of(source->columns[i].name)))
            return &source->columns[i];
        if (count < NAMES_MAX)
            names[count++] = source->columns[i].name;
    }
    snprintf(text, sizeof text, "%.*s", TL_VIEW_ARG(name));
    const char *near = tl_suggest(tl_view_of(text), names, count);
    tl_error_set(error, TL_INVALID, "the source '%s' has no column '%s'%s%s%s", source->name, text, near ? "; did you mean '" : "",
                 near ? near : "", near ? "'?" : "");
    return NULL;
}

static bool value_fits(enum tl_type type, struct tl_view value)
{
    int64_t i64;
    double f64;
    switch (type) {
    case TL_TYPE_BOOLEAN:
        return tl_view_is(value, "true") || tl_view_is(value, "false");
    case TL_TYPE_INTEGER:
        return tl_view_to_i64(value, &i64) && i64 >= INT32_MIN && i64 <= INT32_MAX;
    case TL_TYPE_BIGINT:
        return tl_view_to_i64(value, &i64);
    case TL_TYPE_DOUBLE:
        return tl_view_to_double(value, &f64);
    case TL_TYPE_DATE:
        return value.size == 10 && tl_time_parse(value, &i64);
    case TL_TYPE_TIMESTAMP:
        return tl_time_parse(value, &i64);
    default:
        return tl_view_is_utf8(value);
    }
}

static void write_value(enum tl_type type, struct tl_view value, struct tl_json_writer *w)
{
    int64_t i64 = 0;
    double f64 = 0;
    if (type == TL_TYPE_BOOLEAN)
        tl_json_write_bool(w, tl_view_is(value, "true"));
    else if (type == TL_TYPE_DOUBLE && tl_view_to_double(value, &f64))
        tl_json_write_double(w, f64);
    else if ((type == TL_TYPE_INTEGER || type == TL_TYPE_BIGINT) && tl_view_to_i64(value, &i64))
        tl_json_write_i64(w, i64);
    else
        tl_json_write_string(w, value);
}

bool tl_letter_edit_check(const struct tl_letter_edit *edit, struct tl_error *error)
{
    for (size_t i = 0; i < edit->set_count; i++) {
        struct tl_view value, name = tl_view_split(tl_view_of(edit->sets[i]), '=', &value);
        if (!value.data)
            return tl_error_set(error, TL_INVALID, "--set is COLUMN=VALUE, not '%s'", edit->sets[i]);
        const struct tl_column_def *column = column_of(edit->source, name, error);
        if (!column)
            return false;
        if (!value_fits(column->type, value))
            return tl_error_set(error, TL_INVALID, "--set %s: '%.*s' is no %s", column->name, TL_VIEW_ARG(value), tl_type_name(column->type));
    }
    for (size_t i = 0; i < edit->unset_count; i++)
        if (!column_of(edit->source, tl_view_of(edit->unsets[i]), error))
            return false;
    return true;
}

/* What --set says of a member; false: nothing. The last one wins. */
static bool set_value(const struct tl_letter_edit *edit, struct tl_view member, enum tl_type *type, struct tl_view *value)
{
    struct tl_error ignored;
    for (size_t i = edit->set_count; i-- > 0;) {
        struct tl_view name = tl_view_split(tl_view_of(edit->sets[i]), '=', value);
        const struct tl_column_def *column = column_of(edit->source, name, &ignored);
        if (column && tl_view_is(member, column->name)) {
            *type = column->type;
            return true;
        }
    }
    return false;
}

static bool is_unset(const struct tl_letter_edit *edit, struct tl_view member)
{
    struct tl_error ignored;
    for (size_t i = 0; i < edit->unset_count; i++) {
        const struct tl_column_def *column = column_of(edit->source, tl_view_of(edit->unsets[i]), &ignored);
        if (column && tl_view_is(member, column->name))
            return true;
    }
    return false;
}

/* A value as it was, written anew. */
static void copy(struct tl_json v, struct tl_json_writer *w)
{
    struct tl_json_iter it;
    struct tl_json item;
    struct tl_view text = { NULL, 0 };
    int64_t i64 = 0;
    double f64 = 0;
    bool truth = false, object = tl_json_kind_of(v) == TL_JSON_OBJECT;
    switch (tl_json_kind_of(v)) {
    case TL_JSON_STRING:
        (void)!tl_json_string(v, &text);
        tl_json_write_string(w, text);
        break;
    case TL_JSON_BOOL:
        (void)!tl_json_bool(v, &truth);
        tl_json_write_bool(w, truth);
        break;
    case TL_JSON_INT:
        (void)!tl_json_i64(v, &i64);
        tl_json_write_i64(w, i64);
        break;
    case TL_JSON_UINT:
    case TL_JSON_DOUBLE:
        (void)!tl_json_double(v, &f64);
        tl_json_write_double(w, f64);
        break;
    case TL_JSON_ARRAY:
    case TL_JSON_OBJECT:
        if (object)
            tl_json_begin_object(w);
        else
            tl_json_begin_array(w);
        for (tl_json_iter_init(&it, v); tl_json_next(&it, &text, &item);) {
            if (object)
                tl_json_key_view(w, text);
            copy(item, w); /* at most 64 deep: the parser's limit */
        }
        if (object)
            tl_json_end_object(w);
        else
            tl_json_end_array(w);
        break;
    default:
        tl_json_write_null(w);
    }
}

static bool is_producer(const struct tl_letter_edit *edit, struct tl_view member)
{
    return edit->producer && tl_view_is(member, TL_STAMP_ID);
}

static void write_edited(const struct tl_letter_edit *edit, struct tl_json root, struct tl_json_writer *w)
{
    struct tl_json_iter it;
    struct tl_json item, there;
    struct tl_view key, value;
    enum tl_type type;
    tl_json_begin_object(w);
    for (tl_json_iter_init(&it, root); tl_json_next(&it, &key, &item);) {
        if (is_unset(edit, key) || is_producer(edit, key))
            continue;
        tl_json_key_view(w, key);
        if (set_value(edit, key, &type, &value))
            write_value(type, value, w);
        else
            copy(item, w);
    }
    for (size_t i = 0; i < edit->source->column_count; i++) {
        const char *name = edit->source->columns[i].name;
        if (is_producer(edit, tl_view_of(name)) || is_unset(edit, tl_view_of(name)) || tl_json_get(root, name, &there) ||
            !set_value(edit, tl_view_of(name), &type, &value))
            continue;
        tl_json_key(w, name);
        write_value(type, value, w);
    }
    if (edit->producer)
        tl_json_member_text(w, TL_STAMP_ID, edit->producer);
    tl_json_end_object(w);
}

bool tl_letter_edit(const struct tl_letter_edit *edit, struct tl_view record, struct tl_buf *out, struct tl_error *error)
{
    struct tl_json_parser *parser;
    struct tl_json root;
    struct tl_json_writer w;
    if (!tl_json_parser_new(&parser, error))
        return false;
    bool ok = tl_json_parse_copy(parser, record, &root, error) &&
              (tl_json_kind_of(root) == TL_JSON_OBJECT || tl_error_set(error, TL_INVALID, "it is no JSON object"));
    if (ok) {
        tl_json_writer_init(&w, out);
        write_edited(edit, root, &w);
        ok = tl_buf_ok(out, "the edited record", error);
    }
    tl_json_parser_free(parser);
    return ok;
}

bool tl_letter_member(struct tl_view record, const char *name, struct tl_buf *out)
{
    struct tl_error ignored;
    struct tl_json_parser *parser;
    struct tl_json root, member;
    struct tl_json_writer w;
    struct tl_view text;
    if (!tl_json_parser_new(&parser, &ignored))
        return false;
    bool ok = tl_json_parse_copy(parser, record, &root, &ignored) && tl_json_get(root, name, &member) &&
              tl_json_kind_of(member) != TL_JSON_NULL;
    if (ok && tl_json_string(member, &text))
        tl_buf_add_view(out, text);
    else if (ok) {
        tl_json_writer_init(&w, out);
        copy(member, &w);
    }
    tl_json_parser_free(parser);
    return ok && out->size > 0 && !out->failed;
}
