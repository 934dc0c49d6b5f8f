/* SPDX-License-Identifier: Apache-2.0 */
/* query/query_views.h: the tables of the lake's catalog as views, db.table and awsdatacatalog.db.table, and LAKE('path'). */
#pragma once

#include "lake/catalog.h"
#include "lake/duck.h"

/* Tables whose name does not occur in sql are left out: listing a table's files is what costs. *synthetic: one of them is sample data. */
TL_MUST_USE bool tl_query_views_make(struct tl_duck *d, struct tl_store *store, const struct tl_catalog *catalog, const char *sql,
                                     bool *synthetic, struct tl_error *error);
/* To an error about a table that is not there: the name that was meant, and those there are. */
void tl_query_views_hint(const struct tl_catalog *catalog, struct tl_error *error);
