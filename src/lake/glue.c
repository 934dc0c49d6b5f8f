/* SPDX-License-Identifier: Apache-2.0 */
/* Every call may have taken effect though its answer was lost: "AlreadyExists" is success where what is there is what was wanted. */
#include "lake/glue.h"

#include "base/arena.h"
#include "base/map.h"
#include "base/time.h"
#include "codec/json.h"
#include "lake/glue_table.h"
#include "lake/merged.h"
#include "lake/store.h"
#include "net/aws_client.h"

#include <stdio.h>
#include <stdlib.h>

#define ANSWER_MAX ((size_t)64 << 20)
#define BODY_MAX ((size_t)16 << 20)
#define ATTEMPT_NS (30 * TL_NS_PER_S)
#define TABLES_MAX 1024
#define PARTITIONS_MAX ((size_t)1 << 22)
#define DELETE_BATCH 25 /* the most that BatchDeletePartition takes */
#define BATCH 100 /* the most that BatchCreatePartition and BatchUpdatePartition take */
#define CHANGE_TRIES 5
#define THERE "AlreadyExistsException"

struct glue_table {
    const struct tl_catalog_table *table;
    struct tl_map partitions; /* folder to 1: is in Glue, 0: noted; to a text's address: it is there, at that place (compaction) */
    size_t noted;
};
struct tl_glue {
    char *root, *region;
    enum tl_glue_partitions mode;
    struct tl_aws_client *client;
    struct tl_json_parser *parser;
    struct tl_json answer;
    struct tl_buf body;
    struct tl_json_writer w;
    struct tl_arena places; /* texts of partitions that were moved */
    struct glue_table tables[TABLES_MAX];
    size_t table_count;
};

/* ---- opening, calls ---- */

bool tl_glue_open(struct tl_glue **out, const struct tl_glue_options *o, struct tl_error *error)
{
    *out = NULL;
    if (!tl_store_is_s3(o->root))
        return tl_error_set(error, TL_INVALID, "catalog = 'glue' goes with a lake in S3, and this one is in '%s': set lake = 's3://...' in the profile",
                            o->root);
    struct tl_glue *g = calloc(1, sizeof *g);
    if (!g)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    tl_buf_init(&g->body, BODY_MAX);
    tl_arena_init(&g->places, BODY_MAX * 16);
    g->root = strdup(o->root);
    g->region = o->region ? strdup(o->region) : NULL;
    g->mode = o->partitions;
    struct tl_aws_client_options options = { .service = "glue", .region = g->region, .chain = tl_aws_chain_shared(), .answer_max = ANSWER_MAX,
                                             .timeout_ns = ATTEMPT_NS, .cancel = o->cancel };
    bool ok = (g->root && (g->region || !o->region)) || tl_error_set(error, TL_NO_MEMORY, "out of memory");
    if (ok && tl_json_parser_new(&g->parser, error) && tl_aws_client_new(&g->client, &options, error)) {
        *out = g;
        return true;
    }
    tl_glue_close(g);
    return false;
}

void tl_glue_close(struct tl_glue *g)
{
    if (!g)
        return;
    for (size_t i = 0; i < g->table_count; i++)
        tl_map_release(&g->tables[i].partitions);
    tl_aws_client_free(g->client);
    tl_json_parser_free(g->parser);
    tl_buf_release(&g->body);
    tl_arena_release(&g->places);
    free(g->root);
    free(g->region);
    free(g);
}

static struct tl_json_writer *begin(struct tl_glue *g, const struct tl_catalog_table *table)
{
    tl_buf_reset(&g->body);
    tl_json_writer_init(&g->w, &g->body);
    tl_json_begin_object(&g->w);
    if (table)
        tl_json_member_text(&g->w, "DatabaseName", table->database);
    return &g->w;
}

static bool call(struct tl_glue *g, const char *action, struct tl_error *error)
{
    char target[96];
    tl_json_end_object(&g->w);
    snprintf(target, sizeof target, "AWSGlue.%s", action);
    struct tl_aws_request request = { .method = "POST", .target = target, .content_type = "application/x-amz-json-1.1",
                                      .body = tl_buf_view(&g->body) };
    if (!tl_buf_ok(&g->body, "a request to Glue", error) || !tl_aws_client_send(g->client, &request, error))
        return false;
    return tl_json_parse_copy(g->parser, tl_buf_view(&tl_aws_client_response(g->client)->body), &g->answer, error);
}

