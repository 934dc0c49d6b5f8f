/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/delta_stats.h"

#include "base/time.h"
#include "codec/json_writer.h"
#include "lake/parquet_sink_int.h"

#include <math.h>
#include <stdlib.h>

#define TEXT_MAX 32 /* longer ones are left out: a cut greatest text would be less than it is */

bool tl_delta_stats_init(struct tl_delta_stats *s, size_t column_count)
{
    *s = (struct tl_delta_stats){ .column_count = column_count, .ranges = calloc(column_count + 1, sizeof *s->ranges) };
    return s->ranges != NULL;
}

void tl_delta_stats_release(struct tl_delta_stats *s)
{
    free(s->ranges);
    *s = (struct tl_delta_stats){ 0 };
}

static int compare(const struct tl_rows *rows, size_t column, size_t a, size_t b)
{
    union tl_cell x = rows->columns[column].cells[a], y = rows->columns[column].cells[b];
    switch (rows->columns[column].def.type) {
    case TL_TYPE_VARCHAR:
        return tl_view_cmp(tl_rows_text(rows, a, column), tl_rows_text(rows, b, column));
    case TL_TYPE_DOUBLE:
        return (x.f64 > y.f64) - (x.f64 < y.f64);
    default:
        return (x.i64 > y.i64) - (x.i64 < y.i64);
    }
}

void tl_delta_stats_add(struct tl_delta_stats *s, const struct tl_rows *rows, size_t row)
{
    s->rows++;
    for (size_t c = 0; c < s->column_count; c++) {
        struct tl_delta_range *r = &s->ranges[c];
        enum tl_type type = rows->columns[c].def.type;
        if (tl_rows_is_null(rows, row, c)) {
            r->nulls++;
            continue;
        }
        r->unknown = r->unknown || type == TL_TYPE_BOOLEAN || (type == TL_TYPE_VARCHAR && tl_rows_text(rows, row, c).size > TEXT_MAX) ||
                     (type == TL_TYPE_DOUBLE && !isfinite(rows->columns[c].cells[row].f64));
        if (!r->any || compare(rows, c, row, r->least) < 0)
            r->least = row;
        if (!r->any || compare(rows, c, row, r->greatest) > 0)
            r->greatest = row;
        r->any = true;
    }
}

/* Instants have milliseconds here: the greatest is rounded up. */
static void write_value(const struct tl_rows *rows, size_t row, size_t column, bool up, struct tl_json_writer *w)
{
    char text[TL_TIME_TEXT_MAX];
    union tl_cell cell = rows->columns[column].cells[row];
    int64_t ms;
    switch (rows->columns[column].def.type) {
    case TL_TYPE_VARCHAR:
        tl_json_write_string(w, tl_rows_text(rows, row, column));
        break;
    case TL_TYPE_DOUBLE:
        tl_json_write_double(w, cell.f64);
        break;
    case TL_TYPE_DATE:
        tl_date_format(cell.i64, text);
        tl_json_write_text(w, text);
        break;
    case TL_TYPE_TIMESTAMP:
        ms = tl_floor_div(cell.i64, TL_NS_PER_MS);
        ms += up && cell.i64 != ms * TL_NS_PER_MS && ms < INT64_MAX / TL_NS_PER_MS;
        tl_time_format(ms * TL_NS_PER_MS, TL_TIME_ISO_MS, text);
        tl_json_write_text(w, text);
        break;
    default:
        tl_json_write_i64(w, cell.i64);
    }
}

static void write_values(const struct tl_delta_stats *s, const struct tl_rows *rows, const struct tl_parquet_sink *sink, bool up,
                         struct tl_json_writer *w)
{
    tl_json_key(w, up ? "maxValues" : "minValues");
    tl_json_begin_object(w);
    for (size_t c = 0; c < s->column_count; c++) {
        const struct tl_delta_range *r = &s->ranges[c];
        if (!r->any || r->unknown || tl_parquet_sink_is_partition(sink, rows->columns[c].def.name))
            continue;
        tl_json_key(w, rows->columns[c].def.name);
        write_value(rows, up ? r->greatest : r->least, c, up, w);
    }
    tl_json_end_object(w);
}

void tl_delta_stats_write(const struct tl_delta_stats *s, const struct tl_rows *rows, const struct tl_parquet_sink *sink, struct tl_buf *out)
{
    struct tl_json_writer w;
    tl_json_writer_init(&w, out);
    tl_json_begin_object(&w);
    tl_json_member_i64(&w, "numRecords", (int64_t)s->rows);
    write_values(s, rows, sink, false, &w);
    write_values(s, rows, sink, true, &w);
    tl_json_key(&w, "nullCount");
    tl_json_begin_object(&w);
    for (size_t c = 0; c < s->column_count; c++)
        if (!tl_parquet_sink_is_partition(sink, rows->columns[c].def.name))
            tl_json_member_i64(&w, rows->columns[c].def.name, (int64_t)s->ranges[c].nulls);
    tl_json_end_object(&w);
    tl_json_end_object(&w);
}
