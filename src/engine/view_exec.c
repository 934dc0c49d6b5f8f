/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/view_exec.h"

#include <assert.h>
#include <stdlib.h>

#define KEY_MAX (16u << 20)
#define TEXTS_MAX ((size_t)1 << 30)
#define BATCH_TEXT ((size_t)1 << 20)

bool tl_view_exec_init(struct tl_view_exec *v, const struct tl_plan *plan, size_t index,
                       struct tl_error *error)
{
    assert(index < plan->view_count && plan->views[index].source < plan->source_count);
    const struct tl_view_plan *view = &plan->views[index];
    assert(view->window == TL_WINDOW_NONE || view->size_ns > 0);
    *v = (struct tl_view_exec){ .plan = view,
                                .source = &plan->sources[view->source],
                                .index = index,
                                .windowed = view->window != TL_WINDOW_NONE };
    v->valid_from = calloc(view->aggregate_count + 1, sizeof *v->valid_from);
    if (!v->valid_from)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < view->aggregate_count; i++)
        v->valid_from[i] = INT64_MIN;
    if (tl_aggregate_layout_init(&v->layout, view, v->source, error))
        return true;
    free(v->valid_from);
    v->valid_from = NULL;
    return false;
}

void tl_view_exec_release(struct tl_view_exec *v)
{
    tl_aggregate_layout_release(&v->layout);
    free(v->valid_from);
    v->valid_from = NULL;
}

/* Expressions lie behind the group's own slots. */
static size_t expression_slot(const struct tl_view_plan *plan, size_t index)
{
    return plan->key_count + 2 + plan->aggregate_count + index;
}

static bool add_expressions(struct tl_row_writer *w, struct tl_error *error)
{
    const struct tl_view_plan *plan = w->view->plan;
    for (size_t i = 0; i < plan->expression_count; i++)
        if (!tl_program_add(&w->program, plan->expressions[i], expression_slot(plan, i), error))
            return false;
    return !plan->having ||
           tl_program_add(&w->program, plan->having, expression_slot(plan, plan->expression_count), error);
}

bool tl_row_writer_init(struct tl_row_writer *w, const struct tl_view_exec *view, struct tl_error *error)
{
    *w = (struct tl_row_writer){ .view = view };
    tl_buf_init(&w->scratch, KEY_MAX);
    tl_arena_init(&w->texts, TEXTS_MAX);
    tl_program_init(&w->program);
    w->width = expression_slot(view->plan, view->plan->expression_count) + 1;
    w->parts = calloc(view->plan->key_count + 1, sizeof *w->parts);
    w->groups = calloc(TL_BATCH_ROWS * w->width, sizeof *w->groups);
    if (!w->parts || !w->groups)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    return add_expressions(w, error);
}

void tl_row_writer_release(struct tl_row_writer *w)
{
    free(w->parts);
    free(w->groups);
    tl_buf_release(&w->scratch);
    tl_arena_release(&w->texts);
    tl_program_release(&w->program);
    *w = (struct tl_row_writer){ 0 };
}

void tl_rows_set_value(struct tl_rows *rows, size_t column, enum tl_type type, const struct tl_tick_value *v)
{
    if (v->null)
        return;
    if (type == TL_TYPE_VARCHAR)
        tl_rows_set_text(rows, column, v->as.text);
    else if (type == TL_TYPE_DOUBLE)
        tl_rows_set_double(rows, column, v->as.f64);
    else
        tl_rows_set_i64(rows, column, v->as.i64);
}

/* What a part of the key says, also after the next key is taken apart. False: out of memory. */
static bool keep_text(struct tl_row_writer *w, struct tl_view key, struct tl_tick_value *part)
{
    const char *at = part->as.text.data;
    if (part->as.text.size == 0) {
        part->as.text = (struct tl_view){ "", 0 };
        return true;
    }
    if (at >= key.data && at < key.data + key.size)
        return true; /* in the key itself, which stays */
    part->as.text.data = tl_arena_text(&w->texts, part->as.text);
    return part->as.text.data != NULL;
}

