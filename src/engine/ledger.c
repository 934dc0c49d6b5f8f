/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/ledger.h"

#include <inttypes.h>

/* The view whose aggregated and late are the source's totals: the first windowed one, else the first;
 * SIZE_MAX: none. */
static size_t leading_view(const struct tl_engine *e, size_t source)
{
    size_t first = SIZE_MAX;
    for (size_t i = 0; i < e->plan->view_count; i++) {
        if (e->plan->views[i].source != source)
            continue;
        if (e->views[i].windowed)
            return i;
        first = first == SIZE_MAX ? i : first;
    }
    return first;
}

struct tl_ledger tl_ledger_sum(const struct tl_engine *e)
{
    struct tl_ledger sum = { 0 };
    for (size_t i = 0; i < e->shard_count; i++) {
        const struct tl_shard_run *s = e->shards[i];
        size_t view = leading_view(e, s->source);
        if (s->of_view)
            continue; /* its records are rows, which were counted as records before */
        sum.received += s->received;
        sum.malformed += s->malformed;
        sum.gaps += s->gaps;
        sum.gap_records += s->gap_records;
        sum.duplicate += s->duplicates;
        if (view == SIZE_MAX) { /* a source that no view reads */
            sum.filtered += s->received - s->malformed - s->duplicates;
            continue;
        }
        sum.aggregated += s->counts[view].aggregated;
        sum.late += s->counts[view].late;
        sum.filtered += s->counts[view].filtered;
    }
    for (size_t i = 0; i < e->plan->source_count; i++) {
        size_t view = e->plan->sources[i].of_view ? SIZE_MAX : leading_view(e, i);
        sum.windows += view == SIZE_MAX ? 0 : e->totals[view].rows;
    }
    return sum;
}

bool tl_ledger_check(const struct tl_engine *e, const struct tl_closed *closed, struct tl_error *error)
{
    for (size_t v = 0; v < e->plan->view_count; v++) {
        uint64_t received = 0, aggregated = 0, late = 0, malformed = 0, duplicate = 0, filtered = 0, placed = 0, open = 0;
        for (size_t i = 0; i < e->shard_count; i++) {
            const struct tl_shard_run *s = e->shards[i];
            if (s->source != e->plan->views[v].source)
                continue;
            received += s->received;
            malformed += s->malformed;
            duplicate += s->duplicates;
            aggregated += s->counts[v].aggregated;
            late += s->counts[v].late;
            filtered += s->counts[v].filtered;
            placed += s->counts[v].placed;
            open += tl_window_state_records(&s->states[v]);
        }
        uint64_t written = e->totals[v].emitted + (closed && e->views[v].windowed ? closed[v].records : 0);
        if (received != aggregated + late + malformed + duplicate + filtered || placed != written + open)
            return tl_error_set(error, TL_CORRUPT,
                                "view '%s': the ledger does not balance: received %" PRIu64
                                ", aggregated %" PRIu64 ", late %" PRIu64 ", malformed %" PRIu64
                                ", duplicate %" PRIu64 ", filtered %" PRIu64 "; in windows %" PRIu64 ", written %" PRIu64 ", open %" PRIu64
                                "; this is a fault of tapeline, nothing is committed",
                                e->plan->views[v].name, received, aggregated, late, malformed, duplicate, filtered, placed,
                                written, open);
    }
    return true;
}
