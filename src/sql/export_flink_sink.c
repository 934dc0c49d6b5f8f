/* SPDX-License-Identifier: Apache-2.0 */
/* The sinks in Flink: filesystem tables in the folders that tapeline writes, and one statement set, which is one job, that fills them.
 * Their files become visible with a checkpoint, which stands for an epoch's commit. */
#include "base/partition.h"
#include "engine/dead_letters.h"
#include "sql/export_flink.h"
#include "sql/export_refuse.h"

#include <stdio.h>

#define A_LINE 6 /* columns */

struct sink_table {
    char name[160], from[160], path[512];
    const struct tl_column_def *columns;
    size_t column_count;
    const char **partition_by;
    size_t partition_count;
    enum tl_sink_format format;
    enum tl_sink_compression compression;
    int64_t commit_every_ns;
};

/* A lake's path as Flink takes it. */
static void add_path(struct tl_flink_job *j, const char *below)
{
    const struct tl_profile_plan *p = j->options->profile;
    const char *lake = j->options->lake ? j->options->lake : p && p->lake ? p->lake : "./lake";
    struct tl_buf path;
    tl_buf_init(&path, 1 << 16);
    tl_buf_addf(&path, "%s%s/%s", lake[0] == '/' ? "file://" : "", lake, below);
    tl_sql_write_text(&tl_flink_dialect, tl_buf_view(&path), j->out);
    tl_buf_release(&path);
}

static const struct tl_column_def *column_of(const struct sink_table *t, struct tl_view name)
{
    for (size_t i = 0; i < t->column_count; i++)
        if (tl_view_eq(tl_view_of(t->columns[i].name), name))
            return &t->columns[i];
    return NULL;
}

static void add_type(const struct sink_table *t, enum tl_type type, struct tl_buf *out)
{
    /* Parquet has microseconds, as tapeline's; text formats have what there is */
    bool fine = type == TL_TYPE_TIMESTAMP && (t->format == TL_SINK_PARQUET || t->format == TL_SINK_DELTA);
    tl_buf_add_text(out, fine ? "TIMESTAMP(6)" : tl_flink_dialect.types[type]);
}

static void add_view_name(struct tl_buf *out, struct tl_view name, struct tl_arena *arena)
{
    tl_flink_add_name(out, tl_arena_text(arena, name), "");
}

static void write_columns(struct tl_flink_job *j, const struct sink_table *t)
{
    struct tl_buf *out = j->out;
    for (size_t i = 0; i < t->column_count; i++) {
        tl_buf_add_text(out, !i ? "\n  " : i % A_LINE ? ", " : ",\n  ");
        tl_flink_add_name(out, t->columns[i].name, "");
        tl_buf_add_char(out, ' ');
        add_type(t, t->columns[i].type, out);
    }
    for (size_t i = 0; i < t->partition_count; i++) {
        struct tl_partition p = tl_partition_of(tl_view_of(t->partition_by[i]));
        const struct tl_column_def *of = column_of(t, p.column);
        if (p.unit == TL_PARTITION_VALUE || !of)
            continue;
        tl_buf_add_text(out, ", ");
        add_view_name(out, p.name, &j->arena);
        tl_buf_add_char(out, ' ');
        tl_buf_add_text(out, tl_flink_dialect.types[tl_partition_type(p.unit, of->type)]);
    }
}

static void write_partitions(struct tl_flink_job *j, const struct sink_table *t)
{
    for (size_t i = 0; i < t->partition_count; i++) {
        tl_buf_add_text(j->out, i ? ", " : " PARTITIONED BY (");
        add_view_name(j->out, tl_partition_of(tl_view_of(t->partition_by[i])).name, &j->arena);
    }
    if (t->partition_count)
        tl_buf_add_char(j->out, ')');
}

