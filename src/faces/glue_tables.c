/* SPDX-License-Identifier: Apache-2.0 */
#include "faces/glue_face_int.h"

#include <regex.h>
#include <stdio.h>

#define PATTERN_MAX 256
#define COLUMNS_MAX 10000

static bool read_names(struct tl_glue_call *c, const char *member, char database[TL_GLUE_NAME_SIZE], char name[TL_GLUE_NAME_SIZE])
{
    return tl_glue_name(c, c->request, "DatabaseName", database) && tl_glue_name(c, c->request, member, name);
}

static void write_current(struct tl_glue_call *c, const struct tl_glue_doc *doc)
{
    tl_glue_write_table_output(&c->w, doc, tl_json_member(doc->root, "TableInput"), tl_json_get_i64(doc->root, "version", 0),
                               tl_json_get_i64(doc->root, "updated", 0));
}

/* ---- reading ---- */

bool tl_glue_get_table(struct tl_glue_call *c)
{
    char database[TL_GLUE_NAME_SIZE], name[TL_GLUE_NAME_SIZE];
    struct tl_glue_doc doc;
    if (!read_names(c, "Name", database, name) || !tl_glue_database_need(c, database) || !tl_glue_doc_get(c, database, name, false, &doc))
        return false;
    tl_json_key(&c->w, "Table");
    write_current(c, &doc);
    tl_glue_doc_release(&doc);
    return true;
}

struct wanted {
    struct tl_glue_page page;
    regex_t pattern;
    bool has_pattern;
    struct tl_view text, database, name; /* of a search; {NULL, 0}: any */
};

/* Without counted repetitions and back references, whose cost has no bound. */
static bool read_pattern(struct tl_glue_call *c, struct wanted *wanted)
{
    struct tl_view text = tl_json_get_string(c->request, "Expression");
    char pattern[PATTERN_MAX + 8];
    if (!text.size)
        return true;
    bool ok = text.size < PATTERN_MAX && !memchr(text.data, '{', text.size) && !memchr(text.data, '\0', text.size);
    for (size_t i = 0; ok && i + 1 < text.size; i++)
        ok = !(text.data[i] == '\\' && text.data[i + 1] >= '0' && text.data[i + 1] <= '9');
    snprintf(pattern, sizeof pattern, "^(%.*s)$", (int)(ok ? text.size : 0), ok ? text.data : "");
    ok = ok && regcomp(&wanted->pattern, pattern, REG_EXTENDED | REG_NOSUB | REG_ICASE) == 0;
    wanted->has_pattern = ok;
    return ok || tl_glue_fail(c, "InvalidInputException", "Expression is not a pattern that tapeline takes: a regular expression of less than %d bytes "
                                                          "without '{' and back references.", PATTERN_MAX);
}

static bool contains(struct tl_view text, struct tl_view part)
{
    for (size_t i = 0; part.size <= text.size && i <= text.size - part.size; i++)
        if (tl_view_eq_ignore_case((struct tl_view){ text.data + i, part.size }, part))
            return true;
    return false;
}

/* In its name, description, columns or parameters. */
static bool mentions(const struct tl_glue_doc *doc, struct tl_view text)
{
    struct tl_json input = tl_json_member(doc->root, "TableInput"), item;
    struct tl_json lists[] = { tl_json_member(tl_json_member(input, "StorageDescriptor"), "Columns"), tl_json_member(input, "PartitionKeys") };
    struct tl_json_iter it;
    struct tl_view key, value = { NULL, 0 };
    bool found = contains(tl_view_of(doc->name), text) || contains(tl_view_of(doc->database), text) ||
                 contains(tl_json_get_string(input, "Description"), text);
    for (size_t i = 0; i < TL_COUNT(lists); i++)
        for (tl_json_iter_init(&it, lists[i]); !found && tl_json_next(&it, NULL, &item);)
            found = contains(tl_json_get_string(item, "Name"), text) || contains(tl_json_get_string(item, "Comment"), text);
    for (tl_json_iter_init(&it, tl_json_member(input, "Parameters")); !found && tl_json_next(&it, &key, &item);)
        found = contains(key, text) || (tl_json_string(item, &value) && contains(value, text));
    return found;
}

