/* SPDX-License-Identifier: Apache-2.0 */
/* lake/scan_needs.h: which partitions of a table a statement can read at all, as far as its text tells: WHERE ticker = 'AAPL', year IN (2023, 2024).
 *
 * DuckDB's own parser takes the statement apart. A reference to the table needs less than all of it only where it is the whole FROM of a
 * SELECT whose WHERE is a conjunction with "column = constant" or "column IN (constants)" in it; everything else (a join, an OR, a function, a
 * statement that is no SELECT, a name that cannot be told from another) needs all. So a partition that is left out has no row that could
 * have any part in the result. */
#pragma once

#include "base/arena.h"
#include "lake/catalog.h"
#include "lake/duck.h"

struct tl_scan_tree; /* a statement, taken apart */
/* A text that is no SELECT makes a tree of which everything is needed. */
TL_MUST_USE bool tl_scan_tree_open(struct tl_scan_tree **out, struct tl_duck *duck, const char *sql, struct tl_error *error);
void tl_scan_tree_close(struct tl_scan_tree *t); /* NULL is fine */

struct tl_scan_needs {
    struct tl_arena arena;
    struct tl_scan_reference *references; /* private */
    size_t count;
    bool all; /* of the table's partitions */
};
/* What the references to the table need, by its name and by LAKE('path'). */
TL_MUST_USE bool tl_scan_needs_find(const struct tl_scan_tree *t, const struct tl_catalog_table *table, struct tl_scan_needs *out,
                                    struct tl_error *error);
void tl_scan_needs_release(struct tl_scan_needs *n);
/* Whether a partition ("ticker=AAPL/year=2024/") may have rows that are needed. */
bool tl_scan_needs_partition(const struct tl_scan_needs *n, struct tl_view partition);
/* Folders below the table's path which hold all that is needed, each with a slash at its end: "ticker=AAPL/"; a single "" for all. Texts live as
 * long as n. */
TL_MUST_USE bool tl_scan_needs_folders(struct tl_scan_needs *n, const struct tl_catalog_table *table, const char *const **folders, size_t *count,
                                       struct tl_error *error);
/* Adds a text that is the same for the same needs, and another one for others. */
void tl_scan_needs_add(const struct tl_scan_needs *n, const char *path, struct tl_buf *out);
