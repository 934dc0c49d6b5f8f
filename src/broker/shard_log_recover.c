/* SPDX-License-Identifier: Apache-2.0 */
/* broker/shard_log_recover.c: checking what is on disk: heads, batches, and the last segment after a crash.
 */
#include "base/bytes.h"
#include "base/file.h"
#include "base/grow.h"
#include "base/io.h"
#include "base/log.h"
#include "broker/shard_log_int.h"
#include "codec/crc32c.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

bool tl_log_head_parse(const char head[SEGMENT_HEAD], uint64_t first, uint64_t *salt)
{
    *salt = tl_get_le(head + SALT_AT, 8);
    return tl_get_le(head, 4) == SEGMENT_MAGIC && tl_get_le(head + 16, 8) == first &&
           tl_get_le(head + 4, 4) == tl_crc32c(0, head + 8, SEGMENT_HEAD - 8);
}

bool tl_log_batch_parse(const char *at, uint64_t salt, struct tl_log_batch *out)
{
    *out = (struct tl_log_batch){
        .payload_size = (uint32_t)tl_get_le(at + 16, 4),
        .records = (uint32_t)tl_get_le(at + 20, 4),
        .salt = tl_get_le(at + SALT_AT, 8),
        .first = tl_get_le(at + 24, 8),
        .newest_ms = (int64_t)tl_get_le(at + 32, 8),
        .write_at = tl_get_le(at + 40, 8),
    };
    return tl_get_le(at, 4) == BATCH_MAGIC && out->salt == salt && out->payload_size <= PAYLOAD_MAX &&
           out->records > 0 && (uint64_t)out->records * TL_LOG_RECORD_OVERHEAD <= out->payload_size;
}

bool tl_log_batch_is_whole(struct tl_view bytes, uint64_t salt, struct tl_log_batch *out)
{
    return bytes.size >= BATCH_HEAD && tl_log_batch_parse(bytes.data, salt, out) &&
           out->payload_size <= bytes.size - BATCH_HEAD &&
           tl_get_le(bytes.data + 4, 4) ==
               tl_crc32c(0, bytes.data + 8, BATCH_HEAD - 8 + (size_t)out->payload_size);
}

bool tl_log_index_add(struct tl_log_segment *s, const struct tl_log_batch *b, uint64_t offset,
                      struct tl_error *error)
{
    s->newest_ms = b->newest_ms > s->newest_ms ? b->newest_ms : s->newest_ms;
    if (s->index_count && offset - s->index[s->index_count - 1].offset < INDEX_STEP)
        return true;
    if (!tl_grow((void **)&s->index, &s->index_cap, s->index_count + 1, sizeof *s->index, SIZE_MAX / 64))
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    s->index[s->index_count++] = (struct tl_log_index_entry){ b->first, offset, s->newest_ms };
    return true;
}

/* ---- a file, read through a window that is as large as the largest batch needs ---- */

struct window {
    int fd;
    const char *path;
    uint64_t size, at; /* of the file; where bytes begin */
    struct tl_buf bytes;
};

/* The bytes from offset on: at least want of them, fewer only at the end of the file. */
static bool look(struct window *w, uint64_t offset, size_t want, struct tl_view *out, struct tl_error *error)
{
    uint64_t left = w->size - offset;
    want = want < left ? want : (size_t)left;
    if (offset < w->at || offset + want > w->at + w->bytes.size) {
        size_t load = want > READ_STEP ? want : left < READ_STEP ? (size_t)left : READ_STEP;
        tl_buf_reset(&w->bytes);
        char *to = tl_buf_reserve(&w->bytes, load);
        if (!to)
            return tl_error_set(error, TL_NO_MEMORY, "out of memory to read '%s'", w->path);
        w->at = offset;
        if (!tl_file_pread_all(w->fd, to, load, (int64_t)offset, error))
            return tl_error_context(error, "'%s'", w->path);
    }
    *out = (struct tl_view){ w->bytes.data + (offset - w->at), w->bytes.size - (size_t)(offset - w->at) };
    return true;
}

/* The batch at offset: *found whole, or not. */
static bool look_at_batch(struct window *w, uint64_t offset, uint64_t salt, struct tl_log_batch *b,
                          bool *found, struct tl_error *error)
{
    struct tl_view bytes;
    *found = false;
    if (!look(w, offset, BATCH_HEAD, &bytes, error))
        return false;
    if (bytes.size < BATCH_HEAD || !tl_log_batch_parse(bytes.data, salt, b))
        return true;
    if (!look(w, offset, BATCH_HEAD + (size_t)b->payload_size, &bytes, error))
        return false;
    *found = tl_log_batch_is_whole(bytes, salt, b);
    return true;
}

/* Does a whole batch stand behind offset that was written by a later write? Batches are found by the salt,
 * which nobody can have put into a record. */
