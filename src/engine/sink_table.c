/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/sink_table.h"

#include "base/partition.h"
#include "engine/dead_letters.h"

#include <stdio.h>

#define TEXTS_MAX (1 << 20)

bool tl_sink_table_make(struct tl_arena *arena, const struct tl_column_def *rows, size_t row_count, const char *const *partition_by,
                        size_t partition_count, const char *path, struct tl_view database, struct tl_view name, struct tl_catalog_table **out,
                        struct tl_error *error)
{
    const char **parts = TL_ARENA_ARRAY(arena, partition_count, const char *);
    struct tl_column_def *all = TL_ARENA_ARRAY(arena, row_count + partition_count, struct tl_column_def);
    struct tl_catalog_table *table = TL_ARENA_NEW(arena, struct tl_catalog_table);
    size_t count = row_count;
    if (!parts || !all || !table)
        return tl_arena_ok(arena, "the sinks", error);
    memcpy(all, rows, row_count * sizeof *all);
    for (size_t i = 0; i < partition_count; i++) {
        struct tl_partition p = tl_partition_of(tl_view_of(partition_by[i]));
        parts[i] = tl_arena_text(arena, p.name);
        for (size_t c = 0; p.unit != TL_PARTITION_VALUE && c < row_count; c++)
            if (tl_view_is(p.column, rows[c].name))
                all[count++] = (struct tl_column_def){ parts[i], tl_partition_type(p.unit, rows[c].type), false };
    }
    *table = (struct tl_catalog_table){
        .database = tl_arena_text(arena, database),
        .name = tl_arena_text(arena, name),
        .path = path,
        .columns = all,
        .column_count = count,
        .partition_by = parts,
        .partition_count = partition_count,
    };
    *out = table;
    return tl_arena_ok(arena, "the sinks", error);
}

struct tl_view tl_sink_table_database(const struct tl_plan *plan, const char *table, struct tl_view *name)
{
    struct tl_view database = tl_view_split(tl_view_of(table), '.', name);
    if (name->data)
        return database;
    *name = database;
    return tl_view_of(plan->name);
}

static bool input_columns(const struct tl_plan *plan, enum tl_input_kind input, size_t index, struct tl_arena *arena, struct tl_dead_columns *out,
                          struct tl_error *error)
{
    if (input == TL_INPUT_LATE)
        return tl_dead_late_columns(plan, index, arena, out, error);
    if (input == TL_INPUT_MALFORMED)
        return tl_dead_malformed_columns(arena, out, error);
    *out = (struct tl_dead_columns){ (struct tl_column_def *)plan->views[index].columns, plan->views[index].column_count };
    return true;
}

static bool ensure(const struct tl_plan *plan, const struct tl_sink_plan *sink, struct tl_view database, struct tl_view name, struct tl_store *store,
                   struct tl_error *error)
{
    struct tl_catalog_table *table;
    struct tl_dead_columns rows;
    struct tl_arena arena;
    tl_arena_init(&arena, TEXTS_MAX);
    bool ok = input_columns(plan, sink->input, sink->index, &arena, &rows, error) &&
              tl_sink_table_make(&arena, rows.defs, rows.count, sink->partition_by, sink->partition_count, sink->path, database, name, &table, error);
    if (ok) {
        table->format = sink->format;
        ok = tl_catalog_ensure(store, table, error);
    }
    tl_arena_release(&arena);
    return ok || tl_error_context(error, "sink '%s'", sink->name);
}

static bool ensure_sink(const struct tl_plan *plan, const struct tl_sink_plan *sink, struct tl_store *store, struct tl_error *error)
{
    struct tl_view name, database = tl_sink_table_database(plan, sink->table, &name);
    return ensure(plan, sink, database, name, store, error);
}

/* The table that LATE(view) and MALFORMED(source) have without being asked for: "pipeline.view_late". */
static bool ensure_dead(const struct tl_plan *plan, enum tl_input_kind input, size_t index, struct tl_store *store, struct tl_error *error)
{
    char table[320], path[400];
    const char *of = input == TL_INPUT_LATE ? plan->views[index].name : plan->sources[index].name;
    const char *kind = input == TL_INPUT_LATE ? "late" : "malformed";
    snprintf(table, sizeof table, "%s_%s", of, kind);
    snprintf(path, sizeof path, "dead_letter/%s/%s", plan->name, table);
    const struct tl_sink_plan sink = { .name = table, .input = input, .index = index, .path = path, .format = TL_SINK_PARQUET };
    return ensure(plan, &sink, tl_view_of(plan->name), tl_view_of(table), store, error);
}

bool tl_sink_tables_ensure(const struct tl_plan *plan, struct tl_store *store, struct tl_error *error)
{
    bool ok = true;
    for (size_t i = 0; ok && i < plan->sink_count; i++)
        ok = !plan->sinks[i].table || ensure_sink(plan, &plan->sinks[i], store, error);
    for (size_t i = 0; ok && i < plan->view_count; i++)
        ok = plan->views[i].window == TL_WINDOW_NONE || plan->sources[plan->views[i].source].of_view || ensure_dead(plan, TL_INPUT_LATE, i, store, error);
    for (size_t i = 0; ok && i < plan->source_count; i++)
        ok = plan->sources[i].of_view || ensure_dead(plan, TL_INPUT_MALFORMED, i, store, error);
    return ok;
}
