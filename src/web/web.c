/* SPDX-License-Identifier: Apache-2.0 */
/* Threads: the server's loop (routes, viewers); the notifier, which waits for the engine and wakes the loop, at most once per
 * change seen; the worker, which makes histories. None of them is waited for by the engine. */
#include "web/web_int.h"

#include "base/io.h"
#include "base/log.h"
#include "base/time.h"

#include <stdlib.h>

#define BODY_MAX (64u << 10)
#define WAIT_NS (200 * TL_NS_PER_MS) /* how long a close may wait for the notifier */
#define GRACE_NS (500 * TL_NS_PER_MS)

void tl_web_feed(struct tl_web *w, struct tl_buf *out)
{
    if (w->options.feed_status)
        w->options.feed_status(w->options.user, out);
}

void tl_web_stats(void *web, struct tl_buf *out)
{
    struct tl_web *w = web;
    struct tl_engine_stats stats;
    struct tl_buf feed;
    tl_buf_init(&feed, 64u << 10);
    tl_engine_stats_get(w->options.engine, &stats);
    tl_web_feed(w, &feed);
    tl_web_stats_write(&w->facts, &stats, tl_buf_view(&feed), tl_io->wall_ns(), out);
    tl_buf_release(&feed);
}

static void changed(void *arg)
{
    struct tl_web *w = arg;
    /* Before the engine is asked: a change after this line posts again. */
    __atomic_store_n(&w->posted, false, __ATOMIC_SEQ_CST);
    tl_web_viewers_changed(w->viewers);
}

static void *notify(void *arg)
{
    struct tl_web *w = arg;
    uint64_t version = 0;
    while (!__atomic_load_n(&w->stopping, __ATOMIC_ACQUIRE)) {
        uint64_t before = version;
        tl_engine_wait_change(w->options.engine, &version, WAIT_NS);
        if (version == before || __atomic_exchange_n(&w->posted, true, __ATOMIC_SEQ_CST))
            continue;
        if (!tl_http_server_post(w->server, changed, w))
            break;
    }
    return NULL;
}

/* A NULL text stays NULL. */
static bool text_copy(const char **text)
{
    if (!*text)
        return true;
    *text = strdup(*text);
    return *text != NULL;
}

static bool options_copy(struct tl_web_options *to, const struct tl_web_options *from, struct tl_error *error)
{
    *to = *from;
    /* All four are tried, so that all four are ours to free. */
    bool ok = text_copy(&to->listen);
    ok = text_copy(&to->lake_root) && ok;
    ok = text_copy(&to->aws_endpoint) && ok;
    ok = text_copy(&to->profile) && ok;
    return ok || tl_error_set(error, TL_NO_MEMORY, "out of memory for the page's server");
}

static const char *default_profile(const struct tl_plan *plan)
{
    for (size_t i = 0; i < plan->profile_count; i++) {
        if (plan->profiles[i].is_default)
            return plan->profiles[i].name;
    }
    return NULL;
}

static bool parts_open(struct tl_web *w, struct tl_error *error)
{
    const struct tl_web_options *o = &w->options;
    uint64_t boot;
    if (!tl_io->random(&boot, sizeof boot))
        return tl_error_set(error, TL_IO, "the system gives no randomness");
    struct tl_web_viewers_options viewers = { .plan = o->plan, .engine = o->engine, .boot = boot, .stats = tl_web_stats, .user = w };
    struct tl_web_worker_options worker = { .plan = o->plan, .engine = o->engine, .lake_root = o->lake_root,
                                            .done = tl_web_history_made, .user = w };
    struct tl_http_server_options server = { .name = "page", .body_max = BODY_MAX, .check_host = true,
                                             .handler = tl_web_handle, .user = w };
    return tl_web_viewers_new(&w->viewers, &viewers, error) && tl_web_worker_open(&w->worker, &worker, error) &&
           tl_http_server_open(&w->server, o->listen, &server, error);
}

bool tl_web_open(struct tl_web **out, const struct tl_web_options *options, struct tl_error *error)
{
    struct tl_web *w = calloc(1, sizeof *w);
    if (!w)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for the page's server");
    if (!options_copy(&w->options, options, error) || !parts_open(w, error)) {
        tl_web_close(w);
        return false;
    }
    w->facts = (struct tl_web_facts){ .plan = options->plan, .synthetic = options->synthetic, .started_ns = tl_io->wall_ns(),
                                      .aws_endpoint = w->options.aws_endpoint,
                                      .profile = w->options.profile ? w->options.profile : default_profile(options->plan) };
    tl_web_viewers_start(w->viewers, w->server);
    /* The loop runs since the server was opened; only now has it all it needs. */
    __atomic_store_n(&w->ready, true, __ATOMIC_RELEASE);
    int result = pthread_create(&w->notifier, NULL, notify, w);
    if (result != 0) {
        tl_error_sys(error, result, "cannot start the page's notifier");
        tl_web_close(w);
        return false;
    }
    w->notifier_runs = true;
    *out = w;
    return true;
}

const char *tl_web_address(const struct tl_web *w)
{
    return tl_http_server_address(w->server);
}

void tl_web_close(struct tl_web *w)
{
    if (!w)
        return;
    __atomic_store_n(&w->stopping, true, __ATOMIC_RELEASE);
    if (w->notifier_runs)
        pthread_join(w->notifier, NULL);
    if (w->worker)
        tl_web_worker_stop(w->worker);
    if (w->server)
        tl_http_server_close(w->server, GRACE_NS);
    tl_web_worker_free(w->worker);
    tl_web_viewers_free(w->viewers);
    free((char *)w->options.listen);
    free((char *)w->options.lake_root);
    free((char *)w->options.aws_endpoint);
    free((char *)w->options.profile);
    free(w);
}
