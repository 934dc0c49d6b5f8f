/* SPDX-License-Identifier: Apache-2.0 */
/* broker/api_int.h: one call of the API, and what its handlers share.
 *
 * Handlers run with the broker's lock held: those of the table's TL_RUN_LOOP on the loop thread, those of
 * TL_RUN_CONTROL on the control thread with `control` held as well; these give the lock back while they write
 * the registry (tl_api_store). */
#pragma once

#include "broker/broker_int.h"

struct tl_api_call {
    struct tl_broker *broker;
    struct tl_http_exchange *exchange;
    const struct tl_action *action;
    enum tl_wire wire;
    struct tl_msg body;
    struct tl_buf *out;          /* the answer's body; empty for actions without output */
    struct tl_msg_writer writer; /* over out */
    bool parked;                 /* answered later */
    bool tells_behind;           /* records_behind goes with the answer, in a header of ours */
    uint64_t records_behind;     /* GetRecords: behind what was given out */
    const char *error_type;      /* set by tl_api_fail */
    char message[4096];
};
/* Notes the error; always false. The status is 400 but for InternalFailure and ServiceUnavailable. */
bool tl_api_fail(struct tl_api_call *call, const char *type, const char *fmt, ...) TL_PRINTF(3, 4);
/* An error of the house as the service would tell it. */
bool tl_api_fail_internal(struct tl_api_call *call, const struct tl_error *error);
bool tl_api_out_of_memory(struct tl_api_call *call);

/* ---- the table of actions (broker/api_actions.c) ---- */
enum tl_member_kind {
    TL_MEMBER_STRING,
    TL_MEMBER_INTEGER,
    TL_MEMBER_TIMESTAMP,
    TL_MEMBER_BOOLEAN,
    TL_MEMBER_BLOB,
    TL_MEMBER_STRUCTURE,
    TL_MEMBER_LIST, /* of structures (members) or of strings (item) */
    TL_MEMBER_MAP   /* of strings: key and value as in item[0] and item[1] */
};
struct tl_member {
    const char *name;
    enum tl_member_kind kind;
    bool required;
    int64_t min, max;                /* length in characters, value, number of items; both 0: no constraint */
    const char *pattern;             /* as AWS prints it; one of those in api_validate.c */
    const char *values;              /* enum: "A, B" */
    const struct tl_member *members; /* of a structure or of a list's items; ends with name NULL */
    const struct tl_member *item;    /* of a list of strings, or of a map */
};
enum tl_run { TL_RUN_LOOP, TL_RUN_CONTROL };
/* Whose calls are counted against the rate. Per shard and per consumer: by the handler. */
enum tl_rate_scope { TL_SCOPE_NONE, TL_SCOPE_ACCOUNT };
struct tl_action {
    const char *name;
    bool (*handle)(struct tl_api_call *call);
    const struct tl_member *members;
    enum tl_run run;
    enum tl_rate_scope scope;
    unsigned rate; /* calls a second */
};
const struct tl_action *tl_action_find(struct tl_view name);
size_t tl_action_index(const struct tl_action *action);
size_t tl_action_count(void);
TL_MUST_USE bool tl_api_validate(struct tl_api_call *call, const struct tl_member *members);
/* "ticker at 'data' failed to ...": a ValidationException of one member, in the service's form. False. */
bool tl_api_invalid(struct tl_api_call *call, const char *value, const char *place, const char *fmt, ...)
    TL_PRINTF(4, 5);

/* ---- running a call (broker/api_dispatch.c) ---- */
/* Validates and handles, with the lock; the outcome is in the call. */
TL_MUST_USE bool tl_api_run(struct tl_api_call *call);
/* Parses the body with the parser into call->body. */
TL_MUST_USE bool tl_api_parse(struct tl_api_call *call, struct tl_msg_parser *parser);
void tl_control_submit_locked(struct tl_api_call *call);

/* ---- finding what a request names (broker/api_names.c) ---- */
/* By StreamName or StreamARN; tells an error when absent, wrong, both and different, or unknown. */
TL_MUST_USE bool tl_api_stream(struct tl_api_call *call, struct tl_broker_stream **out);
/* The same, and it is ACTIVE; ResourceInUseException else. */
TL_MUST_USE bool tl_api_active_stream(struct tl_api_call *call, struct tl_broker_stream **out);
/* By an ARN: of a stream, or of a consumer (then *consumer is not NULL). */
TL_MUST_USE bool tl_api_resource(struct tl_api_call *call, struct tl_view arn,
                                 struct tl_broker_stream **stream, struct tl_broker_consumer **consumer);
/* "stream:7" or "consumer:3", as the registry calls them. */
void tl_api_resource_key(const struct tl_broker_stream *s, const struct tl_broker_consumer *c, char out[40]);
TL_MUST_USE bool tl_api_shard(struct tl_api_call *call, struct tl_broker_stream *s, struct tl_view id,
                              struct tl_broker_shard **out);
/* StreamCreationTimestamp, where it is given, is the stream's. */
TL_MUST_USE bool tl_api_is_of_time(struct tl_api_call *call, const struct tl_broker_stream *s);
void tl_api_write_stream_arn(struct tl_api_call *call, const char *key, const struct tl_broker_stream *s);
void tl_api_write_consumer_arn(struct tl_api_call *call, const char *key, const struct tl_broker_stream *s,
                               const struct tl_broker_consumer *c);
/* Changes are not begun while the broker drains. */
TL_MUST_USE bool tl_api_may_change(struct tl_api_call *call);
/* Tokens of pages: valid 300 s, only for the action that gave them. */
void tl_api_write_token(struct tl_api_call *call, const char *place);
TL_MUST_USE bool tl_api_read_token(struct tl_api_call *call, struct tl_view token, char *out, size_t size);
/* A limit of calls per stream; off with the limits. */
TL_MUST_USE bool tl_api_stream_rate(struct tl_api_call *call, struct tl_broker_stream *s,
                                    enum tl_stream_rate rate, double per_second);
