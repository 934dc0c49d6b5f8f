/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/registry.h"

#include "base/io.h"

#include <errno.h>
#include <sqlite3.h>
#include <stdlib.h>

#define FORMAT 1

struct tl_registry {
    sqlite3 *db;
    char *path;
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

static bool prepare(struct tl_registry *r, const char *sql, sqlite3_stmt **out, struct tl_error *error)
{
    return sqlite3_prepare_v2(r->db, sql, -1, out, NULL) == SQLITE_OK || fail(r, error);
}

/* One step of a statement that gives no rows; the statement is finished. */
static bool finish(struct tl_registry *r, sqlite3_stmt *statement, struct tl_error *error)
{
    bool ok = sqlite3_step(statement) == SQLITE_DONE || fail(r, error);
    sqlite3_finalize(statement);
    return ok;
}

static bool check_format(struct tl_registry *r, struct tl_error *error)
{
    sqlite3_stmt *statement;
    if (!prepare(r, "PRAGMA user_version", &statement, error))
        return false;
    int format = sqlite3_step(statement) == SQLITE_ROW ? sqlite3_column_int(statement, 0) : 0;
    sqlite3_finalize(statement);
    if (format > FORMAT)
        return tl_error_set(
            error, TL_INVALID,
            "'%s' was written by a newer tapeline (format %d, this one reads %d): upgrade tapeline or choose "
            "another folder with --data",
            r->path, format, FORMAT);
    return true;
}

static bool create_tables(struct tl_registry *r, struct tl_error *error)
{
    return run(r,
               "PRAGMA user_version = 1;"
               "CREATE TABLE IF NOT EXISTS meta (name TEXT PRIMARY KEY, value BLOB NOT NULL);"
               "CREATE TABLE IF NOT EXISTS streams (id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT "
               "NULL, created_ms INTEGER NOT NULL,"
               " shards INTEGER NOT NULL, on_demand INTEGER NOT NULL, deleting INTEGER NOT NULL DEFAULT 0, "
               "retention_hours INTEGER NOT NULL);"
               "CREATE UNIQUE INDEX IF NOT EXISTS streams_name ON streams (name) WHERE deleting = 0;",
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
    free(r->path);
    free(r);
}

bool tl_registry_key(struct tl_registry *r, uint8_t key[32], struct tl_error *error)
{
    sqlite3_stmt *statement;
    if (!tl_io->random(key, 32))
        return tl_error_sys(error, errno, "cannot get random bytes");
    if (!prepare(r, "INSERT OR IGNORE INTO meta VALUES ('iterator_key', ?)", &statement, error))
        return false;
    sqlite3_bind_blob(statement, 1, key, 32, SQLITE_STATIC);
    if (!finish(r, statement, error) ||
        !prepare(r, "SELECT value FROM meta WHERE name = 'iterator_key'", &statement, error))
        return false;
    bool ok = sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_bytes(statement, 0) == 32;
    if (ok)
        memcpy(key, sqlite3_column_blob(statement, 0), 32);
    else
        tl_error_set(error, TL_CORRUPT, "'%s' holds no key for iterators", r->path);
    sqlite3_finalize(statement);
    return ok;
}

bool tl_registry_add(struct tl_registry *r, struct tl_registry_stream *s, struct tl_error *error)
{
    sqlite3_stmt *statement;
    if (!prepare(r,
                 "INSERT INTO streams (name, created_ms, shards, on_demand, retention_hours) VALUES (?, ?, "
                 "?, ?, ?)",
                 &statement, error))
        return false;
    sqlite3_bind_text(statement, 1, s->name, -1, SQLITE_STATIC);
    sqlite3_bind_int64(statement, 2, s->created_ms);
    sqlite3_bind_int64(statement, 3, s->shards);
    sqlite3_bind_int(statement, 4, s->on_demand);
    sqlite3_bind_int64(statement, 5, s->retention_hours);
    if (!finish(r, statement, error))
        return false;
    s->id = (uint64_t)sqlite3_last_insert_rowid(r->db);
    return true;
}

static bool change(struct tl_registry *r, const char *sql, uint64_t id, struct tl_error *error)
{
    sqlite3_stmt *statement;
    if (!prepare(r, sql, &statement, error))
        return false;
    sqlite3_bind_int64(statement, 1, (int64_t)id);
    return finish(r, statement, error);
}

bool tl_registry_mark_deleting(struct tl_registry *r, uint64_t id, struct tl_error *error)
{
    return change(r, "UPDATE streams SET deleting = 1 WHERE id = ?", id, error);
}

bool tl_registry_remove(struct tl_registry *r, uint64_t id, struct tl_error *error)
{
    return change(r, "DELETE FROM streams WHERE id = ?", id, error);
}

static void read_row(sqlite3_stmt *statement, struct tl_registry_stream *s)
{
    *s = (struct tl_registry_stream){
        .id = (uint64_t)sqlite3_column_int64(statement, 0),
        .created_ms = sqlite3_column_int64(statement, 2),
        .shards = (uint32_t)sqlite3_column_int64(statement, 3),
        .on_demand = sqlite3_column_int(statement, 4) != 0,
        .deleting = sqlite3_column_int(statement, 5) != 0,
        .retention_hours = (uint32_t)sqlite3_column_int64(statement, 6),
    };
    struct tl_view name = { (const char *)sqlite3_column_text(statement, 1),
                            (size_t)sqlite3_column_bytes(statement, 1) };
    memcpy(s->name, name.data, name.size < sizeof s->name ? name.size : sizeof s->name - 1);
}

bool tl_registry_each(struct tl_registry *r, tl_registry_visit *visit, void *user, struct tl_error *error)
{
    sqlite3_stmt *statement;
    if (!prepare(r,
                 "SELECT id, name, created_ms, shards, on_demand, deleting, retention_hours FROM streams "
                 "ORDER BY id",
                 &statement, error))
        return false;
    bool ok = true;
    int code = SQLITE_DONE;
    while (ok && (code = sqlite3_step(statement)) == SQLITE_ROW) {
        struct tl_registry_stream s;
        read_row(statement, &s);
        ok = visit(&s, user, error);
    }
    if (ok && code != SQLITE_DONE)
        ok = fail(r, error);
    sqlite3_finalize(statement);
    return ok;
}
