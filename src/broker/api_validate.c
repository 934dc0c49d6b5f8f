/* SPDX-License-Identifier: Apache-2.0 */
/* broker/api_validate.c: requests against their tables, told in the service's own form: "2 validation errors
 * detected: Value '...' at 'records.1.member.partitionKey' failed to satisfy constraint: Member must ...".
 * Wrong types are a SerializationException. */
#include "broker/api_int.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define ERRORS_MAX 10
#define SHOWN_MAX 128

/* Where in the request: a list from the leaf upwards, on the stack; made into text only for a person. */
struct place {
    const struct place *above;
    const char *name; /* NULL: an item of a list */
    size_t item;      /* from 1 */
};
struct check {
    struct tl_api_call *call;
    struct tl_buf text;
    unsigned count;
    bool wrong_type;
};

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-';
}

static bool is_decimal(struct tl_view v, size_t most)
{
    if (v.size == 0 || v.size > most || (v.data[0] == '0' && v.size > 1))
        return false;
    for (size_t i = 0; i < v.size; i++)
        if (v.data[i] < '0' || v.data[i] > '9')
            return false;
    return true;
}

/* The patterns of the model that the served actions use, by their text. */
static bool matches(const char *pattern, struct tl_view v)
{
    if (strcmp(pattern, "[a-zA-Z0-9_.-]+") == 0) {
        for (size_t i = 0; i < v.size; i++)
            if (!is_name_char(v.data[i]))
                return false;
        return v.size > 0;
    }
    if (strcmp(pattern, "0|([1-9]\\d{0,128})") == 0)
        return is_decimal(v, 129);
    if (strcmp(pattern, "^(0|([1-9]\\d{0,38}))$") == 0)
        return is_decimal(v, 39);
    if (strcmp(pattern, "arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+") == 0)
        return tl_view_starts_with(v, TL_VIEW("arn:aws")) && memmem(v.data, v.size, ":kinesis:", 9) &&
               memmem(v.data, v.size, ":stream/", 8);
    return false;
}

static bool in_list(const char *values, struct tl_view v)
{
    struct tl_view rest = tl_view_of(values);
    while (rest.size)
        if (tl_view_eq(tl_view_trim(tl_view_split(rest, ',', &rest)), v))
            return true;
    return false;
}

static size_t characters(struct tl_view v)
{
    size_t count = 0;
    for (size_t i = 0; i < v.size; i++)
        count += ((unsigned char)v.data[i] & 0xc0) != 0x80;
    return count;
}

/* 'records.1.member.partitionKey': each name begins in lower case. */
static void add_place(struct tl_buf *out, const struct place *at)
{
    if (at->above) {
        add_place(out, at->above);
        tl_buf_add_char(out, '.');
    }
    if (at->name)
        tl_buf_addf(out, "%c%s", at->name[0] | 32, at->name + 1);
    else
        tl_buf_addf(out, "%zu.member", at->item);
}

static void broken(struct check *c, const struct place *at, struct tl_view value, const char *fmt, ...)
    TL_PRINTF(4, 5);

static void broken(struct check *c, const struct place *at, struct tl_view value, const char *fmt, ...)
{
    char constraint[512];
    va_list args;
    if (c->count++ >= ERRORS_MAX)
        return;
    va_start(args, fmt);
    vsnprintf(constraint, sizeof constraint, fmt, args);
    va_end(args);
    tl_buf_add_text(&c->text, c->count > 1 ? "; Value " : "Value ");
    if (value.data)
        tl_buf_addf(&c->text, "'%.*s'", (int)(value.size < SHOWN_MAX ? value.size : SHOWN_MAX), value.data);
    else
        tl_buf_add_text(&c->text, "null");
    tl_buf_add_text(&c->text, " at '");
    add_place(&c->text, at);
    tl_buf_addf(&c->text, "' failed to satisfy constraint: Member must %s", constraint);
}

static void check_string(struct check *c, const struct place *at, const struct tl_member *m, struct tl_view v)
{
    /* Counting characters is not needed where bytes already are within the limits. */
    bool fits = (int64_t)v.size <= m->max && (int64_t)(v.size + 3) / 4 >= m->min;
    int64_t size = m->max && !fits ? (int64_t)characters(v) : 0;
    if (m->max && !fits && size > m->max)
        broken(c, at, v, "have length less than or equal to %" PRId64, m->max);
    if (m->max && !fits && size < m->min)
        broken(c, at, v, "have length greater than or equal to %" PRId64, m->min);
    if (m->pattern && !matches(m->pattern, v))
        broken(c, at, v, "satisfy regular expression pattern: %s", m->pattern);
    if (m->values && !in_list(m->values, v))
        broken(c, at, v, "satisfy enum value set: [%s]", m->values);
}

static void check_number(struct check *c, const struct place *at, const struct tl_member *m, int64_t n)
{
    char text[24];
    snprintf(text, sizeof text, "%" PRId64, n);
    if (m->max && n > m->max)
        broken(c, at, tl_view_of(text), "have value less than or equal to %" PRId64, m->max);
    if (m->max && n < m->min)
        broken(c, at, tl_view_of(text), "have value greater than or equal to %" PRId64, m->min);
}

