/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/stream_tail.h"

#include "base/grow.h"
#include "base/io.h"
#include "base/suggest.h"
#include "base/time.h"
#include "kinesis/aggregated.h"
#include "kinesis/stream_names.h"

#include <stdio.h>
#include <stdlib.h>

#define SHARDS_MAX 100000
#define READ_LIMIT 1000
#define POLL_EMBEDDED_NS (50 * TL_NS_PER_MS)
#define READ_EVERY_NS (250 * TL_NS_PER_MS) /* five reads a second are for all readers of a shard */
#define SLICE_NS (50 * TL_NS_PER_MS)
#define LIST_EVERY_NS (2 * TL_NS_PER_S) /* for children that an answer did not name */

struct tailed {
    char id[TL_SHARD_ID_MAX], parent[TL_SHARD_ID_MAX], adjacent[TL_SHARD_ID_MAX];
    struct tl_shard_position from;
    struct tl_shard_reader *reader;
    int64_t next_ns;
    bool done, at_tip;
};
struct tl_tail {
    const struct tl_tail_options *options;
    tl_tail_print *print;
    tl_tail_pause *pause;
    void *user;
    struct tl_kinesis_client *client;
    struct tailed *shards;
    size_t count, cap;
    struct tl_record_batch batch;
    struct tl_kpl aggregated;
    int64_t listed_ns, done_ns; /* when a shard was read to its end last; 0: none was */
    bool over;
};

static struct tailed *find(const struct tl_tail *t, const char *id)
{
    for (size_t i = 0; i < t->count; i++)
        if (strcmp(t->shards[i].id, id) == 0)
            return &t->shards[i];
    return NULL;
}

static bool add(struct tl_tail *t, const struct tl_shard *shard, const struct tl_shard_position *from, struct tl_error *error)
{
    if (find(t, shard->id))
        return true;
    if (!tl_grow((void **)&t->shards, &t->cap, t->count + 1, sizeof *t->shards, SHARDS_MAX))
        return tl_error_set(error, TL_LIMIT, "more than %d shards, or out of memory", SHARDS_MAX);
    struct tailed *s = &t->shards[t->count++];
    *s = (struct tailed){ .from = *from };
    memcpy(s->id, shard->id, sizeof s->id);
    memcpy(s->parent, shard->parent, sizeof s->parent);
    memcpy(s->adjacent, shard->adjacent_parent, sizeof s->adjacent);
    return true;
}

static bool no_shard(const struct tl_tail *t, const struct tl_shard_list *list, struct tl_error *error)
{
    const char *names[256];
    size_t count = 0;
    for (; count < list->count && count < TL_COUNT(names); count++)
        names[count] = list->shards[count].id;
    const char *near = tl_suggest(tl_view_of(t->options->shard), names, count);
    return tl_error_set(error, TL_NOT_FOUND, "stream '%s' has no shard '%s'%s%s%s", t->options->stream, t->options->shard,
                        near ? "; did you mean '" : "", near ? near : "", near ? "'?" : "");
}

/* Names the nearest one that there is. Always false. */
static bool no_stream(struct tl_tail *t, struct tl_error *error)
{
    struct tl_stream_names names;
    struct tl_error ignored;
    if (error->code != TL_NOT_FOUND)
        return tl_error_context(error, "stream '%s'", t->options->stream);
    const char *near = tl_kinesis_stream_names(t->client, &names, &ignored) ? tl_stream_names_near(&names, t->options->stream) : NULL;
    tl_error_set(error, TL_NOT_FOUND, "there is no stream '%s'%s%s%s", t->options->stream, near ? "; did you mean '" : "", near ? near : "",
                 near ? "'?" : "");
    tl_stream_names_release(&names);
    return false;
}

/* first: where the reading begins; later, what is new begins at its beginning. */
static bool list_shards(struct tl_tail *t, bool first, struct tl_error *error)
{
    const struct tl_tail_options *o = t->options;
    struct tl_shard_position from = { .kind = TL_POSITION_TRIM_HORIZON };
    struct tl_shard_list list = { 0 };
    t->listed_ns = tl_io->monotonic_ns();
    if (!tl_kinesis_list_shards(t->client, o->stream, &list, error))
        return no_stream(t, error);
    if (first && o->latest)
        from = (struct tl_shard_position){ .kind = TL_POSITION_AT_TIMESTAMP, .timestamp_ns = tl_io->wall_ns() };
    else if (first)
        from = o->from;
    bool ok = true;
    for (size_t i = 0; ok && i < list.count; i++) {
        const struct tl_shard *s = &list.shards[i];
        bool closed = s->ending_sequence[0] != '\0';
        bool wanted = o->shard ? strcmp(o->shard, s->id) == 0 : !(first && o->latest && closed);
        ok = !wanted || add(t, s, &from, error);
    }
    if (ok && first && o->shard && t->count == 0)
        ok = no_shard(t, &list, error);
    tl_shard_list_release(&list);
    return ok;
}

static bool waits_for_parent(const struct tl_tail *t, const struct tailed *s)
{
    const struct tailed *a = s->parent[0] ? find(t, s->parent) : NULL, *b = s->adjacent[0] ? find(t, s->adjacent) : NULL;
    return (a && !a->done) || (b && !b->done);
}

/* ---- one shard ---- */

static void print_one(struct tl_tail *t, const struct tailed *s, const struct tl_record *record, struct tl_view sequence,
                      struct tl_view key, struct tl_view data)
{
    struct tl_tail_record r = { .shard = s->id, .sequence = sequence, .partition_key = key, .data = data, .arrival_ns = record->arrival_ns };
    t->over = t->over || !t->print(t->user, &r);
}

