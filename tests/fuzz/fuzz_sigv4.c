/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a request to be verified: lines "method", "path", "query", "name: value"..., an empty line, the
 * body. Nothing made up may be accepted: the keys' secrets are not in any input. */
#include "net/sigv4_verify.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tl_sigv4_keys *open_keys(void)
{
    struct tl_sigv4_keys *keys;
    struct tl_error error;
    char path[] = "/tmp/tapeline-fuzz-XXXXXX";
    static const char text[] =
        "[a]\naws_access_key_id = AKIDEXAMPLE\naws_secret_access_key = never in an input\n";
    int fd = mkstemp(path);
    if (fd < 0 || write(fd, text, sizeof text - 1) != (ssize_t)sizeof text - 1 ||
        !tl_sigv4_keys_load(&keys, path, &error))
        abort();
    close(fd);
    unlink(path);
    return keys;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tl_sigv4_keys *keys;
    struct tl_http_header headers[64];
    struct tl_sigv4_verdict verdict;
    struct tl_view rest = { (const char *)data, size };
    if (!keys)
        keys = open_keys();
    struct tl_sigv4_incoming in = { .headers = headers,
                                    .service = "kinesis",
                                    .now_ns = INT64_C(1758976440000000000) };
    in.method = tl_view_split(rest, '\n', &rest);
    in.path = tl_view_split(rest, '\n', &rest);
    in.query = tl_view_split(rest, '\n', &rest);
    while (rest.size && in.header_count < 64) {
        struct tl_view value, line = tl_view_split(rest, '\n', &rest);
        if (line.size == 0)
            break;
        struct tl_view name = tl_view_split(line, ':', &value);
        headers[in.header_count++] =
            (struct tl_http_header){ name, value.data ? value : (struct tl_view){ "", 0 } };
    }
    in.body = rest;
    if (tl_sigv4_verify(keys, &in, &verdict))
        abort();
    return 0;
}
