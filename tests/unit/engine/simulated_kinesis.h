/* SPDX-License-Identifier: Apache-2.0 */
/* simulated_kinesis.h: a Kinesis stream in memory behind the HTTP clients (net/http_client.h, net/http_pull.h),
 * whose functions are defined here in the library's place: everything above them is the product's. One thread, a
 * clock of its own, every choice from one seed.
 *
 * What it does to its clients: throttles, errors, answers that are lost, cut, short, empty or begin too early;
 * iterators that expire; lists that lag and have pages; answers that name no children; shards that are slow;
 * splits, merges, retention. Records are only what the test puts. */
#pragma once

#include "support.h"

#include "base/io.h"
#include "base/time.h"
#include "codec/event_stream.h"
#include "codec/message.h"
#include "kinesis/client.h"
#include "net/digest.h"
#include "net/http_client.h"
#include "net/http_pull.h"
#include "net/sigv4.h"

#define SIM_STREAM "s"
#define SIM_SHARDS_MAX 200
#define SIM_RECORDS_MAX 400
#define SIM_SLOTS 64 /* of hash keys: a slot is 2^122 of them */
#define SIM_KEYS 8
#define SIM_HOUR_MS (INT64_C(3600) * 1000)
#define SIM_RETENTION_MS (24 * SIM_HOUR_MS)
#define SIM_ITERATOR_MS (5 * 60 * 1000)
#define SIM_SUBSCRIPTION_MS (5 * 60 * 1000)

struct sim_record {
    char sequence[TL_SEQUENCE_MAX];
    int64_t arrival_ms;
    char data[256];
    size_t size;
    bool given;
    unsigned key, first, count; /* counters first .. first + count - 1 of key */
};
struct sim_shard {
    int parent, adjacent; /* -1: none */
    unsigned low, high;   /* slots, inclusive */
    int64_t created_ms, closed_ms;
    bool closed, gone, slow;
    unsigned kept; /* records before it are deleted */
    struct sim_record *records;
    unsigned count, cap;
    uint64_t counter;
    int64_t subscribed_ms;
};
struct sim {
    struct test_random random;
    int64_t now_ns;
    struct sim_shard shards[SIM_SHARDS_MAX];
    unsigned shard_count;
    unsigned generation; /* of iterators */
    unsigned puts[SIM_KEYS];
    unsigned faults; /* of a hundred calls */
    bool long_numbers, tells_children, lists_lag, pages;
    bool loses; /* a broken service, for the test of the test: passes over a record now and then */
    unsigned calls;
};
static struct sim sim;

static inline int64_t sim_now_ms(void)
{
    return sim.now_ns / TL_NS_PER_MS;
}

static int64_t sim_clock(void)
{
    return sim.now_ns;
}

static void sim_sleep(int64_t ns)
{
    sim.now_ns += ns;
}

static bool sim_random_bytes(void *data, size_t size)
{
    unsigned char *p = data;
    for (size_t i = 0; i < size; i++)
        p[i] = (unsigned char)test_random_below(&sim.random, 256);
    return true;
}

static inline bool sim_chance(unsigned of_hundred)
{
    return test_random_below(&sim.random, 100) < of_hundred;
}

static inline void sim_reset(uint64_t seed)
{
    for (unsigned i = 0; i < sim.shard_count; i++)
        free(sim.shards[i].records);
    memset(&sim, 0, sizeof sim);
    sim.random.state = seed * 2 + 1;
    test_random_u64(&sim.random);
    sim.now_ns = INT64_C(1758974400) * TL_NS_PER_S;
}

/* ---- the stream ---- */

static inline int sim_shard_add(int parent, int adjacent, unsigned low, unsigned high)
{
    if (sim.shard_count == SIM_SHARDS_MAX)
        return -1;
    sim.shards[sim.shard_count] = (struct sim_shard){
        .parent = parent, .adjacent = adjacent, .low = low, .high = high, .created_ms = sim_now_ms(), .subscribed_ms = INT64_MIN / 2
    };
    return (int)sim.shard_count++;
}

