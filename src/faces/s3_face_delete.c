/* SPDX-License-Identifier: Apache-2.0 */
#include "faces/s3_face_int.h"

#include "base/io.h"
#include "net/aws_xml.h"

#include <errno.h>
#include <stdio.h>

#define KEYS_MAX 1000

/* Folders that have become empty go too: S3 has none. */
static void remove_empty(struct tl_s3f_call *c)
{
    size_t root = strlen(c->bucket->root);
    char *slash = strrchr(c->path, '/');
    while (slash && (size_t)(slash - c->path) > root) {
        *slash = '\0';
        if (tl_io->rmdir(c->path) != 0)
            return;
        slash = strrchr(c->path, '/');
    }
}

/* What is not there is deleted already. */
static bool delete_one(struct tl_s3f_call *c)
{
    struct tl_error error;
    size_t size = strlen(c->path);
    bool folder = c->path[size - 1] == '/', ok = true;
    if (folder)
        c->path[size - 1] = '\0';
    pthread_mutex_lock(&c->s3->commit);
    int result = folder ? tl_io->rmdir(c->path) : tl_io->unlink(c->path);
    if (result != 0 && errno != ENOENT && errno != ENOTDIR && errno != EISDIR && !(folder && errno == ENOTEMPTY))
        ok = tl_s3f_fail_io(c, (tl_error_sys(&error, errno, "cannot delete '%s'", c->key), &error));
    if (ok && !folder)
        tl_s3f_meta_remove(c->bucket, c->key);
    if (ok && result == 0)
        remove_empty(c);
    pthread_mutex_unlock(&c->s3->commit);
    return ok;
}

void tl_s3f_delete(struct tl_s3f_call *c)
{
    if (tl_http_header_value(c->x, "if-match").data)
        tl_s3f_fail(c, "NotImplemented", "DeleteObject with If-Match is not served by tapeline (docs/aws.md).");
    else if (delete_one(c))
        c->job->reply.status = 204;
}

/* The code and message of an error's XML, which a call of one key has made. */
static void add_error(struct tl_buf *out, const char *key, struct tl_view xml)
{
    char code[64] = "InternalError", message[1100] = "";
    (void)!tl_aws_xml_text(xml, "Code", code, sizeof code);
    (void)!tl_aws_xml_text(xml, "Message", message, sizeof message);
    tl_buf_add_text(out, "<Error>");
    tl_xml_element(out, "Key", tl_view_of(key));
    tl_xml_element(out, "Code", tl_view_of(code));
    tl_xml_element(out, "Message", tl_view_of(message));
    tl_buf_add_text(out, "</Error>");
}

/* Each as a call of its own, whose error stands in the common answer. */
static void delete_key(struct tl_s3f_call *c, const char *key, bool quiet, struct tl_buf *out)
{
    struct tl_face_job job = { .face = c->job->face, .service = TL_AWS_S3 };
    struct tl_s3f_call one = { .s3 = c->s3, .job = &job, .x = c->x, .bucket = c->bucket };
    tl_buf_init(&job.reply.notes, 1024);
    tl_buf_init(&job.reply.body, 8192);
    if (!tl_s3f_locate(&one, tl_view_of(key), TL_S3_WRITE) || !delete_one(&one)) {
        add_error(out, key, tl_buf_view(&job.reply.body));
    } else if (!quiet) {
        tl_buf_add_text(out, "<Deleted>");
        tl_xml_element(out, "Key", tl_view_of(key));
        tl_buf_add_text(out, "</Deleted>");
    }
    tl_buf_release(&job.reply.notes);
    tl_buf_release(&job.reply.body);
}

/* All of the list is looked at before anything is deleted. out: NULL, to look only. */
static bool each_key(struct tl_s3f_call *c, bool quiet, struct tl_buf *out)
{
    struct tl_view object, rest = tl_http_body(c->x);
    char key[TL_S3_KEY_MAX + 1];
    size_t count = 0;
    while (tl_aws_xml_next(&rest, "Object", &object)) {
        if (count++ == KEYS_MAX || !tl_aws_xml_text(object, "Key", key, sizeof key) || !key[0])
            return false;
        if (out)
            delete_key(c, key, quiet, out);
    }
    return count > 0;
}

void tl_s3f_delete_many(struct tl_s3f_call *c)
{
    char quiet[8] = "";
    struct tl_buf out;
    if (!each_key(c, false, NULL)) {
        tl_s3f_fail(c, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema");
        return;
    }
    (void)!tl_aws_xml_text(tl_http_body(c->x), "Quiet", quiet, sizeof quiet);
    tl_buf_init(&out, TL_FACE_BODY_MAX);
    (void)each_key(c, strcmp(quiet, "true") == 0, &out);
    tl_s3f_xml_begin(c, "DeleteResult");
    tl_buf_add_view(&c->job->reply.body, tl_buf_view(&out));
    tl_buf_add_text(&c->job->reply.body, "</DeleteResult>");
    tl_buf_release(&out);
}
