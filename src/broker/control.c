/* SPDX-License-Identifier: Apache-2.0 */
/* broker/control.c: one thread for the calls that change what streams there are. They wait for the disk (the
 * registry), so they do not run on the loop; they run one after another, so that each sees what the one
 * before did. */
#include "base/io.h"
#include "base/log.h"
#include "base/time.h"
#include "broker/api_int.h"
#include "broker/faults.h"

#include <stdio.h>
#include <stdlib.h>

#define ANSWER_MAX ((size_t)64 << 20)

struct tl_control_call {
    struct tl_api_call call;
    struct tl_buf out;
    bool ok;
    struct tl_control_call *next;
};

void tl_control_submit_locked(struct tl_api_call *call)
{
    struct tl_broker *b = call->broker;
    struct tl_control_call *c = calloc(1, sizeof *c);
    if (!c) {
        tl_api_out_of_memory(call);
        return;
    }
    c->call = *call;
    *b->calls_end = c;
    b->calls_end = &c->next;
    call->parked = true;
    pthread_cond_signal(&b->control_work);
}

/* On the loop thread. */
static void answer(void *arg)
{
    struct tl_control_call *c = arg;
    struct tl_api_call *call = &c->call;
    if (c->ok)
        tl_broker_answer(call->broker, call->exchange, call->wire, NULL, &c->out);
    else
        tl_broker_answer_failed(call->broker, call->exchange, call->wire, call->error_type, call->message);
    tl_buf_release(&c->out);
    free(c);
}

static void run(struct tl_broker *b, struct tl_control_call *c, struct tl_msg_parser *parser)
{
    struct tl_api_call *call = &c->call;
    tl_buf_init(&c->out, ANSWER_MAX);
    call->out = &c->out;
    pthread_mutex_lock(&b->control);
    pthread_mutex_lock(&b->lock);
    c->ok = tl_api_parse(call, parser) && tl_api_run(call);
    pthread_mutex_unlock(&b->lock);
    pthread_mutex_unlock(&b->control);
    if (!tl_http_server_post(b->server, answer, c)) { /* the server is closing: there is nobody to answer */
        tl_buf_release(&c->out);
        free(c);
    }
}

/* Until the next fault 'reshard' is due, or a call comes. */
static void wait_for_call_locked(struct tl_broker *b, int64_t *reshard_at)
{
    int64_t now = tl_io->monotonic_ns();
    if (!b->faults || !*reshard_at) {
        pthread_cond_wait(&b->control_work, &b->lock);
        return;
    }
    if (now >= *reshard_at) {
        pthread_mutex_unlock(&b->lock);
        pthread_mutex_lock(&b->control);
        tl_fault_reshard(b);
        pthread_mutex_unlock(&b->control);
        pthread_mutex_lock(&b->lock);
        *reshard_at = now + tl_faults_reshard_ns(b->faults);
        return;
    }
    struct timespec when = { *reshard_at / TL_NS_PER_S, *reshard_at % TL_NS_PER_S };
    pthread_cond_timedwait(&b->control_work, &b->lock, &when);
}

static void *control_thread(void *arg)
{
    struct tl_broker *b = arg;
    int64_t reshard_ns = tl_faults_reshard_ns(b->faults),
            reshard_at = reshard_ns ? tl_io->monotonic_ns() + reshard_ns : 0;
    struct tl_msg_parser *parser;
    struct tl_error error;
    while (!tl_msg_parser_new(&parser, &error)) /* memory comes back, or the process is lost anyway */
        tl_io->sleep_ns(100000000);
    pthread_mutex_lock(&b->lock);
    while (b->calls || !b->control_stop) {
        struct tl_control_call *c = b->calls;
        b->control_busy = c != NULL;
        if (!c) {
            pthread_cond_broadcast(&b->idle);
            wait_for_call_locked(b, &reshard_at);
            continue;
        }
        b->calls = c->next;
        if (!b->calls)
            b->calls_end = &b->calls;
        pthread_mutex_unlock(&b->lock);
        run(b, c, parser);
        pthread_mutex_lock(&b->lock);
    }
    b->control_busy = false;
    pthread_mutex_unlock(&b->lock);
    tl_msg_parser_free(parser);
    return NULL;
}

bool tl_control_start(struct tl_broker *b, struct tl_error *error)
{
    int failed = pthread_create(&b->controller, NULL, control_thread, b);
    b->control_started = !failed;
    return !failed || tl_error_sys(error, failed, "cannot start a thread");
}

void tl_control_stop(struct tl_broker *b)
{
    if (!b->control_started)
        return;
    pthread_mutex_lock(&b->lock);
    b->control_stop = true;
    pthread_cond_broadcast(&b->control_work);
    pthread_mutex_unlock(&b->lock);
    pthread_join(b->controller, NULL);
    b->control_started = false;
}

/* ---- what the handlers need ---- */

static bool transact(struct tl_registry *r, tl_api_change *change, const void *arg, struct tl_error *error)
{
    if (!tl_registry_begin(r, error))
        return false;
    if (change(r, arg, error))
        return tl_registry_commit(r, error);
    tl_registry_rollback(r);
    return false;
}

bool tl_api_store(struct tl_api_call *call, tl_api_change *change, const void *arg)
{
    struct tl_broker *b = call->broker;
    struct tl_error error;
    pthread_mutex_unlock(&b->lock);
    bool ok = transact(b->registry, change, arg, &error);
    pthread_mutex_lock(&b->lock);
    return ok || tl_api_fail_internal(call, &error);
}

static bool save(struct tl_registry *r, const void *arg, struct tl_error *error)
{
    return tl_registry_save_stream(r, arg, error);
}

bool tl_api_save_stream(struct tl_api_call *call, struct tl_broker_stream *s, struct tl_registry_stream *next)
{
    if (!tl_api_store(call, save, next)) {
        if (next->key_id != s->info.key_id)
            free(next->key_id);
        return false;
    }
    if (next->key_id != s->info.key_id)
        free(s->info.key_id);
    call->broker->on_demand_streams += (size_t)next->on_demand - (size_t)s->info.on_demand;
    s->info = *next;
    return true;
}
