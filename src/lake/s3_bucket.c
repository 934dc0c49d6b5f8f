/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/s3_bucket.h"

#include "base/log.h"
#include "base/time.h"
#include "net/aws_xml.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define LANES 8
#define ANSWER_MAX (TL_S3_BLOCK + ((size_t)1 << 20))
#define TIMEOUT_NS (120 * TL_NS_PER_S) /* of one attempt: 8 MiB at half a megabit a second */
#define PREFIX_MAX 500

struct lane {
    struct tl_aws_client *client;
    unsigned generation; /* of the place that the client was made for */
    bool busy;
};

/* Guarded by the lock: lanes' busy, region, generation. A busy lane's rest is its caller's. */
struct tl_s3 {
    char bucket[64], prefix[PREFIX_MAX + 2], url[PREFIX_MAX + 80];
    char region[TL_AWS_REGION_MAX]; /* "": by the rules */
    bool virtual_said, path_said;
    pthread_mutex_t lock;
    pthread_cond_t free_lane;
    unsigned generation;
    struct lane lanes[LANES];
};

void tl_s3_encode(struct tl_buf *out, struct tl_view text, bool keep_slashes)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c && strchr("-_.~", c)) ||
                     (c == '/' && keep_slashes);
        tl_buf_addf(out, plain ? "%c" : "%%%02X", c);
    }
}

static bool split_url(struct tl_s3 *s3, const char *url, struct tl_error *error)
{
    struct tl_view key, bucket = tl_view_split(tl_view_of(url + strlen("s3://")), '/', &key), rest;
    bool good = bucket.size >= 3 && bucket.size < sizeof s3->bucket && bucket.data[0] != '.' && bucket.data[0] != '-';
    for (size_t i = 0; good && i < bucket.size; i++)
        good = bucket.data[i] && strchr("abcdefghijklmnopqrstuvwxyz0123456789.-", bucket.data[i]);
    if (!good)
        return tl_error_set(error, TL_INVALID, "'%.200s' does not begin with s3:// and the name of a bucket", url);
    while (key.size && key.data[key.size - 1] == '/')
        key.size--;
    if (key.size > PREFIX_MAX)
        return tl_error_set(error, TL_INVALID, "the path in the bucket is longer than %d bytes", PREFIX_MAX);
    for (rest = key; rest.data && key.size;) {
        struct tl_view part = tl_view_split(rest, '/', &rest);
        if (part.size == 0 || tl_view_is(part, ".") || tl_view_is(part, ".."))
            return tl_error_set(error, TL_INVALID, "the path in the bucket has an empty part, '.' or '..'");
    }
    snprintf(s3->bucket, sizeof s3->bucket, "%.*s", TL_VIEW_ARG(bucket));
    snprintf(s3->prefix, sizeof s3->prefix, "%.*s%s", TL_VIEW_ARG(key), key.size ? "/" : "");
    snprintf(s3->url, sizeof s3->url, "s3://%s%s%.*s", s3->bucket, key.size ? "/" : "", TL_VIEW_ARG(key));
    return true;
}

static bool read_addressing(struct tl_s3 *s3, struct tl_error *error)
{
    const char *said = getenv("TAPELINE_S3_ADDRESSING");
    struct tl_view text = tl_view_of(said ? said : "");
    s3->path_said = tl_view_is(text, "path");
    s3->virtual_said = tl_view_is(text, "virtual");
    if (!text.size || s3->path_said || s3->virtual_said)
        return true;
    return tl_error_set(error, TL_INVALID, "TAPELINE_S3_ADDRESSING is '%.40s': path or virtual", said);
}

bool tl_s3_open(struct tl_s3 **out, const char *url, const char *region, struct tl_error *error)
{
    *out = NULL;
    struct tl_s3 *s3 = calloc(1, sizeof *s3);
    if (!s3)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    bool ok = split_url(s3, url, error) && read_addressing(s3, error);
    if (ok && region && !tl_aws_region_is_valid(region))
        ok = tl_error_set(error, TL_INVALID, "'%.60s' is not an AWS region such as us-east-1", region);
    if (!ok) {
        free(s3);
        return false;
    }
    snprintf(s3->region, sizeof s3->region, "%.63s", region ? region : "");
    pthread_mutex_init(&s3->lock, NULL);
    pthread_cond_init(&s3->free_lane, NULL);
    *out = s3;
    return true;
}

