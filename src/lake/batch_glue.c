/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/batch_glue.h"

#include "lake/lake_scan.h"

#include <stdio.h>

static bool tell(struct tl_glue *g, struct tl_store *lake, const struct tl_catalog_table *t, struct tl_error *error)
{
    struct tl_dir_list files;
    if (!tl_glue_ensure_anew(g, t, error))
        return false;
    if (!tl_glue_has_partitions(t))
        return true;
    if (!tl_lake_files(lake, t->path, &files, error))
        return false;
    const char *const *names = (const char *const *)files.names;
    bool ok = tl_glue_forget(g, names, files.count, error) && tl_glue_note(g, names, files.count, error) && tl_glue_flush(g, error);
    tl_dir_list_release(&files);
    return ok;
}

static bool is_one_of(const struct tl_catalog_table *t, const char *const *tables, size_t count)
{
    char name[600];
    snprintf(name, sizeof name, "%s.%s", t->database, t->name);
    for (size_t i = 0; i < count; i++)
        if (strcmp(name, tables[i]) == 0)
            return true;
    return false;
}

bool tl_batch_glue_tell(const struct tl_glue_options *options, struct tl_store *lake, const char *const *tables, size_t count, struct tl_error *error)
{
    struct tl_glue *g;
    struct tl_catalog catalog;
    if (!options)
        return true;
    if (!tl_catalog_load(lake, &catalog, error))
        return false;
    bool ok = tl_glue_open(&g, options, error);
    for (size_t i = 0; ok && i < catalog.count; i++)
        if (is_one_of(&catalog.tables[i], tables, count))
            ok = tell(g, lake, &catalog.tables[i], error);
    tl_glue_close(g);
    tl_catalog_release(&catalog);
    return ok || tl_error_context(error, "the lake is as it should be, and Glue has not heard of all of it; the same command tells it again");
}
