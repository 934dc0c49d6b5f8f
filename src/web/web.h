/* SPDX-License-Identifier: Apache-2.0 */
/* web/web.h: the dashboard's server: the page, live events, status, metrics. Its viewers get conflated snapshots and can never slow the
 * engine. The page is on its own server and loop thread. */
#pragma once

#include "base/error.h"
#include "engine/engine.h"
#include "kinesis/client.h"

struct tl_web;
struct tl_web_options {
    const char *listen;            /* "127.0.0.1:8080" */
    const struct tl_plan *plan;
    struct tl_engine *engine;      /* outlives the web */
    const char *lake_root;         /* for closed windows from before; NULL: only what the engine still holds */
    struct tl_kinesis_options kinesis; /* for the stream browser, candles and replay; its texts outlive the web */
    const char *token;             /* NULL: none is wanted; then listen must be loopback (tl_web_is_loopback) */
    const char *const *hosts;      /* names by which the page is reached, besides this machine's own; outlive the web */
    size_t host_count;
    const char *alerts_path;       /* a file that keeps the alerts set in the page; NULL: they last as long as the process */
    const char *aws_endpoint;      /* shown on the page; may be NULL */
    const char *profile;           /* shown on the page; NULL: the plan's default */
    bool synthetic;                /* the history is sample data: said on the page */
    /* Feed progress for the page; NULL when no feed runs. Called on the page's thread; fills JSON object text. */
    void (*feed_status)(void *user, struct tl_buf *json);
    /* The report of web/report.h for GET /api/report; NULL: there is none. On a thread that may wait. False: it cannot be made yet. */
    bool (*report)(void *user, struct tl_buf *json);
    void *user;
};
TL_MUST_USE bool tl_web_open(struct tl_web **out, const struct tl_web_options *options, struct tl_error *error);
const char *tl_web_address(const struct tl_web *w);
void tl_web_close(struct tl_web *w);
/* True if the address ("127.0.0.1:8080", "[::1]:0", "localhost:8080") can be reached from this machine only. */
bool tl_web_is_loopback(const char *listen);
