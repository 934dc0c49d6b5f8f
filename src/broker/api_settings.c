/* SPDX-License-Identifier: Apache-2.0 */
/* broker/api_settings.c: what can be set on a stream: retention, encryption, monitoring, mode, record size,
 * throughput, distribution. Encryption keeps its visible state and nothing more: the data is not encrypted on
 * disk by it. */
#include "base/io.h"
#include "base/time.h"
#include "broker/api_int.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define ENCRYPTIONS_PER_DAY 25
#define DAY_MS (INT64_C(24) * 3600 * 1000)
#define WARM_MIBPS_MAX 10240

/* ---- retention ---- */

static bool set_retention(struct tl_api_call *call, struct tl_broker_stream *s, int64_t hours)
{
    struct tl_registry_stream next = s->info;
    next.retention_hours = (uint32_t)hours;
    if (!tl_api_may_change(call) || !tl_api_save_stream(call, s, &next))
        return false;
    tl_stream_show(s, TL_STREAM_UPDATING);
    return true;
}

/* Both directions refuse what is beyond the limits; each refuses the other's. */
static bool read_retention(struct tl_api_call *call, struct tl_broker_stream **s, int64_t *hours)
{
    *hours = tl_msg_get_i64(call->body, "RetentionPeriodHours", 0);
    if (!tl_api_active_stream(call, s))
        return false;
    if (*hours < TL_RETENTION_HOURS_MIN)
        return tl_api_fail(
            call, "InvalidArgumentException",
            "Minimum allowed retention period is %d hours. Requested retention period (%" PRId64
            " hours) is too short.",
            TL_RETENTION_HOURS_MIN, *hours);
    return *hours <= TL_RETENTION_HOURS_MAX ||
           tl_api_fail(call, "InvalidArgumentException",
                       "Maximum allowed retention period is %d hours. Requested retention period (%" PRId64
                       " hours) is too long.",
                       TL_RETENTION_HOURS_MAX, *hours);
}

bool tl_api_increase_retention(struct tl_api_call *call)
{
    struct tl_broker_stream *s;
    int64_t hours;
    if (!read_retention(call, &s, &hours))
        return false;
    if (hours < s->info.retention_hours)
        return tl_api_fail(call, "InvalidArgumentException",
                           "Requested retention period (%" PRId64
                           " hours) for stream %s can not be shorter than existing retention "
                           "period (%u hours). Use DecreaseRetentionPeriod API.",
                           hours, s->info.name, s->info.retention_hours);
    return set_retention(call, s, hours);
}

bool tl_api_decrease_retention(struct tl_api_call *call)
{
    struct tl_broker_stream *s;
    int64_t hours;
    if (!read_retention(call, &s, &hours))
        return false;
    if (hours > s->info.retention_hours)
        return tl_api_fail(call, "InvalidArgumentException",
                           "Requested retention period (%" PRId64
                           " hours) for stream %s can not be longer than existing retention "
                           "period (%u hours). Use IncreaseRetentionPeriod API.",
                           hours, s->info.name, s->info.retention_hours);
    if (!set_retention(call, s, hours))
        return false;
    pthread_mutex_unlock(&call->broker->lock); /* older records are inaccessible at once */
    tl_stream_trim(s);
    pthread_mutex_lock(&call->broker->lock);
    return true;
}

/* ---- encryption ---- */

struct encryption_change {
    const struct tl_registry_stream *next;
    const char *kind;
    int64_t now_ms;
};

static bool save_encryption(struct tl_registry *r, const void *arg, struct tl_error *error)
{
    const struct encryption_change *c = arg;
    return tl_registry_save_stream(r, c->next, error) &&
           tl_registry_note_change(r, c->next->id, c->kind, c->now_ms, c->now_ms - DAY_MS, error);
}

static bool set_encryption(struct tl_api_call *call, struct tl_broker_stream *s, char *key_id,
                           const char *kind)
{
    struct tl_registry_stream next = s->info;
    struct tl_error error;
    int64_t count, now_ms = tl_io->wall_ns() / TL_NS_PER_MS;
    struct encryption_change change = { &next, kind, now_ms };
    next.key_id = key_id;
    bool ok =
        tl_registry_changes(call->broker->registry, s->info.id, kind, now_ms - DAY_MS, &count, &error) ||
        tl_api_fail_internal(call, &error);
    if (ok && call->broker->limits && count >= ENCRYPTIONS_PER_DAY)
        ok = tl_api_fail(call, "LimitExceededException",
                         "%s can be called at most %d times in 24 hours for stream %s.", call->action->name,
                         ENCRYPTIONS_PER_DAY, s->info.name);
    ok = ok && tl_api_may_change(call) && tl_api_store(call, save_encryption, &change);
    if (!ok) {
        free(key_id);
        return false;
    }
    free(s->info.key_id);
    s->info.key_id = key_id;
    tl_stream_show(s, TL_STREAM_UPDATING);
    return true;
}

