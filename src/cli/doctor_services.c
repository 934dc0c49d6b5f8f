/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/doctor_aws_int.h"

#include "base/time.h"
#include "codec/json.h"
#include "codec/json_writer.h"
#include "net/aws_client.h"

#include <stdio.h>
#include <string.h>

#define ANSWER_MAX ((size_t)16 << 20) /* GetRecords may answer with 10 MiB of data */
#define TIMEOUT_NS (15 * TL_NS_PER_S)
#define ARN_MAX 256

/* ---- calls ---- */

struct session {
    struct tl_doctor *d;
    struct tl_aws_client *client;
    struct tl_json_parser *json;
    struct tl_buf body;
    const char *prefix; /* of X-Amz-Target */
    const char *type;
    char name[64]; /* of the check */
};

static bool open_session(struct session *s, const char *service, const char *prefix, const char *type,
                         const char *region, const char *url, const struct tl_aws_credentials *fixed,
                         struct tl_error *error)
{
    struct tl_aws_client_options options = {
        .service = service,
        .region = region,
        .url = url,
        .chain = fixed ? NULL : tl_aws_chain_shared(),
        .credentials = fixed,
        .answer_max = ANSWER_MAX,
        .timeout_ns = TIMEOUT_NS,
    };
    s->prefix = prefix;
    s->type = type;
    tl_buf_init(&s->body, 1 << 16);
    return tl_json_parser_new(&s->json, error) && tl_aws_client_new(&s->client, &options, error);
}

static void close_session(struct session *s)
{
    tl_aws_client_free(s->client);
    if (s->json)
        tl_json_parser_free(s->json);
    tl_buf_release(&s->body);
}

/* One call of a JSON service with the members given; *answer is valid until the next. */
static bool call(struct session *s, const char *action, const char *const members[][2], size_t count,
                 struct tl_json *answer, struct tl_error *error)
{
    struct tl_json_writer w;
    char target[96];
    tl_buf_reset(&s->body);
    tl_json_writer_init(&w, &s->body);
    tl_json_begin_object(&w);
    for (size_t i = 0; i < count; i++)
        tl_json_member_text(&w, members[i][0], members[i][1]);
    tl_json_end_object(&w);
    snprintf(target, sizeof target, "%s.%s", s->prefix, action);
    struct tl_aws_request request = {
        .method = "POST", .target = target, .content_type = s->type, .body = tl_buf_view(&s->body)
    };
    if (!tl_buf_ok(&s->body, "the request", error) || !tl_aws_client_send(s->client, &request, error))
        return false;
    const struct tl_buf *body = &tl_aws_client_response(s->client)->body;
    return tl_json_parse_copy(s->json, tl_buf_view(body), answer, error);
}

/* A failed check for a call that was refused. */
static struct tl_doctor_check *refused(struct session *s, const char *action, const char *on,
                                       const struct tl_error *error)
{
    struct tl_doctor_check *check = tl_doctor_add(s->d, TL_DOCTOR_FAIL, s->name, "%.600s", error->text);
    tl_doctor_fix_refusal(check, error, s->client ? tl_aws_client_error_code(s->client) : "", action, on);
    return check;
}

/* ---- streams ---- */

static bool copy(char *out, size_t room, struct tl_view from)
{
    if (!from.data || from.size >= room)
        return false;
    snprintf(out, room, "%.*s", TL_VIEW_ARG(from));
    return true;
}

/* arn: "" where it was not told. */
static bool check_status(struct session *s, const char *stream, bool embedded, char arn[ARN_MAX])
{
    const char *const members[][2] = { { "StreamName", stream } };
    struct tl_json answer, summary;
    struct tl_error error;
    char status[32];
    arn[0] = '\0';
    if (call(s, "DescribeStreamSummary", members, 1, &answer, &error)) {
        if (!tl_json_get(answer, "StreamDescriptionSummary", &summary) ||
            !copy(status, sizeof status, tl_json_get_string(summary, "StreamStatus"))) {
            (void)tl_error_set(&error, TL_IO, "the answer of DescribeStreamSummary has no StreamStatus");
            refused(s, "", "", &error);
            return false;
        }
        if (!copy(arn, ARN_MAX, tl_json_get_string(summary, "StreamARN")))
            arn[0] = '\0';
        bool active = strcmp(status, "ACTIVE") == 0 || strcmp(status, "UPDATING") == 0;
        struct tl_doctor_check *check =
            tl_doctor_add(s->d, active ? TL_DOCTOR_OK : TL_DOCTOR_WARN, s->name, "%s, %lld open shards",
                          status, (long long)tl_json_get_i64(summary, "OpenShardCount", 0));
        if (!active)
            tl_doctor_fix(check, "wait until it is ACTIVE");
        return active;
    }
    struct tl_doctor_check *check = refused(s, "kinesis:DescribeStreamSummary", stream, &error);
    if (error.code == TL_NOT_FOUND)
        tl_doctor_fix(check, "make it: aws kinesis create-stream --stream-name %s --shard-count 4", stream);
    if (!embedded)
        return false;
    check->result = TL_DOCTOR_WARN; /* 'up' brings its own broker and streams */
    if (error.code == TL_UNAVAILABLE)
        tl_doctor_fix(check, "start 'tapeline broker', or use 'tapeline up', which has its own");
    return false;
}

