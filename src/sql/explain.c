/* SPDX-License-Identifier: Apache-2.0 */
#include "base/partition.h"
#include "base/time.h"
#include "sql/pipeline.h"

static void add_duration(struct tl_buf *out, const char *name, int64_t ns)
{
    char text[32];
    tl_duration_format(ns, text);
    tl_buf_addf(out, "  %-16s %s\n", name, text);
}

static void explain_profiles(const struct tl_plan *plan, struct tl_buf *out)
{
    for (size_t i = 0; i < plan->profile_count; i++) {
        const struct tl_profile_plan *p = &plan->profiles[i];
        bool glue = p->catalog && strcmp(p->catalog, "glue") == 0;
        tl_buf_addf(out, "profile %s%s: kinesis %s, lake %s, catalog %s%s%s%s%s\n", p->name,
                    p->is_default ? " (default)" : "", p->kinesis, p->lake, p->catalog, glue ? ", partitions " : "",
                    !glue ? "" : strcmp(p->glue_partitions, "register") == 0 ? "registered" : "projected",
                    p->region ? ", region " : "", p->region ? p->region : "");
    }
}

static void explain_slot(const struct tl_source_plan *s, size_t i, struct tl_buf *out)
{
    const struct tl_slot_plan *slot = &s->slots[i];
    tl_buf_addf(out, "  %-16s %s, ", slot->def.name, tl_type_name(slot->def.type));
    if (slot->kind == TL_SLOT_EVENT_TIME && s->event_time_column != SIZE_MAX)
        tl_buf_addf(out, "parsed from %s\n", s->columns[s->event_time_column].name);
    else if (slot->kind == TL_SLOT_EVENT_TIME || slot->kind == TL_SLOT_COMPUTED)
        tl_buf_addf(out, "%s%s\n", slot->kind == TL_SLOT_EVENT_TIME ? "the event time: " : "computed: ", slot->text);
    else
        tl_buf_addf(out, "metadata %s\n", slot->text);
}

static void explain_dedup(const struct tl_source_plan *s, struct tl_buf *out)
{
    char text[32];
    if (s->dedup_count == 0) {
        tl_buf_add_text(out, "  a record that its producer sent twice counts twice (DEDUP BY would drop the second)\n");
        return;
    }
    tl_duration_format(s->dedup_for_ns, text);
    tl_buf_add_text(out, "  dedup by         ");
    for (size_t i = 0; i < s->dedup_count; i++)
        tl_buf_addf(out, "%s%s", i ? ", " : "", s->named[s->dedup[i]].name);
    tl_buf_addf(out, ": a repeat is counted as duplicate until its shard's watermark is %s past the first\n", text);
}

static void explain_reading(const struct tl_plan *plan, const struct tl_source_plan *s, struct tl_buf *out)
{
    char consumer[TL_CONSUMER_NAME_MAX];
    tl_source_consumer(plan, s, consumer);
    tl_buf_addf(out, "  %-16s %s%s%s\n", "read", s->read == TL_READ_FANOUT ? "fanout, by the consumer " : "poll",
                s->read == TL_READ_FANOUT ? consumer : "", s->cbor ? ", CBOR on the wire" : ", JSON on the wire");
    tl_buf_addf(out, "  %-16s %s\n", "on_data_loss",
                s->on_data_loss == TL_DATA_LOSS_FAIL ? "fail: what retention deleted before it was read stops the pipeline"
                                                     : "continue: what retention deleted before it was read is counted as a gap");
}

