/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/scan_needs.h"

#include "codec/json.h"
#include "lake/duck_cursor.h"
#include "lake/partition_path.h"

#include <inttypes.h>
#include <stdlib.h>

#define TREE_MAX ((size_t)16 << 20)
#define REFERENCES_MAX 32
#define COLUMNS_MAX 16
#define VALUES_MAX 256
#define FOLDERS_MAX 1024

struct tl_scan_tree {
    struct tl_json_parser *parser; /* NULL: no tree */
    struct tl_json root;
};
struct value {
    struct tl_view text;
    int64_t number;
    bool is_number; /* compared as one: a folder '007' is 7 to DuckDB, too */
};
struct constraint {
    struct tl_view column;
    struct value *values;
    size_t count;
};
struct tl_scan_reference {
    struct constraint *columns;
    size_t count;
};

/* ---- the tree ---- */

static bool serialize(struct tl_duck *duck, const char *sql, struct tl_buf *out, struct tl_error *error)
{
    struct tl_duck_cursor *cursor;
    struct tl_rows rows;
    struct tl_buf call;
    bool done;
    tl_buf_init(&call, TREE_MAX);
    tl_buf_add_text(&call, "SELECT CAST(json_serialize_sql(");
    tl_sql_add_string(&call, tl_view_of(sql));
    tl_buf_add_text(&call, ", skip_null := true, skip_empty := true, skip_default := true) AS VARCHAR)");
    bool ok = tl_buf_ok(&call, "a statement", error) && tl_duck_cursor_open(&cursor, duck, tl_buf_text(&call), 0, error);
    tl_buf_release(&call);
    if (!ok)
        return false;
    ok = tl_rows_init(&rows, tl_duck_cursor_columns(cursor), 1, TREE_MAX, error) && tl_duck_cursor_next(cursor, &rows, &done, error);
    if (ok && rows.row_count == 1)
        tl_buf_add_view(out, tl_rows_text(&rows, 0, 0));
    tl_rows_release(&rows);
    tl_duck_cursor_close(cursor);
    return ok && tl_buf_ok(out, "a statement's tree", error);
}

bool tl_scan_tree_open(struct tl_scan_tree **out, struct tl_duck *duck, const char *sql, struct tl_error *error)
{
    struct tl_buf text;
    struct tl_error ignored;
    struct tl_scan_tree *t = *out = calloc(1, sizeof *t);
    if (!t)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    tl_buf_init(&text, TREE_MAX);
    if (serialize(duck, sql, &text, &ignored) && tl_json_parser_new(&t->parser, &ignored) &&
        !(tl_json_parse_copy(t->parser, tl_buf_view(&text), &t->root, &ignored) && !tl_json_get_bool(t->root, "error", true))) {
        tl_json_parser_free(t->parser);
        t->parser = NULL;
    }
    tl_buf_release(&text);
    return true;
}

void tl_scan_tree_close(struct tl_scan_tree *t)
{
    if (!t)
        return;
    if (t->parser)
        tl_json_parser_free(t->parser);
    free(t);
}

/* ---- references ---- */

struct finder {
    const struct tl_catalog_table *table;
    struct tl_scan_needs *out;
    size_t found;          /* names of the table, wherever they stand */
    struct tl_view called; /* what the FROM that is looked at is called in its SELECT */
};

static bool kind_is(struct tl_json node, const char *kind)
{
    return tl_view_is(tl_json_get_string(node, "type"), kind);
}

static struct tl_view without_slash(struct tl_view path)
{
    while (path.size > 1 && path.data[path.size - 1] == '/')
        path.size--;
    return path;
}

/* 1: it is a reference to the table; -1: it may be one, or is one that cannot be told from another. */
static int names_table(const struct finder *f, struct tl_json from)
{
    struct tl_json argument;
    struct tl_json_iter it;
    if (kind_is(from, "TABLE_FUNCTION")) {
        struct tl_json function = tl_json_member(from, "function");
        if (!tl_view_eq_ignore_case(tl_json_get_string(function, "function_name"), TL_VIEW("lake")))
            return 0;
        tl_json_iter_init(&it, tl_json_member(function, "children"));
        if (!tl_json_next(&it, NULL, &argument))
            return -1;
        struct tl_view path = without_slash(tl_json_get_string(tl_json_member(argument, "value"), "value"));
        return !path.data ? -1 : tl_view_is(path, f->table->path);
    }
    if (!kind_is(from, "BASE_TABLE") || !tl_view_eq_ignore_case(tl_json_get_string(from, "table_name"), tl_view_of(f->table->name)))
        return 0;
    struct tl_view schema = tl_json_get_string(from, "schema_name");
    return tl_view_eq_ignore_case(schema, tl_view_of(f->table->database)) ? 1 : schema.size ? 0 : -1;
}

