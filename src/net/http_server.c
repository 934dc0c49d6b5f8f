/* SPDX-License-Identifier: Apache-2.0 */
/* net/http_server.c: the server's life: listening, the loop thread, what other threads post to it, closing.
 */
#include "base/grow.h"
#include "base/io.h"
#include "base/log.h"
#include "base/time.h"
#include "net/http2.h"
#include "net/tls.h"

#include <errno.h>
#include <event2/thread.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define POSTED_MAX ((size_t)1 << 20)
#define OUTPUT_MAX_DEFAULT ((size_t)1 << 20)
#define CONNECTIONS_MAX_DEFAULT 1024
#define HEADER_TIMEOUT_NS_DEFAULT (10 * TL_NS_PER_S)
#define IDLE_TIMEOUT_NS_DEFAULT (60 * TL_NS_PER_S)

static pthread_once_t once = PTHREAD_ONCE_INIT;

static void init_libevent(void)
{
    evthread_use_pthreads();
}

/* ---- posted functions ---- */

bool tl_http_server_post(struct tl_http_server *s, tl_http_posted *fn, void *arg)
{
    pthread_mutex_lock(&s->lock);
    bool ok = s->accepts_posts && tl_grow((void **)&s->posted, &s->posted_cap, s->posted_count + 1,
                                          sizeof *s->posted, POSTED_MAX);
    if (ok)
        s->posted[s->posted_count++] = (struct tl_http_posted){ fn, arg };
    bool first = ok && s->posted_count == 1;
    pthread_mutex_unlock(&s->lock);
    if (first) /* later ones ride on the same wake-up */
        event_active(s->wakeup, EV_TIMEOUT, 0);
    return ok;
}

static void run_posted(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct tl_http_server *s = arg;
    pthread_mutex_lock(&s->lock);
    struct tl_http_posted *batch = s->posted;
    size_t count = s->posted_count;
    s->posted = NULL;
    s->posted_count = s->posted_cap = 0;
    pthread_mutex_unlock(&s->lock);
    for (size_t i = 0; i < count; i++)
        batch[i].fn(batch[i].arg);
    free(batch);
}

/* A function that waits for its time; in the server's list, so that closing frees those that never ran. */
struct tl_http_delayed {
    struct tl_http_server *server;
    struct tl_http_delayed *next, *previous;
    struct event *timer;
    tl_http_posted *fn;
    void *arg;
};

static void delayed_free(struct tl_http_delayed *d)
{
    if (d->next)
        d->next->previous = d->previous;
    if (d->previous)
        d->previous->next = d->next;
    else
        d->server->delayed = d->next;
    event_free(d->timer);
    free(d);
}

static void run_delayed(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct tl_http_delayed *d = arg;
    tl_http_posted *run = d->fn;
    void *with = d->arg;
    delayed_free(d);
    run(with);
}

bool tl_http_server_after(struct tl_http_server *s, int64_t delay_ns, tl_http_posted *fn, void *arg)
{
    struct tl_http_delayed *d = calloc(1, sizeof *d);
    if (!d)
        return false;
    struct timeval when = { .tv_sec = delay_ns / TL_NS_PER_S,
                            .tv_usec = delay_ns % TL_NS_PER_S / TL_NS_PER_US };
    *d = (struct tl_http_delayed){ .server = s, .next = s->delayed, .fn = fn, .arg = arg };
    d->timer = event_new(s->base, -1, EV_TIMEOUT, run_delayed, d);
    if (!d->timer || event_add(d->timer, &when) != 0) {
        if (d->timer)
            event_free(d->timer);
        free(d);
        return false;
    }
    if (s->delayed)
        s->delayed->previous = d;
    s->delayed = d;
    return true;
}

/* ---- listening ---- */

static void peer_text(const struct sockaddr *address, char out[72])
{
    char host[48] = "?";
    int port = 0;
    if (address->sa_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)address;
        evutil_inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
        port = ntohs(in->sin_port);
    } else if (address->sa_family == AF_INET6) {
        const struct sockaddr_in6 *in = (const void *)address;
        evutil_inet_ntop(AF_INET6, &in->sin6_addr, host, sizeof host);
        port = ntohs(in->sin6_port);
    }
    snprintf(out, 72, address->sa_family == AF_INET6 ? "[%s]:%d" : "%s:%d", host, port);
}

