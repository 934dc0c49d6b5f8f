/* SPDX-License-Identifier: Apache-2.0 */
/* engine/recover.h: starts that find what no crash leaves: a damaged intent, and a lake whose checkpoint is gone. */
#pragma once

#include "engine/engine_int.h"

/* error says why the intent of the epoch after the last commit cannot be read. Where nothing shows that this epoch was committed, it is
 * begun anew: the files that it has written are removed first, since with other positions other files would be written beside them.
 * Otherwise false, with the same error. */
TL_MUST_USE bool tl_recover_damaged_intent(struct tl_engine *e, uint64_t epoch, struct tl_error *error);
/* For a start without any record: TL_CONFLICT when the lake holds files of this pipeline's sinks. It would number its epochs anew, and
 * write some of their files over and leave others. */
TL_MUST_USE bool tl_recover_check_lake(struct tl_engine *e, struct tl_error *error);
