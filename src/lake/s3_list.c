/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/s3_list.h"

#include "base/time.h"
#include "codec/base64.h"
#include "net/aws_xml.h"
#include "net/digest.h"

#include <stdio.h>
#include <stdlib.h>

#define KEY_MAX 4096 /* escaped */
#define TOKEN_MAX 4096
#define PAGES_MAX 100000
#define DELETE_MAX 1000

/* One listing: where, and what to do with what is found. */
struct listing {
    const struct tl_s3 *s3;
    const char *folder;
    size_t strip; /* bytes of the key that a name leaves out */
    bool flat;    /* names directly under the folder; else all below */
    struct tl_dir_list *names;
    size_t names_cap;
    struct tl_store_entries *entries;
};

/* '+' and %XX back to bytes, in place. */
static bool decode_url(char *text)
{
    char *to = text;
    for (const char *at = text; *at; at++) {
        unsigned value;
        if (*at == '+') {
            *to++ = ' ';
        } else if (*at != '%') {
            *to++ = *at;
        } else if (strspn(at + 1, "0123456789abcdefABCDEF") >= 2 && sscanf(at + 1, "%2x", &value) == 1 && value) {
            *to++ = (char)value;
            at += 2;
        } else {
            return false;
        }
    }
    *to = '\0';
    return true;
}

static bool read_key(struct tl_view element, const char *name, bool encoded, char key[KEY_MAX], struct tl_error *error)
{
    if (tl_aws_xml_text(element, name, key, KEY_MAX) && (!encoded || decode_url(key)))
        return true;
    return tl_error_set(error, TL_CORRUPT, "S3's listing has an object without a name that can be read");
}

static bool is_a_name(const char *name)
{
    struct tl_view rest = tl_view_of(name);
    while (rest.data) {
        struct tl_view part = tl_view_split(rest, '/', &rest);
        if (part.size == 0 || tl_view_is(part, ".") || tl_view_is(part, ".."))
            return false;
    }
    return true;
}

/* "2025-09-27T12:34:00.000Z" */
static int64_t read_time(struct tl_view element)
{
    char text[64];
    int64_t ns;
    return tl_aws_xml_text(element, "LastModified", text, sizeof text) && tl_time_parse(tl_view_of(text), &ns) ? ns : 0;
}

static bool add_object(struct listing *l, struct tl_view element, bool encoded, struct tl_error *error)
{
    char key[KEY_MAX], size[32];
    struct tl_store_info info = { .modified_ns = read_time(element) };
    if (!read_key(element, "Key", encoded, key, error))
        return false;
    if (!tl_aws_xml_text(element, "Size", size, sizeof size) || !tl_view_to_i64(tl_view_of(size), &info.size) || info.size < 0)
        return tl_error_set(error, TL_CORRUPT, "S3's listing has no size for '%.300s'", key);
    if (!tl_aws_xml_text(element, "ETag", info.etag, sizeof info.etag))
        info.etag[0] = '\0';
    if (strlen(key) <= l->strip || !is_a_name(key + l->strip))
        return true; /* the folder's own marker, or nobody's name */
    if (l->flat)
        return tl_dir_list_add(l->names, &l->names_cap, tl_view_of(key + l->strip), error);
    return tl_store_entries_add(l->entries, tl_view_of(key + l->strip), &info, error);
}

static bool add_folder(struct listing *l, struct tl_view element, bool encoded, struct tl_error *error)
{
    char key[KEY_MAX];
    if (!read_key(element, "Prefix", encoded, key, error))
        return false;
    size_t size = strlen(key);
    if (size <= l->strip + 1 || key[size - 1] != '/')
        return true;
    key[size - 1] = '\0';
    return !is_a_name(key + l->strip) || tl_dir_list_add(l->names, &l->names_cap, tl_view_of(key + l->strip), error);
}

/* *next: the token of the page after this one; "" when it was the last. */
static bool read_page(struct listing *l, struct tl_view page, char next[TOKEN_MAX], struct tl_error *error)
{
    char text[16];
    struct tl_view rest = page, element;
    bool encoded = tl_aws_xml_text(page, "EncodingType", text, sizeof text) && strcmp(text, "url") == 0;
    next[0] = '\0';
    while (tl_aws_xml_next(&rest, "Contents", &element))
        if (!add_object(l, element, encoded, error))
            return false;
    for (rest = page; tl_aws_xml_next(&rest, "CommonPrefixes", &element);)
        if (!add_folder(l, element, encoded, error))
            return false;
    if (!tl_aws_xml_text(page, "IsTruncated", text, sizeof text))
        return tl_error_set(error, TL_CORRUPT, "S3's listing does not say whether it is the last page");
    if (strcmp(text, "true") != 0)
        return true;
    return (tl_aws_xml_text(page, "NextContinuationToken", next, TOKEN_MAX) && next[0]) ||
           tl_error_set(error, TL_CORRUPT, "S3's listing goes on and does not say where");
}

