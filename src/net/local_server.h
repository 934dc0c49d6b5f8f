/* SPDX-License-Identifier: Apache-2.0 */
/* net/local_server.h: a text for whoever may open a file: a socket in a folder, on which a process answers each connection with what it
 * has to tell, and nothing is ever read. Only the folder's owner can connect. The path may be longer than a socket's address allows.
 *
 * One thread; it serves one connection at a time, none for longer than a few seconds. */
#pragma once

#include "base/buf.h"

struct tl_local_server;
/* Appends the text to out; on the server's thread. */
typedef void tl_local_answer(void *user, struct tl_buf *out);
/* A socket that nobody answers on any more is replaced. */
TL_MUST_USE bool tl_local_server_open(struct tl_local_server **out, const char *dir, const char *name, tl_local_answer *answer,
                                      void *user, struct tl_error *error);
void tl_local_server_close(struct tl_local_server *s); /* removes the socket; NULL is fine */

/* The text of the process that answers there. TL_NOT_FOUND: there is no socket; TL_UNAVAILABLE: nobody is behind it (any more);
 * TL_TIMEOUT. */
TL_MUST_USE bool tl_local_fetch(const char *dir, const char *name, int64_t timeout_ns, struct tl_buf *out, struct tl_error *error);
