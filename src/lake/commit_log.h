/* SPDX-License-Identifier: Apache-2.0 */
/* lake/commit_log.h: the epoch records of one pipeline (DESIGN section 3): <root>/_tapeline/<pipeline>/{intent,commit}-%020llu.
 *
 * Each record carries a magic, format version, epoch, payload length and a CRC32C; a torn or corrupt one is passed over in favour
 * of the one before (and logged). The payload is the engine's own. The newest 3 commits are kept, and the epoch log
 * (payload of intents) for ever in a compact form so that a replay can repeat the clock steps: intents are never deleted here. */
#pragma once

#include "lake/store.h"

struct tl_commit_log;
TL_MUST_USE bool tl_commit_log_open(struct tl_commit_log **out, struct tl_store *store, const char *pipeline, struct tl_error *error);
void tl_commit_log_close(struct tl_commit_log *log);
/* Removes what writes that a killed process had begun left behind more than a minute ago: what is younger may be another instance's,
 * which is to be told of this one by its intent and not by an error of its file. */
TL_MUST_USE bool tl_commit_log_tidy(struct tl_commit_log *log, struct tl_error *error);
/* Makes the log's folder durable, with the way to it. Before the first commit, and before an epoch that was interrupted is repeated. */
TL_MUST_USE bool tl_commit_log_settle(struct tl_commit_log *log, struct tl_error *error);
/* Whether the store can tell two instances apart at all (tl_store_check_create). */
TL_MUST_USE bool tl_commit_log_check_fence(struct tl_commit_log *log, struct tl_error *error);
/* The newest valid commit; *found false (and true returned) when there is none. */
TL_MUST_USE bool tl_commit_log_load(struct tl_commit_log *log, bool *found, uint64_t *epoch, struct tl_buf *payload, struct tl_error *error);
/* The intent of an epoch; *found false when there is none; a corrupt one is TL_CORRUPT. */
TL_MUST_USE bool tl_commit_log_load_intent(struct tl_commit_log *log, uint64_t epoch, bool *found, struct tl_buf *payload, struct tl_error *error);
/* *last: nothing shows that an epoch was committed: there is no commit of it or of a later one, whole or not, and no later intent. */
TL_MUST_USE bool tl_commit_log_is_last(struct tl_commit_log *log, uint64_t epoch, bool *last, struct tl_error *error);
/* Put if absent: this also fences. TL_CONFLICT: another instance of this pipeline wrote it first. */
TL_MUST_USE bool tl_commit_log_intent(struct tl_commit_log *log, uint64_t epoch, struct tl_view payload, struct tl_error *error);
TL_MUST_USE bool tl_commit_log_commit(struct tl_commit_log *log, uint64_t epoch, struct tl_view payload, struct tl_error *error);
