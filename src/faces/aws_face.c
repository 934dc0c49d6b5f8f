/* SPDX-License-Identifier: Apache-2.0 */
#include "faces/aws_face.h"

#include "base/file.h"
#include "base/io.h"
#include "base/log.h"
#include "base/work_pool.h"
#include "faces/athena_face.h"
#include "faces/glue_face.h"
#include "faces/s3_face.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define THREADS 4
#define CALL_MAX ((uint64_t)4 << 20) /* of a call of Glue or Athena */
#define WAITING_MAX 256
#define NOTES_MAX ((size_t)16 << 10)
#define MESSAGE_MAX 1024

struct tl_aws_face {
    struct tl_aws_face_options options; /* texts are copies */
    struct tl_work_pool *pool;
    struct tl_athena_face *athena;
    struct tl_glue_face *glue;
    struct tl_s3_face *s3;
    bool stopping; /* atomic */
};

/* ---- jobs ---- */

const struct tl_aws_face_options *tl_face_options(const struct tl_aws_face *face)
{
    return &face->options;
}

bool tl_face_stopping(const struct tl_aws_face *face)
{
    return __atomic_load_n(&face->stopping, __ATOMIC_ACQUIRE);
}

struct tl_athena_face *tl_face_athena(struct tl_aws_face *face)
{
    return face->athena;
}

static void job_free(struct tl_face_job *job)
{
    if (job->reply.fd > 0)
        tl_io->close(job->reply.fd);
    tl_buf_release(&job->reply.notes);
    tl_buf_release(&job->reply.body);
    free(job);
}

/* On the loop again. */
static void answer(void *arg)
{
    struct tl_face_job *job = arg;
    struct tl_face_reply *r = &job->reply;
    bool xml = job->service == TL_AWS_S3;
    char id[TL_AWS_REQUEST_ID_SIZE];
    struct tl_error error;
    if (!tl_buf_ok(&r->body, "the answer", &error) || !tl_buf_ok(&r->notes, "the answer's head", &error))
        tl_face_fail_internal(job, &error);
    tl_aws_request_id(id);
    r->headers[r->header_count++] =
        (struct tl_http_header){ xml ? TL_VIEW("x-amz-request-id") : TL_VIEW("x-amzn-RequestId"), tl_view_of(id) };
    const char *type = r->type ? r->type : xml ? "application/xml" : "application/x-amz-json-1.1";
    if (r->fd > 0)
        tl_http_respond_file(job->x, r->status ? r->status : 200, type, r->headers, r->header_count, r->fd, r->file_at, r->file_size);
    else
        tl_http_respond_take(job->x, r->status ? r->status : 200, type, r->headers, r->header_count, &r->body);
    r->fd = 0; /* given away */
    job_free(job);
}

static void run(void *arg)
{
    struct tl_face_job *job = arg;
    job->run(job);
    if (!tl_http_server_post(tl_http_server_of(job->x), answer, job))
        job_free(job); /* the server is going, and its exchanges with it */
}

static void answer_busy(struct tl_http_exchange *x, enum tl_aws_service service)
{
    if (service == TL_AWS_S3)
        tl_aws_answer_error(x, service, 503, "SlowDown", TL_VIEW("Please reduce your request rate."));
    else
        tl_aws_answer_error(x, service, 400, "ThrottlingException", TL_VIEW("Rate exceeded"));
}

void tl_face_submit(struct tl_aws_face *face, enum tl_aws_service service, struct tl_http_exchange *x, void (*fn)(struct tl_face_job *job),
                    void *user)
{
    struct tl_face_job *job = calloc(1, sizeof *job);
    if (job) {
        *job = (struct tl_face_job){ .face = face, .service = service, .x = x, .run = fn, .user = user };
        tl_buf_init(&job->reply.notes, NOTES_MAX);
        tl_buf_init(&job->reply.body, TL_FACE_BODY_MAX);
        if (tl_buf_reserve(&job->reply.notes, NOTES_MAX)) /* headers point into it */
            job->reply.notes.size = 0;
    }
    if (job && !tl_face_stopping(face) && tl_work_pool_add(face->pool, run, job))
        return;
    if (job)
        job_free(job);
    answer_busy(x, service);
}

