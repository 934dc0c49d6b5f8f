/* SPDX-License-Identifier: Apache-2.0 */
/* kinesis/producer_lane.c: the sending thread of a lane.
 *
 * I1: work holds the records not acknowledged of the blocks taken, in the order they were added.
 * I2: of a key, no record is sent while an earlier one of that key in work waits for another try.
 * I3: after an error the thread has ended, and the error stays. */
#include "kinesis/producer_int.h"

#include "base/io.h"
#include "base/log.h"
#include "base/time.h"
#include "kinesis/wait_int.h"
#include "net/retry.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#define RETRY_BASE_NS (50 * TL_NS_PER_MS)
#define RETRY_CAP_NS (5 * TL_NS_PER_S)
#define POLL_NS (100 * TL_NS_PER_MS) /* how often waits look at stop and cancel */
#define CAREFUL_CALLS 1000           /* one record a key for so many calls after a refusal */
#define KEY_SLOTS 8192               /* > 2 * TL_LANE_WORK_MAX, a power of two */

struct work {
    struct tl_block *block;
    const struct tl_block_record *record;
    int64_t not_before_ns;
    unsigned attempts;
};

struct tl_lane {
    pthread_t thread;
    struct tl_kinesis_client *client;
    const char *stream; /* own copy */
    char who[TL_STREAM_NAME_MAX + 16];
    const bool *cancel;
    size_t max_records;
    bool strict;

    pthread_mutex_t lock; /* guards what follows, down to failed */
    pthread_cond_t wakes; /* the thread: a block came, or closing */
    pthread_cond_t room;  /* the adder: a block was taken, all is acknowledged, or failed */
    struct tl_block *first, *last, *spare;
    size_t queued, queued_bytes;
    bool closing, failed;
    uint64_t work_oldest; /* ordinal; UINT64_MAX: no work */
    struct tl_lane_stats stats;
    struct tl_error error;

    /* The thread's own. */
    struct work work[TL_LANE_WORK_MAX];
    size_t work_count, work_bytes;
    size_t bytes_max; /* of a call with several records */
    struct tl_put_entry entries[TL_KINESIS_RECORDS_PER_PUT];
    size_t chosen[TL_KINESIS_RECORDS_PER_PUT]; /* indexes into work */
    size_t chosen_count, chosen_bytes;
    struct {
        uint64_t hash;
        uint32_t round;
    } keys[KEY_SLOTS]; /* keys that may not be sent any more in this round */
    uint32_t round;
    unsigned careful; /* calls left with one record a key */
    struct tl_wait_run run;
};

/* Marks the key; true when it was marked before. Two keys of one hash only wait for each other. */
static bool mark_key(struct tl_lane *lane, uint64_t hash, bool mark)
{
    size_t at = hash & (KEY_SLOTS - 1);
    while (lane->keys[at].round == lane->round) {
        if (lane->keys[at].hash == hash)
            return true;
        at = (at + 1) & (KEY_SLOTS - 1);
    }
    if (mark) {
        lane->keys[at].hash = hash;
        lane->keys[at].round = lane->round;
    }
    return false;
}

static size_t record_bytes(const struct tl_block_record *r)
{
    return (size_t)r->key_size + r->data_size;
}

/* Chooses what the next call carries. *wake_ns: when something that waits may go, INT64_MAX if nothing waits.
 */
static void choose(struct tl_lane *lane, int64_t *wake_ns)
{
    int64_t now = tl_io->monotonic_ns();
    bool one_a_key = lane->strict || lane->careful;
    *wake_ns = INT64_MAX;
    lane->chosen_count = lane->chosen_bytes = 0;
    lane->round++;
    for (size_t i = 0; i < lane->work_count && lane->chosen_count < lane->max_records; i++) {
        const struct work *w = &lane->work[i];
        bool waits = w->not_before_ns > now;
        if (mark_key(lane, w->record->key_hash, waits || one_a_key))
            continue;
        if (waits) {
            *wake_ns = w->not_before_ns < *wake_ns ? w->not_before_ns : *wake_ns;
            continue;
        }
        size_t bytes = record_bytes(w->record);
        if (lane->chosen_count && lane->chosen_bytes + bytes > lane->bytes_max)
            break;
        lane->chosen_bytes += bytes;
        struct tl_put_entry *entry = &lane->entries[lane->chosen_count];
        const char *at = w->block->bytes.data + w->record->at;
        entry->partition_key = (struct tl_view){ at, w->record->key_size };
        entry->data = (struct tl_view){ at + w->record->key_size, w->record->data_size };
        lane->chosen[lane->chosen_count++] = i;
    }
}

