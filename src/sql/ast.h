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
#define TL_ARGUMENTS_MAX 256 /* of a function, of IN, WHENs of a CASE */

/* An expression as it was written. */
enum tl_ast_expr_kind {
    TL_EXPR_NAME,
    TL_EXPR_STRING,
    TL_EXPR_INSTANT, /* DATE '...' or TIMESTAMP '...': type, text */
    TL_EXPR_NUMBER,
    TL_EXPR_TRUE,
    TL_EXPR_FALSE,
    TL_EXPR_NULL,
    TL_EXPR_INTERVAL,
    TL_EXPR_OPERATOR, /* text: "+", "<>", "AND", "NOT", "IS NULL", "IS TRUE", "LIKE", "ILIKE" ...; "-" of one argument is the sign */
    TL_EXPR_IN,       /* the value, then the list */
    TL_EXPR_BETWEEN,
    TL_EXPR_CASE, /* [operand] (WHEN, THEN)... [ELSE] */
    TL_EXPR_CAST,
    TL_EXPR_CALL, /* text: the function's name as written */
};
struct tl_ast_expr {
    enum tl_ast_expr_kind kind;
    struct tl_ast_name name; /* NAME */
    const char *text;
    int64_t interval_ns;
    enum tl_type type;             /* CAST, INSTANT */
    bool negated;                  /* IN, BETWEEN */
    bool has_operand, has_else;    /* CASE */
    bool star, distinct;           /* COUNT(*), COUNT(DISTINCT x) */
    bool ignore_nulls;
    struct tl_diagnostic_place place;
    struct tl_ast_expr *args, *next; /* next: the argument behind this one */
    unsigned depth;
};
struct tl_ast_column {
    struct tl_ast_name name;
    enum tl_type type;
    bool not_null;
    struct tl_ast_expr *expr; /* computed: name AS expression; NULL: a plain one */
    bool metadata;            /* name TYPE METADATA [FROM 'key'] */
    const char *metadata_key;
    struct tl_diagnostic_place key_place;
    struct tl_ast_column *next;
};
struct tl_ast_item { /* of a view's SELECT */
    struct tl_ast_expr *expr;
    struct tl_ast_name alias;
    struct tl_ast_item *next;
};
struct tl_ast_key {
    struct tl_ast_expr *expr;
    struct tl_ast_key *next;
};
struct tl_ast_dedup {
    struct tl_ast_name name;
    struct tl_ast_dedup *next;
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
    struct tl_ast_dedup *dedup; /* source: the columns of DEDUP BY, NULL: none */
    struct tl_ast_name from;       /* feed: INTO; view, sink, chart: FROM */
    enum tl_input_kind input;      /* sink */
    const struct tl_token *select; /* feed, batch: the tokens of its SQL, which is DuckDB's */
    size_t select_count;
    struct tl_ast_item *items; /* view */
    enum tl_window_kind window;
    struct tl_ast_name time_column;
    struct tl_ast_interval size, slide, offset; /* of a session, size is the gap */
    struct tl_ast_expr *where, *having;
    struct tl_ast_key *keys;
    bool has_emit;
    enum tl_emit emit;
    struct tl_diagnostic_place emit_place;
    struct tl_ast_statement *next;
};
