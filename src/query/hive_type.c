/* SPDX-License-Identifier: Apache-2.0 */
#include "query/hive_type.h"

#include "lake/duck.h"

#define DEPTH_MAX 20

struct reader {
    struct tl_view rest;
    struct tl_buf *out;
    unsigned depth;
};

static const char *const names[][2] = {
    { "string", "VARCHAR" },  { "boolean", "BOOLEAN" }, { "tinyint", "TINYINT" }, { "smallint", "SMALLINT" },   { "int", "INTEGER" },
    { "integer", "INTEGER" }, { "bigint", "BIGINT" },   { "float", "FLOAT" },     { "double", "DOUBLE" },       { "date", "DATE" },
    { "timestamp", "TIMESTAMP" }, { "binary", "BLOB" }, { "char", "VARCHAR" },    { "varchar", "VARCHAR" },
};

static bool take(struct reader *r, char c)
{
    r->rest = tl_view_trim(r->rest);
    if (!r->rest.size || r->rest.data[0] != c)
        return false;
    r->rest = (struct tl_view){ r->rest.data + 1, r->rest.size - 1 };
    return true;
}

/* Up to a sign of the grammar. */
static struct tl_view take_word(struct reader *r)
{
    size_t size = 0;
    r->rest = tl_view_trim(r->rest);
    while (size < r->rest.size && !strchr("<>(),:", r->rest.data[size]))
        size++;
    struct tl_view word = { r->rest.data, size };
    r->rest = (struct tl_view){ r->rest.data + size, r->rest.size - size };
    return tl_view_trim(word);
}

static bool take_number(struct reader *r, uint64_t max, uint64_t *out)
{
    return tl_view_to_u64(take_word(r), out) && *out <= max;
}

static bool read_type(struct reader *r);

static bool read_decimal(struct reader *r)
{
    uint64_t precision = 10, scale = 0;
    if (take(r, '(') && !(take_number(r, 38, &precision) && (!take(r, ',') || take_number(r, precision, &scale)) && take(r, ')')))
        return false;
    tl_buf_addf(r->out, "DECIMAL(%u,%u)", (unsigned)precision, (unsigned)scale);
    return precision > 0;
}

static bool read_map(struct reader *r)
{
    tl_buf_add_text(r->out, "MAP(");
    if (!take(r, '<') || !read_type(r) || !take(r, ','))
        return false;
    tl_buf_add_text(r->out, ", ");
    bool ok = read_type(r) && take(r, '>');
    tl_buf_add_char(r->out, ')');
    return ok;
}

static bool read_struct(struct reader *r)
{
    tl_buf_add_text(r->out, "STRUCT(");
    if (!take(r, '<'))
        return false;
    for (bool first = true;; first = false) {
        tl_buf_add_text(r->out, first ? "" : ", ");
        struct tl_view name = take_word(r);
        tl_sql_add_name(r->out, name);
        tl_buf_add_char(r->out, ' ');
        if (!name.size || !take(r, ':') || !read_type(r))
            return false;
        if (take(r, ','))
            continue;
        tl_buf_add_char(r->out, ')');
        return take(r, '>');
    }
}

static bool read_plain(struct reader *r, struct tl_view word)
{
    uint64_t length;
    bool sized = tl_view_eq_ignore_case(word, TL_VIEW("char")) || tl_view_eq_ignore_case(word, TL_VIEW("varchar"));
    for (size_t i = 0; i < TL_COUNT(names); i++)
        if (tl_view_eq_ignore_case(word, tl_view_of(names[i][0]))) {
            tl_buf_add_text(r->out, names[i][1]);
            return !sized || !take(r, '(') || (take_number(r, 65535, &length) && take(r, ')'));
        }
    return false;
}

static bool read_type(struct reader *r)
{
    struct tl_view word = take_word(r);
    bool ok;
    if (++r->depth > DEPTH_MAX)
        return false;
    if (tl_view_eq_ignore_case(word, TL_VIEW("array"))) {
        ok = take(r, '<') && read_type(r) && take(r, '>');
        tl_buf_add_text(r->out, "[]");
    } else {
        ok = tl_view_eq_ignore_case(word, TL_VIEW("decimal"))  ? read_decimal(r)
             : tl_view_eq_ignore_case(word, TL_VIEW("map"))    ? read_map(r)
             : tl_view_eq_ignore_case(word, TL_VIEW("struct")) ? read_struct(r)
                                                                : read_plain(r, word);
    }
    r->depth--;
    return ok;
}

bool tl_hive_type_sql(struct tl_view type, struct tl_buf *out)
{
    struct reader r = { .rest = type, .out = out };
    return read_type(&r) && !tl_view_trim(r.rest).size && !out->failed;
}
