/* SPDX-License-Identifier: Apache-2.0 */
/* web/web_int.h: the page's server, as web.c and routes.c share it. */
#pragma once

#include "net/http_server.h"
#include "web/alerts.h"
#include "web/jobs.h"
#include "web/samples.h"
#include "web/session.h"
#include "web/status.h"
#include "web/tape.h"
#include "web/viewers.h"
#include "web/web.h"

#include <pthread.h>

struct tl_web {
    struct tl_web_options options; /* texts are copies */
    struct tl_web_facts facts;
    struct tl_http_server *server;
    struct tl_web_viewers *viewers; /* the loop thread's */
    struct tl_web_jobs *jobs;
    struct tl_web_session session;
    struct tl_web_samples *samples;
    struct tl_web_alerts *alerts;
    struct tl_web_tape **tapes;
    size_t tape_count;
    pthread_t notifier;
    bool notifier_runs;
    bool ready;    /* set once by open, read by the loop; atomic */
    bool stopping; /* set once by close, read by the notifier; atomic */
    bool posted;   /* a change is on its way to the loop; atomic */
};

tl_http_handler tl_web_handle; /* routes.c; user is the tl_web */
/* Appends the "stats" JSON. */
void tl_web_stats(void *web, struct tl_buf *out);
/* The figures of now; feed holds what figures->feed points into, and is the caller's to release. */
void tl_web_figures_get(struct tl_web *w, struct tl_web_figures *figures, struct tl_buf *feed);
/* The view's index in the plan; SIZE_MAX: none. */
size_t tl_web_view_find(const struct tl_plan *plan, const char *name);
/* For a client of a job's: the pipeline's own settings, and the job's cancel. */
struct tl_kinesis_options tl_web_kinesis(const struct tl_web_job *job);
