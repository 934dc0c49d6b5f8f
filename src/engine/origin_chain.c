/* SPDX-License-Identifier: Apache-2.0 */
/* Of a view over a view: the windows of the view that reads the stream become rows, these the records of the next view, and so on, by the
 * same code as in the engine. */
#include "base/grow.h"
#include "engine/window_origin_int.h"

#include <stdlib.h>

#define UPPER_MAX ((size_t)1 << 20)

static bool add_step(struct tl_window_origin *o, size_t view, struct tl_error *error)
{
    const struct tl_view_plan *v = &o->plan->views[view];
    if (o->depth == TL_ORIGIN_CHAIN_MAX)
        return tl_error_set(error, TL_UNSUPPORTED, "view '%s' is too many views away from the stream", o->plan->views[o->view].name);
    if (view != o->view && v->window == TL_WINDOW_SESSION)
        return tl_error_set(error, TL_UNSUPPORTED, "view '%s' reads sessions of view '%s', which may be of any length: look at each of those",
                            o->plan->views[o->view].name, v->name);
    memmove(&o->steps[1], &o->steps[0], o->depth * sizeof o->steps[0]);
    o->steps[0] = (struct tl_origin_step){ .view = view, .source = v->source };
    o->depth++;
    return true;
}

static int64_t minus(int64_t at, int64_t by)
{
    return at < INT64_MIN + by ? INT64_MIN : at - by;
}

static int64_t plus(int64_t at, int64_t by)
{
    return at > INT64_MAX - by ? INT64_MAX : at + by;
}

bool tl_origin_chain_find(struct tl_window_origin *o, struct tl_error *error)
{
    const struct tl_plan *plan = o->plan;
    size_t view = o->view;
    while (add_step(o, view, error) && plan->sources[plan->views[view].source].of_view)
        view = plan->sources[plan->views[view].source].view;
    if (plan->sources[o->steps[0].source].of_view || o->depth == 0)
        return false;
    tl_origin_last(o)->from = o->start;
    tl_origin_last(o)->until = o->end;
    for (size_t k = o->depth - 1; k > 0; k--) {
        const struct tl_origin_step *step = &o->steps[k];
        int64_t size = plan->views[o->steps[k - 1].view].size_ns;
        bool by_start = plan->sources[step->source].time_is_start;
        o->steps[k - 1].from = by_start ? step->from : minus(step->from, size);
        o->steps[k - 1].until = by_start ? plus(step->until, size) : step->until;
    }
    return true;
}

/* Is a window of step k's view a record of the next view that may matter? */
static bool is_wanted(const struct tl_window_origin *o, size_t k, const struct tl_window_entry *entry)
{
    const struct tl_origin_step *next = &o->steps[k + 1];
    int64_t at = o->plan->sources[next->source].time_is_start ? entry->start : entry->end;
    return (entry->flags & TL_ENTRY_LIVE) && at >= next->from && at < next->until;
}

static bool gather(const struct tl_window_origin *o, size_t k, struct tl_closed *out)
{
    const struct tl_window_state *state = &o->shard->states[o->steps[k].view];
    for (uint32_t i = 0; i < state->entry_count; i++) {
        const struct tl_window_entry *entry = tl_window_state_entry(state, i);
        if (is_wanted(o, k, entry) && !tl_closed_add_copy(out, tl_window_entry_key(state, entry), entry->start, entry->end, entry->records,
                                                          o->shard_count, tl_window_entry_block(entry)))
            return false;
    }
    return true;
}

bool tl_origin_chain_leave(struct tl_window_origin *o)
{
    return gather(o, 0, &o->closed);
}

/* A row that went into the window, and of how many records it was made. */
static bool keep_upper(struct tl_window_origin *o, const struct tl_rows *rows, size_t row, uint64_t records)
{
    if (!tl_grow((void **)&o->upper_records, &o->upper_cap, o->upper.row_count + 1, sizeof *o->upper_records, UPPER_MAX))
        return false;
    o->upper_records[o->upper.row_count] = records;
    tl_rows_add_copy(&o->upper, rows, row);
    return true;
}

/* The rows of step k - 1, with their groups, into a shard of step k. One by one, so that it is known which of them are inside. */
static bool feed(struct tl_window_origin *o, size_t k, const struct tl_rows *rows, const struct tl_closed *groups, struct tl_error *error)
{
    struct tl_origin_step *step = &o->steps[k];
    tl_shard_run_free(o->shard);
    o->shard = NULL;
    if (!tl_shard_run_new(&o->shard, o->plan->sources[step->source].name, o->plan, step->source, o->views, false, error))
        return false;
    for (size_t i = 0; i < rows->row_count; i++) {
        bool last = k == o->depth - 1;
        uint64_t before = last ? tl_origin_records_inside(o) : 0;
        if (!tl_apply_row(&step->apply, o->shard, rows, i))
            return tl_error_set(error, TL_NO_MEMORY, "out of memory for the window's rows");
        if (last && tl_origin_records_inside(o) > before && !keep_upper(o, rows, i, groups->items[i].records))
            return tl_error_set(error, TL_NO_MEMORY, "out of memory for the window's rows");
    }
    return true;
}

/* What step k's shard has come to, as rows of its view. */
static bool leave(struct tl_window_origin *o, size_t k, struct tl_closed *closed, struct tl_rows *rows, struct tl_error *error)
{
    bool ok = k == o->depth - 1 ? tl_origin_take(o, closed) : gather(o, k, closed);
    return (ok || tl_error_set(error, TL_NO_MEMORY, "out of memory")) && tl_origin_rows(o, o->steps[k].view, closed, rows, error);
}

/* From the rows of step k - 1 to the row. */
static bool climb(struct tl_window_origin *o, size_t k, const struct tl_rows *rows, const struct tl_closed *groups, struct tl_rows *out,
                  struct tl_error *error)
{
    const struct tl_view_plan *view = &o->plan->views[o->steps[k].view];
    struct tl_closed closed;
    struct tl_rows made;
    bool last = k == o->depth - 1;
    if (!tl_rows_init(&made, view->columns, view->column_count, TL_ORIGIN_ROWS_MAX, error))
        return false;
    tl_closed_init(&closed, &o->views[o->steps[k].view]);
    bool ok = feed(o, k, rows, groups, error) && leave(o, k, &closed, last ? out : &made, error) &&
              (last || climb(o, k + 1, &made, &closed, out, error));
    tl_closed_release(&closed);
    tl_rows_release(&made);
    return ok;
}

bool tl_origin_chain_row(struct tl_window_origin *o, struct tl_rows *rows, struct tl_error *error)
{
    const struct tl_view_plan *first = &o->plan->views[o->steps[0].view], *upper = &o->plan->views[o->steps[o->depth - 2].view];
    struct tl_rows made;
    if (!tl_rows_init(&o->upper, upper->columns, upper->column_count, TL_ORIGIN_ROWS_MAX, error))
        return false;
    o->has_upper = true;
    if (!tl_rows_init(&made, first->columns, first->column_count, TL_ORIGIN_ROWS_MAX, error))
        return false;
    bool ok = tl_origin_rows(o, o->steps[0].view, &o->closed, &made, error) && climb(o, 1, &made, &o->closed, rows, error) &&
              tl_rows_ok(&o->upper, "the window's rows", error);
    tl_rows_release(&made);
    return ok;
}
