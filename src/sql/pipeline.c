/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/pipeline.h"

#include "sql/checker.h"
#include "sql/parser.h"

#include <inttypes.h>
#include <stdlib.h>

#define ARENA_MAX ((size_t)64 << 20)
#define TEXT_MAX ((size_t)1 << 20)

/* What decides the rows, in one text: two plans with the same text compute the same. Not in it: where things live, how often is
 * committed, what is charted. */
static uint64_t fingerprint_of(const struct tl_plan *plan)
{
    struct tl_buf text;
    tl_buf_init(&text, ARENA_MAX);
    tl_buf_addf(&text, "1 %s\n", plan->name);
    for (size_t i = 0; i < plan->source_count; i++) {
        const struct tl_source_plan *s = &plan->sources[i];
        tl_buf_addf(&text, "source %s %s %zu %" PRId64 " %" PRId64 "\n", s->name, s->event_time, s->event_time_column, s->delay_ns,
                    s->max_future_skew_ns);
        for (size_t k = 0; k < s->column_count; k++)
            tl_buf_addf(&text, " %s %d %d\n", s->columns[k].name, s->columns[k].type, s->columns[k].not_null);
    }
    for (size_t i = 0; i < plan->view_count; i++) {
        const struct tl_view_plan *v = &plan->views[i];
        tl_buf_addf(&text, "view %s %zu %d %" PRId64 " %" PRId64 " %d\n", v->name, v->source, v->window, v->size_ns, v->offset_ns, v->emit);
        for (size_t k = 0; k < v->key_count; k++)
            tl_buf_addf(&text, " key %zu\n", v->keys[k]);
        for (size_t k = 0; k < v->aggregate_count; k++)
            tl_buf_addf(&text, " agg %d %zu %d\n", v->aggregates[k].kind, v->aggregates[k].column, v->aggregates[k].ignore_nulls);
        for (size_t k = 0; k < v->column_count; k++)
            tl_buf_addf(&text, " out %s %d %zu\n", v->columns[k].name, v->outputs[k].kind, v->outputs[k].index);
    }
    uint64_t hash = tl_view_hash(tl_buf_view(&text), 0);
    tl_buf_release(&text);
    return hash;
}

static bool compile(struct tl_diagnostic_context *context, const struct tl_pipeline_options *options, struct tl_plan *plan)
{
    struct tl_tokens tokens;
    if (!tl_lex(&plan->arena, context, &tokens))
        return false;
    struct tl_checker checker = { .context = context, .options = options, .plan = plan };
    checker.statements = tl_parse(&plan->arena, context, &tokens);
    /* With a statement that was not understood, what refers to it would be told as well: the checker would mislead. */
    if (context->out->count > 0)
        return false;
    if (!tl_check(&checker) || context->out->count > 0)
        return false;
    plan->fingerprint = fingerprint_of(plan);
    return true;
}

bool tl_pipeline_compile(struct tl_view text, const struct tl_pipeline_options *options, struct tl_plan **out,
                         struct tl_diagnostics *diagnostics)
{
    struct tl_diagnostic_context context = { options->file_name, text, diagnostics };
    *out = NULL;
    struct tl_plan *plan = calloc(1, sizeof *plan);
    bool ok = false;
    if (plan)
        tl_arena_init(&plan->arena, ARENA_MAX);
    if (text.size > TEXT_MAX)
        tl_diagnostic_add(&context, (struct tl_diagnostic_place){ 0, 1 }, NULL, "the file is larger than %zu bytes", TEXT_MAX);
    else if (plan)
        ok = compile(&context, options, plan) && !plan->arena.failed;
    if (!ok && diagnostics->count == 0) {
        tl_buf_addf(&diagnostics->text, "%s: out of memory\n", options->file_name);
        diagnostics->count = 1;
    }
    if (diagnostics->count > TL_DIAGNOSTICS_MAX)
        tl_buf_addf(&diagnostics->text, "%s: and %zu more errors\n", options->file_name, diagnostics->count - TL_DIAGNOSTICS_MAX);
    if (ok)
        *out = plan;
    else
        tl_plan_free(plan);
    return ok;
}
