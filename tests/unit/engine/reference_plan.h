/* SPDX-License-Identifier: Apache-2.0 */
/* reference_plan.h: the plan of pipelines/stock_stream.sql by hand, as the engine may not use sql. */
#pragma once

#include "base/time.h"
#include "engine/plan.h"

enum { TICKER, DATE, TIMESTAMP, OPEN, HIGH, LOW, CLOSE, VOLUME, COLUMNS };
enum { LATEST_CLOSE, AVG_1MIN, VIEWS };

struct reference_plan {
    struct tl_plan plan;
    struct tl_source_plan source;
    struct tl_column_def columns[COLUMNS];
    struct tl_view_plan views[VIEWS];
    size_t key[1];
    struct tl_aggregate_plan latest_aggregates[1], avg_aggregates[3];
    struct tl_output_plan latest_outputs[2], avg_outputs[6];
    struct tl_column_def latest_columns[2], avg_columns[6];
    struct tl_sink_plan sink;
    const char *partition_by[1];
};

static inline void reference_plan_init(struct reference_plan *r)
{
    static const struct tl_column_def columns[COLUMNS] = {
        { "ticker", TL_TYPE_VARCHAR, true },    { "date", TL_TYPE_VARCHAR, false },
        { "timestamp", TL_TYPE_VARCHAR, true }, { "open", TL_TYPE_DOUBLE, false },
        { "high", TL_TYPE_DOUBLE, false },      { "low", TL_TYPE_DOUBLE, false },
        { "close", TL_TYPE_DOUBLE, true },      { "volume", TL_TYPE_BIGINT, false },
    };
    *r = (struct reference_plan){ .key = { TICKER }, .partition_by = { "ticker" } };
    for (size_t i = 0; i < COLUMNS; i++)
        r->columns[i] = columns[i];
    r->source = (struct tl_source_plan){ .name = "ticks",
                                         .stream = "stock_stream",
                                         .columns = r->columns,
                                         .column_count = COLUMNS,
                                         .event_time = "event_time",
                                         .event_time_column = TIMESTAMP,
                                         .delay_ns = 2 * TL_NS_PER_MIN,
                                         .start = TL_START_LATEST,
                                         .shard_idle_ns = 30 * TL_NS_PER_S,
                                         .flush_after_ns = 5 * TL_NS_PER_MIN,
                                         .max_future_skew_ns = 5 * TL_NS_PER_MIN };
    r->latest_aggregates[0] = (struct tl_aggregate_plan){ .kind = TL_AGG_LAST, .column = CLOSE, .ignore_nulls = false, .type = TL_TYPE_DOUBLE };
    r->latest_outputs[0] = (struct tl_output_plan){ .kind = TL_OUT_KEY, .index = 0 };
    r->latest_outputs[1] = (struct tl_output_plan){ .kind = TL_OUT_AGGREGATE, .index = 0 };
    r->latest_columns[0] = (struct tl_column_def){ "ticker", TL_TYPE_VARCHAR, true };
    r->latest_columns[1] = (struct tl_column_def){ "latest_close", TL_TYPE_DOUBLE, false };
    r->views[LATEST_CLOSE] = (struct tl_view_plan){ .name = "latest_close",
                                                    .window = TL_WINDOW_NONE,
                                                    .emit = TL_EMIT_CHANGES,
                                                    .keys = r->key,
                                                    .key_count = 1,
                                                    .aggregates = r->latest_aggregates,
                                                    .aggregate_count = 1,
                                                    .outputs = r->latest_outputs,
                                                    .columns = r->latest_columns,
                                                    .column_count = 2 };
    r->avg_aggregates[0] = (struct tl_aggregate_plan){ .kind = TL_AGG_FIRST, .column = DATE, .ignore_nulls = false, .type = TL_TYPE_VARCHAR };
    r->avg_aggregates[1] = (struct tl_aggregate_plan){ .kind = TL_AGG_AVG, .column = CLOSE, .ignore_nulls = false, .type = TL_TYPE_DOUBLE };
    r->avg_aggregates[2] = (struct tl_aggregate_plan){ .kind = TL_AGG_LAST, .column = CLOSE, .ignore_nulls = false, .type = TL_TYPE_DOUBLE };
    static const struct tl_output_plan outputs[6] = { { .kind = TL_OUT_KEY, .index = 0 },          { .kind = TL_OUT_AGGREGATE, .index = 0 },
                                                      { .kind = TL_OUT_WINDOW_START, .index = 0 }, { .kind = TL_OUT_WINDOW_END, .index = 0 },
                                                      { .kind = TL_OUT_AGGREGATE, .index = 1 },    { .kind = TL_OUT_AGGREGATE, .index = 2 } };
    static const struct tl_column_def avg[6] = {
        { "ticker", TL_TYPE_VARCHAR, true },         { "trade_date", TL_TYPE_VARCHAR, false },
        { "window_start", TL_TYPE_TIMESTAMP, true }, { "window_end", TL_TYPE_TIMESTAMP, true },
        { "avg_close", TL_TYPE_DOUBLE, false },      { "last_close", TL_TYPE_DOUBLE, false }
    };
    for (size_t i = 0; i < 6; i++) {
        r->avg_outputs[i] = outputs[i];
        r->avg_columns[i] = avg[i];
    }
    r->views[AVG_1MIN] = (struct tl_view_plan){ .name = "avg_1min",
                                                .window = TL_WINDOW_TUMBLE,
                                                .size_ns = TL_NS_PER_MIN,
                                                .emit = TL_EMIT_FINAL,
                                                .keys = r->key,
                                                .key_count = 1,
                                                .aggregates = r->avg_aggregates,
                                                .aggregate_count = 3,
                                                .outputs = r->avg_outputs,
                                                .columns = r->avg_columns,
                                                .column_count = 6 };
    r->sink = (struct tl_sink_plan){ .name = "avg_1min_lake",
                                     .input = TL_INPUT_VIEW,
                                     .index = AVG_1MIN,
                                     .path = "streaming/avg_1min",
                                     .partition_by = r->partition_by,
                                     .partition_count = 1,
                                     .commit_every_ns = TL_NS_PER_MIN,
                                     .table = "stock_streaming_database.avg_1min" };
    r->plan = (struct tl_plan){ .name = "stock_stream",
                                .sources = &r->source,
                                .source_count = 1,
                                .views = r->views,
                                .view_count = VIEWS,
                                .sinks = &r->sink,
                                .sink_count = 1,
                                .fingerprint = 0x5eed };
}
