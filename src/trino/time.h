/* SPDX-License-Identifier: Apache-2.0 */
/* trino/time.h: instants written and read by a format: MySQL's (date_format, date_parse) and Joda's (format_datetime, parse_datetime).
 *
 * Instants are microseconds since 1970 in UTC. TL_INVALID names the letter that is not served, or what does not fit the format. */
#pragma once

#include "base/buf.h"

TL_MUST_USE bool tl_trino_date_format(int64_t us, struct tl_view format, struct tl_buf *out, struct tl_error *error);
TL_MUST_USE bool tl_trino_format_datetime(int64_t us, struct tl_view format, struct tl_buf *out, struct tl_error *error);
TL_MUST_USE bool tl_trino_date_parse(struct tl_view text, struct tl_view format, int64_t *us, struct tl_error *error);
TL_MUST_USE bool tl_trino_parse_datetime(struct tl_view text, struct tl_view format, int64_t *us, struct tl_error *error);
