/* SPDX-License-Identifier: Apache-2.0 */
/* Expressions as Flink SQL 1.19. What has no value is NULL where a function can be kept from what it would fail or wrap on (NULLIF,
 * CASE, TRY_CAST); that + - * of whole numbers wrap around and a DOUBLE may become infinite is said in the README. */
#include "sql/export_flink.h"

#define PART(name) TL_SQL_PART(TL_PART_##name)
/* A text of rule 7 as an instant: the offset apart, seconds filled in, and a day that there is (Flink takes 30 February for the 28th). */
#define DAY_IS_REAL "TRY_CAST(SUBSTRING(@1 FROM 1 FOR 10) AS DATE) IS NOT NULL"
#define LOCAL "TRY_CAST(REGEXP_EXTRACT(REGEXP_REPLACE(REPLACE(@1, 'T', ' '), '(?<=^.{16})(?=Z|[+-]|$)', ':00'), " \
    "'^([0-9]{4}-[0-9]{2}-[0-9]{2}(?: (?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\\.[0-9]{1,9})?)?)(?:(?<=:[0-9.]{2,12})(?:Z|[+-](?:0[0-9]|1[0-8]):?[0-5][0-9]))?$', 1) AS TIMESTAMP(9))"
#define OFFSET "TRY_CAST(REPLACE(REGEXP_EXTRACT(@1, '[+-][0-9]{2}:?[0-9]{2}$', 0), ':', '') AS INT)"
#define HOURS "TRY_CAST(REGEXP_EXTRACT(@1, '([+-][0-9]{2}):?[0-9]{2}$', 1) AS INT)"
#define INSTANT "CASE WHEN " DAY_IS_REAL " THEN " LOCAL " - COALESCE(" OFFSET " - " HOURS " * 40, 0) * INTERVAL '1' MINUTE END"
#define HALF_EVEN "CASE WHEN @1 - FLOOR(@1) = 0.5E0 THEN 2 * FLOOR(@1 / 2 + 0.5E0) ELSE ROUND(@1, 0) END"
#define DIFF(unit) "CAST(TIMESTAMPDIFF(" unit ", FLOOR(@1 TO " unit "), FLOOR(@2 TO " unit ")) AS BIGINT)"
#define EXTRACT(unit) "EXTRACT(" unit " FROM @1)"
#define MILLIS "EXTRACT(EPOCH FROM @1) * 1000 + EXTRACT(MILLISECOND FROM @1)"

