/* SPDX-License-Identifier: Apache-2.0 */
/* StartQueryExecution and what is asked of executions. */
#include "faces/athena_int.h"

#include "base/io.h"
#include "base/time.h"
#include "net/aws_service.h"
#include "query/request.h"

#include <stdio.h>
#include <stdlib.h>

#define PREFIX_MAX 512
#define PARAMETERS_MAX 1000
#define BATCH_MAX 50
#define TOKEN_MIN 32
#define TOKEN_MAX 128

/* ---- starting ---- */

/* "s3://tapeline-results/a/b" -> "a/b/". Names of folders that stay inside, and are no hidden ones. */
static bool take_location(struct tl_athena_call *call, struct tl_view location, char **prefix)
{
    static const struct tl_view bucket = { "s3://" TL_FACE_RESULTS, sizeof "s3://" TL_FACE_RESULTS - 1 };
    struct tl_view rest = location, part;
    struct tl_buf out;
    bool ok = tl_view_starts_with(location, bucket) && (location.size == bucket.size || location.data[bucket.size] == '/');
    if (!ok)
        return tl_athena_invalid(call, NULL, "The output location %.*s is not below s3://" TL_FACE_RESULTS "/, where results go here", TL_VIEW_ARG(location));
    rest.data += bucket.size;
    rest.size -= bucket.size;
    tl_buf_init(&out, PREFIX_MAX);
    while (ok && rest.data && rest.size) {
        part = tl_view_split(rest, '/', &rest);
        if (part.size == 0)
            continue;
        ok = part.size < 256 && part.data[0] != '.' && !memchr(part.data, '\\', part.size) && tl_view_is_utf8(part);
        tl_buf_add_view(&out, part);
        tl_buf_add_char(&out, '/');
    }
    *prefix = ok && !out.failed ? strdup(tl_buf_text(&out)) : NULL;
    tl_buf_release(&out);
    return *prefix || tl_athena_invalid(call, NULL, "The output location %.*s is not possible here", TL_VIEW_ARG(location));
}

static bool take_parameters(struct tl_athena_call *call, struct tl_athena_execution *e)
{
    struct tl_json list = tl_json_member(call->in, "ExecutionParameters"), item;
    struct tl_json_iter it;
    if (tl_json_size(list) > PARAMETERS_MAX)
        return tl_athena_invalid(call, NULL, "more than %d ExecutionParameters", PARAMETERS_MAX);
    e->parameters = calloc(tl_json_size(list) + 1, sizeof *e->parameters);
    for (tl_json_iter_init(&it, list); e->parameters && tl_json_next(&it, NULL, &item);) {
        struct tl_view text = { NULL, 0 };
        char *copy = tl_json_string(item, &text) ? tl_athena_copy(text) : NULL;
        if (!copy)
            return tl_athena_invalid(call, NULL, "ExecutionParameters are texts");
        e->parameters[e->parameter_count++] = copy;
    }
    return e->parameters || tl_athena_invalid(call, NULL, "out of memory");
}

static bool take_context(struct tl_athena_call *call, struct tl_athena_execution *e)
{
    struct tl_json context = tl_json_member(call->in, "QueryExecutionContext");
    struct tl_view database = tl_json_get_string(context, "Database"), catalog = tl_json_get_string(context, "Catalog");
    if (catalog.size && !tl_view_eq_ignore_case(catalog, TL_VIEW(TL_ATHENA_CATALOG)))
        return tl_athena_invalid(call, "DATACATALOG_NOT_FOUND", "Catalog %.*s does not exist: there is " TL_ATHENA_CATALOG, TL_VIEW_ARG(catalog));
    e->database = database.size ? tl_athena_copy(database) : NULL;
    for (char *p = e->database; p && *p; p++)
        *p = *p >= 'A' && *p <= 'Z' ? (char)(*p + 32) : *p;
    return database.size == 0 || e->database || tl_athena_invalid(call, NULL, "the database's name is not possible");
}

