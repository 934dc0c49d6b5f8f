/* SPDX-License-Identifier: Apache-2.0 */
#include "faces/glue_face_int.h"

#include "base/io.h"
#include "base/time.h"
#include "lake/client_tables.h"
#include "lake/glue_table.h"
#include "lake/lake_scan.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define VERSIONS_MAX 100

static int64_t now_s(void)
{
    return tl_io->wall_ns() / TL_NS_PER_S;
}

void tl_glue_doc_release(struct tl_glue_doc *doc)
{
    tl_json_parser_free(doc->parser);
    doc->parser = NULL;
}

static bool parse(struct tl_glue_call *c, struct tl_view text, const char *database, const char *name, struct tl_glue_doc *out)
{
    struct tl_error error;
    *out = (struct tl_glue_doc){ .parser = NULL };
    snprintf(out->database, sizeof out->database, "%s", database);
    snprintf(out->name, sizeof out->name, "%s", name);
    if (tl_json_parser_new(&out->parser, &error) && tl_json_parse_copy(out->parser, text, &out->root, &error))
        return true;
    tl_error_context(&error, "table %s.%s", database, name);
    tl_glue_doc_release(out);
    return tl_face_fail_internal(c->job, &error);
}

/* ---- what pipelines write ---- */

/* Where the lake is for clients. */
static const char *root_of(const struct tl_glue_call *c)
{
    return tl_store_folder(c->glue->lake) ? "s3://" TL_LAKE_BUCKET : tl_store_root(c->glue->lake);
}

/* "ticker=A/year=2024" of "path/ticker=A/year=2024/part.parquet": as many folders as there are keys. */
static bool partition_of(const struct tl_catalog_table *t, const char *file, char out[PATH_MAX])
{
    const char *end = file + strlen(t->path) + 1;
    snprintf(out, PATH_MAX, "%s", end);
    char *at = out;
    for (size_t i = 0; i < t->partition_count; i++) {
        size_t size = strlen(t->partition_by[i]);
        if (strncmp(at, t->partition_by[i], size) != 0 || at[size] != '=' || !(at = strchr(at, '/')))
            return false;
        at++;
    }
    at[-1] = '\0';
    return true;
}

/* Files come sorted: those of a partition follow each other. */
static bool write_folders(struct tl_glue_call *c, struct tl_json_writer *w, const struct tl_catalog_table *t, struct tl_error *error)
{
    struct tl_dir_list files;
    char folder[PATH_MAX], last[PATH_MAX] = "";
    if (!tl_lake_table_files(c->glue->lake, t, &files, error))
        return false;
    for (size_t i = 0; i < files.count; i++) {
        if (!partition_of(t, files.names[i], folder) || strcmp(folder, last) == 0)
            continue;
        memcpy(last, folder, sizeof last);
        tl_json_begin_object(w);
        tl_json_member_i64(w, "created", 0);
        tl_json_key(w, "PartitionInput");
        tl_glue_write_partition(w, root_of(c), t, folder, NULL);
        tl_json_end_object(w);
    }
    tl_dir_list_release(&files);
    return true;
}

static bool doc_of_pipeline(struct tl_glue_call *c, const struct tl_catalog_table *t, bool partitions, const char *database, const char *name,
                            struct tl_glue_doc *out)
{
    struct tl_json_writer w;
    struct tl_buf text;
    struct tl_store_info info;
    struct tl_error error, ignored;
    tl_buf_init(&text, TL_CLIENT_DOCUMENT_MAX);
    tl_json_writer_init(&w, &text);
    tl_json_begin_object(&w);
    tl_glue_write_table(&w, root_of(c), t, TL_GLUE_REGISTER);
    tl_json_key(&w, "partitions");
    tl_json_begin_array(&w);
    bool ok = !partitions || !tl_glue_has_partitions(t) || write_folders(c, &w, t, &error);
    tl_json_end_array(&w);
    if (tl_store_head(c->glue->lake, "_tapeline/catalog.json", &info, &ignored)) { /* when it was told of last: there is no other date */
        tl_json_member_i64(&w, "created", info.modified_ns / TL_NS_PER_S);
        tl_json_member_i64(&w, "updated", info.modified_ns / TL_NS_PER_S);
    }
    tl_json_end_object(&w);
    ok = ok && tl_buf_ok(&text, "a table's document", &error);
    ok = ok ? parse(c, tl_buf_view(&text), database, name, out) : tl_face_fail_internal(c->job, &error);
    if (ok)
        out->pipeline = t;
    tl_buf_release(&text);
    return ok;
}

/* Glue's names are of small letters. */
static bool is_named(const char *name, const char *lower)
{
    return tl_view_eq_ignore_case(tl_view_of(name), tl_view_of(lower));
}

/* ---- either ---- */

