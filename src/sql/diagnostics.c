/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/diagnostics.h"

#include <stdarg.h>
#include <stdio.h>

#define TEXT_MAX (1 << 20)
#define SHOWN_MAX 160 /* characters of a line that are shown */

void tl_diagnostics_init(struct tl_diagnostics *d)
{
    tl_buf_init(&d->text, TEXT_MAX);
    d->count = 0;
}

void tl_diagnostics_release(struct tl_diagnostics *d)
{
    tl_buf_release(&d->text);
}

struct line {
    size_t number, begin, end; /* bytes */
};

static struct line line_of(struct tl_view text, size_t at)
{
    struct line line = { 1, 0, at };
    for (size_t i = 0; i < at; i++) {
        if (text.data[i] == '\n') {
            line.number++;
            line.begin = i + 1;
        }
    }
    while (line.end < text.size && text.data[line.end] != '\n' && text.data[line.end] != '\r')
        line.end++;
    return line;
}

static bool continues(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

static size_t characters(struct tl_view v)
{
    size_t count = 0;
    for (size_t i = 0; i < v.size; i++)
        count += !continues(v.data[i]);
    return count;
}

/* The line, tabs kept (the caret's line has the same tabs), control characters made visible. */
static void add_line(struct tl_buf *out, struct tl_view line)
{
    tl_buf_add_text(out, "  ");
    for (size_t i = 0, shown = 0; i < line.size && shown < SHOWN_MAX; i++) {
        unsigned char c = (unsigned char)line.data[i];
        shown += !continues(line.data[i]);
        tl_buf_add_char(out, (c < 0x20 && c != '\t') || c == 0x7f ? '?' : (char)c);
    }
    tl_buf_add_char(out, '\n');
}

static void add_caret(struct tl_buf *out, struct tl_view before, size_t width)
{
    tl_buf_add_text(out, "  ");
    for (size_t i = 0, shown = 0; i < before.size && shown < SHOWN_MAX; i++) {
        if (continues(before.data[i]))
            continue;
        shown++;
        tl_buf_add_char(out, before.data[i] == '\t' ? '\t' : ' ');
    }
    for (size_t i = 0; i < width && i < 60; i++)
        tl_buf_add_char(out, '^');
    tl_buf_add_char(out, '\n');
}

void tl_diagnostic_add(struct tl_diagnostic_context *context, struct tl_diagnostic_place place, const char *suggestion,
                       const char *fmt, ...)
{
    struct tl_buf *out = &context->out->text;
    if (context->out->count++ >= TL_DIAGNOSTICS_MAX)
        return;
    char message[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    size_t at = place.at > context->text.size ? context->text.size : place.at;
    struct line line = line_of(context->text, at);
    struct tl_view whole = { context->text.data + line.begin, line.end - line.begin };
    struct tl_view before = { whole.data, at - line.begin };
    size_t room = line.end - at, size = place.size < room ? place.size : room;
    tl_buf_addf(out, "%s:%zu:%zu: %s\n", context->file_name, line.number, characters(before) + 1, message);
    add_line(out, whole);
    size_t width = characters((struct tl_view){ context->text.data + at, size });
    add_caret(out, before, width ? width : 1);
    if (suggestion)
        tl_buf_addf(out, "  did you mean '%s'?\n", suggestion);
}
