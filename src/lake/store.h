/* SPDX-License-Identifier: Apache-2.0 */
/* lake/store.h: the object store: one interface, a folder or a bucket of S3 behind it ("s3://bucket/prefix").
 *
 * Names are '/'-separated, relative, of parts of at most 255 bytes, and never leave the root. What a writing call returns true for is
 * durable (file and folder fsynced; S3: acknowledged). Readers see an object whole or not at all. Errors of a bucket: TL_UNAVAILABLE,
 * TL_THROTTLED and TL_TIMEOUT are worth the same call again, which is safe after an answer that was lost; TL_DENIED names the right
 * that is missing. Any thread may call; a folder has no state, a bucket has several connections. */
#pragma once

#include "base/buf.h"
#include "base/file.h"

#define TL_STORE_ETAG_MAX 80

struct tl_store;
struct tl_store_options {
    const char *region;  /* of the bucket; NULL: by the rules of the AWS SDKs. A bucket in another region is followed there */
    const char *staging; /* bucket: a folder of this machine for files on their way; NULL: a new one below TMPDIR (/tmp), removed at close */
};
/* root: a folder (made if absent) or "s3://bucket/prefix" (the bucket is there; the prefix need not be). options may be NULL. */
TL_MUST_USE bool tl_store_open(struct tl_store **out, const char *root, struct tl_error *error);
TL_MUST_USE bool tl_store_open_with(struct tl_store **out, const char *root, const struct tl_store_options *options,
                                    struct tl_error *error);
void tl_store_close(struct tl_store *s); /* NULL is fine */
bool tl_store_is_s3(const char *root);   /* the text begins with "s3://" */
const char *tl_store_root(const struct tl_store *s);
/* The folder's path; NULL for a bucket: there objects are read by get and fetch alone. */
const char *tl_store_folder(const struct tl_store *s);
/* *folder: one of this machine for files that tl_store_publish is to take; made if absent. Readers of the lake do not look into it. */
TL_MUST_USE bool tl_store_stage(struct tl_store *s, const char **folder, struct tl_error *error);

/* Makes a folder, and it and the way to it durable, whoever made them: a process may have been killed before it had synced them. A
 * bucket has no folders. */
TL_MUST_USE bool tl_store_settle(struct tl_store *s, const char *folder, struct tl_error *error);

/* Put if absent. TL_CONFLICT when the name exists with other content; equal content is success (already done), and durable then. */
TL_MUST_USE bool tl_store_create(struct tl_store *s, const char *name, struct tl_view content, struct tl_error *error);
/* Replace atomically. */
TL_MUST_USE bool tl_store_put(struct tl_store *s, const char *name, struct tl_view content, struct tl_error *error);
/* Replace atomically what the caller has seen: etag is what is there ("" for nothing), and on success what is there then. TL_CONFLICT:
 * someone else has replaced it, or equal content is success, as above. A folder does not tell who comes second: its callers hold a lock
 * (lake/lake_lock.h). A server without conditional writes replaces whatever is there. */
TL_MUST_USE bool tl_store_replace(struct tl_store *s, const char *name, struct tl_view content, char etag[TL_STORE_ETAG_MAX],
                                  struct tl_error *error);
TL_MUST_USE bool tl_store_get(struct tl_store *s, const char *name, struct tl_buf *out, struct tl_error *error); /* TL_NOT_FOUND */
/* The same, and the ETag of just those bytes. */
TL_MUST_USE bool tl_store_get_tagged(struct tl_store *s, const char *name, struct tl_buf *out, char etag[TL_STORE_ETAG_MAX],
                                     struct tl_error *error);
TL_MUST_USE bool tl_store_delete(struct tl_store *s, const char *name, struct tl_error *error); /* absent is fine */
/* All objects below folder; absent is fine. Not atomic. */
TL_MUST_USE bool tl_store_delete_tree(struct tl_store *s, const char *folder, struct tl_error *error);
/* Several objects, in as few requests as S3 allows (1,000 each); absent ones are fine. */
TL_MUST_USE bool tl_store_delete_many(struct tl_store *s, const char *const *names, size_t count, struct tl_error *error);