/* 2 | 9 created | 1 shard | 16 counter | 2 | 9 arrival | 8 shard | 2, in hex, as a decimal number; or a short one. */
static inline void sim_sequence(const struct sim_shard *s, uint64_t counter, int64_t arrival_ms, char out[TL_SEQUENCE_MAX])
{
    unsigned index = (unsigned)(s - sim.shards);
    char hex[80];
    if (!sim.long_numbers) {
        snprintf(out, TL_SEQUENCE_MAX, "%llu", (unsigned long long)(index + 1) * 1000000u + counter * 3);
        return;
    }
    snprintf(hex, sizeof hex, "2%09llx%x%016llx00%09llx%08x2", (unsigned long long)s->created_ms / 1000, index & 15,
             (unsigned long long)counter, (unsigned long long)arrival_ms / 1000, index);
    uint32_t limbs[8] = { 0 }; /* base 10^9, least first */
    for (const char *h = hex; *h; h++) {
        uint64_t carry = (uint64_t)(*h <= '9' ? *h - '0' : *h - 'a' + 10);
        for (size_t i = 0; i < TL_COUNT(limbs); i++) {
            carry += (uint64_t)limbs[i] * 16;
            limbs[i] = (uint32_t)(carry % 1000000000u);
            carry /= 1000000000u;
        }
    }
    int top = (int)TL_COUNT(limbs) - 1, at;
    while (top > 0 && limbs[top] == 0)
        top--;
    at = snprintf(out, TL_SEQUENCE_MAX, "%u", limbs[top]);
    while (top-- > 0)
        at += snprintf(out + at, TL_SEQUENCE_MAX - (size_t)at, "%09u", limbs[top]);
}

static inline int sim_shard_of_slot(unsigned slot)
{
    for (unsigned i = 0; i < sim.shard_count; i++)
        if (!sim.shards[i].closed && sim.shards[i].low <= slot && slot <= sim.shards[i].high)
            return (int)i;
    return -1;
}

/* One record, or several of the key put together as the KPL does. */
static inline void sim_put(unsigned key, unsigned count, bool aggregated)
{
    struct sim_shard *s = &sim.shards[sim_shard_of_slot(key * (SIM_SLOTS / SIM_KEYS) + key)];
    if (s->count == s->cap) {
        s->cap = s->cap ? s->cap * 2 : 16;
        s->records = realloc(s->records, s->cap * sizeof *s->records);
        assert_non_null(s->records);
    }
    struct sim_record *r = &s->records[s->count++];
    *r = (struct sim_record){ .key = key, .first = sim.puts[key], .count = count, .arrival_ms = sim_now_ms() };
    s->counter += sim_chance(70) ? 1 : 5; /* the service's counters have gaps */
    sim_sequence(s, s->counter, r->arrival_ms, r->sequence);
    sim.puts[key] += count;
    if (!aggregated) {
        assert_int_equal(count, 1);
        r->size = (size_t)snprintf(r->data, sizeof r->data, "%u %u", key, r->first);
        return;
    }
    memcpy(r->data, "\xf3\x89\x9a\xc2\x0a\x01k", 7);
    r->size = 7;
    for (unsigned i = 0; i < count; i++) {
        char text[24];
        size_t size = (size_t)snprintf(text, sizeof text, "%u %u", key, r->first + i);
        const char head[] = { 0x1a, (char)(size + 4), 0x08, 0x00, 0x1a, (char)size };
        memcpy(r->data + r->size, head, sizeof head);
        memcpy(r->data + r->size + sizeof head, text, size);
        r->size += sizeof head + size;
    }
    uint8_t md5[16];
    tl_md5((struct tl_view){ r->data + 4, r->size - 4 }, md5);
    memcpy(r->data + r->size, md5, sizeof md5);
    r->size += sizeof md5;
}

