/* SPDX-License-Identifier: Apache-2.0 */
/* engine/plan.h: what a pipeline file means, after checking: the only thing that sql hands to the engine.
 *
 * A plan is immutable and lives in one arena. Indexes point into the plan's own arrays. Names are NUL-terminated and as written.
 * Paths are relative to the lake's root. */
#pragma once

#include "base/arena.h"
#include "base/rows.h"
#include "base/type.h"

/* What NOW() in a feed's SELECT is replaced with; the feed writes the instant of sending in its place. */
#define TL_FEED_NOW "\x1f" "now" "\x1f"

enum tl_start { TL_START_LATEST, TL_START_TRIM_HORIZON };

struct tl_source_plan {
    const char *name, *stream;
    struct tl_column_def *columns; /* as declared, computed ones left out */
    size_t column_count;
    const char *event_time;   /* name of the computed event-time column */
    size_t event_time_column; /* the VARCHAR column whose text PARSE_TIMESTAMP reads */
    int64_t delay_ns;         /* of the watermark */
    enum tl_start start;
    int64_t shard_idle_ns, flush_after_ns, max_future_skew_ns;
};

enum tl_window_kind { TL_WINDOW_NONE, TL_WINDOW_TUMBLE };
enum tl_emit { TL_EMIT_FINAL, TL_EMIT_CHANGES };
enum tl_aggregate_kind { TL_AGG_COUNT_ALL, TL_AGG_COUNT, TL_AGG_SUM, TL_AGG_AVG, TL_AGG_MIN, TL_AGG_MAX, TL_AGG_FIRST, TL_AGG_LAST };

struct tl_aggregate_plan {
    enum tl_aggregate_kind kind;
    size_t column;     /* of the source; unused for COUNT(*) */
    bool ignore_nulls; /* FIRST, LAST */
    enum tl_type type; /* of the result */
};
enum tl_output_kind { TL_OUT_KEY, TL_OUT_AGGREGATE, TL_OUT_WINDOW_START, TL_OUT_WINDOW_END };
struct tl_output_plan {
    enum tl_output_kind kind;
    size_t index; /* into keys or aggregates */
};
struct tl_view_plan {
    const char *name;
    size_t source;
    enum tl_window_kind window;
    int64_t size_ns, offset_ns;
    enum tl_emit emit;
    size_t *keys; /* source columns in GROUP BY, window bounds left out */
    size_t key_count;
    struct tl_aggregate_plan *aggregates;
    size_t aggregate_count;
    struct tl_output_plan *outputs;  /* one per output column, in SELECT order */
    struct tl_column_def *columns;   /* the same, name and type */
    size_t column_count;
};
/* What a sink reads: a view, or one of the dead-letter tables. */
enum tl_input_kind { TL_INPUT_VIEW, TL_INPUT_LATE /* index: view */, TL_INPUT_MALFORMED /* index: source */ };
struct tl_sink_plan {
    const char *name;
    enum tl_input_kind input;
    size_t index;
    const char *path;              /* 'streaming/avg_1min' */
    const char **partition_by;     /* output column names */
    size_t partition_count;
    int64_t commit_every_ns;
    const char *table;             /* 'database.table', NULL: not registered */
};
struct tl_chart_plan {
    const char *name;
    size_t view;
    const char *type, *x, *y, *series; /* column names */
};
struct tl_feed_plan {
    const char *name;
    size_t source;
    const char *select;        /* DuckDB SQL: LAKE('path') is a table macro of lake/history.h, NOW() is TL_FEED_NOW */
    const char *partition_key; /* column name */
    int64_t interval_ns;
    bool loop;
};
struct tl_batch_plan { /* CREATE TABLE name WITH (path, partition_by) AS SELECT ... */
    const char *name, *path, *select;
    const char **partition_by;
    size_t partition_count;
};
struct tl_profile_plan {
    const char *name;
    bool is_default;
    const char *kinesis; /* 'embedded' | 'aws' | a URL */
    const char *lake;    /* './lake' | 's3://...' */
    const char *catalog; /* 'embedded' | 'glue' */
    const char *region;  /* NULL: not said */
};
struct tl_plan {
    struct tl_arena arena;
    const char *name;
    struct tl_profile_plan *profiles;
    size_t profile_count;
    struct tl_source_plan *sources;
    size_t source_count;
    struct tl_view_plan *views;
    size_t view_count;
    struct tl_sink_plan *sinks;
    size_t sink_count;
    struct tl_chart_plan *charts;
    size_t chart_count;
    struct tl_feed_plan *feeds;
    size_t feed_count;
    struct tl_batch_plan *batches;
    size_t batch_count;
    uint64_t fingerprint; /* of what is computed (sources' columns, event time, delay; views): a checkpoint of another one is refused */
    const char *defaults; /* what the file leaves unsaid, a line a statement, for the explanation */
};

void tl_plan_free(struct tl_plan *plan); /* NULL is fine */
/* The profile by name, or the default one when name is NULL, or NULL. */
const struct tl_profile_plan *tl_plan_profile(const struct tl_plan *plan, const char *name);
