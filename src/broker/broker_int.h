/* SPDX-License-Identifier: Apache-2.0 */
/* broker/broker_int.h: inside the broker: streams, their shards, and what waits to be written.
 *
 * Threads: the HTTP loop runs the handlers that put, get and describe; the control thread, one call at a
 * time, those that change streams, shards, consumers and tags; the committer and its writers put records on
 * disk; the janitor removes files and applies retention. I1: only the janitor frees streams and shards:
 * streams that nobody can find and nobody uses, shards whose retention is over. I2: a shard with records in
 * pending is in the dirty list, and counts as a user of its stream until they are written. I3: `writing`
 * belongs to the committer's threads from take to finish of a round, and nobody else looks at it. I4: an
 * exchange is in exactly one place: with its handler, waiting, done, or with the control thread. I5: what a
 * stream is (info, shards, consumers) is changed with both locks held, control and lock; either is enough to
 * read it. */
#pragma once

#include "base/metrics.h"
#include "broker/broker.h"
#include "broker/rate.h"
#include "broker/registry.h"
#include "broker/sequence_number.h"
#include "broker/shard_log.h"
#include "codec/message.h"
#include "net/http_server.h"

#include <pthread.h>

#define TL_ACCOUNT "000000000000"
#define TL_STREAMS_MAX 10000
#define TL_SHARDS_MAX 10000 /* open shards of the account */
#define TL_PENDING_MAX                                                                                       \
    ((size_t)128 << 20) /* bytes that may wait for the disk in all; then puts are refused */
#define TL_WRITERS 3    /* besides the committer: so many shards are synced side by side */
#define TL_RETENTION_HOURS_MIN 24
#define TL_RETENTION_HOURS_MAX 8760
#define TL_RECORD_KIB_MIN 1024
#define TL_RECORD_KIB_MAX 10240
#define TL_CONSUMERS_MAX 20 /* of a stream */

struct tl_broker_stream;
struct tl_faults;
/* A shard's records that are taken and not yet written. */
struct tl_pending {
    struct tl_log_batches batches;
    uint64_t data_bytes; /* for the metrics */
};
struct tl_broker_shard {
    struct tl_broker_stream *stream;
    struct tl_registry_shard info;
    char id[32];
    struct tl_shard_log *log;
    uint64_t next;    /* the counter of the next record taken; from 1: 0 is the shard's own number */
    uint64_t horizon; /* records below are past their retention */
    struct tl_pending pending, writing;
    bool dirty, failed; /* failed: the round's write, until it is finished */
    bool busy;          /* from the first record taken until all that were are written or failed */
    struct tl_broker_shard *next_dirty;
    /* Where the shard stood when the call of that number began to add to it. */
    uint64_t mark_call, mark_next, mark_data;
    struct tl_log_mark mark;
    struct tl_sequence_row row; /* the loop thread's: of the numbers that it tells */
    uint64_t refused_call;      /* that call's further records are refused: they must not overtake */
    struct tl_rate in_records, in_bytes, out_calls, out_bytes, iterator_calls;
    struct tl_metric *records_in, *bytes_in, *records_out,
        *bytes_out; /* NULL for shards beyond the first 64 */
    struct tl_metric *write_throttles, *read_throttles, *behind;
};
enum tl_stream_state { TL_STREAM_ACTIVE, TL_STREAM_CREATING, TL_STREAM_UPDATING, TL_STREAM_DELETING };
struct tl_broker_consumer {
    struct tl_registry_consumer info;
    int64_t busy_until_ns; /* CREATING until then */
};
/* Calls that are limited per stream. */
enum tl_stream_rate {
    TL_RATE_LIST_SHARDS,
    TL_RATE_DESCRIBE_CONSUMER,
    TL_RATE_LIST_CONSUMERS,
    TL_RATE_DEREGISTER_CONSUMER,
    TL_STREAM_RATES
};
struct tl_broker_stream {
    struct tl_registry_stream info;
    struct tl_broker *broker;
    enum tl_stream_state transition; /* what is shown until then */
    int64_t busy_until_ns;
    int64_t remove_at_ns;            /* of one that is being deleted */
    struct tl_broker_shard **shards; /* by index */
    size_t shard_count, shard_cap;
    struct tl_broker_shard **open; /* by hash key */
    size_t open_count;
    struct tl_broker_consumer *consumers; /* by name */
    size_t consumer_count, consumer_cap;
    unsigned users;
    uint64_t round_robin; /* of records that the service distributes */
    struct tl_rate rates[TL_STREAM_RATES];
    struct tl_broker_stream *next_removed;
};
/* One record of a put, answered when it is on disk. */
enum tl_put_outcome { TL_PUT_TAKEN, TL_PUT_THROTTLED, TL_PUT_NOT_WRITTEN };
struct tl_put_item {
    struct tl_broker_shard *shard;
    uint64_t counter;
    enum tl_put_outcome outcome;
};
struct tl_waiting {
    struct tl_http_exchange *exchange;
    struct tl_waiting *next;
    struct tl_broker_stream *stream;
    enum tl_wire wire;
    bool one; /* of PutRecord */
    bool encrypted;
    int64_t arrival_ms;
    uint32_t count;
    struct tl_put_item items[];
};
struct tl_broker {
    char *dir, region[64];
    bool fsync, limits;
    int64_t state_delays_ns[4]; /* how long each state is shown, by enum tl_stream_state */
    int64_t subscription_ns;    /* the life of a SubscribeToShard */
    struct tl_registry *registry;
    uint8_t iterator_key[32];
    struct tl_faults *faults;   /* NULL: none were asked for */
    struct tl_sigv4_keys *keys; /* NULL: any credentials are accepted */
    tl_aws_handler *other;      /* of S3, Glue and Athena, or NULL */
    tl_aws_body_rule *other_body;
    void *other_user;

