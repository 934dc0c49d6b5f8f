/* SPDX-License-Identifier: Apache-2.0 */
/* broker/broker_int.h: inside the broker: streams, their shards, and what waits to be written.
 *
 * Threads: the HTTP loop runs the handlers; the committer and its writers put records on disk; the janitor
 * makes and removes streams and applies retention. I1: only the janitor frees a stream, and only one without
 * users. I2: a shard with records in pending is in the dirty list, and counts as a user of its stream until
 * they are written. I3: `writing` belongs to the committer's threads from take to finish of a round, and
 * nobody else looks at it. I4: an exchange is in exactly one place: with its handler, waiting, done, or in a
 * task. */
#pragma once

#include "base/metrics.h"
#include "broker/broker.h"
#include "broker/registry.h"
#include "broker/sequence_number.h"
#include "broker/shard_log.h"
#include "net/http_server.h"

#include <pthread.h>

#define TL_ACCOUNT "000000000000"
#define TL_STREAMS_MAX 10000
#define TL_SHARDS_MAX 10000
#define TL_PENDING_MAX                                                                                       \
    ((size_t)128 << 20) /* bytes that may wait for the disk in all; then puts are refused */
#define TL_WRITERS 3    /* besides the committer: so many shards are synced side by side */

struct tl_broker_stream;
/* A shard's records that are taken and not yet written. */
struct tl_pending {
    struct tl_log_batches batches;
    uint64_t data_bytes; /* for the metrics */
};
struct tl_broker_shard {
    struct tl_broker_stream *stream;
    uint32_t index;
    char id[32];
    struct tl_hash_key first_hash, last_hash;
    struct tl_shard_log *log; /* NULL until the stream is ACTIVE */
    uint64_t next;            /* the counter of the next record taken; from 1: 0 is the shard's own number */
    uint64_t horizon;         /* records below are past their retention */
    struct tl_pending pending, writing;
    bool dirty, failed; /* failed: the round's write, until it is finished */
    struct tl_broker_shard *next_dirty;
    /* Where the shard stood when the call of that number began to add to it. */
    uint64_t mark_call, mark_next, mark_data;
    struct tl_log_mark mark;
    struct tl_metric *records_in, *bytes_in, *records_out; /* NULL for shards beyond the first 64 */
};
enum tl_stream_state { TL_STREAM_CREATING, TL_STREAM_ACTIVE, TL_STREAM_DELETING };
/* Somebody waits for the janitor to make or delete a stream: a client, or (exchange NULL) the thread that
 * owns this. */
struct tl_stream_task {
    struct tl_http_exchange *exchange;
    struct tl_broker *broker;
    bool done, ok;
    struct tl_error error;
};
struct tl_broker_stream {
    struct tl_registry_stream info;
    enum tl_stream_state state;
    struct tl_broker_shard *shards;
    unsigned users;
    struct tl_stream_task *task;
    struct tl_broker_stream *next; /* sorted by name */
    struct tl_broker *broker;
};
/* An answer that waits for the disk. */
struct tl_waiting {
    struct tl_http_exchange *exchange;
    struct tl_buf body;
    struct tl_waiting *next;
    struct tl_broker_stream *stream;
    bool failed, one; /* one: of PutRecord */
    uint32_t count;
    uint32_t shards[]; /* of each record */
};
struct tl_broker {
    char *dir, region[64];
    bool fsync;
    struct tl_registry *registry; /* the janitor's, once it runs */
    uint8_t iterator_key[32];
    pthread_mutex_t lock; /* guards all below but the jobs; taken before a shard log's own */
    pthread_cond_t work, idle, janitor_work, task_done;
    struct tl_http_server *server;
    struct tl_broker_stream *streams;
    size_t stream_count, pending_bytes, tasks;
    struct tl_broker_shard *dirty;
    struct tl_waiting *waiting, **waiting_end;
    size_t waiting_count, expected; /* expected: as many as came together lately */
    struct tl_waiting *done;        /* to be answered on the loop thread */
    pthread_t committer, janitor, writers[TL_WRITERS];
    unsigned writers_started;
    bool stopping, draining, commit_idle, kicked, threads_started;
    struct tl_metric *commit_seconds;

    pthread_mutex_t job_lock; /* guards these; a leaf */
    pthread_cond_t job_work, job_done;
    struct tl_broker_shard **jobs; /* of the round, filled by the committer */
    size_t job_count, job_cap, job_next, jobs_left;
    bool writers_stop;
    int64_t told_ns; /* when a failed write was last logged */

    /* The loop thread's. */
    uint64_t call;
    struct tl_buf scratch;
    struct tl_json_parser *parser;
    uint8_t random[1536];
    size_t random_left;
};

/* ---- streams (with the lock held) ---- */
struct tl_broker_stream *tl_stream_find_locked(struct tl_broker *b, struct tl_view name);
/* A stream in state CREATING, with task; the janitor does the rest. The name must be free. */
TL_MUST_USE bool tl_stream_create_locked(struct tl_broker *b, struct tl_view name, uint32_t shards,
                                         bool on_demand, struct tl_stream_task *task, struct tl_error *error);
void tl_stream_delete_locked(struct tl_broker *b, struct tl_broker_stream *s, struct tl_stream_task *task);
TL_MUST_USE bool tl_streams_load(struct tl_broker *b, struct tl_error *error);
void tl_streams_free(struct tl_broker *b);
struct tl_broker_shard *tl_stream_route(struct tl_broker_stream *s, struct tl_hash_key key);
/* Finds by id: "shardId-000000000003", or short as the service allows: "3", "shardId-3". NULL when there is
 * none. */
struct tl_broker_shard *tl_stream_shard(struct tl_broker_stream *s, struct tl_view id);
size_t tl_shard_sequence(const struct tl_broker_stream *s, const struct tl_broker_shard *shard,
                         uint64_t counter, int64_t arrival_ms, char out[TL_SEQUENCE_MAX]);

/* ---- the janitor (broker/janitor.c) ---- */
void *tl_janitor_thread(void *broker);
/* The files and logs of a stream's shards; not with the lock held, but for a stream that nobody else sees. */
TL_MUST_USE bool tl_stream_open_logs(struct tl_broker_stream *s, struct tl_error *error);
void tl_stream_free(struct tl_broker_stream *s);
void tl_stream_path(const struct tl_broker *b, uint64_t id, char *out, size_t size);

/* ---- group commit (broker/commit.c) ---- */
TL_MUST_USE bool tl_commit_start(struct tl_broker *b, struct tl_error *error);
void tl_commit_stop(struct tl_broker *b); /* after what waits is written */
/* With the lock held, before records are added to a shard's pending batches. */
void tl_commit_touch_locked(struct tl_broker *b, struct tl_broker_shard *shard);
/* With the lock held, on the loop thread: w is answered (and freed) once everything taken so far is written.
 */
void tl_commit_wait_locked(struct tl_broker *b, struct tl_waiting *w);

/* ---- the API (broker/api_dispatch.c): runs on the loop thread ---- */
void tl_broker_handle(struct tl_http_exchange *x, void *broker);
/* 200 with the body (moved), or 500. */
void tl_broker_answer(struct tl_broker *b, struct tl_http_exchange *x, struct tl_buf *body);
void tl_broker_answer_failed(struct tl_broker *b, struct tl_http_exchange *x, const char *type,
                             const char *message);
