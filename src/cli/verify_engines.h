/* SPDX-License-Identifier: Apache-2.0 */
/* cli/verify_engines.h: 'tapeline verify FILE --engines tapeline,spark --input GLOB': the same recorded input through each engine, and
 * the rows compared with tapeline's. */
#pragma once

#include "cli/engine_request.h"

struct tl_verify_engines {
    const struct tl_plan *plan;
    struct tl_export_options export;
    const char *engines; /* "tapeline,spark" */
    const char *const *patterns;
    size_t pattern_count;
    const char *master;               /* Spark's */
    const char *jobmanager, *gateway; /* Flink's */
    double ulps;  /* the most that rule 8 explains */
};
/* Tells everything on stdout. TL_EXIT_FAILED where a difference is explained by no rule. */
int tl_verify_engines_run(const struct tl_verify_engines *v);
