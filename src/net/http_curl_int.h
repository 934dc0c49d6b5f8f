/* SPDX-License-Identifier: Apache-2.0 */
/* net/http_curl_int.h: what the two clients on libcurl share. Private to the folder. */
#pragma once

#include "net/http_client.h"

#include <curl/curl.h>

/* A handle, with libcurl set up; NULL: out of memory. */
CURL *tl_curl_new(void);
/* The request's headers as libcurl takes them; NULL: out of memory. */
struct curl_slist *tl_curl_headers(const struct tl_http_request *request);
/* Everything of the request but its time-out, its headers and where the answer goes. reason: CURL_ERROR_SIZE bytes. */
void tl_curl_set_request(CURL *curl, const struct tl_http_request *request, char *reason);
/* What went wrong. Always false. */
bool tl_curl_explain(CURLcode code, const char *reason, const char *url, struct tl_error *error);