/* DryRun: all checks have passed. False. */
bool tl_api_dry_run(struct tl_api_call *call);
bool tl_api_is_dry_run(struct tl_api_call *call);

/* ---- changing the registry, on the control thread ---- */
typedef bool tl_api_change(struct tl_registry *r, const void *arg, struct tl_error *error);
/* One transaction; the lock is given back meanwhile. */
TL_MUST_USE bool tl_api_store(struct tl_api_call *call, tl_api_change *change, const void *arg);
/* Saves the settings, and makes them the stream's; key_id is moved (freed on failure). */
TL_MUST_USE bool tl_api_save_stream(struct tl_api_call *call, struct tl_broker_stream *s,
                                    struct tl_registry_stream *next);
/* Tags of the member Tags, a map, put on the resource. */
#define TL_TAGS_MAX 50 /* of a resource */
/* A resource that is made has at most so many tags. */
TL_MUST_USE bool tl_api_tags_are_valid(struct tl_api_call *call, struct tl_msg tags);
TL_MUST_USE bool tl_api_may_have_tags(struct tl_api_call *call, size_t count);
TL_MUST_USE bool tl_api_put_tags(struct tl_registry *r, const char *resource, struct tl_msg tags,
                                 struct tl_error *error);

/* ---- iterators (broker/iterator.c) ---- */
struct tl_iterator {
    uint64_t stream;
    uint32_t shard;
    bool by_time; /* waits for the first record that arrives at or after time_ms */
    uint64_t counter;
    int64_t time_ms, created_ms;
};
void tl_iterator_write(const struct tl_broker *b, const struct tl_iterator *it, struct tl_buf *out);
TL_MUST_USE bool tl_iterator_read(const struct tl_broker *b, struct tl_view text, struct tl_iterator *out);

/* ---- reading records (broker/api_get.c) ---- */
/* Where a reading begins: type, sequence number and time as GetShardIterator and SubscribeToShard take them.
 */
struct tl_start {
    struct tl_view type, sequence;
    bool has_time;
    int64_t time_ms;
};
TL_MUST_USE bool tl_api_start(struct tl_api_call *call, struct tl_broker_shard *shard,
                              const struct tl_start *start, struct tl_iterator *out);
/* Records from the iterator on, as the member Records of w's structure; moves the iterator. */
struct tl_reading {
    struct tl_broker *broker;
    struct tl_broker_shard *shard;
    struct tl_msg_writer *writer;
    uint32_t limit, count;
    size_t bytes, bytes_max;
    int64_t newest_ms, behind_ms;
    uint64_t next;
    uint64_t records_behind; /* stored behind what was read */
    bool with_encryption;
};
TL_MUST_USE bool tl_read_records(struct tl_reading *r, struct tl_iterator *it, struct tl_error *error);
/* The member ChildShards of a closed shard's children. */
void tl_write_child_shards(struct tl_msg_writer *w, struct tl_broker_stream *s, uint32_t parent);
void tl_write_hash_range(struct tl_msg_writer *w, const struct tl_registry_shard *shard);

/* ---- writing parts of answers ---- */
void tl_write_shard(struct tl_msg_writer *w, const struct tl_broker_shard *shard);
void tl_write_metrics_list(struct tl_msg_writer *w, const char *key, uint32_t monitoring);
void tl_write_warm_throughput(struct tl_msg_writer *w, const struct tl_broker_stream *s);
/* 200 and the head of an event stream; see tl_http_stream_begin(). */
void tl_broker_begin_stream(struct tl_broker *b, struct tl_http_exchange *x, tl_http_posted *on_close,
                            void *user);

/* Warm throughput is for accounts that have committed themselves; control thread only. */
TL_MUST_USE bool tl_api_has_commitment(struct tl_api_call *call);

/* ---- handlers ---- */
typedef bool tl_api_handler(struct tl_api_call *call);
tl_api_handler tl_api_create_stream, tl_api_delete_stream, tl_api_describe_stream,
    tl_api_describe_stream_summary, tl_api_list_streams; /* api_streams.c */
tl_api_handler tl_api_list_shards, tl_api_split_shard, tl_api_merge_shards,
    tl_api_update_shard_count; /* api_shards.c */
tl_api_handler tl_api_increase_retention, tl_api_decrease_retention, tl_api_start_encryption,
    tl_api_stop_encryption, tl_api_enable_monitoring, tl_api_disable_monitoring, tl_api_update_stream_mode,
    tl_api_update_max_record_size, tl_api_update_warm_throughput,
    tl_api_update_distribution; /* api_settings.c */
tl_api_handler tl_api_describe_limits, tl_api_describe_account_settings,
    tl_api_update_account_settings; /* api_account.c */
tl_api_handler tl_api_add_tags_to_stream, tl_api_remove_tags_from_stream, tl_api_list_tags_for_stream,
    tl_api_tag_resource, tl_api_untag_resource, tl_api_list_tags_for_resource; /* api_tags.c */
tl_api_handler tl_api_put_policy, tl_api_get_policy, tl_api_delete_policy;     /* api_policies.c */
tl_api_handler tl_api_register_consumer, tl_api_deregister_consumer, tl_api_describe_consumer,
    tl_api_list_consumers;                                    /* api_consumers.c */
tl_api_handler tl_api_put_record, tl_api_put_records;         /* api_put.c */
tl_api_handler tl_api_get_shard_iterator, tl_api_get_records; /* api_get.c */
tl_api_handler tl_api_subscribe_to_shard;                     /* api_subscribe.c */
