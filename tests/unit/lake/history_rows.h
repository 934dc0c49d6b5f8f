/* SPDX-License-Identifier: Apache-2.0 */
/* history_rows.h: what a SELECT over a lake gives, as text. */
#pragma once

#include "support.h"

#include "lake/history.h"

/* The rows of a SELECT as CSV lines. */
static inline const char *test_history_rows(const char *root, const char *select)
{
    static struct tl_buf out;
    struct tl_history *history;
    struct tl_error error;
    struct tl_rows rows;
    tl_buf_release(&out);
    tl_buf_init(&out, 1 << 20);
    test_ok(tl_history_open(&history, root, select, &error), &error);
    test_ok(tl_history_rows_init(history, &rows, &error), &error);
    for (bool done = false; !done;) {
        test_ok(tl_history_next(history, &rows, &done, &error), &error);
        for (size_t row = 0; row < rows.row_count; row++) {
            for (size_t c = 0; c < rows.column_count; c++) {
                tl_buf_add_text(&out, c ? "," : "");
                tl_rows_cell_to_csv(&rows, row, c, &out);
            }
            tl_buf_add_char(&out, '\n');
        }
    }
    tl_rows_release(&rows);
    tl_history_close(history);
    return tl_buf_text(&out);
}
