/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/replayer.h"

#include "base/io.h"
#include "base/time.h"
#include "kinesis/stream_start.h"
#include "net/retry.h"

#include <stdlib.h>

#define ATTEMPTS_MAX 12
#define RETRY_BASE_NS (50 * TL_NS_PER_MS)
#define RETRY_CAP_NS (2 * TL_NS_PER_S)

bool tl_replayer_open(struct tl_replayer *r, const struct tl_kinesis_options *kinesis, const char *stream, struct tl_replays *replays,
                      struct tl_error *error)
{
    *r = (struct tl_replayer){ .replays = replays, .cancel = kinesis->cancel, .stream = stream };
    tl_buf_init(&r->bytes, 2 * TL_KINESIS_RECORD_MAX);
    struct tl_stream_summary summary;
    const struct tl_stream_start start = { .stream = stream };
    return tl_kinesis_client_new(&r->client, kinesis, error) && tl_kinesis_stream_start(r->client, &start, &summary, error);
}

void tl_replayer_close(struct tl_replayer *r)
{
    tl_kinesis_client_free(r->client);
    tl_buf_release(&r->bytes);
    *r = (struct tl_replayer){ .count = 0 };
}

static bool note_all(struct tl_replayer *r, enum tl_replay_state state, struct tl_error *error)
{
    for (size_t i = 0; i < r->count; i++)
        if (!tl_replays_note(r->replays, r->letters[i].id, state, "", "", error))
            return false;
    return tl_replays_sync(r->replays, error);
}

/* Notes those that arrived, and moves the others to the front. False: the ledger cannot be written. */
static bool settle(struct tl_replayer *r, const struct tl_put_entry *entries, struct tl_error *error)
{
    size_t left = 0;
    for (size_t i = 0; i < r->count; i++) {
        const struct tl_put_entry *e = &entries[i];
        if (e->failed) {
            r->letters[left++] = r->letters[i];
            continue;
        }
        if (!tl_replays_note(r->replays, r->letters[i].id, TL_REPLAY_SENT, e->shard, e->sequence, error))
            return false;
        r->sent++;
        if (r->tell)
            r->tell(r->user, r->letters[i].id, e->shard, e->sequence);
    }
    r->count = left;
    return tl_replays_sync(r->replays, error);
}

/* Nothing of the call was stored. */
static bool is_definite(enum tl_code code)
{
    return code == TL_NOT_FOUND || code == TL_DENIED || code == TL_INVALID || code == TL_LIMIT || code == TL_THROTTLED;
}

static bool put_once(struct tl_replayer *r, struct tl_put_entry *entries, struct tl_error *error)
{
    size_t failed;
    for (size_t i = 0; i < r->count; i++)
        entries[i] = (struct tl_put_entry){ .partition_key = { r->bytes.data + r->letters[i].key_at, r->letters[i].key_size },
                                            .data = { r->bytes.data + r->letters[i].data_at, r->letters[i].data_size } };
    return tl_kinesis_put_records(r->client, r->stream, entries, r->count, &failed, error);
}

/* The ledger tells what is known, whatever failed. */
static bool give_up(struct tl_replayer *r, bool definite, struct tl_error *error)
{
    struct tl_error ignored;
    size_t count = r->count;
    if (definite && note_all(r, TL_REPLAY_REFUSED, &ignored))
        r->refused += count;
    r->count = 0;
    if (definite)
        return tl_error_context(error, "%zu records were not taken", count);
    return tl_error_context(error, "it is not known whether %zu records have arrived ('tapeline tail %s --from ...' shows)", count, r->stream);
}

static bool cancelled(const struct tl_replayer *r)
{
    return r->cancel && __atomic_load_n(r->cancel, __ATOMIC_ACQUIRE);
}

bool tl_replayer_flush(struct tl_replayer *r, struct tl_error *error)
{
    if (r->count == 0)
        return true;
    struct tl_put_entry *entries = calloc(r->count, sizeof *entries);
    if (!entries)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    bool ok = note_all(r, TL_REPLAY_SENDING, error);
    for (unsigned attempt = 0; ok && r->count > 0; attempt++) {
        bool answered = put_once(r, entries, error);
        if (answered)
            ok = settle(r, entries, error);
        else if (error->code != TL_THROTTLED)
            ok = give_up(r, is_definite(error->code), error);
        if (!ok || r->count == 0)
            break;
        if (attempt == ATTEMPTS_MAX || cancelled(r)) {
            tl_error_set(error, TL_THROTTLED, "stream '%s': refused again and again: its shards are too few, or it has just been written to as much as it may",
                         r->stream);
            ok = give_up(r, true, error);
            break;
        }
        tl_io->sleep_ns(tl_retry_delay_ns(attempt, RETRY_BASE_NS, RETRY_CAP_NS));
    }
    tl_buf_reset(&r->bytes);
    free(entries);
    return ok;
}

bool tl_replayer_add(struct tl_replayer *r, const char *id, struct tl_view key, struct tl_view data, struct tl_error *error)
{
    size_t size = key.size + data.size;
    bool full = r->count == TL_REPLAY_BATCH || (r->count && r->bytes.size + size > TL_KINESIS_BYTES_OLDER);
    if (size > TL_KINESIS_RECORD_MAX)
        return tl_error_set(error, TL_LIMIT, "dead letter %s: %zu bytes are larger than a stream takes", id, size);
    if (full && !tl_replayer_flush(r, error))
        return false;
    memcpy(r->letters[r->count].id, id, TL_LETTER_ID_MAX);
    r->letters[r->count].key_at = r->bytes.size;
    r->letters[r->count].key_size = key.size;
    tl_buf_add_view(&r->bytes, key);
    r->letters[r->count].data_at = r->bytes.size;
    r->letters[r->count].data_size = data.size;
    tl_buf_add_view(&r->bytes, data);
    if (!tl_buf_ok(&r->bytes, "a batch of records", error))
        return false;
    r->count++;
    return true;
}
