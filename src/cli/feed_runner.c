/* SPDX-License-Identifier: Apache-2.0 */
/* cli/feed_runner.c: see feed_runner.h. All of it is one thread's; the producer has threads of its own. */
#include "cli/feed_runner.h"

#include "base/file.h"
#include "base/io.h"
#include "base/log.h"
#include "base/time.h"
#include "cli/feed_check.h"
#include "cli/feed_json.h"
#include "cli/feed_pace.h"
#include "cli/feed_state.h"
#include "cli/output.h"
#include "cli/progress.h"
#include "cli/ticker.h"
#include "kinesis/producer.h"
#include "kinesis/stream_start.h"
#include "lake/history.h"
#include "lake/store.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>

#define RECORD_MAX (1u << 20)
#define COLUMNS_MAX 256
#define DRY_RUN_RECORDS 10
#define LINGER_NS (5 * TL_NS_PER_MS)
#define SLICE_NS (100 * TL_NS_PER_MS) /* of waiting: how soon a stop is seen */
#define DRAIN_NS (5 * TL_NS_PER_S)
#define TICK_EVERY 256 /* records between looks at the clock when there is no pace */
/* Above this a call should carry many records of a key; below, order per key is kept even where a call is
 * refused in part. */
#define LANES_AT_FULL_SPEED 8 /* calls in flight: more than a stream of a few shards keeps waiting */
#define STRICT_RATE_MAX 5000.0

struct feed {
    const struct tl_feed_options *options;
    struct tl_feed_stats *stats;
    const char *stream;
    struct tl_history *history;
    struct tl_rows rows;
    size_t at; /* next row of rows */
    bool rows_ready, done;
    uint64_t total, row; /* of the pass */
    struct tl_feed_json json;
    size_t key, date, close; /* columns; SIZE_MAX: absent */
    struct tl_buf record, key_text;
    struct tl_feed_state state;
    struct tl_producer *producer;
    bool hard_cancel; /* read by the producer's threads */
    struct tl_progress progress;
    struct tl_feed_pace pace;
    size_t time; /* column: of TL_PACE_EVENT_TIME */
    int64_t linger_ns;
    uint64_t sent;
    int64_t began_ns, tick_ns, rate_ns;
    uint64_t rate_sent;
    double rate; /* lately */
};

static bool is_stopping(const struct feed *f)
{
    return f->options->cancel && __atomic_load_n(f->options->cancel, __ATOMIC_ACQUIRE);
}

static void publish(uint64_t *stat, uint64_t value)
{
    __atomic_store_n(stat, value, __ATOMIC_RELAXED);
}

/* History. */

static bool open_pass(struct feed *f, struct tl_error *error)
{
    const struct tl_feed_plan *feed = f->options->feed;
    if (!tl_store_is_s3(f->options->lake_dir) && !tl_file_exists(f->options->lake_dir)) /* opening it would make it */
        return tl_feed_no_history(feed, error);
    if (!tl_history_open_in(&f->history, f->options->lake_dir, f->options->lake_region, feed->select, error)) {
        f->history = NULL;
        return error->code == TL_NOT_FOUND ? tl_feed_no_history(feed, error)
                                           : tl_error_context(error, "feed '%s'", feed->name);
    }
    f->done = false;
    f->at = 0;
    f->row = 0;
    if (!tl_history_rows_init(f->history, &f->rows, error))
        return false;
    f->rows_ready = true;
    return tl_history_total(f->history, &f->total, error) &&
           (f->total > 0 || tl_feed_no_history(feed, error));
}

static void close_pass(struct feed *f)
{
    if (f->rows_ready)
        tl_rows_release(&f->rows);
    f->rows_ready = false;
    if (f->history)
        tl_history_close(f->history);
    f->history = NULL;
}

static size_t column_named(const struct feed *f, const char *name)
{
    for (size_t i = 0; i < f->rows.column_count; i++)
        if (strcmp(f->rows.columns[i].def.name, name) == 0)
            return i;
    return SIZE_MAX;
}

/* The column whose recorded instants are the pace. */
static bool find_time(struct feed *f, struct tl_error *error)
{
    const struct tl_feed_plan *feed = f->options->feed;
    if (feed->pace != TL_PACE_EVENT_TIME)
        return true;
    const char *name = f->options->plan->sources[feed->source].columns[feed->time_column].name;
    f->time = column_named(f, name);
    return f->time != SIZE_MAX ||
           tl_error_set(error, TL_INVALID, "feed '%s': pace = 'event_time' goes by '%s', which its SELECT does not give", feed->name, name);
}

