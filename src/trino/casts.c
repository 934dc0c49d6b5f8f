/* SPDX-License-Identifier: Apache-2.0 */
/* CAST: the names of types, and the conversions that DuckDB does otherwise. */
#include "trino/rewrite_int.h"

static bool add_type(struct tl_trino_rewriter *r, size_t *at, size_t to, struct tl_buf *out);

static bool unknown_type(struct tl_trino_rewriter *r, size_t at)
{
    return tl_trino_refuse(r, at, "the type '%.*s' is not served here", TL_VIEW_ARG(r->tokens->items[at < r->to ? at : r->to - 1].text));
}

/* ROW(a BIGINT, b VARCHAR) */
static bool add_fields(struct tl_trino_rewriter *r, size_t at, size_t close, struct tl_buf *out)
{
    tl_buf_add_text(out, "STRUCT(");
    for (bool first = true; at < close; first = false, at++) {
        if (!tl_trino_is_name(r->tokens, at))
            return unknown_type(r, at);
        tl_buf_add_text(out, first ? "" : ", ");
        tl_buf_add_view(out, r->tokens->items[at++].text);
        tl_buf_add_char(out, ' ');
        if (!add_type(r, &at, close, out))
            return false;
        if (at < close && !tl_trino_is_sign(r->tokens, at, ","))
            return unknown_type(r, at);
    }
    tl_buf_add_char(out, ')');
    return true;
}

/* What stands between the brackets of at + 1. */
static bool add_nested(struct tl_trino_rewriter *r, size_t at, size_t close, struct tl_buf *out)
{
    size_t in = at + 2;
    if (tl_trino_is(r->tokens, at, "row"))
        return add_fields(r, in, close, out);
    bool map = tl_trino_is(r->tokens, at, "map");
    tl_buf_add_text(out, map ? "MAP(" : "");
    if (!add_type(r, &in, close, out) || (map && !tl_trino_is_sign(r->tokens, in, ",")))
        return false;
    if (map) {
        in++;
        tl_buf_add_text(out, ", ");
        if (!add_type(r, &in, close, out))
            return false;
    }
    tl_buf_add_text(out, map ? ")" : "[]");
    return in == close || unknown_type(r, in);
}

/* TIMESTAMP(3) WITH TIME ZONE, DECIMAL(10, 2), VARCHAR(5), BIGINT ... *at: past it. */
static bool add_plain(struct tl_trino_rewriter *r, size_t *at, size_t after, struct tl_buf *out)
{
    static const char *const types[][2] = { { "boolean", "BOOLEAN" }, { "tinyint", "TINYINT" },     { "smallint", "SMALLINT" }, { "integer", "INTEGER" },
                                            { "int", "INTEGER" },     { "bigint", "BIGINT" },       { "real", "REAL" },         { "double", "DOUBLE" },
                                            { "varchar", "VARCHAR" }, { "varbinary", "BLOB" },      { "date", "DATE" },         { "timestamp", "TIMESTAMP" },
                                            { "uuid", "UUID" },       { "json", "JSON" },           { "time", "TIME" } };
    size_t name = *at;
    *at = after;
    if (tl_trino_is(r->tokens, name, "decimal")) {
        tl_buf_add_text(out, "DECIMAL");
        if (after == name + 1)
            tl_buf_add_text(out, "(38, 0)"); /* DuckDB: (18, 3) */
        for (size_t i = name + 1; i < after; i++)
            tl_buf_add_view(out, r->tokens->items[i].text);
        return true;
    }
    for (size_t i = 0; i < TL_COUNT(types); i++)
        if (tl_trino_is(r->tokens, name, types[i][0])) {
            bool zone = tl_trino_is(r->tokens, after, "with") && tl_trino_is(r->tokens, after + 1, "time") && tl_trino_is(r->tokens, after + 2, "zone");
            *at += zone ? 3 : 0;
            tl_buf_add_text(out, zone ? "TIMESTAMPTZ" : types[i][1]);
            return !zone || tl_trino_is(r->tokens, name, "timestamp") || unknown_type(r, name);
        }
    return unknown_type(r, name);
}

static bool add_type(struct tl_trino_rewriter *r, size_t *at, size_t to, struct tl_buf *out)
{
    size_t name = *at, after = name + 1;
    if (name >= to || r->tokens->items[name].kind != TL_TRINO_WORD)
        return unknown_type(r, name);
    if (tl_trino_is_sign(r->tokens, after, "("))
        after = r->tokens->items[after].partner + 1;
    if (after > name + 1 && (tl_trino_is(r->tokens, name, "array") || tl_trino_is(r->tokens, name, "map") || tl_trino_is(r->tokens, name, "row"))) {
        *at = after;
        return add_nested(r, name, after - 1, out);
    }
    return add_plain(r, at, after, out);
}

/* How the value is to be made ready; NULL: as it is. */
static const char *preparation(const struct tl_trino_rewriter *r, size_t type, bool try)
{
    static const char *const whole[] = { "tinyint", "smallint", "integer", "int", "bigint" };
    for (size_t i = 0; i < TL_COUNT(whole); i++)
        if (tl_trino_is(r->tokens, type, whole[i]))
            return try ? "tl_try_whole(" : "tl_whole(";
    return tl_trino_is(r->tokens, type, "varchar") ? "tl_varchar(" : NULL;
}

bool tl_trino_rewrite_cast(struct tl_trino_rewriter *r, size_t name)
{
    size_t open = name + 1, close = r->tokens->items[open].partner, as = open + 1;
    while (as < close && !tl_trino_is(r->tokens, as, "as")) {
        size_t partner = r->tokens->items[as].partner;
        as = partner != TL_TRINO_NONE && partner > as ? partner + 1 : as + 1;
    }
    size_t type = as + 1, at = type;
    struct tl_buf text;
    if (as >= close)
        return tl_trino_wrong(r->tokens, close, r->error, "mismatched input ')'. Expecting: 'AS'");
    if (tl_trino_is(r->tokens, type, "json"))
        return tl_trino_refuse(r, type, "CAST(... AS JSON) is not served here: json_parse(text) reads JSON");
    tl_buf_init(&text, 4096);
    bool ok = add_type(r, &at, close, &text) && (at == close || unknown_type(r, at));
    if (ok) {
        const char *prepared = preparation(r, type, tl_trino_is(r->tokens, name, "try_cast"));
        if (prepared) {
            tl_trino_put_after(r, open, prepared);
            tl_trino_put_before(r, as, ")");
        }
        bool cut = tl_trino_is(r->tokens, type, "varchar") && close > type + 2 && r->tokens->items[type + 2].kind == TL_TRINO_NUMBER; /* VARCHAR(3) keeps three characters */
        if (cut) {
            tl_trino_put_before(r, name, "left(");
            tl_trino_put_after(r, close, tl_arena_printf(r->arena, ", %.*s)", TL_VIEW_ARG(r->tokens->items[type + 2].text)));
        }
        tl_trino_instead(r, type, tl_arena_text(r->arena, tl_buf_view(&text)));
        for (size_t i = type + 1; i < close; i++)
            tl_trino_instead(r, i, "");
    }
    tl_buf_release(&text);
    return ok;
}