static inline void sim_close(struct sim_shard *s)
{
    s->closed = true;
    s->closed_ms = sim_now_ms();
    sim.now_ns += TL_NS_PER_S; /* children are made a second later */
}

static inline void sim_split(unsigned which)
{
    for (unsigned n = 0; n < sim.shard_count; n++) {
        unsigned i = (which + n) % sim.shard_count;
        struct sim_shard *s = &sim.shards[i];
        if (s->closed || s->low == s->high || sim.shard_count + 2 > SIM_SHARDS_MAX)
            continue;
        unsigned middle = s->low + (s->high - s->low) / 2;
        sim_close(s);
        sim_shard_add((int)i, -1, s->low, middle);
        sim_shard_add((int)i, -1, middle + 1, s->high);
        return;
    }
}

static inline void sim_merge(unsigned which)
{
    for (unsigned n = 0; n < sim.shard_count; n++) {
        unsigned i = (which + n) % sim.shard_count;
        struct sim_shard *s = &sim.shards[i];
        int next = s->closed || s->high + 1 == SIM_SLOTS ? -1 : sim_shard_of_slot(s->high + 1);
        if (next < 0 || sim.shard_count + 1 > SIM_SHARDS_MAX)
            continue;
        unsigned low = s->low, high = sim.shards[next].high;
        sim_close(s);
        sim_close(&sim.shards[next]);
        sim_shard_add((int)i, next, low, high);
        return;
    }
}

static inline void sim_trim(void)
{
    int64_t horizon = sim_now_ms() - SIM_RETENTION_MS;
    for (unsigned i = 0; i < sim.shard_count; i++) {
        struct sim_shard *s = &sim.shards[i];
        while (s->kept < s->count && s->records[s->kept].arrival_ms < horizon)
            s->kept++;
        s->gone = s->gone || (s->closed && s->closed_ms < horizon);
    }
}

/* ---- calls ---- */

struct tl_http_client {
    struct tl_msg_parser *parser;
    struct tl_buf body;
};
struct sim_call {
    enum tl_wire wire;
    struct tl_view action;
    struct tl_msg body;
    struct tl_msg_writer w;
    struct tl_buf *out;
    int status;
};

static inline bool sim_fail(struct sim_call *c, int status, const char *type)
{
    tl_buf_reset(c->out);
    tl_msg_writer_init(&c->w, c->wire, c->out);
    tl_msg_begin_structure(&c->w);
    tl_msg_member_text(&c->w, "__type", type);
    tl_msg_member_text(&c->w, "message", "as the simulation has it");
    tl_msg_end_structure(&c->w);
    c->status = status;
    return false;
}

static inline struct sim_shard *sim_shard_of(struct sim_call *c, struct tl_view id)
{
    unsigned index;
    char text[TL_SHARD_ID_MAX];
    snprintf(text, sizeof text, "%.*s", TL_VIEW_ARG(id));
    if (sscanf(text, "shardId-%u", &index) == 1 && index < sim.shard_count && !sim.shards[index].gone)
        return &sim.shards[index];
    sim_fail(c, 400, "ResourceNotFoundException");
    return NULL;
}

static inline void sim_id(int index, char out[TL_SHARD_ID_MAX])
{
    snprintf(out, TL_SHARD_ID_MAX, "shardId-%012d", index);
}

static inline void sim_write_range(struct tl_msg_writer *w, const struct sim_shard *s)
{
    char low[TL_HASH_KEY_MAX], high[TL_HASH_KEY_MAX];
    tl_hash_key_format((struct tl_hash_key){ (uint64_t)s->low << 58, 0 }, low);
    tl_hash_key_format((struct tl_hash_key){ ((uint64_t)s->high << 58) + (UINT64_C(1) << 58) - 1, UINT64_MAX }, high);
    tl_msg_key(w, "HashKeyRange");
    tl_msg_begin_structure(w);
    tl_msg_member_text(w, "StartingHashKey", low);
    tl_msg_member_text(w, "EndingHashKey", high);
    tl_msg_end_structure(w);
}