static bool doc_of_client(struct tl_glue_call *c, const char *database, const char *name, struct tl_glue_doc *out, bool *found)
{
    struct tl_buf path, text;
    struct tl_error error;
    bool ok = true;
    tl_buf_init(&path, PATH_MAX);
    tl_buf_init(&text, TL_CLIENT_DOCUMENT_MAX);
    *found = tl_client_table_path(tl_view_of(database), tl_view_of(name), &path);
    if (*found && !tl_store_get(c->glue->lake, tl_buf_text(&path), &text, &error)) {
        *found = false;
        ok = error.code == TL_NOT_FOUND || tl_face_fail_internal(c->job, &error);
    }
    if (*found)
        ok = parse(c, tl_buf_view(&text), database, name, out);
    tl_buf_release(&path);
    tl_buf_release(&text);
    return ok;
}

bool tl_glue_doc_find(struct tl_glue_call *c, const char *database, const char *name, bool partitions, struct tl_glue_doc *out, bool *found)
{
    *out = (struct tl_glue_doc){ .parser = NULL };
    *found = true;
    for (size_t i = 0; i < c->catalog.count; i++)
        if (is_named(c->catalog.tables[i].database, database) && is_named(c->catalog.tables[i].name, name))
            return doc_of_pipeline(c, &c->catalog.tables[i], partitions, database, name, out);
    return doc_of_client(c, database, name, out, found);
}

bool tl_glue_doc_get(struct tl_glue_call *c, const char *database, const char *name, bool partitions, struct tl_glue_doc *out)
{
    bool found;
    return tl_glue_doc_find(c, database, name, partitions, out, &found) &&
           (found || tl_glue_fail(c, "EntityNotFoundException", "Table %s not found.", name));
}

bool tl_glue_doc_get_own(struct tl_glue_call *c, const char *database, const char *name, struct tl_glue_doc *out)
{
    if (!tl_glue_doc_get(c, database, name, false, out))
        return false;
    if (!out->pipeline)
        return true;
    const char *path = out->pipeline->path;
    tl_glue_doc_release(out);
    return tl_glue_fail(c, "InvalidInputException", "The table %s.%s (%s/) is written by a pipeline of tapeline: it can be read, and not changed here.",
                        database, name, path);
}

/* ---- all of them ---- */

struct name {
    char *database, *name;
};

static int by_names(const void *a, const void *b)
{
    const struct name *x = a, *y = b;
    int order = strcmp(x->database, y->database);
    return order ? order : strcmp(x->name, y->name);
}

static char *lower(struct tl_view text)
{
    char *out = strndup(text.size ? text.data : "", text.size);
    for (char *at = out; at && *at; at++)
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at | 32) : *at;
    return out;
}

struct names {
    struct name *items;
    size_t count;
};

static bool add_name(struct names *names, struct tl_view database, struct tl_view name)
{
    struct name *n = &names->items[names->count++];
    *n = (struct name){ lower(database), lower(name) };
    return n->database && n->name;
}

static void names_release(struct names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        free(names->items[i].database);
        free(names->items[i].name);
    }
    free(names->items);
}

static bool find_names(struct tl_glue_call *c, struct names *names, struct tl_error *error)
{
    struct tl_dir_list list;
    struct tl_buf database, table;
    if (!tl_client_tables_list(c->glue->lake, &list, error))
        return false;
    names->items = calloc(c->catalog.count + list.count + 1, sizeof *names->items);
    bool ok = names->items != NULL;
    tl_buf_init(&database, 1024);
    tl_buf_init(&table, 1024);
    for (size_t i = 0; ok && i < c->catalog.count; i++)
        ok = add_name(names, tl_view_of(c->catalog.tables[i].database), tl_view_of(c->catalog.tables[i].name));
    for (size_t i = 0; ok && i < list.count; i++) {
        tl_buf_reset(&database);
        tl_buf_reset(&table);
        if (tl_client_table_names(list.names[i], &database, &table) && table.size)
            ok = add_name(names, tl_buf_view(&database), tl_buf_view(&table));
    }
    tl_buf_release(&database);
    tl_buf_release(&table);
    tl_dir_list_release(&list);
    if (!ok)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    qsort(names->items, names->count, sizeof *names->items, by_names);
    return true;
}

bool tl_glue_each_table(struct tl_glue_call *c, const char *database, bool (*each)(struct tl_glue_call *c, const struct tl_glue_doc *doc, void *arg),
                        void *arg)
{
    struct names names = { NULL, 0 };
    struct tl_error error;
    bool ok = find_names(c, &names, &error) || tl_face_fail_internal(c->job, &error);
    for (size_t i = 0; ok && i < names.count; i++) {
        const struct name *n = &names.items[i];
        struct tl_glue_doc doc;
        bool found;
        if ((database && strcmp(n->database, database) != 0) || (i && by_names(n, n - 1) == 0))
            continue;
        ok = tl_glue_doc_find(c, n->database, n->name, false, &doc, &found);
        if (ok && found) {
            ok = each(c, &doc, arg);
            tl_glue_doc_release(&doc);
        }
    }
    names_release(&names);
    return ok;
}

/* ---- writing ---- */

