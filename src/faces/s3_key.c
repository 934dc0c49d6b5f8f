/* SPDX-License-Identifier: Apache-2.0 */
/* faces/s3_key.c: keys and paths. A key's parts are names of folders and a file; one that a file system has another meaning for is refused,
 * not guessed at. */
#include "faces/s3_face_int.h"

#include "base/io.h"
#include "lake/catalog.h"

#include <errno.h>
#include <stdio.h>

#define DEPTH_MAX 40
#define TEMP_SUFFIX ".tmp-"

/* "x.tmp-0123456789abcdef": a file that somebody is writing. */
static bool is_temporary(struct tl_view name)
{
    if (name.size < 21 || memcmp(name.data + name.size - 21, TEMP_SUFFIX, 5) != 0)
        return false;
    for (size_t i = name.size - 16; i < name.size; i++)
        if (!strchr("0123456789abcdef", name.data[i]))
            return false;
    return true;
}

static bool is_own(struct tl_view first)
{
    return tl_view_is(first, TL_S3_HIDDEN) || tl_view_is(first, "_tmp");
}

bool tl_s3f_is_visible(struct tl_view prefix, const char *name)
{
    return !(prefix.size == 0 && is_own(tl_view_of(name))) && !is_temporary(tl_view_of(name));
}

void tl_s3f_url_encode(struct tl_buf *out, struct tl_view text)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~/";
    for (size_t i = 0; i < text.size; i++) {
        if (text.data[i] && strchr(plain, text.data[i]))
            tl_buf_add_char(out, text.data[i]);
        else
            tl_buf_addf(out, "%%%02X", (unsigned char)text.data[i]);
    }
}

static bool check_part(struct tl_s3f_call *c, struct tl_view part, bool last)
{
    if (part.size == 0 && last) /* a folder: "a/" */
        return true;
    if (part.size == 0 || tl_view_is(part, ".") || tl_view_is(part, ".."))
        return tl_s3f_fail(c, "InvalidArgument", "A part of the key '%s' is empty, '.' or '..': keys are paths of files here.", c->key);
    return part.size <= 255 || tl_s3f_fail(c, "InvalidArgument", "A part of the key is longer than 255 bytes: keys are paths of files here.");
}

static bool check_key(struct tl_s3f_call *c, struct tl_view key)
{
    struct tl_view rest = key;
    size_t depth = 0;
    if (key.size > TL_S3_KEY_MAX)
        return tl_s3f_fail(c, "KeyTooLongError", "Your key is too long");
    snprintf(c->key, sizeof c->key, "%.*s", TL_VIEW_ARG(key));
    if (memchr(key.data, '\0', key.size) || !tl_view_is_utf8(key))
        return tl_s3f_fail(c, "InvalidArgument", "The key is not UTF-8, or has a NUL in it.");
    while (rest.data) {
        struct tl_view part = tl_view_split(rest, '/', &rest);
        if (!check_part(c, part, !rest.data))
            return false;
        if (++depth > DEPTH_MAX)
            return tl_s3f_fail(c, "InvalidArgument", "The key has more than %d parts: keys are paths of files here.", DEPTH_MAX);
    }
    return true;
}

/* No part of the path is a link, and what stands before a '/' is a folder, where it is there at all. */
static bool check_way(struct tl_s3f_call *c, enum tl_s3f_access access)
{
    char path[PATH_MAX];
    struct stat st;
    size_t root = strlen(c->bucket->root);
    snprintf(path, sizeof path, "%s", c->path);
    for (char *at = path + root + 1; *at; at++) {
        if (*at != '/')
            continue;
        *at = '\0';
        if (tl_io->lstat(path, &st) != 0)
            return errno == ENOENT || (errno == ENOTDIR && access == TL_S3_READ) || tl_s3f_fail(c, "AccessDenied", "Access Denied");
        if (!S_ISDIR(st.st_mode)) {
            if (S_ISREG(st.st_mode) && access == TL_S3_WRITE)
                return tl_s3f_fail(c, "InvalidRequest", "'%s' is an object here, and '%s' would be below it: keys are paths of files.",
                                  path + root + 1, c->key);
            return tl_s3f_fail(c, access == TL_S3_WRITE ? "AccessDenied" : "NoSuchKey", "The specified key does not exist.");
        }
        *at = '/';
    }
    if (tl_io->lstat(path, &st) == 0 && S_ISLNK(st.st_mode))
        return tl_s3f_fail(c, access == TL_S3_WRITE ? "AccessDenied" : "NoSuchKey", "The specified key does not exist.");
    return true;
}

static bool is_below(const char *key, const char *folder)
{
    size_t size = strlen(folder);
    return strncmp(key, folder, size) == 0 && (key[size] == '/' || key[size] == '\0');
}

/* What a pipeline writes is written by it alone: exactly once is its promise. */
static bool check_owner(struct tl_s3f_call *c)
{
    struct tl_store *lake;
    struct tl_catalog catalog;
    struct tl_error error;
    if (c->bucket != &c->s3->buckets[0])
        return true;
    if (!tl_store_open(&lake, c->bucket->root, &error))
        return tl_s3f_fail_io(c, &error);
    bool ok = tl_catalog_load(lake, &catalog, &error) || tl_s3f_fail_io(c, &error);
    for (size_t i = 0; ok && i < catalog.count; i++)
        if (is_below(c->key, catalog.tables[i].path))
            ok = tl_s3f_fail(c, "AccessDenied", "'%s' belongs to the table %s.%s, which a pipeline writes: it can be read, and not changed here.",
                            c->key, catalog.tables[i].database, catalog.tables[i].name);
    if (catalog.arena_private)
        tl_catalog_release(&catalog);
    tl_store_close(lake);
    return ok;
}

bool tl_s3f_locate(struct tl_s3f_call *c, struct tl_view key, enum tl_s3f_access access)
{
    struct tl_view rest, name, first = tl_view_split(key, '/', &rest);
    if (!check_key(c, key))
        return false;
    for (name = key, rest = key; rest.data;)
        name = tl_view_split(rest, '/', &rest);
    if (is_own(first) || is_temporary(name))
        return access == TL_S3_READ ? tl_s3f_fail(c, "NoSuchKey", "The specified key does not exist.")
                                    : tl_s3f_fail(c, "AccessDenied", "'%s' is tapeline's own.", c->key);
    if (snprintf(c->path, sizeof c->path, "%s/%s", c->bucket->root, c->key) >= (int)sizeof c->path)
        return tl_s3f_fail(c, "KeyTooLongError", "Your key is too long");
    return check_way(c, access) && (access == TL_S3_READ || check_owner(c));
}