static inline void sim_list_shards(struct sim_call *c)
{
    struct tl_msg_writer *w = &c->w;
    struct tl_view token = tl_msg_get_string(c->body, "NextToken");
    unsigned at = 0, shown = 0;
    char text[64], id[TL_SHARD_ID_MAX];
    snprintf(text, sizeof text, "%.*s", TL_VIEW_ARG(token));
    if (token.data)
        assert_int_equal(sscanf(text, "token-%u", &at), 1);
    tl_msg_begin_structure(w);
    tl_msg_key(w, "Shards");
    tl_msg_begin_list(w);
    for (; at < sim.shard_count && (!sim.pages || shown < 3); at++) {
        const struct sim_shard *s = &sim.shards[at];
        if (s->gone || (sim.lists_lag && s->parent >= 0 && sim_now_ms() - s->created_ms < 2000))
            continue;
        shown++;
        tl_msg_begin_structure(w);
        sim_id((int)at, id);
        tl_msg_member_text(w, "ShardId", id);
        sim_id(s->parent, id);
        if (s->parent >= 0)
            tl_msg_member_text(w, "ParentShardId", id);
        sim_id(s->adjacent, id);
        if (s->adjacent >= 0)
            tl_msg_member_text(w, "AdjacentParentShardId", id);
        sim_write_range(w, s);
        char sequence[TL_SEQUENCE_MAX];
        sim_sequence(s, 0, s->created_ms, sequence);
        tl_msg_key(w, "SequenceNumberRange");
        tl_msg_begin_structure(w);
        tl_msg_member_text(w, "StartingSequenceNumber", sequence);
        if (s->closed)
            tl_msg_member_text(w, "EndingSequenceNumber", sequence);
        tl_msg_end_structure(w);
        tl_msg_end_structure(w);
    }
    tl_msg_end_list(w);
    snprintf(text, sizeof text, "token-%u", at);
    if (at < sim.shard_count)
        tl_msg_member_text(w, "NextToken", text);
    tl_msg_end_structure(w);
}

/* The place of a starting position; false after an error. */
static inline bool sim_place(struct sim_call *c, const struct sim_shard *s, struct tl_msg from, const char *type_name,
                             const char *sequence_name, unsigned *at)
{
    struct tl_view type = tl_msg_get_string(from, type_name), sequence = tl_msg_get_string(from, sequence_name);
    struct tl_msg time;
    int64_t ms;
    *at = s->kept;
    if (tl_view_is(type, "TRIM_HORIZON"))
        return true;
    if (tl_view_is(type, "AT_TIMESTAMP")) {
        assert_true(tl_msg_get(from, "Timestamp", &time) && tl_msg_time_ms(time, &ms));
        while (*at < s->count && s->records[*at].arrival_ms < ms)
            (*at)++;
        return true;
    }
    assert_true(tl_view_is(type, "AT_SEQUENCE_NUMBER")); /* never LATEST twice, never AFTER (consumer.c, I2) */
    for (unsigned i = 0; i < s->count; i++)
        if (tl_view_is(sequence, s->records[i].sequence)) {
            *at = i < s->kept ? s->kept : i; /* without a word */
            return true;
        }
    return sim_fail(c, 400, "InvalidArgumentException");
}

static inline void sim_get_iterator(struct sim_call *c)
{
    unsigned at;
    char text[100];
    const struct sim_shard *s = sim_shard_of(c, tl_msg_get_string(c->body, "ShardId"));
    if (!s || !sim_place(c, s, c->body, "ShardIteratorType", "StartingSequenceNumber", &at))
        return;
    tl_msg_begin_structure(&c->w);
    snprintf(text, sizeof text, "%u/%u/%u/%lld", sim.generation, (unsigned)(s - sim.shards), at, (long long)sim_now_ms());
    tl_msg_member_text(&c->w, "ShardIterator", text);
    tl_msg_end_structure(&c->w);
}

