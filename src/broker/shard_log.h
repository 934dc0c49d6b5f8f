/* SPDX-License-Identifier: Apache-2.0 */
/* broker/shard_log.h: the append-only record log of one shard.
 *
 * A log is a row of segment files, of which only the last is written. A record is numbered by a counter that
 * only grows. It is durable, and never changes again, once the tl_shard_log_write() that took it has returned
 * true. A failed sync closes the log for writing: fsync gives no second chance. A full disk does not: what
 * did not fit is taken back, and the log goes on when there is room. Threads: one writer; readers and
 * tl_shard_log_trim on any thread; readers see what is written. */
#pragma once

#include "base/buf.h"
#include "base/error.h"

struct tl_shard_log;

/* Opens the log in dir, creating it if absent. Cuts a torn tail. A last segment that is damaged before its
 * tail does not fail it: see tl_shard_log_damage(). sync: write() calls fdatasync. *out goes to
 * tl_shard_log_close(). */
TL_MUST_USE bool tl_shard_log_open(struct tl_shard_log **out, const char *dir, bool sync,
                                   struct tl_error *error);
void tl_shard_log_close(struct tl_shard_log *log);
/* What is wrong with the last segment, with file and offset; NULL: nothing. Records before the damage can be
 * read, those behind it cannot; nothing can be written. (A sealed segment that is damaged is noticed when it
 * is read.) */
const char *tl_shard_log_damage(const struct tl_shard_log *log);

/* ---- records on their way to the disk ---- */

/* Records to be written, gathered by the caller in the form that is on disk: batches of about
 * TL_LOG_BATCH_SIZE, so that reading one record never needs more than that. */
#define TL_LOG_BATCH_SIZE ((size_t)256 << 10)
#define TL_LOG_RECORD_OVERHEAD 14 /* bytes of a record besides key and data */
struct tl_log_batches {
    struct tl_buf bytes;
    struct tl_log_mark {
        size_t size;    /* of bytes */
        size_t open_at; /* where the batch begins that still grows */
        uint64_t open_first, next;
        uint32_t open_records, records; /* records: in all batches */
        int64_t newest_ms;
    } at;
};
void tl_log_batches_init(struct tl_log_batches *b, size_t max);
void tl_log_batches_release(struct tl_log_batches *b);
void tl_log_batches_reset(struct tl_log_batches *b);
/* Adds a record and returns the place of its data, to be written by the caller (key is copied). Counters
 * grow. NULL when over max or out of memory; nothing is added then. */
TL_MUST_USE char *tl_log_batches_add(struct tl_log_batches *b, uint64_t counter, int64_t arrival_ms,
                                     struct tl_view key, size_t data_size);
/* Takes back all records added since b->at was copied to mark. */
void tl_log_batches_undo(struct tl_log_batches *b, const struct tl_log_mark *mark);

/* Writes all batches (at least one record, counters from tl_shard_log_next() on) as one unit. They cannot be
 * used again before a reset. */
TL_MUST_USE bool tl_shard_log_write(struct tl_shard_log *log, struct tl_log_batches *batches,
                                    struct tl_error *error);

/* ---- what is written ---- */

/* One more than the last written counter. */
uint64_t tl_shard_log_next(struct tl_shard_log *log);
/* The least counter still held (retention removes segments from the front). */
uint64_t tl_shard_log_first(struct tl_shard_log *log);
/* Bytes on disk. */
uint64_t tl_shard_log_bytes(struct tl_shard_log *log);

struct tl_log_record {
    uint64_t counter;
    int64_t arrival_ms;
    struct tl_view key, data;
};
typedef bool tl_log_visit(const struct tl_log_record *record, void *user); /* false ends the reading */
/* Calls visit for the records from counter on, in order, until it returns false or the end. bytes is scratch,
 * reused between calls. */
TL_MUST_USE bool tl_shard_log_read(struct tl_shard_log *log, uint64_t from, struct tl_buf *bytes,
                                   tl_log_visit *visit, void *user, struct tl_error *error);
/* The counter of the first record that arrived at or after the instant; tl_shard_log_next() when there is
 * none. */
TL_MUST_USE bool tl_shard_log_find(struct tl_shard_log *log, int64_t arrival_ms, struct tl_buf *bytes,
                                   uint64_t *counter, struct tl_error *error);
/* Removes whole segments all of whose records arrived before the instant. */
TL_MUST_USE bool tl_shard_log_trim(struct tl_shard_log *log, int64_t before_ms, struct tl_error *error);