static void explain_source(const struct tl_plan *plan, const struct tl_source_plan *s, struct tl_buf *out)
{
    tl_buf_addf(out, "\nsource %s: stream '%s', JSON records, from %s when there is no checkpoint\n", s->name,
                s->stream, s->start == TL_START_LATEST ? "LATEST" : "TRIM_HORIZON");
    explain_reading(plan, s, out);
    for (size_t i = 0; i < s->column_count; i++)
        tl_buf_addf(out, "  %-16s %s%s\n", s->columns[i].name, tl_type_name(s->columns[i].type),
                    s->columns[i].not_null ? " NOT NULL" : "");
    for (size_t i = s->column_count; i < s->named_count; i++)
        explain_slot(s, i, out);
    if (s->event_time_slot < s->column_count)
        tl_buf_addf(out, "  %-16s is the event time\n", s->event_time);
    add_duration(out, "watermark delay", s->delay_ns);
    add_duration(out, "shard_idle", s->shard_idle_ns);
    add_duration(out, "flush_after", s->flush_after_ns);
    add_duration(out, "max_future_skew", s->max_future_skew_ns);
    tl_buf_addf(out, "  records that cannot be read go to MALFORMED(%s), none is dropped\n", s->name);
    explain_dedup(s, out);
}

static void explain_pace(const struct tl_feed_plan *f, struct tl_buf *out)
{
    char text[32];
    tl_duration_format(f->interval_ns, text);
    if (f->pace == TL_PACE_EVENT_TIME)
        tl_buf_addf(out, "  %-16s as recorded, by the event time\n", "pace");
    else
        tl_buf_addf(out, "  %-16s a record %s %s\n", "pace", f->pace == TL_PACE_KEY ? "of each key every" : "every", text);
}

static void explain_feed(const struct tl_plan *plan, const struct tl_feed_plan *f, struct tl_buf *out)
{
    tl_buf_addf(out, "\nfeed %s into %s: partition key %s%s\n", f->name,
                plan->sources[f->source].name, f->partition_key, f->loop ? ", over and over" : "");
    explain_pace(f, out);
    tl_buf_addf(out, "  at least once: what is sent again after a crash or a lost answer %s\n",
                f->producer_stamp ? "bears the same " TL_STAMP_ID " and " TL_STAMP_SEQ
                                  : "cannot be told from a record of its own (producer_stamp = true, and DEDUP BY in the source, would)");
    tl_buf_add_text(out, "  ");
    for (const char *p = f->select; *p; p++) {
        if (strncmp(p, "'" TL_FEED_NOW "'", sizeof TL_FEED_NOW + 1) == 0) {
            tl_buf_add_text(out, "<now>");
            p += sizeof TL_FEED_NOW;
        } else {
            tl_buf_add_char(out, *p);
        }
    }
    tl_buf_add_char(out, '\n');
}

static void explain_window(const struct tl_view_plan *v, const struct tl_source_plan *s, struct tl_buf *out)
{
    if (v->window == TL_WINDOW_NONE)
        return;
    if (v->window == TL_WINDOW_SESSION) {
        add_duration(out, "session gap", v->size_ns);
    } else {
        add_duration(out, "window", v->size_ns);
        if (v->window == TL_WINDOW_HOP)
            add_duration(out, "slide", v->slide_ns);
        if (v->offset_ns)
            add_duration(out, "offset", v->offset_ns);
    }
    if (s->of_view)
        tl_buf_addf(out, "  reads the final rows of %s, by their %s\n", s->name, s->event_time);
    else
        tl_buf_addf(out, "  late records go to LATE(%s), none is dropped\n", v->name);
}

static void explain_view(const struct tl_plan *plan, const struct tl_view_plan *v, struct tl_buf *out)
{
    static const char *const emits[] = { "a row once, when its window closes (EMIT FINAL)",
                                         "a row at each change (EMIT CHANGES)",
                                         "all rows as they are now (EMIT SNAPSHOT)" };
    const struct tl_source_plan *s = &plan->sources[v->source];
    tl_buf_addf(out, "\nview %s over %s: %s\n", v->name, s->name, emits[v->emit]);
    explain_window(v, s, out);
    if (v->where_text)
        tl_buf_addf(out, "  %-16s %s (others are counted as filtered)\n", "where", v->where_text);
    for (size_t i = 0; i < v->column_count; i++) {
        tl_buf_addf(out, "  %-16s %-10s ", v->columns[i].name, tl_type_name(v->columns[i].type));
        const struct tl_output_plan *o = &v->outputs[i];
        if (o->kind == TL_OUT_KEY)
            tl_buf_addf(out, "key %s\n", s->slots[v->keys[o->index]].def.name ? s->slots[v->keys[o->index]].def.name : o->text);
        else if (o->kind == TL_OUT_AGGREGATE || o->kind == TL_OUT_EXPRESSION)
            tl_buf_addf(out, "%s\n", o->text);
        else
            tl_buf_addf(out, "%s of the window\n", o->kind == TL_OUT_WINDOW_START ? "start" : "end");
    }
    if (v->having_text)
        tl_buf_addf(out, "  %-16s %s\n", "having", v->having_text);
}

