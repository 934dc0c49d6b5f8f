/* SPDX-License-Identifier: Apache-2.0 */
/* web/api.h: the handlers behind /api, a file a subject. Each answers its exchange, now or through web/jobs.h. On the loop. */
#pragma once

#include "codec/json.h"
#include "web/web_int.h"

typedef void tl_web_handler(struct tl_web *w, struct tl_http_exchange *x);

tl_web_handler tl_web_get_history;                       /* api_history.c */
tl_web_handler tl_web_get_shards, tl_web_get_records;    /* api_streams.c */
tl_web_handler tl_web_post_replay;                       /* api_replay.c */
tl_web_handler tl_web_get_alerts, tl_web_post_alerts;    /* api_alerts.c */
tl_web_handler tl_web_get_report;                        /* api_report.c */
tl_web_handler tl_web_get_engines;                       /* api_engines.c */
tl_web_handler tl_web_get_tables;                        /* api_tables.c */
tl_web_handler tl_web_post_query, tl_web_post_cancel;    /* api_query.c */
tl_web_handler tl_web_get_origin;                        /* api_origin.c */
tl_web_handler tl_web_get_candles;                       /* api_candles.c */
tl_web_handler tl_web_post_session;                      /* session.c */

/* The exchange's body as a JSON object; false: it was answered with 400. The parser is the caller's to free. */
bool tl_web_body(struct tl_http_exchange *x, struct tl_json_parser **parser, struct tl_json *root); /* api_query.c */
/* A copy of a text of the body, NULL when absent, no text, or with a NUL in it; free it. */
char *tl_web_body_text(struct tl_json root, const char *name);
/* True if a source of the plan reads this stream: no other one is looked into. */
bool tl_web_knows_stream(const struct tl_web *w, const char *stream); /* api_streams.c */