/* Columns are checked against the source, and looked up, once: a later pass has the same SELECT. */
static bool prepare_columns(struct feed *f, struct tl_error *error)
{
    struct tl_column_def columns[COLUMNS_MAX];
    size_t count = tl_history_column_count(f->history);
    if (count > COLUMNS_MAX)
        return tl_error_set(error, TL_LIMIT, "feed '%s' has %zu columns; %d are possible",
                            f->options->feed->name, count, COLUMNS_MAX);
    for (size_t i = 0; i < count; i++)
        columns[i] = *tl_history_column(f->history, i);
    if (!tl_feed_check(f->options->plan, f->options->feed, columns, count, &f->key, error))
        return false;
    f->date = column_named(f, "date");
    f->close = column_named(f, "close");
    return find_time(f, error) && tl_feed_json_init(&f->json, columns, count, error);
}

/* Makes f->at a row. *more false at the end of the pass. */
static bool next_row(struct feed *f, bool *more, struct tl_error *error)
{
    while (f->at == f->rows.row_count && !f->done) {
        f->at = 0;
        if (!tl_history_next(f->history, &f->rows, &f->done, error))
            return tl_error_context(error, "feed '%s'", f->options->feed->name);
    }
    *more = f->at < f->rows.row_count;
    return true;
}

static bool skip_rows(struct feed *f, uint64_t count, struct tl_error *error)
{
    bool more = true;
    while (count > 0 && more) {
        if (!next_row(f, &more, error))
            return false;
        uint64_t here = f->rows.row_count - f->at;
        uint64_t n = here < count ? here : count;
        f->at += (size_t)n;
        f->row += n;
        count -= n;
    }
    return true;
}

static void cell_text(const struct feed *f, size_t column, struct tl_buf *out)
{
    tl_buf_reset(out);
    if (column != SIZE_MAX && !tl_rows_is_null(&f->rows, f->at, column))
        tl_rows_cell_to_csv(&f->rows, f->at, column, out);
}

static bool make_key(struct feed *f, struct tl_error *error)
{
    tl_buf_reset(&f->key_text);
    if (f->rows.columns[f->key].def.type != TL_TYPE_VARCHAR)
        cell_text(f, f->key, &f->key_text);
    else if (!tl_rows_is_null(&f->rows, f->at, f->key))
        tl_buf_add_view(&f->key_text, tl_rows_text(&f->rows, f->at, f->key));
    if (!tl_buf_ok(&f->key_text, "a partition key", error))
        return false;
    if (f->key_text.size == 0)
        return tl_error_set(error, TL_INVALID,
                            "feed '%s': row %" PRIu64 " has no '%s', which is the partition key",
                            f->options->feed->name, f->row + 1, f->options->feed->partition_key);
    return true;
}

/* The instant that the row was recorded with; where none is asked for, 0. */
static bool recorded_time(const struct feed *f, int64_t *ns, struct tl_error *error)
{
    const char *feed = f->options->feed->name;
    *ns = 0;
    if (f->pace.kind != TL_PACE_EVENT_TIME)
        return true;
    const struct tl_column *c = &f->rows.columns[f->time];
    if (!c->null[f->at] && c->def.type != TL_TYPE_VARCHAR) { /* a TIMESTAMP or a DATE */
        *ns = c->cells[f->at].i64;
        return c->def.type == TL_TYPE_TIMESTAMP || !__builtin_mul_overflow(*ns, 1440 * TL_NS_PER_MIN, ns) ||
               tl_error_set(error, TL_INVALID, "feed '%s': row %" PRIu64 ": no such date", feed, f->row + 1);
    }
    struct tl_view text = c->null[f->at] ? TL_VIEW("") : tl_rows_text(&f->rows, f->at, f->time);
    if (tl_view_eq(text, TL_VIEW(TL_FEED_NOW)))
        return tl_error_set(error, TL_INVALID,
                            "feed '%s': pace = 'event_time' needs the recorded instant in '%s', and the SELECT gives NOW()", feed, c->def.name);
    return tl_time_parse(text, ns) ||
           tl_error_set(error, TL_INVALID, "feed '%s': row %" PRIu64 ": '%s' is no instant: '%.*s'", feed, f->row + 1, c->def.name,
                        TL_VIEW_ARG(text));
}

/* The row at f->at, as of now. */
static bool make_record(struct feed *f, struct tl_error *error)
{
    tl_buf_reset(&f->record);
    tl_feed_json_row(&f->json, &f->rows, f->at, tl_io->wall_ns(), f->state.pass.base + f->row, &f->record);
    return tl_buf_ok(&f->record, "a record", error);
}

