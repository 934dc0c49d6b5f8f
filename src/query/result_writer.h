/* SPDX-License-Identifier: Apache-2.0 */
/* query/result_writer.h: rows of text cells to a file descriptor as a table, CSV or JSON. */
#pragma once

#include "base/buf.h"
#include "query/query.h"

/* How a cell's text is to be taken. */
enum tl_cell_kind { TL_CELL_TEXT, TL_CELL_NUMBER, TL_CELL_BOOLEAN };

struct tl_result_writer;
TL_MUST_USE bool tl_result_writer_new(struct tl_result_writer **out, enum tl_query_format format, int fd, size_t columns, struct tl_error *error);
void tl_result_writer_free(struct tl_result_writer *w);
/* Before the first row. The name is copied. */
void tl_result_writer_column(struct tl_result_writer *w, size_t i, const char *name, enum tl_cell_kind kind);
/* A row, cell by cell; data NULL is a NULL. */
void tl_result_writer_cell(struct tl_result_writer *w, struct tl_view text);
TL_MUST_USE bool tl_result_writer_end_row(struct tl_result_writer *w, struct tl_error *error);
/* The rest; a table's last line counts the rows. */
TL_MUST_USE bool tl_result_writer_finish(struct tl_result_writer *w, struct tl_error *error);
