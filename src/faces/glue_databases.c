/* SPDX-License-Identifier: Apache-2.0 */
#include "faces/glue_face_int.h"

#include "base/io.h"
#include "base/time.h"
#include "lake/client_tables.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define DOCUMENT_MAX ((size_t)1 << 20)

static bool is_in_catalog(const struct tl_glue_call *c, const char *name)
{
    for (size_t i = 0; i < c->catalog.count; i++)
        if (tl_view_eq_ignore_case(tl_view_of(c->catalog.tables[i].database), tl_view_of(name)))
            return true;
    return false;
}

/* The database's document: text is empty where there is none. */
static bool read_document(struct tl_glue_call *c, const char *name, struct tl_buf *text)
{
    struct tl_buf path;
    struct tl_error error;
    tl_buf_init(&path, PATH_MAX);
    bool ok = true;
    if (tl_client_table_path(tl_view_of(name), (struct tl_view){ NULL, 0 }, &path) && !tl_store_get(c->glue->lake, tl_buf_text(&path), text, &error))
        ok = error.code == TL_NOT_FOUND || tl_face_fail_internal(c->job, &error);
    tl_buf_release(&path);
    return ok;
}

bool tl_glue_database_find(struct tl_glue_call *c, const char *name, bool *found, bool *own, bool *of_pipelines)
{
    struct tl_buf text;
    tl_buf_init(&text, DOCUMENT_MAX);
    bool ok = read_document(c, name, &text);
    *own = ok && text.size > 0;
    *of_pipelines = is_in_catalog(c, name);
    *found = *own || *of_pipelines || strcmp(name, "default") == 0;
    tl_buf_release(&text);
    return ok;
}

bool tl_glue_database_need(struct tl_glue_call *c, const char *name)
{
    bool found, own, of_pipelines;
    return tl_glue_database_find(c, name, &found, &own, &of_pipelines) &&
           (found || tl_glue_fail(c, "EntityNotFoundException", "Database %s not found.", name));
}

/* ---- the answer ---- */

static void write_database(struct tl_json_writer *w, const char *name, struct tl_json document)
{
    tl_json_begin_object(w);
    tl_json_member_text(w, "Name", name);
    tl_json_write_members(w, tl_json_member(document, "DatabaseInput"), "Name");
    tl_json_member_i64(w, "CreateTime", tl_json_get_i64(document, "created", 0));
    tl_json_member_text(w, "CatalogId", TL_GLUE_ACCOUNT);
    tl_json_end_object(w);
}

/* With what a client has said of it, where one has. */
static bool answer_database(struct tl_glue_call *c, const char *name)
{
    struct tl_buf text;
    struct tl_error error;
    struct tl_json_parser *parser = NULL;
    struct tl_json root;
    tl_buf_init(&text, DOCUMENT_MAX);
    bool ok = read_document(c, name, &text);
    if (ok && !text.size)
        tl_buf_add_text(&text, "{}");
    if (ok && (!tl_json_parser_new(&parser, &error) || !tl_json_parse_copy(parser, tl_buf_view(&text), &root, &error)))
        ok = tl_face_fail_internal(c->job, &error);
    if (ok)
        write_database(&c->w, name, root);
    tl_json_parser_free(parser);
    tl_buf_release(&text);
    return ok;
}

bool tl_glue_get_database(struct tl_glue_call *c)
{
    char name[TL_GLUE_NAME_SIZE];
    if (!tl_glue_name(c, c->request, "Name", name) || !tl_glue_database_need(c, name))
        return false;
    tl_json_key(&c->w, "Database");
    return answer_database(c, name);
}

/* ---- all of them ---- */

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool add_name(struct tl_dir_list *names, struct tl_view name)
{
    char *copy = strndup(name.size ? name.data : "", name.size);
    for (char *at = copy; at && *at; at++)
        *at = *at >= 'A' && *at <= 'Z' ? (char)(*at | 32) : *at;
    if (copy)
        names->names[names->count++] = copy;
    return copy != NULL;
}

/* Sorted; a name may be there more than once. */
static bool find_names(struct tl_glue_call *c, struct tl_dir_list *names, struct tl_error *error)
{
    struct tl_dir_list list;
    struct tl_buf database, table;
    *names = (struct tl_dir_list){ 0 };
    if (!tl_client_tables_list(c->glue->lake, &list, error))
        return false;
    tl_buf_init(&database, 1024);
    tl_buf_init(&table, 1024);
    names->names = calloc(list.count + c->catalog.count + 2, sizeof *names->names);
    bool ok = names->names && add_name(names, TL_VIEW("default"));
    for (size_t i = 0; ok && i < c->catalog.count; i++)
        ok = add_name(names, tl_view_of(c->catalog.tables[i].database));
    for (size_t i = 0; ok && i < list.count; i++) {
        tl_buf_reset(&database);
        tl_buf_reset(&table);
        if (tl_client_table_names(list.names[i], &database, &table) && !table.size)
            ok = add_name(names, tl_buf_view(&database));
    }
    tl_buf_release(&database);
    tl_buf_release(&table);
    tl_dir_list_release(&list);
    if (names->names)
        qsort(names->names, names->count, sizeof *names->names, by_text);
    return ok || tl_error_set(error, TL_NO_MEMORY, "out of memory");
}

