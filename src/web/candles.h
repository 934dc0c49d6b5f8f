/* SPDX-License-Identifier: Apache-2.0 */
/* web/candles.h: open, high, low, close, volume of each key, a second and a minute long, in bounded memory. Pure; one thread at a time.
 *
 * Ticks may come in any order: the open is that of the least event time, the close that of the greatest, of equal ones the last come. What
 * is older than a ring reaches back is left out. */
#pragma once

#include "base/map.h"
#include "codec/json_writer.h"

#define TL_CANDLE_KEYS_MAX 100
#define TL_CANDLE_SECONDS 900 /* a quarter of an hour */
#define TL_CANDLE_MINUTES 360 /* six hours */

struct tl_candle {
    int64_t start; /* in intervals since 1970; ticks 0: none here yet */
    int64_t open_at, close_at;
    double open, high, low, close, volume;
    uint64_t ticks;
    bool changed; /* since tl_candles_changes */
};
struct tl_candle_ring {
    struct tl_candle seconds[TL_CANDLE_SECONDS], minutes[TL_CANDLE_MINUTES];
};
struct tl_candles {
    struct tl_map keys; /* -> index in rings */
    struct tl_candle_ring *rings[TL_CANDLE_KEYS_MAX];
    bool overflow; /* more keys came than are kept */
};
void tl_candles_init(struct tl_candles *c);
void tl_candles_release(struct tl_candles *c);
/* False: out of memory. A key too many is left out, and overflow says so. */
TL_MUST_USE bool tl_candles_add(struct tl_candles *c, struct tl_view key, int64_t event_ns, double price, double volume);
/* An array of [start in ms, open, high, low, close, volume, ticks], oldest first; interval 1000 or 60000 ms. */
void tl_candles_write(const struct tl_candles *c, struct tl_view key, int64_t interval_ms, struct tl_json_writer *w);
/* An array of {"key":...,"interval":ms,"candle":[...]} of those that changed since the last call. Returns how many. */
size_t tl_candles_changes(struct tl_candles *c, struct tl_json_writer *w);
