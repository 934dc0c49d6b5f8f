/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json_copy.h"


static void write_number(struct tl_json_writer *w, struct tl_json v)
{
    int64_t integer;
    double number = 0;
    if (tl_json_i64(v, &integer)) {
        tl_json_write_i64(w, integer);
        return;
    }
    (void)tl_json_double(v, &number);
    tl_json_write_double(w, number);
}

static void write_array(struct tl_json_writer *w, struct tl_json v)
{
    struct tl_json_iter it;
    struct tl_json item;
    tl_json_begin_array(w);
    for (tl_json_iter_init(&it, v); tl_json_next(&it, NULL, &item);)
        tl_json_write_value(w, item);
    tl_json_end_array(w);
}

void tl_json_write_members(struct tl_json_writer *w, struct tl_json object, const char *except)
{
    struct tl_json_iter it;
    struct tl_json item;
    struct tl_view key;
    for (tl_json_iter_init(&it, object); tl_json_next(&it, &key, &item);) {
        if (except && tl_view_is(key, except))
            continue;
        tl_json_key_view(w, key);
        tl_json_write_value(w, item);
    }
}

/* As deep as the parser lets a document be. */
void tl_json_write_value(struct tl_json_writer *w, struct tl_json v)
{
    struct tl_view text = { NULL, 0 };
    bool flag = false;
    switch (tl_json_kind_of(v)) {
    case TL_JSON_NULL:
        tl_json_write_null(w);
        break;
    case TL_JSON_BOOL:
        (void)tl_json_bool(v, &flag);
        tl_json_write_bool(w, flag);
        break;
    case TL_JSON_STRING:
        (void)tl_json_string(v, &text);
        tl_json_write_string(w, text);
        break;
    case TL_JSON_ARRAY:
        write_array(w, v);
        break;
    case TL_JSON_OBJECT:
        tl_json_begin_object(w);
        tl_json_write_members(w, v, NULL);
        tl_json_end_object(w);
        break;
    default:
        write_number(w, v);
    }
}
