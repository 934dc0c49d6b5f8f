/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/glue_int.h"

#include "base/time.h"
#include "lake/store.h"

#include <stdio.h>
#include <stdlib.h>

#define ANSWER_MAX ((size_t)64 << 20)
#define BODY_MAX ((size_t)16 << 20)
#define ATTEMPT_NS (30 * TL_NS_PER_S)
#define CHANGE_TRIES 5

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

struct tl_json_writer *tl_glue_request(struct tl_glue *g, const struct tl_catalog_table *table)
{
    tl_buf_reset(&g->body);
    tl_json_writer_init(&g->w, &g->body);
    tl_json_begin_object(&g->w);
    if (table)
        tl_json_member_text(&g->w, "DatabaseName", table->database);
    return &g->w;
}

bool tl_glue_send(struct tl_glue *g, const char *action, struct tl_error *error)
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

bool tl_glue_failed_with(const struct tl_glue *g, const char *code)
{
    return strcmp(tl_aws_client_error_code(g->client), code) == 0;
}

/* ---- database and table ---- */

static bool ensure_database(struct tl_glue *g, const char *database, struct tl_error *error)
{
    tl_json_member_text(tl_glue_request(g, NULL), "Name", database);
    if (tl_glue_send(g, "GetDatabase", error))
        return true;
    if (!tl_glue_failed_with(g, "EntityNotFoundException"))
        return tl_error_context(error, "Glue's database '%s'", database);
    tl_json_key(tl_glue_request(g, NULL), "DatabaseInput");
    tl_json_begin_object(&g->w);
    tl_json_member_text(&g->w, "Name", database);
    tl_json_end_object(&g->w);
    return tl_glue_send(g, "CreateDatabase", error) || tl_glue_failed_with(g, "AlreadyExistsException") || tl_error_context(error, "Glue's database '%s'", database);
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

bool tl_glue_compare_table(const struct tl_glue *g, struct tl_json there, const struct tl_catalog_table *t, bool anew, bool *current, struct tl_error *error)
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

bool tl_glue_find_table(struct tl_glue *g, const struct tl_catalog_table *t, bool *found, struct tl_error *error)
{
    tl_json_member_text(tl_glue_request(g, t), "Name", t->name);
    *found = tl_glue_send(g, "GetTable", error);
    return *found || tl_glue_failed_with(g, "EntityNotFoundException");
}

/* *changed: the columns of a table that was there are others now. */
static bool ensure_table(struct tl_glue *g, const struct tl_catalog_table *t, bool anew, bool *changed, struct tl_error *error)
{
    *changed = false;
    for (int tries = 0; tries < CHANGE_TRIES; tries++) {
        bool found, current = false;
        if (!tl_glue_find_table(g, t, &found, error))
            return false;
        if (found && !tl_glue_compare_table(g, tl_json_member(g->answer, "Table"), t, anew, &current, error))
            return false;
        if (current)
            return true;
        tl_glue_write_table(tl_glue_request(g, t), g->root, t, g->mode);
        *changed = found;
        if (tl_glue_send(g, found ? "UpdateTable" : "CreateTable", error))
            return true;
        if (!tl_glue_failed_with(g, "AlreadyExistsException") && !tl_glue_failed_with(g, "ConcurrentModificationException"))
            return false;
    }
    return false;
}

static bool ensure(struct tl_glue *g, const struct tl_catalog_table *table, bool anew, struct tl_error *error)
{
    bool changed;
    if (g->table_count == TL_GLUE_TABLES_MAX)
        return tl_error_set(error, TL_LIMIT, "more than %d tables", TL_GLUE_TABLES_MAX);
    if (!ensure_database(g, table->database, error) || !ensure_table(g, table, anew, &changed, error))
        return tl_error_context(error, "Glue's table '%s.%s'", table->database, table->name);
    struct tl_glue_known *gt = &g->tables[g->table_count++];
    *gt = (struct tl_glue_known){ .table = table };
    tl_map_init(&gt->partitions, TL_GLUE_PARTITIONS_MAX);
    if (g->mode != TL_GLUE_REGISTER || !tl_glue_has_partitions(table))
        return true;
    return tl_glue_read_partitions(g, table, &gt->partitions, error) && (!changed || tl_glue_update_partitions(g, gt, error));
}

bool tl_glue_ensure(struct tl_glue *g, const struct tl_catalog_table *table, struct tl_error *error)
{
    return ensure(g, table, false, error);
}

bool tl_glue_ensure_anew(struct tl_glue *g, const struct tl_catalog_table *table, struct tl_error *error)
{
    return ensure(g, table, true, error);
}

bool tl_glue_look(struct tl_glue *g, const struct tl_catalog_table *table, bool *found, bool *projected, struct tl_error *error)
{
    *projected = false;
    if (!tl_glue_find_table(g, table, found, error))
        return tl_error_context(error, "Glue's table '%s.%s'", table->database, table->name);
    *projected = *found && is_projected(tl_json_member(g->answer, "Table"));
    return true;
}
