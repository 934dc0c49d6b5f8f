/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/pipeline.h"

#include "sql/checker.h"
#include "sql/parser.h"

#include <inttypes.h>
#include <stdlib.h>

#define ARENA_MAX ((size_t)64 << 20)
#define TEXT_MAX ((size_t)1 << 20)

/* A name may hold anything that is printed: its length goes before it, so that no two plans have one text. */
static void add_name(struct tl_buf *text, const char *name)
{
    tl_buf_addf(text, " %zu:%s", strlen(name), name);
}

/* A tree in one way: "(ADD DOUBLE #3 2.5)". Texts have their length before them, doubles are told by their bits. */
static void add_tree(struct tl_buf *text, const struct tl_expr *e)
{
    tl_buf_addf(text, " (%s %s", tl_op_name(e->op), tl_type_name(e->type));
    if (e->op == TL_OP_COLUMN)
        tl_buf_addf(text, " #%zu", e->slot);
    if (e->op == TL_OP_LITERAL && e->value.null)
        tl_buf_add_text(text, " NULL");
    else if (e->op == TL_OP_LITERAL && e->type == TL_TYPE_VARCHAR) {
        tl_buf_addf(text, " %zu:", e->value.as.text.size);
        tl_buf_add_view(text, e->value.as.text);
    } else if (e->op == TL_OP_LITERAL)
        tl_buf_addf(text, " %" PRId64, e->value.as.i64);
    if (e->op == TL_OP_EXTRACT || e->op == TL_OP_TRUNCATE || e->part)
        tl_buf_addf(text, " %d", (int)e->part);
    for (unsigned i = 0; i < e->arg_count; i++)
        add_tree(text, e->args[i]);
    tl_buf_add_char(text, ')');
}

/* Only what a source of this kind has: the text of one without metadata and computed columns is as in the first version. */
static void add_slots(struct tl_buf *text, const struct tl_source_plan *s)
{
    for (size_t i = s->column_count; i < s->slot_count; i++) {
        const struct tl_slot_plan *slot = &s->slots[i];
        if (slot->kind == TL_SLOT_EVENT_TIME && !slot->expr)
            continue;
        tl_buf_addf(text, " slot %zu %d", i, (int)slot->kind);
        if (slot->def.name)
            add_name(text, slot->def.name);
        if (slot->expr)
            add_tree(text, slot->expr);
        tl_buf_add_char(text, '\n');
    }
}

static void add_dedup(struct tl_buf *text, const struct tl_source_plan *s)
{
    if (s->dedup_count == 0)
        return;
    tl_buf_add_text(text, " dedup");
    for (size_t i = 0; i < s->dedup_count; i++)
        tl_buf_addf(text, " %zu", s->dedup[i]);
    tl_buf_addf(text, " %" PRId64 "\n", s->dedup_for_ns);
}

static void add_source(struct tl_buf *text, const struct tl_source_plan *s)
{
    tl_buf_add_text(text, "source");
    add_name(text, s->name);
    add_name(text, s->event_time);
    if (s->of_view)
        tl_buf_addf(text, " of view %zu by %zu", s->view, s->event_time_slot);
    else if (s->event_time_column == SIZE_MAX)
        tl_buf_addf(text, " at %zu", s->event_time_slot);
    else
        tl_buf_addf(text, " %zu", s->event_time_column);
    tl_buf_addf(text, " %" PRId64 " %" PRId64 "\n", s->delay_ns, s->max_future_skew_ns);
    for (size_t i = 0; i < s->column_count; i++) {
        add_name(text, s->columns[i].name);
        tl_buf_addf(text, " %s%s\n", tl_type_name(s->columns[i].type),
                    s->columns[i].not_null ? " NOT NULL" : "");
    }
    add_slots(text, s);
    add_dedup(text, s);
}

