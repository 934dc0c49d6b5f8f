/* SPDX-License-Identifier: Apache-2.0 */
#include "faces/athena_int.h"

#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define RUNS 3            /* statements at once, each with a process of its own */
#define WAITING_MAX 200   /* QUEUED */
#define MESSAGE_MAX 1200

/* ---- errors ---- */

static bool fail(struct tl_athena_call *call, int status, const char *type, const char *code, const char *message)
{
    struct tl_face_reply *r = &call->job->reply;
    struct tl_json_writer w;
    r->status = status;
    r->type = NULL;
    tl_buf_reset(&r->body);
    tl_json_writer_init(&w, &r->body);
    tl_json_begin_object(&w);
    tl_json_member_text(&w, "__type", type);
    if (code)
        tl_json_member_text(&w, "AthenaErrorCode", code);
    tl_json_member_text(&w, "message", message);
    tl_json_member_text(&w, "Message", message);
    tl_json_end_object(&w);
    tl_face_header(call->job, "x-amzn-ErrorType", "%s", type);
    return false;
}

bool tl_athena_fail(struct tl_athena_call *call, const char *type, const char *code, const char *fmt, ...)
{
    char message[MESSAGE_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    return fail(call, 400, type, code, message);
}

bool tl_athena_invalid(struct tl_athena_call *call, const char *code, const char *fmt, ...)
{
    char message[MESSAGE_MAX];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    return fail(call, 400, "InvalidRequestException", code ? code : "INVALID_INPUT", message);
}

bool tl_athena_fail_of(struct tl_athena_call *call, const struct tl_error *error)
{
    tl_log_error("athena", "%s", error->text);
    return fail(call, 500, "InternalServerException", NULL, error->text);
}

/* ---- members ---- */

char *tl_athena_copy(struct tl_view v)
{
    return memchr(v.data ? v.data : "", '\0', v.size) ? NULL : strndup(v.data ? v.data : "", v.size);
}

bool tl_athena_text(struct tl_athena_call *call, const char *name, bool needed, struct tl_view *out)
{
    struct tl_json member;
    *out = (struct tl_view){ NULL, 0 };
    bool there = tl_json_get(call->in, name, &member) && tl_json_kind_of(member) != TL_JSON_NULL;
    if (there && !tl_json_string(member, out))
        return tl_athena_invalid(call, NULL, "%s is no text", name);
    if (memchr(out->data ? out->data : "", '\0', out->size))
        return tl_athena_invalid(call, NULL, "%s holds a NUL byte", name);
    if (out->size == 0 && needed)
        return tl_athena_invalid(call, NULL, "%s is missing", name);
    if (out->size == 0)
        *out = (struct tl_view){ NULL, 0 };
    return true;
}

bool tl_athena_max(struct tl_athena_call *call, int64_t most, int64_t absent, int64_t *out)
{
    *out = tl_json_get_i64(call->in, "MaxResults", absent);
    return (*out >= 1 && *out <= most) || tl_athena_invalid(call, NULL, "MaxResults is more than maximum allowed length %lld, or less than 1", (long long)most);
}

bool tl_athena_offset(struct tl_athena_call *call, size_t *out)
{
    struct tl_view token;
    uint64_t number = 0;
    if (!tl_athena_text(call, "NextToken", false, &token))
        return false;
    if (token.size && !tl_view_to_u64(token, &number))
        return tl_athena_invalid(call, NULL, "Malformed NextToken");
    *out = (size_t)number;
    return true;
}

void tl_athena_next(struct tl_athena_call *call, size_t offset)
{
    char text[32];
    snprintf(text, sizeof text, "%zu", offset);
    tl_json_member_text(&call->out, "NextToken", text);
}

bool tl_athena_workgroup(struct tl_athena_call *call)
{
    struct tl_view name;
    if (!tl_athena_text(call, "WorkGroup", false, &name))
        return false;
    return name.size == 0 || tl_view_is(name, TL_ATHENA_WORKGROUP) ||
           tl_athena_invalid(call, "WORKGROUP_NOT_FOUND", "WorkGroup %.*s is not found: there is " TL_ATHENA_WORKGROUP, TL_VIEW_ARG(name));
}

bool tl_athena_catalog(struct tl_athena_call *call)
{
    struct tl_view name;
    if (!tl_athena_text(call, "CatalogName", false, &name))
        return false;
    return name.size == 0 || tl_view_eq_ignore_case(name, TL_VIEW(TL_ATHENA_CATALOG)) ||
           tl_athena_fail(call, "InvalidRequestException", "DATACATALOG_NOT_FOUND", "DataCatalog %.*s was not found: there is " TL_ATHENA_CATALOG, TL_VIEW_ARG(name));
}

/* ---- dispatch ---- */

static const struct action {
    const char *name;
    tl_athena_action *run;
} actions[] = {
    /* sorted by name */
    { "BatchGetNamedQuery", tl_athena_batch_get_named },
    { "BatchGetQueryExecution", tl_athena_batch_get_execution },
    { "CreateNamedQuery", tl_athena_create_named },
    { "CreatePreparedStatement", tl_athena_create_prepared },
    { "DeleteNamedQuery", tl_athena_delete_named },
    { "DeletePreparedStatement", tl_athena_delete_prepared },
    { "GetDataCatalog", tl_athena_get_data_catalog },
    { "GetDatabase", tl_athena_get_database },
    { "GetNamedQuery", tl_athena_get_named },
    { "GetPreparedStatement", tl_athena_get_prepared },
    { "GetQueryExecution", tl_athena_get_execution },
    { "GetQueryResults", tl_athena_get_results },
    { "GetQueryRuntimeStatistics", tl_athena_statistics },
    { "GetTableMetadata", tl_athena_get_table },
    { "GetWorkGroup", tl_athena_get_workgroup },
    { "ListDataCatalogs", tl_athena_list_data_catalogs },
    { "ListDatabases", tl_athena_list_databases },
    { "ListEngineVersions", tl_athena_list_engines },
    { "ListNamedQueries", tl_athena_list_named },
    { "ListPreparedStatements", tl_athena_list_prepared },
    { "ListQueryExecutions", tl_athena_list_executions },
    { "ListTableMetadata", tl_athena_list_tables },
    { "ListWorkGroups", tl_athena_list_workgroups },
    { "StartQueryExecution", tl_athena_start },
    { "StopQueryExecution", tl_athena_stop },
    { "UpdateNamedQuery", tl_athena_update_named },
    { "UpdatePreparedStatement", tl_athena_update_prepared },
};

static int by_name(const void *key, const void *item)
{
    return tl_view_cmp(*(const struct tl_view *)key, tl_view_of(((const struct action *)item)->name));
}

static void call_action(struct tl_athena_call *call, struct tl_view name)
{
    const struct action *action = bsearch(&name, actions, TL_COUNT(actions), sizeof actions[0], by_name);
    if (!action) {
        tl_athena_invalid(call, NULL, "%.*s is not served by tapeline", (int)(name.size < 100 ? name.size : 100), name.size ? name.data : "");
        return;
    }
    tl_json_writer_init(&call->out, &call->job->reply.body);
    tl_json_begin_object(&call->out);
    if (action->run(call))
        tl_json_end_object(&call->out);
}

static void run_call(struct tl_face_job *job)
{
    struct tl_athena_call call = { .athena = job->user, .job = job };
    struct tl_json_parser *parser;
    struct tl_error error;
    struct tl_view body = tl_http_body(job->x);
    if (!tl_json_parser_new(&parser, &error)) {
        tl_athena_fail_of(&call, &error);
        return;
    }
    if (!tl_json_parse_copy(parser, body.size ? body : TL_VIEW("{}"), &call.in, &error) || tl_json_kind_of(call.in) != TL_JSON_OBJECT)
        tl_athena_fail(&call, "SerializationException", NULL, "the request is not a JSON object");
    else
        call_action(&call, tl_aws_action(job->x));
    tl_json_parser_free(parser);
}

void tl_athena_face_handle(struct tl_athena_face *athena, struct tl_http_exchange *x)
{
    tl_face_submit(athena->face, TL_AWS_ATHENA, x, run_call, athena);
}

/* ---- life ---- */

bool tl_athena_face_open(struct tl_athena_face **out, struct tl_aws_face *face, struct tl_error *error)
{
    struct tl_athena_face *a = calloc(1, sizeof *a);
    *out = NULL;
    if (!a)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    a->face = face;
    pthread_mutex_init(&a->mutex, NULL);
    if (!tl_athena_store_open(a, error) || !tl_athena_saved_open(a, error) || !tl_athena_clients_open(a, error) || !tl_work_pool_open(&a->runs, RUNS, WAITING_MAX, error)) {
        tl_athena_face_close(a);
        return false;
    }
    *out = a;
    return true;
}

void tl_athena_face_stop(struct tl_athena_face *athena)
{
    if (!athena)
        return;
    pthread_mutex_lock(&athena->mutex);
    __atomic_store_n(&athena->stopping, true, __ATOMIC_RELEASE); /* nobody gives the pool anything from now on */
    for (struct tl_athena_execution *e = athena->newest; e; e = e->older)
        __atomic_store_n(&e->cancel, true, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&athena->mutex);
    tl_work_pool_close(athena->runs);
    athena->runs = NULL;
}

void tl_athena_face_close(struct tl_athena_face *athena)
{
    if (!athena)
        return;
    tl_athena_face_stop(athena);
    tl_athena_saved_close(athena);
    tl_athena_clients_close(athena);
    tl_athena_store_close(athena);
    pthread_mutex_destroy(&athena->mutex);
    free(athena);
}
