/* SPDX-License-Identifier: Apache-2.0 */
/* web/history.h: the closed windows of a view from before this page (or this process): the lake's and the engine's together.
 * Pure: the query is run elsewhere (web/history_worker.h). */
#pragma once

#include "base/rows.h"
#include "engine/plan.h"

#define TL_WEB_HISTORY_POINTS 2000     /* a series, unless asked for fewer */
#define TL_WEB_HISTORY_ROWS_MAX 50000  /* in all */
#define TL_WEB_HISTORY_BYTES_MAX (64u << 20)

/* The SELECT of the newest points windows of each series; instants as epoch milliseconds. False when the view is not in the lake
 * under a table's name. */
TL_MUST_USE bool tl_web_history_sql(const struct tl_plan *plan, size_t view, size_t points, struct tl_buf *sql);

/* The view's columns and "final": what tl_engine_changes gives, and what the functions below work on. defs holds
 * view->column_count + 1 items and outlives the rows. */
TL_MUST_USE bool tl_web_history_rows_init(struct tl_rows *rows, const struct tl_view_plan *view, struct tl_column_def *defs,
                                          struct tl_error *error);
/* Adds the query's result (a JSON array of objects, or one object a line) as final rows. */
TL_MUST_USE bool tl_web_history_parse(struct tl_view json, const struct tl_view_plan *view, struct tl_rows *rows,
                                      struct tl_error *error);
/* Adds the final rows of from to rows. */
void tl_web_history_add(struct tl_rows *rows, const struct tl_rows *from);
/* {"view":...,"rows":[...],"truncated":bool,"lake":null or why the lake has no part in it}: each window once (a later row of
 * the same keys and bounds wins), the newest points windows of each series, oldest first. */
TL_MUST_USE bool tl_web_history_write(const struct tl_view_plan *view, const struct tl_rows *rows, size_t points,
                                      const char *lake_error, struct tl_buf *out, struct tl_error *error);
