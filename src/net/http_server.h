/* SPDX-License-Identifier: Apache-2.0 */
/* net/http_server.h: one HTTP server for the AWS face and the page: a loop thread, requests, answers,
 * streams.
 *
 * The exchange type hides the protocol: HTTP/1.1 (keep-alive, pipelining) and HTTP/2 (by prior knowledge, or
 * by ALPN) are spoken on the same port, in cleartext and, where a certificate is given, in TLS. Handlers run
 * on the loop thread and must not block; an exchange may be answered later, from the loop thread
 * (tl_http_server_post brings a function there from any thread). An exchange stays valid until it is answered
 * or its stream is ended, also when the client has gone: answering is then a no-op that frees it. Limits
 * (DESIGN 7, security): header 16 KiB, body per server, header time-out 10 s (TLS's handshake has the same),
 * idle 60 s, connections 1024. A body must come, and an answer be taken, at some pace: an idle time-out
 * without progress ends it. HTTP/2: 100 streams a connection; per connection about 32 MiB of bodies and 32
 * MiB of answers wait in memory, then windows stay shut and requests wait; floods of resets, PING, SETTINGS
 * and the like end the connection. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/view.h"

struct tl_http_server;
struct tl_http_exchange;

struct tl_http_header {
    struct tl_view name, value;
};
typedef void tl_http_handler(struct tl_http_exchange *x, void *user);
/* Where the body of a request goes, asked when its head is read. */
struct tl_http_body_place {
    uint64_t max; /* larger: 413 */
    int fd;       /* -1: memory; else it is written there, and the exchange closes it: for what may not fit into memory */
};
typedef void tl_http_body_rule(const struct tl_http_exchange *x, struct tl_http_body_place *place, void *user);
typedef void tl_http_posted(void *arg);

struct tl_http_server_options {
    const char *name;  /* for log and metrics: "aws", "page" */
    size_t body_max;   /* larger: 413 before it is read */
    size_t output_max; /* bytes a slow reader may have waiting before tl_http_stream_room() is 0; 0: 1 MiB */
    /* Host names accepted besides localhost, 127.0.0.1, [::1] and the bound address; NULL: any Host (AWS
     * face). */
    const char *const *hosts;
    size_t host_count;
    bool check_host; /* page: true. Foreign Host gets 403 on every route (DNS rebinding) */
    tl_http_handler *handler;
    tl_http_body_rule *body_rule; /* changes place, which is body_max and memory; NULL: every body goes there */
    void *user;                   /* of both */
    const char *tls_cert, *tls_key; /* PEM files; the port then takes TLS as well */
    const char *tls_self_signed;    /* or a folder, where a certificate for localhost is made and kept */
    bool tls_only;                  /* with one of these: cleartext gets 400. Else the port takes both */
    /* A file to which a line of JSON is appended for every request when it ends: time (its first byte),
     * server, peer, protocol, tls, method, path (without the query, which may hold a signature), status (0:
     * dropped), bytes_in and bytes_out (of the bodies), duration_ms, "aborted":true when the client left
     * before the answer was complete, and the handler's notes. Written ten times a second at most, never
     * waited for; what cannot be written is told in the log once. NULL: none. */
    const char *access_log;
    /* 0: the limits told above. */
    int64_t header_timeout_ns; /* from a request's first byte to its last header; TLS's handshake, too */
    int64_t idle_timeout_ns;   /* between requests; and without progress in a body or an answer */
    size_t connections_max; /* one more closes the longest open one that has nothing to do, or else itself */
};

/* address: "127.0.0.1:8080", "[::1]:0"; port 0 takes a free one. TL_CONFLICT when the port is in use:
 * "cannot listen on 127.0.0.1:8080: in use by another program (choose another with --listen)". Starts the
 * loop thread. */
TL_MUST_USE bool tl_http_server_open(struct tl_http_server **out, const char *address,
                                     const struct tl_http_server_options *options, struct tl_error *error);
int tl_http_server_port(const struct tl_http_server *s);
const char *tl_http_server_address(const struct tl_http_server *s); /* "127.0.0.1:8080", with the real port */
/* Runs fn(arg) on the loop thread soon; from any thread. False when the server is closing (fn will not run).
 */
bool tl_http_server_post(struct tl_http_server *s, tl_http_posted *fn, void *arg);
/* Runs fn(arg) on the loop thread once after delay; from the loop thread only. */
bool tl_http_server_after(struct tl_http_server *s, int64_t delay_ns, tl_http_posted *fn, void *arg);
/* Stops accepting, waits up to grace for open requests, ends streams (their on_close runs), joins the thread,
 * frees. */