/* Reads at the tip of the first shard, as the engine does. */
static void check_reading(struct session *s, const char *stream)
{
    struct tl_json answer, shards, first;
    struct tl_json_iter it;
    struct tl_error error;
    char shard[128], iterator[1024];
    const char *const of_stream[][2] = { { "StreamName", stream } };
    if (!call(s, "ListShards", of_stream, 1, &answer, &error)) {
        refused(s, "kinesis:ListShards", stream, &error);
        return;
    }
    if (!tl_json_get(answer, "Shards", &shards))
        return;
    tl_json_iter_init(&it, shards);
    if (!tl_json_next(&it, NULL, &first) || !copy(shard, sizeof shard, tl_json_get_string(first, "ShardId")))
        return;
    const char *const of_shard[][2] = { { "StreamName", stream },
                                        { "ShardId", shard },
                                        { "ShardIteratorType", "LATEST" } };
    if (!call(s, "GetShardIterator", of_shard, 3, &answer, &error)) {
        refused(s, "kinesis:GetShardIterator", stream, &error);
        return;
    }
    if (!copy(iterator, sizeof iterator, tl_json_get_string(answer, "ShardIterator")))
        return;
    const char *const at[][2] = { { "ShardIterator", iterator } };
    if (!call(s, "GetRecords", at, 1, &answer, &error)) {
        refused(s, "kinesis:GetRecords", stream, &error);
        return;
    }
    tl_doctor_add(s->d, TL_DOCTOR_OK, s->name,
                  "the stream can be read (ListShards, GetShardIterator, GetRecords)");
}

/* The consumer's own rights: it may be absent, which the first run mends. */
static void check_fanout(struct session *s, const struct tl_plan *plan, const struct tl_source_plan *source, const char *stream_arn)
{
    char name[TL_CONSUMER_NAME_MAX];
    tl_source_consumer(plan, source, name);
    const char *const members[][2] = { { "StreamARN", stream_arn }, { "ConsumerName", name } };
    struct tl_json answer;
    struct tl_error error;
    if (call(s, "DescribeStreamConsumer", members, 2, &answer, &error))
        tl_doctor_add(s->d, TL_DOCTOR_OK, s->name, "consumer '%s' is registered", name);
    else if (error.code == TL_NOT_FOUND)
        tl_doctor_add(s->d, TL_DOCTOR_OK, s->name, "consumer '%s' is not registered yet: the first run does it, with kinesis:RegisterStreamConsumer",
                      name);
    else
        refused(s, "kinesis:DescribeStreamConsumer, kinesis:RegisterStreamConsumer and kinesis:SubscribeToShard", source->stream, &error);
}

/* A hash key one past the last one is refused after the right has been looked at, and before anything is
 * written. */
static void check_writing(struct session *s, const char *stream)
{
    const char *const members[][2] = { { "StreamName", stream },
                                       { "PartitionKey", "doctor" },
                                       { "Data", "" },
                                       { "ExplicitHashKey", "340282366920938463463374607431768211456" } };
    struct tl_json answer;
    struct tl_error error;
    bool written = call(s, "PutRecord", members, 4, &answer, &error);
    const char *code = tl_aws_client_error_code(s->client);
    if (strcmp(code, "InvalidArgumentException") == 0 || strcmp(code, "ValidationException") == 0)
        tl_doctor_add(s->d, TL_DOCTOR_OK, s->name,
                      "the stream can be written to (asked with a hash key that no shard has)");
    else if (written)
        tl_doctor_add(s->d, TL_DOCTOR_WARN, s->name,
                      "the stream can be written to, and took an empty record of the doctor's");
    else
        refused(s, "kinesis:PutRecord and kinesis:PutRecords", stream, &error);
}

static bool is_fed(const struct tl_plan *plan, size_t source)
{
    for (size_t i = 0; i < plan->feed_count; i++)
        if (plan->feeds[i].source == source)
            return true;
    return false;
}

