/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/evolve.h"

#include "base/log.h"

#include <stdio.h>
#include <stdlib.h>

#define TEXT_MAX_BYTES ((size_t)16 << 20)
#define WAY_OUT "go on with the file as it was, or start anew with another --data folder or another pipeline name"

/* ---- what a part means ---- */

struct slots { /* of a source, or of a view's group: what each means */
    uint64_t *meanings;
    size_t count;
};

static uint64_t meaning_of(const struct slots *slots, size_t i)
{
    return i < slots->count ? slots->meanings[i] : 0; /* a plan made by hand may leave a slot out */
}

static uint64_t hash_of(struct tl_buf *text)
{
    uint64_t hash = text->failed ? 0 : tl_view_hash(tl_buf_view(text), 0);
    tl_buf_reset(text);
    return hash;
}

static void add_tree(struct tl_buf *text, const struct tl_expr *e, const struct slots *slots)
{
    tl_buf_addf(text, " (%s %s", tl_op_name(e->op), tl_type_name(e->type));
    if (e->op == TL_OP_COLUMN)
        tl_buf_addf(text, " #%llx", (unsigned long long)meaning_of(slots, e->slot));
    if (e->op == TL_OP_LITERAL && e->value.null)
        tl_buf_add_text(text, " NULL");
    else if (e->op == TL_OP_LITERAL && e->type == TL_TYPE_VARCHAR)
        tl_buf_addf(text, " %zu:%.*s", e->value.as.text.size, TL_VIEW_ARG(e->value.as.text));
    else if (e->op == TL_OP_LITERAL)
        tl_buf_addf(text, " %lld", (long long)e->value.as.i64);
    tl_buf_addf(text, " %d", (int)e->part);
    for (unsigned i = 0; i < e->arg_count; i++)
        add_tree(text, e->args[i], slots);
    tl_buf_add_char(text, ')');
}

/* Slots refer to those before them. */
static bool source_slots(const struct tl_source_plan *s, struct tl_buf *text, struct slots *out)
{
    size_t count = s->slot_count > s->column_count ? s->slot_count : s->column_count;
    *out = (struct slots){ calloc(count + 1, sizeof *out->meanings), 0 };
    for (; out->meanings && out->count < count; out->count++) {
        const struct tl_column_def *def = tl_slot_def(s, out->count);
        const struct tl_slot_plan *slot = out->count < s->column_count ? NULL : &s->slots[out->count];
        if (!slot)
            tl_buf_addf(text, "column %s %s", def->name, tl_type_name(def->type));
        else if (slot->expr)
            add_tree(text, slot->expr, out);
        else
            tl_buf_addf(text, "slot %d", (int)slot->kind);
        out->meanings[out->count] = hash_of(text);
    }
    return out->meanings;
}

static uint64_t aggregate_meaning(const struct tl_aggregate_plan *a, const struct slots *source, struct tl_buf *text)
{
    tl_buf_addf(text, "%s %d", tl_aggregate_name(a->kind), a->ignore_nulls);
    if (a->kind != TL_AGG_COUNT_ALL)
        tl_buf_addf(text, " %llx", (unsigned long long)meaning_of(source, a->column));
    if (a->kind == TL_AGG_VWAP)
        tl_buf_addf(text, " %llx", (unsigned long long)meaning_of(source, a->volume));
    return hash_of(text);
}

/* Of a group's row (plan.h): keys, bounds of the window, aggregates. */
static bool group_slots(const struct tl_view_plan *v, const struct slots *source, struct tl_buf *text, struct slots *out)
{
    *out = (struct slots){ calloc(v->key_count + 2 + v->aggregate_count, sizeof *out->meanings), v->key_count + 2 + v->aggregate_count };
    for (size_t i = 0; out->meanings && i < v->key_count; i++)
        out->meanings[i] = meaning_of(source, v->keys[i]);
    for (size_t i = 0; out->meanings && i < 2; i++) {
        tl_buf_add_text(text, i ? "window_end" : "window_start");
        out->meanings[v->key_count + i] = hash_of(text);
    }
    for (size_t i = 0; out->meanings && i < v->aggregate_count; i++)
        out->meanings[v->key_count + 2 + i] = aggregate_meaning(&v->aggregates[i], source, text);
    return out->meanings;
}

