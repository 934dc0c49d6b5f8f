/* SPDX-License-Identifier: Apache-2.0 */
/* kinesis/stream_names.h: the names of the account's streams (ListStreams): for telling a wrong name from a right one. */
#pragma once

#include "kinesis/client.h"

struct tl_stream_names {
    char (*names)[TL_STREAM_NAME_MAX];
    size_t count, cap;
};
/* Release it also after a failure. */
TL_MUST_USE bool tl_kinesis_stream_names(struct tl_kinesis_client *c, struct tl_stream_names *out, struct tl_error *error);
void tl_stream_names_release(struct tl_stream_names *names);
/* The name nearest to one that is not among them, or NULL. */
const char *tl_stream_names_near(const struct tl_stream_names *names, const char *name);
bool tl_stream_names_has(const struct tl_stream_names *names, const char *name);
