/* SPDX-License-Identifier: Apache-2.0 */
#include "faces/athena_place.h"

#include "base/file.h"
#include "lake/catalog.h"
#include "lake/client_tables.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

/* "s3://bucket/a//b/" -> "a/b". Parts that begin with '_' or '.' hold no data, or are tapeline's own. */
static bool clean(struct tl_view key, char out[PATH_MAX], const char *location, struct tl_error *error)
{
    size_t size = 0;
    struct tl_view part;
    out[0] = '\0';
    while (key.data && key.size) {
        part = tl_view_split(key, '/', &key);
        if (part.size == 0)
            continue;
        if (part.size > 255 || part.data[0] == '.' || part.data[0] == '_' || memchr(part.data, '\\', part.size) || !tl_view_is_utf8(part) ||
            size + part.size + 2 > PATH_MAX)
            return tl_error_set(error, TL_DENIED, "NOT_SUPPORTED: '%s' is no place for data", location);
        size += (size_t)snprintf(out + size, PATH_MAX - size, "%s%.*s", size ? "/" : "", TL_VIEW_ARG(part));
    }
    return size > 0 || tl_error_set(error, TL_DENIED, "NOT_SUPPORTED: '%s' is a whole bucket: name a folder in it", location);
}

static bool is_below(const char *path, const char *folder)
{
    size_t size = strlen(folder);
    return strncmp(path, folder, size) == 0 && (path[size] == '/' || path[size] == '\0');
}

/* A pipeline's table is neither written into, nor put below something else. */
static bool is_free(const struct tl_aws_face_options *options, const char *key, struct tl_error *error)
{
    struct tl_store *store;
    struct tl_catalog catalog;
    if (!tl_store_open(&store, options->lake_root, error))
        return false;
    bool ok = tl_catalog_load(store, &catalog, error);
    for (size_t i = 0; ok && i < catalog.count; i++) {
        const struct tl_catalog_table *t = &catalog.tables[i];
        if (is_below(key, t->path) || is_below(t->path, key))
            ok = tl_error_set(error, TL_DENIED, "NOT_SUPPORTED: 's3://" TL_LAKE_BUCKET "/%s' belongs to table '%s.%s'", t->path, t->database, t->name);
    }
    if (ok)
        tl_catalog_release(&catalog);
    tl_store_close(store);
    return ok;
}

/* Links on the way would lead out of the root. */
static bool stays_inside(const char *root, const char *path, struct tl_error *error)
{
    char part[PATH_MAX];
    char *real_root = realpath(root, NULL), *real = NULL;
    snprintf(part, sizeof part, "%s", path);
    while (real_root && !(real = realpath(part, NULL)) && errno == ENOENT && strrchr(part, '/') > part)
        *strrchr(part, '/') = '\0';
    bool ok = real_root && real && is_below(real, real_root);
    free(real_root);
    free(real);
    return ok || tl_error_set(error, TL_DENIED, "NOT_SUPPORTED: '%s' is not inside its bucket", path);
}

static bool is_empty(const char *path, const char *location, struct tl_error *error)
{
    struct tl_dir_list list;
    if (!tl_file_exists(path))
        return true;
    if (!tl_dir_list(path, &list, error))
        return false;
    bool empty = list.count == 0;
    tl_dir_list_release(&list);
    return empty || tl_error_set(error, TL_CONFLICT, "HIVE_PATH_ALREADY_EXISTS: Target directory '%s' already exists", location);
}

bool tl_athena_place_find(const struct tl_aws_face_options *options, const char *location, struct tl_athena_place *out, struct tl_error *error)
{
    static const char scheme[] = "s3://";
    char key[PATH_MAX];
    struct tl_view rest, bucket;
    if (strncmp(location, scheme, sizeof scheme - 1) != 0)
        return tl_error_set(error, TL_INVALID, "INVALID_TABLE_PROPERTY: '%s' is no s3:// location", location);
    bucket = tl_view_split(tl_view_of(location + sizeof scheme - 1), '/', &rest);
    bool results = tl_view_is(bucket, TL_FACE_RESULTS), lake = tl_view_is(bucket, TL_LAKE_BUCKET) && !tl_store_is_s3(options->lake_root);
    if (!results && !lake)
        return tl_error_set(error, TL_DENIED, "NOT_SUPPORTED: '%s': what is written here goes below s3://" TL_FACE_RESULTS "/ or s3://" TL_LAKE_BUCKET "/", location);
    const char *root = results ? options->results_dir : options->lake_root;
    if (!clean(rest, key, location, error))
        return false;
    if (snprintf(out->path, sizeof out->path, "%s/%s", root, key) >= (int)sizeof out->path ||
        snprintf(out->url, sizeof out->url, "s3://%.*s/%s/", TL_VIEW_ARG(bucket), key) >= (int)sizeof out->url)
        return tl_error_set(error, TL_INVALID, "'%s' is too long", location);
    return stays_inside(root, out->path, error) && (results || is_free(options, key, error)) && is_empty(out->path, location, error);
}
