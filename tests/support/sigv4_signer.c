/* SPDX-License-Identifier: Apache-2.0 */
/* sigv4_signer: signs what it is told, for tests that compare our signer with others. A JSON object a line
 * in: method, path, query, headers ([[name, value], ...]), payload_hash, region, service, date (ISO-8601),
 * access_key, secret_key. A line out:
 * {"canonical", "authorization"}, or {"error"}. */
#include "base/time.h"
#include "codec/json.h"
#include "codec/json_writer.h"
#include "net/sigv4.h"

#include <stdio.h>
#include <stdlib.h>

#define HEADERS_MAX 64
#define LINE_MAX_SIZE ((size_t)1 << 20)

static struct tl_view text(struct tl_json from, const char *name)
{
    struct tl_view v = tl_json_get_string(from, name);
    return v.data ? v : TL_VIEW("");
}

static void copy(char *to, size_t room, struct tl_view from)
{
    if (from.size >= room)
        exit(2);
    memcpy(to, from.data, from.size);
    to[from.size] = '\0';
}

static size_t read_headers(struct tl_json root, struct tl_http_header *headers)
{
    struct tl_json list, pair, part;
    struct tl_json_iter it, of_pair;
    size_t count = 0;
    if (!tl_json_get(root, "headers", &list))
        exit(2);
    tl_json_iter_init(&it, list);
    while (count < HEADERS_MAX && tl_json_next(&it, NULL, &pair)) {
        tl_json_iter_init(&of_pair, pair);
        if (!tl_json_next(&of_pair, NULL, &part) || !tl_json_string(part, &headers[count].name) ||
            !tl_json_next(&of_pair, NULL, &part) || !tl_json_string(part, &headers[count].value))
            exit(2);
        count++;
    }
    return count;
}

static void sign(struct tl_json root, struct tl_buf *out)
{
    struct tl_http_header headers[HEADERS_MAX];
    struct tl_aws_credentials credentials = { .origin = "test" };
    char region[64], service[64];
    struct tl_sigv4_request r = { .method = text(root, "method"),
                                  .path = text(root, "path"),
                                  .query = text(root, "query"),
                                  .headers = headers,
                                  .header_count = read_headers(root, headers),
                                  .payload_hash = text(root, "payload_hash"),
                                  .region = region,
                                  .service = service };
    struct tl_buf canonical, authorization;
    struct tl_json_writer w;
    struct tl_error error;
    copy(region, sizeof region, text(root, "region"));
    copy(service, sizeof service, text(root, "service"));
    copy(credentials.access_key, sizeof credentials.access_key, text(root, "access_key"));
    copy(credentials.secret_key, sizeof credentials.secret_key, text(root, "secret_key"));
    if (!tl_time_parse(text(root, "date"), &r.now_ns))
        exit(2);
    tl_buf_init(&canonical, 1 << 20);
    tl_buf_init(&authorization, 1 << 16);
    tl_sigv4_canonical(&r, &canonical);
    tl_json_writer_init(&w, out);
    tl_json_begin_object(&w);
    if (tl_sigv4_sign(&r, &credentials, &authorization, &error)) {
        tl_json_member_string(&w, "canonical", tl_buf_view(&canonical));
        tl_json_member_string(&w, "authorization", tl_buf_view(&authorization));
    } else {
        tl_json_member_text(&w, "error", error.text);
    }
    tl_json_end_object(&w);
    tl_buf_release(&canonical);
    tl_buf_release(&authorization);
}

int main(void)
{
    static char line[LINE_MAX_SIZE];
    struct tl_json_parser *parser;
    struct tl_error error;
    struct tl_buf out;
    if (!tl_json_parser_new(&parser, &error))
        return 2;
    tl_buf_init(&out, LINE_MAX_SIZE);
    while (fgets(line, sizeof line, stdin)) {
        struct tl_json root;
        if (!tl_json_parse_copy(parser, tl_view_of(line), &root, &error)) {
            fprintf(stderr, "sigv4_signer: %s\n", error.text);
            return 2;
        }
        tl_buf_reset(&out);
        sign(root, &out);
        puts(tl_buf_text(&out));
    }
    tl_buf_release(&out);
    tl_json_parser_free(parser);
    return 0;
}
