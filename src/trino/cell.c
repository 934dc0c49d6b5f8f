/* SPDX-License-Identifier: Apache-2.0 */
#include "trino/cell.h"

#include "base/time.h"
#include "trino/text.h"

#include <duckdb.h>
#include <inttypes.h>
#include <stdio.h>

#define DEPTH_MAX 32
#define US_PER_S INT64_C(1000000)

__extension__ typedef __int128 int128;

static const char *name_of(duckdb_type id)
{
    switch (id) {
    case DUCKDB_TYPE_BOOLEAN: return "boolean";
    case DUCKDB_TYPE_TINYINT: return "tinyint";
    case DUCKDB_TYPE_UTINYINT:
    case DUCKDB_TYPE_SMALLINT: return "smallint";
    case DUCKDB_TYPE_USMALLINT:
    case DUCKDB_TYPE_INTEGER: return "integer";
    case DUCKDB_TYPE_UINTEGER:
    case DUCKDB_TYPE_BIGINT:
    case DUCKDB_TYPE_UBIGINT:
    case DUCKDB_TYPE_HUGEINT: return "bigint"; /* a sum of whole numbers is a BIGINT in Athena: a larger one is an error there, too */
    case DUCKDB_TYPE_FLOAT: return "float";
    case DUCKDB_TYPE_DOUBLE: return "double";
    case DUCKDB_TYPE_DECIMAL: return "decimal";
    case DUCKDB_TYPE_TIMESTAMP: return "timestamp";
    case DUCKDB_TYPE_TIMESTAMP_TZ: return "timestamp with time zone";
    case DUCKDB_TYPE_DATE: return "date";
    case DUCKDB_TYPE_TIME: return "time";
    case DUCKDB_TYPE_INTERVAL: return "interval day to second";
    case DUCKDB_TYPE_VARCHAR:
    case DUCKDB_TYPE_SQLNULL: return "varchar";
    case DUCKDB_TYPE_BLOB: return "varbinary";
    case DUCKDB_TYPE_UUID: return "uuid";
    case DUCKDB_TYPE_LIST: return "array";
    case DUCKDB_TYPE_MAP: return "map";
    case DUCKDB_TYPE_STRUCT: return "row";
    default: return NULL;
    }
}

bool tl_trino_type_of(void *type, struct tl_trino_column *column, struct tl_error *error)
{
    duckdb_logical_type logical = type;
    duckdb_type id = duckdb_get_type_id(logical);
    const char *name = name_of(id);
    char *alias = duckdb_logical_type_get_alias(logical);
    if (id == DUCKDB_TYPE_DECIMAL) {
        column->precision = duckdb_decimal_width(logical);
        column->scale = duckdb_decimal_scale(logical);
    }
    if (alias && strcmp(alias, "JSON") == 0)
        name = "json";
    duckdb_free(alias);
    return (name && tl_trino_column_set(column, name)) || tl_error_set(error, TL_UNSUPPORTED, "column '%s' has a type that is not served (number %d): CAST it", column->name ? column->name : "", (int)id);
}

bool tl_trino_is_null(void *vector, uint64_t row)
{
    uint64_t *valid = duckdb_vector_get_validity(vector);
    return valid && !duckdb_validity_row_is_valid(valid, row);
}

/* ---- plain values ---- */

static int128 wide(duckdb_hugeint v)
{
    return (int128)v.upper * ((int128)1 << 64) + (int128)v.lower;
}

static void add_decimal(struct tl_buf *out, int128 v, unsigned scale)
{
    char digits[48], *p = digits + sizeof digits;
    bool negative = v < 0;
    unsigned count = 0;
    *--p = '\0';
    for (; v != 0 || count <= scale; v /= 10, count++) {
        if (scale && count == scale)
            *--p = '.';
        int digit = (int)(v % 10);
        *--p = (char)('0' + (digit < 0 ? -digit : digit));
    }
    if (negative)
        *--p = '-';
    tl_buf_add_text(out, p);
}

static void add_decimal_at(struct tl_buf *out, const void *data, duckdb_logical_type type, uint64_t row)
{
    unsigned scale = duckdb_decimal_scale(type);
    switch (duckdb_decimal_internal_type(type)) {
    case DUCKDB_TYPE_SMALLINT: add_decimal(out, ((const int16_t *)data)[row], scale); break;
    case DUCKDB_TYPE_INTEGER: add_decimal(out, ((const int32_t *)data)[row], scale); break;
    case DUCKDB_TYPE_BIGINT: add_decimal(out, ((const int64_t *)data)[row], scale); break;
    default: add_decimal(out, wide(((const duckdb_hugeint *)data)[row]), scale); break;
    }
}

