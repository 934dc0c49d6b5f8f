/* SPDX-License-Identifier: Apache-2.0 */
/* lake/duck_statement.h: is this text one statement that only reads? DuckDB's own parser decides. */
#pragma once

#include "base/view.h"
#include "lake/duck.h"

/* Prepares sql (nothing of it runs): exactly one SELECT, or where explain is not NULL an EXPLAIN of one, which *explain then says.
 * TL_DENIED when it is another statement. *out is a duckdb_prepared_statement, the caller's to destroy; NULL after a failure. */
TL_MUST_USE bool tl_duck_statement_prepare(struct tl_duck *d, const char *sql, bool *explain, void **out, struct tl_error *error);
/* No two of its columns have the same name, letters' case ignored: TL_INVALID names one that has. */
TL_MUST_USE bool tl_duck_statement_unique(void *prepared, struct tl_error *error);
/* Destroys what tl_duck_statement_prepare gave; NULL is fine. */
void tl_duck_statement_free(void *prepared);
/* sql without blanks and comments before it, a closing semicolon and what follows: so that it can stand in parentheses. */
struct tl_view tl_duck_statement_text(const char *sql);
