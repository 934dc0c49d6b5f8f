/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/functions.h"

const struct tl_function tl_functions[] = {
    { "ABS", TL_OP_ABS, "n", 'n', 0 },
    { "CEIL", TL_OP_CEIL, "n", 'n', 0 },
    { "CEILING", TL_OP_CEIL, "n", 'n', 0 },
    { "EXP", TL_OP_EXP, "d", 'd', 0 },
    { "FLOOR", TL_OP_FLOOR, "n", 'n', 0 },
    { "LN", TL_OP_LN, "d", 'd', 0 },
    { "LOG2", TL_OP_LOG2, "d", 'd', 0 },
    { "LOG10", TL_OP_LOG10, "d", 'd', 0 },
    { "MOD", TL_OP_MODULO, "nn", 'n', 0 },
    { "POW", TL_OP_POWER, "dd", 'd', 0 },
    { "POWER", TL_OP_POWER, "dd", 'd', 0 },
    { "ROUND", TL_OP_ROUND, "n", 'n', 0 },
    { "ROUND", TL_OP_ROUND_TO, "di", 'd', 0 },
    { "SIGN", TL_OP_SIGN, "n", 'j', 0 },
    { "SQRT", TL_OP_SQRT, "d", 'd', 0 },
    { "TRUNC", TL_OP_TRUNC, "n", 'n', 0 },

    { "CHAR_LENGTH", TL_OP_LENGTH, "t", 'i', 0 },
    { "CONTAINS", TL_OP_CONTAINS, "tt", 'b', 0 },
    { "ENDS_WITH", TL_OP_ENDS_WITH, "tt", 'b', 0 },
    { "LEFT", TL_OP_LEFT, "ti", 't', 0 },
    { "LENGTH", TL_OP_LENGTH, "t", 'i', 0 },
    { "LOWER", TL_OP_LOWER, "t", 't', 0 },
    { "LPAD", TL_OP_LPAD, "tit", 't', 0 },
    { "LTRIM", TL_OP_LTRIM, "t", 't', 0 }, /* of blanks */
    { "LTRIM", TL_OP_LTRIM, "tt", 't', 0 },
    { "REPEAT", TL_OP_REPEAT, "ti", 't', 0 },
    { "REPLACE", TL_OP_REPLACE, "ttt", 't', 0 },
    { "REVERSE", TL_OP_REVERSE, "t", 't', 0 },
    { "RIGHT", TL_OP_RIGHT, "ti", 't', 0 },
    { "RPAD", TL_OP_RPAD, "tit", 't', 0 },
    { "RTRIM", TL_OP_RTRIM, "t", 't', 0 },
    { "RTRIM", TL_OP_RTRIM, "tt", 't', 0 },
    { "SPLIT_PART", TL_OP_SPLIT_PART, "tti", 't', 0 },
    { "STARTS_WITH", TL_OP_STARTS_WITH, "tt", 'b', 0 },
    { "STRPOS", TL_OP_STRPOS, "tt", 'i', 0 },
    { "SUBSTR", TL_OP_SUBSTRING, "ti", 't', 0 }, /* to the end */
    { "SUBSTR", TL_OP_SUBSTRING, "tii", 't', 0 },
    { "SUBSTRING", TL_OP_SUBSTRING, "ti", 't', 0 },
    { "SUBSTRING", TL_OP_SUBSTRING, "tii", 't', 0 },
    { "TRIM", TL_OP_TRIM, "t", 't', 0 },
    { "TRIM", TL_OP_TRIM, "tt", 't', 0 },
    { "UPPER", TL_OP_UPPER, "t", 't', 0 },

    { "DAY", TL_OP_EXTRACT, "T", 'i', TL_PART_DAY },
    { "DAYOFWEEK", TL_OP_EXTRACT, "T", 'i', TL_PART_DOW },
    { "DAYOFYEAR", TL_OP_EXTRACT, "T", 'i', TL_PART_DOY },
    { "EPOCH_MS", TL_OP_EPOCH, "T", 'i', TL_PART_MILLISECOND },
    { "EPOCH_NS", TL_OP_EPOCH, "T", 'i', TL_PART_NANOSECOND },
    { "EPOCH_US", TL_OP_EPOCH, "T", 'i', TL_PART_MICROSECOND },
    { "HOUR", TL_OP_EXTRACT, "T", 'i', TL_PART_HOUR },
    { "MINUTE", TL_OP_EXTRACT, "T", 'i', TL_PART_MINUTE },
    { "MONTH", TL_OP_EXTRACT, "T", 'i', TL_PART_MONTH },
    { "PARSE_TIMESTAMP", TL_OP_PARSE_TIMESTAMP, "t", 'T', 0 },
    { "QUARTER", TL_OP_EXTRACT, "T", 'i', TL_PART_QUARTER },
    { "SECOND", TL_OP_EXTRACT, "T", 'i', TL_PART_SECOND },
    { "TO_TIMESTAMP_MS", TL_OP_FROM_EPOCH, "i", 'T', TL_PART_MILLISECOND },
    { "TO_TIMESTAMP_NS", TL_OP_FROM_EPOCH, "i", 'T', TL_PART_NANOSECOND },
    { "TO_TIMESTAMP_S", TL_OP_FROM_EPOCH, "i", 'T', TL_PART_SECOND },
    { "TO_TIMESTAMP_US", TL_OP_FROM_EPOCH, "i", 'T', TL_PART_MICROSECOND },
    { "WEEK", TL_OP_EXTRACT, "T", 'i', TL_PART_WEEK },
    { "YEAR", TL_OP_EXTRACT, "T", 'i', TL_PART_YEAR },
};
const size_t tl_function_count = TL_COUNT(tl_functions);
const char *const tl_special_functions[] = { "COALESCE", "CONCAT",  "DATE_DIFF", "DATE_TRUNC", "EXTRACT",  "GREATEST",
                                             "IF",       "IFNULL",  "LEAST",     "NULLIF",     "POSITION", "STRFTIME", NULL };

bool tl_time_part_parse(const char *text, enum tl_time_part *out)
{
    static const char *const names[] = { "millisecond", "second",  "minute", "hour", "day", "week",
                                         "month",       "quarter", "year",   "dow",  "doy", "microsecond", "nanosecond", "isodow" };
    for (size_t i = 0; i < TL_COUNT(names); i++) {
        if (!tl_view_eq_ignore_case(tl_view_of(text), tl_view_of(names[i])))
            continue;
        *out = (enum tl_time_part)i;
        return true;
    }
    return false;
}