static void write_versions(struct tl_json_writer *w, const struct tl_glue_change *change, int64_t version)
{
    struct tl_json_iter it;
    struct tl_json old, item;
    tl_json_begin_array(w);
    if (change->old && change->archive) {
        tl_json_begin_object(w);
        tl_json_member_i64(w, "version", version);
        tl_json_member_i64(w, "updated", tl_json_get_i64(change->old->root, "updated", 0));
        tl_json_key(w, "TableInput");
        tl_json_write_value(w, tl_json_member(change->old->root, "TableInput"));
        tl_json_end_object(w);
    }
    if (change->old && tl_json_get(change->old->root, "versions", &old)) {
        size_t kept = change->archive;
        for (tl_json_iter_init(&it, old); kept < VERSIONS_MAX && tl_json_next(&it, NULL, &item); kept++)
            tl_json_write_value(w, item);
    }
    tl_json_end_array(w);
}

static void write_partitions(struct tl_json_writer *w, const struct tl_glue_change *change)
{
    struct tl_json_iter it;
    struct tl_json old, item;
    tl_json_begin_array(w);
    if (change->partitions)
        change->partitions(w, change->old, change->arg);
    else if (change->old && tl_json_get(change->old->root, "partitions", &old))
        for (tl_json_iter_init(&it, old); tl_json_next(&it, NULL, &item);)
            tl_json_write_value(w, item);
    tl_json_end_array(w);
}

static void write_document(struct tl_buf *out, const struct tl_glue_change *change)
{
    struct tl_json_writer w;
    bool changed = change->input != NULL;
    int64_t version = change->old ? tl_json_get_i64(change->old->root, "version", 0) : 0, now = now_s();
    tl_json_writer_init(&w, out);
    tl_json_begin_object(&w);
    tl_json_member_i64(&w, "version", version + (change->old && changed));
    tl_json_member_i64(&w, "created", change->old ? tl_json_get_i64(change->old->root, "created", now) : now);
    tl_json_member_i64(&w, "updated", changed || !change->old ? now : tl_json_get_i64(change->old->root, "updated", now));
    tl_json_key(&w, "TableInput");
    tl_json_write_value(&w, changed ? *change->input : tl_json_member(change->old->root, "TableInput"));
    tl_json_key(&w, "versions");
    write_versions(&w, change, version);
    tl_json_key(&w, "partitions");
    write_partitions(&w, change);
    tl_json_end_object(&w);
    tl_buf_add_char(out, '\n');
}

bool tl_glue_doc_write(struct tl_glue_call *c, const char *database, const char *name, const struct tl_glue_change *change)
{
    struct tl_buf path, text;
    struct tl_error error;
    tl_buf_init(&path, PATH_MAX);
    tl_buf_init(&text, TL_CLIENT_DOCUMENT_MAX);
    bool ok = tl_client_table_path(tl_view_of(database), tl_view_of(name), &path) ||
              tl_glue_fail(c, "InvalidInputException", "The names of %s.%s are too long for a file of the lake.", database, name);
    if (ok) {
        write_document(&text, change);
        if (text.failed)
            ok = tl_glue_fail(c, "ResourceNumberLimitExceededException", "The table %s.%s has more partitions than %zu MiB hold.", database, name,
                              TL_CLIENT_DOCUMENT_MAX >> 20);
        else if (!tl_store_put(c->glue->lake, tl_buf_text(&path), tl_buf_view(&text), &error))
            ok = tl_face_fail_internal(c->job, &error);
    }
    tl_buf_release(&path);
    tl_buf_release(&text);
    return ok;
}

bool tl_glue_doc_remove(struct tl_glue_call *c, const char *database, const char *name)
{
    struct tl_buf path;
    struct tl_error error;
    tl_buf_init(&path, PATH_MAX);
    bool ok = !tl_client_table_path(tl_view_of(database), name ? tl_view_of(name) : (struct tl_view){ NULL, 0 }, &path) ||
              tl_store_delete(c->glue->lake, tl_buf_text(&path), &error) || tl_face_fail_internal(c->job, &error);
    tl_buf_release(&path);
    return ok;
}

void tl_glue_write_table_output(struct tl_json_writer *w, const struct tl_glue_doc *doc, struct tl_json input, int64_t version, int64_t updated_s)
{
    char number[24];
    snprintf(number, sizeof number, "%lld", (long long)version);
    tl_json_begin_object(w);
    tl_json_member_text(w, "Name", doc->name);
    tl_json_member_text(w, "DatabaseName", doc->database);
    tl_json_write_members(w, input, "Name");
    tl_json_member_i64(w, "CreateTime", tl_json_get_i64(doc->root, "created", 0));
    tl_json_member_i64(w, "UpdateTime", updated_s);
    tl_json_member_text(w, "CreatedBy", doc->pipeline ? "tapeline" : "client");
    tl_json_member_bool(w, "IsRegisteredWithLakeFormation", false);
    tl_json_member_text(w, "CatalogId", TL_GLUE_ACCOUNT);
    tl_json_member_text(w, "VersionId", number);
    tl_json_end_object(w);
}