/* What it is: a statement that nobody could run is refused now, as Athena does. */
static bool classify(struct tl_athena_call *call, struct tl_athena_execution *e)
{
    struct tl_arena arena;
    struct tl_trino_tokens tokens;
    struct tl_athena_statement statement;
    struct tl_error error;
    tl_arena_init(&arena, (size_t)64 << 20);
    bool ok = tl_trino_lex(tl_view_of(e->sql), &arena, &tokens, &error) && tl_athena_statement_parse(&tokens, &arena, &statement, &error);
    if (ok) {
        snprintf(e->type, sizeof e->type, "%s", statement.type);
        snprintf(e->substatement, sizeof e->substatement, "%s", statement.substatement);
        bool rows = statement.kind == TL_ATHENA_SELECT || statement.kind == TL_ATHENA_EXECUTE;
        e->results = statement.kind == TL_ATHENA_CTAS || statement.kind == TL_ATHENA_UNLOAD ? TL_ATHENA_NO_RESULTS : rows ? TL_ATHENA_CSV : TL_ATHENA_TEXT;
    }
    tl_arena_release(&arena);
    return ok || tl_athena_invalid(call, "MALFORMED_QUERY", "%s", error.text);
}

static bool fill(struct tl_athena_call *call, struct tl_athena_execution *e)
{
    struct tl_view sql, token, location = tl_json_get_string(tl_json_member(call->in, "ResultConfiguration"), "OutputLocation");
    if (!tl_athena_text(call, "QueryString", true, &sql) || !tl_athena_text(call, "ClientRequestToken", false, &token) || !tl_athena_workgroup(call))
        return false;
    if (sql.size > TL_QUERY_SQL_MAX)
        return tl_athena_invalid(call, NULL, "QueryString is longer than %zu bytes", TL_QUERY_SQL_MAX);
    if (token.size && (token.size < TOKEN_MIN || token.size > TOKEN_MAX))
        return tl_athena_invalid(call, NULL, "ClientRequestToken has %d to %d characters", TOKEN_MIN, TOKEN_MAX);
    e->sql = tl_athena_copy(sql);
    e->token = token.size ? tl_athena_copy(token) : NULL;
    e->updated = -1;
    e->submitted_ns = tl_io->wall_ns();
    tl_aws_request_id(e->id);
    return (e->sql || tl_athena_invalid(call, NULL, "out of memory")) && take_context(call, e) && take_parameters(call, e) &&
           take_location(call, location.size ? location : TL_VIEW("s3://" TL_FACE_RESULTS "/"), &e->prefix) && classify(call, e);
}

static bool place(struct tl_athena_execution *e)
{
    char text[PREFIX_MAX + 128];
    bool table = e->results == TL_ATHENA_NO_RESULTS;
    snprintf(text, sizeof text, "s3://" TL_FACE_RESULTS "/%s%s%s%s", e->prefix, table ? "tables/" : "", e->id,
             table ? "" : e->results == TL_ATHENA_CSV ? ".csv" : ".txt");
    e->location = strdup(text);
    return e->location != NULL;
}

static bool same_text(const char *a, const char *b)
{
    return strcmp(a ? a : "", b ? b : "") == 0;
}

/* With the mutex held. *known: the same request came before. */
static bool find_token(struct tl_athena_call *call, const struct tl_athena_execution *e, struct tl_athena_execution **known)
{
    *known = NULL;
    for (struct tl_athena_execution *old = call->athena->newest; e->token && old && !*known; old = old->older)
        if (old->token && strcmp(old->token, e->token) == 0)
            *known = old;
    if (*known && (strcmp((*known)->sql, e->sql) != 0 || !same_text((*known)->database, e->database) || !same_text((*known)->prefix, e->prefix)))
        return tl_athena_fail(call, "InvalidRequestException", "INVALID_INPUT", "Idempotent parameters do not match");
    return true;
}

