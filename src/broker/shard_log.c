/* SPDX-License-Identifier: Apache-2.0 */
/* broker/shard_log.c: the writing half: gathering batches, opening, appending, retention. The form on disk
 * stands in broker/shard_log_int.h; reading is broker/shard_log_read.c, recovery broker/shard_log_recover.c.
 *
 * I1: counters grow from batch to batch (with gaps where a write was refused). I2: bytes of a segment before
 * `size` are its head and whole batches, all synced. I3: the index of a segment names batches by offset, at
 * most one per INDEX_STEP bytes; for a sealed one it is built when it is first needed. I4: after a failed
 * sync, or a tail that cannot be taken back, broken is set, and nothing is written any more. I5: segments are
 * in the order of their names, and each holds counters from its name to below the next one's. */
#include "broker/shard_log.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/grow.h"
#include "base/io.h"
#include "base/log.h"
#include "broker/shard_log_int.h"
#include "codec/crc32c.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

void tl_log_segment_path(const struct tl_shard_log *log, uint64_t first, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "%s/%020" PRIu64 ".seg", log->dir, first);
}

/* ---- gathering ---- */

void tl_log_batches_init(struct tl_log_batches *b, size_t max)
{
    *b = (struct tl_log_batches){ 0 };
    tl_buf_init(&b->bytes, max);
}

void tl_log_batches_release(struct tl_log_batches *b)
{
    tl_buf_release(&b->bytes);
    b->at = (struct tl_log_mark){ 0 };
}

void tl_log_batches_reset(struct tl_log_batches *b)
{
    tl_buf_reset(&b->bytes);
    b->at = (struct tl_log_mark){ 0 };
}

void tl_log_batches_undo(struct tl_log_batches *b, const struct tl_log_mark *mark)
{
    assert(mark->size <= b->at.size);
    b->at = *mark;
    b->bytes.size = mark->size;
    b->bytes.failed = false;
}

/* What is known of the open batch goes into its head; salt, place and checksum come when it is written. */
static void close_batch(struct tl_log_batches *b)
{
    char *head = b->bytes.data + b->at.open_at;
    tl_put_le(head, BATCH_MAGIC, 4);
    tl_put_le(head + 16, b->at.size - b->at.open_at - BATCH_HEAD, 4);
    tl_put_le(head + 20, b->at.open_records, 4);
    tl_put_le(head + 24, b->at.open_first, 8);
    tl_put_le(head + 32, (uint64_t)b->at.newest_ms, 8);
}

char *tl_log_batches_add(struct tl_log_batches *b, uint64_t counter, int64_t arrival_ms, struct tl_view key,
                         size_t data_size)
{
    assert(key.size <= UINT16_MAX &&
           data_size <= PAYLOAD_MAX - TL_LOG_BATCH_SIZE - UINT16_MAX - TL_LOG_RECORD_OVERHEAD);
    assert(b->at.records == 0 || counter >= b->at.next);
    bool opens =
        b->at.records == 0 || counter != b->at.next || b->at.size - b->at.open_at >= TL_LOG_BATCH_SIZE;
    size_t head = opens ? BATCH_HEAD : 0;
    char *at = tl_buf_reserve(&b->bytes, head + TL_LOG_RECORD_OVERHEAD + key.size + data_size);
    if (!at) {
        b->bytes.failed = false; /* nothing was added: the batches are good as they are */
        return NULL;
    }
    if (opens) {
        if (b->at.records)
            close_batch(b);
        b->at.open_at = b->at.size;
        b->at.open_first = counter;
        b->at.open_records = 0;
    }
    at += head;
    tl_put_le(at, data_size, 4);
    tl_put_le(at + 4, key.size, 2);
    tl_put_le(at + 6, (uint64_t)arrival_ms, 8);
    memcpy(at + TL_LOG_RECORD_OVERHEAD, key.data, key.size);
    b->at.size = b->bytes.size;
    b->at.next = counter + 1;
    b->at.open_records++;
    b->at.records++;
    b->at.newest_ms = arrival_ms > b->at.newest_ms ? arrival_ms : b->at.newest_ms;
    return at + TL_LOG_RECORD_OVERHEAD + key.size;
}

/* ---- opening ---- */

static bool add_segment(struct tl_shard_log *log, uint64_t first, struct tl_error *error)
{
    if (!tl_grow((void **)&log->segments, &log->cap, log->count + 1, sizeof *log->segments, SIZE_MAX / 256))
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    log->segments[log->count++] = (struct tl_log_segment){ .first = first };
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
        if (name.size != 24 || !tl_view_ends_with(name, TL_VIEW(".seg")) ||
            !tl_view_to_u64((struct tl_view){ name.data, 20 }, &first))
            continue;
        char path[PATH_MAX];
        int64_t size;
        ok = add_segment(log, first, error);
        tl_log_segment_path(log, first, path);
        ok = ok && tl_file_size(path, &size, error);
        if (ok)
            log->segments[log->count - 1].size = (uint64_t)size;
    }
    tl_dir_list_release(&names);
    return ok;
}

