/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/shard_tree.h"

#include "base/grow.h"
#include "base/io.h"
#include "base/log.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define ACTIVE_TIMEOUT_NS (60 * TL_NS_PER_S)
#define LIST_EVERY_NS (1 * TL_NS_PER_S)
#define CHILD_TIMEOUT_NS (30 * TL_NS_PER_S) /* a closed shard without children after that has none */

static bool is_parent(const struct tl_shard_run *parent, const struct tl_shard_run *child)
{
    return parent->source == child->source &&
           (strcmp(child->parent, parent->name) == 0 || strcmp(child->adjacent_parent, parent->name) == 0);
}

static struct tl_shard_run *parent_of(const struct tl_engine *e, const struct tl_shard_run *child,
                                      const char *id)
{
    return id[0] ? tl_engine_find_shard(e, child->source, id) : NULL;
}

/* A parent that retention has deleted, or that was never ours, holds nobody back. */
static bool may_begin(const struct tl_engine *e, const struct tl_shard_run *child)
{
    const struct tl_shard_run *a = parent_of(e, child, child->parent),
                              *b = parent_of(e, child, child->adjacent_parent);
    return (!a || a->finished) && (!b || b->finished) && (!child->limited || child->limit_started);
}

static void begin(struct tl_engine *e, struct tl_shard_run *child)
{
    const struct tl_shard_run *parents[] = { parent_of(e, child, child->parent),
                                             parent_of(e, child, child->adjacent_parent) };
    for (size_t i = 0; i < TL_COUNT(parents); i++)
        if (parents[i] && parents[i]->watermark > child->watermark)
            child->watermark = parents[i]->watermark;
    for (size_t i = 0; i < TL_COUNT(parents); i++)
        if (parents[i] && child->dedup)
            tl_dedup_inherit(child->dedup, parents[i]->dedup, child->watermark);
    child->started = true;
}

static bool has_child(const struct tl_engine *e, const struct tl_shard_run *s, bool *all_begun)
{
    bool any = false;
    *all_begun = true;
    for (size_t i = 0; i < e->shard_count; i++) {
        if (!is_parent(s, e->shards[i]))
            continue;
        any = true;
        *all_begun = *all_begun && e->shards[i]->started;
    }
    return any;
}

/* What the children have taken over need not be remembered twice. */
static void forget_passed_on(struct tl_engine *e)
{
    for (size_t i = 0; i < e->shard_count; i++) {
        struct tl_shard_run *s = e->shards[i];
        bool all_begun;
        if (s->dedup && s->finished && s->dedup->known.count && has_child(e, s, &all_begun) && all_begun)
            tl_dedup_forget(s->dedup);
    }
}

bool tl_shard_tree_advance(struct tl_engine *e)
{
    bool any = false, again = true;
    while (again) {
        again = false;
        for (size_t i = 0; i < e->shard_count; i++) {
            struct tl_shard_run *s = e->shards[i];
            if (s->started || !may_begin(e, s))
                continue;
            begin(e, s);
            any = again = true;
        }
    }
    if (any)
        forget_passed_on(e);
    return any;
}

static bool waits_for_children(const struct tl_shard_run *s)
{
    return s->finished_ns != 0 && tl_io->monotonic_ns() - s->finished_ns < CHILD_TIMEOUT_NS;
}

bool tl_shard_tree_counts(const struct tl_engine *e, const struct tl_shard_run *s)
{
    bool all_begun;
    if (!s->started)
        return false; /* its parents count */
    if (!s->finished)
        return true;
    if (e->from_files || s->of_view)
        return false;
    return has_child(e, s, &all_begun) ? !all_begun : waits_for_children(s);
}

bool tl_shard_tree_wants_list(const struct tl_engine *e, size_t source)
{
    if (e->from_files || e->plan->sources[source].of_view ||
        tl_io->monotonic_ns() - e->sources[source].listed_ns < LIST_EVERY_NS)
        return false;
    for (size_t i = 0; i < e->shard_count; i++) {
        const struct tl_shard_run *s = e->shards[i];
        bool all_begun;
        if (s->source == source && s->finished && waits_for_children(s) && !has_child(e, s, &all_begun))
            return true;
    }
    return false;
}

bool tl_shard_tree_list(struct tl_engine *e, size_t source, struct tl_shard_list *out, struct tl_error *error)
{
    e->sources[source].listed_ns = tl_io->monotonic_ns();
    return tl_kinesis_list_shards(e->sources[source].client, e->plan->sources[source].stream, out, error);
}

