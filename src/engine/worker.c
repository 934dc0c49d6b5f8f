/* SPDX-License-Identifier: Apache-2.0 */
/* A worker takes the shard that is furthest behind and nobody reads, reads a batch of it outside the gate,
 * applies it inside, and puts the shard back. Which worker gets which shard changes nothing: a shard's state
 * depends on its own records and F only (rule 10).
 *
 * Files: the lowest watermark first, so that windows close as early as they can and the state stays small.
 * Streams: the read due first. */
#include "engine/worker.h"

#include "base/io.h"
#include "engine/source_file.h"
#include "engine/source_kinesis.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#define PAUSE_NS (1 * TL_NS_PER_MS)       /* nothing to do just now */
#define IDLE_PAUSE_NS (10 * TL_NS_PER_MS) /* nothing due for a while */

struct work {
    struct tl_engine *e;
    struct tl_apply *applies; /* by source */
    struct tl_file_block file;
    struct tl_stream_batch stream;
};

static bool work_init(struct work *w, struct tl_engine *e, struct tl_error *error)
{
    *w = (struct work){ .e = e, .file = { .fd = -1 } };
    tl_stream_batch_init(&w->stream);
    w->applies = calloc(e->plan->source_count, sizeof *w->applies);
    if (!w->applies)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < e->plan->source_count; i++)
        if (!e->plan->sources[i].of_view && !tl_apply_init(&w->applies[i], e->plan, i, error))
            return false;
    return !e->from_files || tl_file_block_init(&w->file, error);
}

static void work_release(struct work *w)
{
    for (size_t i = 0; w->applies && i < w->e->plan->source_count; i++)
        tl_apply_release(&w->applies[i]);
    free(w->applies);
    tl_file_block_release(&w->file);
    tl_stream_batch_release(&w->stream);
}

static bool quits(struct tl_engine *e)
{
    return atomic_load_explicit(&e->quit, memory_order_relaxed);
}

static bool is_ready(const struct tl_engine *e, const struct tl_shard_run *s, int64_t now)
{
    if (s->busy || s->finished || !s->started || s->of_view || (s->limited && tl_shard_run_at_limit(s)))
        return false;
    if (e->from_files)
        return true;
    return s->next_read_ns <= now && !(e->options.until_now && s->seen_tip && !s->has_child && !s->limited);
}

static bool goes_before(const struct tl_engine *e, const struct tl_shard_run *a, const struct tl_shard_run *b)
{
    return e->from_files ? a->watermark < b->watermark : a->next_read_ns < b->next_read_ns;
}

/* Inside the gate: the engine's lock makes taking a shard exclusive too. NULL: none just now; *over: nor
 * ever (what is repeated may be followed by another epoch in which the same file had grown). */
static struct tl_shard_run *pick(struct tl_engine *e, bool *over)
{
    struct tl_shard_run *best = NULL;
    int64_t now = e->from_files ? 0 : tl_io->monotonic_ns();
    *over = e->from_files;
    for (size_t i = 0; i < e->shard_count; i++) {
        struct tl_shard_run *s = e->shards[i];
        *over = *over && !s->busy && !s->limited && (s->finished || s->of_view); /* a busy one is another worker's to look at */
        if (is_ready(e, s, now) && (!best || goes_before(e, s, best)))
            best = s;
    }
    if (best)
        best->busy = true;
    return best;
}

static struct tl_shard_run *take_shard(struct tl_engine *e, bool *over)
{
    tl_gate_enter(&e->gate);
    pthread_mutex_lock(&e->gate.lock); /* workers inside the gate are many */
    struct tl_shard_run *s = pick(e, over);
    pthread_mutex_unlock(&e->gate.lock);
    tl_gate_leave(&e->gate);
    return s;
}

static bool read_batch(struct work *w, struct tl_shard_run *s, struct tl_error *error)
{
    if (w->e->from_files)
        return tl_file_block_read(&w->file, s, error);
    return tl_stream_batch_read(&w->stream, s, &w->e->sources[s->source], error);
}

static bool apply_batch(struct work *w, struct tl_shard_run *s, struct tl_error *error)
{
    int64_t step = w->e->sources[s->source].bounds.step;
    struct tl_apply *apply = &w->applies[s->source];
    if (w->e->from_files)
        return tl_file_block_apply(&w->file, s, apply, step, error);
    return tl_stream_batch_apply(&w->stream, s, apply, step, error);
}

/* *oldest becomes ns where that is earlier; 0 is none. */
static void note_oldest(_Atomic int64_t *oldest, int64_t ns)
{
    int64_t before = atomic_load(oldest);
    while ((before == 0 || ns < before) && !atomic_compare_exchange_weak(oldest, &before, ns))
        continue;
}