/* Progress. */

uint64_t tl_feed_left(const struct tl_feed_options *options, const struct tl_feed_stats *stats)
{
    uint64_t left = UINT64_MAX, row = tl_feed_stat(&stats->row), total = tl_feed_stat(&stats->total), sent = tl_feed_stat(&stats->sent);
    if (options->once || !options->feed->loop)
        left = total > row ? total - row : 0;
    if (options->limit && options->limit - sent < left)
        left = options->limit - sent;
    return left;
}

static void show_progress(struct feed *f, int64_t now, const struct tl_producer_stats *stats)
{
    struct tl_buf key, date, close, eta;
    tl_buf_init(&key, 64);
    tl_buf_init(&date, 64);
    tl_buf_init(&close, 64);
    tl_buf_init(&eta, 64);
    cell_text(f, f->key, &key);
    cell_text(f, f->date, &date);
    cell_text(f, f->close, &close);
    if (now > f->rate_ns)
        f->rate = (double)(f->sent - f->rate_sent) * (double)TL_NS_PER_S / (double)(now - f->rate_ns);
    f->rate_ns = now;
    f->rate_sent = f->sent;
    uint64_t left = tl_feed_left(f->options, f->stats);
    char bar[48] = "";
    if (left != UINT64_MAX && f->progress.terminal)
        tl_ticker_bar(bar, f->sent, f->sent + left);
    if (left != UINT64_MAX && f->rate > 0) {
        char text[32];
        tl_duration_format((int64_t)ceil((double)left / f->rate) * TL_NS_PER_S, text);
        tl_buf_addf(&eta, ", %s left", text);
    }
    tl_progress_show(&f->progress, "%s%sfeed %s: %" PRIu64 " records, %s %s %s, %.*f/s, throttled %" PRIu64 "%s", bar, bar[0] ? "  " : "",
                     f->options->feed->name, f->sent, tl_buf_text(&key), tl_buf_text(&date),
                     tl_buf_text(&close), f->rate < 100 ? 1 : 0, f->rate, stats->throttled,
                     tl_buf_text(&eta));
    tl_buf_release(&key);
    tl_buf_release(&date);
    tl_buf_release(&close);
    tl_buf_release(&eta);
}

static void publish_stats(struct feed *f, const struct tl_producer_stats *stats)
{
    publish(&f->stats->sent, f->sent);
    publish(&f->stats->acknowledged, stats->acknowledged);
    publish(&f->stats->throttled, stats->throttled);
    publish(&f->stats->loops, f->state.loops);
    publish(&f->stats->row, f->row);
    publish(&f->stats->total, f->total);
}

/* What is done by time and not by record. The row at f->at is the one just sent, or about to be. */
static bool tick(struct feed *f, int64_t now, struct tl_error *error)
{
    if (now - f->tick_ns < SLICE_NS)
        return true;
    f->tick_ns = now;
    struct tl_producer_stats stats;
    tl_producer_stats_get(f->producer, &stats);
    publish_stats(f, &stats);
    if (tl_progress_due(&f->progress, now))
        show_progress(f, now, &stats);
    return tl_feed_state_save(&f->state, stats.settled, false, error);
}

/* Pace. */

static void set_pace(struct feed *f)
{
    const struct tl_feed_options *o = f->options;
    tl_feed_pace_init(&f->pace, o->feed, o->speed, o->rate);
    /* At a slow pace no company comes in time: each record goes at once. */
    bool slow = f->pace.kind == TL_PACE_RECORD && f->pace.gap_ns >= (double)LINGER_NS;
    f->linger_ns = slow ? 0 : LINGER_NS;
}

/* Of a key one record a call, where the pace allows it: its order is kept then even where a call is refused in part. */
static bool wants_strict_order(const struct feed *f)
{
    if (f->pace.kind == TL_PACE_EVENT_TIME)
        return f->pace.speed <= 1;
    return f->pace.gap_ns >= (double)TL_NS_PER_S / STRICT_RATE_MAX;
}