void tl_s3_close(struct tl_s3 *s3)
{
    if (!s3)
        return;
    for (size_t i = 0; i < LANES; i++)
        tl_aws_client_free(s3->lanes[i].client);
    pthread_mutex_destroy(&s3->lock);
    pthread_cond_destroy(&s3->free_lane);
    free(s3);
}

const char *tl_s3_prefix(const struct tl_s3 *s3)
{
    return s3->prefix;
}

const char *tl_s3_url(const struct tl_s3 *s3)
{
    return s3->url;
}

/* ---- connections ---- */

/* The first lane that is free, so that those at the end stay closed when few are needed. */
static size_t take_lane(struct tl_s3 *s3, char region[TL_AWS_REGION_MAX], unsigned *generation)
{
    size_t i = 0;
    pthread_mutex_lock(&s3->lock);
    for (;;) {
        for (i = 0; i < LANES && s3->lanes[i].busy; i++)
            ;
        if (i < LANES)
            break;
        pthread_cond_wait(&s3->free_lane, &s3->lock);
    }
    s3->lanes[i].busy = true;
    *generation = s3->generation;
    memcpy(region, s3->region, TL_AWS_REGION_MAX);
    pthread_mutex_unlock(&s3->lock);
    return i;
}

void tl_s3_done(struct tl_s3 *s3, struct tl_s3_call *call)
{
    pthread_mutex_lock(&s3->lock);
    s3->lanes[call->lane].busy = false;
    pthread_cond_signal(&s3->free_lane);
    pthread_mutex_unlock(&s3->lock);
    call->response = NULL;
}

static bool stands_in_host(const struct tl_s3 *s3, const struct tl_aws_endpoint *endpoint)
{
    return s3->virtual_said || (!s3->path_said && !endpoint->custom && !strchr(s3->bucket, '.'));
}

static bool connect_lane(struct tl_s3 *s3, struct lane *lane, const char *region, struct tl_error *error)
{
    struct tl_aws_endpoint endpoint;
    char url[900];
    tl_aws_client_free(lane->client);
    lane->client = NULL;
    if (!tl_aws_endpoint_resolve(&endpoint, "s3", region[0] ? region : NULL, NULL, error))
        return false;
    const char *authority = strstr(endpoint.url, "://") + strlen("://");
    bool in_host = stands_in_host(s3, &endpoint);
    snprintf(url, sizeof url, "%.*s%s%s%s%s", (int)(authority - endpoint.url), endpoint.url, in_host ? s3->bucket : "",
             in_host ? "." : "", authority, in_host ? "" : s3->bucket);
    struct tl_aws_client_options options = {
        .service = "s3",
        .region = endpoint.region,
        .url = url,
        .chain = tl_aws_chain_shared(),
        .answer_max = ANSWER_MAX,
        .timeout_ns = TIMEOUT_NS,
    };
    return tl_aws_client_new(&lane->client, &options, error);
}

/* ---- a request ---- */

static bool send_on(struct lane *lane, const struct tl_s3 *s3, const struct tl_s3_request *r, struct tl_error *error)
{
    struct tl_buf path;
    tl_buf_init(&path, 3400);
    if (r->key) {
        tl_s3_encode(&path, tl_view_of(s3->prefix), true);
        tl_s3_encode(&path, tl_view_of(r->key), true);
    }
    struct tl_aws_request request = {
        .method = r->method,
        .path = tl_buf_text(&path),
        .query = r->query,
        .content_type = r->body.data ? "application/octet-stream" : NULL,
        .headers = r->headers,
        .header_count = r->header_count,
        .body = r->body,
    };
    bool ok = tl_buf_ok(&path, "the object's name", error) && tl_aws_client_send(lane->client, &request, error);
    tl_buf_release(&path);
    return ok;
}

