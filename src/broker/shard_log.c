/* SPDX-License-Identifier: Apache-2.0 */
/* A segment file is named by the counter of its first record, 20 digits and ".seg", and is a row of batches:
 *
 *   0  4  magic "TLB1"
 *   4  4  CRC32C of bytes 8 to the end of the batch
 *   8  4  size of the payload
 *  12  4  number of records
 *  16  8  counter of the first record
 *  24  8  arrival of the newest record, ms since 1970
 *  32     payload: per record u32 size of data, u16 size of key, u64 arrival ms, key, data
 *
 * little-endian. A batch is written by one pwrite and then synced before the next is written, so that after a crash at most the last
 * one is torn: what is wrong and has no whole batch behind it is cut off. What is wrong before a whole batch was damaged later, and is
 * refused.
 *
 * I1: counters grow from batch to batch (with gaps where a write was refused). I2: bytes of a segment before `size` are whole batches.
 * I3: the index of a segment names batches by offset, at most one per INDEX_STEP bytes; it is built when the segment is first read.
 * I4: after a failed sync, or a tail that cannot be taken back, broken is set, and nothing is written any more. */
#include "broker/shard_log.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/grow.h"
#include "base/io.h"
#include "base/log.h"
#include "codec/crc32c.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define MAGIC 0x31424c54u
#define HEADER_SIZE 32
#define RECORD_HEADER_SIZE 14
#define SEGMENT_SIZE ((uint64_t)64 << 20)
#define INDEX_STEP ((uint64_t)256 << 10)
#define PAYLOAD_MAX ((uint32_t)1 << 30)
#define READ_STEP ((size_t)1 << 20)

struct index_entry {
    uint64_t counter, offset;
    int64_t arrival_ms;
};
struct segment {
    uint64_t first, size;
    int64_t newest_ms;
    bool indexed;
    struct index_entry *index;
    size_t index_count, index_cap;
};
struct tl_shard_log {
    char *dir;
    bool sync, broken;
    int fd; /* of the last segment; -1 when there is none */
    pthread_mutex_t lock; /* guards what follows; a leaf */
    struct segment *segments;
    size_t count, cap;
    uint64_t next;
};
struct batch {
    uint32_t payload_size, records;
    uint64_t first;
    int64_t newest_ms;
};

char *tl_shard_log_add_space(struct tl_buf *batch, int64_t arrival_ms, struct tl_view key, size_t data_size)
{
    assert(key.size <= UINT16_MAX && data_size <= UINT32_MAX);
    char *at = tl_buf_reserve(batch, RECORD_HEADER_SIZE + key.size + data_size);
    if (!at)
        return NULL;
    tl_put_le(at, data_size, 4);
    tl_put_le(at + 4, key.size, 2);
    tl_put_le(at + 6, (uint64_t)arrival_ms, 8);
    memcpy(at + RECORD_HEADER_SIZE, key.data, key.size);
    return at + RECORD_HEADER_SIZE + key.size;
}

void tl_shard_log_add(struct tl_buf *batch, int64_t arrival_ms, struct tl_view key, struct tl_view data)
{
    char *at = tl_shard_log_add_space(batch, arrival_ms, key, data.size);
    if (at && data.size)
        memcpy(at, data.data, data.size);
}

static void segment_path(const struct tl_shard_log *log, uint64_t first, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "%s/%020" PRIu64 ".seg", log->dir, first);
}

/* ---- batches ---- */

static bool parse_header(const char *at, struct batch *out)
{
    *out = (struct batch){ (uint32_t)tl_get_le(at + 8, 4), (uint32_t)tl_get_le(at + 12, 4), tl_get_le(at + 16, 8), (int64_t)tl_get_le(at + 24, 8) };
    return tl_get_le(at, 4) == MAGIC && out->payload_size <= PAYLOAD_MAX && out->records > 0 &&
           (uint64_t)out->records * RECORD_HEADER_SIZE <= out->payload_size;
}

