/* SPDX-License-Identifier: Apache-2.0 */
/* A store in a bucket of S3. Writing once is a PUT with If-None-Match: *; 412 with equal content there is success. */
#include "base/grow.h"
#include "base/io.h"
#include "base/log.h"
#include "lake/s3_list.h"
#include "lake/s3_object.h"
#include "lake/store_int.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define TRANSFERS 6 /* at a time; the bucket has a few connections more, for who reads meanwhile */

/* absent_only and there already: success when the content is the same. */
static bool put_once(struct tl_s3 *s3, const char *name, const struct tl_s3_source *source, struct tl_error *error)
{
    bool same;
    struct tl_error other;
    if (tl_s3_put(s3, name, source, true, error))
        return true;
    if (error->code != TL_CONFLICT)
        return false;
    if (!tl_s3_compare(s3, name, source, &same, &other)) {
        *error = other;
        return false;
    }
    return same || tl_error_set(error, TL_CONFLICT, "'%s/%s' exists already, with another content", tl_s3_url(s3), name);
}

static bool s3_create(void *s3, const char *name, struct tl_view content, struct tl_error *error)
{
    struct tl_s3_source source = { content, -1, (int64_t)content.size };
    return put_once(s3, name, &source, error);
}

static bool s3_put(void *s3, const char *name, struct tl_view content, struct tl_error *error)
{
    struct tl_s3_source source = { content, -1, (int64_t)content.size };
    return tl_s3_put(s3, name, &source, false, error);
}

/* An answer may have been lost, and the call made again: what is there is ours then. */
static bool replace_seen(struct tl_s3 *s3, const char *name, const struct tl_s3_source *source, char etag[TL_STORE_ETAG_MAX],
                         struct tl_error *error)
{
    struct tl_store_info info;
    struct tl_error other;
    bool same;
    if (tl_s3_replace(s3, name, source, etag, error))
        return true;
    if (error->code == TL_NOT_FOUND) /* what was to be replaced is gone */
        error->code = TL_CONFLICT;
    if (error->code != TL_CONFLICT || !tl_s3_compare(s3, name, source, &same, &other) || !same || !tl_s3_head(s3, name, &info, &other))
        return false;
    memcpy(etag, info.etag, TL_STORE_ETAG_MAX);
    return true;
}

static bool s3_replace(void *s3, const char *name, struct tl_view content, char etag[TL_STORE_ETAG_MAX], struct tl_error *error)
{
    struct tl_s3_source source = { content, -1, (int64_t)content.size };
    return replace_seen(s3, name, &source, etag, error);
}

/* info: what it is, and on call, with the ETag that it has to have, or "". */
static bool read_range(void *s3, const char *name, int64_t at, size_t size, struct tl_buf *out, struct tl_store_info *info,
                       struct tl_error *error)
{
    while (size > 0) {
        size_t before = out->size;
        if (!tl_s3_read(s3, name, at, size, info->etag[0] ? info->etag : NULL, out, info, error))
            return false;
        size_t got = out->size - before;
        at += (int64_t)got;
        size -= got;
        if (got == 0 || at >= info->size)
            break;
    }
    return true;
}

static bool s3_get_range(void *s3, const char *name, int64_t at, size_t size, const char *etag, struct tl_buf *out,
                         struct tl_error *error)
{
    struct tl_store_info info = { .etag = "" };
    snprintf(info.etag, sizeof info.etag, "%s", etag ? etag : "");
    return read_range(s3, name, at, size, out, &info, error);
}

static bool s3_get(void *s3, const char *name, struct tl_buf *out, char etag[TL_STORE_ETAG_MAX], struct tl_error *error)
{
    struct tl_store_info info = { .etag = "" };
    bool ok = read_range(s3, name, 0, out->max - out->size + 1, out, &info, error);
    if (ok && etag)
        memcpy(etag, info.etag, TL_STORE_ETAG_MAX);
    return ok;
}

static bool copy_down(struct tl_s3 *s3, const char *name, int fd, struct tl_store_info *out, struct tl_error *error)
{
    struct tl_buf block;
    bool ok = true;
    tl_buf_init(&block, TL_S3_BLOCK);
    *out = (struct tl_store_info){ .etag = "" };
    for (int64_t at = 0; ok; at += (int64_t)block.size) {
        tl_buf_reset(&block);
        ok = tl_s3_read(s3, name, at, TL_S3_BLOCK, out->etag[0] ? out->etag : NULL, &block, out, error) &&
             tl_file_write_all(fd, block.data, block.size, error);
        if (block.size == 0 || at + (int64_t)block.size >= out->size)
            break;
    }
    tl_buf_release(&block);
    return ok;
}

static bool s3_fetch(void *s3, const char *name, const char *path, struct tl_store_info *out, struct tl_error *error)
{
    int fd = tl_io->open(path, O_WRONLY | O_CREAT | O_TRUNC, 0666);
    if (fd < 0)
        return tl_error_sys(error, errno, "cannot create '%s'", path);
    bool ok = copy_down(s3, name, fd, out, error) || tl_error_context(error, "to '%s'", path);
    if (tl_io->close(fd) != 0 && ok)
        ok = tl_error_sys(error, errno, "cannot close '%s'", path);
    return ok;
}

static bool s3_delete_many(void *s3, const char *const *names, size_t count, struct tl_error *error)
{
    return tl_s3_delete(s3, names, count, error);
}