static enum tl_type type_of(const struct tl_catalog_table *t, struct tl_view column)
{
    for (size_t i = 0; i < t->column_count; i++)
        if (tl_view_eq_ignore_case(column, tl_view_of(t->columns[i].name)))
            return t->columns[i].type;
    return TL_TYPE_VARCHAR;
}

static bool is_date(struct tl_view v)
{
    static const char shape[] = "dddd-dd-dd";
    bool fits = v.size == sizeof shape - 1;
    for (size_t i = 0; fits && i < v.size; i++)
        fits = shape[i] == 'd' ? v.data[i] >= '0' && v.data[i] <= '9' : v.data[i] == '-';
    return fits;
}

/* The constant as a value that folders' names can be held against; false: none. */
static bool read_constant(const struct finder *f, struct tl_view column, struct tl_json node, struct value *out)
{
    struct tl_json constant = tl_json_member(node, "value"), value;
    enum tl_type type = type_of(f->table, column);
    if (!kind_is(node, "VALUE_CONSTANT") || tl_json_get_bool(constant, "is_null", true) || !tl_json_get(constant, "value", &value))
        return false;
    *out = (struct value){ .number = 0 };
    struct tl_view kind = tl_json_get_string(tl_json_member(constant, "type"), "id");
    if (tl_view_is(kind, "INTEGER") || tl_view_is(kind, "BIGINT")) { /* a DECIMAL's is a whole number, too */
        out->is_number = tl_json_i64(value, &out->number);
        return out->is_number && (type == TL_TYPE_VARCHAR || type == TL_TYPE_BIGINT || type == TL_TYPE_INTEGER);
    }
    if (!tl_view_is(kind, "VARCHAR") || !tl_json_string(value, &out->text))
        return false;
    if (type == TL_TYPE_DATE)
        return is_date(out->text);
    if (type == TL_TYPE_BIGINT || type == TL_TYPE_INTEGER)
        return out->is_number = tl_view_to_i64(out->text, &out->number);
    return type == TL_TYPE_VARCHAR;
}

static bool is_partition(const struct tl_catalog_table *t, struct tl_view column)
{
    for (size_t i = 0; i < t->partition_count; i++)
        if (tl_view_eq_ignore_case(column, tl_view_of(t->partition_by[i])))
            return true;
    return false;
}

/* "ticker", or "t.ticker" where the FROM is called t, of the columns that the table is partitioned by; {NULL, 0}: another one, perhaps that
 * of a SELECT around this one. */
static struct tl_view read_column(const struct finder *f, struct tl_json node)
{
    struct tl_json name, names = tl_json_member(node, "column_names");
    struct tl_json_iter it;
    struct tl_view parts[2] = { { NULL, 0 }, { NULL, 0 } };
    size_t count = 0;
    if (!kind_is(node, "COLUMN_REF") || tl_json_size(names) < 1 || tl_json_size(names) > 2)
        return parts[0];
    for (tl_json_iter_init(&it, names); tl_json_next(&it, NULL, &name); count++)
        if (!tl_json_string(name, &parts[count]))
            return (struct tl_view){ NULL, 0 };
    bool good = is_partition(f->table, parts[count - 1]) && (count == 1 || tl_view_eq_ignore_case(parts[0], f->called));
    return good ? parts[count - 1] : (struct tl_view){ NULL, 0 };
}

static void add_constraint(const struct finder *f, struct tl_scan_reference *r, struct tl_view column, const struct value *values, size_t count)
{
    struct tl_arena *arena = &f->out->arena;
    if (!column.size || count == 0 || r->count == COLUMNS_MAX)
        return;
    struct value *copy = TL_ARENA_ARRAY(arena, count, struct value);
    for (size_t i = 0; copy && i < count; i++) {
        copy[i] = values[i];
        if (values[i].text.data)
            copy[i].text = tl_view_of(tl_arena_text(arena, values[i].text));
    }
    const char *name = tl_arena_text(arena, column);
    if (copy && name)
        r->columns[r->count++] = (struct constraint){ tl_view_of(name), copy, count };
}

