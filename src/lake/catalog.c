/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/catalog.h"

#include "base/arena.h"
#include "codec/json.h"
#include "lake/lake_lock.h"

#include <stdlib.h>

#define NAME "_tapeline/catalog.json"
#define CATALOG_MAX ((size_t)16 << 20)
#define TRIES 20

void tl_catalog_write_columns(struct tl_json_writer *w, const struct tl_column_def *columns, size_t count)
{
    tl_json_key(w, "columns");
    tl_json_begin_array(w);
    for (size_t i = 0; i < count; i++) {
        tl_json_begin_object(w);
        tl_json_member_text(w, "name", columns[i].name);
        tl_json_member_text(w, "type", tl_type_name(columns[i].type));
        tl_json_end_object(w);
    }
    tl_json_end_array(w);
}

void tl_catalog_write_shape(struct tl_json_writer *w, const struct tl_catalog_table *t)
{
    tl_catalog_write_columns(w, t->columns, t->column_count);
    tl_json_key(w, "partition_by");
    tl_json_begin_array(w);
    for (size_t i = 0; i < t->partition_count; i++)
        tl_json_write_text(w, t->partition_by[i]);
    tl_json_end_array(w);
}

static void write_table(struct tl_json_writer *w, const struct tl_catalog_table *t)
{
    tl_json_begin_object(w);
    tl_json_member_text(w, "database", t->database);
    tl_json_member_text(w, "name", t->name);
    tl_json_member_text(w, "path", t->path);
    tl_json_member_text(w, "format", tl_sink_format_name(t->format));
    tl_json_member_bool(w, "synthetic", t->synthetic);
    tl_catalog_write_shape(w, t);
    tl_json_end_object(w);
}

static bool same_table(const struct tl_catalog_table *a, const struct tl_catalog_table *b)
{
    return strcmp(a->database, b->database) == 0 && strcmp(a->name, b->name) == 0;
}

#define WAY_OUT "give the sink another 'table' and 'path', or use another lake"

static const struct tl_column_def *find_column(const struct tl_catalog_table *t, const char *name)
{
    for (size_t i = 0; i < t->column_count; i++)
        if (strcmp(t->columns[i].name, name) == 0)
            return &t->columns[i];
    return NULL;
}

static bool is_folder(const struct tl_catalog_table *t, const char *column)
{
    for (size_t i = 0; i < t->partition_count; i++)
        if (strcmp(t->partition_by[i], column) == 0)
            return true;
    return false;
}

/* The index of the table's n-th column that its files have; column_count: there is none. */
static size_t file_column(const struct tl_catalog_table *t, size_t n)
{
    size_t i = 0;
    while (i < t->column_count && (is_folder(t, t->columns[i].name) || n-- > 0))
        i++;
    return i;
}

/* Athena goes by the places of a CSV file's columns, not by their names. */
static bool same_places(const struct tl_catalog_table *old, const struct tl_catalog_table *new, struct tl_error *error)
{
    for (size_t n = 0, was = file_column(old, n); was < old->column_count; was = file_column(old, ++n)) {
        size_t is = file_column(new, n);
        if (is == new->column_count || strcmp(old->columns[was].name, new->columns[is].name) != 0)
            return tl_error_set(error, TL_CONFLICT, "column '%s' of table '%s.%s' has another place than in this lake's csv files, whose columns are read by "
                                "their places: add columns at the end, or " WAY_OUT, old->columns[was].name, new->database, new->name);
    }
    return true;
}

