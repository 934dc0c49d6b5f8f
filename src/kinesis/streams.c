/* SPDX-License-Identifier: Apache-2.0 */
/* kinesis/streams.c: the calls about streams and shards (kinesis/client.h). */
#include "kinesis/client_int.h"

#include "base/grow.h"
#include "base/time.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define SHARDS_MAX 100000
/* Pages may be empty and still name a next one; a peer that never ends is stopped here. */
#define PAGES_MAX 10000

static bool name_is_valid(struct tl_view name, size_t max)
{
    if (name.size == 0 || name.size > max)
        return false;
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
              c == '.' || c == '-'))
            return false;
    }
    return true;
}

static bool check_stream_name(const char *stream, struct tl_error *error)
{
    if (name_is_valid(tl_view_of(stream), TL_STREAM_NAME_MAX - 1))
        return true;
    return tl_error_set(error, TL_INVALID,
                        "'%.140s' is not a stream name (letters, digits, '_', '.', '-'; 128 at most)",
                        stream);
}

bool tl_kinesis_create_stream(struct tl_kinesis_client *c, const char *stream, uint32_t shards,
                              struct tl_error *error)
{
    assert(shards > 0);
    if (!check_stream_name(stream, error))
        return false;
    struct tl_msg answer;
    struct tl_msg_writer w = tl_kinesis_begin(c, stream);
    tl_msg_member_i64(&w, "ShardCount", shards);
    tl_msg_end_structure(&w);
    return tl_kinesis_call_patiently(c, "CreateStream", &answer, error);
}

#define HOUR_NS (60 * TL_NS_PER_MIN)
#define RETENTION_HOURS_MAX 8760

bool tl_kinesis_stream_summary(struct tl_kinesis_client *c, const char *stream, struct tl_stream_summary *out,
                               struct tl_error *error)
{
    if (!check_stream_name(stream, error))
        return false;
    struct tl_msg answer, summary;
    struct tl_msg_writer w = tl_kinesis_begin(c, stream);
    tl_msg_end_structure(&w);
    if (!tl_kinesis_call_patiently(c, "DescribeStreamSummary", &answer, error))
        return false;
    if (!tl_msg_get(answer, "StreamDescriptionSummary", &summary) ||
        !tl_kinesis_copy_token(tl_msg_get_string(summary, "StreamStatus"), out->status, sizeof out->status))
        return tl_kinesis_bad_answer(error, "DescribeStreamSummary", "has no stream status");
    if (!tl_kinesis_copy_token(tl_msg_get_string(summary, "StreamARN"), out->arn, sizeof out->arn))
        out->arn[0] = '\0';
    int64_t hours = tl_msg_get_i64(summary, "RetentionPeriodHours", 24);
    out->retention_ns = (hours < 1 ? 1 : hours > RETENTION_HOURS_MAX ? RETENTION_HOURS_MAX : hours) * HOUR_NS;
    return true;
}

/* A member that may be absent or null: "" then. */
static bool copy_optional(struct tl_msg object, const char *name, bool decimal, char *to, size_t size)
{
    struct tl_view text = tl_msg_get_string(object, name);
    to[0] = '\0';
    if (!text.data)
        return true;
    return decimal ? tl_kinesis_copy_decimal(text, to, size)
                   : name_is_valid(text, size - 1) && tl_kinesis_copy_token(text, to, size);
}

static bool read_shard(struct tl_msg item, struct tl_shard *shard)
{
    struct tl_msg range, sequences;
    *shard = (struct tl_shard){ .id = "" };
    return tl_msg_get(item, "HashKeyRange", &range) &&
           tl_msg_get(item, "SequenceNumberRange", &sequences) &&
           copy_optional(item, "ShardId", false, shard->id, sizeof shard->id) && shard->id[0] &&
           copy_optional(item, "ParentShardId", false, shard->parent, sizeof shard->parent) &&
           copy_optional(item, "AdjacentParentShardId", false, shard->adjacent_parent,
                         sizeof shard->adjacent_parent) &&
           copy_optional(range, "StartingHashKey", true, shard->starting_hash, sizeof shard->starting_hash) &&
           copy_optional(range, "EndingHashKey", true, shard->ending_hash, sizeof shard->ending_hash) &&
           copy_optional(sequences, "StartingSequenceNumber", true, shard->starting_sequence,
                         sizeof shard->starting_sequence) &&
           copy_optional(sequences, "EndingSequenceNumber", true, shard->ending_sequence,
                         sizeof shard->ending_sequence) &&
           shard->starting_hash[0] && shard->ending_hash[0] && shard->starting_sequence[0];
}

static bool read_page(struct tl_msg answer, struct tl_shard_list *out, struct tl_error *error)
{
    struct tl_msg shards, item;
    struct tl_msg_iter it;
    if (!tl_msg_get(answer, "Shards", &shards) || tl_msg_kind_of(shards) != TL_MSG_LIST)
        return tl_kinesis_bad_answer(error, "ListShards", "has no list of shards");
    for (tl_msg_iter_init(&it, shards); tl_msg_next(&it, NULL, &item);) {
        if (!tl_grow((void **)&out->shards, &out->cap, out->count + 1, sizeof *out->shards, SHARDS_MAX))
            return tl_error_set(error, TL_LIMIT, "kinesis ListShards: more than %d shards, or memory ran out",
                                SHARDS_MAX);
        if (!read_shard(item, &out->shards[out->count]))
            return tl_kinesis_bad_answer(error, "ListShards", "has a shard that is not one");
        out->count++;
    }
    return true;
}

static int by_id(const void *a, const void *b)
{
    return strcmp(((const struct tl_shard *)a)->id, ((const struct tl_shard *)b)->id);
}

static bool list_pages(struct tl_kinesis_client *c, const char *stream, struct tl_shard_list *out,
                       struct tl_error *error)
{
    struct tl_msg answer;
    struct tl_msg_writer w = tl_kinesis_begin(c, stream);
    tl_msg_end_structure(&w);
    for (unsigned page = 0; page < PAGES_MAX; page++) {
        if (!tl_kinesis_call_patiently(c, "ListShards", &answer, error) || !read_page(answer, out, error))
            return false;
        struct tl_view token = tl_msg_get_string(answer, "NextToken");
        if (!token.data)
            return true;
        w = tl_kinesis_begin(c, NULL); /* a token goes without the stream's name */
        tl_msg_member_string(&w, "NextToken", token);
        tl_msg_end_structure(&w);
    }
    return tl_kinesis_bad_answer(error, "ListShards", "never ends");
}

bool tl_kinesis_list_shards(struct tl_kinesis_client *c, const char *stream, struct tl_shard_list *out,
                            struct tl_error *error)
{
    *out = (struct tl_shard_list){ NULL, 0, 0 };
    if (!check_stream_name(stream, error))
        return false;
    bool ok = list_pages(c, stream, out, error);
    if (ok && out->count)
        qsort(out->shards, out->count, sizeof *out->shards, by_id);
    for (size_t i = 1; ok && i < out->count; i++)
        if (by_id(&out->shards[i - 1], &out->shards[i]) == 0)
            ok = tl_kinesis_bad_answer(error, "ListShards", "names a shard twice");
    if (!ok)
        tl_shard_list_release(out);
    return ok;
}

void tl_shard_list_release(struct tl_shard_list *list)
{
    free(list->shards);
    *list = (struct tl_shard_list){ NULL, 0, 0 };
}
