/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/glue_int.h"

#include "lake/merged.h"

#include <stdio.h>
#include <stdlib.h>

#define DELETE_BATCH 25 /* the most that BatchDeletePartition takes */
#define BATCH 100       /* the most that BatchCreatePartition and BatchUpdatePartition take */
#define THERE "AlreadyExistsException"

/* ---- partitions ---- */

/* "ticker=A", or where compaction has put it, "_merged/ticker=A/m-<hash>": the partition is the same one. */
static bool note_place(struct tl_glue *g, struct tl_view folder, struct tl_map *out, struct tl_error *error)
{
    bool added;
    bool moved = tl_view_starts_with(folder, TL_VIEW("_merged/"));
    const char *file = moved ? tl_arena_printf(&g->places, "%.*s/", TL_VIEW_ARG(folder)) : "";
    char *text = moved ? tl_arena_text(&g->places, folder) : NULL;
    if (!tl_arena_ok(&g->places, "the places of partitions", error))
        return false;
    if (moved) {
        folder = tl_merged_partition(file);
        folder.size -= folder.size ? 1 : 0;
    }
    uint64_t *place = tl_map_put(out, folder, &added);
    if (place)
        *place = moved ? (uint64_t)(uintptr_t)text : 1;
    return place || tl_error_set(error, TL_NO_MEMORY, "out of memory");
}

static const char *place_of(uint64_t value)
{
    return value > 1 ? (const char *)(uintptr_t)value : NULL;
}

bool tl_glue_read_partitions(struct tl_glue *g, const struct tl_catalog_table *t, struct tl_map *out, struct tl_error *error)
{
    char *token = NULL;
    bool ok = true, more = true;
    while (ok && more) {
        tl_json_member_text(tl_glue_request(g, t), "TableName", t->name);
        if (token)
            tl_json_member_text(&g->w, "NextToken", token);
        free(token);
        token = NULL;
        ok = tl_glue_send(g, "GetPartitions", error);
        struct tl_json item;
        struct tl_json_iter it;
        struct tl_buf base;
        tl_buf_init(&base, 1 << 16);
        tl_glue_location(g->root, t, "", &base);
        if (ok)
            for (tl_json_iter_init(&it, tl_json_member(g->answer, "Partitions")); ok && tl_json_next(&it, NULL, &item);) {
                struct tl_view at = tl_json_get_string(tl_json_member(item, "StorageDescriptor"), "Location");
                bool below = tl_view_starts_with(at, tl_buf_view(&base));
                struct tl_view folder = below ? (struct tl_view){ at.data + base.size, at.size - base.size } : at;
                folder.size -= folder.size && folder.data[folder.size - 1] == '/';
                ok = note_place(g, folder, out, error);
            }
        struct tl_view next = ok ? tl_json_get_string(g->answer, "NextToken") : (struct tl_view){ NULL, 0 };
        token = next.size ? strndup(next.data, next.size) : NULL;
        more = token != NULL;
        tl_buf_release(&base);
    }
    free(token);
    return ok || tl_error_context(error, "Glue's partitions of '%s.%s'", t->database, t->name);
}

/* Errors of single partitions, but for the one that says that it is as it should be. */
static bool check_errors(struct tl_glue *g, const char *fine, struct tl_error *error)
{
    struct tl_json item;
    struct tl_json_iter it;
    for (tl_json_iter_init(&it, tl_json_member(g->answer, "Errors")); tl_json_next(&it, NULL, &item);) {
        struct tl_json detail = tl_json_member(item, "ErrorDetail");
        struct tl_view code = tl_json_get_string(detail, "ErrorCode");
        if (!tl_view_is(code, fine))
            return tl_error_set(error, TL_UNAVAILABLE, "%.*s: %.*s", TL_VIEW_ARG(code), TL_VIEW_ARG(tl_json_get_string(detail, "ErrorMessage")));
    }
    return true;
}

