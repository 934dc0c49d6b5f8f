/* SPDX-License-Identifier: Apache-2.0 */
/* sql/check_outputs.c: feeds, sinks, charts and batch tables. */
#include "base/suggest.h"
#include "base/time.h"
#include "sql/checker.h"
#include "sql/options.h"

#include <stdio.h>

static bool means(const struct tl_ast_name *name, const char *other)
{
    return name->quoted ? strcmp(name->text, other) == 0 : tl_view_eq_ignore_case(tl_view_of(name->text), tl_view_of(other));
}

static size_t find_view(struct tl_checker *c, const struct tl_ast_name *name)
{
    const char *names[64];
    size_t count = 0;
    for (size_t i = 0; i < c->plan->view_count; i++) {
        if (means(name, c->plan->views[i].name))
            return i;
        if (count < TL_COUNT(names))
            names[count++] = c->plan->views[i].name;
    }
    tl_checker_fail(c, name->place, tl_suggest(tl_view_of(name->text), names, count), "there is no view '%s'", name->text);
    return SIZE_MAX;
}

static size_t find_source(struct tl_checker *c, const struct tl_ast_name *name)
{
    const char *names[64];
    size_t count = 0;
    for (size_t i = 0; i < c->plan->source_count; i++) {
        if (means(name, c->plan->sources[i].name))
            return i;
        if (count < TL_COUNT(names))
            names[count++] = c->plan->sources[i].name;
    }
    tl_checker_fail(c, name->place, tl_suggest(tl_view_of(name->text), names, count), "there is no source '%s'", name->text);
    return SIZE_MAX;
}

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

static const struct tl_column_def dead_letter_columns[] = {
    { "reason", TL_TYPE_VARCHAR, true },          { "byte_offset", TL_TYPE_BIGINT, true }, { "shard", TL_TYPE_VARCHAR, true },
    { "sequence_number", TL_TYPE_VARCHAR, true }, { "arrival_time", TL_TYPE_TIMESTAMP, false }, { "data", TL_TYPE_VARCHAR, true },
};

static void check_sink(struct tl_checker *c, const struct tl_ast_statement *s, struct tl_sink_plan *out)
{
    out->name = s->name.text;
    out->input = s->input;
    out->index = s->input == TL_INPUT_MALFORMED ? find_source(c, &s->from) : find_view(c, &s->from);
    if (!tl_options_check(c->context, &tl_sink_options, s)) {
        c->failed = true;
        return;
    }
    if (out->index == SIZE_MAX)
        return;
    const struct tl_column_def *columns = dead_letter_columns;
    size_t count = TL_COUNT(dead_letter_columns);
    if (s->input == TL_INPUT_VIEW) {
        columns = c->plan->views[out->index].columns;
        count = c->plan->views[out->index].column_count;
        if (c->plan->views[out->index].emit != TL_EMIT_FINAL)
            tl_checker_fail(c, s->from.place, NULL, "a sink of '%s' is not supported by this version: only EMIT FINAL rows are kept", s->from.text);
    }
    char what[200];
    snprintf(what, sizeof what, "the view '%.128s'", s->from.text);
    out->path = tl_checker_path(c, tl_options_find(s, "path"));
    tl_checker_partitions(c, tl_options_find(s, "partition_by"), columns, count, what, &out->partition_by, &out->partition_count);
    out->commit_every_ns = tl_options_duration(&tl_sink_options, s, "commit_every");
    if (out->commit_every_ns < TL_NS_PER_S)
        tl_checker_fail(c, tl_options_find(s, "commit_every")->place, NULL, "'commit_every' is at least '1 s': each commit makes files");
    out->table = tl_options_text(&tl_sink_options, s, "table");
    if (out->table)
        check_table_name(c, out->table, tl_options_find(s, "table")->place);
}