static bool s3_delete_tree(void *s3, const char *folder, struct tl_error *error)
{
    struct tl_store_entries entries = { 0 };
    const char **names = NULL;
    bool ok = tl_s3_walk(s3, folder, &entries, error);
    if (ok && entries.count) {
        names = calloc(entries.count, sizeof *names);
        ok = names || tl_error_set(error, TL_NO_MEMORY, "out of memory");
        for (size_t i = 0; ok && i < entries.count; i++)
            names[i] = entries.items[i].name;
        ok = ok && tl_s3_delete(s3, names, entries.count, error);
    }
    free(names);
    tl_store_entries_release(&entries);
    return ok;
}

static bool s3_head(void *s3, const char *name, struct tl_store_info *out, struct tl_error *error)
{
    return tl_s3_head(s3, name, out, error);
}

static bool s3_list(void *s3, const char *folder, const char *begin, struct tl_dir_list *out, struct tl_error *error)
{
    return tl_s3_list(s3, folder, begin, out, error);
}

static bool s3_walk(void *s3, const char *folder, struct tl_store_entries *out, struct tl_error *error)
{
    return tl_s3_walk(s3, folder, out, error);
}

static void s3_close(void *s3)
{
    tl_s3_close(s3);
}

/* ---- several files at a time ---- */

struct transfers {
    struct tl_s3 *s3;
    const struct tl_store_file *files;
    size_t count;
    bool up;
    pthread_mutex_t lock; /* guards what follows */
    size_t next;
    bool failed;
    struct tl_error error; /* the first one */
};

/* A file of an epoch that is done again has the bytes that it had. Other bytes of the same rows come of another version of the writer,
 * and go over the old ones, as they do in a folder. */
static bool publish_one(struct tl_s3 *s3, const struct tl_store_file *file, struct tl_error *error)
{
    struct tl_s3_source source = { .fd = tl_io->open(file->path, O_RDONLY, 0) };
    if (source.fd < 0)
        return tl_error_sys(error, errno, "cannot open '%s'", file->path);
    char etag[TL_STORE_ETAG_MAX];
    snprintf(etag, sizeof etag, "%s", file->seen ? file->seen : "");
    bool ok = tl_file_size(file->path, &source.size, error) &&
              (file->seen ? replace_seen(s3, file->name, &source, etag, error) : put_once(s3, file->name, &source, error));
    if (!ok && error->code == TL_CONFLICT && !file->seen) {
        tl_log_warn("lake", "'%s/%s' was there with other bytes, and is replaced", tl_s3_url(s3), file->name);
        ok = tl_s3_put(s3, file->name, &source, false, error);
    }
    tl_io->close(source.fd);
    return ok;
}

static bool transfer_one(const struct transfers *t, const struct tl_store_file *file, struct tl_error *error)
{
    struct tl_store_info info;
    return t->up ? publish_one(t->s3, file, error) : s3_fetch(t->s3, file->name, file->path, &info, error);
}

static void *run_transfers(void *arg)
{
    struct transfers *u = arg;
    for (;;) {
        struct tl_error error;
        pthread_mutex_lock(&u->lock);
        size_t i = u->failed ? u->count : u->next++;
        pthread_mutex_unlock(&u->lock);
        if (i >= u->count)
            return NULL;
        if (transfer_one(u, &u->files[i], &error))
            continue;
        pthread_mutex_lock(&u->lock);
        if (!u->failed)
            u->error = error;
        u->failed = true;
        pthread_mutex_unlock(&u->lock);
    }
}

static bool transfer_all(void *s3, const struct tl_store_file *files, size_t count, bool up, struct tl_error *error)
{
    struct transfers u = { .s3 = s3, .files = files, .count = count, .up = up, .lock = PTHREAD_MUTEX_INITIALIZER };
    pthread_t threads[TRANSFERS - 1];
    size_t started = 0;
    while (started + 1 < count && started < TL_COUNT(threads) && pthread_create(&threads[started], NULL, run_transfers, &u) == 0)
        started++; /* fewer do the same, slower */
    run_transfers(&u);
    for (size_t i = 0; i < started; i++)
        pthread_join(threads[i], NULL);
    pthread_mutex_destroy(&u.lock);
    if (u.failed)
        *error = u.error;
    return !u.failed;
}

static bool s3_publish(void *s3, const struct tl_store_file *files, size_t count, struct tl_error *error)
{
    return transfer_all(s3, files, count, true, error);
}

static bool s3_fetch_many(void *s3, const struct tl_store_file *files, size_t count, struct tl_error *error)
{
    return transfer_all(s3, files, count, false, error);
}

bool tl_store_open_s3(struct tl_store *s, const struct tl_store_options *options, struct tl_error *error)
{
    static const struct tl_store_kind kind = {
        .close = s3_close,
        .create = s3_create,
        .put = s3_put,
        .replace = s3_replace,
        .get = s3_get,
        .delete_many = s3_delete_many,
        .head = s3_head,
        .get_range = s3_get_range,
        .fetch = s3_fetch,
        .fetch_many = s3_fetch_many,
        .publish = s3_publish,
        .list = s3_list,
        .walk = s3_walk,
        .delete_tree = s3_delete_tree,
    };
    struct tl_s3 *s3;
    if (options->staging && !(s->staging = strdup(options->staging)))
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    if (!tl_s3_open(&s3, s->root, options->region, error))
        return false;
    s->kind = &kind;
    s->impl = s3;
    free(s->root);
    s->root = strdup(tl_s3_url(s3)); /* without slashes at its end */
    return s->root || tl_error_set(error, TL_NO_MEMORY, "out of memory");
}
