/* SPDX-License-Identifier: Apache-2.0 */
/* web/event.h: what goes over the event stream, as text. Pure: no engine, no sockets.
 *
 * A row is {"ticker":"AAPL",...,"final":false}: instants as integer milliseconds, doubles shortest, dates as text. An event id
 * is the life of this process and, per view, the engine's cursor up to which rows were sent: "<boot>.<cursor>.<cursor>",
 * all in hex. So resuming needs no memory of the viewer, and a queue for it is not needed either: a cursor is its whole
 * pending state, and the engine answers with the newest state of what changed since (conflation). */
#pragma once

#include "base/rows.h"
#include "codec/json_writer.h"
#include "engine/plan.h"

#define TL_WEB_SNAPSHOT_ROWS_MAX 500 /* of a snapshot of windows: open ones and the newest closed ones; /api/history has the others, compressed */
#define TL_WEB_EVENT_ROWS_MAX 5000 /* of one event; the newest windows are kept, and the event says "truncated" */

void tl_web_row_write(struct tl_json_writer *w, const struct tl_rows *rows, size_t row);

struct tl_web_rows_event {
    uint64_t version; /* the cursor after these rows */
    bool snapshot;    /* not a change of what was sent before: forget that */
    size_t x_column;  /* window end, by which the newest rows are chosen; SIZE_MAX: unwindowed */
    size_t row_max;
};
/* {"version":N,"rows":[...]}, and "snapshot":true, "truncated":true where so. The last column of rows is BOOLEAN "final". */
void tl_web_rows_event_write(const struct tl_web_rows_event *event, const struct tl_rows *rows, struct tl_buf *out);
/* Up to max row numbers of rows into order: open windows first, then those with the newest x. Returns how many. */
size_t tl_web_rows_select(const struct tl_rows *rows, size_t x_column, size_t max, size_t *order);

/* The name of a view's event: the view's own, unless that means something else to an EventSource or to us ("stats", "error"). */
void tl_web_event_name(const char *view, struct tl_buf *out);
/* That of the candles of a source. */
void tl_web_tape_event(const char *source, struct tl_buf *out);
/* "event: name\nid: id\ndata: json\n\n". json has no line break (codec/json_writer.h). */
void tl_web_event_frame(const char *name, const char *id, struct tl_view json, struct tl_buf *out);

void tl_web_event_id_write(uint64_t boot, const uint64_t *cursors, size_t count, struct tl_buf *out);
/* False when the id is not of this process or these views: then the viewer starts with a snapshot. */
TL_MUST_USE bool tl_web_event_id_parse(struct tl_view id, uint64_t boot, uint64_t *cursors, size_t count);

/* The index of the window_end column among a view's columns; SIZE_MAX when it has none. */
size_t tl_web_x_column(const struct tl_view_plan *view);
