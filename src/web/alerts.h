/* SPDX-License-Identifier: Apache-2.0 */
/* web/alerts.h: what a reader of the page wants to be told of: a view's value over or under a limit, silence, lag. Set in the page, kept in
 * the state folder, looked at once a second whether a page is open or not; shown on every page and in /metrics. The loop's. */
#pragma once

#include "codec/json.h"
#include "codec/json_writer.h"
#include "engine/engine.h"

#define TL_WEB_ALERTS_MAX 64

struct tl_web_alerts;
/* path: the file that keeps them; NULL: they last as long as the process. One that cannot be read is said in the log, and no failure. */
TL_MUST_USE bool tl_web_alerts_new(struct tl_web_alerts **out, const struct tl_plan *plan, struct tl_engine *engine, const char *path,
                                   struct tl_error *error);
void tl_web_alerts_free(struct tl_web_alerts *a); /* NULL is fine */
/* All of them anew: [{"name","kind","view","column","key","below","limit"}, ...]; one that stays as it was keeps its state. On failure
 * nothing changes: TL_INVALID says which one is wrong. */
TL_MUST_USE bool tl_web_alerts_set(struct tl_web_alerts *a, struct tl_json list, struct tl_error *error);
/* Looks at each. now_ns: wall clock. */
void tl_web_alerts_look(struct tl_web_alerts *a, const struct tl_engine_stats *stats, int64_t now_ns);
/* a NULL: none. As set takes them, and each with "firing", "since" (ms, or null) and "value" (or null). */
void tl_web_alerts_write(const struct tl_web_alerts *a, struct tl_json_writer *w);
void tl_web_alerts_metrics(const struct tl_web_alerts *a, struct tl_buf *out);
/* The file's path (NULL: none) and what belongs into it. */
const char *tl_web_alerts_path(const struct tl_web_alerts *a);
void tl_web_alerts_text(const struct tl_web_alerts *a, struct tl_buf *out);
