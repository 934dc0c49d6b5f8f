/* SPDX-License-Identifier: Apache-2.0 */
/* I1: version is the newest commit that was read; the next is tried at version + 1 and never replaces one that is there. I2: epoch is the
 * greatest txn version of the app in versions up to it. */
#include "lake/delta_log.h"

#include "base/io.h"
#include "base/log.h"
#include "base/time.h"
#include "codec/json.h"
#include "codec/json_writer.h"
#include "lake/delta_int.h"
#include "lake/duck_cursor.h"

#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define COMMIT_MAX ((size_t)1 << 30)
#define META_MAX ((size_t)16 << 20)
#define CHECKPOINT_EVERY 10
#define CLEAN_EVERY_NS (3600 * TL_NS_PER_S) /* a log of 30 days is long, and S3 lists it a thousand names at a time */
#define TRIES 1000 /* behind as many commits of others */
#define WAY_OUT "give the sink another 'table' and 'path', or use another lake"

struct tl_delta_log {
    struct tl_store *store;
    struct tl_duck *duck;
    struct tl_delta_options o;
    struct tl_json_parser *json;
    struct tl_delta_parts parts; /* parts.version is I1's */
    uint64_t epoch;
    struct tl_buf meta; /* the newest metaData action's object, as JSON; "" before there is one */
    int64_t reader, writer; /* the protocol's versions; 0: none read */
    int64_t clean_at_ns;    /* not before */
};

static const char *delta_type(enum tl_type type)
{
    switch (type) {
    case TL_TYPE_VARCHAR:
        return "string";
    case TL_TYPE_BOOLEAN:
        return "boolean";
    case TL_TYPE_INTEGER:
        return "integer";
    case TL_TYPE_BIGINT:
        return "long";
    case TL_TYPE_DOUBLE:
        return "double";
    case TL_TYPE_DATE:
        return "date";
    case TL_TYPE_TIMESTAMP:
        return "timestamp"; /* INT64 microseconds adjusted to UTC */
    }
    return "string";
}

/* ---- reading ---- */

/* The object of an action's line as text of its own: between {"name": and the last brace. */
static void keep_meta(struct tl_delta_log *log, struct tl_view line)
{
    struct tl_view rest;
    (void)tl_view_split(line, ':', &rest);
    while (rest.size && rest.data[rest.size - 1] != '}')
        rest.size--;
    tl_buf_reset(&log->meta);
    if (rest.size)
        tl_buf_add_view(&log->meta, (struct tl_view){ rest.data, rest.size - 1 });
}

static bool read_line(struct tl_delta_log *log, struct tl_view line, struct tl_error *error)
{
    struct tl_json root, action;
    if (!tl_json_parse_copy(log->json, line, &root, error))
        return false;
    if (tl_json_get(root, "txn", &action) && tl_view_is(tl_json_get_string(action, "appId"), log->o.app_id)) {
        int64_t version = tl_json_get_i64(action, "version", 0);
        log->epoch = version > 0 && (uint64_t)version > log->epoch ? (uint64_t)version : log->epoch;
    }
    if (tl_json_get(root, "protocol", &action)) {
        log->reader = tl_json_get_i64(action, "minReaderVersion", 0);
        log->writer = tl_json_get_i64(action, "minWriterVersion", 0);
    }
    if (tl_json_get(root, "metaData", &action))
        keep_meta(log, line);
    return true;
}

static bool read_commit(struct tl_delta_log *log, int64_t version, struct tl_error *error)
{
    struct tl_buf name, text;
    tl_buf_init(&name, PATH_MAX);
    tl_buf_init(&text, COMMIT_MAX);
    tl_delta_name(log->o.path, version, ".json", &name);
    bool ok = tl_store_get(log->store, tl_buf_text(&name), &text, error);
    for (struct tl_view rest = tl_buf_view(&text); ok && rest.size;) {
        struct tl_view line = tl_view_trim(tl_view_split(rest, '\n', &rest));
        if (line.size && !read_line(log, line, error))
            ok = tl_error_context(error, "'%s/%s'", tl_store_root(log->store), tl_buf_text(&name));
    }
    if (ok)
        log->parts.version = version;
    tl_buf_release(&name);
    tl_buf_release(&text);
    return ok;
}

