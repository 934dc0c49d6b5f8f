/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/checker.h"

#include <stdio.h>

static void check_stream(struct tl_checker *c, const struct tl_ast_statement *s, struct tl_source_plan *out)
{
    const struct tl_ast_option *o = tl_options_find(s, "stream");
    out->stream = tl_checker_expand(c, o->text, o->place);
    struct tl_view name = tl_view_of(out->stream);
    bool good = name.size >= 1 && name.size <= 128;
    for (size_t i = 0; good && i < name.size; i++)
        good =
            strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-", name.data[i]) != NULL;
    if (out->stream && !good)
        tl_checker_fail(c, o->place, NULL, "a stream's name has 1 to 128 letters, digits, '_', '.' or '-'");
}

static void add_columns(struct tl_checker *c, const struct tl_ast_statement *s, struct tl_source_plan *out)
{
    static const struct tl_ast_name bounds[] = { { .text = "window_start" }, { .text = "window_end" } };
    size_t count = 0;
    for (const struct tl_ast_column *a = s->columns; a; a = a->next) {
        for (const struct tl_ast_column *b = s->columns; b != a; b = b->next)
            if (strcmp(a->name.text, b->name.text) == 0)
                tl_checker_fail(c, a->name.place, NULL, "the column '%s' is declared twice", a->name.text);
        if (tl_checker_means(&bounds[0], a->name.text) || tl_checker_means(&bounds[1], a->name.text))
            tl_checker_fail(c, a->name.place, NULL,
                            "'%s' is the name of a window's bound: a column of a source cannot have it",
                            a->name.text);
        count++;
    }
    out->columns = TL_ARENA_ARRAY(&c->plan->arena, count, struct tl_column_def);
    for (const struct tl_ast_column *a = s->columns; a && out->columns; a = a->next)
        if (!a->parses.text)
            out->columns[out->column_count++] = (struct tl_column_def){ a->name.text, a->type, a->not_null };
}

static const struct tl_ast_column *find_computed(struct tl_checker *c, const struct tl_ast_statement *s)
{
    const struct tl_ast_column *found = NULL;
    for (const struct tl_ast_column *a = s->columns; a; a = a->next) {
        if (!a->parses.text)
            continue;
        if (found)
            tl_checker_fail(c, a->name.place, NULL,
                            "a second computed column is not supported by this version");
        found = found ? found : a;
    }
    return found;
}

static void check_event_time(struct tl_checker *c, const struct tl_ast_statement *s,
                             struct tl_source_plan *out)
{
    const struct tl_ast_column *computed = find_computed(c, s);
    if (!computed) {
        tl_checker_fail(
            c, s->name.place, NULL,
            "the source '%s' needs an event time: name AS PARSE_TIMESTAMP(column), and a WATERMARK for it",
            out->name);
        return;
    }
    out->event_time = computed->name.text;
    char what[200];
    snprintf(what, sizeof what, "the source '%.128s'", out->name);
    out->event_time_column = tl_checker_column(c, out->columns, out->column_count, &computed->parses, what);
    if (out->event_time_column != SIZE_MAX && out->columns[out->event_time_column].type != TL_TYPE_VARCHAR)
        tl_checker_fail(c, computed->parses.place, NULL, "PARSE_TIMESTAMP reads a VARCHAR; '%s' is %s",
                        computed->parses.text, tl_type_name(out->columns[out->event_time_column].type));
    if (!s->watermark_for.text) {
        tl_checker_fail(c, s->name.place, NULL,
                        "the source '%s' needs WATERMARK FOR %s AS %s - INTERVAL 'n' UNIT", out->name,
                        out->event_time, out->event_time);
        return;
    }
    const struct tl_ast_name *names[] = { &s->watermark_for, &s->watermark_from };
    for (size_t i = 0; i < 2; i++)
        if (!tl_checker_means(names[i], computed->name.text))
            tl_checker_fail(c, names[i]->place, out->event_time,
                            "the watermark is of the event time '%s', not of '%s'", out->event_time,
                            names[i]->text);
    out->delay_ns = s->delay.ns;
    if (out->delay_ns > TL_SPAN_MAX_NS)
        tl_checker_fail(c, s->delay.place, NULL, "a watermark's delay is at most 366 days");
}

static void check_source(struct tl_checker *c, const struct tl_ast_statement *s, struct tl_source_plan *out)
{
    out->name = s->name.text;
    add_columns(c, s, out);
    if (out->columns)
        check_event_time(c, s, out);
    if (!tl_checker_options(c, &tl_source_options, s))
        return;
    check_stream(c, s, out);
    const char *start = tl_options_text(&tl_source_options, s, "start");
    out->start = tl_view_eq_ignore_case(tl_view_of(start), TL_VIEW("LATEST")) ? TL_START_LATEST
                                                                              : TL_START_TRIM_HORIZON;
    out->shard_idle_ns = tl_options_duration(&tl_source_options, s, "shard_idle");
    out->flush_after_ns = tl_options_duration(&tl_source_options, s, "flush_after");
    out->max_future_skew_ns = tl_options_duration(&tl_source_options, s, "max_future_skew");
}

void tl_check_sources(struct tl_checker *c)
{
    size_t count = 0;
    for (const struct tl_ast_statement *s = c->statements; s; s = s->next) {
        count += s->kind == TL_AST_SOURCE;
        if (s->kind == TL_AST_SOURCE && count == 2)
            tl_checker_fail(c, s->name.place, NULL,
                            "a second source in one file is not supported by this version");
    }
    c->plan->sources = TL_ARENA_ARRAY(&c->plan->arena, count, struct tl_source_plan);
    for (const struct tl_ast_statement *s = c->statements; s && c->plan->sources; s = s->next)
        if (s->kind == TL_AST_SOURCE)
            check_source(c, s, &c->plan->sources[c->plan->source_count++]);
}
