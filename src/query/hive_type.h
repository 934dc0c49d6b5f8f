/* SPDX-License-Identifier: Apache-2.0 */
/* query/hive_type.h: the types of Glue and Hive in DuckDB's words. */
#pragma once

#include "base/buf.h"

/* "array<struct<a:int,b:decimal(10,2)>>" -> STRUCT("a" INTEGER, "b" DECIMAL(10,2))[]. False: there is no such type here; out may hold a part. */
TL_MUST_USE bool tl_hive_type_sql(struct tl_view type, struct tl_buf *out);
