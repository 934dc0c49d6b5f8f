/* SPDX-License-Identifier: Apache-2.0 */
/* Threads: the server's loop (routes, viewers, samples); the notifier, which waits for the engine and wakes the loop, at most once per
 * change seen; those of web/jobs.h; one of each tape. None of them is waited for by the engine. */
#include "web/web_int.h"
#include "web/event.h"

#include "base/io.h"
#include "base/log.h"
#include "base/time.h"

#include <stdlib.h>

#define BODY_MAX (300u << 10) /* a statement of 256 KiB, and what JSON adds to it */
#define SAMPLE_NS TL_NS_PER_S
#define TAPE_NS (250 * TL_NS_PER_MS)
#define WAIT_NS (200 * TL_NS_PER_MS) /* how long a close may wait for the notifier */
#define GRACE_NS (500 * TL_NS_PER_MS)

void tl_web_figures_get(struct tl_web *w, struct tl_web_figures *figures, struct tl_buf *feed)
{
    tl_buf_init(feed, 64u << 10);
    if (w->options.feed_status)
        w->options.feed_status(w->options.user, feed);
    tl_engine_stats_get(w->options.engine, &figures->stats);
    tl_engine_latency_get(w->options.engine, &figures->latency);
    figures->view_to_page = tl_web_viewers_latency(w->viewers);
    figures->alerts = w->alerts;
    figures->put_to_page = tl_web_viewers_from_put(w->viewers);
    figures->viewers = tl_web_viewers_count(w->viewers);
    figures->feed = tl_buf_view(feed);
    figures->now_ns = tl_io->wall_ns();
}

void tl_web_stats(void *web, struct tl_buf *out)
{
    struct tl_web *w = web;
    struct tl_web_figures figures;
    struct tl_buf feed;
    tl_web_figures_get(w, &figures, &feed);
    tl_web_stats_write(&w->facts, &figures, out);
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

size_t tl_web_view_find(const struct tl_plan *plan, const char *name)
{
    for (size_t i = 0; i < plan->view_count; i++)
        if (strcmp(plan->views[i].name, name) == 0)
            return i;
    return SIZE_MAX;
}

struct tl_kinesis_options tl_web_kinesis(const struct tl_web_job *job)
{
    struct tl_kinesis_options options = job->web->options.kinesis;
    options.cancel = &job->cancel;
    return options;
}

bool tl_web_is_loopback(const char *listen)
{
    struct tl_view v = tl_view_of(listen);
    if (tl_view_starts_with(v, TL_VIEW("[::1]:")) || tl_view_starts_with(v, TL_VIEW("localhost:")))
        return true;
    size_t host = strcspn(listen, ":");
    return strncmp(listen, "127.", 4) == 0 && strspn(listen, "0123456789.") == host && listen[host] == ':';
}

/* ---- once in a while, on the loop ---- */

static void sample(void *arg)
{
    struct tl_web *w = arg;
    struct tl_engine_stats stats;
    struct tl_latency_figures from_put = tl_web_viewers_from_put(w->viewers);
    tl_engine_stats_get(w->options.engine, &stats);
    tl_web_samples_add(w->samples, &stats, &from_put, tl_io->wall_ns());
    tl_web_alerts_look(w->alerts, &stats, tl_io->wall_ns());
    tl_http_server_after(w->server, SAMPLE_NS, sample, w);
}

static void send_candles(void *arg)
{
    struct tl_web *w = arg;
    struct tl_buf json, name;
    tl_buf_init(&json, 16u << 20);
    tl_buf_init(&name, 4096);
    for (size_t i = 0; i < w->tape_count && tl_web_viewers_count(w->viewers) > 0; i++) {
        tl_buf_reset(&json);
        tl_buf_reset(&name);
        tl_web_tape_event(w->options.plan->sources[tl_web_tape_source(w->tapes[i])].name, &name);
        if (tl_web_tape_changes(w->tapes[i], &json) && !json.failed)
            tl_web_viewers_send(w->viewers, tl_buf_text(&name), tl_buf_view(&json));
    }
    tl_buf_release(&json);
    tl_buf_release(&name);
    tl_http_server_after(w->server, TAPE_NS, send_candles, w);
}

/* On the loop, from where timers can be armed. */
static void begin(void *arg)
{
    sample(arg);
    send_candles(arg);
}

static bool tapes_open(struct tl_web *w, struct tl_error *error)
{
    const struct tl_plan *plan = w->options.plan;
    struct tl_web_tape_columns columns;
    w->tapes = calloc(plan->source_count + 1, sizeof *w->tapes);
    if (!w->tapes)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for candles");
    for (size_t i = 0; i < plan->source_count; i++) {
        if (!tl_web_tape_columns(plan, i, &columns))
            continue;
        if (!tl_web_tape_open(&w->tapes[w->tape_count], plan, i, &w->options.kinesis, error))
            return false;
        w->tape_count++;
    }
    return true;
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
    struct tl_http_server_options server = { .name = "page", .body_max = BODY_MAX, .check_host = true, .hosts = o->hosts,
                                             .host_count = o->host_count, .handler = tl_web_handle, .user = w };
    w->samples = calloc(1, sizeof *w->samples);
    if (!w->samples)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for the page's server");
    return tl_web_session_init(&w->session, o->token, error) && tl_web_alerts_new(&w->alerts, o->plan, o->engine, o->alerts_path, error) &&
           tl_web_viewers_new(&w->viewers, &viewers, error) && tapes_open(w, error) &&
           tl_http_server_open(&w->server, o->listen, &server, error) && tl_web_jobs_open(&w->jobs, w->server, error);
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
    if (!w->session.wanted && !tl_web_is_loopback(options->listen)) {
        tl_web_close(w);
        return tl_error_set(error, TL_DENIED, "'%s' can be reached by others: that needs a token", options->listen);
    }
    w->facts = (struct tl_web_facts){ .plan = options->plan, .synthetic = options->synthetic, .started_ns = tl_io->wall_ns(),
                                      .aws_endpoint = w->options.aws_endpoint,
                                      .profile = w->options.profile ? w->options.profile : default_profile(options->plan) };
    tl_web_viewers_start(w->viewers, w->server);
    /* The loop runs since the server was opened; only now has it all it needs. */
    __atomic_store_n(&w->ready, true, __ATOMIC_RELEASE);
    if (!tl_http_server_post(w->server, begin, w)) {
        tl_web_close(w);
        return tl_error_set(error, TL_STOPPED, "the page's server is closing");
    }
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
    if (w->jobs)
        tl_web_jobs_stop(w->jobs);
    if (w->server)
        tl_http_server_close(w->server, GRACE_NS);
    for (size_t i = 0; i < w->tape_count; i++)
        tl_web_tape_close(w->tapes[i]);
    tl_web_jobs_free(w->jobs);
    tl_web_viewers_free(w->viewers);
    free(w->tapes);
    free(w->samples);
    tl_web_alerts_free(w->alerts);
    free((char *)w->options.listen);
    free((char *)w->options.lake_root);
    free((char *)w->options.aws_endpoint);
    free((char *)w->options.profile);
    free(w);
}