void tl_doctor_check_streams(struct tl_doctor *d, const struct tl_doctor_needs *needs,
                             const struct tl_plan *plan, const char *embedded_url)
{
    static const struct tl_aws_credentials fixed = { .access_key = "tapeline", .secret_key = "tapeline" };
    const char *url = embedded_url ? embedded_url : needs->kinesis_url;
    struct session s = { .d = d, .name = "streams" };
    struct tl_error error;
    bool ok = open_session(&s, "kinesis", "Kinesis_20131202", "application/x-amz-json-1.1", needs->region,
                           url, embedded_url ? &fixed : NULL, &error);
    if (!ok)
        refused(&s, "", "", &error);
    for (size_t i = 0; ok && i < plan->source_count; i++) {
        const char *stream = plan->sources[i].stream;
        if (plan->sources[i].of_view)
            continue;
        snprintf(s.name, sizeof s.name, "stream '%.48s'", stream);
        char arn[ARN_MAX];
        if (!check_status(&s, stream, embedded_url != NULL, arn))
            continue;
        snprintf(s.name, sizeof s.name, "read '%.48s'", stream);
        check_reading(&s, stream);
        snprintf(s.name, sizeof s.name, "fan-out '%.48s'", stream);
        if (plan->sources[i].read == TL_READ_FANOUT && arn[0])
            check_fanout(&s, plan, &plan->sources[i], arn);
        snprintf(s.name, sizeof s.name, "write '%.48s'", stream);
        if (is_fed(plan, i))
            check_writing(&s, stream);
    }
    close_session(&s);
}

/* ---- bucket ---- */

struct place {
    char bucket[64], prefix[512]; /* prefix encoded; "" or with a slash at its end */
    char url[640];                /* of the bucket on AWS; "": the endpoint's, with the bucket in the path */
};

static bool split_lake(struct place *p, const char *lake, struct tl_error *error)
{
    struct tl_view key, bucket = tl_view_split(tl_view_of(lake + 5), '/', &key);
    struct tl_buf prefix;
    bool plain = bucket.size >= 3 && bucket.size < sizeof p->bucket;
    for (size_t i = 0; plain && i < bucket.size; i++)
        plain = strchr("abcdefghijklmnopqrstuvwxyz0123456789.-", bucket.data[i]) && bucket.data[i];
    if (!plain)
        return tl_error_set(error, TL_INVALID, "'%.200s' does not begin with s3:// and the name of a bucket",
                            lake);
    snprintf(p->bucket, sizeof p->bucket, "%.*s", TL_VIEW_ARG(bucket));
    while (key.size && key.data[key.size - 1] == '/')
        key.size--;
    tl_buf_init(&prefix, sizeof p->prefix - 2);
    for (size_t i = 0; i < key.size; i++) {
        unsigned char c = (unsigned char)key.data[i];
        bool safe = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                    (c && strchr("-_.~/", c));
        tl_buf_addf(&prefix, safe ? "%c" : "%%%02X", c);
    }
    bool ok = tl_buf_ok(&prefix, "the lake's path", error);
    if (ok && prefix.size)
        snprintf(p->prefix, sizeof p->prefix, "%s/", tl_buf_text(&prefix));
    tl_buf_release(&prefix);
    return ok;
}

/* On AWS the bucket stands in the host name, unless it has a dot, which no certificate covers. */
static bool find_bucket_url(struct place *p, const char *region, struct tl_error *error)
{
    struct tl_aws_endpoint endpoint;
    if (!tl_aws_endpoint_resolve(&endpoint, "s3", region, NULL, error))
        return false;
    p->url[0] = '\0';
    if (!endpoint.custom && !strchr(p->bucket, '.'))
        snprintf(p->url, sizeof p->url, "https://%.63s.%s", p->bucket, endpoint.host);
    return true;
}

static bool ask_bucket(struct session *s, const struct place *p, const char *method, const char *key,
                       const char *query, const char *if_match, struct tl_error *error)
{
    char path[700];
    snprintf(path, sizeof path, "%s%s%s", p->url[0] ? "" : p->bucket, p->url[0] || !key[0] ? "" : "/", key);
    struct tl_aws_request request = { .method = method, .path = path, .query = query, .body = TL_VIEW("") };
    if (strcmp(method, "PUT") != 0)
        request.body = (struct tl_view){ NULL, 0 };
    struct tl_http_header condition = { TL_VIEW("if-match"), tl_view_of(if_match) };
    if (if_match) {
        request.headers = &condition;
        request.header_count = 1;
    }
    return tl_aws_client_send(s->client, &request, error);
}

