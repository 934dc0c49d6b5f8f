/* SPDX-License-Identifier: Apache-2.0 */
#include "faces/athena_statement.h"

struct parser {
    const struct tl_trino_tokens *tokens;
    struct tl_arena *arena;
    size_t at, end; /* end: without closing semicolons */
    struct tl_athena_statement *out;
    struct tl_error *error;
};

static bool take(struct parser *p, const char *keyword)
{
    bool is = p->at < p->end && tl_trino_is(p->tokens, p->at, keyword);
    p->at += is;
    return is;
}

static bool take_sign(struct parser *p, const char *sign)
{
    bool is = p->at < p->end && tl_trino_is_sign(p->tokens, p->at, sign);
    p->at += is;
    return is;
}

static bool mismatched(struct parser *p)
{
    if (p->at >= p->end)
        return tl_trino_wrong(p->tokens, p->at, p->error, "mismatched input '<EOF>'");
    return tl_trino_wrong(p->tokens, p->at, p->error, "mismatched input '%.*s'", TL_VIEW_ARG(p->tokens->items[p->at].text));
}

static bool at_end(struct parser *p)
{
    return p->at == p->end || mismatched(p);
}

static bool unserved(struct parser *p, const char *what)
{
    tl_trino_wrong(p->tokens, 0, p->error, "%s is not served by tapeline: pipelines own the lake's tables, and what a client makes is made by CREATE TABLE ... AS or UNLOAD", what);
    p->error->code = TL_UNSUPPORTED;
    return false;
}

static bool take_name(struct parser *p, char **out)
{
    if (p->at >= p->end || !tl_trino_is_name(p->tokens, p->at))
        return mismatched(p);
    *out = tl_trino_name(p->tokens, p->at++, p->arena);
    return *out || tl_error_set(p->error, TL_NO_MEMORY, "out of memory");
}

/* [awsdatacatalog.][database.]table */
static bool take_table(struct parser *p)
{
    char *names[3];
    size_t count = 0;
    do {
        if (count == 3)
            return mismatched(p);
        if (!take_name(p, &names[count++]))
            return false;
    } while (take_sign(p, "."));
    if (count == 3 && strcmp(names[0], "awsdatacatalog") != 0)
        return tl_trino_wrong(p->tokens, p->at - 5, p->error, "Catalog '%s' does not exist: there is awsdatacatalog", names[0]);
    p->out->table = names[count - 1];
    p->out->database = count > 1 ? names[count - 2] : p->out->database;
    return true;
}

static bool take_string(struct parser *p, char **out)
{
    if (p->at >= p->end || p->tokens->items[p->at].kind != TL_TRINO_STRING)
        return mismatched(p);
    *out = tl_trino_string(p->tokens, p->at++, p->arena);
    return *out || tl_error_set(p->error, TL_NO_MEMORY, "out of memory");
}

static bool begins_select(const struct parser *p)
{
    return tl_trino_is(p->tokens, p->at, "select") || tl_trino_is(p->tokens, p->at, "with") || tl_trino_is(p->tokens, p->at, "values") ||
           tl_trino_is(p->tokens, p->at, "table") || tl_trino_is_sign(p->tokens, p->at, "(");
}

static bool set(struct parser *p, enum tl_athena_kind kind, const char *type, const char *substatement)
{
    p->out->kind = kind;
    p->out->type = type;
    p->out->substatement = substatement;
    return true;
}

static bool take_select(struct parser *p)
{
    if (p->at >= p->end || !begins_select(p))
        return mismatched(p);
    p->out->from = p->at;
    p->out->to = p->end;
    p->at = p->end;
    return true;
}

/* ---- CREATE TABLE ... AS, UNLOAD ---- */

static bool set_property(struct parser *p, const char *name, char *value)
{
    if (strcmp(name, "external_location") == 0)
        p->out->location = value;
    else if (strcmp(name, "format") == 0 && !tl_view_eq_ignore_case(tl_view_of(value), TL_VIEW("PARQUET")))
        return tl_trino_wrong(p->tokens, p->at - 1, p->error, "the format '%s' is not served: PARQUET is", value);
    else if (strcmp(name, "write_compression") == 0 || strcmp(name, "parquet_compression") == 0 || strcmp(name, "compression") == 0)
        p->out->codec = value;
    else if (strcmp(name, "table_type") == 0 && !tl_view_eq_ignore_case(tl_view_of(value), TL_VIEW("HIVE")))
        return tl_trino_wrong(p->tokens, p->at - 1, p->error, "the table type '%s' is not served", value);
    else if (strcmp(name, "format") != 0 && strcmp(name, "table_type") != 0)
        return tl_trino_wrong(p->tokens, p->at - 1, p->error, "the property '%s' is not served", name);
    return true;
}

