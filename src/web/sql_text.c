/* SPDX-License-Identifier: Apache-2.0 */
#include "web/sql_text.h"

static void quoted(struct tl_buf *sql, struct tl_view text, char quote)
{
    tl_buf_add_char(sql, quote);
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] == quote)
            tl_buf_add_char(sql, quote);
        tl_buf_add_char(sql, text.data[i]);
    }
    tl_buf_add_char(sql, quote);
}

void tl_web_sql_identifier(struct tl_buf *sql, const char *name)
{
    quoted(sql, tl_view_of(name), '"');
}

void tl_web_sql_string(struct tl_buf *sql, struct tl_view text)
{
    quoted(sql, text, '\'');
}