/* clang-format off */
static const struct tl_sql_rule rules[] = {
    { .op = TL_OP_CAST, .of = TL_TYPE_TIMESTAMP, .to = TL_TYPE_VARCHAR, .instead = "Flink writes another text; say which with STRFTIME" },
    { .op = TL_OP_CAST, .of = TL_TYPE_DOUBLE, .to = TL_TYPE_VARCHAR, .instead = "Flink writes other digits; leave it a DOUBLE, or CAST it to BIGINT first" },
    { .op = TL_OP_CAST, .of = TL_TYPE_BOOLEAN, .to = TL_TYPE_VARCHAR, .text = "LOWER(CAST(@1 AS STRING))" },
    { .op = TL_OP_CAST, .to = TL_TYPE_VARCHAR, .text = "CAST(@1 AS STRING)" },
    { .op = TL_OP_CAST, .of = TL_TYPE_VARCHAR, .to = TL_TYPE_TIMESTAMP, .text = INSTANT },
    { .op = TL_OP_CAST, .of = TL_TYPE_VARCHAR, .to = TL_TYPE_DATE, .text = "CAST(" INSTANT " AS DATE)" },
    { .op = TL_OP_CAST, .of = TL_TYPE_VARCHAR, .to = TL_TYPE_DOUBLE, .text = "TRY_CAST(TRIM(@1) AS DOUBLE)" },
    { .op = TL_OP_CAST, .of = TL_TYPE_VARCHAR, .to = TL_TYPE_BIGINT, .text = "TRY_CAST(ROUND(TRY_CAST(TRIM(@1) AS DECIMAL(38, 18)), 0) AS BIGINT)" },
    { .op = TL_OP_CAST, .of = TL_TYPE_VARCHAR, .to = TL_TYPE_INTEGER, .text = "TRY_CAST(ROUND(TRY_CAST(TRIM(@1) AS DECIMAL(38, 18)), 0) AS INT)" },
    { .op = TL_OP_CAST, .of = TL_TYPE_VARCHAR, .text = "TRY_CAST(@1 AS BOOLEAN)" },
    { .op = TL_OP_CAST, .of = TL_TYPE_DOUBLE, .to = TL_TYPE_BIGINT, .text = "CAST(" HALF_EVEN " AS BIGINT)" },
    { .op = TL_OP_CAST, .of = TL_TYPE_DOUBLE, .to = TL_TYPE_INTEGER, .text = "CAST(" HALF_EVEN " AS INT)" },
    { .op = TL_OP_CAST, .of = TL_TYPE_BIGINT, .to = TL_TYPE_INTEGER, .text = "CASE WHEN @1 BETWEEN -2147483648 AND 2147483647 THEN CAST(@1 AS INT) END" },
    { .op = TL_OP_CAST, .of = TL_TYPE_BOOLEAN, .to = TL_TYPE_DOUBLE, .text = "CAST(CAST(@1 AS INT) AS DOUBLE)" },
    { .op = TL_OP_CAST, .to = TL_TYPE_BOOLEAN, .binds = TL_BINDS_COMPARE, .text = "$1 <> 0" },
    { .op = TL_OP_CAST, .to = TL_TYPE_INTEGER, .text = "CAST(@1 AS INT)" },
    { .op = TL_OP_CAST, .to = TL_TYPE_BIGINT, .text = "CAST(@1 AS BIGINT)" },
    { .op = TL_OP_CAST, .to = TL_TYPE_DOUBLE, .text = "CAST(@1 AS DOUBLE)" },
    { .op = TL_OP_CAST, .to = TL_TYPE_DATE, .text = "CAST(@1 AS DATE)" },
    { .op = TL_OP_CAST, .to = TL_TYPE_TIMESTAMP, .text = "CAST(@1 AS TIMESTAMP(9))" },
    { .op = TL_OP_PARSE_TIMESTAMP, .text = INSTANT },

    { .op = TL_OP_GREATEST, .text = "COALESCE(GREATEST(@1, @2), @1, @2)" }, /* NULLs are passed over */
    { .op = TL_OP_LEAST, .text = "COALESCE(LEAST(@1, @2), @1, @2)" },

    { .op = TL_OP_SUBTRACT, .of = TL_TYPE_DATE, .text = "CAST(TIMESTAMPDIFF(DAY, @2, @1) AS BIGINT)" },
    { .op = TL_OP_ADD, .binds = TL_BINDS_PLUS, .text = "$1 + $2" },
    { .op = TL_OP_SUBTRACT, .binds = TL_BINDS_PLUS, .text = "$1 - $2" },
    { .op = TL_OP_MULTIPLY, .binds = TL_BINDS_TIMES, .text = "$1 * $2" },
    { .op = TL_OP_DIVIDE, .binds = TL_BINDS_TIMES, .text = "$1 / NULLIF(@2, 0E0)" },
    { .op = TL_OP_MODULO, .to = TL_TYPE_DOUBLE, .instead = "Flink's MOD is of whole numbers: take a - b * TRUNC(a / b)" },
    { .op = TL_OP_MODULO, .text = "MOD(@1, NULLIF(@2, 0))" },
    { .op = TL_OP_SIGN, .text = "CAST(SIGN(@1) AS INT)" },
    { .op = TL_OP_ROUND, .to = TL_TYPE_DOUBLE, .text = "ROUND(@1, 0)" },
    { .op = TL_OP_FLOOR, .to = TL_TYPE_DOUBLE, .text = "FLOOR(@1)" },
    { .op = TL_OP_CEIL, .to = TL_TYPE_DOUBLE, .text = "CEIL(@1)" },
    { .op = TL_OP_TRUNC, .to = TL_TYPE_DOUBLE, .text = "TRUNCATE(@1, 0)" },
    { .op = TL_OP_SQRT, .text = "CASE WHEN @1 >= 0 THEN SQRT(@1) END" },
    { .op = TL_OP_POWER, .text = "POWER(@1, @2)" },
    { .op = TL_OP_EXP, .text = "EXP(@1)" },
    { .op = TL_OP_LN, .text = "CASE WHEN @1 > 0 THEN LN(@1) END" },
    { .op = TL_OP_LOG2, .text = "CASE WHEN @1 > 0 THEN LOG2(@1) END" },
    { .op = TL_OP_LOG10, .text = "CASE WHEN @1 > 0 THEN LOG10(@1) END" },

    { .op = TL_OP_LENGTH, .text = "CAST(CHAR_LENGTH(@1) AS BIGINT)" },
    { .op = TL_OP_SUBSTRING, .literal = true, .text = "SUBSTRING(@1, #2, #3)" },
    { .op = TL_OP_SUBSTRING, .instead = "SUBSTRING of a length that is a literal from 0 up, or to the end" },
    { .op = TL_OP_STARTS_WITH, .binds = TL_BINDS_COMPARE, .text = "POSITION(@2 IN @1) = 1" },
    { .op = TL_OP_ENDS_WITH, .binds = TL_BINDS_COMPARE, .text = "RIGHT(@1, CHAR_LENGTH(@2)) = $2" },
    { .op = TL_OP_CONTAINS, .binds = TL_BINDS_COMPARE, .text = "POSITION(@2 IN @1) > 0" },
    { .op = TL_OP_STRPOS, .text = "CAST(POSITION(@2 IN @1) AS BIGINT)" },
    { .op = TL_OP_SPLIT_PART, .literal = true, .text = "CASE WHEN @1 IS NOT NULL THEN COALESCE(SPLIT_INDEX(@1, @2, #3 - 1), '') END" },
    { .op = TL_OP_SPLIT_PART, .instead = "SPLIT_PART with a part that is a literal from 1 up" },

    { .op = TL_OP_EXTRACT, .part = PART(YEAR), .text = EXTRACT("YEAR") },
    { .op = TL_OP_EXTRACT, .part = PART(QUARTER), .text = EXTRACT("QUARTER") },
    { .op = TL_OP_EXTRACT, .part = PART(MONTH), .text = EXTRACT("MONTH") },
    { .op = TL_OP_EXTRACT, .part = PART(WEEK), .text = EXTRACT("WEEK") },
    { .op = TL_OP_EXTRACT, .part = PART(DAY), .text = EXTRACT("DAY") },
    { .op = TL_OP_EXTRACT, .part = PART(DOW), .binds = TL_BINDS_PLUS, .text = EXTRACT("DOW") " - 1" },
    { .op = TL_OP_EXTRACT, .part = PART(ISODOW), .text = EXTRACT("ISODOW") },
    { .op = TL_OP_EXTRACT, .part = PART(DOY), .text = EXTRACT("DOY") },
    { .op = TL_OP_EXTRACT, .part = PART(HOUR), .text = EXTRACT("HOUR") },
    { .op = TL_OP_EXTRACT, .part = PART(MINUTE), .text = EXTRACT("MINUTE") },
    { .op = TL_OP_EXTRACT, .part = PART(SECOND), .text = EXTRACT("SECOND") },
    { .op = TL_OP_EXTRACT, .part = PART(MILLISECOND), .binds = TL_BINDS_PLUS, .text = EXTRACT("SECOND") " * 1000 + " EXTRACT("MILLISECOND") },
    { .op = TL_OP_EXTRACT, .instead = "Flink's EXTRACT ends at milliseconds" },
    { .op = TL_OP_TRUNCATE, .part = PART(NANOSECOND), .text = "$1" },
    { .op = TL_OP_TRUNCATE, .part = PART(MICROSECOND), .text = "CAST(CAST(@1 AS TIMESTAMP(6)) AS TIMESTAMP(9))" },
    { .op = TL_OP_TRUNCATE, .part = PART(MILLISECOND), .text = "CAST(CAST(@1 AS TIMESTAMP(3)) AS TIMESTAMP(9))" },
    { .op = TL_OP_TRUNCATE, .part = PART(SECOND), .text = "FLOOR(@1 TO SECOND)" },
    { .op = TL_OP_TRUNCATE, .part = PART(MINUTE), .text = "FLOOR(@1 TO MINUTE)" },
    { .op = TL_OP_TRUNCATE, .part = PART(HOUR), .text = "FLOOR(@1 TO HOUR)" },
    { .op = TL_OP_TRUNCATE, .part = PART(DAY), .text = "FLOOR(@1 TO DAY)" },
    { .op = TL_OP_TRUNCATE, .part = PART(WEEK), .binds = TL_BINDS_PLUS, .text = "FLOOR(@1 - INTERVAL '1' DAY TO WEEK) + INTERVAL '1' DAY" }, /* Flink's begins on Sunday */
    { .op = TL_OP_TRUNCATE, .part = PART(MONTH), .text = "FLOOR(@1 TO MONTH)" },
    { .op = TL_OP_TRUNCATE, .part = PART(QUARTER), .text = "FLOOR(@1 TO QUARTER)" },
    { .op = TL_OP_TRUNCATE, .part = PART(YEAR), .text = "FLOOR(@1 TO YEAR)" },
    { .op = TL_OP_DATE_DIFF, .part = PART(SECOND), .text = DIFF("SECOND") },
    { .op = TL_OP_DATE_DIFF, .part = PART(MINUTE), .text = DIFF("MINUTE") },
    { .op = TL_OP_DATE_DIFF, .part = PART(HOUR), .text = DIFF("HOUR") },
    { .op = TL_OP_DATE_DIFF, .part = PART(DAY), .text = DIFF("DAY") },
    { .op = TL_OP_DATE_DIFF, .part = PART(MONTH), .text = DIFF("MONTH") },
    { .op = TL_OP_DATE_DIFF, .part = PART(YEAR), .binds = TL_BINDS_PLUS, .text = "EXTRACT(YEAR FROM @2) - EXTRACT(YEAR FROM @1)" },
    { .op = TL_OP_DATE_DIFF, .part = PART(WEEK), .instead = "take DATE_DIFF('day', ...) / 7" },
    { .op = TL_OP_DATE_DIFF, .part = PART(QUARTER), .instead = "take DATE_DIFF('month', ...)" },
    { .op = TL_OP_DATE_DIFF, .instead = "Flink's differences end at seconds" },
    { .op = TL_OP_EPOCH, .part = PART(MILLISECOND), .binds = TL_BINDS_PLUS, .text = MILLIS },
    { .op = TL_OP_EPOCH, .instead = "take EPOCH_MS: Flink's functions of time end at milliseconds" },
    { .op = TL_OP_FROM_EPOCH, .part = PART(SECOND), .text = "CAST(TO_TIMESTAMP_LTZ(@1, 0) AS TIMESTAMP(9))" },
    { .op = TL_OP_FROM_EPOCH, .part = PART(MILLISECOND), .text = "CAST(TO_TIMESTAMP_LTZ(@1, 3) AS TIMESTAMP(9))" },
    { .op = TL_OP_FROM_EPOCH, .instead = "take TO_TIMESTAMP_MS: Flink's functions of time end at milliseconds" },
};
/* clang-format on */

