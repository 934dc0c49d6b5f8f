/* SPDX-License-Identifier: Apache-2.0 */
/* cli/dead_letters.h: the dead letters that the lake holds, one after the other, each with an id that stays: a hash of table, shard and
 * sequence number.
 *
 * A record that is late for two views is two letters. Read with memory that does not grow with their number. */
#pragma once

#include "base/rows.h"
#include "engine/dead_letters.h"

#define TL_LETTER_ID_MAX 17 /* 16 hex digits */

struct tl_letter {
    char id[TL_LETTER_ID_MAX];
    const char *table; /* "avg_1min_late", "ticks_malformed" */
    size_t source;
    bool late;
    struct tl_view shard, sequence, reason; /* reason: of a late one "late" */
    int64_t offset;                         /* malformed: byte of the record */
    int64_t arrival_ns;                     /* INT64_MIN: none (a file's) */
    int64_t window_start_ns, window_end_ns, watermark_ns; /* late */
    struct tl_view data; /* the record: of a malformed one its bytes as they came, of a late one JSON of the source's columns */
};
/* False ends it, with or without an error in user. Views die with the return. */
typedef bool tl_letter_each(void *user, const struct tl_letter *letter);

/* Calls each for all letters of the pipeline, in the order of tables and files; table NULL: all tables. A lake that has none is fine.
 * TL_NOT_FOUND: the pipeline has no such table, named with those it has. */
TL_MUST_USE bool tl_letters_each(const struct tl_plan *plan, const char *lake_root, const char *table, tl_letter_each *each, void *user,
                                 struct tl_error *error);
