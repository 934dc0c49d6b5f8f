/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/duck_statement.h"

#include "base/map.h"

#include <duckdb.h>
#include <stdlib.h>

#define COLUMNS_MAX 10000

/* ---- the text of a statement ---- */

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Past blanks and comments. */
static const char *skip_blank(const char *p)
{
    for (;;) {
        if (is_blank(*p)) {
            p++;
        } else if (p[0] == '-' && p[1] == '-') {
            p += strcspn(p, "\n");
        } else if (p[0] == '/' && p[1] == '*') {
            unsigned depth = 1;
            for (p += 2; *p && depth > 0; p++) {
                bool opens = p[0] == '/' && p[1] == '*', closes = p[0] == '*' && p[1] == '/';
                depth = depth + opens - closes;
                p += opens || closes;
            }
        } else {
            return p;
        }
    }
}

/* Past 'text' or "name", where p stands on the quote; doubled quotes are two texts in a row, which ends in the same place. */
static const char *skip_quoted(const char *p, bool backslash)
{
    char quote = *p++;
    while (*p && *p != quote)
        p += backslash && p[0] == '\\' && p[1] ? 2 : 1;
    return *p ? p + 1 : p;
}

/* Past $tag$ text $tag$; past the one character where there is none. */
static const char *skip_dollar(const char *p)
{
    size_t tag = 1;
    while (p[tag] == '_' || (p[tag] >= '0' && p[tag] <= '9') || (p[tag] >= 'A' && p[tag] <= 'Z') || (p[tag] >= 'a' && p[tag] <= 'z'))
        tag++;
    if (p[tag] != '$')
        return p + 1;
    tag++;
    for (const char *at = p + tag; *at; at++)
        if (strncmp(at, p, tag) == 0)
            return at + tag;
    return p + strlen(p);
}

/* A mistake here gives a text that DuckDB refuses: what decides on safety is DuckDB's own parser. */
struct tl_view tl_duck_statement_text(const char *sql)
{
    const char *begin = skip_blank(sql), *p = begin;
    while (*p && *p != ';') {
        const char *code = skip_blank(p);
        if (code != p)
            p = code;
        else if (*p == '\'' || *p == '"')
            p = skip_quoted(p, p > begin && (p[-1] == 'e' || p[-1] == 'E'));
        else if (*p == '$')
            p = skip_dollar(p);
        else
            p++;
    }
    return (struct tl_view){ begin, (size_t)(p - begin) };
}

static const char *skip_word(const char *p, const char *word)
{
    size_t size = strlen(word);
    char after = strlen(p) > size ? p[size] : '\0';
    if (!tl_view_eq_ignore_case((struct tl_view){ p, strnlen(p, size) }, tl_view_of(word)) || (after && !is_blank(after) && after != '/' && after != '-'))
        return NULL;
    return skip_blank(p + size);
}

/* ---- one statement, and it only reads ---- */

static const char *statement_word(duckdb_statement_type type)
{
    static const char *const words[] = { "this", "SELECT", "INSERT", "UPDATE", "EXPLAIN", "DELETE", "PREPARE", "CREATE", "EXECUTE", "ALTER",
                                         "BEGIN", "COPY", "ANALYZE", "SET VARIABLE", "CREATE FUNCTION", "DROP", "EXPORT", "PRAGMA", "VACUUM", "CALL",
                                         "SET", "LOAD", "RELATION", "EXTENSION", "LOGICAL PLAN", "ATTACH", "DETACH", "MULTI" };
    return (size_t)type < TL_COUNT(words) ? words[type] : words[0];
}

static bool prepare_one(duckdb_connection connection, const char *sql, duckdb_prepared_statement *prepared, struct tl_error *error)
{
    duckdb_extracted_statements statements = NULL;
    idx_t count = duckdb_extract_statements(connection, sql, &statements);
    bool ok = count == 1;
    if (count == 0 && duckdb_extract_statements_error(statements))
        tl_duck_error(error, duckdb_extract_statements_error(statements));
    else if (count == 0)
        tl_error_set(error, TL_INVALID, "there is no statement");
    else if (count > 1)
        tl_error_set(error, TL_INVALID, "%llu statements: give one at a time (PIVOT counts as two: give its values with IN)",
                     (unsigned long long)count);
    if (ok && duckdb_prepare_extracted_statement(connection, statements, 0, prepared) == DuckDBError)
        ok = tl_duck_error(error, duckdb_prepare_error(*prepared));
    duckdb_destroy_extracted(&statements);
    return ok;
}

static bool must_read(duckdb_prepared_statement prepared, struct tl_error *error)
{
    duckdb_statement_type type = duckdb_prepared_statement_type(prepared);
    return type == DUCKDB_STATEMENT_TYPE_SELECT ||
           tl_error_set(error, TL_DENIED, "%s is not possible here: the lake is read-only, and a statement is one SELECT (or EXPLAIN of one)",
                        statement_word(type));
}

/* EXPLAIN ANALYZE runs what it explains, whatever that is: so that is looked at as a statement of its own. */
static bool explain_is_good(duckdb_connection connection, const char *sql, struct tl_error *error)
{
    duckdb_prepared_statement explained = NULL;
    const char *rest = skip_word(skip_blank(sql), "EXPLAIN");
    const char *analyzed = rest ? skip_word(rest, "ANALYZE") : NULL;
    rest = analyzed ? analyzed : rest;
    if (!rest || *rest == '(')
        return tl_error_set(error, TL_DENIED, "EXPLAIN takes no options here: EXPLAIN [ANALYZE] SELECT ...");
    bool ok = prepare_one(connection, rest, &explained, error) && must_read(explained, error);
    duckdb_destroy_prepare(&explained);
    return ok;
}

bool tl_duck_statement_prepare(struct tl_duck *d, const char *sql, bool *explain, void **out, struct tl_error *error)
{
    duckdb_connection connection = tl_duck_connection(d);
    duckdb_prepared_statement prepared = NULL;
    bool ok = prepare_one(connection, sql, &prepared, error);
    bool explains = ok && explain && duckdb_prepared_statement_type(prepared) == DUCKDB_STATEMENT_TYPE_EXPLAIN;
    ok = ok && (explains ? explain_is_good(connection, sql, error) : must_read(prepared, error));
    if (!ok)
        duckdb_destroy_prepare(&prepared);
    if (explain)
        *explain = explains;
    *out = prepared;
    return ok;
}

bool tl_duck_statement_unique(void *prepared, struct tl_error *error)
{
    duckdb_prepared_statement statement = prepared;
    idx_t count = duckdb_prepared_statement_column_count(statement);
    struct tl_map names;
    bool ok = true, added;
    tl_map_init(&names, COLUMNS_MAX);
    for (idx_t i = 0; ok && i < count; i++) {
        const char *name = duckdb_prepared_statement_column_name(statement, i);
        char *lower = strdup(name ? name : "");
        for (char *p = lower; p && *p; p++)
            *p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
        if (!lower || !tl_map_put(&names, tl_view_of(lower), &added))
            ok = tl_error_set(error, TL_LIMIT, "the SELECT has more than %d columns, or memory ran out", COLUMNS_MAX);
        else if (!added)
            ok = tl_error_set(error, TL_INVALID, "the SELECT gives two columns '%s': name one of them with AS", name ? name : "");
        free(lower);
        duckdb_free((void *)(uintptr_t)name);
    }
    tl_map_release(&names);
    return ok;
}

void tl_duck_statement_free(void *prepared)
{
    duckdb_prepared_statement statement = prepared;
    duckdb_destroy_prepare(&statement);
}
