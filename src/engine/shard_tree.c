/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/shard_tree.h"

#include "base/grow.h"
#include "base/io.h"
#include "base/log.h"
#include "engine/shard_lineage.h"
#include "engine/shard_retire.h"
#include "kinesis/stream_start.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define LIST_EVERY_NS (1 * TL_NS_PER_S)
#define CHILD_TIMEOUT_NS (30 * TL_NS_PER_S) /* a closed shard without children after that has none */

/* ---- adding ---- */

/* A parent that was never ours and that nobody can read any more: what was in it is lost. */
static bool lose_parent(struct tl_engine *e, struct tl_shard_run *s, struct tl_error *error)
{
    const struct tl_source_plan *source = &e->plan->sources[s->source];
    const char *gone = tl_engine_find_shard(e, s->source, s->parent) ? s->adjacent_parent : s->parent;
    if (source->on_data_loss == TL_DATA_LOSS_FAIL)
        return tl_error_set(error, TL_CORRUPT,
                            "stream '%s': retention has removed shard '%s', the parent of '%s', before it was read; "
                            "an unknown number of records may never have been read; to go on all the same, with the gap "
                            "counted, set on_data_loss = 'continue' on the source",
                            source->stream, gone, s->name);
    s->gaps++;
    tl_log_warn("engine", "stream '%s': retention has removed shard '%s', the parent of '%s', before it was read; "
                          "on_data_loss = 'continue': counted as a gap",
                source->stream, gone, s->name);
    return true;
}

static bool add_shard(struct tl_engine *e, size_t source, const struct tl_shard *shard,
                      const struct tl_shard_position *from, struct tl_error *error)
{
    struct tl_shard_run *s;
    if (!tl_engine_add_shard(e, source, shard->id, &s, error))
        return false;
    tl_lineage_set(e, s, shard);
    s->position = *from;
    s->started = false; /* tl_lineage_advance */
    s->floor = e->sources[source].bounds.close;
    return true;
}

/* Of shards that joined later than the pipeline did: everything in them is wanted. In the order of ids, so that
 * parents are there before their children. */
bool tl_shard_tree_add(struct tl_engine *e, size_t source, const struct tl_shard_list *list,
                       struct tl_error *error)
{
    for (size_t i = 0; i < list->count; i++) {
        const struct tl_shard *shard = &list->shards[i];
        struct tl_shard_position from = { .kind = TL_POSITION_TRIM_HORIZON, .read_until_ns = tl_sequence_created_ns(tl_view_of(shard->starting_sequence)) };
        struct tl_shard_run *known = tl_engine_find_shard(e, source, shard->id);
        if (known) {
            if (shard->starting_sequence[0]) /* a shard that a last answer told has none yet, nor one of a checkpoint */
                memcpy(known->starting_sequence, shard->starting_sequence, sizeof known->starting_sequence);
            continue;
        }
        if (!add_shard(e, source, shard, &from, error))
            return false;
        struct tl_shard_run *s = tl_engine_find_shard(e, source, shard->id);
        if (s->orphan && !lose_parent(e, s, error))
            return false;
    }
    tl_lineage_mark_parents(e);
    return true;
}

/* ---- children of shards that end ---- */

static bool of_stream(const struct tl_engine *e, size_t source)
{
    return !e->from_files && !e->plan->sources[source].of_view;
}

bool tl_shard_tree_awaits_children(const struct tl_engine *e)
{
    for (size_t i = 0; i < e->shard_count; i++) {
        const struct tl_shard_run *s = e->shards[i];
        if (of_stream(e, s->source) && (s->children.count || tl_lineage_lacks_children(e, s)))
            return true;
    }
    return false;
}

/* A child of a merge may be told by one parent before the other is known, whose own parent is still being read:
 * that is for the list to say, which has both. */
static void keep_with_known_parents(const struct tl_engine *e, size_t source, struct tl_shard_list *told)
{
    size_t kept = 0;
    for (size_t i = 0; i < told->count; i++) {
        const struct tl_shard *s = &told->shards[i];
        bool known = tl_engine_find_shard(e, source, s->parent) &&
                     (!s->adjacent_parent[0] || tl_engine_find_shard(e, source, s->adjacent_parent));
        if (known)
            told->shards[kept++] = *s;
    }
    told->count = kept;
}

/* The children that the last read of a shard told. */
static bool add_told(struct tl_engine *e, size_t source, struct tl_error *error)
{
    for (size_t i = 0; i < e->shard_count; i++) {
        struct tl_shard_run *s = e->shards[i];
        if (s->source != source || !s->children.count)
            continue;
        struct tl_shard_list told = s->children; /* adding moves e->shards, not what they point to */
        s->children = (struct tl_shard_list){ NULL, 0, 0 };
        keep_with_known_parents(e, source, &told);
        bool ok = tl_shard_tree_add(e, source, &told, error);
        tl_shard_list_release(&told);
        if (!ok)
            return false;
        i = SIZE_MAX; /* from the beginning: places have changed */
    }
    return true;
}

static bool wants_list(const struct tl_engine *e, size_t source)
{
    if (tl_io->monotonic_ns() - e->sources[source].listed_ns < LIST_EVERY_NS)
        return false;
    for (size_t i = 0; i < e->shard_count; i++)
        if (e->shards[i]->source == source && tl_lineage_lacks_children(e, e->shards[i]))
            return true;
    return tl_retire_wants_list(e, source);
}

