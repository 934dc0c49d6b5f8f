/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/registry.h"

#include "base/io.h"

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>

#define FORMAT 2

struct tl_registry {
    sqlite3 *db;
    char *path;
    pthread_mutex_t lock; /* held during a statement, and from begin to commit */
};

static bool fail(struct tl_registry *r, struct tl_error *error)
{
    int code = sqlite3_errcode(r->db);
    return tl_error_set(error,
                        code == SQLITE_FULL                               ? TL_NO_SPACE
                        : code == SQLITE_CORRUPT || code == SQLITE_NOTADB ? TL_CORRUPT
                                                                          : TL_IO,
                        "'%s': %s", r->path, sqlite3_errmsg(r->db));
}

static bool run(struct tl_registry *r, const char *sql, struct tl_error *error)
{
    return sqlite3_exec(r->db, sql, NULL, NULL, NULL) == SQLITE_OK || fail(r, error);
}

/* ---- statements: values are bound in the order of the letters of their kinds: i int64, t view, z text or
 * NULL ---- */

static bool bind_all(sqlite3_stmt *statement, const char *kinds, va_list args)
{
    bool ok = true;
    for (int i = 1; *kinds; kinds++, i++) {
        struct tl_view v;
        if (*kinds == 'i') {
            ok = ok && sqlite3_bind_int64(statement, i, va_arg(args, int64_t)) == SQLITE_OK;
            continue;
        }
        if (*kinds == 't') {
            v = va_arg(args, struct tl_view);
            v.data = v.data ? v.data : "";
        } else
            v = tl_view_of(va_arg(args, const char *));
        ok = ok && (!v.data || sqlite3_bind_text64(statement, i, v.data, v.size, SQLITE_TRANSIENT,
                                                   SQLITE_UTF8) == SQLITE_OK);
    }
    return ok;
}

static bool prepare_args(struct tl_registry *r, sqlite3_stmt **out, struct tl_error *error, const char *sql,
                         const char *kinds, va_list args)
{
    if (sqlite3_prepare_v2(r->db, sql, -1, out, NULL) != SQLITE_OK)
        return fail(r, error);
    if (bind_all(*out, kinds, args))
        return true;
    fail(r, error);
    sqlite3_finalize(*out);
    return false;
}

/* A statement without rows, within a transaction. */
static bool change(struct tl_registry *r, struct tl_error *error, const char *sql, const char *kinds, ...)
{
    sqlite3_stmt *statement;
    va_list args;
    va_start(args, kinds);
    bool ok = prepare_args(r, &statement, error, sql, kinds, args);
    va_end(args);
    if (!ok)
        return false;
    ok = sqlite3_step(statement) == SQLITE_DONE || fail(r, error);
    sqlite3_finalize(statement);
    return ok;
}

typedef bool row_visit(sqlite3_stmt *row, void *user, struct tl_error *error);

static bool rows(struct tl_registry *r, row_visit *visit, void *user, struct tl_error *error, const char *sql,
                 const char *kinds, ...)
{
    sqlite3_stmt *statement;
    int code = SQLITE_DONE;
    va_list args;
    pthread_mutex_lock(&r->lock);
    va_start(args, kinds);
    bool ok = prepare_args(r, &statement, error, sql, kinds, args);
    va_end(args);
    bool prepared = ok;
    while (ok && (code = sqlite3_step(statement)) == SQLITE_ROW)
        ok = visit(statement, user, error);
    if (ok && code != SQLITE_DONE)
        ok = fail(r, error);
    if (prepared)
        sqlite3_finalize(statement);
    pthread_mutex_unlock(&r->lock);
    return ok;
}

static struct tl_view text_of(sqlite3_stmt *row, int column)
{
    const char *data = (const char *)sqlite3_column_text(row, column);
    return (struct tl_view){ data ? data : "", (size_t)sqlite3_column_bytes(row, column) };
}

static void copy_name(sqlite3_stmt *row, int column, char out[TL_STREAM_NAME_MAX])
{
    struct tl_view name = text_of(row, column);
    size_t size = name.size < TL_STREAM_NAME_MAX ? name.size : TL_STREAM_NAME_MAX - 1;
    memcpy(out, name.data, size);
    out[size] = '\0';
}

/* ---- life ---- */

static bool one_number(sqlite3_stmt *row, void *user, struct tl_error *error)
{
    (void)error;
    *(int64_t *)user = sqlite3_column_int64(row, 0);
    return true;
}