/* A file that did not get its whole head was never written to: it goes, and its name stays as the counter to
 * go on with. */
static bool drop_unborn(struct tl_shard_log *log, struct tl_error *error)
{
    while (log->count > 0) {
        struct tl_log_segment *s = &log->segments[log->count - 1];
        char path[PATH_MAX], head[SEGMENT_HEAD];
        tl_log_segment_path(log, s->first, path);
        if (s->size > SEGMENT_HEAD)
            return true;
        if (s->size == SEGMENT_HEAD) {
            int fd = tl_io->open(path, O_RDONLY, 0);
            bool ok = fd >= 0 && tl_file_pread_all(fd, head, SEGMENT_HEAD, 0, error);
            if (fd >= 0)
                tl_io->close(fd);
            else
                tl_error_sys(error, errno, "cannot open '%s'", path);
            if (!ok)
                return false;
            if (tl_log_head_parse(head, s->first, &s->salt))
                return true;
        }
        log->next = log->next > s->first ? log->next : s->first;
        log->count--;
        if (tl_io->unlink(path) != 0 && errno != ENOENT)
            return tl_error_sys(error, errno, "cannot remove '%s'", path);
    }
    return true;
}

static bool open_last(struct tl_shard_log *log, struct tl_error *error)
{
    if (log->count == 0)
        return true;
    struct tl_log_segment *s = &log->segments[log->count - 1];
    char path[PATH_MAX];
    tl_log_segment_path(log, s->first, path);
    log->fd = tl_io->open(path, O_RDWR, 0);
    if (log->fd < 0)
        return tl_error_sys(error, errno, "cannot open '%s'", path);
    return tl_log_recover(log, s, error);
}

/* What stands before the damage can be read; nothing is written any more, since nobody knows what follows. */
static bool open_damaged(struct tl_shard_log *log, struct tl_error *error)
{
    if (error->code != TL_CORRUPT)
        return false;
    tl_log_error("broker",
                 "%s: records from there on cannot be read, and the shard takes no new ones. Restore the "
                 "file from a copy, or move the "
                 "shard's folder away and lose its records",
                 error->text);
    log->broken = true;
    log->damage = strdup(error->text);
    return log->damage || tl_error_set(error, TL_NO_MEMORY, "out of memory");
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
    ok = ok && tl_dir_make(dir, error) && list_segments(log, error) && drop_unborn(log, error) &&
         (open_last(log, error) || open_damaged(log, error));
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
    free(log->damage);
    free(log->dir);
    pthread_mutex_destroy(&log->lock);
    free(log);
}

/* ---- writing ---- */

/* All of it at offset at; false with errno set. */
static bool write_all(int fd, struct tl_view bytes, uint64_t at)
{
    while (bytes.size > 0) {
        ssize_t n = tl_io->pwrite(fd, bytes.data, bytes.size, (off_t)at);
        if (n <= 0) {
            errno = n == 0 ? ENOSPC : errno;
            return false;
        }
        bytes = (struct tl_view){ bytes.data + n, bytes.size - (size_t)n };
        at += (uint64_t)n;
    }
    return true;
}

/* A new file with its head, both durable. */
static bool create_segment(const struct tl_shard_log *log, uint64_t first, int *fd, uint64_t *salt,
                           struct tl_error *error)
{
    char path[PATH_MAX], head[SEGMENT_HEAD] = { 0 };
    tl_log_segment_path(log, first, path);
    if (!tl_io->random(salt, sizeof *salt))
        return tl_error_sys(error, errno, "cannot get random bytes");
    tl_put_le(head, SEGMENT_MAGIC, 4);
    tl_put_le(head + SALT_AT, *salt, 8);
    tl_put_le(head + 16, first, 8);
    tl_put_le(head + 4, tl_crc32c(0, head + 8, SEGMENT_HEAD - 8), 4);
    *fd = tl_io->open(path, O_RDWR | O_CREAT | O_TRUNC, 0666); /* there already: made by a roll that failed */
    if (*fd < 0)
        return tl_error_sys(error, errno, "cannot create '%s'", path);
    if (!write_all(*fd, (struct tl_view){ head, SEGMENT_HEAD }, 0) ||
        (log->sync && tl_io->fdatasync(*fd) != 0))
        tl_error_sys(error, errno, "cannot begin '%s'", path);
    else if (!log->sync || tl_dir_sync(log->dir, error))
        return true;
    tl_io->close(*fd);
    tl_io->unlink(path); /* if it stays: opening again drops it, rolling again replaces it */
    return false;
}

