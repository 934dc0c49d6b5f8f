/* SPDX-License-Identifier: Apache-2.0 */
/* faces/face_job.h: what the faces share: options, and jobs from an exchange to its reply.
 *
 * A job reads its exchange (method, path, headers, body) from its own thread: they do not change until it is answered. */
#pragma once

#include "base/buf.h"
#include "faces/aws_face.h"

#define TL_FACE_HEADERS_MAX 48
#define TL_FACE_BODY_MAX ((size_t)64 << 20)

struct tl_face_reply {
    int status;       /* 0: 200 */
    const char *type; /* of the body; NULL: the service's own */
    struct tl_http_header headers[TL_FACE_HEADERS_MAX]; /* of notes */
    size_t header_count;
    struct tl_buf notes; /* does not grow */
    struct tl_buf body;
    int fd;         /* above 0: a file that is the body instead; the answer's to close */
    int64_t file_at;
    uint64_t file_size;
};
struct tl_face_job {
    struct tl_aws_face *face;
    enum tl_aws_service service;
    struct tl_http_exchange *x;
    void (*run)(struct tl_face_job *job); /* on a thread of the pool: fills reply */
    void *user;
    struct tl_face_reply reply;
};

const struct tl_aws_face_options *tl_face_options(const struct tl_aws_face *face);
bool tl_face_stopping(const struct tl_aws_face *face); /* any thread */
struct tl_athena_face *tl_face_athena(struct tl_aws_face *face);

/* Runs a job for the exchange, or answers itself that there are too many. From the loop thread. */
void tl_face_submit(struct tl_aws_face *face, enum tl_aws_service service, struct tl_http_exchange *x, void (*run)(struct tl_face_job *job),
                    void *user);
/* Makes the reply an error in the service's form; what stood in it is gone. Always false. */
bool tl_face_fail(struct tl_face_job *job, int status, const char *code, const char *fmt, ...) TL_PRINTF(4, 5);
/* As above, of an error that is not the client's: 500, and it is logged. */
bool tl_face_fail_internal(struct tl_face_job *job, const struct tl_error *error);
/* Adds a header; name and value are copied. */
void tl_face_header_view(struct tl_face_job *job, struct tl_view name, struct tl_view value);
void tl_face_header(struct tl_face_job *job, const char *name, const char *fmt, ...) TL_PRINTF(3, 4);
