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
#include <stdio.h>

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

static bool read_head(struct window *w, uint64_t first, uint64_t *salt, bool *good, struct tl_error *error)
{
    struct tl_view bytes;
    if (!look(w, 0, SEGMENT_HEAD, &bytes, error))
        return false;
    *good = bytes.size >= SEGMENT_HEAD && tl_log_head_parse(bytes.data, first, salt);
    return true;
}

/* ---- a whole file ---- */

static void damaged(struct tl_log_check *out, const struct window *w, const char *fmt, uint64_t at)
{
    char where[160];
    snprintf(where, sizeof where, fmt, at);
    out->state = TL_LOG_DAMAGED;
    snprintf(out->what, sizeof out->what, "'%s' is damaged at offset %s", w->path, where);
}

static bool check_batches(struct window *w, struct tl_log_segment *s, struct tl_log_check *out,
                          struct tl_error *error)
{
    struct tl_log_batch b;
    bool whole = true, follows;
    while (out->good < w->size) {
        if (!look_at_batch(w, out->good, out->salt, &b, &whole, error))
            return false;
        if (!whole)
            break;
        if (b.first < out->next) {
            damaged(out, w, "%" PRIu64 ": counters go back", out->good);
            return true;
        }
        if (s && !tl_log_index_add(s, &b, out->good, error))
            return false;
        out->first = out->records ? out->first : b.first;
        out->records += b.records;
        out->next = b.first + b.records;
        out->good += BATCH_HEAD + b.payload_size;
    }
    if (out->good == w->size)
        return true;
    if (!later_write_follows(w, out->good, out->salt, &follows, error))
        return false;
    out->state = TL_LOG_TORN;
    if (follows)
        damaged(out, w, "%" PRIu64 ", and whole records follow", out->good);
    return true;
}

bool tl_log_check_segment(int fd, const char *path, uint64_t first, uint64_t size, struct tl_log_segment *s,
                          struct tl_log_check *out, struct tl_error *error)
{
    struct window w = { .fd = fd, .path = path, .size = size };
    bool good_head = false;
    *out = (struct tl_log_check){ .good = SEGMENT_HEAD, .first = first, .next = first };
    tl_buf_init(&w.bytes, READ_STEP + BATCH_HEAD + PAYLOAD_MAX);
    bool ok = read_head(&w, first, &out->salt, &good_head, error);
    if (ok && good_head)
        ok = check_batches(&w, s, out, error);
    else if (ok)
        damaged(out, &w, "%" PRIu64, 0);
    tl_buf_release(&w.bytes);
    return ok;
}

/* ---- the last segment, after a crash ---- */

static bool cut(struct tl_shard_log *log, const char *path, uint64_t size, uint64_t at,
                struct tl_error *error)
{
    tl_log_warn("broker", "'%s': cut %" PRIu64 " bytes of an unfinished write at offset %" PRIu64, path,
                size - at, at);
    if (tl_io->ftruncate(log->fd, (off_t)at) != 0 || tl_io->fsync(log->fd) != 0)
        return tl_error_sys(error, errno, "cannot cut '%s'", path);
    return true;
}

bool tl_log_recover(struct tl_shard_log *log, struct tl_log_segment *s, struct tl_error *error)
{
    char path[PATH_MAX];
    struct tl_log_check check;
    uint64_t size = s->size;
    tl_log_segment_path(log, s->first, path);
    if (!tl_log_check_segment(log->fd, path, s->first, size, s, &check, error))
        return false;
    s->salt = check.salt;
    s->size = check.good;
    s->indexed = true;
    log->next = log->next > check.next ? log->next : check.next;
    if (check.state == TL_LOG_DAMAGED)
        return tl_error_set(error, TL_CORRUPT, "%s", check.what);
    return check.state == TL_LOG_WHOLE || cut(log, path, size, check.good, error);
}

/* ---- a sealed segment ---- */

static bool index_all(struct tl_log_segment *s, struct window *w, struct tl_error *error)
{
    struct tl_log_batch b;
    struct tl_view bytes;
    bool good;
    if (!read_head(w, s->first, &s->salt, &good, error))
        return false;
    if (!good)
        return tl_error_set(error, TL_CORRUPT, "'%s' is damaged at offset 0", w->path);
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
