/* SPDX-License-Identifier: Apache-2.0 */
/* sql/ast.h: a pipeline file as it was written, with the place of each part. All in the parser's arena. */
#pragma once

#include "engine/plan.h"
#include "sql/diagnostics.h"

struct tl_token;
struct tl_ast_name {
    const char *text; /* NULL: not given */
    bool quoted;      /* matched exactly; others by letters without case */
    struct tl_diagnostic_place place;
};
enum tl_ast_value_kind { TL_VALUE_STRING, TL_VALUE_NUMBER, TL_VALUE_BOOLEAN };
struct tl_ast_option {
    struct tl_ast_name name;
    enum tl_ast_value_kind kind;
    const char *text;
    struct tl_diagnostic_place place; /* of the value */
    struct tl_ast_option *next;
};
struct tl_ast_interval {
    int64_t ns;
    struct tl_diagnostic_place place;
};
struct tl_ast_column {
    struct tl_ast_name name;
    enum tl_type type;
    bool not_null;
    struct tl_ast_name parses; /* computed by PARSE_TIMESTAMP of this column; text NULL: a plain one */
    struct tl_ast_column *next;
};
struct tl_ast_item { /* of a view's SELECT */
    bool is_aggregate;
    enum tl_aggregate_kind aggregate;
    struct tl_ast_name column; /* the column, or the aggregate's argument (text NULL: *) */
    bool ignore_nulls;
    struct tl_ast_name alias;
    struct tl_diagnostic_place place;
    struct tl_ast_item *next;
};
struct tl_ast_key {
    struct tl_ast_name name;
    struct tl_ast_key *next;
};
enum tl_ast_kind {
    TL_AST_PIPELINE,
    TL_AST_PROFILE,
    TL_AST_SOURCE,
    TL_AST_FEED,
    TL_AST_VIEW,
    TL_AST_SINK,
    TL_AST_CHART,
    TL_AST_BATCH
};

struct tl_ast_statement {
    enum tl_ast_kind kind;
    struct tl_ast_name name;
    struct tl_diagnostic_place place; /* of CREATE <KIND> */
    struct tl_ast_option *options;
    bool is_default;               /* profile */
    struct tl_ast_column *columns; /* source */
    struct tl_ast_name watermark_for, watermark_from;
    struct tl_ast_interval delay;
    struct tl_ast_name from;       /* feed: INTO; view, sink, chart: FROM */
    enum tl_input_kind input;      /* sink */
    const struct tl_token *select; /* feed, batch: the tokens of its SQL, which is DuckDB's */
    size_t select_count;
    struct tl_ast_item *items; /* view */
    bool windowed;
    struct tl_ast_name time_column;
    struct tl_ast_interval size, offset;
    struct tl_ast_key *keys;
    bool has_emit;
    enum tl_emit emit;
    struct tl_diagnostic_place emit_place;
    struct tl_ast_statement *next;
};