static bool create_batch(struct tl_glue *g, struct tl_glue_known *gt, size_t *places, size_t count, struct tl_error *error)
{
    char folder[4096];
    tl_json_member_text(tl_glue_request(g, gt->table), "TableName", gt->table->name);
    tl_json_key(&g->w, "PartitionInputList");
    tl_json_begin_array(&g->w);
    for (size_t i = 0; i < count; i++) {
        snprintf(folder, sizeof folder, "%.*s", TL_VIEW_ARG(tl_map_key_at(&gt->partitions, places[i])));
        tl_glue_write_partition(&g->w, g->root, gt->table, folder, NULL);
    }
    tl_json_end_array(&g->w);
    if (!tl_glue_send(g, "BatchCreatePartition", error) || !check_errors(g, THERE, error))
        return tl_error_context(error, "Glue's partitions of '%s.%s'", gt->table->database, gt->table->name);
    for (size_t i = 0; i < count; i++)
        *tl_map_find(&gt->partitions, tl_map_key_at(&gt->partitions, places[i])) = 1;
    gt->noted -= count;
    return true;
}

static bool flush_table(struct tl_glue *g, struct tl_glue_known *gt, struct tl_error *error)
{
    size_t places[BATCH], count = 0;
    for (size_t i = 0; i < gt->partitions.count && gt->noted; i++) {
        if (tl_map_value_at(&gt->partitions, i) == 0)
            places[count++] = i;
        if ((count == BATCH || (count && count == gt->noted)) && !create_batch(g, gt, places, count, error))
            return false;
        if (count == BATCH || gt->noted == 0)
            count = 0;
    }
    return true;
}

bool tl_glue_flush(struct tl_glue *g, struct tl_error *error)
{
    for (size_t i = 0; i < g->table_count; i++)
        if (!flush_table(g, &g->tables[i], error))
            return false;
    return true;
}

/* An entry of BatchUpdatePartition. */
static void write_update(struct tl_glue *g, const struct tl_catalog_table *table, const char *folder, const char *at)
{
    tl_json_begin_object(&g->w);
    tl_glue_write_values(&g->w, "PartitionValueList", table, folder);
    tl_json_key(&g->w, "PartitionInput");
    tl_glue_write_partition(&g->w, g->root, table, folder, at);
    tl_json_end_object(&g->w);
}

static bool update_batch(struct tl_glue *g, struct tl_glue_known *gt, size_t begin_at, size_t end, struct tl_error *error)
{
    char folder[4096];
    tl_json_member_text(tl_glue_request(g, gt->table), "TableName", gt->table->name);
    tl_json_key(&g->w, "Entries");
    tl_json_begin_array(&g->w);
    for (size_t i = begin_at; i < end; i++) {
        snprintf(folder, sizeof folder, "%.*s", TL_VIEW_ARG(tl_map_key_at(&gt->partitions, i)));
        write_update(g, gt->table, folder, place_of(tl_map_value_at(&gt->partitions, i)));
    }
    tl_json_end_array(&g->w);
    return tl_glue_send(g, "BatchUpdatePartition", error) && check_errors(g, THERE, error);
}

bool tl_glue_update_partitions(struct tl_glue *g, struct tl_glue_known *gt, struct tl_error *error)
{
    for (size_t at = 0; at < gt->partitions.count; at += BATCH)
        if (!update_batch(g, gt, at, at + BATCH < gt->partitions.count ? at + BATCH : gt->partitions.count, error))
            return false;
    return true;
}

/* "streaming/x/ticker=A/part-1.parquet" of the table at "streaming/x": "ticker=A". */
static bool folder_in(const struct tl_catalog_table *t, const char *file, struct tl_view *out)
{
    size_t size = strlen(t->path);
    const char *slash = strrchr(file, '/');
    if (strncmp(file, t->path, size) != 0 || file[size] != '/' || !slash || slash <= file + size)
        return false;
    *out = (struct tl_view){ file + size + 1, (size_t)(slash - file) - size - 1 };
    return true;
}

bool tl_glue_note(struct tl_glue *g, const char *const *files, size_t count, struct tl_error *error)
{
    for (size_t i = 0; i < g->table_count && g->mode == TL_GLUE_REGISTER; i++) {
        struct tl_glue_known *gt = &g->tables[i];
        for (size_t k = 0; k < count && tl_glue_has_partitions(gt->table); k++) {
            struct tl_view folder;
            bool added = false;
            if (!folder_in(gt->table, files[k], &folder))
                continue;
            if (!tl_map_put(&gt->partitions, folder, &added))
                return tl_error_set(error, TL_NO_MEMORY, "out of memory");
            gt->noted += added;
        }
    }
    return true;
}

