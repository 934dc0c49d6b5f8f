/* SPDX-License-Identifier: Apache-2.0 */
/* engine/plan.h: what a pipeline file means, after checking: the only thing that sql hands to the engine.
 *
 * A plan is immutable and lives in one arena. Indexes point into the plan's own arrays. Names are NUL-terminated and as written.
 * Paths are relative to the lake's root. */
#pragma once

#include "base/arena.h"
#include "base/rows.h"
#include "base/type.h"
#include "engine/expr.h"
#include "kinesis/consumer.h"
#include "lake/sink_format.h"

/* What NOW() in a feed's SELECT is replaced with; the feed writes the instant of sending in its place. */
#define TL_FEED_NOW "\x1f" "now" "\x1f"

/* The columns that producer_stamp adds to each record of a feed. */
#define TL_STAMP_ID "producer_id"
#define TL_STAMP_SEQ "producer_seq"

enum tl_start { TL_START_LATEST, TL_START_TRIM_HORIZON };

/* Where the value of a slot comes from. */
enum tl_slot_kind {
    TL_SLOT_DECODED,    /* a declared column, of the JSON object (or of the upstream view's row) */
    TL_SLOT_EVENT_TIME, /* parsed with the record, or computed */
    TL_SLOT_SHARD_ID,
    TL_SLOT_SEQUENCE_NUMBER,
    TL_SLOT_SUB_SEQUENCE,
    TL_SLOT_ARRIVAL_TIME,
    TL_SLOT_PARTITION_KEY,
    TL_SLOT_COMPUTED
};
struct tl_slot_plan {
    enum tl_slot_kind kind;
    struct tl_column_def def;   /* name NULL: an expression of a view */
    const struct tl_expr *expr; /* computed ones; of the event time when it is no PARSE_TIMESTAMP(column) */
    const char *text;           /* as it was written; NULL: of a view */
    struct tl_diagnostic_place place; /* of its declaration, where it has a name */
};
struct tl_source_plan {
    const char *name, *stream;     /* of a view's rows: the view's name, NULL */
    struct tl_column_def *columns; /* as declared, computed ones and metadata left out */
    size_t column_count;
    /* A record is a row of slots: the columns first, then the event time, metadata and computed columns in the order of
     * declaration, then what views compute. */
    struct tl_slot_plan *slots;
    size_t slot_count, slot_cap;
    struct tl_column_def *named; /* name and type of the slots that can be named, which come first */
    size_t named_count;
    const char *event_time;         /* name of the event-time column */
    size_t event_time_slot;
    size_t event_time_column; /* the VARCHAR column whose text is parsed; SIZE_MAX: the slot's expression tells */
    bool of_view;             /* its records are the rows of a view (rule 5) */
    size_t view;              /* of_view */
    bool time_is_start;       /* of_view: the event time is the view's window_start, else its window_end */
    int64_t delay_ns;         /* of the watermark */
    enum tl_start start;
    enum tl_data_loss on_data_loss;
    enum tl_read_mode read;
    const char *consumer; /* FANOUT: its name; NULL: tl_source_consumer() */
    bool cbor; /* on the wire */
    int64_t shard_idle_ns, flush_after_ns, max_future_skew_ns;
    size_t *dedup; /* slots of DEDUP BY */
    size_t dedup_count;
    int64_t dedup_for_ns; /* how far W(s) has to be past a record before a repeat of it is a record of its own */
    struct tl_diagnostic_place time_place, dedup_place; /* of WATERMARK FOR's column; of the first of DEDUP BY */
};

/* Name and type of a slot. */
static inline const struct tl_column_def *tl_slot_def(const struct tl_source_plan *s, size_t slot)
{
    return slot < s->column_count ? &s->columns[slot] : &s->slots[slot].def;
}

enum tl_window_kind { TL_WINDOW_NONE, TL_WINDOW_TUMBLE, TL_WINDOW_HOP, TL_WINDOW_SESSION };
enum tl_emit { TL_EMIT_FINAL, TL_EMIT_CHANGES, TL_EMIT_SNAPSHOT };
enum tl_aggregate_kind {
    TL_AGG_COUNT_ALL,
    TL_AGG_COUNT,
    TL_AGG_SUM,
    TL_AGG_AVG,
    TL_AGG_MIN,
    TL_AGG_MAX,
    TL_AGG_FIRST,
    TL_AGG_LAST,
    TL_AGG_COUNT_DISTINCT,
    TL_AGG_STDDEV_SAMP,
    TL_AGG_STDDEV_POP,
    TL_AGG_VWAP
};
const char *tl_aggregate_name(enum tl_aggregate_kind kind); /* "COUNT_ALL", "VWAP" ... */
const char *tl_window_name(enum tl_window_kind kind);       /* "TUMBLE" ... */

