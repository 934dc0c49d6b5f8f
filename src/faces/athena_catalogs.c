/* SPDX-License-Identifier: Apache-2.0 */
/* Workgroups, data catalogs, databases and tables: there is one workgroup, one catalog, and what the lake has. */
#include "faces/athena_int.h"

#include "lake/glue_table.h"

#include <stdlib.h>

/* ---- workgroups ---- */

static void write_engine(struct tl_json_writer *w)
{
    tl_json_key(w, "EngineVersion");
    tl_json_write_raw(w, TL_VIEW("{\"SelectedEngineVersion\":\"AUTO\",\"EffectiveEngineVersion\":\"" TL_ATHENA_ENGINE "\"}"));
}

bool tl_athena_get_workgroup(struct tl_athena_call *call)
{
    struct tl_json_writer *w = &call->out;
    if (!tl_athena_workgroup(call))
        return false;
    tl_json_key(w, "WorkGroup");
    tl_json_begin_object(w);
    tl_json_member_text(w, "Name", TL_ATHENA_WORKGROUP);
    tl_json_member_text(w, "State", "ENABLED");
    tl_json_member_text(w, "Description", "");
    tl_json_key(w, "Configuration");
    tl_json_begin_object(w);
    tl_json_key(w, "ResultConfiguration");
    tl_json_write_raw(w, TL_VIEW("{\"OutputLocation\":\"s3://" TL_FACE_RESULTS "/\"}"));
    tl_json_member_bool(w, "EnforceWorkGroupConfiguration", false);
    tl_json_member_bool(w, "PublishCloudWatchMetricsEnabled", false);
    tl_json_member_bool(w, "RequesterPaysEnabled", false);
    write_engine(w);
    tl_json_end_object(w);
    tl_json_end_object(w);
    return true;
}

bool tl_athena_list_workgroups(struct tl_athena_call *call)
{
    struct tl_json_writer *w = &call->out;
    tl_json_key(w, "WorkGroups");
    tl_json_begin_array(w);
    tl_json_begin_object(w);
    tl_json_member_text(w, "Name", TL_ATHENA_WORKGROUP);
    tl_json_member_text(w, "State", "ENABLED");
    tl_json_member_text(w, "Description", "");
    write_engine(w);
    tl_json_end_object(w);
    tl_json_end_array(w);
    return true;
}

bool tl_athena_list_engines(struct tl_athena_call *call)
{
    tl_json_key(&call->out, "EngineVersions");
    tl_json_write_raw(&call->out, TL_VIEW("[{\"SelectedEngineVersion\":\"AUTO\",\"EffectiveEngineVersion\":\"" TL_ATHENA_ENGINE "\"}]"));
    return true;
}

/* ---- data catalogs ---- */

bool tl_athena_get_data_catalog(struct tl_athena_call *call)
{
    struct tl_view name;
    if (!tl_athena_text(call, "Name", true, &name))
        return false;
    if (!tl_view_eq_ignore_case(name, TL_VIEW(TL_ATHENA_CATALOG)))
        return tl_athena_invalid(call, "DATACATALOG_NOT_FOUND", "DataCatalog %.*s was not found: there is " TL_ATHENA_CATALOG, TL_VIEW_ARG(name));
    tl_json_key(&call->out, "DataCatalog");
    tl_json_write_raw(&call->out, TL_VIEW("{\"Name\":\"" TL_ATHENA_CATALOG "\",\"Type\":\"GLUE\",\"Description\":\"the lake's catalog\"}"));
    return true;
}

bool tl_athena_list_data_catalogs(struct tl_athena_call *call)
{
    tl_json_key(&call->out, "DataCatalogsSummary");
    tl_json_write_raw(&call->out, TL_VIEW("[{\"CatalogName\":\"" TL_ATHENA_CATALOG "\",\"Type\":\"GLUE\"}]"));
    return true;
}

/* ---- databases ---- */

struct lake {
    struct tl_store *store;
    struct tl_catalog catalog;
};

static bool open_lake(struct tl_athena_call *call, struct lake *lake)
{
    struct tl_error error;
    return tl_athena_load_catalog(call->athena, &lake->store, &lake->catalog, &error) || tl_athena_fail_of(call, &error);
}

static void close_lake(struct lake *lake)
{
    tl_catalog_release(&lake->catalog);
    tl_store_close(lake->store);
}

static void write_database(struct tl_json_writer *w, const char *name)
{
    tl_json_begin_object(w);
    tl_json_member_text(w, "Name", name);
    tl_json_end_object(w);
}

static const char *find_database(const struct tl_catalog *catalog, struct tl_view wanted)
{
    const char *name;
    for (size_t i = 0; (name = tl_athena_database_at(catalog, i)); i++)
        if (tl_view_eq_ignore_case(tl_view_of(name), wanted))
            return name;
    return NULL;
}

static bool no_database(struct tl_athena_call *call, struct tl_view name)
{
    return tl_athena_fail(call, "MetadataException", NULL, "Database %.*s not found", TL_VIEW_ARG(name));
}

bool tl_athena_get_database(struct tl_athena_call *call)
{
    struct tl_view wanted;
    struct lake lake;
    if (!tl_athena_catalog(call) || !tl_athena_text(call, "DatabaseName", true, &wanted) || !open_lake(call, &lake))
        return false;
    const char *name = find_database(&lake.catalog, wanted);
    if (name) {
        tl_json_key(&call->out, "Database");
        write_database(&call->out, name);
    }
    close_lake(&lake);
    return name || no_database(call, wanted);
}

