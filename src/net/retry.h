/* SPDX-License-Identifier: Apache-2.0 */
/* net/retry.h: exponential back-off with full jitter: attempt n waits a random time in [0, min(cap, base * 2^n)]. */
#pragma once

#include <stdint.h>

int64_t tl_retry_delay_ns(unsigned attempt, int64_t base_ns, int64_t cap_ns);
