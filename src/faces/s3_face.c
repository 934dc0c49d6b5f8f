/* SPDX-License-Identifier: Apache-2.0 */
#include "faces/s3_face_int.h"

#include "base/file.h"
#include "base/io.h"
#include "lake/client_tables.h"
#include "lake/store.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define OBJECT_MAX ((uint64_t)5 << 30)  /* the service's, of one upload */
#define REQUEST_MAX ((uint64_t)4 << 20) /* XML of other requests */
#define CODING_MAX ((uint64_t)64 << 20) /* what aws-chunked adds to an upload, at most */
#define LEFTOVER_MIN 4                  /* "put-" */

/* ---- answers ---- */

static int status_of(const char *code)
{
    static const struct {
        const char *code;
        int status;
    } codes[] = {
        { "AccessDenied", 403 },        { "BucketAlreadyOwnedByYou", 409 }, { "EntityTooLarge", 413 }, { "InternalError", 500 },
        { "InvalidRange", 416 },        { "MethodNotAllowed", 405 },        { "NoSuchBucket", 404 },   { "NoSuchKey", 404 },
        { "NoSuchUpload", 404 },        { "NotImplemented", 501 },          { "NotModified", 304 },    { "PreconditionFailed", 412 },
        { "InsufficientStorage", 507 }, { "MissingContentLength", 411 },
    };
    for (size_t i = 0; i < TL_COUNT(codes); i++)
        if (strcmp(codes[i].code, code) == 0)
            return codes[i].status;
    return 400;
}

bool tl_s3f_fail(struct tl_s3f_call *c, const char *code, const char *fmt, ...)
{
    char message[1024];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    return tl_face_fail(c->job, status_of(code), code, "%s", message);
}

bool tl_s3f_fail_io(struct tl_s3f_call *c, const struct tl_error *error)
{
    if (error->code == TL_NO_SPACE)
        return tl_s3f_fail(c, "InsufficientStorage", "%s", error->text);
    return tl_face_fail_internal(c->job, error);
}

bool tl_s3f_param(const struct tl_s3f_call *c, const char *name, struct tl_buf *out)
{
    return tl_http_query_param(c->x, name, out) && !out->failed;
}

bool tl_s3f_has_param(const struct tl_s3f_call *c, const char *name)
{
    struct tl_view rest = tl_http_query(c->x);
    while (rest.size) {
        struct tl_view value, part = tl_view_split(rest, '&', &rest);
        if (tl_view_is(tl_view_split(part, '=', &value), name))
            return true;
    }
    return false;
}

void tl_s3f_xml_begin(struct tl_s3f_call *c, const char *root)
{
    tl_buf_addf(&c->job->reply.body, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<%s xmlns=\"" TL_S3_XMLNS "\">", root);
}

void tl_s3f_xml_text(struct tl_s3f_call *c, const char *name, struct tl_view value)
{
    tl_xml_element(&c->job->reply.body, name, value);
}

void tl_s3f_xml_number(struct tl_s3f_call *c, const char *name, int64_t value)
{
    tl_buf_addf(&c->job->reply.body, "<%s>%lld</%s>", name, (long long)value, name);
}

/* ---- which action ---- */

static void answer_ok(struct tl_s3f_call *c)
{
    (void)c;
}

static void get_location(struct tl_s3f_call *c)
{
    const char *region = tl_face_options(c->job->face)->region;
    tl_buf_addf(&c->job->reply.body, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<LocationConstraint xmlns=\"" TL_S3_XMLNS "\">%s</LocationConstraint>",
                strcmp(region, "us-east-1") == 0 ? "" : region); /* which has none */
}

static void get_versioning(struct tl_s3f_call *c)
{
    tl_s3f_xml_begin(c, "VersioningConfiguration");
    tl_buf_add_text(&c->job->reply.body, "</VersioningConfiguration>");
}

static void create_bucket(struct tl_s3f_call *c)
{
    tl_s3f_fail(c, "BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded and you already own it.");
}

static void refuse_delete_bucket(struct tl_s3f_call *c)
{
    tl_s3f_fail(c, "AccessDenied", "DeleteBucket: the two buckets of tapeline stay.");
}

/* In the order in which they are tried: of a bucket or a key, with which method, with which parameter of the query (NULL: none of those in
 * refused). */
