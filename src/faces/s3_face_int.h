/* SPDX-License-Identifier: Apache-2.0 */
/* faces/s3_face_int.h: inside the S3 face.
 *
 *   s3_face.c         from a request to its action
 *   s3_key.c          keys and paths: what may be seen, and written
 *   s3_meta.c         what is known of an object besides its bytes
 *   s3_face_list.c    listing
 *   s3_face_get.c     GET and HEAD
 *   s3_face_put.c     PUT, copy: from a body to an object
 *   s3_face_parts.c   multipart uploads
 *   s3_face_delete.c  deletion */
#pragma once

#include "faces/s3_face.h"

#include <limits.h>
#include <pthread.h>
#include <sys/stat.h>

#define TL_S3_KEY_MAX 1024
#define TL_S3_ETAG_SIZE 48
#define TL_S3_META_MAX 2048 /* bytes of x-amz-meta-*, as of the service */
#define TL_S3_HIDDEN "_tapeline"

struct tl_s3f_bucket {
    const char *name;
    char *root; /* NULL: the lake is no folder */
};
struct tl_s3_face {
    struct tl_aws_face *face;
    struct tl_s3f_bucket buckets[2]; /* the lake, the results */
    pthread_mutex_t commit;         /* what an object is, is looked at and changed by one at a time; a leaf */
    uint64_t next_file;             /* atomic: numbers of temporary files */
};
/* One request, on a thread of the pool. */
struct tl_s3f_call {
    struct tl_s3_face *s3;
    struct tl_face_job *job;
    struct tl_http_exchange *x;
    const struct tl_s3f_bucket *bucket; /* NULL: none is named */
    char key[TL_S3_KEY_MAX + 1];       /* "": the bucket itself */
    char path[PATH_MAX];               /* of key */
};
#define TL_S3_XMLNS "http://s3.amazonaws.com/doc/2006-03-01/"

/* Fails the call with the code's own status; false. */
bool tl_s3f_fail(struct tl_s3f_call *c, const char *code, const char *fmt, ...) TL_PRINTF(3, 4);
bool tl_s3f_fail_io(struct tl_s3f_call *c, const struct tl_error *error); /* a full disk by its name, else internal; false */
bool tl_s3f_param(const struct tl_s3f_call *c, const char *name, struct tl_buf *out); /* of the query, decoded; false: absent, or it does not fit */
bool tl_s3f_has_param(const struct tl_s3f_call *c, const char *name);
void tl_s3f_xml_begin(struct tl_s3f_call *c, const char *root);
void tl_s3f_xml_text(struct tl_s3f_call *c, const char *name, struct tl_view value);
void tl_s3f_xml_number(struct tl_s3f_call *c, const char *name, int64_t value);

/* ---- keys ---- */

enum tl_s3f_access { TL_S3_READ, TL_S3_WRITE };
/* Looks the key up: its path without links on the way, and whether it may be read or written. Fails the call. */
TL_MUST_USE bool tl_s3f_locate(struct tl_s3f_call *c, struct tl_view key, enum tl_s3f_access access);
/* The name of an entry of a folder (whose own name is prefix, "" or with '/' at its end) can be seen by clients. */
bool tl_s3f_is_visible(struct tl_view prefix, const char *name);
void tl_s3f_url_encode(struct tl_buf *out, struct tl_view text); /* but '/' */

/* ---- what is known of an object ---- */

struct tl_s3f_meta {
    int64_t size, modified_ns;
    char etag[TL_S3_ETAG_SIZE]; /* without its quotes */
    char type[256];
    char checksum_name[24], checksum[96]; /* "crc32", base64; or "" */
    char user[TL_S3_META_MAX + 256];      /* lines "x-amz-meta-name:value\n", and content-encoding and the like */
};
void tl_s3f_meta_read(const struct tl_s3f_bucket *bucket, const char *key, const struct stat *st, struct tl_s3f_meta *out);
TL_MUST_USE bool tl_s3f_meta_write(const struct tl_s3f_bucket *bucket, const char *key, const struct stat *st, const struct tl_s3f_meta *meta,
                                  struct tl_error *error);
void tl_s3f_meta_remove(const struct tl_s3f_bucket *bucket, const char *key);
/* type and user of the request's headers. Fails the call. */
TL_MUST_USE bool tl_s3f_meta_of_request(struct tl_s3f_call *c, struct tl_s3f_meta *meta);
void tl_s3f_meta_headers(struct tl_s3f_call *c, const struct tl_s3f_meta *meta);

/* ---- writing ---- */

/* A new file below the bucket's folder for uploads. *path names it. -1: error. */
int tl_s3f_temp_open(struct tl_s3_face *s3, const struct tl_s3f_bucket *bucket, char path[PATH_MAX], struct tl_error *error);
/* The request's body, decoded and with all its digests compared, as a synced file at path (the caller's to remove). Fails the call. */
TL_MUST_USE bool tl_s3f_store_body(struct tl_s3f_call *c, char path[PATH_MAX], struct tl_s3f_meta *meta);
/* The same of what x-amz-copy-source names, or its x-amz-copy-source-range. */
TL_MUST_USE bool tl_s3f_copy_body(struct tl_s3f_call *c, char path[PATH_MAX], struct tl_s3f_meta *meta);
void tl_s3f_answer_copy(struct tl_s3f_call *c, const char *root, const struct tl_s3f_meta *meta); /* root: "CopyObjectResult" */
/* Makes the file at path the object, under the request's conditions; removes it where it does not. Fails the call. */
TL_MUST_USE bool tl_s3f_commit(struct tl_s3f_call *c, const char *path, struct tl_s3f_meta *meta);

/* ---- actions ---- */

void tl_s3f_list_buckets(struct tl_s3f_call *c);
void tl_s3f_list_v1(struct tl_s3f_call *c);
void tl_s3f_list_v2(struct tl_s3f_call *c);
void tl_s3f_get(struct tl_s3f_call *c); /* HEAD as well */
void tl_s3f_put(struct tl_s3f_call *c);
void tl_s3f_copy(struct tl_s3f_call *c);
void tl_s3f_delete(struct tl_s3f_call *c);
void tl_s3f_delete_many(struct tl_s3f_call *c);
void tl_s3f_upload_begin(struct tl_s3f_call *c);
void tl_s3f_upload_part(struct tl_s3f_call *c);
void tl_s3f_upload_complete(struct tl_s3f_call *c);
void tl_s3f_upload_abort(struct tl_s3f_call *c);
void tl_s3f_upload_parts(struct tl_s3f_call *c);
void tl_s3f_uploads(struct tl_s3f_call *c);