static void check_blob(struct check *c, const struct place *at, const struct tl_member *m,
                       struct tl_view base64)
{
    int64_t size = (int64_t)(base64.size / 4 * 3);
    size -=
        base64.size >= 4 ? (base64.data[base64.size - 1] == '=') + (base64.data[base64.size - 2] == '=') : 0;
    if (m->max && size > m->max)
        broken(c, at, TL_VIEW("java.nio.HeapByteBuffer"), "have length less than or equal to %" PRId64,
               m->max);
}

static bool check_members(struct check *c, const struct place *above, struct tl_json object,
                          const struct tl_member *members);

static bool wrong_type(struct check *c, const char *what)
{
    if (!c->wrong_type)
        tl_api_fail(c->call, "SerializationException", "%s", what);
    c->wrong_type = true;
    return false;
}

static bool check_list(struct check *c, const struct place *at, const struct tl_member *m,
                       struct tl_json list)
{
    struct tl_json_iter it;
    struct tl_json item;
    struct place place = { .above = at };
    int64_t count = (int64_t)tl_json_size(list);
    if (m->max && count > m->max)
        broken(c, at, TL_VIEW("[]"), "have length less than or equal to %" PRId64, m->max);
    if (m->max && count < m->min)
        broken(c, at, TL_VIEW("[]"), "have length greater than or equal to %" PRId64, m->min);
    for (tl_json_iter_init(&it, list);
         m->members && tl_json_next(&it, NULL, &item) && c->count < ERRORS_MAX;) {
        place.item++;
        if (tl_json_kind_of(item) != TL_JSON_OBJECT)
            return wrong_type(c, "Start of structure or map found where not expected.");
        if (!check_members(c, &place, item, m->members))
            return false;
    }
    return true;
}

static bool check_member(struct check *c, const struct place *at, const struct tl_member *m, struct tl_json v)
{
    struct tl_view text;
    int64_t n = 0;
    double d;
    bool flag;
    switch (m->kind) {
    case TL_MEMBER_STRING:
        if (!tl_json_string(v, &text))
            return wrong_type(c, tl_json_kind_of(v) >= TL_JSON_ARRAY
                                     ? "Unrecognized collection type class java.lang.String"
                                     : "NUMBER_VALUE can not be converted to a String");
        check_string(c, at, m, text);
        return true;
    case TL_MEMBER_BLOB:
        if (!tl_json_string(v, &text))
            return wrong_type(c, "NUMBER_VALUE can not be converted to a Blob");
        check_blob(c, at, m, text);
        return true;
    case TL_MEMBER_INTEGER:
        if (!tl_json_double(v, &d))
            return wrong_type(c, "STRING_VALUE can not be converted to an Integer");
        if (!tl_json_i64(v, &n))
            n = d >= 9e18 ? INT64_MAX : d <= -9e18 ? INT64_MIN : (int64_t)d;
        check_number(c, at, m, n);
        return true;
    case TL_MEMBER_TIMESTAMP:
        return tl_json_double(v, &d) || wrong_type(c, "STRING_VALUE can not be converted to a Date");
    case TL_MEMBER_BOOLEAN:
        return tl_json_bool(v, &flag) || wrong_type(c, "STRING_VALUE can not be converted to a Boolean");
    case TL_MEMBER_STRUCTURE:
        if (tl_json_kind_of(v) != TL_JSON_OBJECT)
            return wrong_type(c, "Unexpected field type");
        return check_members(c, at, v, m->members);
    case TL_MEMBER_LIST:
        if (tl_json_kind_of(v) != TL_JSON_ARRAY)
            return wrong_type(c, "Unexpected field type");
        return check_list(c, at, m, v);
    }
    return true;
}

static bool check_members(struct check *c, const struct place *above, struct tl_json object,
                          const struct tl_member *members)
{
    bool ok = true;
    for (const struct tl_member *m = members; ok && m->name; m++) {
        struct place at = { .above = above, .name = m->name };
        struct tl_json v;
        if (tl_json_get(object, m->name, &v) && tl_json_kind_of(v) != TL_JSON_NULL)
            ok = check_member(c, &at, m, v);
        else if (m->required)
            broken(c, &at, (struct tl_view){ NULL, 0 }, "not be null");
    }
    return ok;
}

bool tl_api_validate(struct tl_api_call *call, const struct tl_member *members)
{
    struct check c = { .call = call };
    tl_buf_init(&c.text, 16 << 10);
    bool ok = check_members(&c, NULL, call->body, members);
    if (ok && c.count) {
        unsigned told = c.count < ERRORS_MAX ? c.count : ERRORS_MAX;
        ok = tl_api_fail(call, "ValidationException", "%u validation error%s detected: %s", told,
                         told == 1 ? "" : "s", tl_buf_text(&c.text));
    }
    tl_buf_release(&c.text);
    return ok;
}
