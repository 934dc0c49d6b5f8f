/* SPDX-License-Identifier: Apache-2.0 */
/* fixture.h: a plan like that of pipelines/stock_stream.sql, made by hand: the web layer does not know the pipeline language. */
#pragma once

#include "base/rows.h"
#include "base/time.h"
#include "engine/plan.h"

#include <assert.h>

#define MINUTE TL_NS_PER_MIN

enum { LATEST, AVERAGE }; /* the views */
enum { TICKER, TRADE_DATE, WINDOW_START, WINDOW_END, AVG_CLOSE, FINAL }; /* columns of AVERAGE and its changes */

static struct tl_column_def latest_columns[] = {
    { "ticker", TL_TYPE_VARCHAR, true }, { "latest_close", TL_TYPE_DOUBLE, false }, { "final", TL_TYPE_BOOLEAN, true },
};
static struct tl_output_plan latest_outputs[] = { { .kind = TL_OUT_KEY, .index = 0 }, { .kind = TL_OUT_AGGREGATE, .index = 0 } };
static struct tl_column_def average_columns[] = {
    { "ticker", TL_TYPE_VARCHAR, true },         { "trade_date", TL_TYPE_DATE, false },
    { "window_start", TL_TYPE_TIMESTAMP, true }, { "window_end", TL_TYPE_TIMESTAMP, true },
    { "avg_close", TL_TYPE_DOUBLE, false },      { "final", TL_TYPE_BOOLEAN, true },
};
static struct tl_output_plan average_outputs[] = {
    { .kind = TL_OUT_KEY, .index = 0 }, { .kind = TL_OUT_AGGREGATE, .index = 0 }, { .kind = TL_OUT_WINDOW_START, .index = 0 }, { .kind = TL_OUT_WINDOW_END, .index = 0 }, { .kind = TL_OUT_AGGREGATE, .index = 1 },
};
static struct tl_view_plan fixture_views[] = {
    { .name = "latest_close", .emit = TL_EMIT_CHANGES, .outputs = latest_outputs, .columns = latest_columns, .column_count = 2 },
    { .name = "avg_1min", .window = TL_WINDOW_TUMBLE, .size_ns = MINUTE, .emit = TL_EMIT_FINAL, .outputs = average_outputs,
      .columns = average_columns, .column_count = 5 },
};
static struct tl_source_plan fixture_sources[] = { { .name = "ticks", .stream = "stock_stream", .delay_ns = 2 * MINUTE } };
static struct tl_sink_plan fixture_sinks[] = {
    { .name = "avg_1min_lake", .input = TL_INPUT_VIEW, .index = AVERAGE, .path = "streaming/avg_1min", .commit_every_ns = MINUTE,
      .table = "stock_streaming_database.avg_1min" },
};
static struct tl_chart_plan fixture_charts[] = {
    { .name = "live", .view = AVERAGE, .type = "line", .x = "window_end", .y = "avg_close", .series = "ticker" },
};
static struct tl_profile_plan fixture_profiles[] = { { .name = "local", .is_default = true } };
static const struct tl_plan fixture_plan = {
    .name = "stock_stream",
    .profiles = fixture_profiles, .profile_count = 1,
    .sources = fixture_sources, .source_count = 1,
    .views = fixture_views, .view_count = 2,
    .sinks = fixture_sinks, .sink_count = 1,
    .charts = fixture_charts, .chart_count = 1,
};

/* Rows as tl_engine_changes gives them. */
static inline void changes_init(struct tl_rows *rows, size_t view)
{
    struct tl_error error;
    const struct tl_view_plan *v = &fixture_views[view];
    bool ok = tl_rows_init(rows, v->columns, v->column_count + 1, 1u << 24, &error);
    assert(ok);
    (void)ok;
}

static inline void latest_add(struct tl_rows *rows, const char *ticker, double close)
{
    tl_rows_add(rows);
    tl_rows_set_text(rows, 0, tl_view_of(ticker));
    tl_rows_set_double(rows, 1, close);
    tl_rows_set_i64(rows, 2, 0);
}

/* A window that ends end minutes after 1970. */
static inline void average_add(struct tl_rows *rows, const char *ticker, int64_t end, double close, bool final)
{
    tl_rows_add(rows);
    tl_rows_set_text(rows, TICKER, tl_view_of(ticker));
    tl_rows_set_i64(rows, TRADE_DATE, 19723);
    tl_rows_set_i64(rows, WINDOW_START, (end - 1) * MINUTE);
    tl_rows_set_i64(rows, WINDOW_END, end * MINUTE);
    tl_rows_set_double(rows, AVG_CLOSE, close);
    tl_rows_set_i64(rows, FINAL, final);
}