static bool check_format(struct tl_registry *r, struct tl_error *error)
{
    int64_t format = 0;
    if (!rows(r, one_number, &format, error, "PRAGMA user_version", ""))
        return false;
    if (format > FORMAT)
        return tl_error_set(error, TL_INVALID,
                            "'%s' was written by a newer tapeline (format %" PRId64
                            ", this one reads %d): upgrade "
                            "tapeline or choose another folder with --data",
                            r->path, format, FORMAT);
    if (format != 0 && format < FORMAT)
        return tl_error_set(error, TL_INVALID,
                            "'%s' was written by an early tapeline (format %" PRId64
                            ", this one reads %d): remove the "
                            "folder, or choose another with --data",
                            r->path, format, FORMAT);
    return true;
}

static bool create_tables(struct tl_registry *r, struct tl_error *error)
{
    return run(
        r,
        "PRAGMA user_version = 2;"
        "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BLOB NOT NULL);"
        "CREATE TABLE IF NOT EXISTS streams (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL,"
        " created_ms INTEGER NOT NULL, on_demand INTEGER NOT NULL, deleting INTEGER NOT NULL,"
        " retention_hours INTEGER NOT NULL, monitoring INTEGER NOT NULL, max_record_kib INTEGER NOT NULL,"
        " warm_mibps INTEGER NOT NULL, auto_distribution INTEGER NOT NULL, key_id TEXT);"
        "CREATE UNIQUE INDEX IF NOT EXISTS streams_name ON streams (name) WHERE deleting = 0;"
        "CREATE TABLE IF NOT EXISTS shards (stream INTEGER NOT NULL, shard INTEGER NOT NULL,"
        " created_ms INTEGER NOT NULL, sequence_s INTEGER NOT NULL, first_hash TEXT NOT NULL,"
        " last_hash TEXT NOT NULL, parent INTEGER NOT NULL, adjacent INTEGER NOT NULL,"
        " closed_ms INTEGER NOT NULL, PRIMARY KEY (stream, shard)) WITHOUT ROWID;"
        "CREATE TABLE IF NOT EXISTS consumers (id INTEGER PRIMARY KEY AUTOINCREMENT, stream INTEGER NOT NULL,"
        " name TEXT NOT NULL, created_ms INTEGER NOT NULL, UNIQUE (stream, name));"
        "CREATE TABLE IF NOT EXISTS tags (resource TEXT NOT NULL, key TEXT NOT NULL, value TEXT NOT NULL,"
        " PRIMARY KEY (resource, key)) WITHOUT ROWID;"
        "CREATE TABLE IF NOT EXISTS policies (resource TEXT PRIMARY KEY, policy TEXT NOT NULL);"
        "CREATE TABLE IF NOT EXISTS changes (stream INTEGER NOT NULL, kind TEXT NOT NULL, at_ms INTEGER NOT "
        "NULL);",
        error);
}

