/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions as Spark SQL. The job turns ANSI mode off: what has no value is NULL then, as here, but for whole numbers beyond their
 * type (they would wrap: TRY_ADD and the like give NULL) and DOUBLEs that are not finite (NULLIF, where a plain value can give one). */
#include "sql/export_spark.h"

#define PART(name) TL_SQL_PART(TL_PART_##name)
#define FINITE(x) "NULLIF(NULLIF(" x ", DOUBLE('Infinity')), DOUBLE('NaN'))"
#define DIFF_SECONDS(part, seconds) \
    "(UNIX_SECONDS(DATE_TRUNC('" part "', @2)) - UNIX_SECONDS(DATE_TRUNC('" part "', @1))) DIV " seconds
#define DIFF_MONTHS(months) "BIGINT(MONTHS_BETWEEN(TRUNC(@2, 'MONTH'), TRUNC(@1, 'MONTH')))" months

/* clang-format off */
static const struct tl_sql_rule rules[] = {
    { .op = TL_OP_CAST, .of = TL_TYPE_TIMESTAMP, .to = TL_TYPE_VARCHAR, .instead = "Spark writes another text; say which with STRFTIME" },
    { .op = TL_OP_CAST, .of = TL_TYPE_DOUBLE, .to = TL_TYPE_VARCHAR, .text = "double_text(@1)" },
    { .op = TL_OP_CAST, .of = TL_TYPE_VARCHAR, .to = TL_TYPE_TIMESTAMP, .text = "parse_timestamp(@1)" },
    { .op = TL_OP_CAST, .of = TL_TYPE_VARCHAR, .to = TL_TYPE_DATE, .text = "DATE(parse_timestamp(@1))" },
    { .op = TL_OP_CAST, .of = TL_TYPE_VARCHAR, .to = TL_TYPE_DOUBLE, .text = FINITE("TRY_CAST(@1 AS DOUBLE)") },
    { .op = TL_OP_CAST, .of = TL_TYPE_VARCHAR, .to = TL_TYPE_BIGINT, .text = "TRY_CAST(ROUND(TRY_CAST(@1 AS DECIMAL(38, 18))) AS BIGINT)" },
    { .op = TL_OP_CAST, .of = TL_TYPE_VARCHAR, .to = TL_TYPE_INTEGER, .text = "TRY_CAST(ROUND(TRY_CAST(@1 AS DECIMAL(38, 18))) AS INT)" },
    { .op = TL_OP_CAST, .of = TL_TYPE_DOUBLE, .to = TL_TYPE_BIGINT, .text = "TRY_CAST(RINT(@1) AS BIGINT)" },
    { .op = TL_OP_CAST, .of = TL_TYPE_DOUBLE, .to = TL_TYPE_INTEGER, .text = "TRY_CAST(RINT(@1) AS INT)" },
    { .op = TL_OP_CAST, .to = TL_TYPE_VARCHAR, .text = "STRING(@1)" },
    { .op = TL_OP_CAST, .to = TL_TYPE_BOOLEAN, .text = "BOOLEAN(@1)" },
    { .op = TL_OP_CAST, .of = TL_TYPE_BIGINT, .to = TL_TYPE_INTEGER, .text = "TRY_CAST(@1 AS INT)" },
    { .op = TL_OP_CAST, .to = TL_TYPE_INTEGER, .text = "INT(@1)" },
    { .op = TL_OP_CAST, .to = TL_TYPE_BIGINT, .text = "BIGINT(@1)" },
    { .op = TL_OP_CAST, .to = TL_TYPE_DOUBLE, .text = "DOUBLE(@1)" },
    { .op = TL_OP_CAST, .to = TL_TYPE_DATE, .text = "DATE(@1)" },
    { .op = TL_OP_CAST, .to = TL_TYPE_TIMESTAMP, .text = "TIMESTAMP(@1)" },
    { .op = TL_OP_PARSE_TIMESTAMP, .text = "parse_timestamp(@1)" },

    { .op = TL_OP_GREATEST, .text = "GREATEST(@1, @2)" },
    { .op = TL_OP_LEAST, .text = "LEAST(@1, @2)" },

    { .op = TL_OP_ADD, .to = TL_TYPE_DOUBLE, .binds = TL_BINDS_PLUS, .text = "$1 + $2" },
    { .op = TL_OP_SUBTRACT, .to = TL_TYPE_DOUBLE, .binds = TL_BINDS_PLUS, .text = "$1 - $2" },
    { .op = TL_OP_MULTIPLY, .to = TL_TYPE_DOUBLE, .binds = TL_BINDS_TIMES, .text = "$1 * $2" },
    { .op = TL_OP_SUBTRACT, .of = TL_TYPE_DATE, .text = "BIGINT(DATEDIFF(@1, @2))" },
    { .op = TL_OP_ADD, .text = "TRY_ADD(@1, @2)" },
    { .op = TL_OP_SUBTRACT, .text = "TRY_SUBTRACT(@1, @2)" },
    { .op = TL_OP_MULTIPLY, .text = "TRY_MULTIPLY(@1, @2)" },
    { .op = TL_OP_DIVIDE, .binds = TL_BINDS_TIMES, .text = "$1 / $2" },
    { .op = TL_OP_MODULO, .binds = TL_BINDS_TIMES, .text = "$1 % $2" },
    { .op = TL_OP_SIGN, .text = "INT(SIGN(@1))" },
    { .op = TL_OP_ROUND, .to = TL_TYPE_DOUBLE, .text = "ROUND(@1)" },
    { .op = TL_OP_FLOOR, .to = TL_TYPE_DOUBLE, .text = "DOUBLE(FLOOR(@1))" },
    { .op = TL_OP_CEIL, .to = TL_TYPE_DOUBLE, .text = "DOUBLE(CEIL(@1))" },
    { .op = TL_OP_TRUNC, .to = TL_TYPE_DOUBLE, .text = "SIGN(@1) * FLOOR(ABS(@1))", .binds = TL_BINDS_TIMES },
    { .op = TL_OP_SQRT, .text = "NULLIF(SQRT(@1), DOUBLE('NaN'))" },
    { .op = TL_OP_POWER, .text = FINITE("NULLIF(POWER(@1, @2), DOUBLE('-Infinity'))") },
    { .op = TL_OP_EXP, .text = "NULLIF(EXP(@1), DOUBLE('Infinity'))" },
    { .op = TL_OP_LN, .text = "LN(@1)" },
    { .op = TL_OP_LOG2, .text = "LOG2(@1)" },
    { .op = TL_OP_LOG10, .text = "LOG10(@1)" },

    { .op = TL_OP_LENGTH, .text = "BIGINT(CHAR_LENGTH(@1))" },
    { .op = TL_OP_SUBSTRING, .args = 2, .text = "SUBSTRING(@1, #2)" },
    { .op = TL_OP_SUBSTRING, .text = "SUBSTRING(@1, #2, #3)" },
    { .op = TL_OP_STARTS_WITH, .text = "STARTSWITH(@1, @2)" },
    { .op = TL_OP_ENDS_WITH, .text = "ENDSWITH(@1, @2)" },
    { .op = TL_OP_CONTAINS, .text = "CONTAINS(@1, @2)" },
    { .op = TL_OP_STRPOS, .text = "BIGINT(INSTR(@1, @2))" },
    { .op = TL_OP_SPLIT_PART, .text = "SPLIT_PART(@1, @2, #3)" },

    { .op = TL_OP_ADD_NS, .binds = TL_BINDS_CALL, .text = "TIMESTAMP_MICROS(UNIX_MICROS(@1) + (@2) DIV 1000)" },
    { .op = TL_OP_EXTRACT, .part = PART(YEAR), .text = "BIGINT(YEAR(@1))" },
    { .op = TL_OP_EXTRACT, .part = PART(QUARTER), .text = "BIGINT(QUARTER(@1))" },
    { .op = TL_OP_EXTRACT, .part = PART(MONTH), .text = "BIGINT(MONTH(@1))" },
    { .op = TL_OP_EXTRACT, .part = PART(WEEK), .text = "BIGINT(WEEKOFYEAR(@1))" },
    { .op = TL_OP_EXTRACT, .part = PART(DAY), .text = "BIGINT(DAYOFMONTH(@1))" },
    { .op = TL_OP_EXTRACT, .part = PART(DOW), .text = "BIGINT(DAYOFWEEK(@1) - 1)" },
    { .op = TL_OP_EXTRACT, .part = PART(ISODOW), .text = "BIGINT(WEEKDAY(@1) + 1)" },
    { .op = TL_OP_EXTRACT, .part = PART(DOY), .text = "BIGINT(DAYOFYEAR(@1))" },
    { .op = TL_OP_EXTRACT, .part = PART(HOUR), .text = "BIGINT(HOUR(@1))" },
    { .op = TL_OP_EXTRACT, .part = PART(MINUTE), .text = "BIGINT(MINUTE(@1))" },
    { .op = TL_OP_EXTRACT, .part = PART(SECOND), .text = "BIGINT(SECOND(@1))" },
    { .op = TL_OP_EXTRACT, .part = PART(MILLISECOND), .text = "PMOD(UNIX_MILLIS(@1), 60000)" },
    { .op = TL_OP_EXTRACT, .part = PART(MICROSECOND), .text = "PMOD(UNIX_MICROS(@1), 60000000)" },
    { .op = TL_OP_EXTRACT, .instead = "Spark's instants end at microseconds" },
    { .op = TL_OP_TRUNCATE, .part = PART(MICROSECOND), .text = "DATE_TRUNC('MICROSECOND', @1)" },
    { .op = TL_OP_TRUNCATE, .part = PART(MILLISECOND), .text = "DATE_TRUNC('MILLISECOND', @1)" },
    { .op = TL_OP_TRUNCATE, .part = PART(SECOND), .text = "DATE_TRUNC('SECOND', @1)" },
    { .op = TL_OP_TRUNCATE, .part = PART(MINUTE), .text = "DATE_TRUNC('MINUTE', @1)" },
    { .op = TL_OP_TRUNCATE, .part = PART(HOUR), .text = "DATE_TRUNC('HOUR', @1)" },
    { .op = TL_OP_TRUNCATE, .part = PART(DAY), .text = "DATE_TRUNC('DAY', @1)" },
    { .op = TL_OP_TRUNCATE, .part = PART(WEEK), .text = "DATE_TRUNC('WEEK', @1)" },
    { .op = TL_OP_TRUNCATE, .part = PART(MONTH), .text = "DATE_TRUNC('MONTH', @1)" },
    { .op = TL_OP_TRUNCATE, .part = PART(QUARTER), .text = "DATE_TRUNC('QUARTER', @1)" },
    { .op = TL_OP_TRUNCATE, .part = PART(YEAR), .text = "DATE_TRUNC('YEAR', @1)" },
    { .op = TL_OP_TRUNCATE, .instead = "Spark's instants end at microseconds" },
    { .op = TL_OP_DATE_DIFF, .part = PART(MICROSECOND), .binds = TL_BINDS_PLUS, .text = "UNIX_MICROS(@2) - UNIX_MICROS(@1)" },
    { .op = TL_OP_DATE_DIFF, .part = PART(MILLISECOND), .binds = TL_BINDS_PLUS, .text = "UNIX_MILLIS(@2) - UNIX_MILLIS(@1)" },
    { .op = TL_OP_DATE_DIFF, .part = PART(SECOND), .binds = TL_BINDS_PLUS, .text = "UNIX_SECONDS(@2) - UNIX_SECONDS(@1)" },
    { .op = TL_OP_DATE_DIFF, .part = PART(MINUTE), .binds = TL_BINDS_TIMES, .text = DIFF_SECONDS("MINUTE", "60") },
    { .op = TL_OP_DATE_DIFF, .part = PART(HOUR), .binds = TL_BINDS_TIMES, .text = DIFF_SECONDS("HOUR", "3600") },
    { .op = TL_OP_DATE_DIFF, .part = PART(DAY), .text = "BIGINT(DATEDIFF(@2, @1))" },
    { .op = TL_OP_DATE_DIFF, .part = PART(WEEK), .instead = "take DATE_DIFF('day', ...) / 7" },
    { .op = TL_OP_DATE_DIFF, .part = PART(MONTH), .text = DIFF_MONTHS("") },
    { .op = TL_OP_DATE_DIFF, .part = PART(QUARTER), .instead = "take DATE_DIFF('month', ...)" },
    { .op = TL_OP_DATE_DIFF, .part = PART(YEAR), .binds = TL_BINDS_PLUS, .text = "BIGINT(YEAR(@2)) - BIGINT(YEAR(@1))" },
    { .op = TL_OP_DATE_DIFF, .instead = "Spark's instants end at microseconds" },
    { .op = TL_OP_EPOCH, .part = PART(SECOND), .text = "UNIX_SECONDS(@1)" },
    { .op = TL_OP_EPOCH, .part = PART(MILLISECOND), .text = "UNIX_MILLIS(@1)" },
    { .op = TL_OP_EPOCH, .part = PART(MICROSECOND), .text = "UNIX_MICROS(@1)" },
    { .op = TL_OP_EPOCH, .part = PART(NANOSECOND), .binds = TL_BINDS_TIMES, .text = "UNIX_MICROS(@1) * 1000" },
    { .op = TL_OP_FROM_EPOCH, .part = PART(SECOND), .text = "TIMESTAMP_SECONDS(@1)" },
    { .op = TL_OP_FROM_EPOCH, .part = PART(MILLISECOND), .text = "TIMESTAMP_MILLIS(@1)" },
    { .op = TL_OP_FROM_EPOCH, .part = PART(MICROSECOND), .text = "TIMESTAMP_MICROS(@1)" },
    { .op = TL_OP_FROM_EPOCH, .part = PART(NANOSECOND), .text = "TIMESTAMP_MICROS(BIGINT(FLOOR((@1) / DECIMAL(1000))))" },
};
/* clang-format on */

/* Names that Spark's parser takes for something else where a column may stand. */
static const char *const reserved[] = { "interval", "case", "when", "not", "null", "true", "false", "cast", "exists", "struct", "current_date",
                                        "current_timestamp", "current_time", "current_user", "user", "session_user", "any", "extract", NULL };

const struct tl_sql_dialect tl_spark_dialect = {
    .engine = "Spark",
    .rules = rules,
    .rule_count = TL_COUNT(rules),
    .types = { NULL, "STRING", "BOOLEAN", "INT", "BIGINT", "DOUBLE", "DATE", "TIMESTAMP" },
    .int32 = "INT(@1)",
    .literals = { NULL, NULL, "@1", "@1", "@1L", "@1D", "DATE '@1'", "TIMESTAMP '@1Z'" },
    .backslash = true,
    .reserved = reserved,
    .time_digits = 6,
};
