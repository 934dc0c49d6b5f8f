/* SPDX-License-Identifier: Apache-2.0 */
#include "query/athena.h"

#include "base/io.h"
#include "base/time.h"
#include "codec/json.h"
#include "codec/json_writer.h"
#include "net/aws_client.h"
#include "query/request.h"
#include "query/result_writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define ANSWER_MAX ((size_t)64 << 20)
#define ATTEMPT_NS (60 * TL_NS_PER_S)
#define PAGE_ROWS 1000 /* the most that Athena gives */
#define POLL_FIRST_NS (100 * TL_NS_PER_MS)
#define POLL_LAST_NS (2 * TL_NS_PER_S)
#define SLEEP_NS (50 * TL_NS_PER_MS)
#define COLUMNS_MAX 4096

struct athena {
    const struct tl_athena_options *options;
    struct tl_athena_result *result;
    struct tl_aws_client *client;
    struct tl_json_parser *parser;
    struct tl_json answer; /* of the last call; points into the parser */
    struct tl_result_writer *writer;
    struct tl_buf body;
    size_t column_count;
    bool *instant; /* of each column */
    bool has_header; /* the first row of the first page repeats the columns' names */
    int64_t deadline;
};

/* ---- calls ---- */

static bool open_client(struct tl_aws_client **out, const struct tl_athena_options *o, const bool *cancel, struct tl_error *error)
{
    struct tl_aws_client_options options = {
        .service = "athena",
        .region = o->region,
        .chain = tl_aws_chain_shared(),
        .answer_max = ANSWER_MAX,
        .timeout_ns = ATTEMPT_NS,
        .cancel = cancel,
    };
    return tl_aws_client_new(out, &options, error);
}

static bool send(struct athena *a, struct tl_aws_client *client, const char *action, struct tl_error *error)
{
    char target[96];
    snprintf(target, sizeof target, "AmazonAthena.%s", action);
    struct tl_aws_request request = { .method = "POST", .target = target, .content_type = "application/x-amz-json-1.1",
                                      .body = tl_buf_view(&a->body) };
    return tl_buf_ok(&a->body, "the request", error) && tl_aws_client_send(client, &request, error);
}

static bool call(struct athena *a, const char *action, struct tl_error *error)
{
    if (!send(a, a->client, action, error))
        return tl_error_context(error, "%s", action);
    const struct tl_http_response *response = tl_aws_client_response(a->client);
    return tl_json_parse_copy(a->parser, tl_buf_view(&response->body), &a->answer, error) || tl_error_context(error, "the answer of %s", action);
}

static void begin_body(struct athena *a, struct tl_json_writer *w)
{
    tl_buf_reset(&a->body);
    tl_json_writer_init(w, &a->body);
    tl_json_begin_object(w);
}

static bool start(struct athena *a, struct tl_error *error)
{
    const struct tl_athena_options *o = a->options;
    struct tl_json_writer w;
    uint64_t token[2];
    char text[40];
    if (!tl_io->random(token, sizeof token))
        return tl_error_set(error, TL_IO, "no random number for the request's token");
    snprintf(text, sizeof text, "%016" PRIx64 "%016" PRIx64, token[0], token[1]);
    begin_body(a, &w);
    tl_json_member_text(&w, "QueryString", o->sql);
    tl_json_member_text(&w, "ClientRequestToken", text); /* the request sent again starts nothing again */
    tl_json_member_text(&w, "WorkGroup", o->workgroup ? o->workgroup : "primary");
    if (o->database) {
        tl_json_key(&w, "QueryExecutionContext");
        tl_json_begin_object(&w);
        tl_json_member_text(&w, "Database", o->database);
        tl_json_end_object(&w);
    }
    if (o->results) {
        tl_json_key(&w, "ResultConfiguration");
        tl_json_begin_object(&w);
        tl_json_member_text(&w, "OutputLocation", o->results);
        tl_json_end_object(&w);
    }
    tl_json_end_object(&w);
    if (!call(a, "StartQueryExecution", error))
        return false;
    struct tl_view id = tl_json_get_string(a->answer, "QueryExecutionId");
    if (id.size == 0 || id.size >= sizeof a->result->id)
        return tl_error_set(error, TL_CORRUPT, "the answer of StartQueryExecution names no query");
    snprintf(a->result->id, sizeof a->result->id, "%.*s", TL_VIEW_ARG(id));
    return true;
}

static void write_id(struct athena *a, struct tl_json_writer *w)
{
    begin_body(a, w);
    tl_json_member_text(w, "QueryExecutionId", a->result->id);
}

