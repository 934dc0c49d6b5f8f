/* SPDX-License-Identifier: Apache-2.0 */
/* Four passes over the block: each reads what the one before has asked for, and asks for what the next one reads. */
#include "engine/lookahead.h"

#include <assert.h>

struct block {
    const struct tl_shard_run *s;
    const struct tl_tick_value *rows;
    size_t width, count;
    const struct tl_row_note *notes;
    struct tl_group_hint *hints;
    struct tl_buf *key_scratch;
};

static struct tl_group_hint *hint_of(const struct block *b, size_t row, size_t view)
{
    return &b->hints[row * b->s->view_count + view];
}

static bool is_looked_at(const struct block *b, size_t view)
{
    const struct tl_view_plan *plan = b->s->views[view].plan;
    return plan->source == b->s->source && plan->window != TL_WINDOW_SESSION;
}

static bool reaches_view(const struct block *b, size_t row, const struct tl_view_plan *plan)
{
    const struct tl_tick_value *values = b->rows + row * b->width;
    return !b->notes[row].reason && !(plan->has_where && (values[plan->where].null || !values[plan->where].as.i64));
}

static struct tl_view key_of(const struct block *b, size_t row, size_t view)
{
    const struct tl_view_exec *exec = &b->s->views[view];
    return tl_group_key_encode(exec->plan, exec->source, b->rows + row * b->width, b->key_scratch);
}

static bool same_keys(const struct tl_view_plan *a, const struct tl_view_plan *b)
{
    return a->key_count == b->key_count && memcmp(a->keys, b->keys, a->key_count * sizeof *a->keys) == 0;
}

/* Hashes of the keys, and the slots of the maps. like: a view that has the same keys and was looked at before, or SIZE_MAX. */
static void ask_for_keys(const struct block *b, size_t view, size_t like)
{
    const struct tl_view_plan *plan = b->s->views[view].plan;
    for (size_t i = 0; i < b->count; i++) {
        struct tl_group_hint *hint = hint_of(b, i, view);
        *hint = (struct tl_group_hint){ .id = TL_NO_KEY_ID, .wanted = reaches_view(b, i, plan) };
        if (!hint->wanted)
            continue;
        const struct tl_group_hint *other = like == SIZE_MAX ? NULL : hint_of(b, i, like);
        hint->hash = other && other->wanted ? other->hash : tl_view_hash(key_of(b, i, view), 0);
        tl_window_state_prefetch_key(&b->s->states[view], hint->hash);
    }
}

static void ask_for_key_items(const struct block *b, size_t view)
{
    for (size_t i = 0; i < b->count; i++)
        if (hint_of(b, i, view)->wanted)
            tl_window_state_prefetch_key_item(&b->s->states[view], hint_of(b, i, view)->hash);
}

static void find_keys(const struct block *b, size_t view)
{
    const struct tl_view_exec *exec = &b->s->views[view];
    for (size_t i = 0; i < b->count; i++) {
        struct tl_group_hint *hint = hint_of(b, i, view);
        if (!hint->wanted)
            continue;
        hint->start = exec->windowed ? tl_window_start(exec->plan, b->notes[i].event_time) : 0;
        hint->id = tl_window_state_key_id(&b->s->states[view], key_of(b, i, view), hint->hash);
        if (hint->id != TL_NO_KEY_ID)
            tl_window_state_prefetch_slot(&b->s->states[view], hint->id, hint->start);
    }
}

static void ask_for_groups(const struct block *b, size_t view)
{
    if (!b->s->views[view].windowed)
        return; /* asked for when the keys were found */
    for (size_t i = 0; i < b->count; i++) {
        const struct tl_group_hint *hint = hint_of(b, i, view);
        if (hint->id != TL_NO_KEY_ID)
            tl_window_state_prefetch_entry(&b->s->states[view], hint->id, hint->start);
    }
}

static size_t view_like(const struct block *b, size_t view)
{
    for (size_t i = 0; i < view; i++)
        if (is_looked_at(b, i) && same_keys(b->s->views[i].plan, b->s->views[view].plan))
            return i;
    return SIZE_MAX;
}

void tl_look_ahead(const struct tl_shard_run *s, const struct tl_tick_value *rows, size_t width, const struct tl_row_note *notes,
                   size_t count, struct tl_group_hint *hints, struct tl_buf *key_scratch)
{
    const struct block b = {
        .s = s, .rows = rows, .width = width, .count = count, .notes = notes, .hints = hints, .key_scratch = key_scratch
    };
    assert(count <= TL_LOOKAHEAD_ROWS);
    for (size_t v = 0; v < s->view_count; v++)
        if (is_looked_at(&b, v))
            ask_for_keys(&b, v, view_like(&b, v));
    for (size_t v = 0; v < s->view_count; v++)
        if (is_looked_at(&b, v))
            ask_for_key_items(&b, v);
    for (size_t v = 0; v < s->view_count; v++)
        if (is_looked_at(&b, v))
            find_keys(&b, v);
    for (size_t v = 0; v < s->view_count; v++)
        if (is_looked_at(&b, v))
            ask_for_groups(&b, v);
}
