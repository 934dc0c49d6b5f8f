/* SPDX-License-Identifier: Apache-2.0 */
/* sql/parser.h: tokens -> statements. Goes on after an error at the next ';', so that one pass tells all it
 * can. */
#pragma once

#include "sql/ast.h"
#include "sql/lexer.h"

/* The statements in order, or NULL when none was understood; errors are in the context. */
struct tl_ast_statement *tl_parse(struct tl_arena *arena, struct tl_diagnostic_context *context,
                                  const struct tl_tokens *tokens);