/* A whole batch at the view's begin? */
static bool batch_is_whole(struct tl_view bytes, struct batch *out)
{
    return bytes.size >= HEADER_SIZE && parse_header(bytes.data, out) && out->payload_size <= bytes.size - HEADER_SIZE &&
           tl_get_le(bytes.data + 4, 4) == tl_crc32c(0, bytes.data + 8, HEADER_SIZE - 8 + out->payload_size);
}

static bool index_add(struct segment *s, const struct batch *b, uint64_t offset)
{
    if (s->index_count && offset - s->index[s->index_count - 1].offset < INDEX_STEP)
        return true;
    if (!tl_grow((void **)&s->index, &s->index_cap, s->index_count + 1, sizeof *s->index, SIZE_MAX / 64))
        return false;
    s->index[s->index_count++] = (struct index_entry){ b->first, offset, b->newest_ms };
    return true;
}

/* ---- opening ---- */

/* Is there a whole batch anywhere behind offset? Then what is wrong at offset was not torn by a crash. */
static bool whole_batch_follows(struct tl_view file, size_t offset)
{
    struct batch b;
    for (size_t at = offset + 1; at + HEADER_SIZE <= file.size; at++)
        if ((unsigned char)file.data[at] == 'T' && batch_is_whole((struct tl_view){ file.data + at, file.size - at }, &b))
            return true;
    return false;
}

static bool scan_tail(struct tl_shard_log *log, struct segment *s, struct tl_view file, const char *path, struct tl_error *error)
{
    size_t at = 0;
    struct batch b;
    log->next = s->first;
    while (at < file.size && batch_is_whole((struct tl_view){ file.data + at, file.size - at }, &b)) {
        if (!index_add(s, &b, at))
            return tl_error_set(error, TL_NO_MEMORY, "out of memory");
        s->newest_ms = b.newest_ms;
        log->next = b.first + b.records;
        at += HEADER_SIZE + b.payload_size;
    }
    s->size = at;
    s->indexed = true;
    if (at == file.size)
        return true;
    if (whole_batch_follows(file, at))
        return tl_error_set(error, TL_CORRUPT, "'%s' is damaged at offset %zu, and whole records follow: restore the file, or move the shard's "
                            "folder away and lose its records", path, at);
    tl_log_warn("broker", "'%s': cut %zu bytes of an unfinished write at offset %zu", path, file.size - at, at);
    if (tl_io->ftruncate(log->fd, (off_t)at) != 0 || tl_io->fsync(log->fd) != 0)
        return tl_error_sys(error, errno, "cannot cut '%s'", path);
    return true;
}

static bool open_last(struct tl_shard_log *log, struct tl_error *error)
{
    struct segment *s = &log->segments[log->count - 1];
    char path[PATH_MAX];
    struct tl_buf file;
    segment_path(log, s->first, path);
    log->fd = tl_io->open(path, O_RDWR, 0);
    if (log->fd < 0)
        return tl_error_sys(error, errno, "cannot open '%s'", path);
    tl_buf_init(&file, SEGMENT_SIZE + PAYLOAD_MAX + HEADER_SIZE);
    bool ok = tl_file_read(path, &file, error) && scan_tail(log, s, tl_buf_view(&file), path, error);
    tl_buf_release(&file);
    return ok;
}

static bool add_segment(struct tl_shard_log *log, uint64_t first, struct tl_error *error)
{
    if (!tl_grow((void **)&log->segments, &log->cap, log->count + 1, sizeof *log->segments, SIZE_MAX / 256))
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    log->segments[log->count++] = (struct segment){ .first = first };
    return true;
}

