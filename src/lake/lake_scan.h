/* SPDX-License-Identifier: Apache-2.0 */
/* lake/lake_scan.h: the Parquet files below a path of the lake as something SQL can read.
 *
 * Files are listed here, not by a glob of DuckDB's: folders whose name begins with '_' or '.' hold no data, a root may have wildcards in
 * its name, and a ticker '0700' is text. */
#pragma once

#include "lake/catalog.h"
#include "lake/duck.h"
#include "lake/store.h"

/* Which files a scan takes; NULL: all. */
struct tl_lake_filter {
    bool (*wants)(void *arg, const char *name);
    void *arg;
};
/* Names (relative to the root) of the files *.parquet below path, sorted; a path that is not there has none. */
TL_MUST_USE bool tl_lake_files(struct tl_store *store, const char *path, struct tl_dir_list *out, struct tl_error *error);
/* Those of a table: of one of CSV or JSON the files of that ending. */
TL_MUST_USE bool tl_lake_table_files(struct tl_store *store, const struct tl_catalog_table *table, struct tl_dir_list *out, struct tl_error *error);
/* As tl_lake_files; of a Delta table the files that its log counts: those that were removed, or that no commit names, lie there too. d: to read a
 * log with; NULL: one is opened where there is a log. */
TL_MUST_USE bool tl_lake_live(struct tl_duck *d, struct tl_store *store, const char *path, struct tl_dir_list *out, struct tl_error *error);
/* Adds the file's name as read_parquet takes it, in quotes. */
void tl_lake_add_file(struct tl_buf *sql, struct tl_store *store, const char *name);
/* Adds a SELECT over those files. table: what the catalog knows of the path (its columns, in its order, whatever the files have), or NULL:
 * then partition columns of whole numbers are BIGINT, others VARCHAR. *found false: there is no file; with a table the SELECT
 * is there all the same, and has no rows. */
TL_MUST_USE bool tl_lake_scan_sql(struct tl_duck *d, struct tl_store *store, const char *path, const struct tl_catalog_table *table,
                                   const struct tl_lake_filter *filter, struct tl_buf *sql, bool *found, struct tl_error *error);
/* Calls each with the path of every LAKE('path') in sql, as written; TL_INVALID where LAKE is given something else. */
TL_MUST_USE bool tl_lake_paths(const char *sql, bool (*each)(void *arg, struct tl_view path, struct tl_error *error), void *arg,
                               struct tl_error *error);
/* Makes LAKE('path') readable for every such call in sql. TL_NOT_FOUND names a path without files. */
TL_MUST_USE bool tl_lake_define(struct tl_duck *d, struct tl_store *store, const struct tl_catalog *catalog, const char *sql,
                                const struct tl_lake_filter *filter, struct tl_error *error);
/* For SQL that runs in tapeline's own process: it sees the lake and nothing else of the machine (a pipeline file may come from elsewhere).
 * What a sort needs beyond memory goes to the lake's _tmp/<spill>. After tl_lake_define. */
TL_MUST_USE bool tl_lake_confine(struct tl_duck *d, struct tl_store *store, const char *spill, struct tl_error *error);
