/* SPDX-License-Identifier: Apache-2.0 */
/* kinesis/client.h: calls of the Kinesis API over HTTPS or HTTP, JSON or CBOR 1.1, signed with SigV4. Blocking; one
 * thread per client. Errors carry AWS's code and message: TL_NOT_FOUND (ResourceNotFoundException),
 * TL_CONFLICT (ResourceInUseException), TL_THROTTLED, TL_EXPIRED (ExpiredIteratorException), TL_LIMIT,
 * TL_DENIED, TL_INVALID, TL_UNAVAILABLE. */
#pragma once

#include "base/buf.h"
#include "kinesis/model.h"

struct tl_kinesis_client;
struct tl_kinesis_options {
    const char *endpoint; /* "http://127.0.0.1:4566"; NULL: AWS_ENDPOINT_URL_KINESIS, AWS_ENDPOINT_URL, then
                             AWS by region */
    const char *region;   /* NULL: from the environment or shared config; required on AWS */
    bool embedded;        /* our own broker: credentials not needed (a fixed pair signs) */
    bool cbor;            /* bodies are CBOR 1.1; else JSON 1.1 */
    const bool *cancel;   /* as in net/http_client.h */
};
TL_MUST_USE bool tl_kinesis_client_new(struct tl_kinesis_client **out,
                                       const struct tl_kinesis_options *options, struct tl_error *error);
void tl_kinesis_client_free(struct tl_kinesis_client *c);

TL_MUST_USE bool tl_kinesis_create_stream(struct tl_kinesis_client *c, const char *stream, uint32_t shards,
                                          struct tl_error *error);
struct tl_stream_summary {
    char status[16]; /* "CREATING", "ACTIVE", ... */
    char arn[256];
    int64_t retention_ns;
};
TL_MUST_USE bool tl_kinesis_stream_summary(struct tl_kinesis_client *c, const char *stream,
                                           struct tl_stream_summary *out, struct tl_error *error);
/* What the service's clock is ahead of this machine's by the last answer's date, where that is more than the
 * second to which the date is told; else 0. */
int64_t tl_kinesis_clock_skew(const struct tl_kinesis_client *c);
struct tl_shard_list {
    struct tl_shard *shards; /* sorted by id; free with tl_shard_list_release */
    size_t count, cap;
};
TL_MUST_USE bool tl_kinesis_list_shards(struct tl_kinesis_client *c, const char *stream,
                                        struct tl_shard_list *out, struct tl_error *error);
void tl_shard_list_release(struct tl_shard_list *list);

#define TL_CONSUMER_ARN_MAX 512
/* The stream's consumer of that name for SubscribeToShard, registered where it is not there, and ACTIVE. It
 * stays registered. TL_LIMIT: the stream has as many as it may. */
TL_MUST_USE bool tl_kinesis_consumer_ready(struct tl_kinesis_client *c, const struct tl_stream_summary *stream,
                                           const char *name, char arn[TL_CONSUMER_ARN_MAX],
                                           struct tl_error *error);

enum tl_iterator_type {
    TL_ITERATOR_TRIM_HORIZON,
    TL_ITERATOR_LATEST,
    TL_ITERATOR_AT_SEQUENCE,
    TL_ITERATOR_AFTER_SEQUENCE,
    TL_ITERATOR_AT_TIMESTAMP
};
TL_MUST_USE bool tl_kinesis_get_shard_iterator(struct tl_kinesis_client *c, const char *stream,
                                               const char *shard, enum tl_iterator_type type,
                                               const char *sequence, int64_t timestamp_ns,
                                               char iterator[TL_ITERATOR_MAX], struct tl_error *error);

/* How many records are behind those of a read, as tapeline's own broker counts them: a header, since the answer of the API has only
 * milliseconds. */
#define TL_KINESIS_BEHIND_HEADER "x-tapeline-records-behind"

/* Records of one read. data views are followed by TL_JSON_PADDING readable bytes (records lie in one block;
 * what follows may be the next record). Valid until the next read into the same batch. */
struct tl_record {
    struct tl_view data, partition_key, sequence;
    int64_t arrival_ns;
};
struct tl_record_batch {
    struct tl_record *records;
    size_t count, cap;
    struct tl_buf bytes;
    char next_iterator[TL_ITERATOR_MAX]; /* "": the shard is closed and read to its end */
    int64_t millis_behind;
    int64_t records_behind; /* behind those of this read: exact where tapeline's own broker answers; -1: the service does not tell */
    struct tl_shard_list children; /* of a shard at its end: id, parents and hash range; none: not told */
};
void tl_record_batch_init(struct tl_record_batch *b);
void tl_record_batch_release(struct tl_record_batch *b);
TL_MUST_USE bool tl_kinesis_get_records(struct tl_kinesis_client *c, const char *iterator, uint32_t limit,
                                        struct tl_record_batch *batch, struct tl_error *error);

struct tl_put_entry {
    struct tl_view data, partition_key;
    bool failed;                    /* out */
    enum tl_code code;              /* out, when failed: TL_THROTTLED or TL_IO */
    char sequence[TL_SEQUENCE_MAX]; /* out, when not failed */
    char shard[TL_SHARD_ID_MAX];
};
/* True when the call was answered; entries say each record's fate. *failed: how many were refused. */
TL_MUST_USE bool tl_kinesis_put_records(struct tl_kinesis_client *c, const char *stream,
                                        struct tl_put_entry *entries, size_t count, size_t *failed,
                                        struct tl_error *error);