static bool list_segments(struct tl_shard_log *log, struct tl_error *error)
{
    struct tl_dir_list names;
    if (!tl_dir_list(log->dir, &names, error))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < names.count; i++) {
        uint64_t first;
        struct tl_view name = tl_view_of(names.names[i]);
        if (name.size != 24 || !tl_view_ends_with(name, TL_VIEW(".seg")) || !tl_view_to_u64((struct tl_view){ name.data, 20 }, &first))
            continue;
        char path[PATH_MAX];
        int64_t size;
        ok = add_segment(log, first, error);
        segment_path(log, first, path);
        ok = ok && tl_file_size(path, &size, error);
        if (ok)
            log->segments[log->count - 1].size = (uint64_t)size;
    }
    tl_dir_list_release(&names);
    return ok;
}

bool tl_shard_log_open(struct tl_shard_log **out, const char *dir, bool sync, struct tl_error *error)
{
    *out = NULL;
    struct tl_shard_log *log = calloc(1, sizeof *log);
    if (!log)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    pthread_mutex_init(&log->lock, NULL);
    log->fd = -1;
    log->sync = sync;
    log->dir = strdup(dir);
    bool ok = log->dir || tl_error_set(error, TL_NO_MEMORY, "out of memory");
    ok = ok && tl_dir_make(dir, error) && list_segments(log, error) && (log->count == 0 || open_last(log, error));
    if (ok)
        *out = log;
    else
        tl_shard_log_close(log);
    return ok;
}

void tl_shard_log_close(struct tl_shard_log *log)
{
    if (!log)
        return;
    if (log->fd >= 0)
        tl_io->close(log->fd);
    for (size_t i = 0; i < log->count; i++)
        free(log->segments[i].index);
    free(log->segments);
    free(log->dir);
    pthread_mutex_destroy(&log->lock);
    free(log);
}

/* ---- writing ---- */

static bool roll(struct tl_shard_log *log, uint64_t first, struct tl_error *error)
{
    char path[PATH_MAX];
    segment_path(log, first, path);
    int fd = tl_io->open(path, O_RDWR | O_CREAT | O_EXCL, 0666);
    if (fd < 0 && errno == EEXIST) /* made before a write that failed */
        fd = tl_io->open(path, O_RDWR | O_TRUNC, 0666);
    if (fd < 0)
        return tl_error_sys(error, errno, "cannot create '%s'", path);
    if (!tl_dir_sync(log->dir, error)) {
        tl_io->close(fd);
        return false;
    }
    pthread_mutex_lock(&log->lock);
    bool ok = add_segment(log, first, error);
    if (ok)
        log->segments[log->count - 1].indexed = true;
    pthread_mutex_unlock(&log->lock);
    if (!ok) {
        tl_io->close(fd);
        return false;
    }
    if (log->fd >= 0)
        tl_io->close(log->fd);
    log->fd = fd;
    return true;
}

static bool write_parts(int fd, const char *header, struct tl_view payload, uint64_t at)
{
    struct tl_view parts[] = { { header, HEADER_SIZE }, payload };
    for (size_t i = 0; i < 2; i++) {
        while (parts[i].size > 0) {
            ssize_t n = tl_io->pwrite(fd, parts[i].data, parts[i].size, (off_t)at);
            if (n <= 0) {
                errno = n == 0 ? ENOSPC : errno;
                return false;
            }
            parts[i].data += n;
            parts[i].size -= (size_t)n;
            at += (uint64_t)n;
        }
    }
    return true;
}

/* The batch did not get in whole: what is there of it is taken back. */
static bool take_back(struct tl_shard_log *log, uint64_t size, int failed, struct tl_error *error)
{
    if (tl_io->ftruncate(log->fd, (off_t)size) != 0)
        log->broken = true;
    return tl_error_sys(error, failed, "cannot write to the log in '%s'", log->dir);
}

