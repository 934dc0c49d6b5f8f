/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/glue_int.h"

static bool compare_partitions(struct tl_glue *g, const struct tl_catalog_table *t, const char *const *partitions, size_t count, struct tl_buf *out,
                               struct tl_error *error)
{
    struct tl_map in_glue, in_lake;
    bool added;
    tl_map_init(&in_glue, TL_GLUE_PARTITIONS_MAX);
    tl_map_init(&in_lake, TL_GLUE_PARTITIONS_MAX);
    bool ok = tl_glue_read_partitions(g, t, &in_glue, error);
    for (size_t i = 0; ok && i < count; i++) {
        ok = tl_map_put(&in_lake, tl_view_of(partitions[i]), &added) || tl_error_set(error, TL_NO_MEMORY, "out of memory");
        if (ok && !tl_map_find(&in_glue, tl_view_of(partitions[i])))
            tl_buf_addf(out, "%s.%s: partition '%s' is in the lake, and not in Glue\n", t->database, t->name, partitions[i]);
    }
    for (size_t i = 0; ok && i < in_glue.count; i++)
        if (!tl_map_find(&in_lake, tl_map_key_at(&in_glue, i)))
            tl_buf_addf(out, "%s.%s: partition '%.*s' is in Glue, and not in the lake\n", t->database, t->name, TL_VIEW_ARG(tl_map_key_at(&in_glue, i)));
    tl_map_release(&in_glue);
    tl_map_release(&in_lake);
    return ok;
}

bool tl_glue_compare(struct tl_glue *g, const struct tl_catalog_table *t, const char *const *partitions, size_t count, struct tl_buf *out,
                     struct tl_error *error)
{
    bool found, current = true;
    if (!tl_glue_find_table(g, t, &found, error))
        return false;
    if (!found) {
        tl_buf_addf(out, "%s.%s: is in the lake's catalog, and not in Glue\n", t->database, t->name);
        return true;
    }
    if (!tl_glue_compare_table(g, tl_json_member(g->answer, "Table"), t, false, &current, error)) {
        tl_buf_addf(out, "%s.%s: %s\n", t->database, t->name, error->text);
        return error->code == TL_CONFLICT;
    }
    if (!current)
        tl_buf_addf(out, "%s.%s: Glue lacks columns, or has its partitions in the other way ('projection' or 'register')\n", t->database, t->name);
    return g->mode != TL_GLUE_REGISTER || !tl_glue_has_partitions(t) || compare_partitions(g, t, partitions, count, out, error);
}
