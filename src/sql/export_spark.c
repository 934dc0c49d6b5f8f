/* SPDX-License-Identifier: Apache-2.0 */
/* A plan as a PySpark job: templates/spark_job.py, with the example in it replaced by what the plan says. */
#include "sql/export_spark.h"

#include "base/partition.h"
#include "base/time.h"
#include "sql/export.h"
#include "sql/export_names.h"

#include <assert.h>
#include <stdio.h>

#define SQL_MAX (1 << 20)

extern const char tl_template_spark_job_start[], tl_template_spark_job_end[], tl_template_spark_readme_start[];

struct job {
    const struct tl_plan *plan;
    const struct tl_export_options *options;
    struct tl_arena arena;
    const char ***names; /* by source: of its slots */
    struct tl_buf *out;
    struct tl_error *error;
};

/* ---- Python ---- */

static void add_python_text(struct tl_buf *out, struct tl_view text)
{
    tl_buf_add_char(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c == '"' || c == '\\')
            tl_buf_addf(out, "\\%c", c);
        else if (c == '\n')
            tl_buf_add_text(out, "\\n");
        else if (c < 0x20 || c == 0x7f)
            tl_buf_addf(out, "\\x%02x", c);
        else
            tl_buf_add_char(out, (char)c);
    }
    tl_buf_add_char(out, '"');
}

static void add_text(struct tl_buf *out, const char *text)
{
    add_python_text(out, tl_view_of(text));
}

/* A name of Python's for one of ours: letters, digits and _, not beginning with a digit. */
static void add_identifier(struct tl_buf *out, const char *name, bool upper)
{
    if (name[0] >= '0' && name[0] <= '9')
        tl_buf_add_char(out, '_');
    for (const char *p = name; *p; p++) {
        bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z'), digit = *p >= '0' && *p <= '9';
        char c = letter || digit ? *p : '_';
        tl_buf_add_char(out, upper && c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c);
    }
}

static void add_span(struct tl_buf *out, int64_t ns)
{
    tl_buf_add_char(out, '"');
    tl_sql_write_span(ns, false, out);
    tl_buf_add_char(out, '"');
}

/* The name as a column for Spark, in Python's quotes: "ticker", "`last close`". */
static void add_column(struct tl_buf *out, const char *name)
{
    struct tl_buf text;
    tl_buf_init(&text, SQL_MAX);
    if (name[0] == '=')
        tl_buf_add_text(&text, name + 1);
    else
        tl_sql_write_name(&tl_spark_dialect, name, &text);
    add_python_text(out, tl_buf_view(&text));
    tl_buf_release(&text);
}

/* The expression as Spark SQL in Python's quotes. */
static bool add_sql(struct job *j, const struct tl_expr *e, const char *const *names, const char *subject)
{
    struct tl_buf sql;
    tl_buf_init(&sql, SQL_MAX);
    struct tl_sql_writer w = { .dialect = &tl_spark_dialect, .names = names, .out = &sql, .subject = subject };
    bool ok = tl_sql_write(&w, e, j->error);
    if (ok)
        add_python_text(j->out, tl_buf_view(&sql));
    tl_buf_release(&sql);
    return ok;
}

/* ---- sources ---- */

static const char *const python_types[] = { NULL, "TEXT", "BOOLEAN", "INTEGER", "BIGINT", "DOUBLE", "DATE", "TIMESTAMP" };

/* The column that an event time is made of, and how, as decode_record() of the job knows it. NULL: in another way. */
static const char *event_time_of(const struct tl_source_plan *s, size_t *column)
{
    static const char *const units[] = { [TL_PART_SECOND] = "s", [TL_PART_MILLISECOND] = "ms", [TL_PART_MICROSECOND] = "us", [TL_PART_NANOSECOND] = "ns" };
    *column = s->event_time_column != SIZE_MAX ? s->event_time_column : s->event_time_slot;
    if (*column < s->column_count)
        return s->event_time_column != SIZE_MAX ? "text" : "column";
    const struct tl_expr *e = s->slots[s->event_time_slot].expr;
    if (!e || e->op != TL_OP_FROM_EPOCH)
        return NULL;
    const struct tl_expr *of = e->args[0]->op == TL_OP_CAST ? e->args[0]->args[0] : e->args[0];
    *column = of->slot;
    bool whole = of->type == TL_TYPE_BIGINT || of->type == TL_TYPE_INTEGER;
    return of->op == TL_OP_COLUMN && whole && of->slot < s->column_count ? units[e->part] : NULL;
}

