/* SPDX-License-Identifier: Apache-2.0 */
/* codec/json_writer.h: JSON text into a tl_buf. Commas are put by the writer; strings are escaped (control characters,
 * quotes, backslash; invalid UTF-8 becomes U+FFFD; '<' is escaped as \u003c so that the text may stand in a page).
 * Doubles are the shortest that read back; NaN and infinities are written as null. Failure is the buffer's (sticky). */
#pragma once

#include "base/buf.h"

struct tl_json_writer {
    struct tl_buf *out;
    bool comma; /* a value stands before at this level */
};

void tl_json_writer_init(struct tl_json_writer *w, struct tl_buf *out);
void tl_json_begin_object(struct tl_json_writer *w);
void tl_json_end_object(struct tl_json_writer *w);
void tl_json_begin_array(struct tl_json_writer *w);
void tl_json_end_array(struct tl_json_writer *w);
void tl_json_key(struct tl_json_writer *w, const char *name);
void tl_json_key_view(struct tl_json_writer *w, struct tl_view name);
void tl_json_write_string(struct tl_json_writer *w, struct tl_view v);
void tl_json_write_text(struct tl_json_writer *w, const char *v); /* NULL writes null */
void tl_json_write_i64(struct tl_json_writer *w, int64_t v);
void tl_json_write_double(struct tl_json_writer *w, double v);
void tl_json_write_bool(struct tl_json_writer *w, bool v);
void tl_json_write_null(struct tl_json_writer *w);
void tl_json_write_raw(struct tl_json_writer *w, struct tl_view json); /* a value already written as JSON */
/* key + value */
void tl_json_member_text(struct tl_json_writer *w, const char *name, const char *v);
void tl_json_member_string(struct tl_json_writer *w, const char *name, struct tl_view v);
void tl_json_member_i64(struct tl_json_writer *w, const char *name, int64_t v);
void tl_json_member_double(struct tl_json_writer *w, const char *name, double v);
void tl_json_member_bool(struct tl_json_writer *w, const char *name, bool v);
