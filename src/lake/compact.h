/* SPDX-License-Identifier: Apache-2.0 */
/* lake/compact.h: many small files of a partition into one, without a reader ever seeing a row twice or not at all.
 *
 * A plain table: the merged file is put under <path>/_merged/, where listers do not look, then the list of lake/merged.h changes, then, after
 * keep_ns, the small ones are deleted. The files of the table's newest epoch stay as they are: a crash may have them written again.
 * A Delta table: one commit removes and adds; the small files stay for readers of older versions. One compaction of a table at a time. */
#pragma once

#include "lake/duck.h"
#include "lake/store.h"

struct tl_compact_options {
    size_t min_files; /* fewer small files in a partition are left alone; at least 2 */
    int64_t keep_ns;  /* how long what was replaced stays for readers that have begun */
};
struct tl_compact_stats {
    size_t partitions, merged, into, deleted; /* partitions looked at; files merged, into how many; files deleted */
};
TL_MUST_USE bool tl_compact_table(struct tl_store *store, struct tl_duck *duck, const char *path, const struct tl_compact_options *options,
                                  struct tl_compact_stats *stats, struct tl_error *error);
