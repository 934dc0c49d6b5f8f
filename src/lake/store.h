/* SPDX-License-Identifier: Apache-2.0 */
/* lake/store.h: the object store: one interface, a folder now, S3 later. Names are '/'-separated, relative, and never leave the root.
 * What put returns true for is durable (file and folder fsynced). */
#pragma once

#include "base/buf.h"
#include "base/file.h"

struct tl_store;
/* root: a folder (made if absent). "s3://..." is TL_UNSUPPORTED, by name, for now. */
TL_MUST_USE bool tl_store_open(struct tl_store **out, const char *root, struct tl_error *error);
void tl_store_close(struct tl_store *s);
const char *tl_store_root(const struct tl_store *s);
/* Put if absent. TL_CONFLICT when the name exists with other content; equal content is success (already done). */
TL_MUST_USE bool tl_store_create(struct tl_store *s, const char *name, struct tl_view content, struct tl_error *error);
/* Replace atomically. */
TL_MUST_USE bool tl_store_put(struct tl_store *s, const char *name, struct tl_view content, struct tl_error *error);
TL_MUST_USE bool tl_store_get(struct tl_store *s, const char *name, struct tl_buf *out, struct tl_error *error); /* TL_NOT_FOUND */
TL_MUST_USE bool tl_store_delete(struct tl_store *s, const char *name, struct tl_error *error); /* absent is fine */
/* Names directly under prefix (a folder name), sorted; folders absent give none. */
TL_MUST_USE bool tl_store_list(struct tl_store *s, const char *prefix, struct tl_dir_list *out, struct tl_error *error);