/* One row: what the checkpoint says of our app, the protocol and the table. */
static bool read_checkpoint(struct tl_delta_log *log, struct tl_error *error)
{
    struct tl_buf sql;
    struct tl_dir_list copies = { 0 };
    struct tl_duck_cursor *cursor = NULL;
    struct tl_rows rows;
    bool done = false;
    struct tl_delta_parts alone = { log->parts.checkpoint, log->parts.checkpoint };
    tl_buf_init(&sql, 1 << 20);
    bool ok = tl_delta_add_actions(log->store, log->o.path, &alone, &copies, &sql, error);
    tl_buf_add_text(&sql, "SELECT coalesce(max(CASE WHEN txn.appId = ");
    tl_sql_add_string(&sql, tl_view_of(log->o.app_id));
    tl_buf_add_text(&sql, " THEN txn.version END), 0), coalesce(max(protocol.minReaderVersion), 0), coalesce(max(protocol.minWriterVersion), 0), "
                          "max(CAST(to_json(\"metaData\") AS VARCHAR)) FILTER (WHERE \"metaData\" IS NOT NULL) FROM actions");
    ok = ok && tl_buf_ok(&sql, "a statement", error) && tl_duck_cursor_open(&cursor, log->duck, tl_buf_text(&sql), 0, error);
    if (ok && (ok = tl_rows_init(&rows, tl_duck_cursor_columns(cursor), 4, META_MAX, error))) {
        ok = tl_duck_cursor_next(cursor, &rows, &done, error) && tl_rows_ok(&rows, "a checkpoint", error);
        if (ok && !done) {
            log->epoch = (uint64_t)rows.columns[0].cells[0].i64;
            log->reader = rows.columns[1].cells[0].i64;
            log->writer = rows.columns[2].cells[0].i64;
            tl_buf_reset(&log->meta);
            tl_buf_add_view(&log->meta, tl_rows_text(&rows, 0, 3));
        }
        tl_rows_release(&rows);
    }
    tl_duck_cursor_close(cursor);
    tl_delta_drop_copies(&copies);
    tl_buf_release(&sql);
    return ok || tl_error_context(error, "checkpoint %" PRId64 " of the Delta table '%s/%s'", log->parts.checkpoint, tl_store_root(log->store), log->o.path);
}

/* ---- whether the table is ours to write ---- */

static bool fits(const struct tl_delta_log *log, struct tl_view name, struct tl_view type, struct tl_error *error)
{
    for (size_t i = 0; i < log->o.column_count; i++) {
        if (!tl_view_is(name, log->o.columns[i].name))
            continue;
        const char *ours = delta_type(log->o.columns[i].type);
        return tl_view_is(type, ours) ||
               tl_error_set(error, TL_CONFLICT, "column '%.*s' of the Delta table '%s/%s' is %.*s, and %s now: CAST it, or " WAY_OUT, TL_VIEW_ARG(name),
                            tl_store_root(log->store), log->o.path, TL_VIEW_ARG(type), ours);
    }
    return true; /* a column that someone added: NULL in our rows */
}

/* has: by our columns, whether the table has them. */
static bool check_columns(struct tl_delta_log *log, struct tl_json meta, struct tl_buf *schema, bool *has, struct tl_error *error)
{
    struct tl_json root, fields, field, partition;
    struct tl_json_iter it;
    size_t count = 0;
    bool same = tl_json_get(meta, "partitionColumns", &fields) && tl_json_size(fields) == log->o.partition_count;
    if (same)
        tl_json_iter_init(&it, fields);
    while (same && tl_json_next(&it, NULL, &partition)) {
        struct tl_view name;
        same = tl_json_string(partition, &name) && tl_view_is(name, log->o.partitions[count++]);
    }
    if (!same)
        return tl_error_set(error, TL_CONFLICT, "the Delta table '%s/%s' has other partitions: " WAY_OUT, tl_store_root(log->store), log->o.path);
    tl_buf_add_view(schema, tl_json_get_string(meta, "schemaString"));
    if (!tl_buf_ok(schema, "a schema", error) || !tl_json_parse_copy(log->json, tl_buf_view(schema), &root, error) ||
        !tl_json_get(root, "fields", &fields))
        return tl_error_set(error, TL_CORRUPT, "the Delta table '%s/%s' has no schema that can be read", tl_store_root(log->store), log->o.path);
    for (size_t i = 0; i < log->o.column_count; i++)
        for (tl_json_iter_init(&it, fields); !has[i] && tl_json_next(&it, NULL, &field);)
            has[i] = tl_view_is(tl_json_get_string(field, "name"), log->o.columns[i].name);
    for (tl_json_iter_init(&it, fields); tl_json_next(&it, NULL, &field);)
        if (!fits(log, tl_json_get_string(field, "name"), tl_json_get_string(field, "type"), error))
            return false;
    return true;
}

