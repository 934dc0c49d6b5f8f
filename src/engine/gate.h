/* SPDX-License-Identifier: Apache-2.0 */
/* engine/gate.h: where workers and the engine's thread meet.
 *
 * A worker is inside the gate while it changes shards: per batch, never per record. The engine's thread
 * closes the gate, waits until all are out, looks at or changes whatever it wants, and opens it again; so
 * shards need no other lock. The bell wakes the engine's thread.
 *
 * Workers that wait at the closed gate can be given a part of the engine's work (tl_gate_share).
 *
 * I1: while closed and inside == 0, no worker touches a shard of its own accord. I2: only one thread closes and opens, and shares. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void tl_gate_part(void *user, size_t part);
struct tl_gate {
    pthread_mutex_t lock;
    pthread_cond_t opened, empty, bell;
    unsigned inside;
    bool closed, rung, alarmed;
    pthread_cond_t shared;  /* the last part is done */
    tl_gate_part *part;     /* parts next and beyond are nobody's yet */
    void *user;
    size_t next, count, done;
};

void tl_gate_init(struct tl_gate *g);
void tl_gate_release(struct tl_gate *g);
void tl_gate_enter(struct tl_gate *g); /* worker: waits while it is closed */
void tl_gate_leave(struct tl_gate *g);
void tl_gate_close(struct tl_gate *g); /* engine: returns when no worker is inside */
void tl_gate_open(struct tl_gate *g);
/* Does all of count parts, on this thread and on workers that wait at the gate, each part once; the parts must not depend on each
 * other. Returns when all are done. The engine's thread; the gate is closed, or no worker runs (then it does all alone). */
void tl_gate_share(struct tl_gate *g, tl_gate_part *part, void *user, size_t count);
void tl_gate_ring(struct tl_gate *g);
void tl_gate_alarm(struct tl_gate *g); /* rings, and ends a rest too */
void tl_gate_wait_bell(struct tl_gate *g, int64_t timeout_ns);
void tl_gate_rest(struct tl_gate *g, int64_t ns); /* so long, whatever rings, or until the alarm */
/* A condition that waits by the monotonic clock, and the wait. The caller holds the lock. False: the time has come. */
void tl_cond_init(pthread_cond_t *cond);
bool tl_cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t monotonic_ns);
