/* SPDX-License-Identifier: Apache-2.0 */
/* web/jobs.h: threads for what takes time (queries of the lake, reads of a stream), so that the page's loop never waits.
 *
 * A job is begun on the loop, run on one of a few threads, and answered on the loop again. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "net/http_server.h"
#include "web/answer.h"

#define TL_WEB_JOB_ID_MAX 64

struct tl_web;
struct tl_web_jobs;
struct tl_web_job {
    /* Writes the answer into out; false: error says why there is none. Polls *cancel where it can. On a thread of its own. */
    bool (*run)(struct tl_web_job *job, struct tl_error *error);
    void (*release)(void *args); /* frees args; NULL: they need none */
    void *args;                  /* whatever run needs: the job's */
    struct tl_web *web;
    struct tl_http_exchange *x;
    const char *type;              /* of the answer; JSON when NULL */
    struct tl_web_headers headers; /* more of them; values live in notes */
    char notes[5][32];
    struct tl_buf out;
    bool cancel;                   /* atomic: asked to stop */
    char id[TL_WEB_JOB_ID_MAX];    /* by which tl_web_jobs_cancel finds it; "": it cannot be */
    struct tl_web_job *next;       /* the queue's */
    struct tl_error error;
    bool ok;
};

TL_MUST_USE bool tl_web_jobs_open(struct tl_web_jobs **out, struct tl_http_server *server, struct tl_error *error);
/* Answers 503 itself when there are too many. args_size bytes of args are copied into the job. From the loop. */
void tl_web_jobs_add(struct tl_web_jobs *jobs, struct tl_web_job job, const void *args, size_t args_size, size_t out_max);
/* True if a job with that id was waiting or running, and now stops. */
bool tl_web_jobs_cancel(struct tl_web_jobs *jobs, const char *id);
/* Cancels all, answers those that wait with 503, joins. From now on add refuses. */
void tl_web_jobs_stop(struct tl_web_jobs *jobs);
/* After stop and after the server has closed. NULL is fine. */
void tl_web_jobs_free(struct tl_web_jobs *jobs);
