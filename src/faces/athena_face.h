/* SPDX-License-Identifier: Apache-2.0 */
/* faces/athena_face.h: the Athena API over the lake (AmazonAthena.*, JSON 1.1). */
#pragma once

#include "faces/face_job.h"

struct tl_athena_face;
TL_MUST_USE bool tl_athena_face_open(struct tl_athena_face **out, struct tl_aws_face *face, struct tl_error *error);
/* Answers, or submits a job that will. On the loop thread. */
void tl_athena_face_handle(struct tl_athena_face *athena, struct tl_http_exchange *x);
/* Cancels the statements that run, and waits for them. Before jobs end. */
void tl_athena_face_stop(struct tl_athena_face *athena);
void tl_athena_face_close(struct tl_athena_face *athena); /* NULL is fine */