static uint64_t output_meaning(const struct tl_view_plan *v, size_t i, const struct slots *group, struct tl_buf *text)
{
    const struct tl_output_plan *o = &v->outputs[i];
    if (o->kind != TL_OUT_EXPRESSION)
        return meaning_of(group, tl_group_slot(v, o->kind, o->index));
    add_tree(text, v->expressions[o->index], group);
    return hash_of(text);
}

/* What of a source may not change. */
static uint64_t source_fixed(const struct tl_source_plan *s, const struct slots *slots, struct tl_buf *text)
{
    tl_buf_addf(text, "%s %s %d %zu %lld %lld %llx", s->name, s->event_time, s->of_view, s->of_view ? s->view : 0, (long long)s->delay_ns,
                (long long)s->max_future_skew_ns, (unsigned long long)meaning_of(slots, s->event_time_slot));
    if (!s->of_view && s->event_time_column != SIZE_MAX)
        tl_buf_addf(text, " of %llx", (unsigned long long)meaning_of(slots, s->event_time_column));
    for (size_t i = 0; i < s->dedup_count; i++)
        tl_buf_addf(text, " by %llx", (unsigned long long)meaning_of(slots, s->dedup[i]));
    tl_buf_addf(text, " for %lld", (long long)s->dedup_for_ns);
    return hash_of(text);
}

static uint64_t view_fixed(const struct tl_view_plan *v, const struct slots *source, const struct slots *group, struct tl_buf *text)
{
    tl_buf_addf(text, "%zu %s %lld %lld %lld %d", v->source, tl_window_name(v->window), (long long)v->size_ns, (long long)v->offset_ns,
                (long long)tl_window_slide(v), (int)v->emit);
    if (v->has_where)
        tl_buf_addf(text, " where %llx", (unsigned long long)meaning_of(source, v->where));
    for (size_t i = 0; i < v->key_count; i++)
        tl_buf_addf(text, " by %llx", (unsigned long long)meaning_of(source, v->keys[i]));
    if (v->having)
        add_tree(text, v->having, group);
    return hash_of(text);
}

/* ---- writing ---- */

static void write_source(const struct tl_source_plan *s, const struct slots *slots, struct tl_buf *text, struct tl_buf *out)
{
    tl_wire_put_view(out, tl_view_of(s->name));
    tl_wire_put_u64(out, source_fixed(s, slots, text));
    tl_wire_put_u32(out, (uint32_t)s->column_count);
    for (size_t i = 0; i < s->column_count; i++) {
        tl_wire_put_view(out, tl_view_of(s->columns[i].name));
        tl_wire_put_u8(out, (uint8_t)s->columns[i].type);
        tl_wire_put_u8(out, s->columns[i].not_null);
    }
}

static void write_view(const struct tl_view_exec *view, const struct slots *source, const struct slots *group, struct tl_buf *text,
                       struct tl_buf *out)
{
    const struct tl_view_plan *v = view->plan;
    tl_wire_put_view(out, tl_view_of(v->name));
    tl_wire_put_u64(out, view_fixed(v, source, group, text));
    tl_wire_put_u32(out, (uint32_t)v->aggregate_count);
    for (size_t i = 0; i < v->aggregate_count; i++) {
        tl_wire_put_u64(out, meaning_of(group, v->key_count + 2 + i));
        tl_wire_put_i64(out, view->valid_from[i]);
    }
    tl_wire_put_u32(out, (uint32_t)v->column_count);
    for (size_t i = 0; i < v->column_count; i++) {
        tl_wire_put_view(out, tl_view_of(v->columns[i].name));
        tl_wire_put_u8(out, (uint8_t)v->columns[i].type);
        tl_wire_put_u64(out, output_meaning(v, i, group, text));
    }
}