static inline void sim_write_record(struct tl_msg_writer *w, const struct sim_record *r)
{
    tl_msg_begin_structure(w);
    tl_msg_member_text(w, "SequenceNumber", r->sequence);
    tl_msg_member_time_ms(w, "ApproximateArrivalTimestamp", r->arrival_ms);
    tl_msg_key(w, "Data");
    tl_msg_write_blob(w, (struct tl_view){ r->data, r->size });
    tl_msg_member_text(w, "PartitionKey", "k");
    tl_msg_end_structure(w);
}

/* Records from *at on into an open structure; *at moves. */
static inline void sim_write_records(struct tl_msg_writer *w, struct sim_shard *s, unsigned *at, unsigned limit)
{
    unsigned from = *at < s->kept ? s->kept : *at, give = s->count - from;
    unsigned most = 1 + (unsigned)test_random_below(&sim.random, 6);
    give = give < most ? give : most;
    give = give < limit ? give : limit;
    if ((s->slow && sim_chance(80)) || sim_chance(sim.faults / 2))
        give = 0; /* an answer may be empty before the tip */
    if (give && from > s->kept && s->records[from - 1].given && sim_chance(sim.faults / 2))
        from--; /* given again */
    tl_msg_key(w, "Records");
    tl_msg_begin_list(w);
    for (unsigned i = 0; i < give; i++)
        if (!sim.loses || !sim_chance(10)) {
            sim_write_record(w, &s->records[from + i]);
            s->records[from + i].given = true;
        }
    tl_msg_end_list(w);
    *at = from + give;
    int64_t behind = *at < s->count ? sim_now_ms() - s->records[*at].arrival_ms + 1 : 0;
    tl_msg_member_i64(w, "MillisBehindLatest", behind);
}

static inline void sim_write_children(struct tl_msg_writer *w, const struct sim_shard *s)
{
    int index = (int)(s - sim.shards);
    char id[TL_SHARD_ID_MAX];
    tl_msg_key(w, "ChildShards");
    tl_msg_begin_list(w);
    for (unsigned i = 0; i < sim.shard_count; i++) {
        const struct sim_shard *child = &sim.shards[i];
        if (child->gone || (child->parent != index && child->adjacent != index))
            continue;
        tl_msg_begin_structure(w);
        sim_id((int)i, id);
        tl_msg_member_text(w, "ShardId", id);
        tl_msg_key(w, "ParentShards");
        tl_msg_begin_list(w);
        sim_id(child->parent, id);
        tl_msg_write_text(w, id);
        sim_id(child->adjacent, id);
        if (child->adjacent >= 0)
            tl_msg_write_text(w, id);
        tl_msg_end_list(w);
        sim_write_range(w, child);
        tl_msg_end_structure(w);
    }
    tl_msg_end_list(w);
}

static inline void sim_get_records(struct sim_call *c)
{
    unsigned generation, index, at;
    long long made;
    char text[100];
    snprintf(text, sizeof text, "%.*s", TL_VIEW_ARG(tl_msg_get_string(c->body, "ShardIterator")));
    assert_int_equal(sscanf(text, "%u/%u/%u/%lld", &generation, &index, &at, &made), 4);
    struct sim_shard *s = &sim.shards[index];
    if (generation != sim.generation || sim_now_ms() - made > SIM_ITERATOR_MS) {
        sim_fail(c, 400, generation % 2 ? "InvalidArgumentException" : "ExpiredIteratorException");
        return;
    }
    if (s->gone) {
        sim_fail(c, 400, "ResourceNotFoundException");
        return;
    }
    tl_msg_begin_structure(&c->w);
    sim_write_records(&c->w, s, &at, (unsigned)tl_msg_get_i64(c->body, "Limit", 10000));
    snprintf(text, sizeof text, "%u/%u/%u/%lld", sim.generation, index, at, (long long)sim_now_ms());
    if (!s->closed || at < s->count)
        tl_msg_member_text(&c->w, "NextShardIterator", text);
    else if (sim.tells_children)
        sim_write_children(&c->w, s);
    tl_msg_end_structure(&c->w);
}

