/* SPDX-License-Identifier: Apache-2.0 */
/* faces/glue_face.h: the Glue API over the lake's catalogs (AWSGlue.*, JSON 1.1).
 *
 * Reads show what pipelines write (lake/catalog.h) and what clients have made (lake/client_tables.h) alike; clients change their own
 * only. */
#pragma once

#include "faces/face_job.h"

struct tl_glue_face;
TL_MUST_USE bool tl_glue_face_open(struct tl_glue_face **out, struct tl_aws_face *face, struct tl_error *error);
void tl_glue_face_close(struct tl_glue_face *glue); /* NULL is fine */
void tl_glue_face_handle(struct tl_glue_face *glue, struct tl_http_exchange *x);