static bool later_write_follows(struct window *w, uint64_t offset, uint64_t salt, bool *follows,
                                struct tl_error *error)
{
    char wanted[8];
    struct tl_view bytes;
    tl_put_le(wanted, salt, 8);
    *follows = false;
    for (uint64_t at = offset + 1; at + BATCH_HEAD <= w->size && !*follows;) {
        if (!look(w, at, BATCH_HEAD, &bytes, error))
            return false;
        const char *hit = memmem(bytes.data, bytes.size, wanted, sizeof wanted);
        if (!hit) {
            at += bytes.size - (sizeof wanted - 1);
            continue;
        }
        uint64_t salt_at = at + (uint64_t)(hit - bytes.data), head = salt_at - SALT_AT;
        struct tl_log_batch b;
        bool whole = false;
        if (head > offset && !look_at_batch(w, head, salt, &b, &whole, error))
            return false;
        *follows = whole && b.write_at > offset;
        at = salt_at + 1;
    }
    return true;
}

static bool read_head(struct window *w, struct tl_log_segment *s, struct tl_error *error)
{
    struct tl_view bytes;
    if (!look(w, 0, SEGMENT_HEAD, &bytes, error))
        return false;
    return (bytes.size >= SEGMENT_HEAD && tl_log_head_parse(bytes.data, s->first, &s->salt)) ||
           tl_error_set(error, TL_CORRUPT,
                        "'%s' is damaged at offset 0: restore the file, or move the shard's folder "
                        "away and lose its records",
                        w->path);
}

/* ---- the last segment, after a crash ---- */

static bool cut(struct tl_shard_log *log, struct window *w, uint64_t at, struct tl_error *error)
{
    tl_log_warn("broker", "'%s': cut %" PRIu64 " bytes of an unfinished write at offset %" PRIu64, w->path,
                w->size - at, at);
    if (tl_io->ftruncate(log->fd, (off_t)at) != 0 || tl_io->fsync(log->fd) != 0)
        return tl_error_sys(error, errno, "cannot cut '%s'", w->path);
    return true;
}

static bool recover(struct tl_shard_log *log, struct tl_log_segment *s, struct window *w,
                    struct tl_error *error)
{
    struct tl_log_batch b;
    bool whole = true, follows = false;
    uint64_t at = SEGMENT_HEAD, next = s->first;
    if (!read_head(w, s, error))
        return false;
    while (whole && at < w->size) {
        if (!look_at_batch(w, at, s->salt, &b, &whole, error))
            return false;
        if (!whole)
            break;
        if (b.first < next)
            return tl_error_set(error, TL_CORRUPT, "'%s' is damaged at offset %" PRIu64 ": counters go back",
                                w->path, at);
        if (!tl_log_index_add(s, &b, at, error))
            return false;
        next = b.first + b.records;
        at += BATCH_HEAD + b.payload_size;
    }
    s->size = at;
    s->indexed = true;
    log->next = log->next > next ? log->next : next;
    if (at == w->size)
        return true;
    if (!later_write_follows(w, at, s->salt, &follows, error))
        return false;
    if (follows)
        return tl_error_set(error, TL_CORRUPT,
                            "'%s' is damaged at offset %" PRIu64 ", and whole records follow: restore "
                            "the file, or move the shard's folder away and lose its records",
                            w->path, at);
    return cut(log, w, at, error);
}

bool tl_log_recover(struct tl_shard_log *log, struct tl_log_segment *s, struct tl_error *error)
{
    char path[PATH_MAX];
    tl_log_segment_path(log, s->first, path);
    struct window w = { .fd = log->fd, .path = path, .size = s->size };
    tl_buf_init(&w.bytes, READ_STEP + BATCH_HEAD + PAYLOAD_MAX);
    bool ok = recover(log, s, &w, error);
    tl_buf_release(&w.bytes);
    return ok;
}

/* ---- a sealed segment ---- */

static bool index_all(struct tl_log_segment *s, struct window *w, struct tl_error *error)
{
    struct tl_log_batch b;
    struct tl_view bytes;
    if (!read_head(w, s, error))
        return false;
    for (uint64_t at = SEGMENT_HEAD; at < s->size; at += BATCH_HEAD + b.payload_size) {
        if (!look(w, at, BATCH_HEAD, &bytes, error))
            return false;
        if (bytes.size < BATCH_HEAD || !tl_log_batch_parse(bytes.data, s->salt, &b) ||
            b.payload_size > s->size - at - BATCH_HEAD)
            return tl_error_set(error, TL_CORRUPT, "'%s' is damaged at offset %" PRIu64, w->path, at);
        if (!tl_log_index_add(s, &b, at, error))
            return false;
    }
    return true;
}

bool tl_log_index_build_locked(struct tl_shard_log *log, struct tl_log_segment *s, struct tl_error *error)
{
    char path[PATH_MAX];
    tl_log_segment_path(log, s->first, path);
    struct window w = { .path = path, .size = s->size };
    w.fd = tl_io->open(path, O_RDONLY, 0);
    if (w.fd < 0)
        return tl_error_sys(error, errno, "cannot open '%s'", path);
    tl_buf_init(&w.bytes, READ_STEP);
    s->index_count = 0; /* of an attempt that failed */
    s->newest_ms = 0;
    s->indexed = index_all(s, &w, error);
    tl_io->close(w.fd);
    tl_buf_release(&w.bytes);
    return s->indexed;
}
