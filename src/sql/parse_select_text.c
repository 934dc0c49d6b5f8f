/* SPDX-License-Identifier: Apache-2.0 */
/* sql/parse_select_text.c: the SELECT of a feed or a batch table, which is DuckDB's: only its end is found
 * here (what becomes of it: check_select.c). */
#include "sql/parser_int.h"

/* The token of the statement's ';' (or the end, or the next CREATE where ';' was forgotten). */
static size_t statement_end(const struct tl_parser *p)
{
    size_t at = p->at;
    while (p->tokens[at].kind != TL_TOKEN_END && !tl_is_symbol(&p->tokens[at], ';') &&
           !tl_begins_statement(&p->tokens[at]))
        at++;
    return at;
}

/* The last WITH at depth 0 that is followed by '(': a feed's own options. SIZE_MAX when there is none. */
static size_t find_options(const struct tl_parser *p, size_t end)
{
    size_t found = SIZE_MAX;
    int depth = 0;
    for (size_t i = p->at; i < end; i++) {
        if (tl_is_symbol(&p->tokens[i], '('))
            depth++;
        if (tl_is_symbol(&p->tokens[i], ')'))
            depth--;
        if (depth == 0 && tl_is_word(&p->tokens[i], "WITH") && i + 1 < end &&
            tl_is_symbol(&p->tokens[i + 1], '('))
            found = i;
    }
    return found;
}

static bool balanced(struct tl_parser *p, size_t end)
{
    size_t depth = 0, open = p->at; /* open: the '(' at depth 0 */
    for (size_t i = p->at; i < end; i++) {
        if (tl_is_symbol(&p->tokens[i], '(') && depth++ == 0)
            open = i;
        if (!tl_is_symbol(&p->tokens[i], ')'))
            continue;
        if (depth == 0) {
            tl_diagnostic_add(p->context, tl_place_of(&p->tokens[i]), NULL, "this ')' closes nothing");
            return false;
        }
        depth--;
    }
    if (depth > 0)
        tl_diagnostic_add(p->context, tl_place_of(&p->tokens[open]), NULL,
                          "this '(' is not closed before the statement ends");
    return depth == 0;
}

bool tl_parse_select_text(struct tl_parser *p, bool options_follow, struct tl_ast_statement *s)
{
    static const char *const first[] = { "SELECT", "WITH", "FROM", NULL };
    const struct tl_token *begin = tl_peek(p, 0);
    if (!tl_is_word(begin, "SELECT") && !tl_is_word(begin, "WITH") && !tl_is_word(begin, "FROM"))
        return tl_expected(p, "a SELECT", first);
    size_t end = statement_end(p);
    if (!balanced(p, end))
        return false;
    size_t options = options_follow ? find_options(p, end) : SIZE_MAX;
    size_t text_end = options != SIZE_MAX && options > p->at ? options : end;
    s->select = begin;
    s->select_count = text_end - p->at;
    p->at = text_end;
    if (text_end == end)
        return !options_follow || tl_expected(p, "WITH (...), the feed's options, after its SELECT", NULL);
    p->at++;
    return tl_parse_options(p, &s->options);
}