static bool add_big(struct tl_buf *out, int128 v, struct tl_error *error)
{
    if (v > INT64_MAX || v < INT64_MIN)
        return tl_error_set(error, TL_INVALID, "NUMERIC_VALUE_OUT_OF_RANGE: bigint overflow");
    tl_buf_add_i64(out, (int64_t)v);
    return true;
}

static void add_date(struct tl_buf *out, int64_t days)
{
    int year, month, day;
    tl_days_to_date(days, &year, &month, &day);
    tl_buf_addf(out, "%04d-%02d-%02d", year, month, day);
}

static void add_clock(struct tl_buf *out, int64_t us)
{
    tl_buf_addf(out, "%02d:%02d:%02d.%03d", (int)(us / (3600 * US_PER_S)), (int)(us / (60 * US_PER_S) % 60), (int)(us / US_PER_S % 60),
                (int)(us / 1000 % 1000));
}

/* "1 02:03:04.000" */
static bool add_interval(struct tl_buf *out, duckdb_interval v, struct tl_error *error)
{
    int64_t us = v.micros + (int64_t)v.days * 86400 * US_PER_S;
    if (v.months != 0)
        return tl_error_set(error, TL_UNSUPPORTED, "NOT_SUPPORTED: an interval of months is not served as a column: CAST it, or use date_diff");
    if (us < 0)
        tl_buf_add_char(out, '-');
    us = us < 0 ? -us : us;
    tl_buf_addf(out, "%" PRId64 " ", us / (86400 * US_PER_S));
    add_clock(out, us % (86400 * US_PER_S));
    return true;
}

static void add_uuid(struct tl_buf *out, duckdb_hugeint v)
{
    uint64_t high = (uint64_t)v.upper ^ (UINT64_C(1) << 63);
    tl_buf_addf(out, "%08x-%04x-%04x-%04x-%012" PRIx64, (unsigned)(high >> 32), (unsigned)(high >> 16) & 0xffff, (unsigned)high & 0xffff,
                (unsigned)(v.lower >> 48), v.lower & UINT64_C(0xffffffffffff));
}

static bool add_plain(struct tl_buf *out, duckdb_vector vector, duckdb_logical_type type, uint64_t row, struct tl_error *error)
{
    const void *data = duckdb_vector_get_data(vector);
    switch (duckdb_get_type_id(type)) {
    case DUCKDB_TYPE_BOOLEAN: tl_buf_add_text(out, ((const bool *)data)[row] ? "true" : "false"); return true;
    case DUCKDB_TYPE_TINYINT: tl_buf_add_i64(out, ((const int8_t *)data)[row]); return true;
    case DUCKDB_TYPE_UTINYINT: tl_buf_add_i64(out, ((const uint8_t *)data)[row]); return true;
    case DUCKDB_TYPE_SMALLINT: tl_buf_add_i64(out, ((const int16_t *)data)[row]); return true;
    case DUCKDB_TYPE_USMALLINT: tl_buf_add_i64(out, ((const uint16_t *)data)[row]); return true;
    case DUCKDB_TYPE_INTEGER: tl_buf_add_i64(out, ((const int32_t *)data)[row]); return true;
    case DUCKDB_TYPE_UINTEGER: tl_buf_add_i64(out, ((const uint32_t *)data)[row]); return true;
    case DUCKDB_TYPE_BIGINT: tl_buf_add_i64(out, ((const int64_t *)data)[row]); return true;
    case DUCKDB_TYPE_UBIGINT: return add_big(out, (int128)((const uint64_t *)data)[row], error);
    case DUCKDB_TYPE_HUGEINT: return add_big(out, wide(((const duckdb_hugeint *)data)[row]), error);
    case DUCKDB_TYPE_FLOAT: tl_trino_add_real(out, ((const float *)data)[row]); return true;
    case DUCKDB_TYPE_DOUBLE: tl_trino_add_double(out, ((const double *)data)[row]); return true;
    case DUCKDB_TYPE_DECIMAL: add_decimal_at(out, data, type, row); return true;
    case DUCKDB_TYPE_TIMESTAMP: tl_trino_add_instant(out, ((const int64_t *)data)[row], false); return true;
    case DUCKDB_TYPE_TIMESTAMP_TZ: tl_trino_add_instant(out, ((const int64_t *)data)[row], true); return true;
    case DUCKDB_TYPE_DATE: add_date(out, ((const int32_t *)data)[row]); return true;
    case DUCKDB_TYPE_TIME: add_clock(out, ((const int64_t *)data)[row]); return true;
    case DUCKDB_TYPE_INTERVAL: return add_interval(out, ((const duckdb_interval *)data)[row], error);
    case DUCKDB_TYPE_UUID: add_uuid(out, ((const duckdb_hugeint *)data)[row]); return true;
    default: return tl_error_set(error, TL_UNSUPPORTED, "a value of a type that is not served (number %d): CAST it", (int)duckdb_get_type_id(type));
    }
}

