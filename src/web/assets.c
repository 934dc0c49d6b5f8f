/* SPDX-License-Identifier: Apache-2.0 */
#include "web/assets.h"

#include "web_assets_table.h" /* made in the build folder by web/pack.cmake */

#define ZLIB_CONST
#include <zlib.h>

static const struct tl_web_asset assets[] = { WEB_ASSETS_TABLE };

const struct tl_web_asset *tl_web_asset_find(struct tl_view path)
{
    for (size_t i = 0; i < TL_COUNT(assets); i++) {
        if (tl_view_is(path, assets[i].path))
            return &assets[i];
    }
    return NULL;
}

bool tl_web_asset_unpack(const struct tl_web_asset *a, struct tl_buf *out, struct tl_error *error)
{
    void *space = tl_buf_reserve(out, a->size);
    if (!space)
        return tl_buf_ok(out, a->path, error);
    z_stream stream = { .next_in = a->gzip, .avail_in = (uInt)a->gzip_size, .next_out = space, .avail_out = (uInt)a->size };
    if (inflateInit2(&stream, 15 + 16) != Z_OK) /* 16: a gzip head */
        return tl_error_set(error, TL_NO_MEMORY, "cannot unpack '%s': out of memory", a->path);
    int result = inflate(&stream, Z_FINISH);
    inflateEnd(&stream);
    if (result != Z_STREAM_END || stream.avail_out != 0)
        return tl_error_set(error, TL_CORRUPT, "cannot unpack '%s': the embedded file is damaged", a->path);
    return true;
}

/* "gzip;q=0.000" refuses; every other weight, also one that cannot be read, accepts. */
static bool weight_is_zero(struct tl_view parameters)
{
    while (parameters.size > 0) {
        struct tl_view one = tl_view_trim(tl_view_split(parameters, ';', &parameters));
        if (!tl_view_starts_with(one, TL_VIEW("q=")) && !tl_view_starts_with(one, TL_VIEW("Q=")))
            continue;
        double weight;
        struct tl_view number = { one.data + 2, one.size - 2 };
        return tl_view_to_double(number, &weight) && weight <= 0;
    }
    return false;
}

bool tl_web_accepts_gzip(struct tl_view accept_encoding)
{
    bool any = false;
    while (accept_encoding.size > 0) {
        struct tl_view parameters;
        struct tl_view item = tl_view_split(accept_encoding, ',', &accept_encoding);
        struct tl_view coding = tl_view_trim(tl_view_split(item, ';', &parameters));
        if (tl_view_eq_ignore_case(coding, TL_VIEW("gzip")))
            return !weight_is_zero(parameters); /* its own weight goes before that of '*' */
        if (tl_view_is(coding, "*"))
            any = !weight_is_zero(parameters);
    }
    return any;
}

bool tl_web_etag_matches(struct tl_view if_none_match, const char *etag)
{
    while (if_none_match.size > 0) {
        struct tl_view tag = tl_view_trim(tl_view_split(if_none_match, ',', &if_none_match));
        if (tl_view_starts_with(tag, TL_VIEW("W/")))
            tag = (struct tl_view){ tag.data + 2, tag.size - 2 };
        if (tl_view_is(tag, etag) || tl_view_is(tag, "*"))
            return true;
    }
    return false;
}
