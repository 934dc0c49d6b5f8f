/* SPDX-License-Identifier: Apache-2.0 */
/* web/session.h: the token of a page that others than this machine can reach (E2, E11).
 *
 * It is taken as "Authorization: Bearer TOKEN", or once by POST /api/session and from then on as a cookie that scripts cannot read: a hash
 * of the token, so that it outlives a restart and the token is nowhere but with its owner. Never logged. Comparing takes the same time
 * whatever differs. */
#pragma once

#include "base/error.h"
#include "net/http_server.h"

#define TL_WEB_COOKIE_MAX 96 /* "tapeline=" and 64 hex digits */

struct tl_web_session {
    bool wanted;           /* false: the page is open to all of this machine */
    unsigned char token[32]; /* SHA-256 of it */
    char cookie[TL_WEB_COOKIE_MAX];
};
/* token NULL: none is wanted. */
TL_MUST_USE bool tl_web_session_init(struct tl_web_session *s, const char *token, struct tl_error *error);
/* True where none is wanted, or the exchange has it. */
bool tl_web_session_allows(const struct tl_web_session *s, const struct tl_http_exchange *x);
bool tl_web_session_is_token(const struct tl_web_session *s, struct tl_view token);
