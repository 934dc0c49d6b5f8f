/* SPDX-License-Identifier: Apache-2.0 */
/* cli/replayer.h: dead letters on their way into the stream again, in batches, each step noted in the ledger of replays.
 *
 * What a call refuses is sent again with back-off; where it is not known whether a call arrived, nothing is sent again: its letters stay
 * noted as perhaps sent. */
#pragma once

#include "cli/dead_letters.h"
#include "cli/replays.h"
#include "kinesis/client.h"

#define TL_REPLAY_BATCH 100

struct tl_replayer {
    struct tl_kinesis_client *client;
    struct tl_replays *replays;
    const bool *cancel;
    const char *stream;
    struct {
        char id[TL_LETTER_ID_MAX];
        size_t key_at, key_size, data_at, data_size; /* in bytes */
    } letters[TL_REPLAY_BATCH];
    size_t count;
    struct tl_buf bytes;
    uint64_t sent, refused;
    void (*tell)(void *user, const char *id, const char *shard, const char *sequence); /* of each that arrived */
    void *user;
};
/* The stream has to be there: asked before anything is noted. replays is open for writing. */
TL_MUST_USE bool tl_replayer_open(struct tl_replayer *r, const struct tl_kinesis_options *kinesis, const char *stream,
                                  struct tl_replays *replays, struct tl_error *error);
void tl_replayer_close(struct tl_replayer *r); /* what was not flushed is dropped */
/* Copies; sends when a batch is full. */
TL_MUST_USE bool tl_replayer_add(struct tl_replayer *r, const char *id, struct tl_view key, struct tl_view data, struct tl_error *error);
TL_MUST_USE bool tl_replayer_flush(struct tl_replayer *r, struct tl_error *error);
