/* SPDX-License-Identifier: Apache-2.0 */
/* cli/feed_json.h: a row of history as the JSON text that Python's json.dumps gives: ", " and ": " between
 * the parts, doubles as repr() prints them (187.0, 1e-05), NULL, NaN and infinities as null. Text stays
 * UTF-8. */
#pragma once

#include "base/rows.h"

struct tl_feed_json {
    struct tl_buf keys; /* what stands before each value: {"ticker":_ ,_"date":_ ... */
    size_t *key_end;    /* per column: end of its part of keys */
    size_t column_count;
    char stamp[96]; /* what stands before the counter: ', "producer_id": "...", "producer_seq": '; "": no stamp */
    int64_t second;   /* of instant */
    char instant[40]; /* the current second as text, so that only its fraction is written per record */
};
TL_MUST_USE bool tl_feed_json_init(struct tl_feed_json *f, const struct tl_column_def *columns, size_t count,
                                   struct tl_error *error);
void tl_feed_json_release(struct tl_feed_json *f);
/* From now on each object ends with producer_id and producer_seq. */
void tl_feed_json_stamp(struct tl_feed_json *f, const char *producer_id);
/* Adds the object. Text cells equal to TL_FEED_NOW (engine/plan.h) are written as now_ns. counter: of the
 * stamp. */
void tl_feed_json_row(struct tl_feed_json *f, const struct tl_rows *rows, size_t row, int64_t now_ns,
                      uint64_t counter, struct tl_buf *out);
/* A double as Python's repr() prints it. */
void tl_feed_json_double(struct tl_buf *out, double v);
