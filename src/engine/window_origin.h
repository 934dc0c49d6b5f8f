/* SPDX-License-Identifier: Apache-2.0 */
/* engine/window_origin.h: from a row of a windowed view back to its records: which records of a stream belong to the window, and the row
 * computed anew from them.
 *
 * Records are given shard by shard, each in its order, from some place before the window on. They pass through the same decoding,
 * watermark, lateness and aggregation as in the engine (rules 1 to 5, 7, 8), in shards of their own: nothing of a running pipeline is
 * touched. What cannot be known from the records alone are the idle steps of rule 6. Of a view over a view the records are those of the
 * view that reads the stream, whose rows are computed first. One thread at a time. */
#pragma once

#include "engine/dead_letters.h"
#include "engine/plan.h"

struct tl_window_origin;

/* end_ns: of sessions, which are known by both; else it is not looked at. keys: a text for each key column of the view, in its order: as
 * the page writes it (instants in milliseconds); NULL is NULL. TL_UNSUPPORTED for views without windows, and over sessions; TL_INVALID where a text is none of its column's type. The plan outlives it. */
TL_MUST_USE bool tl_window_origin_new(struct tl_window_origin **out, const struct tl_plan *plan, size_t view, const char *const *keys,
                                      size_t key_count, int64_t start_ns, int64_t end_ns, struct tl_error *error);
void tl_window_origin_free(struct tl_window_origin *o); /* NULL is fine */
/* The source of the plan whose records are wanted, and the event time from which on. */
size_t tl_window_origin_source(const struct tl_window_origin *o);
int64_t tl_window_origin_from(const struct tl_window_origin *o);
/* From now on the records are of this shard; shards in the order of their ids. */
TL_MUST_USE bool tl_window_origin_shard(struct tl_window_origin *o, const char *name, struct tl_error *error);
/* A record of the shard. *inside: it is in the window; of a view over a view that is not told. 64 readable bytes follow text. */
TL_MUST_USE bool tl_window_origin_record(struct tl_window_origin *o, struct tl_view text, const struct tl_origin *origin, bool *inside,
                                         struct tl_error *error);
/* True when no later record of the shard can belong to the window, but by the clock (rule 4). */
bool tl_window_origin_shard_done(const struct tl_window_origin *o);
int64_t tl_window_origin_end(const struct tl_window_origin *o);
/* The row, in the view's columns; rows is initialised by the caller. No row where no record was inside, or HAVING leaves it out. */
TL_MUST_USE bool tl_window_origin_row(struct tl_window_origin *o, struct tl_rows *rows, struct tl_error *error);
/* After that, of a view over a view: the rows of the view that it reads (*view) that are in the window, and of how many records (or rows)
 * each was made. NULL: it reads a stream. */
const struct tl_rows *tl_window_origin_upper(const struct tl_window_origin *o, size_t *view, const uint64_t **records);
