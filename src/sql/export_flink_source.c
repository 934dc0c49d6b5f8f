/* SPDX-License-Identifier: Apache-2.0 */
/* A source in Flink: a table of records as they came, and views that read them.
 *
 * Flink takes a time attribute, by which windows close, from a table's own definition only, where one computed column cannot use
 * another. So what is wrong with a record has to be found there, in one expression: JSON_QUERY gives the declared columns alone, as
 * JSON in the order of their names, and one regular expression says what that has to look like (rule 7). The rest is views. */
#include "base/time.h"
#include "sql/export_flink.h"
#include "sql/export_refuse.h"

#include <stdio.h>

#define END_MARK "end of record"
#define TEXT_SHAPE "\"[^\"\\\\]*+(?:\\\\.[^\"\\\\]*+)*+\""
#define DAY_SHAPE "(?:1[7-9]|2[01])[0-9]{2}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
#define INSTANT_SHAPE "\"" DAY_SHAPE "(?:[T ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\\.[0-9]{1,9})?)?(?:Z|[+-](?:0[0-9]|1[0-8]):?[0-5][0-9])?)?\""

/* What a value looks like once it is written anew as JSON. */
static const char *const shapes[] = {
    [TL_TYPE_VARCHAR] = TEXT_SHAPE,
    [TL_TYPE_BOOLEAN] = "true|false",
    [TL_TYPE_INTEGER] = "-?(?:[0-9]{1,9}|1[0-9]{9}|20[0-9]{8}|21[0-3][0-9]{7}|214[0-6][0-9]{6}|2147[0-3][0-9]{5}|21474[0-7][0-9]{4}|214748[0-3][0-9]{3})",
    [TL_TYPE_BIGINT] = "-?(?:[0-9]{1,18}|[1-8][0-9]{18}|9[01][0-9]{17}|92[01][0-9]{16}|922[0-3][0-9]{15})",
    [TL_TYPE_DOUBLE] = "-?[0-9][0-9.E+-]*",
    [TL_TYPE_DATE] = "\"" DAY_SHAPE "\"",
    [TL_TYPE_TIMESTAMP] = INSTANT_SHAPE,
};

struct source_job {
    struct tl_flink_job *j;
    const struct tl_source_plan *s;
    const char **decoded; /* by slot: the SQL that takes it out of a record, for tl_sql_writer */
    size_t *by_name;      /* the declared columns in the order of their names */
    char subject[192];
};

/* ---- what is refused ---- */

static bool check_names(const struct source_job *w)
{
    for (size_t i = 0; i < w->s->named_count; i++) {
        const char *name = w->s->named[i].name;
        if (name[0] == '_')
            return tl_export_refuse(w->j->plan, tl_export_slot_place(w->s, i), w->j->error,
                                    "%s: the script keeps names that begin with '_' for itself: rename the column '%s'", w->subject, name);
        if (strpbrk(name, "\"'\\`"))
            return tl_export_refuse(w->j->plan, tl_export_slot_place(w->s, i), w->j->error,
                                    "%s: a path of Flink's JSON functions cannot name the column '%s': rename it", w->subject, name);
    }
    return true;
}

static bool check_source(const struct source_job *w)
{
    const struct tl_source_plan *s = w->s;
    if (s->dedup_count)
        return tl_export_refuse(w->j->plan, s->dedup_place, w->j->error,
                                "%s: DEDUP BY is not exported to Flink, whose deduplication forgets by the clock and not by a shard's watermark (rule 11): leave it out, or run the pipeline in tapeline",
                                w->subject);
    for (size_t i = 0; i < s->named_count; i++)
        if (i >= s->column_count && (s->slots[i].kind == TL_SLOT_PARTITION_KEY || s->slots[i].kind == TL_SLOT_SUB_SEQUENCE) && !w->j->options->input)
            return tl_export_refuse(w->j->plan, s->slots[i].place, w->j->error, "%s: Flink's Kinesis connector gives no %s: leave the column '%s' out", w->subject,
                                    s->slots[i].kind == TL_SLOT_PARTITION_KEY ? "partition key" : "place inside an aggregated record", s->named[i].name);
    return check_names(w);
}