bool tl_athena_list_databases(struct tl_athena_call *call)
{
    struct lake lake;
    int64_t most;
    size_t from;
    const char *name;
    if (!tl_athena_catalog(call) || !tl_athena_max(call, 50, 50, &most) || !tl_athena_offset(call, &from) || !open_lake(call, &lake))
        return false;
    tl_json_key(&call->out, "DatabaseList");
    tl_json_begin_array(&call->out);
    size_t i = from;
    for (; i < from + (size_t)most && (name = tl_athena_database_at(&lake.catalog, i)); i++)
        write_database(&call->out, name);
    tl_json_end_array(&call->out);
    if (tl_athena_database_at(&lake.catalog, i))
        tl_athena_next(call, i);
    close_lake(&lake);
    return true;
}

/* ---- tables ---- */

static void write_column(struct tl_json_writer *w, const struct tl_column_def *c)
{
    tl_json_begin_object(w);
    tl_json_member_text(w, "Name", c->name);
    tl_json_member_text(w, "Type", tl_glue_type(c->type));
    tl_json_end_object(w);
}

static void write_parameters(struct tl_athena_call *call, const struct tl_catalog_table *t)
{
    struct tl_json_writer *w = &call->out;
    const struct tl_glue_storage *storage = tl_glue_storage(t->format);
    struct tl_buf location;
    tl_buf_init(&location, 16384);
    tl_athena_add_location(call->athena, t, &location);
    tl_json_key(w, "Parameters");
    tl_json_begin_object(w);
    tl_json_member_text(w, "EXTERNAL", "TRUE");
    tl_json_member_text(w, "classification", tl_sink_format_name(t->format));
    tl_json_member_text(w, "location", tl_buf_text(&location));
    tl_json_member_text(w, "inputformat", storage->input);
    tl_json_member_text(w, "outputformat", storage->output);
    tl_json_member_text(w, "serde.serialization.lib", storage->serde);
    tl_json_end_object(w);
    tl_buf_release(&location);
}

static void write_table(struct tl_athena_call *call, const struct tl_catalog_table *t)
{
    struct tl_json_writer *w = &call->out;
    tl_json_begin_object(w);
    tl_json_member_text(w, "Name", t->name);
    tl_json_member_text(w, "TableType", "EXTERNAL_TABLE");
    tl_json_key(w, "Columns");
    tl_json_begin_array(w);
    for (size_t i = 0; i < t->column_count; i++)
        if (!tl_glue_is_partition(t, t->columns[i].name))
            write_column(w, &t->columns[i]);
    tl_json_end_array(w);
    tl_json_key(w, "PartitionKeys");
    tl_json_begin_array(w);
    for (size_t i = 0; i < t->partition_count; i++)
        write_column(w, tl_glue_column(t, t->partition_by[i]));
    tl_json_end_array(w);
    write_parameters(call, t);
    tl_json_end_object(w);
}

bool tl_athena_get_table(struct tl_athena_call *call)
{
    struct tl_view database, name;
    struct lake lake;
    if (!tl_athena_catalog(call) || !tl_athena_text(call, "DatabaseName", true, &database) || !tl_athena_text(call, "TableName", true, &name) ||
        !open_lake(call, &lake))
        return false;
    const struct tl_catalog_table *table = tl_athena_find_table(&lake.catalog, database, name);
    bool ok = table != NULL;
    if (ok) {
        tl_json_key(&call->out, "TableMetadata");
        write_table(call, table);
    }
    close_lake(&lake);
    return ok || tl_athena_fail(call, "MetadataException", NULL, "EntityNotFoundException: Entity Not Found (table %.*s.%.*s)", TL_VIEW_ARG(database), TL_VIEW_ARG(name));
}

/* Expression is a regular expression in Athena: here a part of a name, with '*' and '.*' for anything. */
static bool wanted(const char *name, struct tl_view expression)
{
    struct tl_view text = expression;
    while (text.size && strchr("*.^", text.data[0]))
        text = (struct tl_view){ text.data + 1, text.size - 1 };
    while (text.size && strchr("*.$", text.data[text.size - 1]))
        text.size--;
    return text.size == 0 || memmem(name, strlen(name), text.data, text.size);
}

bool tl_athena_list_tables(struct tl_athena_call *call)
{
    struct tl_view database, expression;
    struct lake lake;
    int64_t most;
    size_t from, seen = 0;
    if (!tl_athena_catalog(call) || !tl_athena_text(call, "DatabaseName", true, &database) || !tl_athena_text(call, "Expression", false, &expression) ||
        !tl_athena_max(call, 50, 50, &most) || !tl_athena_offset(call, &from) || !open_lake(call, &lake))
        return false;
    bool ok = find_database(&lake.catalog, database) != NULL, more = false;
    tl_json_key(&call->out, "TableMetadataList");
    tl_json_begin_array(&call->out);
    for (size_t i = 0; ok && i < lake.catalog.count && !more; i++) {
        const struct tl_catalog_table *t = &lake.catalog.tables[i];
        if (!tl_view_eq_ignore_case(tl_view_of(t->database), database) || !wanted(t->name, expression) || seen++ < from)
            continue;
        more = seen > from + (size_t)most;
        if (!more)
            write_table(call, t);
    }
    tl_json_end_array(&call->out);
    if (more)
        tl_athena_next(call, from + (size_t)most);
    close_lake(&lake);
    return ok || no_database(call, database);
}
