/* SPDX-License-Identifier: Apache-2.0 */
/* query/trino_child.h: the child's side of a statement in Athena's SQL. */
#pragma once

#include "lake/duck.h"
#include "query/request.h"

/* Macros, the database of names without one, parameters, the limit of the output. Before DuckDB's settings are locked. */
TL_MUST_USE bool tl_trino_child_prepare(struct tl_duck *duck, const struct tl_query_request *request, struct tl_error *error);
TL_MUST_USE bool tl_trino_child_run(struct tl_duck *duck, const struct tl_query_request *request, struct tl_query_result *result, struct tl_error *error);
