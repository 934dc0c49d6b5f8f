/* SPDX-License-Identifier: Apache-2.0 */
/* web/assets.h: the page's files, embedded in the binary as gzip (cmake/web.cmake). Names other than "/" hold a hash of the
 * content, so that a browser may keep them for ever. */
#pragma once

#include "base/buf.h"

struct tl_web_asset {
    const char *path, *type, *etag; /* etag: a quoted hash of the unpacked bytes */
    const unsigned char *gzip;
    size_t gzip_size, size;
    bool immutable;
};

/* NULL when there is no such file. */
const struct tl_web_asset *tl_web_asset_find(struct tl_view path);
static inline struct tl_view tl_web_asset_gzip(const struct tl_web_asset *a)
{
    return (struct tl_view){ (const char *)a->gzip, a->gzip_size };
}
/* Appends the unpacked bytes: for the rare client that does not take gzip. */
TL_MUST_USE bool tl_web_asset_unpack(const struct tl_web_asset *a, struct tl_buf *out, struct tl_error *error);
/* True if an Accept-Encoding header takes gzip: named, or by '*', and not with q=0. */
bool tl_web_accepts_gzip(struct tl_view accept_encoding);
/* True if an If-None-Match header names the tag (weak or not) or is '*'. */
bool tl_web_etag_matches(struct tl_view if_none_match, const char *etag);
