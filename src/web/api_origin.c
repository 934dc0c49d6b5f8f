/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/origin: where a row of a windowed view comes from: its records in the stream, by shard and sequence number, the row computed
 * anew from them, and the file of the lake that has it. */
#include "base/time.h"
#include "engine/window_origin.h"
#include "kinesis/client.h"
#include "web/api.h"
#include "web/event.h"
#include "web/origin_file.h"
#include "web/records.h"

#include <stdio.h>
#include <stdlib.h>

#define KEYS_MAX 16
#define SHOWN_MAX 500          /* records in the answer; the shards' figures are of all */
#define SCANNED_MAX 400000     /* records read for it, in all */
#define LEAD_NS (2 * TL_NS_PER_MIN) /* a record may arrive before its event time, where clocks differ */
#define OUT_MAX (64u << 20)
#define ROWS_MAX (1u << 20)
#define WAIT_READS 3           /* empty reads in a row at the tip of a shard: there is no more */

struct ask {
    size_t view, key_count;
    int64_t start_ns, end_ns; /* end: of sessions alone */
    char *keys[KEYS_MAX];
};
struct scan {
    struct tl_web_job *job;
    const struct ask *ask;
    struct tl_window_origin *origin;
    struct tl_kinesis_client *client;
    struct tl_record_batch batch;
    struct tl_json_writer *records, *shards;
    uint64_t read, inside, inside_shard;
    char first[TL_SEQUENCE_MAX], last[TL_SEQUENCE_MAX];
    bool capped;
};

static void release(void *args)
{
    struct ask *ask = args;
    for (size_t i = 0; i < ask->key_count; i++)
        free(ask->keys[i]);
}

static bool take_record(struct scan *s, const char *shard, const struct tl_record *record, struct tl_error *error)
{
    struct tl_origin origin = { .shard = tl_view_of(shard), .sequence = record->sequence, .partition_key = record->partition_key,
                                .arrival_ns = record->arrival_ns, .has_arrival = true };
    bool inside;
    if (!tl_window_origin_record(s->origin, record->data, &origin, &inside, error))
        return false;
    s->read++;
    if (!inside)
        return true;
    if (s->inside_shard++ == 0)
        snprintf(s->first, sizeof s->first, "%.*s", TL_VIEW_ARG(record->sequence));
    snprintf(s->last, sizeof s->last, "%.*s", TL_VIEW_ARG(record->sequence));
    if (s->inside++ < SHOWN_MAX)
        tl_web_record_write(s->records, shard, record);
    return true;
}

static bool scan_records(struct scan *s, const char *shard, char iterator[TL_ITERATOR_MAX], struct tl_error *error)
{
    for (int empty = 0; empty < WAIT_READS && !tl_window_origin_shard_done(s->origin);) {
        if (__atomic_load_n(&s->job->cancel, __ATOMIC_ACQUIRE))
            return tl_error_set(error, TL_STOPPED, "it was cancelled");
        if (s->read >= SCANNED_MAX) {
            s->capped = true;
            return true;
        }
        if (!tl_kinesis_get_records(s->client, iterator, TL_KINESIS_RECORDS_PER_GET, &s->batch, error))
            return false;
        for (size_t i = 0; i < s->batch.count; i++)
            if (!take_record(s, shard, &s->batch.records[i], error))
                return false;
        if (s->batch.next_iterator[0] == '\0' || (s->batch.count == 0 && s->batch.millis_behind == 0))
            return true;
        empty = s->batch.count ? 0 : empty + (s->batch.millis_behind == 0);
        memcpy(iterator, s->batch.next_iterator, TL_ITERATOR_MAX);
    }
    return true;
}

static bool scan_shard(struct scan *s, const char *stream, const char *shard, struct tl_error *error)
{
    char iterator[TL_ITERATOR_MAX];
    int64_t from = tl_window_origin_from(s->origin) - LEAD_NS;
    s->inside_shard = 0;
    if (!tl_window_origin_shard(s->origin, shard, error) ||
        !tl_kinesis_get_shard_iterator(s->client, stream, shard, TL_ITERATOR_AT_TIMESTAMP, NULL, from > 0 ? from : 0, iterator, error) ||
        !scan_records(s, shard, iterator, error))
        return false;
    if (s->inside_shard == 0)
        return true;
    tl_json_begin_object(s->shards);
    tl_json_member_text(s->shards, "id", shard);
    tl_json_member_i64(s->shards, "records", (int64_t)s->inside_shard);
    tl_json_member_text(s->shards, "first", s->first);
    tl_json_member_text(s->shards, "last", s->last);
    tl_json_end_object(s->shards);
    return true;
}

