/* SPDX-License-Identifier: Apache-2.0 */
/* A plan as a PySpark job: templates/spark_job.py, with the example in it replaced by what the plan says. */
#include "sql/export_spark.h"

#include "base/partition.h"
#include "base/time.h"
#include "sql/export_names.h"
#include "sql/export_refuse.h"

#include <assert.h>
#include <stdio.h>

#define SQL_MAX (1 << 20)

extern const char tl_template_spark_job_start[], tl_template_spark_job_end[], tl_template_spark_readme_start[];

/* ---- views ---- */

struct view_job {
    struct tl_spark_job *j;
    const struct tl_view_plan *v;
    const struct tl_source_plan *s;
    const char *const *names; /* of the record's slots */
    const char **group;       /* of the group's */
    int64_t shift_ns;         /* from Spark's time of a record, by which its windows go, to ours */
    char subject[192];
};

/* Spark's windows end at microseconds, and join sessions that only touch. */
static const struct tl_export_windows tl_spark_windows = { .tick_ns = TL_NS_PER_US };

static bool is_read(const struct tl_plan *plan, size_t view)
{
    bool read = false;
    for (size_t i = 0; i < plan->source_count; i++)
        read = read || (plan->sources[i].of_view && plan->sources[i].view == view && tl_export_reads(plan, i));
    return read;
}

/* A slot of the record as a column: "close", or F.expr("close * 2"). call: as Column, also where a name would do. */
static bool add_slot(struct view_job *w, size_t slot, bool call)
{
    struct tl_buf *out = w->j->out;
    if (w->names[slot]) {
        tl_buf_add_text(out, call ? "F.col(" : "");
        tl_spark_add_column(out, w->names[slot]);
        tl_buf_add_text(out, call ? ")" : "");
        return true;
    }
    tl_buf_add_text(out, "F.expr(");
    if (!tl_spark_add_sql(w->j, w->s->slots[slot].expr, w->names, w->subject))
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
        tl_spark_add_column(out, w->s->of_view ? "_time" : w->s->event_time);
        tl_buf_add_text(out, ", ");
        tl_spark_add_span(out, w->v->size_ns - TL_NS_PER_US); /* Spark joins sessions that only touch */
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
            tl_spark_add_text(out, w->group[k]);
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
        tl_spark_add_text(out, w->group[tl_group_slot(w->v, TL_OUT_AGGREGATE, i)]);
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
        if (!tl_spark_add_sql(w->j, w->v->expressions[o->index], w->group, w->subject))
            return false;
        tl_buf_add_text(out, ").alias(");
        tl_spark_add_text(out, name);
        tl_buf_add_char(out, ')');
        return true;
    }
    const char *from = w->group[tl_group_slot(w->v, o->kind, o->index)];
    if (strcmp(from, name) == 0) {
        tl_spark_add_column(out, name);
        return true;
    }
    tl_buf_add_text(out, from[0] == '=' && strchr(from, ' ') ? "F.expr(" : "F.col(");
    tl_spark_add_column(out, from);
    tl_buf_add_text(out, ").alias(");
    tl_spark_add_text(out, name);
    tl_buf_add_char(out, ')');
    return true;
}

static bool write_outputs(struct view_job *w)
{
    struct tl_buf *out = w->j->out;
    tl_buf_add_text(out, "        .select(\n");
    for (size_t i = 0; i < w->v->column_count; i++) {
        tl_buf_add_text(out, "            ");
        if (!write_output(w, i))
            return false;
        tl_buf_add_text(out, ",\n");
    }
    if (is_read(w->j->plan, (size_t)(w->v - w->j->plan->views)))
        tl_buf_add_text(out, "            F.window_time(\"_window\").alias(\"_time\"),  # by which the windows over these rows go\n");
    tl_buf_add_text(out, "        )\n");
    return true;
}

/* A window's offset, as Spark is told: over a view's rows its windows go by their _time. */
static int64_t spark_offset(const struct view_job *w)
{
    int64_t slide = tl_window_slide(w->v), offset = (w->v->offset_ns - w->shift_ns) % slide;
    return offset < 0 ? offset + slide : offset;
}

static bool write_decorator(struct view_job *w)
{
    static const char *const emits[] = { "append", "update", "complete" };
    struct tl_buf *out = w->j->out;
    tl_buf_add_text(out, "\n\n@view(");
    tl_spark_add_text(out, w->v->name);
    tl_buf_add_text(out, ", ");
    tl_spark_add_source_name(out, w->s);
    tl_buf_addf(out, ", emit=\"%s\"", emits[w->v->emit]);
    if (w->v->has_where) {
        tl_buf_add_text(out, ",\n      where=");
        const struct tl_slot_plan *where = &w->s->slots[w->v->where];
        if (w->names[w->v->where])
            tl_spark_add_column(out, w->names[w->v->where]);
        else if (!tl_spark_add_sql(w->j, where->expr, w->names, w->subject))
            return false;
    }
    if (w->v->window == TL_WINDOW_TUMBLE || w->v->window == TL_WINDOW_HOP) {
        tl_buf_add_text(out, w->v->has_where ? ",\n      window=(" : ", window=(");
        tl_spark_add_span(out, w->v->size_ns);
        tl_buf_add_text(out, ", ");
        tl_spark_add_span(out, tl_window_slide(w->v));
        tl_buf_add_text(out, ", ");
        tl_spark_add_span(out, spark_offset(w));
        tl_buf_add_char(out, ')');
    }
    tl_buf_add_text(out, ")\ndef ");
    tl_spark_add_identifier(out, w->v->name, false);
    tl_buf_add_char(out, '(');
    tl_spark_add_identifier(out, w->s->name, false);
    tl_buf_add_text(out, "):\n    return (\n        ");
    return true;
}

