/* SPDX-License-Identifier: Apache-2.0 */
/* cli/query_prompt.h: 'tapeline query' without a statement: a prompt with history and completion; or, where stdin is no terminal, the
 * statements of a script. */
#pragma once

#include "cli/query_session.h"

/* Both return the exit code. Ctrl-C at the prompt throws away what was typed, and ends a query, not the program; Ctrl-D ends it. */
int tl_query_prompt(struct tl_query_session *session);
/* Statement by statement to the end of stdin, or the first that fails. */
int tl_query_script(const struct tl_query_session *session);
