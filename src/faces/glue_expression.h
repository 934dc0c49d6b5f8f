/* SPDX-License-Identifier: Apache-2.0 */
/* faces/glue_expression.h: the filter of GetPartitions: comparisons of partition keys with literals (= <> != < <= > >=, BETWEEN, IN, LIKE,
 * IS [NOT] NULL), AND, OR, NOT and parentheses. Keys of numbers compare as numbers, others as text. */
#pragma once

#include "base/error.h"
#include "base/view.h"

struct tl_glue_key {
    struct tl_view name, type; /* "year", "int" */
    struct tl_view value;      /* of the partition */
};
/* TL_INVALID says what in the text is no such filter. */
TL_MUST_USE bool tl_glue_expression_matches(struct tl_view text, const struct tl_glue_key *keys, size_t count, bool *matches, struct tl_error *error);