/* By a client of its own: the other one has been told to stop. */
static void stop(struct athena *a)
{
    struct tl_aws_client *client;
    struct tl_error ignored;
    struct tl_json_writer w;
    if (!open_client(&client, a->options, NULL, &ignored))
        return;
    write_id(a, &w);
    tl_json_end_object(&w);
    bool stopped = send(a, client, "StopQueryExecution", &ignored);
    (void)stopped; /* it costs what it costs then */
    tl_aws_client_free(client);
}

/* ---- until it has ended ---- */

static bool may_go_on(struct athena *a, struct tl_error *error)
{
    if (a->options->cancel && __atomic_load_n(a->options->cancel, __ATOMIC_ACQUIRE))
        return tl_error_set(error, TL_STOPPED, "the query was stopped");
    return tl_io->monotonic_ns() < a->deadline || tl_error_set(error, TL_TIMEOUT, "the query took too long and was stopped");
}

static bool pause_ns(struct athena *a, int64_t ns, struct tl_error *error)
{
    for (int64_t end = tl_io->monotonic_ns() + ns; tl_io->monotonic_ns() < end;) {
        if (!may_go_on(a, error))
            return false;
        tl_io->sleep_ns(SLEEP_NS);
    }
    return may_go_on(a, error);
}

/* *ended, or an error where it has not succeeded. */
static bool look(struct athena *a, bool *ended, struct tl_error *error)
{
    struct tl_json_writer w;
    write_id(a, &w);
    tl_json_end_object(&w);
    if (!call(a, "GetQueryExecution", error))
        return false;
    struct tl_json execution = tl_json_member(a->answer, "QueryExecution"), status = tl_json_member(execution, "Status"),
                   statistics = tl_json_member(execution, "Statistics");
    struct tl_view state = tl_json_get_string(status, "State"), reason = tl_json_get_string(status, "StateChangeReason"),
                   type = tl_json_get_string(execution, "StatementType");
    a->result->scanned_bytes = tl_json_get_i64(statistics, "DataScannedInBytes", 0);
    a->result->engine_ms = tl_json_get_i64(statistics, "EngineExecutionTimeInMillis", 0);
    a->has_header = a->result->billed = tl_view_is(type, "DML");
    *ended = tl_view_is(state, "SUCCEEDED");
    if (*ended || tl_view_is(state, "QUEUED") || tl_view_is(state, "RUNNING"))
        return true;
    return tl_error_set(error, TL_INVALID, "Athena: the query %s: %.*s", tl_view_is(state, "CANCELLED") ? "was cancelled" : "failed",
                        TL_VIEW_ARG(reason));
}

static bool wait_for_end(struct athena *a, struct tl_error *error)
{
    bool ended = false;
    for (int64_t wait = POLL_FIRST_NS;; wait = wait * 2 < POLL_LAST_NS ? wait * 2 : POLL_LAST_NS) {
        if (!look(a, &ended, error))
            return false;
        if (ended)
            return true;
        if (!pause_ns(a, wait, error))
            return false;
    }
}

/* ---- results ---- */

static enum tl_cell_kind kind_of(struct tl_view type)
{
    static const char *const numbers[] = { "tinyint", "smallint", "integer", "int", "bigint", "double", "float", "real", "decimal" };
    for (size_t i = 0; i < TL_COUNT(numbers); i++)
        if (tl_view_is(type, numbers[i]))
            return TL_CELL_NUMBER;
    return tl_view_is(type, "boolean") ? TL_CELL_BOOLEAN : TL_CELL_TEXT;
}

static bool open_writer(struct athena *a, struct tl_json set, struct tl_error *error)
{
    struct tl_json list = tl_json_member(tl_json_member(set, "ResultSetMetadata"), "ColumnInfo"), item;
    struct tl_json_iter it;
    char name[1024];
    a->column_count = tl_json_size(list);
    if (a->column_count > COLUMNS_MAX)
        return tl_error_set(error, TL_LIMIT, "the result has more than %d columns", COLUMNS_MAX);
    a->instant = calloc(a->column_count + 1, sizeof *a->instant);
    if (!a->instant)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    if (!tl_result_writer_new(&a->writer, a->options->format, a->options->output_fd, a->column_count, error))
        return false;
    size_t i = 0;
    for (tl_json_iter_init(&it, list); tl_json_next(&it, NULL, &item); i++) {
        struct tl_view type = tl_json_get_string(item, "Type");
        snprintf(name, sizeof name, "%.*s", TL_VIEW_ARG(tl_json_get_string(item, "Name")));
        tl_result_writer_column(a->writer, i, name, kind_of(type));
        a->instant[i] = tl_view_starts_with(type, TL_VIEW("timestamp"));
    }
    return true;
}

