/* SPDX-License-Identifier: Apache-2.0 */
/* kinesis/aggregated.h: the records inside one that the Kinesis Producer Library has put together (codec/kpl.h). */
#pragma once

#include "codec/kpl.h"

/* As tl_kpl_open, its checksum made here. */
TL_MUST_USE bool tl_aggregated_open(struct tl_kpl *k, struct tl_view data, const char **reason);
