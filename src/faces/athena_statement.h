/* SPDX-License-Identifier: Apache-2.0 */
/* faces/athena_statement.h: which statement of Athena's a text is, and what it is about. */
#pragma once

#include "trino/lex.h"

enum tl_athena_kind {
    TL_ATHENA_SELECT,
    TL_ATHENA_EXPLAIN,
    TL_ATHENA_CTAS,
    TL_ATHENA_UNLOAD,
    TL_ATHENA_DROP_TABLE,
    TL_ATHENA_SHOW_DATABASES,
    TL_ATHENA_SHOW_TABLES,
    TL_ATHENA_SHOW_COLUMNS,
    TL_ATHENA_SHOW_PARTITIONS,
    TL_ATHENA_SHOW_CREATE_TABLE,
    TL_ATHENA_SHOW_PROPERTIES,
    TL_ATHENA_DESCRIBE,
    TL_ATHENA_PREPARE,
    TL_ATHENA_EXECUTE,
    TL_ATHENA_DEALLOCATE,
};
struct tl_athena_statement {
    enum tl_athena_kind kind;
    const char *type, *substatement; /* as GetQueryExecution has them: "DML", "SELECT" */
    char *database, *table;          /* lower case; database NULL: the execution's */
    char *pattern;                   /* of SHOW; NULL: all */
    bool if_exists;                  /* DROP; CTAS: IF NOT EXISTS */
    bool analyze;                    /* EXPLAIN */
    size_t from, to;                 /* tokens of the SELECT (PREPARE: of the statement); of EXECUTE: of what stands behind USING */
    char *location, *codec;          /* "s3://...", "snappy"; NULL: not said */
    char *name;                      /* of a prepared statement, as it is written */
};
/* Texts are the arena's. TL_INVALID: it is none, said as Athena does; TL_UNSUPPORTED: one that is not served, by its name. */
TL_MUST_USE bool tl_athena_statement_parse(const struct tl_trino_tokens *tokens, struct tl_arena *arena, struct tl_athena_statement *out,
                                           struct tl_error *error);
