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

/* Bytes of the character that begins here; 0 when it is cut off or none. */
static size_t character_size(const char *p, size_t room)
{
    unsigned char c = (unsigned char)*p;
    size_t size = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    for (size_t i = 1; i < size; i++)
        if (i >= room || !continues(p[i]))
            return 0;
    return size;
}

/* The beginning of a very long line is left out, so that the place is seen. */
static size_t left_out(struct tl_view before)
{
    size_t skip = characters(before) > SHOWN_MAX - 60 ? characters(before) - 60 : 0, at = 0;
    while (skip > 0 && at < before.size) {
        for (at++; at < before.size && continues(before.data[at]);)
            at++;
        skip--;
    }
    return at;
}

/* The line, tabs kept (the caret's line has the same tabs); what cannot be shown is a '?'. */
static void add_line(struct tl_buf *out, struct tl_view line, bool cut)
{
    tl_buf_add_text(out, cut ? "  ..." : "  ");
    for (size_t i = 0, shown = 0; i < line.size && shown < SHOWN_MAX; shown++) {
        unsigned char c = (unsigned char)line.data[i];
        size_t size = character_size(line.data + i, line.size - i);
        if (size == 0 || (c < 0x20 && c != '\t') || c == 0x7f)
            tl_buf_add_char(out, '?');
        else
            tl_buf_add(out, line.data + i, size);
        i += size ? size : 1;
    }
    tl_buf_add_char(out, '\n');
}

static void add_caret(struct tl_buf *out, struct tl_view before, size_t width, bool cut)
{
    tl_buf_add_text(out, cut ? "     " : "  ");
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

/* A message holds words of the file: it stays one line of whole characters, also where a word was cut. */
static void add_message(struct tl_buf *out, const char *message)
{
    size_t left = strlen(message);
    for (const char *p = message; left > 0;) {
        size_t size = character_size(p, left), taken = size ? size : 1;
        if (size == 1 && ((unsigned char)*p < 0x20 || *p == 0x7f))
            tl_buf_add_char(out, ' ');
        else
            tl_buf_add(out, p, size);
        p += taken;
        left -= taken;
    }
}

void tl_diagnostic_add(struct tl_diagnostic_context *context, struct tl_diagnostic_place place,
                       const char *suggestion, const char *fmt, ...)
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
    size_t skip = left_out(before), room = line.end - at, size = place.size < room ? place.size : room;
    tl_buf_addf(out, "%s:%zu:%zu: ", context->file_name, line.number, characters(before) + 1);
    add_message(out, message);
    tl_buf_add_char(out, '\n');
    add_line(out, (struct tl_view){ whole.data + skip, whole.size - skip }, skip > 0);
    size_t width = characters((struct tl_view){ context->text.data + at, size });
    add_caret(out, (struct tl_view){ before.data + skip, before.size - skip }, width ? width : 1, skip > 0);
    if (suggestion)
        tl_buf_addf(out, "  did you mean '%s'?\n", suggestion);
}