/* The connection that has been open for longest of those with nothing to do, or NULL. */
static struct tl_http_connection *oldest_idle(const struct tl_http_server *s)
{
    struct tl_http_connection *found = NULL; /* the list begins with the newest */
    for (struct tl_http_connection *c = s->connections; c; c = c->next)
        if (c->known && !c->first && !c->parsing && !c->busy && tl_http_connection_output(c) == 0)
            found = c;
    return found;
}

static void accepted(struct evconnlistener *listener, evutil_socket_t fd, struct sockaddr *address, int size,
                     void *arg)
{
    (void)listener, (void)size;
    struct tl_http_server *s = arg;
    size_t max = s->options.connections_max;
    struct tl_http_connection *idle = s->connection_count >= max ? oldest_idle(s) : NULL;
    char peer[72];
    peer_text(address, peer);
    if (idle) {
        tl_http_connection_drop(idle, "it had nothing to do, and another wants its place");
        tl_http_connection_settle(idle);
    }
    if (s->connection_count < max) {
        tl_http_connection_new(s, fd, peer);
        return;
    }
    tl_log_debug("net", "%s: refused %s: %zu connections are open", s->options.name, peer, max);
    evutil_closesocket(fd);
}

static void listen_again(void *arg)
{
    struct tl_http_server *s = arg;
    if (!s->closing)
        evconnlistener_enable(s->listener);
}

/* Out of descriptors: trying again at once would only burn the processor. */
static void accept_failed(struct evconnlistener *listener, void *arg)
{
    struct tl_http_server *s = arg;
    tl_log_warn("net", "%s: cannot accept a connection: %s", s->options.name,
                strerror(EVUTIL_SOCKET_ERROR()));
    evconnlistener_disable(listener);
    tl_http_server_after(s, 200 * TL_NS_PER_MS, listen_again, s);
}

/* "127.0.0.1:8080", "[::1]:8080", "localhost:8080"; port 0 takes a free one (which libevent's own parser
 * refuses). */
static bool parse_address(const char *text, struct sockaddr_storage *out, int *size, struct tl_error *error)
{
    const char *colon = strrchr(text, ':');
    struct tl_view host = { text, colon ? (size_t)(colon - text) : 0 };
    uint64_t port = 65536;
    char name[64] = "";
    bool v6 = host.size > 2 && host.data[0] == '[' && host.data[host.size - 1] == ']';
    if (v6)
        host = (struct tl_view){ host.data + 1, host.size - 2 };
    if (host.size && host.size < sizeof name)
        memcpy(name, host.data, host.size);
    struct sockaddr_in *in = (struct sockaddr_in *)out;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;
    *out = (struct sockaddr_storage){ .ss_family = v6 ? AF_INET6 : AF_INET };
    *size = v6 ? sizeof *in6 : sizeof *in;
    void *address = v6 ? (void *)&in6->sin6_addr : (void *)&in->sin_addr;
    bool good = colon && tl_view_to_u64(tl_view_of(colon + 1), &port) && port < 65536 &&
                evutil_inet_pton(v6 ? AF_INET6 : AF_INET, strcmp(name, "localhost") == 0 ? "127.0.0.1" : name,
                                 address) == 1;
    if (v6)
        in6->sin6_port = htons((uint16_t)port);
    else
        in->sin_port = htons((uint16_t)port);
    return good || tl_error_set(error, TL_INVALID,
                                "'%s' is not an address such as 127.0.0.1:8080 or [::1]:8080", text);
}