bool tl_registry_open(struct tl_registry **out, const char *path, struct tl_error *error)
{
    *out = NULL;
    struct tl_registry *r = calloc(1, sizeof *r);
    if (!r || !(r->path = strdup(path))) {
        free(r);
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    }
    pthread_mutex_init(&r->lock, NULL);
    bool ok =
        sqlite3_open_v2(path, &r->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX,
                        NULL) == SQLITE_OK ||
        fail(r, error);
    ok = ok && check_format(r, error) &&
         run(r, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;", error) && create_tables(r, error);
    if (ok)
        *out = r;
    else
        tl_registry_close(r);
    return ok;
}

void tl_registry_close(struct tl_registry *r)
{
    if (!r)
        return;
    sqlite3_close(r->db);
    pthread_mutex_destroy(&r->lock);
    free(r->path);
    free(r);
}

struct key_row {
    uint8_t *key;
    bool found;
};

static bool read_key(sqlite3_stmt *row, void *user, struct tl_error *error)
{
    struct key_row *k = user;
    (void)error;
    k->found = sqlite3_column_bytes(row, 0) == 32;
    if (k->found)
        memcpy(k->key, sqlite3_column_blob(row, 0), 32);
    return true;
}

bool tl_registry_key(struct tl_registry *r, uint8_t key[32], struct tl_error *error)
{
    sqlite3_stmt *statement;
    struct key_row k = { .key = key };
    if (!tl_io->random(key, 32))
        return tl_error_sys(error, errno, "cannot get random bytes");
    if (sqlite3_prepare_v2(r->db, "INSERT OR IGNORE INTO meta VALUES ('iterator_key', ?)", -1, &statement,
                           NULL) != SQLITE_OK)
        return fail(r, error);
    sqlite3_bind_blob(statement, 1, key, 32, SQLITE_STATIC);
    bool ok = sqlite3_step(statement) == SQLITE_DONE || fail(r, error);
    sqlite3_finalize(statement);
    ok = ok && rows(r, read_key, &k, error, "SELECT value FROM meta WHERE name = 'iterator_key'", "");
    if (ok && !k.found)
        ok = tl_error_set(error, TL_CORRUPT, "'%s' holds no key for iterators", r->path);
    return ok;
}

/* ---- transactions ---- */

bool tl_registry_begin(struct tl_registry *r, struct tl_error *error)
{
    pthread_mutex_lock(&r->lock);
    if (run(r, "BEGIN IMMEDIATE", error))
        return true;
    pthread_mutex_unlock(&r->lock);
    return false;
}

void tl_registry_rollback(struct tl_registry *r)
{
    /* After some failures SQLite has rolled back by itself, and refuses: that is as good. */
    sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
    pthread_mutex_unlock(&r->lock);
}

bool tl_registry_commit(struct tl_registry *r, struct tl_error *error)
{
    if (!run(r, "COMMIT", error)) {
        tl_registry_rollback(r);
        return false;
    }
    pthread_mutex_unlock(&r->lock);
    return true;
}

/* ---- streams and shards ---- */

bool tl_registry_add_stream(struct tl_registry *r, struct tl_registry_stream *s, struct tl_error *error)
{
    if (!change(r, error,
                "INSERT INTO streams (name, created_ms, on_demand, deleting, retention_hours, monitoring, "
                "max_record_kib,"
                " warm_mibps, auto_distribution, key_id) VALUES (?, ?, ?, 0, ?, ?, ?, ?, ?, ?)",
                "ziiiiiiiz", s->name, s->created_ms, (int64_t)s->on_demand, (int64_t)s->retention_hours,
                (int64_t)s->monitoring, (int64_t)s->max_record_kib, (int64_t)s->warm_mibps,
                (int64_t)s->auto_distribution, s->key_id))
        return false;
    s->id = (uint64_t)sqlite3_last_insert_rowid(r->db);
    return true;
}

bool tl_registry_save_stream(struct tl_registry *r, const struct tl_registry_stream *s,
                             struct tl_error *error)
{
    return change(r, error,
                  "UPDATE streams SET on_demand = ?, deleting = ?, retention_hours = ?, monitoring = ?, "
                  "max_record_kib = ?,"
                  " warm_mibps = ?, auto_distribution = ?, key_id = ? WHERE id = ?",
                  "iiiiiiizi", (int64_t)s->on_demand, (int64_t)s->deleting, (int64_t)s->retention_hours,
                  (int64_t)s->monitoring, (int64_t)s->max_record_kib, (int64_t)s->warm_mibps,
                  (int64_t)s->auto_distribution, s->key_id, (int64_t)s->id);
}

bool tl_registry_remove_stream(struct tl_registry *r, uint64_t id, struct tl_error *error)
{
    static const char *const statements[] = {
        "DELETE FROM tags WHERE resource = 'stream:' || ?1 OR resource IN"
        " (SELECT 'consumer:' || id FROM consumers WHERE stream = ?1)",
        "DELETE FROM policies WHERE resource = 'stream:' || ?1 OR resource IN"
        " (SELECT 'consumer:' || id FROM consumers WHERE stream = ?1)",
        "DELETE FROM consumers WHERE stream = ?",
        "DELETE FROM shards WHERE stream = ?",
        "DELETE FROM changes WHERE stream = ?",
        "DELETE FROM streams WHERE id = ?",
    };
    for (size_t i = 0; i < TL_COUNT(statements); i++)
        if (!change(r, error, statements[i], "i", (int64_t)id))
            return false;
    return true;
}

bool tl_registry_add_shard(struct tl_registry *r, uint64_t stream, const struct tl_registry_shard *s,
                           struct tl_error *error)
{
    char first[TL_HASH_KEY_MAX], last[TL_HASH_KEY_MAX];
    tl_hash_key_format(s->first, first);
    tl_hash_key_format(s->last, last);
    return change(r, error, "INSERT INTO shards VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", "iiiizziii",
                  (int64_t)stream, (int64_t)s->index, s->created_ms, s->sequence_s, first, last, s->parent,
                  s->adjacent, s->closed_ms);
}

bool tl_registry_close_shard(struct tl_registry *r, uint64_t stream, uint32_t index, int64_t closed_ms,
                             struct tl_error *error)
{
    return change(r, error, "UPDATE shards SET closed_ms = ? WHERE stream = ? AND shard = ?", "iii",
                  closed_ms, (int64_t)stream, (int64_t)index);
}

bool tl_registry_remove_shard(struct tl_registry *r, uint64_t stream, uint32_t index, struct tl_error *error)
{
    return change(r, error, "DELETE FROM shards WHERE stream = ? AND shard = ?", "ii", (int64_t)stream,
                  (int64_t)index);
}

/* ---- consumers, tags, policies ---- */

bool tl_registry_add_consumer(struct tl_registry *r, struct tl_registry_consumer *c, struct tl_error *error)
{
    if (!change(r, error, "INSERT INTO consumers (stream, name, created_ms) VALUES (?, ?, ?)", "izi",
                (int64_t)c->stream, c->name, c->created_ms))
        return false;
    c->id = (uint64_t)sqlite3_last_insert_rowid(r->db);
    return true;
}

bool tl_registry_remove_consumer(struct tl_registry *r, uint64_t id, struct tl_error *error)
{
    return change(r, error, "DELETE FROM tags WHERE resource = 'consumer:' || ?", "i", (int64_t)id) &&
           change(r, error, "DELETE FROM policies WHERE resource = 'consumer:' || ?", "i", (int64_t)id) &&
           change(r, error, "DELETE FROM consumers WHERE id = ?", "i", (int64_t)id);
}

bool tl_registry_set_tag(struct tl_registry *r, const char *resource, struct tl_view key,
                         struct tl_view value, struct tl_error *error)
{
    return change(r, error, "INSERT OR REPLACE INTO tags VALUES (?, ?, ?)", "ztt", resource, key, value);
}

bool tl_registry_remove_tag(struct tl_registry *r, const char *resource, struct tl_view key,
                            struct tl_error *error)
{
    return change(r, error, "DELETE FROM tags WHERE resource = ? AND key = ?", "zt", resource, key);
}

bool tl_registry_set_policy(struct tl_registry *r, const char *resource, struct tl_view policy,
                            struct tl_error *error)
{
    return change(r, error, "INSERT OR REPLACE INTO policies VALUES (?, ?)", "zt", resource, policy);
}

bool tl_registry_remove_policy(struct tl_registry *r, const char *resource, struct tl_error *error)
{
    return change(r, error, "DELETE FROM policies WHERE resource = ?", "z", resource);
}

bool tl_registry_note_change(struct tl_registry *r, uint64_t stream, const char *kind, int64_t now_ms,
                             int64_t forget_ms, struct tl_error *error)
{
    return change(r, error, "DELETE FROM changes WHERE at_ms < ?", "i", forget_ms) &&
           change(r, error, "INSERT INTO changes VALUES (?, ?, ?)", "izi", (int64_t)stream, kind, now_ms);
}

bool tl_registry_set_number(struct tl_registry *r, const char *name, int64_t value, struct tl_error *error)
{
    return change(r, error, "INSERT OR REPLACE INTO meta VALUES (?, ?)", "zi", name, value);
}

/* ---- reading ---- */

struct visiting {
    union {
        tl_registry_stream_visit *stream;
        tl_registry_shard_visit *shard;
        tl_registry_consumer_visit *consumer;
        tl_registry_tag_visit *tag;
    } visit;
    void *user;
};

static bool read_stream(sqlite3_stmt *row, void *user, struct tl_error *error)
{
    struct visiting *v = user;
    struct tl_view key = text_of(row, 10);
    struct tl_registry_stream s = {
        .id = (uint64_t)sqlite3_column_int64(row, 0),
        .created_ms = sqlite3_column_int64(row, 2),
        .on_demand = sqlite3_column_int(row, 3) != 0,
        .deleting = sqlite3_column_int(row, 4) != 0,
        .retention_hours = (uint32_t)sqlite3_column_int64(row, 5),
        .monitoring = (uint32_t)sqlite3_column_int64(row, 6),
        .max_record_kib = (uint32_t)sqlite3_column_int64(row, 7),
        .warm_mibps = (uint32_t)sqlite3_column_int64(row, 8),
        .auto_distribution = sqlite3_column_int(row, 9) != 0,
        .key_id = sqlite3_column_type(row, 10) == SQLITE_NULL ? NULL : strndup(key.data, key.size),
    };
    copy_name(row, 1, s.name);
    bool ok = v->visit.stream(&s, v->user, error);
    free(s.key_id);
    return ok;
}

bool tl_registry_each(struct tl_registry *r, tl_registry_stream_visit *visit, void *user,
                      struct tl_error *error)
{
    struct visiting v = { .visit.stream = visit, .user = user };
    return rows(r, read_stream, &v, error,
                "SELECT id, name, created_ms, on_demand, deleting, retention_hours, monitoring, "
                "max_record_kib, warm_mibps,"
                " auto_distribution, key_id FROM streams ORDER BY id",
                "");
}

static bool read_shard(sqlite3_stmt *row, void *user, struct tl_error *error)
{
    struct visiting *v = user;
    struct tl_registry_shard s = {
        .index = (uint32_t)sqlite3_column_int64(row, 0),
        .created_ms = sqlite3_column_int64(row, 1),
        .sequence_s = sqlite3_column_int64(row, 2),
        .parent = sqlite3_column_int64(row, 5),
        .adjacent = sqlite3_column_int64(row, 6),
        .closed_ms = sqlite3_column_int64(row, 7),
    };
    if (!tl_hash_key_parse(text_of(row, 3), &s.first) || !tl_hash_key_parse(text_of(row, 4), &s.last))
        return tl_error_set(error, TL_CORRUPT,
                            "the registry has a shard %" PRIu32 " without a hash key range", s.index);
    return v->visit.shard(&s, v->user, error);
}

bool tl_registry_shards(struct tl_registry *r, uint64_t stream, tl_registry_shard_visit *visit, void *user,
                        struct tl_error *error)
{
    struct visiting v = { .visit.shard = visit, .user = user };
    return rows(
        r, read_shard, &v, error,
        "SELECT shard, created_ms, sequence_s, first_hash, last_hash, parent, adjacent, closed_ms FROM shards"
        " WHERE stream = ? ORDER BY shard",
        "i", (int64_t)stream);
}

static bool read_consumer(sqlite3_stmt *row, void *user, struct tl_error *error)
{
    struct visiting *v = user;
    struct tl_registry_consumer c = {
        .id = (uint64_t)sqlite3_column_int64(row, 0),
        .stream = (uint64_t)sqlite3_column_int64(row, 1),
        .created_ms = sqlite3_column_int64(row, 3),
    };
    copy_name(row, 2, c.name);
    return v->visit.consumer(&c, v->user, error);
}

bool tl_registry_consumers(struct tl_registry *r, uint64_t stream, tl_registry_consumer_visit *visit,
                           void *user, struct tl_error *error)
{
    struct visiting v = { .visit.consumer = visit, .user = user };
    return rows(r, read_consumer, &v, error,
                "SELECT id, stream, name, created_ms FROM consumers WHERE stream = ? ORDER BY id", "i",
                (int64_t)stream);
}

static bool read_tag(sqlite3_stmt *row, void *user, struct tl_error *error)
{
    struct visiting *v = user;
    return v->visit.tag(text_of(row, 0), text_of(row, 1), v->user, error);
}

bool tl_registry_tags(struct tl_registry *r, const char *resource, tl_registry_tag_visit *visit, void *user,
                      struct tl_error *error)
{
    struct visiting v = { .visit.tag = visit, .user = user };
    return rows(r, read_tag, &v, error, "SELECT key, value FROM tags WHERE resource = ? ORDER BY key", "z",
                resource);
}

static bool add_text(sqlite3_stmt *row, void *user, struct tl_error *error)
{
    (void)error;
    tl_buf_add_view(user, text_of(row, 0));
    return true;
}

bool tl_registry_policy(struct tl_registry *r, const char *resource, struct tl_buf *out,
                        struct tl_error *error)
{
    return rows(r, add_text, out, error, "SELECT policy FROM policies WHERE resource = ?", "z", resource);
}

bool tl_registry_changes(struct tl_registry *r, uint64_t stream, const char *kind, int64_t since_ms,
                         int64_t *count, struct tl_error *error)
{
    *count = 0;
    return rows(r, one_number, count, error,
                "SELECT count(*) FROM changes WHERE stream = ? AND kind = ? AND at_ms > ?", "izi",
                (int64_t)stream, kind, since_ms);
}

bool tl_registry_number(struct tl_registry *r, const char *name, int64_t absent, int64_t *value,
                        struct tl_error *error)
{
    *value = absent;
    return rows(r, one_number, value, error, "SELECT value FROM meta WHERE name = ?", "z", name);
}
