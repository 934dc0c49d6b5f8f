/* SPDX-License-Identifier: Apache-2.0 */
/* What the engines write alike. A dialect has a rule of its own only where it differs. */
#include "sql/sql_standard.h"

/* clang-format off */
const struct tl_sql_rule tl_sql_standard[] = {
    { .op = TL_OP_AND, .binds = TL_BINDS_AND, .text = "$1 AND $2" },
    { .op = TL_OP_OR, .binds = TL_BINDS_OR, .text = "$1 OR $2" },
    { .op = TL_OP_NOT, .binds = TL_BINDS_NOT, .text = "NOT $1" },
    { .op = TL_OP_IS_NULL, .binds = TL_BINDS_COMPARE, .text = "$1 IS NULL" },
    { .op = TL_OP_IS_NOT_NULL, .binds = TL_BINDS_COMPARE, .text = "$1 IS NOT NULL" },
    { .op = TL_OP_EQ, .binds = TL_BINDS_COMPARE, .text = "$1 = $2" },
    { .op = TL_OP_NE, .binds = TL_BINDS_COMPARE, .text = "$1 <> $2" },
    { .op = TL_OP_LT, .binds = TL_BINDS_COMPARE, .text = "$1 < $2" },
    { .op = TL_OP_LE, .binds = TL_BINDS_COMPARE, .text = "$1 <= $2" },
    { .op = TL_OP_GT, .binds = TL_BINDS_COMPARE, .text = "$1 > $2" },
    { .op = TL_OP_GE, .binds = TL_BINDS_COMPARE, .text = "$1 >= $2" },
    { .op = TL_OP_NEGATE, .binds = TL_BINDS_SIGN, .text = "-$1" },
    { .op = TL_OP_ABS, .text = "ABS(@1)" },
    { .op = TL_OP_ROUND, .text = "$1" }, /* a whole number is round, and its own floor */
    { .op = TL_OP_FLOOR, .text = "$1" },
    { .op = TL_OP_CEIL, .text = "$1" },
    { .op = TL_OP_TRUNC, .text = "$1" },
    { .op = TL_OP_ROUND_TO, .literal = true, .text = "ROUND(@1, #2)" },
    { .op = TL_OP_ROUND_TO, .instead = "ROUND to a number of places that is a literal from 0 up" },
    { .op = TL_OP_CONCAT, .binds = TL_BINDS_PLUS, .text = "$1 || $2" },
    { .op = TL_OP_UPPER, .text = "UPPER(@1)" },
    { .op = TL_OP_LOWER, .text = "LOWER(@1)" },
    { .op = TL_OP_LEFT, .literal = true, .text = "LEFT(@1, #2)" },
    { .op = TL_OP_LEFT, .instead = "LEFT with a count that is a literal from 0 up; else SUBSTRING" },
    { .op = TL_OP_RIGHT, .literal = true, .text = "RIGHT(@1, #2)" },
    { .op = TL_OP_RIGHT, .instead = "RIGHT with a count that is a literal from 0 up; else SUBSTRING" },
    { .op = TL_OP_TRIM, .args = 1, .text = "TRIM(@1)" },
    { .op = TL_OP_LTRIM, .args = 1, .text = "LTRIM(@1)" },
    { .op = TL_OP_RTRIM, .args = 1, .text = "RTRIM(@1)" },
    { .op = TL_OP_TRIM, .text = "TRIM(BOTH @2 FROM @1)" },
    { .op = TL_OP_LTRIM, .text = "TRIM(LEADING @2 FROM @1)" },
    { .op = TL_OP_RTRIM, .text = "TRIM(TRAILING @2 FROM @1)" },
    { .op = TL_OP_REPLACE, .text = "REPLACE(@1, @2, @3)" },
    { .op = TL_OP_LPAD, .text = "LPAD(@1, #2, @3)" },
    { .op = TL_OP_RPAD, .text = "RPAD(@1, #2, @3)" },
    { .op = TL_OP_REPEAT, .text = "REPEAT(@1, #2)" },
    { .op = TL_OP_REVERSE, .text = "REVERSE(@1)" },
    { .op = TL_OP_STRFTIME, .text = "DATE_FORMAT(@1, ~2)" },
};
/* clang-format on */

const size_t tl_sql_standard_count = TL_COUNT(tl_sql_standard);
