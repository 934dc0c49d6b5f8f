/* SPDX-License-Identifier: Apache-2.0 */
/* engine/gate.h: where workers and the engine's thread meet.
 *
 * A worker is inside the gate while it changes shards: per batch, never per record. The engine's thread
 * closes the gate, waits until all are out, looks at or changes whatever it wants, and opens it again; so
 * shards need no other lock. The bell wakes the engine's thread.
 *
 * I1: while closed and inside == 0, no worker touches a shard. I2: only one thread closes and opens. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

struct tl_gate {
    pthread_mutex_t lock;
    pthread_cond_t opened, empty, bell;
    unsigned inside;
    bool closed, rung;
};

void tl_gate_init(struct tl_gate *g);
void tl_gate_release(struct tl_gate *g);
void tl_gate_enter(struct tl_gate *g); /* worker: waits while it is closed */
void tl_gate_leave(struct tl_gate *g);
void tl_gate_close(struct tl_gate *g); /* engine: returns when no worker is inside */
void tl_gate_open(struct tl_gate *g);
void tl_gate_ring(struct tl_gate *g);
void tl_gate_wait_bell(struct tl_gate *g, int64_t timeout_ns);
/* A condition that waits by the monotonic clock, and the wait. The caller holds the lock. */
void tl_cond_init(pthread_cond_t *cond);
void tl_cond_wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t monotonic_ns);
