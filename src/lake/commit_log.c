/* SPDX-License-Identifier: Apache-2.0 */
/* A record on disk, little-endian:
 *
 *   0  8  magic "TLEPOCH1"
 *   8  8  epoch
 *  16  8  size of the payload
 *  24  4  CRC32C of bytes 0 to 23 and of the payload
 *  28     payload
 *
 * I1: a commit names an epoch whose files are all in place. I2: of the commits that are whole the newest holds; an older one
 * is kept because the newest may turn out to be damaged. */
#include "lake/commit_log.h"

#include "base/bytes.h"
#include "base/io.h"
#include "base/log.h"
#include "base/time.h"
#include "codec/crc32c.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define MAGIC "TLEPOCH1"
#define HEADER_SIZE 28
#define RECORD_MAX ((size_t)2 << 30)
#define COMMITS_KEPT 3

struct tl_commit_log {
    struct tl_store *store;
    char *folder; /* "_tapeline/<pipeline>" */
};

bool tl_commit_log_open(struct tl_commit_log **out, struct tl_store *store, const char *pipeline, struct tl_error *error)
{
    *out = NULL;
    if (!*pipeline || strchr(pipeline, '/'))
        return tl_error_set(error, TL_INVALID, "'%s' is no name for a pipeline with checkpoints", pipeline);
    struct tl_commit_log *log = calloc(1, sizeof *log);
    size_t size = strlen(pipeline) + sizeof "_tapeline/";
    if (log)
        log->folder = malloc(size);
    if (!log || !log->folder) {
        free(log);
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    }
    snprintf(log->folder, size, "_tapeline/%s", pipeline);
    log->store = store;
    *out = log;
    return true;
}

void tl_commit_log_close(struct tl_commit_log *log)
{
    if (!log)
        return;
    free(log->folder);
    free(log);
}

bool tl_commit_log_tidy(struct tl_commit_log *log, struct tl_error *error)
{
    return tl_store_tidy(log->store, log->folder, error);
}

bool tl_commit_log_settle(struct tl_commit_log *log, struct tl_error *error)
{
    return tl_store_settle(log->store, log->folder, error);
}

bool tl_commit_log_check_fence(struct tl_commit_log *log, struct tl_error *error)
{
    char name[PATH_MAX];
    snprintf(name, sizeof name, "%s/fence", log->folder);
    return tl_store_check_create(log->store, name, error);
}

static void name_of(const struct tl_commit_log *log, const char *kind, uint64_t epoch, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "%s/%s-%020" PRIu64, log->folder, kind, epoch);
}

static bool encode(uint64_t epoch, struct tl_view payload, struct tl_buf *out, struct tl_error *error)
{
    char header[HEADER_SIZE];
    memcpy(header, MAGIC, 8);
    tl_put_le(header + 8, epoch, 8);
    tl_put_le(header + 16, payload.size, 8);
    tl_put_le(header + 24, tl_crc32c(tl_crc32c(0, header, 24), payload.data, payload.size), 4);
    tl_buf_add(out, header, sizeof header);
    tl_buf_add_view(out, payload);
    return tl_buf_ok(out, "an epoch's record", error);
}

static bool decode(struct tl_view record, uint64_t epoch, struct tl_buf *payload, struct tl_error *error)
{
    if (record.size < HEADER_SIZE || memcmp(record.data, MAGIC, 8) != 0)
        return tl_error_set(error, TL_CORRUPT, "it is no epoch record");
    if (tl_get_le(record.data + 8, 8) != epoch)
        return tl_error_set(error, TL_CORRUPT, "it is of another epoch");
    struct tl_view body = { record.data + HEADER_SIZE, record.size - HEADER_SIZE };
    if (tl_get_le(record.data + 16, 8) != body.size)
        return tl_error_set(error, TL_CORRUPT, "it is cut off");
    if (tl_get_le(record.data + 24, 4) != tl_crc32c(tl_crc32c(0, record.data, 24), body.data, body.size))
        return tl_error_set(error, TL_CORRUPT, "its checksum does not fit");
    tl_buf_add_view(payload, body);
    return tl_buf_ok(payload, "an epoch's record", error);
}

static bool load(struct tl_commit_log *log, const char *kind, uint64_t epoch, struct tl_buf *payload, struct tl_error *error)
{
    char name[PATH_MAX];
    struct tl_buf record;
    name_of(log, kind, epoch, name);
    tl_buf_init(&record, RECORD_MAX);
    bool ok = tl_store_get(log->store, name, &record, error);
    if (ok && !decode(tl_buf_view(&record), epoch, payload, error))
        ok = tl_error_context(error, "'%s/%s'", tl_store_root(log->store), name);
    tl_buf_release(&record);
    return ok;
}

