/* SPDX-License-Identifier: Apache-2.0 */
/* broker/broker_int.h: inside the broker: streams, their shards, and what waits to be written. */
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
#define TL_PENDING_MAX ((size_t)256 << 20) /* bytes that may wait for the disk in all; then puts are refused */
#define TL_BATCH_MAX ((size_t)512 << 20)

/* A shard's records that are taken and not yet written. */
struct tl_pending {
    struct tl_buf bytes;
    uint64_t first;
    uint32_t count;
    int64_t newest_ms;
};
struct tl_broker_shard {
    uint32_t index;
    char id[32];
    struct tl_hash_key first_hash, last_hash;
    struct tl_shard_log *log;
    uint64_t next;              /* the counter of the next record taken */
    struct tl_pending pending;  /* filled by handlers */
    struct tl_pending writing;  /* owned by the commit thread */
    struct tl_metric *records_in, *bytes_in, *records_out;
};
enum tl_stream_state { TL_STREAM_CREATING, TL_STREAM_ACTIVE, TL_STREAM_DELETING };
struct tl_broker_stream {
    struct tl_registry_stream info;
    enum tl_stream_state state;
    struct tl_broker_shard *shards;
    bool dirty;          /* in the commit thread's next round */
    unsigned users;      /* the commit thread writes it: it must not be freed */
    struct tl_broker_stream *next; /* sorted by name */
    struct tl_broker *broker;
};
/* An answer that waits for the disk. */
struct tl_waiting {
    struct tl_http_exchange *exchange;
    struct tl_buf body;
    struct tl_waiting *next;
    bool failed;
};
struct tl_broker {
    char *dir, region[64];
    bool fsync;
    struct tl_http_server *server;
    struct tl_registry *registry;
    uint8_t iterator_key[32];
    pthread_mutex_t lock; /* guards all below; taken before a shard log's own */
    pthread_cond_t work;
    struct tl_broker_stream *streams;
    size_t stream_count, pending_bytes;
    struct tl_waiting *waiting, **waiting_end;
    struct tl_waiting *done; /* to be answered on the loop thread */
    pthread_t committer, janitor;
    bool stopping, commit_idle, threads_started;
    pthread_cond_t idle, janitor_work;
    int64_t told_ns; /* the commit thread's: when a failed write was last logged */
    struct tl_metric *commit_seconds;
    struct tl_buf scratch, body; /* of the loop thread */
    struct tl_json_parser *parser;
};

/* ---- streams (with the lock held) ---- */
struct tl_broker_stream *tl_stream_find_locked(struct tl_broker *b, struct tl_view name);
bool tl_stream_create_locked(struct tl_broker *b, struct tl_view name, uint32_t shards, bool on_demand, struct tl_broker_stream **out,
                             struct tl_error *error);
bool tl_stream_delete_locked(struct tl_broker *b, struct tl_broker_stream *s, struct tl_error *error);
bool tl_streams_load(struct tl_broker *b, struct tl_error *error);
void tl_streams_free(struct tl_broker *b);
void tl_stream_free(struct tl_broker_stream *s);
struct tl_broker_shard *tl_stream_route(struct tl_broker_stream *s, struct tl_hash_key key);
/* Finds by id: "shardId-000000000003", or short as the service allows: "3", "shardId-3". NULL when there is none. */
struct tl_broker_shard *tl_stream_shard(struct tl_broker_stream *s, struct tl_view id);
size_t tl_shard_sequence(const struct tl_broker_stream *s, const struct tl_broker_shard *shard, uint64_t counter, int64_t arrival_ms,
                         char out[TL_SEQUENCE_MAX]);
void tl_stream_path(const struct tl_broker *b, uint64_t id, char *out, size_t size);

/* ---- group commit (broker/commit.c) ---- */
void *tl_commit_thread(void *broker);
/* With the lock held: x is answered with body (moved) once everything taken so far is written. */
bool tl_commit_wait_locked(struct tl_broker *b, struct tl_http_exchange *x, struct tl_buf *body);

/* ---- the API (broker/api_dispatch.c): runs on the loop thread ---- */
void tl_broker_handle(struct tl_http_exchange *x, void *broker);
/* 200 with the body (moved), or 500: the disk did not take the records. */
void tl_broker_answer(struct tl_http_exchange *x, struct tl_buf *body);
void tl_broker_answer_unwritten(struct tl_http_exchange *x);
