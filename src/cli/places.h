/* SPDX-License-Identifier: Apache-2.0 */
/* cli/places.h: where a command keeps its lake and its checkpoints, from --data, --lake, --state and the profile. */
#pragma once

#include "cli/data_folder.h"
#include "engine/plan.h"
#include "lake/glue.h"

struct tl_places {
    struct tl_data_folder data; /* locked; root NULL when neither --data nor a default is used */
    struct tl_dir_lock state_lock;
    char *lake;        /* a folder or "s3://bucket/prefix"; NULL: nothing is written */
    char *checkpoints; /* of the engine: a folder, or the lake itself when that is in S3; NULL: nothing is written */
    char *state;       /* a folder: where feeds stand; NULL: nowhere */
    char *staging;     /* a folder for files on their way to S3; NULL: a temporary one */
    const char *region; /* of the bucket; NULL: not said */
};
/* data, lake, state: the options' values or NULL. use_default: with none of them, TL_DATA_DEFAULT is used; else nothing is written.
 * Makes and locks what is used. A lake in S3 has its checkpoints beside it, so that an engine on another machine goes on where this one
 * stood, and two at a time are told from each other. The profile outlives places. */
TL_MUST_USE bool tl_places_open(struct tl_places *places, const char *data, const char *lake, const char *state,
                                bool use_default, const struct tl_profile_plan *profile, struct tl_error *error);
void tl_places_close(struct tl_places *places);
/* How the profile's tables are told to AWS Glue: out, or NULL where they are not: it has another catalog, or nothing is written. A lake in a
 * folder has its own catalog alone, and stderr says so. */
const struct tl_glue_options *tl_places_glue(const struct tl_places *places, const struct tl_profile_plan *profile, struct tl_glue_options *out);
