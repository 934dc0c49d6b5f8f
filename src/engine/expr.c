/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/expr.h"

#include <assert.h>

static const char *const names[] = {
    [TL_OP_COLUMN] = "COLUMN",
    [TL_OP_LITERAL] = "LITERAL",
    [TL_OP_CAST] = "CAST",
    [TL_OP_PARSE_TIMESTAMP] = "PARSE_TIMESTAMP",
    [TL_OP_AND] = "AND",
    [TL_OP_OR] = "OR",
    [TL_OP_NOT] = "NOT",
    [TL_OP_IS_NULL] = "IS_NULL",
    [TL_OP_IS_NOT_NULL] = "IS_NOT_NULL",
    [TL_OP_EQ] = "EQ",
    [TL_OP_NE] = "NE",
    [TL_OP_LT] = "LT",
    [TL_OP_LE] = "LE",
    [TL_OP_GT] = "GT",
    [TL_OP_GE] = "GE",
    [TL_OP_IF] = "IF",
    [TL_OP_COALESCE] = "COALESCE",
    [TL_OP_GREATEST] = "GREATEST",
    [TL_OP_LEAST] = "LEAST",
    [TL_OP_NEGATE] = "NEGATE",
    [TL_OP_ADD] = "ADD",
    [TL_OP_SUBTRACT] = "SUBTRACT",
    [TL_OP_MULTIPLY] = "MULTIPLY",
    [TL_OP_DIVIDE] = "DIVIDE",
    [TL_OP_MODULO] = "MODULO",
    [TL_OP_ABS] = "ABS",
    [TL_OP_SIGN] = "SIGN",
    [TL_OP_ROUND] = "ROUND",
    [TL_OP_ROUND_TO] = "ROUND_TO",
    [TL_OP_FLOOR] = "FLOOR",
    [TL_OP_CEIL] = "CEIL",
    [TL_OP_SQRT] = "SQRT",
    [TL_OP_POWER] = "POWER",
    [TL_OP_EXP] = "EXP",
    [TL_OP_LN] = "LN",
    [TL_OP_LOG2] = "LOG2",
    [TL_OP_LOG10] = "LOG10",
    [TL_OP_TRUNC] = "TRUNC",
    [TL_OP_CONCAT] = "CONCAT",
    [TL_OP_UPPER] = "UPPER",
    [TL_OP_LOWER] = "LOWER",
    [TL_OP_LENGTH] = "LENGTH",
    [TL_OP_SUBSTRING] = "SUBSTRING",
    [TL_OP_LEFT] = "LEFT",
    [TL_OP_RIGHT] = "RIGHT",
    [TL_OP_TRIM] = "TRIM",
    [TL_OP_LTRIM] = "LTRIM",
    [TL_OP_RTRIM] = "RTRIM",
    [TL_OP_REPLACE] = "REPLACE",
    [TL_OP_LPAD] = "LPAD",
    [TL_OP_RPAD] = "RPAD",
    [TL_OP_REPEAT] = "REPEAT",
    [TL_OP_REVERSE] = "REVERSE",
    [TL_OP_LIKE] = "LIKE",
    [TL_OP_STARTS_WITH] = "STARTS_WITH",
    [TL_OP_ENDS_WITH] = "ENDS_WITH",
    [TL_OP_CONTAINS] = "CONTAINS",
    [TL_OP_STRPOS] = "STRPOS",
    [TL_OP_SPLIT_PART] = "SPLIT_PART",
    [TL_OP_ADD_NS] = "ADD_NS",
    [TL_OP_EXTRACT] = "EXTRACT",
    [TL_OP_TRUNCATE] = "TRUNCATE",
    [TL_OP_DATE_DIFF] = "DATE_DIFF",
    [TL_OP_EPOCH] = "EPOCH",
    [TL_OP_FROM_EPOCH] = "FROM_EPOCH",
    [TL_OP_STRFTIME] = "STRFTIME",
};

const char *tl_op_name(enum tl_op op)
{
    assert((size_t)op < TL_COUNT(names) && names[op]);
    return names[op];
}

static bool same_literal(const struct tl_expr *a, const struct tl_expr *b)
{
    if (a->value.null != b->value.null)
        return false;
    if (a->value.null)
        return true;
    if (a->type == TL_TYPE_VARCHAR)
        return tl_view_eq(a->value.as.text, b->value.as.text);
    return a->value.as.i64 == b->value.as.i64; /* bits, of a double too: -0 is another literal than 0 */
}

bool tl_expr_equal(const struct tl_expr *a, const struct tl_expr *b)
{
    if (a == b)
        return true;
    if (a->op != b->op || a->type != b->type || a->arg_count != b->arg_count || a->size != b->size ||
        a->slot != b->slot ||
        a->part != b->part || (a->op == TL_OP_LITERAL && !same_literal(a, b)))
        return false;
    for (unsigned i = 0; i < a->arg_count; i++)
        if (!tl_expr_equal(a->args[i], b->args[i]))
            return false;
    return true;
}