struct tl_store_info {
    int64_t size, modified_ns;
    char etag[TL_STORE_ETAG_MAX]; /* S3: as it answers, in its quotes; a folder: of size, time and inode. Another content has another one */
};
TL_MUST_USE bool tl_store_head(struct tl_store *s, const char *name, struct tl_store_info *out, struct tl_error *error); /* TL_NOT_FOUND */
/* Appends at most size bytes from at on; fewer where the object ends. etag: NULL, or TL_CONFLICT when the object is another one. */
TL_MUST_USE bool tl_store_get_range(struct tl_store *s, const char *name, int64_t at, size_t size, const char *etag, struct tl_buf *out,
                                    struct tl_error *error);
/* Copies the object into a new file at path (replaced if there; not fsynced; removed on failure), in little memory. out may be NULL. */
TL_MUST_USE bool tl_store_fetch(struct tl_store *s, const char *name, const char *path, struct tl_store_info *out,
                                struct tl_error *error);

/* Several at a time, each as by tl_store_fetch; the folders of their paths are there. */
struct tl_store_file;
TL_MUST_USE bool tl_store_fetch_many(struct tl_store *s, const struct tl_store_file *files, size_t count, struct tl_error *error);

/* A file of the staging folder (or of the same file system) that becomes the object, or the other way round. */
struct tl_store_file {
    const char *path, *name;
    const char *seen; /* to publish: NULL: as below; else what is to be replaced, as tl_store_replace has it: an ETag, "" for nothing */
};
/* Moves files into the store; a folder: synced, renamed over what is there; a bucket: several at a time, put if absent, multipart above
 * 16 MB, and what is there with other bytes is replaced (a warning says so) unless the file tells what it replaces (TL_CONFLICT: someone
 * else has put another one there; others may be in place then). Done again it does no harm. The paths are gone afterwards, also on
 * failure. */
TL_MUST_USE bool tl_store_publish(struct tl_store *s, const struct tl_store_file *files, size_t count, struct tl_error *error);

/* Removes from a folder (not from those below it) what writes that a killed process had begun left behind more than a minute ago: what is
 * younger may be under way. In a bucket an object is there whole or not at all: nothing to do. */
TL_MUST_USE bool tl_store_tidy(struct tl_store *s, const char *folder, struct tl_error *error);
/* Names directly under folder, sorted; an absent folder gives none. begin: only those that begin so; "" for all. */
TL_MUST_USE bool tl_store_list(struct tl_store *s, const char *folder, struct tl_dir_list *out, struct tl_error *error);
TL_MUST_USE bool tl_store_list_from(struct tl_store *s, const char *folder, const char *begin, struct tl_dir_list *out,
                                    struct tl_error *error);
struct tl_store_entry {
    char *name; /* relative to the root */
    struct tl_store_info info;
};
struct tl_store_entries {
    struct tl_store_entry *items;
    size_t count, cap;
};
/* All objects below folder, at any depth, sorted by name; folder "" is the root. Files that a writer has not yet renamed
 * ("x.tmp-0123456789abcdef") are left out. */
TL_MUST_USE bool tl_store_walk(struct tl_store *s, const char *folder, struct tl_store_entries *out, struct tl_error *error);
void tl_store_entries_release(struct tl_store_entries *entries);
/* Of a name in what tl_store_walk has given; "" where it is not there. */
const char *tl_store_entries_etag(const struct tl_store_entries *entries, const char *name);

/* Whether create is what it says: a bucket of a server that passes over 'If-None-Match' would let two writers win. TL_UNSUPPORTED then.
 * Two small requests below the name. */
TL_MUST_USE bool tl_store_check_create(struct tl_store *s, const char *name, struct tl_error *error);
