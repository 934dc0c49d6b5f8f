/* SPDX-License-Identifier: Apache-2.0 */
/* broker/broker.h: the embedded Kinesis server: the API on one port, the streams under <data_dir>/broker/.
 *
 * The caller holds the lock of the data folder. Without credentials every signature is accepted, and only
 * loopback is listened on. */
#pragma once

#include "base/error.h"
#include "net/aws_service.h"

#include <stdint.h>

struct tl_broker;
struct tl_broker_options {
    const char *data_dir;
    const char *listen;             /* "127.0.0.1:4566" */
    bool fsync;                     /* false: answered when the kernel has the bytes */
    bool limits;                    /* the service's documented limits */
    const char *region;             /* in ARNs */
    const char *credentials;        /* a file of keys whose signatures are verified; NULL: any are accepted */
    const char *tls_cert, *tls_key; /* PEM files, or NULL */
    bool tls_self_signed;           /* a certificate for localhost is made in the data folder */
    const char *access_log;         /* a file, or NULL */
    const char *faults;             /* broker/faults.h, or NULL */
    uint64_t seed;                  /* of the faults */
    int64_t state_delay_ns;  /* how long a stream shows CREATING, UPDATING, DELETING; negative: the default */
    int64_t subscription_ns; /* the life of a SubscribeToShard; 0: the service's five minutes */
    /* Takes what is for S3, Glue and Athena, its signature verified where there are keys; NULL: such calls are refused by name. */
    tl_aws_handler *other;
    tl_aws_body_rule *other_body; /* where their bodies go; NULL: memory */
    void *other_user;             /* of both */
};
TL_MUST_USE bool tl_broker_open(struct tl_broker **out, const struct tl_broker_options *options,
                                struct tl_error *error);
const char *tl_broker_address(const struct tl_broker *b); /* "127.0.0.1:4566", with the real port */
/* Makes the stream if there is none of that name. It is ACTIVE afterwards. */
TL_MUST_USE bool tl_broker_ensure_stream(struct tl_broker *b, const char *name, uint32_t shards,
                                         struct tl_error *error);
/* Takes no new requests, writes what was taken, answers it, and frees. */
void tl_broker_close(struct tl_broker *b);