/* Where the bucket is, when the answer says that it is elsewhere. */
static bool is_elsewhere(const struct lane *lane, char region[TL_AWS_REGION_MAX])
{
    const struct tl_http_response *answer = tl_aws_client_response(lane->client);
    struct tl_view told = tl_http_response_header(answer, "x-amz-bucket-region");
    if (answer->status != 301 && answer->status != 307 && answer->status != 400)
        return false;
    if (told.size && told.size < TL_AWS_REGION_MAX)
        snprintf(region, TL_AWS_REGION_MAX, "%.*s", TL_VIEW_ARG(told));
    else if (!tl_aws_xml_text(tl_buf_view(&answer->body), "Region", region, TL_AWS_REGION_MAX))
        return false;
    return tl_aws_region_is_valid(region) && strcmp(region, tl_aws_client_endpoint(lane->client)->region) != 0;
}

/* Says what to do, where S3's own words do not. */
static bool explain(const struct tl_s3 *s3, const struct lane *lane, const struct tl_s3_request *r, struct tl_error *error)
{
    const char *code = tl_aws_client_error_code(lane->client);
    char region[TL_AWS_REGION_MAX];
    if (strcmp(code, "NoSuchBucket") == 0) {
        error->code = TL_INVALID; /* not to be taken for an object that is absent */
        return tl_error_context(error, "there is no bucket '%s' (make it: aws s3 mb s3://%s)", s3->bucket, s3->bucket);
    }
    if (is_elsewhere(lane, region))
        return tl_error_context(error, "bucket '%s' is in %s: set region = '%s' in the profile of the pipeline file, or AWS_REGION",
                                s3->bucket, region, region);
    if (error->code == TL_DENIED && (strcmp(code, "AccessDenied") == 0 || !code[0]))
        return tl_error_context(error, "%s is not allowed on 's3://%s/%s%.300s': give it to the credentials in use%s", r->right,
                                s3->bucket, s3->prefix, r->key ? r->key : "",
                                r->key && (r->method[0] == 'G' || r->method[0] == 'H')
                                    ? ", and s3:ListBucket, without which S3 says so of what is absent too"
                                    : "");
    return tl_error_context(error, "'s3://%s/%s%.300s'", s3->bucket, s3->prefix, r->key ? r->key : "");
}

static void move_to(struct tl_s3 *s3, const char *region)
{
    pthread_mutex_lock(&s3->lock);
    bool told = strcmp(s3->region, region) != 0;
    memcpy(s3->region, region, TL_AWS_REGION_MAX);
    s3->generation += told;
    pthread_mutex_unlock(&s3->lock);
    if (told)
        tl_log_warn("lake", "bucket '%s' is in %s, and is used there: set region = '%s' in the profile of the pipeline file, or AWS_REGION",
                    s3->bucket, region, region);
}

bool tl_s3_send(struct tl_s3 *s3, const struct tl_s3_request *request, struct tl_s3_call *call, struct tl_error *error)
{
    char region[TL_AWS_REGION_MAX];
    unsigned generation;
    *call = (struct tl_s3_call){ .lane = take_lane(s3, region, &generation), .code = "" };
    struct lane *lane = &s3->lanes[call->lane];
    for (bool moved = false;;) {
        if ((!lane->client || lane->generation != generation) && !connect_lane(s3, lane, region, error))
            return tl_error_context(error, "'%s'", s3->url);
        lane->generation = generation;
        bool ok = send_on(lane, s3, request, error);
        call->response = tl_aws_client_response(lane->client);
        call->code = tl_aws_client_error_code(lane->client);
        if (ok)
            return true;
        if (moved || !is_elsewhere(lane, region))
            return explain(s3, lane, request, error);
        moved = true;
        move_to(s3, region);
        pthread_mutex_lock(&s3->lock);
        generation = s3->generation;
        memcpy(region, s3->region, sizeof region);
        pthread_mutex_unlock(&s3->lock);
    }
}
