/* SPDX-License-Identifier: Apache-2.0 */
/* broker/faults.h: faults on request, for testing any client: throttles, partial failures, latency, and so
 * on.
 *
 * Every kind draws from a row of its own, made from the seed: the n-th chance of a kind is decided the same
 * every time. Of NULL (no faults asked for) every function says no. Used with the broker's lock held or on
 * the loop thread, as told. */
#pragma once

#include "base/error.h"

#include <stdint.h>

struct tl_faults;
/* spec: "throttle=0.05,partial=0.1,latency=5ms..50ms,reshard=30s". P is a chance between 0 and 1:
 *   throttle=P  a call is refused with the exception that its limits have
 *   error=P     a call fails with InternalFailure (500)
 *   partial=P   a record of a put is refused
 *   expire=P    GetRecords finds its iterator expired
 *   drop=P      the connection is closed before the call is looked at
 *   lose=P      the call is done, and the connection closed instead of an answer
 *   latency=T or T..T   a call waits so long before it is looked at
 *   reshard=T   about this often some shard of some stream is split or merged */
TL_MUST_USE bool tl_faults_new(struct tl_faults **out, const char *spec, uint64_t seed,
                               struct tl_error *error);
void tl_faults_free(struct tl_faults *f);

bool tl_faults_throttle(struct tl_faults *f);
bool tl_faults_fail(struct tl_faults *f);
bool tl_faults_refuse_record(struct tl_faults *f);
bool tl_faults_expire_iterator(struct tl_faults *f);
bool tl_faults_drop(struct tl_faults *f);
bool tl_faults_lose(struct tl_faults *f);
int64_t tl_faults_latency_ns(struct tl_faults *f); /* 0: none */
/* How long until the next reshard; 0: never. For one thread. */
int64_t tl_faults_reshard_ns(struct tl_faults *f);
/* A number below n, for choosing what is resharded. For the same thread. */
uint64_t tl_faults_choose(struct tl_faults *f, uint64_t n);
