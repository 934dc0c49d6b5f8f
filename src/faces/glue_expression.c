/* SPDX-License-Identifier: Apache-2.0 */
/* faces/glue_expression.c: evaluated while it is read: a filter is short, and what it is held against changes each time. */
#include "faces/glue_expression.h"

#include <stdio.h>

#define DEPTH_MAX 50
#define LITERAL_MAX 2048
#define NULL_VALUE "__HIVE_DEFAULT_PARTITION__"

enum kind { END, NAME, TEXT, NUMBER, SIGN };

struct reader {
    struct tl_view rest; /* what is not read yet */
    enum kind kind;      /* of the token at hand */
    struct tl_view token;
    char text[LITERAL_MAX]; /* of a TEXT, without its quotes; token points here */
    const struct tl_glue_key *keys;
    size_t count;
    unsigned depth;
    struct tl_error *error;
};

static bool fail(struct reader *r, const char *what)
{
    return tl_error_set(r->error, TL_INVALID, "the expression is wrong at '%.*s': %s", (int)(r->token.size < 40 ? r->token.size : 40),
                        r->token.size ? r->token.data : "", what);
}

/* ---- tokens ---- */

static bool is_name_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || (unsigned char)c >= 0x80;
}

static void take(struct reader *r, size_t size)
{
    r->token = (struct tl_view){ r->rest.data, size };
    r->rest = (struct tl_view){ r->rest.data + size, r->rest.size - size };
}

/* 'it''s', or "name" and `name`. */
static bool take_quoted(struct reader *r, char quote)
{
    size_t at = 1, size = 0;
    for (;; at++) {
        if (at >= r->rest.size || size == sizeof r->text)
            return fail(r, at >= r->rest.size ? "a quote is not closed" : "a text is too long");
        if (r->rest.data[at] == quote && (at + 1 >= r->rest.size || r->rest.data[at + 1] != quote))
            break;
        at += r->rest.data[at] == quote;
        r->text[size++] = r->rest.data[at];
    }
    r->kind = quote == '\'' ? TEXT : NAME;
    take(r, at + 1);
    r->token = r->kind == TEXT ? (struct tl_view){ r->text, size } : (struct tl_view){ r->token.data + 1, r->token.size - 2 };
    return true;
}

static bool next(struct reader *r)
{
    size_t size = 0;
    r->rest = tl_view_trim(r->rest);
    r->kind = END;
    r->token = (struct tl_view){ NULL, 0 };
    if (!r->rest.size)
        return true;
    char c = r->rest.data[0];
    if (c == '\'' || c == '"' || c == '`')
        return take_quoted(r, c);
    bool number = (c >= '0' && c <= '9') || ((c == '-' || c == '+' || c == '.') && r->rest.size > 1);
    size = number;
    while (size < r->rest.size && (is_name_char(r->rest.data[size]) || (number && r->rest.data[size] == '.')))
        size++;
    r->kind = number ? NUMBER : size ? NAME : SIGN;
    if (!size) {
        bool two = r->rest.size > 1 && (memcmp(r->rest.data, "<>", 2) == 0 || memcmp(r->rest.data, "!=", 2) == 0 || memcmp(r->rest.data, "<=", 2) == 0 ||
                                        memcmp(r->rest.data, ">=", 2) == 0);
        size = two ? 2 : 1;
    }
    take(r, size);
    return true;
}

static bool is_word(const struct reader *r, const char *word)
{
    return r->kind == NAME && tl_view_eq_ignore_case(r->token, tl_view_of(word));
}

static bool is_sign(const struct reader *r, const char *sign)
{
    return r->kind == SIGN && tl_view_is(r->token, sign);
}

static bool expect_sign(struct reader *r, const char *sign)
{
    return is_sign(r, sign) ? next(r) : fail(r, "another sign is wanted here");
}

/* ---- comparisons ---- */

static bool is_number_type(struct tl_view type)
{
    static const char *const types[] = { "tinyint", "smallint", "int", "integer", "bigint", "long", "float", "double" };
    for (size_t i = 0; i < TL_COUNT(types); i++)
        if (tl_view_eq_ignore_case(type, tl_view_of(types[i])))
            return true;
    return type.size >= 7 && tl_view_eq_ignore_case((struct tl_view){ type.data, 7 }, TL_VIEW("decimal"));
}

static bool is_null(const struct tl_glue_key *key)
{
    return tl_view_is(key->value, NULL_VALUE);
}

/* *out: below, at or above 0. A key of numbers whose value is none compares as text. */
static bool compare(struct reader *r, const struct tl_glue_key *key, int *out)
{
    double a, b;
    if (r->kind != TEXT && r->kind != NUMBER)
        return fail(r, "a literal is wanted here");
    if (is_number_type(key->type) && tl_view_to_double(key->value, &a)) {
        if (!tl_view_to_double(r->token, &b))
            return fail(r, "the key's type is a number");
        *out = (a > b) - (a < b);
    } else {
        *out = tl_view_cmp(key->value, r->token);
    }
    return true;
}

/* A literal; DATE and TIMESTAMP before a text say nothing more. */
static bool compare_next(struct reader *r, const struct tl_glue_key *key, int *out)
{
    if ((is_word(r, "date") || is_word(r, "timestamp")) && !next(r))
        return false;
    return compare(r, key, out) && next(r);
}

