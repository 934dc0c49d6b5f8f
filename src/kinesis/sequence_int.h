/* SPDX-License-Identifier: Apache-2.0 */
/* kinesis/sequence_int.h: what a 56-digit sequence number says: shard creation, counter, arrival second
 * (shared/kinesis.md, "Sequence numbers"). Not documented by AWS: used for messages, and to prove that
 * nothing is missing, never to read. */
#pragma once

#include "base/view.h"

struct tl_sequence_hint {
    int64_t created_s, arrival_s;
    uint64_t counter;
};
/* False when the number is not of that form. */
TL_MUST_USE bool tl_sequence_split(struct tl_view decimal, struct tl_sequence_hint *out);
