/* SPDX-License-Identifier: Apache-2.0 */
/* Tables that clients have made (CREATE TABLE ... AS): a list of their own beside the executions' records, so that what pipelines own stays theirs.
 * In a loaded catalog they stand behind the lake's, with their location ("s3://...") for a path. */
#include "faces/athena_run_int.h"

#include "lake/duck.h"

#include <stdio.h>
#include <stdlib.h>

#define FILE_MAX ((size_t)256 << 20)

static void client_release(struct tl_athena_client *t)
{
    for (size_t i = 0; i < t->column_count; i++)
        free((char *)t->columns[i].name);
    free(t->columns);
    free(t->database);
    free(t->name);
    free(t->location);
    free(t->file);
    *t = (struct tl_athena_client){ .name = NULL };
}

/* ---- the file ---- */

static void write_client(struct tl_json_writer *w, const struct tl_athena_client *t)
{
    tl_json_begin_object(w);
    tl_json_member_text(w, "database", t->database);
    tl_json_member_text(w, "name", t->name);
    tl_json_member_text(w, "location", t->location);
    tl_json_member_text(w, "file", t->file);
    tl_catalog_write_columns(w, t->columns, t->column_count);
    tl_json_end_object(w);
}

/* NULL: there is none, or an empty one. */
static char *filled(struct tl_json json, const char *name)
{
    return tl_json_get_string(json, name).size ? tl_athena_member(json, name) : NULL;
}

static bool read_client(struct tl_json json, struct tl_athena_client *t)
{
    struct tl_json list = tl_json_member(json, "columns"), item;
    struct tl_json_iter it;
    *t = (struct tl_athena_client){ .database = filled(json, "database"), .name = filled(json, "name"), .location = filled(json, "location"),
                                    .file = filled(json, "file"), .columns = calloc(tl_json_size(list) + 1, sizeof *t->columns) };
    bool ok = t->database && t->name && t->location && t->file && t->columns;
    for (tl_json_iter_init(&it, list); ok && tl_json_next(&it, NULL, &item);) {
        struct tl_column_def *c = &t->columns[t->column_count];
        c->name = filled(item, "name");
        t->column_count += c->name != NULL;
        ok = c->name && tl_type_parse(tl_json_get_string(item, "type"), &c->type);
    }
    return ok && t->column_count > 0;
}

static void write_clients(const struct tl_athena_face *a, struct tl_json_writer *w)
{
    tl_json_key(w, "tables");
    tl_json_begin_array(w);
    for (size_t i = 0; i < a->client_count; i++)
        write_client(w, &a->clients[i]);
    tl_json_end_array(w);
}

static void read_clients(struct tl_athena_face *a, struct tl_json root)
{
    struct tl_json item;
    struct tl_json_iter it;
    for (tl_json_iter_init(&it, tl_json_member(root, "tables")); a->client_count < TL_ATHENA_NAMES_MAX && tl_json_next(&it, NULL, &item);) {
        if (read_client(item, &a->clients[a->client_count]))
            a->client_count++;
        else
            client_release(&a->clients[a->client_count]);
    }
}

static const struct tl_athena_list clients = { "tables.json", "the tables that clients made", FILE_MAX, write_clients, read_clients };

bool tl_athena_clients_open(struct tl_athena_face *a, struct tl_error *error)
{
    return tl_athena_list_load(a, &clients, error);
}

void tl_athena_clients_close(struct tl_athena_face *a)
{
    for (size_t i = 0; i < a->client_count; i++)
        client_release(&a->clients[i]);
}

/* ---- in the catalog ---- */

static void as_table(struct tl_arena *arena, const struct tl_athena_client *t, struct tl_catalog_table *out)
{
    struct tl_column_def *columns = TL_ARENA_ARRAY(arena, t->column_count, struct tl_column_def);
    *out = (struct tl_catalog_table){ .database = tl_arena_text(arena, tl_view_of(t->database)), .name = tl_arena_text(arena, tl_view_of(t->name)),
                                      .path = tl_arena_text(arena, tl_view_of(t->location)), .columns = columns, .column_count = columns ? t->column_count : 0 };
    for (size_t i = 0; columns && i < t->column_count; i++)
        columns[i] = (struct tl_column_def){ tl_arena_text(arena, tl_view_of(t->columns[i].name)), t->columns[i].type, false };
}

