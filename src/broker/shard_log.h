/* SPDX-License-Identifier: Apache-2.0 */
/* broker/shard_log.h: the append-only record log of one shard.
 *
 * A log is a row of segment files, of which only the last is written. A record is numbered by a counter that only grows. It is durable,
 * and never changes again, once the tl_shard_log_write() that took it has returned true. A failed sync closes the log for writing: fsync gives
 * no second chance. A full disk does not: what did not fit is taken back, and the log goes on when there is room.
 * Threads: one writer; readers on any thread see what is written. */
#pragma once

#include "base/buf.h"
#include "base/error.h"

struct tl_shard_log;

/* Opens the log in dir, creating it if absent. Cuts a torn tail; damage before the tail is TL_CORRUPT and the text names file and
 * offset. sync: write() calls fdatasync. *out goes to tl_shard_log_close(). */
TL_MUST_USE bool tl_shard_log_open(struct tl_shard_log **out, const char *dir, bool sync, struct tl_error *error);
void tl_shard_log_close(struct tl_shard_log *log);

/* Records to be written are gathered by the caller in a buffer, in the form that is on disk. */
void tl_shard_log_add(struct tl_buf *batch, int64_t arrival_ms, struct tl_view key, struct tl_view data);
/* As add, the data's place given back for writing (NULL after a failure); key is copied. */
char *tl_shard_log_add_space(struct tl_buf *batch, int64_t arrival_ms, struct tl_view key, size_t data_size);
/* Writes the batch of count records, numbered from first on, as one unit. first is at least tl_shard_log_next(). */
TL_MUST_USE bool tl_shard_log_write(struct tl_shard_log *log, uint64_t first, uint32_t count, int64_t arrival_ms, struct tl_view batch,
                                    struct tl_error *error);
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
/* Calls visit for the records from counter on, in order, until it returns false or the end. bytes is scratch, reused between calls. */
TL_MUST_USE bool tl_shard_log_read(struct tl_shard_log *log, uint64_t from, struct tl_buf *bytes, tl_log_visit *visit, void *user,
                                   struct tl_error *error);
/* The counter of the first record that arrived at or after the instant; tl_shard_log_next() when there is none. */
TL_MUST_USE bool tl_shard_log_find(struct tl_shard_log *log, int64_t arrival_ms, struct tl_buf *bytes, uint64_t *counter,
                                   struct tl_error *error);
/* Removes whole segments all of whose records arrived before the instant. */
TL_MUST_USE bool tl_shard_log_trim(struct tl_shard_log *log, int64_t before_ms, struct tl_error *error);