static inline void sim_describe(struct sim_call *c)
{
    struct tl_msg_writer *w = &c->w;
    bool consumer = tl_view_is(c->action, "DescribeStreamConsumer");
    tl_msg_begin_structure(w);
    tl_msg_key(w, consumer ? "ConsumerDescription" : "StreamDescriptionSummary");
    tl_msg_begin_structure(w);
    tl_msg_member_text(w, "StreamARN", "arn:stream");
    tl_msg_member_text(w, "StreamStatus", "ACTIVE");
    tl_msg_member_text(w, "ConsumerARN", "arn:consumer");
    tl_msg_member_text(w, "ConsumerStatus", "ACTIVE");
    tl_msg_member_i64(w, "RetentionPeriodHours", 24);
    tl_msg_end_structure(w);
    tl_msg_end_structure(w);
}

static inline void sim_answer(struct sim_call *c)
{
    tl_msg_writer_init(&c->w, c->wire, c->out);
    c->status = 200;
    if (tl_view_is(c->action, "ListShards"))
        sim_list_shards(c);
    else if (tl_view_is(c->action, "GetShardIterator"))
        sim_get_iterator(c);
    else if (tl_view_is(c->action, "GetRecords"))
        sim_get_records(c);
    else
        sim_describe(c);
}

/* ---- signing, which is half of the time otherwise ---- */

bool tl_sigv4_sign(const struct tl_sigv4_request *request, const struct tl_aws_credentials *credentials, struct tl_buf *out,
                   struct tl_error *error)
{
    (void)request, (void)credentials, (void)out, (void)error;
    return true;
}

void tl_sigv4_date(int64_t ns, char out[17])
{
    (void)ns;
    out[0] = '\0';
}

/* ---- the HTTP client ---- */

static inline struct tl_view sim_header(const struct tl_http_request *request, const char *name)
{
    for (size_t i = 0; i < request->header_count; i++)
        if (tl_view_is(request->headers[i].name, name))
            return request->headers[i].value;
    return (struct tl_view){ NULL, 0 };
}

static inline void sim_read_call(struct sim_call *c, struct tl_http_client *client, const struct tl_http_request *request)
{
    static const char padding[TL_JSON_PADDING];
    struct tl_error error;
    struct tl_view target = sim_header(request, "x-amz-target");
    *c = (struct sim_call){ .wire = tl_view_is(sim_header(request, "content-type"), "application/x-amz-cbor-1.1") ? TL_WIRE_CBOR
                                                                                                                  : TL_WIRE_JSON };
    c->action = (struct tl_view){ target.data + strlen("Kinesis_20131202."), target.size - strlen("Kinesis_20131202.") };
    tl_buf_reset(&client->body);
    tl_buf_add_view(&client->body, request->body);
    tl_buf_add(&client->body, padding, sizeof padding);
    test_ok(tl_msg_parse(client->parser, c->wire, (struct tl_view){ client->body.data, request->body.size }, &c->body, &error),
            &error);
    sim.calls++;
}

bool tl_http_client_new(struct tl_http_client **out, size_t response_max, struct tl_error *error)
{
    (void)response_max;
    *out = calloc(1, sizeof **out);
    assert_non_null(*out);
    tl_buf_init(&(*out)->body, 1 << 20);
    return tl_msg_parser_new(&(*out)->parser, error);
}

void tl_http_client_free(struct tl_http_client *c)
{
    tl_msg_parser_free(c->parser);
    tl_buf_release(&c->body);
    free(c);
}

void tl_http_response_init(struct tl_http_response *r, size_t max)
{
    tl_buf_init(&r->body, max + TL_JSON_PADDING);
    tl_buf_init(&r->headers, 4096);
}

