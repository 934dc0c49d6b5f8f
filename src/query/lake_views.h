/* SPDX-License-Identifier: Apache-2.0 */
/* query/lake_views.h: the lake's tables as views in a DuckDB: database.table, and LAKE('path'). */
#pragma once

#include "lake/duck.h"
#include "lake/store.h"

/* Makes the views of the catalog; names, NULL-terminated texts joined by ", ", is what an unknown table's message lists. */
TL_MUST_USE bool tl_lake_views_create(struct tl_duck *duck, struct tl_store *lake, struct tl_buf *names, struct tl_error *error);
