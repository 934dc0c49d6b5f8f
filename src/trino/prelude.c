/* SPDX-License-Identifier: Apache-2.0 */
/* typeof() in a macro is known when a statement is bound: a check that holds costs nothing at run time. What a macro says twice is computed once or
 * not at all, but written twice: so arguments that may be long stand in few places. */
#include "trino/prelude.h"

#include "trino/text.h"
#include "trino/time.h"

#include <duckdb.h>

/* ---- macros ---- */

#define DECIMALS "'^DECIMAL[^A-Z]*(DECIMAL|[A-Z]*INT)|^[A-Z]*INT(EGER)?DECIMAL'"
#define DECIMAL_WHY "'NOT_SUPPORTED: a quotient of decimals is rounded to their scale in Athena (10.0/3 is 3.3): CAST one of them AS DOUBLE'"

static const char *const macros[] = {
    /* operators */
    "tl_like(a, b) AS CASE WHEN CASE typeof(a) WHEN 'VARCHAR' THEN typeof(b) NOT IN ('VARCHAR', '\"NULL\"') WHEN '\"NULL\"' THEN false "
    "ELSE typeof(b) = 'VARCHAR' END THEN error('TYPE_MISMATCH: Cannot apply operator: ' || typeof(a) || ' with ' || typeof(b)) ELSE a END",
    "tl_eq(a, b) AS tl_like(a, b) = b",
    "tl_ne(a, b) AS tl_like(a, b) <> b",
    "tl_lt(a, b) AS tl_like(a, b) < b",
    "tl_le(a, b) AS tl_like(a, b) <= b",
    "tl_gt(a, b) AS tl_like(a, b) > b",
    "tl_ge(a, b) AS tl_like(a, b) >= b",
    "tl_div(a, b) AS a / CASE WHEN regexp_matches(typeof(a) || typeof(b), " DECIMALS ") THEN error(" DECIMAL_WHY ") "
    "WHEN b = 0 THEN error('DIVISION_BY_ZERO: Division by zero') ELSE b END",
    "tl_mod(a, b) AS a % CASE WHEN b = 0 THEN error('DIVISION_BY_ZERO: Division by zero') ELSE b END",
    "tl_joins(x) AS CASE WHEN typeof(x) IN ('VARCHAR', '\"NULL\"', 'BLOB') OR typeof(x) LIKE '%[]' THEN x "
    "ELSE error('TYPE_MISMATCH: ' || typeof(x) || ' is not joined to text: CAST it AS VARCHAR') END",
    "tl_no_date(x) AS CASE WHEN typeof(x) = 'DATE' THEN error('NOT_SUPPORTED: date - date is an interval in Athena: use date_diff') ELSE x END",
    "tl_plus(a DATE, b INTERVAL) AS CASE WHEN CAST(a + b AS DATE) = a + b THEN CAST(a + b AS DATE) ELSE error('a date takes whole days') END, "
    "(a TIMESTAMP, b INTERVAL) AS a + b, (a TIMESTAMPTZ, b INTERVAL) AS a + b, (a TIME, b INTERVAL) AS a + b, (a INTERVAL, b INTERVAL) AS a + b",
    "tl_minus(a DATE, b INTERVAL) AS CASE WHEN CAST(a - b AS DATE) = a - b THEN CAST(a - b AS DATE) ELSE error('a date takes whole days') END, "
    "(a TIMESTAMP, b INTERVAL) AS a - b, (a TIMESTAMPTZ, b INTERVAL) AS a - b, (a TIME, b INTERVAL) AS a - b, (a INTERVAL, b INTERVAL) AS a - b",
    "tl_plus_from(a INTERVAL, b DATE) AS tl_plus(b, a), (a INTERVAL, b TIMESTAMP) AS a + b, (a INTERVAL, b TIMESTAMPTZ) AS a + b, "
    "(a INTERVAL, b TIME) AS a + b, (a INTERVAL, b INTERVAL) AS a + b",
    /* conversions */
    "tl_whole(x HUGEINT) AS x, (x BIGINT) AS x, (x DOUBLE) AS round(x), (x BOOLEAN) AS CAST(x AS INTEGER), "
    "(x VARCHAR) AS CASE WHEN regexp_full_match(x, '[+-]?[0-9]+') THEN CAST(x AS HUGEINT) "
    "ELSE error('INVALID_CAST_ARGUMENT: Cannot cast ''' || x || ''' to a whole number') END",
    "tl_try_whole(x HUGEINT) AS x, (x BIGINT) AS x, (x DOUBLE) AS round(x), (x BOOLEAN) AS CAST(x AS INTEGER), "
    "(x VARCHAR) AS CASE WHEN regexp_full_match(x, '[+-]?[0-9]+') THEN TRY_CAST(x AS HUGEINT) END",
    "tl_varchar(x) AS CASE WHEN typeof(x) IN ('DOUBLE', 'FLOAT') THEN tl_double_text(CAST(x AS VARCHAR)) "
    "WHEN typeof(x) IN ('TIMESTAMP', 'TIMESTAMP WITH TIME ZONE') THEN tl_instant_text(CAST(x AS VARCHAR)) "
    "WHEN typeof(x) LIKE '%[]' OR typeof(x) LIKE 'MAP%' OR typeof(x) LIKE 'STRUCT%' OR typeof(x) = 'BLOB' "
    "THEN error('TYPE_MISMATCH: Cannot cast ' || typeof(x) || ' to varchar') ELSE CAST(x AS VARCHAR) END",
    "tl_bytes(x) AS CASE WHEN typeof(x) IN ('BLOB', '\"NULL\"') THEN x ELSE error('TYPE_MISMATCH: bytes are needed: to_utf8(text)') END",
    "tl_to_hex(x) AS hex(tl_bytes(x))",
    /* numbers */
    "tl_round(x) AS round(x), (x, n) AS CASE WHEN typeof(x) LIKE 'DECIMAL%' THEN error('NOT_SUPPORTED: round(decimal, n) keeps its scale in Athena: CAST to "
    "DOUBLE') ELSE round(x, CAST(n AS INTEGER)) END",
    "tl_no_decimal(x) AS CASE WHEN typeof(x) LIKE 'DECIMAL%' THEN error('NOT_SUPPORTED: this function of a decimal is a decimal in Athena: CAST it AS DOUBLE') "
    "ELSE x END",
    "tl_ceil(x BIGINT) AS x, (x HUGEINT) AS x, (x DOUBLE) AS ceil(x)",
    "tl_floor(x BIGINT) AS x, (x HUGEINT) AS x, (x DOUBLE) AS floor(x)",
    "tl_sign(x BIGINT) AS CAST(sign(x) AS BIGINT), (x HUGEINT) AS CAST(sign(x) AS BIGINT), (x DOUBLE) AS CAST(sign(x) AS DOUBLE)",
    "tl_truncate(x) AS trunc(CAST(x AS DOUBLE))",
    "tl_log(b, x) AS ln(x) / ln(b)",
    "tl_width_bucket(x, lo, hi, n) AS CASE WHEN x < lo THEN 0 WHEN x >= hi THEN n + 1 "
    "ELSE CAST(floor(CAST(x - lo AS DOUBLE) / CAST(hi - lo AS DOUBLE) * n) AS BIGINT) + 1 END",
    "tl_greatest(a, b) AS CASE WHEN a IS NULL OR b IS NULL THEN NULL ELSE greatest(a, b) END, "
    "(a, b, c) AS CASE WHEN a IS NULL OR b IS NULL OR c IS NULL THEN NULL ELSE greatest(a, b, c) END, "
    "(a, b, c, d) AS CASE WHEN a IS NULL OR b IS NULL OR c IS NULL OR d IS NULL THEN NULL ELSE greatest(a, b, c, d) END",
    "tl_least(a, b) AS CASE WHEN a IS NULL OR b IS NULL THEN NULL ELSE least(a, b) END, "
    "(a, b, c) AS CASE WHEN a IS NULL OR b IS NULL OR c IS NULL THEN NULL ELSE least(a, b, c) END, "
    "(a, b, c, d) AS CASE WHEN a IS NULL OR b IS NULL OR c IS NULL OR d IS NULL THEN NULL ELSE least(a, b, c, d) END",
    /* time */
    "tl_interval(u, n) AS CASE lower(u) WHEN 'millisecond' THEN to_milliseconds(n) WHEN 'second' THEN to_seconds(n) WHEN 'minute' THEN to_minutes(n) "
    "WHEN 'hour' THEN to_hours(n) WHEN 'day' THEN to_days(CAST(n AS INTEGER)) WHEN 'week' THEN to_days(CAST(n * 7 AS INTEGER)) "
    "WHEN 'month' THEN to_months(CAST(n AS INTEGER)) WHEN 'quarter' THEN to_months(CAST(n * 3 AS INTEGER)) "
    "WHEN 'year' THEN to_months(CAST(n * 12 AS INTEGER)) ELSE error('INVALID_FUNCTION_ARGUMENT: ''' || u || ''' is not a valid unit') END",
    "tl_date_add(u, n, x DATE) AS CAST(x + tl_interval(u, n) AS DATE), (u, n, x TIMESTAMP) AS x + tl_interval(u, n), "
    "(u, n, x TIMESTAMPTZ) AS x + tl_interval(u, n)",
    "tl_date_diff(u, a, b) AS date_sub(u, a, b)",
    "tl_date_trunc(u, x DATE) AS CAST(date_trunc(u, x) AS DATE), (u, x TIMESTAMP) AS date_trunc(u, x), (u, x TIMESTAMPTZ) AS date_trunc(u, x)",
    "tl_date(x) AS CAST(x AS DATE)",
    "tl_iso_date(x) AS CAST(x AS DATE)",
    "tl_iso_timestamp(x) AS CAST(x AS TIMESTAMPTZ)",
    "tl_to_iso(x DATE) AS CAST(x AS VARCHAR), (x TIMESTAMP) AS strftime(x, '%Y-%m-%dT%H:%M:%S.%g'), "
    "(x TIMESTAMPTZ) AS strftime(CAST(x AS TIMESTAMP), '%Y-%m-%dT%H:%M:%S.%gZ')",
    "tl_to_unixtime(x) AS epoch(x)",
    "tl_from_unixtime(x) AS to_timestamp(CAST(x AS DOUBLE))",
    /* text */
    "tl_length(x VARCHAR) AS length(x), (x BLOB) AS octet_length(x)",
    "tl_substr(s, f) AS CASE WHEN f = 0 OR -f > length(s) THEN '' ELSE substr(s, f) END, "
    "(s, f, n) AS CASE WHEN f = 0 OR -f > length(s) OR n <= 0 THEN '' ELSE substr(s, f, n) END",
    "tl_replace(s, a) AS replace(s, a, ''), (s, a, b) AS replace(s, a, b)",
    "tl_reverse(x VARCHAR) AS reverse(x), (x) AS list_reverse(x)",
    "tl_split_part(s, d, i) AS CASE WHEN i > len(string_split(s, d)) THEN NULL ELSE split_part(s, d, i) END",
    "tl_regexp_replace(s, p) AS regexp_replace(s, p, '', 'g'), "
    "(s, p, r) AS regexp_replace(s, p, regexp_replace(replace(r, '\\', '\\\\'), '\\$([0-9])', '\\\\\\1', 'g'), 'g')",
    "tl_regexp_count(s, p) AS CAST(len(regexp_extract_all(s, p)) AS BIGINT)",
    "tl_json_scalar(j, p) AS CASE WHEN json_type(j, p) IN ('OBJECT', 'ARRAY', 'NULL') THEN NULL ELSE json_extract_string(j, p) END",
    "tl_json_array_length(j) AS CASE WHEN json_type(j) = 'ARRAY' THEN CAST(json_array_length(j) AS BIGINT) END",
    /* arrays and maps */
    "tl_element_at(c, k) AS c[k]",
    "tl_cardinality(x MAP(VARCHAR, VARCHAR)) AS CAST(cardinality(x) AS BIGINT), (x) AS CAST(len(x) AS BIGINT)",
    "tl_contains(a, x) AS list_contains(a, x)",
    "tl_array_position(a, x) AS CASE WHEN a IS NULL OR x IS NULL THEN NULL ELSE CAST(coalesce(list_position(a, x), 0) AS BIGINT) END",
    "tl_array_sort(a) AS list_sort(a, 'ASC', 'NULLS LAST')",
    "tl_array_distinct(a) AS list_filter(a, lambda x, i: list_position(a, x) = i OR (x IS NULL AND "
    "NOT list_contains(list_transform(a[1:i - 1], lambda y: y IS NULL), true)))",
    "tl_array_max(a) AS CASE WHEN list_contains(list_transform(a, lambda x: x IS NULL), true) THEN NULL ELSE list_max(a) END",
    "tl_array_min(a) AS CASE WHEN list_contains(list_transform(a, lambda x: x IS NULL), true) THEN NULL ELSE list_min(a) END",
    "tl_array_join(a, d) AS array_to_string(list_transform(list_filter(a, lambda x: x IS NOT NULL), lambda x: tl_varchar(x)), d), "
    "(a, d, n) AS array_to_string(list_transform(a, lambda x: coalesce(tl_varchar(x), n)), d)",
    "tl_slice(a, s, n) AS CASE WHEN s < 1 OR n < 0 THEN error('NOT_SUPPORTED: slice from the end') ELSE a[s:s + n - 1] END",
    "tl_repeat(x, n) AS list_transform(range(CAST(n AS BIGINT)), lambda i: x)",
    "tl_sequence(a BIGINT, b BIGINT) AS CASE WHEN a <= b THEN generate_series(a, b) ELSE generate_series(a, b, -1) END, "
    "(a DATE, b DATE) AS list_transform(generate_series(CAST(a AS TIMESTAMP), CAST(b AS TIMESTAMP), INTERVAL 1 DAY), lambda x: CAST(x AS DATE)), "
    "(a BIGINT, b BIGINT, c BIGINT) AS generate_series(a, b, c), "
    "(a DATE, b DATE, c INTERVAL) AS list_transform(generate_series(CAST(a AS TIMESTAMP), CAST(b AS TIMESTAMP), c), lambda x: CAST(x AS DATE)), "
    "(a TIMESTAMP, b TIMESTAMP, c INTERVAL) AS generate_series(a, b, c)",
    "tl_map_agg(k, v) AS map(k, v)",
    "tl_any(l) AS CASE WHEN list_contains(l, true) THEN true WHEN list_contains(list_transform(l, lambda x: x IS NULL), true) THEN NULL "
    "WHEN l IS NULL THEN NULL ELSE false END",
    "tl_all(l) AS CASE WHEN list_contains(l, false) THEN false WHEN list_contains(list_transform(l, lambda x: x IS NULL), true) THEN NULL "
    "WHEN l IS NULL THEN NULL ELSE true END",
};