static void add_field(struct tl_json_writer *w, struct tl_view name, const char *type)
{
    tl_json_begin_object(w);
    tl_json_member_string(w, "name", name);
    tl_json_member_text(w, "type", type);
    tl_json_member_bool(w, "nullable", true);
    tl_json_key(w, "metadata");
    tl_json_begin_object(w);
    tl_json_end_object(w);
    tl_json_end_object(w);
}

/* The columns that it has not behind those of the old schema ("" for a new table). */
static void add_schema(const struct tl_delta_log *log, const char *old, const bool *has, struct tl_buf *out)
{
    struct tl_json_writer w;
    const char *end = strrchr(old, ']');
    tl_buf_addf(out, "%.*s", end ? (int)(end - old) : 0, old);
    tl_buf_add_text(out, end ? "" : "{\"type\":\"struct\",\"fields\":[");
    for (size_t i = 0; i < log->o.column_count; i++) {
        if (has && has[i])
            continue;
        if (out->size && out->data[out->size - 1] == '}')
            tl_buf_add_char(out, ',');
        tl_json_writer_init(&w, out);
        add_field(&w, tl_view_of(log->o.columns[i].name), delta_type(log->o.columns[i].type));
    }
    tl_buf_add_text(out, "]}");
}

static bool random_id(char out[40], struct tl_error *error)
{
    unsigned char b[16];
    if (!tl_io->random(b, sizeof b))
        return tl_error_set(error, TL_IO, "no random numbers from the system");
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x40);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    snprintf(out, 40, "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8],
             b[9], b[10], b[11], b[12], b[13], b[14], b[15]);
    return true;
}

/* A metaData action: of a new table, or the old one's with more columns. */
static void add_meta(const struct tl_delta_log *log, struct tl_view id, int64_t created, struct tl_json configuration, bool configured,
                     const char *schema, struct tl_buf *out)
{
    struct tl_json_writer w;
    struct tl_json_iter it;
    struct tl_json value;
    struct tl_view key, text;
    tl_buf_add_text(out, "{\"metaData\":");
    tl_json_writer_init(&w, out);
    tl_json_begin_object(&w);
    tl_json_member_string(&w, "id", id);
    tl_json_key(&w, "format");
    tl_json_write_raw(&w, TL_VIEW("{\"provider\":\"parquet\",\"options\":{}}"));
    tl_json_member_text(&w, "schemaString", schema);
    tl_json_key(&w, "partitionColumns");
    tl_json_begin_array(&w);
    for (size_t i = 0; i < log->o.partition_count; i++)
        tl_json_write_text(&w, log->o.partitions[i]);
    tl_json_end_array(&w);
    tl_json_key(&w, "configuration");
    tl_json_begin_object(&w);
    if (configured)
        for (tl_json_iter_init(&it, configuration); tl_json_next(&it, &key, &value);)
            if (tl_json_string(value, &text)) {
                tl_json_key_view(&w, key);
                tl_json_write_string(&w, text);
            }
    tl_json_end_object(&w);
    tl_json_member_i64(&w, "createdTime", created);
    tl_json_end_object(&w);
    tl_buf_add_text(out, "}\n");
}

static bool add_new_table(const struct tl_delta_log *log, struct tl_buf *out, struct tl_error *error)
{
    char id[40];
    struct tl_buf schema;
    struct tl_json none = { NULL, 0 };
    if (!random_id(id, error))
        return false;
    tl_buf_init(&schema, META_MAX);
    add_schema(log, "", NULL, &schema);
    tl_buf_add_text(out, "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n");
    add_meta(log, tl_view_of(id), tl_io->wall_ns() / TL_NS_PER_MS, none, false, tl_buf_text(&schema), out);
    bool ok = tl_buf_ok(&schema, "a schema", error);
    tl_buf_release(&schema);
    return ok;
}