/* ---- values in values ---- */

static bool add_value(struct tl_buf *out, duckdb_vector vector, duckdb_logical_type type, uint64_t row, unsigned depth, struct tl_error *error);

static bool add_inner(struct tl_buf *out, duckdb_vector vector, duckdb_logical_type type, uint64_t row, unsigned depth, struct tl_error *error)
{
    if (!tl_trino_is_null(vector, row))
        return add_value(out, vector, type, row, depth + 1, error);
    tl_buf_add_text(out, "null");
    return true;
}

static bool add_list(struct tl_buf *out, duckdb_vector vector, duckdb_logical_type type, uint64_t row, unsigned depth, struct tl_error *error)
{
    duckdb_list_entry entry = ((duckdb_list_entry *)duckdb_vector_get_data(vector))[row];
    duckdb_logical_type of = duckdb_list_type_child_type(type);
    bool ok = true;
    tl_buf_add_char(out, '[');
    for (uint64_t i = 0; ok && i < entry.length; i++) {
        tl_buf_add_text(out, i ? ", " : "");
        ok = add_inner(out, duckdb_list_vector_get_child(vector), of, entry.offset + i, depth, error);
    }
    tl_buf_add_char(out, ']');
    duckdb_destroy_logical_type(&of);
    return ok;
}

static bool add_map(struct tl_buf *out, duckdb_vector vector, duckdb_logical_type type, uint64_t row, unsigned depth, struct tl_error *error)
{
    duckdb_list_entry entry = ((duckdb_list_entry *)duckdb_vector_get_data(vector))[row];
    duckdb_vector entries = duckdb_list_vector_get_child(vector);
    duckdb_logical_type key = duckdb_map_type_key_type(type), value = duckdb_map_type_value_type(type);
    bool ok = true;
    tl_buf_add_char(out, '{');
    for (uint64_t i = 0; ok && i < entry.length; i++) {
        tl_buf_add_text(out, i ? ", " : "");
        ok = add_inner(out, duckdb_struct_vector_get_child(entries, 0), key, entry.offset + i, depth, error);
        tl_buf_add_char(out, '=');
        ok = ok && add_inner(out, duckdb_struct_vector_get_child(entries, 1), value, entry.offset + i, depth, error);
    }
    tl_buf_add_char(out, '}');
    duckdb_destroy_logical_type(&key);
    duckdb_destroy_logical_type(&value);
    return ok;
}

static bool add_row(struct tl_buf *out, duckdb_vector vector, duckdb_logical_type type, uint64_t row, unsigned depth, struct tl_error *error)
{
    bool ok = true;
    tl_buf_add_char(out, '{');
    for (idx_t i = 0; ok && i < duckdb_struct_type_child_count(type); i++) {
        char *name = duckdb_struct_type_child_name(type, i);
        duckdb_logical_type of = duckdb_struct_type_child_type(type, i);
        tl_buf_add_text(out, i ? ", " : "");
        if (name && name[0])
            tl_buf_addf(out, "%s=", name);
        else
            tl_buf_addf(out, "field%" PRIu64 "=", (uint64_t)i);
        ok = add_inner(out, duckdb_struct_vector_get_child(vector, i), of, row, depth, error);
        duckdb_free(name);
        duckdb_destroy_logical_type(&of);
    }
    tl_buf_add_char(out, '}');
    return ok;
}

static bool add_value(struct tl_buf *out, duckdb_vector vector, duckdb_logical_type type, uint64_t row, unsigned depth, struct tl_error *error)
{
    duckdb_type id = duckdb_get_type_id(type);
    if (depth > DEPTH_MAX)
        return tl_error_set(error, TL_LIMIT, "a value is nested more than %d deep", DEPTH_MAX);
    if (id == DUCKDB_TYPE_VARCHAR || id == DUCKDB_TYPE_BLOB) {
        duckdb_string_t *text = (duckdb_string_t *)duckdb_vector_get_data(vector) + row;
        struct tl_view v = { duckdb_string_t_data(text), duckdb_string_t_length(*text) };
        if (id == DUCKDB_TYPE_BLOB)
            tl_trino_add_bytes(out, v);
        else
            tl_buf_add_view(out, v);
        return true;
    }
    return id == DUCKDB_TYPE_LIST     ? add_list(out, vector, type, row, depth, error)
           : id == DUCKDB_TYPE_MAP    ? add_map(out, vector, type, row, depth, error)
           : id == DUCKDB_TYPE_STRUCT ? add_row(out, vector, type, row, depth, error)
                                      : add_plain(out, vector, type, row, error);
}

bool tl_trino_add_cell(struct tl_buf *out, void *vector, void *type, uint64_t row, struct tl_error *error)
{
    return add_value(out, vector, type, row, 0, error);
}
