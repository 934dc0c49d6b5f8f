/* SPDX-License-Identifier: Apache-2.0 */
/* faces/athena_place.h: where a client's table may be written: below the results' bucket, or in a folder of the lake that nobody owns. */
#pragma once

#include "faces/aws_face.h"

#include <limits.h>

struct tl_athena_place {
    char path[PATH_MAX];  /* of the folder, without '/' at its end */
    char url[PATH_MAX];   /* "s3://bucket/a/b/" */
};
/* Looks an "s3://..." up. TL_DENIED: another bucket, a table's folder, one of tapeline's own; TL_CONFLICT: there is something already. Nothing is
 * made. */
TL_MUST_USE bool tl_athena_place_find(const struct tl_aws_face_options *options, const char *location, struct tl_athena_place *out,
                                      struct tl_error *error);