/* What a commit begins with: nothing, or the table's head where it is new or gets columns. Says what does not fit. */
static bool add_head(struct tl_delta_log *log, struct tl_buf *out, struct tl_error *error)
{
    struct tl_json meta, configuration;
    struct tl_buf schema, wider;
    bool missing = false;
    if (log->parts.version < 0)
        return add_new_table(log, out, error);
    if (log->meta.size == 0 || log->reader < 1)
        return tl_error_set(error, TL_CORRUPT, "the log of the Delta table '%s/%s' says nothing of the table itself", tl_store_root(log->store), log->o.path);
    if (log->reader > 1 || log->writer > 2)
        return tl_error_set(error, TL_UNSUPPORTED, "the Delta table '%s/%s' asks for reader %" PRId64 " and writer %" PRId64 ": this version writes 1 and 2",
                            tl_store_root(log->store), log->o.path, log->reader, log->writer);
    if (log->o.column_count == 0)
        return true;
    tl_buf_init(&schema, META_MAX);
    tl_buf_init(&wider, META_MAX);
    bool *has = calloc(log->o.column_count, sizeof *has);
    bool ok = has || tl_error_set(error, TL_NO_MEMORY, "out of memory");
    ok = ok && tl_json_parse_copy(log->json, tl_buf_view(&log->meta), &meta, error) && check_columns(log, meta, &schema, has, error);
    for (size_t i = 0; ok && i < log->o.column_count; i++)
        missing = missing || !has[i];
    if (ok && missing && (ok = tl_json_parse_copy(log->json, tl_buf_view(&log->meta), &meta, error))) { /* the parser read the schema meanwhile */
        bool configured = tl_json_get(meta, "configuration", &configuration);
        add_schema(log, tl_buf_text(&schema), has, &wider);
        add_meta(log, tl_json_get_string(meta, "id"), tl_json_get_i64(meta, "createdTime", 0), configured ? configuration : meta, configured, tl_buf_text(&wider), out);
        ok = tl_buf_ok(&wider, "a schema", error);
    }
    tl_buf_release(&schema);
    tl_buf_release(&wider);
    free(has);
    return ok;
}

/* ---- the public face ---- */

/* Reads the commits behind the newest one that was read. */
static bool refresh(struct tl_delta_log *log, struct tl_error *error)
{
    struct tl_delta_parts there;
    if (!tl_delta_find_parts(log->store, log->o.path, &there, error))
        return false;
    bool ok = true;
    if (log->parts.version < there.checkpoint) { /* what lies before may be cleaned away */
        log->parts = (struct tl_delta_parts){ there.checkpoint, there.checkpoint };
        ok = read_checkpoint(log, error);
    }
    while (ok && log->parts.version < there.version)
        ok = read_commit(log, log->parts.version + 1, error);
    log->parts.checkpoint = there.checkpoint;
    return ok;
}

bool tl_delta_log_open(struct tl_delta_log **out, struct tl_store *store, struct tl_duck *duck, const struct tl_delta_options *options,
                       struct tl_error *error)
{
    struct tl_buf head;
    *out = NULL;
    struct tl_delta_log *log = calloc(1, sizeof *log);
    if (!log)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    log->store = store;
    log->duck = duck;
    log->o = *options;
    log->parts = (struct tl_delta_parts){ -1, -1 };
    tl_buf_init(&log->meta, META_MAX);
    tl_buf_init(&head, META_MAX);
    bool ok = tl_json_parser_new(&log->json, error) && refresh(log, error) && add_head(log, &head, error);
    tl_buf_release(&head);
    if (!ok) {
        tl_delta_log_close(log);
        return false;
    }
    *out = log;
    return true;
}

void tl_delta_log_close(struct tl_delta_log *log)
{
    if (!log)
        return;
    if (log->json)
        tl_json_parser_free(log->json);
    tl_buf_release(&log->meta);
    free(log);
}

int64_t tl_delta_log_version(const struct tl_delta_log *log)
{
    return log->parts.version;
}

uint64_t tl_delta_log_epoch(const struct tl_delta_log *log)
{
    return log->epoch;
}

