/* SPDX-License-Identifier: Apache-2.0 */
/* trino/rewrite.h: a SELECT in Athena's SQL (Trino's) as the SELECT that gives the same rows in DuckDB.
 *
 * Works on tokens: what the two have alike passes through; what differs is put in DuckDB's words, with the macros of trino/prelude.h; what
 * DuckDB has alone, or would answer differently, is refused by name. docs/athena.md has the list. */
#pragma once

#include "base/buf.h"
#include "trino/lex.h"

#define TL_TRINO_VARIABLE "tl_parameter_"  /* "?" number n, from 1 on, is getvariable('tl_parameter_n') */
#define TL_TRINO_UNNAMED "_tl_unnamed"     /* a column without a name is called so, and something behind it */

/* Adds the SELECT that stands in tokens [from, to) to out. *parameters: how many '?' it has. TL_INVALID or TL_UNSUPPORTED say what is wrong where. */
TL_MUST_USE bool tl_trino_rewrite(const struct tl_trino_tokens *tokens, size_t from, size_t to, struct tl_arena *arena, struct tl_buf *out,
                                  size_t *parameters, struct tl_error *error);
/* The same for a single expression, which is a parameter's value: it has no '?', no subquery. */
TL_MUST_USE bool tl_trino_rewrite_value(const struct tl_trino_tokens *tokens, size_t from, size_t to, struct tl_arena *arena, struct tl_buf *out,
                                        struct tl_error *error);
