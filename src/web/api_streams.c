/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/shards and /api/records: what is in the streams that the pipeline reads, through the same client as the engine's. */
#include "base/io.h"
#include "base/time.h"
#include "codec/json_writer.h"
#include "web/api.h"
#include "web/records.h"

#include <stdio.h>
#include <stdlib.h>

#define LIMIT_DEFAULT 100
#define LIMIT_MAX 1000
#define READS_MAX 20 /* GetRecords calls of one answer: a read may give nothing and still not be at the end */
#define OUT_MAX (64u << 20)

bool tl_web_knows_stream(const struct tl_web *w, const char *stream)
{
    for (size_t i = 0; i < w->options.plan->source_count; i++) {
        const struct tl_source_plan *source = &w->options.plan->sources[i];
        if (!source->of_view && strcmp(source->stream, stream) == 0)
            return true;
    }
    return false;
}

/* ---- shards ---- */

static void shard_write(const struct tl_shard *shard, struct tl_json_writer *w)
{
    tl_json_begin_object(w);
    tl_json_member_text(w, "id", shard->id);
    tl_json_member_bool(w, "open", shard->ending_sequence[0] == '\0');
    tl_json_key(w, "parents");
    tl_json_begin_array(w);
    if (shard->parent[0])
        tl_json_write_text(w, shard->parent);
    if (shard->adjacent_parent[0])
        tl_json_write_text(w, shard->adjacent_parent);
    tl_json_end_array(w);
    tl_json_member_text(w, "starting_hash", shard->starting_hash);
    tl_json_member_text(w, "ending_hash", shard->ending_hash);
    tl_json_member_text(w, "starting_sequence_number", shard->starting_sequence);
    tl_json_end_object(w);
}

static bool run_shards(struct tl_web_job *job, struct tl_error *error)
{
    const char *stream = job->args;
    struct tl_kinesis_client *client;
    struct tl_shard_list list = { 0 };
    struct tl_kinesis_options options = tl_web_kinesis(job);
    if (!tl_kinesis_client_new(&client, &options, error))
        return false;
    bool ok = tl_kinesis_list_shards(client, stream, &list, error);
    tl_kinesis_client_free(client);
    if (!ok)
        return false;
    struct tl_json_writer w;
    tl_json_writer_init(&w, &job->out);
    tl_json_begin_object(&w);
    tl_json_member_text(&w, "stream", stream);
    tl_json_key(&w, "shards");
    tl_json_begin_array(&w);
    for (size_t i = 0; i < list.count; i++)
        shard_write(&list.shards[i], &w);
    tl_json_end_array(&w);
    tl_json_end_object(&w);
    tl_shard_list_release(&list);
    return true;
}

/* ---- records ---- */

struct ask {
    char stream[TL_STREAM_NAME_MAX], shard[TL_SHARD_ID_MAX], sequence[TL_SEQUENCE_MAX];
    enum tl_iterator_type from;
    int64_t at_ns;
    uint32_t limit;
};

/* Reads until limit records are there or the tip is; one page of GetRecords may be empty in the middle of a shard. */
static bool read_page(struct tl_web_job *job, const struct ask *ask, struct tl_kinesis_client *client, struct tl_record_batch *batch,
                      struct tl_json_writer *w, char last[TL_SEQUENCE_MAX], bool *at_tip, struct tl_error *error)
{
    char iterator[TL_ITERATOR_MAX];
    uint32_t left = ask->limit;
    if (!tl_kinesis_get_shard_iterator(client, ask->stream, ask->shard, ask->from, ask->sequence, ask->at_ns, iterator, error))
        return false;
    for (int reads = 0; reads < READS_MAX && left > 0; reads++) {
        if (!tl_kinesis_get_records(client, iterator, left, batch, error))
            return false;
        for (size_t i = 0; i < batch->count; i++) {
            tl_web_record_write(w, ask->shard, &batch->records[i]);
            snprintf(last, TL_SEQUENCE_MAX, "%.*s", TL_VIEW_ARG(batch->records[i].sequence));
        }
        left -= batch->count < left ? (uint32_t)batch->count : left;
        *at_tip = batch->next_iterator[0] == '\0' || batch->millis_behind == 0;
        if (*at_tip || __atomic_load_n(&job->cancel, __ATOMIC_ACQUIRE))
            break;
        memcpy(iterator, batch->next_iterator, sizeof iterator);
    }
    return true;
}