static void write_format(struct tl_flink_job *j, const struct sink_table *t)
{
    struct tl_buf *out = j->out;
    switch (t->format) {
    case TL_SINK_CSV:
        tl_buf_add_text(out, ",\n  'format' = 'csv'  -- Flink writes no head line");
        break;
    case TL_SINK_JSON:
        tl_buf_add_text(out, ",\n  'format' = 'json'");
        break;
    default:
        tl_buf_addf(out,
                    ",\n  'format' = 'parquet', 'parquet.compression' = '%s', 'parquet.utc-timezone' = 'true',\n"
                    "  'parquet.write.int64.timestamp' = 'true', 'parquet.timestamp.time.unit' = 'micros'",
                    t->compression == TL_SINK_SNAPPY ? "SNAPPY" : "ZSTD");
    }
    if (t->partition_count)
        tl_buf_add_text(out, ",\n  'partition.default-name' = '__HIVE_DEFAULT_PARTITION__'");
    if (t->format == TL_SINK_CSV || t->format == TL_SINK_JSON) { /* Parquet's files end with each checkpoint anyway */
        tl_buf_add_text(out, ",\n  'sink.rolling-policy.rollover-interval' = '");
        tl_sql_write_span(t->commit_every_ns, false, out);
        tl_buf_add_text(out, "', 'sink.rolling-policy.check-interval' = '");
        tl_sql_write_span(t->commit_every_ns, false, out);
        tl_buf_add_char(out, '\'');
    }
}

static void write_table(struct tl_flink_job *j, const struct sink_table *t)
{
    struct tl_buf *out = j->out;
    tl_buf_add_text(out, "CREATE TEMPORARY TABLE ");
    tl_flink_add_name(out, t->name, "");
    tl_buf_add_text(out, " (");
    write_columns(j, t);
    tl_buf_add_text(out, "\n)");
    write_partitions(j, t);
    tl_buf_add_text(out, " WITH (\n  'connector' = 'filesystem', 'path' = ");
    add_path(j, t->path);
    write_format(j, t);
    tl_buf_add_text(out, "\n);\n\n");
}

static void write_insert(struct tl_flink_job *j, const struct sink_table *t)
{
    static const char *const units[] = { [TL_PARTITION_YEAR] = "EXTRACT(YEAR FROM @)", [TL_PARTITION_MONTH] = "DATE_FORMAT(@, 'yyyy-MM')",
                                         [TL_PARTITION_DAY] = "CAST(@ AS DATE)", [TL_PARTITION_HOUR] = "DATE_FORMAT(@, 'yyyy-MM-dd-HH')" };
    struct tl_buf *out = j->out;
    tl_buf_add_text(out, "  INSERT INTO ");
    tl_flink_add_name(out, t->name, "");
    tl_buf_add_text(out, " SELECT");
    for (size_t i = 0; i < t->column_count; i++) {
        tl_buf_add_text(out, !i ? "\n    " : i % A_LINE ? ", " : ",\n    ");
        tl_flink_add_name(out, t->columns[i].name, "");
    }
    for (size_t i = 0; i < t->partition_count; i++) {
        struct tl_partition p = tl_partition_of(tl_view_of(t->partition_by[i]));
        for (const char *c = p.unit == TL_PARTITION_VALUE ? "" : units[p.unit]; *c; c++) {
            if (c == units[p.unit])
                tl_buf_add_text(out, ", ");
            if (*c == '@')
                add_view_name(out, p.column, &j->arena);
            else
                tl_buf_add_char(out, *c);
        }
    }
    tl_buf_add_text(out, "\n  FROM ");
    tl_flink_add_name(out, t->from, "");
    tl_buf_add_text(out, ";\n");
}

/* ---- which there are ---- */

static bool dead_columns(struct tl_flink_job *j, enum tl_input_kind input, size_t index, struct sink_table *t)
{
    struct tl_dead_columns columns;
    bool ok = input == TL_INPUT_LATE ? tl_dead_late_columns(j->plan, index, &j->arena, &columns, j->error)
                                     : tl_dead_malformed_columns(&j->arena, &columns, j->error);
    if (ok) {
        t->columns = columns.defs;
        t->column_count = columns.count;
    }
    return ok;
}

/* What the sink reads, and its columns. */
static bool fill_input(struct tl_flink_job *j, enum tl_input_kind input, size_t index, struct sink_table *t)
{
    if (input != TL_INPUT_VIEW) {
        snprintf(t->from, sizeof t->from, "%.140s_%s", input == TL_INPUT_LATE ? j->plan->views[index].name : j->plan->sources[index].name,
                 input == TL_INPUT_LATE ? "late" : "malformed");
        return dead_columns(j, input, index, t);
    }
    const struct tl_view_plan *v = &j->plan->views[index];
    snprintf(t->from, sizeof t->from, "%.140s", v->name);
    t->columns = v->columns;
    t->column_count = v->column_count;
    return true;
}

