/* SPDX-License-Identifier: Apache-2.0 */
/* codec/utf8.h: code points of well-formed UTF-8, and their case, by utf8proc (the library that DuckDB has inside, so that UPPER
 * means the same in a view and in a query).
 *
 * Text that is not well-formed never comes here: the JSON decoder refuses it. Where it does all the same, a stray byte counts as a
 * code point of its own. */
#pragma once

#include "base/view.h"

#include <stddef.h>
#include <stdint.h>

size_t tl_utf8_count(struct tl_view v);
/* The byte at which code point number n begins; v.size when there are no more than n. */
size_t tl_utf8_offset(struct tl_view v, size_t n);
/* At most this many bytes come of size bytes: a code point of two bytes may become one of three. */
#define TL_UTF8_CASE_MAX(size) ((size)*2 + 4)
/* Simple case mapping, code point by code point, into out; the bytes written. */
size_t tl_utf8_upper(struct tl_view v, char *out);
size_t tl_utf8_lower(struct tl_view v, char *out);
/* v from its end to its start, into out (v.size bytes), by grapheme clusters: an accent stays on its letter. */
void tl_utf8_reverse(struct tl_view v, char *out);
/* v without blanks (Unicode category Zs) at its start or end. */
struct tl_view tl_utf8_trim_start(struct tl_view v);
struct tl_view tl_utf8_trim_end(struct tl_view v);
