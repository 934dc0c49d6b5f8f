/* SPDX-License-Identifier: Apache-2.0 */
/* cli/flink_gateway.h: a session of Flink's SQL gateway (its REST API, version 2, of Flink 1.17 and later). */
#pragma once

#include "cli/engine_flink.h"
#include "cli/flink_api.h"

struct tl_flink_gateway {
    struct tl_flink_api api;
    char session[64]; /* "": none */
    char job[64];     /* of the last statement; "": it has started none */
};
/* url: of the gateway. job_manager: where its jobs are to run. options: NULL for those of the gateway. */
TL_MUST_USE bool tl_flink_gateway_open(struct tl_flink_gateway *g, const char *url, const char *job_manager,
                                       const struct tl_flink_options *options, struct tl_error *error);
void tl_flink_gateway_close(struct tl_flink_gateway *g);

/* Runs a statement. row, where it is not NULL, gets each row of the result: its kind ("INSERT", "UPDATE_BEFORE" ...) and its fields, which
 * live for the call; false from it ends the statement. An error names the statement. */
typedef bool tl_flink_row(void *user, struct tl_view kind, struct tl_json fields, struct tl_error *error);
TL_MUST_USE bool tl_flink_gateway_run(struct tl_flink_gateway *g, struct tl_view statement, tl_flink_row *row, void *user, struct tl_error *error);
