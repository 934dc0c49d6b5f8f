/* SPDX-License-Identifier: Apache-2.0 */
#include "web/session.h"

#include "codec/json_writer.h"
#include "net/digest.h"
#include "web/api.h"

#include <stdio.h>
#include <stdlib.h>

static bool equal(const unsigned char *a, const unsigned char *b, size_t size)
{
    volatile unsigned char different = 0;
    for (size_t i = 0; i < size; i++)
        different = different | (unsigned char)(a[i] ^ b[i]);
    return different == 0;
}

bool tl_web_session_init(struct tl_web_session *s, const char *token, struct tl_error *error)
{
    struct tl_buf salted;
    unsigned char hash[32];
    *s = (struct tl_web_session){ .wanted = token != NULL };
    if (!token)
        return true;
    tl_buf_init(&salted, 64u << 10);
    tl_buf_addf(&salted, "tapeline session %s", token);
    bool ok = tl_buf_ok(&salted, "the token", error);
    if (ok) {
        tl_sha256(tl_view_of(token), s->token);
        tl_sha256(tl_buf_view(&salted), hash);
        memcpy(s->cookie, "tapeline=", 9);
        tl_hex(hash, sizeof hash, s->cookie + 9);
    }
    tl_buf_release(&salted);
    return ok;
}

bool tl_web_session_is_token(const struct tl_web_session *s, struct tl_view token)
{
    unsigned char hash[32];
    tl_sha256(token, hash);
    return equal(hash, s->token, sizeof hash);
}

static bool has_cookie(const struct tl_web_session *s, struct tl_view cookies)
{
    size_t size = strlen(s->cookie);
    while (cookies.size > 0) {
        struct tl_view one = tl_view_trim(tl_view_split(cookies, ';', &cookies));
        if (one.size == size && equal((const unsigned char *)one.data, (const unsigned char *)s->cookie, size))
            return true;
    }
    return false;
}

bool tl_web_session_allows(const struct tl_web_session *s, const struct tl_http_exchange *x)
{
    if (!s->wanted)
        return true;
    struct tl_view header = tl_http_header_value(x, "Authorization"), bearer = TL_VIEW("Bearer ");
    if (tl_view_starts_with(header, bearer))
        return tl_web_session_is_token(s, (struct tl_view){ header.data + bearer.size, header.size - bearer.size });
    return has_cookie(s, tl_http_header_value(x, "Cookie"));
}

void tl_web_post_session(struct tl_web *w, struct tl_http_exchange *x)
{
    struct tl_json_parser *parser;
    struct tl_json root;
    if (!tl_web_body(x, &parser, &root))
        return;
    struct tl_view token = tl_json_get_string(root, "token");
    bool right = w->session.wanted && token.data && tl_web_session_is_token(&w->session, token);
    tl_json_parser_free(parser);
    if (!w->session.wanted) {
        tl_web_answer_error(x, 400, "no token is wanted here");
    } else if (!right) {
        tl_web_answer_error(x, 401, "that is not the token");
    } else {
        char cookie[TL_WEB_COOKIE_MAX + 64];
        struct tl_web_headers more = { .count = 0 };
        struct tl_buf body;
        snprintf(cookie, sizeof cookie, "%s; Path=/; HttpOnly; SameSite=Strict%s", w->session.cookie, tl_http_is_tls(x) ? "; Secure" : "");
        tl_web_headers_add(&more, "Set-Cookie", cookie);
        tl_buf_init(&body, 64);
        tl_buf_add_text(&body, "{\"ok\":true}");
        tl_web_answer(x, 200, TL_WEB_JSON, &more, &body);
        tl_buf_release(&body);
    }
}
