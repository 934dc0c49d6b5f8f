/* SPDX-License-Identifier: Apache-2.0 */
/* query/confine.h: takes from this process all that a query over the lake does not need (docs/internals/confinement.md). */
#pragma once

#include "base/error.h"

#include <stdint.h>

struct tl_confine_options {
    const char *root;     /* the one folder that stays readable */
    size_t memory_max;    /* bytes of private memory */
    int64_t timeout_ns;   /* processor time, two seconds added */
};
/* First, while there is one thread: limits, no new privileges, no network, files below root to be read and no others. */
TL_MUST_USE bool tl_confine_process(const struct tl_confine_options *options, struct tl_error *error);
/* Then, for all threads there are: system calls that write files, start programs, open sockets or look into other processes fail. */
TL_MUST_USE bool tl_confine_calls(struct tl_error *error);
