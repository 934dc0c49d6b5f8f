/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/query_names.h"

#include "base/grow.h"

#include <stdio.h>
#include <stdlib.h>

#define NAMES_MAX 1000000

static const char *const words[] = {
    "SELECT", "FROM",   "WHERE",  "GROUP BY", "ORDER BY", "HAVING", "LIMIT",    "JOIN",  "LEFT JOIN", "DISTINCT", "WITH",   "UNION ALL", "COUNT(*)",
    "AVG(",   "SUM(",   "MIN(",   "MAX(",     "LAKE('",   "EXPLAIN", "DESCRIBE", "SHOW TABLES", "BETWEEN", "QUALIFY", "OVER (",
    ".tables", ".schema", ".format", ".help", ".quit",
};

static bool add(struct tl_query_names *n, const char *database, const char *name)
{
    size_t size = strlen(database) + strlen(name) + 2;
    if (!tl_grow((void **)&n->items, &n->cap, n->count + 1, sizeof *n->items, NAMES_MAX) || !(n->items[n->count] = malloc(size)))
        return false;
    snprintf(n->items[n->count++], size, "%s%s%s", database, *database ? "." : "", name);
    return true;
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void sort(struct tl_query_names *n)
{
    size_t kept = 0;
    if (n->count)
        qsort(n->items, n->count, sizeof *n->items, by_text);
    for (size_t i = 0; i < n->count; i++) {
        if (kept && strcmp(n->items[i], n->items[kept - 1]) == 0)
            free(n->items[i]);
        else
            n->items[kept++] = n->items[i];
    }
    n->count = kept;
}

static bool load(const char *root, struct tl_store **lake, struct tl_catalog *catalog, struct tl_error *error)
{
    *catalog = (struct tl_catalog){ .count = 0 };
    if (!tl_store_is_s3(root) && !tl_file_exists(root))
        return tl_error_set(error, TL_NOT_FOUND, "there is no lake at '%s'", root);
    if (!tl_store_open(lake, root, error))
        return false;
    if (tl_catalog_load(*lake, catalog, error))
        return true;
    tl_store_close(*lake);
    return false;
}

bool tl_query_names_load(struct tl_query_names *n, const char *root, struct tl_error *error)
{
    struct tl_store *lake;
    struct tl_catalog catalog;
    struct tl_error ignored;
    bool ok = true;
    *n = (struct tl_query_names){ .count = 0 };
    for (size_t i = 0; ok && i < TL_COUNT(words); i++)
        ok = add(n, "", words[i]);
    if (ok && root && load(root, &lake, &catalog, &ignored)) {
        for (size_t i = 0; ok && i < catalog.count; i++) {
            ok = add(n, catalog.tables[i].database, catalog.tables[i].name);
            for (size_t c = 0; ok && c < catalog.tables[i].column_count; c++)
                ok = add(n, "", catalog.tables[i].columns[c].name);
        }
        tl_catalog_release(&catalog);
        tl_store_close(lake);
    }
    sort(n);
    return ok || tl_error_set(error, TL_NO_MEMORY, "out of memory");
}

void tl_query_names_release(struct tl_query_names *n)
{
    for (size_t i = 0; i < n->count; i++)
        free(n->items[i]);
    free(n->items);
    *n = (struct tl_query_names){ .count = 0 };
}

static bool begins(const char *name, struct tl_view word)
{
    size_t size = strnlen(name, word.size);
    return size == word.size && tl_view_eq_ignore_case((struct tl_view){ name, size }, word);
}

static size_t match(const struct tl_query_names *n, struct tl_view prefix, struct tl_view word, char **out, size_t max)
{
    size_t found = 0;
    for (size_t i = 0; i < n->count; i++) {
        const char *name = n->items[i], *dot = strchr(name, '.');
        bool command = name[0] == '.';
        bool fits = begins(name, word) || (!command && dot && prefix.size == 0 && begins(dot + 1, word));
        if (!fits || (prefix.size && (command || dot)))
            continue;
        size_t size = prefix.size + strlen(name) + 1;
        if (found < max && (out[found] = malloc(size)))
            snprintf(out[found], size, "%.*s%s", TL_VIEW_ARG(prefix), name);
        found++;
    }
    return found < max ? found : max;
}

size_t tl_query_names_match(const struct tl_query_names *n, struct tl_view word, char **out, size_t max)
{
    size_t found = match(n, (struct tl_view){ NULL, 0 }, word, out, max), dot = word.size;
    while (dot > 0 && word.data[dot - 1] != '.')
        dot--;
    if (found == 0 && dot > 1)
        found = match(n, (struct tl_view){ word.data, dot }, (struct tl_view){ word.data + dot, word.size - dot }, out, max);
    return found;
}

/* ---- .tables, .schema ---- */

static bool is_named(const struct tl_catalog_table *t, const char *name)
{
    size_t size = strlen(t->database);
    return strcmp(name, t->name) == 0 || (strncmp(name, t->database, size) == 0 && name[size] == '.' && strcmp(name + size + 1, t->name) == 0);
}

static void print_table(const struct tl_catalog_table *t, bool columns)
{
    printf("%s.%s  %s%s\n", t->database, t->name, t->path, t->synthetic ? "  (synthetic)" : "");
    for (size_t i = 0; columns && i < t->column_count; i++) {
        bool partition = false;
        for (size_t k = 0; k < t->partition_count; k++)
            partition = partition || strcmp(t->partition_by[k], t->columns[i].name) == 0;
        printf("  %-24s %s%s\n", t->columns[i].name, tl_type_name(t->columns[i].type), partition ? "  (partition)" : "");
    }
}

bool tl_query_tables_print(const char *root, const char *table, bool verbose, struct tl_error *error)
{
    struct tl_store *lake;
    struct tl_catalog catalog;
    size_t printed = 0;
    if (!load(root, &lake, &catalog, error))
        return false;
    for (size_t i = 0; i < catalog.count; i++)
        if (!table || is_named(&catalog.tables[i], table)) {
            print_table(&catalog.tables[i], table || verbose);
            printed++;
        }
    bool ok = !table || printed || tl_error_set(error, TL_NOT_FOUND, "there is no table '%s' (.tables lists them)", table);
    tl_catalog_release(&catalog);
    tl_store_close(lake);
    return ok;
}
