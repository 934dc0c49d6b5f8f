/* SPDX-License-Identifier: Apache-2.0 */
/* base/suggest.h: "did you mean ...?" for options, columns, functions, commands. */
#pragma once

#include "base/view.h"

/* The nearest of count names to word (Damerau-Levenshtein, case ignored, at most a third of the length, at
 * least 1), or NULL when none is near. */
const char *tl_suggest(struct tl_view word, const char *const *names, size_t count);
