/* SPDX-License-Identifier: Apache-2.0 */
/* faces/athena_run_int.h: a statement at work. */
#pragma once

#include "faces/athena_int.h"
#include "faces/athena_place.h"

#include <limits.h>

/* A file that is seen under its name only when it is whole. */
struct tl_athena_output {
    int fd; /* -1: none */
    char path[PATH_MAX], temporary[PATH_MAX];
};
struct tl_athena_work {
    struct tl_athena_face *athena;
    struct tl_athena_execution *execution; /* its own fields are read; the outcome is below until it ends */
    struct tl_arena arena;
    struct tl_trino_tokens tokens;
    struct tl_query_trino trino;
    struct tl_trino_columns columns;
    uint64_t rows;
    int64_t scanned_bytes, result_bytes, updated;
    char *manifest, *readable;
};
/* Makes the folders on the way. */
TL_MUST_USE bool tl_athena_output_open(struct tl_athena_output *o, const char *path, struct tl_error *error);
/* Durable under its name with keep; else nothing is left, and the answer is false only where keep was asked for. */
TL_MUST_USE bool tl_athena_output_close(struct tl_athena_output *o, bool keep, int64_t *bytes, struct tl_error *error);
/* Adds before and the SELECT in tokens [from, to), rewritten, to sql; its parameters are there. */
TL_MUST_USE bool tl_athena_rewrite(struct tl_athena_work *w, size_t from, size_t to, const char *before, struct tl_buf *sql, struct tl_error *error);
/* The result is the caller's to release where it is true. */
TL_MUST_USE bool tl_athena_query(struct tl_athena_work *w, const char *sql, enum tl_query_format format, int fd, struct tl_query_result *result,
                                 struct tl_error *error);

/* CREATE TABLE ... AS, UNLOAD (athena_tables.c). */
TL_MUST_USE bool tl_athena_write_table(struct tl_athena_work *w, const struct tl_athena_statement *s, struct tl_error *error);
/* The language's type of a column's; 0: it has none. */
enum tl_type tl_athena_language_type(const char *type);

/* What clients have made (athena_clients.c): DROP TABLE; the views that the statement may mean. */
TL_MUST_USE bool tl_athena_drop_table(struct tl_athena_work *w, const struct tl_athena_statement *s, struct tl_error *error);
TL_MUST_USE bool tl_athena_client_views(struct tl_athena_work *w, const char *sql, struct tl_error *error);
/* There is no such table, and the database is there. *there: false because of the table. */
TL_MUST_USE bool tl_athena_table_is_new(struct tl_athena_work *w, const struct tl_athena_statement *s, bool *there, struct tl_error *error);
/* file: of this machine, where the rows are. */
TL_MUST_USE bool tl_athena_register(struct tl_athena_work *w, const struct tl_athena_statement *s, const struct tl_athena_place *place, const char *file,
                                    const struct tl_trino_columns *columns, struct tl_error *error);
