/* SPDX-License-Identifier: Apache-2.0 */
/* faces/aws_face.h: S3, Glue and Athena of the AWS port, over one lake folder (DESIGN section 7).
 *
 * Two buckets: TL_LAKE_BUCKET is the lake's folder, TL_FACE_RESULTS the folder of query results. The handler runs on the server's loop
 * thread; what reads or writes files is a job of a few threads, whose reply goes out from the loop again. */
#pragma once

#include "net/aws_service.h"

#define TL_FACE_RESULTS "tapeline-results"

struct tl_aws_face;
struct tl_athena_face;
struct tl_aws_face_options {
    const char *lake_root;   /* a folder, or "s3://bucket/prefix": then there is no TL_LAKE_BUCKET */
    const char *lake_region; /* of that bucket, or NULL */
    const char *results_dir; /* a folder, made if absent */
    const char *region;      /* of the service, as in ARNs */
    size_t memory_max;       /* of one statement; 0: as of a query (query/query.h) */
    int64_t timeout_ns;      /* of one statement; 0: 30 minutes, Athena's own */
};
TL_MUST_USE bool tl_aws_face_open(struct tl_aws_face **out, const struct tl_aws_face_options *options, struct tl_error *error);
/* A tl_aws_handler; user is the face. */
void tl_aws_face_handle(struct tl_http_exchange *x, enum tl_aws_service service, void *user);
/* A tl_aws_body_rule. */
void tl_aws_face_body(const struct tl_http_exchange *x, enum tl_aws_service service, struct tl_http_body_place *place, void *user);
/* Takes no more, stops statements, answers what it has; then the server may be closed. NULL is fine. */
void tl_aws_face_stop(struct tl_aws_face *face);
/* After the server. NULL is fine. */
void tl_aws_face_close(struct tl_aws_face *face);
