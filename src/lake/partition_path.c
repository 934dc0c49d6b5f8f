/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/partition_path.h"

#include "base/bytes.h"

#include <inttypes.h>

#define VALUE_MAX 200

static bool is_plain(unsigned char c, bool first)
{
    if (c < 0x20 || c == 0x7f || strchr("\"#%'*/:=?\\{}[]^~", c))
        return false;
    return !(first && (c == '.' || c == '_' || c == ' '));
}

void tl_partition_path_add(struct tl_buf *out, struct tl_view name, struct tl_view value)
{
    tl_buf_add_view(out, name);
    tl_buf_add_char(out, '=');
    if (value.size == 0) {
        tl_buf_add_text(out, TL_PARTITION_NULL);
        return;
    }
    size_t begin = out->size;
    bool text = tl_view_is_utf8(value);
    bool word = tl_view_eq_ignore_case(value, TL_VIEW("NULL")); /* a folder 'x=NULL' is read as a missing value */
    for (size_t i = 0; i < value.size; i++) {
        unsigned char c = (unsigned char)value.data[i];
        if (out->size - begin > VALUE_MAX - 4 && (c & 0xc0) != 0x80) { /* never inside a character */
            tl_buf_addf(out, "~%016" PRIx64, tl_view_hash(value, 0));
            return;
        }
        if (!word && is_plain(c, i == 0) && (text || c < 0x80))
            tl_buf_add_char(out, (char)c);
        else
            tl_buf_addf(out, "%%%02X", c);
    }
}

static int escape_digit(char c)
{
    return c >= 'a' && c <= 'f' ? -1 : tl_hex_digit(c);
}

void tl_partition_path_decode(struct tl_buf *out, struct tl_view escaped)
{
    for (size_t i = 0; i < escaped.size; i++) {
        const char *at = escaped.data + i;
        bool coded = *at == '%' && i + 2 < escaped.size && escape_digit(at[1]) >= 0 && escape_digit(at[2]) >= 0;
        tl_buf_add_char(out, coded ? (char)(escape_digit(at[1]) * 16 + escape_digit(at[2])) : *at);
        i += coded ? 2 : 0;
    }
}
