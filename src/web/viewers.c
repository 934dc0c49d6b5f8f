/* SPDX-License-Identifier: Apache-2.0 */
/* I1: a viewer with dirty set is sent to at once, or a timer is armed that will look again.
 * I2: a view's cursor in a viewer only moves to what was written to that viewer's stream. */
#include "web/viewers.h"

#include "base/grow.h"
#include "base/io.h"
#include "base/log.h"
#include "base/time.h"
#include "web/event.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define UPDATE_MIN_NS (50 * TL_NS_PER_MS) /* at most 20 updates a second */
#define BYTES_PER_MS 2000                 /* and at most 2 MB a second, for views with very many keys */
#define STATS_NS TL_NS_PER_S
#define HEARTBEAT_NS (10 * TL_NS_PER_S)
#define TEXT_MAX (32u << 20)

struct viewer {
    struct tl_web_viewers *owner;
    struct tl_http_exchange *stream;
    bool dirty, closed;
    int64_t next_ns;      /* not before */
    int64_t dirty_ns;     /* since when */
    int64_t arrival_ns;   /* wall: of the oldest record among what it waits for; 0: none */
    int64_t heartbeat_ns; /* the last one */
    bool *synced;         /* per view: was sent a snapshot, or resumed */
    uint64_t cursors[];   /* per view */
};

/* The newest text made for a view, for all who stand where its first one did. */
struct cached {
    uint64_t generation, from, to;
    bool snapshot, empty, valid;
    struct tl_buf json;
};

struct tl_web_viewers {
    struct tl_web_viewers_options options;
    struct tl_http_server *server;
    struct viewer **list;
    size_t count, cap;
    uint64_t generation; /* of changes: a cached text of an older one is out of date */
    struct cached *cache;
    struct tl_buf frame, id;
    bool flush_armed, second_armed;
    bool sending; /* a viewer that goes while the list is walked is swept afterwards */
    char (*names)[128];
    struct tl_latency latency, from_put;
};

bool tl_web_viewers_new(struct tl_web_viewers **out, const struct tl_web_viewers_options *options, struct tl_error *error)
{
    size_t views = options->plan->view_count;
    struct tl_web_viewers *v = calloc(1, sizeof *v);
    struct cached *cache = calloc(views + 1, sizeof *cache);
    char(*names)[128] = calloc(views + 1, sizeof *names);
    if (!v || !cache || !names) {
        free(v);
        free(cache);
        free(names);
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for the page");
    }
    *v = (struct tl_web_viewers){ .options = *options, .cache = cache, .names = names };
    tl_buf_init(&v->frame, TEXT_MAX);
    tl_buf_init(&v->id, 64u << 10);
    for (size_t i = 0; i < views; i++) {
        tl_buf_init(&cache[i].json, TEXT_MAX);
        tl_buf_reset(&v->id);
        tl_web_event_name(options->plan->views[i].name, &v->id);
        memcpy(names[i], tl_buf_text(&v->id), v->id.size < sizeof names[i] ? v->id.size : sizeof names[i] - 1);
    }
    *out = v;
    return true;
}

void tl_web_viewers_free(struct tl_web_viewers *v)
{
    if (!v)
        return;
    assert(v->count == 0); /* the server's close ended them */
    for (size_t i = 0; i < v->options.plan->view_count; i++)
        tl_buf_release(&v->cache[i].json);
    tl_buf_release(&v->frame);
    tl_buf_release(&v->id);
    free(v->cache);
    free(v->names);
    free(v->list);
    free(v);
}

void tl_web_viewers_start(struct tl_web_viewers *v, struct tl_http_server *server)
{
    v->server = server;
}

size_t tl_web_viewers_count(const struct tl_web_viewers *v)
{
    return v->count;
}

static void viewer_free(struct viewer *viewer)
{
    tl_http_stream_end(viewer->stream);
    free(viewer->synced);
    free(viewer);
}

static void sweep(struct tl_web_viewers *v)
{
    size_t kept = 0;
    for (size_t i = 0; i < v->count; i++) {
        if (v->list[i]->closed)
            viewer_free(v->list[i]);
        else
            v->list[kept++] = v->list[i];
    }
    v->count = kept;
}

static void gone(void *arg)
{
    struct viewer *viewer = arg;
    viewer->closed = true;
    if (!viewer->owner->sending)
        sweep(viewer->owner);
}

static void send_frame(struct tl_web_viewers *v, struct viewer *viewer, const char *name, struct tl_view json)
{
    tl_buf_reset(&v->id);
    tl_web_event_id_write(v->options.boot, viewer->cursors, v->options.plan->view_count, &v->id);
    tl_buf_reset(&v->frame);
    tl_web_event_frame(name, tl_buf_text(&v->id), json, &v->frame);
    if (!v->frame.failed && !v->id.failed)
        tl_http_stream_write(viewer->stream, tl_buf_view(&v->frame));
}

