/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/row_files.h"

#include "base/file.h"
#include "codec/json.h"
#include "codec/json_tick.h"

#include <stdio.h>
#include <stdlib.h>

#define FILE_MAX ((size_t)4 << 30)

static void add_row(struct tl_rows *out, const struct tl_tick_value *values)
{
    tl_rows_add(out);
    for (size_t c = 0; c < out->column_count; c++) {
        if (values[c].null)
            continue;
        if (out->columns[c].def.type == TL_TYPE_VARCHAR)
            tl_rows_set_text(out, c, values[c].as.text);
        else if (out->columns[c].def.type == TL_TYPE_DOUBLE)
            tl_rows_set_double(out, c, values[c].as.f64);
        else
            tl_rows_set_i64(out, c, values[c].as.i64);
    }
}

static bool read_lines(struct tl_json_tick_decoder *decoder, struct tl_view text, struct tl_tick_value *values, struct tl_rows *out,
                       struct tl_error *error)
{
    size_t number = 0, offset;
    for (struct tl_view rest = text; rest.size;) {
        struct tl_view line = tl_view_split(rest, '\n', &rest);
        number++;
        if (tl_view_trim(line).size == 0)
            continue;
        const char *wrong = tl_json_tick_decode(decoder, line.data, line.size, values, &offset);
        if (wrong)
            return tl_error_set(error, TL_CORRUPT, "line %zu: %s", number, wrong);
        add_row(out, values);
    }
    return true;
}

static bool read_file(struct tl_json_tick_decoder *decoder, const char *path, struct tl_tick_value *values, struct tl_rows *out,
                      struct tl_error *error)
{
    static const char behind[TL_JSON_PADDING];
    struct tl_buf text;
    tl_buf_init(&text, FILE_MAX);
    bool ok = tl_file_read(path, &text, error);
    size_t size = text.size;
    tl_buf_add(&text, behind, sizeof behind);
    ok = ok && tl_buf_ok(&text, "a file of rows", error) && read_lines(decoder, (struct tl_view){ text.data, size }, values, out, error);
    tl_buf_release(&text);
    return ok || tl_error_context(error, "'%s'", path);
}

static bool read_folder(const char *folder, struct tl_json_tick_decoder *decoder, struct tl_tick_value *values, struct tl_rows *out,
                        struct tl_error *error)
{
    struct tl_dir_list list;
    if (!tl_dir_list(folder, &list, error))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < list.count; i++) {
        char path[1024];
        snprintf(path, sizeof path, "%.700s/%.300s", folder, list.names[i]);
        if (list.names[i][0] != '.' && list.names[i][0] != '_')
            ok = read_file(decoder, path, values, out, error);
    }
    tl_dir_list_release(&list);
    return ok && tl_rows_ok(out, "the rows", error);
}

bool tl_row_files_read(const char *folder, struct tl_rows *out, struct tl_error *error)
{
    struct tl_json_tick_decoder *decoder = NULL;
    struct tl_column_def *defs = calloc(out->column_count + 1, sizeof *defs);
    struct tl_tick_value *values = calloc(out->column_count + 1, sizeof *values);
    bool ok = true;
    if (!defs || !values) {
        ok = tl_error_set(error, TL_NO_MEMORY, "out of memory");
    } else if (tl_file_exists(folder)) {
        for (size_t i = 0; i < out->column_count; i++)
            defs[i] = (struct tl_column_def){ .name = out->columns[i].def.name, .type = out->columns[i].def.type };
        ok = tl_json_tick_decoder_new(&decoder, defs, out->column_count, error) && read_folder(folder, decoder, values, out, error);
    }
    tl_json_tick_decoder_free(decoder);
    free(values);
    free(defs);
    return ok;
}
