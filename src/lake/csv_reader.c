/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/csv_reader.h"

#include "base/grow.h"

#include <stdlib.h>

#define FIELDS_MAX ((size_t)1 << 17) /* of a line */
#define LINE_MAX_BYTES ((size_t)1 << 26)

void tl_csv_reader_init(struct tl_csv_reader *r, struct tl_view text)
{
    *r = (struct tl_csv_reader){ .text = text, .rest = text };
    tl_buf_init(&r->unquoted, LINE_MAX_BYTES);
}

void tl_csv_reader_release(struct tl_csv_reader *r)
{
    free(r->fields);
    tl_buf_release(&r->unquoted);
    *r = (struct tl_csv_reader){ .line = 0 };
}

/* A "quoted" field at the begin of *line. The buffer has room for the whole line: what points into it stays. */
static bool take_quoted(struct tl_csv_reader *r, struct tl_view *line, struct tl_view *field)
{
    size_t begin = r->unquoted.size, i = 1;
    for (; i < line->size; i++) {
        if (line->data[i] == '"' && (i + 1 == line->size || line->data[i + 1] != '"'))
            break;
        i += line->data[i] == '"';
        tl_buf_add_char(&r->unquoted, line->data[i]);
    }
    if (i >= line->size) {
        r->wrong = "a quote is not closed";
        return false;
    }
    *field = (struct tl_view){ r->unquoted.data + begin, r->unquoted.size - begin };
    *line = (struct tl_view){ line->data + i + 1, line->size - i - 1 };
    if (line->size && line->data[0] != ',') {
        r->wrong = "text follows a closing quote";
        return false;
    }
    if (line->size)
        *line = (struct tl_view){ line->data + 1, line->size - 1 };
    else
        line->data = NULL;
    return true;
}

static bool make_room(struct tl_csv_reader *r, struct tl_view line)
{
    tl_buf_reset(&r->unquoted);
    if (!memchr(line.data, '"', line.size))
        return true;
    tl_buf_reserve(&r->unquoted, line.size + 1);
    r->unquoted.size = 0;
    return !r->unquoted.failed;
}

static bool split(struct tl_csv_reader *r, struct tl_view line, struct tl_error *error)
{
    r->field_count = 0;
    while (line.data) {
        struct tl_view field;
        if (r->field_count == FIELDS_MAX) {
            r->wrong = "the line has too many columns";
            return true;
        }
        if (line.size && line.data[0] == '"') {
            if (!take_quoted(r, &line, &field))
                return true;
        } else {
            field = tl_view_split(line, ',', &line);
        }
        if (!tl_grow((void **)&r->fields, &r->field_cap, r->field_count + 1, sizeof *r->fields, FIELDS_MAX))
            return tl_error_set(error, TL_NO_MEMORY, "out of memory");
        r->fields[r->field_count++] = tl_view_trim(field);
    }
    return true;
}

bool tl_csv_reader_next(struct tl_csv_reader *r, bool *found, struct tl_error *error)
{
    struct tl_view line = { NULL, 0 };
    while (r->rest.size && !line.size) {
        line = tl_view_trim(tl_view_split(r->rest, '\n', &r->rest));
        r->line++;
    }
    r->raw = line;
    r->wrong = NULL;
    *found = line.size > 0;
    if (!*found)
        return true;
    if (line.size > LINE_MAX_BYTES || !make_room(r, line)) {
        r->field_count = 0;
        r->wrong = "the line is too long";
        return true;
    }
    if (memchr(line.data, '\0', line.size) || !tl_view_is_utf8(line)) {
        r->field_count = 0;
        r->wrong = "the line is not UTF-8 text";
        return true;
    }
    return split(r, line, error);
}
