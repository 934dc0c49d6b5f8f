/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/catalog_sync.h"

#include "base/log.h"
#include "lake/lake_scan.h"

/* What a crash between a commit and Glue's hearing of it left untold. */
static bool note_what_is_there(struct tl_engine *e, const struct tl_catalog_table *table, struct tl_error *error)
{
    struct tl_dir_list files;
    if (!tl_glue_has_partitions(table))
        return true;
    if (!tl_lake_table_files(e->lake, table, &files, error))
        return false;
    bool ok = tl_glue_note(e->glue, (const char *const *)files.names, files.count, error);
    tl_dir_list_release(&files);
    return ok;
}

bool tl_catalog_sync_open(struct tl_engine *e, struct tl_error *error)
{
    const struct tl_glue_options *options = e->options.glue;
    if (!options)
        return true;
    if (!tl_glue_open(&e->glue, options, error))
        return false;
    for (size_t i = 0; i < e->sink_count; i++) {
        if (e->sinks[i].table && (!tl_glue_ensure(e->glue, e->sinks[i].table, error) || !note_what_is_there(e, e->sinks[i].table, error)))
            return false;
    }
    return tl_glue_flush(e->glue, error);
}

void tl_catalog_sync_close(struct tl_engine *e)
{
    tl_glue_close(e->glue);
    e->glue = NULL;
}

void tl_catalog_sync_committed(struct tl_engine *e, const struct tl_file_list *files)
{
    struct tl_error error;
    if (!e->glue)
        return;
    bool ok = tl_glue_note(e->glue, (const char *const *)files->names, files->count, &error) && tl_glue_flush(e->glue, &error);
    if (!ok && !e->glue_behind)
        tl_log_warn("glue", "the Glue catalog does not hear of new partitions now (it is tried again after each commit): %s", error.text);
    if (ok && e->glue_behind)
        tl_log_info("glue", "the Glue catalog is up to date again");
    e->glue_behind = !ok;
}