static bool run_records(struct tl_web_job *job, struct tl_error *error)
{
    const struct ask *ask = job->args;
    struct tl_kinesis_client *client;
    struct tl_record_batch batch;
    struct tl_json_writer w;
    struct tl_kinesis_options options = tl_web_kinesis(job);
    char last[TL_SEQUENCE_MAX] = "";
    bool at_tip = false;
    int64_t now = tl_io->wall_ns(); /* before the read: nothing that came since is passed over by one from here */
    if (!tl_kinesis_client_new(&client, &options, error))
        return false;
    tl_record_batch_init(&batch);
    tl_json_writer_init(&w, &job->out);
    tl_json_begin_object(&w);
    tl_json_key(&w, "records");
    tl_json_begin_array(&w);
    bool ok = read_page(job, ask, client, &batch, &w, last, &at_tip, error);
    tl_json_end_array(&w);
    tl_json_member_text(&w, "next", last[0] ? last : NULL);
    tl_json_member_bool(&w, "at_tip", at_tip);
    tl_json_member_i64(&w, "now", tl_floor_div(now, TL_NS_PER_MS));
    tl_json_end_object(&w);
    tl_record_batch_release(&batch);
    tl_kinesis_client_free(client);
    return ok;
}

static bool from_parse(const char *text, enum tl_iterator_type *out)
{
    static const struct {
        const char *name;
        enum tl_iterator_type type;
    } types[] = { { "TRIM_HORIZON", TL_ITERATOR_TRIM_HORIZON }, { "LATEST", TL_ITERATOR_LATEST },
                  { "AT_SEQUENCE_NUMBER", TL_ITERATOR_AT_SEQUENCE }, { "AFTER_SEQUENCE_NUMBER", TL_ITERATOR_AFTER_SEQUENCE },
                  { "AT_TIMESTAMP", TL_ITERATOR_AT_TIMESTAMP } };
    for (size_t i = 0; i < TL_COUNT(types); i++) {
        if (strcmp(types[i].name, text) == 0) {
            *out = types[i].type;
            return true;
        }
    }
    return false;
}

/* Where to begin: a sequence number, or an instant as ISO-8601 or in milliseconds. NULL, or what is wrong. */
static const char *at_parse(const char *text, struct ask *ask)
{
    int64_t ms;
    if (ask->from == TL_ITERATOR_AT_TIMESTAMP) {
        if (tl_view_to_i64(tl_view_of(text), &ms) && ms >= 0 && ms <= INT64_MAX / TL_NS_PER_MS)
            ask->at_ns = ms * TL_NS_PER_MS;
        else if (!tl_time_parse(tl_view_of(text), &ask->at_ns))
            return "at must be an instant: 2026-01-31T12:00:00Z, or milliseconds since 1970";
        return NULL;
    }
    if (text[0] == '\0' || strspn(text, "0123456789") != strlen(text) || strlen(text) >= sizeof ask->sequence)
        return "at must be a sequence number";
    memcpy(ask->sequence, text, strlen(text) + 1);
    return NULL;
}

/* NULL, or what is wrong. */
static const char *ask_parse(const struct tl_http_exchange *x, struct ask *ask)
{
    char from[32] = "TRIM_HORIZON", at[TL_SEQUENCE_MAX] = "", limit[16] = "";
    uint64_t number = LIMIT_DEFAULT;
    if (!tl_web_param(x, "stream", ask->stream, sizeof ask->stream) || !tl_web_param(x, "shard", ask->shard, sizeof ask->shard))
        return "say which stream and shard: /api/records?stream=NAME&shard=ID (/api/shards lists them)";
    if (tl_web_param(x, "from", from, sizeof from) && !from_parse(from, &ask->from))
        return "from is TRIM_HORIZON, LATEST, AT_TIMESTAMP, AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER";
    if (tl_web_param(x, "limit", limit, sizeof limit) && (!tl_view_to_u64(tl_view_of(limit), &number) || number < 1 || number > LIMIT_MAX))
        return "limit must be a number from 1 to 1000";
    ask->limit = (uint32_t)number;
    if (ask->from == TL_ITERATOR_TRIM_HORIZON || ask->from == TL_ITERATOR_LATEST)
        return NULL;
    return tl_web_param(x, "at", at, sizeof at) ? at_parse(at, ask) : "say where: at=";
}

void tl_web_get_records(struct tl_web *w, struct tl_http_exchange *x)
{
    struct ask ask = { .from = TL_ITERATOR_TRIM_HORIZON };
    const char *wrong = ask_parse(x, &ask);
    if (wrong)
        tl_web_answer_error(x, 400, wrong);
    else if (!tl_web_knows_stream(w, ask.stream))
        tl_web_answer_error(x, 404, "the pipeline reads no such stream; /api/plan lists them");
    else
        tl_web_jobs_add(w->jobs, (struct tl_web_job){ .run = run_records, .web = w, .x = x }, &ask, sizeof ask, OUT_MAX);
}

void tl_web_get_shards(struct tl_web *w, struct tl_http_exchange *x)
{
    char stream[TL_STREAM_NAME_MAX];
    if (!tl_web_param(x, "stream", stream, sizeof stream))
        tl_web_answer_error(x, 400, "say which stream: /api/shards?stream=NAME (/api/plan lists them)");
    else if (!tl_web_knows_stream(w, stream))
        tl_web_answer_error(x, 404, "the pipeline reads no such stream; /api/plan lists them");
    else
        tl_web_jobs_add(w->jobs, (struct tl_web_job){ .run = run_shards, .web = w, .x = x }, stream, sizeof stream, OUT_MAX);
}