static void add_txn(const struct tl_delta_log *log, uint64_t epoch, struct tl_buf *out)
{
    struct tl_json_writer w;
    tl_buf_add_text(out, "{\"txn\":");
    tl_json_writer_init(&w, out);
    tl_json_begin_object(&w);
    tl_json_member_text(&w, "appId", log->o.app_id);
    tl_json_member_i64(&w, "version", (int64_t)epoch);
    tl_json_member_i64(&w, "lastUpdated", tl_io->wall_ns() / TL_NS_PER_MS);
    tl_json_end_object(&w);
    tl_buf_add_text(out, "}\n");
}

void tl_delta_log_retention(struct tl_delta_log *log, struct tl_delta_retention *out)
{
    struct tl_json meta = { NULL, 0 }, configuration = { NULL, 0 };
    struct tl_error ignored;
    bool known = log->meta.size && tl_json_parse_copy(log->json, tl_buf_view(&log->meta), &meta, &ignored) &&
                 tl_json_get(meta, "configuration", &configuration);
    tl_delta_retention_read(configuration, out);
    if (!known && log->parts.version >= 0)
        *out = (struct tl_delta_retention){ INT64_MAX, INT64_MAX };
}

static void clean_log(struct tl_delta_log *log, int64_t keep_ms)
{
    struct tl_error error;
    size_t deleted;
    if (tl_io->monotonic_ns() < log->clean_at_ns)
        return;
    log->clean_at_ns = tl_io->monotonic_ns() + CLEAN_EVERY_NS;
    if (!tl_delta_clean_log(log->store, log->o.path, keep_ms, &deleted, &error))
        tl_log_warn("lake", "old versions in the log of the Delta table '%s' stay: %s", log->o.path, error.text);
    else if (deleted)
        tl_log_debug("lake", "%zu old files of the log of the Delta table '%s' were deleted", deleted, log->o.path);
}

/* A reader can do without it for a while, so that it ends nothing. */
static void make_checkpoint(struct tl_delta_log *log)
{
    struct tl_error error;
    struct tl_delta_retention keep;
    if (log->parts.version - log->parts.checkpoint < CHECKPOINT_EVERY)
        return;
    tl_delta_log_retention(log, &keep);
    if (!tl_delta_checkpoint(log->store, log->duck, log->o.path, &log->parts, keep.removed_ms, &error)) {
        tl_log_warn("lake", "no checkpoint of the Delta table '%s' was made: %s", log->o.path, error.text);
        return;
    }
    log->parts.checkpoint = log->parts.version;
    clean_log(log, keep.log_ms);
}

static bool try_commit(struct tl_delta_log *log, uint64_t epoch, struct tl_view actions, struct tl_error *error)
{
    struct tl_buf text, name;
    tl_buf_init(&text, COMMIT_MAX);
    tl_buf_init(&name, PATH_MAX);
    bool ok = add_head(log, &text, error);
    if (ok && epoch)
        add_txn(log, epoch, &text);
    size_t head = text.size;
    tl_buf_add_view(&text, actions);
    tl_delta_name(log->o.path, log->parts.version + 1, ".json", &name);
    ok = ok && tl_buf_ok(&text, "a commit of a Delta table", error) &&
         tl_store_create(log->store, tl_buf_text(&name), tl_buf_view(&text), error);
    for (struct tl_view rest = { text.data, head }; ok && rest.size;) {
        struct tl_view line = tl_view_split(rest, '\n', &rest);
        ok = line.size == 0 || read_line(log, line, error);
    }
    if (ok)
        log->parts.version++;
    tl_buf_release(&text);
    tl_buf_release(&name);
    return ok;
}

bool tl_delta_log_commit(struct tl_delta_log *log, uint64_t epoch, struct tl_view actions, bool *done, struct tl_error *error)
{
    *done = false;
    for (unsigned try = 0; try < TRIES; try++) {
        if (epoch && log->epoch >= epoch) {
            *done = true;
            return true;
        }
        if (try_commit(log, epoch, actions, error)) {
            make_checkpoint(log);
            return true;
        }
        if (error->code != TL_CONFLICT || epoch == 0)
            return false;
        int64_t before = log->parts.version;
        if (!refresh(log, error))
            return false;
        if (log->parts.version == before) /* not another writer: the table itself does not fit */
            return try_commit(log, epoch, actions, error);
    }
    return tl_error_set(error, TL_CONFLICT, "%u other commits to the Delta table '%s/%s' came before ours", TRIES, tl_store_root(log->store), log->o.path);
}
