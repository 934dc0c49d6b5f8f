/* SPDX-License-Identifier: Apache-2.0 */
/* lake/lake_scan.h: the Parquet files below a path of the lake as something SQL can read.
 *
 * Files are listed here, not by a glob of DuckDB's: folders whose name begins with '_' or '.' hold no data, a root may have wildcards in
 * its name, and a ticker '0700' is text. */
#pragma once

#include "lake/catalog.h"
#include "lake/duck.h"
#include "lake/store.h"

/* Names (relative to the root) of the files *.parquet below path, sorted; a path that is not there has none. */
TL_MUST_USE bool tl_lake_files(struct tl_store *store, const char *path, struct tl_dir_list *out, struct tl_error *error);
/* Adds a SELECT over those files. table: what the catalog knows of the path (its columns, in its order, whatever the files have), or NULL:
 * then partition columns of whole numbers are BIGINT, others VARCHAR. *found false: there is no file; with a table the SELECT
 * is there all the same, and has no rows. */
TL_MUST_USE bool tl_lake_scan_sql(struct tl_duck *d, struct tl_store *store, const char *path, const struct tl_catalog_table *table,
                                   struct tl_buf *sql, bool *found, struct tl_error *error);
/* Makes LAKE('path') readable for every such call in sql. TL_NOT_FOUND names a path without files. */
TL_MUST_USE bool tl_lake_define(struct tl_duck *d, struct tl_store *store, const struct tl_catalog *catalog, const char *sql,
                                struct tl_error *error);