static void warn_refused(struct tl_lane *lane, size_t throttled)
{
    if (tl_wait_may_warn(&lane->run, tl_io->monotonic_ns()))
        tl_log_warn("kinesis", "%s: records are refused (%s) and sent again", lane->who,
                    throttled ? "throttled: its shards are too few for this rate" : "failure inside");
}

/* A block whose records are all acknowledged goes back to the adder, or away. Lock held. */
static void give_back_locked(struct tl_lane *lane, struct tl_block *block)
{
    assert(block->unacknowledged == 0);
    if (lane->spare) {
        tl_block_free(block);
        return;
    }
    lane->spare = block;
}

/* Takes what was acknowledged out of work, keeping the order (I1). Lock held. */
static void settle_locked(struct tl_lane *lane)
{
    size_t kept = 0, next = 0;
    for (size_t i = 0; i < lane->work_count; i++) {
        struct work *w = &lane->work[i];
        if (next < lane->chosen_count && lane->chosen[next] == i && !lane->entries[next++].failed) {
            lane->stats.acknowledged++;
            lane->stats.bytes += record_bytes(w->record);
            lane->work_bytes -= record_bytes(w->record);
            if (--w->block->unacknowledged == 0)
                give_back_locked(lane, w->block);
            continue;
        }
        lane->work[kept++] = *w;
    }
    lane->work_count = kept;
    lane->work_oldest = kept ? lane->work[0].record->ordinal : UINT64_MAX;
}

/* Each refused record gets its own time for another try. Returns how many were throttled. */
static size_t postpone_refused(struct tl_lane *lane)
{
    int64_t now = tl_io->monotonic_ns();
    size_t throttled = 0;
    for (size_t i = 0; i < lane->chosen_count; i++) {
        if (!lane->entries[i].failed)
            continue;
        struct work *w = &lane->work[lane->chosen[i]];
        w->not_before_ns = now + tl_retry_delay_ns(w->attempts, RETRY_BASE_NS, RETRY_CAP_NS);
        w->attempts += w->attempts < 16;
        throttled += lane->entries[i].code == TL_THROTTLED;
    }
    return throttled;
}

/* A server of before the limit was raised takes half of that: what was chosen is chosen anew. */
static bool may_carry_less(struct tl_lane *lane, const struct tl_error *why)
{
    bool refused = why->code == TL_INVALID || why->code == TL_LIMIT;
    if (!refused || lane->chosen_count == 1 || lane->chosen_bytes <= TL_KINESIS_BYTES_OLDER)
        return false;
    tl_log_info("kinesis", "%s: a call of %zu bytes is refused: from now on at most %d (%s)", lane->who, lane->chosen_bytes,
                TL_KINESIS_BYTES_OLDER, why->text);
    lane->bytes_max = TL_KINESIS_BYTES_OLDER;
    return true;
}

/* One call, and its outcome into work. False: an error that does not pass. */
static bool send_chosen(struct tl_lane *lane, struct tl_error *error)
{
    size_t refused;
    if (!tl_kinesis_put_records(lane->client, lane->stream, lane->entries, lane->chosen_count, &refused,
                                error)) {
        if (may_carry_less(lane, error))
            return true;
        if (!tl_code_is_retriable(error->code))
            return tl_error_context(error, "stream '%s'", lane->stream);
        pthread_mutex_lock(&lane->lock);
        lane->stats.retried += lane->chosen_count;
        lane->stats.throttled += error->code == TL_THROTTLED ? lane->chosen_count : 0;
        bool closing = lane->closing;
        pthread_mutex_unlock(&lane->lock);
        struct tl_error why = *error;
        if (closing)
            return tl_error_set(error, TL_STOPPED, "stopped");
        return tl_wait_again(&lane->run, lane->cancel, lane->who, &why, error);
    }
    lane->run.attempt = 0;
    lane->careful -= lane->careful > 0;
    size_t throttled = refused ? postpone_refused(lane) : 0;
    pthread_mutex_lock(&lane->lock);
    lane->stats.retried += refused;
    lane->stats.throttled += throttled;
    settle_locked(lane);
    if (lane->work_count == 0)
        pthread_cond_broadcast(&lane->room);
    pthread_mutex_unlock(&lane->lock);
    if (refused) {
        lane->careful = CAREFUL_CALLS;
        warn_refused(lane, throttled);
    }
    return true;
}

