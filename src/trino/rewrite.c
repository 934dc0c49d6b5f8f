/* SPDX-License-Identifier: Apache-2.0 */
#include "trino/rewrite_int.h"

#include <stdarg.h>
#include <stdio.h>

#define FORMS_MAX 24 /* in each other: a form may say an argument twice */

static struct tl_trino_piece *piece(struct tl_trino_rewriter *r, const char *text, size_t from, size_t to)
{
    struct tl_trino_piece *p = TL_ARENA_NEW(r->arena, struct tl_trino_piece);
    if (p)
        *p = (struct tl_trino_piece){ text, from, to, NULL };
    return p;
}

void tl_trino_put_before(struct tl_trino_rewriter *r, size_t at, const char *text)
{
    struct tl_trino_piece *p = piece(r, text, 0, 0);
    if (!p)
        return;
    p->next = r->edits[at].before;
    r->edits[at].before = p;
}

static void put_last(struct tl_trino_piece **list, struct tl_trino_piece *p)
{
    while (*list)
        list = &(*list)->next;
    *list = p;
}

void tl_trino_put_after(struct tl_trino_rewriter *r, size_t at, const char *text)
{
    put_last(&r->edits[at].after, piece(r, text, 0, 0));
}

void tl_trino_put_after_range(struct tl_trino_rewriter *r, size_t at, size_t from, size_t to)
{
    put_last(&r->edits[at].after, piece(r, NULL, from, to));
}

void tl_trino_instead(struct tl_trino_rewriter *r, size_t at, const char *text)
{
    r->edits[at].instead = text;
}

bool tl_trino_refuse(struct tl_trino_rewriter *r, size_t at, const char *fmt, ...)
{
    char message[700];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    tl_trino_wrong(r->tokens, at, r->error, "%s", message);
    r->error->code = TL_UNSUPPORTED;
    return false;
}

/* ---- the text ---- */

static void emit(struct tl_trino_rewriter *r, size_t from, size_t to);

static void emit_pieces(struct tl_trino_rewriter *r, const struct tl_trino_piece *p)
{
    for (; p; p = p->next) {
        if (p->text)
            tl_buf_add_text(r->out, p->text);
        else
            emit(r, p->from, p->to);
        tl_buf_add_char(r->out, ' ');
    }
}

/* "$1 || $2": the arguments in the form's places; "$*": all of them. */
static void emit_form(struct tl_trino_rewriter *r, const char *form, size_t open)
{
    size_t close = r->tokens->items[open].partner;
    for (const char *p = form; *p; p++) {
        if (p[0] != '$') {
            tl_buf_add_char(r->out, *p);
            continue;
        }
        p++;
        size_t begin = open + 1;
        for (int skip = *p - '1'; *p != '*' && skip > 0; skip--)
            begin = tl_trino_item_end(r->tokens, begin, close) + 1;
        emit(r, begin, *p == '*' ? close : tl_trino_item_end(r->tokens, begin, close));
    }
}

static void emit_call(struct tl_trino_rewriter *r, size_t name)
{
    if (++r->depth > FORMS_MAX)
        r->out->failed = true;
    else
        emit_form(r, r->edits[name].call->text, name + 1);
    r->depth--;
}

static void emit(struct tl_trino_rewriter *r, size_t from, size_t to)
{
    for (size_t i = from; i < to && !r->out->failed; i++) {
        const struct tl_trino_edit *e = &r->edits[i];
        emit_pieces(r, e->before);
        if (e->call) {
            emit_call(r, i);
            i = r->tokens->items[i + 1].partner;
            e = &r->edits[i];
        } else if (e->instead) {
            tl_buf_add_text(r->out, e->instead);
        } else {
            tl_buf_add_view(r->out, r->tokens->items[i].text);
        }
        tl_buf_add_char(r->out, ' ');
        emit_pieces(r, e->after);
    }
}

/* ---- all ---- */

static bool prepare(struct tl_trino_rewriter *r, struct tl_error *error)
{
    r->error = error;
    r->edits = TL_ARENA_ARRAY(r->arena, r->tokens->count + 1, struct tl_trino_edit);
    return r->edits || tl_error_set(error, TL_NO_MEMORY, "out of memory");
}

static bool finish(struct tl_trino_rewriter *r, size_t *parameters, struct tl_error *error)
{
    emit(r, r->from, r->to);
    *parameters = r->parameters;
    return tl_arena_ok(r->arena, "the statement", error) && tl_buf_ok(r->out, "the statement", error);
}

bool tl_trino_rewrite(const struct tl_trino_tokens *tokens, size_t from, size_t to, struct tl_arena *arena, struct tl_buf *out, size_t *parameters,
                      struct tl_error *error)
{
    struct tl_trino_rewriter r = { .tokens = tokens, .from = from, .to = to, .arena = arena, .out = out };
    return prepare(&r, error) && tl_trino_rewrite_clauses(&r) && tl_trino_rewrite_calls(&r) && tl_trino_rewrite_operators(&r) &&
           tl_trino_name_columns(&r) && finish(&r, parameters, error);
}

bool tl_trino_rewrite_value(const struct tl_trino_tokens *tokens, size_t from, size_t to, struct tl_arena *arena, struct tl_buf *out,
                            struct tl_error *error)
{
    struct tl_trino_rewriter r = { .tokens = tokens, .from = from, .to = to, .arena = arena, .out = out };
    size_t parameters = 0;
    if (!prepare(&r, error))
        return false;
    for (size_t i = from; i < to; i++)
        if (tl_trino_is(tokens, i, "select") || tl_trino_is_sign(tokens, i, "?") || tl_trino_is_sign(tokens, i, ";") ||
            tl_trino_item_end(tokens, from, to) != to)
            return tl_trino_wrong(tokens, i, error, "a parameter is one expression without columns");
    return from < to ? tl_trino_rewrite_clauses(&r) && tl_trino_rewrite_calls(&r) && tl_trino_rewrite_operators(&r) && finish(&r, &parameters, error)
                     : tl_error_set(error, TL_INVALID, "a parameter is empty");
}
