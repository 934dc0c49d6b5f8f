/* SPDX-License-Identifier: Apache-2.0 */
/* net/http_date.h: "Sat, 27 Sep 2025 12:34:00 GMT", the one form that HTTP writes (RFC 9110, 5.6.7). */
#pragma once

#include "base/view.h"

#define TL_HTTP_DATE_SIZE 40
void tl_http_date_format(int64_t ns, char out[TL_HTTP_DATE_SIZE]); /* the second it is in */
TL_MUST_USE bool tl_http_date_parse(struct tl_view text, int64_t *ns);
