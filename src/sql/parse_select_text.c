/* SPDX-License-Identifier: Apache-2.0 */
/* sql/parse_select_text.c: the SELECT of a feed or a batch table, which is DuckDB's: its end is found, NOW() is replaced, the rest is
 * kept to the letter. */
#include "base/buf.h"
#include "sql/parser_int.h"

#define SELECT_MAX (1 << 20)

/* The token of the statement's ';' (or the end). */
static size_t statement_end(const struct tl_parser *p)
{
    size_t at = p->at;
    while (p->tokens[at].kind != TL_TOKEN_END && !tl_is_symbol(&p->tokens[at], ';'))
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
        if (depth == 0 && tl_is_word(&p->tokens[i], "WITH") && i + 1 < end && tl_is_symbol(&p->tokens[i + 1], '('))
            found = i;
    }
    return found;
}

static bool is_now(const struct tl_parser *p, size_t i, size_t end)
{
    return tl_is_word(&p->tokens[i], "NOW") && i + 2 < end && tl_is_symbol(&p->tokens[i + 1], '(') &&
           tl_is_symbol(&p->tokens[i + 2], ')');
}

/* The text from token begin to before token end, each NOW() (or CURRENT_TIMESTAMP) made the text that the feed replaces. */
static void copy_text(const struct tl_parser *p, size_t begin, size_t end, bool replace_now, struct tl_buf *out)
{
    size_t from = p->tokens[begin].at;
    for (size_t i = begin; replace_now && i < end; i++) {
        bool call = is_now(p, i, end);
        if (!call && !tl_is_word(&p->tokens[i], "CURRENT_TIMESTAMP"))
            continue;
        tl_buf_add(out, p->context->text.data + from, p->tokens[i].at - from);
        tl_buf_add_text(out, "'" TL_FEED_NOW "'");
        i += call ? 2 : 0;
        from = p->tokens[i].at + p->tokens[i].size;
    }
    size_t until = p->tokens[end - 1].at + p->tokens[end - 1].size;
    tl_buf_add(out, p->context->text.data + from, until - from);
}

static bool balanced(struct tl_parser *p, size_t end)
{
    int depth = 0;
    for (size_t i = p->at; i < end; i++) {
        depth += tl_is_symbol(&p->tokens[i], '(') - tl_is_symbol(&p->tokens[i], ')');
        if (depth < 0) {
            tl_diagnostic_add(p->context, tl_place_of(&p->tokens[i]), NULL, "this ')' closes nothing");
            return false;
        }
    }
    if (depth > 0)
        tl_diagnostic_add(p->context, tl_place_of(&p->tokens[end]), NULL, "a ')' is missing before this");
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
    struct tl_buf text;
    tl_buf_init(&text, SELECT_MAX);
    copy_text(p, p->at, text_end, options_follow, &text);
    s->select = text.failed ? NULL : tl_arena_text(p->arena, tl_buf_view(&text));
    tl_buf_release(&text);
    s->select_place = tl_place_of(begin);
    p->at = text_end;
    if (!s->select)
        return false;
    if (text_end == end)
        return !options_follow || tl_expected(p, "WITH (...), the feed's options, after its SELECT", NULL);
    p->at++;
    return tl_parse_options(p, &s->options);
}