/* "2024-01-02 03:04:05.000 UTC": as a local query writes it. */
static struct tl_view instant_text(struct tl_view v)
{
    if (tl_view_ends_with(v, TL_VIEW(" UTC")))
        v.size -= 4;
    if (tl_view_ends_with(v, TL_VIEW(".000")))
        v.size -= 4;
    return v;
}

static bool write_row(struct athena *a, struct tl_json row, struct tl_error *error)
{
    struct tl_json data = tl_json_member(row, "Data"), cell;
    struct tl_json_iter it;
    size_t i = 0;
    for (tl_json_iter_init(&it, data); tl_json_next(&it, NULL, &cell) && i < a->column_count; i++) {
        struct tl_view text = { NULL, 0 }; /* an empty object is a NULL */
        struct tl_json value;
        if (tl_json_get(cell, "VarCharValue", &value) && tl_json_string(value, &text) && text.size == 0)
            text = TL_VIEW("");
        tl_result_writer_cell(a->writer, a->instant[i] && text.data ? instant_text(text) : text);
    }
    for (; i < a->column_count; i++)
        tl_result_writer_cell(a->writer, (struct tl_view){ NULL, 0 });
    a->result->rows++;
    return tl_result_writer_end_row(a->writer, error);
}

static bool write_page(struct athena *a, struct tl_json set, bool skip_first, uint64_t row_max, struct tl_error *error)
{
    struct tl_json row;
    struct tl_json_iter it;
    for (tl_json_iter_init(&it, tl_json_member(set, "Rows")); tl_json_next(&it, NULL, &row) && !a->result->truncated; skip_first = false) {
        if (skip_first)
            continue;
        a->result->truncated = a->result->rows == row_max;
        if (!a->result->truncated && !write_row(a, row, error))
            return false;
    }
    return true;
}

static void write_page_request(struct athena *a, const char *token)
{
    struct tl_json_writer w;
    write_id(a, &w);
    tl_json_member_i64(&w, "MaxResults", PAGE_ROWS);
    if (token)
        tl_json_member_text(&w, "NextToken", token);
    tl_json_end_object(&w);
}

static bool fetch(struct athena *a, struct tl_error *error)
{
    uint64_t row_max = a->options->row_max ? a->options->row_max : TL_QUERY_ROW_MAX;
    char *token = NULL;
    bool ok = true, first = true;
    for (; ok && (first || token) && !a->result->truncated; first = false) {
        write_page_request(a, token);
        free(token);
        token = NULL;
        ok = may_go_on(a, error) && call(a, "GetQueryResults", error);
        if (!ok)
            break;
        struct tl_json set = tl_json_member(a->answer, "ResultSet");
        ok = (!first || open_writer(a, set, error)) && write_page(a, set, first && a->has_header, row_max, error);
        struct tl_view next = tl_json_get_string(a->answer, "NextToken");
        if (ok && next.size && !(token = strndup(next.data, next.size)))
            ok = tl_error_set(error, TL_NO_MEMORY, "out of memory");
    }
    free(token);
    return ok && tl_result_writer_finish(a->writer, error);
}

bool tl_athena_run(const struct tl_athena_options *options, struct tl_athena_result *result, struct tl_error *error)
{
    struct athena a = { .options = options, .result = result };
    int64_t timeout = options->timeout_ns ? options->timeout_ns : TL_QUERY_TIMEOUT_NS;
    *result = (struct tl_athena_result){ .rows = 0 };
    if (options->format == TL_QUERY_PARQUET)
        return tl_error_set(error, TL_UNSUPPORTED, "--engine athena gives its rows as text: for Parquet let Athena write it (UNLOAD ... TO 's3://...')");
    if (__builtin_add_overflow(tl_io->monotonic_ns(), timeout, &a.deadline))
        a.deadline = INT64_MAX;
    tl_buf_init(&a.body, TL_QUERY_SQL_MAX * 8);
    bool ok = tl_json_parser_new(&a.parser, error) && open_client(&a.client, options, options->cancel, error) && start(&a, error);
    if (ok) {
        ok = wait_for_end(&a, error);
        if (!ok && (error->code == TL_STOPPED || error->code == TL_TIMEOUT))
            stop(&a);
    }
    ok = ok && fetch(&a, error);
    tl_result_writer_free(a.writer);
    free(a.instant);
    tl_aws_client_free(a.client);
    tl_json_parser_free(a.parser);
    tl_buf_release(&a.body);
    return ok;
}
