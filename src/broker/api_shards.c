/* SPDX-License-Identifier: Apache-2.0 */
/* broker/api_shards.c: listing, splitting, merging and scaling shards. */
#include "base/io.h"
#include "base/time.h"
#include "broker/api_int.h"

#include <inttypes.h>
#include <stdio.h>

#define SCALINGS_PER_DAY 10
#define DAY_MS (INT64_C(24) * 3600 * 1000)
/* What the service tells as the counter of a closed shard's end (kinesis.md, sequence numbers). */
#define ENDING_COUNTER UINT64_C(0x7fffffffffffffff)

/* ---- writing shards ---- */

void tl_write_hash_range(struct tl_msg_writer *w, const struct tl_registry_shard *shard)
{
    char text[TL_HASH_KEY_MAX];
    tl_msg_key(w, "HashKeyRange");
    tl_msg_begin_structure(w);
    tl_hash_key_format(shard->first, text);
    tl_msg_member_text(w, "StartingHashKey", text);
    tl_hash_key_format(shard->last, text);
    tl_msg_member_text(w, "EndingHashKey", text);
    tl_msg_end_structure(w);
}

static void member_shard_id(struct tl_msg_writer *w, const char *key, int64_t index)
{
    char id[32];
    if (index < 0)
        return;
    snprintf(id, sizeof id, "shardId-%012" PRId64, index);
    tl_msg_member_text(w, key, id);
}

void tl_write_shard(struct tl_msg_writer *w, const struct tl_broker_shard *shard)
{
    char text[TL_SEQUENCE_MAX];
    tl_msg_begin_structure(w);
    tl_msg_member_text(w, "ShardId", shard->id);
    member_shard_id(w, "ParentShardId", shard->info.parent);
    member_shard_id(w, "AdjacentParentShardId", shard->info.adjacent);
    tl_write_hash_range(w, &shard->info);
    tl_msg_key(w, "SequenceNumberRange");
    tl_msg_begin_structure(w);
    tl_shard_sequence(shard, 0, shard->info.created_ms, text);
    tl_msg_member_text(w, "StartingSequenceNumber", text);
    if (!tl_shard_is_open(shard)) {
        tl_shard_sequence(shard, ENDING_COUNTER, shard->info.closed_ms, text);
        tl_msg_member_text(w, "EndingSequenceNumber", text);
    }
    tl_msg_end_structure(w);
    tl_msg_end_structure(w);
}

void tl_write_child_shards(struct tl_msg_writer *w, struct tl_broker_stream *s, uint32_t parent)
{
    tl_msg_key(w, "ChildShards");
    tl_msg_begin_list(w);
    for (size_t i = 0; i < s->shard_count; i++) {
        const struct tl_broker_shard *child = s->shards[i];
        if (child->info.parent != parent && child->info.adjacent != parent)
            continue;
        char id[32];
        tl_msg_begin_structure(w);
        tl_msg_member_text(w, "ShardId", child->id);
        tl_msg_key(w, "ParentShards");
        tl_msg_begin_list(w);
        snprintf(id, sizeof id, "shardId-%012" PRId64, child->info.parent);
        tl_msg_write_text(w, id);
        if (child->info.adjacent >= 0) {
            snprintf(id, sizeof id, "shardId-%012" PRId64, child->info.adjacent);
            tl_msg_write_text(w, id);
        }
        tl_msg_end_list(w);
        tl_write_hash_range(w, &child->info);
        tl_msg_end_structure(w);
    }
    tl_msg_end_list(w);
}

/* ---- listing ---- */

enum filter { FROM_TRIM_HORIZON, AT_LATEST, AT_TIMESTAMP, FROM_TIMESTAMP, AFTER_SHARD_ID };
struct page {
    enum filter filter;
    int64_t time_ms;
    uint64_t after; /* shards of greater indexes; one more than the index, 0: all */
};

static bool is_shown(const struct page *p, const struct tl_registry_shard *s)
{
    if (s->index + UINT64_C(1) <= p->after)
        return false;
    switch (p->filter) {
    case AT_LATEST:
        return s->closed_ms == 0;
    case AT_TIMESTAMP: /* open at t */
        return s->created_ms <= p->time_ms && (s->closed_ms == 0 || s->closed_ms > p->time_ms);
    case FROM_TIMESTAMP: /* open at t or later */
        return s->closed_ms == 0 || s->closed_ms >= p->time_ms;
    case FROM_TRIM_HORIZON:
    case AFTER_SHARD_ID:
        break;
    }
    return true;
}

