/* SPDX-License-Identifier: Apache-2.0 */
/* /api/plan: what the page builds itself from. Nothing in the page knows the name of a view, column or stream. */
#include "web/status.h"

#include "base/time.h"
#include "codec/json_writer.h"
#include "web/event.h"
#include "web/tape.h"

static const char *role_name(enum tl_output_kind kind)
{
    switch (kind) {
    case TL_OUT_KEY:
        return "key";
    case TL_OUT_WINDOW_START:
        return "window_start";
    case TL_OUT_WINDOW_END:
        return "window_end";
    case TL_OUT_EXPRESSION:
        return "expression";
    case TL_OUT_AGGREGATE:
        break;
    }
    return "aggregate";
}

static void columns_write(const struct tl_view_plan *view, struct tl_json_writer *w)
{
    tl_json_key(w, "columns");
    tl_json_begin_array(w);
    for (size_t i = 0; i < view->column_count; i++) {
        tl_json_begin_object(w);
        tl_json_member_text(w, "name", view->columns[i].name);
        tl_json_member_text(w, "type", tl_type_name(view->columns[i].type));
        tl_json_member_text(w, "role", role_name(view->outputs[i].kind));
        tl_json_end_object(w);
    }
    tl_json_end_array(w);
    tl_json_key(w, "keys");
    tl_json_begin_array(w);
    for (size_t i = 0; i < view->column_count; i++) {
        if (view->outputs[i].kind == TL_OUT_KEY)
            tl_json_write_text(w, view->columns[i].name);
    }
    tl_json_end_array(w);
}

static const char *table_of_view(const struct tl_plan *plan, size_t view)
{
    for (size_t i = 0; i < plan->sink_count; i++) {
        const struct tl_sink_plan *sink = &plan->sinks[i];
        if (sink->input == TL_INPUT_VIEW && sink->index == view && sink->table)
            return sink->table;
    }
    return NULL;
}

/* Dead letters are tables without being asked for (engine/sinks.h). name NULL: it has none. */
static void dead_table(const struct tl_plan *plan, const char *name, const char *kind, struct tl_json_writer *w)
{
    struct tl_buf table;
    tl_buf_init(&table, 4096);
    tl_buf_addf(&table, "%s.%s_%s", plan->name, name ? name : "", kind);
    tl_json_member_text(w, kind, name ? tl_buf_text(&table) : NULL);
    tl_buf_release(&table);
}

/* Its windows follow each other at one distance. */
static bool is_regular(const struct tl_view_plan *view)
{
    return view->window == TL_WINDOW_TUMBLE || view->window == TL_WINDOW_HOP;
}

static void view_write(const struct tl_plan *plan, size_t i, struct tl_json_writer *w)
{
    const struct tl_view_plan *view = &plan->views[i];
    struct tl_buf event;
    tl_buf_init(&event, 4096);
    tl_web_event_name(view->name, &event);
    tl_json_begin_object(w);
    tl_json_member_text(w, "name", view->name);
    tl_json_member_text(w, "event", tl_buf_text(&event));
    tl_json_member_bool(w, "windowed", view->window != TL_WINDOW_NONE);
    tl_json_member_text(w, "emit", view->emit == TL_EMIT_FINAL     ? "FINAL"
                                  : view->emit == TL_EMIT_CHANGES ? "CHANGES"
                                                                  : "SNAPSHOT");
    tl_json_member_i64(w, "window_ms", view->size_ns / TL_NS_PER_MS);
    tl_json_member_i64(w, "step_ms", is_regular(view) ? tl_window_slide(view) / TL_NS_PER_MS : 0);
    const struct tl_source_plan *source = &plan->sources[view->source];
    tl_json_member_text(w, "of", source->of_view ? plan->views[source->view].name : NULL);
    tl_json_member_text(w, "of_time", !source->of_view ? NULL : source->time_is_start ? "window_start" : "window_end");
    tl_json_member_text(w, "table", table_of_view(plan, i));
    dead_table(plan, view->window == TL_WINDOW_NONE || source->of_view ? NULL : view->name, "late", w);
    columns_write(view, w);
    tl_json_end_object(w);
    tl_buf_release(&event);
}

