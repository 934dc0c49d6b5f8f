/* SPDX-License-Identifier: Apache-2.0 */
/* lake/store_int.h: what a kind of store does: the function table behind lake/store.h. Names have been checked. */
#pragma once

#include "lake/store.h"

struct tl_store_kind {
    void (*close)(void *impl);
    bool (*settle)(void *impl, const char *folder, struct tl_error *error); /* NULL: there is nothing to do */
    bool (*create)(void *impl, const char *name, struct tl_view content, struct tl_error *error);
    bool (*put)(void *impl, const char *name, struct tl_view content, struct tl_error *error);
    bool (*replace)(void *impl, const char *name, struct tl_view content, char etag[TL_STORE_ETAG_MAX], struct tl_error *error);
    bool (*get)(void *impl, const char *name, struct tl_buf *out, char etag[TL_STORE_ETAG_MAX], struct tl_error *error); /* etag: or NULL */
    bool (*delete_many)(void *impl, const char *const *names, size_t count, struct tl_error *error);
    bool (*head)(void *impl, const char *name, struct tl_store_info *out, struct tl_error *error);
    bool (*get_range)(void *impl, const char *name, int64_t at, size_t size, const char *etag, struct tl_buf *out,
                      struct tl_error *error);
    bool (*fetch)(void *impl, const char *name, const char *path, struct tl_store_info *out, struct tl_error *error);
    bool (*fetch_many)(void *impl, const struct tl_store_file *files, size_t count, struct tl_error *error); /* NULL: one by one */
    bool (*publish)(void *impl, const struct tl_store_file *files, size_t count, struct tl_error *error);
    bool (*list)(void *impl, const char *folder, const char *begin, struct tl_dir_list *out, struct tl_error *error);
    bool (*walk)(void *impl, const char *folder, struct tl_store_entries *out, struct tl_error *error); /* in any order */
    bool (*delete_tree)(void *impl, const char *folder, struct tl_error *error);
};

struct tl_store {
    const struct tl_store_kind *kind;
    void *impl;
    char *root, *folder, *staging; /* folder: NULL for a bucket; staging: NULL until it is asked for */
    bool own_staging;
};

/* Each fills kind, impl, folder and (where it is known) staging of s, whose root is set. */
TL_MUST_USE bool tl_store_open_folder(struct tl_store *s, struct tl_error *error);
TL_MUST_USE bool tl_store_open_s3(struct tl_store *s, const struct tl_store_options *options, struct tl_error *error);

/* For listings: a copy of name (size bytes). */
TL_MUST_USE bool tl_dir_list_add(struct tl_dir_list *list, size_t *cap, struct tl_view name, struct tl_error *error);
TL_MUST_USE bool tl_store_entries_add(struct tl_store_entries *list, struct tl_view name, const struct tl_store_info *info,
                                      struct tl_error *error);
