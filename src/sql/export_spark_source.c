/* SPDX-License-Identifier: Apache-2.0 */
/* What a job writes as Python, and the sources of a plan in it. */
#include "sql/export_names.h"
#include "sql/export_refuse.h"
#include "sql/export_spark.h"

#include "base/time.h"

#include <stdio.h>

#define SQL_MAX (1 << 20)

/* ---- Python ---- */

void tl_spark_add_view(struct tl_buf *out, struct tl_view text)
{
    tl_buf_add_char(out, '"');
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        if (c == '"' || c == '\\')
            tl_buf_addf(out, "\\%c", c);
        else if (c == '\n')
            tl_buf_add_text(out, "\\n");
        else if (c < 0x20 || c == 0x7f)
            tl_buf_addf(out, "\\x%02x", c);
        else
            tl_buf_add_char(out, (char)c);
    }
    tl_buf_add_char(out, '"');
}

void tl_spark_add_text(struct tl_buf *out, const char *text)
{
    tl_spark_add_view(out, tl_view_of(text));
}

/* A name of Python's for one of ours: letters, digits and _, not beginning with a digit. */
void tl_spark_add_identifier(struct tl_buf *out, const char *name, bool upper)
{
    if (name[0] >= '0' && name[0] <= '9')
        tl_buf_add_char(out, '_');
    for (const char *p = name; *p; p++) {
        bool letter = (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z'), digit = *p >= '0' && *p <= '9';
        char c = letter || digit ? *p : '_';
        tl_buf_add_char(out, upper && c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c);
    }
}

void tl_spark_add_span(struct tl_buf *out, int64_t ns)
{
    tl_buf_add_char(out, '"');
    tl_sql_write_span(ns, false, out);
    tl_buf_add_char(out, '"');
}

/* The name as a column for Spark, in Python's quotes: "ticker", "`last close`". */
void tl_spark_add_column(struct tl_buf *out, const char *name)
{
    struct tl_buf text;
    tl_buf_init(&text, SQL_MAX);
    if (name[0] == '=')
        tl_buf_add_text(&text, name + 1);
    else
        tl_sql_write_name(&tl_spark_dialect, name, &text);
    tl_spark_add_view(out, tl_buf_view(&text));
    tl_buf_release(&text);
}

/* The expression as Spark SQL in Python's quotes. */
bool tl_spark_add_sql(struct tl_spark_job *j, const struct tl_expr *e, const char *const *names, const char *subject)
{
    struct tl_buf sql;
    tl_buf_init(&sql, SQL_MAX);
    struct tl_sql_writer w = { .dialect = &tl_spark_dialect, .names = names, .out = &sql, .plan = j->plan, .subject = subject };
    bool ok = tl_sql_write(&w, e, j->error);
    if (ok)
        tl_spark_add_view(j->out, tl_buf_view(&sql));
    tl_buf_release(&sql);
    return ok;
}

/* ---- sources ---- */

static const char *const python_types[] = { NULL, "TEXT", "BOOLEAN", "INTEGER", "BIGINT", "DOUBLE", "DATE", "TIMESTAMP" };

/* The column that an event time is made of, and how, as decode_record() of the job knows it. NULL: in another way. */
static const char *event_time_of(const struct tl_source_plan *s, size_t *column)
{
    static const char *const units[] = { [TL_PART_SECOND] = "s", [TL_PART_MILLISECOND] = "ms", [TL_PART_MICROSECOND] = "us", [TL_PART_NANOSECOND] = "ns" };
    *column = s->event_time_column != SIZE_MAX ? s->event_time_column : s->event_time_slot;
    if (*column < s->column_count)
        return s->event_time_column != SIZE_MAX ? "text" : "column";
    const struct tl_expr *e = s->slots[s->event_time_slot].expr;
    if (!e || e->op != TL_OP_FROM_EPOCH)
        return NULL;
    const struct tl_expr *of = e->args[0]->op == TL_OP_CAST ? e->args[0]->args[0] : e->args[0];
    *column = of->slot;
    bool whole = of->type == TL_TYPE_BIGINT || of->type == TL_TYPE_INTEGER;
    return of->op == TL_OP_COLUMN && whole && of->slot < s->column_count ? units[e->part] : NULL;
}

/* ---- what is refused ---- */

static bool check_source(struct tl_spark_job *j, const struct tl_source_plan *s)
{
    for (size_t i = 0; i < s->named_count; i++)
        if (s->named[i].name[0] == '_')
            return tl_export_refuse(j->plan, tl_export_slot_place(s, i), j->error,
                                    "source '%s': the job keeps names that begin with '_' for itself: rename the column '%s'", s->name, s->named[i].name);
    return true;
}

/* ---- a source ---- */

static void write_columns(struct tl_spark_job *j, const struct tl_source_plan *s)
{
    tl_buf_add_text(j->out, "    columns=[");
    for (size_t i = 0; i < s->column_count; i++) {
        tl_buf_add_text(j->out, i ? (i % 4 ? " (" : "\n             (") : "(");
        tl_spark_add_text(j->out, s->columns[i].name);
        tl_buf_addf(j->out, ", %s, %s)%s", python_types[s->columns[i].type], s->columns[i].not_null ? "True" : "False",
                    i + 1 < s->column_count ? "," : "");
    }
    tl_buf_add_text(j->out, "],\n");
}

static const char *const metadata[] = { [TL_SLOT_SHARD_ID] = "_shard", [TL_SLOT_SEQUENCE_NUMBER] = "_sequence", [TL_SLOT_ARRIVAL_TIME] = "_arrival",
                                        [TL_SLOT_PARTITION_KEY] = "_key", [TL_SLOT_SUB_SEQUENCE] = "0L", [TL_SLOT_COMPUTED] = NULL };

/* A slot as SQL over what is known before metadata and computed columns have their names; a computed one is made of its parts. */
static bool add_early(struct tl_spark_job *j, const struct tl_source_plan *s, size_t slot, const char *subject)
{
    const char **names = TL_ARENA_ARRAY(&j->arena, s->slot_count + s->column_count + 1, const char *);
    for (size_t i = 0; names && i < s->named_count; i++) {
        bool early = i < s->column_count || s->slots[i].kind == TL_SLOT_EVENT_TIME;
        names[i] = early ? s->named[i].name : metadata[s->slots[i].kind] ? tl_arena_printf(&j->arena, "=%s", metadata[s->slots[i].kind]) : NULL;
    }
    const struct tl_expr column = { .op = TL_OP_COLUMN, .type = s->named[slot].type, .slot = slot };
    const struct tl_expr *expr = slot >= s->column_count && s->slots[slot].expr ? s->slots[slot].expr : &column;
    return tl_arena_ok(&j->arena, "the names of a source", j->error) && tl_spark_add_sql(j, expr, names, subject);
}

/* Metadata and computed columns: name and SQL. */
static bool write_computed(struct tl_spark_job *j, const struct tl_source_plan *s, const char *const *names, const char *subject)
{
    const char *between = "";
    tl_buf_add_text(j->out, "computed={");
    for (size_t i = s->column_count; i < s->named_count; i++) {
        const struct tl_slot_plan *slot = &s->slots[i];
        if (slot->kind == TL_SLOT_EVENT_TIME)
            continue;
        tl_buf_add_text(j->out, between);
        tl_spark_add_text(j->out, slot->def.name);
        tl_buf_add_text(j->out, ": ");
        if (slot->kind == TL_SLOT_COMPUTED ? !tl_spark_add_sql(j, slot->expr, names, subject) : false)
            return false;
        if (slot->kind != TL_SLOT_COMPUTED)
            tl_spark_add_text(j->out, metadata[slot->kind]);
        between = ", ";
    }
    tl_buf_add_char(j->out, '}');
    return true;
}

/* "120_000_000": as Python groups digits. */
static void add_micros(struct tl_buf *out, int64_t ns)
{
    char digits[32];
    int count = snprintf(digits, sizeof digits, "%lld", (long long)(ns / TL_NS_PER_US));
    for (int i = 0; i < count; i++) {
        if (i && (count - i) % 3 == 0)
            tl_buf_add_char(out, '_');
        tl_buf_add_char(out, digits[i]);
    }
}

/* DEDUP BY: the columns as SQL, and how long a record is remembered. */
static bool write_repeats(struct tl_spark_job *j, const struct tl_source_plan *s, const char *subject)
{
    if (!s->dedup_count)
        return true;
    tl_buf_add_text(j->out, ",\n    repeats=([");
    for (size_t i = 0; i < s->dedup_count; i++) {
        tl_buf_add_text(j->out, i ? ", " : "");
        if (s->dedup[i] == s->event_time_slot) /* is there by then */
            tl_spark_add_column(j->out, s->event_time);
        else if (!add_early(j, s, s->dedup[i], subject))
            return false;
    }
    tl_buf_add_text(j->out, "], ");
    add_micros(j->out, s->dedup_for_ns);
    tl_buf_add_char(j->out, ')');
    return true;
}

static bool write_event_time(struct tl_spark_job *j, const struct tl_source_plan *s, const char *subject)
{
    size_t column;
    const char *how = event_time_of(s, &column);
    tl_buf_add_text(j->out, "    event_time=(");
    tl_spark_add_text(j->out, s->event_time);
    tl_buf_add_text(j->out, ", ");
    if (how)
        tl_spark_add_text(j->out, s->columns[column].name);
    else if (!add_early(j, s, s->event_time_slot, subject))
        return false;
    tl_buf_addf(j->out, ", \"%s\"), delay=", how ? how : "sql");
    add_micros(j->out, s->delay_ns);
    tl_buf_add_text(j->out, ", skew=");
    add_micros(j->out, s->max_future_skew_ns);
    tl_buf_add_text(j->out, ",\n    ");
    return true;
}

void tl_spark_add_source_name(struct tl_buf *out, const struct tl_source_plan *s)
{
    tl_spark_add_identifier(out, s->name, true);
    if (s->of_view)
        tl_buf_add_text(out, s->time_is_start ? "_BY_START" : "_BY_END");
}

/* ---- the rows of a view ---- */

/* What orders them as records: FIRST and LAST go by it. */
static bool write_rows(struct tl_spark_job *j, const struct tl_source_plan *s)
{
    size_t *order = TL_ARENA_ARRAY(&j->arena, s->column_count, size_t), count = 0;
    if (!tl_arena_ok(&j->arena, "the order of a view's rows", j->error))
        return false;
    (void)tl_export_row_order(j->plan, s, order, &count);
    tl_buf_add_text(j->out, "\n\n");
    tl_spark_add_source_name(j->out, s);
    tl_buf_add_text(j->out, " = Rows(");
    tl_spark_add_text(j->out, s->name);
    tl_buf_add_text(j->out, ", place=[");
    for (size_t i = 0; i < count; i++) {
        tl_buf_add_text(j->out, i ? ", " : "");
        tl_spark_add_column(j->out, s->columns[order[i]].name);
    }
    tl_buf_add_text(j->out, "])\n");
    return true;
}

bool tl_spark_write_source(struct tl_spark_job *j, size_t source)
{
    const struct tl_source_plan *s = &j->plan->sources[source];
    char subject[192];
    snprintf(subject, sizeof subject, "source '%.128s'", s->name);
    if (s->of_view)
        return write_rows(j, s);
    if (!check_source(j, s))
        return false;
    tl_spark_add_source_name(j->out, s);
    tl_buf_add_text(j->out, " = Source(\n    name=");
    tl_spark_add_text(j->out, s->name);
    tl_buf_add_text(j->out, ", stream=");
    tl_spark_add_text(j->out, s->stream);
    tl_buf_addf(j->out, ", start=\"%s\",\n", s->start == TL_START_LATEST ? "LATEST" : "TRIM_HORIZON");
    write_columns(j, s);
    if (!write_event_time(j, s, subject) || !write_computed(j, s, j->names[source], subject) || !write_repeats(j, s, subject))
        return false;
    tl_buf_add_text(j->out, ",\n)\n");
    return true;
}
