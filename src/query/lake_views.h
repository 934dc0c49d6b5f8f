/* SPDX-License-Identifier: Apache-2.0 */
/* query/lake_views.h: the tables of the lake's catalog as views, database.table and awsdatacatalog.database.table, and LAKE('path'). */
#pragma once

#include "lake/catalog.h"
#include "lake/duck.h"

/* Tables whose name does not occur in sql are left out: listing a table's files is what costs. athena: instants are TIMESTAMP without a zone, to the
 * millisecond, as Athena reads them from Parquet. */
TL_MUST_USE bool tl_lake_views_create(struct tl_duck *duck, struct tl_store *lake, const struct tl_catalog *catalog, const char *sql,
                                      bool athena, struct tl_error *error);
/* The name occurs in the statement, or the statement is about the catalog. */
bool tl_lake_mentions(const char *sql, const char *name);
TL_MUST_USE bool tl_lake_schema_create(struct tl_duck *duck, const char *name, struct tl_error *error);
/* Where the error is about a table that is not there: puts the name that was meant, and those there are, in its text. */
void tl_lake_views_hint(const struct tl_catalog *catalog, struct tl_error *error);
