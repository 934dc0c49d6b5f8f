/* SPDX-License-Identifier: Apache-2.0 */
/* The steps are those of AWS's "Create a signed AWS API request". */
#include "net/sigv4.h"

#include "base/time.h"
#include "net/digest.h"

#include <stdio.h>
#include <stdlib.h>

#define HEADERS_MAX 64
#define QUERY_MAX 1024

void tl_sigv4_date(int64_t now_ns, char out[17])
{
    char iso[TL_TIME_TEXT_MAX];
    tl_time_format(now_ns, TL_TIME_ISO_MS, iso);
    size_t size = 0;
    for (size_t i = 0; i < 19; i++)
        if (iso[i] != '-' && iso[i] != ':')
            out[size++] = iso[i];
    out[size++] = 'Z';
    out[size] = '\0';
}

static bool is_unreserved(char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == '~';
}

static void add_encoded(struct tl_buf *out, struct tl_view v)
{
    for (size_t i = 0; i < v.size; i++) {
        if (is_unreserved(v.data[i]))
            tl_buf_add_char(out, v.data[i]);
        else
            tl_buf_addf(out, "%%%02X", (unsigned char)v.data[i]);
    }
}

static void cut(struct tl_buf *out, size_t size)
{
    if (out->failed || size >= out->size)
        return;
    out->size = size;
    out->data[size] = '\0';
}

/* The path without empty, "." and ".." segments; a slash at its end stays. What is cut off again is never
 * more than was added. */
static void add_normalized(struct tl_buf *out, struct tl_view path)
{
    size_t start = out->size;
    struct tl_view rest = path;
    while (rest.size) {
        struct tl_view segment = tl_view_split(rest, '/', &rest);
        if (tl_view_is(segment, "..")) {
            size_t end = out->size;
            while (end > start && out->data[end - 1] != '/')
                end--;
            cut(out, end > start ? end - 1 : start);
        } else if (segment.size && !tl_view_is(segment, ".")) {
            tl_buf_add_char(out, '/');
            add_encoded(out, segment);
        }
    }
    if (out->size == start || path.data[path.size - 1] == '/')
        tl_buf_add_char(out, '/');
}

/* Each service but S3 has its path normalized and encoded twice: it comes encoded once. */
static void add_path(struct tl_buf *out, const struct tl_sigv4_request *r)
{
    if (r->path.size == 0)
        tl_buf_add_char(out, '/');
    else if (strcmp(r->service, "s3") == 0)
        tl_buf_add_view(out, r->path);
    else
        add_normalized(out, r->path);
}

struct parameter {
    struct tl_view name, value;
};

static int by_parameter(const void *a, const void *b)
{
    const struct parameter *x = a, *y = b;
    int order = tl_view_cmp(x->name, y->name);
    return order ? order : tl_view_cmp(x->value, y->value);
}

/* Parameters sorted by name, then value (so "a" before "a-b", which the bytes of "a=" and "a-b=" are not);
 * one without '=' gets an empty value. They come encoded. More of them than any client sends make the request
 * fail. */
static void add_query(struct tl_buf *out, struct tl_view query)
{
    struct parameter all[QUERY_MAX];
    size_t count = 0;
    while (query.size) {
        struct tl_view value, part = tl_view_split(query, '&', &query);
        if (part.size == 0)
            continue;
        if (count == QUERY_MAX) {
            out->failed = true;
            return;
        }
        struct tl_view name = tl_view_split(part, '=', &value);
        all[count++] = (struct parameter){ name, value };
    }
    qsort(all, count, sizeof *all, by_parameter);
    for (size_t i = 0; i < count; i++) {
        if (i)
            tl_buf_add_char(out, '&');
        tl_buf_add_view(out, all[i].name);
        tl_buf_add_char(out, '=');
        tl_buf_add_view(out, all[i].value);
    }
}

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static void add_lower(struct tl_buf *out, struct tl_view v)
{
    for (size_t i = 0; i < v.size; i++)
        tl_buf_add_char(out, lower(v.data[i]));
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Outer blanks gone, inner runs made one blank. */
static void add_folded(struct tl_buf *out, struct tl_view v)
{
    bool between = false, begun = false;
    for (size_t i = 0; i < v.size; i++) {
        if (is_blank(v.data[i])) {
            between = begun;
            continue;
        }
        if (between)
            tl_buf_add_char(out, ' ');
        tl_buf_add_char(out, v.data[i]);
        between = false;
        begun = true;
    }
}

static int by_name(struct tl_view x, struct tl_view y)
{
    for (size_t i = 0; i < x.size && i < y.size; i++) {
        int order = (unsigned char)lower(x.data[i]) - (unsigned char)lower(y.data[i]);
        if (order)
            return order;
    }
    return (x.size > y.size) - (x.size < y.size);
}

/* By name; those of one name stay in their order, in which their values are joined. */
static size_t sorted_headers(const struct tl_sigv4_request *r, struct tl_http_header *out)
{
    size_t count = r->header_count < HEADERS_MAX ? r->header_count : HEADERS_MAX;
    for (size_t i = 0; i < count; i++) {
        size_t at = i;
        for (; at > 0 && by_name(out[at - 1].name, r->headers[i].name) > 0; at--)
            out[at] = out[at - 1];
        out[at] = r->headers[i];
    }
    return count;
}

static bool is_repeated(const struct tl_http_header *headers, size_t i)
{
    return i > 0 && by_name(headers[i - 1].name, headers[i].name) == 0;
}

static void add_signed_names(struct tl_buf *out, const struct tl_http_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_repeated(headers, i))
            continue;
        if (i)
            tl_buf_add_char(out, ';');
        add_lower(out, headers[i].name);
    }
}