/* "commit-00000000000000000042" -> 42. */
static bool epoch_of(const char *name, const char *kind, uint64_t *epoch)
{
    size_t prefix = strlen(kind);
    return strncmp(name, kind, prefix) == 0 && name[prefix] == '-' && strlen(name) == prefix + 21 &&
           tl_view_to_u64(tl_view_of(name + prefix + 1), epoch);
}

bool tl_commit_log_load(struct tl_commit_log *log, bool *found, uint64_t *epoch, struct tl_buf *payload, struct tl_error *error)
{
    struct tl_dir_list names;
    *found = false;
    if (!tl_store_list_from(log->store, log->folder, "commit-", &names, error))
        return false;
    bool ok = true, damaged = false;
    for (size_t i = names.count; ok && !*found && i-- > 0;) { /* newest first: names sort as epochs do */
        if (!epoch_of(names.names[i], "commit", epoch))
            continue;
        tl_buf_reset(payload);
        if (load(log, "commit", *epoch, payload, error)) {
            *found = true;
        } else if (error->code == TL_CORRUPT) {
            tl_log_warn("lake", "%s; the commit before it is used", error->text);
            damaged = true;
        } else {
            ok = false;
        }
    }
    tl_dir_list_release(&names);
    if (ok && damaged && !*found)
        return tl_error_set(error, TL_CORRUPT, "no commit in '%s/%s' can be read", tl_store_root(log->store), log->folder);
    return ok;
}

bool tl_commit_log_load_intent(struct tl_commit_log *log, uint64_t epoch, bool *found, struct tl_buf *payload, struct tl_error *error)
{
    tl_buf_reset(payload);
    *found = load(log, "intent", epoch, payload, error);
    return *found || error->code == TL_NOT_FOUND;
}

bool tl_commit_log_is_last(struct tl_commit_log *log, uint64_t epoch, bool *last, struct tl_error *error)
{
    struct tl_dir_list names;
    if (!tl_store_list(log->store, log->folder, &names, error))
        return false;
    *last = true;
    for (size_t i = 0; i < names.count; i++) {
        uint64_t of;
        if ((epoch_of(names.names[i], "commit", &of) && of >= epoch) || (epoch_of(names.names[i], "intent", &of) && of > epoch))
            *last = false;
    }
    tl_dir_list_release(&names);
    return true;
}

static bool is_damaged(struct tl_commit_log *log, const char *kind, uint64_t epoch)
{
    struct tl_buf payload;
    struct tl_error error;
    tl_buf_init(&payload, RECORD_MAX);
    bool damaged = !load(log, kind, epoch, &payload, &error) && error.code == TL_CORRUPT;
    tl_buf_release(&payload);
    return damaged;
}

static bool write_record(struct tl_commit_log *log, const char *kind, uint64_t epoch, struct tl_view payload, struct tl_error *error)
{
    char name[PATH_MAX];
    struct tl_buf record;
    name_of(log, kind, epoch, name);
    tl_buf_init(&record, RECORD_MAX);
    bool ok = encode(epoch, payload, &record, error) && tl_store_create(log->store, name, tl_buf_view(&record), error);
    if (!ok && error->code == TL_CONFLICT && record.size && !record.failed && is_damaged(log, kind, epoch))
        ok = tl_store_put(log->store, name, tl_buf_view(&record), error); /* the epoch is run again because this one is of no use */
    tl_buf_release(&record);
    return ok;
}

bool tl_commit_log_intent(struct tl_commit_log *log, uint64_t epoch, struct tl_view payload, struct tl_error *error)
{
    if (write_record(log, "intent", epoch, payload, error))
        return true;
    if (error->code == TL_CONFLICT)
        tl_error_context(error, "another instance of this pipeline has begun epoch %" PRIu64 " (stop one of them)", epoch);
    return false;
}

static void prune(struct tl_commit_log *log, uint64_t newest)
{
    struct tl_dir_list names;
    struct tl_error error;
    if (!tl_store_list_from(log->store, log->folder, "commit-", &names, &error))
        return;
    for (size_t i = 0; i < names.count; i++) {
        uint64_t epoch;
        char name[PATH_MAX];
        if (!epoch_of(names.names[i], "commit", &epoch) || epoch + COMMITS_KEPT > newest)
            continue;
        name_of(log, "commit", epoch, name);
        if (!tl_store_delete(log->store, name, &error))
            tl_log_warn("lake", "an old commit stays: %s", error.text);
    }
    tl_dir_list_release(&names);
}

bool tl_commit_log_commit(struct tl_commit_log *log, uint64_t epoch, struct tl_view payload, struct tl_error *error)
{
    if (!write_record(log, "commit", epoch, payload, error))
        return false;
    prune(log, epoch);
    return true;
}