bool tl_glue_get_databases(struct tl_glue_call *c)
{
    struct tl_dir_list names;
    struct tl_glue_page page;
    struct tl_error error;
    if (!tl_glue_page_begin(c, TL_GLUE_PAGE, &page))
        return false;
    bool ok = find_names(c, &names, &error) || tl_face_fail_internal(c->job, &error);
    tl_json_key(&c->w, "DatabaseList");
    tl_json_begin_array(&c->w);
    for (size_t i = 0; ok && i < names.count; i++)
        if ((!i || strcmp(names.names[i], names.names[i - 1]) != 0) && tl_glue_page_wants(&page))
            ok = answer_database(c, names.names[i]);
    tl_dir_list_release(&names);
    if (!ok)
        return false;
    tl_json_end_array(&c->w);
    tl_glue_page_end(c, &page);
    return true;
}

/* ---- changes ---- */

static bool write_document(struct tl_glue_call *c, const char *name, struct tl_json input)
{
    struct tl_buf path, text;
    struct tl_json_writer w;
    struct tl_error error;
    tl_buf_init(&path, PATH_MAX);
    tl_buf_init(&text, DOCUMENT_MAX);
    tl_json_writer_init(&w, &text);
    tl_json_begin_object(&w);
    tl_json_member_i64(&w, "created", tl_io->wall_ns() / TL_NS_PER_S);
    tl_json_key(&w, "DatabaseInput");
    tl_json_write_value(&w, input);
    tl_json_end_object(&w);
    bool ok = (tl_client_table_path(tl_view_of(name), (struct tl_view){ NULL, 0 }, &path) && !text.failed) ||
              tl_glue_fail(c, "InvalidInputException", "The database's name or description is too long.");
    if (ok && !tl_store_put(c->glue->lake, tl_buf_text(&path), tl_buf_view(&text), &error))
        ok = tl_face_fail_internal(c->job, &error);
    tl_buf_release(&path);
    tl_buf_release(&text);
    return ok;
}

bool tl_glue_create_database(struct tl_glue_call *c)
{
    struct tl_json input = tl_json_member(c->request, "DatabaseInput");
    char name[TL_GLUE_NAME_SIZE];
    bool found, own, of_pipelines;
    if (!tl_glue_name(c, input, "Name", name) || !tl_glue_database_find(c, name, &found, &own, &of_pipelines))
        return false;
    return found ? tl_glue_fail(c, "AlreadyExistsException", "Database already exists: %s.", name) : write_document(c, name, input);
}

bool tl_glue_update_database(struct tl_glue_call *c)
{
    struct tl_json input = tl_json_member(c->request, "DatabaseInput");
    char name[TL_GLUE_NAME_SIZE], new_name[TL_GLUE_NAME_SIZE];
    if (!tl_glue_name(c, c->request, "Name", name) || !tl_glue_name(c, input, "Name", new_name) || !tl_glue_database_need(c, name))
        return false;
    if (strcmp(name, new_name) != 0)
        return tl_glue_fail(c, "InvalidInputException", "A database keeps its name: %s.", name);
    return write_document(c, name, input);
}

static bool remove_table(struct tl_glue_call *c, const struct tl_glue_doc *doc, void *arg)
{
    (void)arg;
    return tl_glue_doc_remove(c, doc->database, doc->name);
}

/* With its tables, as of the service. Their files stay. */
bool tl_glue_delete_database(struct tl_glue_call *c)
{
    char name[TL_GLUE_NAME_SIZE];
    bool found, own, of_pipelines;
    if (!tl_glue_name(c, c->request, "Name", name) || !tl_glue_database_find(c, name, &found, &own, &of_pipelines))
        return false;
    if (!found)
        return tl_glue_fail(c, "EntityNotFoundException", "Database %s not found.", name);
    if (of_pipelines)
        return tl_glue_fail(c, "InvalidInputException", "The database %s has tables that pipelines of tapeline write: it cannot be deleted here.", name);
    return tl_glue_each_table(c, name, remove_table, NULL) && tl_glue_doc_remove(c, name, NULL);
}
