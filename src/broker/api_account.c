/* SPDX-License-Identifier: Apache-2.0 */
/* broker/api_account.c: limits and settings of the one account there is. */
#include "base/io.h"
#include "base/time.h"
#include "broker/api_int.h"

#define ON_DEMAND_STREAMS_MAX 50
#define COMMITMENT "commitment_started_ms" /* 0: not enabled; negative: when it was ended */
#define COMMITMENT_LASTS_MS (INT64_C(24) * 3600 * 1000)

bool tl_api_describe_limits(struct tl_api_call *call)
{
    struct tl_msg_writer *w = &call->writer;
    tl_msg_begin_structure(w);
    tl_msg_member_i64(w, "ShardLimit", TL_SHARDS_MAX);
    tl_msg_member_i64(w, "OpenShardCount", (int64_t)call->broker->open_shards);
    tl_msg_member_i64(w, "OnDemandStreamCount", (int64_t)call->broker->on_demand_streams);
    tl_msg_member_i64(w, "OnDemandStreamCountLimit", ON_DEMAND_STREAMS_MAX);
    tl_msg_end_structure(w);
    return true;
}

static bool write_settings(struct tl_api_call *call, int64_t started_ms)
{
    struct tl_msg_writer *w = &call->writer;
    tl_msg_begin_structure(w);
    tl_msg_key(w, "MinimumThroughputBillingCommitment");
    tl_msg_begin_structure(w);
    tl_msg_member_text(w, "Status", started_ms > 0 ? "ENABLED" : "DISABLED");
    if (started_ms > 0) {
        tl_msg_member_time_ms(w, "StartedAt", started_ms);
        tl_msg_member_time_ms(w, "EarliestAllowedEndAt", started_ms + COMMITMENT_LASTS_MS);
    } else if (started_ms < 0)
        tl_msg_member_time_ms(w, "EndedAt", -started_ms);
    tl_msg_end_structure(w);
    tl_msg_end_structure(w);
    return true;
}

static bool read_started(struct tl_api_call *call, int64_t *started_ms)
{
    struct tl_error error;
    return tl_registry_number(call->broker->registry, COMMITMENT, 0, started_ms, &error) ||
           tl_api_fail_internal(call, &error);
}

bool tl_api_has_commitment(struct tl_api_call *call)
{
    int64_t started_ms;
    return read_started(call, &started_ms) &&
           (started_ms > 0 ||
            tl_api_fail(
                call, "ValidationException",
                "Warm throughput is only for accounts that have MinimumThroughputBillingCommitment enabled "
                "(UpdateAccountSettings)."));
}

bool tl_api_describe_account_settings(struct tl_api_call *call)
{
    int64_t started_ms;
    return read_started(call, &started_ms) && write_settings(call, started_ms);
}

static bool save(struct tl_registry *r, const void *arg, struct tl_error *error)
{
    return tl_registry_set_number(r, COMMITMENT, *(const int64_t *)arg, error);
}

/* Nobody is billed here: the commitment can be ended at any time. */
bool tl_api_update_account_settings(struct tl_api_call *call)
{
    struct tl_msg commitment;
    int64_t started_ms, now_ms = tl_io->wall_ns() / TL_NS_PER_MS;
    bool enable = tl_msg_get(call->body, "MinimumThroughputBillingCommitment", &commitment) &&
                  tl_view_is(tl_msg_get_string(commitment, "Status"), "ENABLED");
    if (!read_started(call, &started_ms) || !tl_api_may_change(call))
        return false;
    if (enable != (started_ms > 0)) {
        started_ms = enable ? now_ms : -now_ms;
        if (!tl_api_store(call, save, &started_ms))
            return false;
    }
    return write_settings(call, started_ms);
}
