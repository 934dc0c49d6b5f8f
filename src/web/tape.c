/* SPDX-License-Identifier: Apache-2.0 */
#include "web/tape.h"

#include "base/io.h"
#include "base/log.h"
#include "base/time.h"
#include "codec/json_tick.h"
#include "web/candles.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define BACK_NS (TL_CANDLE_SECONDS * TL_NS_PER_S)
#define WANTED_NS (60 * TL_NS_PER_S)
#define EVERY_NS (500 * TL_NS_PER_MS) /* two reads a second and shard, of the five that the service gives to all readers */
#define LIST_NS (10 * TL_NS_PER_S)
#define CATCH_UP_MAX 2000000 /* records read of what was before; then it begins at the tip */
#define SHARDS_MAX 256

struct follow { /* of one shard */
    char id[TL_SHARD_ID_MAX], iterator[TL_ITERATOR_MAX]; /* iterator "": read to its end */
};
struct tl_web_tape {
    const struct tl_plan *plan;
    size_t source;
    struct tl_web_tape_columns columns;
    struct tl_kinesis_options kinesis;
    pthread_t thread;
    bool started;
    bool stopping; /* atomic; also the client's cancel */

    pthread_mutex_t mutex; /* leaf; guards what follows */
    pthread_cond_t changed;
    struct tl_candles candles;
    int64_t wanted_ns; /* monotonic */
    uint64_t number;
    bool behind; /* some were left out to catch up */
    char failure[256];

    /* The thread's. */
    struct follow *shards;
    size_t shard_count;
    uint64_t caught_up;
    int64_t listed_ns;
    bool to_tip; /* shards found from now on are read from their tip */
};

/* ---- what a tape is made of ---- */

static size_t column_find(const struct tl_source_plan *source, const char *const *names, size_t count, bool text)
{
    for (size_t n = 0; n < count; n++)
        for (size_t i = 0; i < source->column_count; i++) {
            enum tl_type type = source->columns[i].type;
            bool fits = text ? type == TL_TYPE_VARCHAR : type == TL_TYPE_DOUBLE || type == TL_TYPE_BIGINT || type == TL_TYPE_INTEGER;
            if (fits && tl_view_eq_ignore_case(tl_view_of(source->columns[i].name), tl_view_of(names[n])))
                return i;
        }
    return SIZE_MAX;
}

static size_t key_find(const struct tl_plan *plan, size_t source)
{
    const struct tl_source_plan *s = &plan->sources[source];
    for (size_t v = 0; v < plan->view_count; v++) {
        const struct tl_view_plan *view = &plan->views[v];
        for (size_t k = 0; view->source == source && k < view->key_count; k++)
            if (view->keys[k] < s->column_count && s->columns[view->keys[k]].type == TL_TYPE_VARCHAR)
                return view->keys[k];
    }
    return SIZE_MAX;
}

bool tl_web_tape_columns(const struct tl_plan *plan, size_t source, struct tl_web_tape_columns *out)
{
    static const char *const prices[] = { "close", "price", "last" }, *const volumes[] = { "volume", "size", "quantity", "qty" };
    const struct tl_source_plan *s = &plan->sources[source];
    if (s->of_view || s->event_time_column == SIZE_MAX)
        return false;
    out->key = key_find(plan, source);
    out->price = column_find(s, prices, TL_COUNT(prices), false);
    out->volume = column_find(s, volumes, TL_COUNT(volumes), false);
    return out->key != SIZE_MAX && out->price != SIZE_MAX;
}

/* ---- reading ---- */

static double number_of(const struct tl_source_plan *source, size_t column, const struct tl_tick_value *values)
{
    const struct tl_tick_value *v = &values[column];
    return v->null ? 0 : source->columns[column].type == TL_TYPE_DOUBLE ? v->as.f64 : (double)v->as.i64;
}

static bool event_time_of(const struct tl_source_plan *source, const struct tl_tick_value *values, int64_t *ns)
{
    const struct tl_tick_value *v = &values[source->event_time_column];
    if (v->null)
        return false;
    if (source->columns[source->event_time_column].type != TL_TYPE_TIMESTAMP)
        return tl_time_parse(v->as.text, ns);
    *ns = v->as.i64;
    return true;
}

/* What is malformed, or has no price, is no tick; the engine tells of it. */
static bool take(struct tl_web_tape *t, struct tl_json_tick_decoder *decoder, struct tl_tick_value *values, const struct tl_record *record)
{
    const struct tl_source_plan *source = &t->plan->sources[t->source];
    size_t offset;
    int64_t at;
    if (tl_json_tick_decode(decoder, record->data.data, record->data.size, values, &offset) || values[t->columns.key].null ||
        values[t->columns.price].null || !event_time_of(source, values, &at))
        return true;
    double volume = t->columns.volume == SIZE_MAX ? 0 : number_of(source, t->columns.volume, values);
    return tl_candles_add(&t->candles, values[t->columns.key].as.text, at, number_of(source, t->columns.price, values), volume);
}

