/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/shard_retire.h"

#include "base/io.h"
#include "base/log.h"
#include "engine/shard_lineage.h"

#include <stdlib.h>

#define LIST_EVERY_NS (60 * TL_NS_PER_MIN)
#define CLOCK_NS (60 * TL_NS_PER_MIN) /* of doubt about clocks, and about how soon a service removes what is old */

static int by_id(const void *name, const void *shard)
{
    return strcmp(name, ((const struct tl_shard *)shard)->id);
}

void tl_retire_note_list(struct tl_engine *e, size_t source, const struct tl_shard_list *list)
{
    for (size_t i = 0; i < e->shard_count; i++) {
        struct tl_shard_run *s = e->shards[i];
        if (s->source == source)
            s->unlisted = !list->count || !bsearch(s->name, list->shards, list->count, sizeof *list->shards, by_id);
    }
}

/* Everything in it is older than what the stream keeps. */
static bool is_old(const struct tl_engine *e, const struct tl_shard_run *s)
{
    int64_t until = s->position.read_until_ns;
    return until && tl_io->wall_ns() - until > e->sources[s->source].reader.retention_ns + CLOCK_NS;
}

bool tl_retire_wants_list(const struct tl_engine *e, size_t source)
{
    if (tl_io->monotonic_ns() - e->sources[source].listed_ns < LIST_EVERY_NS)
        return false;
    for (size_t i = 0; i < e->shard_count; i++)
        if (e->shards[i]->source == source && e->shards[i]->finished && !e->shards[i]->unlisted && is_old(e, e->shards[i]))
            return true;
    return false;
}

static bool is_empty(const struct tl_shard_run *s)
{
    for (size_t v = 0; v < s->view_count; v++)
        if (s->states[v].live)
            return false;
    return true;
}

/* A child, where there is one and all have begun; else NULL. */
static struct tl_shard_run *heir_of(const struct tl_engine *e, const struct tl_shard_run *s)
{
    struct tl_shard_run *heir = NULL;
    for (size_t i = 0; i < e->shard_count; i++) {
        struct tl_shard_run *child = e->shards[i];
        if (!tl_lineage_is_parent(s, child))
            continue;
        if (!child->started)
            return NULL;
        heir = heir ? heir : child;
    }
    return heir;
}

static void bequeath(const struct tl_shard_run *s, struct tl_shard_run *heir)
{
    heir->received += s->received;
    heir->malformed += s->malformed;
    heir->duplicates += s->duplicates;
    heir->gaps += s->gaps;
    heir->gap_records += s->gap_records;
    heir->throttles += s->throttles;
    for (size_t v = 0; v < s->view_count; v++) {
        heir->counts[v].aggregated += s->counts[v].aggregated;
        heir->counts[v].late += s->counts[v].late;
        heir->counts[v].filtered += s->counts[v].filtered;
        heir->counts[v].placed += s->counts[v].placed;
    }
    tl_shard_run_check(heir);
}

void tl_retire_shards(struct tl_engine *e)
{
    for (size_t i = 0; !e->from_files && i < e->shard_count;) {
        struct tl_shard_run *s = e->shards[i];
        bool done = s->finished && s->unlisted && !s->of_view && !s->limited && !s->busy && is_empty(s) && is_old(e, s);
        struct tl_shard_run *heir = done ? heir_of(e, s) : NULL;
        if (!heir) {
            i++;
            continue;
        }
        bequeath(s, heir);
        tl_log_info("engine", "stream '%s': shard '%s' was read to its end and is removed: '%s' has its counts", e->sources[s->source].plan->stream,
                    s->name, heir->name);
        e->committed_finished -= 2; /* finished and begun: leaving is no news */
        e->shard_count--;
        memmove(&e->shards[i], &e->shards[i + 1], (e->shard_count - i) * sizeof *e->shards);
        tl_shard_run_free(s);
    }
}
