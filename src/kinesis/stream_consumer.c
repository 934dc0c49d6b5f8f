/* SPDX-License-Identifier: Apache-2.0 */
/* kinesis/stream_consumer.c: a registered consumer of a stream, for SubscribeToShard (kinesis/client.h). */
#include "kinesis/client_int.h"

#include "base/io.h"
#include "base/time.h"
#include "kinesis/wait_int.h"

#define ACTIVE_TIMEOUT_NS (60 * TL_NS_PER_S)
#define PAUSE_NS (200 * TL_NS_PER_MS)

static bool call(struct tl_kinesis_client *c, const char *action, const char *arn, const char *name,
                 struct tl_msg *answer, struct tl_error *error)
{
    struct tl_msg_writer w = tl_kinesis_begin(c, NULL);
    tl_msg_member_text(&w, "StreamARN", arn);
    tl_msg_member_text(&w, "ConsumerName", name);
    tl_msg_end_structure(&w);
    return tl_kinesis_call_patiently(c, action, answer, error);
}

static bool describe(struct tl_kinesis_client *c, const char *stream_arn, const char *name, bool *active,
                     char arn[TL_CONSUMER_ARN_MAX], struct tl_error *error)
{
    struct tl_msg answer, consumer;
    if (!call(c, "DescribeStreamConsumer", stream_arn, name, &answer, error))
        return false;
    if (!tl_msg_get(answer, "ConsumerDescription", &consumer) ||
        !tl_kinesis_copy_token(tl_msg_get_string(consumer, "ConsumerARN"), arn, TL_CONSUMER_ARN_MAX))
        return tl_kinesis_bad_answer(error, "DescribeStreamConsumer", "has no consumer");
    *active = tl_view_is(tl_msg_get_string(consumer, "ConsumerStatus"), "ACTIVE");
    return true;
}

/* Registers it where it is not there. */
static bool find_or_make(struct tl_kinesis_client *c, const char *stream_arn, const char *name, bool *active,
                         char arn[TL_CONSUMER_ARN_MAX], struct tl_error *error)
{
    struct tl_patience asking, making;
    struct tl_msg answer;
    tl_patience_begin(&asking);
    tl_patience_begin(&making);
    while (!describe(c, stream_arn, name, active, arn, error)) {
        if (error->code != TL_NOT_FOUND) {
            if (!tl_patience_again(&asking, c->cancel, TL_PATIENCE_ASKING, error))
                return false;
            continue;
        }
        if (!call(c, "RegisterStreamConsumer", stream_arn, name, &answer, error) && error->code != TL_CONFLICT &&
            !tl_patience_again(&making, c->cancel, TL_PATIENCE_MAKING, error))
            return tl_error_context(error, "it cannot be registered (read = 'fanout' needs "
                                           "kinesis:RegisterStreamConsumer, DescribeStreamConsumer and SubscribeToShard; "
                                           "read = 'poll' does not)");
    }
    return true;
}

bool tl_kinesis_consumer_ready(struct tl_kinesis_client *c, const struct tl_stream_summary *stream, const char *name,
                               char arn[TL_CONSUMER_ARN_MAX], struct tl_error *error)
{
    bool active = false;
    if (!stream->arn[0])
        return tl_kinesis_bad_answer(error, "DescribeStreamSummary", "has no ARN of the stream, which fan-out needs");
    for (int64_t began = tl_io->monotonic_ns();;) {
        if (!find_or_make(c, stream->arn, name, &active, arn, error))
            return tl_error_context(error, "consumer '%s'", name);
        if (active)
            return true;
        if (tl_io->monotonic_ns() - began > ACTIVE_TIMEOUT_NS)
            return tl_error_set(error, TL_TIMEOUT, "consumer '%s' of %s is not ACTIVE in time", name, stream->arn);
        if (!tl_wait(c->cancel, PAUSE_NS, error))
            return false;
    }
}