/* Takes the blocks that fit into work. Lock held. */
static void take_blocks_locked(struct tl_lane *lane)
{
    while (lane->first && lane->work_count + lane->first->count <= TL_LANE_WORK_MAX) {
        /* Dense calls need no more than one block at a time; those with one record a key look for other keys
         * further on. */
        if (lane->work_count >= lane->max_records && !lane->strict && !lane->careful)
            break;
        struct tl_block *block = lane->first;
        if (lane->work_count && lane->work_bytes + block->bytes.size > TL_LANE_WORK_BYTES_MAX)
            break;
        lane->work_bytes += block->bytes.size;
        lane->first = block->next;
        lane->last = lane->first ? lane->last : NULL;
        lane->queued--;
        lane->queued_bytes -= block->bytes.size;
        for (size_t i = 0; i < block->count; i++)
            lane->work[lane->work_count++] = (struct work){ .block = block, .record = &block->records[i] };
        pthread_cond_broadcast(&lane->room);
    }
    lane->work_oldest = lane->work_count ? lane->work[0].record->ordinal : UINT64_MAX;
}

static void cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t end_ns)
{
    struct timespec end = { .tv_sec = end_ns / TL_NS_PER_S, .tv_nsec = end_ns % TL_NS_PER_S };
    (void)pthread_cond_timedwait(cond, lock, &end);
}

/* Waits until there is something to choose from: new work, or work whose time has come. False when closing.
 */
static bool await_work(struct tl_lane *lane, int64_t wake_ns)
{
    pthread_mutex_lock(&lane->lock);
    size_t before = lane->work_count;
    for (;;) {
        take_blocks_locked(lane);
        int64_t now = tl_io->monotonic_ns();
        bool ready = lane->work_count > before || (lane->work_count && wake_ns <= now);
        if (ready || lane->closing || tl_wait_cancelled(lane->cancel))
            break;
        int64_t poll = now + POLL_NS;
        cond_wait_until(&lane->wakes, &lane->lock, lane->work_count && wake_ns < poll ? wake_ns : poll);
    }
    bool go_on = !lane->closing;
    pthread_mutex_unlock(&lane->lock);
    return go_on;
}

static bool run(struct tl_lane *lane, struct tl_error *error)
{
    int64_t wake_ns = 0;
    while (await_work(lane, wake_ns)) {
        if (tl_wait_cancelled(lane->cancel))
            return tl_error_set(error, TL_STOPPED, "stopped");
        choose(lane, &wake_ns);
        if (lane->chosen_count == 0)
            continue;
        if (!send_chosen(lane, error))
            return false;
        wake_ns = 0;
    }
    return true;
}

static void *lane_thread(void *arg)
{
    struct tl_lane *lane = arg;
    struct tl_error error;
    if (run(lane, &error))
        return NULL;
    pthread_mutex_lock(&lane->lock);
    lane->failed = true;
    lane->error = error;
    pthread_cond_broadcast(&lane->room);
    pthread_mutex_unlock(&lane->lock);
    return NULL;
}

static void init_sync(struct tl_lane *lane)
{
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_mutex_init(&lane->lock, NULL);
    pthread_cond_init(&lane->wakes, &monotonic);
    pthread_cond_init(&lane->room, &monotonic);
    pthread_condattr_destroy(&monotonic);
}

static void free_lane(struct tl_lane *lane)
{
    for (struct tl_block *block = lane->first, *next; block; block = next) {
        next = block->next;
        tl_block_free(block);
    }
    for (size_t i = 0; i < lane->work_count; i++)
        if (--lane->work[i].block->unacknowledged == 0)
            tl_block_free(lane->work[i].block);
    tl_block_free(lane->spare);
    pthread_cond_destroy(&lane->wakes);
    pthread_cond_destroy(&lane->room);
    pthread_mutex_destroy(&lane->lock);
    tl_kinesis_client_free(lane->client);
    free((char *)lane->stream);
    free(lane);
}