static void add_headers(struct tl_buf *out, const struct tl_http_header *headers, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_repeated(headers, i)) {
            tl_buf_add_char(out, ',');
        } else {
            if (i)
                tl_buf_add_char(out, '\n');
            add_lower(out, headers[i].name);
            tl_buf_add_char(out, ':');
        }
        add_folded(out, headers[i].value);
    }
    tl_buf_add_text(out, count ? "\n\n" : "\n");
}

void tl_sigv4_canonical(const struct tl_sigv4_request *r, struct tl_buf *out)
{
    struct tl_http_header headers[HEADERS_MAX];
    size_t count = sorted_headers(r, headers);
    tl_buf_add_view(out, r->method);
    tl_buf_add_char(out, '\n');
    add_path(out, r);
    tl_buf_add_char(out, '\n');
    add_query(out, r->query);
    tl_buf_add_char(out, '\n');
    add_headers(out, headers, count);
    add_signed_names(out, headers, count);
    tl_buf_add_char(out, '\n');
    tl_buf_add_view(out, r->payload_hash);
}

void tl_sigv4_key(const char *secret, struct tl_view day, const char *region, const char *service,
                  uint8_t key[32])
{
    struct tl_view parts[] = { day, tl_view_of(region), tl_view_of(service), TL_VIEW("aws4_request") };
    char first[256];
    int size = snprintf(first, sizeof first, "AWS4%s", secret);
    struct tl_view with = { first, (size_t)size < sizeof first ? (size_t)size : sizeof first - 1 };
    for (size_t i = 0; i < TL_COUNT(parts); i++) {
        uint8_t next[32];
        tl_hmac_sha256(with, parts[i], next);
        memcpy(key, next, 32);
        with = (struct tl_view){ (const char *)key, 32 };
    }
}

bool tl_sigv4_signature(const struct tl_sigv4_request *r, struct tl_view date, const char *scope,
                        const uint8_t key[32], char hex[65], struct tl_error *error)
{
    uint8_t digest[32];
    struct tl_buf text;
    tl_buf_init(&text, 1 << 20);
    tl_sigv4_canonical(r, &text);
    tl_sha256(tl_buf_view(&text), digest);
    tl_hex(digest, 32, hex);
    bool ok = tl_buf_ok(&text, "the canonical request", error);
    tl_buf_reset(&text);
    tl_buf_addf(&text, "AWS4-HMAC-SHA256\n%.*s\n%s\n%s", TL_VIEW_ARG(date), scope, hex);
    tl_hmac_sha256((struct tl_view){ (const char *)key, 32 }, tl_buf_view(&text), digest);
    tl_hex(digest, 32, hex);
    tl_buf_release(&text);
    return ok;
}

bool tl_sigv4_sign(const struct tl_sigv4_request *r, const struct tl_aws_credentials *credentials,
                   struct tl_buf *out, struct tl_error *error)
{
    struct tl_http_header headers[HEADERS_MAX];
    char date[17], scope[256], hash[65];
    uint8_t key[32];
    if (r->header_count > HEADERS_MAX)
        return tl_error_set(error, TL_LIMIT, "a request with more than %d headers cannot be signed",
                            HEADERS_MAX);
    tl_sigv4_date(r->now_ns, date);
    snprintf(scope, sizeof scope, "%.8s/%s/%s/aws4_request", date, r->region, r->service);
    tl_sigv4_key(credentials->secret_key, (struct tl_view){ date, 8 }, r->region, r->service, key);
    bool ok = tl_sigv4_signature(r, tl_view_of(date), scope, key, hash, error);
    tl_buf_addf(out, "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=", credentials->access_key, scope);
    add_signed_names(out, headers, sorted_headers(r, headers));
    tl_buf_addf(out, ", Signature=%s", hash);
    return ok && tl_buf_ok(out, "the authorization", error);
}
