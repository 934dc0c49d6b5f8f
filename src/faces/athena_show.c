/* SPDX-License-Identifier: Apache-2.0 */
/* SHOW and DESCRIBE: told from the lake's catalog, in the forms that Athena has them. */
#include "faces/athena_int.h"

#include "lake/glue_table.h"
#include "lake/lake_scan.h"

#include <stdio.h>
#include <stdlib.h>

#define PATTERN_DEPTH 64

struct show {
    const struct tl_athena_statement *statement;
    const char *database; /* the statement's, or the execution's */
    const struct tl_athena_face *athena;
    struct tl_store *store;
    struct tl_catalog catalog;
    struct tl_buf *out;
    struct tl_trino_columns *columns;
    uint64_t *rows;
    struct tl_error *error;
};

static bool name_columns(struct show *s, const char *const *names, size_t count)
{
    if (!tl_trino_columns_init(s->columns, count, s->error))
        return false;
    for (size_t i = 0; i < count; i++) {
        s->columns->items[i].name = strdup(names[i]);
        if (!s->columns->items[i].name || !tl_trino_column_set(&s->columns->items[i], "varchar"))
            return tl_error_set(s->error, TL_NO_MEMORY, "out of memory");
    }
    return true;
}

static void add_line(struct show *s, const char *text)
{
    tl_buf_addf(s->out, "%s\n", text);
    ++*s->rows;
}

/* Hive's: '*' is anything, '|' another choice; '%' as in LIKE. */
static bool matches_one(struct tl_view pattern, const char *text, unsigned depth)
{
    for (; pattern.size && pattern.data[0] != '*' && pattern.data[0] != '%'; pattern.data++, pattern.size--, text++)
        if (!*text || (*text | 32) != (pattern.data[0] | 32))
            return false;
    if (pattern.size == 0)
        return *text == '\0';
    pattern = (struct tl_view){ pattern.data + 1, pattern.size - 1 };
    for (; depth < PATTERN_DEPTH; text++) {
        if (matches_one(pattern, text, depth + 1))
            return true;
        if (!*text)
            return false;
    }
    return false;
}

static bool matches(const char *pattern, const char *text)
{
    struct tl_view rest = tl_view_of(pattern), part;
    if (!pattern)
        return true;
    for (size_t stars = 0, i = 0; i < rest.size; i++)
        if ((stars += rest.data[i] == '*' || rest.data[i] == '%') > 8)
            return false; /* nobody means that, and it would take long */
    while (rest.data) {
        part = tl_view_split(rest, '|', &rest);
        if (matches_one(part, text, 0))
            return true;
    }
    return false;
}

static bool find(struct show *s, const struct tl_catalog_table **out)
{
    if (!s->database)
        return tl_error_set(s->error, TL_INVALID, "SYNTAX_ERROR: no database: name it before the table, or in QueryExecutionContext");
    *out = tl_athena_find_table(&s->catalog, tl_view_of(s->database), tl_view_of(s->statement->table));
    return *out || tl_error_set(s->error, TL_NOT_FOUND, "TABLE_NOT_FOUND: Table not found %s.%s", s->database, s->statement->table);
}

/* ---- lists ---- */

static bool show_databases(struct show *s)
{
    static const char *const names[] = { "database_name" };
    const char *name;
    for (size_t i = 0; (name = tl_athena_database_at(&s->catalog, i)); i++)
        if (matches(s->statement->pattern, name))
            add_line(s, name);
    return name_columns(s, names, 1);
}