bool tl_athena_add_clients(struct tl_athena_face *a, struct tl_catalog *catalog, struct tl_error *error)
{
    struct tl_arena *arena = catalog->arena_private;
    pthread_mutex_lock(&a->mutex);
    struct tl_catalog_table *tables = TL_ARENA_ARRAY(arena, catalog->count + a->client_count + 1, struct tl_catalog_table);
    if (tables) {
        if (catalog->count)
            memcpy(tables, catalog->tables, catalog->count * sizeof *tables);
        for (size_t i = 0; i < a->client_count; i++)
            as_table(arena, &a->clients[i], &tables[catalog->count + i]);
        catalog->count += a->client_count;
        catalog->tables = tables;
    }
    pthread_mutex_unlock(&a->mutex);
    return tl_arena_ok(arena, "the catalog", error);
}

bool tl_athena_is_client(const struct tl_catalog_table *t)
{
    return tl_store_is_s3(t->path);
}

/* ---- in a statement ---- */

static struct tl_athena_client *find(struct tl_athena_face *a, const char *database, const char *name)
{
    for (size_t i = 0; i < a->client_count; i++)
        if (strcmp(a->clients[i].database, database) == 0 && strcmp(a->clients[i].name, name) == 0)
            return &a->clients[i];
    return NULL;
}

static bool add_view(struct tl_athena_work *w, const struct tl_athena_client *t, struct tl_query_view *out)
{
    struct tl_buf sql;
    tl_buf_init(&sql, 1 << 16);
    tl_buf_add_text(&sql, "SELECT * FROM read_parquet(");
    tl_sql_add_string(&sql, tl_view_of(t->file));
    tl_buf_add_char(&sql, ')');
    *out = (struct tl_query_view){ tl_arena_text(&w->arena, tl_view_of(t->database)), tl_arena_text(&w->arena, tl_view_of(t->name)),
                                   tl_arena_text(&w->arena, tl_buf_view(&sql)) };
    tl_buf_release(&sql);
    return out->database && out->name && out->select;
}

bool tl_athena_client_views(struct tl_athena_work *w, const char *sql, struct tl_error *error)
{
    struct tl_athena_face *a = w->athena;
    size_t count = 0;
    bool ok = true;
    pthread_mutex_lock(&a->mutex);
    struct tl_query_view *views = TL_ARENA_ARRAY(&w->arena, a->client_count + 1, struct tl_query_view);
    for (size_t i = 0; views && ok && i < a->client_count; i++)
        if (strcasestr(sql, a->clients[i].name))
            ok = add_view(w, &a->clients[i], &views[count++]);
    pthread_mutex_unlock(&a->mutex);
    w->trino.views = views;
    w->trino.view_count = views ? count : 0;
    if (count && !w->readable)
        w->readable = realpath(tl_face_options(a->face)->results_dir, NULL);
    w->trino.readable = count ? w->readable : NULL;
    return (views && ok && (!count || w->readable)) || tl_error_set(error, TL_NO_MEMORY, "out of memory");
}

static const char *database_of(const struct tl_athena_work *w, const struct tl_athena_statement *s)
{
    return s->database ? s->database : w->execution->database;
}

bool tl_athena_table_is_new(struct tl_athena_work *w, const struct tl_athena_statement *s, bool *there, struct tl_error *error)
{
    struct tl_store *store;
    struct tl_catalog catalog;
    const char *database = database_of(w, s);
    bool known = false;
    *there = false;
    if (!database)
        return tl_error_set(error, TL_INVALID, "MISSING_SCHEMA_NAME: Schema must be specified when session schema is not set");
    if (!tl_athena_load_catalog(w->athena, &store, &catalog, error))
        return false;
    for (size_t i = 0; i < catalog.count; i++)
        known = known || strcmp(catalog.tables[i].database, database) == 0;
    *there = tl_athena_find_table(&catalog, tl_view_of(database), tl_view_of(s->table)) != NULL;
    tl_catalog_release(&catalog);
    tl_store_close(store);
    if (*there)
        return tl_error_set(error, TL_CONFLICT, "TABLE_ALREADY_EXISTS: Table '%s.%s' already exists", database, s->table);
    return known || tl_error_set(error, TL_NOT_FOUND, "SCHEMA_NOT_FOUND: Schema '%s' does not exist", database);
}

