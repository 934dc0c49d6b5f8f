/* SPDX-License-Identifier: Apache-2.0 */
/* codec/kpl.h: records that the Kinesis Producer Library has put together in one: four bytes of magic, a protobuf
 * message, and the MD5 of the message.
 *
 *   AggregatedRecord { 1: repeated string partition_key_table, 2: repeated string explicit_hash_key_table,
 *                      3: repeated Record { 1: uint64 partition_key_index, 2: optional uint64 explicit_hash_key_index,
 *                                           3: bytes data, 4: repeated Tag { 1: key, 2: optional value } } }
 *
 * The bytes are hostile. All of a record is proved before any of it is given out: whole, or not at all. */
#pragma once

#include "base/error.h"
#include "base/view.h"

#define TL_KPL_MD5_SIZE 16

/* Begins with the magic: the least that every aggregated record has. */
bool tl_kpl_is_aggregated(struct tl_view data);
/* The bytes that the MD5 is of; {NULL, 0} when data is too short for one. */
struct tl_view tl_kpl_message(struct tl_view data);

struct tl_kpl { /* zero to begin; reused from one record to the next; views into the record's data */
    struct tl_view message;
    struct tl_view *keys;
    size_t key_count, key_cap, hash_key_count, record_count;
    const char *at; /* where tl_kpl_next goes on */
};
void tl_kpl_release(struct tl_kpl *k);
/* md5: of tl_kpl_message(data), by the caller. False, with *reason (static text): the record is not a whole
 * aggregated record; NULL: out of memory. */
TL_MUST_USE bool tl_kpl_open(struct tl_kpl *k, struct tl_view data, const uint8_t md5[TL_KPL_MD5_SIZE],
                             const char **reason);
/* The next of record_count records, in their order; false at the end. */
bool tl_kpl_next(struct tl_kpl *k, struct tl_view *data, struct tl_view *partition_key);
