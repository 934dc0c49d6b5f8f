/* SPDX-License-Identifier: Apache-2.0 */
#include "base/suggest.h"
#include "sql/check_expr.h"

#include <stdio.h>

/* As the service names streams and consumers. */
static bool is_aws_name(const char *text)
{
    size_t size = strlen(text);
    return size >= 1 && size <= 128 &&
           strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-") == size;
}

static void check_stream(struct tl_checker *c, const struct tl_ast_statement *s, struct tl_source_plan *out)
{
    const struct tl_ast_option *o = tl_options_find(s, "stream");
    out->stream = tl_checker_expand(c, o->text, o->place);
    if (out->stream && !is_aws_name(out->stream))
        tl_checker_fail(c, o->place, NULL, "a stream's name has 1 to 128 letters, digits, '_', '.' or '-'");
}

static const struct {
    const char *key;
    enum tl_slot_kind kind;
    enum tl_type type;
    bool not_null;
} metadata[] = {
    { "shard_id", TL_SLOT_SHARD_ID, TL_TYPE_VARCHAR, true },
    { "sequence_number", TL_SLOT_SEQUENCE_NUMBER, TL_TYPE_VARCHAR, true },
    { "sub_sequence_number", TL_SLOT_SUB_SEQUENCE, TL_TYPE_BIGINT, true },
    { "arrival_time", TL_SLOT_ARRIVAL_TIME, TL_TYPE_TIMESTAMP, false },
    { "partition_key", TL_SLOT_PARTITION_KEY, TL_TYPE_VARCHAR, false },
};

static void check_names(struct tl_checker *c, const struct tl_ast_statement *s)
{
    static const struct tl_ast_name bounds[] = { { .text = "window_start" }, { .text = "window_end" } };
    for (const struct tl_ast_column *a = s->columns; a; a = a->next) {
        for (const struct tl_ast_column *b = s->columns; b != a; b = b->next)
            if (strcmp(a->name.text, b->name.text) == 0)
                tl_checker_fail(c, a->name.place, NULL, "the column '%s' is declared twice", a->name.text);
        if (tl_checker_means(&bounds[0], a->name.text) || tl_checker_means(&bounds[1], a->name.text))
            tl_checker_fail(c, a->name.place, NULL,
                            "'%s' is the name of a window's bound: a column of a source cannot have it",
                            a->name.text);
    }
}

static void add_slot(struct tl_source_plan *out, const struct tl_slot_plan *slot)
{
    out->named[out->named_count++] = slot->def;
    out->slots[out->slot_count++] = *slot;
}

static void add_metadata(struct tl_checker *c, const struct tl_ast_column *a, struct tl_source_plan *out)
{
    const char *near[TL_COUNT(metadata)];
    for (size_t i = 0; i < TL_COUNT(metadata); i++) {
        near[i] = metadata[i].key;
        if (strcmp(a->metadata_key, metadata[i].key) != 0)
            continue;
        if (a->type != metadata[i].type)
            tl_checker_fail(c, a->name.place, NULL, "the metadata '%s' is %s, not %s", metadata[i].key,
                            tl_type_name(metadata[i].type), tl_type_name(a->type));
        add_slot(out, &(struct tl_slot_plan){ .kind = metadata[i].kind,
                                              .def = { a->name.text, metadata[i].type, metadata[i].not_null },
                                              .text = metadata[i].key,
                                              .place = a->name.place });
        return;
    }
    tl_checker_fail(c, a->key_place, tl_suggest(tl_view_of(a->metadata_key), near, TL_COUNT(near)),
                    "there is no metadata '%s': it is shard_id, sequence_number, sub_sequence_number, arrival_time or partition_key",
                    a->metadata_key);
}

static void add_columns(struct tl_checker *c, const struct tl_ast_statement *s, struct tl_source_plan *out)
{
    size_t count = 0;
    for (const struct tl_ast_column *a = s->columns; a; a = a->next)
        count++;
    out->columns = TL_ARENA_ARRAY(&c->plan->arena, count, struct tl_column_def);
    out->named = TL_ARENA_ARRAY(&c->plan->arena, count + 1, struct tl_column_def);
    out->slots = TL_ARENA_ARRAY(&c->plan->arena, count + 1, struct tl_slot_plan);
    out->slot_cap = count + 1;
    if (!out->columns || !out->named || !out->slots)
        return;
    for (const struct tl_ast_column *a = s->columns; a; a = a->next) {
        if (a->expr || a->metadata)
            continue;
        out->columns[out->column_count++] = (struct tl_column_def){ a->name.text, a->type, a->not_null };
        add_slot(out, &(struct tl_slot_plan){ .kind = TL_SLOT_DECODED,
                                              .def = { a->name.text, a->type, a->not_null },
                                              .place = a->name.place });
    }
}

/* The column whose text is parsed when the event time is PARSE_TIMESTAMP(column): the common form, which needs no
 * program. SIZE_MAX: another expression. */
