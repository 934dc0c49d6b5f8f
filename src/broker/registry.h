/* SPDX-License-Identifier: Apache-2.0 */
/* broker/registry.h: what streams, shards, consumers, tags and policies there are, in one SQLite file that a
 * person can open. Any thread; a change is durable when tl_registry_commit() has returned true. */
#pragma once

#include "base/buf.h"
#include "kinesis/model.h"

struct tl_registry;
struct tl_registry_stream {
    uint64_t id; /* never used again: names a folder */
    char name[TL_STREAM_NAME_MAX];
    int64_t created_ms;
    bool on_demand, deleting;
    uint32_t retention_hours;
    uint32_t monitoring; /* shard-level metrics, a bit each, in the order of the model's enum */
    uint32_t max_record_kib, warm_mibps;
    bool auto_distribution;
    char *key_id; /* of KMS; NULL: not encrypted. The holder frees it */
};
struct tl_registry_shard {
    uint32_t index;
    int64_t created_ms;
    int64_t sequence_s; /* what its sequence numbers tell as its creation: greater than its parents' */
    struct tl_hash_key first, last;
    int64_t parent, adjacent; /* -1: none */
    int64_t closed_ms;        /* 0: open */
};
struct tl_registry_consumer {
    uint64_t id, stream;
    char name[TL_STREAM_NAME_MAX];
    int64_t created_ms;
};

TL_MUST_USE bool tl_registry_open(struct tl_registry **out, const char *path, struct tl_error *error);
void tl_registry_close(struct tl_registry *r);
/* A random key of 32 bytes, made once, that authenticates iterators. */
TL_MUST_USE bool tl_registry_key(struct tl_registry *r, uint8_t key[32], struct tl_error *error);

/* ---- changes: between begin and commit (or rollback), which hold the registry for one thread ---- */
TL_MUST_USE bool tl_registry_begin(struct tl_registry *r, struct tl_error *error);
TL_MUST_USE bool tl_registry_commit(struct tl_registry *r, struct tl_error *error); /* false: rolled back */
void tl_registry_rollback(struct tl_registry *r);
TL_MUST_USE bool tl_registry_add_stream(struct tl_registry *r, struct tl_registry_stream *s,
                                        struct tl_error *error); /* sets id */
TL_MUST_USE bool tl_registry_save_stream(struct tl_registry *r, const struct tl_registry_stream *s,
                                         struct tl_error *error);
/* With its shards, consumers, tags, policies and noted changes. */
TL_MUST_USE bool tl_registry_remove_stream(struct tl_registry *r, uint64_t id, struct tl_error *error);
TL_MUST_USE bool tl_registry_add_shard(struct tl_registry *r, uint64_t stream,
                                       const struct tl_registry_shard *shard, struct tl_error *error);
TL_MUST_USE bool tl_registry_close_shard(struct tl_registry *r, uint64_t stream, uint32_t index,
                                         int64_t closed_ms, struct tl_error *error);
TL_MUST_USE bool tl_registry_remove_shard(struct tl_registry *r, uint64_t stream, uint32_t index,
                                          struct tl_error *error);
TL_MUST_USE bool tl_registry_add_consumer(struct tl_registry *r, struct tl_registry_consumer *c,
                                          struct tl_error *error); /* sets id */
TL_MUST_USE bool tl_registry_remove_consumer(struct tl_registry *r, uint64_t id, struct tl_error *error);
/* resource: "stream:7" or "consumer:3". */
TL_MUST_USE bool tl_registry_set_tag(struct tl_registry *r, const char *resource, struct tl_view key,
                                     struct tl_view value, struct tl_error *error);
TL_MUST_USE bool tl_registry_remove_tag(struct tl_registry *r, const char *resource, struct tl_view key,
                                        struct tl_error *error);
TL_MUST_USE bool tl_registry_set_policy(struct tl_registry *r, const char *resource, struct tl_view policy,
                                        struct tl_error *error);
TL_MUST_USE bool tl_registry_remove_policy(struct tl_registry *r, const char *resource,
                                           struct tl_error *error);
/* Notes that a change of a kind that is limited per day was made, and forgets those of before forget_ms. */
TL_MUST_USE bool tl_registry_note_change(struct tl_registry *r, uint64_t stream, const char *kind,
                                         int64_t now_ms, int64_t forget_ms, struct tl_error *error);
TL_MUST_USE bool tl_registry_set_number(struct tl_registry *r, const char *name, int64_t value,
                                        struct tl_error *error);

/* ---- reading ---- */
typedef bool tl_registry_stream_visit(const struct tl_registry_stream *s, void *user,
                                      struct tl_error *error); /* key_id is lent */
typedef bool tl_registry_shard_visit(const struct tl_registry_shard *s, void *user, struct tl_error *error);
typedef bool tl_registry_consumer_visit(const struct tl_registry_consumer *c, void *user,
                                        struct tl_error *error);
typedef bool tl_registry_tag_visit(struct tl_view key, struct tl_view value, void *user,
                                   struct tl_error *error);
/* visit must not call the registry. Streams by id, shards by index, consumers by id, tags by key. */
TL_MUST_USE bool tl_registry_each(struct tl_registry *r, tl_registry_stream_visit *visit, void *user,
                                  struct tl_error *error);
TL_MUST_USE bool tl_registry_shards(struct tl_registry *r, uint64_t stream, tl_registry_shard_visit *visit,
                                    void *user, struct tl_error *error);
TL_MUST_USE bool tl_registry_consumers(struct tl_registry *r, uint64_t stream,
                                       tl_registry_consumer_visit *visit, void *user, struct tl_error *error);
TL_MUST_USE bool tl_registry_tags(struct tl_registry *r, const char *resource, tl_registry_tag_visit *visit,
                                  void *user, struct tl_error *error);
/* Adds the policy to out; nothing when there is none. */
TL_MUST_USE bool tl_registry_policy(struct tl_registry *r, const char *resource, struct tl_buf *out,
                                    struct tl_error *error);
TL_MUST_USE bool tl_registry_changes(struct tl_registry *r, uint64_t stream, const char *kind,
                                     int64_t since_ms, int64_t *count, struct tl_error *error);
TL_MUST_USE bool tl_registry_number(struct tl_registry *r, const char *name, int64_t absent, int64_t *value,
                                    struct tl_error *error);