static bool write_wanted(struct tl_glue_call *c, const struct tl_glue_doc *doc, void *arg)
{
    struct wanted *wanted = arg;
    if (wanted->has_pattern && regexec(&wanted->pattern, doc->name, 0, NULL, 0) != 0)
        return true;
    if ((wanted->text.size && !mentions(doc, wanted->text)) || (wanted->database.data && !tl_view_eq_ignore_case(wanted->database, tl_view_of(doc->database))) ||
        (wanted->name.data && !tl_view_eq_ignore_case(wanted->name, tl_view_of(doc->name))))
        return true;
    if (tl_glue_page_wants(&wanted->page))
        write_current(c, doc);
    return true;
}

static bool write_tables(struct tl_glue_call *c, const char *database, struct wanted *wanted)
{
    tl_json_key(&c->w, "TableList");
    tl_json_begin_array(&c->w);
    if (!tl_glue_each_table(c, database, write_wanted, wanted))
        return false;
    tl_json_end_array(&c->w);
    tl_glue_page_end(c, &wanted->page);
    return true;
}

bool tl_glue_get_tables(struct tl_glue_call *c)
{
    char database[TL_GLUE_NAME_SIZE];
    struct wanted wanted = { .has_pattern = false };
    bool ok = tl_glue_name(c, c->request, "DatabaseName", database) && tl_glue_database_need(c, database) &&
              tl_glue_page_begin(c, TL_GLUE_PAGE, &wanted.page) && read_pattern(c, &wanted) && write_tables(c, database, &wanted);
    if (wanted.has_pattern)
        regfree(&wanted.pattern);
    return ok;
}

static bool read_filters(struct tl_glue_call *c, struct wanted *wanted)
{
    struct tl_json_iter it;
    struct tl_json item;
    for (tl_json_iter_init(&it, tl_json_member(c->request, "Filters")); tl_json_next(&it, NULL, &item);) {
        struct tl_view key = tl_json_get_string(item, "Key"), value = tl_json_get_string(item, "Value");
        struct tl_view *to = tl_view_eq_ignore_case(key, TL_VIEW("DatabaseName")) ? &wanted->database : tl_view_eq_ignore_case(key, TL_VIEW("Name")) ? &wanted->name : NULL;
        if (!to || !value.data || tl_json_get_string(item, "Comparator").size)
            return tl_glue_fail(c, "InvalidInputException", "SearchTables filters by DatabaseName and Name here, and by equality: not by '%.*s'.",
                                (int)(key.size < 100 ? key.size : 100), key.size ? key.data : "");
        *to = value;
    }
    return true;
}

bool tl_glue_search_tables(struct tl_glue_call *c)
{
    struct wanted wanted = { .text = tl_json_get_string(c->request, "SearchText") };
    if (tl_json_size(tl_json_member(c->request, "SortCriteria")))
        return tl_glue_fail(c, "InvalidInputException", "SearchTables answers in the order of names here: not with SortCriteria.");
    return tl_glue_page_begin(c, TL_GLUE_PAGE, &wanted.page) && read_filters(c, &wanted) && write_tables(c, NULL, &wanted);
}

/* ---- versions ---- */

static void write_version(struct tl_glue_call *c, const struct tl_glue_doc *doc, struct tl_json of)
{
    char number[24];
    snprintf(number, sizeof number, "%lld", (long long)tl_json_get_i64(of, "version", 0));
    tl_json_begin_object(&c->w);
    tl_json_key(&c->w, "Table");
    tl_glue_write_table_output(&c->w, doc, tl_json_member(of, "TableInput"), tl_json_get_i64(of, "version", 0), tl_json_get_i64(of, "updated", 0));
    tl_json_member_text(&c->w, "VersionId", number);
    tl_json_end_object(&c->w);
}