/* ---- partitions that are gone ---- */

static bool delete_batch(struct tl_glue *g, const struct tl_glue_known *gt, const size_t *places, size_t count, struct tl_error *error)
{
    char folder[4096];
    tl_json_member_text(tl_glue_request(g, gt->table), "TableName", gt->table->name);
    tl_json_key(&g->w, "PartitionsToDelete");
    tl_json_begin_array(&g->w);
    for (size_t i = 0; i < count; i++) {
        snprintf(folder, sizeof folder, "%.*s", TL_VIEW_ARG(tl_map_key_at(&gt->partitions, places[i])));
        tl_json_begin_object(&g->w);
        tl_glue_write_values(&g->w, "Values", gt->table, folder);
        tl_json_end_object(&g->w);
    }
    tl_json_end_array(&g->w);
    return tl_glue_send(g, "BatchDeletePartition", error) && check_errors(g, "EntityNotFoundException", error);
}

bool tl_glue_forget(struct tl_glue *g, const char *const *files, size_t count, struct tl_error *error)
{
    const struct tl_glue_known *gt = &g->tables[g->table_count - 1];
    struct tl_map there;
    size_t places[DELETE_BATCH], chosen = 0;
    bool ok = true, added;
    if (!tl_glue_points(g, gt->table))
        return true;
    tl_map_init(&there, TL_GLUE_PARTITIONS_MAX);
    for (size_t i = 0; ok && i < count; i++) {
        struct tl_view folder;
        ok = !folder_in(gt->table, files[i], &folder) || tl_map_put(&there, folder, &added) || tl_error_set(error, TL_NO_MEMORY, "out of memory");
    }
    for (size_t i = 0; ok && i < gt->partitions.count; i++) {
        if (!tl_map_find(&there, tl_map_key_at(&gt->partitions, i)))
            places[chosen++] = i;
        if (chosen == DELETE_BATCH || (chosen && i + 1 == gt->partitions.count)) {
            ok = delete_batch(g, gt, places, chosen, error);
            chosen = 0;
        }
    }
    tl_map_release(&there);
    return ok || tl_error_context(error, "Glue's partitions of '%s.%s'", gt->table->database, gt->table->name);
}

/* ---- partitions that compaction has moved ---- */

bool tl_glue_points(const struct tl_glue *g, const struct tl_catalog_table *table)
{
    return g->mode == TL_GLUE_REGISTER && tl_glue_has_partitions(table);
}

/* Glue has not heard of the partition: its answer has an error for the one entry. */
static bool is_unknown(const struct tl_glue *g)
{
    struct tl_json item;
    struct tl_json_iter it;
    tl_json_iter_init(&it, tl_json_member(g->answer, "Errors"));
    return tl_json_next(&it, NULL, &item) &&
           tl_view_is(tl_json_get_string(tl_json_member(item, "ErrorDetail"), "ErrorCode"), "EntityNotFoundException");
}

static bool create_at(struct tl_glue *g, const struct tl_catalog_table *t, const char *partition, const char *folder, struct tl_error *error)
{
    tl_json_member_text(tl_glue_request(g, t), "TableName", t->name);
    tl_json_key(&g->w, "PartitionInputList");
    tl_json_begin_array(&g->w);
    tl_glue_write_partition(&g->w, g->root, t, partition, folder);
    tl_json_end_array(&g->w);
    return tl_glue_send(g, "BatchCreatePartition", error) && check_errors(g, THERE, error);
}

bool tl_glue_point(void *move, const char *partition, const char *folder, struct tl_error *error)
{
    const struct tl_glue_move *of = move;
    struct tl_glue *g = of->glue;
    const struct tl_catalog_table *t = of->table;
    tl_json_member_text(tl_glue_request(g, t), "TableName", t->name);
    tl_json_key(&g->w, "Entries");
    tl_json_begin_array(&g->w);
    write_update(g, t, partition, folder);
    tl_json_end_array(&g->w);
    bool ok = tl_glue_send(g, "BatchUpdatePartition", error) && (is_unknown(g) ? create_at(g, t, partition, folder, error) : check_errors(g, THERE, error));
    return ok || tl_error_context(error, "Glue's partition '%s' of '%s.%s'", partition, t->database, t->name);
}