static size_t parsed_column(const struct tl_source_plan *out, const struct tl_expr *tree)
{
    bool plain = tree->op == TL_OP_PARSE_TIMESTAMP && tree->args[0]->op == TL_OP_COLUMN &&
                 tree->args[0]->slot < out->column_count;
    return plain ? tree->args[0]->slot : SIZE_MAX;
}

static void add_event_time(const struct tl_ast_column *a, const struct tl_expr *tree, const char *text,
                           struct tl_source_plan *out)
{
    struct tl_slot_plan slot = { .kind = TL_SLOT_EVENT_TIME, .def = { a->name.text, TL_TYPE_TIMESTAMP, true }, .text = text, .place = a->name.place };
    out->event_time = a->name.text;
    out->event_time_slot = out->slot_count;
    out->event_time_column = parsed_column(out, tree);
    if (out->event_time_column == SIZE_MAX)
        slot.expr = tree;
    add_slot(out, &slot);
}

/* Computed columns and metadata, in the order of declaration: each may use those before it. */
static void add_others(struct tl_checker *c, const struct tl_ast_statement *s, struct tl_source_plan *out)
{
    for (const struct tl_ast_column *a = s->columns; a; a = a->next) {
        if (a->metadata)
            add_metadata(c, a, out);
        if (!a->expr)
            continue;
        struct tl_expr_scope scope = { .c = c, .source = out };
        const struct tl_expr *tree = tl_check_expr_typed(&scope, a->expr);
        const char *text = tl_checker_text(c, a->expr->place);
        if (!tree) { /* what uses it is not told: its mistake is */
            add_slot(out, &(struct tl_slot_plan){ .kind = TL_SLOT_COMPUTED, .def = { .name = a->name.text } });
            continue;
        }
        if (!s->watermark_for.text || !tl_checker_means(&s->watermark_for, a->name.text)) {
            add_slot(out, &(struct tl_slot_plan){ .kind = TL_SLOT_COMPUTED,
                                                  .def = { a->name.text, tree->type, false },
                                                  .expr = tree,
                                                  .text = text,
                                                  .place = a->name.place });
            continue;
        }
        if (tree->type != TL_TYPE_TIMESTAMP)
            tl_checker_fail(c, a->expr->place, "PARSE_TIMESTAMP", "the event time is a TIMESTAMP, and this is %s",
                            tl_type_name(tree->type));
        add_event_time(a, tree, text, out);
    }
}

/* WATERMARK FOR a declared TIMESTAMP column: it is the event time itself. False after telling that there is none. */
static bool take_declared_time(struct tl_checker *c, const struct tl_ast_statement *s, struct tl_source_plan *out)
{
    for (size_t i = 0; i < out->named_count && !out->event_time; i++) {
        if (!tl_checker_means(&s->watermark_for, out->named[i].name))
            continue;
        if (!out->named[i].type)
            return false; /* a wrong expression, which was told */
        if (out->named[i].type != TL_TYPE_TIMESTAMP) {
            tl_checker_fail(c, s->watermark_for.place, NULL,
                            "the event time is a TIMESTAMP; '%s' is %s: declare event_time AS PARSE_TIMESTAMP(%s)",
                            out->named[i].name, tl_type_name(out->named[i].type), out->named[i].name);
            return false;
        }
        out->event_time = out->named[i].name;
        out->event_time_slot = i;
        out->event_time_column = SIZE_MAX;
    }
    if (out->event_time)
        return true;
    if (!c->failed)
        tl_checker_fail(c, s->watermark_for.place, NULL,
                        "the source '%s' has no column '%s': an event time is declared as %s AS PARSE_TIMESTAMP(column)",
                        out->name, s->watermark_for.text, s->watermark_for.text);
    return false;
}

static void check_event_time(struct tl_checker *c, const struct tl_ast_statement *s,
                             struct tl_source_plan *out)
{
    if (!s->watermark_for.text) {
        tl_checker_fail(c, s->name.place, NULL,
                        "the source '%s' needs an event time: name AS PARSE_TIMESTAMP(column), and WATERMARK FOR name AS name - INTERVAL 'n' UNIT",
                        out->name);
        return;
    }
    if (!take_declared_time(c, s, out))
        return;
    if (!tl_checker_means(&s->watermark_from, out->event_time))
        tl_checker_fail(c, s->watermark_from.place, out->event_time,
                        "the watermark is of the event time '%s', not of '%s'", out->event_time,
                        s->watermark_from.text);
    out->delay_ns = s->delay.ns;
    out->time_place = s->watermark_for.place;
    if (out->delay_ns > TL_SPAN_MAX_NS)
        tl_checker_fail(c, s->delay.place, NULL, "a watermark's delay is at most 366 days");
}