static bool check_source(struct job *j, const struct tl_source_plan *s)
{
    size_t column;
    if (s->of_view)
        return tl_error_set(j->error, TL_UNSUPPORTED,
                            "a view over the view '%s' is not exported to Spark: leave it to tapeline, or let a job of its own read the table of '%s'",
                            s->name, s->name);
    if (s->dedup_count)
        return tl_error_set(j->error, TL_UNSUPPORTED,
                            "source '%s': DEDUP BY is not exported to Spark, whose dropDuplicatesWithinWatermark forgets by one watermark of all shards (rule 11): leave it out, or run the pipeline in tapeline",
                            s->name);
    if (!event_time_of(s, &column))
        return tl_error_set(j->error, TL_UNSUPPORTED,
                            "source '%s': its event time is exported to Spark when it is a TIMESTAMP column, PARSE_TIMESTAMP(column) or TO_TIMESTAMP_MS(column) and the like",
                            s->name);
    for (size_t i = 0; i < s->named_count; i++)
        if (s->named[i].name[0] == '_')
            return tl_error_set(j->error, TL_UNSUPPORTED,
                                "source '%s': the job keeps names that begin with '_' for itself: rename the column '%s'", s->name, s->named[i].name);
    return true;
}

static void write_columns(struct job *j, const struct tl_source_plan *s)
{
    tl_buf_add_text(j->out, "    columns=[");
    for (size_t i = 0; i < s->column_count; i++) {
        tl_buf_add_text(j->out, i ? (i % 4 ? " (" : "\n             (") : "(");
        add_text(j->out, s->columns[i].name);
        tl_buf_addf(j->out, ", %s, %s)%s", python_types[s->columns[i].type], s->columns[i].not_null ? "True" : "False",
                    i + 1 < s->column_count ? "," : "");
    }
    tl_buf_add_text(j->out, "],\n");
}

/* Metadata and computed columns: name and SQL. */
static bool write_computed(struct job *j, const struct tl_source_plan *s, const char *const *names)
{
    static const char *const metadata[] = { [TL_SLOT_SHARD_ID] = "\"_shard\"", [TL_SLOT_SEQUENCE_NUMBER] = "\"_sequence\"",
                                            [TL_SLOT_ARRIVAL_TIME] = "\"_arrival\"", [TL_SLOT_PARTITION_KEY] = "\"_key\"",
                                            [TL_SLOT_SUB_SEQUENCE] = "\"0L\"", [TL_SLOT_COMPUTED] = NULL };
    char subject[192];
    const char *between = "";
    snprintf(subject, sizeof subject, "source '%.128s'", s->name);
    tl_buf_add_text(j->out, "computed={");
    for (size_t i = s->column_count; i < s->named_count; i++) {
        const struct tl_slot_plan *slot = &s->slots[i];
        if (slot->kind == TL_SLOT_EVENT_TIME)
            continue;
        tl_buf_add_text(j->out, between);
        add_text(j->out, slot->def.name);
        tl_buf_add_text(j->out, ": ");
        if (slot->kind == TL_SLOT_COMPUTED ? !add_sql(j, slot->expr, names, subject) : false)
            return false;
        if (slot->kind != TL_SLOT_COMPUTED)
            tl_buf_add_text(j->out, metadata[slot->kind]);
        between = ", ";
    }
    tl_buf_add_text(j->out, "},\n");
    return true;
}

static bool write_source(struct job *j, const struct tl_source_plan *s, const char *const *names)
{
    size_t column;
    const char *how = event_time_of(s, &column);
    add_identifier(j->out, s->name, true);
    tl_buf_add_text(j->out, " = Source(\n    name=");
    add_text(j->out, s->name);
    tl_buf_add_text(j->out, ", stream=");
    add_text(j->out, s->stream);
    tl_buf_addf(j->out, ", start=\"%s\",\n", s->start == TL_START_LATEST ? "LATEST" : "TRIM_HORIZON");
    write_columns(j, s);
    tl_buf_add_text(j->out, "    event_time=(");
    add_text(j->out, s->event_time);
    tl_buf_add_text(j->out, ", ");
    add_text(j->out, s->columns[column].name);
    tl_buf_addf(j->out, ", \"%s\"), delay=%lld, skew=%lld,\n    ", how, (long long)(s->delay_ns / TL_NS_PER_US),
                (long long)(s->max_future_skew_ns / TL_NS_PER_US));
    if (!write_computed(j, s, names))
        return false;
    tl_buf_add_text(j->out, ")\n");
    return true;
}

