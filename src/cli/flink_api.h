/* SPDX-License-Identifier: Apache-2.0 */
/* cli/flink_api.h: JSON over HTTP with Flink's job manager and its SQL gateway. */
#pragma once

#include "codec/json.h"
#include "net/http_client.h"

struct tl_flink_api {
    const char *base;   /* "http://127.0.0.1:8081" */
    const char *absent; /* what to do when nobody answers, for the message */
    struct tl_http_client *http;
    struct tl_http_response response;
    struct tl_json_parser *json;
};
TL_MUST_USE bool tl_flink_api_open(struct tl_flink_api *api, const char *base, const char *absent, struct tl_error *error);
void tl_flink_api_close(struct tl_flink_api *api); /* an empty one is fine */
/* body: JSON, {NULL, 0}: none. The answer lives until the next call. A refusal is TL_INVALID with what Flink says: the last cause of its
 * trace; TL_UNSUPPORTED when a jar is missing, which is named. */
TL_MUST_USE bool tl_flink_api_call(struct tl_flink_api *api, const char *method, const char *path, struct tl_view body, struct tl_json *answer,
                                   struct tl_error *error);
/* What a trace of Flink's says, in one line: its last cause, or which jar is missing; into error. Always false. */
bool tl_flink_explain(struct tl_view trace, struct tl_error *error);
