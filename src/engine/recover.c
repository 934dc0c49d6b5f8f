/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/recover.h"

#include "base/log.h"
#include "engine/sinks.h"

#include <inttypes.h>

#define INTENT_MAX ((size_t)2 << 30)

bool tl_recover_damaged_intent(struct tl_engine *e, uint64_t epoch, struct tl_error *error)
{
    struct tl_error why = *error;
    struct tl_file_list files;
    bool last;
    if (!tl_commit_log_is_last(e->log, epoch, &last, error))
        return false;
    if (!last) {
        *error = why;
        return tl_error_context(error, "epoch %" PRIu64 " was committed and its commit cannot be read, nor can it be repeated", epoch);
    }
    if (!tl_sinks_files_of(e, epoch, &files, error))
        return false;
    tl_log_warn("engine", "%s; epoch %" PRIu64 " is begun anew, %zu files that it had written are removed", why.text, epoch, files.count);
    bool ok = tl_store_delete_many(e->lake, (const char *const *)files.names, files.count, error);
    tl_file_list_release(&files);
    return ok;
}

bool tl_recover_check_lake(struct tl_engine *e, struct tl_error *error)
{
    struct tl_file_list files;
    struct tl_error ignored;
    struct tl_buf payload;
    bool repeats;
    tl_buf_init(&payload, INTENT_MAX);
    bool known = tl_commit_log_load_intent(e->log, 1, &repeats, &payload, &ignored) && !repeats;
    tl_buf_release(&payload);
    if (!known) /* an epoch log is repeated over its own files: the same bytes */
        return true;
    if (!tl_sinks_files_of(e, 0, &files, error))
        return false;
    bool empty = files.count == 0;
    if (!empty)
        tl_error_set(error, TL_CONFLICT,
                     "the lake '%s' holds %zu files of pipeline '%s' ('%s'), but there is no checkpoint of it in '%s': rows would be "
                     "written twice. Give the --state that goes with this lake, or another lake, or remove those files first",
                     tl_store_root(e->lake), files.count, e->plan->name, files.names[0], e->state_dir);
    tl_file_list_release(&files);
    return empty;
}