/* Hands it to the runs' pool. *e is taken where true is returned. */
static bool submit(struct tl_athena_call *call, struct tl_athena_execution *e)
{
    struct tl_athena_face *a = call->athena;
    struct tl_athena_run *run = malloc(sizeof *run);
    if (!run)
        return tl_athena_invalid(call, NULL, "out of memory");
    *run = (struct tl_athena_run){ a, e };
    e->users = 1; /* the run's */
    if (__atomic_load_n(&a->stopping, __ATOMIC_ACQUIRE) || !tl_work_pool_add(a->runs, tl_athena_run_one, run)) {
        free(run);
        return tl_athena_fail(call, "TooManyRequestsException", NULL, "You have exceeded the limit for the number of queries you can run concurrently. Please reduce the number of concurrent queries submitted by this account. Limit type: DML_QUEUED");
    }
    tl_athena_add(a, e);
    tl_athena_save(a, e);
    return true;
}

bool tl_athena_start(struct tl_athena_call *call)
{
    struct tl_athena_face *a = call->athena;
    struct tl_athena_execution *e = calloc(1, sizeof *e), *known;
    char id[TL_ATHENA_ID_SIZE] = "";
    if (!e)
        return tl_athena_invalid(call, NULL, "out of memory");
    bool ok = fill(call, e) && (place(e) || tl_athena_invalid(call, NULL, "out of memory"));
    bool taken = false;
    if (ok) {
        pthread_mutex_lock(&a->mutex);
        ok = find_token(call, e, &known);
        taken = ok && !known && submit(call, e);
        ok = ok && (known || taken);
        if (ok)
            memcpy(id, known ? known->id : e->id, sizeof id);
        pthread_mutex_unlock(&a->mutex);
    }
    if (!taken)
        tl_athena_execution_free(e);
    if (ok)
        tl_json_member_text(&call->out, "QueryExecutionId", id);
    return ok;
}

/* ---- telling ---- */

static const char *const states[] = { "QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED" };

static void write_time(struct tl_json_writer *w, const char *name, int64_t ns)
{
    if (ns)
        tl_json_member_double(w, name, (double)(ns / TL_NS_PER_MS) / 1000.0);
}

static int64_t ms_between(int64_t from, int64_t to)
{
    int64_t now = tl_io->wall_ns();
    to = to ? to : now;
    from = from ? from : to;
    return to > from ? (to - from) / TL_NS_PER_MS : 0;
}

static void write_status(struct tl_json_writer *w, const struct tl_athena_execution *e)
{
    tl_json_key(w, "Status");
    tl_json_begin_object(w);
    tl_json_member_text(w, "State", states[e->state]);
    write_time(w, "SubmissionDateTime", e->submitted_ns);
    write_time(w, "CompletionDateTime", e->ended_ns);
    if (e->reason)
        tl_json_member_text(w, "StateChangeReason", e->reason);
    if (e->state == TL_ATHENA_FAILED) {
        bool system = e->code == TL_IO || e->code == TL_NO_SPACE || e->code == TL_NO_MEMORY || e->code == TL_CORRUPT || e->code == TL_STOPPED;
        tl_json_key(w, "AthenaError");
        tl_json_begin_object(w);
        tl_json_member_i64(w, "ErrorCategory", system ? 1 : 2);
        tl_json_member_i64(w, "ErrorType", system ? 233 : e->code == TL_NOT_FOUND ? 1003 : e->code == TL_LIMIT || e->code == TL_TIMEOUT ? 401 : 1006);
        tl_json_member_bool(w, "Retryable", system);
        tl_json_member_text(w, "ErrorMessage", e->reason ? e->reason : "");
        tl_json_end_object(w);
    }
    tl_json_end_object(w);
}

