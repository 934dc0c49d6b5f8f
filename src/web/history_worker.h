/* SPDX-License-Identifier: Apache-2.0 */
/* web/history_worker.h: one thread that makes histories, so that a query of the lake never holds up the page's loop. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "engine/engine.h"

struct tl_web_worker;
struct tl_web_history_job {
    size_t view, points;
    struct tl_buf out;      /* the answer; valid when ok */
    bool ok;
    struct tl_error error;
    void *user;             /* the caller's: what to answer */
    struct tl_web_history_job *next; /* the worker's */
};
/* Called on the worker's thread with each job, also with those that a stop left undone (TL_STOPPED): the job is the callee's. */
typedef void tl_web_history_done(struct tl_web_history_job *job, void *user);

struct tl_web_worker_options {
    const struct tl_plan *plan;
    struct tl_engine *engine;
    const char *lake_root; /* NULL: no lake, only what the engine holds */
    tl_web_history_done *done;
    void *user;
};
TL_MUST_USE bool tl_web_worker_open(struct tl_web_worker **out, const struct tl_web_worker_options *options, struct tl_error *error);
/* Takes the job when true. TL_LIMIT: too many wait already. */
TL_MUST_USE bool tl_web_worker_add(struct tl_web_worker *w, struct tl_web_history_job *job, struct tl_error *error);
/* Interrupts a running query, gives back what waits, joins; from now on add refuses. Once. */
void tl_web_worker_stop(struct tl_web_worker *w);
/* After stop, when nobody can call add any more. NULL is fine. */
void tl_web_worker_free(struct tl_web_worker *w);
void tl_web_history_job_free(struct tl_web_history_job *job);
