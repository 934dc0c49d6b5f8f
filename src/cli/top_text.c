/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/top_text.h"

#include "base/time.h"

#include <inttypes.h>
#include <math.h>

#define LINE_MAX_BYTES 4096
#define STALE_MS 10000

struct out {
    size_t width, left;
    tl_top_line *line;
    void *user;
    struct tl_buf text;
};

/* Cut at the width, by characters; control characters become blanks. */
static void flush(struct out *o, enum tl_top_tone tone)
{
    size_t columns = 0, end = 0;
    for (; end < o->text.size; end++) {
        unsigned char c = (unsigned char)o->text.data[end];
        columns += (c & 0xc0) != 0x80;
        if (columns > o->width)
            break;
        if (c < ' ' || c == 0x7f)
            o->text.data[end] = ' ';
    }
    if (o->left > 0) {
        o->line(o->user, tone, (struct tl_view){ tl_buf_text(&o->text), end });
        o->left--;
    }
    tl_buf_reset(&o->text);
}

static struct tl_json member(struct tl_json v, const char *name)
{
    struct tl_json out;
    return tl_json_get(v, name, &out) ? out : v;
}

static void add_duration(struct tl_buf *out, double ms)
{
    char text[32];
    if (ms < 10) {
        tl_buf_addf(out, "%.1f ms", ms);
        return;
    }
    tl_duration_format((int64_t)(ms * TL_NS_PER_MS), text);
    tl_buf_add_text(out, text);
}

static void add_bytes(struct tl_buf *out, double n)
{
    static const char *const units[] = { "B", "KiB", "MiB", "GiB", "TiB" };
    size_t unit = 0;
    for (; n >= 1024 && unit + 1 < TL_COUNT(units); unit++)
        n /= 1024;
    tl_buf_addf(out, unit ? "%.1f %s" : "%.0f %s", n, units[unit]);
}

static void head(struct out *o, struct tl_json status, struct tl_json stats)
{
    struct tl_view name = tl_json_get_string(status, "pipeline"), version = tl_json_get_string(status, "version");
    char now[TL_TIME_TEXT_MAX];
    tl_time_format(tl_json_get_i64(stats, "now", 0) / 1000 * TL_NS_PER_S, TL_TIME_SQL, now);
    tl_buf_addf(&o->text, "%.*s  tapeline %.*s  %s UTC  up ", TL_VIEW_ARG(name), TL_VIEW_ARG(version), now);
    add_duration(&o->text, (double)tl_json_get_i64(stats, "uptime_ms", 0));
    flush(o, TL_TOP_HEAD);
}

/* What needs a person; else how old the newest record is. */
static void health(struct out *o, struct tl_json stats)
{
    struct tl_view waiting = tl_json_get_string(stats, "waiting");
    int64_t last = tl_json_get_i64(stats, "last_record", 0), now = tl_json_get_i64(stats, "now", 0);
    if (waiting.size) {
        tl_buf_addf(&o->text, "WAITING: %.*s", TL_VIEW_ARG(waiting));
        flush(o, TL_TOP_BAD);
    }
    if (last == 0) {
        tl_buf_add_text(&o->text, "no record yet");
        flush(o, TL_TOP_DIM);
        return;
    }
    bool stale = now - last > STALE_MS;
    tl_buf_add_text(&o->text, stale ? "STALE: the newest record came " : "the newest record came ");
    add_duration(&o->text, (double)(now - last));
    tl_buf_add_text(&o->text, " ago");
    flush(o, stale ? TL_TOP_BAD : TL_TOP_GOOD);
}