/* False: out of memory. */
static bool write_parts(const struct tl_engine *e, struct tl_buf *out)
{
    struct tl_buf text;
    bool ok = true;
    tl_buf_init(&text, TEXT_MAX_BYTES);
    tl_wire_put_u32(out, (uint32_t)e->plan->source_count);
    for (size_t i = 0; ok && i < e->plan->source_count; i++) {
        struct slots slots;
        ok = source_slots(&e->plan->sources[i], &text, &slots);
        if (ok)
            write_source(&e->plan->sources[i], &slots, &text, out);
        free(slots.meanings);
    }
    tl_wire_put_u32(out, (uint32_t)e->plan->view_count);
    for (size_t v = 0; ok && v < e->plan->view_count; v++) {
        struct slots source, group = { NULL, 0 };
        ok = source_slots(&e->plan->sources[e->plan->views[v].source], &text, &source) && group_slots(&e->plan->views[v], &source, &text, &group);
        if (ok)
            write_view(&e->views[v], &source, &group, &text, out);
        free(source.meanings);
        free(group.meanings);
    }
    tl_buf_release(&text);
    return ok;
}

void tl_evolve_write(const struct tl_engine *e, struct tl_buf *out)
{
    struct tl_buf parts;
    tl_buf_init(&parts, TEXT_MAX_BYTES);
    if (!write_parts(e, &parts) || parts.failed)
        out->failed = true;
    else
        tl_wire_put_view(out, tl_buf_view(&parts));
    tl_buf_release(&parts);
}

/* ---- comparing: the commit's parts against those of this plan, both as they are written ---- */

struct named {
    struct tl_view name;
    uint8_t type, not_null;
    uint64_t meaning;
};
struct part { /* a source or a view */
    struct tl_view name;
    uint64_t fixed;
    uint64_t *aggregates;
    int64_t *valid_from;
    struct named *columns;
    uint32_t aggregate_count, column_count;
};
struct parts {
    struct part *sources, *views;
    uint32_t source_count, view_count;
};

static void read_part(struct tl_wire_reader *r, struct tl_arena *arena, bool view, struct part *p)
{
    p->name = tl_wire_view(r);
    p->fixed = tl_wire_u64(r);
    p->aggregate_count = view ? tl_wire_count(r, 16) : 0;
    p->aggregates = TL_ARENA_ARRAY(arena, p->aggregate_count + 1, uint64_t);
    p->valid_from = TL_ARENA_ARRAY(arena, p->aggregate_count + 1, int64_t);
    for (uint32_t i = 0; p->aggregates && p->valid_from && i < p->aggregate_count; i++) {
        p->aggregates[i] = tl_wire_u64(r);
        p->valid_from[i] = tl_wire_i64(r);
    }
    p->column_count = tl_wire_count(r, 6);
    p->columns = TL_ARENA_ARRAY(arena, p->column_count + 1, struct named);
    for (uint32_t i = 0; p->columns && i < p->column_count; i++) {
        p->columns[i].name = tl_wire_view(r);
        p->columns[i].type = tl_wire_u8(r);
        if (view)
            p->columns[i].meaning = tl_wire_u64(r);
        else
            p->columns[i].not_null = tl_wire_u8(r);
    }
}

static bool read_parts(struct tl_view text, struct tl_arena *arena, struct parts *out)
{
    struct tl_wire_reader r = tl_wire_of(text);
    out->source_count = tl_wire_count(&r, 16);
    out->sources = TL_ARENA_ARRAY(arena, out->source_count + 1, struct part);
    for (uint32_t i = 0; out->sources && i < out->source_count; i++)
        read_part(&r, arena, false, &out->sources[i]);
    out->view_count = tl_wire_count(&r, 20);
    out->views = TL_ARENA_ARRAY(arena, out->view_count + 1, struct part);
    for (uint32_t i = 0; out->views && i < out->view_count; i++)
        read_part(&r, arena, true, &out->views[i]);
    return !r.failed && r.at == r.end && !arena->failed;
}

static bool changed(const struct tl_engine *e, struct tl_error *error, const char *what, struct tl_view of, const char *how)
{
    return tl_error_set(error, TL_INVALID,
                        "pipeline '%s' has changed since its checkpoint in '%s' was made: %s '%.*s' %s. Columns may be added to a view, and nullable ones "
                        "to a source; for anything else " WAY_OUT,
                        e->plan->name, e->state_dir, what, TL_VIEW_ARG(of), how);
}

static const struct named *find_column(const struct part *p, struct tl_view name)
{
    for (uint32_t i = 0; i < p->column_count; i++)
        if (tl_view_eq(p->columns[i].name, name))
            return &p->columns[i];
    return NULL;
}

