/* SPDX-License-Identifier: Apache-2.0 */
#include "kinesis/stream_start.h"

#include "base/io.h"
#include "base/log.h"
#include "kinesis/client_int.h"
#include "kinesis/stream_names.h"
#include "kinesis/wait_int.h"

#include <stdio.h>

#define ACTIVE_TIMEOUT_NS (60 * TL_NS_PER_S)
#define PAUSE_NS (20 * TL_NS_PER_MS)

/* Always false; TL_NOT_FOUND with what to do about it. */
static bool no_stream(struct tl_kinesis_client *c, const struct tl_stream_start *start, struct tl_error *error)
{
    struct tl_stream_names names;
    struct tl_error ignored;
    char near[TL_STREAM_NAME_MAX + 32] = "";
    if (tl_kinesis_stream_names(c, &names, &ignored) && tl_stream_names_near(&names, start->stream))
        snprintf(near, sizeof near, "; did you mean '%s'?", tl_stream_names_near(&names, start->stream));
    tl_stream_names_release(&names);
    return tl_error_set(error, TL_NOT_FOUND,
                        "there is no stream '%s' in region %s%s (it can be made with%s%s: aws kinesis create-stream "
                        "--stream-name %s --shard-count 1)",
                        start->stream, c->endpoint.region, near, start->create_option ? " " : "",
                        start->create_option ? start->create_option : "", start->stream);
}

/* Another process may be faster: that is as good. */
static bool make_stream(struct tl_kinesis_client *c, const struct tl_stream_start *start, struct tl_error *error)
{
    struct tl_patience patience;
    tl_patience_begin(&patience);
    tl_log_debug("kinesis", "stream '%s' is made, with %u shards", start->stream, start->create_shards);
    while (!tl_kinesis_create_stream(c, start->stream, start->create_shards, error)) {
        if (error->code == TL_CONFLICT)
            return true;
        if (!tl_patience_again(&patience, c->cancel, TL_PATIENCE_MAKING, error))
            return false;
    }
    return true;
}

/* What the stream is, as soon as that is told; one that is to be made is made. */
static bool ask_patiently(struct tl_kinesis_client *c, const struct tl_stream_start *start, struct tl_stream_summary *out,
                          struct tl_error *error)
{
    struct tl_patience patience;
    bool made = false;
    tl_patience_begin(&patience);
    while (!tl_kinesis_stream_summary(c, start->stream, out, error)) {
        if (error->code == TL_NOT_FOUND && !start->create_shards)
            return no_stream(c, start, error);
        if (error->code == TL_NOT_FOUND && !made) {
            if (!make_stream(c, start, error))
                return false;
            made = true;
        } else if (!tl_patience_again(&patience, c->cancel, TL_PATIENCE_ASKING, error)) {
            return false;
        }
    }
    return true;
}

bool tl_kinesis_stream_start(struct tl_kinesis_client *c, const struct tl_stream_start *start,
                             struct tl_stream_summary *out, struct tl_error *error)
{
    int64_t began = tl_io->monotonic_ns(), pause = PAUSE_NS;
    for (;;) {
        if (!ask_patiently(c, start, out, error))
            return false;
        if (strcmp(out->status, "ACTIVE") == 0 || strcmp(out->status, "UPDATING") == 0)
            return true;
        if (strcmp(out->status, "DELETING") == 0)
            return tl_error_set(error, TL_CONFLICT, "stream '%s' is being deleted", start->stream);
        if (tl_io->monotonic_ns() - began >= ACTIVE_TIMEOUT_NS)
            return tl_error_set(error, TL_TIMEOUT, "stream '%s' is not active in time (it is %s)", start->stream,
                                out->status);
        if (!tl_wait(c->cancel, pause, error))
            return false;
        pause = pause * 2 < TL_NS_PER_S ? pause * 2 : TL_NS_PER_S;
    }
}

bool tl_kinesis_start_shards(struct tl_kinesis_client *c, const char *stream, struct tl_shard_list *out,
                             struct tl_error *error)
{
    struct tl_patience patience;
    tl_patience_begin(&patience);
    while (!tl_kinesis_list_shards(c, stream, out, error))
        if (!tl_patience_again(&patience, c->cancel, TL_PATIENCE_ASKING, error))
            return false;
    return true;
}