/* ---- functions in C ---- */

/* Writes the text of a value; false: NULL. */
typedef bool text_of_text(struct tl_view v, struct tl_buf *out);
typedef bool text_of_instant(int64_t us, struct tl_view format, struct tl_buf *out, struct tl_error *error);
typedef bool instant_of_text(struct tl_view v, struct tl_view format, int64_t *us, struct tl_error *error);

static struct tl_view text_at(duckdb_vector vector, idx_t row)
{
    duckdb_string_t *text = (duckdb_string_t *)duckdb_vector_get_data(vector) + row;
    return (struct tl_view){ duckdb_string_t_data(text), duckdb_string_t_length(*text) };
}

/* One of the first count arguments is NULL. */
static bool is_null(duckdb_data_chunk input, idx_t count, idx_t row)
{
    for (idx_t i = 0; i < count; i++) {
        uint64_t *valid = duckdb_vector_get_validity(duckdb_data_chunk_get_vector(input, i));
        if (valid && !duckdb_validity_row_is_valid(valid, row))
            return true;
    }
    return false;
}

static void set_null(duckdb_vector output, idx_t row)
{
    duckdb_vector_ensure_validity_writable(output);
    duckdb_validity_set_row_invalid(duckdb_vector_get_validity(output), row);
}

static void run_text(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    text_of_text *const *function = duckdb_scalar_function_get_extra_info(info);
    struct tl_buf text;
    tl_buf_init(&text, TL_TRINO_TEXT_MAX);
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(input); row++) {
        tl_buf_reset(&text);
        if (is_null(input, 1, row) || !(*function)(text_at(duckdb_data_chunk_get_vector(input, 0), row), &text))
            set_null(output, row);
        else
            duckdb_vector_assign_string_element_len(output, row, tl_buf_text(&text), text.size);
    }
    tl_buf_release(&text);
}

