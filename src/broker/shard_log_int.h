/* SPDX-License-Identifier: Apache-2.0 */
/* broker/shard_log_int.h: the form on disk, and what the writing and the reading half of the log share.
 *
 * A segment file is named by a counter, 20 digits and ".seg": its records have that counter or greater ones.
 * All numbers are little-endian. It begins with
 *
 *   0  4  magic "TLS1"
 *   4  4  CRC32C of bytes 8 to 31
 *   8  8  salt: random, told to nobody
 *  16  8  the counter of its name
 *  24  8  zero
 *
 * and goes on with batches:
 *
 *   0  4  magic "TLB1"
 *   4  4  CRC32C of bytes 8 to the end of the batch
 *   8  8  the file's salt
 *  16  4  size of the payload, at most PAYLOAD_MAX
 *  20  4  number of records, at least 1, numbered without gaps
 *  24  8  counter of the first record
 *  32  8  arrival of the newest record so far, ms since 1970
 *  40  8  offset in the file where the write began that wrote this batch
 *  48     payload: per record u32 size of data, u16 size of key, u64 arrival ms, key, data
 *
 * The head is synced before the first batch. Then a write is any number of batches, synced before the next
 * write, so that after a crash at most one write is torn. What is wrong at offset X was torn if no batch that
 * is whole belongs to a write begun behind X: it was never acknowledged, and is cut off. Else it was damaged
 * later, and is refused. The salt makes sure that what looks like a batch is one: records are other people's
 * bytes, and may well hold a copy of a batch. */
#pragma once

#include "broker/shard_log.h"

#include <limits.h>
#include <pthread.h>

#define SEGMENT_MAGIC 0x31534c54u
#define SEGMENT_HEAD 32
#define BATCH_MAGIC 0x31424c54u
#define BATCH_HEAD 48
#define SALT_AT 8
#define PAYLOAD_MAX ((uint32_t)16 << 20)
#define SEGMENT_SIZE ((uint64_t)64 << 20)
#define INDEX_STEP ((uint64_t)256 << 10)
#define READ_STEP ((size_t)1 << 20)

struct tl_log_index_entry {
    uint64_t counter, offset;
    int64_t newest_ms; /* of all records of the segment up to the end of this batch */
};
struct tl_log_segment {
    uint64_t first, size, salt;
    int64_t newest_ms;
    bool indexed; /* salt, newest_ms and index are known */
    struct tl_log_index_entry *index;
    size_t index_count, index_cap;
};
struct tl_shard_log {
    char *dir;
    char *damage;      /* what is wrong with the last segment; NULL: nothing. Never changes after opening */
    bool sync, broken; /* the writer's */
    int fd;            /* the writer's: of the last segment; -1 when there is none */
    pthread_mutex_t lock; /* guards what follows; a leaf */
    struct tl_log_segment *segments;
    size_t count, cap;
    uint64_t next;
};
struct tl_log_batch {
    uint32_t payload_size, records;
    uint64_t salt, first, write_at;
    int64_t newest_ms;
};

void tl_log_segment_path(const struct tl_shard_log *log, uint64_t first, char out[PATH_MAX]);
/* The head of a file of this name: its salt. False: it is none. */
TL_MUST_USE bool tl_log_head_parse(const char head[SEGMENT_HEAD], uint64_t first, uint64_t *salt);
/* BATCH_HEAD bytes at at: could they be a batch's of the file with that salt? */
TL_MUST_USE bool tl_log_batch_parse(const char *at, uint64_t salt, struct tl_log_batch *out);
/* A whole batch at the view's begin? */
TL_MUST_USE bool tl_log_batch_is_whole(struct tl_view bytes, uint64_t salt, struct tl_log_batch *out);
/* Notes a batch that stands at offset. Batches come in order. */
TL_MUST_USE bool tl_log_index_add(struct tl_log_segment *s, const struct tl_log_batch *b, uint64_t offset,
                                  struct tl_error *error);
/* Reads the batches' heads of a sealed segment. Called with the lock held; done once per segment. */
TL_MUST_USE bool tl_log_index_build_locked(struct tl_shard_log *log, struct tl_log_segment *s,
                                           struct tl_error *error);
/* What a segment file holds, from its head to the first place that is not whole. */
enum tl_log_state {
    TL_LOG_WHOLE,
    TL_LOG_TORN,   /* what is wrong was never acknowledged, if the segment is the last */
    TL_LOG_DAMAGED /* a later write stands behind it, or the head is wrong */
};
struct tl_log_check {
    enum tl_log_state state;
    uint64_t salt, good; /* good: bytes up to where all is whole */
    uint64_t records, first, next;
    char what[PATH_MAX + 200]; /* of TL_LOG_DAMAGED */
};
/* Reads the file whole, through a window. s (may be NULL) gets the index. False: it cannot be read. */
TL_MUST_USE bool tl_log_check_segment(int fd, const char *path, uint64_t first, uint64_t size,
                                      struct tl_log_segment *s, struct tl_log_check *out,
                                      struct tl_error *error);
/* Reads the last segment whole and checks it; cuts what a crash left. log->fd is its file. TL_CORRUPT: it is
 * damaged, and *s and log->next tell the part before the damage. */
TL_MUST_USE bool tl_log_recover(struct tl_shard_log *log, struct tl_log_segment *s, struct tl_error *error);