/* DEDUP BY (...): any columns that have a name. */
static void check_dedup(struct tl_checker *c, const struct tl_ast_statement *s, struct tl_source_plan *out)
{
    char what[200];
    size_t count = 0;
    for (const struct tl_ast_dedup *d = s->dedup; d; d = d->next)
        count++;
    if (count == 0)
        return;
    snprintf(what, sizeof what, "the source '%.128s'", out->name);
    out->dedup_place = s->dedup->name.place;
    out->dedup = TL_ARENA_ARRAY(&c->plan->arena, count, size_t);
    for (const struct tl_ast_dedup *d = s->dedup; d && out->dedup; d = d->next) {
        size_t slot = tl_checker_column(c, out->named, out->named_count, &d->name, what);
        for (size_t i = 0; slot != SIZE_MAX && i < out->dedup_count; i++)
            if (out->dedup[i] == slot)
                tl_checker_fail(c, d->name.place, NULL, "DEDUP BY names the column '%s' twice", d->name.text);
        if (slot != SIZE_MAX)
            out->dedup[out->dedup_count++] = slot;
    }
}

void tl_check_dedup_spans(struct tl_checker *c)
{
    for (size_t i = 0; i < c->plan->source_count; i++) {
        struct tl_source_plan *s = &c->plan->sources[i];
        if (s->of_view || s->dedup_count == 0 || s->dedup_for_ns > 0)
            continue;
        s->dedup_for_ns = s->delay_ns;
        for (size_t v = 0; v < c->plan->view_count; v++) {
            const struct tl_view_plan *view = &c->plan->views[v];
            if (view->source == i && view->window != TL_WINDOW_NONE && view->size_ns > s->dedup_for_ns)
                s->dedup_for_ns = view->size_ns;
        }
    }
}

static bool option_is(const struct tl_ast_statement *s, const char *option, const char *value)
{
    return tl_view_eq_ignore_case(tl_view_of(tl_options_text(&tl_source_options, s, option)), tl_view_of(value));
}

/* How the stream is read; none of it changes what is computed. */
static void check_reading(struct tl_checker *c, const struct tl_ast_statement *s, struct tl_source_plan *out)
{
    const struct tl_ast_option *consumer = tl_options_find(s, "consumer");
    out->start = option_is(s, "start", "LATEST") ? TL_START_LATEST : TL_START_TRIM_HORIZON;
    out->read = option_is(s, "read", "fanout") ? TL_READ_FANOUT : TL_READ_POLL;
    out->cbor = option_is(s, "wire", "cbor");
    out->on_data_loss = option_is(s, "on_data_loss", "continue") ? TL_DATA_LOSS_CONTINUE : TL_DATA_LOSS_FAIL;
    if (!consumer)
        return;
    out->consumer = tl_checker_expand(c, consumer->text, consumer->place);
    if (out->consumer && !is_aws_name(out->consumer))
        tl_checker_fail(c, consumer->place, NULL, "a consumer's name has 1 to 128 letters, digits, '_', '.' or '-'");
    if (out->read != TL_READ_FANOUT)
        tl_checker_fail(c, consumer->name.place, NULL, "'consumer' goes with read = 'fanout', which the source '%s' does not have",
                        out->name);
}

static void check_source(struct tl_checker *c, const struct tl_ast_statement *s, struct tl_source_plan *out)
{
    out->name = s->name.text;
    out->event_time_column = SIZE_MAX;
    check_names(c, s);
    add_columns(c, s, out);
    if (out->slots && out->named) {
        add_others(c, s, out);
        check_event_time(c, s, out);
        check_dedup(c, s, out);
    }
    if (!tl_checker_options(c, &tl_source_options, s))
        return;
    check_stream(c, s, out);
    check_reading(c, s, out);
    out->shard_idle_ns = tl_options_duration(&tl_source_options, s, "shard_idle");
    out->flush_after_ns = tl_options_duration(&tl_source_options, s, "flush_after");
    out->max_future_skew_ns = tl_options_duration(&tl_source_options, s, "max_future_skew");
    out->dedup_for_ns = tl_options_duration(&tl_source_options, s, "dedup_for");
    const struct tl_ast_option *span = tl_options_find(s, "dedup_for");
    if (span && !s->dedup)
        tl_checker_fail(c, span->name.place, NULL, "'dedup_for' goes with DEDUP BY (columns), which the source '%s' does not have",
                        out->name);
}

void tl_check_sources(struct tl_checker *c)
{
    size_t count = 0; /* a view that is read by another one is a source too, by its start or its end */
    for (const struct tl_ast_statement *s = c->statements; s; s = s->next)
        count += s->kind == TL_AST_SOURCE ? 1 : s->kind == TL_AST_VIEW ? 2 : 0;
    c->plan->sources = TL_ARENA_ARRAY(&c->plan->arena, count, struct tl_source_plan);
    for (const struct tl_ast_statement *s = c->statements; s && c->plan->sources; s = s->next)
        if (s->kind == TL_AST_SOURCE)
            check_source(c, s, &c->plan->sources[c->plan->source_count++]);
}
