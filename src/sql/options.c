/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/options.h"

#include "base/suggest.h"

#include <assert.h>
#include <stdio.h>

static const struct tl_option_rule pipeline_rules[] = {
    { "state_limit", TL_OPT_BYTES, false, "2 GB", NULL },
};
static const struct tl_option_rule source_rules[] = {
    { "stream", TL_OPT_TEXT, true, NULL, NULL },
    { "format", TL_OPT_ENUM, false, "json", "json" },
    { "start", TL_OPT_ENUM, false, "TRIM_HORIZON", "LATEST|TRIM_HORIZON" },
    { "read", TL_OPT_ENUM, false, "poll", "poll|fanout" },
    { "consumer", TL_OPT_TEXT, false, NULL, NULL },
    { "wire", TL_OPT_ENUM, false, "json", "json|cbor" },
    { "on_data_loss", TL_OPT_ENUM, false, "fail", "fail|continue" },
    { "shard_idle", TL_OPT_SPAN, false, "30 s", NULL },
    { "flush_after", TL_OPT_SPAN, false, "5 min", NULL },
    { "max_future_skew", TL_OPT_DURATION, false, "5 min", NULL },
    { "dedup_for", TL_OPT_SPAN, false, NULL, NULL },
};
static const struct tl_option_rule feed_rules[] = {
    { "partition_key", TL_OPT_TEXT, true, NULL, NULL },
    { "interval", TL_OPT_DURATION, false, "150 ms", NULL },
    { "loop", TL_OPT_BOOLEAN, false, "false", NULL },
    { "pace", TL_OPT_ENUM, false, "record", "record|key|event_time" },
    { "producer_stamp", TL_OPT_BOOLEAN, false, "false", NULL },
};
static const struct tl_option_rule sink_rules[] = {
    { "path", TL_OPT_TEXT, true, NULL, NULL },
    { "partition_by", TL_OPT_TEXT, false, NULL, NULL },
    { "commit_every", TL_OPT_SPAN, false, "1 min", NULL },
    { "compact", TL_OPT_SPAN, false, NULL, NULL },
    { "table", TL_OPT_TEXT, false, NULL, NULL },
    { "format", TL_OPT_ENUM, false, "parquet", "parquet|delta|csv|json" },
    { "compression", TL_OPT_ENUM, false, "zstd", "zstd|snappy" },
};
static const struct tl_option_rule chart_rules[] = {
    { "type", TL_OPT_ENUM, false, "line", "line" },
    { "x", TL_OPT_TEXT, true, NULL, NULL },
    { "y", TL_OPT_TEXT, true, NULL, NULL },
    { "series", TL_OPT_TEXT, false, NULL, NULL },
};
static const struct tl_option_rule batch_rules[] = {
    { "path", TL_OPT_TEXT, true, NULL, NULL },
    { "partition_by", TL_OPT_TEXT, false, NULL, NULL },
    { "incremental_by", TL_OPT_TEXT, false, NULL, NULL },
};
static const struct tl_option_rule profile_rules[] = {
    { "kinesis", TL_OPT_TEXT, false, "embedded", NULL },
    { "lake", TL_OPT_TEXT, false, "./lake", NULL },
    { "catalog", TL_OPT_ENUM, false, "embedded", "embedded|glue" },
    { "glue_partitions", TL_OPT_ENUM, false, "register", "register|projection" },
    { "region", TL_OPT_TEXT, false, NULL, NULL },
};
#define TABLE(statement, rules)                                                                              \
    {                                                                                                        \
        statement, rules, TL_COUNT(rules)                                                                    \
    }
const struct tl_option_table tl_pipeline_options = TABLE("PIPELINE", pipeline_rules);
const struct tl_option_table tl_source_options = TABLE("SOURCE", source_rules);
const struct tl_option_table tl_feed_options = TABLE("FEED", feed_rules);
const struct tl_option_table tl_sink_options = TABLE("SINK", sink_rules);
const struct tl_option_table tl_chart_options = TABLE("CHART", chart_rules);
const struct tl_option_table tl_batch_options = TABLE("TABLE", batch_rules);
const struct tl_option_table tl_profile_options = TABLE("PROFILE", profile_rules);

static const struct tl_option_rule *rule_find(const struct tl_option_table *table, const char *name)
{
    for (size_t i = 0; i < table->count; i++)
        if (tl_view_eq_ignore_case(tl_view_of(table->rules[i].name), tl_view_of(name)))
            return &table->rules[i];
    return NULL;
}

const struct tl_ast_option *tl_options_find(const struct tl_ast_statement *s, const char *name)
{
    for (const struct tl_ast_option *o = s->options; o; o = o->next)
        if (tl_view_eq_ignore_case(tl_view_of(o->name.text), tl_view_of(name)))
            return o;
    return NULL;
}

const char *tl_options_text(const struct tl_option_table *table, const struct tl_ast_statement *s,
                            const char *name)
{
    const struct tl_option_rule *rule = rule_find(table, name);
    assert(rule);
    const struct tl_ast_option *o = tl_options_find(s, name);
    return o ? o->text : rule->absent;
}

int64_t tl_options_duration(const struct tl_option_table *table, const struct tl_ast_statement *s,
                            const char *name)
{
    int64_t ns = 0;
    const char *text = tl_options_text(table, s, name);
    bool ok = text && tl_duration_parse(tl_view_of(text), &ns);
    assert(ok || !text);
    (void)ok;
    return ns;
}

