/* SPDX-License-Identifier: Apache-2.0 */
/* net/http_body.c: bodies of requests, in memory or in a file; answers that are read out of files as they go. Files are written and read
 * on the loop: it is the kernel's page cache that takes and gives, a part at a time. */
#include "base/file.h"
#include "base/io.h"
#include "base/log.h"
#include "net/http_int.h"

#include <errno.h>

#define RESERVE_MAX ((uint64_t)1 << 20) /* of a body, before any of it has come */
#define PART ((size_t)256 << 10)        /* of a file at a time */

bool tl_http_exchange_pad_body(struct tl_http_exchange *x)
{
    size_t size = x->body.size;
    char *padding = tl_buf_reserve(&x->body, TL_HTTP_BODY_PADDING);
    x->body.size = size;
    return padding != NULL;
}

int tl_http_exchange_place_body(struct tl_http_exchange *x, uint64_t length)
{
    const struct tl_http_server_options *o = &x->server->options;
    struct tl_http_body_place place = { .max = o->body_max, .fd = -1 };
    if (o->body_rule)
        o->body_rule(x, &place, o->user);
    x->body_max = place.max;
    x->body_fd = place.fd;
    x->body.max = (size_t)place.max + TL_HTTP_BODY_PADDING;
    if (length > x->body_max)
        return 413;
    bool reserve = x->body_fd < 0 && length && length <= RESERVE_MAX;
    if (reserve && !tl_buf_reserve(&x->body, (size_t)length + TL_HTTP_BODY_PADDING))
        return 503;
    x->body.size = 0;
    return 0;
}

int tl_http_exchange_add_body(struct tl_http_exchange *x, const void *data, size_t size)
{
    struct tl_error error;
    if (size > x->body_max - x->body_come)
        return 413;
    x->body_come += size;
    if (x->body_fd < 0) {
        tl_buf_add(&x->body, data, size);
        return x->body.failed ? 503 : 0;
    }
    if (tl_file_write_all(x->body_fd, data, size, &error))
        return 0;
    tl_log_error("net", "%s: a request's body cannot be kept: %s", x->server->options.name, error.text);
    return error.code == TL_NO_SPACE ? 507 : 503;
}

int tl_http_body_file(const struct tl_http_exchange *x, uint64_t *size)
{
    *size = x->body_come;
    return x->body_fd;
}

bool tl_http_exchange_refill(struct tl_http_exchange *x)
{
    struct evbuffer_iovec part;
    if (!x->file_left || evbuffer_get_length(x->out) >= PART)
        return true;
    size_t size = x->file_left < PART ? (size_t)x->file_left : PART;
    if (evbuffer_reserve_space(x->out, (ev_ssize_t)size, &part, 1) != 1)
        return false;
    ssize_t n = tl_io->pread(x->file, part.iov_base, size, x->file_at);
    if (n <= 0) {
        tl_log_error("net", "%s: an answer's file cannot be read: %s", x->server->options.name, n < 0 ? strerror(errno) : "it has become shorter");
        return false;
    }
    part.iov_len = (size_t)n;
    x->file_at += n;
    x->file_left -= (size_t)n;
    return evbuffer_commit_space(x->out, &part, 1) == 0;
}
