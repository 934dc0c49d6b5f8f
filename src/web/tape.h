/* SPDX-License-Identifier: Apache-2.0 */
/* web/tape.h: a source's ticks as candles, for those who look: a thread that reads the stream beside the engine, with iterators of its own,
 * only while it is wanted. The engine knows nothing of it, and is not slowed by it.
 *
 * A source has a tape when it has a DOUBLE column called close, price or last, a VARCHAR column that some view groups by, and its event time
 * is the instant in a column. */
#pragma once

#include "engine/plan.h"
#include "kinesis/client.h"

struct tl_web_tape_columns {
    size_t key, price, volume; /* of the source; volume SIZE_MAX: it has none */
};
bool tl_web_tape_columns(const struct tl_plan *plan, size_t source, struct tl_web_tape_columns *out);

struct tl_web_tape;
/* kinesis is copied, its texts are not. */
TL_MUST_USE bool tl_web_tape_open(struct tl_web_tape **out, const struct tl_plan *plan, size_t source,
                                  const struct tl_kinesis_options *kinesis, struct tl_error *error);
void tl_web_tape_close(struct tl_web_tape *t); /* NULL is fine */
size_t tl_web_tape_source(const struct tl_web_tape *t);
/* Someone looks: the thread starts, reading from a quarter of an hour ago, or goes on for another minute. From any thread, as what follows. */
void tl_web_tape_want(struct tl_web_tape *t);
/* {"key":...,"interval":ms,"behind":bool,"overflow":bool,"error":null,"candles":[...]} */
void tl_web_tape_write(struct tl_web_tape *t, const char *key, int64_t interval_ms, struct tl_buf *out);
/* {"number":N,"candles":[...]} of what changed since the last call; false when nothing did. */
bool tl_web_tape_changes(struct tl_web_tape *t, struct tl_buf *out);
