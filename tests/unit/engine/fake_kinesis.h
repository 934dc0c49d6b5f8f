/* SPDX-License-Identifier: Apache-2.0 */
/* fake_kinesis.h: the calls of kinesis/ that the engine makes, over streams in this process's memory. Defined
 * in the test program, they take the place of the library's. One stream; put, end and split from the test's
 * thread, reads from any. Reads give batches of random size. */
#pragma once

#include "support.h"

#include "base/io.h"
#include "base/time.h"
#include "codec/json.h"
#include "kinesis/consumer.h"
#include "kinesis/stream_start.h"

#include <pthread.h>

#define FAKE_SHARDS_MAX 16
#define FAKE_RECORDS_MAX 20000

struct fake_record {
    char *data;
    size_t size;
    int64_t arrival_ns;
    char sequence[32];
};
struct fake_shard {
    struct tl_shard about;
    struct fake_record records[FAKE_RECORDS_MAX];
    size_t count;
    bool ended;
};
static struct {
    pthread_mutex_t lock;
    struct fake_shard *shards[FAKE_SHARDS_MAX];
    size_t count;
    struct test_random random;
    size_t batch_max;
    unsigned lists;
    const char *blocked; /* id of a shard whose reads do not answer */
} fake = { .lock = PTHREAD_MUTEX_INITIALIZER };

static inline void fake_reset(uint64_t seed)
{
    for (size_t i = 0; i < fake.count; i++) {
        for (size_t k = 0; k < fake.shards[i]->count; k++)
            free(fake.shards[i]->records[k].data);
        free(fake.shards[i]);
    }
    fake.count = 0;
    fake.batch_max = 50;
    fake.lists = 0;
    fake.blocked = NULL;
    fake.random = (struct test_random){ seed * 2 + 1 };
}

static inline struct fake_shard *fake_find(const char *id)
{
    for (size_t i = 0; i < fake.count; i++)
        if (strcmp(fake.shards[i]->about.id, id) == 0)
            return fake.shards[i];
    return NULL;
}

static inline void fake_shard_add(const char *id, const char *parent, const char *adjacent)
{
    struct fake_shard *s = calloc(1, sizeof *s);
    assert_non_null(s);
    snprintf(s->about.id, sizeof s->about.id, "%s", id);
    snprintf(s->about.parent, sizeof s->about.parent, "%s", parent);
    snprintf(s->about.adjacent_parent, sizeof s->about.adjacent_parent, "%s", adjacent);
    pthread_mutex_lock(&fake.lock);
    fake.shards[fake.count++] = s;
    pthread_mutex_unlock(&fake.lock);
}

static inline void fake_put_at(const char *id, int64_t arrival_ns, const char *text)
{
    pthread_mutex_lock(&fake.lock);
    struct fake_shard *s = fake_find(id);
    struct fake_record *r = &s->records[s->count];
    r->size = strlen(text);
    r->data = calloc(1, r->size + TL_JSON_PADDING);
    memcpy(r->data, text, r->size);
    r->arrival_ns = arrival_ns;
    snprintf(r->sequence, sizeof r->sequence, "%zu", 1000 + s->count * 7);
    s->count++;
    pthread_mutex_unlock(&fake.lock);
}

static inline void fake_block(const char *id)
{
    pthread_mutex_lock(&fake.lock);
    fake.blocked = id;
    pthread_mutex_unlock(&fake.lock);
}

static inline void fake_end(const char *id)
{
    pthread_mutex_lock(&fake.lock);
    fake_find(id)->ended = true;
    pthread_mutex_unlock(&fake.lock);
}

/* ---- the calls ---- */

struct tl_kinesis_client {
    int unused;
};
struct tl_shard_reader {
    struct fake_shard *shard;
    size_t next;
    struct tl_shard_position position;
};

bool tl_kinesis_client_new(struct tl_kinesis_client **out, const struct tl_kinesis_options *options,
                           struct tl_error *error)
{
    (void)options;
    *out = calloc(1, sizeof **out);
    return *out || tl_error_set(error, TL_NO_MEMORY, "out of memory");
}

void tl_kinesis_client_free(struct tl_kinesis_client *c)
{
    free(c);
}

bool tl_kinesis_stream_start(struct tl_kinesis_client *c, const struct tl_stream_start *start,
                             struct tl_stream_summary *out, struct tl_error *error)
{
    (void)c, (void)start, (void)error;
    *out = (struct tl_stream_summary){ .status = "ACTIVE", .retention_ns = 24 * 60 * TL_NS_PER_MIN };
    return true;
}

