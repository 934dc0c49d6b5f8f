/* SPDX-License-Identifier: Apache-2.0 */
/* lake/lake_verify.h: do the lake's files, its catalog, the Glue catalog and a pipeline's checkpoint tell the same? Reads only. */
#pragma once

#include "lake/glue.h"

struct tl_lake_verify_options {
    struct tl_store *lake;
    struct tl_glue *glue; /* NULL: there is none */
    /* The pipeline's outputs, whose files are named by epochs: paths in the lake, and the newest committed epoch. */
    const char *const *epoch_paths;
    size_t epoch_path_count;
    bool has_commit;
    uint64_t committed;
    bool has_intent; /* the epoch after it has begun: its files may be there */
    const char *const *committed_files; /* what the newest commit lists */
    size_t committed_file_count;
};
struct tl_lake_verify_result {
    struct tl_buf lines; /* a difference a line: what, and where; released by the caller */
    uint64_t differences; /* all; lines may hold fewer */
    uint64_t tables, files, partitions;
};
TL_MUST_USE bool tl_lake_verify(const struct tl_lake_verify_options *options, struct tl_lake_verify_result *result, struct tl_error *error);
