/* SPDX-License-Identifier: Apache-2.0 */
/* broker/api_validate.c: requests against their tables, told in the service's own form: "2 validation errors
 * detected: Value '...' at 'records.1.member.partitionKey' failed to satisfy constraint: Member must ...".
 * Wrong types are a SerializationException. */
#include "broker/api_int.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>

#define ERRORS_MAX 10
#define SHOWN_MAX 1024 /* characters of a wrong value */

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

static bool is_digits(struct tl_view v)
{
    size_t digits = 0;
    while (digits < v.size && v.data[digits] >= '0' && v.data[digits] <= '9')
        digits++;
    return v.size > 0 && digits == v.size;
}

static bool is_name(struct tl_view v)
{
    size_t good = 0;
    while (good < v.size && is_name_char(v.data[good]))
        good++;
    return v.size > 0 && good == v.size;
}

/* What follows "arn:aws...:kinesis:<region>:<12 digits>:". */
static bool arn_rest(struct tl_view arn, struct tl_view *rest)
{
    struct tl_view partition, service, account;
    if (!tl_view_is(tl_view_split(arn, ':', &arn), "arn"))
        return false;
    partition = tl_view_split(arn, ':', &arn);
    service = tl_view_split(arn, ':', &arn);
    tl_view_split(arn, ':', &arn); /* any region */
    account = tl_view_split(arn, ':', rest);
    return tl_view_starts_with(partition, TL_VIEW("aws")) && tl_view_is(service, "kinesis") &&
           account.size == 12 && is_digits(account);
}

static bool has_no_blank(struct tl_view v)
{
    for (size_t i = 0; i < v.size; i++)
        if (v.data[i] == ' ' || (v.data[i] >= '\t' && v.data[i] <= '\r'))
            return false;
    return v.size > 0;
}

static bool is_stream_arn(struct tl_view v)
{
    struct tl_view rest, name;
    return arn_rest(v, &rest) && tl_view_is(tl_view_split(rest, '/', &name), "stream") && has_no_blank(name);
}

/* stream/NAME/consumer/NAME:SECONDS */
static bool is_consumer_arn(struct tl_view v)
{
    struct tl_view rest, stream, consumer, seconds;
    if (!arn_rest(v, &rest) || !tl_view_is(tl_view_split(rest, '/', &rest), "stream"))
        return false;
    stream = tl_view_split(rest, '/', &rest);
    if (!is_name(stream) || !tl_view_is(tl_view_split(rest, '/', &rest), "consumer"))
        return false;
    consumer = tl_view_split(rest, ':', &seconds);
    return is_name(consumer) && is_digits(seconds);
}

static bool is_resource_arn(struct tl_view v)
{
    struct tl_view rest, kind, name;
    if (!arn_rest(v, &rest))
        return false;
    kind = tl_view_split(rest, '/', &name);
    return (tl_view_is(kind, "stream") || tl_view_is(kind, "channel") || tl_view_is(kind, "queue")) &&
           has_no_blank(name);
}

static bool is_sequence(struct tl_view v)
{
    return is_decimal(v, 129);
}

static bool is_hash_key(struct tl_view v)
{
    return is_decimal(v, 39);
}

/* 20 letters or digits, a hyphen, three more. */
static bool is_stream_id(struct tl_view v)
{
    for (size_t i = 0; i < v.size; i++)
        if (i == 20 ? v.data[i] != '-'
                    : !((v.data[i] >= 'a' && v.data[i] <= 'z') || (v.data[i] >= '0' && v.data[i] <= '9')))
            return false;
    return v.size == 24;
}

