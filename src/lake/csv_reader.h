/* SPDX-License-Identifier: Apache-2.0 */
/* lake/csv_reader.h: the lines of a CSV text as fields: commas, "quoted fields" with "" for a quote, LF or CRLF. A quoted field does not
 * hold a line's end. Empty lines are passed over. */
#pragma once

#include "base/buf.h"
#include "base/error.h"

struct tl_csv_reader {
    struct tl_view text, rest;
    size_t line;           /* number of the line last read, from 1 */
    struct tl_view raw;    /* that line, blanks around it left out */
    struct tl_view *fields; /* blanks around them left out; valid until the next line */
    size_t field_count, field_cap;
    const char *wrong;     /* why the line cannot be taken apart; NULL: it was */
    struct tl_buf unquoted; /* what fields with quotes point into */
};
void tl_csv_reader_init(struct tl_csv_reader *r, struct tl_view text);
void tl_csv_reader_release(struct tl_csv_reader *r);
/* The next line that is not empty; *found false at the end. A line that cannot be taken apart is found, and says so in wrong. False: out
 * of memory. */
TL_MUST_USE bool tl_csv_reader_next(struct tl_csv_reader *r, bool *found, struct tl_error *error);
