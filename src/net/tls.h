/* SPDX-License-Identifier: Apache-2.0 */
/* net/tls.h: TLS of a server, by OpenSSL: 1.2 and 1.3, ALPN "h2" and "http/1.1". */
#pragma once

#include "base/error.h"

#include <event2/bufferevent.h>
#include <openssl/ssl.h>

struct tl_tls;
/* From a chain and its key, PEM. Errors name the file and what is wrong with it. */
TL_MUST_USE bool tl_tls_open(struct tl_tls **out, const char *cert, const char *key, struct tl_error *error);
/* With a certificate for localhost, 127.0.0.1 and ::1 of its own, kept in dir as tls-cert.pem and tls-key.pem
 * (mode 0600), and made anew when it is absent or about to expire. */
TL_MUST_USE bool tl_tls_open_self_signed(struct tl_tls **out, const char *dir, struct tl_error *error);
void tl_tls_free(struct tl_tls *tls);
/* A connection to be; NULL when out of memory. The caller gives it to tl_tls_bufferevent() or frees it. */
SSL *tl_tls_connection(struct tl_tls *tls);
/* Owns fd and ssl; NULL: it does not. */
struct bufferevent *tl_tls_bufferevent(struct event_base *base, evutil_socket_t fd, SSL *ssl);
