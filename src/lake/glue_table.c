/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/glue_table.h"

#include "lake/partition_path.h"

#include <stdio.h>

#define PARQUET "org.apache.hadoop.hive.ql.io.parquet."
#define LINES "org.apache.hadoop.mapred.TextInputFormat", "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"

/* CSV by LazySimpleSerDe, the one that reads types and NULL; it knows no quotes, for which the checker lets no text into such a table
 * (sql/check_outputs.c). JSON by OpenX's: Hive's own refuses a member that the table has not. */
const struct tl_glue_storage *tl_glue_storage(enum tl_sink_format format)
{
    static const struct tl_glue_storage parquet = { PARQUET "MapredParquetInputFormat", PARQUET "MapredParquetOutputFormat",
                                                    PARQUET "serde.ParquetHiveSerDe" },
                                        csv = { LINES, "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe" },
                                        json = { LINES, "org.openx.data.jsonserde.JsonSerDe" };
    return format == TL_SINK_CSV ? &csv : format == TL_SINK_JSON ? &json : &parquet;
}

const char *tl_glue_type(enum tl_type type)
{
    static const char *const names[] = { [TL_TYPE_VARCHAR] = "string", [TL_TYPE_BOOLEAN] = "boolean", [TL_TYPE_INTEGER] = "int",
                                         [TL_TYPE_BIGINT] = "bigint",  [TL_TYPE_DOUBLE] = "double",   [TL_TYPE_DATE] = "date",
                                         [TL_TYPE_TIMESTAMP] = "timestamp" };
    return names[type];
}

bool tl_glue_has_partitions(const struct tl_catalog_table *table)
{
    return table->partition_count > 0 && table->format != TL_SINK_DELTA;
}

bool tl_glue_is_partition(const struct tl_catalog_table *table, const char *column)
{
    if (!tl_glue_has_partitions(table))
        return false;
    for (size_t i = 0; i < table->partition_count; i++)
        if (strcmp(table->partition_by[i], column) == 0)
            return true;
    return false;
}

void tl_glue_location(const char *root, const struct tl_catalog_table *table, const char *folder, struct tl_buf *out)
{
    tl_buf_addf(out, "%s%s%s/%s%s", root, root[strlen(root) - 1] == '/' ? "" : "/", table->path, folder, *folder ? "/" : "");
}

/* Glue's names are of small letters. */
static void write_lower(struct tl_json_writer *w, const char *name, const char *text)
{
    char lower[256];
    size_t i = 0;
    for (; text[i] && i < sizeof lower - 1; i++)
        lower[i] = text[i] >= 'A' && text[i] <= 'Z' ? (char)(text[i] + 32) : text[i];
    lower[i] = '\0';
    tl_json_member_text(w, name, lower);
}

static void write_column(struct tl_json_writer *w, const struct tl_column_def *column)
{
    tl_json_begin_object(w);
    write_lower(w, "Name", column->name);
    tl_json_member_text(w, "Type", tl_glue_type(column->type));
    tl_json_end_object(w);
}

const struct tl_column_def *tl_glue_column(const struct tl_catalog_table *table, const char *name)
{
    for (size_t i = 0; i < table->column_count; i++)
        if (strcmp(table->columns[i].name, name) == 0)
            return &table->columns[i];
    return NULL;
}

static void write_serde_parameters(struct tl_json_writer *w, enum tl_sink_format format, const char *location)
{
    if (format != TL_SINK_DELTA && format != TL_SINK_CSV)
        return;
    tl_json_key(w, "Parameters");
    tl_json_begin_object(w);
    if (format == TL_SINK_DELTA) {
        tl_json_member_text(w, "path", location);
    } else {
        tl_json_member_text(w, "field.delim", ",");
        tl_json_member_text(w, "serialization.null.format", "");
    }
    tl_json_end_object(w);
}

static void write_storage(struct tl_json_writer *w, const char *root, const struct tl_catalog_table *table, const char *folder)
{
    struct tl_buf location;
    tl_buf_init(&location, 1 << 16);
    tl_glue_location(root, table, folder, &location);
    tl_json_key(w, "StorageDescriptor");
    tl_json_begin_object(w);
    tl_json_key(w, "Columns");
    tl_json_begin_array(w);
    for (size_t i = 0; i < table->column_count; i++)
        if (!tl_glue_is_partition(table, table->columns[i].name))
            write_column(w, &table->columns[i]);
    tl_json_end_array(w);
    tl_json_member_text(w, "Location", tl_buf_text(&location));
    tl_json_member_text(w, "InputFormat", tl_glue_storage(table->format)->input);
    tl_json_member_text(w, "OutputFormat", tl_glue_storage(table->format)->output);
    tl_json_key(w, "SerdeInfo");
    tl_json_begin_object(w);
    tl_json_member_text(w, "SerializationLibrary", tl_glue_storage(table->format)->serde);
    write_serde_parameters(w, table->format, tl_buf_text(&location));
    tl_json_end_object(w);
    tl_json_end_object(w);
    w->out->failed = w->out->failed || location.failed;
    tl_buf_release(&location);
}

