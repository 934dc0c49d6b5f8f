/* SPDX-License-Identifier: Apache-2.0 */
/* broker/api_int.h: one call of the API, and what its handlers share. Handlers run on the loop thread with
 * the broker's lock held. */
#pragma once

#include "broker/broker_int.h"
#include "codec/json.h"
#include "codec/json_writer.h"

struct tl_api_call {
    struct tl_broker *broker;
    struct tl_http_exchange *exchange;
    struct tl_json body;
    struct tl_buf *out;           /* the answer's body; empty for actions without output */
    struct tl_json_writer writer; /* over out */
    bool parked;                  /* answered later */
    const char *error_type;       /* set by tl_api_fail */
    char message[1024];
};
/* Notes the error; always false. The status is 400 but for InternalFailure and ServiceUnavailable. */
bool tl_api_fail(struct tl_api_call *call, const char *type, const char *fmt, ...) TL_PRINTF(3, 4);
/* An error of the house as the service would tell it. */
bool tl_api_fail_internal(struct tl_api_call *call, const struct tl_error *error);

/* ---- validation: one table an action (broker/api_validate.c) ---- */
enum tl_member_kind {
    TL_MEMBER_STRING,
    TL_MEMBER_INTEGER,
    TL_MEMBER_TIMESTAMP,
    TL_MEMBER_BOOLEAN,
    TL_MEMBER_BLOB,
    TL_MEMBER_STRUCTURE,
    TL_MEMBER_LIST
};
struct tl_member {
    const char *name;
    enum tl_member_kind kind;
    bool required;
    int64_t min, max;                /* length in characters, value, number of items; both 0: no constraint */
    const char *pattern;             /* as AWS prints it; one of those in api_validate.c */
    const char *values;              /* enum: "A, B" */
    const struct tl_member *members; /* of a structure or of a list's items; ends with name NULL */
};
TL_MUST_USE bool tl_api_validate(struct tl_api_call *call, const struct tl_member *members);

/* ---- finding what a request names ---- */
/* By StreamName or StreamARN; tells an error when absent, wrong, both and different, or unknown. */
TL_MUST_USE bool tl_api_stream(struct tl_api_call *call, struct tl_broker_stream **out);
/* Changes are not begun while the broker drains. */
TL_MUST_USE bool tl_api_may_change(struct tl_api_call *call);
void tl_api_write_arn(struct tl_api_call *call, const char *key, const struct tl_broker_stream *s);

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

struct tl_action {
    const char *name;
    bool (*handle)(struct tl_api_call *call);
    const struct tl_member *members;
};
extern const struct tl_member tl_create_stream_members[], tl_delete_stream_members[],
    tl_describe_stream_members[], tl_describe_stream_summary_members[], tl_list_streams_members[],
    tl_list_shards_members[], tl_put_record_members[], tl_put_records_members[],
    tl_get_shard_iterator_members[], tl_get_records_members[];
bool tl_api_create_stream(struct tl_api_call *call);
bool tl_api_delete_stream(struct tl_api_call *call);
bool tl_api_describe_stream(struct tl_api_call *call);
bool tl_api_describe_stream_summary(struct tl_api_call *call);
bool tl_api_list_streams(struct tl_api_call *call);
bool tl_api_list_shards(struct tl_api_call *call);
bool tl_api_put_record(struct tl_api_call *call);
bool tl_api_put_records(struct tl_api_call *call);
bool tl_api_get_shard_iterator(struct tl_api_call *call);
bool tl_api_get_records(struct tl_api_call *call);