static bool scan_stream(struct scan *s, struct tl_error *error)
{
    const char *stream = s->job->web->options.plan->sources[tl_window_origin_source(s->origin)].stream;
    struct tl_shard_list list = { 0 };
    struct tl_kinesis_options options = tl_web_kinesis(s->job);
    if (!tl_kinesis_client_new(&s->client, &options, error))
        return false;
    bool ok = tl_kinesis_list_shards(s->client, stream, &list, error);
    for (size_t i = 0; ok && i < list.count; i++)
        ok = scan_shard(s, stream, list.shards[i].id, error);
    tl_shard_list_release(&list);
    tl_kinesis_client_free(s->client);
    return ok;
}

static void row_write(const struct tl_rows *rows, struct tl_json_writer *w)
{
    tl_json_key(w, "row");
    if (rows->row_count)
        tl_web_row_write(w, rows, 0);
    else
        tl_json_write_null(w);
}

/* Which records are inside is known there only when all of them are read. */
static void count_upper(struct scan *s)
{
    size_t view;
    const uint64_t *records;
    const struct tl_rows *rows = tl_window_origin_upper(s->origin, &view, &records);
    for (size_t i = 0; rows && i < rows->row_count; i++)
        s->inside += records[i];
}

/* Of a view over a view: the rows that are its records. */
static void upper_write(const struct scan *s, struct tl_json_writer *w)
{
    size_t view;
    const uint64_t *records;
    const struct tl_rows *rows = tl_window_origin_upper(s->origin, &view, &records);
    tl_json_member_text(w, "of", rows ? s->job->web->options.plan->views[view].name : NULL);
    tl_json_member_i64(w, "row_count", rows ? (int64_t)rows->row_count : 0);
    tl_json_key(w, "rows");
    tl_json_begin_array(w);
    for (size_t i = 0; rows && i < rows->row_count && i < SHOWN_MAX; i++) {
        tl_json_begin_object(w);
        tl_json_member_i64(w, "records", (int64_t)records[i]);
        tl_json_key(w, "row");
        tl_web_row_write(w, rows, i);
        tl_json_end_object(w);
    }
    tl_json_end_array(w);
}

/* All that was found, as the answer. records and shards are arrays without their brackets. */
static bool answer_write(struct scan *s, const struct tl_view_plan *view, struct tl_view records, struct tl_view shards, struct tl_error *error)
{
    struct tl_rows rows;
    struct tl_json_writer w;
    int64_t end = tl_window_origin_end(s->origin);
    if (!tl_rows_init(&rows, view->columns, view->column_count, ROWS_MAX, error))
        return false;
    bool ok = tl_window_origin_row(s->origin, &rows, error);
    count_upper(s);
    tl_json_writer_init(&w, &s->job->out);
    tl_json_begin_object(&w);
    tl_json_member_i64(&w, "window_start", tl_floor_div(s->ask->start_ns, TL_NS_PER_MS));
    tl_json_member_i64(&w, "window_end", tl_floor_div(end, TL_NS_PER_MS));
    tl_json_member_i64(&w, "record_count", (int64_t)s->inside);
    tl_json_member_bool(&w, "complete", !s->capped);
    if (ok) {
        row_write(&rows, &w);
        tl_web_origin_file(s->job, s->ask->view, &rows, end, &w);
        upper_write(s, &w);
    }
    tl_json_key(&w, "shards");
    tl_json_write_raw(&w, shards);
    tl_json_key(&w, "records");
    tl_json_write_raw(&w, records);
    tl_json_end_object(&w);
    tl_rows_release(&rows);
    return ok;
}

