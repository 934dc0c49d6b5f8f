/* SPDX-License-Identifier: Apache-2.0 */
/* lake/batch_glue.h: the tables of the batch layers, told to AWS Glue (lake/glue.h). */
#pragma once

#include "lake/glue.h"

/* Tells Glue of the tables ("processed.stocks") as the lake's own catalog has them, with the partitions that have files, and without others;
 * a table that the catalog does not know is passed over. Again it changes nothing, and after a break in the middle it completes it.
 * options NULL: there is no Glue. */
TL_MUST_USE bool tl_batch_glue_tell(const struct tl_glue_options *options, struct tl_store *lake, const char *const *tables, size_t count,
                                    struct tl_error *error);