/* ---- views ---- */

struct view_job {
    struct job *j;
    const struct tl_view_plan *v;
    const struct tl_source_plan *s;
    const char *const *names; /* of the record's slots */
    const char **group;       /* of the group's */
    char subject[192];
};

/* A slot of the record as a column: "close", or F.expr("close * 2"). call: as Column, also where a name would do. */
static bool add_slot(struct view_job *w, size_t slot, bool call)
{
    struct tl_buf *out = w->j->out;
    if (w->names[slot]) {
        tl_buf_add_text(out, call ? "F.col(" : "");
        add_column(out, w->names[slot]);
        tl_buf_add_text(out, call ? ")" : "");
        return true;
    }
    tl_buf_add_text(out, "F.expr(");
    if (!add_sql(w->j, w->s->slots[slot].expr, w->names, w->subject))
        return false;
    tl_buf_add_char(out, ')');
    return true;
}

static bool write_keys(struct view_job *w)
{
    struct tl_buf *out = w->j->out;
    const char *between = "";
    if (w->v->window == TL_WINDOW_SESSION) {
        tl_buf_add_text(out, "F.session_window(");
        add_column(out, w->s->event_time);
        tl_buf_add_text(out, ", ");
        add_span(out, w->v->size_ns - TL_NS_PER_US); /* Spark joins sessions that only touch */
        tl_buf_add_text(out, ").alias(\"_window\")");
        between = ", ";
    } else if (w->v->window != TL_WINDOW_NONE) {
        tl_buf_add_text(out, "\"_window\"");
        between = ", ";
    }
    for (size_t k = 0; k < w->v->key_count; k++) {
        tl_buf_add_text(out, between);
        if (!add_slot(w, w->v->keys[k], false))
            return false;
        if (!w->names[w->v->keys[k]] || strcmp(w->names[w->v->keys[k]], w->group[k]) != 0) {
            tl_buf_add_text(out, w->names[w->v->keys[k]] ? " " : "");
            tl_buf_add_text(out, ".alias(");
            add_text(out, w->group[k]);
            tl_buf_add_char(out, ')');
        }
        between = ", ";
    }
    return true;
}

/* FIRST and LAST by the order of the records (rule 1), not by arrival. */
static bool write_ordered(struct view_job *w, const struct tl_aggregate_plan *a)
{
    struct tl_buf *out = w->j->out;
    tl_buf_add_text(out, a->kind == TL_AGG_FIRST ? "F.min_by(" : "F.max_by(");
    if (!add_slot(w, a->column, false))
        return false;
    if (!a->ignore_nulls) {
        tl_buf_add_text(out, ", \"_place\")");
        return true;
    }
    tl_buf_add_text(out, ", F.when(");
    if (!add_slot(w, a->column, true))
        return false;
    tl_buf_add_text(out, ".isNotNull(), F.col(\"_place\")))");
    return true;
}

static bool write_vwap(struct view_job *w, const struct tl_aggregate_plan *a)
{
    struct tl_buf *out = w->j->out;
    tl_buf_add_text(out, "vwap(");
    if (!add_slot(w, a->column, true))
        return false;
    tl_buf_add_text(out, ", ");
    if (!add_slot(w, a->volume, true))
        return false;
    tl_buf_add_char(out, ')');
    return true;
}

static bool write_aggregate(struct view_job *w, const struct tl_aggregate_plan *a)
{
    static const struct {
        const char *open, *close;
    } calls[] = {
        [TL_AGG_COUNT] = { "F.count(", ")" },
        [TL_AGG_SUM] = { "F.sum(", ")" },
        [TL_AGG_AVG] = { "F.avg(", ")" },
        [TL_AGG_MIN] = { "F.min(", ")" },
        [TL_AGG_MAX] = { "F.max(", ")" },
        [TL_AGG_COUNT_DISTINCT] = { "F.size(F.collect_set(", ")).cast(\"bigint\")" },
        [TL_AGG_STDDEV_SAMP] = { "F.stddev_samp(", ")" },
        [TL_AGG_STDDEV_POP] = { "F.stddev_pop(", ")" },
    };
    struct tl_buf *out = w->j->out;
    if (a->kind == TL_AGG_COUNT_ALL) {
        tl_buf_add_text(out, "F.count(F.lit(1))");
        return true;
    }
    if (a->kind == TL_AGG_FIRST || a->kind == TL_AGG_LAST)
        return write_ordered(w, a);
    if (a->kind == TL_AGG_VWAP)
        return write_vwap(w, a);
    tl_buf_add_text(out, a->kind == TL_AGG_SUM && a->type != TL_TYPE_DOUBLE ? "F.try_sum(" : calls[a->kind].open);
    if (!add_slot(w, a->column, false))
        return false;
    tl_buf_add_text(out, calls[a->kind].close);
    return true;
}