static int by_text(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool show_tables(struct show *s)
{
    static const char *const names[] = { "tab_name" };
    const char **found = calloc(s->catalog.count + 1, sizeof *found);
    size_t count = 0;
    bool known = !s->statement->database;
    if (!s->database || !found) {
        free(found);
        return tl_error_set(s->error, TL_INVALID, "SYNTAX_ERROR: no database: SHOW TABLES IN database, or name it in QueryExecutionContext");
    }
    for (size_t i = 0; i < s->catalog.count; i++) {
        bool here = strcmp(s->catalog.tables[i].database, s->database) == 0;
        known = known || here;
        if (here && matches(s->statement->pattern, s->catalog.tables[i].name))
            found[count++] = s->catalog.tables[i].name;
    }
    qsort(found, count, sizeof *found, by_text);
    for (size_t i = 0; i < count; i++)
        add_line(s, found[i]);
    free(found);
    return known ? name_columns(s, names, 1) : tl_error_set(s->error, TL_NOT_FOUND, "SCHEMA_NOT_FOUND: Database %s not found", s->database);
}

static bool show_columns(struct show *s, const struct tl_catalog_table *t)
{
    static const char *const names[] = { "field" };
    char text[300];
    for (int pass = 0; pass < 2; pass++) /* those of partitions come last */
        for (size_t i = 0; i < t->column_count; i++)
            if (tl_glue_is_partition(t, t->columns[i].name) == (pass == 1)) {
                snprintf(text, sizeof text, "%-20s", t->columns[i].name);
                add_line(s, text);
            }
    return name_columns(s, names, 1);
}

/* The folder of a file below the table's: "ticker=A/day=x". */
static struct tl_view folder_of(const char *file, const char *path)
{
    struct tl_view rest = tl_view_of(file + strlen(path) + 1);
    const char *slash = memrchr(rest.data, '/', rest.size);
    return (struct tl_view){ rest.data, slash ? (size_t)(slash - rest.data) : 0 };
}

static bool show_partitions(struct show *s, const struct tl_catalog_table *t)
{
    static const char *const names[] = { "partition" };
    struct tl_dir_list files;
    struct tl_view last = { NULL, 0 };
    if (t->partition_count == 0)
        return tl_error_set(s->error, TL_INVALID, "FAILED: SemanticException Table %s.%s is not a partitioned table", t->database, t->name);
    if (!tl_lake_table_files(s->store, t, &files, s->error))
        return false;
    for (size_t i = 0; i < files.count; i++) { /* sorted: a folder's files follow each other */
        struct tl_view folder = folder_of(files.names[i], t->path);
        if (folder.size && !tl_view_eq(folder, last)) {
            tl_buf_addf(s->out, "%.*s\n", TL_VIEW_ARG(folder));
            ++*s->rows;
        }
        last = folder;
    }
    tl_dir_list_release(&files);
    return name_columns(s, names, 1);
}

/* ---- one table ---- */

static void describe_column(struct show *s, const struct tl_column_def *c)
{
    char text[400];
    snprintf(text, sizeof text, "%-20s\t%-20s\t%-20s", c->name, tl_glue_type(c->type), "");
    add_line(s, text);
}

static bool describe(struct show *s, const struct tl_catalog_table *t)
{
    static const char *const names[] = { "col_name", "data_type", "comment" };
    for (size_t i = 0; i < t->column_count; i++)
        if (!tl_glue_is_partition(t, t->columns[i].name))
            describe_column(s, &t->columns[i]);
    for (size_t i = 0; i < t->partition_count; i++)
        describe_column(s, tl_glue_column(t, t->partition_by[i]));
    if (t->partition_count) {
        add_line(s, "\t \t ");
        add_line(s, "# Partition Information\t \t ");
        add_line(s, "# col_name            \tdata_type           \tcomment             ");
        add_line(s, "\t \t ");
        for (size_t i = 0; i < t->partition_count; i++)
            describe_column(s, tl_glue_column(t, t->partition_by[i]));
    }
    return name_columns(s, names, 3);
}

static void add_definitions(struct show *s, const struct tl_catalog_table *t, bool partitions)
{
    char text[400];
    size_t count = 0, left = partitions ? t->partition_count : t->column_count - t->partition_count;
    for (size_t i = 0; i < t->column_count; i++)
        if (tl_glue_is_partition(t, t->columns[i].name) == partitions) {
            count++;
            snprintf(text, sizeof text, "  `%s` %s%s", t->columns[i].name, tl_glue_type(t->columns[i].type), count < left ? ", " : ")");
            add_line(s, text);
        }
}

static void add_storage(struct show *s, enum tl_sink_format format)
{
    char text[200];
    if (format == TL_SINK_PARQUET)
        add_line(s, "STORED AS PARQUET");
    if (!tl_sink_format_is_text(format))
        return;
    add_line(s, "ROW FORMAT SERDE ");
    snprintf(text, sizeof text, "  '%s' ", tl_glue_storage(format)->serde);
    add_line(s, text);
    if (format == TL_SINK_CSV) {
        add_line(s, "WITH SERDEPROPERTIES ( ");
        add_line(s, "  'field.delim'=',', 'serialization.null.format'='') ");
    }
    add_line(s, "STORED AS TEXTFILE");
}

static bool show_create(struct show *s, const struct tl_catalog_table *t)
{
    static const char *const names[] = { "createtab_stmt" };
    struct tl_buf text;
    tl_buf_init(&text, 16384);
    tl_buf_addf(&text, "CREATE EXTERNAL TABLE `%s.%s`(", t->database, t->name);
    add_line(s, tl_buf_text(&text));
    add_definitions(s, t, false);
    if (t->partition_count) {
        add_line(s, "PARTITIONED BY ( ");
        add_definitions(s, t, true);
    }
    add_storage(s, t->format);
    add_line(s, "LOCATION");
    tl_buf_reset(&text);
    tl_buf_add_text(&text, "  '");
    tl_athena_add_location(s->athena, t, &text);
    tl_buf_add_char(&text, '\'');
    add_line(s, tl_buf_text(&text));
    if (t->format == TL_SINK_DELTA) {
        add_line(s, "TBLPROPERTIES (");
        add_line(s, "  'table_type'='DELTA')");
    }
    if (t->format == TL_SINK_CSV) {
        add_line(s, "TBLPROPERTIES (");
        add_line(s, "  'skip.header.line.count'='1')");
    }
    tl_buf_release(&text);
    return name_columns(s, names, 1);
}

static bool show_properties(struct show *s, const struct tl_catalog_table *t)
{
    static const char *const names[] = { "prpt_name", "prpt_value" };
    char format[64];
    snprintf(format, sizeof format, "classification\t%s", tl_sink_format_name(t->format));
    add_line(s, t->format == TL_SINK_DELTA ? "table_type\tDELTA" : format);
    add_line(s, "EXTERNAL\tTRUE");
    if (t->synthetic)
        add_line(s, "synthetic\ttrue");
    return name_columns(s, names, 2);
}

static bool show(struct show *s)
{
    const struct tl_catalog_table *table = NULL;
    if (s->statement->kind == TL_ATHENA_SHOW_DATABASES)
        return show_databases(s);
    if (s->statement->kind == TL_ATHENA_SHOW_TABLES)
        return show_tables(s);
    if (!find(s, &table))
        return false;
    switch (s->statement->kind) {
    case TL_ATHENA_SHOW_COLUMNS:
        return show_columns(s, table);
    case TL_ATHENA_SHOW_PARTITIONS:
        return show_partitions(s, table);
    case TL_ATHENA_SHOW_CREATE_TABLE:
        return show_create(s, table);
    case TL_ATHENA_SHOW_PROPERTIES:
        return show_properties(s, table);
    default:
        return describe(s, table);
    }
}

bool tl_athena_show(struct tl_athena_face *a, const struct tl_athena_statement *statement, const char *database, struct tl_buf *out,
                    struct tl_trino_columns *columns, uint64_t *rows, struct tl_error *error)
{
    struct show s = { .statement = statement, .database = statement->database ? statement->database : database, .out = out, .columns = columns,
                      .rows = rows, .error = error, .athena = a };
    *rows = 0;
    if (!tl_athena_load_catalog(a, &s.store, &s.catalog, error))
        return false;
    bool ok = show(&s);
    tl_catalog_release(&s.catalog);
    tl_store_close(s.store);
    return ok;
}
