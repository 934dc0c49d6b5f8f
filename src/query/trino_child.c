/* SPDX-License-Identifier: Apache-2.0 */
#include "query/trino_child.h"

#include "lake/duck_statement.h"
#include "trino/prelude.h"
#include "trino/result.h"
#include "trino/rewrite.h"

#include <stdlib.h>
#include <sys/resource.h>

/* ---- before ---- */

static bool use_database(struct tl_duck *duck, const char *database, struct tl_error *error)
{
    struct tl_buf sql;
    tl_buf_init(&sql, 1 << 16);
    tl_buf_add_text(&sql, "USE awsdatacatalog.");
    tl_sql_add_name(&sql, tl_view_of(database));
    bool ok = tl_buf_ok(&sql, "the database's name", error) && tl_duck_run(duck, tl_buf_text(&sql), error);
    tl_buf_release(&sql);
    return ok || tl_error_set(error, TL_NOT_FOUND, "SCHEMA_NOT_FOUND: Schema '%s' does not exist", database);
}

/* SET VARIABLE name = value, where value is one that a SELECT alone could have. */
static bool set_variable(struct tl_duck *duck, size_t number, const char *value, struct tl_error *error)
{
    struct tl_buf sql;
    void *prepared = NULL;
    tl_buf_init(&sql, (size_t)1 << 20);
    tl_buf_addf(&sql, "SELECT (%s)", value);
    bool ok = tl_buf_ok(&sql, "a parameter", error) && tl_duck_statement_prepare(duck, tl_buf_text(&sql), NULL, &prepared, error);
    tl_duck_statement_free(prepared);
    tl_buf_reset(&sql);
    tl_buf_addf(&sql, "SET VARIABLE " TL_TRINO_VARIABLE "%zu = (%s)", number, value);
    ok = ok && tl_buf_ok(&sql, "a parameter", error) && tl_duck_run(duck, tl_buf_text(&sql), error);
    tl_buf_release(&sql);
    return ok;
}

static bool set_parameter(struct tl_duck *duck, size_t number, const struct tl_query_parameter *p, struct tl_error *error)
{
    struct tl_buf text;
    if (p->expression && set_variable(duck, number, p->expression, error))
        return true;
    if (!p->text)
        return tl_error_context(error, "parameter %zu", number);
    tl_buf_init(&text, (size_t)1 << 20);
    tl_sql_add_string(&text, tl_view_of(p->text));
    bool ok = tl_buf_ok(&text, "a parameter", error) && set_variable(duck, number, tl_buf_text(&text), error);
    tl_buf_release(&text);
    return ok;
}

static bool limit_output(uint64_t output_max, struct tl_error *error)
{
    struct rlimit limit = { output_max, output_max };
    return output_max == 0 || setrlimit(RLIMIT_FSIZE, &limit) == 0 || tl_error_set(error, TL_IO, "cannot limit the result's size");
}

/* A database that only a client's table has is made for it. */
static bool make_view(struct tl_duck *duck, const struct tl_query_view *v, struct tl_error *error)
{
    struct tl_buf sql;
    tl_buf_init(&sql, TL_QUERY_REQUEST_MAX);
    tl_buf_add_text(&sql, "CREATE SCHEMA IF NOT EXISTS ");
    tl_sql_add_name(&sql, tl_view_of(v->database));
    bool ok = tl_buf_ok(&sql, "a name", error) && tl_duck_run(duck, tl_buf_text(&sql), error);
    tl_buf_reset(&sql);
    tl_buf_add_text(&sql, "CREATE VIEW ");
    tl_sql_add_name(&sql, tl_view_of(v->database));
    tl_buf_add_char(&sql, '.');
    tl_sql_add_name(&sql, tl_view_of(v->name));
    tl_buf_addf(&sql, " AS %s", v->select);
    ok = ok && tl_buf_ok(&sql, "a table", error) && tl_duck_run(duck, tl_buf_text(&sql), error);
    tl_buf_release(&sql);
    return ok || tl_error_context(error, "table %s.%s", v->database, v->name);
}

bool tl_trino_child_prepare(struct tl_duck *duck, const struct tl_query_request *request, struct tl_error *error)
{
    if (!limit_output(request->output_max, error) || !tl_trino_prelude(duck, error))
        return false;
    /* No table is in sight yet: a parameter has no columns. */
    for (size_t i = 0; i < request->parameter_count; i++)
        if (!set_parameter(duck, i + 1, &request->parameters[i], error))
            return false;
    for (size_t i = 0; i < request->view_count; i++)
        if (!make_view(duck, &request->views[i], error))
            return false;
    return !request->database || use_database(duck, request->database, error);
}

/* ---- the statement ---- */

bool tl_trino_child_run(struct tl_duck *duck, const struct tl_query_request *request, struct tl_query_result *result, struct tl_error *error)
{
    enum tl_trino_output output = request->format == TL_QUERY_ATHENA_PLAN      ? TL_TRINO_LINES
                                  : request->format == TL_QUERY_ATHENA_COLUMNS ? TL_TRINO_DESCRIBE
                                                                               : TL_TRINO_CSV;
    return tl_trino_result(duck, request->sql, output, TL_QUERY_FD_RESULT, &result->columns, &result->rows, error);
}