static void run_format(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    text_of_instant *const *function = duckdb_scalar_function_get_extra_info(info);
    const int64_t *instants = duckdb_vector_get_data(duckdb_data_chunk_get_vector(input, 0));
    struct tl_buf text;
    struct tl_error error;
    bool ok = true;
    tl_buf_init(&text, TL_TRINO_TEXT_MAX);
    for (idx_t row = 0; ok && row < duckdb_data_chunk_get_size(input); row++) {
        tl_buf_reset(&text);
        if (is_null(input, 2, row))
            set_null(output, row);
        else if ((ok = (*function)(instants[row], text_at(duckdb_data_chunk_get_vector(input, 1), row), &text, &error)))
            duckdb_vector_assign_string_element_len(output, row, tl_buf_text(&text), text.size);
    }
    if (!ok)
        duckdb_scalar_function_set_error(info, error.text);
    tl_buf_release(&text);
}

static void run_parse(duckdb_function_info info, duckdb_data_chunk input, duckdb_vector output)
{
    instant_of_text *const *function = duckdb_scalar_function_get_extra_info(info);
    int64_t *instants = duckdb_vector_get_data(output);
    struct tl_error error;
    for (idx_t row = 0; row < duckdb_data_chunk_get_size(input); row++) {
        if (is_null(input, 2, row)) {
            set_null(output, row);
        } else if (!(*function)(text_at(duckdb_data_chunk_get_vector(input, 0), row), text_at(duckdb_data_chunk_get_vector(input, 1), row),
                                &instants[row], &error)) {
            duckdb_scalar_function_set_error(info, error.text);
            return;
        }
    }
}