static void note_address(struct tl_http_server *s)
{
    struct sockaddr_storage bound;
    socklen_t size = sizeof bound;
    getsockname(evconnlistener_get_fd(s->listener), (struct sockaddr *)&bound, &size);
    peer_text((struct sockaddr *)&bound, s->address);
    const char *colon = strrchr(s->address, ':');
    uint64_t port = 0;
    if (tl_view_to_u64(tl_view_of(colon + 1), &port))
        s->port = (int)port;
    snprintf(s->bound_host, sizeof s->bound_host, "%.*s", (int)(colon - s->address), s->address);
}

static bool start_listening(struct tl_http_server *s, const char *text, struct tl_error *error)
{
    struct sockaddr_storage address;
    int size;
    if (!parse_address(text, &address, &size, error))
        return false;
    s->listener = evconnlistener_new_bind(s->base, accepted, s,
                                          LEV_OPT_CLOSE_ON_FREE | LEV_OPT_REUSEABLE | LEV_OPT_CLOSE_ON_EXEC,
                                          512, (struct sockaddr *)&address, size);
    if (!s->listener) {
        int failed = errno;
        if (failed == EADDRINUSE)
            return tl_error_set(
                error, TL_CONFLICT,
                "cannot listen on %s: another program uses that port (stop it, or choose another address)",
                text);
        return tl_error_sys(error, failed, "cannot listen on %s", text);
    }
    evconnlistener_set_error_cb(s->listener, accept_failed);
    note_address(s);
    return true;
}

/* ---- life ---- */

static void *loop_thread(void *arg)
{
    struct tl_http_server *s = arg;
    sigset_t pipe; /* a client that has gone is an error of the write */
    sigemptyset(&pipe);
    sigaddset(&pipe, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe, NULL);
    event_base_loop(s->base, EVLOOP_NO_EXIT_ON_EMPTY);
    return NULL;
}

static void set_defaults(struct tl_http_server_options *o)
{
    if (!o->output_max)
        o->output_max = OUTPUT_MAX_DEFAULT;
    if (!o->connections_max)
        o->connections_max = CONNECTIONS_MAX_DEFAULT;
    if (o->header_timeout_ns <= 0)
        o->header_timeout_ns = HEADER_TIMEOUT_NS_DEFAULT;
    if (o->idle_timeout_ns <= 0)
        o->idle_timeout_ns = IDLE_TIMEOUT_NS_DEFAULT;
}

static bool copy_options(struct tl_http_server *s, const struct tl_http_server_options *options)
{
    s->options = *options;
    set_defaults(&s->options);
    s->hosts = calloc(options->host_count + 1, sizeof *s->hosts);
    for (; s->hosts && s->host_count < options->host_count; s->host_count++)
        if (!(s->hosts[s->host_count] = strdup(options->hosts[s->host_count])))
            return false;
    return s->hosts != NULL;
}