static void write_statistics(struct tl_json_writer *w, const struct tl_athena_execution *e)
{
    tl_json_key(w, "Statistics");
    tl_json_begin_object(w);
    tl_json_member_i64(w, "EngineExecutionTimeInMillis", e->started_ns ? ms_between(e->started_ns, e->ended_ns) : 0);
    tl_json_member_i64(w, "DataScannedInBytes", e->scanned_bytes);
    if (e->manifest)
        tl_json_member_text(w, "DataManifestLocation", e->manifest);
    tl_json_member_i64(w, "TotalExecutionTimeInMillis", ms_between(e->submitted_ns, e->ended_ns));
    tl_json_member_i64(w, "QueryQueueTimeInMillis", ms_between(e->submitted_ns, e->started_ns ? e->started_ns : e->ended_ns));
    tl_json_member_i64(w, "ServicePreProcessingTimeInMillis", 0);
    tl_json_member_i64(w, "QueryPlanningTimeInMillis", 0);
    tl_json_member_i64(w, "ServiceProcessingTimeInMillis", 0);
    tl_json_key(w, "ResultReuseInformation");
    tl_json_begin_object(w);
    tl_json_member_bool(w, "ReusedPreviousResult", false);
    tl_json_end_object(w);
    tl_json_end_object(w);
}

static void write_engine(struct tl_json_writer *w)
{
    tl_json_key(w, "EngineVersion");
    tl_json_begin_object(w);
    tl_json_member_text(w, "SelectedEngineVersion", "AUTO");
    tl_json_member_text(w, "EffectiveEngineVersion", TL_ATHENA_ENGINE);
    tl_json_end_object(w);
}

static void write_execution(struct tl_json_writer *w, const struct tl_athena_execution *e)
{
    tl_json_begin_object(w);
    tl_json_member_text(w, "QueryExecutionId", e->id);
    tl_json_member_text(w, "Query", e->sql);
    tl_json_member_text(w, "StatementType", e->type);
    tl_json_member_text(w, "SubstatementType", e->substatement);
    tl_json_key(w, "ResultConfiguration");
    tl_json_begin_object(w);
    tl_json_member_text(w, "OutputLocation", e->location);
    tl_json_end_object(w);
    tl_json_key(w, "ResultReuseConfiguration");
    tl_json_write_raw(w, TL_VIEW("{\"ResultReuseByAgeConfiguration\":{\"Enabled\":false}}"));
    tl_json_key(w, "QueryExecutionContext");
    tl_json_begin_object(w);
    if (e->database)
        tl_json_member_text(w, "Database", e->database);
    tl_json_member_text(w, "Catalog", "awsdatacatalog");
    tl_json_end_object(w);
    write_status(w, e);
    write_statistics(w, e);
    tl_json_member_text(w, "WorkGroup", TL_ATHENA_WORKGROUP);
    write_engine(w);
    if (e->parameter_count) {
        tl_json_key(w, "ExecutionParameters");
        tl_json_begin_array(w);
        for (size_t i = 0; i < e->parameter_count; i++)
            tl_json_write_text(w, e->parameters[i]);
        tl_json_end_array(w);
    }
    tl_json_end_object(w);
}

/* Locks; unlocks where there is none. */
static struct tl_athena_execution *find_locked(struct tl_athena_call *call)
{
    struct tl_view id;
    if (!tl_athena_text(call, "QueryExecutionId", true, &id))
        return NULL;
    pthread_mutex_lock(&call->athena->mutex);
    struct tl_athena_execution *e = tl_athena_find(call->athena, id);
    if (e)
        return e;
    pthread_mutex_unlock(&call->athena->mutex);
    tl_athena_invalid(call, "QUERY_EXECUTION_NOT_FOUND", "QueryExecution %.*s was not found", (int)(id.size < 100 ? id.size : 100), id.data);
    return NULL;
}

bool tl_athena_get_execution(struct tl_athena_call *call)
{
    struct tl_athena_execution *e = find_locked(call);
    if (!e)
        return false;
    tl_json_key(&call->out, "QueryExecution");
    write_execution(&call->out, e);
    pthread_mutex_unlock(&call->athena->mutex);
    return true;
}

