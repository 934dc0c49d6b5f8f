/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/view_exec.h"

#include <assert.h>
#include <stdlib.h>

#define KEY_MAX (16u << 20)

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
    return tl_aggregate_layout_init(&v->layout, view, v->source, error);
}

void tl_view_exec_release(struct tl_view_exec *v)
{
    tl_aggregate_layout_release(&v->layout);
}

bool tl_row_writer_init(struct tl_row_writer *w, const struct tl_view_exec *view, struct tl_error *error)
{
    *w = (struct tl_row_writer){ .view = view };
    tl_buf_init(&w->scratch, KEY_MAX);
    w->parts = calloc(view->plan->key_count + 1, sizeof *w->parts);
    return w->parts ? true : tl_error_set(error, TL_NO_MEMORY, "out of memory");
}

void tl_row_writer_release(struct tl_row_writer *w)
{
    free(w->parts);
    tl_buf_release(&w->scratch);
    *w = (struct tl_row_writer){ 0 };
}

static void set_part(struct tl_rows *rows, size_t column, enum tl_type type, const struct tl_tick_value *v)
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

bool tl_row_writer_add(struct tl_row_writer *w, struct tl_view key, int64_t start, const void *block,
                       struct tl_rows *rows, struct tl_error *error)
{
    const struct tl_view_plan *plan = w->view->plan;
    const struct tl_source_plan *source = w->view->source;
    if (!tl_group_key_decode(plan, source, key, w->parts, &w->scratch))
        return tl_error_set(error, TL_CORRUPT, "view '%s': a group's key cannot be read", plan->name);
    tl_rows_add(rows);
    for (size_t i = 0; i < plan->column_count; i++) {
        const struct tl_output_plan *out = &plan->outputs[i];
        switch (out->kind) {
        case TL_OUT_KEY:
            set_part(rows, i, source->columns[plan->keys[out->index]].type, &w->parts[out->index]);
            break;
        case TL_OUT_AGGREGATE:
            tl_aggregate_result(&w->view->layout, out->index, block, rows, i);
            break;
        case TL_OUT_WINDOW_START:
            tl_rows_set_i64(rows, i, start);
            break;
        case TL_OUT_WINDOW_END:
            tl_rows_set_i64(rows, i, start + plan->size_ns);
            break;
        }
    }
    return true;
}
