/* SPDX-License-Identifier: Apache-2.0 */
/* cli/top_text.h: a pipeline's figures (/api/status of a page) as lines for a terminal. Pure. */
#pragma once

#include "base/buf.h"
#include "codec/json.h"

#define TL_TOP_POINTS 60 /* of the small line of rates */

enum tl_top_tone { TL_TOP_PLAIN, TL_TOP_HEAD, TL_TOP_DIM, TL_TOP_GOOD, TL_TOP_BAD };
struct tl_top { /* what is remembered between two looks */
    double rates[TL_TOP_POINTS];
    size_t rate_count, rate_next;
};
typedef void tl_top_line(void *user, enum tl_top_tone tone, struct tl_view text);

/* One line after the other, none wider than width columns; at most rows of them. status: the JSON of /api/status. Texts of the pipeline are
 * shown without control characters. */
void tl_top_write(struct tl_top *top, struct tl_json status, size_t width, size_t rows, tl_top_line *line, void *user);
