/* SPDX-License-Identifier: Apache-2.0 */
#include "query/typed_rows.h"

#include "base/bytes.h"

#include <stdlib.h>

#define MAGIC "TLR1"
#define NAME_MAX_BYTES 65536u
#define TEXT_MAX ((size_t)256 << 20) /* of one value */

static void add_u32(struct tl_buf *out, size_t v)
{
    char bytes[4];
    tl_put_le(bytes, v, 4);
    tl_buf_add(out, bytes, sizeof bytes);
}

static void add_text(struct tl_buf *out, struct tl_view v)
{
    add_u32(out, v.size);
    tl_buf_add_view(out, v);
}

void tl_typed_header_write(const struct tl_column_def *columns, size_t count, struct tl_buf *out)
{
    tl_buf_add_text(out, MAGIC);
    add_u32(out, count);
    for (size_t i = 0; i < count; i++) {
        tl_buf_add_char(out, (char)columns[i].type);
        add_text(out, tl_view_of(columns[i].name));
    }
}

static void add_cell(const struct tl_rows *rows, size_t row, size_t c, struct tl_buf *out)
{
    char bytes[8];
    bool there = !tl_rows_is_null(rows, row, c);
    tl_buf_add_char(out, (char)there);
    if (!there)
        return;
    if (rows->columns[c].def.type == TL_TYPE_VARCHAR) {
        add_text(out, tl_rows_text(rows, row, c));
        return;
    }
    tl_put_le(bytes, (uint64_t)rows->columns[c].cells[row].i64, 8); /* a double's bits, too */
    tl_buf_add(out, bytes, sizeof bytes);
}

void tl_typed_batch_write(const struct tl_rows *rows, struct tl_buf *out)
{
    add_u32(out, rows->row_count);
    for (size_t row = 0; row < rows->row_count; row++)
        for (size_t c = 0; c < rows->column_count; c++)
            add_cell(rows, row, c, out);
}

/* ---- reading ---- */

static bool wrong(struct tl_error *error)
{
    return tl_error_set(error, TL_CORRUPT, "the query's process told nonsense");
}

static bool read_u32(struct tl_typed_reader *r, uint32_t max, uint32_t *out, struct tl_error *error)
{
    char bytes[4];
    if (!r->read(r->arg, bytes, sizeof bytes, error))
        return false;
    *out = (uint32_t)tl_get_le(bytes, 4);
    return *out <= max || wrong(error);
}

/* Into scratch. */
static bool read_text(struct tl_typed_reader *r, uint32_t max, struct tl_error *error)
{
    uint32_t size;
    if (!read_u32(r, max, &size, error))
        return false;
    tl_buf_reset(&r->scratch);
    void *to = tl_buf_reserve(&r->scratch, size);
    if (size && !to)
        return tl_buf_ok(&r->scratch, "a value of the result", error);
    return (!size || r->read(r->arg, to, size, error)) && (tl_view_is_utf8(tl_buf_view(&r->scratch)) || wrong(error));
}

static bool read_column(struct tl_typed_reader *r, struct tl_column_def *column, struct tl_error *error)
{
    unsigned char type;
    if (!r->read(r->arg, &type, 1, error))
        return false;
    if (type < TL_TYPE_VARCHAR || type > TL_TYPE_TIMESTAMP)
        return wrong(error);
    if (!read_text(r, NAME_MAX_BYTES, error))
        return false;
    column->type = (enum tl_type)type;
    column->name = strndup(tl_buf_text(&r->scratch), r->scratch.size);
    return column->name || tl_error_set(error, TL_NO_MEMORY, "out of memory");
}

bool tl_typed_reader_open(struct tl_typed_reader *r, tl_typed_read *read, void *arg, struct tl_error *error)
{
    char magic[4];
    uint32_t count;
    *r = (struct tl_typed_reader){ .read = read, .arg = arg };
    tl_buf_init(&r->scratch, TEXT_MAX);
    if (!read(arg, magic, sizeof magic, error))
        return false;
    if (memcmp(magic, MAGIC, sizeof magic) != 0)
        return wrong(error);
    if (!read_u32(r, TL_TYPED_COLUMNS_MAX, &count, error))
        return false;
    if (count == 0)
        return wrong(error);
    r->columns = calloc(count, sizeof *r->columns);
    if (!r->columns)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    for (; r->column_count < count; r->column_count++)
        if (!read_column(r, &r->columns[r->column_count], error))
            return false;
    return true;
}

void tl_typed_reader_release(struct tl_typed_reader *r)
{
    for (size_t i = 0; i < r->column_count; i++)
        free((char *)r->columns[i].name);
    free(r->columns);
    tl_buf_release(&r->scratch);
    *r = (struct tl_typed_reader){ .column_count = 0 };
}

/* Years 0001 to 9999 have a text. */
static bool value_fits(enum tl_type type, int64_t value)
{
    switch (type) {
    case TL_TYPE_BOOLEAN:
        return value == 0 || value == 1;
    case TL_TYPE_INTEGER:
        return value >= INT32_MIN && value <= INT32_MAX;
    case TL_TYPE_DATE:
        return value >= -719162 && value <= 2932896;
    default:
        return true;
    }
}

static bool read_cell(struct tl_typed_reader *r, struct tl_rows *rows, size_t c, struct tl_error *error)
{
    char there, bytes[8];
    if (!r->read(r->arg, &there, 1, error))
        return false;
    if (!there)
        return true;
    if (r->columns[c].type == TL_TYPE_VARCHAR) {
        if (!read_text(r, TEXT_MAX, error))
            return false;
        tl_rows_set_text(rows, c, tl_buf_view(&r->scratch));
        return true;
    }
    if (!r->read(r->arg, bytes, sizeof bytes, error))
        return false;
    int64_t value = (int64_t)tl_get_le(bytes, 8);
    if (!value_fits(r->columns[c].type, value))
        return wrong(error);
    tl_rows_set_i64(rows, c, value);
    return true;
}

bool tl_typed_reader_next(struct tl_typed_reader *r, struct tl_rows *rows, struct tl_error *error)
{
    uint32_t count;
    tl_rows_reset(rows);
    if (!read_u32(r, TL_TYPED_BATCH_MAX, &count, error))
        return false;
    for (uint32_t row = 0; row < count; row++) {
        tl_rows_add(rows);
        for (size_t c = 0; c < r->column_count; c++)
            if (!read_cell(r, rows, c, error))
                return false;
    }
    return tl_rows_ok(rows, "a batch of the result", error);
}
