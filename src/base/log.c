/* SPDX-License-Identifier: Apache-2.0 */
#include "base/log.h"

#include "base/io.h"
#include "base/time.h"

#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#define LINE_MAX_BYTES 4096
#define PARTS_MAX 16

static struct {
    bool json, all;
    char parts[PARTS_MAX][16]; /* those whose debug lines are wanted */
    int part_count;
} config;

void tl_log_init(const char *spec, bool json)
{
    memset(&config, 0, sizeof config);
    config.json = json;
    struct tl_view rest = tl_view_of(spec), item;
    while (rest.size) {
        item = tl_view_split(rest, ',', &rest);
        struct tl_view level, part = tl_view_split(item, '=', &level);
        if (tl_view_is(part, "debug") && !level.data)
            config.all = true;
        else if (tl_view_is(level, "debug") && part.size < sizeof config.parts[0] &&
                 config.part_count < PARTS_MAX)
            memcpy(config.parts[config.part_count++], part.data, part.size);
    }
}

bool tl_log_enabled(const char *part, enum tl_log_level level)
{
    if (level != TL_LOG_DEBUG || config.all)
        return true;
    for (int i = 0; i < config.part_count; i++)
        if (strcmp(config.parts[i], part) == 0)
            return true;
    return false;
}

struct line {
    char text[LINE_MAX_BYTES];
    size_t size;
};

static void put(struct line *line, const char *text)
{
    size_t size = strlen(text), room = sizeof line->text - 8 - line->size;
    size = size > room ? room : size;
    memcpy(line->text + line->size, text, size);
    line->size += size;
}

/* Bytes of the well-formed UTF-8 character that text begins with; 0 if it begins with none. */
static size_t character_size(const char *text)
{
    size_t left = strnlen(text, 4);
    for (size_t size = 1; size <= left; size++)
        if (tl_view_is_utf8((struct tl_view){ text, size }))
            return size;
    return 0;
}

/* Control characters would let a record write lines or colours of its own into the log: those of ASCII, and
 * U+0080 to U+009F, of which U+009B does what ESC [ does. */
static bool is_control(const char *text, size_t size)
{
    unsigned char c = (unsigned char)text[0];
    return size == 1 ? c < 0x20 || c == 0x7f : size == 2 && c == 0xc2 && (unsigned char)text[1] < 0xa0;
}

/* What cannot be decoded is told byte by byte in text, and as U+FFFD in JSON, which has no bytes. */
static void put_escaped(struct line *line, const char *text, bool json)
{
    while (*text && line->size < sizeof line->text - 24) {
        unsigned char c = (unsigned char)*text;
        size_t size = character_size(text);
        char escape[16];
        if (size == 0)
            snprintf(escape, sizeof escape, json ? "\\ufffd" : "\\x%02x", c);
        else if (is_control(text, size))
            snprintf(escape, sizeof escape, json ? "\\u%04x" : "\\x%02x",
                     size == 1 ? c : (unsigned char)text[1]);
        else if (json && (c == '"' || c == '\\'))
            snprintf(escape, sizeof escape, "\\%c", c);
        else
            snprintf(escape, sizeof escape, "%.*s", (int)size, text);
        put(line, escape);
        text += size ? size : 1;
    }
}

void tl_log(enum tl_log_level level, const char *part, const char *fmt, ...)
{
    static const char *const names[] = { "error", "warn", "info", "debug" };
    if (!tl_log_enabled(part, level))
        return;
    char message[2048], when[TL_TIME_TEXT_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    tl_time_format(tl_io->wall_ns(), TL_TIME_ISO_MS, when);
    struct line line = { .size = 0 };
    put(&line, config.json ? "{\"time\":\"" : "");
    put(&line, when);
    put(&line, config.json ? "\",\"level\":\"" : " ");
    put(&line, names[level]);
    put(&line, config.json ? "\",\"part\":\"" : strlen(names[level]) == 4 ? "  " : " ");
    put_escaped(&line, part, config.json);
    put(&line, config.json ? "\",\"message\":\"" : ": ");
    put_escaped(&line, message, config.json);
    put(&line, config.json ? "\"}\n" : "\n");
    /* A log that cannot be written has nowhere to say so. */
    (void)!tl_io->write(STDERR_FILENO, line.text, line.size);
}