struct tl_aggregate_plan {
    enum tl_aggregate_kind kind;
    size_t column;     /* slot of the source; unused for COUNT(*) */
    size_t volume;     /* slot: the second argument of VWAP */
    bool ignore_nulls; /* FIRST, LAST */
    enum tl_type type; /* of the result */
};
/* A group's row, of which SELECT and HAVING are computed: keys, window_start, window_end, aggregates. */
enum tl_output_kind { TL_OUT_KEY, TL_OUT_AGGREGATE, TL_OUT_WINDOW_START, TL_OUT_WINDOW_END, TL_OUT_EXPRESSION };
struct tl_output_plan {
    enum tl_output_kind kind;
    size_t index;     /* into keys, aggregates or expressions */
    const char *text; /* as it was written */
};
struct tl_view_plan {
    const char *name;
    size_t source;
    enum tl_window_kind window;
    int64_t size_ns, offset_ns; /* of a session: the gap */
    int64_t slide_ns;           /* TUMBLE: the size */
    enum tl_emit emit;
    bool has_where;
    size_t where; /* slot */
    size_t *keys; /* slots of GROUP BY, window bounds left out */
    size_t key_count;
    struct tl_aggregate_plan *aggregates;
    size_t aggregate_count;
    const struct tl_expr **expressions; /* over the group's row */
    size_t expression_count;
    const struct tl_expr *having;    /* over the group's row, or NULL */
    const char *where_text, *having_text; /* as written, or NULL */
    struct tl_output_plan *outputs;  /* one per output column, in SELECT order */
    struct tl_column_def *columns;   /* the same, name and type */
    size_t column_count;
    struct tl_diagnostic_place place, from_place, slide_place; /* of its name, what it reads, and a HOP's slide */
};
/* From the start of one window to that of the next. */
static inline int64_t tl_window_slide(const struct tl_view_plan *v)
{
    return v->window == TL_WINDOW_HOP ? v->slide_ns : v->size_ns;
}
/* The slot of a group's row. */
static inline size_t tl_group_slot(const struct tl_view_plan *v, enum tl_output_kind kind, size_t index)
{
    return kind == TL_OUT_KEY            ? index
           : kind == TL_OUT_WINDOW_START ? v->key_count
           : kind == TL_OUT_WINDOW_END   ? v->key_count + 1
                                         : v->key_count + 2 + index;
}
/* What a sink reads: a view, or one of the dead-letter tables. */
enum tl_input_kind { TL_INPUT_VIEW, TL_INPUT_LATE /* index: view */, TL_INPUT_MALFORMED /* index: source */ };
struct tl_sink_plan {
    const char *name;
    enum tl_input_kind input;
    size_t index;
    const char *path;              /* 'streaming/avg_1min' */
    const char **partition_by;     /* output columns, or units of them: "day(window_start)" (base/partition.h) */
    size_t partition_count;
    enum tl_sink_format format;
    enum tl_sink_compression compression;
    int64_t commit_every_ns;
    int64_t compact_ns;            /* how often files of closed partitions are merged; 0: never */
    const char *table;             /* 'database.table', NULL: not registered */
    struct tl_diagnostic_place place, format_place; /* of its name; of the format, which is there where it is not Parquet */
};
struct tl_chart_plan {
    const char *name;
    size_t view;
    const char *type, *x, *y, *series; /* column names */
};
/* When a feed's next record is due: interval after the one before, interval after the one before of its key, or as it was recorded. */
enum tl_pace { TL_PACE_RECORD, TL_PACE_KEY, TL_PACE_EVENT_TIME };
struct tl_feed_plan {
    const char *name;
    size_t source;
    const char *select;        /* DuckDB SQL: LAKE('path') is a table macro of lake/history.h, NOW() is TL_FEED_NOW */
    const char *partition_key; /* column name */
    int64_t interval_ns;
    enum tl_pace pace;
    size_t time_column; /* PACE_EVENT_TIME: the source's column that holds the recorded instant */
    bool loop, producer_stamp;
};
struct tl_batch_plan { /* CREATE TABLE name WITH (path, partition_by, incremental_by) AS SELECT ... */
    const char *name, *path, *select;
    const char *incremental_by; /* one of partition_by, or NULL */
    const char **partition_by;
    size_t partition_count;
};
struct tl_profile_plan {
    const char *name;
    bool is_default;
    const char *kinesis; /* 'embedded' | 'aws' | a URL */
    const char *lake;    /* './lake' | 's3://...' */
    const char *catalog; /* 'embedded' | 'glue' */
    const char *glue_partitions; /* 'register' | 'projection' */
    const char *region;  /* NULL: not said */
};
struct tl_plan {
    struct tl_arena arena;
    const char *name;
    const char *file_name; /* of the pipeline file and its text, for messages; text.data NULL: a plan made by hand */
    struct tl_view text;
    struct tl_diagnostic_place place; /* of its name */
    uint64_t state_limit; /* bytes of windows; 0: none (a plan made by hand) */
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

/* How often an epoch is committed, in ns: the shortest commit_every of the sinks; of a plan without one, a minute. */
int64_t tl_plan_commit_every(const struct tl_plan *plan);

#define TL_CONSUMER_NAME_MAX 129
/* The name of the consumer that reads the source by fan-out: as given, or made of the pipeline's and the source's. */
void tl_source_consumer(const struct tl_plan *plan, const struct tl_source_plan *source,
                        char out[TL_CONSUMER_NAME_MAX]);