static bool write_aggregates(struct view_job *w)
{
    struct tl_buf *out = w->j->out;
    tl_buf_add_text(out, "        .agg(\n");
    for (size_t i = 0; i < w->v->aggregate_count; i++) {
        tl_buf_add_text(out, "            ");
        if (!write_aggregate(w, &w->v->aggregates[i]))
            return false;
        tl_buf_add_text(out, ".alias(");
        add_text(out, w->group[tl_group_slot(w->v, TL_OUT_AGGREGATE, i)]);
        tl_buf_add_text(out, "),\n");
    }
    tl_buf_add_text(out, w->v->aggregate_count ? "        )\n" : "            F.count(F.lit(1)),\n        )\n");
    return true;
}

static bool write_output(struct view_job *w, size_t i)
{
    const struct tl_output_plan *o = &w->v->outputs[i];
    struct tl_buf *out = w->j->out;
    const char *name = w->v->columns[i].name;
    if (o->kind == TL_OUT_EXPRESSION) {
        tl_buf_add_text(out, "F.expr(");
        if (!add_sql(w->j, w->v->expressions[o->index], w->group, w->subject))
            return false;
        tl_buf_add_text(out, ").alias(");
        add_text(out, name);
        tl_buf_add_char(out, ')');
        return true;
    }
    const char *from = w->group[tl_group_slot(w->v, o->kind, o->index)];
    if (strcmp(from, name) == 0) {
        add_column(out, name);
        return true;
    }
    tl_buf_add_text(out, from[0] == '=' && strchr(from, ' ') ? "F.expr(" : "F.col(");
    add_column(out, from);
    tl_buf_add_text(out, ").alias(");
    add_text(out, name);
    tl_buf_add_char(out, ')');
    return true;
}

static bool write_outputs(struct view_job *w)
{
    struct tl_buf *out = w->j->out;
    tl_buf_add_text(out, "        .select(");
    for (size_t i = 0; i < w->v->column_count; i++) {
        bool plain = w->v->outputs[i].kind == TL_OUT_KEY || w->v->outputs[i].kind == TL_OUT_AGGREGATE;
        tl_buf_add_text(out, !i ? "" : plain && i % 6 ? ", " : ",\n                ");
        if (!write_output(w, i))
            return false;
    }
    tl_buf_add_text(out, ")\n");
    return true;
}

static bool write_decorator(struct view_job *w)
{
    static const char *const emits[] = { "append", "update", "complete" };
    struct tl_buf *out = w->j->out;
    tl_buf_add_text(out, "\n\n@view(");
    add_text(out, w->v->name);
    tl_buf_add_text(out, ", ");
    add_identifier(out, w->s->name, true);
    tl_buf_addf(out, ", emit=\"%s\"", emits[w->v->emit]);
    if (w->v->has_where) {
        tl_buf_add_text(out, ", where=");
        const struct tl_slot_plan *where = &w->s->slots[w->v->where];
        if (w->names[w->v->where])
            add_column(out, w->names[w->v->where]);
        else if (!add_sql(w->j, where->expr, w->names, w->subject))
            return false;
    }
    if (w->v->window == TL_WINDOW_TUMBLE || w->v->window == TL_WINDOW_HOP) {
        tl_buf_add_text(out, ", window=(");
        add_span(out, w->v->size_ns);
        tl_buf_add_text(out, ", ");
        add_span(out, tl_window_slide(w->v));
        tl_buf_add_text(out, ", ");
        add_span(out, w->v->offset_ns);
        tl_buf_add_char(out, ')');
    }
    tl_buf_add_text(out, ")\ndef ");
    add_identifier(out, w->v->name, false);
    tl_buf_add_char(out, '(');
    add_identifier(out, w->s->name, false);
    tl_buf_add_text(out, "):\n    return (\n        ");
    return true;
}