static bool code_is(const struct tl_glue *g, const char *code)
{
    return strcmp(tl_aws_client_error_code(g->client), code) == 0;
}

/* ---- database and table ---- */

static bool ensure_database(struct tl_glue *g, const char *database, struct tl_error *error)
{
    tl_json_member_text(begin(g, NULL), "Name", database);
    if (call(g, "GetDatabase", error))
        return true;
    if (!code_is(g, "EntityNotFoundException"))
        return tl_error_context(error, "Glue's database '%s'", database);
    tl_json_key(begin(g, NULL), "DatabaseInput");
    tl_json_begin_object(&g->w);
    tl_json_member_text(&g->w, "Name", database);
    tl_json_end_object(&g->w);
    return call(g, "CreateDatabase", error) || code_is(g, "AlreadyExistsException") || tl_error_context(error, "Glue's database '%s'", database);
}

static bool column_is(struct tl_json column, const struct tl_column_def *def)
{
    return tl_view_eq_ignore_case(tl_json_get_string(column, "Name"), tl_view_of(def->name)) &&
           tl_view_is(tl_json_get_string(column, "Type"), tl_glue_type(def->type));
}

/* How many of the table's columns Glue's list has, in their order; SIZE_MAX: it has others. */
static size_t columns_same(struct tl_json list, const struct tl_catalog_table *table)
{
    struct tl_json column;
    struct tl_json_iter it;
    size_t at = 0, count = 0;
    for (tl_json_iter_init(&it, list); tl_json_next(&it, NULL, &column); count++, at++) {
        while (at < table->column_count && tl_glue_is_partition(table, table->columns[at].name))
            at++;
        if (at == table->column_count || !column_is(column, &table->columns[at]))
            return SIZE_MAX;
    }
    return count;
}

/* The columns that the table is partitioned by, in the order of the folders. */
static bool keys_same(struct tl_json list, const struct tl_catalog_table *table)
{
    struct tl_json column;
    struct tl_json_iter it;
    size_t count = 0;
    for (tl_json_iter_init(&it, list); tl_json_next(&it, NULL, &column); count++) {
        const struct tl_column_def *def = tl_glue_has_partitions(table) && count < table->partition_count ? tl_glue_column(table, table->partition_by[count]) : NULL;
        if (!def || !column_is(column, def))
            return false;
    }
    return count == (tl_glue_has_partitions(table) ? table->partition_count : 0);
}

static bool location_is(const struct tl_glue *g, struct tl_json table, const struct tl_catalog_table *wanted)
{
    struct tl_buf location;
    tl_buf_init(&location, 1 << 16);
    tl_glue_location(g->root, wanted, "", &location);
    struct tl_view is = tl_json_get_string(tl_json_member(table, "StorageDescriptor"), "Location"), should = tl_buf_view(&location);
    should.size--; /* the slash at the end is as one likes */
    is.size -= is.size && is.data[is.size - 1] == '/';
    bool same = tl_view_eq(is, should);
    tl_buf_release(&location);
    return same;
}

static bool is_projected(struct tl_json table)
{
    return tl_view_is(tl_json_get_string(tl_json_member(table, "Parameters"), "projection.enabled"), "true");
}

static bool is_delta(struct tl_json table)
{
    return tl_view_eq_ignore_case(tl_json_get_string(tl_json_member(table, "Parameters"), "table_type"), TL_VIEW("DELTA")) ||
           tl_view_is(tl_json_get_string(tl_json_member(table, "Parameters"), "spark.sql.sources.provider"), "delta");
}

/* By the library that reads its lines; a Delta table made by others may name any. */
static bool is_stored_as(struct tl_json table, enum tl_sink_format format)
{
    struct tl_view serde = tl_json_get_string(tl_json_member(tl_json_member(table, "StorageDescriptor"), "SerdeInfo"), "SerializationLibrary");
    return format == TL_SINK_DELTA || tl_view_is(serde, tl_glue_storage(format)->serde);
}