/* Of every column of before there is one of now, the same. */
static bool keeps_columns(const struct tl_engine *e, const char *what, const struct part *before, const struct part *now, struct tl_error *error)
{
    char how[400];
    for (uint32_t i = 0; i < before->column_count; i++) {
        const struct named *was = &before->columns[i], *is = find_column(now, was->name);
        bool same = is && is->type == was->type && is->meaning == was->meaning && is->not_null == was->not_null;
        if (same)
            continue;
        snprintf(how, sizeof how, is ? "computes or declares the column '%.*s' in another way" : "has no column '%.*s' any more",
                 (int)(was->name.size < 300 ? was->name.size : 300), was->name.data);
        return changed(e, error, what, before->name, how);
    }
    return true;
}

/* What is added to the rows of sessions has no instant from which on it is whole: one that has begun may go on, and end, at any time. */
static bool is_of_sessions(const struct tl_engine *e, const struct tl_source_plan *s)
{
    return s->of_view && e->plan->views[s->view].window == TL_WINDOW_SESSION;
}

static bool same_source(const struct tl_engine *e, const struct tl_source_plan *s, const struct part *before, const struct part *now,
                        struct tl_error *error)
{
    if (!tl_view_eq(before->name, now->name) || before->fixed != now->fixed)
        return changed(e, error, "source", before->name, "is not the same");
    if (!keeps_columns(e, "source", before, now, error))
        return false;
    if (is_of_sessions(e, s) && now->column_count != before->column_count)
        return changed(e, error, "view", before->name, "has a new column, and another view reads its sessions");
    for (uint32_t i = 0; i < now->column_count; i++)
        if (now->columns[i].not_null && !find_column(before, now->columns[i].name))
            return changed(e, error, "source", before->name, "has a new column that is NOT NULL");
    return true;
}

/* aggregate_count: there is none. */
static uint32_t find_aggregate(const struct part *p, uint64_t meaning)
{
    uint32_t at = 0;
    while (at < p->aggregate_count && p->aggregates[at] != meaning)
        at++;
    return at;
}

/* Where the accumulators of the commit's plan lie in this one's. */
static bool map_aggregates(struct tl_view_exec *view, const struct part *before, const struct part *now)
{
    size_t *places = calloc(before->aggregate_count + 1, sizeof *places);
    bool ok = places;
    for (uint32_t i = 0; ok && i < before->aggregate_count; i++) {
        uint32_t to = find_aggregate(now, before->aggregates[i]);
        places[i] = to; /* it is there: evolve_view has looked */
        view->valid_from[to] = before->valid_from[i];
    }
    view->layout.stored = places;
    view->layout.stored_count = before->aggregate_count;
    return ok;
}

static bool evolve_view(struct tl_engine *e, size_t index, const struct part *before, const struct part *now, struct tl_error *error)
{
    struct tl_view_exec *view = &e->views[index];
    if (!tl_view_eq(before->name, now->name) || before->fixed != now->fixed)
        return changed(e, error, "view", before->name, "has another source, window, WHERE, GROUP BY, HAVING or EMIT");
    if (!keeps_columns(e, "view", before, now, error))
        return false;
    for (uint32_t i = 0; i < before->aggregate_count; i++)
        if (find_aggregate(now, before->aggregates[i]) == now->aggregate_count)
            return changed(e, error, "view", before->name, "computes less than before");
    return map_aggregates(view, before, now) || tl_error_set(error, TL_NO_MEMORY, "out of memory");
}

static size_t column_total(const struct parts *p)
{
    size_t total = 0;
    for (uint32_t i = 0; i < p->source_count; i++)
        total += p->sources[i].column_count;
    for (uint32_t i = 0; i < p->view_count; i++)
        total += p->views[i].column_count;
    return total;
}

static bool evolve(struct tl_engine *e, const struct parts *before, const struct parts *now, struct tl_error *error)
{
    if (before->source_count != now->source_count || before->view_count != now->view_count)
        return changed(e, error, "file", tl_view_of(e->plan->name), "has other sources or views");
    for (uint32_t i = 0; i < now->source_count; i++)
        if (!same_source(e, &e->plan->sources[i], &before->sources[i], &now->sources[i], error))
            return false;
    for (uint32_t v = 0; v < now->view_count; v++)
        if (!evolve_view(e, v, &before->views[v], &now->views[v], error))
            return false;
    if (column_total(now) == column_total(before)) /* the fingerprint knows of something that the parts do not */
        return changed(e, error, "file", tl_view_of(e->plan->name), "has its columns in another order, or computes in another way");
    tl_log_info("engine", "pipeline '%s' has columns more than at its last commit: of windows that have begun they are NULL", e->plan->name);
    return true;
}