/* Columns may be added, at any place, and nothing else: rows that are there keep their meaning, and have NULL in the new ones. */
static bool compatible(const struct tl_catalog_table *old, const struct tl_catalog_table *new, struct tl_error *error)
{
    if (strcmp(old->path, new->path) != 0)
        return tl_error_set(error, TL_CONFLICT, "table '%s.%s' is at '%s' in this lake, not at '%s': " WAY_OUT, new->database, new->name,
                            old->path, new->path);
    if (old->format != new->format && (tl_sink_format_is_text(old->format) || tl_sink_format_is_text(new->format)))
        return tl_error_set(error, TL_CONFLICT, "table '%s.%s' is of %s files in this lake, not of %s ones: " WAY_OUT, new->database, new->name,
                            tl_sink_format_name(old->format), tl_sink_format_name(new->format));
    for (size_t i = 0; i < old->column_count; i++) {
        const struct tl_column_def *was = &old->columns[i], *is = find_column(new, was->name);
        if (!is)
            return tl_error_set(error, TL_CONFLICT, "table '%s.%s' has a column '%s' in this lake, which is missing now: keep it, or " WAY_OUT,
                                new->database, new->name, was->name);
        if (is->type != was->type)
            return tl_error_set(error, TL_CONFLICT, "column '%s' of table '%s.%s' is %s in this lake, and %s now: CAST it, or " WAY_OUT,
                                was->name, new->database, new->name, tl_type_name(was->type), tl_type_name(is->type));
    }
    if (new->format == TL_SINK_CSV && !same_places(old, new, error))
        return false;
    bool same = old->partition_count == new->partition_count;
    for (size_t i = 0; same && i < old->partition_count; i++)
        same = strcmp(old->partition_by[i], new->partition_by[i]) == 0;
    return same || tl_error_set(error, TL_CONFLICT, "table '%s.%s' has other partitions in this lake: " WAY_OUT, new->database, new->name);
}

/* In its place; a new one at the end. */
static bool write_tables(const struct tl_catalog *catalog, const struct tl_catalog_table *table, bool replace, struct tl_buf *out,
                         struct tl_error *error)
{
    struct tl_json_writer w;
    bool found = false;
    tl_json_writer_init(&w, out);
    tl_json_begin_object(&w);
    tl_json_member_i64(&w, "version", 1);
    tl_json_key(&w, "tables");
    tl_json_begin_array(&w);
    for (size_t i = 0; i < catalog->count; i++) {
        bool same = same_table(&catalog->tables[i], table);
        if (same && !replace && !compatible(&catalog->tables[i], table, error))
            return false;
        found = found || same;
        write_table(&w, same ? table : &catalog->tables[i]);
    }
    if (!found)
        write_table(&w, table);
    tl_json_end_array(&w);
    tl_json_end_object(&w);
    tl_buf_add_char(out, '\n');
    return tl_buf_ok(out, "the catalog", error);
}

static bool read_columns(struct tl_arena *arena, struct tl_json json, struct tl_catalog_table *t)
{
    struct tl_json list, item;
    struct tl_json_iter it;
    if (!tl_json_get(json, "columns", &list) || tl_json_kind_of(list) != TL_JSON_ARRAY)
        return false;
    struct tl_column_def *columns = TL_ARENA_ARRAY(arena, tl_json_size(list), struct tl_column_def);
    t->columns = columns;
    for (tl_json_iter_init(&it, list); columns && tl_json_next(&it, NULL, &item);) {
        struct tl_column_def *c = &columns[t->column_count++];
        c->name = tl_arena_text(arena, tl_json_get_string(item, "name"));
        if (!tl_json_get_string(item, "name").size || !tl_type_parse(tl_json_get_string(item, "type"), &c->type))
            return false;
    }
    if (!tl_json_get(json, "partition_by", &list))
        return true;
    const char **names = TL_ARENA_ARRAY(arena, tl_json_size(list), const char *);
    t->partition_by = names;
    for (tl_json_iter_init(&it, list); names && tl_json_next(&it, NULL, &item);) {
        struct tl_view name = { NULL, 0 };
        if (!tl_json_string(item, &name))
            return false;
        names[t->partition_count++] = tl_arena_text(arena, name);
    }
    return true;
}

static bool read_tables(struct tl_arena *arena, struct tl_json root, struct tl_catalog *out)
{
    struct tl_json list, item;
    struct tl_json_iter it;
    if (tl_json_get_i64(root, "version", 0) != 1 || !tl_json_get(root, "tables", &list) || tl_json_kind_of(list) != TL_JSON_ARRAY)
        return false;
    out->tables = TL_ARENA_ARRAY(arena, tl_json_size(list), struct tl_catalog_table);
    for (tl_json_iter_init(&it, list); out->tables && tl_json_next(&it, NULL, &item);) {
        struct tl_catalog_table *t = &out->tables[out->count++];
        t->database = tl_arena_text(arena, tl_json_get_string(item, "database"));
        t->name = tl_arena_text(arena, tl_json_get_string(item, "name"));
        t->path = tl_arena_text(arena, tl_json_get_string(item, "path"));
        t->format = tl_sink_format_parse(tl_json_get_string(item, "format"));
        t->synthetic = tl_json_get_bool(item, "synthetic", false);
        bool named = tl_json_get_string(item, "database").size && tl_json_get_string(item, "name").size && tl_json_get_string(item, "path").size;
        if (!named || !read_columns(arena, item, t))
            return false;
    }
    return !arena->failed;
}

