/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/source_file.h"

#include "base/io.h"
#include "codec/json.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#define BLOCK_SIZE (256u << 10) /* stays in the second-level cache */
#define ROOM (TL_LINE_MAX + BLOCK_SIZE)

bool tl_file_block_init(struct tl_file_block *b, struct tl_error *error)
{
    *b = (struct tl_file_block){ .fd = -1, .block_size = BLOCK_SIZE };
    b->data = calloc(1, ROOM + TL_JSON_PADDING);
    return b->data ? true : tl_error_set(error, TL_NO_MEMORY, "out of memory");
}

static void close_file(struct tl_file_block *b)
{
    if (b->fd >= 0)
        tl_io->close(b->fd);
    b->fd = -1;
    b->of = NULL;
}

void tl_file_block_release(struct tl_file_block *b)
{
    close_file(b);
    free(b->data);
    b->data = NULL;
}

/* One file is open at a time: thousands of them may be inputs. */
static bool open_file(struct tl_file_block *b, const struct tl_shard_run *s, struct tl_error *error)
{
    if (b->of == s)
        return true;
    close_file(b);
    b->fd = tl_io->open(s->name, O_RDONLY, 0);
    if (b->fd < 0)
        return tl_error_sys(error, errno, "cannot open '%s'", s->name);
    b->of = s;
    return true;
}

/* Up to want bytes in all, by one call: what a short read gives is worked on while the rest comes. */
static bool fill(struct tl_file_block *b, const struct tl_shard_run *s, size_t want, struct tl_error *error)
{
    assert(b->size < want && want <= ROOM);
    ssize_t n = tl_io->pread(b->fd, b->data + b->size, want - b->size, (off_t)(s->offset + b->size));
    if (n < 0)
        return tl_error_sys(error, errno, "cannot read '%s'", s->name);
    b->end = n == 0;
    b->size += (size_t)n;
    return true;
}

bool tl_file_block_read(struct tl_file_block *b, const struct tl_shard_run *s, struct tl_error *error)
{
    b->size = 0;
    b->end = false;
    if (!open_file(b, s, error))
        return false;
    size_t want = b->block_size;
    if (s->limited && s->limit_offset - s->offset < want && s->limit_offset > s->offset)
        want = (size_t)(s->limit_offset - s->offset); /* a replay ends where the intent says */
    for (size_t seen = 0;;) {
        if (!fill(b, s, want, error))
            return false;
        if (b->end || b->size > TL_LINE_MAX || memchr(b->data + seen, '\n', b->size - seen))
            break;
        seen = b->size;
        if (seen == want)
            want = want * 2 < ROOM ? want * 2 : ROOM;
    }
    if (b->end)
        close_file(b);
    return true;
}

static bool is_blank(const char *data, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (data[i] != ' ' && (data[i] < '\t' || data[i] > '\r'))
            return false;
    return true;
}

/* The decimal of a line's position, without snprintf: once a record. */
static struct tl_view line_text(uint64_t line, char text[24])
{
    size_t at = 24;
    do
        text[--at] = (char)('0' + line % 10);
    while (line /= 10);
    return (struct tl_view){ text + at, 24 - at };
}

static bool apply_long_line(struct tl_shard_run *s, struct tl_apply *apply, const char *data, int64_t step)
{
    char text[24];
    struct tl_origin origin = { .shard = tl_view_of(s->name), .sequence = line_text(s->line, text) };
    return tl_apply_malformed(apply, s, "longer than 1 MiB", TL_LINE_MAX, (struct tl_view){ data, TL_LINE_MAX },
                              &origin, step);
}

static bool apply_line(struct tl_shard_run *s, struct tl_apply *apply, const char *data, size_t size,
                       int64_t step)
{
    if (size > TL_LINE_MAX)
        return apply_long_line(s, apply, data, step);
    while (size && data[size - 1] == '\r')
        size--;
    if ((size == 0 || (unsigned char)data[0] <= ' ') && is_blank(data, size))
        return true;
    char text[24];
    struct tl_origin origin = { .shard = tl_view_of(s->name), .sequence = line_text(s->line, text) };
    return tl_apply_record(apply, s, (struct tl_view){ data, size }, &origin, step);
}

/* A file that is read to its end has no repeat to give any more; thousands of them may be inputs. */
static void finish(struct tl_shard_run *s, bool finished)
{
    s->finished = finished;
    if (finished && s->dedup)
        tl_dedup_forget(s->dedup);
}

/* A line longer than the block: told as malformed, and the file is read on behind it. */
static bool skip_long_line(struct tl_file_block *b, struct tl_shard_run *s, struct tl_apply *apply, int64_t step,
                           struct tl_error *error)
{
    if (!apply_long_line(s, apply, b->data, step))
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    for (;;) {
        const char *newline = memchr(b->data, '\n', b->size);
        if (newline || b->end) {
            s->offset += newline ? (size_t)(newline - b->data) + 1 : b->size;
            s->line++;
            finish(s, !newline);
            return true;
        }
        s->offset += b->size;
        b->size = 0;
        if (!fill(b, s, BLOCK_SIZE, error))
            return false;
    }
}

bool tl_file_block_apply(struct tl_file_block *b, struct tl_shard_run *s, struct tl_apply *apply,
                         int64_t step, struct tl_error *error)
{
    const char *at = b->data, *end = b->data + b->size;
    if (s->limited && s->limit_offset <= s->offset) { /* only the end was still to be seen */
        finish(s, s->limit_finished);
        return true;
    }
    bool ok = true, any = false;
    while (ok && at < end) {
        const char *newline = memchr(at, '\n', (size_t)(end - at));
        if (!newline && !b->end)
            break;
        const char *stop = newline ? newline : end;
        ok = apply_line(s, apply, at, (size_t)(stop - at), step);
        s->line++;
        at = newline ? newline + 1 : end;
        any = true;
    }
    ok = tl_apply_flush(apply, s, step) && ok; /* the block is read over next */
    s->offset += (size_t)(at - b->data);
    if (!ok)
        return tl_error_set(error, TL_NO_MEMORY, "'%s', line %llu: out of memory", s->name,
                            (unsigned long long)s->line);
    if (!any && b->size > TL_LINE_MAX)
        return skip_long_line(b, s, apply, step, error);
    finish(s, b->end);
    if (s->limited && s->offset > s->limit_offset)
        return tl_error_set(error, TL_CORRUPT,
                            "'%s' is not as it was when the interrupted epoch read it up to byte %llu",
                            s->name, (unsigned long long)s->limit_offset);
    return true;
}
