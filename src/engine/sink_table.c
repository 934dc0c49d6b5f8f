/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/sink_table.h"

#include "base/partition.h"

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

bool tl_sink_table_ensure(const struct tl_plan *plan, const struct tl_sink_plan *sink, struct tl_store *store, struct tl_error *error)
{
    const struct tl_view_plan *view = &plan->views[sink->index];
    struct tl_catalog_table *table;
    struct tl_view name, database = tl_sink_table_database(plan, sink->table, &name);
    struct tl_arena arena;
    tl_arena_init(&arena, TEXTS_MAX);
    bool ok = tl_sink_table_make(&arena, view->columns, view->column_count, sink->partition_by, sink->partition_count, sink->path, database, name,
                                 &table, error);
    if (ok) {
        table->delta = sink->format == TL_SINK_DELTA;
        ok = tl_catalog_ensure(store, table, error);
    }
    tl_arena_release(&arena);
    return ok || tl_error_context(error, "sink '%s'", sink->name);
}