/* *current: nothing has to be told. TL_CONFLICT: it is another table. */
static bool compare_table(const struct tl_glue *g, struct tl_json there, const struct tl_catalog_table *t, bool anew, bool *current, struct tl_error *error)
{
    bool delta = t->format == TL_SINK_DELTA;
    if (is_delta(there) != delta)
        return tl_error_set(error, TL_CONFLICT, "Glue's table '%s.%s' is %s, unlike the lake's: drop it there (its data stays), or give the sink another table",
                            t->database, t->name, delta ? "no Delta table" : "a Delta table");
    if (!is_stored_as(there, t->format))
        return tl_error_set(error, TL_CONFLICT, "Glue's table '%s.%s' is not of %s files, as the lake's is: drop it there (its data stays), or give the "
                            "sink another table", t->database, t->name, tl_sink_format_name(t->format));
    size_t columns = columns_same(tl_json_member(tl_json_member(there, "StorageDescriptor"), "Columns"), t);
    if ((columns == SIZE_MAX && !anew) || !keys_same(tl_json_member(there, "PartitionKeys"), t))
        return tl_error_set(error, TL_CONFLICT,
                            "Glue's table '%s.%s' has other columns or partitions than the lake's: drop it there (its data stays), or give the sink "
                            "another table",
                            t->database, t->name);
    if (!location_is(g, there, t))
        return tl_error_set(error, TL_CONFLICT, "Glue's table '%s.%s' is at '%.*s', not in this lake: give the sink another table", t->database, t->name,
                            TL_VIEW_ARG(tl_json_get_string(tl_json_member(there, "StorageDescriptor"), "Location")));
    bool parted = tl_glue_has_partitions(t);
    *current = columns == t->column_count - (parted ? t->partition_count : 0) && is_projected(there) == (g->mode == TL_GLUE_PROJECTION && parted);
    return true;
}

static bool get_table(struct tl_glue *g, const struct tl_catalog_table *t, bool *found, struct tl_error *error)
{
    tl_json_member_text(begin(g, t), "Name", t->name);
    *found = call(g, "GetTable", error);
    return *found || code_is(g, "EntityNotFoundException");
}

/* *changed: the columns of a table that was there are others now. */
static bool ensure_table(struct tl_glue *g, const struct tl_catalog_table *t, bool anew, bool *changed, struct tl_error *error)
{
    *changed = false;
    for (int tries = 0; tries < CHANGE_TRIES; tries++) {
        bool found, current = false;
        if (!get_table(g, t, &found, error))
            return false;
        if (found && !compare_table(g, tl_json_member(g->answer, "Table"), t, anew, &current, error))
            return false;
        if (current)
            return true;
        tl_glue_write_table(begin(g, t), g->root, t, g->mode);
        *changed = found;
        if (call(g, found ? "UpdateTable" : "CreateTable", error))
            return true;
        if (!code_is(g, "AlreadyExistsException") && !code_is(g, "ConcurrentModificationException"))
            return false;
    }
    return false;
}

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