static void print_record(struct tl_tail *t, const struct tailed *s, const struct tl_record *record)
{
    const char *reason;
    struct tl_view part, key;
    char sequence[TL_SEQUENCE_MAX + 24];
    if (!tl_kpl_is_aggregated(record->data) || !tl_aggregated_open(&t->aggregated, record->data, &reason)) {
        print_one(t, s, record, record->sequence, record->partition_key, record->data);
        return;
    }
    for (int index = 0; !t->over && tl_kpl_next(&t->aggregated, &part, &key); index++) {
        int size = snprintf(sequence, sizeof sequence, "%.*s:%d", TL_VIEW_ARG(record->sequence), index);
        print_one(t, s, record, (struct tl_view){ sequence, (size_t)size }, key, part);
    }
}

static bool open_reader(struct tl_tail *t, struct tailed *s, struct tl_error *error)
{
    bool embedded = t->options->kinesis.embedded;
    struct tl_reader_options reader = { .stream = t->options->stream,
                                        .shard = s->id,
                                        .on_data_loss = TL_DATA_LOSS_CONTINUE,
                                        .read_every_ns = embedded ? 0 : READ_EVERY_NS,
                                        .poll_ns = embedded ? POLL_EMBEDDED_NS : READ_EVERY_NS };
    return tl_shard_reader_open(&s->reader, &t->options->kinesis, &reader, &s->from, error);
}

static bool read_shard(struct tl_tail *t, size_t index, struct tl_error *error)
{
    struct tailed *s = &t->shards[index];
    struct tl_read_step step;
    if (!s->reader && !open_reader(t, s, error))
        return false;
    if (!tl_shard_reader_next(s->reader, READ_LIMIT, &t->batch, &step, error))
        return false;
    s->next_ns = tl_io->monotonic_ns() + step.wait_ns;
    if (!step.answered)
        return true;
    s->at_tip = step.at_tip;
    for (size_t i = 0; !t->over && i < t->batch.count; i++)
        print_record(t, s, &t->batch.records[i]);
    if (tl_shard_reader_position(s->reader)->kind != TL_POSITION_SHARD_END)
        return true;
    s->done = true;
    t->done_ns = tl_io->monotonic_ns();
    tl_shard_reader_close(s->reader);
    s->reader = NULL;
    const struct tl_shard_position beginning = { .kind = TL_POSITION_TRIM_HORIZON };
    for (size_t i = 0; !t->options->shard && i < t->batch.children.count; i++)
        if (!add(t, &t->batch.children.shards[i], &beginning, error))
            return false;
    return true;
}

/* ---- all ---- */

static bool all_read(const struct tl_tail *t)
{
    for (size_t i = 0; i < t->count; i++)
        if (!t->shards[i].done && !t->shards[i].at_tip)
            return false;
    return true;
}

/* Reads what is due; *next_ns: when something is due again. */
static bool read_due(struct tl_tail *t, int64_t *next_ns, struct tl_error *error)
{
    int64_t now = tl_io->monotonic_ns();
    *next_ns = now + TL_NS_PER_S;
    for (size_t i = 0; !t->over && i < t->count; i++) {
        const struct tailed *s = &t->shards[i];
        if (s->done || waits_for_parent(t, s))
            continue;
        if (s->next_ns <= now && !read_shard(t, i, error))
            return false;
        if (t->shards[i].next_ns < *next_ns)
            *next_ns = t->shards[i].next_ns;
    }
    return true;
}

static bool cancelled(const struct tl_tail *t)
{
    return t->options->kinesis.cancel && __atomic_load_n(t->options->kinesis.cancel, __ATOMIC_ACQUIRE);
}

/* A shard that ended has children: its last answer named them, or the list does. */
static bool wants_list(const struct tl_tail *t, bool finished)
{
    if (t->options->shard || t->done_ns == 0)
        return false;
    if (t->options->until_now)
        return finished && t->listed_ns <= t->done_ns;
    return tl_io->monotonic_ns() - t->listed_ns > LIST_EVERY_NS;
}

static void wait_until(const struct tl_tail *t, int64_t ns)
{
    while (!t->over && !cancelled(t) && tl_io->monotonic_ns() < ns) {
        int64_t left = ns - tl_io->monotonic_ns();
        tl_io->sleep_ns(left < SLICE_NS ? left : SLICE_NS);
    }
}

static bool loop(struct tl_tail *t, struct tl_error *error)
{
    while (!t->over && !cancelled(t)) {
        int64_t next_ns;
        if (!read_due(t, &next_ns, error))
            return false;
        t->over = t->over || !t->pause(t->user);
        bool finished = all_read(t), listed = wants_list(t, finished);
        if (listed && !list_shards(t, false, error))
            return false;
        bool ended = t->options->until_now ? finished && !listed : t->options->shard && t->shards[0].done;
        t->over = t->over || ended;
        wait_until(t, listed ? 0 : next_ns);
    }
    return true;
}

bool tl_tail_run(const struct tl_tail_options *options, tl_tail_print *print, tl_tail_pause *pause, void *user, struct tl_error *error)
{
    struct tl_tail t = { .options = options, .print = print, .pause = pause, .user = user };
    tl_record_batch_init(&t.batch);
    bool ok = tl_kinesis_client_new(&t.client, &options->kinesis, error) && list_shards(&t, true, error) && loop(&t, error);
    for (size_t i = 0; i < t.count; i++)
        tl_shard_reader_close(t.shards[i].reader);
    free(t.shards);
    tl_record_batch_release(&t.batch);
    tl_kpl_release(&t.aggregated);
    tl_kinesis_client_free(t.client);
    return ok || (error->code == TL_STOPPED && cancelled(&t));
}
