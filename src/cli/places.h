/* SPDX-License-Identifier: Apache-2.0 */
/* cli/places.h: where a command keeps its lake and its checkpoints, from --data, --lake, --state and the profile. */
#pragma once

#include "cli/data_folder.h"
#include "engine/plan.h"

struct tl_places {
    struct tl_data_folder data; /* locked; root NULL when neither --data nor a default is used */
    struct tl_dir_lock state_lock;
    char *lake, *state; /* NULL: nothing is written */
};
/* data, lake, state: the options' values or NULL. use_default: with none of them, TL_DATA_DEFAULT is used; else nothing is written.
 * Makes and locks what is used. Refuses a lake that this version cannot write (s3://), by name. */
TL_MUST_USE bool tl_places_open(struct tl_places *places, const char *data, const char *lake, const char *state,
                                bool use_default, const struct tl_profile_plan *profile, struct tl_error *error);
void tl_places_close(struct tl_places *places);