    pthread_mutex_t control; /* held by whoever changes a stream; taken before lock */
    pthread_mutex_t lock;    /* guards all below but the jobs; taken before a shard log's own */
    pthread_cond_t work, idle, janitor_work, control_work;
    struct tl_http_server *server;
    struct tl_broker_stream **streams; /* by name */
    struct tl_broker_stream **by_id;
    size_t stream_count, stream_cap, by_id_cap;
    struct tl_broker_stream *removed; /* not to be found any more; for the janitor */
    size_t open_shards, on_demand_streams, pending_bytes;
    struct tl_broker_shard *dirty;
    struct tl_waiting *waiting, **waiting_end;
    size_t waiting_count, expected;             /* expected: as many as came together lately */
    struct tl_waiting *done;                    /* to be answered on the loop thread */
    struct tl_control_call *calls, **calls_end; /* for the control thread */
    bool control_busy;
    pthread_t committer, janitor, controller, writers[TL_WRITERS];
    unsigned writers_started;
    bool stopping, draining, commit_idle, kicked, janitor_started, control_started, control_stop;
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
    struct tl_msg_parser *parser;
    struct tl_rate *rates; /* of the account, one an action */
    struct tl_subscription *subscriptions;
    bool ticking;
    uint8_t random[1536];
    size_t random_left;
};

/* ---- streams (with the lock held, or control where it says so) ---- */
struct tl_broker_stream *tl_stream_find_locked(struct tl_broker *b, struct tl_view name);
struct tl_broker_stream *tl_stream_by_id_locked(struct tl_broker *b, uint64_t id);
enum tl_stream_state tl_stream_state(const struct tl_broker_stream *s);
const char *tl_stream_state_name(enum tl_stream_state state);
/* Begins to show a state, for as long as the broker's delay for it says. */
void tl_stream_show(struct tl_broker_stream *s, enum tl_stream_state state);
/* Under control, without the lock: makes the stream, its shards and files, durably. info: name, settings; its
 * id and time are set. tags_of (may be NULL) runs within the transaction. */
typedef bool tl_stream_also(struct tl_registry *r, uint64_t id, const void *arg, struct tl_error *error);
TL_MUST_USE bool tl_stream_create(struct tl_broker *b, struct tl_registry_stream *info, uint32_t shards,
                                  tl_stream_also *also, const void *arg, struct tl_error *error);
/* Under control, without the lock: the stream and its name are gone when this returns, or after the delay for
 * DELETING. */
TL_MUST_USE bool tl_stream_delete(struct tl_broker *b, struct tl_broker_stream *s, struct tl_error *error);
/* With the lock: nobody finds the stream from here on; the janitor removes it. */
void tl_stream_unlink_locked(struct tl_broker *b, struct tl_broker_stream *s);
TL_MUST_USE bool tl_streams_load(struct tl_broker *b, struct tl_error *error);
void tl_streams_free(struct tl_broker *b);
void tl_stream_free(struct tl_broker_stream *s);
void tl_stream_path(const struct tl_broker *b, uint64_t id, char *out, size_t size);
struct tl_broker_shard *tl_stream_route(struct tl_broker_stream *s, struct tl_hash_key key);
/* Finds by id: "shardId-000000000003", or short as the service allows: "3", "shardId-3". NULL when there is
 * none. */