/* The newest first. */
bool tl_glue_get_table_versions(struct tl_glue_call *c)
{
    char database[TL_GLUE_NAME_SIZE], name[TL_GLUE_NAME_SIZE];
    struct tl_glue_doc doc;
    struct tl_glue_page page;
    struct tl_json_iter it;
    struct tl_json item;
    if (!read_names(c, "TableName", database, name) || !tl_glue_page_begin(c, TL_GLUE_PAGE, &page) || !tl_glue_doc_get(c, database, name, false, &doc))
        return false;
    tl_json_key(&c->w, "TableVersions");
    tl_json_begin_array(&c->w);
    if (tl_glue_page_wants(&page))
        write_version(c, &doc, doc.root);
    for (tl_json_iter_init(&it, tl_json_member(doc.root, "versions")); tl_json_next(&it, NULL, &item);)
        if (tl_glue_page_wants(&page))
            write_version(c, &doc, item);
    tl_json_end_array(&c->w);
    tl_glue_page_end(c, &page);
    tl_glue_doc_release(&doc);
    return true;
}

/* ---- changes ---- */

static bool check_columns(struct tl_glue_call *c, struct tl_json list, const char *what)
{
    struct tl_json_iter it;
    struct tl_json item;
    if (tl_json_size(list) > COLUMNS_MAX)
        return tl_glue_fail(c, "InvalidInputException", "%s are more than %d.", what, COLUMNS_MAX);
    for (tl_json_iter_init(&it, list); tl_json_next(&it, NULL, &item);)
        if (!tl_json_get_string(item, "Name").size)
            return tl_glue_fail(c, "InvalidInputException", "Every one of %s has a Name.", what);
    return true;
}

static bool check_input(struct tl_glue_call *c, struct tl_json input)
{
    return check_columns(c, tl_json_member(tl_json_member(input, "StorageDescriptor"), "Columns"), "StorageDescriptor.Columns") &&
           check_columns(c, tl_json_member(input, "PartitionKeys"), "PartitionKeys");
}

bool tl_glue_create_table(struct tl_glue_call *c)
{
    struct tl_json input = tl_json_member(c->request, "TableInput");
    char database[TL_GLUE_NAME_SIZE], name[TL_GLUE_NAME_SIZE];
    struct tl_glue_doc doc;
    bool found;
    if (!tl_glue_name(c, c->request, "DatabaseName", database) || !tl_glue_name(c, input, "Name", name) || !check_input(c, input) ||
        !tl_glue_database_need(c, database) || !tl_glue_doc_find(c, database, name, false, &doc, &found))
        return false;
    tl_glue_doc_release(&doc);
    if (tl_json_size(tl_json_member(c->request, "OpenTableFormatInput")))
        return tl_glue_fail(c, "InvalidInputException", "OpenTableFormatInput (Iceberg) is not served by tapeline (docs/aws.md).");
    if (found)
        return tl_glue_fail(c, "AlreadyExistsException", "Table already exists: %s.", name);
    const struct tl_glue_change change = { .input = &input };
    return tl_glue_doc_write(c, database, name, &change);
}

bool tl_glue_update_table(struct tl_glue_call *c)
{
    struct tl_json input = tl_json_member(c->request, "TableInput");
    char database[TL_GLUE_NAME_SIZE], name[TL_GLUE_NAME_SIZE];
    struct tl_view wanted = tl_json_get_string(c->request, "VersionId");
    struct tl_glue_doc doc;
    int64_t version = -1;
    if (!tl_glue_name(c, c->request, "DatabaseName", database) || !tl_glue_name(c, input, "Name", name) || !check_input(c, input) ||
        !tl_glue_doc_get_own(c, database, name, &doc))
        return false;
    const struct tl_glue_change change = { .old = &doc, .input = &input, .archive = !tl_json_get_bool(c->request, "SkipArchive", false) };
    bool fits = !wanted.size || (tl_view_to_i64(wanted, &version) && version == tl_json_get_i64(doc.root, "version", 0));
    bool ok = fits ? tl_glue_doc_write(c, database, name, &change)
                   : tl_glue_fail(c, "ConcurrentModificationException", "The table %s has been changed since version %lld.", name, (long long)version);
    tl_glue_doc_release(&doc);
    return ok;
}

/* Its files stay: they are S3's. */
bool tl_glue_delete_table(struct tl_glue_call *c)
{
    char database[TL_GLUE_NAME_SIZE], name[TL_GLUE_NAME_SIZE];
    struct tl_glue_doc doc;
    if (!read_names(c, "Name", database, name) || !tl_glue_doc_get_own(c, database, name, &doc))
        return false;
    tl_glue_doc_release(&doc);
    return tl_glue_doc_remove(c, database, name);
}
