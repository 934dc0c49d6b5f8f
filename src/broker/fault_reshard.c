/* SPDX-License-Identifier: Apache-2.0 */
/* broker/fault_reshard.c: the fault 'reshard': some shard of some stream is split in the middle, or merged
 * with its neighbour. */
#include "base/log.h"
#include "broker/broker_int.h"
#include "broker/faults.h"

#define SHARDS_ENOUGH 64 /* of a stream: then only merges */

__extension__ typedef unsigned __int128 wide;

static struct tl_hash_key middle_of(const struct tl_registry_shard *s)
{
    wide first = (wide)s->first.high << 64 | s->first.low, last = (wide)s->last.high << 64 | s->last.low;
    wide middle = first + (last - first) / 2;
    return (struct tl_hash_key){ (uint64_t)(middle >> 64), (uint64_t)middle };
}

static struct tl_broker_stream *choose_stream_locked(struct tl_broker *b)
{
    if (b->stream_count == 0)
        return NULL;
    struct tl_broker_stream *s = b->by_id[tl_faults_choose(b->faults, b->stream_count)];
    return tl_stream_state(s) == TL_STREAM_ACTIVE && !s->info.on_demand ? s : NULL;
}

static bool choose(struct tl_broker_stream *s, struct tl_reshard *plan)
{
    struct tl_faults *f = s->broker->faults;
    size_t at = tl_faults_choose(f, s->open_count);
    bool merge = s->open_count >= SHARDS_ENOUGH || (s->open_count > 1 && tl_faults_choose(f, 2) == 0);
    const struct tl_registry_shard *shard = &s->open[at]->info;
    if (merge) {
        size_t other = at + 1 < s->open_count ? at + 1 : at - 1;
        return tl_reshard_merge(plan, shard->index, s->open[other]->info.index);
    }
    struct tl_hash_key middle = middle_of(shard);
    return tl_hash_key_cmp(middle, shard->first) > 0 && tl_reshard_split(plan, shard->index, middle);
}

void tl_fault_reshard(struct tl_broker *b)
{
    struct tl_error error;
    pthread_mutex_lock(&b->lock);
    struct tl_broker_stream *s = choose_stream_locked(b);
    struct tl_reshard *plan = s ? tl_reshard_new(s) : NULL;
    bool planned = plan && choose(s, plan);
    pthread_mutex_unlock(&b->lock);
    if (planned && tl_reshard_commit(plan, NULL, &error))
        tl_log_info("broker", "fault on request: stream '%s' was resharded", s->info.name);
    else if (planned)
        tl_log_error("broker", "fault on request: stream '%s': %s", s->info.name, error.text);
    tl_reshard_free(plan);
}