static text_of_text *const double_text = tl_trino_double_text, *const instant_text = tl_trino_instant_text;
static text_of_instant *const date_format = tl_trino_date_format, *const format_datetime = tl_trino_format_datetime;
static instant_of_text *const date_parse = tl_trino_date_parse, *const parse_datetime = tl_trino_parse_datetime;

static const struct {
    const char *name;
    const void *function; /* the address of one of these pointers */
    duckdb_scalar_function_t run;
    duckdb_type from, format, to; /* format 0: no second argument */
} functions[] = {
    { "tl_double_text", &double_text, run_text, DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_INVALID, DUCKDB_TYPE_VARCHAR },
    { "tl_instant_text", &instant_text, run_text, DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_INVALID, DUCKDB_TYPE_VARCHAR },
    { "tl_date_format", &date_format, run_format, DUCKDB_TYPE_TIMESTAMP, DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_VARCHAR },
    { "tl_format_datetime", &format_datetime, run_format, DUCKDB_TYPE_TIMESTAMP, DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_VARCHAR },
    { "tl_date_parse", &date_parse, run_parse, DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_TIMESTAMP },
    { "tl_parse_datetime", &parse_datetime, run_parse, DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_VARCHAR, DUCKDB_TYPE_TIMESTAMP_TZ },
};

