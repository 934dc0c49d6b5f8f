/* SPDX-License-Identifier: Apache-2.0 */
/* broker/shard_log_read.c: the reading half of the log: a place by counter or by time, then whole batches. No
 * lock is held while the disk is read: what is written does not change. */
#include "base/bytes.h"
#include "base/file.h"
#include "base/io.h"
#include "broker/shard_log_int.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>

/* One segment open for reading: a copy of what is known of it. */
struct cursor {
    struct tl_shard_log *log;
    int fd;
    char path[PATH_MAX];
    uint64_t first, size, salt, at;
    bool last;
};

/* The last entry that is not past what is looked for: the counter, or (by_time) the instant. */
static uint64_t index_offset(const struct tl_log_segment *s, uint64_t counter, int64_t arrival_ms,
                             bool by_time)
{
    size_t low = 0, high = s->index_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        bool past = by_time ? s->index[middle].newest_ms >= arrival_ms : s->index[middle].counter > counter;
        if (past)
            high = middle;
        else
            low = middle;
    }
    return s->index_count ? s->index[low].offset : SEGMENT_HEAD;
}

/* Opens the segment that holds the counter (or, by_time, the first one whose newest record is not before the
 * instant). *found false: there is none. */
static bool cursor_open(struct cursor *c, struct tl_shard_log *log, uint64_t counter, int64_t arrival_ms,
                        bool by_time, bool *found, struct tl_error *error)
{
    bool ok = true;
    *found = false;
    pthread_mutex_lock(&log->lock);
    for (size_t i = 0; ok && !*found && i < log->count; i++) {
        struct tl_log_segment *s = &log->segments[i];
        c->last = i + 1 == log->count;
        if (by_time && !s->indexed)
            ok = tl_log_index_build_locked(log, s, error);
        bool here = by_time ? s->newest_ms >= arrival_ms : c->last || log->segments[i + 1].first > counter;
        if (!ok || !here)
            continue;
        ok = s->indexed || tl_log_index_build_locked(log, s, error);
        *found = true;
        c->first = s->first;
        c->size = s->size;
        c->salt = s->salt;
        c->at = index_offset(s, counter, arrival_ms, by_time);
    }
    pthread_mutex_unlock(&log->lock);
    if (!ok || !*found)
        return ok;
    c->log = log;
    tl_log_segment_path(log, c->first, c->path);
    c->fd = tl_io->open(c->path, O_RDONLY, 0);
    if (c->fd < 0 && errno == ENOENT) { /* retention was faster */
        *found = false;
        return true;
    }
    return c->fd >= 0 || tl_error_sys(error, errno, "cannot open '%s'", c->path);
}

static bool damaged(const struct cursor *c, struct tl_error *error)
{
    return tl_error_set(error, TL_CORRUPT, "'%s' is damaged at offset %" PRIu64, c->path, c->at);
}

/* At least one whole batch from c->at on into bytes. */
static bool load(struct cursor *c, struct tl_buf *bytes, struct tl_error *error)
{
    struct tl_log_batch b;
    size_t want = c->size - c->at < READ_STEP ? (size_t)(c->size - c->at) : READ_STEP;
    for (int pass = 0; pass < 2; pass++) {
        tl_buf_reset(bytes);
        char *at = tl_buf_reserve(bytes, want);
        if (!at)
            return tl_error_set(error, TL_NO_MEMORY, "out of memory to read '%s'", c->path);
        if (!tl_file_pread_all(c->fd, at, want, (int64_t)c->at, error))
            return tl_error_context(error, "'%s'", c->path);
        if (want < BATCH_HEAD || !tl_log_batch_parse(at, c->salt, &b) ||
            b.payload_size > c->size - c->at - BATCH_HEAD)
            return damaged(c, error);
        if (BATCH_HEAD + (size_t)b.payload_size <= want)
            return true;
        want = BATCH_HEAD + (size_t)b.payload_size; /* a large one: once more, whole */
    }
    return true;
}