static bool after_shard(struct tl_api_call *call, struct tl_view id, uint64_t *after)
{
    if (!id.data)
        return true;
    if (tl_view_starts_with(id, TL_VIEW("shardId-")))
        id = (struct tl_view){ id.data + 8, id.size - 8 };
    if (!tl_view_to_u64(id, after))
        return tl_api_fail(call, "InvalidArgumentException", "Invalid shard id.");
    *after += *after < UINT64_MAX;
    return true;
}

static bool read_filter(struct tl_api_call *call, const struct tl_broker_stream *s, struct page *page)
{
    struct tl_msg filter, time;
    if (!tl_msg_get(call->body, "ShardFilter", &filter) || tl_msg_kind_of(filter) != TL_MSG_STRUCTURE)
        return true;
    struct tl_view type = tl_msg_get_string(filter, "Type"), id = tl_msg_get_string(filter, "ShardId");
    bool has_time = tl_msg_get(filter, "Timestamp", &time) && tl_msg_time_ms(time, &page->time_ms);
    int64_t horizon = tl_io->wall_ns() / TL_NS_PER_MS - (int64_t)s->info.retention_hours * 3600 * 1000;
    if (tl_view_is(type, "AT_LATEST"))
        page->filter = AT_LATEST;
    else if (tl_view_is(type, "AFTER_SHARD_ID")) {
        page->filter = AFTER_SHARD_ID;
        if (!id.data)
            return tl_api_fail(call, "InvalidArgumentException",
                               "ShardId is required for the filter AFTER_SHARD_ID.");
        return after_shard(call, id, &page->after);
    } else if (tl_view_is(type, "AT_TRIM_HORIZON")) {
        page->filter = AT_TIMESTAMP;
        page->time_ms = horizon > s->info.created_ms ? horizon : s->info.created_ms;
    } else if (tl_view_is(type, "AT_TIMESTAMP") || tl_view_is(type, "FROM_TIMESTAMP")) {
        page->filter = tl_view_is(type, "AT_TIMESTAMP") ? AT_TIMESTAMP : FROM_TIMESTAMP;
        if (!has_time)
            return tl_api_fail(call, "InvalidArgumentException", "Timestamp is required for the filter %.*s.",
                               TL_VIEW_ARG(type));
        if (page->time_ms > tl_io->wall_ns() / TL_NS_PER_MS)
            return tl_api_fail(call, "InvalidArgumentException",
                               "The Timestamp of the filter is in the future.");
        if (page->time_ms < s->info.created_ms)
            page->time_ms = s->info.created_ms;
    }
    return true;
}

/* "after:filter:time:stream" */
static bool page_of_token(struct tl_api_call *call, struct tl_view token, struct page *page,
                          struct tl_broker_stream **s)
{
    char place[256];
    uint64_t filter;
    if (tl_msg_get_string(call->body, "StreamName").data || tl_msg_get_string(call->body, "StreamARN").data)
        return tl_api_fail(call, "InvalidArgumentException",
                           "NextToken and StreamName cannot be provided together.");
    if (!tl_api_read_token(call, token, place, sizeof place))
        return false;
    struct tl_view rest, after = tl_view_split(tl_view_of(place), ':', &rest),
                         kind = tl_view_split(rest, ':', &rest), time = tl_view_split(rest, ':', &rest);
    if (!tl_view_to_u64(after, &page->after) || !tl_view_to_u64(kind, &filter) || filter > AFTER_SHARD_ID ||
        !tl_view_to_i64(time, &page->time_ms))
        return tl_api_fail(call, "InvalidArgumentException", "Invalid NextToken.");
    page->filter = (enum filter)filter;
    *s = tl_stream_find_locked(call->broker, rest);
    return *s || tl_api_fail(call, "ResourceNotFoundException",
                             "Stream %.*s under account " TL_ACCOUNT " not found.", TL_VIEW_ARG(rest));
}

static bool read_page(struct tl_api_call *call, struct page *page, struct tl_broker_stream **s)
{
    struct tl_view token = tl_msg_get_string(call->body, "NextToken");
    *page = (struct page){ .filter = FROM_TRIM_HORIZON };
    if (token.data)
        return page_of_token(call, token, page, s);
    return tl_api_stream(call, s) && tl_api_is_of_time(call, *s) && read_filter(call, *s, page) &&
           after_shard(call, tl_msg_get_string(call->body, "ExclusiveStartShardId"), &page->after);
}

/* Shards are listed while the stream is ACTIVE or UPDATING. */
static bool is_listed(struct tl_api_call *call, const struct tl_broker_stream *s)
{
    enum tl_stream_state state = tl_stream_state(s);
    return state == TL_STREAM_ACTIVE || state == TL_STREAM_UPDATING ||
           tl_api_fail(call, "ResourceInUseException",
                       "Stream %s under account " TL_ACCOUNT " not ACTIVE, instead in state %s", s->info.name,
                       tl_stream_state_name(state));
}