/* Waits for the time of the next record. False with TL_STOPPED at a stop. */
static bool await_turn(struct feed *f, int64_t event_ns, struct tl_error *error)
{
    struct tl_view key = tl_buf_view(&f->key_text);
    if (tl_feed_pace_is_full(&f->pace)) {
        if (f->sent % TICK_EVERY == 0 && !tick(f, tl_io->monotonic_ns(), error))
            return false;
        return !is_stopping(f) || tl_error_set(error, TL_STOPPED, "stopped");
    }
    int64_t due = tl_feed_pace_due(&f->pace, key, event_ns, tl_io->monotonic_ns());
    for (;;) {
        int64_t now = tl_io->monotonic_ns();
        if (is_stopping(f))
            return tl_error_set(error, TL_STOPPED, "stopped");
        if (!tick(f, now, error))
            return false;
        if (now >= due)
            return tl_feed_pace_sent(&f->pace, key, due, now) ||
                   tl_error_set(error, TL_NO_MEMORY, "out of memory for the keys of a feed");
        if (!tl_producer_poll(f->producer, error))
            return false;
        int64_t slice = f->linger_ns ? f->linger_ns : SLICE_NS;
        tl_io->sleep_ns(due - now < slice ? due - now : slice);
    }
}

/* Sending. */

static bool send_row(struct feed *f, struct tl_error *error)
{
    int64_t event_ns;
    return make_key(f, error) && recorded_time(f, &event_ns, error) && await_turn(f, event_ns, error) && make_record(f, error) &&
           tl_producer_add(f->producer, tl_buf_view(&f->key_text), tl_buf_view(&f->record), error);
}

static bool limit_reached(const struct feed *f)
{
    return f->options->limit && f->sent >= f->options->limit;
}

/* The producer's id is on disk before any record bears it. */
static bool begin_pass(struct feed *f, struct tl_error *error)
{
    uint64_t skip;
    struct tl_producer_stats stats;
    tl_producer_stats_get(f->producer, &stats);
    tl_feed_pace_begin_pass(&f->pace);
    if (!tl_feed_state_begin_pass(&f->state, f->sent, f->total, &skip, error))
        return false;
    if (f->options->feed->producer_stamp) {
        tl_feed_json_stamp(&f->json, f->state.producer);
        if (f->state.dirty && !tl_feed_state_save(&f->state, stats.settled, true, error))
            return false;
    }
    return skip_rows(f, skip, error);
}

static bool send_pass(struct feed *f, struct tl_error *error)
{
    bool more = true;
    if (!begin_pass(f, error))
        return false;
    while (!limit_reached(f)) {
        if (!next_row(f, &more, error))
            return false;
        if (!more) {
            tl_feed_state_end_pass(&f->state);
            return true;
        }
        if (!send_row(f, error))
            return false;
        f->at++;
        f->row++;
        f->sent++;
    }
    return true;
}

static bool send_passes(struct feed *f, struct tl_error *error)
{
    bool again = f->options->feed->loop && !f->options->once;
    for (;;) {
        if (!send_pass(f, error))
            return false;
        if (!again || limit_reached(f))
            return true;
        close_pass(f);
        if (!open_pass(f, error))
            return false;
    }
}

static bool ensure_stream(struct feed *f, struct tl_error *error)
{
    const struct tl_feed_options *o = f->options;
    struct tl_kinesis_options kinesis = o->kinesis;
    struct tl_kinesis_client *client;
    struct tl_stream_summary summary;
    const struct tl_stream_start start = { .stream = f->stream,
                                           .create_shards = o->create_shards,
                                           .create_option = "--create-stream SHARDS" };
    kinesis.cancel = o->cancel;
    if (!tl_kinesis_client_new(&client, &kinesis, error))
        return false;
    bool ok = tl_kinesis_stream_start(client, &start, &summary, error);
    if (!ok && error->code == TL_UNAVAILABLE && o->kinesis.embedded)
        (void)tl_error_context(error, "is the broker running ('tapeline up' or 'tapeline broker')?");
    else if (!ok && error->code != TL_NOT_FOUND) /* which names it */
        (void)tl_error_context(error, "stream '%s'", f->stream);
    tl_kinesis_client_free(client);
    return ok;
}

static bool open_producer(struct feed *f, struct tl_error *error)
{
    struct tl_producer_options options = {
        .kinesis = f->options->kinesis,
        .stream = f->stream,
        .linger_ns = f->linger_ns,
        .strict_order = wants_strict_order(f),
        .lanes = tl_feed_pace_is_full(&f->pace) ? LANES_AT_FULL_SPEED : 0,
        .stop = f->options->cancel,
    };
    options.kinesis.cancel = &f->hard_cancel;
    return tl_producer_open(&f->producer, &options, error);
}

/* Sends what was read, and notes how far the stream has it. After a stop, what does not arrive in time will
 * be sent again next time. */
