/* SPDX-License-Identifier: Apache-2.0 */
/* broker/broker.h: the embedded Kinesis server: the API on one port, the streams under <data_dir>/broker/.
 *
 * The caller holds the lock of the data folder. Listens on loopback unless told otherwise; any credentials
 * are accepted. */
#pragma once

#include "base/error.h"

#include <stdint.h>

struct tl_broker;
struct tl_broker_options {
    const char *data_dir;
    const char *listen; /* "127.0.0.1:4566" */
    bool fsync;         /* false: answered when the kernel has the bytes */
    const char *region; /* in ARNs */
};
TL_MUST_USE bool tl_broker_open(struct tl_broker **out, const struct tl_broker_options *options,
                                struct tl_error *error);
const char *tl_broker_address(const struct tl_broker *b); /* "127.0.0.1:4566", with the real port */
/* Makes the stream if there is none of that name. It is ACTIVE afterwards. */
TL_MUST_USE bool tl_broker_ensure_stream(struct tl_broker *b, const char *name, uint32_t shards,
                                         struct tl_error *error);
/* Takes no new requests, writes what was taken, answers it, and frees. */
void tl_broker_close(struct tl_broker *b);