static bool fetch_page(struct tl_s3 *s3, struct listing *l, const char *begin, char token[TOKEN_MAX], struct tl_error *error)
{
    struct tl_buf query; /* sorted by name, as it is signed */
    struct tl_s3_call call;
    tl_buf_init(&query, 4 * TOKEN_MAX);
    if (token[0]) {
        tl_buf_add_text(&query, "continuation-token=");
        tl_s3_encode(&query, tl_view_of(token), false);
        tl_buf_add_char(&query, '&');
    }
    tl_buf_addf(&query, "%sencoding-type=url&list-type=2&prefix=", l->flat ? "delimiter=%2F&" : "");
    tl_s3_encode(&query, tl_view_of(tl_s3_prefix(s3)), false);
    tl_s3_encode(&query, tl_view_of(l->folder), false);
    tl_buf_add_text(&query, l->folder[0] ? "%2F" : "");
    tl_s3_encode(&query, tl_view_of(begin), false);
    struct tl_s3_request request = { .method = "GET", .query = tl_buf_text(&query), .right = "s3:ListBucket" };
    bool ok = tl_buf_ok(&query, "the listing's request", error);
    if (ok) {
        ok = tl_s3_send(s3, &request, &call, error);
        if (ok && !read_page(l, tl_buf_view(&call.response->body), token, error))
            ok = tl_error_context(error, "'%s/%s'", tl_s3_url(s3), l->folder);
        tl_s3_done(s3, &call);
    }
    tl_buf_release(&query);
    return ok;
}

static bool list_all(struct tl_s3 *s3, struct listing *l, const char *begin, struct tl_error *error)
{
    char token[TOKEN_MAX] = "";
    for (unsigned page = 0; page < PAGES_MAX; page++) {
        if (!fetch_page(s3, l, begin, token, error))
            return false;
        if (!token[0])
            return true;
    }
    return tl_error_set(error, TL_LIMIT, "'%s/%s' has more than %d pages of objects", tl_s3_url(s3), l->folder, PAGES_MAX);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

bool tl_s3_list(struct tl_s3 *s3, const char *folder, const char *begin, struct tl_dir_list *out, struct tl_error *error)
{
    struct listing l = { .s3 = s3,
                         .folder = folder,
                         .strip = strlen(tl_s3_prefix(s3)) + strlen(folder) + (folder[0] ? 1 : 0),
                         .flat = true,
                         .names = out };
    if (!list_all(s3, &l, begin, error))
        return false;
    size_t kept = 0; /* an object and a folder may have one name, which a folder of files cannot */
    if (out->count)
        qsort(out->names, out->count, sizeof *out->names, by_text);
    for (size_t i = 0; i < out->count; i++) {
        if (kept && strcmp(out->names[kept - 1], out->names[i]) == 0)
            free(out->names[i]);
        else
            out->names[kept++] = out->names[i];
    }
    out->count = kept;
    return true;
}

bool tl_s3_walk(struct tl_s3 *s3, const char *folder, struct tl_store_entries *out, struct tl_error *error)
{
    struct listing l = { .s3 = s3, .folder = folder, .strip = strlen(tl_s3_prefix(s3)), .entries = out };
    return list_all(s3, &l, "", error);
}

/* ---- deletion ---- */

static bool delete_one(struct tl_s3 *s3, const char *name, struct tl_error *error)
{
    struct tl_s3_call call;
    struct tl_s3_request request = { .method = "DELETE", .key = name, .right = "s3:DeleteObject" };
    bool ok = tl_s3_send(s3, &request, &call, error) || error->code == TL_NOT_FOUND;
    tl_s3_done(s3, &call);
    return ok;
}

static void add_escaped(struct tl_buf *out, const char *text)
{
    for (; *text; text++) {
        if (strchr("&<>\"'", *text) || (unsigned char)*text < ' ')
            tl_buf_addf(out, "&#%u;", (unsigned char)*text);
        else
            tl_buf_add_char(out, *text);
    }
}

static bool send_deletion(struct tl_s3 *s3, struct tl_view body, bool *all, struct tl_error *error)
{
    uint8_t digest[16];
    struct tl_buf md5;
    struct tl_s3_call call;
    tl_buf_init(&md5, 64);
    tl_md5(body, digest);
    tl_base64_add(&md5, (struct tl_view){ (const char *)digest, sizeof digest });
    struct tl_http_header header = { TL_VIEW("content-md5"), tl_buf_view(&md5) };
    struct tl_s3_request request = {
        .method = "POST", .query = "delete=", .headers = &header, .header_count = 1, .body = body, .right = "s3:DeleteObject"
    };
    bool ok = tl_buf_ok(&md5, "a digest", error) && tl_s3_send(s3, &request, &call, error);
    if (ok) {
        struct tl_view rest = tl_buf_view(&call.response->body), failed;
        *all = !tl_aws_xml_next(&rest, "Error", &failed);
    }
    if (!md5.failed)
        tl_s3_done(s3, &call);
    tl_buf_release(&md5);
    return ok;
}

static bool delete_batch(struct tl_s3 *s3, const char *const *names, size_t count, struct tl_error *error)
{
    struct tl_buf body;
    bool all = false;
    tl_buf_init(&body, 16 << 20);
    tl_buf_add_text(&body, "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>");
    for (size_t i = 0; i < count; i++) {
        tl_buf_add_text(&body, "<Object><Key>");
        add_escaped(&body, tl_s3_prefix(s3));
        add_escaped(&body, names[i]);
        tl_buf_add_text(&body, "</Key></Object>");
    }
    tl_buf_add_text(&body, "</Delete>");
    bool ok = tl_buf_ok(&body, "the names to delete", error) && send_deletion(s3, tl_buf_view(&body), &all, error);
    tl_buf_release(&body);
    for (size_t i = 0; ok && !all && i < count; i++)
        ok = delete_one(s3, names[i], error);
    return ok;
}

bool tl_s3_delete(struct tl_s3 *s3, const char *const *names, size_t count, struct tl_error *error)
{
    bool ok = true;
    if (count == 1)
        return delete_one(s3, names[0], error);
    for (size_t i = 0; ok && i < count; i += DELETE_MAX)
        ok = delete_batch(s3, names + i, count - i < DELETE_MAX ? count - i : DELETE_MAX, error);
    return ok;
}