static bool is_kms(struct tl_api_call *call)
{
    return tl_view_is(tl_msg_get_string(call->body, "EncryptionType"), "KMS") ||
           tl_api_fail(call, "InvalidArgumentException", "The only EncryptionType of %s is KMS.",
                       call->action->name);
}

bool tl_api_start_encryption(struct tl_api_call *call)
{
    struct tl_view key = tl_msg_get_string(call->body, "KeyId");
    struct tl_broker_stream *s;
    if (!tl_api_active_stream(call, &s) || !is_kms(call))
        return false;
    char *copy = strndup(key.data, key.size);
    return copy ? set_encryption(call, s, copy, "encrypt") : tl_api_out_of_memory(call);
}

bool tl_api_stop_encryption(struct tl_api_call *call)
{
    struct tl_broker_stream *s;
    return tl_api_active_stream(call, &s) && is_kms(call) && set_encryption(call, s, NULL, "decrypt");
}

/* ---- enhanced monitoring: the metrics themselves are in /metrics, for every shard ---- */

static const char *const metrics[] = { "IncomingBytes",
                                       "IncomingRecords",
                                       "OutgoingBytes",
                                       "OutgoingRecords",
                                       "WriteProvisionedThroughputExceeded",
                                       "ReadProvisionedThroughputExceeded",
                                       "IteratorAgeMilliseconds" };
#define ALL_METRICS ((1u << TL_COUNT(metrics)) - 1)

void tl_write_metrics_list(struct tl_msg_writer *w, const char *key, uint32_t monitoring)
{
    tl_msg_key(w, key);
    tl_msg_begin_list(w);
    for (size_t i = 0; i < TL_COUNT(metrics); i++)
        if (monitoring >> i & 1)
            tl_msg_write_text(w, metrics[i]);
    tl_msg_end_list(w);
}

static uint32_t read_metrics(struct tl_msg body)
{
    struct tl_msg list, item;
    struct tl_msg_iter it;
    struct tl_view name;
    uint32_t bits = 0;
    if (!tl_msg_get(body, "ShardLevelMetrics", &list))
        return 0;
    for (tl_msg_iter_init(&it, list); tl_msg_next(&it, NULL, &item);) {
        if (!tl_msg_string(item, &name))
            continue;
        for (size_t i = 0; i < TL_COUNT(metrics); i++)
            bits |= tl_view_is(name, metrics[i]) ? 1u << i : 0;
        bits |= tl_view_is(name, "ALL") ? ALL_METRICS : 0;
    }
    return bits;
}

static bool set_monitoring(struct tl_api_call *call, bool enable)
{
    struct tl_msg_writer *w = &call->writer;
    struct tl_broker_stream *s;
    uint32_t bits = read_metrics(call->body);
    if (!tl_api_active_stream(call, &s) || !tl_api_may_change(call))
        return false;
    struct tl_registry_stream next = s->info;
    uint32_t before = s->info.monitoring;
    next.monitoring = enable ? before | bits : before & ~bits;
    if (!tl_api_save_stream(call, s, &next))
        return false;
    tl_stream_show(s, TL_STREAM_UPDATING);
    tl_msg_begin_structure(w);
    tl_msg_member_text(w, "StreamName", s->info.name);
    tl_api_write_stream_arn(call, "StreamARN", s);
    tl_write_metrics_list(w, "CurrentShardLevelMetrics", before);
    tl_write_metrics_list(w, "DesiredShardLevelMetrics", next.monitoring);
    tl_msg_end_structure(w);
    return true;
}

bool tl_api_enable_monitoring(struct tl_api_call *call)
{
    return set_monitoring(call, true);
}

bool tl_api_disable_monitoring(struct tl_api_call *call)
{
    return set_monitoring(call, false);
}

/* ---- mode, throughput, distribution, record size ---- */