bool tl_shard_log_write(struct tl_shard_log *log, uint64_t first, uint32_t count, int64_t arrival_ms, struct tl_view batch,
                        struct tl_error *error)
{
    assert(count > 0 && first >= log->next && batch.size <= PAYLOAD_MAX);
    char header[HEADER_SIZE];
    if (log->broken)
        return tl_error_set(error, TL_IO, "the log in '%s' is closed for writing after a failed sync: restart tapeline", log->dir);
    if ((log->count == 0 || log->segments[log->count - 1].size >= SEGMENT_SIZE) && !roll(log, first, error))
        return false;
    struct segment *s = &log->segments[log->count - 1];
    tl_put_le(header, MAGIC, 4);
    tl_put_le(header + 8, batch.size, 4);
    tl_put_le(header + 12, count, 4);
    tl_put_le(header + 16, first, 8);
    tl_put_le(header + 24, (uint64_t)arrival_ms, 8);
    tl_put_le(header + 4, tl_crc32c(tl_crc32c(0, header + 8, HEADER_SIZE - 8), batch.data, batch.size), 4);
    if (!write_parts(log->fd, header, batch, s->size))
        return take_back(log, s->size, errno, error);
    if (log->sync && tl_io->fdatasync(log->fd) != 0) {
        log->broken = true; /* I4: the kernel may have dropped the pages, and would say nothing at the next sync */
        return tl_error_sys(error, errno, "cannot sync the log in '%s': it is closed for writing", log->dir);
    }
    struct batch b = { (uint32_t)batch.size, count, first, arrival_ms };
    pthread_mutex_lock(&log->lock);
    bool ok = index_add(s, &b, s->size) || tl_error_set(error, TL_NO_MEMORY, "out of memory");
    s->size += HEADER_SIZE + batch.size;
    s->newest_ms = arrival_ms;
    log->next = first + count;
    pthread_mutex_unlock(&log->lock);
    return ok;
}

uint64_t tl_shard_log_next(struct tl_shard_log *log)
{
    pthread_mutex_lock(&log->lock);
    uint64_t next = log->next;
    pthread_mutex_unlock(&log->lock);
    return next;
}

uint64_t tl_shard_log_first(struct tl_shard_log *log)
{
    pthread_mutex_lock(&log->lock);
    uint64_t first = log->count ? log->segments[0].first : log->next;
    pthread_mutex_unlock(&log->lock);
    return first;
}

uint64_t tl_shard_log_bytes(struct tl_shard_log *log)
{
    uint64_t bytes = 0;
    pthread_mutex_lock(&log->lock);
    for (size_t i = 0; i < log->count; i++)
        bytes += log->segments[i].size;
    pthread_mutex_unlock(&log->lock);
    return bytes;
}

/* ---- reading ---- */

/* One segment open for reading: a copy of what is known of it, so that no lock is held while reading. */
struct cursor {
    struct tl_shard_log *log;
    int fd;
    char path[PATH_MAX];
    uint64_t first, size, at;
    bool last;
};

/* Builds the index of a sealed segment from its batches' headers. Called with the lock held; it is done once per segment. */
static bool index_segment_locked(struct tl_shard_log *log, struct segment *s, struct tl_error *error)
{
    char path[PATH_MAX], header[HEADER_SIZE];
    segment_path(log, s->first, path);
    int fd = tl_io->open(path, O_RDONLY, 0);
    if (fd < 0)
        return tl_error_sys(error, errno, "cannot open '%s'", path);
    bool ok = true;
    struct batch b;
    for (uint64_t at = 0; ok && at < s->size; at += HEADER_SIZE + b.payload_size) {
        ok = tl_file_pread_all(fd, header, HEADER_SIZE, (int64_t)at, error);
        if (ok && (!parse_header(header, &b) || b.payload_size > s->size - at - HEADER_SIZE))
            ok = tl_error_set(error, TL_CORRUPT, "'%s' is damaged at offset %" PRIu64, path, at);
        ok = ok && (index_add(s, &b, at) || tl_error_set(error, TL_NO_MEMORY, "out of memory"));
        s->newest_ms = ok ? b.newest_ms : s->newest_ms;
    }
    tl_io->close(fd);
    s->indexed = ok;
    return ok;
}

