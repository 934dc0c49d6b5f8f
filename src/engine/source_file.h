/* SPDX-License-Identifier: Apache-2.0 */
/* engine/source_file.h: a file of JSON lines as a shard, block by block.
 *
 * A line's position (from 0, blank lines counted) is its sequence number (rule 1). Blank lines are no
 * records; CR before LF is passed over; the last line needs no LF; a line over 1 MiB is malformed and only
 * its first MiB kept. */
#pragma once

#include "engine/apply.h"

#define TL_LINE_MAX (1u << 20)

struct tl_file_block { /* a worker's: what was read and not yet applied */
    char *data;
    size_t size; /* bytes read, from the shard's offset */
    bool end;    /* of the file */
    int fd;      /* of the file read last; -1 */
    const struct tl_shard_run *of;
    size_t block_size; /* how much is read at once; tests make it small */
};
TL_MUST_USE bool tl_file_block_init(struct tl_file_block *b, struct tl_error *error);
void tl_file_block_release(struct tl_file_block *b);
/* Reads from the shard's offset: whole lines, at least one, or the end. No lock needed: the shard is not
 * changed. */
TL_MUST_USE bool tl_file_block_read(struct tl_file_block *b, const struct tl_shard_run *s,
                                    struct tl_error *error);
/* Applies what was read; the shard moves on. False: out of memory. */
TL_MUST_USE bool tl_file_block_apply(struct tl_file_block *b, struct tl_shard_run *s, struct tl_apply *apply,
                                     int64_t step, struct tl_error *error);