static void check_paths(struct tl_checker *c)
{
    size_t i = 0;
    for (const struct tl_ast_statement *s = c->statements; s; s = s->next) {
        if (s->kind != TL_AST_SINK || i >= c->plan->sink_count)
            continue;
        const char *mine = c->plan->sinks[i].path;
        for (size_t k = 0; k < i && mine; k++)
            if (c->plan->sinks[k].path && strcmp(c->plan->sinks[k].path, mine) == 0)
                tl_checker_fail(c, tl_options_find(s, "path")->place, NULL, "another sink writes to '%s' already", mine);
        i++;
    }
}

static void check_axis(struct tl_checker *c, const struct tl_ast_statement *s, const char *axis, const char **out, bool *number)
{
    const struct tl_ast_option *o = tl_options_find(s, axis);
    if (!o)
        return;
    size_t view = find_view(c, &s->from);
    if (view == SIZE_MAX)
        return;
    struct tl_ast_name name = { o->text, false, o->place };
    char what[200];
    snprintf(what, sizeof what, "the view '%.128s'", s->from.text);
    size_t column = tl_checker_column(c, c->plan->views[view].columns, c->plan->views[view].column_count, &name, what);
    if (column == SIZE_MAX)
        return;
    enum tl_type type = c->plan->views[view].columns[column].type;
    *out = c->plan->views[view].columns[column].name;
    if (strcmp(axis, "y") == 0) /* a type that was refused above is told once */
        *number = type == TL_TYPE_DOUBLE || type == TL_TYPE_BIGINT || type == TL_TYPE_INTEGER || !type;
    if (strcmp(axis, "x") == 0 && type != TL_TYPE_TIMESTAMP)
        tl_checker_fail(c, o->place, NULL, "a line chart's x is a TIMESTAMP (window_start or window_end); '%s' is %s", o->text, tl_type_name(type));
}

static void check_chart(struct tl_checker *c, const struct tl_ast_statement *s, struct tl_chart_plan *out)
{
    bool number = true;
    out->name = s->name.text;
    if (!tl_options_check(c->context, &tl_chart_options, s)) {
        c->failed = true;
        return;
    }
    out->view = find_view(c, &s->from);
    if (out->view == SIZE_MAX)
        return;
    out->type = tl_options_text(&tl_chart_options, s, "type");
    check_axis(c, s, "x", &out->x, &number);
    check_axis(c, s, "series", &out->series, &number);
    check_axis(c, s, "y", &out->y, &number);
    if (!number)
        tl_checker_fail(c, tl_options_find(s, "y")->place, NULL, "a chart's y is a number");
}

static void check_feed(struct tl_checker *c, const struct tl_ast_statement *s, struct tl_feed_plan *out)
{
    out->name = s->name.text;
    out->source = find_source(c, &s->from);
    out->select = tl_checker_expand(c, s->select, s->select_place);
    if (!tl_options_check(c->context, &tl_feed_options, s)) {
        c->failed = true;
        return;
    }
    out->interval_ns = tl_options_duration(&tl_feed_options, s, "interval");
    out->loop = tl_options_boolean(&tl_feed_options, s, "loop");
    if (out->source == SIZE_MAX)
        return;
    const struct tl_source_plan *source = &c->plan->sources[out->source];
    const struct tl_ast_option *o = tl_options_find(s, "partition_key");
    struct tl_ast_name name = { o->text, false, o->place };
    char what[200];
    snprintf(what, sizeof what, "the source '%.128s'", source->name);
    size_t column = tl_checker_column(c, source->columns, source->column_count, &name, what);
    if (column != SIZE_MAX)
        out->partition_key = source->columns[column].name;
}

static void check_batch(struct tl_checker *c, const struct tl_ast_statement *s, struct tl_batch_plan *out)
{
    out->name = s->name.text;
    check_table_name(c, out->name, s->name.place);
    if (!tl_options_check(c->context, &tl_batch_options, s)) {
        c->failed = true;
        return;
    }
    out->path = tl_checker_path(c, tl_options_find(s, "path"));
    out->select = tl_checker_expand(c, s->select, s->select_place);
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
    check_paths(c);
}