bool tl_athena_batch_get_execution(struct tl_athena_call *call)
{
    struct tl_json ids = tl_json_member(call->in, "QueryExecutionIds"), item;
    struct tl_json_iter it;
    size_t count = tl_json_size(ids);
    if (count < 1 || count > BATCH_MAX)
        return tl_athena_invalid(call, NULL, "QueryExecutionIds has 1 to %d items", BATCH_MAX);
    pthread_mutex_lock(&call->athena->mutex);
    tl_json_key(&call->out, "QueryExecutions");
    tl_json_begin_array(&call->out);
    for (int pass = 0; pass < 2; pass++) {
        for (tl_json_iter_init(&it, ids); tl_json_next(&it, NULL, &item);) {
            struct tl_view id = { NULL, 0 };
            struct tl_athena_execution *e = tl_json_string(item, &id) ? tl_athena_find(call->athena, id) : NULL;
            if (pass == 0 && e)
                write_execution(&call->out, e);
            if (pass == 1 && !e) {
                tl_json_begin_object(&call->out);
                tl_json_member_string(&call->out, "QueryExecutionId", id);
                tl_json_member_text(&call->out, "ErrorCode", "QUERY_EXECUTION_NOT_FOUND");
                tl_json_member_text(&call->out, "ErrorMessage", "QueryExecution was not found");
                tl_json_end_object(&call->out);
            }
        }
        tl_json_end_array(&call->out);
        if (pass == 0) {
            tl_json_key(&call->out, "UnprocessedQueryExecutionIds");
            tl_json_begin_array(&call->out);
        }
    }
    pthread_mutex_unlock(&call->athena->mutex);
    return true;
}

bool tl_athena_list_executions(struct tl_athena_call *call)
{
    int64_t most;
    size_t from, i = 0;
    if (!tl_athena_workgroup(call) || !tl_athena_max(call, 50, 50, &most) || !tl_athena_offset(call, &from))
        return false;
    pthread_mutex_lock(&call->athena->mutex);
    tl_json_key(&call->out, "QueryExecutionIds");
    tl_json_begin_array(&call->out);
    struct tl_athena_execution *e = call->athena->newest;
    for (; e && i < from; i++)
        e = e->older;
    for (; e && i < from + (size_t)most; i++, e = e->older)
        tl_json_write_text(&call->out, e->id);
    tl_json_end_array(&call->out);
    if (e)
        tl_athena_next(call, i);
    pthread_mutex_unlock(&call->athena->mutex);
    return true;
}

/* What has not begun ends here; what runs is told, and says so when it has ended. */
bool tl_athena_stop(struct tl_athena_call *call)
{
    struct tl_athena_execution *e = find_locked(call);
    if (!e)
        return false;
    if (e->state <= TL_ATHENA_RUNNING)
        __atomic_store_n(&e->cancel, true, __ATOMIC_RELEASE);
    pthread_mutex_unlock(&call->athena->mutex);
    return true;
}

bool tl_athena_statistics(struct tl_athena_call *call)
{
    struct tl_athena_execution *e = find_locked(call);
    if (!e)
        return false;
    struct tl_json_writer *w = &call->out;
    tl_json_key(w, "QueryRuntimeStatistics");
    tl_json_begin_object(w);
    tl_json_key(w, "Timeline");
    tl_json_begin_object(w);
    tl_json_member_i64(w, "QueryQueueTimeInMillis", ms_between(e->submitted_ns, e->started_ns ? e->started_ns : e->ended_ns));
    tl_json_member_i64(w, "QueryPlanningTimeInMillis", 0);
    tl_json_member_i64(w, "EngineExecutionTimeInMillis", e->started_ns ? ms_between(e->started_ns, e->ended_ns) : 0);
    tl_json_member_i64(w, "ServiceProcessingTimeInMillis", 0);
    tl_json_member_i64(w, "TotalExecutionTimeInMillis", ms_between(e->submitted_ns, e->ended_ns));
    tl_json_end_object(w);
    tl_json_key(w, "Rows");
    tl_json_begin_object(w);
    tl_json_member_i64(w, "InputBytes", e->scanned_bytes);
    tl_json_member_i64(w, "OutputBytes", e->result_bytes);
    tl_json_member_i64(w, "OutputRows", (int64_t)e->rows);
    tl_json_end_object(w);
    tl_json_end_object(w);
    pthread_mutex_unlock(&call->athena->mutex);
    return true;
}