static void add_parameter(duckdb_scalar_function function, duckdb_type type)
{
    duckdb_logical_type logical = duckdb_create_logical_type(type);
    duckdb_scalar_function_add_parameter(function, logical);
    duckdb_destroy_logical_type(&logical);
}

static bool register_function(duckdb_connection connection, size_t i)
{
    duckdb_scalar_function function = duckdb_create_scalar_function();
    duckdb_logical_type to = duckdb_create_logical_type(functions[i].to);
    duckdb_scalar_function_set_name(function, functions[i].name);
    add_parameter(function, functions[i].from);
    if (functions[i].format)
        add_parameter(function, functions[i].format);
    duckdb_scalar_function_set_return_type(function, to);
    duckdb_scalar_function_set_extra_info(function, (void *)(uintptr_t)functions[i].function, NULL);
    duckdb_scalar_function_set_function(function, functions[i].run);
    bool ok = duckdb_register_scalar_function(connection, function) == DuckDBSuccess;
    duckdb_destroy_logical_type(&to);
    duckdb_destroy_scalar_function(&function);
    return ok;
}

bool tl_trino_prelude(struct tl_duck *duck, struct tl_error *error)
{
    struct tl_buf sql;
    bool ok = true;
    for (size_t i = 0; i < TL_COUNT(functions); i++)
        if (!register_function(tl_duck_connection(duck), i))
            return tl_error_set(error, TL_NO_MEMORY, "DuckDB takes no function '%s'", functions[i].name);
    ok = tl_duck_run(duck, "SET integer_division = true", error); /* of the macros' own text, too */
    tl_buf_init(&sql, 64 << 10);
    for (size_t i = 0; ok && i < TL_COUNT(macros); i++) {
        tl_buf_reset(&sql);
        tl_buf_addf(&sql, "CREATE TEMP MACRO %s", macros[i]);
        ok = tl_buf_ok(&sql, "a macro", error) && tl_duck_run(duck, tl_buf_text(&sql), error);
        if (!ok)
            tl_error_context(error, "macro %.30s", macros[i]);
    }
    tl_buf_release(&sql);
    return ok;
}
