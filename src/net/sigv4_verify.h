/* SPDX-License-Identifier: Apache-2.0 */
/* net/sigv4_verify.h: Signature Version 4 from the server's side: is a request signed by a key that we know?
 *
 * The exceptions and their texts are the services' (recorded by kinesalite from Kinesis, and AWS's
 * "Troubleshooting signed requests"). One thread. */
#pragma once

#include "net/sigv4.h"

struct tl_sigv4_keys;
/* Keys in the form of ~/.aws/credentials: [any name], aws_access_key_id, aws_secret_access_key and, for
 * temporary ones, aws_session_token. Each section is a key that may be used. Errors name file and line. A
 * file that others may read is warned of. */
TL_MUST_USE bool tl_sigv4_keys_load(struct tl_sigv4_keys **out, const char *path, struct tl_error *error);
void tl_sigv4_keys_free(struct tl_sigv4_keys *keys);

struct tl_sigv4_incoming {
    struct tl_view method, path /* as sent */, query /* raw */, body;
    const struct tl_http_header *headers;
    size_t header_count;
    const char *service; /* that the scope must name; any region is taken */
    int64_t now_ns;
};
struct tl_sigv4_verdict {
    const char *exception; /* NULL: it is signed */
    char message[2048];
    char access_key[160];
};
/* True when the request is signed, by header or by query. */
bool tl_sigv4_verify(struct tl_sigv4_keys *keys, const struct tl_sigv4_incoming *in,
                     struct tl_sigv4_verdict *out);
