/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ticker.h"

#include "base/io.h"
#include "base/time.h"
#include "cli/terminal_line.h"
#include "engine/gate.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define EVERY_NS (200 * TL_NS_PER_MS)
#define QUIET_NS (500 * TL_NS_PER_MS)
#define BAR_WIDTH 24

void tl_ticker_bar(char out[40], uint64_t done, uint64_t total)
{
    uint64_t part = total == 0 ? 0 : done >= total ? BAR_WIDTH : done * BAR_WIDTH / total;
    char bar[BAR_WIDTH + 1];
    memset(bar, '-', BAR_WIDTH);
    memset(bar, '#', part);
    bar[BAR_WIDTH] = '\0';
    snprintf(out, 40, "[%s] %3" PRIu64 " %%", bar, total == 0 ? 0 : done >= total ? 100 : done * 100 / total);
}

/* Under the lock. What is left is told when a tenth is done: before that it is a guess. */
static void draw(struct tl_ticker *t)
{
    char line[400], bar[40] = "", left[60] = "";
    double seconds = (double)(tl_io->monotonic_ns() - t->began_ns) / 1e9;
    if (t->total > 0)
        tl_ticker_bar(bar, t->done, t->total);
    if (t->total > 0 && t->done * 10 >= t->total && t->done > 0)
        snprintf(left, sizeof left, ", %.0f s left", seconds * (double)(t->total - t->done) / (double)t->done);
    if (t->total > 0)
        snprintf(line, sizeof line, "%s  %" PRIu64 " of %" PRIu64 "  %s  %.1f s%s", bar, t->done, t->total, t->text, seconds, left);
    else
        snprintf(line, sizeof line, "%s  %.1f s", t->text, seconds);
    tl_terminal_line_draw(line, false);
    t->drawn = true;
}

static void erase(struct tl_ticker *t)
{
    if (!t->drawn)
        return;
    tl_terminal_line_erase();
    t->drawn = false;
}

static void *run(void *arg)
{
    struct tl_ticker *t = arg;
    pthread_mutex_lock(&t->lock);
    while (!t->stop) {
        int64_t now = tl_io->monotonic_ns();
        if (now - t->began_ns >= QUIET_NS)
            draw(t);
        tl_cond_wait_until(&t->wake, &t->lock, now + EVERY_NS);
    }
    erase(t);
    pthread_mutex_unlock(&t->lock);
    return NULL;
}

static void set_text(struct tl_ticker *t, const char *text)
{
    if (text)
        snprintf(t->text, sizeof t->text, "%s", text);
}

void tl_ticker_start(struct tl_ticker *t, const char *text)
{
    *t = (struct tl_ticker){ .began_ns = tl_io->monotonic_ns() };
    pthread_mutex_init(&t->lock, NULL);
    tl_cond_init(&t->wake);
    set_text(t, text);
    t->on = tl_terminal_line_is_wanted() && pthread_create(&t->thread, NULL, run, t) == 0;
}

void tl_ticker_set(struct tl_ticker *t, uint64_t done, uint64_t total, const char *text)
{
    pthread_mutex_lock(&t->lock);
    t->done = done;
    t->total = total;
    set_text(t, text);
    pthread_mutex_unlock(&t->lock);
}

void tl_ticker_clear(struct tl_ticker *t)
{
    pthread_mutex_lock(&t->lock);
    erase(t);
    pthread_mutex_unlock(&t->lock);
}

void tl_ticker_stop(struct tl_ticker *t)
{
    pthread_mutex_lock(&t->lock);
    t->stop = true;
    pthread_cond_signal(&t->wake);
    pthread_mutex_unlock(&t->lock);
    if (t->on)
        pthread_join(t->thread, NULL);
    pthread_cond_destroy(&t->wake);
    pthread_mutex_destroy(&t->lock);
}
