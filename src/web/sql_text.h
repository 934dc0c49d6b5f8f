/* SPDX-License-Identifier: Apache-2.0 */
/* web/sql_text.h: names and texts inside SQL. */
#pragma once

#include "base/buf.h"

/* "name", quotes doubled. */
void tl_web_sql_identifier(struct tl_buf *sql, const char *name);
/* 'text', quotes doubled. */
void tl_web_sql_string(struct tl_buf *sql, struct tl_view text);