/* One term of the conjunction. */
static void read_term(const struct finder *f, struct tl_json node, struct tl_scan_reference *r)
{
    struct value values[VALUES_MAX];
    struct tl_view column = { NULL, 0 };
    size_t count = 0;
    if (kind_is(node, "COMPARE_EQUAL")) {
        struct tl_json left = tl_json_member(node, "left"), right = tl_json_member(node, "right");
        bool turned = kind_is(left, "VALUE_CONSTANT");
        column = read_column(f, turned ? right : left);
        count = column.size && read_constant(f, column, turned ? left : right, &values[0]);
    } else if (kind_is(node, "COMPARE_IN")) {
        struct tl_json item;
        struct tl_json_iter it;
        tl_json_iter_init(&it, tl_json_member(node, "children"));
        if (tl_json_next(&it, NULL, &item))
            column = read_column(f, item);
        for (bool good = column.size > 0; good && tl_json_next(&it, NULL, &item);) {
            good = count < VALUES_MAX && read_constant(f, column, item, &values[count]);
            count = good ? count + 1 : 0;
        }
    }
    add_constraint(f, r, column, values, count);
}

static void read_where(const struct finder *f, struct tl_json node, struct tl_scan_reference *r)
{
    struct tl_json item;
    struct tl_json_iter it;
    if (!kind_is(node, "CONJUNCTION_AND")) {
        read_term(f, node, r);
        return;
    }
    for (tl_json_iter_init(&it, tl_json_member(node, "children")); tl_json_next(&it, NULL, &item);)
        read_where(f, item, r);
}

/* A SELECT whose FROM is the table alone. */
static void read_select(struct finder *f, struct tl_json node)
{
    struct tl_json where, other, from = tl_json_member(node, "from_table");
    struct tl_scan_needs *n = f->out;
    if (names_table(f, from) != 1)
        return;
    struct tl_scan_reference *r = &n->references[n->count];
    bool plain = tl_json_get(node, "where_clause", &where) && !tl_json_get(node, "sample", &other) && !tl_json_get(from, "sample", &other) &&
                 !tl_json_get(from, "column_name_alias", &other);
    r->columns = plain && n->count < REFERENCES_MAX ? TL_ARENA_ARRAY(&n->arena, COLUMNS_MAX, struct constraint) : NULL;
    if (!r->columns)
        return;
    struct tl_view alias = tl_json_get_string(from, "alias"), name = tl_json_get_string(from, "table_name");
    f->called = alias.size ? alias : name.size ? name : TL_VIEW("lake");
    read_where(f, where, r);
    if (r->count)
        n->count++;
}

static void walk(struct finder *f, struct tl_json node)
{
    struct tl_json item;
    struct tl_json_iter it;
    enum tl_json_kind kind = tl_json_kind_of(node);
    if (kind != TL_JSON_OBJECT && kind != TL_JSON_ARRAY)
        return;
    if (kind == TL_JSON_OBJECT) {
        int names = names_table(f, node);
        f->found += names == 1;
        f->out->all = f->out->all || names < 0;
        if (kind_is(node, "SELECT_NODE"))
            read_select(f, node);
    }
    for (tl_json_iter_init(&it, node); tl_json_next(&it, NULL, &item);)
        walk(f, item);
}

bool tl_scan_needs_find(const struct tl_scan_tree *t, const struct tl_catalog_table *table, struct tl_scan_needs *out, struct tl_error *error)
{
    *out = (struct tl_scan_needs){ .all = !t->parser };
    tl_arena_init(&out->arena, TREE_MAX);
    out->references = TL_ARENA_ARRAY(&out->arena, REFERENCES_MAX + 1, struct tl_scan_reference);
    struct finder f = { .table = table, .out = out };
    if (out->references && t->parser)
        walk(&f, tl_json_member(t->root, "statements"));
    /* Each name is the FROM of a SELECT of its own that asks for less. */
    out->all = out->all || f.found == 0 || f.found != out->count;
    return tl_arena_ok(&out->arena, "what a statement needs", error) || (tl_scan_needs_release(out), false);
}

void tl_scan_needs_release(struct tl_scan_needs *n)
{
    tl_arena_release(&n->arena);
    *n = (struct tl_scan_needs){ .all = true };
}

/* ---- partitions ---- */

static struct tl_view value_in(struct tl_view partition, struct tl_view column)
{
    while (partition.data) {
        struct tl_view value, name = tl_view_split(tl_view_split(partition, '/', &partition), '=', &value);
        if (value.data && tl_view_eq_ignore_case(name, column))
            return value;
    }
    return (struct tl_view){ NULL, 0 };
}

