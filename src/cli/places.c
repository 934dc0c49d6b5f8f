/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/places.h"

#include <stdlib.h>

static bool in_data_folder(struct tl_places *places, const char *data, const struct tl_profile_plan *profile,
                           struct tl_error *error)
{
    const char *lake = profile && profile->lake ? profile->lake : "./lake";
    if (tl_view_starts_with(tl_view_of(lake), TL_VIEW("s3://")))
        return tl_error_set(error, TL_UNSUPPORTED,
                            "profile '%s' keeps its lake in '%s': an S3 lake is not supported by this version (give a "
                            "folder with --lake and --state)",
                            profile->name, lake);
    if (!tl_data_folder_open(&places->data, data, error))
        return false;
    places->lake = tl_data_path(data, lake);
    places->state = tl_data_path(data, "state");
    if (!places->lake || !places->state)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    return tl_dir_make(places->lake, error) && tl_dir_make(places->state, error);
}

/* --lake alone keeps its checkpoints in the lake itself (_tapeline/), so that the folder is all there is. */
static bool in_places(struct tl_places *places, const char *lake, const char *state, struct tl_error *error)
{
    if (!state)
        state = lake;
    if (!lake)
        return tl_error_set(error, TL_INVALID, "--state goes with --lake: say where the rows go");
    places->lake = strdup(lake);
    places->state = strdup(state);
    if (!places->lake || !places->state)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    return tl_dir_make(lake, error) && tl_dir_make(state, error) &&
           tl_dir_lock_open(&places->state_lock, state, error);
}

bool tl_places_open(struct tl_places *places, const char *data, const char *lake, const char *state, bool use_default,
                    const struct tl_profile_plan *profile, struct tl_error *error)
{
    *places = (struct tl_places){ .data = { .lock = { .fd = -1 } }, .state_lock = { .fd = -1 } };
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
    places->lake = places->state = NULL;
}