/* Fills the view's cache with what is new since the viewer's cursor. */
static bool fill(struct tl_web_viewers *v, size_t view, const struct viewer *viewer)
{
    struct cached *c = &v->cache[view];
    struct tl_error error;
    struct tl_rows rows;
    c->valid = false;
    c->generation = v->generation;
    c->snapshot = !viewer->synced[view];
    c->from = c->to = viewer->cursors[view];
    if (!tl_engine_changes(v->options.engine, view, &c->to, &rows, &error)) {
        tl_log_warn("web", "no changes of '%s': %s", v->options.plan->views[view].name, error.text);
        return false;
    }
    bool windowed = v->options.plan->views[view].window != TL_WINDOW_NONE;
    struct tl_web_rows_event event = { .version = c->to, .snapshot = c->snapshot,
                                       .row_max = c->snapshot && windowed ? TL_WEB_SNAPSHOT_ROWS_MAX : TL_WEB_EVENT_ROWS_MAX,
                                       .x_column = tl_web_x_column(&v->options.plan->views[view]) };
    tl_buf_reset(&c->json);
    tl_web_rows_event_write(&event, &rows, &c->json);
    if (c->json.failed) { /* rows of enormous texts: say that there were some */
        event.row_max = 0;
        tl_buf_reset(&c->json);
        tl_web_rows_event_write(&event, &rows, &c->json);
    }
    c->empty = rows.row_count == 0 && !c->snapshot;
    c->valid = !c->json.failed;
    tl_rows_release(&rows);
    return c->valid;
}

static void send_view(struct tl_web_viewers *v, struct viewer *viewer, size_t view, size_t *sent)
{
    struct cached *c = &v->cache[view];
    bool fits = c->valid && c->generation == v->generation && c->from == viewer->cursors[view] &&
                c->snapshot == !viewer->synced[view];
    if (!fits && !fill(v, view, viewer))
        return;
    viewer->cursors[view] = c->to;
    viewer->synced[view] = true;
    if (c->empty)
        return;
    send_frame(v, viewer, v->names[view], tl_buf_view(&c->json));
    *sent += c->json.size;
}

static void send_stats(struct tl_web_viewers *v, struct viewer *viewer, struct tl_view json, int64_t now)
{
    send_frame(v, viewer, "stats", json);
    if (now - viewer->heartbeat_ns >= HEARTBEAT_NS) {
        tl_http_stream_write(viewer->stream, TL_VIEW(": heartbeat\n\n"));
        viewer->heartbeat_ns = now;
    }
}

/* When the oldest record among what was just sent came into the stream: the page knows when it has drawn it. */
static void tell_arrival(struct tl_web_viewers *v, struct viewer *viewer, int64_t now)
{
    char json[64];
    tl_latency_add(&v->from_put, tl_io->wall_ns() - viewer->arrival_ns, now);
    snprintf(json, sizeof json, "{\"arrival\":%" PRId64 "}", viewer->arrival_ns / TL_NS_PER_MS);
    send_frame(v, viewer, "shown", tl_view_of(json));
}

static void send_changes(struct tl_web_viewers *v, struct viewer *viewer, int64_t now)
{
    size_t sent = 0;
    int64_t since = viewer->dirty ? viewer->dirty_ns : 0;
    viewer->dirty = false;
    for (size_t i = 0; i < v->options.plan->view_count; i++)
        send_view(v, viewer, i, &sent);
    if (since && sent)
        tl_latency_add(&v->latency, tl_io->monotonic_ns() - since, now);
    if (viewer->arrival_ns && sent)
        tell_arrival(v, viewer, now);
    viewer->arrival_ns = 0;
    int64_t pace = (int64_t)(sent / BYTES_PER_MS) * TL_NS_PER_MS;
    viewer->next_ns = now + (pace > UPDATE_MIN_NS ? pace : UPDATE_MIN_NS);
}

static void flush_timer(void *arg);

/* Sends to those whose turn it is; arms the timer for the first of the others. */
static void flush(struct tl_web_viewers *v)
{
    int64_t now = tl_io->monotonic_ns(), wait = INT64_MAX;
    v->sending = true;
    for (size_t i = 0; i < v->count; i++) {
        struct viewer *viewer = v->list[i];
        if (!viewer->dirty || viewer->closed)
            continue;
        int64_t due = viewer->next_ns - now;
        if (due <= 0 && tl_http_stream_room(viewer->stream) == 0)
            due = UPDATE_MIN_NS; /* does not keep up: later, and then only what is newest */
        if (due <= 0)
            send_changes(v, viewer, now);
        else if (due < wait)
            wait = due;
    }
    v->sending = false;
    sweep(v);
    if (wait == INT64_MAX || v->flush_armed)
        return;
    if (wait > UPDATE_MIN_NS) /* there is one timer: whose pace is slower must not hold up the others */
        wait = UPDATE_MIN_NS;
    v->flush_armed = tl_http_server_after(v->server, wait, flush_timer, v);
}

