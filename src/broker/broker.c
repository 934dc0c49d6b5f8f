/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/broker.h"

#include "base/file.h"
#include "base/io.h"
#include "base/log.h"
#include "base/time.h"
#include "broker/api_int.h"
#include "broker/faults.h"
#include "net/sigv4_verify.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define BODY_MAX ((size_t)16 << 20) /* 10 MiB of records, in base64, with keys */
#define OUTPUT_MAX ((size_t)4 << 20)
#define GRACE_NS (5 * TL_NS_PER_S)
#define UPDATING_NS (100 * TL_NS_PER_MS) /* seen by who looks, waited for by nobody */
#define SUBSCRIPTION_NS (300 * TL_NS_PER_S)

/* ---- life ---- */

static void stop_threads(struct tl_broker *b)
{
    tl_control_stop(b);
    tl_janitor_stop(b);
    if (b->writers_started)
        tl_commit_stop(b);
}

static bool open_storage(struct tl_broker *b, const char *data_dir, struct tl_error *error)
{
    char path[PATH_MAX];
    if (snprintf(path, sizeof path, "%s/broker", data_dir) >= (int)sizeof path - 32)
        return tl_error_sys(error, ENAMETOOLONG, "'%.200s'", data_dir);
    b->dir = strdup(path);
    if (!b->dir)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    snprintf(path, sizeof path, "%s/streams", b->dir);
    if (!tl_dir_make(path, error))
        return false;
    snprintf(path, sizeof path, "%s/streams.sqlite", b->dir);
    return tl_registry_open(&b->registry, path, error) &&
           tl_registry_key(b->registry, b->iterator_key, error) && tl_streams_load(b, error);
}

static pthread_cond_t *condition(struct tl_broker *b, size_t i)
{
    pthread_cond_t *const all[] = { &b->work,         &b->idle,     &b->janitor_work,
                                    &b->control_work, &b->job_work, &b->job_done };
    return i < TL_COUNT(all) ? all[i] : NULL;
}

static void broker_free(struct tl_broker *b)
{
    tl_subscriptions_free(b);
    tl_streams_free(b);
    tl_registry_close(b->registry);
    tl_msg_parser_free(b->parser);
    tl_faults_free(b->faults);
    tl_sigv4_keys_free(b->keys);
    tl_buf_release(&b->scratch);
    pthread_mutex_destroy(&b->control);
    pthread_mutex_destroy(&b->lock);
    pthread_mutex_destroy(&b->job_lock);
    for (size_t i = 0; condition(b, i); i++)
        pthread_cond_destroy(condition(b, i));
    free(b->rates);
    free(b->jobs);
    free(b->dir);
    free(b);
}

static void set_delays(struct tl_broker *b, int64_t delay_ns)
{
    /* By default a stream is ready when its creation is answered, and gone when its deletion is: clients that
     * wait for either look again after ten seconds only. */
    b->state_delays_ns[TL_STREAM_CREATING] = delay_ns < 0 ? 0 : delay_ns;
    b->state_delays_ns[TL_STREAM_UPDATING] = delay_ns < 0 ? UPDATING_NS : delay_ns;
    b->state_delays_ns[TL_STREAM_DELETING] = delay_ns < 0 ? 0 : delay_ns;
}

static void broker_init(struct tl_broker *b, const struct tl_broker_options *options)
{
    pthread_mutex_init(&b->control, NULL);
    pthread_mutex_init(&b->lock, NULL);
    pthread_mutex_init(&b->job_lock, NULL);
    pthread_condattr_t monotonic; /* the wall clock may be set back by hours, and a round of puts would wait for it */
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    for (size_t i = 0; condition(b, i); i++)
        pthread_cond_init(condition(b, i), &monotonic);
    pthread_condattr_destroy(&monotonic);
    tl_buf_init(&b->scratch, (size_t)64 << 20);
    b->waiting_end = &b->waiting;
    b->calls_end = &b->calls;
    b->fsync = options->fsync;
    b->other = options->other;
    b->other_body = options->other_body;
    b->other_user = options->other_user;
    b->limits = options->limits;
    b->subscription_ns = options->subscription_ns ? options->subscription_ns : SUBSCRIPTION_NS;
    set_delays(b, options->state_delay_ns);
    snprintf(b->region, sizeof b->region, "%s", options->region ? options->region : "us-east-1");
    b->commit_seconds = tl_metric_get(TL_METRIC_HISTOGRAM, "tapeline_broker_commit_seconds",
                                      "a round of group commit: writes and syncs", "");
}

static bool open_faults(struct tl_broker *b, const struct tl_broker_options *options, struct tl_error *error)
{
    if (!options->faults)
        return true;
    if (!tl_faults_new(&b->faults, options->faults, options->seed, error))
        return false;
    tl_log_warn("broker", "faults on request: %s, seed %" PRIu64, options->faults, options->seed);
    return true;
}