/* The last entry that is not past what is looked for: the counter, or (by_time) the instant. */
static uint64_t index_offset(const struct segment *s, uint64_t counter, int64_t arrival_ms, bool by_time)
{
    size_t low = 0, high = s->index_count;
    while (high - low > 1) {
        size_t middle = low + (high - low) / 2;
        bool past = by_time ? s->index[middle].arrival_ms >= arrival_ms : s->index[middle].counter > counter;
        if (past)
            high = middle;
        else
            low = middle;
    }
    return s->index_count ? s->index[low].offset : 0;
}

/* Opens the segment that holds the counter (or, by_time, the first one whose newest record is not before the instant).
 * *found false: there is none. */
static bool cursor_open(struct cursor *c, struct tl_shard_log *log, uint64_t counter, int64_t arrival_ms, bool by_time, bool *found,
                        struct tl_error *error)
{
    bool ok = true;
    *found = false;
    pthread_mutex_lock(&log->lock);
    for (size_t i = 0; ok && !*found && i < log->count; i++) {
        struct segment *s = &log->segments[i];
        c->last = i + 1 == log->count;
        if (by_time && !s->indexed)
            ok = index_segment_locked(log, s, error);
        bool here = by_time ? s->newest_ms >= arrival_ms : c->last || log->segments[i + 1].first > counter;
        if (!ok || !here)
            continue;
        ok = s->indexed || index_segment_locked(log, s, error);
        *found = true;
        c->first = s->first;
        c->size = s->size;
        c->at = index_offset(s, counter, arrival_ms, by_time);
    }
    pthread_mutex_unlock(&log->lock);
    if (!ok || !*found)
        return ok;
    c->log = log;
    segment_path(log, c->first, c->path);
    c->fd = tl_io->open(c->path, O_RDONLY, 0);
    if (c->fd < 0 && errno == ENOENT) { /* retention was faster */
        *found = false;
        return true;
    }
    return c->fd >= 0 || tl_error_sys(error, errno, "cannot open '%s'", c->path);
}

/* At least one whole batch from c->at on into bytes. */
static bool load(struct cursor *c, struct tl_buf *bytes, struct tl_error *error)
{
    struct batch b;
    size_t want = c->size - c->at < READ_STEP ? (size_t)(c->size - c->at) : READ_STEP;
    for (int pass = 0; pass < 2; pass++) {
        tl_buf_reset(bytes);
        char *at = tl_buf_reserve(bytes, want);
        if (!at)
            return tl_error_set(error, TL_NO_MEMORY, "out of memory to read '%s'", c->path);
        if (!tl_file_pread_all(c->fd, at, want, (int64_t)c->at, error))
            return tl_error_context(error, "'%s'", c->path);
        if (want < HEADER_SIZE || !parse_header(at, &b) || b.payload_size > c->size - c->at - HEADER_SIZE)
            return tl_error_set(error, TL_CORRUPT, "'%s' is damaged at offset %" PRIu64, c->path, c->at);
        if (HEADER_SIZE + (size_t)b.payload_size <= want)
            return true;
        want = HEADER_SIZE + (size_t)b.payload_size; /* a large one: once more, whole */
    }
    return true;
}

