/* SPDX-License-Identifier: Apache-2.0 */
/* The columns of every SELECT that have no name get one, by which the result's writer finds them: Athena calls them _col0, _col1 ... */
#include "trino/rewrite_int.h"

static bool ends_list(const struct tl_trino_rewriter *r, size_t at)
{
    static const char *const words[] = { "where", "group", "having", "order", "limit", "union", "except", "intersect", "window", "fetch", "offset" };
    if (tl_trino_is(r->tokens, at, "from"))
        return !tl_trino_is(r->tokens, at - 1, "distinct"); /* IS DISTINCT FROM */
    for (size_t i = 0; i < TL_COUNT(words); i++)
        if (tl_trino_is(r->tokens, at, words[i]))
            return true;
    return tl_trino_is_sign(r->tokens, at, ")") || tl_trino_is_sign(r->tokens, at, ";");
}

/* *, t.*, or a column by its name: DuckDB calls it as Athena does. */
static bool is_column(const struct tl_trino_rewriter *r, size_t from, size_t to)
{
    static const char *const values[] = { "null", "true", "false", "current_date", "current_timestamp", "current_time", "localtimestamp", "localtime" };
    for (size_t i = 0; to == from + 1 && i < TL_COUNT(values); i++)
        if (tl_trino_is(r->tokens, from, values[i]))
            return false;
    if (tl_trino_is_sign(r->tokens, to - 1, "*"))
        return true;
    for (size_t i = from; i < to; i++)
        if ((i - from) % 2 ? !tl_trino_is_sign(r->tokens, i, ".") : !tl_trino_is_name(r->tokens, i))
            return false;
    return true;
}

/* expression AS name, expression name */
static bool is_named(const struct tl_trino_rewriter *r, size_t from, size_t to)
{
    static const char *const ends[] = { "null", "true", "false", "end", "unknown" };
    size_t last = to - 1;
    if (to < from + 2 || !tl_trino_is_name(r->tokens, last))
        return false;
    if (tl_trino_is(r->tokens, last - 1, "as"))
        return true;
    for (size_t i = 0; i < TL_COUNT(ends); i++)
        if (tl_trino_is(r->tokens, last, ends[i]))
            return false;
    bool unit = last >= from + 2 && r->tokens->items[last - 1].kind == TL_TRINO_STRING &&
                (tl_trino_is(r->tokens, last - 2, "interval") || tl_trino_is_sign(r->tokens, last - 2, "-"));
    return !unit && tl_trino_ends_operand(r, last - 1);
}

static size_t item_end(const struct tl_trino_rewriter *r, size_t at)
{
    while (at < r->to && !tl_trino_is_sign(r->tokens, at, ",") && !ends_list(r, at)) {
        size_t partner = r->tokens->items[at].partner;
        at = partner != TL_TRINO_NONE && partner > at ? partner + 1 : at + 1;
    }
    return at < r->to ? at : r->to;
}

bool tl_trino_name_columns(struct tl_trino_rewriter *r)
{
    for (size_t i = r->from; i < r->to; i++) {
        if (!tl_trino_is(r->tokens, i, "select"))
            continue;
        size_t from = i + 1;
        from += tl_trino_is(r->tokens, from, "distinct") || tl_trino_is(r->tokens, from, "all");
        for (size_t to;; from = to + 1) {
            to = item_end(r, from);
            if (to > from && !is_column(r, from, to) && !is_named(r, from, to))
                tl_trino_put_after(r, to - 1, "AS " TL_TRINO_UNNAMED);
            if (!tl_trino_is_sign(r->tokens, to, ",") || to >= r->to)
                break;
        }
    }
    return true;
}
