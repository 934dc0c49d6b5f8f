/* SPDX-License-Identifier: Apache-2.0 */
/* lake/glue.h: the AWS Glue catalog kept in step with the lake's own, so that Athena and others find its tables.
 *
 * The catalog in the lake stays what counts; Glue is a copy: databases and tables are made where they are absent, columns that were added
 * are added there too, and partitions are either projected (Athena computes them: no call for each, but only Athena does) or registered
 * one by one. What cannot be told to Glue now is kept and told later: no row waits for it. One thread. */
#pragma once

#include "lake/catalog.h"

enum tl_glue_partitions { TL_GLUE_REGISTER, TL_GLUE_PROJECTION };
struct tl_glue_options {
    const char *region; /* NULL: by the rules of the AWS SDKs */
    const char *root;   /* of the lake: "s3://bucket/prefix" */
    enum tl_glue_partitions partitions;
    const bool *cancel;
};
struct tl_glue;
/* Texts are copied. TL_INVALID: the lake is no bucket. No call yet. */
TL_MUST_USE bool tl_glue_open(struct tl_glue **out, const struct tl_glue_options *options, struct tl_error *error);
void tl_glue_close(struct tl_glue *g); /* NULL is fine */
/* Its partitions are Glue's too. Those of a Delta table are in its log: Glue knows the table as a whole. */
bool tl_glue_has_partitions(const struct tl_catalog_table *table);
/* Database and table are there, with these columns, afterwards. TL_CONFLICT, with the way out: there is another table of that name (columns
 * that do not fit, another place). The table's texts outlive g. */
TL_MUST_USE bool tl_glue_ensure(struct tl_glue *g, const struct tl_catalog_table *table, struct tl_error *error);
/* The same of a table that is made anew when its definition changes (lake/batch_table.h): other columns take the place of those that Glue has. */
TL_MUST_USE bool tl_glue_ensure_anew(struct tl_glue *g, const struct tl_catalog_table *table, struct tl_error *error);
/* Takes out of Glue the partitions of the table, which was ensured last, that none of these files (all of the table's) is in. */
TL_MUST_USE bool tl_glue_forget(struct tl_glue *g, const char *const *files, size_t count, struct tl_error *error);
/* Notes the partitions of the files (names in the lake), of tables that were ensured; those noted before cost nothing. */
TL_MUST_USE bool tl_glue_note(struct tl_glue *g, const char *const *files, size_t count, struct tl_error *error);
/* Registers what was noted and is not there yet (nothing with projection). After a failure the same again. */
TL_MUST_USE bool tl_glue_flush(struct tl_glue *g, struct tl_error *error);

/* Where compaction has put a partition (lake/compact.h). */
struct tl_glue_move {
    struct tl_glue *glue;
    const struct tl_catalog_table *table;
};
/* Whether partitions of the table have a place each, which can be moved: they are registered. Projected ones are where the template says. */
bool tl_glue_points(const struct tl_glue *g, const struct tl_catalog_table *table);
/* What Glue itself has: no such table, or one with projected partitions. */
TL_MUST_USE bool tl_glue_look(struct tl_glue *g, const struct tl_catalog_table *table, bool *found, bool *projected, struct tl_error *error);
/* The partition ("day=2025-09-27/ticker=A") is in that folder below the table's path now: Athena reads it there, and nowhere else. move: a
 * struct tl_glue_move, as tl_compact_options.point passes it on. */
TL_MUST_USE bool tl_glue_point(void *move, const char *partition, const char *folder, struct tl_error *error);

/* What Glue says that the lake does not, and the other way round, as lines. partitions: folders below the table's path ("ticker=A"), that have
 * files. Appends to out. */
TL_MUST_USE bool tl_glue_compare(struct tl_glue *g, const struct tl_catalog_table *table, const char *const *partitions, size_t count,
                                 struct tl_buf *out, struct tl_error *error);