bool tl_row_writer_put(struct tl_row_writer *w, struct tl_view key, int64_t start, int64_t end,
                       const void *block, struct tl_error *error)
{
    const struct tl_view_plan *plan = w->view->plan;
    const struct tl_source_plan *source = w->view->source;
    assert(w->count < TL_BATCH_ROWS);
    struct tl_tick_value *group = w->groups + w->count * w->width;
    if (!tl_group_key_decode(plan, source, key, w->parts, &w->scratch))
        return tl_error_set(error, TL_CORRUPT, "view '%s': a group's key cannot be read", plan->name);
    for (size_t i = 0; i < plan->key_count; i++) {
        group[i] = w->parts[i];
        if (!group[i].null && tl_slot_def(source, plan->keys[i])->type == TL_TYPE_VARCHAR &&
            !keep_text(w, key, &group[i]))
            return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    }
    group[plan->key_count] = (struct tl_tick_value){ .as.i64 = start };
    group[plan->key_count + 1] = (struct tl_tick_value){ .as.i64 = end };
    w->text_bytes += key.size;
    for (size_t i = 0; i < plan->aggregate_count; i++) {
        struct tl_tick_value *v = &group[plan->key_count + 2 + i];
        if (start < w->view->valid_from[i])
            *v = (struct tl_tick_value){ .null = true };
        else
            tl_aggregate_value(&w->view->layout, i, block, v);
        if (plan->aggregates[i].type == TL_TYPE_VARCHAR && !v->null)
            w->text_bytes += v->as.text.size;
    }
    w->count++;
    return true;
}

bool tl_row_writer_is_full(const struct tl_row_writer *w)
{
    return w->count == TL_BATCH_ROWS || (w->text_bytes > BATCH_TEXT && !tl_program_is_empty(&w->program));
}

static const struct tl_tick_value *output_value(const struct tl_view_plan *plan, const struct tl_tick_value *group,
                                                const struct tl_output_plan *output)
{
    return &group[output->kind == TL_OUT_EXPRESSION ? expression_slot(plan, output->index)
                                                    : tl_group_slot(plan, output->kind, output->index)];
}

static void write_row(const struct tl_row_writer *w, const struct tl_tick_value *group, struct tl_rows *rows)
{
    const struct tl_view_plan *plan = w->view->plan;
    tl_rows_add(rows);
    for (size_t i = 0; i < plan->column_count; i++)
        tl_rows_set_value(rows, i, plan->columns[i].type, output_value(plan, group, &plan->outputs[i]));
}

/* As many of the groups from first as text results have room for. False: not even for one. */
static bool run_groups(struct tl_row_writer *w, size_t first, size_t *size)
{
    for (*size = w->count - first; !tl_program_run(&w->program, w->groups + first * w->width, w->width, *size); *size /= 2) {
        tl_program_reset_text(&w->program);
        if (*size == 1)
            return false;
    }
    return true;
}

bool tl_row_writer_flush(struct tl_row_writer *w, struct tl_rows *rows, struct tl_error *error)
{
    const struct tl_view_plan *plan = w->view->plan;
    size_t having = expression_slot(plan, plan->expression_count);
    for (size_t first = 0, size = w->count; first < w->count; first += size) {
        if (!tl_program_is_empty(&w->program) && !run_groups(w, first, &size))
            return tl_error_set(error, TL_NO_MEMORY, "view '%s': out of memory for expressions", plan->name);
        for (size_t i = first; i < first + size; i++) {
            const struct tl_tick_value *group = w->groups + i * w->width;
            w->kept[i] = !plan->having || (!group[having].null && group[having].as.i64);
            if (w->kept[i])
                write_row(w, group, rows);
        }
        tl_program_reset_text(&w->program);
    }
    w->count = 0;
    w->text_bytes = 0;
    tl_arena_reset(&w->texts);
    return true;
}