/* The records of one whole batch. *more false: the visitor has enough. */
static bool visit_batch(struct cursor *c, struct tl_view bytes, const struct batch *b, uint64_t from, tl_log_visit *visit, void *user,
                        bool *more, struct tl_error *error)
{
    struct tl_view payload = { bytes.data + HEADER_SIZE, b->payload_size };
    struct tl_log_record record = { .counter = b->first };
    for (uint32_t i = 0; i < b->records; i++, record.counter++) {
        if (payload.size < RECORD_HEADER_SIZE)
            return tl_error_set(error, TL_CORRUPT, "'%s' is damaged in the batch at offset %" PRIu64, c->path, c->at);
        size_t data = tl_get_le(payload.data, 4), key = tl_get_le(payload.data + 4, 2);
        record.arrival_ms = (int64_t)tl_get_le(payload.data + 6, 8);
        if (data + key > payload.size - RECORD_HEADER_SIZE)
            return tl_error_set(error, TL_CORRUPT, "'%s' is damaged in the batch at offset %" PRIu64, c->path, c->at);
        record.key = (struct tl_view){ payload.data + RECORD_HEADER_SIZE, key };
        record.data = (struct tl_view){ record.key.data + key, data };
        payload.data += RECORD_HEADER_SIZE + key + data;
        payload.size -= RECORD_HEADER_SIZE + key + data;
        if (record.counter >= from && !visit(&record, user)) {
            *more = false;
            return true;
        }
    }
    return true;
}

/* The batches in bytes, which begin at c->at; moves c->at past them. */
static bool visit_loaded(struct cursor *c, struct tl_view bytes, uint64_t from, tl_log_visit *visit, void *user, bool *more,
                         struct tl_error *error)
{
    while (*more && bytes.size >= HEADER_SIZE) {
        struct batch b;
        if (!parse_header(bytes.data, &b))
            return tl_error_set(error, TL_CORRUPT, "'%s' is damaged at offset %" PRIu64, c->path, c->at);
        size_t size = HEADER_SIZE + (size_t)b.payload_size;
        if (size > bytes.size)
            return true; /* the next load begins with it */
        if (b.first + b.records > from) {
            if (!batch_is_whole(bytes, &b))
                return tl_error_set(error, TL_CORRUPT, "'%s': the batch at offset %" PRIu64 " does not fit its checksum", c->path, c->at);
            if (!visit_batch(c, bytes, &b, from, visit, user, more, error))
                return false;
        }
        c->at += size;
        bytes = (struct tl_view){ bytes.data + size, bytes.size - size };
    }
    return true;
}

static bool read_from(struct cursor *c, uint64_t from, struct tl_buf *bytes, tl_log_visit *visit, void *user, bool *more,
                      struct tl_error *error)
{
    bool ok = true;
    while (ok && *more && c->at < c->size)
        ok = load(c, bytes, error) && visit_loaded(c, tl_buf_view(bytes), from, visit, user, more, error);
    tl_io->close(c->fd);
    return ok;
}

bool tl_shard_log_read(struct tl_shard_log *log, uint64_t from, struct tl_buf *bytes, tl_log_visit *visit, void *user,
                       struct tl_error *error)
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
        if (c.last)
            return true;
        /* The next segment is the one after this: found by a counter that this one cannot hold. */
        pthread_mutex_lock(&log->lock);
        size_t i = 0;
        while (i < log->count && log->segments[i].first <= c.first)
            i++;
        more = more && i < log->count;
        segment = more ? log->segments[i].first : 0;
        pthread_mutex_unlock(&log->lock);
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

bool tl_shard_log_find(struct tl_shard_log *log, int64_t arrival_ms, struct tl_buf *bytes, uint64_t *counter, struct tl_error *error)
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

bool tl_shard_log_trim(struct tl_shard_log *log, int64_t before_ms, struct tl_error *error)
{
    bool ok = true;
    pthread_mutex_lock(&log->lock);
    while (ok && log->count > 1) { /* the last one is being written */
        struct segment *s = &log->segments[0];
        char path[PATH_MAX];
        ok = s->indexed || index_segment_locked(log, s, error);
        if (!ok || s->newest_ms >= before_ms)
            break;
        segment_path(log, s->first, path);
        if (tl_io->unlink(path) != 0 && errno != ENOENT)
            ok = tl_error_sys(error, errno, "cannot remove '%s'", path);
        if (!ok)
            break;
        free(s->index);
        memmove(log->segments, log->segments + 1, (log->count - 1) * sizeof *log->segments);
        log->count--;
    }
    pthread_mutex_unlock(&log->lock);
    return ok;
}