static void add_view(struct tl_buf *text, const struct tl_view_plan *v)
{
    static const char *const outputs[] = { "key", "aggregate", "window_start", "window_end", "expression" };
    static const char *const emits[] = { "FINAL", "CHANGES", "SNAPSHOT" };
    tl_buf_add_text(text, "view");
    add_name(text, v->name);
    tl_buf_addf(text, " %zu %s %" PRId64 " %" PRId64 " %s\n", v->source, tl_window_name(v->window), v->size_ns,
                v->offset_ns, emits[v->emit]);
    if (v->window == TL_WINDOW_HOP)
        tl_buf_addf(text, " slide %" PRId64 "\n", v->slide_ns);
    if (v->has_where)
        tl_buf_addf(text, " where %zu\n", v->where);
    for (size_t i = 0; i < v->key_count; i++)
        tl_buf_addf(text, " by %zu\n", v->keys[i]);
    for (size_t i = 0; i < v->aggregate_count; i++) {
        const struct tl_aggregate_plan *a = &v->aggregates[i];
        tl_buf_addf(text, " %s %zu%s", tl_aggregate_name(a->kind), a->column, a->ignore_nulls ? " IGNORE NULLS" : "");
        if (a->kind == TL_AGG_VWAP)
            tl_buf_addf(text, " %zu", a->volume);
        tl_buf_add_char(text, '\n');
    }
    for (size_t i = 0; i < v->column_count; i++) {
        add_name(text, v->columns[i].name);
        tl_buf_addf(text, " %s %zu\n", outputs[v->outputs[i].kind], v->outputs[i].index);
    }
    for (size_t i = 0; i < v->expression_count; i++)
        add_tree(text, v->expressions[i]);
    if (v->having)
        add_tree(text, v->having);
}

/* What decides the rows, in one text: two plans with the same text compute the same. Not in it: where things
 * live, how often is committed, what is charted. The text is for ever: a checkpoint holds its hash, and every
 * change of it refuses them all. */
static bool fingerprint_of(const struct tl_plan *plan, uint64_t *out)
{
    struct tl_buf text;
    tl_buf_init(&text, ARENA_MAX);
    tl_buf_add_text(&text, "1");
    add_name(&text, plan->name);
    tl_buf_add_char(&text, '\n');
    for (size_t i = 0; i < plan->source_count; i++)
        add_source(&text, &plan->sources[i]);
    for (size_t i = 0; i < plan->view_count; i++)
        add_view(&text, &plan->views[i]);
    bool ok = !text.failed;
    *out = tl_view_hash(tl_buf_view(&text), 0);
    tl_buf_release(&text);
    return ok;
}

static bool compile(struct tl_diagnostic_context *context, const struct tl_pipeline_options *options,
                    struct tl_plan *plan)
{
    struct tl_tokens tokens;
    plan->file_name = tl_arena_text(&plan->arena, tl_view_of(context->file_name));
    plan->text = (struct tl_view){ tl_arena_text(&plan->arena, context->text), context->text.size };
    if (!tl_lex(&plan->arena, context, &tokens))
        return false;
    struct tl_checker checker = { .context = context, .options = options, .plan = plan };
    checker.statements = tl_parse(&plan->arena, context, &tokens);
    /* With a statement that was not understood, what refers to it would be told as well: the checker would
     * mislead. */
    if (context->out->count > 0)
        return false;
    if (!tl_check(&checker) || context->out->count > 0)
        return false;
    return fingerprint_of(plan, &plan->fingerprint);
}

bool tl_pipeline_compile(struct tl_view text, const struct tl_pipeline_options *options, struct tl_plan **out,
                         struct tl_diagnostics *diagnostics)
{
    if (!text.data)
        text = TL_VIEW("");
    struct tl_diagnostic_context context = { options->file_name, text, diagnostics };
    *out = NULL;
    struct tl_plan *plan = calloc(1, sizeof *plan);
    bool ok = false;
    if (plan)
        tl_arena_init(&plan->arena, ARENA_MAX);
    if (text.size > TEXT_MAX)
        tl_diagnostic_add(&context, (struct tl_diagnostic_place){ 0, 1 }, NULL,
                          "the file is larger than %zu bytes", TEXT_MAX);
    else if (plan)
        ok = compile(&context, options, plan) && !plan->arena.failed;
    if (!ok && diagnostics->count == 0) {
        tl_buf_addf(&diagnostics->text, "%s: out of memory\n", options->file_name);
        diagnostics->count = 1;
    }
    if (diagnostics->count > TL_DIAGNOSTICS_MAX)
        tl_buf_addf(&diagnostics->text, "%s: and %zu more errors\n", options->file_name,
                    diagnostics->count - TL_DIAGNOSTICS_MAX);
    if (ok)
        *out = plan;
    else
        tl_plan_free(plan);
    return ok;
}
