/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/sinks.h"

#include "engine/sink_table.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>

static struct tl_dead_columns columns_of(const struct tl_engine *e, enum tl_input_kind input, size_t index)
{
    if (input == TL_INPUT_LATE)
        return e->late_columns[index];
    if (input == TL_INPUT_MALFORMED)
        return e->malformed_columns;
    return (struct tl_dead_columns){ e->plan->views[index].columns, e->plan->views[index].column_count };
}

static char *label_of(struct tl_engine *e, enum tl_input_kind input, size_t index)
{
    if (input == TL_INPUT_MALFORMED)
        return tl_arena_printf(&e->arena, "%s_malformed", e->plan->sources[index].name);
    return tl_arena_printf(&e->arena, input == TL_INPUT_LATE ? "%s_late" : "%s", e->plan->views[index].name);
}

static bool ensure_table(struct tl_engine *e, struct tl_sink_run *sink, struct tl_view database,
                         struct tl_view name, struct tl_error *error)
{
    struct tl_dead_columns rows = columns_of(e, sink->input, sink->index);
    struct tl_catalog_table *table;
    if (!tl_sink_table_make(&e->arena, rows.defs, rows.count, sink->partition_by, sink->partition_count, sink->path, database, name, &table, error))
        return false;
    table->format = sink->format;
    sink->table = table;
    return tl_catalog_ensure(e->lake, table, error);
}

static bool add_plan_sink(struct tl_engine *e, const struct tl_sink_plan *plan, struct tl_error *error)
{
    struct tl_sink_run *sink = &e->sinks[e->sink_count++];
    *sink = (struct tl_sink_run){ .input = plan->input,
                                  .index = plan->index,
                                  .label = label_of(e, plan->input, plan->index),
                                  .path = plan->path,
                                  .partition_by = plan->partition_by,
                                  .partition_count = plan->partition_count,
                                  .format = plan->format,
                                  .compression = plan->compression };
    if (!plan->table)
        return tl_arena_ok(&e->arena, "the sinks", error);
    struct tl_view name, database = tl_sink_table_database(e->plan, plan->table, &name);
    return ensure_table(e, sink, database, name, error) || tl_error_context(error, "sink '%s'", plan->name);
}

static bool add_dead_sink(struct tl_engine *e, enum tl_input_kind input, size_t index, struct tl_error *error)
{
    struct tl_sink_run *sink = &e->sinks[e->sink_count++];
    char *label = label_of(e, input, index);
    *sink =
        (struct tl_sink_run){ .input = input,
                              .index = index,
                              .label = label,
                              .path = tl_arena_printf(&e->arena, "dead_letter/%s/%s", e->plan->name, label) };
    return tl_arena_ok(&e->arena, "the sinks", error) &&
           ensure_table(e, sink, tl_view_of(e->plan->name), tl_view_of(sink->label), error);
}

bool tl_sinks_open(struct tl_engine *e, struct tl_error *error)
{
    const struct tl_plan *plan = e->plan;
    e->sinks = calloc(plan->sink_count + plan->view_count + plan->source_count + 1, sizeof *e->sinks);
    if (!e->sinks)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    bool ok = true;
    for (size_t i = 0; ok && i < plan->sink_count; i++)
        ok = add_plan_sink(e, &plan->sinks[i], error);
    for (size_t v = 0; ok && v < plan->view_count; v++)
        ok = !e->views[v].windowed || e->views[v].source->of_view || add_dead_sink(e, TL_INPUT_LATE, v, error);
    for (size_t i = 0; ok && i < plan->source_count; i++)
        ok = plan->sources[i].of_view || add_dead_sink(e, TL_INPUT_MALFORMED, i, error);
    return ok;
}

void tl_sinks_close(struct tl_engine *e)
{
    for (size_t i = 0; i < e->sink_count; i++) {
        tl_parquet_sink_close(e->sinks[i].sink);
        tl_delta_sink_close(e->sinks[i].delta);
    }
    free(e->sinks);
    e->sinks = NULL;
    e->sink_count = 0;
}

bool tl_sinks_want_view(const struct tl_engine *e, size_t view)
{
    for (size_t i = 0; i < e->sink_count; i++)
        if (e->sinks[i].input == TL_INPUT_VIEW && e->sinks[i].index == view)
            return true;
    return false;
}