int64_t tl_kinesis_clock_skew(const struct tl_kinesis_client *c)
{
    (void)c;
    return 0;
}

bool tl_kinesis_consumer_ready(struct tl_kinesis_client *c, const struct tl_stream_summary *stream,
                               const char *name, char arn[TL_CONSUMER_ARN_MAX], struct tl_error *error)
{
    (void)c, (void)stream, (void)name, (void)arn, (void)error;
    return true;
}

bool tl_kinesis_list_shards(struct tl_kinesis_client *c, const char *stream, struct tl_shard_list *out,
                            struct tl_error *error)
{
    (void)c, (void)stream, (void)error;
    pthread_mutex_lock(&fake.lock);
    fake.lists++;
    *out =
        (struct tl_shard_list){ .shards = calloc(fake.count + 1, sizeof *out->shards), .count = fake.count };
    for (size_t i = 0; i < fake.count; i++)
        out->shards[i] = fake.shards[i]->about;
    pthread_mutex_unlock(&fake.lock);
    return true;
}

bool tl_kinesis_start_shards(struct tl_kinesis_client *c, const char *stream, struct tl_shard_list *out,
                             struct tl_error *error)
{
    return tl_kinesis_list_shards(c, stream, out, error);
}

void tl_shard_list_release(struct tl_shard_list *list)
{
    free(list->shards);
    *list = (struct tl_shard_list){ 0 };
}

void tl_record_batch_init(struct tl_record_batch *b)
{
    memset(b, 0, sizeof *b);
}

void tl_record_batch_release(struct tl_record_batch *b)
{
    free(b->records);
    memset(b, 0, sizeof *b);
}

bool tl_shard_reader_open(struct tl_shard_reader **out, const struct tl_kinesis_options *options,
                          const struct tl_reader_options *reader, const struct tl_shard_position *from,
                          struct tl_error *error)
{
    const char *shard = reader->shard;
    (void)options, (void)error;
    pthread_mutex_lock(&fake.lock);
    struct tl_shard_reader *r = calloc(1, sizeof *r);
    r->shard = fake_find(shard);
    r->position = *from;
    while (r->next < r->shard->count) {
        const struct fake_record *record = &r->shard->records[r->next];
        bool before = from->kind == TL_POSITION_AT_TIMESTAMP ? record->arrival_ns < from->timestamp_ns
                      : from->kind == TL_POSITION_AFTER_SEQUENCE
                          ? strtol(record->sequence, NULL, 10) <= strtol(from->sequence, NULL, 10)
                          : false;
        if (!before)
            break;
        r->next++;
    }
    *out = r;
    pthread_mutex_unlock(&fake.lock);
    return true;
}

void tl_shard_reader_close(struct tl_shard_reader *r)
{
    free(r);
}

const struct tl_shard_position *tl_shard_reader_position(const struct tl_shard_reader *r)
{
    return &r->position;
}

bool tl_shard_reader_next(struct tl_shard_reader *r, uint32_t limit, struct tl_record_batch *batch,
                          struct tl_read_step *step, struct tl_error *error)
{
    (void)limit, (void)error;
    *step = (struct tl_read_step){ .answered = true };
    pthread_mutex_lock(&fake.lock);
    while (fake.blocked && strcmp(fake.blocked, r->shard->about.id) == 0) {
        pthread_mutex_unlock(&fake.lock);
        usleep(1000);
        pthread_mutex_lock(&fake.lock);
    }
    size_t left = r->shard->count - r->next, take = test_random_below(&fake.random, fake.batch_max + 1);
    take = take < left ? take : left;
    free(batch->records);
    batch->records = calloc(take + 1, sizeof *batch->records);
    for (size_t i = 0; i < take; i++) {
        const struct fake_record *from = &r->shard->records[r->next + i];
        batch->records[i] = (struct tl_record){ .data = { from->data, from->size },
                                                .sequence = tl_view_of(from->sequence),
                                                .arrival_ns = from->arrival_ns };
        snprintf(r->position.sequence, sizeof r->position.sequence, "%s", from->sequence);
        r->position.kind = TL_POSITION_AFTER_SEQUENCE;
    }
    batch->count = take;
    r->next += take;
    step->at_tip = r->next == r->shard->count;
    step->wait_ns = step->at_tip ? TL_NS_PER_MS : 0;
    if (step->at_tip && r->shard->ended)
        r->position.kind = TL_POSITION_SHARD_END;
    pthread_mutex_unlock(&fake.lock);
    return true;
}
