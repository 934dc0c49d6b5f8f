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

bool tl_kinesis_consumer_ready(struct tl_kinesis_client *c, const char *stream, const char *name,
                               char arn[TL_CONSUMER_ARN_MAX], struct tl_error *error)
{
    struct tl_stream_summary summary;
    struct tl_msg answer;
    if (!tl_kinesis_stream_summary(c, stream, &summary, error))
        return false;
    if (!summary.arn[0])
        return tl_kinesis_bad_answer(error, "DescribeStreamSummary", "has no ARN of the stream, which fan-out needs");
    int64_t began = tl_io->monotonic_ns();
    for (;;) {
        bool active = false;
        if (describe(c, summary.arn, name, &active, arn, error)) {
            if (active)
                return true;
        } else if (error->code != TL_NOT_FOUND) {
            bool passes = tl_code_is_retriable(error->code) || error->code == TL_LIMIT /* its rate */ || error->code == TL_IO;
            if (!passes || tl_io->monotonic_ns() - began > ACTIVE_TIMEOUT_NS)
                return tl_error_context(error, "consumer '%s'", name);
        } else if (!call(c, "RegisterStreamConsumer", summary.arn, name, &answer, error) && error->code != TL_CONFLICT) {
            return tl_error_context(error, "consumer '%s' cannot be registered (read = 'fanout' needs "
                                           "kinesis:RegisterStreamConsumer, DescribeStreamConsumer and SubscribeToShard; "
                                           "read = 'poll' does not)",
                                    name);
        }
        if (tl_io->monotonic_ns() - began > ACTIVE_TIMEOUT_NS)
            return tl_error_set(error, TL_TIMEOUT, "consumer '%s' of stream '%s' is not ACTIVE in time", name, stream);
        if (!tl_wait(c->cancel, PAUSE_NS, error))
            return false;
    }
}
