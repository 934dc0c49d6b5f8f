/* SPDX-License-Identifier: Apache-2.0 */
/* broker/registry.h: what streams there are, in one SQLite file that a person can open. Every change is
 * durable when a function returns. */
#pragma once

#include "kinesis/model.h"

struct tl_registry;
struct tl_registry_stream {
    uint64_t id; /* never used again: names a folder */
    char name[TL_STREAM_NAME_MAX];
    int64_t created_ms;
    uint32_t shards;
    bool on_demand, deleting;
    uint32_t retention_hours;
};
TL_MUST_USE bool tl_registry_open(struct tl_registry **out, const char *path, struct tl_error *error);
void tl_registry_close(struct tl_registry *r);
/* A random key of 32 bytes, made once, that authenticates iterators. */
TL_MUST_USE bool tl_registry_key(struct tl_registry *r, uint8_t key[32], struct tl_error *error);
TL_MUST_USE bool tl_registry_add(struct tl_registry *r, struct tl_registry_stream *stream,
                                 struct tl_error *error); /* sets id */
TL_MUST_USE bool tl_registry_mark_deleting(struct tl_registry *r, uint64_t id, struct tl_error *error);
TL_MUST_USE bool tl_registry_remove(struct tl_registry *r, uint64_t id, struct tl_error *error);
typedef bool tl_registry_visit(const struct tl_registry_stream *stream, void *user, struct tl_error *error);
TL_MUST_USE bool tl_registry_each(struct tl_registry *r, tl_registry_visit *visit, void *user,
                                  struct tl_error *error);
