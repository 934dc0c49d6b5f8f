/* SPDX-License-Identifier: Apache-2.0 */
/* engine/ledger.h: every record accounted for (rule 9). */
#pragma once

#include "engine/engine_int.h"

/* The sums over all shards, as of now. The gate is closed, or no worker runs. */
struct tl_ledger tl_ledger_sum(const struct tl_engine *e);
/* Rule 9 for each view: what was received is aggregated, late, malformed, duplicate or filtered; and what was aggregated lies in
 * rows written, in closed (by view; NULL: none) or in open windows. A breach is TL_CORRUPT: a fault of
 * tapeline itself, and no further commit may hide it. */
TL_MUST_USE bool tl_ledger_check(const struct tl_engine *e, const struct tl_closed *closed,
                                 struct tl_error *error);
