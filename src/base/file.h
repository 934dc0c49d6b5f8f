/* SPDX-License-Identifier: Apache-2.0 */
/* base/file.h: whole files and folders, durable. All paths are NUL-terminated; all errors name the path. */
#pragma once

#include "base/buf.h"

/* Appends the whole file to out (whose max is the limit). */
TL_MUST_USE bool tl_file_read(const char *path, struct tl_buf *out, struct tl_error *error);
/* Atomic replacement: writes path + ".tmp-<random>" in the same folder, fsyncs, renames over path, fsyncs the
 * folder. Readers see the old or the new content, never a part. The temporary is removed on failure. */
TL_MUST_USE bool tl_file_write_atomic(const char *path, struct tl_view content, struct tl_error *error);
/* As above, but never replaces: TL_CONFLICT when path exists (link(2) of the temporary). True
 * where the file stands and only the temporary could not be removed: a spare name, no wrong content. */
TL_MUST_USE bool tl_file_create_atomic(const char *path, struct tl_view content, struct tl_error *error);
TL_MUST_USE bool tl_file_write_all(int fd, const void *data, size_t size, struct tl_error *error);
/* TL_CORRUPT when the file ends before. */
TL_MUST_USE bool tl_file_pread_all(int fd, void *data, size_t size, int64_t at, struct tl_error *error);
bool tl_file_exists(const char *path);
TL_MUST_USE bool tl_file_size(const char *path, int64_t *size, struct tl_error *error);
/* With parents, each durable; there already is fine. */
TL_MUST_USE bool tl_dir_make(const char *path, struct tl_error *error);
TL_MUST_USE bool tl_dir_sync(const char *path, struct tl_error *error);
/* Makes an existing folder's way durable: it and every folder above it are synced, but those that this user may not open or that
 * cannot be synced (nobody here has made them). For what a killed process may have made and not synced: tl_dir_make leaves that. */
TL_MUST_USE bool tl_dir_settle(const char *path, struct tl_error *error);
/* Removes a folder and all below it; absent is fine. Never follows links. */
TL_MUST_USE bool tl_dir_remove(const char *path, struct tl_error *error);
/* The names in a folder (not . and ..), sorted by bytes; free with tl_dir_list_release. */
struct tl_dir_list {
    char **names;
    size_t count;
};
TL_MUST_USE bool tl_dir_list(const char *path, struct tl_dir_list *out, struct tl_error *error);
void tl_dir_list_release(struct tl_dir_list *list);

/* An exclusive lock on <dir>/LOCK that holds our pid as text. TL_CONFLICT: "folder 'x' is in use by
 * process 123". The descriptor stays open for the life of the lock. */
struct tl_dir_lock {
    int fd; /* -1: not held */
};
TL_MUST_USE bool tl_dir_lock_open(struct tl_dir_lock *lock, const char *dir, struct tl_error *error);
void tl_dir_lock_close(struct tl_dir_lock *lock);