/* ---- columns of a record ---- */

/* As newer versions of Flink write the members of an object anyway. */
static void sort_by_name(const struct tl_source_plan *s, size_t *columns)
{
    for (size_t i = 1; i < s->column_count; i++)
        for (size_t k = i; k > 0 && strcmp(s->columns[columns[k]].name, s->columns[columns[k - 1]].name) < 0; k--) {
            size_t held = columns[k];
            columns[k] = columns[k - 1];
            columns[k - 1] = held;
        }
}

/* JSON_VALUE(_data, '$.close') AS the type. */
static const char *decode_sql(struct source_job *w, size_t column)
{
    static const char *const casts[] = { [TL_TYPE_BOOLEAN] = "BOOLEAN", [TL_TYPE_INTEGER] = "INT", [TL_TYPE_BIGINT] = "BIGINT",
                                         [TL_TYPE_DOUBLE] = "DOUBLE", [TL_TYPE_DATE] = "DATE" };
    const struct tl_column_def *def = &w->s->columns[column];
    const char *name = def->name;
    bool plain = name[strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")] == '\0';
    const char *value = tl_arena_printf(&w->j->arena, plain ? "JSON_VALUE(_data, '$.%s')" : "JSON_VALUE(_data, '$[\"%s\"]')", name);
    if (!value || def->type == TL_TYPE_VARCHAR)
        return value ? tl_arena_printf(&w->j->arena, "=%s", value) : NULL;
    if (def->type != TL_TYPE_TIMESTAMP)
        return tl_arena_printf(&w->j->arena, "=TRY_CAST(%s AS %s)", value, casts[def->type]);
    const char *names[] = { tl_arena_printf(&w->j->arena, "=%s", value) };
    const struct tl_expr text = { .op = TL_OP_COLUMN, .type = TL_TYPE_VARCHAR };
    const struct tl_expr parse = { .op = TL_OP_PARSE_TIMESTAMP, .type = TL_TYPE_TIMESTAMP, .args = { &text }, .arg_count = 1 };
    struct tl_buf sql;
    tl_buf_init(&sql, 1 << 16);
    struct tl_sql_writer writer = { .dialect = &tl_flink_dialect, .names = names, .out = &sql, .plan = w->j->plan, .subject = w->subject };
    const char *out = names[0] && tl_sql_write(&writer, &parse, w->j->error) ? tl_arena_printf(&w->j->arena, "=%s", tl_buf_text(&sql)) : NULL;
    tl_buf_release(&sql);
    return out;
}

static bool fill_columns(struct source_job *w)
{
    const struct tl_source_plan *s = w->s;
    bool from_files = w->j->options->input != NULL;
    const char *const metadata[] = { [TL_SLOT_SHARD_ID] = "=_shard", [TL_SLOT_SEQUENCE_NUMBER] = from_files ? "=CAST(NULL AS STRING)" : "=_sequence",
                                     [TL_SLOT_ARRIVAL_TIME] = from_files ? "=CAST(NULL AS TIMESTAMP(9))" : "=CAST(_arrival AS TIMESTAMP(9))",
                                     [TL_SLOT_PARTITION_KEY] = "=CAST(NULL AS STRING)", [TL_SLOT_SUB_SEQUENCE] = "=CAST(0 AS BIGINT)",
                                     [TL_SLOT_COMPUTED] = NULL };
    w->decoded = TL_ARENA_ARRAY(&w->j->arena, s->slot_count + s->column_count + 1, const char *);
    w->by_name = TL_ARENA_ARRAY(&w->j->arena, s->column_count + 1, size_t);
    for (size_t i = 0; w->decoded && w->by_name && i < s->column_count; i++) {
        w->by_name[i] = i;
        w->decoded[i] = decode_sql(w, i);
    }
    for (size_t i = s->column_count; w->decoded && i < s->named_count; i++)
        w->decoded[i] = metadata[s->slots[i].kind];
    if (!tl_arena_ok(&w->j->arena, "the columns of a source", w->j->error))
        return false;
    sort_by_name(s, w->by_name);
    return true;
}

/* True where an event time that is none makes the record malformed already by its text. */
static bool is_time_text(const struct tl_source_plan *s, size_t column)
{
    return column == s->event_time_column;
}

static bool is_required(const struct tl_source_plan *s, size_t column)
{
    return s->columns[column].not_null || column == s->event_time_column || column == s->event_time_slot;
}

static void add_shape(const struct tl_source_plan *s, size_t column, struct tl_buf *out)
{
    const char *shape = is_time_text(s, column) ? INSTANT_SHAPE : shapes[s->columns[column].type];
    bool group = !is_required(s, column) || strchr(shape, '|');
    tl_buf_addf(out, group ? "(?:%s%s)" : "%s%s", is_required(s, column) ? "" : "null|", shape);
}

/* The name inside a regular expression. */
static void add_quoted_name(const char *name, struct tl_buf *out)
{
    for (; *name; name++) {
        if (strchr(".[]{}()*+-?^$|#&", *name))
            tl_buf_add_char(out, '\\');
        tl_buf_add_char(out, *name);
    }
}

/* REGEXP(what the record is, what it has to be), a line a column. */
static void write_well_formed(const struct source_job *w)
{
    const struct tl_source_plan *s = w->s;
    struct tl_buf *out = w->j->out;
    tl_buf_add_text(out, "REGEXP(\n      JSON_QUERY('[' || _data || ',{\"" END_MARK "\":true}]', '$[*][");
    for (size_t i = 0; i < s->column_count; i++)
        tl_buf_addf(out, "\"%s\",", s->columns[w->by_name[i]].name);
    tl_buf_add_text(out, "\"" END_MARK "\"]'),\n      '^\\[\\{' ||\n");
    for (size_t i = 0; i < s->column_count; i++) {
        size_t c = w->by_name[i];
        bool required = is_required(s, c);
        tl_buf_add_text(out, required ? "      ',?\"" : "      '(?:,?\"");
        add_quoted_name(s->columns[c].name, out);
        tl_buf_add_text(out, "\":");
        add_shape(s, c, out);
        tl_buf_addf(out, "%s' ||  -- %s%s\n", required ? "" : ")?", tl_type_name(s->columns[c].type),
                    is_time_text(s, c) ? ", an instant" : required ? " NOT NULL" : "");
    }
    tl_buf_add_text(out, "      '\\},\\{\"" END_MARK "\":true\\}\\]$')");
}

/* The text of an instant, which the shape has been seen to be, as one. Flink takes 30 February for the 28th, and no offsets. */
static void write_parsed(const struct source_job *w, const char *text)
{
    tl_buf_addf(w->j->out,
                "CASE WHEN TRY_CAST(SUBSTRING(%s FROM 1 FOR 10) AS DATE) IS NOT NULL THEN  -- a day that there is\n"
                "      TRY_CAST(REGEXP_EXTRACT(REGEXP_REPLACE(REPLACE(%s, 'T', ' '),\n"
                "        '(?<=^.{16})(?=Z|[+-]|$)', ':00'), '^.{10}( [0-9:.]+)?', 0) AS TIMESTAMP(9))\n"
                "      - COALESCE(TRY_CAST(REPLACE(REGEXP_EXTRACT(%s, '[+-][0-9]{2}:?[0-9]{2}$', 0), ':', '') AS INT)\n"
                "        - TRY_CAST(REGEXP_EXTRACT(%s, '([+-][0-9]{2}):?[0-9]{2}$', 1) AS INT) * 40, 0) * INTERVAL '1' MINUTE  -- +0530 is 330\n"
                "    END",
                text, text, text, text);
}

static bool write_event_time(const struct source_job *w)
{
    const struct tl_source_plan *s = w->s;
    if (s->event_time_column != SIZE_MAX)
        write_parsed(w, w->decoded[s->event_time_column] + 1);
    else if (s->event_time_slot < s->column_count || !s->slots[s->event_time_slot].expr) /* declared, or of the metadata */
        tl_buf_add_text(w->j->out, w->decoded[s->event_time_slot] + 1);
    else
        return tl_flink_add_sql(w->j, s->slots[s->event_time_slot].expr, w->decoded, w->subject);
    return true;
}

/* ---- the table ---- */

static void add_quoted(struct tl_buf *out, const char *text)
{
    tl_sql_write_text(&tl_flink_dialect, tl_view_of(text), out);
}

static void add_option(struct tl_buf *out, const char *name, const char *value)
{
    tl_buf_addf(out, ",\n  '%s' = ", name);
    add_quoted(out, value);
}

static void write_kinesis(const struct source_job *w)
{
    const struct tl_source_plan *s = w->s;
    const struct tl_profile_plan *p = w->j->options->profile;
    struct tl_buf *out = w->j->out;
    char consumer[TL_CONSUMER_NAME_MAX];
    bool aws = p && p->kinesis && strcmp(p->kinesis, "aws") == 0, url = p && p->kinesis && strncmp(p->kinesis, "http", 4) == 0;
    tl_buf_add_text(out, "  'connector' = 'kinesis'");
    add_option(out, "stream", s->stream);
    add_option(out, "aws.region", p && p->region ? p->region : "us-east-1");
    if (!aws) {
        add_option(out, "aws.endpoint", url ? p->kinesis : w->j->options->endpoint ? w->j->options->endpoint : "http://127.0.0.1:4566");
        add_option(out, "aws.credentials.provider", "BASIC");
        add_option(out, "aws.credentials.basic.accesskeyid", "tapeline");
        add_option(out, "aws.credentials.basic.secretkey", "tapeline");
    }
    add_option(out, "scan.stream.initpos", s->start == TL_START_LATEST ? "LATEST" : "TRIM_HORIZON");
    tl_source_consumer(w->j->plan, s, consumer);
    if (s->read == TL_READ_FANOUT) {
        add_option(out, "scan.stream.recordpublisher", "EFO");
        add_option(out, "scan.stream.efo.consumername", consumer);
    }
    add_option(out, "scan.shard-assigner", "uniform"); /* shards of equal size and as many subtasks: one each */
    add_option(out, "format", "raw");
}

/* The folder of the files: one below it a source, where there are several. */
static void add_path(const struct source_job *w, const char *input)
{
    size_t sources = 0;
    for (size_t i = 0; i < w->j->plan->source_count; i++)
        sources += !w->j->plan->sources[i].of_view;
    add_option(w->j->out, "path", sources > 1 ? tl_arena_printf(&w->j->arena, "%s/%s", input, w->s->name) : input);
}

static bool write_table(const struct source_job *w)
{
    const struct tl_source_plan *s = w->s;
    struct tl_buf *out = w->j->out;
    const char *input = w->j->options->input;
    tl_buf_addf(out,
                "-- ---- source %s ----\n"
                "-- A record as it came. _rowtime is its event time, or a day in 1677 when the record cannot be read: when its columns, written anew\n"
                "-- as JSON in the order of their names, are not of the declared types, or when anything stands after the object.\n",
                s->name);
    tl_buf_add_text(out, "CREATE TEMPORARY TABLE ");
    tl_flink_add_name(out, s->name, "_records");
    tl_buf_addf(out, " (\n  _data STRING,\n  _shard STRING METADATA FROM '%s' VIRTUAL,\n", input ? "file.name" : "shard-id");
    if (!input)
        tl_buf_add_text(out, "  _sequence STRING METADATA FROM 'sequence-number' VIRTUAL,\n  _arrival TIMESTAMP(3) METADATA FROM 'timestamp' VIRTUAL,\n");
    tl_buf_add_text(out, "  _now AS PROCTIME(),\n  _rowtime AS COALESCE(CAST(CASE WHEN ");
    write_well_formed(w);
    tl_buf_add_text(out, "\n    THEN ");
    if (!write_event_time(w))
        return false;
    tl_buf_add_text(out, " END AS TIMESTAMP(3)), CAST(" TL_FLINK_NEVER " AS TIMESTAMP(3))),\n");
    if (input) {
        tl_buf_add_text(out, "  -- files are read one after the other: windows wait for the end of the last one\n"
                             "  WATERMARK FOR _rowtime AS CAST(" TL_FLINK_NEVER " AS TIMESTAMP(3))\n) WITH (\n  'connector' = 'filesystem'");
        add_path(w, input);
        add_option(out, "format", "raw");
    } else {
        tl_buf_add_text(out, "  WATERMARK FOR _rowtime AS CASE WHEN _rowtime <= _arrival + ");
        tl_sql_write_interval(&tl_flink_dialect, s->max_future_skew_ns, out);
        tl_buf_add_text(out, " THEN _rowtime END - ");
        tl_sql_write_interval(&tl_flink_dialect, s->delay_ns, out);
        tl_buf_add_text(out, " - INTERVAL '0.001' SECOND  -- rules 2 and 3; Flink's ends before its instant\n) WITH (\n");
        write_kinesis(w);
    }
    tl_buf_add_text(out, "\n);\n\n");
    return true;
}

/* ---- the views ---- */

static void add_column_as(struct tl_buf *out, const char *name)
{
    tl_buf_add_text(out, " AS ");
    tl_flink_add_name(out, name, "");
    tl_buf_add_text(out, ",\n");
}

/* The event time to the nanosecond: the digits that _rowtime has not are those of the text. */
static bool write_fine_event_time(const struct source_job *w)
{
    const struct tl_source_plan *s = w->s;
    if (s->event_time_column == SIZE_MAX)
        return write_event_time(w);
    tl_buf_addf(w->j->out,
                "TRY_CAST(CAST(CAST(_rowtime AS TIMESTAMP(3)) AS STRING) ||\n"
                "    RPAD(COALESCE(REGEXP_EXTRACT(%s, '\\.[0-9]{3}([0-9]+)', 1), ''), 6, '0') AS TIMESTAMP(9))",
                w->decoded[s->event_time_column] + 1);
    return true;
}

static bool write_read_view(const struct source_job *w)
{
    const struct tl_source_plan *s = w->s;
    struct tl_buf *out = w->j->out;
    tl_buf_addf(out, "-- The columns of what can be read; the event time to the nanosecond, where _rowtime ends at milliseconds.\nCREATE TEMPORARY VIEW ");
    tl_flink_add_name(out, s->name, "_read");
    tl_buf_add_text(out, " AS SELECT\n");
    for (size_t i = 0; i < s->named_count || i < s->column_count; i++) {
        if (i >= s->column_count && (s->slots[i].kind == TL_SLOT_COMPUTED || s->slots[i].kind == TL_SLOT_EVENT_TIME))
            continue;
        tl_buf_addf(out, "  %s", w->decoded[i] + 1);
        add_column_as(out, tl_slot_def(s, i)->name);
    }
    if (s->event_time_slot >= s->column_count) {
        tl_buf_add_text(out, "  ");
        if (!write_fine_event_time(w))
            return false;
        add_column_as(out, s->event_time);
    }
    tl_buf_addf(out, "  _shard, %s_rowtime, _now\nFROM ", w->j->options->input ? "" : "_sequence, _arrival, ");
    tl_flink_add_name(out, s->name, "_records");
    tl_buf_add_text(out, " WHERE _rowtime > " TL_FLINK_NEVER ";\n\n");
    return true;
}

static bool write_placed_view(const struct source_job *w)
{
    const struct tl_source_plan *s = w->s;
    struct tl_buf *out = w->j->out;
    struct tl_buf time;
    tl_buf_init(&time, 1 << 12);
    tl_flink_add_name(&time, s->event_time, "");
    tl_buf_add_text(out, "-- Each record with its shard's watermark (rule 2) and its place: records are ordered by event time, shard, and their order in it (rule 1).\n"
                         "CREATE TEMPORARY VIEW ");
    tl_flink_add_name(out, s->name, "");
    tl_buf_add_text(out, " AS SELECT *,\n");
    for (size_t i = s->column_count; i < s->named_count; i++) {
        if (s->slots[i].kind != TL_SLOT_COMPUTED)
            continue;
        tl_buf_add_text(out, "  ");
        if (!tl_flink_add_sql(w->j, s->slots[i].expr, w->j->names[s - w->j->plan->sources], w->subject)) {
            tl_buf_release(&time);
            return false;
        }
        add_column_as(out, s->named[i].name);
    }
    if (w->j->options->input) {
        tl_buf_addf(out, "  MAX(%s) OVER so_far - ", tl_buf_text(&time));
    } else {
        tl_buf_addf(out, "  COALESCE(MAX(CASE WHEN %s <= _arrival + ", tl_buf_text(&time));
        tl_sql_write_interval(&tl_flink_dialect, s->max_future_skew_ns, out);
        tl_buf_addf(out, " THEN %s END) OVER so_far, " TL_FLINK_NEVER ") - ", tl_buf_text(&time));
    }
    tl_sql_write_interval(&tl_flink_dialect, s->delay_ns, out);
    tl_buf_addf(out,
                " AS _watermark,\n  CAST(%s AS STRING) || ' ' || _shard || ' ' || LPAD(CAST(COUNT(*) OVER so_far AS STRING), 19, '0') AS _place\nFROM ",
                tl_buf_text(&time));
    tl_flink_add_name(out, s->name, "_read");
    tl_buf_add_text(out, "\nWINDOW so_far AS (PARTITION BY _shard ORDER BY _now ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW);\n\n");
    tl_buf_release(&time);
    return true;
}

/* What is wrong with a record is looked for here, once it is known that something is. Flink reads a table once for two views only if both
 * want the same of its columns: hence _now, which the other one needs. */
static void write_malformed_view(const struct source_job *w)
{
    const struct tl_source_plan *s = w->s;
    struct tl_buf *out = w->j->out;
    bool input = w->j->options->input != NULL;
    tl_buf_addf(out, "-- MALFORMED(%s): what cannot be read, as it came, with the reason (rule 7).\nCREATE TEMPORARY VIEW ", s->name);
    tl_flink_add_name(out, s->name, "_malformed");
    tl_buf_add_text(out, " AS SELECT\n  CASE\n    WHEN NOT (_data IS JSON OBJECT) THEN 'not a JSON object'\n");
    for (size_t i = 0; i < s->column_count; i++) {
        tl_buf_addf(out, "    WHEN NOT REGEXP(COALESCE(JSON_QUERY(_data, '$[\"%s\"]' WITH UNCONDITIONAL ARRAY WRAPPER), '[null]'), '^\\[", s->columns[i].name);
        add_shape(s, i, out);
        tl_buf_addf(out, "\\]$')\n      THEN '%s is %s'\n", s->columns[i].name,
                    is_time_text(s, i)    ? "null, or no instant"
                    : is_required(s, i) ? "null, or of another type"
                                        : "of another type");
    }
    tl_buf_addf(out,
                "    ELSE 'text after the object, or no event time' END AS reason,\n"
                "  CAST(0 AS BIGINT) AS `offset`, _shard AS shard, %s AS sequence_number, %s AS arrival_time,\n"
                "  _data AS data, 'utf8' AS encoding\nFROM ",
                input ? "CAST(NULL AS STRING)" : "_sequence", input ? "CAST(NULL AS TIMESTAMP(9))" : "CAST(_arrival AS TIMESTAMP(9))");
    tl_flink_add_name(out, s->name, "_records");
    tl_buf_addf(out, " WHERE _rowtime = " TL_FLINK_NEVER "%s\n  AND CAST(_now AS STRING) <> '';  -- as all are: with it Flink reads a record once for both views\n\n",
                input ? " AND REGEXP(_data, '\\S')" : "");
}

bool tl_flink_write_source(struct tl_flink_job *j, size_t source)
{
    struct source_job w = { .j = j, .s = &j->plan->sources[source] };
    snprintf(w.subject, sizeof w.subject, "source '%.128s'", w.s->name);
    if (!check_source(&w) || !fill_columns(&w) || !write_table(&w) || !write_read_view(&w) || !write_placed_view(&w))
        return false;
    write_malformed_view(&w);
    return true;
}