/* After a list that came: a shard that ended long before it and has no child there will have none. */
static void give_up_childless(struct tl_engine *e, size_t source)
{
    int64_t now = tl_io->monotonic_ns();
    for (size_t i = 0; i < e->shard_count; i++) {
        struct tl_shard_run *s = e->shards[i];
        if (s->source != source || !tl_lineage_lacks_children(e, s) || now - s->finished_ns < CHILD_TIMEOUT_NS)
            continue;
        s->childless = true;
        tl_log_warn("engine", "stream '%s': shard '%s' is closed, and the stream lists no shard that follows it",
                    e->plan->sources[source].stream, s->name);
    }
}

static bool list(struct tl_engine *e, size_t source, struct tl_shard_list *out, struct tl_error *error)
{
    e->sources[source].listed_ns = tl_io->monotonic_ns();
    return tl_kinesis_list_shards(e->sources[source].client, e->plan->sources[source].stream, out, error);
}

/* Outside the gate while the network is asked. */
static bool list_children(struct tl_engine *e, size_t source, struct tl_error *error)
{
    struct tl_shard_list found = { 0 };
    if (!list(e, source, &found, error)) {
        bool again = tl_code_is_retriable(error->code) || error->code == TL_LIMIT /* its rate */ ||
                     error->code == TL_IO || error->code == TL_EXPIRED;
        if (tl_engine_stopping(e) || again)
            return true; /* asked again in a second */
        return tl_error_context(error, "stream '%s'", e->plan->sources[source].stream);
    }
    tl_gate_close(&e->gate);
    bool ok = tl_shard_tree_add(e, source, &found, error);
    give_up_childless(e, source);
    tl_retire_note_list(e, source, &found);
    tl_gate_open(&e->gate);
    tl_shard_list_release(&found);
    return ok;
}

bool tl_shard_tree_tend(struct tl_engine *e, struct tl_error *error)
{
    for (size_t i = 0; i < e->plan->source_count; i++) {
        if (!of_stream(e, i))
            continue;
        tl_gate_close(&e->gate);
        bool ok = add_told(e, i, error), wants = ok && wants_list(e, i);
        tl_gate_open(&e->gate);
        if (!ok || (wants && !list_children(e, i, error)))
            return false;
    }
    tl_gate_close(&e->gate);
    tl_lineage_advance(e);
    tl_gate_open(&e->gate);
    return true;
}

/* ---- at the start ---- */

/* LATEST is now, once and for good: a restart before the first record goes on from here (kinesis/consumer.h). By
 * the service's clock, which stamps the records. With until_now everything in the stream is wanted. What is older
 * than this instant and deleted before the first read was the stream's past, and is not missed. */
static struct tl_shard_position first_position(const struct tl_engine *e, size_t source)
{
    int64_t now = tl_io->wall_ns() + tl_kinesis_clock_skew(e->sources[source].client);
    if (e->options.until_now || e->plan->sources[source].start == TL_START_TRIM_HORIZON)
        return (struct tl_shard_position){ .kind = TL_POSITION_TRIM_HORIZON, .read_until_ns = now };
    return (struct tl_shard_position){ .kind = TL_POSITION_AT_TIMESTAMP, .timestamp_ns = now, .read_until_ns = now };
}

/* The stream is there and ACTIVE, and what its readers need is known. */
static bool connect_stream(struct tl_engine *e, size_t source, struct tl_error *error)
{
    const struct tl_source_plan *plan = &e->plan->sources[source];
    struct tl_source_run *run = &e->sources[source];
    struct tl_stream_summary summary;
    char consumer[TL_CONSUMER_NAME_MAX];
    run->kinesis = e->options.kinesis;
    run->kinesis.cbor = plan->cbor;
    if (!tl_kinesis_client_new(&run->client, &run->kinesis, error))
        return false;
    const struct tl_stream_start start = { .stream = plan->stream,
                                           .create_shards = e->options.create_shards,
                                           .create_option = "--create-stream SHARDS" };
    if (!tl_kinesis_stream_start(run->client, &start, &summary, error))
        return false;
    run->reader = (struct tl_reader_options){ .stream = plan->stream,
                                              .on_data_loss = plan->on_data_loss,
                                              .mode = plan->read,
                                              .consumer_arn = run->consumer_arn,
                                              .read_every_ns = e->options.read_every_ns,
                                              .poll_ns = e->options.poll_ns,
                                              .retention_ns = summary.retention_ns,
                                              .retention_at_ns = tl_io->monotonic_ns() };
    if (plan->read != TL_READ_FANOUT)
        return true;
    tl_source_consumer(e->plan, plan, consumer);
    return tl_kinesis_consumer_ready(run->client, &summary, consumer, run->consumer_arn, error);
}

static bool open_stream(struct tl_engine *e, size_t source, bool fresh, struct tl_error *error)
{
    const char *stream = e->plan->sources[source].stream;
    struct tl_shard_list shards = { 0 };
    e->sources[source].listed_ns = tl_io->monotonic_ns();
    if (!connect_stream(e, source, error) || !tl_kinesis_start_shards(e->sources[source].client, stream, &shards, error))
        return tl_error_context(error, "stream '%s'", stream);
    bool ok = true;
    if (fresh) {
        const struct tl_shard_position from = first_position(e, source);
        for (size_t i = 0; ok && i < shards.count; i++)
            ok = add_shard(e, source, &shards.shards[i], &from, error);
        tl_lineage_mark_parents(e);
    } else {
        ok = tl_shard_tree_add(e, source, &shards, error);
        tl_retire_note_list(e, source, &shards);
    }
    tl_shard_list_release(&shards);
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