uint64_t tl_options_bytes(const struct tl_option_table *table, const struct tl_ast_statement *s, const char *name)
{
    uint64_t bytes = 0;
    bool ok = tl_view_to_bytes(tl_view_of(tl_options_text(table, s, name)), &bytes);
    assert(ok || !tl_options_text(table, s, name));
    (void)ok;
    return bytes;
}

bool tl_options_boolean(const struct tl_option_table *table, const struct tl_ast_statement *s,
                        const char *name)
{
    return tl_view_eq_ignore_case(tl_view_of(tl_options_text(table, s, name)), TL_VIEW("true"));
}

/* word is one of "a|b|c"; an enum's values compare without case. */
static bool in_values(const char *values, struct tl_view word)
{
    struct tl_view rest = tl_view_of(values);
    while (rest.size) {
        struct tl_view one = tl_view_split(rest, '|', &rest);
        if (tl_view_eq_ignore_case(one, word))
            return true;
    }
    return false;
}

/* "'start' may be 'LATEST' or 'TRIM_HORIZON'" */
static void tell_values(struct tl_diagnostic_context *context, const struct tl_option_rule *rule,
                        const struct tl_ast_option *o)
{
    struct tl_buf text;
    char near[64] = "";
    tl_buf_init(&text, 256);
    for (struct tl_view rest = tl_view_of(rule->values); rest.size;) {
        struct tl_view one = tl_view_split(rest, '|', &rest);
        tl_buf_addf(&text, "%s'%.*s'", text.size == 0 ? "" : rest.size ? ", " : " or ", TL_VIEW_ARG(one));
        char name[64];
        const char *names[] = { name };
        snprintf(name, sizeof name, "%.*s", TL_VIEW_ARG(one));
        if (tl_suggest(tl_view_of(o->text), names, 1))
            memcpy(near, name, sizeof near);
    }
    tl_diagnostic_add(context, o->place, near[0] ? near : NULL, "'%s' may be %s; this version knows no other",
                      rule->name, tl_buf_text(&text));
    tl_buf_release(&text);
}

static bool check_value(struct tl_diagnostic_context *context, const struct tl_option_rule *rule,
                        const struct tl_ast_option *o)
{
    int64_t ns;
    uint64_t bytes;
    switch (rule->type) {
    case TL_OPT_BOOLEAN:
        if (o->kind == TL_VALUE_BOOLEAN)
            return true;
        tl_diagnostic_add(context, o->place, NULL, "'%s' is true or false", rule->name);
        return false;
    case TL_OPT_DURATION:
    case TL_OPT_SPAN:
        if (o->kind != TL_VALUE_STRING || !tl_duration_parse(tl_view_of(o->text), &ns))
            tl_diagnostic_add(context, o->place, NULL,
                              "'%s' is a duration such as '150 ms', '30 s', '5 min' or '1 h'", rule->name);
        else if (ns > TL_SPAN_MAX_NS || (ns == 0 && rule->type == TL_OPT_SPAN))
            tl_diagnostic_add(context, o->place, NULL, "'%s' must be %sat most 366 days", rule->name,
                              rule->type == TL_OPT_SPAN ? "longer than nothing, and " : "");
        else
            return true;
        return false;
    case TL_OPT_BYTES:
        if (o->kind == TL_VALUE_STRING && tl_view_to_bytes(tl_view_of(o->text), &bytes) && bytes > 0)
            return true;
        tl_diagnostic_add(context, o->place, NULL, "'%s' is a size such as '500 MB' or '2 GB'", rule->name);
        return false;
    case TL_OPT_ENUM:
        if (o->kind == TL_VALUE_STRING && in_values(rule->values, tl_view_of(o->text)))
            return true;
        tell_values(context, rule, o);
        return false;
    case TL_OPT_TEXT:
        if (o->kind == TL_VALUE_STRING && o->text[0])
            return true;
        tl_diagnostic_add(context, o->place, NULL, "'%s' is a 'string', and not an empty one", rule->name);
        return false;
    }
    return false;
}

static bool check_option(struct tl_diagnostic_context *context, const struct tl_option_table *table,
                         const struct tl_ast_statement *s, const struct tl_ast_option *o)
{
    const struct tl_option_rule *rule = rule_find(table, o->name.text);
    if (!rule) {
        const char *names[32];
        for (size_t i = 0; i < table->count; i++)
            names[i] = table->rules[i].name;
        tl_diagnostic_add(context, o->name.place, tl_suggest(tl_view_of(o->name.text), names, table->count),
                          "a %s has no option '%s'", table->statement, o->name.text);
        return false;
    }
    if (tl_options_find(s, o->name.text) != o) {
        tl_diagnostic_add(context, o->name.place, NULL, "the option '%s' is given twice", rule->name);
        return false;
    }
    return check_value(context, rule, o);
}

bool tl_options_check(struct tl_diagnostic_context *context, const struct tl_option_table *table,
                      const struct tl_ast_statement *s)
{
    bool ok = true;
    for (const struct tl_ast_option *o = s->options; o; o = o->next)
        ok = check_option(context, table, s, o) && ok;
    for (size_t i = 0; i < table->count; i++) {
        if (!table->rules[i].required || tl_options_find(s, table->rules[i].name))
            continue;
        tl_diagnostic_add(context, s->name.place, NULL, "the %s '%s' needs the option '%s'", table->statement,
                          s->name.text, table->rules[i].name);
        ok = false;
    }
    return ok;
}