static bool run(struct tl_web_job *job, struct tl_error *error)
{
    const struct ask *ask = job->args;
    const struct tl_plan *plan = job->web->options.plan;
    struct tl_buf records, shards;
    struct tl_json_writer records_writer, shards_writer;
    struct scan s = { .job = job, .ask = ask, .records = &records_writer, .shards = &shards_writer };
    if (!tl_window_origin_new(&s.origin, plan, ask->view, (const char *const *)ask->keys, ask->key_count, ask->start_ns, ask->end_ns, error))
        return false;
    tl_buf_init(&records, OUT_MAX);
    tl_buf_init(&shards, OUT_MAX);
    tl_json_writer_init(&records_writer, &records);
    tl_json_writer_init(&shards_writer, &shards);
    tl_json_begin_array(&records_writer);
    tl_json_begin_array(&shards_writer);
    tl_record_batch_init(&s.batch);
    bool ok = scan_stream(&s, error);
    tl_json_end_array(&records_writer);
    tl_json_end_array(&shards_writer);
    ok = ok && tl_buf_ok(&records, "the records", error) && tl_buf_ok(&shards, "the shards", error) &&
         answer_write(&s, &plan->views[ask->view], tl_buf_view(&records), tl_buf_view(&shards), error);
    tl_record_batch_release(&s.batch);
    tl_buf_release(&records);
    tl_buf_release(&shards);
    tl_window_origin_free(s.origin);
    return ok;
}

/* key, key2, key3 ...: a value for each key column. False: out of memory. */
static bool keys_parse(const struct tl_web *w, const struct tl_http_exchange *x, struct ask *ask)
{
    size_t wanted = w->options.plan->views[ask->view].key_count;
    for (size_t i = 0; i < wanted && i < KEYS_MAX; i++) {
        char name[16];
        struct tl_buf text;
        snprintf(name, sizeof name, i ? "key%zu" : "key", i + 1);
        tl_buf_init(&text, 64u << 10);
        bool there = tl_http_query_param(x, name, &text);
        if (there)
            ask->keys[ask->key_count++] = strdup(tl_buf_text(&text));
        tl_buf_release(&text);
        if (!there)
            return true; /* too few: the answer says so */
        if (!ask->keys[ask->key_count - 1])
            return false;
    }
    return true;
}

static bool instant_parse(const struct tl_http_exchange *x, const char *name, int64_t *ns)
{
    char text[32];
    int64_t ms;
    *ns = 0;
    if (!tl_web_param(x, name, text, sizeof text) || !tl_view_to_i64(tl_view_of(text), &ms) || ms < 0 || ms >= INT64_MAX / TL_NS_PER_MS)
        return false;
    *ns = ms * TL_NS_PER_MS;
    return true;
}

/* NULL, or what is wrong. */
static const char *ask_parse(const struct tl_web *w, const struct tl_http_exchange *x, struct ask *ask)
{
    char view[256];
    if (!tl_web_param(x, "view", view, sizeof view))
        return "say which view: /api/origin?view=NAME&window_end=MS&key=VALUE";
    ask->view = tl_web_view_find(w->options.plan, view);
    if (ask->view == SIZE_MAX)
        return "there is no such view; /api/plan lists them";
    bool has_start = instant_parse(x, "window_start", &ask->start_ns), has_end = instant_parse(x, "window_end", &ask->end_ns);
    if (!has_start && !has_end)
        return "say which window: window_start or window_end, in milliseconds since 1970";
    if (!has_start && w->options.plan->views[ask->view].window != TL_WINDOW_SESSION)
        ask->start_ns = ask->end_ns - w->options.plan->views[ask->view].size_ns;
    else if (!has_start)
        ask->start_ns = ask->end_ns; /* refused with what is missing */
    return keys_parse(w, x, ask) ? NULL : "out of memory";
}

void tl_web_get_origin(struct tl_web *w, struct tl_http_exchange *x)
{
    struct ask ask = { .view = 0 };
    const char *wrong = ask_parse(w, x, &ask);
    if (!wrong) {
        tl_web_jobs_add(w->jobs, (struct tl_web_job){ .run = run, .release = release, .web = w, .x = x }, &ask, sizeof ask, OUT_MAX);
        return;
    }
    release(&ask);
    tl_web_answer_error(x, 400, wrong);
}