void tl_http_response_release(struct tl_http_response *r)
{
    tl_buf_release(&r->body);
    tl_buf_release(&r->headers);
}

struct tl_view tl_http_response_header(const struct tl_http_response *r, const char *name)
{
    if (strcmp(name, "content-type") == 0)
        return tl_buf_view(&r->headers);
    return (struct tl_view){ NULL, 0 };
}

/* What may go wrong with any call, before it is looked at. */
static inline bool sim_fault(struct sim_call *c, struct tl_error *error)
{
    if (!sim_chance(sim.faults))
        return false;
    bool control = tl_view_is(c->action, "ListShards") || tl_view_starts_with(c->action, TL_VIEW("Describe"));
    switch (test_random_below(&sim.random, 4)) {
    case 0:
        tl_error_set(error, TL_UNAVAILABLE, "the connection was closed");
        c->status = 0;
        break;
    case 1:
        sim_fail(c, 500, "InternalFailure");
        break;
    default:
        sim_fail(c, 400, control ? "LimitExceededException" : "ProvisionedThroughputExceededException");
    }
    return true;
}

bool tl_http_client_send(struct tl_http_client *client, const struct tl_http_request *request,
                         struct tl_http_response *response, struct tl_error *error)
{
    struct sim_call c;
    sim.now_ns += (int64_t)test_random_below(&sim.random, 20) * TL_NS_PER_MS;
    sim_trim();
    sim_read_call(&c, client, request);
    tl_buf_reset(&response->body);
    c.out = &response->body;
    if (sim_fault(&c, error)) {
        if (!c.status)
            return false;
    } else {
        sim_answer(&c);
        if (sim_chance(sim.faults / 3)) /* done, and the answer is lost */
            return tl_error_set(error, TL_TIMEOUT, "no answer in time");
        if (c.status == 200 && sim_chance(sim.faults / 3)) /* cut by something in between */
            response->body.size -= test_random_below(&sim.random, response->body.size);
    }
    static const char *const types[] = { "application/x-amz-json-1.1", "application/x-amz-cbor-1.1" };
    size_t size = response->body.size;
    tl_buf_reset(&response->headers);
    tl_buf_add_text(&response->headers, types[c.wire == TL_WIRE_CBOR]);
    assert_non_null(tl_buf_reserve(&response->body, TL_JSON_PADDING));
    memset(response->body.data + size, 0, TL_JSON_PADDING);
    response->body.size = size;
    response->status = c.status;
    return true;
}

/* ---- subscriptions ---- */

struct tl_http_pull {
    struct tl_http_client client; /* reads the request */
    struct tl_http_response response;
    struct sim_shard *shard; /* NULL: no subscription */
    unsigned at;
    int64_t began_ms, told_ms;
    bool greeted, failed;
};

bool tl_http_pull_new(struct tl_http_pull **out, size_t body_max, struct tl_error *error)
{
    *out = calloc(1, sizeof **out);
    assert_non_null(*out);
    tl_http_response_init(&(*out)->response, body_max);
    tl_buf_init(&(*out)->client.body, 1 << 20);
    return tl_msg_parser_new(&(*out)->client.parser, error);
}

void tl_http_pull_free(struct tl_http_pull *p)
{
    if (!p)
        return;
    tl_http_response_release(&p->response);
    tl_msg_parser_free(p->client.parser);
    tl_buf_release(&p->client.body);
    free(p);
}