static void flush_timer(void *arg)
{
    struct tl_web_viewers *v = arg;
    v->flush_armed = false;
    flush(v);
}

void tl_web_viewers_changed(struct tl_web_viewers *v)
{
    int64_t now = tl_io->monotonic_ns(), arrival = tl_engine_take_shown(v->options.engine);
    v->generation++;
    for (size_t i = 0; i < v->count; i++) {
        if (!v->list[i]->dirty)
            v->list[i]->dirty_ns = now;
        if (!v->list[i]->arrival_ns)
            v->list[i]->arrival_ns = arrival;
        v->list[i]->dirty = true;
    }
    flush(v);
}

struct tl_latency_figures tl_web_viewers_latency(struct tl_web_viewers *v)
{
    return tl_latency_get(&v->latency, tl_io->monotonic_ns());
}

struct tl_latency_figures tl_web_viewers_from_put(struct tl_web_viewers *v)
{
    return tl_latency_get(&v->from_put, tl_io->monotonic_ns());
}

void tl_web_viewers_send(struct tl_web_viewers *v, const char *name, struct tl_view json)
{
    v->sending = true;
    for (size_t i = 0; i < v->count; i++)
        if (!v->list[i]->closed && tl_http_stream_room(v->list[i]->stream) > 0)
            send_frame(v, v->list[i], name, json);
    v->sending = false;
    sweep(v);
}

/* Once a second, while anyone looks. */
static void second_timer(void *arg)
{
    struct tl_web_viewers *v = arg;
    v->second_armed = false;
    if (v->count == 0)
        return;
    int64_t now = tl_io->monotonic_ns();
    struct tl_buf json;
    tl_buf_init(&json, 1u << 20);
    v->options.stats(v->options.user, &json);
    v->sending = true;
    for (size_t i = 0; i < v->count && !json.failed; i++) {
        if (!v->list[i]->closed && tl_http_stream_room(v->list[i]->stream) > 0)
            send_stats(v, v->list[i], tl_buf_view(&json), now);
    }
    v->sending = false;
    sweep(v);
    tl_buf_release(&json);
    v->second_armed = tl_http_server_after(v->server, STATS_NS, second_timer, v);
}

static void greet(struct tl_web_viewers *v, struct viewer *viewer)
{
    int64_t now = tl_io->monotonic_ns();
    struct tl_buf json;
    tl_buf_init(&json, 1u << 20);
    v->options.stats(v->options.user, &json);
    v->sending = true;
    tl_http_stream_write(viewer->stream, TL_VIEW("retry: 1000\n\n"));
    viewer->heartbeat_ns = now;
    send_changes(v, viewer, now);
    if (!json.failed)
        send_stats(v, viewer, tl_buf_view(&json), now);
    v->sending = false;
    sweep(v);
    tl_buf_release(&json);
    if (!v->second_armed)
        v->second_armed = tl_http_server_after(v->server, STATS_NS, second_timer, v);
}

bool tl_web_viewers_add(struct tl_web_viewers *v, struct tl_http_exchange *x, struct tl_view last_event_id,
                        const struct tl_http_header *headers, size_t header_count, struct tl_error *error)
{
    size_t views = v->options.plan->view_count;
    if (!tl_grow((void **)&v->list, &v->cap, v->count + 1, sizeof *v->list, TL_WEB_VIEWERS_MAX))
        return tl_error_set(error, TL_LIMIT, "there are %d viewers already", TL_WEB_VIEWERS_MAX);
    struct viewer *viewer = calloc(1, sizeof *viewer + views * sizeof viewer->cursors[0]);
    bool *synced = calloc(views + 1, sizeof *synced);
    if (!viewer || !synced) {
        free(viewer);
        free(synced);
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for a viewer");
    }
    *viewer = (struct viewer){ .owner = v, .stream = x, .synced = synced };
    if (tl_web_event_id_parse(last_event_id, v->options.boot, viewer->cursors, views))
        memset(synced, true, views * sizeof *synced);
    else
        memset(viewer->cursors, 0, views * sizeof viewer->cursors[0]);
    tl_http_stream_begin(x, 200, "text/event-stream; charset=utf-8", headers, header_count, gone, viewer);
    v->list[v->count++] = viewer;
    greet(v, viewer);
    return true;
}