static const struct action {
    const char *method;
    bool of_key;
    const char *param, *header; /* NULL: whatever */
    void (*run)(struct tl_s3f_call *c);
} actions[] = {
    { "GET", false, "location", NULL, get_location },
    { "GET", false, "versioning", NULL, get_versioning },
    { "GET", false, "uploads", NULL, tl_s3f_uploads },
    { "POST", false, "delete", NULL, tl_s3f_delete_many },
    { "POST", true, "uploads", NULL, tl_s3f_upload_begin },
    { "POST", true, "uploadId", NULL, tl_s3f_upload_complete },
    { "PUT", true, "uploadId", NULL, tl_s3f_upload_part },
    { "DELETE", true, "uploadId", NULL, tl_s3f_upload_abort },
    { "GET", true, "uploadId", NULL, tl_s3f_upload_parts },
    { "GET", false, "list-type", NULL, tl_s3f_list_v2 },
    { "GET", false, NULL, NULL, tl_s3f_list_v1 },
    { "HEAD", false, NULL, NULL, answer_ok },
    { "PUT", false, NULL, NULL, create_bucket },
    { "DELETE", false, NULL, NULL, refuse_delete_bucket },
    { "GET", true, NULL, NULL, tl_s3f_get },
    { "HEAD", true, NULL, NULL, tl_s3f_get },
    { "PUT", true, NULL, "x-amz-copy-source", tl_s3f_copy },
    { "PUT", true, NULL, NULL, tl_s3f_put },
    { "DELETE", true, NULL, NULL, tl_s3f_delete },
};

/* Parts of the API that tapeline has not: they must not pass for the plain action of the same method. */
static const char *const refused[] = {
    "accelerate", "acl", "analytics", "attributes", "cors", "encryption", "intelligent-tiering", "inventory", "legal-hold", "lifecycle", "logging",
    "metadataTable", "metrics", "notification", "object-lock", "ownershipControls", "policy", "policyStatus", "publicAccessBlock", "replication",
    "requestPayment", "restore", "retention", "select", "tagging", "torrent", "versionId", "versions", "website", "partNumber", "renameObject",
    "session", "append",
};

static const char *refused_param(const struct tl_s3f_call *c)
{
    for (size_t i = 0; i < TL_COUNT(refused); i++)
        if (tl_s3f_has_param(c, refused[i]) && !(strcmp(refused[i], "partNumber") == 0 && tl_s3f_has_param(c, "uploadId")))
            return refused[i];
    return NULL;
}

static void run_action(struct tl_s3f_call *c, bool of_key)
{
    struct tl_view method = tl_http_method(c->x);
    const char *wrong = refused_param(c);
    for (size_t i = 0; i < TL_COUNT(actions) && !wrong; i++) {
        const struct action *a = &actions[i];
        if (tl_view_is(method, a->method) && a->of_key == of_key && (!a->param || tl_s3f_has_param(c, a->param)) &&
            (!a->header || tl_http_header_value(c->x, a->header).data)) {
            a->run(c);
            return;
        }
    }
    tl_s3f_fail(c, "NotImplemented", "%.*s of %s%s%s is not served by tapeline (docs/aws.md).", TL_VIEW_ARG(method), of_key ? "an object" : "a bucket",
               wrong ? " with ?" : "", wrong ? wrong : "");
}

/* ---- which bucket ---- */

static const struct tl_s3f_bucket *find_bucket(const struct tl_s3_face *s3, struct tl_view name)
{
    for (size_t i = 0; i < TL_COUNT(s3->buckets); i++)
        if (tl_view_is(name, s3->buckets[i].name) && s3->buckets[i].root)
            return &s3->buckets[i];
    return NULL;
}

/* "tapeline-lake.localhost": the bucket is in the name of the host. */
static struct tl_view bucket_of_host(const struct tl_s3f_call *c)
{
    struct tl_view rest, host = tl_http_header_value(c->x, "host");
    struct tl_view name = tl_view_split(host, '.', &rest);
    return rest.data && find_bucket(c->s3, name) ? name : (struct tl_view){ NULL, 0 };
}