/* The very same plan: only from when on its parts are valid. */
static bool take_valid_from(struct tl_engine *e, const struct parts *before)
{
    bool fits = before->view_count == e->plan->view_count;
    for (uint32_t v = 0; fits && v < before->view_count; v++) {
        fits = before->views[v].aggregate_count == e->plan->views[v].aggregate_count;
        for (uint32_t i = 0; fits && i < before->views[v].aggregate_count; i++)
            e->views[v].valid_from[i] = before->views[v].valid_from[i];
    }
    return fits;
}

bool tl_evolve_read(struct tl_engine *e, struct tl_view text, bool same, struct tl_error *error)
{
    struct tl_arena arena;
    struct parts before, now;
    struct tl_buf mine;
    tl_arena_init(&arena, TEXT_MAX_BYTES * 4);
    tl_buf_init(&mine, TEXT_MAX_BYTES);
    bool ok = read_parts(text, &arena, &before) ||
              tl_error_set(error, TL_CORRUPT, "the checkpoint of pipeline '%s' in '%s' does not tell its parts", e->plan->name, e->state_dir);
    if (ok && same)
        ok = take_valid_from(e, &before) || tl_error_set(error, TL_CORRUPT, "the checkpoint of pipeline '%s' in '%s' tells other parts", e->plan->name, e->state_dir);
    else if (ok)
        ok = (write_parts(e, &mine) && !mine.failed && read_parts(tl_buf_view(&mine), &arena, &now)) || tl_error_set(error, TL_NO_MEMORY, "out of memory");
    if (ok && !same)
        ok = evolve(e, &before, &now, error);
    tl_buf_release(&mine);
    tl_arena_release(&arena);
    return ok;
}

/* ---- after the states ---- */

static bool is_stored(const struct tl_aggregate_layout *layout, size_t aggregate)
{
    for (size_t i = 0; i < layout->stored_count; i++)
        if (layout->stored[i] == aggregate)
            return true;
    return false;
}

/* Behind the last window that has begun; INT64_MIN: none has. */
static int64_t behind_begun(const struct tl_engine *e, size_t view)
{
    int64_t last = INT64_MIN;
    for (size_t i = 0; e->views[view].windowed && i < e->shard_count; i++) {
        int64_t start = tl_window_state_max_start(&e->shards[i]->states[view]);
        last = start > last ? start : last;
    }
    return last == INT64_MIN ? last : last + 1;
}

/* The time that the rows of the view above have from which on all that they have is whole. */
static int64_t whole_above(const struct tl_engine *e, const struct tl_source_plan *s)
{
    const struct tl_view_exec *above = &e->views[s->view];
    int64_t from = INT64_MIN, size = s->time_is_start ? 0 : above->plan->size_ns;
    for (size_t i = 0; i < above->layout.count; i++)
        from = above->valid_from[i] > from ? above->valid_from[i] : from;
    return from > INT64_MAX - size ? INT64_MAX : from == INT64_MIN ? from : from + size;
}

/* The view's first window that sees nothing but what is whole. The views above have theirs. */
static int64_t first_whole(const struct tl_engine *e, size_t view)
{
    const struct tl_source_plan *s = &e->plan->sources[e->plan->views[view].source];
    int64_t begun = behind_begun(e, view), above = s->of_view && e->views[view].windowed ? whole_above(e, s) : INT64_MIN;
    return above > begun ? above : begun;
}

void tl_evolve_end(struct tl_engine *e)
{
    for (size_t v = 0; e->views && v < e->plan->view_count; v++) { /* a view is behind those that it reads */
        struct tl_view_exec *view = &e->views[v];
        if (!view->layout.stored)
            continue;
        int64_t from = first_whole(e, v);
        for (size_t i = 0; i < view->layout.count; i++)
            if (!is_stored(&view->layout, i))
                view->valid_from[i] = from;
        free(view->layout.stored);
        view->layout.stored = NULL;
    }
}