static void add_spark(struct tl_top *top, struct out *o)
{
    static const char *const bars[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
    double most = 1e-9;
    for (size_t i = 0; i < top->rate_count; i++)
        most = top->rates[i] > most ? top->rates[i] : most;
    for (size_t i = top->rate_count; i > 0; i--) {
        double rate = top->rates[(top->rate_next + TL_TOP_POINTS - i) % TL_TOP_POINTS];
        tl_buf_add_text(&o->text, bars[(size_t)(rate / most * 8)]);
    }
}

static void rates(struct tl_top *top, struct out *o, struct tl_json stats)
{
    struct tl_json r = member(stats, "rates");
    double input = tl_json_get_double(r, "input", 0);
    top->rates[top->rate_next] = isfinite(input) && input > 0 ? input : 0;
    top->rate_next = (top->rate_next + 1) % TL_TOP_POINTS;
    top->rate_count += top->rate_count < TL_TOP_POINTS;
    tl_buf_addf(&o->text, "input  %12.1f rec/s   could take %12.0f rec/s   ", input, tl_json_get_double(r, "processing", 0));
    add_spark(top, o);
    flush(o, TL_TOP_PLAIN);
}

static void ledger(struct out *o, struct tl_json stats)
{
    struct tl_json l = member(stats, "ledger");
    int64_t received = tl_json_get_i64(l, "received", 0), aggregated = tl_json_get_i64(l, "aggregated", 0), late = tl_json_get_i64(l, "late", 0),
            malformed = tl_json_get_i64(l, "malformed", 0), duplicate = tl_json_get_i64(l, "duplicate", 0), filtered = tl_json_get_i64(l, "filtered", 0);
    bool balanced = received == aggregated + late + malformed + duplicate + filtered;
    tl_buf_addf(&o->text,
                "ledger received %" PRId64 " = aggregated %" PRId64 " + late %" PRId64 " + malformed %" PRId64 " + duplicate %" PRId64 " + filtered %" PRId64 "%s",
                received, aggregated, late, malformed, duplicate, filtered, balanced ? "" : "   DOES NOT BALANCE");
    flush(o, !balanced ? TL_TOP_BAD : late + malformed ? TL_TOP_HEAD : TL_TOP_PLAIN);
}

static void epoch(struct out *o, struct tl_json stats)
{
    struct tl_json e = member(stats, "epoch"), s = member(stats, "state");
    tl_buf_addf(&o->text, "epoch  %" PRId64 ": ", tl_json_get_i64(e, "number", 0));
    add_duration(&o->text, tl_json_get_double(e, "duration_ms", 0));
    tl_buf_add_text(&o->text, ", writing ");
    add_duration(&o->text, tl_json_get_double(e, "write_ms", 0));
    tl_buf_addf(&o->text, ", %" PRId64 " windows closed, %" PRId64 " rows in %" PRId64 " files", tl_json_get_i64(member(stats, "ledger"), "windows", 0),
                tl_json_get_i64(e, "rows_committed", 0), tl_json_get_i64(e, "files_committed", 0));
    flush(o, TL_TOP_PLAIN);
    tl_buf_addf(&o->text, "state  %" PRId64 " rows, ", tl_json_get_i64(s, "rows", 0));
    add_bytes(&o->text, (double)tl_json_get_i64(s, "bytes", 0));
    tl_buf_add_text(&o->text, "   watermark ");
    if (tl_json_get_i64(stats, "watermark", 0) == 0)
        tl_buf_add_text(&o->text, "none yet");
    else {
        add_duration(&o->text, (double)tl_json_get_i64(stats, "lag_ms", 0));
        tl_buf_add_text(&o->text, " behind now");
    }
    flush(o, TL_TOP_PLAIN);
}

static void latency(struct out *o, struct tl_json stats)
{
    static const char *const stages[][2] = { { "event_to_stream", "event → stream" }, { "stream_to_engine", "→ engine" },
                                             { "engine_to_view", "→ view" }, { "view_to_page", "→ sent" },
                                             { "put_to_page", "put → sent" } };
    struct tl_json l = member(stats, "latency");
    tl_buf_add_text(&o->text, "latency p50/p99");
    for (size_t i = 0; i < TL_COUNT(stages); i++) {
        struct tl_json f = member(l, stages[i][0]);
        if (tl_json_get_i64(f, "count", 0) == 0)
            continue;
        tl_buf_addf(&o->text, "   %s ", stages[i][1]);
        add_duration(&o->text, tl_json_get_double(f, "p50_ms", 0));
        tl_buf_add_char(&o->text, '/');
        add_duration(&o->text, tl_json_get_double(f, "p99_ms", 0));
    }
    flush(o, TL_TOP_PLAIN);
}

/* Blanks up to the next column; the text since before is ASCII. */
static void pad(struct out *o, size_t before, size_t width)
{
    for (size_t i = o->text.size - before; i < width; i++)
        tl_buf_add_char(&o->text, ' ');
}

/* "about": the service tells milliseconds only, and the rate of the last records makes them a number. */
static void add_records_behind(struct tl_buf *out, struct tl_json s)
{
    int64_t n = tl_json_get_i64(s, "records_behind", -1);
    if (n < 0)
        tl_buf_add_char(out, '-');
    else
        tl_buf_addf(out, "%s%" PRId64, tl_json_get_bool(s, "records_behind_estimated", false) ? "about " : "", n);
}

static void shard(struct out *o, struct tl_json s, int64_t now)
{
    struct tl_view id = tl_json_get_string(s, "id");
    int64_t watermark = tl_json_get_i64(s, "watermark", 0), behind = tl_json_get_i64(s, "millis_behind", 0);
    bool idle = tl_json_get_bool(s, "idle", false), finished = tl_json_get_bool(s, "finished", false);
    tl_buf_addf(&o->text, "%-22.*s %12" PRId64 " ", TL_VIEW_ARG(id), tl_json_get_i64(s, "records", 0));
    size_t before = o->text.size;
    add_duration(&o->text, (double)behind);
    pad(o, before, 14);
    before = o->text.size;
    add_records_behind(&o->text, s);
    pad(o, before, 16);
    before = o->text.size;
    if (watermark)
        add_duration(&o->text, (double)(now - watermark));
    else
        tl_buf_add_char(&o->text, '-');
    pad(o, before, 16);
    tl_buf_add_text(&o->text, finished ? "finished" : idle ? "idle" : "reading");
    flush(o, behind > STALE_MS ? TL_TOP_BAD : idle || finished ? TL_TOP_DIM : TL_TOP_PLAIN);
}

void tl_top_write(struct tl_top *top, struct tl_json status, size_t width, size_t rows, tl_top_line *line, void *user)
{
    struct out o = { .width = width, .left = rows, .line = line, .user = user };
    struct tl_json stats = member(status, "stats"), item;
    struct tl_json_iter it;
    tl_buf_init(&o.text, LINE_MAX_BYTES);
    head(&o, status, stats);
    health(&o, stats);
    flush(&o, TL_TOP_PLAIN);
    rates(top, &o, stats);
    ledger(&o, stats);
    epoch(&o, stats);
    latency(&o, stats);
    flush(&o, TL_TOP_PLAIN);
    tl_buf_addf(&o.text, "%-22s %12s %-13s %-15s %-15s %s", "SHARD", "RECORDS", "BEHIND", "RECORDS BEHIND", "WATERMARK LAG", "STATE");
    flush(&o, TL_TOP_DIM);
    for (tl_json_iter_init(&it, member(stats, "shards")); tl_json_next(&it, NULL, &item);)
        shard(&o, item, tl_json_get_i64(stats, "now", 0));
    tl_buf_release(&o.text);
}
