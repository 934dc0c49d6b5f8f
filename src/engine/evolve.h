/* SPDX-License-Identifier: Apache-2.0 */
/* engine/evolve.h: a pipeline whose file has changed since its checkpoint: columns may be added to its sources (nullable ones) and to its views,
 * at any place, and nothing else that decides rows; but not to one of sessions that another view reads.
 *
 * A commit tells its plan's parts by name and by what they mean, whatever their numbers in the plan: an aggregate is its kind and what it
 * takes, down to declared columns. What was added has not seen the records before: of windows that had begun it is NULL (valid_from of
 * engine/view_exec.h), as it is of a view's windows that such rows of the view above may fall into, and all of the others have it whole. */
#pragma once

#include "engine/engine_int.h"

/* Adds the parts of the plan, with what they are valid from, as one text of the wire. */
void tl_evolve_write(const struct tl_engine *e, struct tl_buf *out);
/* Reads what tl_evolve_write wrote; same: the plan is the very same. Else TL_INVALID names what changed and what to do. Until tl_evolve_end the
 * views' layouts read the accumulators of the commit's plan. */
TL_MUST_USE bool tl_evolve_read(struct tl_engine *e, struct tl_view parts, bool same, struct tl_error *error);
/* After the states were read: from which windows on what was added is whole. Also after a failure. */
void tl_evolve_end(struct tl_engine *e);