static void run(struct tl_face_job *job)
{
    struct tl_s3f_call c = { .s3 = job->user, .job = job, .x = job->x };
    struct tl_view key, path = tl_http_path(job->x), name = bucket_of_host(&c);
    key = path = path.size && path.data[0] == '/' ? (struct tl_view){ path.data + 1, path.size - 1 } : path;
    if (!name.size)
        name = tl_view_split(path, '/', &key);
    c.bucket = find_bucket(c.s3, name);
    if (!name.size && tl_view_is(tl_http_method(job->x), "GET")) {
        tl_s3f_list_buckets(&c);
    } else if (!c.bucket) {
        tl_s3f_fail(&c, name.size ? "NoSuchBucket" : "MethodNotAllowed", "There is no bucket '%.*s': tapeline has " TL_LAKE_BUCKET " (%s) and " TL_FACE_RESULTS
                   " (results of queries).", (int)(name.size < 80 ? name.size : 80), name.size ? name.data : "",
                   c.s3->buckets[0].root ? "the lake" : "not here: the lake is in S3 itself");
    } else if (!key.size) {
        run_action(&c, false);
    } else if (tl_s3f_locate(&c, key, tl_view_is(tl_http_method(job->x), "GET") || tl_view_is(tl_http_method(job->x), "HEAD") ? TL_S3_READ : TL_S3_WRITE)) {
        run_action(&c, true);
    }
}

void tl_s3_face_handle(struct tl_s3_face *s3, struct tl_http_exchange *x)
{
    tl_face_submit(s3->face, TL_AWS_S3, x, run, s3);
}

/* ---- bodies ---- */

static int spool_open(struct tl_s3_face *s3)
{
    char path[PATH_MAX];
    struct tl_error ignored;
    int fd = tl_s3f_temp_open(s3, &s3->buckets[s3->buckets[0].root ? 0 : 1], path, &ignored);
    if (fd >= 0)
        (void)tl_io->unlink(path); /* it goes with the exchange */
    return fd;
}

void tl_s3_face_body(struct tl_s3_face *s3, const struct tl_http_exchange *x, struct tl_http_body_place *place)
{
    place->max = REQUEST_MAX;
    if (!tl_view_is(tl_http_method(x), "PUT") || tl_http_header_value(x, "x-amz-copy-source").data)
        return;
    place->fd = spool_open(s3);
    if (place->fd >= 0)
        place->max = OBJECT_MAX + CODING_MAX;
}

/* ---- life ---- */

/* Uploads that a killed process has left half-written. */
static void remove_leftovers(const char *folder)
{
    struct tl_dir_list list;
    struct tl_error ignored;
    char path[PATH_MAX];
    if (!tl_dir_list(folder, &list, &ignored))
        return;
    for (size_t i = 0; i < list.count; i++)
        if (strncmp(list.names[i], "put-", LEFTOVER_MIN) == 0 && snprintf(path, sizeof path, "%s/%s", folder, list.names[i]) < (int)sizeof path)
            (void)tl_io->unlink(path);
    tl_dir_list_release(&list);
}

static bool open_bucket(struct tl_s3f_bucket *b, const char *name, const char *root, struct tl_error *error)
{
    char folder[PATH_MAX];
    b->name = name;
    if (tl_store_is_s3(root))
        return true;
    b->root = realpath(root, NULL); /* the root may be a link: what is below it may not */
    if (!b->root || snprintf(folder, sizeof folder, "%s/" TL_S3_HIDDEN "/uploads", b->root) >= (int)sizeof folder)
        return tl_error_set(error, TL_INVALID, "'%s' cannot be a bucket: it is not there, or its path is too long", root);
    if (!tl_dir_make(folder, error))
        return false;
    remove_leftovers(folder);
    return true;
}

bool tl_s3_face_open(struct tl_s3_face **out, struct tl_aws_face *face, struct tl_error *error)
{
    const struct tl_aws_face_options *o = tl_face_options(face);
    struct tl_s3_face *s3 = calloc(1, sizeof *s3);
    *out = NULL;
    if (!s3)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    s3->face = face;
    pthread_mutex_init(&s3->commit, NULL);
    bool ok = open_bucket(&s3->buckets[0], TL_LAKE_BUCKET, o->lake_root, error) && open_bucket(&s3->buckets[1], TL_FACE_RESULTS, o->results_dir, error);
    if (ok)
        *out = s3;
    else
        tl_s3_face_close(s3);
    return ok;
}

void tl_s3_face_close(struct tl_s3_face *s3)
{
    if (!s3)
        return;
    for (size_t i = 0; i < TL_COUNT(s3->buckets); i++)
        free(s3->buckets[i].root);
    pthread_mutex_destroy(&s3->commit);
    free(s3);
}