static bool add_shard(struct tl_engine *e, size_t source, const struct tl_shard *shard,
                      const struct tl_shard_position *from, struct tl_error *error)
{
    struct tl_shard_run *s;
    if (!tl_engine_add_shard(e, source, shard->id, &s, error))
        return false;
    memcpy(s->parent, shard->parent, sizeof s->parent);
    memcpy(s->adjacent_parent, shard->adjacent_parent, sizeof s->adjacent_parent);
    s->position = *from;
    s->started = false; /* tl_shard_tree_advance */
    s->floor = e->sources[source].bounds.close;
    return true;
}

bool tl_shard_tree_add(struct tl_engine *e, size_t source, const struct tl_shard_list *list,
                       struct tl_error *error)
{
    const struct tl_shard_position from = { .kind = TL_POSITION_TRIM_HORIZON };
    for (size_t i = 0; i < list->count; i++)
        if (!tl_engine_find_shard(e, source, list->shards[i].id) &&
            !add_shard(e, source, &list->shards[i], &from, error))
            return false;
    return true;
}

/* LATEST is now, once and for good: a restart before the first record goes on from here (kinesis/consumer.h).
 * With until_now everything in the stream is wanted. */
static struct tl_shard_position first_position(const struct tl_engine *e, size_t source)
{
    if (e->options.until_now || e->plan->sources[source].start == TL_START_TRIM_HORIZON)
        return (struct tl_shard_position){ .kind = TL_POSITION_TRIM_HORIZON };
    return (struct tl_shard_position){ .kind = TL_POSITION_AT_TIMESTAMP, .timestamp_ns = tl_io->wall_ns() };
}

static bool open_stream(struct tl_engine *e, size_t source, bool fresh, struct tl_error *error)
{
    const char *stream = e->plan->sources[source].stream;
    struct tl_source_run *run = &e->sources[source];
    struct tl_shard_list list = { 0 };
    if (!tl_kinesis_client_new(&run->client, &e->options.kinesis, error) ||
        !tl_kinesis_wait_active(run->client, stream, ACTIVE_TIMEOUT_NS, error) ||
        !tl_shard_tree_list(e, source, &list, error))
        return tl_error_context(error, "stream '%s'", stream);
    bool ok = true;
    if (fresh) {
        const struct tl_shard_position from = first_position(e, source);
        for (size_t i = 0; ok && i < list.count; i++)
            ok = add_shard(e, source, &list.shards[i], &from, error);
    } else {
        ok = tl_shard_tree_add(e, source, &list, error);
    }
    tl_shard_list_release(&list);
    return ok;
}

/* A file that the checkpoint does not know is new; one it knows goes on where it was, also when it had been
 * read to an end that is not its end any more; and one that is no input now has nothing more to give. */
static bool open_file(struct tl_engine *e, const char *path, size_t source, struct tl_error *error)
{
    int64_t size;
    if (!tl_file_size(path, &size, error))
        return tl_error_context(error, "input");
    struct tl_shard_run *s = tl_engine_find_shard(e, source, path);
    if (!s) {
        if (!tl_engine_add_shard(e, source, path, &s, error))
            return false;
        s->floor = e->sources[source].bounds.close;
    } else if (s->finished && (uint64_t)size > s->offset) {
        s->finished = false;
        s->floor = e->sources[source].bounds.close;
    }
    s->is_input = true;
    return true;
}

static bool open_files(struct tl_engine *e, struct tl_error *error)
{
    for (size_t i = 0; i < e->options.input_count; i++)
        if (!open_file(e, e->options.inputs[i], e->options.input_sources ? e->options.input_sources[i] : 0, error))
            return false;
    for (size_t i = 0; i < e->shard_count; i++)
        if (!e->shards[i]->is_input && !e->shards[i]->of_view)
            e->shards[i]->finished = true;
    return true;
}

/* The one shard of a view's rows, which has its name. */
static bool open_views(struct tl_engine *e, struct tl_error *error)
{
    struct tl_shard_run *s;
    for (size_t i = 0; i < e->plan->source_count; i++) {
        const struct tl_source_plan *source = &e->plan->sources[i];
        if (source->of_view && !tl_engine_find_shard(e, i, source->name) &&
            !tl_engine_add_shard(e, i, source->name, &s, error))
            return false;
    }
    return true;
}

bool tl_shard_tree_open(struct tl_engine *e, bool fresh, struct tl_error *error)
{
    if (!open_views(e, error))
        return false;
    if (e->from_files)
        return open_files(e, error);
    for (size_t i = 0; i < e->plan->source_count; i++)
        if (!e->plan->sources[i].of_view && !open_stream(e, i, fresh, error))
            return false;
    int64_t now = tl_io->monotonic_ns();
    for (size_t i = 0; i < e->shard_count; i++)
        if (e->shards[i]->finished)
            e->shards[i]->finished_ns = now; /* their children may still be to come */
    return true;
}