static bool write_view(struct job *j, const struct tl_view_plan *v)
{
    const struct tl_source_plan *s = &j->plan->sources[v->source];
    struct view_job w = { .j = j, .v = v, .s = s, .names = j->names[v->source] };
    snprintf(w.subject, sizeof w.subject, "view '%.128s'", v->name);
    const char *end = v->window == TL_WINDOW_SESSION ? "=_window.end + INTERVAL '1' MICROSECOND" : "=_window.end";
    w.group = tl_export_group_names(s, v, "=_window.start", end, &j->arena);
    if (!tl_arena_ok(&j->arena, "the names of a view", j->error) || !write_decorator(&w))
        return false;
    add_identifier(j->out, s->name, false);
    tl_buf_add_text(j->out, ".groupBy(");
    if (!write_keys(&w))
        return false;
    tl_buf_add_text(j->out, ")\n");
    if (!write_aggregates(&w))
        return false;
    if (v->having) {
        tl_buf_add_text(j->out, "        .where(");
        if (!add_sql(j, v->having, w.group, w.subject))
            return false;
        tl_buf_add_text(j->out, ")\n");
    }
    if (!write_outputs(&w))
        return false;
    tl_buf_add_text(j->out, "    )\n");
    return true;
}

/* ---- sinks ---- */

static void write_partition(struct job *j, const char *text)
{
    static const char *const units[] = { [TL_PARTITION_VALUE] = "%s", [TL_PARTITION_YEAR] = "BIGINT(YEAR(%s))", [TL_PARTITION_MONTH] = "DATE_FORMAT(%s, 'yyyy-MM')",
                                         [TL_PARTITION_DAY] = "DATE(%s)", [TL_PARTITION_HOUR] = "DATE_FORMAT(%s, 'yyyy-MM-dd-HH')" };
    struct tl_partition p = tl_partition_of(tl_view_of(text));
    struct tl_buf column, sql;
    tl_buf_init(&column, SQL_MAX);
    tl_buf_init(&sql, SQL_MAX);
    tl_sql_write_name(&tl_spark_dialect, tl_arena_text(&j->arena, p.column), &column);
    const char *unit = units[p.unit], *hole = strstr(unit, "%s");
    tl_buf_add(&sql, unit, (size_t)(hole - unit));
    tl_buf_add_view(&sql, tl_buf_view(&column));
    tl_buf_add_text(&sql, hole + 2);
    add_python_text(j->out, p.name);
    tl_buf_add_text(j->out, ": ");
    add_python_text(j->out, tl_buf_view(&sql));
    tl_buf_release(&sql);
    tl_buf_release(&column);
}

static void write_sink_options(struct job *j, const struct tl_sink_plan *s)
{
    if (s->format == TL_SINK_CSV)
        tl_buf_add_text(j->out, "{\"header\": \"true\"}");
    else if (s->format == TL_SINK_JSON)
        tl_buf_add_text(j->out, "{\"ignoreNullFields\": \"false\"}");
    else
        tl_buf_addf(j->out, "{\"compression\": \"%s\"}", s->compression == TL_SINK_SNAPPY ? "snappy" : "zstd");
}

static void write_sink(struct job *j, const struct tl_sink_plan *s)
{
    static const char *const inputs[] = { "%s", "LATE(%s)", "MALFORMED(%s)" }, *const formats[] = { "parquet", "delta", "csv", "json" };
    const char *of = s->input == TL_INPUT_MALFORMED ? j->plan->sources[s->index].name : j->plan->views[s->index].name;
    const char *input = inputs[s->input], *hole = strstr(input, "%s");
    tl_buf_add_text(j->out, "    Sink(");
    add_text(j->out, s->name);
    tl_buf_addf(j->out, ", of=\"%.*s%s%s\", path=", (int)(hole - input), input, of, hole + 2);
    add_text(j->out, s->path);
    tl_buf_add_text(j->out, ", partition_by={");
    for (size_t i = 0; i < s->partition_count; i++) {
        tl_buf_add_text(j->out, i ? ", " : "");
        write_partition(j, s->partition_by[i]);
    }
    tl_buf_addf(j->out, "}, format=\"%s\",\n         options=", formats[s->format]);
    write_sink_options(j, s);
    tl_buf_add_text(j->out, ", every=");
    add_span(j->out, s->commit_every_ns);
    tl_buf_add_text(j->out, ", table=");
    if (s->table)
        add_text(j->out, s->table);
    else
        tl_buf_add_text(j->out, "None");
    tl_buf_add_text(j->out, "),\n");
}