bool tl_api_update_stream_mode(struct tl_api_call *call)
{
    struct tl_broker_stream *s;
    struct tl_msg mode;
    bool on_demand = tl_msg_get(call->body, "StreamModeDetails", &mode) &&
                     tl_view_is(tl_msg_get_string(mode, "StreamMode"), "ON_DEMAND");
    int64_t warm = tl_msg_get_i64(call->body, "WarmThroughputMiBps", 0);
    if (!tl_api_active_stream(call, &s))
        return false;
    if (warm && !on_demand)
        return tl_api_fail(call, "InvalidArgumentException",
                           "WarmThroughputMiBps is only for streams of mode ON_DEMAND.");
    if (warm > WARM_MIBPS_MAX)
        return tl_api_fail(call, "LimitExceededException", "WarmThroughputMiBps is at most %d.",
                           WARM_MIBPS_MAX);
    struct tl_registry_stream next = s->info;
    next.on_demand = on_demand;
    next.warm_mibps = (uint32_t)warm;
    next.auto_distribution = on_demand && s->info.auto_distribution;
    if (!tl_api_may_change(call) || !tl_api_save_stream(call, s, &next))
        return false;
    tl_stream_show(s, TL_STREAM_UPDATING);
    return true;
}

void tl_write_warm_throughput(struct tl_msg_writer *w, const struct tl_broker_stream *s)
{
    tl_msg_key(w, "WarmThroughput");
    tl_msg_begin_structure(w);
    tl_msg_member_i64(w, "TargetMiBps", s->info.warm_mibps);
    tl_msg_member_i64(w, "CurrentMiBps", s->info.warm_mibps);
    tl_msg_end_structure(w);
}

static bool must_be_on_demand(struct tl_api_call *call, const struct tl_broker_stream *s)
{
    return s->info.on_demand || tl_api_fail(call, "ValidationException",
                                            "Stream %s under account " TL_ACCOUNT
                                            " is of mode PROVISIONED: %s is for streams of mode "
                                            "ON_DEMAND.",
                                            s->info.name, call->action->name);
}

bool tl_api_update_warm_throughput(struct tl_api_call *call)
{
    struct tl_msg_writer *w = &call->writer;
    struct tl_broker_stream *s;
    int64_t warm = tl_msg_get_i64(call->body, "WarmThroughputMiBps", 0);
    if (!tl_api_active_stream(call, &s) || !must_be_on_demand(call, s) || !tl_api_has_commitment(call))
        return false;
    if (warm > WARM_MIBPS_MAX)
        return tl_api_fail(call, "LimitExceededException", "WarmThroughputMiBps is at most %d.",
                           WARM_MIBPS_MAX);
    struct tl_registry_stream next = s->info;
    next.warm_mibps = (uint32_t)warm;
    if (!tl_api_may_change(call) || !tl_api_save_stream(call, s, &next))
        return false;
    tl_stream_show(s, TL_STREAM_UPDATING);
    tl_msg_begin_structure(w);
    tl_api_write_stream_arn(call, "StreamARN", s);
    tl_msg_member_text(w, "StreamName", s->info.name);
    tl_write_warm_throughput(w, s);
    tl_msg_end_structure(w);
    return true;
}

bool tl_api_update_distribution(struct tl_api_call *call)
{
    struct tl_broker_stream *s;
    bool automatic = tl_view_is(tl_msg_get_string(call->body, "RecordDistributionStrategy"), "AUTO");
    if (!tl_api_active_stream(call, &s))
        return false;
    if (automatic && !s->info.on_demand)
        return tl_api_fail(call, "InvalidArgumentException",
                           "RecordDistributionStrategy AUTO is only for streams of mode ON_DEMAND.");
    struct tl_registry_stream next = s->info;
    next.auto_distribution = automatic;
    return tl_api_may_change(call) &&
           tl_api_save_stream(call, s, &next); /* at once, without a state of its own */
}

bool tl_api_update_max_record_size(struct tl_api_call *call)
{
    struct tl_broker_stream *s;
    if (!tl_api_active_stream(call, &s))
        return false;
    struct tl_registry_stream next = s->info;
    next.max_record_kib = (uint32_t)tl_msg_get_i64(call->body, "MaxRecordSizeInKiB", TL_RECORD_KIB_MIN);
    if (!tl_api_may_change(call) || !tl_api_save_stream(call, s, &next))
        return false;
    tl_stream_show(s, TL_STREAM_UPDATING);
    return true;
}
