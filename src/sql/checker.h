/* SPDX-License-Identifier: Apache-2.0 */
/* sql/checker.h: statements -> plan: every name resolved, every type known, or told why not. */
#pragma once

#include "sql/options.h"

struct tl_checker {
    struct tl_diagnostic_context *context;
    const struct tl_pipeline_options *options;
    const struct tl_ast_statement *statements;
    struct tl_plan *plan;
    struct tl_buf defaults; /* lines for the explanation */
    char needed_by[170];    /* " (needed by ...)" while a profile is expanded */
    bool failed;
    unsigned quiet; /* above 0: nothing is told, only failed is set */
};

/* Fills plan (its arena is initialised). False when anything was told. */
TL_MUST_USE bool tl_check(struct tl_checker *checker);

/* Tell an error. */
void tl_checker_fail(struct tl_checker *c, struct tl_diagnostic_place place, const char *suggestion,
                     const char *fmt, ...) TL_PRINTF(4, 5);
/* The text of a place, as written; in the plan's arena. */
const char *tl_checker_text(struct tl_checker *c, struct tl_diagnostic_place place);
/* True when the name, as written, means text: a quoted one to the letter, another without regard to case. */
bool tl_checker_means(const struct tl_ast_name *name, const char *text);
/* The index in the plan of what the name means, or SIZE_MAX after telling that there is none. */
size_t tl_checker_source(struct tl_checker *c, const struct tl_ast_name *name);
size_t tl_checker_view(struct tl_checker *c, const struct tl_ast_name *name);
/* The index of the column that the name means, or SIZE_MAX after telling what is wrong. what: "the source
 * 'ticks'". */
size_t tl_checker_column(struct tl_checker *c, const struct tl_column_def *columns, size_t count,
                         const struct tl_ast_name *name, const char *what);
/* ${VAR} replaced; NULL after telling what is wrong. In the plan's arena. */
const char *tl_checker_expand(struct tl_checker *c, const char *text, struct tl_diagnostic_place place);
/* The SQL of a feed or a batch table as DuckDB will see it, or NULL after telling what is wrong. */
const char *tl_checker_select(struct tl_checker *c, const struct tl_ast_statement *s);
/* 'a, b' -> names that are among the columns (columns NULL: they are not known). No option: none. */
bool tl_checker_partitions(struct tl_checker *c, const struct tl_ast_option *option,
                           const struct tl_column_def *columns, size_t count, const char *what,
                           const char ***out, size_t *out_count);
/* A path below the lake's root, variables replaced; NULL after telling what is wrong. Where it is only read,
 * parts may be partitions ("year=2024"). */
const char *tl_checker_path(struct tl_checker *c, const char *text, bool read,
                            struct tl_diagnostic_place place);
/* The table's default for what is not said is noted for the explanation. False after telling what is wrong.
 */
bool tl_checker_options(struct tl_checker *c, const struct tl_option_table *table,
                        const struct tl_ast_statement *s);

void tl_check_profiles(struct tl_checker *c);
void tl_check_sources(struct tl_checker *c);
void tl_check_views(struct tl_checker *c);
/* After the views: where DEDUP BY does not say how long a record is remembered, as long as one of its event time may still enter a
 * window, and at least the watermark's delay. */
void tl_check_dedup_spans(struct tl_checker *c);
void tl_check_outputs(struct tl_checker *c); /* feeds, sinks, charts, batch tables */
