/* SPDX-License-Identifier: Apache-2.0 */
/* cli/batch_runner.h: the batch tables of a pipeline file, made in the order in which they read each other. */
#pragma once

#include "engine/plan.h"
#include "lake/store.h"

/* only: the index of the one table, or SIZE_MAX for all. Says on stderr what was done. TL_STOPPED after *cancel. */
TL_MUST_USE bool tl_batches_build(const struct tl_plan *plan, size_t only, const char *lake_root, bool full, const bool *cancel,
                                  struct tl_error *error);
/* Where ingested prices are in the lake and curated/stocks_features has none, or synthetic ones: builds the tables of the built-in
 * pipelines/lakehouse.sql. *built says whether it did. */
TL_MUST_USE bool tl_batches_build_history(struct tl_store *lake, const bool *cancel, bool *built, struct tl_error *error);
