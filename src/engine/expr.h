/* SPDX-License-Identifier: Apache-2.0 */
/* engine/expr.h: scalar expressions, as the checker has typed them: trees whose every node is one operation on values of one type.
 *
 * What SQL writes in several ways comes here in one: IN is a row of =, BETWEEN is >= AND <=, CASE is a chain of IF, every implicit
 * cast is written out. Three-valued logic throughout. What has no value gives NULL: division by zero, an integer beyond its type,
 * a cast of a text that does not fit, a DOUBLE that would not be finite, the square root of -1. */
#pragma once

#include "base/value.h"

enum tl_op {
    TL_OP_COLUMN,  /* of the row: slot */
    TL_OP_LITERAL, /* value */
    TL_OP_CAST,    /* from args[0]->type to type */
    TL_OP_PARSE_TIMESTAMP,
    /* logic */
    TL_OP_AND, TL_OP_OR, TL_OP_NOT, TL_OP_IS_NULL, TL_OP_IS_NOT_NULL,
    TL_OP_EQ, TL_OP_NE, TL_OP_LT, TL_OP_LE, TL_OP_GT, TL_OP_GE, /* both sides of one type */
    TL_OP_IF,       /* (condition, then, else) */
    TL_OP_COALESCE, /* two */
    TL_OP_GREATEST, TL_OP_LEAST, /* two; NULLs are passed over */
    /* arithmetic: INTEGER, BIGINT, DOUBLE by type */
    TL_OP_NEGATE, TL_OP_ADD, TL_OP_SUBTRACT, TL_OP_MULTIPLY, TL_OP_DIVIDE, TL_OP_MODULO,
    TL_OP_ABS, TL_OP_SIGN, TL_OP_ROUND, TL_OP_ROUND_TO, TL_OP_FLOOR, TL_OP_CEIL,
    TL_OP_TRUNC, TL_OP_SQRT, TL_OP_POWER, TL_OP_EXP, TL_OP_LN, TL_OP_LOG2, TL_OP_LOG10,
    /* text: positions and lengths count code points */
    TL_OP_CONCAT, TL_OP_UPPER, TL_OP_LOWER, TL_OP_LENGTH, TL_OP_SUBSTRING, TL_OP_LEFT, TL_OP_RIGHT,
    TL_OP_TRIM, TL_OP_LTRIM, TL_OP_RTRIM, /* of blanks, or (text, characters) */
    TL_OP_REPLACE, TL_OP_LPAD, TL_OP_RPAD, TL_OP_REPEAT, TL_OP_REVERSE, TL_OP_LIKE, TL_OP_STARTS_WITH, TL_OP_ENDS_WITH,
    TL_OP_CONTAINS, TL_OP_STRPOS, TL_OP_SPLIT_PART,
    /* time: part is an enum tl_time_part */
    TL_OP_ADD_NS,  /* TIMESTAMP + BIGINT nanoseconds (an interval) */
    TL_OP_EXTRACT, /* of a TIMESTAMP */
    TL_OP_TRUNCATE,
    TL_OP_DATE_DIFF, /* borders of the part between two */
    TL_OP_EPOCH, TL_OP_FROM_EPOCH, /* in the part's unit: SECOND to NANOSECOND */
    TL_OP_STRFTIME,                /* (TIMESTAMP, format): what tl_strftime_check accepts */
};
enum tl_time_part { /* a checkpoint's fingerprint has their numbers: new ones come last */
    TL_PART_MILLISECOND, TL_PART_SECOND, TL_PART_MINUTE, TL_PART_HOUR, TL_PART_DAY, TL_PART_WEEK, TL_PART_MONTH,
    TL_PART_QUARTER, TL_PART_YEAR, TL_PART_DOW, TL_PART_DOY, TL_PART_MICROSECOND, TL_PART_NANOSECOND, TL_PART_ISODOW,
};

#define TL_EXPR_ARGS_MAX 3
#define TL_EXPR_NODES_MAX 4096 /* of one expression, what it takes from computed columns written out */
#define TL_EXPRS_NODES_MAX 8192 /* of all that is computed for one source, or of one view's groups */
#define TL_EXPR_DEPTH_MAX 200

/* Where something stands in the pipeline file's text, in bytes: for messages, never for what is computed. */
struct tl_diagnostic_place {
    size_t at, size;
};

struct tl_expr { /* immutable; in the plan's arena */
    enum tl_op op;
    enum tl_type type;
    const struct tl_expr *args[TL_EXPR_ARGS_MAX];
    unsigned arg_count;
    uint32_t size;              /* nodes of the tree: parts that are shared count each time */
    size_t slot;                /* TL_OP_COLUMN */
    struct tl_tick_value value; /* TL_OP_LITERAL */
    enum tl_time_part part;     /* of the operations of time that have one */
    struct tl_diagnostic_place place;
};

/* The same value for the same row: same operations, slots and literals. */
bool tl_expr_equal(const struct tl_expr *a, const struct tl_expr *b);
#define TL_STRFTIME_MAX 1000
/* A format of %Y %m %d %H %M %S %g %f %n %j %V %u %% and other characters, at most TL_STRFTIME_MAX bytes. */
bool tl_strftime_check(struct tl_view format);
/* "ADD", "STRPOS" ...: for explanations and fingerprints. */
const char *tl_op_name(enum tl_op op);