struct tl_broker_shard *tl_stream_shard(struct tl_broker_stream *s, struct tl_view id);
bool tl_shard_id_is_one(struct tl_view id); /* has the form of an id */
struct tl_broker_shard *tl_stream_shard_at(struct tl_broker_stream *s, uint64_t index);
struct tl_broker_consumer *tl_stream_consumer(struct tl_broker_stream *s, struct tl_view name);

/* ---- shards (broker/shard.c) ---- */
/* Its log opened, its files made if absent; NULL and error otherwise. */
struct tl_broker_shard *tl_shard_new(struct tl_broker_stream *s, const struct tl_registry_shard *info,
                                     struct tl_error *error);
void tl_shard_free(struct tl_broker_shard *shard);
size_t tl_shard_sequence(const struct tl_broker_shard *shard, uint64_t counter, int64_t arrival_ms,
                         char out[TL_SEQUENCE_MAX]);
/* The same on the loop thread, quicker where numbers follow one another; valid until the next call for the
 * shard. */
struct tl_view tl_shard_next_sequence(struct tl_broker_shard *shard, uint64_t counter, int64_t arrival_ms);
bool tl_shard_is_open(const struct tl_broker_shard *shard);
/* Is nothing left to come at this position? Of a closed shard only. */
bool tl_shard_is_read(const struct tl_broker_shard *shard, uint64_t counter);
/* The least counter that readers are shown. */
uint64_t tl_shard_first(const struct tl_broker_shard *shard);
/* Adds the shard to its stream; with the lock. False: out of memory. */
TL_MUST_USE bool tl_shard_link_locked(struct tl_broker_shard *shard);
/* The stream's open shards by hash key, counted anew after shards were linked or closed. False: out of
 * memory. */
TL_MUST_USE bool tl_stream_reroute_locked(struct tl_broker_stream *s);

/* ---- resharding (broker/reshard.c): a plan is made in memory, then carried out as a whole ---- */
struct tl_reshard;
/* Under control. NULL: out of memory. */
struct tl_reshard *tl_reshard_new(struct tl_broker_stream *s);
void tl_reshard_free(struct tl_reshard *plan);
/* Positions are indexes of shards, of the stream or of the plan. False: out of memory. */
TL_MUST_USE bool tl_reshard_split(struct tl_reshard *plan, uint32_t shard, struct tl_hash_key at);
TL_MUST_USE bool tl_reshard_merge(struct tl_reshard *plan, uint32_t shard, uint32_t adjacent);
/* Uniform ranges, by splits and merges. */
TL_MUST_USE bool tl_reshard_scale(struct tl_reshard *plan, uint32_t count);
/* Under control, without the lock. kind: noted as a change of this kind (may be NULL). */
TL_MUST_USE bool tl_reshard_commit(struct tl_reshard *plan, const char *kind, struct tl_error *error);

/* ---- the control thread (broker/control.c) ---- */
TL_MUST_USE bool tl_control_start(struct tl_broker *b, struct tl_error *error);
void tl_control_stop(struct tl_broker *b); /* after the calls that wait */

/* ---- the janitor (broker/janitor.c) ---- */
TL_MUST_USE bool tl_janitor_start(struct tl_broker *b, struct tl_error *error);
void tl_janitor_stop(struct tl_broker *b);
/* Under control, without the lock: applies the stream's retention. */
void tl_stream_trim(struct tl_broker_stream *s);

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
/* The answer of a put whose records are written, or not; frees w. */
void tl_broker_answer_put(struct tl_broker *b, struct tl_waiting *w);
/* 200 with the body (moved), or an error. more: a header besides the service's own; NULL: none. */
void tl_broker_answer(struct tl_broker *b, struct tl_http_exchange *x, enum tl_wire wire, const struct tl_http_header *more,
                      struct tl_buf *body);
void tl_broker_answer_failed(struct tl_broker *b, struct tl_http_exchange *x, enum tl_wire wire,
                             const char *type, const char *message);
/* Records were written: those who subscribed get them (broker/api_subscribe.c). */
void tl_subscriptions_push(struct tl_broker *b);
void tl_subscriptions_free(struct tl_broker *b);
/* The fault 'reshard', on the control thread. */
void tl_fault_reshard(struct tl_broker *b);