static void explain_sink(const struct tl_plan *plan, const struct tl_sink_plan *s, struct tl_buf *out)
{
    static const char *const formats[] = { "Parquet", "Delta table", "CSV", "JSON lines" };
    const char *from =
        s->input == TL_INPUT_MALFORMED ? plan->sources[s->index].name : plan->views[s->index].name;
    tl_buf_addf(out, "\nsink %s from ", s->name);
    tl_buf_addf(out,
                s->input == TL_INPUT_VIEW   ? "%s"
                : s->input == TL_INPUT_LATE ? "LATE(%s)"
                                            : "MALFORMED(%s)",
                from);
    tl_buf_addf(out, ": %s under %s", formats[s->format], s->path);
    for (size_t i = 0; i < s->partition_count; i++)
        tl_buf_addf(out, "/%.*s=...", TL_VIEW_ARG(tl_partition_of(tl_view_of(s->partition_by[i])).name));
    tl_buf_addf(out, ", exactly once%s%s\n", s->table ? ", table " : "", s->table ? s->table : "");
    add_duration(out, "commit_every", s->commit_every_ns);
    if (s->compact_ns)
        add_duration(out, "compact", s->compact_ns);
}

static void explain_batch(const struct tl_batch_plan *b, struct tl_buf *out)
{
    tl_buf_addf(out, "\ntable %s: Parquet under %s", b->name, b->path);
    for (size_t i = 0; i < b->partition_count; i++)
        tl_buf_addf(out, "/%s=...", b->partition_by[i]);
    if (b->incremental_by)
        tl_buf_addf(out, ", made by 'tapeline build' from the first %s whose input has changed\n", b->incremental_by);
    else
        tl_buf_add_text(out, ", made whole by 'tapeline build' when its input has changed\n");
}

void tl_pipeline_explain(const struct tl_plan *plan, struct tl_buf *out)
{
    tl_buf_addf(out, "pipeline %s\n  %-16s %.0f MB\n", plan->name, "state_limit", (double)plan->state_limit / 1e6);
    explain_profiles(plan, out);
    for (size_t i = 0; i < plan->source_count; i++)
        if (!plan->sources[i].of_view)
            explain_source(plan, &plan->sources[i], out);
    for (size_t i = 0; i < plan->feed_count; i++)
        explain_feed(plan, &plan->feeds[i], out);
    for (size_t i = 0; i < plan->view_count; i++)
        explain_view(plan, &plan->views[i], out);
    for (size_t i = 0; i < plan->sink_count; i++)
        explain_sink(plan, &plan->sinks[i], out);
    for (size_t i = 0; i < plan->chart_count; i++) {
        const struct tl_chart_plan *c = &plan->charts[i];
        tl_buf_addf(out, "\nchart %s of %s: %s, %s by %s%s%s\n", c->name, plan->views[c->view].name, c->type,
                    c->y, c->x, c->series ? ", a line per " : "", c->series ? c->series : "");
    }
    for (size_t i = 0; i < plan->batch_count; i++)
        explain_batch(&plan->batches[i], out);
    if (plan->defaults && plan->defaults[0])
        tl_buf_addf(out, "\nnot said in the file, so by default:\n%s", plan->defaults);
}