/* The records of one whole batch. *more false: the visitor has enough. */
static bool visit_batch(struct cursor *c, struct tl_view bytes, const struct tl_log_batch *b, uint64_t from,
                        tl_log_visit *visit, void *user, bool *more, struct tl_error *error)
{
    struct tl_view payload = { bytes.data + BATCH_HEAD, b->payload_size };
    struct tl_log_record record = { .counter = b->first };
    for (uint32_t i = 0; i < b->records; i++, record.counter++) {
        if (payload.size < TL_LOG_RECORD_OVERHEAD)
            return damaged(c, error);
        size_t data = tl_get_le(payload.data, 4), key = tl_get_le(payload.data + 4, 2);
        record.arrival_ms = (int64_t)tl_get_le(payload.data + 6, 8);
        if (data + key > payload.size - TL_LOG_RECORD_OVERHEAD)
            return damaged(c, error);
        record.key = (struct tl_view){ payload.data + TL_LOG_RECORD_OVERHEAD, key };
        record.data = (struct tl_view){ record.key.data + key, data };
        payload.data += TL_LOG_RECORD_OVERHEAD + key + data;
        payload.size -= TL_LOG_RECORD_OVERHEAD + key + data;
        if (record.counter >= from && !visit(&record, user)) {
            *more = false;
            return true;
        }
    }
    return true;
}

/* The batches in bytes, which begin at c->at; moves c->at past them. */
static bool visit_loaded(struct cursor *c, struct tl_view bytes, uint64_t from, tl_log_visit *visit,
                         void *user, bool *more, struct tl_error *error)
{
    while (*more && bytes.size >= BATCH_HEAD) {
        struct tl_log_batch b;
        if (!tl_log_batch_parse(bytes.data, c->salt, &b))
            return damaged(c, error);
        size_t size = BATCH_HEAD + (size_t)b.payload_size;
        if (size > bytes.size)
            return true; /* the next load begins with it */
        if (b.first + b.records > from) {
            if (!tl_log_batch_is_whole(bytes, c->salt, &b))
                return damaged(c, error);
            if (!visit_batch(c, bytes, &b, from, visit, user, more, error))
                return false;
        }
        c->at += size;
        bytes = (struct tl_view){ bytes.data + size, bytes.size - size };
    }
    return true;
}

static bool read_from(struct cursor *c, uint64_t from, struct tl_buf *bytes, tl_log_visit *visit, void *user,
                      bool *more, struct tl_error *error)
{
    bool ok = true;
    while (ok && *more && c->at < c->size)
        ok = load(c, bytes, error) && visit_loaded(c, tl_buf_view(bytes), from, visit, user, more, error);
    tl_io->close(c->fd);
    return ok;
}

/* The name of the segment after that one; false when there is none. */
static bool segment_after(struct tl_shard_log *log, uint64_t first, uint64_t *next)
{
    pthread_mutex_lock(&log->lock);
    size_t i = 0;
    while (i < log->count && log->segments[i].first <= first)
        i++;
    bool there = i < log->count;
    *next = there ? log->segments[i].first : 0;
    pthread_mutex_unlock(&log->lock);
    return there;
}

bool tl_shard_log_read(struct tl_shard_log *log, uint64_t from, struct tl_buf *bytes, tl_log_visit *visit,
                       void *user, struct tl_error *error)
{
    bool more = true, found = true;
    uint64_t segment = from;
    while (more) {
        struct cursor c;
        if (!cursor_open(&c, log, segment, 0, false, &found, error))
            return false;
        if (!found)
            return true;
        if (!read_from(&c, from, bytes, visit, user, &more, error))
            return false;
        more = more && !c.last && segment_after(log, c.first, &segment);
    }
    return true;
}

struct finder {
    int64_t arrival_ms;
    uint64_t counter;
    bool found;
};

static bool find_visit(const struct tl_log_record *record, void *user)
{
    struct finder *f = user;
    f->found = record->arrival_ms >= f->arrival_ms;
    f->counter = record->counter;
    return !f->found;
}

bool tl_shard_log_find(struct tl_shard_log *log, int64_t arrival_ms, struct tl_buf *bytes, uint64_t *counter,
                       struct tl_error *error)
{
    struct cursor c;
    struct finder finder = { .arrival_ms = arrival_ms };
    bool found, more = true;
    if (!cursor_open(&c, log, 0, arrival_ms, true, &found, error))
        return false;
    if (found && !read_from(&c, 0, bytes, find_visit, &finder, &more, error))
        return false;
    *counter = finder.found ? finder.counter : tl_shard_log_next(log);
    return true;
}