/* "=_window.end + INTERVAL '1' MICROSECOND": a bound of Spark's window as SQL, so far from it as ours is. */
static const char *bound(struct tl_spark_job *j, const char *bound, int64_t ns)
{
    struct tl_buf sql;
    tl_buf_init(&sql, SQL_MAX);
    tl_buf_addf(&sql, "=_window.%s", bound);
    if (ns) {
        tl_buf_add_text(&sql, ns < 0 ? " - " : " + ");
        tl_sql_write_interval(&tl_spark_dialect, ns < 0 ? -ns : ns, &sql);
    }
    const char *out = tl_arena_text(&j->arena, tl_buf_view(&sql));
    tl_buf_release(&sql);
    return out;
}

/* Spark has more than one operator with a state in append mode only. */
static bool check_view(const struct view_job *w)
{
    const struct tl_view_plan *v = w->v;
    size_t order[2 + TL_EXPORT_KEYS_MAX], count;
    if (!w->s->of_view)
        return true;
    if (v->window == TL_WINDOW_NONE || v->emit != TL_EMIT_FINAL)
        return tl_export_refuse(w->j->plan, v->from_place, w->j->error,
                                "%s: over the rows of a view Spark has only windows whose rows are final: give it a window, or leave it to tapeline", w->subject);
    for (size_t a = 0; a < v->aggregate_count; a++)
        if ((v->aggregates[a].kind == TL_AGG_FIRST || v->aggregates[a].kind == TL_AGG_LAST) && !tl_export_row_order(w->j->plan, w->s, order, &count))
            return tl_export_refuse(w->j->plan, v->from_place, w->j->error,
                                    "%s: FIRST and LAST go by all that the view '%s' is grouped by: select that in it", w->subject, w->s->name);
    return true;
}

static bool write_view(struct tl_spark_job *j, const struct tl_view_plan *v)
{
    const struct tl_source_plan *s = &j->plan->sources[v->source];
    struct view_job w = { .j = j, .v = v, .s = s, .names = j->names[v->source] };
    snprintf(w.subject, sizeof w.subject, "view '%.128s'", v->name);
    w.shift_ns = tl_export_time_shift(j->plan, s, &tl_spark_windows);
    int64_t shorter = v->window == TL_WINDOW_SESSION ? TL_NS_PER_US : 0;
    w.group = tl_export_group_names(s, v, bound(j, "start", w.shift_ns), bound(j, "end", w.shift_ns + shorter), &j->arena);
    if (!tl_arena_ok(&j->arena, "the names of a view", j->error) || !check_view(&w) || !write_decorator(&w))
        return false;
    tl_spark_add_identifier(j->out, s->name, false);
    tl_buf_add_text(j->out, ".groupBy(");
    if (!write_keys(&w))
        return false;
    tl_buf_add_text(j->out, ")\n");
    if (!write_aggregates(&w))
        return false;
    if (v->having) {
        tl_buf_add_text(j->out, "        .where(");
        if (!tl_spark_add_sql(j, v->having, w.group, w.subject))
            return false;
        tl_buf_add_text(j->out, ")\n");
    }
    if (!write_outputs(&w))
        return false;
    tl_buf_add_text(j->out, "    )\n");
    return true;
}

/* ---- sinks ---- */

static void write_partition(struct tl_spark_job *j, const char *text)
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
    tl_spark_add_view(j->out, p.name);
    tl_buf_add_text(j->out, ": ");
    tl_spark_add_view(j->out, tl_buf_view(&sql));
    tl_buf_release(&sql);
    tl_buf_release(&column);
}

static void write_sink_options(struct tl_spark_job *j, const struct tl_sink_plan *s)
{
    if (s->format == TL_SINK_CSV)
        tl_buf_add_text(j->out, "{\"header\": \"true\"}");
    else if (s->format == TL_SINK_JSON)
        tl_buf_add_text(j->out, "{\"ignoreNullFields\": \"false\"}");
    else
        tl_buf_addf(j->out, "{\"compression\": \"%s\"}", s->compression == TL_SINK_SNAPPY ? "snappy" : "zstd");
}

