/* SPDX-License-Identifier: Apache-2.0 */
/* sql/check_outputs.c: feeds, sinks, charts and batch tables. */
#include "engine/dead_letters.h"
#include "sql/checker.h"

#include <stdio.h>

/* 'database.table', both of lower-case letters, digits and '_' (as Glue wants them). */
static void check_table_name(struct tl_checker *c, const char *text, struct tl_diagnostic_place place)
{
    size_t dots = 0;
    bool good = text[0] != '.' && text[strlen(text) - 1] != '.';
    for (const char *p = text; *p; p++) {
        dots += *p == '.';
        good = good && ((*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') || *p == '_' || *p == '.');
    }
    if (!good || dots != 1)
        tl_checker_fail(c, place, NULL, "a table is 'database.table', of lower-case letters, digits and '_'");
}

/* The columns of what a sink reads. */
static bool sink_columns(struct tl_checker *c, const struct tl_sink_plan *sink, struct tl_dead_columns *out)
{
    struct tl_arena *arena = &c->plan->arena;
    struct tl_error error;
    if (sink->input == TL_INPUT_LATE)
        return tl_dead_late_columns(c->plan, sink->index, arena, out, &error);
    if (sink->input == TL_INPUT_MALFORMED)
        return tl_dead_malformed_columns(arena, out, &error);
    *out = (struct tl_dead_columns){ c->plan->views[sink->index].columns,
                                     c->plan->views[sink->index].column_count };
    return true;
}

/* The enum's value of an option whose texts stand in its order. */
static unsigned option_value(const struct tl_ast_statement *s, const char *name, const char *const *texts)
{
    const char *text = tl_options_text(&tl_sink_options, s, name);
    unsigned value = 0;
    while (strcmp(text, texts[value]) != 0)
        value++;
    return value;
}

static void fill_format(struct tl_checker *c, const struct tl_ast_statement *s, struct tl_sink_plan *out)
{
    static const char *const formats[] = { "parquet", "delta", "csv", "json" }, *const compressions[] = { "zstd", "snappy" };
    const struct tl_ast_option *compression = tl_options_find(s, "compression"), *format = tl_options_find(s, "format");
    out->format_place = format ? format->place : s->name.place;
    out->format = (enum tl_sink_format)option_value(s, "format", formats);
    out->compression = (enum tl_sink_compression)option_value(s, "compression", compressions);
    bool text = out->format == TL_SINK_CSV || out->format == TL_SINK_JSON;
    if (text && compression)
        tl_checker_fail(c, compression->place, NULL, "'compression' is of Parquet: %s files are plain text", formats[out->format]);
}

/* A sink keeps final rows; only a window over a source has late records. */
static void check_sink_view(struct tl_checker *c, const struct tl_ast_statement *s,
                            const struct tl_view_plan *view)
{
    bool windowed = view->window != TL_WINDOW_NONE;
    if (s->input == TL_INPUT_LATE && !windowed)
        tl_checker_fail(c, s->from.place, NULL, "no record is late for '%s', which has no window",
                        view->name);
    else if (s->input == TL_INPUT_LATE && c->plan->sources[view->source].of_view)
        tl_checker_fail(c, s->from.place, NULL, "no row is late for '%s', which reads the view '%s'", view->name,
                        c->plan->sources[view->source].name);
    else if (s->input == TL_INPUT_VIEW && view->emit != TL_EMIT_FINAL)
        tl_checker_fail(c, s->from.place, NULL,
                        "a sink of '%s' is not supported by this version: only EMIT FINAL rows are kept",
                        view->name);
}

/* After the format. */
static void fill_compact(struct tl_checker *c, const struct tl_ast_statement *s, struct tl_sink_plan *out)
{
    const struct tl_ast_option *compact = tl_options_find(s, "compact");
    if (!compact)
        return;
    out->compact_ns = tl_options_duration(&tl_sink_options, s, "compact");
    if (out->compact_ns < TL_NS_PER_S)
        tl_checker_fail(c, compact->place, NULL, "'compact' is at least '1 s', and '1 h' is plenty: each merge reads the files again");
    if (out->format == TL_SINK_CSV || out->format == TL_SINK_JSON)
        tl_checker_fail(c, compact->place, NULL, "'compact' is of Parquet and Delta: %s files are not merged", out->format == TL_SINK_CSV ? "csv" : "json");
}

static void fill_sink(struct tl_checker *c, const struct tl_ast_statement *s, struct tl_sink_plan *out)
{
    const struct tl_ast_option *path = tl_options_find(s, "path"), *table = tl_options_find(s, "table");
    const struct tl_ast_option *every = tl_options_find(s, "commit_every");
    out->path = tl_checker_path(c, path->text, false, path->place);
    fill_format(c, s, out);
    out->commit_every_ns = tl_options_duration(&tl_sink_options, s, "commit_every");
    if (out->commit_every_ns < TL_NS_PER_S)
        tl_checker_fail(c, every->place, NULL, "'commit_every' is at least '1 s': each commit makes files");
    fill_compact(c, s, out);
    out->table = table ? tl_checker_expand(c, table->text, table->place) : NULL;
    if (out->table)
        check_table_name(c, out->table, table->place);
}

/* Of the two libraries with which Athena reads CSV one knows no quotes and the other no types: a text that has a comma in it, beside a number,
 * is read right by neither. Text that is the folder's name is in no file. */
static void check_text_table(struct tl_checker *c, const struct tl_ast_statement *s, const struct tl_sink_plan *sink,
                             const struct tl_dead_columns *columns)
{
    if (!sink->table || sink->format != TL_SINK_CSV)
        return;
    for (size_t i = 0; i < columns->count; i++) {
        bool in_file = columns->defs[i].type == TL_TYPE_VARCHAR;
        for (size_t k = 0; k < sink->partition_count; k++)
            in_file = in_file && strcmp(sink->partition_by[k], columns->defs[i].name) != 0;
        if (in_file)
            tl_checker_fail(c, tl_options_find(s, "table")->place, NULL,
                            "'%s' is VARCHAR, which a table of csv files cannot hold (Athena reads no quoted text beside numbers): write JSON or "
                            "Parquet, add it to 'partition_by', or leave 'table' out",
                            columns->defs[i].name);
    }
}

static void check_sink(struct tl_checker *c, const struct tl_ast_statement *s, struct tl_sink_plan *out)
{
    static const char *const what[] = { "the view '%.128s'", "LATE(%.128s)", "MALFORMED(%.128s)" };
    out->name = s->name.text;
    out->place = s->name.place;
    out->input = s->input;
    out->index =
        s->input == TL_INPUT_MALFORMED ? tl_checker_source(c, &s->from) : tl_checker_view(c, &s->from);
    if (!tl_checker_options(c, &tl_sink_options, s))
        return;
    fill_sink(c, s, out);
    if (out->index == SIZE_MAX)
        return;
    if (s->input != TL_INPUT_MALFORMED)
        check_sink_view(c, s, &c->plan->views[out->index]);
    /* The tables of dead letters are made of a source without mistakes. */
    struct tl_dead_columns columns;
    if ((c->failed && s->input != TL_INPUT_VIEW) || !sink_columns(c, out, &columns) || columns.count == 0)
        return;
    char text[160];
    snprintf(text, sizeof text, what[s->input], s->from.text);
    c->failed = !tl_checker_partitions(c, tl_options_find(s, "partition_by"), columns.defs, columns.count,
                                       text, &out->partition_by, &out->partition_count) ||
                c->failed;
    check_text_table(c, s, out, &columns);
}

/* ---- what two outputs would both write ---- */

static bool is_below(const char *path, const char *folder)
{
    size_t size = strlen(folder);
    return strncmp(path, folder, size) == 0 && (path[size] == '\0' || path[size] == '/');
}

static const char *path_of(const struct tl_checker *c, const struct tl_ast_statement *s, size_t nth)
{
    return s->kind == TL_AST_SINK ? c->plan->sinks[nth].path : c->plan->batches[nth].path;
}

static const char *table_of(const struct tl_checker *c, const struct tl_ast_statement *s, size_t nth)
{
    return s->kind == TL_AST_SINK ? c->plan->sinks[nth].table : c->plan->batches[nth].name;
}

/* The table is one of the tables of dead letters, which are there anyway. */
static bool is_dead_table(const struct tl_checker *c, const char *table)
{
    char name[400];
    for (size_t i = 0; i < c->plan->view_count + c->plan->source_count; i++) {
        bool view = i < c->plan->view_count;
        if (view ? c->plan->sources[c->plan->views[i].source].of_view
                 : c->plan->sources[i - c->plan->view_count].of_view)
            continue;
        snprintf(name, sizeof name, "%s.%s_%s", c->plan->name,
                 view ? c->plan->views[i].name : c->plan->sources[i - c->plan->view_count].name,
                 view ? "late" : "malformed");
        if (strcmp(name, table) == 0)
            return true;
    }
    return false;
}

struct place_taken {
    const char *path, *table;
};

static void check_place(struct tl_checker *c, const struct tl_ast_statement *s,
                        const struct place_taken *mine, const struct place_taken *before, size_t count)
{
    const struct tl_ast_option *path = tl_options_find(s, "path"), *table = tl_options_find(s, "table");
    for (size_t i = 0; i < count; i++) {
        if (mine->path && before[i].path &&
            (is_below(mine->path, before[i].path) || is_below(before[i].path, mine->path)))
            tl_checker_fail(
                c, path->place, NULL,
                "the folder '%s' is taken: another output writes to '%s', and each needs one of its own",
                mine->path, before[i].path);
        if (mine->table && before[i].table && strcmp(mine->table, before[i].table) == 0)
            tl_checker_fail(c, table ? table->place : s->name.place, NULL, "the table '%s' is taken",
                            mine->table);
    }
    if (mine->path && is_below(mine->path, "dead_letter"))
        tl_checker_fail(c, path->place, NULL,
                        "'dead_letter' is where LATE and MALFORMED records are kept: choose another folder");
    if (mine->table && is_dead_table(c, mine->table))
        tl_checker_fail(c, table ? table->place : s->name.place, NULL,
                        "the table '%s' is there already, for dead letters", mine->table);
}

static void check_places(struct tl_checker *c)
{
    const struct tl_plan *p = c->plan;
    struct place_taken *all =
        TL_ARENA_ARRAY(&c->plan->arena, p->sink_count + p->batch_count, struct place_taken);
    size_t sinks = 0, batches = 0, count = 0;
    for (const struct tl_ast_statement *s = c->statements; s && all && p->name; s = s->next) {
        if (s->kind != TL_AST_SINK && s->kind != TL_AST_BATCH)
            continue;
        size_t nth = s->kind == TL_AST_SINK ? sinks++ : batches++;
        all[count] = (struct place_taken){ path_of(c, s, nth), table_of(c, s, nth) };
        check_place(c, s, &all[count], all, count);
        count++;
    }
}

/* ---- charts, feeds, batch tables ---- */

static void check_axis(struct tl_checker *c, const struct tl_ast_statement *s, size_t view, const char *axis,
                       const char **out, bool *number)
{
    const struct tl_ast_option *o = tl_options_find(s, axis);
    if (!o)
        return;
    struct tl_ast_name name = { o->text, false, o->place };
    char what[200];
    snprintf(what, sizeof what, "the view '%.128s'", s->from.text);
    size_t column =
        tl_checker_column(c, c->plan->views[view].columns, c->plan->views[view].column_count, &name, what);
    if (column == SIZE_MAX)
        return;
    enum tl_type type = c->plan->views[view].columns[column].type;
    *out = c->plan->views[view].columns[column].name;
    if (strcmp(axis, "y") == 0) /* a type that was refused above is told once */
        *number = type == TL_TYPE_DOUBLE || type == TL_TYPE_BIGINT || type == TL_TYPE_INTEGER || !type;
    if (strcmp(axis, "x") == 0 && type != TL_TYPE_TIMESTAMP)
        tl_checker_fail(c, o->place, NULL,
                        "a line chart's x is a TIMESTAMP (window_start or window_end); '%s' is %s", o->text,
                        tl_type_name(type));
}

static void check_chart(struct tl_checker *c, const struct tl_ast_statement *s, struct tl_chart_plan *out)
{
    bool number = true;
    out->name = s->name.text;
    if (!tl_checker_options(c, &tl_chart_options, s))
        return;
    out->view = tl_checker_view(c, &s->from);
    if (out->view == SIZE_MAX || c->plan->views[out->view].column_count == 0)
        return; /* told already */
    out->type = tl_options_text(&tl_chart_options, s, "type");
    check_axis(c, s, out->view, "x", &out->x, &number);
    check_axis(c, s, out->view, "series", &out->series, &number);
    check_axis(c, s, out->view, "y", &out->y, &number);
    if (!number)
        tl_checker_fail(c, tl_options_find(s, "y")->place, NULL, "a chart's y is a number");
}

static enum tl_pace pace_of(const struct tl_ast_statement *s)
{
    struct tl_view pace = tl_view_of(tl_options_text(&tl_feed_options, s, "pace"));
    return tl_view_eq_ignore_case(pace, TL_VIEW("key"))          ? TL_PACE_KEY
           : tl_view_eq_ignore_case(pace, TL_VIEW("event_time")) ? TL_PACE_EVENT_TIME
                                                                 : TL_PACE_RECORD;
}

/* As recorded: the SELECT has to give the instant as it stands in a record. */
static void check_pace(struct tl_checker *c, const struct tl_ast_statement *s, const struct tl_source_plan *source,
                       struct tl_feed_plan *out)
{
    const struct tl_ast_option *interval = tl_options_find(s, "interval"), *pace = tl_options_find(s, "pace");
    out->pace = pace_of(s);
    if (out->pace != TL_PACE_EVENT_TIME || !source->event_time)
        return;
    if (interval)
        tl_checker_fail(c, interval->name.place, NULL, "with pace = 'event_time' the records' own times are the pace: leave 'interval' out");
    out->time_column = source->event_time_column != SIZE_MAX ? source->event_time_column : source->event_time_slot;
    if (out->time_column >= source->column_count)
        tl_checker_fail(c, pace->place, NULL,
                        "pace = 'event_time' needs an event time that is a column of the source, or PARSE_TIMESTAMP of one; '%s' is computed",
                        source->event_time);
}

static void check_stamp_column(struct tl_checker *c, const struct tl_ast_statement *s, const struct tl_source_plan *source,
                               const char *name, enum tl_type type)
{
    for (size_t i = 0; i < source->column_count; i++)
        if (strcmp(source->columns[i].name, name) == 0 && source->columns[i].type == type)
            return;
    tl_checker_fail(c, tl_options_find(s, "producer_stamp")->name.place, NULL,
                    "producer_stamp writes '%s' into each record: declare %s %s in the source '%s'", name, name, tl_type_name(type),
                    source->name);
}

static void check_stamp(struct tl_checker *c, const struct tl_ast_statement *s, const struct tl_source_plan *source,
                        struct tl_feed_plan *out)
{
    out->producer_stamp = tl_options_boolean(&tl_feed_options, s, "producer_stamp");
    if (!out->producer_stamp)
        return;
    check_stamp_column(c, s, source, TL_STAMP_ID, TL_TYPE_VARCHAR);
    check_stamp_column(c, s, source, TL_STAMP_SEQ, TL_TYPE_BIGINT);
}

static void check_feed(struct tl_checker *c, const struct tl_ast_statement *s, struct tl_feed_plan *out)
{
    out->name = s->name.text;
    out->source = tl_checker_source(c, &s->from);
    out->select = tl_checker_select(c, s);
    if (!tl_checker_options(c, &tl_feed_options, s))
        return;
    out->interval_ns = tl_options_duration(&tl_feed_options, s, "interval");
    out->loop = tl_options_boolean(&tl_feed_options, s, "loop");
    if (out->source == SIZE_MAX)
        return;
    const struct tl_source_plan *source = &c->plan->sources[out->source];
    check_pace(c, s, source, out);
    check_stamp(c, s, source, out);
    const struct tl_ast_option *o = tl_options_find(s, "partition_key");
    struct tl_ast_name name = { o->text, false, o->place };
    char what[200];
    snprintf(what, sizeof what, "the source '%.128s'", source->name);
    size_t column = tl_checker_column(c, source->columns, source->column_count, &name, what);
    if (column != SIZE_MAX)
        out->partition_key = source->columns[column].name;
}

static void check_incremental(struct tl_checker *c, const struct tl_ast_statement *s, struct tl_batch_plan *out)
{
    const struct tl_ast_option *o = tl_options_find(s, "incremental_by");
    for (size_t i = 0; o && i < out->partition_count; i++)
        if (strcmp(out->partition_by[i], o->text) == 0)
            out->incremental_by = out->partition_by[i];
    if (o && !out->incremental_by)
        tl_checker_fail(c, o->place, NULL, "'incremental_by' is one of the columns of 'partition_by'; '%s' is none", o->text);
}

static void check_batch(struct tl_checker *c, const struct tl_ast_statement *s, struct tl_batch_plan *out)
{
    out->name = s->name.text;
    check_table_name(c, out->name, s->name.place);
    if (!tl_checker_options(c, &tl_batch_options, s))
        return;
    const struct tl_ast_option *path = tl_options_find(s, "path");
    out->path = tl_checker_path(c, path->text, false, path->place);
    c->failed = !tl_checker_partitions(c, tl_options_find(s, "partition_by"), NULL, 0, "", &out->partition_by,
                                       &out->partition_count) ||
                c->failed;
    check_incremental(c, s, out);
    out->select = tl_checker_select(c, s);
}

static size_t count_of(const struct tl_checker *c, enum tl_ast_kind kind)
{
    size_t count = 0;
    for (const struct tl_ast_statement *s = c->statements; s; s = s->next)
        count += s->kind == kind;
    return count;
}

void tl_check_outputs(struct tl_checker *c)
{
    struct tl_plan *p = c->plan;
    p->feeds = TL_ARENA_ARRAY(&p->arena, count_of(c, TL_AST_FEED), struct tl_feed_plan);
    p->sinks = TL_ARENA_ARRAY(&p->arena, count_of(c, TL_AST_SINK), struct tl_sink_plan);
    p->charts = TL_ARENA_ARRAY(&p->arena, count_of(c, TL_AST_CHART), struct tl_chart_plan);
    p->batches = TL_ARENA_ARRAY(&p->arena, count_of(c, TL_AST_BATCH), struct tl_batch_plan);
    if (!p->feeds || !p->sinks || !p->charts || !p->batches)
        return;
    for (const struct tl_ast_statement *s = c->statements; s; s = s->next) {
        if (s->kind == TL_AST_FEED)
            check_feed(c, s, &p->feeds[p->feed_count++]);
        else if (s->kind == TL_AST_SINK)
            check_sink(c, s, &p->sinks[p->sink_count++]);
        else if (s->kind == TL_AST_CHART)
            check_chart(c, s, &p->charts[p->chart_count++]);
        else if (s->kind == TL_AST_BATCH)
            check_batch(c, s, &p->batches[p->batch_count++]);
    }
    check_places(c);
}
