/* SPDX-License-Identifier: Apache-2.0 */
/* sql/checker.h: statements -> plan: every name resolved, every type known, or told why not. */
#pragma once

#include "sql/ast.h"

struct tl_checker {
    struct tl_diagnostic_context *context;
    const struct tl_pipeline_options *options;
    const struct tl_ast_statement *statements;
    struct tl_plan *plan;
    bool failed;
};

/* Fills plan (its arena is initialised). False when anything was told. */
TL_MUST_USE bool tl_check(struct tl_checker *checker);

/* Tell an error. */
void tl_checker_fail(struct tl_checker *c, struct tl_diagnostic_place place, const char *suggestion, const char *fmt, ...)
    TL_PRINTF(4, 5);
/* The index of the column that the name means, or SIZE_MAX after telling what is wrong. what: "the source 'ticks'". */
size_t tl_checker_column(struct tl_checker *c, const struct tl_column_def *columns, size_t count, const struct tl_ast_name *name,
                         const char *what);
/* ${VAR} replaced; NULL after telling what is wrong. In the plan's arena. */
const char *tl_checker_expand(struct tl_checker *c, const char *text, struct tl_diagnostic_place place);
/* 'a, b' -> names that are among the columns. */
bool tl_checker_partitions(struct tl_checker *c, const struct tl_ast_option *option, const struct tl_column_def *columns, size_t count,
                           const char *what, const char ***out, size_t *out_count);
const char *tl_checker_path(struct tl_checker *c, const struct tl_ast_option *option);

void tl_check_sources(struct tl_checker *c);
void tl_check_views(struct tl_checker *c);
void tl_check_outputs(struct tl_checker *c); /* feeds, sinks, charts, batch tables */
