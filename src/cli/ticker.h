/* SPDX-License-Identifier: Apache-2.0 */
/* cli/ticker.h: a line on a terminal that says how far a command is and how long it has run, drawn by a thread of its own: for work that
 * gives no sign of life itself. It comes after half a second, and goes without a trace. Off a terminal there is none. */
#pragma once

#include "base/compiler.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#define TL_TICKER_TEXT 160

struct tl_ticker {
    bool on, stop, drawn;
    pthread_t thread;
    pthread_mutex_t lock; /* of all that follows */
    pthread_cond_t wake;
    char text[TL_TICKER_TEXT];
    uint64_t done, total; /* total 0: nobody knows how much there is */
    int64_t began_ns;
};
void tl_ticker_start(struct tl_ticker *t, const char *text);
/* done of total things are done, and text (NULL: as it was) is being done. */
void tl_ticker_set(struct tl_ticker *t, uint64_t done, uint64_t total, const char *text);
/* Takes the line away, so that something else can be printed; it comes again by itself. */
void tl_ticker_clear(struct tl_ticker *t);
void tl_ticker_stop(struct tl_ticker *t); /* once; nothing is left of it */

/* "[######----]  60 %": out has room for 40 bytes. */
void tl_ticker_bar(char out[40], uint64_t done, uint64_t total);