static bool check_listing(struct session *s, const struct place *p)
{
    char query[1200], region[64];
    struct tl_error error;
    snprintf(query, sizeof query, "list-type=2&max-keys=1&prefix=");
    for (const char *c = p->prefix; *c; c++)
        snprintf(query + strlen(query), sizeof query - strlen(query), *c == '/' ? "%%2F" : "%c", *c);
    if (ask_bucket(s, p, "GET", "", query, NULL, &error)) {
        tl_doctor_add(s->d, TL_DOCTOR_OK, s->name, "can be listed");
        return true;
    }
    struct tl_doctor_check *check =
        refused(s, "s3:ListBucket, s3:GetObject and s3:PutObject", p->bucket, &error);
    struct tl_view told = tl_http_response_header(tl_aws_client_response(s->client), "x-amz-bucket-region");
    if (error.code == TL_NOT_FOUND)
        tl_doctor_fix(check, "make it: aws s3api create-bucket --bucket %s", p->bucket);
    else if (told.data && copy(region, sizeof region, told) && tl_aws_region_is_valid(region) &&
             strcmp(region, tl_aws_client_endpoint(s->client)->region) != 0)
        tl_doctor_fix(check, "the bucket is in %s: set region = '%s' in the profile of the pipeline file",
                      region, region);
    return false;
}

/* A PUT that must match an object which is not there is refused after the right has been looked at: 404 or
 * 412. */
static void check_putting(struct session *s, const struct place *p)
{
    char key[640];
    struct tl_error error;
    snprintf(s->name, sizeof s->name, "write '%.50s'", p->bucket);
    snprintf(key, sizeof key, "%s_tapeline/doctor", p->prefix);
    bool written = ask_bucket(s, p, "PUT", key, NULL, "\"00000000000000000000000000000000\"", &error);
    int status = tl_aws_client_response(s->client)->status;
    if (written && ask_bucket(s, p, "DELETE", key, NULL, NULL, &error))
        tl_doctor_add(s->d, TL_DOCTOR_OK, s->name,
                      "can be written to (an object was put, and deleted again)");
    else if (written)
        tl_doctor_fix(tl_doctor_add(s->d, TL_DOCTOR_WARN, s->name,
                                    "the bucket can be written to; '%.300s' was put there", key),
                      "delete it");
    else if (status == 404 || status == 412)
        tl_doctor_add(s->d, TL_DOCTOR_OK, s->name,
                      "can be written to (asked with a condition that nothing meets)");
    else
        refused(s, "s3:PutObject", p->bucket, &error);
}

void tl_doctor_check_bucket(struct tl_doctor *d, const struct tl_doctor_needs *needs, const char *lake)
{
    struct session s = { .d = d, .name = "bucket" };
    struct place p = { .bucket = "" };
    struct tl_error error;
    if (!split_lake(&p, lake, &error)) {
        tl_doctor_fix(tl_doctor_add(d, TL_DOCTOR_FAIL, s.name, "%.600s", error.text),
                      "name it in the profile of the pipeline file: lake = 's3://BUCKET/PREFIX'");
        return;
    }
    bool ok = find_bucket_url(&p, needs->region, &error);
    if (ok)
        snprintf(s.name, sizeof s.name, "bucket '%.50s'", p.bucket);
    ok = ok && open_session(&s, "s3", "", NULL, needs->region, p.url[0] ? p.url : NULL, NULL, &error);
    if (!ok)
        refused(&s, "", "", &error);
    else if (check_listing(&s, &p))
        check_putting(&s, &p);
    close_session(&s);
}

/* ---- databases ---- */

static void check_database(struct session *s, const char *database)
{
    const char *const members[][2] = { { "Name", database } };
    struct tl_json answer;
    struct tl_error error;
    snprintf(s->name, sizeof s->name, "database '%.48s'", database);
    if (call(s, "GetDatabase", members, 1, &answer, &error)) {
        tl_doctor_add(s->d, TL_DOCTOR_OK, s->name, "is in the Glue catalog");
        return;
    }
    struct tl_doctor_check *check = refused(
        s, "glue:GetDatabase, glue:GetTable, glue:CreateTable and glue:UpdateTable", database, &error);
    if (error.code != TL_NOT_FOUND)
        return;
    check->result = TL_DOCTOR_WARN; /* the first commit makes it */
    tl_doctor_fix(check,
                  "the first run makes it, with glue:CreateDatabase; or: aws glue create-database "
                  "--database-input Name=%s",
                  database);
}

void tl_doctor_check_databases(struct tl_doctor *d, const struct tl_doctor_needs *needs,
                               const struct tl_plan *plan)
{
    struct session s = { .d = d, .name = "database" };
    struct tl_error error;
    char last[256] = "";
    bool ok =
        open_session(&s, "glue", "AWSGlue", "application/x-amz-json-1.1", needs->region, NULL, NULL, &error);
    if (!ok)
        refused(&s, "", "", &error);
    for (size_t i = 0; ok && i < plan->sink_count; i++) {
        struct tl_view table, database = tl_view_split(tl_view_of(plan->sinks[i].table), '.', &table);
        if (!table.data || database.size >= sizeof last || tl_view_is(database, last))
            continue;
        snprintf(last, sizeof last, "%.*s", TL_VIEW_ARG(database));
        check_database(&s, last);
    }
    close_session(&s);
}
