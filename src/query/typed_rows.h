/* SPDX-License-Identifier: Apache-2.0 */
/* query/typed_rows.h: rows with their types through a pipe, from the confined child to its parent, which takes none of it on trust.
 *
 * "TLR1", the number of columns, of each its type and name; then batches: the number of rows, and row by row of each column a
 * byte that says whether there is a value and the value (eight bytes, or size and bytes for VARCHAR); a batch of no rows ends it. */
#pragma once

#include "base/rows.h"

#define TL_TYPED_COLUMNS_MAX 4096
#define TL_TYPED_BATCH_MAX 2048

void tl_typed_header_write(const struct tl_column_def *columns, size_t count, struct tl_buf *out);
/* rows->row_count is at most TL_TYPED_BATCH_MAX; none: the end. */
void tl_typed_batch_write(const struct tl_rows *rows, struct tl_buf *out);

/* Reads size bytes, or fails: the pipe ended, time is up, the query was cancelled. */
typedef bool tl_typed_read(void *arg, void *data, size_t size, struct tl_error *error);
struct tl_typed_reader {
    tl_typed_read *read;
    void *arg;
    struct tl_column_def *columns; /* names are the reader's */
    size_t column_count;
    struct tl_buf scratch;
};
/* Reads the header. TL_CORRUPT where it is none. The reader is released also after a failure. */
TL_MUST_USE bool tl_typed_reader_open(struct tl_typed_reader *r, tl_typed_read *read, void *arg, struct tl_error *error);
void tl_typed_reader_release(struct tl_typed_reader *r);
/* The next batch into rows (made with the reader's columns; reset first); no rows at the end. Texts are UTF-8. */
TL_MUST_USE bool tl_typed_reader_next(struct tl_typed_reader *r, struct tl_rows *rows, struct tl_error *error);