static bool is_followed(const struct tl_web_tape *t, const char *id)
{
    for (size_t i = 0; i < t->shard_count; i++)
        if (strcmp(t->shards[i].id, id) == 0)
            return true;
    return false;
}

/* New shards (after a split or merge) are read from where they begin. */
static bool find_shards(struct tl_web_tape *t, struct tl_kinesis_client *client, struct tl_error *error)
{
    struct tl_shard_list list = { 0 };
    const char *stream = t->plan->sources[t->source].stream;
    int64_t from = tl_io->wall_ns() - BACK_NS;
    if (t->listed_ns && tl_io->monotonic_ns() - t->listed_ns < LIST_NS)
        return true;
    if (!tl_kinesis_list_shards(client, stream, &list, error))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < list.count && t->shard_count < SHARDS_MAX; i++) {
        if (is_followed(t, list.shards[i].id))
            continue;
        struct follow *f = &t->shards[t->shard_count];
        memcpy(f->id, list.shards[i].id, sizeof f->id);
        ok = tl_kinesis_get_shard_iterator(client, stream, f->id, t->to_tip ? TL_ITERATOR_LATEST : TL_ITERATOR_AT_TIMESTAMP, NULL, from > 0 ? from : 0,
                                           f->iterator, error);
        t->shard_count += ok;
    }
    tl_shard_list_release(&list);
    t->listed_ns = tl_io->monotonic_ns();
    return ok;
}

/* Too much to read it all: from now on what comes. */
static void skip_to_tip(struct tl_web_tape *t)
{
    t->shard_count = 0;
    t->listed_ns = 0;
    t->to_tip = true;
    t->caught_up = 0;
    pthread_mutex_lock(&t->mutex);
    t->behind = true;
    pthread_mutex_unlock(&t->mutex);
}

static bool read_shard(struct tl_web_tape *t, struct tl_kinesis_client *client, struct follow *f, struct tl_record_batch *batch,
                       struct tl_json_tick_decoder *decoder, struct tl_tick_value *values, bool *more, struct tl_error *error)
{
    if (!f->iterator[0])
        return true;
    if (!tl_kinesis_get_records(client, f->iterator, TL_KINESIS_RECORDS_PER_GET, batch, error))
        return false;
    bool ok = true;
    pthread_mutex_lock(&t->mutex);
    for (size_t i = 0; ok && i < batch->count; i++)
        ok = take(t, decoder, values, &batch->records[i]);
    pthread_mutex_unlock(&t->mutex);
    memcpy(f->iterator, batch->next_iterator, sizeof f->iterator);
    *more = *more || (f->iterator[0] && batch->millis_behind > 0);
    t->caught_up = batch->millis_behind > 0 ? t->caught_up + batch->count : 0;
    return ok || tl_error_set(error, TL_NO_MEMORY, "out of memory for candles");
}

static bool is_wanted(struct tl_web_tape *t)
{
    pthread_mutex_lock(&t->mutex);
    bool wanted = tl_io->monotonic_ns() - t->wanted_ns < WANTED_NS;
    pthread_mutex_unlock(&t->mutex);
    return wanted && !__atomic_load_n(&t->stopping, __ATOMIC_ACQUIRE);
}

/* Reads on until nobody looks, it is to stop, or something fails. */
static bool follow(struct tl_web_tape *t, struct tl_kinesis_client *client, struct tl_json_tick_decoder *decoder, struct tl_tick_value *values,
                   struct tl_error *error)
{
    struct tl_record_batch batch;
    bool ok = true;
    tl_record_batch_init(&batch);
    while (ok && is_wanted(t)) {
        bool more = false;
        ok = find_shards(t, client, error);
        for (size_t i = 0; ok && i < t->shard_count; i++)
            ok = read_shard(t, client, &t->shards[i], &batch, decoder, values, &more, error);
        if (ok && t->caught_up > CATCH_UP_MAX)
            skip_to_tip(t);
        for (int64_t slept = 0; ok && !more && slept < EVERY_NS && !__atomic_load_n(&t->stopping, __ATOMIC_ACQUIRE); slept += EVERY_NS / 10)
            tl_io->sleep_ns(EVERY_NS / 10);
    }
    tl_record_batch_release(&batch);
    return ok;
}

static void begin(struct tl_web_tape *t)
{
    t->shard_count = 0;
    t->listed_ns = 0;
    t->to_tip = false;
    t->caught_up = 0;
    pthread_mutex_lock(&t->mutex);
    tl_candles_release(&t->candles);
    tl_candles_init(&t->candles);
    t->behind = false;
    t->number += 2; /* who has an older picture asks for the whole again */
    pthread_mutex_unlock(&t->mutex);
}