bool tl_api_list_shards(struct tl_api_call *call)
{
    struct tl_msg_writer *w = &call->writer;
    struct tl_broker_stream *s = NULL;
    struct page page;
    int64_t left = tl_msg_get_i64(call->body, "MaxResults", 1000);
    if (!read_page(call, &page, &s) || !is_listed(call, s) ||
        !tl_api_stream_rate(call, s, TL_RATE_LIST_SHARDS, 1000))
        return false;
    tl_msg_begin_structure(w);
    tl_msg_key(w, "Shards");
    tl_msg_begin_list(w);
    bool more = false;
    for (size_t i = 0; i < s->shard_count && !more; i++) {
        const struct tl_broker_shard *shard = s->shards[i];
        if (!is_shown(&page, &shard->info))
            continue;
        more = left-- == 0;
        if (more)
            break;
        tl_write_shard(w, shard);
        page.after = shard->info.index + UINT64_C(1);
    }
    tl_msg_end_list(w);
    if (more) {
        char place[256];
        snprintf(place, sizeof place, "%" PRIu64 ":%d:%" PRId64 ":%s", page.after, page.filter, page.time_ms,
                 s->info.name);
        tl_api_write_token(call, place);
    }
    tl_msg_end_structure(w);
    return true;
}

/* ---- resharding ---- */

static bool is_provisioned(struct tl_api_call *call, const struct tl_broker_stream *s)
{
    return !s->info.on_demand || tl_api_fail(call, "ValidationException",
                                             "Stream %s under account " TL_ACCOUNT
                                             " is of mode ON_DEMAND: %s is for streams of mode PROVISIONED.",
                                             s->info.name, call->action->name);
}

static bool is_open(struct tl_api_call *call, const struct tl_broker_shard *shard)
{
    return tl_shard_is_open(shard) || tl_api_fail(call, "ResourceInUseException",
                                                  "Shard %s in stream %s under account " TL_ACCOUNT
                                                  " has already been merged or split, and thus is not "
                                                  "eligible for merging or splitting.",
                                                  shard->id, shard->stream->info.name);
}

static bool has_shard_room(struct tl_api_call *call, size_t more)
{
    struct tl_broker *b = call->broker;
    return b->open_shards + more <= TL_SHARDS_MAX ||
           tl_api_fail(call, "LimitExceededException",
                       "This request would exceed the shard limit for the account " TL_ACCOUNT
                       " in %s. Current shard count for the "
                       "account: %zu. Limit: %d. Number of additional shards that would have resulted from "
                       "this request: %zu.",
                       b->region, b->open_shards, TL_SHARDS_MAX, more);
}

static bool carry_out(struct tl_api_call *call, struct tl_reshard *plan, bool planned, const char *kind)
{
    struct tl_error error;
    bool ok = planned && plan;
    if (!ok)
        tl_api_out_of_memory(call);
    else {
        pthread_mutex_unlock(&call->broker->lock);
        ok = tl_reshard_commit(plan, kind, &error);
        pthread_mutex_lock(&call->broker->lock);
        if (!ok)
            tl_api_fail_internal(call, &error);
    }
    tl_reshard_free(plan);
    return ok;
}

/* first + 1 < key < last */
static bool splits_at(const struct tl_registry_shard *s, struct tl_hash_key key)
{
    struct tl_hash_key low = s->first;
    low.high += ++low.low == 0;
    return tl_hash_key_cmp(key, low) > 0 && tl_hash_key_cmp(key, s->last) < 0;
}

static bool read_split(struct tl_api_call *call, const struct tl_broker_shard *shard, struct tl_hash_key *key)
{
    struct tl_view text = tl_msg_get_string(call->body, "NewStartingHashKey");
    char first[TL_HASH_KEY_MAX], last[TL_HASH_KEY_MAX];
    if (tl_hash_key_parse(text, key) && splits_at(&shard->info, *key))
        return true;
    tl_hash_key_format(shard->info.first, first);
    tl_hash_key_format(shard->info.last, last);
    return tl_api_fail(
        call, "InvalidArgumentException",
        "NewStartingHashKey %.*s used in SplitShard() on shard %s in stream %s under account " TL_ACCOUNT
        " is not both greater than one plus the shard's StartingHashKey %s and less than the shard's "
        "EndingHashKey %s.",
        TL_VIEW_ARG(text), shard->id, shard->stream->info.name, first, last);
}