static void write_sink(struct tl_spark_job *j, const struct tl_sink_plan *s)
{
    static const char *const inputs[] = { "%s", "LATE(%s)", "MALFORMED(%s)" }, *const formats[] = { "parquet", "delta", "csv", "json" };
    const char *of = s->input == TL_INPUT_MALFORMED ? j->plan->sources[s->index].name : j->plan->views[s->index].name;
    const char *input = inputs[s->input], *hole = strstr(input, "%s");
    tl_buf_add_text(j->out, "    Sink(");
    tl_spark_add_text(j->out, s->name);
    tl_buf_addf(j->out, ", of=\"%.*s%s%s\", path=", (int)(hole - input), input, of, hole + 2);
    tl_spark_add_text(j->out, s->path);
    tl_buf_add_text(j->out, ", partition_by={");
    for (size_t i = 0; i < s->partition_count; i++) {
        tl_buf_add_text(j->out, i ? ", " : "");
        write_partition(j, s->partition_by[i]);
    }
    tl_buf_addf(j->out, "}, format=\"%s\",\n         options=", formats[s->format]);
    write_sink_options(j, s);
    tl_buf_add_text(j->out, ", every=");
    tl_spark_add_span(j->out, s->commit_every_ns);
    tl_buf_add_text(j->out, ", table=");
    if (s->table)
        tl_spark_add_text(j->out, s->table);
    else
        tl_buf_add_text(j->out, "None");
    tl_buf_add_text(j->out, "),\n");
}

/* ---- the job ---- */

static void write_head(struct tl_spark_job *j)
{
    tl_buf_addf(j->out,
                "\"\"\"%s: the streaming views of %s as a PySpark Structured Streaming job.\n\n"
                "Written by 'tapeline export spark', for Spark 3.5. A record that cannot be read is kept in a table, and one that comes too late for\n"
                "its window as well; each batch's rows are appended to the lake once, in the folders that tapeline writes. README.md has the\n"
                "lines for spark-submit.\n\"\"\"\n",
                j->plan->name, j->options->file_name);
}

static void write_defaults(struct tl_spark_job *j)
{
    const struct tl_profile_plan *p = j->options->profile;
    bool url = p && p->kinesis && strncmp(p->kinesis, "http", 4) == 0;
    tl_buf_add_text(j->out, "PIPELINE = ");
    tl_spark_add_text(j->out, j->plan->name);
    tl_buf_add_text(j->out, "\nDEFAULTS = dict(lake=");
    tl_spark_add_text(j->out, p && p->lake ? p->lake : "./lake");
    tl_buf_add_text(j->out, ", region=");
    tl_spark_add_text(j->out, p && p->region ? p->region : "us-east-1");
    tl_buf_add_text(j->out, ", endpoint=");
    if (url)
        tl_spark_add_text(j->out, p->kinesis);
    else
        tl_buf_add_text(j->out, p && p->kinesis && strcmp(p->kinesis, "aws") == 0 ? "None" : "\"http://127.0.0.1:4566\"");
    tl_buf_add_text(j->out, ")\n");
}

/* No view before this one reads the same: what it reads is not written yet. */
static bool is_first(const struct tl_plan *plan, size_t view)
{
    bool first = true;
    for (size_t i = 0; i < view; i++)
        first = first && plan->views[i].source != plan->views[view].source;
    return first;
}

static bool write_pipeline(struct tl_spark_job *j)
{
    const struct tl_plan *plan = j->plan;
    write_defaults(j);
    for (size_t i = 0; i < plan->source_count; i++)
        if (!plan->sources[i].of_view && tl_export_reads(plan, i) && !tl_spark_write_source(j, i))
            return false;
    for (size_t i = 0; i < plan->view_count; i++) {
        size_t source = plan->views[i].source;
        if (plan->sources[source].of_view && is_first(plan, i) && !tl_spark_write_source(j, source))
            return false;
        if (!write_view(j, &plan->views[i]))
            return false;
    }
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

static bool fill_names(struct tl_spark_job *j)
{
    j->names = TL_ARENA_ARRAY(&j->arena, j->plan->source_count + 1, const char **);
    for (size_t i = 0; j->names && i < j->plan->source_count; i++)
        j->names[i] = tl_export_source_names(&j->plan->sources[i], &j->arena);
    return tl_arena_ok(&j->arena, "the names of the sources", j->error);
}

static bool write_job(struct tl_spark_job *j)
{
    if (j->plan->view_count == 0)
        return tl_export_refuse(j->plan, j->plan->place, j->error, "pipeline '%s' has no view: there is nothing to export; 'tapeline build' makes its tables",
                                j->plan->name);
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
    struct tl_spark_job j = { .plan = plan, .options = options, .error = error };
    tl_arena_init(&j.arena, 16 << 20);
    j.out = tl_export_add(out, plan->name, ".py");
    bool ok = write_job(&j);
    if (ok)
        tl_export_add_readme(out, tl_template_spark_readme_start, plan, options);
    tl_arena_release(&j.arena);
    return ok && tl_export_ok(out, error);
}