/* With % and _; \ before one of them makes it plain. In time of both sizes' product. */
static bool is_like(struct tl_view text, struct tl_view pattern)
{
    size_t t = 0, p = 0, star = SIZE_MAX, mark = 0;
    while (t < text.size) {
        bool escaped = p + 1 < pattern.size && pattern.data[p] == '\\';
        char c = p < pattern.size ? pattern.data[p + escaped] : '\0';
        if (p < pattern.size && c == '%' && !escaped) {
            star = p++;
            mark = t;
        } else if (p < pattern.size && ((c == '_' && !escaped) || c == text.data[t])) {
            p += 1 + escaped;
            t++;
        } else if (star != SIZE_MAX) {
            p = star + 1;
            t = ++mark;
        } else {
            return false;
        }
    }
    while (p < pattern.size && pattern.data[p] == '%')
        p++;
    return p == pattern.size;
}

static bool read_in(struct reader *r, const struct tl_glue_key *key, bool *out)
{
    int order;
    *out = false;
    if (!expect_sign(r, "("))
        return false;
    for (;;) {
        if (!compare_next(r, key, &order))
            return false;
        *out = *out || order == 0;
        if (!is_sign(r, ","))
            return expect_sign(r, ")");
        if (!next(r))
            return false;
    }
}

static bool read_between(struct reader *r, const struct tl_glue_key *key, bool *out)
{
    int low, high;
    if (!compare_next(r, key, &low))
        return false;
    if (!is_word(r, "and"))
        return fail(r, "BETWEEN has an AND");
    if (!next(r) || !compare_next(r, key, &high))
        return false;
    *out = low >= 0 && high <= 0;
    return true;
}

static bool read_like(struct reader *r, const struct tl_glue_key *key, bool *out)
{
    if (r->kind != TEXT)
        return fail(r, "LIKE has a text");
    *out = is_like(key->value, r->token);
    return next(r);
}

static bool read_order(struct reader *r, const struct tl_glue_key *key, bool *out)
{
    static const struct {
        const char *sign;
        bool below, equal, above;
    } signs[] = { { "=", false, true, false }, { "<>", true, false, true }, { "!=", true, false, true },
                  { "<", true, false, false }, { "<=", true, true, false }, { ">", false, false, true }, { ">=", false, true, true } };
    int order;
    for (size_t i = 0; i < TL_COUNT(signs); i++)
        if (is_sign(r, signs[i].sign)) {
            if (!next(r) || !compare_next(r, key, &order))
                return false;
            *out = order < 0 ? signs[i].below : order > 0 ? signs[i].above : signs[i].equal;
            return true;
        }
    return fail(r, "a comparison is wanted here");
}

static bool read_is_null(struct reader *r, const struct tl_glue_key *key, bool *out)
{
    bool not = is_word(r, "not");
    if (not && !next(r))
        return false;
    if (!is_word(r, "null"))
        return fail(r, "IS has NULL or NOT NULL");
    *out = is_null(key) != not;
    return next(r);
}

static bool read_predicate(struct reader *r, bool *out)
{
    const struct tl_glue_key *key = NULL;
    for (size_t i = 0; r->kind == NAME && i < r->count && !key; i++)
        if (tl_view_eq_ignore_case(r->token, r->keys[i].name))
            key = &r->keys[i];
    if (!key)
        return fail(r, "it is no partition key of the table");
    if (!next(r))
        return false;
    if (is_word(r, "is"))
        return next(r) && read_is_null(r, key, out);
    bool not = is_word(r, "not");
    if (not && !next(r))
        return false;
    bool (*read)(struct reader *, const struct tl_glue_key *, bool *) =
        is_word(r, "in") ? read_in : is_word(r, "between") ? read_between : is_word(r, "like") ? read_like : NULL;
    if (!read && not)
        return fail(r, "NOT stands before IN, BETWEEN or LIKE");
    if (!(read ? next(r) && read(r, key, out) : read_order(r, key, out)))
        return false;
    *out = *out != not && !is_null(key); /* of NULL nothing is true */
    return true;
}

/* ---- what connects them ---- */

static bool read_or(struct reader *r, bool *out);

static bool read_not(struct reader *r, bool *out)
{
    bool ok;
    if (++r->depth > DEPTH_MAX)
        return fail(r, "it is too deep");
    if (is_word(r, "not")) {
        ok = next(r) && read_not(r, out);
        *out = !*out;
    } else if (is_sign(r, "(")) {
        ok = next(r) && read_or(r, out) && expect_sign(r, ")");
    } else {
        ok = read_predicate(r, out);
    }
    r->depth--;
    return ok;
}

static bool read_and(struct reader *r, bool *out)
{
    if (!read_not(r, out))
        return false;
    while (is_word(r, "and")) {
        bool also = false;
        if (!next(r) || !read_not(r, &also))
            return false;
        *out = *out && also;
    }
    return true;
}

static bool read_or(struct reader *r, bool *out)
{
    if (!read_and(r, out))
        return false;
    while (is_word(r, "or")) {
        bool also = false;
        if (!next(r) || !read_and(r, &also))
            return false;
        *out = *out || also;
    }
    return true;
}

bool tl_glue_expression_matches(struct tl_view text, const struct tl_glue_key *keys, size_t count, bool *matches, struct tl_error *error)
{
    struct reader r = { .rest = text, .keys = keys, .count = count, .error = error };
    *matches = true;
    if (!tl_view_trim(text).size)
        return true;
    *matches = false;
    return next(&r) && read_or(&r, matches) && (r.kind == END || fail(&r, "the expression should end here"));
}