static void server_free(struct tl_http_server *s)
{
    while (s->delayed)
        delayed_free(s->delayed);
    tl_http_access_log_close(s->access_log);
    if (s->listener)
        evconnlistener_free(s->listener);
    if (s->wakeup)
        event_free(s->wakeup);
    if (s->tick)
        event_free(s->tick);
    if (s->base)
        event_base_free(s->base);
    tl_tls_free(s->tls);
    for (size_t i = 0; i < s->host_count; i++)
        free(s->hosts[i]);
    free(s->hosts);
    free(s->posted);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

static bool open_tls(struct tl_http_server *s, struct tl_error *error)
{
    const struct tl_http_server_options *o = &s->options;
    if (o->tls_self_signed && !o->tls_cert && !o->tls_key)
        return tl_tls_open_self_signed(&s->tls, o->tls_self_signed, error);
    if (o->tls_self_signed)
        return tl_error_set(error, TL_INVALID, "either a certificate is given, or one is made: not both");
    if (o->tls_cert || o->tls_key)
        return tl_tls_open(&s->tls, o->tls_cert, o->tls_key, error);
    return !o->tls_only || tl_error_set(error, TL_INVALID, "TLS only, but without a certificate: give one");
}

static bool open_log(struct tl_http_server *s, struct tl_error *error)
{
    const struct tl_http_server_options *o = &s->options;
    return !o->access_log || tl_http_access_log_open(&s->access_log, o->access_log, o->name, s->base, error);
}

static void register_metrics(struct tl_http_server *s)
{
    char label[64];
    snprintf(label, sizeof label, "server=\"%s\"", s->options.name);
    s->requests = tl_metric_get(TL_METRIC_COUNTER, "tapeline_http_requests_total", "requests handled", label);
    s->connected = tl_metric_get(TL_METRIC_GAUGE, "tapeline_http_connections", "open connections", label);
}

bool tl_http_server_open(struct tl_http_server **out, const char *address,
                         const struct tl_http_server_options *options, struct tl_error *error)
{
    pthread_once(&once, init_libevent);
    *out = NULL;
    struct tl_http_server *s = calloc(1, sizeof *s);
    if (!s)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    pthread_mutex_init(&s->lock, NULL);
    s->accepts_posts = true;
    bool ok = copy_options(s, options);
    s->base = ok ? event_base_new() : NULL;
    s->wakeup = s->base ? event_new(s->base, -1, 0, run_posted, s) : NULL;
    if (!s->wakeup)
        ok = tl_error_set(error, TL_NO_MEMORY, "out of memory");
    ok = ok && open_tls(s, error) && open_log(s, error) && start_listening(s, address, error);
    if (ok) {
        register_metrics(s);
        int failed = pthread_create(&s->thread, NULL, loop_thread, s);
        if (failed)
            ok = tl_error_sys(error, failed, "cannot start a thread");
    }
    if (ok)
        *out = s;
    else
        server_free(s);
    return ok;
}

int tl_http_server_port(const struct tl_http_server *s)
{
    return s->port;
}

const char *tl_http_server_address(const struct tl_http_server *s)
{
    return s->address;
}

static struct tl_http_exchange *open_stream(const struct tl_http_connection *c)
{
    struct tl_http_exchange *x = c->first;
    while (x && !(x->streaming && !x->complete && x->on_close))
        x = x->next;
    return x;
}

/* Streams never end by themselves: their owners are told once that the server closes. Each may end others as
 * well, so the search begins anew. */
static void end_streams(struct tl_http_connection *c)
{
    struct tl_http_exchange *x;
    c->busy = true; /* the connection must not go in between */
    while ((x = open_stream(c)) != NULL) {
        tl_http_posted *told = x->on_close;
        x->on_close = NULL;
        told(x->user);
    }
    c->busy = false;
}

static void begin_close_of_connections(struct tl_http_server *s)
{
    for (struct tl_http_connection *c = s->connections, *next; c; c = next) {
        next = c->next;
        end_streams(c);
        if (c->h2)
            tl_http2_drain(c->h2);
        tl_http_connection_flush(c);
        tl_http_connection_settle(c);
    }
}

static void close_step(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct tl_http_server *s = arg;
    for (struct tl_http_connection *c = s->connections, *next; c; c = next) {
        next = c->next;
        if (!c->first && tl_http_connection_output(c) == 0)
            tl_http_connection_free(c);
    }
    if (s->connections && tl_io->monotonic_ns() < s->close_at_ns)
        return;
    pthread_mutex_lock(&s->lock);
    s->accepts_posts = false;
    pthread_mutex_unlock(&s->lock);
    run_posted(-1, 0, s);
    while (s->connections)
        tl_http_connection_free(s->connections);
    event_base_loopbreak(s->base);
}

static void begin_close(void *arg)
{
    struct tl_http_server *s = arg;
    s->closing = true;
    evconnlistener_disable(s->listener);
    begin_close_of_connections(s);
    struct timeval step = { .tv_usec = 5000 };
    s->tick = event_new(s->base, -1, EV_PERSIST, close_step, s);
    if (s->tick)
        event_add(s->tick, &step);
    close_step(-1, 0, s);
}

void tl_http_server_close(struct tl_http_server *s, int64_t grace_ns)
{
    if (!s)
        return;
    s->close_at_ns = tl_io->monotonic_ns() + grace_ns;
    if (!tl_http_server_post(s, begin_close, s))
        event_base_loopbreak(s->base);
    pthread_join(s->thread, NULL);
    server_free(s);
}
