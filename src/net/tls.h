/* SPDX-License-Identifier: Apache-2.0 */
/* net/tls.h: TLS of a server, by OpenSSL: a certificate given in files, or one made for this machine.
 *
 * TLS 1.2 (with forward secrecy and AEAD only, as RFC 9113, 9.2.2 wants for HTTP/2) and 1.3; no
 * renegotiation, no compression. Of the protocols that a client offers (ALPN, RFC 7301) "h2" is taken before
 * "http/1.1"; one that offers none of these goes on without. Threads: what is made of a context belongs to
 * one loop thread. */
#pragma once

#include "base/error.h"

struct tl_tls;
struct bufferevent;
struct event_base;

/* From a chain (the server's certificate first) and its key, PEM files, the key without a password. Errors
 * name the file, what is wrong and what to do. Warns of a key that all may read. */
TL_MUST_USE bool tl_tls_open(struct tl_tls **out, const char *cert, const char *key, struct tl_error *error);
/* With a certificate for localhost, 127.0.0.1 and ::1, kept in dir (made if absent) as tls-cert.pem and
 * tls-key.pem (mode 0600). Made when they are absent, cannot be used, or end within 30 days. Clients are told
 * to trust tls-cert.pem: curl --cacert, AWS_CA_BUNDLE, NODE_EXTRA_CA_CERTS. */
TL_MUST_USE bool tl_tls_open_self_signed(struct tl_tls **out, const char *dir, struct tl_error *error);
void tl_tls_free(struct tl_tls *tls); /* takes NULL too */

/* Shakes hands as the server on a connected socket, which it then owns. NULL: it does not; out of memory. */
struct bufferevent *tl_tls_bufferevent_new(struct tl_tls *tls, struct event_base *base, int fd);
/* Why the connection failed, for the log; static. */
const char *tl_tls_reason(struct bufferevent *bev);
/* Tells the peer that nothing more comes (close_notify), if that can be done without waiting. */
void tl_tls_say_end(struct bufferevent *bev);