bool tl_face_fail(struct tl_face_job *job, int status, const char *code, const char *fmt, ...)
{
    char message[MESSAGE_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    if (job->reply.fd > 0)
        tl_io->close(job->reply.fd);
    job->reply.fd = 0;
    job->reply.status = status;
    job->reply.type = NULL;
    job->reply.header_count = 0;
    tl_buf_reset(&job->reply.notes);
    tl_buf_reset(&job->reply.body);
    tl_aws_write_error(&job->reply.body, job->service, code, tl_view_of(message));
    if (job->service != TL_AWS_S3)
        tl_face_header(job, "x-amzn-ErrorType", "%s", code);
    return false;
}

bool tl_face_fail_internal(struct tl_face_job *job, const struct tl_error *error)
{
    static const char *const codes[] = {
        [TL_AWS_S3] = "InternalError", [TL_AWS_GLUE] = "InternalServiceException", [TL_AWS_ATHENA] = "InternalServerException"
    };
    tl_log_error("aws", "%s: %s", tl_aws_service_name(job->service), error->text);
    return tl_face_fail(job, 500, codes[job->service], "%s", error->text);
}

void tl_face_header(struct tl_face_job *job, const char *name, const char *fmt, ...)
{
    char value[MESSAGE_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(value, sizeof value, fmt, args);
    va_end(args);
    tl_face_header_view(job, tl_view_of(name), tl_view_of(value));
}

void tl_face_header_view(struct tl_face_job *job, struct tl_view name, struct tl_view value)
{
    struct tl_face_reply *r = &job->reply;
    if (r->header_count == TL_FACE_HEADERS_MAX - 1) { /* one is the request's id */
        r->notes.failed = true;
        return;
    }
    size_t at = r->notes.size;
    tl_buf_add_view(&r->notes, name);
    tl_buf_add_view(&r->notes, value);
    if (!r->notes.failed)
        r->headers[r->header_count++] = (struct tl_http_header){ { r->notes.data + at, name.size }, { r->notes.data + at + name.size, value.size } };
}

/* ---- who may ask ---- */

/* A number, localhost or a name below it: a name of someone else's could be pointed here by a page of theirs (DNS rebinding). */
static bool is_local_name(struct tl_view host)
{
    char address[64];
    unsigned char parsed[16];
    struct tl_view name = tl_http_host_name(host), inner = name;
    if (name.size > 1 && name.data[0] == '[')
        inner = (struct tl_view){ name.data + 1, name.size - 2 };
    snprintf(address, sizeof address, "%.*s", TL_VIEW_ARG(inner));
    return inet_pton(AF_INET, address, parsed) == 1 || inet_pton(AF_INET6, address, parsed) == 1 ||
           tl_view_eq_ignore_case(name, TL_VIEW("localhost")) || tl_view_ends_with(name, TL_VIEW(".localhost"));
}

/* A page in a browser sends Origin with what changes something; programs do not. */
static bool is_of_page(const struct tl_http_exchange *x)
{
    struct tl_view site = tl_http_header_value(x, "sec-fetch-site");
    return tl_http_header_value(x, "origin").data || (site.data && !tl_view_is(site, "none"));
}

/* Signed calls come from who has the key; without one, only this machine's programs may ask. */
static bool may_ask(struct tl_aws_face *face, struct tl_http_exchange *x)
{
    return is_local_name(tl_http_header_value(x, "host")) && !is_of_page(x) && !tl_face_stopping(face);
}

void tl_aws_face_handle(struct tl_http_exchange *x, enum tl_aws_service service, void *user)
{
    struct tl_aws_face *face = user;
    struct tl_view action = tl_aws_action(x);
    if (action.size)
        tl_http_note(x, "action", action);
    if (!may_ask(face, x))
        tl_aws_answer_error(x, service, 403, service == TL_AWS_S3 ? "AccessDenied" : "AccessDeniedException",
                            TL_VIEW("This port answers programs of this machine, by its address or as localhost, and no pages of a browser."));
    else if (service == TL_AWS_ATHENA)
        tl_athena_face_handle(face->athena, x);
    else if (service == TL_AWS_S3)
        tl_s3_face_handle(face->s3, x);
    else
        tl_glue_face_handle(face->glue, x);
}

void tl_aws_face_body(const struct tl_http_exchange *x, enum tl_aws_service service, struct tl_http_body_place *place, void *user)
{
    struct tl_aws_face *face = user;
    place->max = CALL_MAX;
    if (service == TL_AWS_S3)
        tl_s3_face_body(face->s3, x, place);
}

/* ---- life ---- */

static bool copy_text(const char **text, struct tl_error *error)
{
    if (!*text)
        return true;
    *text = strdup(*text);
    return *text || tl_error_set(error, TL_NO_MEMORY, "out of memory");
}

static bool copy_options(struct tl_aws_face *face, const struct tl_aws_face_options *options, struct tl_error *error)
{
    const char **const texts[] = { &face->options.lake_root, &face->options.lake_region, &face->options.results_dir, &face->options.region };
    bool ok = true;
    face->options = *options;
    for (size_t i = 0; i < TL_COUNT(texts); i++) {
        if (!ok)
            *texts[i] = NULL; /* the caller's */
        ok = ok && copy_text(texts[i], error);
    }
    return ok;
}

bool tl_aws_face_open(struct tl_aws_face **out, const struct tl_aws_face_options *options, struct tl_error *error)
{
    struct tl_aws_face *face = calloc(1, sizeof *face);
    *out = NULL;
    if (!face)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    bool ok = copy_options(face, options, error) && tl_dir_make(options->results_dir, error) &&
              tl_work_pool_open(&face->pool, THREADS, WAITING_MAX, error) && tl_s3_face_open(&face->s3, face, error) && tl_glue_face_open(&face->glue, face, error) &&
              tl_athena_face_open(&face->athena, face, error);
    if (ok)
        *out = face;
    else
        tl_aws_face_close(face);
    return ok;
}

void tl_aws_face_stop(struct tl_aws_face *face)
{
    if (!face)
        return;
    __atomic_store_n(&face->stopping, true, __ATOMIC_RELEASE);
    tl_athena_face_stop(face->athena);
}

void tl_aws_face_close(struct tl_aws_face *face)
{
    if (!face)
        return;
    tl_work_pool_close(face->pool);
    tl_athena_face_close(face->athena);
    tl_glue_face_close(face->glue);
    tl_s3_face_close(face->s3);
    free((char *)face->options.lake_root);
    free((char *)face->options.lake_region);
    free((char *)face->options.results_dir);
    free((char *)face->options.region);
    free(face);
}