bool tl_api_split_shard(struct tl_api_call *call)
{
    struct tl_broker_stream *s;
    struct tl_broker_shard *shard;
    struct tl_hash_key key;
    if (!tl_api_active_stream(call, &s) || !is_provisioned(call, s) ||
        !tl_api_shard(call, s, tl_msg_get_string(call->body, "ShardToSplit"), &shard) ||
        !is_open(call, shard) || !read_split(call, shard, &key) || !has_shard_room(call, 1) ||
        !tl_api_may_change(call))
        return false;
    struct tl_reshard *plan = tl_reshard_new(s);
    return carry_out(call, plan, plan && tl_reshard_split(plan, shard->info.index, key), NULL);
}

static bool are_adjacent(const struct tl_registry_shard *a, const struct tl_registry_shard *b)
{
    struct tl_hash_key after = a->last;
    after.high += ++after.low == 0;
    return tl_hash_key_cmp(after, b->first) == 0 && (after.high || after.low);
}

bool tl_api_merge_shards(struct tl_api_call *call)
{
    struct tl_broker_stream *s;
    struct tl_broker_shard *a, *b;
    if (!tl_api_active_stream(call, &s) || !is_provisioned(call, s) ||
        !tl_api_shard(call, s, tl_msg_get_string(call->body, "ShardToMerge"), &a) ||
        !tl_api_shard(call, s, tl_msg_get_string(call->body, "AdjacentShardToMerge"), &b) ||
        !is_open(call, a) || !is_open(call, b))
        return false;
    if (!are_adjacent(&a->info, &b->info) && !are_adjacent(&b->info, &a->info))
        return tl_api_fail(call, "InvalidArgumentException",
                           "Shards %s and %s in stream %s under account " TL_ACCOUNT
                           " are not an adjacent pair of shards eligible for merging",
                           a->id, b->id, s->info.name);
    if (!tl_api_may_change(call))
        return false;
    struct tl_reshard *plan = tl_reshard_new(s);
    return carry_out(call, plan, plan && tl_reshard_merge(plan, a->info.index, b->info.index), NULL);
}

/* ---- scaling ---- */

static bool check_target(struct tl_api_call *call, const struct tl_broker_stream *s, int64_t target)
{
    int64_t open = (int64_t)s->open_count;
    if (target == open)
        return tl_api_fail(call, "InvalidArgumentException",
                           "Stream %s under account " TL_ACCOUNT " has %" PRId64 " open shards already.",
                           s->info.name, open);
    if (target > TL_SHARDS_MAX)
        return tl_api_fail(call, "LimitExceededException", "A stream has at most %d shards.", TL_SHARDS_MAX);
    if (call->broker->limits && target > open * 2)
        return tl_api_fail(call, "LimitExceededException",
                           "UpdateShardCount cannot scale up over double your current open shard count. "
                           "Current open shard count: "
                           "%" PRId64 " Target shard count: %" PRId64,
                           open, target);
    if (call->broker->limits && target * 2 < open)
        return tl_api_fail(call, "LimitExceededException",
                           "UpdateShardCount cannot scale down below half your current open shard count. "
                           "Current open shard count: "
                           "%" PRId64 " Target shard count: %" PRId64,
                           open, target);
    return has_shard_room(call, target > open ? (size_t)(target - open) : 0);
}

static bool is_below_daily(struct tl_api_call *call, const struct tl_broker_stream *s)
{
    struct tl_error error;
    int64_t count;
    if (!call->broker->limits)
        return true;
    if (!tl_registry_changes(call->broker->registry, s->info.id, "scale",
                             tl_io->wall_ns() / TL_NS_PER_MS - DAY_MS, &count, &error))
        return tl_api_fail_internal(call, &error);
    return count < SCALINGS_PER_DAY ||
           tl_api_fail(call, "LimitExceededException",
                       "UpdateShardCount can be called at most %d times in 24 hours for stream %s.",
                       SCALINGS_PER_DAY, s->info.name);
}

bool tl_api_update_shard_count(struct tl_api_call *call)
{
    struct tl_msg_writer *w = &call->writer;
    struct tl_broker_stream *s;
    int64_t target = tl_msg_get_i64(call->body, "TargetShardCount", 0);
    if (!tl_api_active_stream(call, &s) || !is_provisioned(call, s) || !check_target(call, s, target) ||
        !is_below_daily(call, s) || !tl_api_may_change(call))
        return false;
    int64_t before = (int64_t)s->open_count;
    struct tl_reshard *plan = tl_reshard_new(s);
    if (!carry_out(call, plan, plan && tl_reshard_scale(plan, (uint32_t)target), "scale"))
        return false;
    tl_msg_begin_structure(w);
    tl_msg_member_text(w, "StreamName", s->info.name);
    tl_api_write_stream_arn(call, "StreamARN", s);
    tl_msg_member_i64(w, "CurrentShardCount", before);
    tl_msg_member_i64(w, "TargetShardCount", target);
    tl_msg_end_structure(w);
    return true;
}