/* The patterns of the model that the served actions use, by their text. */
static bool matches(const char *pattern, struct tl_view v)
{
    static const struct {
        const char *pattern;
        bool (*matches)(struct tl_view v);
    } known[] = {
        { "[a-zA-Z0-9_.-]+", is_name },
        { "^(0|([1-9]\\d{0,128}))$", is_sequence },
        { "^(0|([1-9]\\d{0,38}))$", is_hash_key },
        { "arn:aws.*:kinesis:.*:\\d{12}:stream/\\S+", is_stream_arn },
        { "^(arn):aws.*:kinesis:.*:\\d{12}:.*stream\\/[a-zA-Z0-9_.-]+\\/consumer\\/[a-zA-Z0-9_.-]+:[0-9]+",
          is_consumer_arn },
        { "arn:aws.*:kinesis:.*:\\d{12}:.*(stream|channel|queue)/\\S+", is_resource_arn },
        { "[a-z0-9]{20}-[a-z0-9]{3}", is_stream_id },
    };
    for (size_t i = 0; i < TL_COUNT(known); i++)
        if (strcmp(pattern, known[i].pattern) == 0)
            return known[i].matches(v);
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

static void tell(struct check *c, const struct place *at, struct tl_view value, const char *must,
                 const char *fmt, va_list args)
{
    char constraint[512];
    if (c->count++ >= ERRORS_MAX)
        return;
    vsnprintf(constraint, sizeof constraint, fmt, args);
    tl_buf_add_text(&c->text, c->count > 1 ? "; Value " : "Value ");
    if (value.data)
        tl_buf_addf(&c->text, "'%.*s'", (int)(value.size < SHOWN_MAX ? value.size : SHOWN_MAX), value.data);
    else
        tl_buf_add_text(&c->text, "null");
    tl_buf_add_text(&c->text, " at '");
    add_place(&c->text, at);
    tl_buf_addf(&c->text, "' failed to satisfy constraint: %s%s", must, constraint);
}

/* "... failed to satisfy constraint: Member must <fmt>". */
static void broken(struct check *c, const struct place *at, struct tl_view value, const char *fmt, ...)
    TL_PRINTF(4, 5);
static void broken_text(struct check *c, const struct place *at, struct tl_view value, const char *fmt, ...)
    TL_PRINTF(4, 5);

static void broken(struct check *c, const struct place *at, struct tl_view value, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    tell(c, at, value, "Member must ", fmt, args);
    va_end(args);
}

static void broken_text(struct check *c, const struct place *at, struct tl_view value, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    tell(c, at, value, "", fmt, args);
    va_end(args);
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
    if (m->max && m->max != INT64_MAX && n > m->max)
        broken(c, at, tl_view_of(text), "have value less than or equal to %" PRId64, m->max);
    if (m->max && n < m->min)
        broken(c, at, tl_view_of(text), "have value greater than or equal to %" PRId64, m->min);
}

static bool check_members(struct check *c, const struct place *above, struct tl_msg object,
                          const struct tl_member *members);

static bool wrong_type(struct check *c, const char *what)
{
    if (!c->wrong_type)
        tl_api_fail(c->call, "SerializationException", "%s", what);
    c->wrong_type = true;
    return false;
}

static const char *wrong_string(struct tl_msg v)
{
    return tl_msg_kind_of(v) >= TL_MSG_LIST   ? "Unrecognized collection type class java.lang.String"
           : tl_msg_kind_of(v) == TL_MSG_BOOL ? "class java.lang.Boolean can not be converted to a String"
                                              : "NUMBER_VALUE can not be converted to a String";
}

/* Does a string fit the member? What it must fulfil is told for the list or the map that holds it, as the
 * service does. */
static bool item_fits(const struct tl_member *m, struct tl_view v)
{
    int64_t size = (int64_t)characters(v);
    return m->values ? in_list(m->values, v) : size >= m->min && size <= m->max;
}

static void item_broken(struct check *c, const struct place *at, struct tl_view shown, const char *what,
                        const struct tl_member *m)
{
    if (m->values)
        broken(c, at, shown, "satisfy constraint: [Member must satisfy enum value set: [%s]]", m->values);
    else
        broken_text(c, at, shown,
                    "%s must satisfy constraint: [Member must have length less than or equal to %" PRId64
                    ", Member must have length greater than or equal to %" PRId64 "]",
                    what, m->max, m->min);
}

static void check_size(struct check *c, const struct place *at, const struct tl_member *m, int64_t count,
                       const char *shown)
{
    if (m->max && count > m->max)
        broken(c, at, tl_view_of(shown), "have length less than or equal to %" PRId64, m->max);
    if (m->max && count < m->min)
        broken(c, at, tl_view_of(shown), "have length greater than or equal to %" PRId64, m->min);
}

static bool check_strings(struct check *c, const struct place *at, const struct tl_member *m,
                          struct tl_msg list)
{
    struct tl_msg_iter it;
    struct tl_msg item;
    struct tl_view text;
    bool told = false;
    for (tl_msg_iter_init(&it, list); tl_msg_next(&it, NULL, &item);) {
        if (!tl_msg_string(item, &text))
            return wrong_type(c, wrong_string(item));
        if (!told && !item_fits(m->item, text)) {
            item_broken(c, at, text, "Member", m->item);
            told = true;
        }
    }
    return true;
}

static bool check_map(struct check *c, const struct place *at, const struct tl_member *m, struct tl_msg map)
{
    struct tl_msg_iter it;
    struct tl_msg item;
    struct tl_view key, value;
    bool key_told = false, value_told = false;
    check_size(c, at, m, (int64_t)tl_msg_size(map), "{}");
    for (tl_msg_iter_init(&it, map); tl_msg_next(&it, &key, &item);) {
        if (!tl_msg_string(item, &value))
            return wrong_type(c, wrong_string(item));
        if (!key_told && !item_fits(&m->item[0], key)) {
            item_broken(c, at, key, "Map keys", &m->item[0]);
            key_told = true;
        }
        if (!value_told && !item_fits(&m->item[1], value)) {
            item_broken(c, at, value, "Map value", &m->item[1]);
            value_told = true;
        }
    }
    return true;
}

static bool check_list(struct check *c, const struct place *at, const struct tl_member *m, struct tl_msg list)
{
    struct tl_msg_iter it;
    struct tl_msg item;
    struct place place = { .above = at };
    check_size(c, at, m, (int64_t)tl_msg_size(list), "[]");
    if (m->item)
        return check_strings(c, at, m, list);
    for (tl_msg_iter_init(&it, list); tl_msg_next(&it, NULL, &item) && c->count < ERRORS_MAX;) {
        place.item++;
        if (tl_msg_kind_of(item) != TL_MSG_STRUCTURE)
            return wrong_type(c, "Start of structure or map found where not expected.");
        if (!check_members(c, &place, item, m->members))
            return false;
    }
    return true;
}

static bool check_integer(struct check *c, const struct place *at, const struct tl_member *m, struct tl_msg v)
{
    int64_t n;
    double d;
    if (!tl_msg_double(v, &d))
        return wrong_type(c, "STRING_VALUE can not be converted to an Integer");
    if (!tl_msg_i64(v, &n))
        n = d >= 9e18 ? INT64_MAX : d <= -9e18 ? INT64_MIN : (int64_t)d;
    check_number(c, at, m, n);
    return true;
}

static bool check_member(struct check *c, const struct place *at, const struct tl_member *m, struct tl_msg v)
{
    enum tl_msg_kind kind = tl_msg_kind_of(v);
    struct tl_view text;
    struct tl_msg_blob blob;
    int64_t instant;
    switch (m->kind) {
    case TL_MEMBER_STRING:
        if (!tl_msg_string(v, &text))
            return wrong_type(c, wrong_string(v));
        check_string(c, at, m, text);
        return true;
    case TL_MEMBER_BLOB:
        if (!tl_msg_blob(v, &blob))
            return wrong_type(c, kind == TL_MSG_STRING ? "Data is not base64."
                                                       : "NUMBER_VALUE can not be converted to a Blob");
        if ((int64_t)blob.size > m->max)
            broken(c, at, TL_VIEW("java.nio.HeapByteBuffer"), "have length less than or equal to %" PRId64,
                   m->max);
        return true;
    case TL_MEMBER_INTEGER:
        return check_integer(c, at, m, v);
    case TL_MEMBER_TIMESTAMP:
        return tl_msg_time_ms(v, &instant) || wrong_type(c, "STRING_VALUE can not be converted to a Date");
    case TL_MEMBER_BOOLEAN:
        return kind == TL_MSG_BOOL || wrong_type(c, "STRING_VALUE can not be converted to a Boolean");
    case TL_MEMBER_STRUCTURE:
        return kind == TL_MSG_STRUCTURE ? check_members(c, at, v, m->members)
                                        : wrong_type(c, "Unexpected field type");
    case TL_MEMBER_LIST:
        return kind == TL_MSG_LIST ? check_list(c, at, m, v) : wrong_type(c, "Unexpected field type");
    case TL_MEMBER_MAP:
        return kind == TL_MSG_STRUCTURE ? check_map(c, at, m, v) : wrong_type(c, "Unexpected field type");
    }
    return true;
}

static bool check_members(struct check *c, const struct place *above, struct tl_msg object,
                          const struct tl_member *members)
{
    bool ok = true;
    for (const struct tl_member *m = members; ok && m->name; m++) {
        struct place at = { .above = above, .name = m->name };
        struct tl_msg v;
        if (tl_msg_get(object, m->name, &v) && tl_msg_kind_of(v) != TL_MSG_NULL)
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

bool tl_api_invalid(struct tl_api_call *call, const char *value, const char *place, const char *fmt, ...)
{
    char constraint[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(constraint, sizeof constraint, fmt, args);
    va_end(args);
    return tl_api_fail(
        call, "ValidationException",
        "1 validation error detected: Value '%s' at '%s' failed to satisfy constraint: Member must %s", value,
        place, constraint);
}