static void run(struct tl_web_tape *t)
{
    struct tl_error error = { .text = "" };
    struct tl_kinesis_client *client = NULL;
    struct tl_json_tick_decoder *decoder = NULL;
    const struct tl_source_plan *source = &t->plan->sources[t->source];
    struct tl_tick_value *values = calloc(source->column_count + 1, sizeof *values);
    begin(t);
    bool ok = values && tl_kinesis_client_new(&client, &t->kinesis, &error) &&
              tl_json_tick_decoder_new(&decoder, source->columns, source->column_count, &error) && follow(t, client, decoder, values, &error);
    if (!ok && !__atomic_load_n(&t->stopping, __ATOMIC_ACQUIRE)) {
        tl_log_warn("web", "candles of '%s': %s", source->name, error.text);
        tl_io->sleep_ns(TL_NS_PER_S);
    }
    pthread_mutex_lock(&t->mutex);
    snprintf(t->failure, sizeof t->failure, "%.255s", ok ? "" : error.text);
    pthread_mutex_unlock(&t->mutex);
    tl_json_tick_decoder_free(decoder);
    tl_kinesis_client_free(client);
    free(values);
}

static void *main_of(void *arg)
{
    struct tl_web_tape *t = arg;
    while (!__atomic_load_n(&t->stopping, __ATOMIC_ACQUIRE)) {
        pthread_mutex_lock(&t->mutex);
        while (!__atomic_load_n(&t->stopping, __ATOMIC_ACQUIRE) && (t->wanted_ns == 0 || tl_io->monotonic_ns() - t->wanted_ns >= WANTED_NS))
            pthread_cond_wait(&t->changed, &t->mutex);
        pthread_mutex_unlock(&t->mutex);
        if (!__atomic_load_n(&t->stopping, __ATOMIC_ACQUIRE))
            run(t);
    }
    return NULL;
}

/* ---- for the page ---- */

bool tl_web_tape_open(struct tl_web_tape **out, const struct tl_plan *plan, size_t source, const struct tl_kinesis_options *kinesis,
                      struct tl_error *error)
{
    struct tl_web_tape *t = calloc(1, sizeof *t);
    struct follow *shards = calloc(SHARDS_MAX, sizeof *shards);
    if (!t || !shards) {
        free(t);
        free(shards);
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for candles");
    }
    *t = (struct tl_web_tape){ .plan = plan, .source = source, .kinesis = *kinesis, .shards = shards };
    t->kinesis.cancel = &t->stopping;
    tl_web_tape_columns(plan, source, &t->columns);
    pthread_mutex_init(&t->mutex, NULL);
    pthread_cond_init(&t->changed, NULL);
    tl_candles_init(&t->candles);
    int result = pthread_create(&t->thread, NULL, main_of, t);
    t->started = result == 0;
    if (!t->started) {
        tl_error_sys(error, result, "cannot start a thread of the page");
        tl_web_tape_close(t);
        return false;
    }
    *out = t;
    return true;
}

void tl_web_tape_close(struct tl_web_tape *t)
{
    if (!t)
        return;
    pthread_mutex_lock(&t->mutex);
    __atomic_store_n(&t->stopping, true, __ATOMIC_RELEASE);
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->mutex);
    if (t->started)
        pthread_join(t->thread, NULL);
    tl_candles_release(&t->candles);
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->mutex);
    free(t->shards);
    free(t);
}

size_t tl_web_tape_source(const struct tl_web_tape *t)
{
    return t->source;
}

void tl_web_tape_want(struct tl_web_tape *t)
{
    pthread_mutex_lock(&t->mutex);
    t->wanted_ns = tl_io->monotonic_ns();
    pthread_cond_signal(&t->changed);
    pthread_mutex_unlock(&t->mutex);
}

void tl_web_tape_write(struct tl_web_tape *t, const char *key, int64_t interval_ms, struct tl_buf *out)
{
    struct tl_json_writer w;
    tl_json_writer_init(&w, out);
    tl_json_begin_object(&w);
    tl_json_member_text(&w, "key", key);
    tl_json_member_i64(&w, "interval", interval_ms);
    pthread_mutex_lock(&t->mutex);
    tl_json_member_bool(&w, "behind", t->behind);
    tl_json_member_bool(&w, "overflow", t->candles.overflow);
    tl_json_member_text(&w, "error", t->failure[0] ? t->failure : NULL);
    tl_json_key(&w, "candles");
    tl_candles_write(&t->candles, tl_view_of(key), interval_ms, &w);
    pthread_mutex_unlock(&t->mutex);
    tl_json_end_object(&w);
}

bool tl_web_tape_changes(struct tl_web_tape *t, struct tl_buf *out)
{
    struct tl_json_writer w;
    tl_json_writer_init(&w, out);
    tl_json_begin_object(&w);
    pthread_mutex_lock(&t->mutex);
    tl_json_member_i64(&w, "number", (int64_t)t->number + 1);
    tl_json_key(&w, "candles");
    size_t count = tl_candles_changes(&t->candles, &w);
    t->number += count > 0;
    if (count > 0 && tl_io->monotonic_ns() - t->wanted_ns < WANTED_NS)
        t->wanted_ns = tl_io->monotonic_ns(); /* what is asked for is still wanted */
    pthread_mutex_unlock(&t->mutex);
    tl_json_end_object(&w);
    return count > 0;
}