static bool roll(struct tl_shard_log *log, uint64_t first, struct tl_error *error)
{
    int fd;
    uint64_t salt;
    if (!create_segment(log, first, &fd, &salt, error))
        return false;
    pthread_mutex_lock(&log->lock);
    bool ok = add_segment(log, first, error);
    if (ok) {
        struct tl_log_segment *s = &log->segments[log->count - 1];
        s->salt = salt;
        s->size = SEGMENT_HEAD;
        s->indexed = true;
    }
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

/* The batches did not get in whole: what is there of them is taken back. */
static bool take_back(struct tl_shard_log *log, uint64_t size, int failed, struct tl_error *error)
{
    if (tl_io->ftruncate(log->fd, (off_t)size) != 0)
        log->broken = true;
    return tl_error_sys(error, failed, "cannot write to the log in '%s'", log->dir);
}

/* What only the writer knows: the file's salt, the place, and so the checksum. */
static void seal(struct tl_view bytes, uint64_t salt, uint64_t write_at)
{
    for (size_t at = 0; at < bytes.size;) {
        char *head = (char *)(uintptr_t)bytes.data + at;
        size_t size = BATCH_HEAD + (size_t)tl_get_le(head + 16, 4);
        assert(size <= bytes.size - at);
        tl_put_le(head + SALT_AT, salt, 8);
        tl_put_le(head + 40, write_at, 8);
        tl_put_le(head + 4, tl_crc32c(0, head + 8, size - 8), 4);
        at += size;
    }
}

/* The batches are on disk: readers may see them. Out of memory for the index only makes reading slower. */
static void publish(struct tl_shard_log *log, struct tl_view bytes, uint64_t next)
{
    struct tl_error ignored;
    pthread_mutex_lock(&log->lock);
    struct tl_log_segment *s = &log->segments[log->count - 1];
    for (size_t at = 0; at < bytes.size;) {
        struct tl_log_batch b;
        if (!tl_log_batch_parse(bytes.data + at, s->salt, &b) || !tl_log_index_add(s, &b, s->size, &ignored))
            tl_log_warn("broker", "out of memory for the index of '%s'", log->dir);
        s->size += BATCH_HEAD + b.payload_size;
        at += BATCH_HEAD + b.payload_size;
    }
    log->next = next;
    pthread_mutex_unlock(&log->lock);
}

bool tl_shard_log_write(struct tl_shard_log *log, struct tl_log_batches *batches, struct tl_error *error)
{
    assert(batches->at.records > 0 && batches->at.size == batches->bytes.size);
    if (log->damage)
        return tl_error_set(error, TL_CORRUPT, "%s: the shard takes no records", log->damage);
    if (log->broken)
        return tl_error_set(error, TL_IO,
                            "the log in '%s' is closed for writing after a failed sync: restart tapeline",
                            log->dir);
    close_batch(batches);
    uint64_t first = tl_get_le(batches->bytes.data + 24, 8);
    assert(first >= log->next);
    if ((log->count == 0 || log->segments[log->count - 1].size >= SEGMENT_SIZE) && !roll(log, first, error))
        return false;
    const struct tl_log_segment *s =
        &log->segments[log->count - 1]; /* only the writer changes the last one */
    struct tl_view bytes = tl_buf_view(&batches->bytes);
    uint64_t at = s->size;
    seal(bytes, s->salt, at);
    if (!write_all(log->fd, bytes, at))
        return take_back(log, at, errno, error);
    if (log->sync && tl_io->fdatasync(log->fd) != 0) {
        log->broken = true; /* I4: the kernel may have dropped the pages, and would say nothing next time */
        return tl_error_sys(error, errno, "cannot sync the log in '%s': it is closed for writing", log->dir);
    }
    publish(log, bytes, batches->at.next);
    return true;
}

/* ---- what is held ---- */

const char *tl_shard_log_damage(const struct tl_shard_log *log)
{
    return log->damage;
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

/* The first segment, if all it holds is older. */
static bool take_first_locked(struct tl_shard_log *log, int64_t before_ms, uint64_t *first, bool *taken,
                              struct tl_error *error)
{
    struct tl_log_segment *s = &log->segments[0];
    *taken = false;
    if (log->count <= 1) /* the last one is being written */
        return true;
    if (!s->indexed && !tl_log_index_build_locked(log, s, error))
        return false;
    if (s->newest_ms >= before_ms)
        return true;
    *taken = true;
    *first = s->first;
    free(s->index);
    memmove(log->segments, log->segments + 1, (log->count - 1) * sizeof *log->segments);
    log->count--;
    return true;
}

bool tl_shard_log_trim(struct tl_shard_log *log, int64_t before_ms, struct tl_error *error)
{
    bool ok = true, taken = true;
    while (ok && taken) {
        char path[PATH_MAX];
        uint64_t first = 0;
        pthread_mutex_lock(&log->lock);
        ok = take_first_locked(log, before_ms, &first, &taken, error);
        pthread_mutex_unlock(&log->lock);
        if (!ok || !taken)
            break;
        tl_log_segment_path(log, first, path); /* not with the lock held: freeing its blocks takes a while */
        if (tl_io->unlink(path) != 0 && errno != ENOENT)
            ok = tl_error_sys(error, errno, "cannot remove '%s'", path);
    }
    return ok;
}
