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

static void add_source(struct tl_buf *text, const struct tl_source_plan *s)
{
    tl_buf_add_text(text, "source");
    add_name(text, s->name);
    add_name(text, s->event_time);
    tl_buf_addf(text, " %zu %" PRId64 " %" PRId64 "\n", s->event_time_column, s->delay_ns,
                s->max_future_skew_ns);
    for (size_t i = 0; i < s->column_count; i++) {
        add_name(text, s->columns[i].name);
        tl_buf_addf(text, " %s%s\n", tl_type_name(s->columns[i].type),
                    s->columns[i].not_null ? " NOT NULL" : "");
    }
}

static void add_view(struct tl_buf *text, const struct tl_view_plan *v)
{
    static const char *const aggregates[] = { "COUNT_ALL", "COUNT", "SUM",   "AVG",
                                              "MIN",       "MAX",   "FIRST", "LAST" };
    static const char *const outputs[] = { "key", "aggregate", "window_start", "window_end" };
    tl_buf_add_text(text, "view");
    add_name(text, v->name);
    tl_buf_addf(text, " %zu %s %" PRId64 " %" PRId64 " %s\n", v->source,
                v->window == TL_WINDOW_NONE ? "NONE" : "TUMBLE", v->size_ns, v->offset_ns,
                v->emit == TL_EMIT_FINAL ? "FINAL" : "CHANGES");
    for (size_t i = 0; i < v->key_count; i++)
        tl_buf_addf(text, " by %zu\n", v->keys[i]);
    for (size_t i = 0; i < v->aggregate_count; i++)
        tl_buf_addf(text, " %s %zu%s\n", aggregates[v->aggregates[i].kind], v->aggregates[i].column,
                    v->aggregates[i].ignore_nulls ? " IGNORE NULLS" : "");
    for (size_t i = 0; i < v->column_count; i++) {
        add_name(text, v->columns[i].name);
        tl_buf_addf(text, " %s %zu\n", outputs[v->outputs[i].kind], v->outputs[i].index);
    }
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