/* Flink's reserved words that a column is likely to be called, and those that Calcite's parser stumbles over. */
static const char *const reserved[] = {
    "abs",       "all",       "and",        "any",       "array",      "as",        "asc",        "at",        "avg",        "begin",
    "between",   "bigint",    "binary",     "boolean",   "both",       "by",        "bytes",      "call",      "case",       "cast",
    "ceil",      "char",      "character",  "check",     "close",      "coalesce",  "collect",    "column",    "commit",     "condition",
    "constraint", "contains", "count",      "create",    "cross",      "cube",      "current",    "cursor",    "date",       "day",
    "decimal",   "declare",   "default",    "define",    "delete",     "desc",      "describe",   "disallow",  "distinct",   "double",
    "drop",      "each",      "element",    "else",      "empty",      "end",       "equals",     "escape",    "every",      "except",
    "execute",   "exists",    "exp",        "explain",   "external",   "extract",   "false",      "fetch",     "filter",     "first_value",
    "float",     "floor",     "for",        "from",      "full",       "function",  "get",        "global",    "grant",      "group",
    "grouping",  "having",    "hold",       "hour",      "identity",   "import",    "in",         "indicator", "initial",    "inner",
    "insert",    "int",       "integer",    "intersect", "interval",   "into",      "is",         "join",      "lag",        "language",
    "large",     "last_value", "lateral",   "lead",      "leading",    "left",      "like",       "limit",     "ln",         "local",
    "lower",     "map",       "match",      "matches",   "max",        "measures",  "member",     "merge",     "method",     "min",
    "minute",    "mod",       "modifies",   "module",    "modules",    "month",     "multiset",   "natural",   "new",        "next",
    "no",        "none",      "not",        "null",      "numeric",    "of",        "offset",     "old",       "omit",       "on",
    "one",       "only",      "open",       "or",        "order",      "out",       "outer",      "over",      "overlaps",   "parameter",
    "partition", "pattern",   "per",        "percent",   "period",     "portion",   "position",   "power",     "precision",  "prepare",
    "prev",      "primary",   "procedure",  "range",     "rank",       "raw",       "reads",      "real",      "ref",        "references",
    "release",   "reset",     "result",     "return",    "returns",    "right",     "rollback",   "row",       "row_number", "rows",
    "running",   "scope",     "scroll",     "search",    "second",     "seek",      "select",     "set",       "show",       "similar",
    "skip",      "smallint",  "some",       "specific",  "sql",        "sqrt",      "start",      "statement", "static",     "statistics",
    "stream",    "string",    "submultiset", "subset",   "substring",  "succeeds",  "sum",        "symmetric", "system",     "table",
    "tables",    "then",      "time",       "timestamp", "tinyint",    "to",        "trailing",   "translate", "trigger",    "trim",
    "true",      "truncate",  "uescape",    "union",     "unique",     "unknown",   "unnest",     "update",    "upper",      "upsert",
    "use",       "user",      "using",      "value",     "value_of",   "values",    "varbinary",  "varchar",   "varying",    "version",
    "versioning", "view",     "views",      "watermark", "watermarks", "week",      "when",       "whenever",  "where",      "width_bucket",
    "window",    "with",      "within",     "without",   "year",       NULL
};

const struct tl_sql_dialect tl_flink_dialect = {
    .engine = "Flink",
    .rules = rules,
    .rule_count = TL_COUNT(rules),
    .types = { NULL, "STRING", "BOOLEAN", "INT", "BIGINT", "DOUBLE", "DATE", "TIMESTAMP(9)" },
    .int32 = "CAST(@1 AS INT)",
    .literals = { NULL, NULL, "@1", "@1", "@1", "@1E0", "DATE '@1'", "TIMESTAMP '@1'" },
    .backslash = false,
    .reserved = reserved,
    .time_digits = 9,
    .calcite = true,
};
