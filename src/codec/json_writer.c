/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/json_writer.h"

#include <math.h>

void tl_json_writer_init(struct tl_json_writer *w, struct tl_buf *out)
{
    *w = (struct tl_json_writer){ .out = out };
}

static void separate(struct tl_json_writer *w)
{
    if (w->comma)
        tl_buf_add_char(w->out, ',');
    w->comma = true;
}

static void begin(struct tl_json_writer *w, char bracket)
{
    separate(w);
    tl_buf_add_char(w->out, bracket);
    w->comma = false;
}

static void end(struct tl_json_writer *w, char bracket)
{
    tl_buf_add_char(w->out, bracket);
    w->comma = true;
}

void tl_json_begin_object(struct tl_json_writer *w)
{
    begin(w, '{');
}

void tl_json_end_object(struct tl_json_writer *w)
{
    end(w, '}');
}

void tl_json_begin_array(struct tl_json_writer *w)
{
    begin(w, '[');
}

void tl_json_end_array(struct tl_json_writer *w)
{
    end(w, ']');
}

/* The length of the well-formed UTF-8 sequence at p, or 0. */
static size_t sequence_at(const char *p, size_t left)
{
    unsigned char c = (unsigned char)*p;
    size_t size = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
    return size <= left && tl_view_is_utf8((struct tl_view){ p, size }) ? size : 0;
}

static void add_escape(struct tl_buf *out, unsigned char c)
{
    switch (c) {
    case '"':
        tl_buf_add_text(out, "\\\"");
        break;
    case '\\':
        tl_buf_add_text(out, "\\\\");
        break;
    case '\n':
        tl_buf_add_text(out, "\\n");
        break;
    case '\r':
        tl_buf_add_text(out, "\\r");
        break;
    case '\t':
        tl_buf_add_text(out, "\\t");
        break;
    default:
        tl_buf_addf(out, "\\u%04x", c);
    }
}

static bool is_plain(unsigned char c)
{
    return c >= 0x20 && c < 0x7f && c != '"' && c != '\\' && c != '<';
}

void tl_json_write_string(struct tl_json_writer *w, struct tl_view v)
{
    separate(w);
    tl_buf_add_char(w->out, '"');
    size_t at = 0;
    while (at < v.size) {
        size_t run = at;
        while (run < v.size && is_plain((unsigned char)v.data[run]))
            run++;
        tl_buf_add(w->out, v.data + at, run - at);
        at = run;
        if (at == v.size)
            break;
        unsigned char c = (unsigned char)v.data[at];
        size_t size = c < 0x80 ? 1 : sequence_at(v.data + at, v.size - at);
        if (c < 0x80)
            add_escape(w->out, c);
        else if (size)
            tl_buf_add(w->out, v.data + at, size);
        else
            tl_buf_add_text(w->out, "\xef\xbf\xbd"); /* U+FFFD */
        at += size ? size : 1;
    }
    tl_buf_add_char(w->out, '"');
}

void tl_json_key_view(struct tl_json_writer *w, struct tl_view name)
{
    tl_json_write_string(w, name);
    tl_buf_add_char(w->out, ':');
    w->comma = false;
}

void tl_json_key(struct tl_json_writer *w, const char *name)
{
    tl_json_key_view(w, tl_view_of(name));
}

void tl_json_write_text(struct tl_json_writer *w, const char *v)
{
    if (v)
        tl_json_write_string(w, tl_view_of(v));
    else
        tl_json_write_null(w);
}

void tl_json_write_i64(struct tl_json_writer *w, int64_t v)
{
    separate(w);
    tl_buf_add_i64(w->out, v);
}

void tl_json_write_double(struct tl_json_writer *w, double v)
{
    separate(w);
    if (isfinite(v))
        tl_buf_add_double(w->out, v);
    else
        tl_buf_add_text(w->out, "null");
}

void tl_json_write_bool(struct tl_json_writer *w, bool v)
{
    separate(w);
    tl_buf_add_text(w->out, v ? "true" : "false");
}

void tl_json_write_null(struct tl_json_writer *w)
{
    separate(w);
    tl_buf_add_text(w->out, "null");
}

void tl_json_write_raw(struct tl_json_writer *w, struct tl_view json)
{
    separate(w);
    tl_buf_add_view(w->out, json);
}

void tl_json_member_text(struct tl_json_writer *w, const char *name, const char *v)
{
    tl_json_key(w, name);
    tl_json_write_text(w, v);
}

void tl_json_member_string(struct tl_json_writer *w, const char *name, struct tl_view v)
{
    tl_json_key(w, name);
    tl_json_write_string(w, v);
}

void tl_json_member_i64(struct tl_json_writer *w, const char *name, int64_t v)
{
    tl_json_key(w, name);
    tl_json_write_i64(w, v);
}

void tl_json_member_double(struct tl_json_writer *w, const char *name, double v)
{
    tl_json_key(w, name);
    tl_json_write_double(w, v);
}

void tl_json_member_bool(struct tl_json_writer *w, const char *name, bool v)
{
    tl_json_key(w, name);
    tl_json_write_bool(w, v);
}