static bool finish(struct feed *f, bool stopped, struct tl_error *error)
{
    struct tl_error late;
    struct tl_producer_stats stats;
    bool ok =
        stopped ? tl_producer_drain(f->producer, DRAIN_NS, &late) : tl_producer_flush(f->producer, &late);
    if (!ok && !stopped && late.code == TL_STOPPED && is_stopping(f))
        return finish(f, true, error);
    tl_producer_stats_get(f->producer, &stats);
    publish_stats(f, &stats);
    if (!ok && stopped && (late.code == TL_TIMEOUT || late.code == TL_STOPPED)) {
        tl_log_warn("feed",
                    "%" PRIu64
                    " records were not acknowledged in time; they are sent again at the next start",
                    stats.added - stats.settled);
        ok = true;
    }
    if (!ok)
        *error = late;
    struct tl_error unsaved;
    if (!tl_feed_state_save(&f->state, stats.settled, true, &unsaved)) {
        *error = ok ? unsaved : *error;
        return false;
    }
    return ok;
}

static void report_end(struct feed *f)
{
    struct tl_producer_stats stats;
    char lasted[32];
    int64_t ns = tl_io->monotonic_ns() - f->began_ns;
    tl_producer_stats_get(f->producer, &stats);
    tl_duration_format(ns / TL_NS_PER_MS * TL_NS_PER_MS, lasted);
    tl_progress_end(
        &f->progress,
        "feed %s: %" PRIu64 " records acknowledged in %s (%.0f/s), %" PRIu64 " refusals sent again",
        f->options->feed->name, stats.acknowledged, lasted,
        ns > 0 ? (double)stats.acknowledged * (double)TL_NS_PER_S / (double)ns : 0.0, stats.retried);
}

static bool send_all(struct feed *f, struct tl_error *error)
{
    const struct tl_feed_options *o = f->options;
    set_pace(f);
    if (!tl_feed_state_open(&f->state, o->state_dir, o->feed->name, error))
        return false;
    bool ok = tl_feed_state_lock(&f->state, error) && ensure_stream(f, error) && open_producer(f, error);
    if (ok) {
        f->began_ns = f->rate_ns = tl_io->monotonic_ns();
        tl_feed_pace_start(&f->pace, f->began_ns);
        publish(&f->stats->running, 1);
        tl_progress_init(&f->progress, o->progress);
        ok = send_passes(f, error);
        bool stopped = !ok && error->code == TL_STOPPED && is_stopping(f);
        /* After an error too: what is on its way may still arrive, and then is not sent again. */
        struct tl_error ending;
        bool finished = finish(f, !ok, &ending);
        if ((ok || stopped) && !(ok = finished))
            *error = ending;
        report_end(f);
        publish(&f->stats->running, 0);
    } else if (error->code == TL_STOPPED && is_stopping(f)) {
        ok = true;
    }
    __atomic_store_n(&f->hard_cancel, true, __ATOMIC_RELEASE);
    tl_producer_close(f->producer);
    tl_feed_state_release(&f->state);
    return ok;
}

static bool print_records(struct feed *f, struct tl_error *error)
{
    uint64_t limit = f->options->limit ? f->options->limit : DRY_RUN_RECORDS;
    bool more = true, closed = false;
    f->pace.kind = f->options->feed->pace; /* its instants are looked at too */
    if (f->options->feed->producer_stamp)
        tl_feed_json_stamp(&f->json, "0000000000000000");
    for (; f->row < limit && !closed && !is_stopping(f); f->at++, f->row++) {
        if (!next_row(f, &more, error))
            return false;
        if (!more)
            break;
        int64_t event_ns;
        if (!make_key(f, error) || !recorded_time(f, &event_ns, error) || !make_record(f, error))
            return false;
        tl_buf_add_char(&f->record, '\n');
        if (!tl_buf_ok(&f->record, "a record", error))
            return false;
        if (!tl_output_write(tl_buf_view(&f->record), &closed, error))
            return false;
    }
    return tl_output_flush(&closed, error);
}

bool tl_feed_run(const struct tl_feed_options *options, struct tl_feed_stats *stats, struct tl_error *error)
{
    assert(options->plan && options->feed && options->lake_dir);
    struct tl_feed_stats unused = { 0 };
    struct feed f = {
        .options = options,
        .stats = stats ? stats : &unused,
        .stream = options->plan->sources[options->feed->source].stream,
    };
    tl_buf_init(&f.record, RECORD_MAX);
    tl_buf_init(&f.key_text, RECORD_MAX);
    bool ok = open_pass(&f, error) && prepare_columns(&f, error) &&
              (options->dry_run ? print_records(&f, error) : send_all(&f, error));
    publish(&f.stats->ended, 1);
    close_pass(&f);
    tl_feed_json_release(&f.json);
    tl_feed_pace_release(&f.pace);
    tl_buf_release(&f.record);
    tl_buf_release(&f.key_text);
    return ok;
}