/* Adds "Expression"-less pages of what Glue has to the map, as folders. */
static bool read_partitions(struct tl_glue *g, struct glue_table *gt, struct tl_map *out, struct tl_error *error)
{
    char *token = NULL;
    bool ok = true, more = true;
    while (ok && more) {
        tl_json_member_text(begin(g, gt->table), "TableName", gt->table->name);
        if (token)
            tl_json_member_text(&g->w, "NextToken", token);
        free(token);
        token = NULL;
        ok = call(g, "GetPartitions", error);
        struct tl_json item;
        struct tl_json_iter it;
        struct tl_buf base;
        tl_buf_init(&base, 1 << 16);
        tl_glue_location(g->root, gt->table, "", &base);
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
    return ok || tl_error_context(error, "Glue's partitions of '%s.%s'", gt->table->database, gt->table->name);
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

static bool create_batch(struct tl_glue *g, struct glue_table *gt, size_t *places, size_t count, struct tl_error *error)
{
    char folder[4096];
    tl_json_member_text(begin(g, gt->table), "TableName", gt->table->name);
    tl_json_key(&g->w, "PartitionInputList");
    tl_json_begin_array(&g->w);
    for (size_t i = 0; i < count; i++) {
        snprintf(folder, sizeof folder, "%.*s", TL_VIEW_ARG(tl_map_key_at(&gt->partitions, places[i])));
        tl_glue_write_partition(&g->w, g->root, gt->table, folder, NULL);
    }
    tl_json_end_array(&g->w);
    if (!call(g, "BatchCreatePartition", error) || !check_errors(g, THERE, error))
        return tl_error_context(error, "Glue's partitions of '%s.%s'", gt->table->database, gt->table->name);
    for (size_t i = 0; i < count; i++)
        *tl_map_find(&gt->partitions, tl_map_key_at(&gt->partitions, places[i])) = 1;
    gt->noted -= count;
    return true;
}

static bool flush_table(struct tl_glue *g, struct glue_table *gt, struct tl_error *error)
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
    struct tl_buf value;
    tl_buf_init(&value, 1 << 16);
    tl_json_begin_object(&g->w);
    tl_json_key(&g->w, "PartitionValueList");
    tl_json_begin_array(&g->w);
    for (size_t c = 0; c < table->partition_count; c++) {
        tl_buf_reset(&value);
        tl_glue_partition_value(folder, c, &value);
        tl_json_write_text(&g->w, tl_buf_text(&value));
    }
    tl_json_end_array(&g->w);
    tl_json_key(&g->w, "PartitionInput");
    tl_glue_write_partition(&g->w, g->root, table, folder, at);
    tl_json_end_object(&g->w);
    tl_buf_release(&value);
}

static bool update_batch(struct tl_glue *g, struct glue_table *gt, size_t begin_at, size_t end, struct tl_error *error)
{
    char folder[4096];
    tl_json_member_text(begin(g, gt->table), "TableName", gt->table->name);
    tl_json_key(&g->w, "Entries");
    tl_json_begin_array(&g->w);
    for (size_t i = begin_at; i < end; i++) {
        snprintf(folder, sizeof folder, "%.*s", TL_VIEW_ARG(tl_map_key_at(&gt->partitions, i)));
        write_update(g, gt->table, folder, place_of(tl_map_value_at(&gt->partitions, i)));
    }
    tl_json_end_array(&g->w);
    return call(g, "BatchUpdatePartition", error) && check_errors(g, THERE, error);
}

/* A partition has columns of its own: those that were added to the table are added to it. Its place stays. */
static bool update_partitions(struct tl_glue *g, struct glue_table *gt, struct tl_error *error)
{
    for (size_t at = 0; at < gt->partitions.count; at += BATCH)
        if (!update_batch(g, gt, at, at + BATCH < gt->partitions.count ? at + BATCH : gt->partitions.count, error))
            return false;
    return true;
}

static bool ensure(struct tl_glue *g, const struct tl_catalog_table *table, bool anew, struct tl_error *error)
{
    bool changed;
    if (g->table_count == TABLES_MAX)
        return tl_error_set(error, TL_LIMIT, "more than %d tables", TABLES_MAX);
    if (!ensure_database(g, table->database, error) || !ensure_table(g, table, anew, &changed, error))
        return tl_error_context(error, "Glue's table '%s.%s'", table->database, table->name);
    struct glue_table *gt = &g->tables[g->table_count++];
    *gt = (struct glue_table){ .table = table };
    tl_map_init(&gt->partitions, PARTITIONS_MAX);
    if (g->mode != TL_GLUE_REGISTER || !tl_glue_has_partitions(table))
        return true;
    return read_partitions(g, gt, &gt->partitions, error) && (!changed || update_partitions(g, gt, error));
}

bool tl_glue_ensure(struct tl_glue *g, const struct tl_catalog_table *table, struct tl_error *error)
{
    return ensure(g, table, false, error);
}

bool tl_glue_ensure_anew(struct tl_glue *g, const struct tl_catalog_table *table, struct tl_error *error)
{
    return ensure(g, table, true, error);
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
        struct glue_table *gt = &g->tables[i];
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

static bool delete_batch(struct tl_glue *g, const struct glue_table *gt, const size_t *places, size_t count, struct tl_error *error)
{
    char folder[4096];
    struct tl_buf value;
    tl_buf_init(&value, 1 << 16);
    tl_json_member_text(begin(g, gt->table), "TableName", gt->table->name);
    tl_json_key(&g->w, "PartitionsToDelete");
    tl_json_begin_array(&g->w);
    for (size_t i = 0; i < count; i++) {
        snprintf(folder, sizeof folder, "%.*s", TL_VIEW_ARG(tl_map_key_at(&gt->partitions, places[i])));
        tl_json_begin_object(&g->w);
        tl_json_key(&g->w, "Values");
        tl_json_begin_array(&g->w);
        for (size_t c = 0; c < gt->table->partition_count; c++) {
            tl_buf_reset(&value);
            tl_glue_partition_value(folder, c, &value);
            tl_json_write_text(&g->w, tl_buf_text(&value));
        }
        tl_json_end_array(&g->w);
        tl_json_end_object(&g->w);
    }
    tl_json_end_array(&g->w);
    tl_buf_release(&value);
    return call(g, "BatchDeletePartition", error) && check_errors(g, "EntityNotFoundException", error);
}

bool tl_glue_forget(struct tl_glue *g, const char *const *files, size_t count, struct tl_error *error)
{
    const struct glue_table *gt = &g->tables[g->table_count - 1];
    struct tl_map there;
    size_t places[DELETE_BATCH], chosen = 0;
    bool ok = true, added;
    if (!tl_glue_points(g, gt->table))
        return true;
    tl_map_init(&there, PARTITIONS_MAX);
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

bool tl_glue_look(struct tl_glue *g, const struct tl_catalog_table *table, bool *found, bool *projected, struct tl_error *error)
{
    *projected = false;
    if (!get_table(g, table, found, error))
        return tl_error_context(error, "Glue's table '%s.%s'", table->database, table->name);
    *projected = *found && is_projected(tl_json_member(g->answer, "Table"));
    return true;
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
    tl_json_member_text(begin(g, t), "TableName", t->name);
    tl_json_key(&g->w, "PartitionInputList");
    tl_json_begin_array(&g->w);
    tl_glue_write_partition(&g->w, g->root, t, partition, folder);
    tl_json_end_array(&g->w);
    return call(g, "BatchCreatePartition", error) && check_errors(g, THERE, error);
}

bool tl_glue_point(void *move, const char *partition, const char *folder, struct tl_error *error)
{
    const struct tl_glue_move *of = move;
    struct tl_glue *g = of->glue;
    const struct tl_catalog_table *t = of->table;
    tl_json_member_text(begin(g, t), "TableName", t->name);
    tl_json_key(&g->w, "Entries");
    tl_json_begin_array(&g->w);
    write_update(g, t, partition, folder);
    tl_json_end_array(&g->w);
    bool ok = call(g, "BatchUpdatePartition", error) && (is_unknown(g) ? create_at(g, t, partition, folder, error) : check_errors(g, THERE, error));
    return ok || tl_error_context(error, "Glue's partition '%s' of '%s.%s'", partition, t->database, t->name);
}

/* ---- comparing ---- */

static bool compare_partitions(struct tl_glue *g, const struct tl_catalog_table *t, const char *const *partitions, size_t count, struct tl_buf *out,
                               struct tl_error *error)
{
    struct glue_table gt = { .table = t };
    struct tl_map in_glue, in_lake;
    bool added;
    tl_map_init(&in_glue, PARTITIONS_MAX);
    tl_map_init(&in_lake, PARTITIONS_MAX);
    bool ok = read_partitions(g, &gt, &in_glue, error);
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
    if (!get_table(g, t, &found, error))
        return false;
    if (!found) {
        tl_buf_addf(out, "%s.%s: is in the lake's catalog, and not in Glue\n", t->database, t->name);
        return true;
    }
    if (!compare_table(g, tl_json_member(g->answer, "Table"), t, false, &current, error)) {
        tl_buf_addf(out, "%s.%s: %s\n", t->database, t->name, error->text);
        return error->code == TL_CONFLICT;
    }
    if (!current)
        tl_buf_addf(out, "%s.%s: Glue lacks columns, or has its partitions in the other way ('projection' or 'register')\n", t->database, t->name);
    return g->mode != TL_GLUE_REGISTER || !tl_glue_has_partitions(t) || compare_partitions(g, t, partitions, count, out, error);
}