static bool check_codec(struct parser *p)
{
    static const char *const codecs[][2] = { { "SNAPPY", "snappy" }, { "GZIP", "gzip" }, { "ZSTD", "zstd" }, { "NONE", "uncompressed" } };
    for (size_t i = 0; p->out->codec && i < TL_COUNT(codecs); i++)
        if (tl_view_eq_ignore_case(tl_view_of(p->out->codec), tl_view_of(codecs[i][0]))) {
            p->out->codec = (char *)(uintptr_t)codecs[i][1];
            return true;
        }
    return !p->out->codec || tl_trino_wrong(p->tokens, p->at - 1, p->error, "the compression '%s' is not served: SNAPPY, GZIP, ZSTD, NONE are", p->out->codec);
}

/* WITH (name = 'value', ...) */
static bool take_properties(struct parser *p)
{
    char *name, *value;
    if (!take_sign(p, "("))
        return mismatched(p);
    do {
        if (!take_name(p, &name) || (!take_sign(p, "=") && !mismatched(p)))
            return false;
        if (p->at < p->end && p->tokens->items[p->at].kind != TL_TRINO_STRING)
            return tl_trino_wrong(p->tokens, p->at, p->error, "the property '%s' is not served", name);
        if (!take_string(p, &value) || !set_property(p, name, value))
            return false;
    } while (take_sign(p, ","));
    return (take_sign(p, ")") || mismatched(p)) && check_codec(p);
}

static bool parse_create(struct parser *p)
{
    if (take(p, "external"))
        return unserved(p, "CREATE EXTERNAL TABLE");
    if (take(p, "or") || take(p, "view"))
        return unserved(p, "CREATE VIEW");
    if (take(p, "database") || take(p, "schema"))
        return unserved(p, "CREATE DATABASE by a statement (Glue's CreateDatabase is)");
    set(p, TL_ATHENA_CTAS, "DDL", "CREATE_TABLE_AS_SELECT");
    if (!take(p, "table"))
        return mismatched(p);
    p->out->if_exists = take(p, "if");
    if (p->out->if_exists && (!take(p, "not") || !take(p, "exists")))
        return mismatched(p);
    if (!take_table(p))
        return false;
    if (take(p, "with") && !take_properties(p))
        return false;
    if (!take(p, "as"))
        return unserved(p, "CREATE TABLE without AS SELECT");
    if (p->end >= p->at + 3 && tl_trino_is(p->tokens, p->end - 1, "data") && tl_trino_is(p->tokens, p->end - 2, "no"))
        return unserved(p, "WITH NO DATA");
    p->end -= p->end >= p->at + 2 && tl_trino_is(p->tokens, p->end - 1, "data") && tl_trino_is(p->tokens, p->end - 2, "with") ? 2 : 0;
    return take_select(p);
}

static bool parse_unload(struct parser *p)
{
    set(p, TL_ATHENA_UNLOAD, "DML", "UNLOAD");
    if (!tl_trino_is_sign(p->tokens, p->at, "("))
        return mismatched(p);
    size_t close = p->tokens->items[p->at].partner;
    p->out->from = p->at + 1;
    p->out->to = close;
    p->at = close + 1;
    if (!take(p, "to") || !take_string(p, &p->out->location))
        return mismatched(p);
    if (!take(p, "with"))
        return mismatched(p);
    size_t with = p->at;
    bool format = false;
    if (!take_properties(p))
        return false;
    for (size_t i = with; i < p->at; i++)
        format = format || tl_trino_is(p->tokens, i, "format");
    return (format || tl_trino_wrong(p->tokens, with, p->error, "UNLOAD ... WITH (format = 'PARQUET'): the format is missing")) && at_end(p);
}

/* ---- SHOW, DESCRIBE, DROP ---- */

static bool take_in(struct parser *p)
{
    return take(p, "in") || take(p, "from");
}

static bool parse_show_list(struct parser *p, enum tl_athena_kind kind, const char *substatement)
{
    set(p, kind, "UTILITY", substatement);
    if (kind == TL_ATHENA_SHOW_TABLES && take_in(p)) {
        if (!take_name(p, &p->out->database))
            return false;
        if (strcmp(p->out->database, "awsdatacatalog") == 0 && take_sign(p, ".") && !take_name(p, &p->out->database))
            return false;
    }
    take(p, "like");
    return (p->at == p->end || take_string(p, &p->out->pattern)) && at_end(p);
}

static bool parse_show_columns(struct parser *p)
{
    set(p, TL_ATHENA_SHOW_COLUMNS, "UTILITY", "SHOW_COLUMNS");
    if (!take_in(p))
        return mismatched(p);
    if (!take_table(p) || (take_in(p) && !take_name(p, &p->out->database)))
        return false;
    return at_end(p);
}