static bool value_matches(const struct value *v, struct tl_view folder)
{
    int64_t number;
    if (v->is_number)
        return tl_view_to_i64(folder, &number) && number == v->number;
    struct tl_buf escaped;
    tl_buf_init(&escaped, 4096);
    tl_partition_path_add(&escaped, TL_VIEW(""), v->text);
    bool same = !escaped.failed && escaped.size > 0 && tl_view_eq((struct tl_view){ escaped.data + 1, escaped.size - 1 }, folder);
    tl_buf_release(&escaped);
    return same;
}

static bool accepts(const struct tl_scan_reference *r, struct tl_view partition)
{
    for (size_t c = 0; c < r->count; c++) {
        struct tl_view folder = value_in(partition, r->columns[c].column);
        bool any = !folder.data; /* the column is in the files */
        for (size_t i = 0; !any && i < r->columns[c].count; i++)
            any = value_matches(&r->columns[c].values[i], folder);
        if (!any)
            return false;
    }
    return true;
}

bool tl_scan_needs_partition(const struct tl_scan_needs *n, struct tl_view partition)
{
    bool needed = n->all;
    for (size_t i = 0; !needed && i < n->count; i++)
        needed = accepts(&n->references[i], partition);
    return needed;
}

/* ---- folders ---- */

static const struct constraint *find_constraint(const struct tl_scan_reference *r, const char *column)
{
    for (size_t i = 0; i < r->count; i++)
        if (tl_view_eq_ignore_case(r->columns[i].column, tl_view_of(column)))
            return &r->columns[i];
    return NULL;
}

/* Numbers are written in one way by sinks into columns that are numbers. */
static bool has_one_folder(const struct tl_catalog_table *t, const char *column, const struct constraint *c)
{
    enum tl_type type = type_of(t, tl_view_of(column));
    for (size_t i = 0; i < c->count; i++)
        if (c->values[i].is_number && type == TL_TYPE_VARCHAR)
            return false;
    return true;
}

/* The reference's folders, by the first of the partition columns alone: S3 lists by prefixes, and the rest is picked from the list. */
static bool add_folders(struct tl_scan_needs *n, const struct tl_scan_reference *r, const struct tl_catalog_table *t, const char **folders,
                        size_t *count)
{
    const struct constraint *c = t->partition_count ? find_constraint(r, t->partition_by[0]) : NULL;
    if (!c || !has_one_folder(t, t->partition_by[0], c) || *count + c->count > FOLDERS_MAX)
        return false;
    for (size_t i = 0; i < c->count; i++) {
        struct tl_buf folder;
        tl_buf_init(&folder, 4096);
        if (c->values[i].is_number)
            tl_buf_addf(&folder, "%s=%" PRId64, t->partition_by[0], c->values[i].number);
        else
            tl_partition_path_add(&folder, tl_view_of(t->partition_by[0]), c->values[i].text);
        tl_buf_add_char(&folder, '/');
        const char *text = tl_arena_text(&n->arena, tl_buf_view(&folder));
        bool there = false;
        for (size_t k = 0; text && k < *count; k++)
            there = there || strcmp(folders[k], text) == 0;
        if (text && !there)
            folders[(*count)++] = text;
        tl_buf_release(&folder);
    }
    return true;
}

bool tl_scan_needs_folders(struct tl_scan_needs *n, const struct tl_catalog_table *table, const char *const **folders, size_t *count,
                           struct tl_error *error)
{
    const char **list = TL_ARENA_ARRAY(&n->arena, FOLDERS_MAX + 1, const char *);
    bool some = list && !n->all;
    *count = 0;
    for (size_t i = 0; some && i < n->count; i++)
        some = add_folders(n, &n->references[i], table, list, count);
    if (list && !some) {
        list[0] = "";
        *count = 1;
    }
    *folders = list;
    return tl_arena_ok(&n->arena, "what a statement needs", error);
}

void tl_scan_needs_add(const struct tl_scan_needs *n, const char *path, struct tl_buf *out)
{
    if (n->all)
        return;
    tl_buf_addf(out, "|%zu:%s", strlen(path), path);
    for (size_t r = 0; r < n->count; r++) {
        tl_buf_add_text(out, "(");
        for (size_t c = 0; c < n->references[r].count; c++) {
            const struct constraint *k = &n->references[r].columns[c];
            tl_buf_addf(out, "%zu:%.*s", k->column.size, TL_VIEW_ARG(k->column));
            for (size_t i = 0; i < k->count; i++) {
                tl_buf_addf(out, k->values[i].is_number ? "#%" PRId64 : "=%" PRId64 ":", k->values[i].is_number ? k->values[i].number : (int64_t)k->values[i].text.size);
                if (!k->values[i].is_number)
                    tl_buf_add_view(out, k->values[i].text);
            }
        }
    }
}
