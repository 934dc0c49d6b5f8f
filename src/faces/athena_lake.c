/* SPDX-License-Identifier: Apache-2.0 */
/* The lake's catalog, as the Athena face asks of it. */
#include "faces/athena_int.h"

#include "lake/client_tables.h"
#include "lake/glue_table.h"

bool tl_athena_load_catalog(struct tl_athena_face *a, struct tl_store **store, struct tl_catalog *catalog, struct tl_error *error)
{
    const struct tl_aws_face_options *o = tl_face_options(a->face);
    struct tl_store_options options = { .region = o->lake_region };
    *store = NULL;
    if (!tl_store_open_with(store, o->lake_root, &options, error))
        return false;
    if (tl_catalog_load(*store, catalog, error)) {
        if (tl_athena_add_clients(a, catalog, error))
            return true;
        tl_catalog_release(catalog);
    }
    tl_store_close(*store);
    *store = NULL;
    return false;
}

void tl_athena_add_location(const struct tl_athena_face *a, const struct tl_catalog_table *t, struct tl_buf *out)
{
    const char *lake = tl_face_options(a->face)->lake_root;
    if (tl_athena_is_client(t))
        tl_buf_add_text(out, t->path);
    else
        tl_glue_location(tl_store_is_s3(lake) ? lake : "s3://" TL_LAKE_BUCKET, t, "", out);
}

const struct tl_catalog_table *tl_athena_find_table(const struct tl_catalog *catalog, struct tl_view database, struct tl_view table)
{
    for (size_t i = 0; i < catalog->count; i++)
        if (tl_view_eq_ignore_case(tl_view_of(catalog->tables[i].database), database) && tl_view_eq_ignore_case(tl_view_of(catalog->tables[i].name), table))
            return &catalog->tables[i];
    return NULL;
}

const char *tl_athena_database_at(const struct tl_catalog *catalog, size_t i)
{
    for (size_t t = 0; t < catalog->count; t++) {
        bool known = false;
        for (size_t before = 0; before < t && !known; before++)
            known = strcmp(catalog->tables[before].database, catalog->tables[t].database) == 0;
        if (!known && i-- == 0)
            return catalog->tables[t].database;
    }
    return NULL;
}