void tl_http_server_close(struct tl_http_server *s, int64_t grace_ns);

/* The request. Views live as long as the exchange. */
struct tl_view tl_http_method(const struct tl_http_exchange *x);
struct tl_view tl_http_path(const struct tl_http_exchange
                                *x); /* before '?', percent-decoded; bad encoding is 400 before the handler */
/* What a Host header names, without the port: of "name:80", "name." and "[::1]:80" it is "name", "name" and "[::1]"; {NULL, 0}: nothing. */
struct tl_view tl_http_host_name(struct tl_view host);
struct tl_view tl_http_url(const struct tl_http_exchange *x);   /* as sent: path and query */
struct tl_view tl_http_query(const struct tl_http_exchange *x); /* after '?', raw */
bool tl_http_query_param(const struct tl_http_exchange *x, const char *name,
                         struct tl_buf *out); /* decoded; false if absent */
struct tl_view tl_http_header_value(const struct tl_http_exchange *x,
                                    const char *name); /* {NULL,0} if absent; name case ignored */
size_t tl_http_header_count(const struct tl_http_exchange *x);
struct tl_http_header tl_http_header_at(const struct tl_http_exchange *x, size_t i);
/* The whole body; at least 64 readable bytes follow it (TL_JSON_PADDING). */
struct tl_view tl_http_body(const struct tl_http_exchange *x);
/* The body where a rule has put it into a file: its descriptor, which stays the exchange's, and how long it is; -1: it is in memory. */
int tl_http_body_file(const struct tl_http_exchange *x, uint64_t *size);
/* "HTTP/1.0", "HTTP/1.1" or "HTTP/2". */
const char *tl_http_protocol(const struct tl_http_exchange *x);
bool tl_http_is_tls(const struct tl_http_exchange *x);
struct tl_http_server *tl_http_server_of(const struct tl_http_exchange *x); /* that took it */
/* Adds a member to the request's line in the access log; before the answer. key is static text; value is
 * copied, up to 256 bytes. At most six; more are left out. Nothing where there is no access log. */
void tl_http_note(struct tl_http_exchange *x, const char *key, struct tl_view value);
const char *tl_http_peer(const struct tl_http_exchange *x); /* "127.0.0.1:53210" */

/* HTTP/2 sends names of headers in lower case, leaves out those of a connection (Connection,
 * Transfer-Encoding), and takes at most 60. */
/* Answer with a whole body (copied) and end the exchange. Date, Content-Length and Connection are added.
 * content_type may be NULL. headers may be NULL. */
void tl_http_respond(struct tl_http_exchange *x, int status, const char *content_type,
                     const struct tl_http_header *headers, size_t header_count, struct tl_view body);
/* As above, but takes the buffer's memory without copying; body is empty afterwards. */
void tl_http_respond_take(struct tl_http_exchange *x, int status, const char *content_type,
                          const struct tl_http_header *headers, size_t header_count, struct tl_buf *body);
/* As above with size bytes of a file from at on, read as the client takes them; takes fd, also where nothing of it is sent. A file that
 * ends before breaks the answer off. */
void tl_http_respond_file(struct tl_http_exchange *x, int status, const char *content_type,
                          const struct tl_http_header *headers, size_t header_count, int fd, int64_t at, uint64_t size);
/* A stream of unknown length (chunked): begin, write many times, end. on_close(user) runs once on the loop
 * thread when the client goes or the server closes (then call tl_http_stream_end, which frees) - not after
 * tl_http_stream_end. */
void tl_http_stream_begin(struct tl_http_exchange *x, int status, const char *content_type,
                          const struct tl_http_header *headers, size_t header_count, tl_http_posted *on_close,
                          void *user);
void tl_http_stream_write(struct tl_http_exchange *x, struct tl_view bytes);
/* Bytes that may be written before the slow-reader limit; 0: the client does not keep up, send nothing more
 * for now. */
size_t tl_http_stream_room(const struct tl_http_exchange *x);
void tl_http_stream_end(struct tl_http_exchange *x);
/* Ends the exchange without an answer, or its stream in the middle (on_close does not run), as a network that
 * fails would: HTTP/1.1 closes the connection once earlier answers are out, HTTP/2 resets the stream
 * (INTERNAL_ERROR). */
void tl_http_exchange_drop(struct tl_http_exchange *x);
