/* SPDX-License-Identifier: Apache-2.0 */
/* sql/options.h: the WITH (...) options of every statement, from one table each: names, kinds, defaults. */
#pragma once

#include "base/time.h"
#include "sql/ast.h"

#define TL_SPAN_MAX_NS (366 * 1440 * TL_NS_PER_MIN) /* of windows, delays and durations */

enum tl_option_type {
    TL_OPT_TEXT,
    TL_OPT_DURATION /* 0 or more */,
    TL_OPT_SPAN /* a duration above 0 */,
    TL_OPT_BYTES /* a size above 0 */,
    TL_OPT_BOOLEAN,
    TL_OPT_ENUM
};
struct tl_option_rule {
    const char *name;
    enum tl_option_type type;
    bool required;
    const char *absent; /* the default as it would be written; NULL: none */
    const char *values; /* ENUM: "LATEST|TRIM_HORIZON" */
};
struct tl_option_table {
    const char *statement; /* "SOURCE" */
    const struct tl_option_rule *rules;
    size_t count;
};
extern const struct tl_option_table tl_pipeline_options, tl_source_options, tl_feed_options, tl_sink_options, tl_chart_options,
    tl_batch_options, tl_profile_options;

/* Tells every unknown, repeated, wrong and missing option. False when there was any. */
TL_MUST_USE bool tl_options_check(struct tl_diagnostic_context *context, const struct tl_option_table *table,
                                  const struct tl_ast_statement *s);
/* The option given, or NULL. */
const struct tl_ast_option *tl_options_find(const struct tl_ast_statement *s, const char *name);
/* Its text, or the table's default, or NULL. */
const char *tl_options_text(const struct tl_option_table *table, const struct tl_ast_statement *s,
                            const char *name);
/* After tl_options_check. */
int64_t tl_options_duration(const struct tl_option_table *table, const struct tl_ast_statement *s,
                            const char *name);
uint64_t tl_options_bytes(const struct tl_option_table *table, const struct tl_ast_statement *s,
                          const char *name);
bool tl_options_boolean(const struct tl_option_table *table, const struct tl_ast_statement *s,
                        const char *name);