/* ---- the job ---- */

static void write_head(struct job *j)
{
    tl_buf_addf(j->out,
                "\"\"\"%s: the streaming views of %s as a PySpark Structured Streaming job.\n\n"
                "Written by 'tapeline export spark', for Spark 3.5. A record that cannot be read is kept in a table, and one that comes too late for\n"
                "its window as well; each batch's rows are appended to the lake once, in the folders that tapeline writes. README.md has the\n"
                "lines for spark-submit.\n\"\"\"\n",
                j->plan->name, j->options->file_name);
}

static void write_defaults(struct job *j)
{
    const struct tl_profile_plan *p = j->options->profile;
    bool url = p && p->kinesis && strncmp(p->kinesis, "http", 4) == 0;
    tl_buf_add_text(j->out, "PIPELINE = ");
    add_text(j->out, j->plan->name);
    tl_buf_add_text(j->out, "\nDEFAULTS = dict(lake=");
    add_text(j->out, p && p->lake ? p->lake : "./lake");
    tl_buf_add_text(j->out, ", region=");
    add_text(j->out, p && p->region ? p->region : "us-east-1");
    tl_buf_add_text(j->out, ", endpoint=");
    if (url)
        add_text(j->out, p->kinesis);
    else
        tl_buf_add_text(j->out, p && p->kinesis && strcmp(p->kinesis, "aws") == 0 ? "None" : "\"http://127.0.0.1:4566\"");
    tl_buf_add_text(j->out, ")\n");
}

static bool write_pipeline(struct job *j)
{
    const struct tl_plan *plan = j->plan;
    write_defaults(j);
    for (size_t i = 0; i < plan->source_count; i++)
        if (tl_export_reads(plan, i) && (!check_source(j, &plan->sources[i]) || !write_source(j, &plan->sources[i], j->names[i])))
            return false;
    for (size_t i = 0; i < plan->view_count; i++)
        if (!write_view(j, &plan->views[i]))
            return false;
    tl_buf_add_text(j->out, "\n\nSINKS = [\n");
    for (size_t i = 0; i < plan->sink_count; i++)
        write_sink(j, &plan->sinks[i]);
    tl_buf_add_text(j->out, "]\n");
    return true;
}

/* The template from one mark to the next: "# <pipeline>\n". */
static struct tl_view template_part(const char *from, const char *to)
{
    const char *begin = from ? strstr(tl_template_spark_job_start, from) : tl_template_spark_job_start;
    assert(begin);
    begin += from ? strlen(from) : 0;
    const char *end = to ? strstr(begin, to) : tl_template_spark_job_end;
    assert(end);
    return (struct tl_view){ begin, (size_t)(end - begin) };
}

static bool fill_names(struct job *j)
{
    j->names = TL_ARENA_ARRAY(&j->arena, j->plan->source_count + 1, const char **);
    for (size_t i = 0; j->names && i < j->plan->source_count; i++)
        j->names[i] = tl_export_source_names(&j->plan->sources[i], &j->arena);
    return tl_arena_ok(&j->arena, "the names of the sources", j->error);
}

static bool write_job(struct job *j)
{
    if (j->plan->view_count == 0)
        return tl_error_set(j->error, TL_UNSUPPORTED, "pipeline '%s' has no view: there is nothing to export; 'tapeline build' makes its tables", j->plan->name);
    if (!fill_names(j))
        return false;
    write_head(j);
    tl_buf_add_view(j->out, template_part("# </head>\n", "# <pipeline>\n"));
    tl_buf_addf(j->out, "# ---- What %s says ----\n\n", j->options->file_name);
    if (!write_pipeline(j))
        return false;
    tl_buf_add_view(j->out, template_part("# </pipeline>\n", NULL));
    return true;
}

bool tl_export_spark(const struct tl_plan *plan, const struct tl_export_options *options, struct tl_export *out,
                     struct tl_error *error)
{
    struct job j = { .plan = plan, .options = options, .error = error };
    tl_arena_init(&j.arena, 16 << 20);
    j.out = tl_export_add(out, plan->name, ".py");
    bool ok = write_job(&j);
    if (ok)
        tl_export_add_readme(out, tl_template_spark_readme_start, plan, options);
    tl_arena_release(&j.arena);
    return ok && tl_export_ok(out, error);
}