static void sources_write(const struct tl_plan *plan, struct tl_json_writer *w)
{
    tl_json_key(w, "sources");
    tl_json_begin_array(w);
    for (size_t i = 0; i < plan->source_count; i++) {
        if (plan->sources[i].of_view)
            continue;
        tl_json_begin_object(w);
        tl_json_member_text(w, "name", plan->sources[i].name);
        tl_json_member_text(w, "stream", plan->sources[i].stream);
        tl_json_member_i64(w, "delay_ms", plan->sources[i].delay_ns / TL_NS_PER_MS);
        dead_table(plan, plan->sources[i].name, "malformed", w);
        tl_json_end_object(w);
    }
    tl_json_end_array(w);
}

static void charts_write(const struct tl_plan *plan, struct tl_json_writer *w)
{
    tl_json_key(w, "charts");
    tl_json_begin_array(w);
    for (size_t i = 0; i < plan->chart_count; i++) {
        const struct tl_chart_plan *chart = &plan->charts[i];
        tl_json_begin_object(w);
        tl_json_member_text(w, "name", chart->name);
        tl_json_member_text(w, "view", plan->views[chart->view].name);
        tl_json_member_text(w, "type", chart->type);
        tl_json_member_text(w, "x", chart->x);
        tl_json_member_text(w, "y", chart->y);
        tl_json_member_text(w, "series", chart->series);
        tl_json_end_object(w);
    }
    tl_json_end_array(w);
}

/* The ticks that can be had as candles. */
static void tapes_write(const struct tl_plan *plan, struct tl_json_writer *w)
{
    struct tl_web_tape_columns columns;
    struct tl_buf event;
    tl_buf_init(&event, 4096);
    tl_json_key(w, "tapes");
    tl_json_begin_array(w);
    for (size_t i = 0; i < plan->source_count; i++) {
        const struct tl_source_plan *source = &plan->sources[i];
        if (!tl_web_tape_columns(plan, i, &columns))
            continue;
        tl_buf_reset(&event);
        tl_web_tape_event(source->name, &event);
        tl_json_begin_object(w);
        tl_json_member_text(w, "name", source->name);
        tl_json_member_text(w, "source", source->name);
        tl_json_member_text(w, "event", tl_buf_text(&event));
        tl_json_member_text(w, "key", source->columns[columns.key].name);
        tl_json_member_text(w, "price", source->columns[columns.price].name);
        tl_json_member_text(w, "volume", columns.volume == SIZE_MAX ? NULL : source->columns[columns.volume].name);
        tl_json_end_object(w);
    }
    tl_json_end_array(w);
    tl_buf_release(&event);
}

void tl_web_plan_write(const struct tl_web_facts *facts, struct tl_buf *out)
{
    const struct tl_plan *plan = facts->plan;
    struct tl_json_writer w;
    tl_json_writer_init(&w, out);
    tl_json_begin_object(&w);
    tl_json_member_text(&w, "pipeline", plan->name);
    tl_json_member_text(&w, "version", TAPELINE_VERSION);
    tl_json_member_text(&w, "profile", facts->profile);
    tl_json_member_bool(&w, "synthetic", facts->synthetic);
    tl_json_member_text(&w, "aws_endpoint", facts->aws_endpoint);
    tl_json_member_i64(&w, "commit_every_ms", tl_plan_commit_every(plan) / TL_NS_PER_MS);
    sources_write(plan, &w);
    tl_json_key(&w, "views");
    tl_json_begin_array(&w);
    for (size_t i = 0; i < plan->view_count; i++)
        view_write(plan, i, &w);
    tl_json_end_array(&w);
    charts_write(plan, &w);
    tapes_write(plan, &w);
    tl_json_end_object(&w);
}
