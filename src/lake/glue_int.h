/* SPDX-License-Identifier: Apache-2.0 */
/* lake/glue_int.h: inside the Glue catalog.
 *
 *   glue.c             a call; databases and tables
 *   glue_partitions.c  partitions: what is noted is registered, what is gone taken out, what compaction has moved pointed to
 *   glue_compare.c     what Glue says that the lake does not
 *
 * Every call may have taken effect though its answer was lost: "AlreadyExists" is success where what is there is what was wanted. */
#pragma once

#include "base/arena.h"
#include "base/map.h"
#include "codec/json.h"
#include "lake/glue.h"
#include "lake/glue_table.h"
#include "net/aws_client.h"

#define TL_GLUE_TABLES_MAX 1024
#define TL_GLUE_PARTITIONS_MAX ((size_t)1 << 22)

struct tl_glue_known {
    const struct tl_catalog_table *table;
    struct tl_map partitions; /* folder to 1: is in Glue, 0: noted; to a text's address: it is there, at that place (compaction) */
    size_t noted;
};
struct tl_glue {
    char *root, *region;
    enum tl_glue_partitions mode;
    struct tl_aws_client *client;
    struct tl_json_parser *parser;
    struct tl_json answer;
    struct tl_buf body;
    struct tl_json_writer w;
    struct tl_arena places; /* texts of partitions that were moved */
    struct tl_glue_known tables[TL_GLUE_TABLES_MAX];
    size_t table_count;
};

/* ---- a call (glue.c) ---- */

/* The body's object is open; table: its DatabaseName is in it, NULL: it is empty. */
struct tl_json_writer *tl_glue_request(struct tl_glue *g, const struct tl_catalog_table *table);
/* Ends the body, sends it, and reads g->answer. */
TL_MUST_USE bool tl_glue_send(struct tl_glue *g, const char *action, struct tl_error *error);
/* Of the call that failed last. */
bool tl_glue_failed_with(const struct tl_glue *g, const char *code);

/* ---- tables (glue.c) ---- */

/* g->answer has it under "Table". */
TL_MUST_USE bool tl_glue_find_table(struct tl_glue *g, const struct tl_catalog_table *t, bool *found, struct tl_error *error);
/* *current: nothing has to be told. TL_CONFLICT: it is another table. anew: other columns are none. */
TL_MUST_USE bool tl_glue_compare_table(const struct tl_glue *g, struct tl_json there, const struct tl_catalog_table *t, bool anew, bool *current,
                                       struct tl_error *error);

/* ---- partitions (glue_partitions.c) ---- */

/* Adds those that Glue has, as folders. */
TL_MUST_USE bool tl_glue_read_partitions(struct tl_glue *g, const struct tl_catalog_table *t, struct tl_map *out, struct tl_error *error);
/* Tells all of them again: a partition has columns of its own, and those that were added to the table are added to it. Its place stays. */
TL_MUST_USE bool tl_glue_update_partitions(struct tl_glue *g, struct tl_glue_known *known, struct tl_error *error);
