/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/export_names.h"

const char **tl_export_source_names(const struct tl_source_plan *s, struct tl_arena *arena)
{
    const char **names = TL_ARENA_ARRAY(arena, s->slot_count + s->column_count + 1, const char *);
    for (size_t i = 0; names && (i < s->slot_count || i < s->column_count); i++)
        names[i] = tl_slot_def(s, i)->name;
    return names;
}

static bool is_taken(const char *const *names, size_t count, const char *name)
{
    for (size_t i = 0; i < count; i++)
        if (tl_view_eq_ignore_case(tl_view_of(names[i]), tl_view_of(name)))
            return true;
    return false;
}

/* The output column that is that, as it stands; NULL: none. */
static const char *output_name(const struct tl_view_plan *v, enum tl_output_kind kind, size_t index)
{
    for (size_t i = 0; i < v->column_count; i++)
        if (v->outputs[i].kind == kind && v->outputs[i].index == index)
            return v->columns[i].name;
    return NULL;
}

/* "max_close", "count": of what an expression needs and no output column is. NULL: it is of an expression itself. */
static const char *made_name(const struct tl_source_plan *s, const struct tl_aggregate_plan *a, struct tl_arena *arena)
{
    char kind[32];
    if (a->kind == TL_AGG_COUNT_ALL)
        return "count";
    const char *column = tl_slot_def(s, a->column)->name, *name = tl_aggregate_name(a->kind);
    if (!column || a->kind == TL_AGG_VWAP)
        return NULL;
    size_t size = strlen(name) < sizeof kind ? strlen(name) : sizeof kind - 1;
    for (size_t i = 0; i < size; i++)
        kind[i] = (char)(name[i] >= 'A' && name[i] <= 'Z' ? name[i] + ('a' - 'A') : name[i]);
    return tl_arena_printf(arena, "%.*s_%s", (int)size, kind, column);
}

const char **tl_export_group_names(const struct tl_source_plan *s, const struct tl_view_plan *v, const char *start, const char *end,
                                   struct tl_arena *arena)
{
    size_t count = 0;
    const char **names = TL_ARENA_ARRAY(arena, v->key_count + 2 + v->aggregate_count, const char *);
    if (!names)
        return NULL;
    for (size_t k = 0; k < v->key_count; k++, count++) {
        const char *name = tl_slot_def(s, v->keys[k])->name;
        name = name ? name : output_name(v, TL_OUT_KEY, k);
        names[count] = name && !is_taken(names, count, name) ? name : tl_arena_printf(arena, "key_%zu", k + 1);
    }
    names[count++] = start;
    names[count++] = end;
    for (size_t a = 0; a < v->aggregate_count; a++, count++) {
        const char *name = output_name(v, TL_OUT_AGGREGATE, a);
        name = name ? name : made_name(s, &v->aggregates[a], arena);
        names[count] = name && !is_taken(names, count, name) ? name : tl_arena_printf(arena, "value_%zu", a + 1);
    }
    return names;
}

int64_t tl_export_window_size(const struct tl_view_plan *v, const struct tl_export_windows *windows)
{
    int64_t slide = tl_window_slide(v);
    return windows->whole_slides && v->window == TL_WINDOW_HOP ? (v->size_ns + slide - 1) / slide * slide : v->size_ns;
}

int64_t tl_export_time_shift(const struct tl_plan *plan, const struct tl_source_plan *source, const struct tl_export_windows *windows)
{
    if (!source->of_view)
        return 0;
    const struct tl_view_plan *v = &plan->views[source->view];
    int64_t upstream = tl_export_time_shift(plan, &plan->sources[v->source], windows);
    if (v->window == TL_WINDOW_SESSION)
        return upstream + 2 * windows->tick_ns;
    return upstream + windows->tick_ns - tl_export_window_size(v, windows) + (source->time_is_start ? 0 : v->size_ns);
}

bool tl_export_row_order(const struct tl_plan *plan, const struct tl_source_plan *source, size_t *order, size_t *count)
{
    const struct tl_view_plan *v = &plan->views[source->view];
    size_t keys = 0;
    *count = 0;
    order[(*count)++] = source->event_time_slot;
    for (size_t i = 0; i < v->column_count; i++)
        if (v->window == TL_WINDOW_SESSION && v->outputs[i].kind == TL_OUT_WINDOW_START)
            order[*count == 1 ? (*count)++ : 1] = i;
    for (size_t k = 0; k < v->key_count && k < TL_EXPORT_KEYS_MAX; k++)
        for (size_t i = 0; i < v->column_count; i++) {
            if (v->outputs[i].kind != TL_OUT_KEY || v->outputs[i].index != k)
                continue;
            order[(*count)++] = i;
            keys++;
            break;
        }
    return keys == v->key_count;
}
