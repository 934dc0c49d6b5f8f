/* SPDX-License-Identifier: Apache-2.0 */
/* cli/feed_check.h: do the columns of a feed's SELECT make records that its source accepts? Asked before the
 * first is sent. */
#pragma once

#include "engine/plan.h"

/* *key: the partition key's column. */
TL_MUST_USE bool tl_feed_check(const struct tl_plan *plan, const struct tl_feed_plan *feed,
                               const struct tl_column_def *columns, size_t count, size_t *key,
                               struct tl_error *error);
/* The error for a feed without rows: names the lake's path in its SELECT, and what makes history. Always
 * false. */
bool tl_feed_no_history(const struct tl_feed_plan *feed, struct tl_error *error);
