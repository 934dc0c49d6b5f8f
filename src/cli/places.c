/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/places.h"

#include "lake/store.h"

#include <stdio.h>
#include <stdlib.h>

/* False where one of them could not be made. */
static bool all_there(const char *a, const char *b, const char *c, struct tl_error *error)
{
    return (a && b && c) || tl_error_set(error, TL_NO_MEMORY, "out of memory");
}

static bool in_data_folder(struct tl_places *places, const char *data, const struct tl_profile_plan *profile,
                           struct tl_error *error)
{
    const char *lake = profile && profile->lake ? profile->lake : "./lake";
    bool in_s3 = tl_store_is_s3(lake);
    if (!tl_data_folder_open(&places->data, data, error))
        return false;
    places->lake = in_s3 ? strdup(lake) : tl_data_path(data, lake);
    places->state = tl_data_path(data, "state");
    places->checkpoints = in_s3 ? strdup(lake) : tl_data_path(data, "state");
    if (in_s3)
        places->staging = tl_data_path(data, "staging");
    return all_there(places->lake, places->state, places->checkpoints, error) && (in_s3 || tl_dir_make(places->lake, error)) &&
           tl_dir_make(places->state, error);
}

/* --lake alone keeps its checkpoints in the lake itself (_tapeline/), so that the folder or bucket is all there is. */
static bool in_places(struct tl_places *places, const char *lake, const char *state, struct tl_error *error)
{
    if (!state)
        state = lake;
    if (!lake)
        return tl_error_set(error, TL_INVALID, "--state goes with --lake: say where the rows go");
    places->lake = strdup(lake);
    places->checkpoints = strdup(state);
    if (!all_there(places->lake, places->checkpoints, "", error) || (!tl_store_is_s3(lake) && !tl_dir_make(lake, error)))
        return false;
    if (tl_store_is_s3(state))
        return true;
    places->state = strdup(state);
    return all_there(places->state, "", "", error) && tl_dir_make(state, error) && tl_dir_lock_open(&places->state_lock, state, error);
}

bool tl_places_open(struct tl_places *places, const char *data, const char *lake, const char *state, bool use_default,
                    const struct tl_profile_plan *profile, struct tl_error *error)
{
    *places = (struct tl_places){ .data = { .lock = { .fd = -1 } }, .state_lock = { .fd = -1 }, .region = profile ? profile->region : NULL };
    bool ok = true;
    if (data && (lake || state))
        ok = tl_error_set(error, TL_INVALID, "--data holds both lake and state: it does not go with --lake or --state");
    else if (lake || state)
        ok = in_places(places, lake, state, error);
    else if (data || use_default)
        ok = in_data_folder(places, data ? data : TL_DATA_DEFAULT, profile, error);
    if (!ok)
        tl_places_close(places);
    return ok;
}

void tl_places_close(struct tl_places *places)
{
    tl_dir_lock_close(&places->state_lock);
    if (places->data.root)
        tl_data_folder_close(&places->data);
    free(places->lake);
    free(places->state);
    free(places->checkpoints);
    free(places->staging);
    places->lake = places->state = places->checkpoints = places->staging = NULL;
}

const struct tl_glue_options *tl_places_glue(const struct tl_places *places, const struct tl_profile_plan *profile, struct tl_glue_options *out)
{
    if (!places->lake || !profile || !profile->catalog || strcmp(profile->catalog, "glue") != 0)
        return NULL;
    if (!tl_store_is_s3(places->lake)) {
        fprintf(stderr, "tapeline: catalog = 'glue' goes with a lake in S3: the lake in '%s' has its own catalog alone\n", places->lake);
        return NULL;
    }
    bool projection = profile->glue_partitions && strcmp(profile->glue_partitions, "projection") == 0;
    *out = (struct tl_glue_options){ .region = places->region, .root = places->lake, .partitions = projection ? TL_GLUE_PROJECTION : TL_GLUE_REGISTER };
    return out;
}
