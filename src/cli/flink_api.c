/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/flink_api.h"

#include "base/time.h"
#include "cli/signals.h"

#include <stdio.h>
#include <string.h>

#define ANSWER_MAX ((size_t)256 << 20)
#define TIMEOUT_NS (120 * TL_NS_PER_S)
#define CONNECTOR_VERSION "4.3.0-1.19"
#define FLINK_VERSION "1.19.3"

bool tl_flink_api_open(struct tl_flink_api *api, const char *base, const char *absent, struct tl_error *error)
{
    *api = (struct tl_flink_api){ .base = base, .absent = absent };
    tl_http_response_init(&api->response, ANSWER_MAX);
    return tl_http_client_new(&api->http, ANSWER_MAX, error) && tl_json_parser_new(&api->json, error);
}

void tl_flink_api_close(struct tl_flink_api *api)
{
    if (api->http)
        tl_http_client_free(api->http);
    if (api->json)
        tl_json_parser_free(api->json);
    if (api->base)
        tl_http_response_release(&api->response);
    *api = (struct tl_flink_api){ .base = NULL };
}

/* ---- what Flink says ---- */

static bool holds(struct tl_view text, const char *words)
{
    return text.size && memmem(text.data, text.size, words, strlen(words));
}

/* By what the trace names: a connector or format that no factory was found for, or a class. */
static const struct {
    const char *words, *what, *coordinates;
} jars[] = {
    { "identifier 'kinesis'", "the connector 'kinesis'", "org.apache.flink:flink-sql-connector-kinesis:" CONNECTOR_VERSION },
    { "FlinkKinesisConsumer", "the connector 'kinesis'", "org.apache.flink:flink-sql-connector-kinesis:" CONNECTOR_VERSION },
    { "identifier 'parquet'", "the format 'parquet'", "org.apache.flink:flink-sql-parquet:" FLINK_VERSION },
    { "org.apache.flink.formats.parquet", "the format 'parquet'", "org.apache.flink:flink-sql-parquet:" FLINK_VERSION },
    { "org/apache/hadoop", "Hadoop, which Parquet needs", "org.apache.hadoop:hadoop-client-api:3.3.6 and hadoop-client-runtime:3.3.6" },
    { "org.apache.hadoop", "Hadoop, which Parquet needs", "org.apache.hadoop:hadoop-client-api:3.3.6 and hadoop-client-runtime:3.3.6" },
    { "identifier 'filesystem'", "the connector 'filesystem'", "org.apache.flink:flink-connector-files:" FLINK_VERSION },
    { "identifier 'json'", "the format 'json'", "org.apache.flink:flink-json:" FLINK_VERSION },
    { "identifier 'csv'", "the format 'csv'", "org.apache.flink:flink-csv:" FLINK_VERSION },
    { "file system implementation for scheme 's3", "a file system for S3", "flink-s3-fs-hadoop-" FLINK_VERSION ".jar of Flink's opt folder, in a folder below plugins" },
};

static bool names_a_jar(struct tl_view trace, struct tl_error *error)
{
    bool missing = holds(trace, "Could not find any factory") || holds(trace, "ClassNotFoundException") || holds(trace, "NoClassDefFoundError") ||
                   holds(trace, "Cannot load user class") || holds(trace, "file system implementation for scheme");
    for (size_t i = 0; missing && i < TL_COUNT(jars); i++)
        if (holds(trace, jars[i].words)) {
            (void)tl_error_set(error, TL_UNSUPPORTED, "Flink lacks %s: put %s into its lib folder, on every machine and the SQL gateway's, and start them anew",
                               jars[i].what, jars[i].coordinates);
            return true;
        }
    return false;
}

bool tl_flink_explain(struct tl_view trace, struct tl_error *error)
{
    static const char cause[] = "Caused by: ";
    struct tl_view last = trace;
    if (names_a_jar(trace, error))
        return false;
    for (const char *at; (at = memmem(last.data, last.size, cause, sizeof cause - 1)) != NULL;)
        last = (struct tl_view){ at + sizeof cause - 1, last.size - (size_t)(at - last.data) - (sizeof cause - 1) };
    struct tl_view rest, line = tl_view_split(last, '\n', &rest);
    return tl_error_set(error, TL_INVALID, "Flink: %.*s", (int)(line.size < 400 ? line.size : 400), line.data ? line.data : "");
}

/* The gateway's {"errors": [text, trace]}; the job manager's too. */
static bool refused(struct tl_flink_api *api, const char *path, struct tl_error *error)
{
    struct tl_json answer, errors, one;
    struct tl_json_iter it;
    struct tl_view text = { NULL, 0 }, piece;
    if (tl_json_parse_copy(api->json, tl_buf_view(&api->response.body), &answer, error) && tl_json_get(answer, "errors", &errors))
        for (tl_json_iter_init(&it, errors); tl_json_next(&it, NULL, &one);)
            if (tl_json_string(one, &piece) && piece.size >= text.size)
                text = piece;
    if (text.size)
        return tl_flink_explain(text, error);
    return tl_error_set(error, TL_INVALID, "Flink answered %s%s with HTTP status %d", api->base, path, api->response.status);
}

bool tl_flink_api_call(struct tl_flink_api *api, const char *method, const char *path, struct tl_view body, struct tl_json *answer,
                       struct tl_error *error)
{
    static const struct tl_http_header json = { { "Content-Type", sizeof "Content-Type" - 1 }, { "application/json", sizeof "application/json" - 1 } };
    char url[1024];
    snprintf(url, sizeof url, "%.400s%.600s", api->base, path);
    struct tl_http_request request = { .method = method,
                                       .url = url,
                                       .headers = &json,
                                       .header_count = body.size ? 1 : 0,
                                       .body = body,
                                       .timeout_ns = TIMEOUT_NS };
    if (!tl_http_client_send(api->http, &request, &api->response, error)) {
        if (error->code == TL_UNAVAILABLE || error->code == TL_TIMEOUT)
            return tl_error_set(error, error->code, "nobody answers at %s: %s", api->base, api->absent);
        return false;
    }
    if (api->response.status == 404)
        return tl_error_set(error, TL_NOT_FOUND, "%s knows no %s (it is another part of Flink, or another program): %s", api->base, path, api->absent);
    if (api->response.status >= 300)
        return refused(api, path, error);
    return tl_json_parse_copy(api->json, tl_buf_view(&api->response.body), answer, error) ||
           tl_error_set(error, TL_UNAVAILABLE, "what answers at %s is not Flink: %s", api->base, api->absent);
}
