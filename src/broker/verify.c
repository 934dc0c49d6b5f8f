/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/verify.h"

#include "base/file.h"
#include "base/grow.h"
#include "base/io.h"
#include "broker/registry.h"
#include "broker/shard_log_int.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

struct verifying {
    tl_verify_visit *visit;
    void *user;
    bool repair;
    uint64_t problems;
    struct tl_registry *registry;
    const char *root;               /* .../broker/streams */
    struct tl_verify_finding shard; /* the one that is looked at */
    char stream_name[TL_STREAM_NAME_MAX], shard_id[32];
    uint64_t *streams; /* ids that the registry has */
    size_t stream_count, stream_cap;
};

static void tell(struct verifying *v, enum tl_verify_kind kind, const char *fmt, ...) TL_PRINTF(3, 4);

static void tell(struct verifying *v, enum tl_verify_kind kind, const char *fmt, ...)
{
    char text[PATH_MAX + 400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    struct tl_verify_finding finding = {
        .kind = kind, .stream = v->stream_name, .shard = v->shard_id, .text = text
    };
    v->problems += kind == TL_VERIFY_PROBLEM;
    if (kind == TL_VERIFY_PROBLEM)
        v->shard.whole = false;
    v->visit(&finding, v->user);
}

/* ---- a segment ---- */

static void cut(struct verifying *v, const char *path, int fd, uint64_t size, uint64_t good)
{
    if (!v->repair) {
        tell(v, TL_VERIFY_TORN,
             "'%s': %" PRIu64 " bytes from offset %" PRIu64
             " on are of a write that was never acknowledged: the next start cuts them, "
             "or --repair",
             path, size - good, good);
    } else if (tl_io->ftruncate(fd, (off_t)good) == 0 && tl_io->fsync(fd) == 0) {
        tell(v, TL_VERIFY_REPAIRED, "'%s': cut %" PRIu64 " bytes of an unfinished write at offset %" PRIu64,
             path, size - good, good);
    } else {
        tell(v, TL_VERIFY_PROBLEM, "'%s' cannot be cut: %s", path, strerror(errno));
    }
}

static void judge(struct verifying *v, const char *path, int fd, uint64_t size, bool last,
                  const struct tl_log_check *check)
{
    struct tl_verify_finding *shard = &v->shard;
    if (check->state == TL_LOG_DAMAGED)
        tell(v, TL_VERIFY_PROBLEM,
             "%s: records from there on are lost for readers; restore the file from a copy", check->what);
    else if (check->state == TL_LOG_TORN && !last)
        tell(v, TL_VERIFY_PROBLEM,
             "'%s' is damaged at offset %" PRIu64
             ": it is not the last segment, and must be whole; restore it from a copy",
             path, check->good);
    else if (check->state == TL_LOG_TORN)
        cut(v, path, fd, size, check->good);
    if (check->records && check->first < shard->next)
        tell(v, TL_VERIFY_PROBLEM,
             "'%s' begins with counter %" PRIu64 ", but the segment before ends with %" PRIu64, path,
             check->first, shard->next - 1);
    if (check->records && !shard->records)
        shard->first = check->first;
    shard->records += check->records;
    shard->next = check->next > shard->next ? check->next : shard->next;
    shard->bytes += check->good;
    shard->segments++;
}

static void verify_segment(struct verifying *v, const char *path, uint64_t first, bool last)
{
    struct tl_error error;
    struct tl_log_check check;
    int64_t size;
    int fd = tl_io->open(path, v->repair ? O_RDWR : O_RDONLY, 0);
    if (fd < 0 || !tl_file_size(path, &size, &error)) {
        tell(v, TL_VERIFY_PROBLEM, "'%s' cannot be opened: %s", path, strerror(errno));
    } else if (last && size < SEGMENT_HEAD) {
        tell(v, TL_VERIFY_NOTE, "'%s' was begun and never written to: the next start removes it", path);
    } else if (!tl_log_check_segment(fd, path, first, (uint64_t)size, NULL, &check, &error)) {
        tell(v, TL_VERIFY_PROBLEM, "%s", error.text);
    } else {
        judge(v, path, fd, (uint64_t)size, last, &check);
    }
    if (fd >= 0)
        tl_io->close(fd);
}

/* ---- a shard ---- */

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_segment(const char *name, uint64_t *first)
{
    struct tl_view v = tl_view_of(name);
    return v.size == 24 && tl_view_ends_with(v, TL_VIEW(".seg")) &&
           tl_view_to_u64((struct tl_view){ v.data, 20 }, first);
}

static void verify_files(struct verifying *v, const char *dir, struct tl_dir_list *names)
{
    uint64_t first, ignored;
    if (names->count) /* qsort takes no NULL */
        qsort(names->names, names->count, sizeof *names->names, by_name);
    for (size_t i = 0; i < names->count; i++) {
        char path[PATH_MAX];
        bool last = true;
        if (snprintf(path, sizeof path, "%s/%s", dir, names->names[i]) >= (int)sizeof path)
            continue;
        if (!is_segment(names->names[i], &first)) {
            tell(v, TL_VERIFY_NOTE, "'%s' is no file of a shard: it is not looked at", path);
            continue;
        }
        for (size_t n = i + 1; n < names->count; n++)
            last = last && !is_segment(names->names[n], &ignored);
        verify_segment(v, path, first, last);
    }
}

static bool verify_shard(struct verifying *v, uint64_t stream, const struct tl_registry_shard *info)
{
    struct tl_dir_list names;
    struct tl_error error;
    struct stat st;
    char dir[PATH_MAX];
    snprintf(v->shard_id, sizeof v->shard_id, "shardId-%012" PRIu32, info->index);
    snprintf(dir, sizeof dir, "%s/%" PRIu64 "/%s", v->root, stream, v->shard_id);
    v->shard = (struct tl_verify_finding){
        .kind = TL_VERIFY_SHARD, .stream = v->stream_name, .shard = v->shard_id, .text = "", .whole = true
    };
    if (tl_io->stat(dir, &st) != 0) {
        /* Made by the first start after a crash that came before; of a shard that has records it would be
         * there. */
        tell(v, TL_VERIFY_PROBLEM,
             "the folder '%s' is not there: its records are gone, or there never were any; the next start "
             "makes it anew",
             dir);
    } else if (!tl_dir_list(dir, &names, &error)) {
        tell(v, TL_VERIFY_PROBLEM, "%s", error.text);
    } else {
        verify_files(v, dir, &names);
        tl_dir_list_release(&names);
    }
    v->visit(&v->shard, v->user);
    v->shard_id[0] = '\0';
    return true;
}

/* ---- streams ---- */

struct stream_list {
    struct verifying *v;
    struct tl_registry_shard *shards;
    size_t count, cap;
};

static bool note_shard(const struct tl_registry_shard *info, void *user, struct tl_error *error)
{
    struct stream_list *l = user;
    if (!tl_grow((void **)&l->shards, &l->cap, l->count + 1, sizeof *l->shards, (size_t)1 << 24))
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    l->shards[l->count++] = *info;
    return true;
}

struct streams {
    struct verifying *v;
    struct tl_registry_stream *rows;
    size_t count, cap;
};

static bool note_stream(const struct tl_registry_stream *info, void *user, struct tl_error *error)
{
    struct streams *l = user;
    if (!tl_grow((void **)&l->rows, &l->cap, l->count + 1, sizeof *l->rows, (size_t)1 << 24) ||
        !tl_grow((void **)&l->v->streams, &l->v->stream_cap, l->v->stream_count + 1, sizeof *l->v->streams,
                 (size_t)1 << 24))
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    l->rows[l->count] = *info;
    l->rows[l->count++].key_id = NULL; /* it was only lent */
    l->v->streams[l->v->stream_count++] = info->id;
    return true;
}

static bool verify_stream(struct verifying *v, const struct tl_registry_stream *info, struct tl_error *error)
{
    struct stream_list list = { .v = v };
    snprintf(v->stream_name, sizeof v->stream_name, "%s", info->name);
    if (info->deleting) {
        tell(v, TL_VERIFY_NOTE, "the stream is being deleted: the next start goes on with that");
        return true;
    }
    bool ok = tl_registry_shards(v->registry, info->id, note_shard, &list, error);
    for (size_t i = 0; ok && i < list.count; i++)
        ok = verify_shard(v, info->id, &list.shards[i]);
    if (ok && list.count == 0)
        tell(v, TL_VERIFY_PROBLEM, "the registry has no shards of the stream");
    free(list.shards);
    return ok;
}

/* Folders that the registry does not know: of deletions that a crash broke off, or moved here by somebody. */
static void find_strangers(struct verifying *v)
{
    struct tl_dir_list names;
    struct tl_error error;
    v->stream_name[0] = '\0';
    if (!tl_dir_list(v->root, &names, &error)) {
        tell(v, TL_VERIFY_PROBLEM, "%s", error.text);
        return;
    }
    for (size_t i = 0; i < names.count; i++) {
        uint64_t id = 0;
        bool known = false;
        if (tl_view_to_u64(tl_view_of(names.names[i]), &id))
            for (size_t n = 0; n < v->stream_count; n++)
                known = known || v->streams[n] == id;
        if (!known)
            tell(v, TL_VERIFY_NOTE, "'%s/%s' is of no stream that the registry knows: nothing reads it",
                 v->root, names.names[i]);
    }
    tl_dir_list_release(&names);
}

static bool verify_all(struct verifying *v, struct tl_error *error)
{
    struct streams list = { .v = v };
    bool ok = tl_registry_each(v->registry, note_stream, &list, error);
    for (size_t i = 0; ok && i < list.count; i++)
        ok = verify_stream(v, &list.rows[i], error);
    if (ok)
        find_strangers(v);
    free(list.rows);
    free(v->streams);
    return ok;
}

bool tl_broker_verify(const char *data_dir, bool repair, tl_verify_visit *visit, void *user,
                      uint64_t *problems, struct tl_error *error)
{
    char registry[PATH_MAX], root[PATH_MAX];
    struct stat st;
    *problems = 0;
    if (snprintf(registry, sizeof registry, "%s/broker/streams.sqlite", data_dir) >= (int)sizeof registry)
        return tl_error_sys(error, ENAMETOOLONG, "'%.200s'", data_dir);
    snprintf(root, sizeof root, "%.*s/broker/streams", PATH_MAX - 32, data_dir);
    if (tl_io->stat(registry, &st) != 0)
        return tl_error_sys(error, errno, "'%s': there is no broker's data in this folder", registry);
    struct verifying v = { .visit = visit, .user = user, .repair = repair, .root = root };
    if (!tl_registry_open(&v.registry, registry, error))
        return false;
    bool ok = verify_all(&v, error);
    tl_registry_close(v.registry);
    *problems = v.problems;
    return ok;
}