static bool read_file(struct tl_store *store, struct tl_buf *text, struct tl_catalog *out, struct tl_error *error)
{
    struct tl_json_parser *parser;
    struct tl_json root;
    if (!tl_json_parser_new(&parser, error))
        return false;
    bool ok = tl_json_parse_copy(parser, tl_buf_view(text), &root, error) && read_tables(out->arena_private, root, out);
    if (!ok)
        tl_error_set(error, TL_CORRUPT, "'%s/" NAME "' is no catalog of this version", tl_store_root(store));
    tl_json_parser_free(parser);
    return ok;
}

/* text: what it was read from; etag: "" where there is none. */
static bool load(struct tl_store *store, struct tl_catalog *out, struct tl_buf *text, char etag[TL_STORE_ETAG_MAX], struct tl_error *error)
{
    *out = (struct tl_catalog){ .arena_private = calloc(1, sizeof(struct tl_arena)) };
    if (!out->arena_private)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    tl_arena_init(out->arena_private, CATALOG_MAX * 4);
    etag[0] = '\0';
    bool ok = tl_store_get_tagged(store, NAME, text, etag, error);
    if (ok)
        ok = read_file(store, text, out, error);
    else if (error->code == TL_NOT_FOUND)
        ok = true; /* an empty lake */
    if (!ok)
        tl_catalog_release(out);
    return ok;
}

/* *again: someone else has changed the catalog of a bucket since it was read. */
static bool change_once(struct tl_store *store, const struct tl_catalog_table *table, bool replace, bool *again, struct tl_error *error)
{
    struct tl_catalog catalog;
    struct tl_buf now, out;
    char etag[TL_STORE_ETAG_MAX];
    tl_buf_init(&now, CATALOG_MAX);
    tl_buf_init(&out, CATALOG_MAX);
    *again = false;
    bool ok = load(store, &catalog, &now, etag, error);
    if (ok) {
        ok = write_tables(&catalog, table, replace, &out, error);
        if (ok && !tl_view_eq(tl_buf_view(&now), tl_buf_view(&out))) {
            ok = tl_store_replace(store, NAME, tl_buf_view(&out), etag, error);
            *again = !ok && error->code == TL_CONFLICT;
        }
        tl_catalog_release(&catalog);
    }
    tl_buf_release(&out);
    tl_buf_release(&now);
    return ok;
}

static bool put_locked(struct tl_store *store, const struct tl_catalog_table *table, bool replace, struct tl_error *error)
{
    bool again = true, ok = false;
    for (unsigned tries = 0; again && tries < TRIES; tries++)
        ok = change_once(store, table, replace, &again, error);
    return ok;
}

/* Read, changed, written: a process that does the same at once would lose one of the two tables. In a folder it waits for the lock, in a
 * bucket it finds another ETag and reads again. */
static bool put_table(struct tl_store *store, const struct tl_catalog_table *table, bool replace, struct tl_error *error)
{
    struct tl_dir_lock lock;
    if (!tl_lake_lock_open(&lock, store, TL_LAKE_CATALOG, error))
        return false;
    bool ok = put_locked(store, table, replace, error);
    tl_lake_lock_close(&lock);
    return ok;
}

bool tl_catalog_ensure(struct tl_store *store, const struct tl_catalog_table *table, struct tl_error *error)
{
    return put_table(store, table, false, error);
}

bool tl_catalog_replace(struct tl_store *store, const struct tl_catalog_table *table, struct tl_error *error)
{
    return put_table(store, table, true, error);
}

bool tl_catalog_load(struct tl_store *store, struct tl_catalog *out, struct tl_error *error)
{
    struct tl_buf text;
    char etag[TL_STORE_ETAG_MAX];
    tl_buf_init(&text, CATALOG_MAX);
    bool ok = load(store, out, &text, etag, error);
    tl_buf_release(&text);
    return ok;
}

void tl_catalog_release(struct tl_catalog *catalog)
{
    if (catalog->arena_private)
        tl_arena_release(catalog->arena_private);
    free(catalog->arena_private);
    *catalog = (struct tl_catalog){ 0 };
}