/* What Athena needs to compute the partitions of a column. An open set of values is 'injected': a query has to name one. */
static void write_projection(struct tl_json_writer *w, const struct tl_column_def *column)
{
    char name[320];
    bool number = column->type == TL_TYPE_BIGINT || column->type == TL_TYPE_INTEGER, date = column->type == TL_TYPE_DATE;
    snprintf(name, sizeof name, "projection.%.250s.type", column->name);
    tl_json_member_text(w, name, number ? "integer" : date ? "date" : "injected");
    snprintf(name, sizeof name, "projection.%.250s.range", column->name);
    if (number)
        tl_json_member_text(w, name, "1970,2100");
    if (date)
        tl_json_member_text(w, name, "1970-01-01,NOW");
    snprintf(name, sizeof name, "projection.%.250s.format", column->name);
    if (date)
        tl_json_member_text(w, name, "yyyy-MM-dd");
}

static void write_template(struct tl_json_writer *w, const char *root, const struct tl_catalog_table *table)
{
    struct tl_buf text;
    tl_buf_init(&text, 1 << 16);
    tl_glue_location(root, table, "", &text);
    for (size_t i = 0; i < table->partition_count; i++)
        tl_buf_addf(&text, "%s=${%s}/", table->partition_by[i], table->partition_by[i]);
    tl_json_member_text(w, "storage.location.template", tl_buf_text(&text));
    w->out->failed = w->out->failed || text.failed;
    tl_buf_release(&text);
}

void tl_glue_write_table(struct tl_json_writer *w, const char *root, const struct tl_catalog_table *table, enum tl_glue_partitions partitions)
{
    tl_json_key(w, "TableInput");
    tl_json_begin_object(w);
    tl_json_member_text(w, "Name", table->name);
    tl_json_member_text(w, "TableType", "EXTERNAL_TABLE");
    tl_json_key(w, "Parameters");
    tl_json_begin_object(w);
    tl_json_member_text(w, "EXTERNAL", "TRUE");
    tl_json_member_text(w, "classification", tl_sink_format_name(table->format));
    if (table->format == TL_SINK_CSV)
        tl_json_member_text(w, "skip.header.line.count", "1");
    if (table->format == TL_SINK_DELTA) { /* the first is what Athena goes by, the second Spark */
        tl_json_member_text(w, "table_type", "DELTA");
        tl_json_member_text(w, "spark.sql.sources.provider", "delta");
    }
    tl_json_member_text(w, "created_by", "tapeline");
    if (partitions == TL_GLUE_PROJECTION && tl_glue_has_partitions(table)) {
        tl_json_member_text(w, "projection.enabled", "true");
        for (size_t i = 0; i < table->partition_count; i++)
            if (tl_glue_column(table, table->partition_by[i]))
                write_projection(w, tl_glue_column(table, table->partition_by[i]));
        write_template(w, root, table);
    }
    tl_json_end_object(w);
    write_storage(w, root, table, "");
    tl_json_key(w, "PartitionKeys"); /* also when there are none */
    tl_json_begin_array(w);
    for (size_t i = 0; tl_glue_has_partitions(table) && i < table->partition_count; i++)
        if (tl_glue_column(table, table->partition_by[i]))
            write_column(w, tl_glue_column(table, table->partition_by[i]));
    tl_json_end_array(w);
    tl_json_end_object(w);
}

static void partition_value(const char *folder, size_t i, struct tl_buf *out)
{
    struct tl_view rest = tl_view_of(folder), value = { NULL, 0 }, part = { NULL, 0 };
    for (size_t k = 0; k <= i && rest.data; k++)
        part = tl_view_split(rest, '/', &rest);
    tl_view_split(part, '=', &value);
    tl_partition_path_decode(out, value);
}

void tl_glue_write_values(struct tl_json_writer *w, const char *name, const struct tl_catalog_table *table, const char *folder)
{
    struct tl_buf value;
    tl_buf_init(&value, 1 << 16);
    tl_json_key(w, name);
    tl_json_begin_array(w);
    for (size_t i = 0; i < table->partition_count; i++) {
        tl_buf_reset(&value);
        partition_value(folder, i, &value);
        tl_json_write_text(w, tl_buf_text(&value));
    }
    tl_json_end_array(w);
    tl_buf_release(&value);
}

void tl_glue_write_partition(struct tl_json_writer *w, const char *root, const struct tl_catalog_table *table, const char *folder, const char *at)
{
    tl_json_begin_object(w);
    tl_glue_write_values(w, "Values", table, folder);
    write_storage(w, root, table, at ? at : folder);
    tl_json_end_object(w);
}