bool tl_http_pull_send(struct tl_http_pull *p, const struct tl_http_request *request, struct tl_error *error)
{
    struct sim_call c;
    struct tl_msg from;
    sim_trim();
    sim_read_call(&c, &p->client, request);
    tl_buf_reset(&p->response.body);
    tl_buf_reset(&p->response.headers);
    tl_buf_add_text(&p->response.headers, "application/x-amz-json-1.1");
    p->response.status = 0;
    p->shard = NULL;
    p->greeted = p->failed = false;
    c.out = &p->response.body;
    c.status = 200;
    assert_true(tl_view_is(c.action, "SubscribeToShard") && c.wire == TL_WIRE_JSON);
    if (sim_fault(&c, error)) {
        if (!c.status)
            return false;
    } else if ((p->shard = sim_shard_of(&c, tl_msg_get_string(c.body, "ShardId")))) {
        assert_true(tl_msg_get(c.body, "StartingPosition", &from));
        if (sim_now_ms() - p->shard->subscribed_ms < 5000)
            sim_fail(&c, 400, "ResourceInUseException");
        else
            sim_place(&c, p->shard, from, "Type", "SequenceNumber", &p->at);
    }
    p->failed = c.status != 200;
    p->response.status = c.status;
    p->began_ms = sim_now_ms();
    p->told_ms = 0;
    if (!p->failed)
        p->shard->subscribed_ms = p->began_ms;
    return true;
}

static inline void sim_send_event(struct tl_http_pull *p, const char *kind, const char *name, struct tl_view payload)
{
    struct tl_event_header headers[] = { { TL_VIEW(":message-type"), tl_view_of(kind) },
                                         { strcmp(kind, "event") == 0 ? TL_VIEW(":event-type") : TL_VIEW(":exception-type"),
                                           tl_view_of(name) } };
    tl_event_stream_write(&p->response.body, headers, TL_COUNT(headers), payload);
}

/* An event of what there is; true when it was the shard's last. */
static inline bool sim_push(struct tl_http_pull *p)
{
    struct tl_buf payload;
    struct tl_msg_writer w;
    tl_buf_init(&payload, 1 << 20);
    tl_msg_writer_init(&w, TL_WIRE_JSON, &payload);
    tl_msg_begin_structure(&w);
    sim_write_records(&w, p->shard, &p->at, 10000);
    bool end = p->shard->closed && p->at == p->shard->count;
    if (!end)
        tl_msg_member_text(&w, "ContinuationSequenceNumber", p->at ? p->shard->records[p->at - 1].sequence : "0");
    else
        sim_write_children(&w, p->shard);
    tl_msg_end_structure(&w);
    sim_send_event(p, "event", "SubscribeToShardEvent", tl_buf_view(&payload));
    tl_buf_release(&payload);
    return end;
}

bool tl_http_pull_step(struct tl_http_pull *p, size_t want, int64_t wait_ns, bool *ended, struct tl_error *error)
{
    (void)want, (void)wait_ns;
    sim_trim();
    *ended = p->failed;
    if (p->failed)
        return true;
    if (sim_chance(sim.faults / 3)) {
        p->failed = true;
        return tl_error_set(error, TL_UNAVAILABLE, "the stream was reset");
    }
    if (!p->greeted)
        sim_send_event(p, "event", "initial-response", TL_VIEW("{}"));
    p->greeted = true;
    if (p->shard->gone || sim_chance(sim.faults / 4)) {
        sim_send_event(p, "exception", p->shard->gone ? "ResourceNotFoundException" : "InternalFailureException", TL_VIEW("{}"));
        *ended = p->failed = true;
    } else if (sim_now_ms() - p->began_ms > SIM_SUBSCRIPTION_MS) {
        *ended = p->failed = true;
    } else if (p->at < p->shard->count || p->shard->closed || sim_now_ms() - p->told_ms > 5000) {
        p->told_ms = sim_now_ms();
        *ended = p->failed = sim_push(p);
        if (sim_chance(sim.faults / 4)) { /* cut inside the event */
            p->response.body.size -= test_random_below(&sim.random, p->response.body.size);
            *ended = p->failed = true;
        }
    }
    return true;
}

struct tl_http_response *tl_http_pull_response(struct tl_http_pull *p)
{
    return &p->response;
}

void tl_http_pull_take(struct tl_http_pull *p, size_t n)
{
    struct tl_buf *body = &p->response.body;
    memmove(body->data, body->data + n, body->size - n);
    body->size -= n;
}