static void place_body(const struct tl_http_exchange *x, struct tl_http_body_place *place, void *user)
{
    struct tl_broker *b = user;
    enum tl_aws_service service = tl_aws_service_of(x);
    if (service != TL_AWS_KINESIS && b->other_body)
        b->other_body(x, service, place, b->other_user);
}

/* Requests come as soon as the server is open; their handlers want the lock, and so find b->server set. */
static bool open_server(struct tl_broker *b, const struct tl_broker_options *options, struct tl_error *error)
{
    struct tl_http_server_options http = {
        .name = "aws",
        .body_max = BODY_MAX,
        .output_max = OUTPUT_MAX,
        .handler = tl_broker_handle,
        .body_rule = place_body,
        .user = b,
        .tls_cert = options->tls_cert,
        .tls_key = options->tls_key,
        .tls_self_signed = options->tls_self_signed ? b->dir : NULL,
        .access_log = options->access_log,
    };
    struct tl_http_server *server;
    pthread_mutex_lock(&b->lock);
    bool ok = tl_http_server_open(&server, options->listen, &http, error);
    if (ok)
        b->server = server;
    pthread_mutex_unlock(&b->lock);
    return ok;
}

/* Whoever reaches the port may do everything, unless signatures are verified. What is no address is told by
 * the server. */
static bool is_local_only(const char *listen)
{
    struct in_addr v4;
    struct in6_addr v6;
    char host[64] = "";
    const char *colon = strrchr(listen, ':');
    size_t size = colon ? (size_t)(colon - listen) : 0;
    bool brackets = size > 2 && listen[0] == '[' && listen[size - 1] == ']';
    if (size == 0 || size >= sizeof host)
        return true;
    memcpy(host, listen + brackets, size - 2 * (size_t)brackets);
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return inet_pton(AF_INET6, host, &v6) != 1 || IN6_IS_ADDR_LOOPBACK(&v6);
}

static bool may_listen(const struct tl_broker_options *options, struct tl_error *error)
{
    return options->credentials || is_local_only(options->listen) ||
           tl_error_set(error, TL_INVALID,
                        "'%s' can be reached from other machines, and everybody there could do everything: "
                        "listen on 127.0.0.1, or "
                        "give the keys that are allowed (tapeline broker --credentials FILE)",
                        options->listen);
}

static bool open_memory(struct tl_broker *b, struct tl_error *error)
{
    b->rates = calloc(tl_action_count(), sizeof *b->rates);
    return (b->rates || tl_error_set(error, TL_NO_MEMORY, "out of memory")) &&
           tl_msg_parser_new(&b->parser, error);
}

bool tl_broker_open(struct tl_broker **out, const struct tl_broker_options *options, struct tl_error *error)
{
    *out = NULL;
    struct tl_broker *b = calloc(1, sizeof *b);
    if (!b)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    broker_init(b, options);
    bool ok = may_listen(options, error) && open_memory(b, error) &&
              (!options->credentials || tl_sigv4_keys_load(&b->keys, options->credentials, error)) &&
              open_faults(b, options, error) && open_storage(b, options->data_dir, error) &&
              tl_commit_start(b, error) && tl_janitor_start(b, error) && tl_control_start(b, error) &&
              open_server(b, options, error);
    if (!ok) {
        stop_threads(b);
        broker_free(b);
        return false;
    }
    *out = b;
    return true;
}

const char *tl_broker_address(const struct tl_broker *b)
{
    return tl_http_server_address(b->server);
}

bool tl_broker_ensure_stream(struct tl_broker *b, const char *name, uint32_t shards, struct tl_error *error)
{
    struct tl_registry_stream info = { .retention_hours = TL_RETENTION_HOURS_MIN,
                                       .max_record_kib = TL_RECORD_KIB_MIN };
    snprintf(info.name, sizeof info.name, "%s", name);
    pthread_mutex_lock(&b->control);
    pthread_mutex_lock(&b->lock);
    struct tl_broker_stream *s = tl_stream_find_locked(b, tl_view_of(name));
    bool deleting = s && s->info.deleting;
    pthread_mutex_unlock(&b->lock);
    bool ok = true;
    if (deleting)
        ok =
            tl_error_set(error, TL_CONFLICT, "the stream '%s' is being deleted: try again in a moment", name);
    else if (!s)
        ok = tl_stream_create(b, &info, shards, NULL, NULL, error);
    pthread_mutex_unlock(&b->control);
    return ok;
}

static bool is_drained(const struct tl_broker *b)
{
    return b->commit_idle && !b->waiting && !b->dirty && !b->calls && !b->control_busy;
}

void tl_broker_close(struct tl_broker *b)
{
    if (!b)
        return;
    /* From here on changes are refused. What was taken is written, and answered while the server still has
     * its connections; then no thread is left that could hand it anything. */
    pthread_mutex_lock(&b->lock);
    b->draining = true;
    pthread_cond_broadcast(&b->work);
    while (!is_drained(b))
        pthread_cond_wait(&b->idle, &b->lock);
    pthread_mutex_unlock(&b->lock);
    stop_threads(b);
    tl_http_server_close(b->server, GRACE_NS);
    broker_free(b);
}
