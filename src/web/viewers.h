/* SPDX-License-Identifier: Apache-2.0 */
/* web/viewers.h: the open event streams. All on the page's loop thread.
 *
 * A viewer's pending state is one cursor per view (web/event.h), so a slow one costs nothing: it is skipped while it has no
 * room, and then gets the newest state of what changed meanwhile. Viewers that stand at the same cursor, as nearly all do,
 * share one piece of text. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/latency.h"
#include "engine/engine.h"
#include "net/http_server.h"

#define TL_WEB_VIEWERS_MAX 256

struct tl_web_viewers;
struct tl_web_viewers_options {
    const struct tl_plan *plan;
    struct tl_engine *engine;
    uint64_t boot; /* tells this process's event ids from those of others */
    /* Appends the "stats" event's JSON. */
    void (*stats)(void *user, struct tl_buf *out);
    void *user;
};
TL_MUST_USE bool tl_web_viewers_new(struct tl_web_viewers **out, const struct tl_web_viewers_options *options, struct tl_error *error);
void tl_web_viewers_free(struct tl_web_viewers *v); /* after the server is closed; NULL is fine */
/* Needed before the first viewer: the server's timers. */
void tl_web_viewers_start(struct tl_web_viewers *v, struct tl_http_server *server);
/* Makes the exchange a stream and sends what is new since last_event_id (empty: a snapshot). TL_LIMIT: too many already; the
 * exchange is then still to be answered. */
TL_MUST_USE bool tl_web_viewers_add(struct tl_web_viewers *v, struct tl_http_exchange *x, struct tl_view last_event_id,
                                    const struct tl_http_header *headers, size_t header_count, struct tl_error *error);
/* Something changed in the engine: sends to whom it may, now or when their pace allows. */
void tl_web_viewers_changed(struct tl_web_viewers *v);
/* An event of another kind, to all who have room now: who does not keep up misses it. */
void tl_web_viewers_send(struct tl_web_viewers *v, const char *name, struct tl_view json);
/* From a change that was seen until it is on its way to a page, over the last minute. */
struct tl_latency_figures tl_web_viewers_latency(struct tl_web_viewers *v);
/* From the oldest record's arrival in the stream until the rows it changed are on their way to a page: all stages together. */
struct tl_latency_figures tl_web_viewers_from_put(struct tl_web_viewers *v);
size_t tl_web_viewers_count(const struct tl_web_viewers *v);