/* How long the batch's records took to get here. max_event: the shard's greatest event time before it. */
static void note_latency(struct work *w, const struct tl_shard_run *s, int64_t max_event)
{
    struct tl_engine *e = w->e;
    const struct tl_record_batch *b = &w->stream.records;
    int64_t now = tl_io->monotonic_ns(), unshown = 0;
    atomic_compare_exchange_strong(&e->news_ns, &unshown, now);
    if (e->from_files || b->count == 0)
        return;
    note_oldest(&e->news_arrival_ns, b->records[0].arrival_ns);
    note_oldest(&e->epoch_arrival_ns, b->records[0].arrival_ns);
    tl_latency_add(&e->stream_to_engine, s->last_record_ns - b->records[0].arrival_ns, now);
    tl_latency_add(&e->stream_to_engine, s->last_record_ns - b->records[b->count - 1].arrival_ns, now);
    if (s->max_event_time > max_event)
        tl_latency_add(&e->event_to_stream, b->records[b->count - 1].arrival_ns - s->max_event_time, now);
}

/* Applies inside the gate and tells the engine what it needs to know. */
static bool put_batch(struct work *w, struct tl_shard_run *s, struct tl_worker *worker,
                      struct tl_error *error)
{
    struct tl_engine *e = w->e;
    tl_gate_enter(&e->gate);
    int64_t began = tl_io->monotonic_ns();
    uint64_t received = s->received;
    int64_t max_event = s->max_event_time;
    size_t before = tl_shard_run_bytes(s) + tl_shard_run_dead_bytes(s);
    bool ok = apply_batch(w, s, error);
    size_t after = tl_shard_run_bytes(s) + tl_shard_run_dead_bytes(s);
    size_t grown = after > before ? after - before : 0;
    bool early = atomic_fetch_add(&e->growth, grown) + grown >
                 atomic_load_explicit(&e->growth_early, memory_order_relaxed);
    bool news = s->received != received || s->finished;
    if (s->received != received)
        note_latency(w, s, max_event);
    atomic_fetch_add(&worker->busy_ns, news ? tl_io->monotonic_ns() - began : 0);
    pthread_mutex_lock(&e->gate.lock); /* pick() of another worker reads it */
    s->busy = false;
    pthread_mutex_unlock(&e->gate.lock);
    tl_gate_leave(&e->gate);
    if (early)
        tl_gate_alarm(&e->gate);
    else if (news && !e->from_files)
        tl_gate_ring(&e->gate);
    return ok;
}

/* Bounded memory: no reading on while what is there waits for an epoch (a slow or full disk). */
static void stall_while_full(struct tl_engine *e)
{
    while (!quits(e) && atomic_load_explicit(&e->growth, memory_order_relaxed) > TL_GROWTH_STALL) {
        tl_gate_alarm(&e->gate);
        tl_io->sleep_ns(PAUSE_NS);
    }
}

static bool work_on(struct work *w, struct tl_worker *worker, struct tl_error *error)
{
    struct tl_engine *e = w->e;
    while (!quits(e)) {
        bool over;
        stall_while_full(e);
        struct tl_shard_run *s = take_shard(e, &over);
        if (over)
            return true;
        if (!s) {
            tl_io->sleep_ns(e->from_files                        ? PAUSE_NS
                            : e->options.poll_ns < IDLE_PAUSE_NS ? e->options.poll_ns
                                                                 : IDLE_PAUSE_NS);
            continue;
        }
        if (!read_batch(w, s, error)) {
            if (error->code == TL_STOPPED && quits(e))
                return true;
            return tl_error_context(error, "source '%s'", e->plan->sources[s->source].name);
        }
        if (!put_batch(w, s, worker, error))
            return false;
    }
    return true;
}

static void *run_worker(void *user)
{
    struct tl_worker *worker = user;
    struct work w;
    struct tl_error error;
    if (!work_init(&w, worker->engine, &error) || !work_on(&w, worker, &error))
        tl_engine_fail(worker->engine, &error);
    work_release(&w);
    tl_gate_alarm(&worker->engine->gate);
    return NULL;
}

bool tl_workers_start(struct tl_engine *e, struct tl_error *error)
{
    for (unsigned i = 0; i < e->worker_count; i++) {
        struct tl_worker *worker = &e->workers[i];
        worker->engine = e;
        if (pthread_create(&worker->thread, NULL, run_worker, worker) != 0) {
            tl_error_set(error, TL_LIMIT, "cannot start worker thread %u", i);
            tl_engine_fail(e, error);
            return false;
        }
        worker->running = true;
    }
    return true;
}

void tl_workers_end(struct tl_engine *e)
{
    atomic_store(&e->quit, true);
    __atomic_store_n(&e->cancel, true, __ATOMIC_RELEASE);
    for (unsigned i = 0; i < e->worker_count; i++) {
        if (e->workers[i].running)
            pthread_join(e->workers[i].thread, NULL);
        e->workers[i].running = false;
    }
}