static struct tl_parquet_sink_options options_of(const struct tl_engine *e, const struct tl_sink_run *sink)
{
    return (struct tl_parquet_sink_options){ .pipeline = e->plan->name,
                                             .view = sink->label,
                                             .path = sink->path,
                                             .partition_by = sink->partition_by,
                                             .partition_count = sink->partition_count,
                                             .format = sink->format,
                                             .compression = sink->compression };
}

/* At the first row: a sink brings a database of its own, which is not free. */
static bool open_sink(struct tl_engine *e, struct tl_sink_run *sink, struct tl_error *error)
{
    if (sink->sink || sink->delta)
        return true;
    struct tl_parquet_sink_options options = options_of(e, sink);
    if (sink->format != TL_SINK_DELTA)
        return tl_parquet_sink_open(&sink->sink, e->lake, &options, error);
    struct tl_dead_columns columns = columns_of(e, sink->input, sink->index);
    return tl_delta_sink_open(&sink->delta, e->lake, &options, columns.defs, columns.count, error);
}

static bool write_sink(struct tl_engine *e, struct tl_sink_run *sink, uint64_t epoch, const struct tl_rows *rows, struct tl_file_list *files,
                       struct tl_error *error)
{
    if (!open_sink(e, sink, error))
        return false;
    return sink->delta ? tl_delta_sink_write(sink->delta, epoch, rows, files, error)
                       : tl_parquet_sink_write(sink->sink, epoch, rows, files, error);
}

/* Files of a Delta table that no commit names are nobody's; of an epoch that is in the log nothing may be taken away. */
static bool check_not_in_log(struct tl_engine *e, struct tl_sink_run *sink, uint64_t epoch, struct tl_error *error)
{
    if (!open_sink(e, sink, error))
        return false;
    return tl_delta_sink_epoch(sink->delta) < epoch ||
           tl_error_set(error, TL_CORRUPT, "epoch %" PRIu64 " is in the Delta table '%s' already, and cannot be begun anew", epoch, sink->path);
}

static bool add_files_of(struct tl_engine *e, struct tl_sink_run *sink, uint64_t epoch, struct tl_file_list *out,
                         struct tl_error *error)
{
    if (sink->format == TL_SINK_DELTA && epoch > 0)
        return check_not_in_log(e, sink, epoch, error);
    struct tl_parquet_sink_options options = options_of(e, sink);
    struct tl_store_entries entries;
    if (!tl_store_walk(e->lake, sink->path, &entries, error))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < entries.count; i++) {
        uint64_t of;
        if (tl_parquet_sink_wrote(&options, entries.items[i].name, &of) && (epoch == 0 || of == epoch))
            ok = tl_file_list_add(out, entries.items[i].name, 0) || tl_error_set(error, TL_NO_MEMORY, "out of memory");
    }
    tl_store_entries_release(&entries);
    return ok;
}

bool tl_sinks_files_of(struct tl_engine *e, uint64_t epoch, struct tl_file_list *out, struct tl_error *error)
{
    *out = (struct tl_file_list){ 0 };
    for (size_t i = 0; i < e->sink_count; i++) {
        if (add_files_of(e, &e->sinks[i], epoch, out, error))
            continue;
        tl_file_list_release(out);
        return tl_error_context(error, "sink '%s'", e->sinks[i].label);
    }
    return true;
}

bool tl_sinks_write(struct tl_engine *e, uint64_t epoch, const struct tl_rows *rows,
                    const struct tl_rows *late, const struct tl_rows *malformed, struct tl_file_list *files,
                    struct tl_error *error)
{
    for (size_t i = 0; i < e->sink_count; i++) {
        struct tl_sink_run *sink = &e->sinks[i];
        const struct tl_rows *from = sink->input == TL_INPUT_VIEW   ? rows
                                     : sink->input == TL_INPUT_LATE ? late
                                                                    : malformed;
        if (from[sink->index].row_count == 0)
            continue;
        if (!write_sink(e, sink, epoch, &from[sink->index], files, error))
            return tl_error_context(error, "sink '%s'", sink->label);
    }
    return true;
}
