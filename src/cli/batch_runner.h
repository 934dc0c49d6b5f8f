/* SPDX-License-Identifier: Apache-2.0 */
/* cli/batch_runner.h: the batch tables of a pipeline file, made in the order in which they read each other. */
#pragma once

#include "engine/plan.h"
#include "lake/batch_table.h"
#include "lake/glue.h"

struct tl_batches {
    struct tl_store *lake;
    const struct tl_glue_options *glue; /* who is told of the tables; NULL: nobody */
    struct tl_batch_options options;
};
/* only: the index of the one table, or SIZE_MAX for all. Says on stderr what was done. TL_STOPPED after *cancel. */
TL_MUST_USE bool tl_batches_build(const struct tl_batches *b, const struct tl_plan *plan, size_t only, struct tl_error *error);
/* Where ingested prices are in the lake and curated/stocks_features has none, or synthetic ones: builds the tables of the built-in
 * pipelines/lakehouse.sql. *built says whether it did. */
TL_MUST_USE bool tl_batches_build_history(const struct tl_batches *b, bool *built, struct tl_error *error);