static bool parse_show(struct parser *p)
{
    if (take(p, "databases") || take(p, "schemas"))
        return parse_show_list(p, TL_ATHENA_SHOW_DATABASES, "SHOW_DATABASES");
    if (take(p, "tables"))
        return parse_show_list(p, TL_ATHENA_SHOW_TABLES, "SHOW_TABLES");
    if (take(p, "columns"))
        return parse_show_columns(p);
    if (take(p, "partitions"))
        return set(p, TL_ATHENA_SHOW_PARTITIONS, "UTILITY", "SHOW_PARTITIONS") && take_table(p) && at_end(p);
    if (take(p, "create"))
        return (take(p, "table") || mismatched(p)) && set(p, TL_ATHENA_SHOW_CREATE_TABLE, "UTILITY", "SHOW_CREATE_TABLE") && take_table(p) && at_end(p);
    if (take(p, "tblproperties"))
        return set(p, TL_ATHENA_SHOW_PROPERTIES, "UTILITY", "SHOW_TBLPROPERTIES") && take_table(p) && at_end(p);
    return unserved(p, "this SHOW");
}

static bool parse_drop(struct parser *p)
{
    if (!take(p, "table"))
        return unserved(p, "DROP of anything but a table");
    p->out->if_exists = take(p, "if");
    if (p->out->if_exists && !take(p, "exists"))
        return mismatched(p);
    return set(p, TL_ATHENA_DROP_TABLE, "DDL", "DROP_TABLE") && take_table(p) && at_end(p);
}

/* ---- PREPARE, EXECUTE, EXPLAIN ---- */

static bool parse_prepare(struct parser *p)
{
    set(p, TL_ATHENA_PREPARE, "DDL", "PREPARE");
    if (!take_name(p, &p->out->name) || (!take(p, "from") && !mismatched(p)))
        return false;
    return take_select(p);
}

static bool parse_execute(struct parser *p)
{
    set(p, TL_ATHENA_EXECUTE, "DML", "EXECUTE");
    if (!take_name(p, &p->out->name))
        return false;
    p->out->from = p->out->to = p->end;
    if (p->at < p->end && !take(p, "using"))
        return mismatched(p);
    p->out->from = p->at;
    return true;
}

static bool parse_deallocate(struct parser *p)
{
    set(p, TL_ATHENA_DEALLOCATE, "DDL", "DEALLOCATE");
    return (take(p, "prepare") || mismatched(p)) && take_name(p, &p->out->name) && at_end(p);
}

static bool parse_explain(struct parser *p)
{
    set(p, TL_ATHENA_EXPLAIN, "UTILITY", "EXPLAIN");
    p->out->analyze = take(p, "analyze");
    if (tl_trino_is_sign(p->tokens, p->at, "(") && !tl_trino_is(p->tokens, p->at + 1, "select"))
        return unserved(p, "EXPLAIN with options");
    return take_select(p);
}

static bool parse(struct parser *p)
{
    static const struct {
        const char *keyword;
        bool (*parse)(struct parser *);
    } all[] = { { "create", parse_create },   { "unload", parse_unload },         { "show", parse_show },       { "drop", parse_drop },
                { "prepare", parse_prepare }, { "execute", parse_execute },       { "explain", parse_explain }, { "deallocate", parse_deallocate } };
    static const char *const foreign[] = { "alter", "analyze", "delete", "insert", "merge", "msck", "optimize", "update", "use", "vacuum", "grant", "revoke", "call", "set", "reset", "start", "commit", "rollback" };
    if (begins_select(p))
        return set(p, TL_ATHENA_SELECT, "DML", "SELECT") && take_select(p);
    for (size_t i = 0; i < TL_COUNT(all); i++)
        if (take(p, all[i].keyword))
            return all[i].parse(p);
    if (take(p, "describe") || take(p, "desc")) {
        set(p, TL_ATHENA_DESCRIBE, "UTILITY", "DESCRIBE_TABLE");
        if (!take(p, "formatted"))
            (void)take(p, "extended");
        return take_table(p) && at_end(p);
    }
    for (size_t i = 0; i < TL_COUNT(foreign); i++)
        if (tl_trino_is(p->tokens, p->at, foreign[i]))
            return unserved(p, tl_arena_text(p->arena, p->tokens->items[p->at].text));
    return mismatched(p);
}

bool tl_athena_statement_parse(const struct tl_trino_tokens *tokens, struct tl_arena *arena, struct tl_athena_statement *out, struct tl_error *error)
{
    struct parser p = { .tokens = tokens, .arena = arena, .end = tokens->count, .out = out, .error = error };
    *out = (struct tl_athena_statement){ .kind = TL_ATHENA_SELECT };
    while (p.end > 0 && tl_trino_is_sign(tokens, p.end - 1, ";"))
        p.end--;
    if (p.end == 0)
        return tl_error_set(error, TL_INVALID, "line 1:1: mismatched input '<EOF>'");
    for (size_t i = 0; i < p.end; i++)
        if (tl_trino_is_sign(tokens, i, ";"))
            return tl_trino_wrong(tokens, i, error, "Only one sql statement is allowed");
    return parse(&p);
}