/* A sink may bear the name of a view or source. */
static bool is_taken(const struct tl_plan *plan, const char *name)
{
    bool taken = false;
    for (size_t i = 0; i < plan->view_count; i++)
        taken = taken || tl_view_eq_ignore_case(tl_view_of(plan->views[i].name), tl_view_of(name));
    for (size_t i = 0; i < plan->source_count; i++)
        taken = taken || tl_view_eq_ignore_case(tl_view_of(plan->sources[i].name), tl_view_of(name));
    return taken;
}

static bool fill_sink(struct tl_flink_job *j, const struct tl_sink_plan *s, struct sink_table *t)
{
    *t = (struct sink_table){ .partition_by = s->partition_by, .partition_count = s->partition_count, .format = s->format,
                              .compression = s->compression, .commit_every_ns = s->commit_every_ns };
    snprintf(t->name, sizeof t->name, "%.140s%s", s->name, is_taken(j->plan, s->name) ? "_sink" : "");
    snprintf(t->path, sizeof t->path, "%.500s", s->path);
    if (s->format == TL_SINK_DELTA)
        return tl_export_refuse(j->plan, s->format_place, j->error,
                                "sink '%s': format = 'delta' is not exported to Flink, which has no Delta format of its own: take 'parquet', or 'tapeline export spark'",
                                s->name);
    return fill_input(j, s->input, s->index, t);
}

/* What no view could use is kept as well, where tapeline keeps it. */
static bool fill_dead(struct tl_flink_job *j, enum tl_input_kind input, size_t index, int64_t every_ns, struct sink_table *t)
{
    *t = (struct sink_table){ .commit_every_ns = every_ns };
    if (!fill_input(j, input, index, t))
        return false;
    snprintf(t->name, sizeof t->name, "%.140s_letters", t->from);
    snprintf(t->path, sizeof t->path, "dead_letter/%.128s/%.140s", j->plan->name, t->from);
    return true;
}

static int64_t commit_every(const struct tl_plan *plan)
{
    int64_t every = plan->sink_count ? plan->sinks[0].commit_every_ns : 60000000000;
    for (size_t i = 1; i < plan->sink_count; i++)
        every = plan->sinks[i].commit_every_ns < every ? plan->sinks[i].commit_every_ns : every;
    return every;
}

static bool fill_tables(struct tl_flink_job *j, struct sink_table *tables, size_t *count)
{
    const struct tl_plan *plan = j->plan;
    int64_t every = commit_every(plan);
    bool ok = true;
    for (size_t i = 0; ok && i < plan->sink_count; i++)
        ok = fill_sink(j, &plan->sinks[i], &tables[(*count)++]);
    for (size_t i = 0; ok && i < plan->view_count; i++)
        if (plan->views[i].window != TL_WINDOW_NONE && !plan->sources[plan->views[i].source].of_view)
            ok = fill_dead(j, TL_INPUT_LATE, i, every, &tables[(*count)++]);
    for (size_t i = 0; ok && i < plan->source_count; i++)
        if (tl_export_reads(plan, i) && !plan->sources[i].of_view)
            ok = fill_dead(j, TL_INPUT_MALFORMED, i, every, &tables[(*count)++]);
    return ok;
}

bool tl_flink_write_sinks(struct tl_flink_job *j)
{
    const struct tl_plan *plan = j->plan;
    size_t count = 0;
    struct sink_table *tables = TL_ARENA_ARRAY(&j->arena, plan->sink_count + plan->view_count + plan->source_count + 1, struct sink_table);
    if (!tl_arena_ok(&j->arena, "the sinks", j->error) || !fill_tables(j, tables, &count))
        return false;
    tl_buf_add_text(j->out, "-- ---- sinks: what they write is seen when a checkpoint is complete ----\n");
    for (size_t i = 0; i < count; i++)
        write_table(j, &tables[i]);
    tl_buf_add_text(j->out, "EXECUTE STATEMENT SET BEGIN\n");
    for (size_t i = 0; i < count; i++)
        write_insert(j, &tables[i]);
    tl_buf_add_text(j->out, "END;\n");
    return tl_arena_ok(&j->arena, "the sinks", j->error);
}