/* With the mutex held. */
static bool put(struct tl_athena_face *a, struct tl_athena_client *t, struct tl_error *error)
{
    if (find(a, t->database, t->name))
        return tl_error_set(error, TL_CONFLICT, "TABLE_ALREADY_EXISTS: Table '%s.%s' already exists", t->database, t->name);
    if (a->client_count == TL_ATHENA_NAMES_MAX)
        return tl_error_set(error, TL_LIMIT, "clients have made %d tables already: DROP some", TL_ATHENA_NAMES_MAX);
    a->clients[a->client_count++] = *t;
    if (tl_athena_list_save(a, &clients, error))
        return true;
    a->client_count--;
    return false;
}

bool tl_athena_register(struct tl_athena_work *w, const struct tl_athena_statement *s, const struct tl_athena_place *place, const char *file,
                        const struct tl_trino_columns *columns, struct tl_error *error)
{
    char *real = realpath(file, NULL);
    struct tl_athena_client t = { .database = strdup(database_of(w, s)), .name = strdup(s->table), .location = strdup(place->url), .file = real,
                                  .columns = calloc(columns->count + 1, sizeof *t.columns) };
    bool ok = t.database && t.name && t.location && t.file && t.columns;
    for (size_t i = 0; ok && i < columns->count; i++) {
        t.columns[i].name = strdup(columns->items[i].name);
        t.columns[i].type = tl_athena_language_type(columns->items[i].type);
        t.column_count += t.columns[i].name != NULL;
        ok = t.columns[i].name != NULL;
    }
    if (!ok)
        tl_error_set(error, TL_NO_MEMORY, "out of memory");
    pthread_mutex_lock(&w->athena->mutex);
    ok = ok && put(w->athena, &t, error);
    pthread_mutex_unlock(&w->athena->mutex);
    if (!ok)
        client_release(&t);
    return ok;
}

bool tl_athena_drop_client(struct tl_athena_face *a, const char *database, const char *name, bool *found, struct tl_error *error)
{
    pthread_mutex_lock(&a->mutex);
    struct tl_athena_client *t = find(a, database, name);
    bool ok = true;
    *found = t != NULL;
    if (t) {
        client_release(t);
        a->client_count--;
        memmove(t, t + 1, (size_t)(a->clients + a->client_count - t) * sizeof *t);
        ok = tl_athena_list_save(a, &clients, error);
    }
    pthread_mutex_unlock(&a->mutex);
    return ok;
}

/* The data stays where it is, as in Athena. */
bool tl_athena_drop_table(struct tl_athena_work *w, const struct tl_athena_statement *s, struct tl_error *error)
{
    const char *database = database_of(w, s);
    struct tl_store *store;
    struct tl_catalog catalog;
    bool found;
    if (!database)
        return tl_error_set(error, TL_INVALID, "FAILED: SemanticException no database: name it before the table, or in QueryExecutionContext");
    if (!tl_athena_drop_client(w->athena, database, s->table, &found, error))
        return false;
    if (found)
        return true;
    if (!tl_athena_load_catalog(w->athena, &store, &catalog, error))
        return false;
    bool owned = tl_athena_find_table(&catalog, tl_view_of(database), tl_view_of(s->table)) != NULL;
    tl_catalog_release(&catalog);
    tl_store_close(store);
    if (owned)
        return tl_error_set(error, TL_DENIED, "NOT_SUPPORTED: table '%s.%s' was not made by a client: it belongs to a pipeline", database, s->table);
    return s->if_exists || tl_error_set(error, TL_NOT_FOUND, "FAILED: SemanticException [Error 10001]: Table not found %s.%s", database, s->table);
}