bool tl_lane_open(struct tl_lane **out, const struct tl_producer_options *options, size_t max_records,
                  int64_t *warned_ns, struct tl_error *error)
{
    *out = NULL;
    struct tl_lane *lane = calloc(1, sizeof *lane);
    if (!lane)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for a producer's lane");
    init_sync(lane);
    lane->cancel = options->kinesis.cancel;
    lane->max_records = max_records;
    lane->bytes_max = TL_KINESIS_BYTES_PER_PUT;
    lane->strict = options->strict_order;
    lane->run.shared_warned_ns = warned_ns;
    lane->work_oldest = UINT64_MAX;
    lane->stream = strdup(options->stream);
    snprintf(lane->who, sizeof lane->who, "stream '%s'", options->stream);
    bool ok = lane->stream || tl_error_set(error, TL_NO_MEMORY, "out of memory for a producer's lane");
    if (!ok || !tl_kinesis_client_new(&lane->client, &options->kinesis, error)) {
        free_lane(lane);
        return false;
    }
    int failed = pthread_create(&lane->thread, NULL, lane_thread, lane);
    if (failed) {
        free_lane(lane);
        return tl_error_sys(error, failed, "cannot start a thread for the producer");
    }
    *out = lane;
    return true;
}

void tl_lane_close(struct tl_lane *lane)
{
    if (!lane)
        return;
    pthread_mutex_lock(&lane->lock);
    lane->closing = true;
    pthread_cond_broadcast(&lane->wakes);
    pthread_mutex_unlock(&lane->lock);
    pthread_join(lane->thread, NULL);
    free_lane(lane);
}

static bool check_locked(const struct tl_lane *lane, struct tl_error *error)
{
    if (lane->failed)
        *error = lane->error;
    return !lane->failed;
}

bool tl_lane_check(struct tl_lane *lane, struct tl_error *error)
{
    pthread_mutex_lock(&lane->lock);
    bool ok = check_locked(lane, error);
    pthread_mutex_unlock(&lane->lock);
    return ok;
}

static bool is_full(const struct tl_lane *lane)
{
    return lane->queued >= TL_LANE_QUEUE || (lane->queued && lane->queued_bytes >= TL_LANE_BYTES_MAX);
}

static void enqueue_locked(struct tl_lane *lane, struct tl_block *block)
{
    block->unacknowledged = block->count;
    block->next = NULL;
    if (lane->last)
        lane->last->next = block;
    else
        lane->first = block;
    lane->last = block;
    lane->queued++;
    lane->queued_bytes += block->bytes.size;
    pthread_cond_signal(&lane->wakes);
}

bool tl_lane_put(struct tl_lane *lane, struct tl_block **block, const bool *stop, struct tl_error *error)
{
    assert((*block)->count > 0);
    pthread_mutex_lock(&lane->lock);
    bool stopped = false;
    while (!lane->failed && is_full(lane) && !(stopped = tl_wait_cancelled(stop)))
        cond_wait_until(&lane->room, &lane->lock, tl_io->monotonic_ns() + POLL_NS);
    struct tl_block *empty = lane->spare;
    lane->spare = NULL;
    pthread_mutex_unlock(&lane->lock);
    if (!empty)
        empty = tl_block_new();
    if (!empty)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for a producer's block");
    empty->count = 0;
    tl_buf_reset(&empty->bytes);
    pthread_mutex_lock(&lane->lock);
    bool ok = check_locked(lane, error) && (!stopped || tl_error_set(error, TL_STOPPED, "stopped"));
    if (ok)
        enqueue_locked(lane, *block);
    pthread_mutex_unlock(&lane->lock);
    if (!ok) {
        tl_block_free(empty);
        return false;
    }
    *block = empty;
    return true;
}

bool tl_lane_wait(struct tl_lane *lane, const bool *stop, int64_t end_ns, struct tl_error *error)
{
    bool ok;
    pthread_mutex_lock(&lane->lock);
    while ((ok = check_locked(lane, error)) && (lane->first || lane->work_count)) {
        int64_t now = tl_io->monotonic_ns();
        if (tl_wait_cancelled(stop))
            ok = tl_error_set(error, TL_STOPPED, "stopped");
        else if (now >= end_ns)
            ok = tl_error_set(error, TL_TIMEOUT, "stream '%s': not all records were acknowledged in time",
                              lane->stream);
        if (!ok)
            break;
        cond_wait_until(&lane->room, &lane->lock, now + POLL_NS < end_ns ? now + POLL_NS : end_ns);
    }
    pthread_mutex_unlock(&lane->lock);
    return ok;
}

void tl_lane_stats_get(struct tl_lane *lane, struct tl_lane_stats *out, uint64_t *oldest)
{
    pthread_mutex_lock(&lane->lock);
    *out = lane->stats;
    *oldest = lane->work_oldest;
    if (*oldest == UINT64_MAX && lane->first)
        *oldest = lane->first->records[0].ordinal;
    pthread_mutex_unlock(&lane->lock);
}
