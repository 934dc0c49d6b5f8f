/* SPDX-License-Identifier: Apache-2.0 */
#include "net/sigv4_verify.h"

#include "base/bytes.h"
#include "base/file.h"
#include "base/grow.h"
#include "base/io.h"
#include "base/log.h"
#include "base/time.h"
#include "net/digest.h"
#include "net/http_date.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#define FILE_MAX ((size_t)1 << 20)
#define KEYS_MAX 10000
#define CACHED 16
#define SIGNED_MAX 64
#define SKEW_S 300
#define SKEW_S3_S 900
#define EXPIRES_MAX 604800
#define ALGORITHM "AWS4-HMAC-SHA256"
#define UNSIGNED "UNSIGNED-PAYLOAD"

struct key {
    char *access, *secret, *token; /* token may be NULL */
};
/* A signing key is made by four digests: it is kept for the requests of the same day. */
struct cached {
    const struct key *key;
    char day[9], region[64], service[32];
    uint8_t bytes[32];
};
struct tl_sigv4_keys {
    struct key *keys;
    size_t count, cap;
    struct cached cached[CACHED];
    size_t next_cached;
};

/* ---- the file ---- */

struct reading {
    struct tl_sigv4_keys *keys;
    struct tl_error *error;
    const char *path;
    size_t line, section_line;
};

static bool wrong_line(struct reading *r, size_t line, const char *what)
{
    return tl_error_set(r->error, TL_INVALID, "'%s', line %zu: %s", r->path, line, what);
}

static bool section_is_whole(struct reading *r)
{
    struct tl_sigv4_keys *k = r->keys;
    if (k->count == 0)
        return true;
    const struct key *last = &k->keys[k->count - 1];
    return (last->access && last->secret) ||
           wrong_line(r, r->section_line,
                      "this section has no aws_access_key_id, or no aws_secret_access_key");
}

static bool begin_section(struct reading *r)
{
    struct tl_sigv4_keys *k = r->keys;
    if (!section_is_whole(r))
        return false;
    if (!tl_grow((void **)&k->keys, &k->cap, k->count + 1, sizeof *k->keys, KEYS_MAX))
        return tl_error_set(r->error, TL_NO_MEMORY, "out of memory");
    k->keys[k->count++] = (struct key){ NULL, NULL, NULL };
    r->section_line = r->line;
    return true;
}

static bool set(struct reading *r, char **member, struct tl_view value)
{
    if (value.size == 0)
        return wrong_line(r, r->line, "there is no value after '='");
    free(*member);
    *member = strndup(value.data, value.size);
    return *member || tl_error_set(r->error, TL_NO_MEMORY, "out of memory");
}

static bool read_line(struct reading *r, struct tl_view line)
{
    struct tl_view value, name = tl_view_trim(tl_view_split(line, '=', &value));
    if (line.size == 0 || line.data[0] == '#' || line.data[0] == ';')
        return true;
    if (line.data[0] == '[')
        return memchr(line.data, ']', line.size) ? begin_section(r)
                                                 : wrong_line(r, r->line, "']' is missing");
    if (!value.data)
        return wrong_line(r, r->line, "neither [section] nor name = value");
    if (r->keys->count == 0)
        return wrong_line(r, r->line, "a value before the first [section]");
    struct key *key = &r->keys->keys[r->keys->count - 1];
    value = tl_view_trim(value);
    if (tl_view_is(name, "aws_access_key_id"))
        return set(r, &key->access, value);
    if (tl_view_is(name, "aws_secret_access_key"))
        return set(r, &key->secret, value);
    if (tl_view_is(name, "aws_session_token"))
        return set(r, &key->token, value);
    return true; /* region and the like */
}

static bool read_keys(struct reading *r, struct tl_view text)
{
    while (text.data && text.size) {
        r->line++;
        if (!read_line(r, tl_view_trim(tl_view_split(text, '\n', &text))))
            return false;
    }
    return section_is_whole(r) &&
           (r->keys->count > 0 ||
            tl_error_set(r->error, TL_INVALID,
                         "'%s' holds no key: it has sections such as [me] with aws_access_key_id = ... and "
                         "aws_secret_access_key = ...",
                         r->path));
}

bool tl_sigv4_keys_load(struct tl_sigv4_keys **out, const char *path, struct tl_error *error)
{
    struct tl_buf text;
    struct stat st;
    *out = NULL;
    struct tl_sigv4_keys *keys = calloc(1, sizeof *keys);
    if (!keys)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    struct reading r = { .keys = keys, .error = error, .path = path };
    tl_buf_init(&text, FILE_MAX);
    bool ok = tl_file_read(path, &text, error) && read_keys(&r, tl_buf_view(&text));
    tl_buf_release(&text);
    if (ok && tl_io->stat(path, &st) == 0 && (st.st_mode & 077))
        tl_log_warn("net", "the credentials in '%s' can be read by others: chmod 600 it", path);
    if (ok)
        *out = keys;
    else
        tl_sigv4_keys_free(keys);
    return ok;
}

void tl_sigv4_keys_free(struct tl_sigv4_keys *keys)
{
    if (!keys)
        return;
    for (size_t i = 0; i < keys->count; i++) {
        free(keys->keys[i].access);
        free(keys->keys[i].secret);
        free(keys->keys[i].token);
    }
    free(keys->keys);
    free(keys);
}

/* ---- what the request says of itself ---- */

struct claim {
    const struct tl_sigv4_incoming *in;
    struct tl_sigv4_verdict *verdict;
    bool by_query;
    struct tl_view algorithm, credential, signed_headers, signature, date, token, expires;
    struct tl_view access, day, region, service, terminator; /* of the credential */
    char decoded[7][1024];                                   /* of the query */
    const struct key *key;
    int64_t at_ns;
    char when[17]; /* the instant as x-amz-date has it */
};

static bool deny(struct claim *c, const char *exception, const char *fmt, ...) TL_PRINTF(3, 4);

static bool deny(struct claim *c, const char *exception, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(c->verdict->message, sizeof c->verdict->message, fmt, args);
    va_end(args);
    c->verdict->exception = exception;
    return false;
}

static struct tl_view header(const struct tl_sigv4_incoming *in, const char *name)
{
    for (size_t i = 0; i < in->header_count; i++)
        if (tl_view_eq_ignore_case(in->headers[i].name, tl_view_of(name)))
            return tl_view_trim(in->headers[i].value);
    return (struct tl_view){ NULL, 0 };
}

/* The raw value of a parameter; {NULL, 0} when it is not there. */
static struct tl_view raw_parameter(struct tl_view query, const char *name)
{
    while (query.size) {
        struct tl_view value, part = tl_view_split(query, '&', &query);
        if (tl_view_is(tl_view_split(part, '=', &value), name))
            return value.data ? value : (struct tl_view){ "", 0 };
    }
    return (struct tl_view){ NULL, 0 };
}

static struct tl_view parameter(struct claim *c, size_t slot, const char *name)
{
    struct tl_view raw = raw_parameter(c->in->query, name);
    char *to = c->decoded[slot];
    size_t size = 0;
    if (!raw.data)
        return raw;
    for (size_t i = 0; i < raw.size && size < sizeof c->decoded[0]; i++) {
        if (raw.data[i] == '%' && raw.size - i >= 3 && tl_hex_digit(raw.data[i + 1]) >= 0 &&
            tl_hex_digit(raw.data[i + 2]) >= 0) {
            to[size++] = (char)(tl_hex_digit(raw.data[i + 1]) * 16 + tl_hex_digit(raw.data[i + 2]));
            i += 2;
        } else
            to[size++] = raw.data[i];
    }
    return (struct tl_view){ to, size };
}

static bool read_query(struct claim *c)
{
    static const char *const names[] = { "X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature",
                                         "X-Amz-SignedHeaders", "X-Amz-Date" };
    struct tl_view *const values[] = { &c->algorithm, &c->credential, &c->signature, &c->signed_headers,
                                       &c->date };
    char missing[512];
    size_t size = 0;
    for (size_t i = 0; i < TL_COUNT(names); i++) {
        *values[i] = parameter(c, i, names[i]);
        if (values[i]->size == 0)
            size += (size_t)snprintf(missing + size, sizeof missing - size,
                                     "AWS query-string parameters must include '%s'. ", names[i]);
    }
    c->token = parameter(c, 5, "X-Amz-Security-Token");
    c->expires = parameter(c, 6, "X-Amz-Expires");
    return size == 0 ||
           deny(c, "IncompleteSignatureException", "%sRe-examine the query-string parameters.", missing);
}

static bool read_header(struct claim *c, struct tl_view authorization)
{
    char missing[512];
    size_t size = 0;
    struct tl_view rest;
    c->algorithm = tl_view_split(authorization, ' ', &rest);
    while (rest.size) {
        struct tl_view value, part = tl_view_trim(tl_view_split(rest, ',', &rest));
        struct tl_view name = tl_view_split(part, '=', &value);
        if (tl_view_is(name, "Credential"))
            c->credential = value;
        else if (tl_view_is(name, "SignedHeaders"))
            c->signed_headers = value;
        else if (tl_view_is(name, "Signature"))
            c->signature = value;
    }
    c->date = header(c->in, "x-amz-date");
    if (!c->date.data)
        c->date = header(c->in, "date");
    c->token = header(c->in, "x-amz-security-token");
    static const char *const names[] = { "Credential", "Signature", "SignedHeaders" };
    const struct tl_view values[] = { c->credential, c->signature, c->signed_headers };
    for (size_t i = 0; i < TL_COUNT(names); i++)
        if (values[i].size == 0)
            size += (size_t)snprintf(missing + size, sizeof missing - size,
                                     "Authorization header requires '%s' parameter. ", names[i]);
    if (c->date.size == 0)
        size += (size_t)snprintf(
            missing + size, sizeof missing - size,
            "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ");
    return size == 0 || deny(c, "IncompleteSignatureException", "%sAuthorization=%.*s", missing,
                             TL_VIEW_ARG(authorization));
}

static bool read_claim(struct claim *c)
{
    struct tl_view authorization = header(c->in, "authorization");
    c->by_query = raw_parameter(c->in->query, "X-Amz-Algorithm").data ||
                  raw_parameter(c->in->query, "X-Amz-Signature").data;
    if (authorization.data && c->by_query)
        return deny(
            c, "InvalidSignatureException",
            "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.");
    if (!authorization.size && !c->by_query)
        return deny(c, "MissingAuthenticationTokenException", "Missing Authentication Token");
    if (!(c->by_query ? read_query(c) : read_header(c, authorization)))
        return false;
    return tl_view_is(c->algorithm, ALGORITHM) ||
           deny(c, "IncompleteSignatureException", "Unsupported AWS 'algorithm': '%.*s'.",
                TL_VIEW_ARG(c->algorithm));
}

/* ---- the instant ---- */

/* Digits of fixed places: "20250927T123400Z", the places of year, month, day, hour, minute, second. */
static bool read_compact(struct tl_view v, int64_t *ns)
{
    char iso[32];
    if (v.size != 16 || v.data[8] != 'T' || v.data[15] != 'Z')
        return false;
    snprintf(iso, sizeof iso, "%.4s-%.2s-%.2sT%.2s:%.2s:%.2sZ", v.data, v.data + 4, v.data + 6, v.data + 9,
             v.data + 11, v.data + 13);
    return tl_time_parse(tl_view_of(iso), ns);
}

static bool check_date(struct claim *c)
{
    if (!read_compact(c->date, &c->at_ns) && !tl_http_date_parse(c->date, &c->at_ns) &&
        !tl_time_parse(c->date, &c->at_ns))
        return deny(c, "IncompleteSignatureException", "Date must be in ISO-8601 'basic format'. Got '%.*s'.",
                    TL_VIEW_ARG(c->date));
    tl_sigv4_date(c->at_ns, c->when);
    if (!tl_view_eq(c->day, (struct tl_view){ c->when, 8 }))
        return deny(c, "InvalidSignatureException",
                    "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from "
                    "HTTP: '%.*s' != '%.8s', from '%s'.",
                    TL_VIEW_ARG(c->day), c->when, c->when);
    unsigned skew_s = strcmp(c->in->service, "s3") == 0 ? SKEW_S3_S : SKEW_S;
    int64_t skew_ns = skew_s * TL_NS_PER_S;
    uint64_t expires = skew_s;
    if (c->by_query && c->expires.data &&
        (!tl_view_to_u64(c->expires, &expires) || expires < 1 || expires > EXPIRES_MAX))
        return deny(c, "IncompleteSignatureException", "X-Amz-Expires must be between 1 and %d seconds.",
                    EXPIRES_MAX);
    char now[17], bound[17];
    int64_t now_ns = c->in->now_ns, life_ns = (int64_t)expires * TL_NS_PER_S;
    tl_sigv4_date(now_ns, now);
    if (c->at_ns < now_ns - life_ns) {
        tl_sigv4_date(now_ns - life_ns, bound);
        return deny(c, "InvalidSignatureException",
                    "Signature expired: %s is now earlier than %s (%s - %d min.)", c->when, bound, now,
                    (int)(expires / 60));
    }
    if (c->at_ns > now_ns + skew_ns) {
        tl_sigv4_date(now_ns + skew_ns, bound);
        return deny(c, "InvalidSignatureException",
                    "Signature not yet current: %s is still later than %s (%s + %u min.)", c->when, bound,
                    now, skew_s / 60);
    }
    return true;
}

/* ---- the key ---- */

static bool read_scope(struct claim *c)
{
    struct tl_view rest = c->credential;
    struct tl_view *const parts[] = { &c->access, &c->day, &c->region, &c->service, &c->terminator };
    for (size_t i = 0; i < TL_COUNT(parts); i++)
        *parts[i] = tl_view_split(rest, '/', &rest);
    if (!c->terminator.data || rest.data || c->region.size >= 64 || c->access.size == 0)
        return deny(c, "IncompleteSignatureException",
                    "Credential must have exactly 5 slash-delimited elements, e.g. "
                    "keyid/date/region/service/term, got '%.*s'",
                    TL_VIEW_ARG(c->credential));
    if (!tl_view_is(c->service, c->in->service))
        return deny(c, "InvalidSignatureException", "Credential should be scoped to correct service: '%s'.",
                    c->in->service);
    return tl_view_is(c->terminator, "aws4_request") ||
           deny(c, "InvalidSignatureException",
                "Credential should be scoped with a valid terminator: 'aws4_request', not '%.*s'.",
                TL_VIEW_ARG(c->terminator));
}

static bool find_key(const struct tl_sigv4_keys *keys, struct claim *c)
{
    for (size_t i = 0; i < keys->count && !c->key; i++)
        if (tl_view_is(c->access, keys->keys[i].access))
            c->key = &keys->keys[i];
    bool fits = c->key && (c->key->token ? tl_view_is(c->token, c->key->token) : c->token.size == 0);
    return fits ||
           deny(c, "UnrecognizedClientException", "The security token included in the request is invalid.");
}

static const uint8_t *signing_key(struct tl_sigv4_keys *keys, const struct claim *c)
{
    for (size_t i = 0; i < CACHED; i++) {
        const struct cached *k = &keys->cached[i];
        if (k->key == c->key && tl_view_is(c->day, k->day) && tl_view_is(c->region, k->region) &&
            strcmp(k->service, c->in->service) == 0)
            return k->bytes;
    }
    struct cached *k = &keys->cached[keys->next_cached++ % CACHED];
    k->key = c->key;
    snprintf(k->day, sizeof k->day, "%.*s", TL_VIEW_ARG(c->day));
    snprintf(k->region, sizeof k->region, "%.*s", TL_VIEW_ARG(c->region));
    snprintf(k->service, sizeof k->service, "%s", c->in->service);
    tl_sigv4_key(c->key->secret, c->day, k->region, k->service, k->bytes);
    return k->bytes;
}

/* ---- the signature ---- */

/* All values of a header, joined by commas as they came. False when there is none. */
static bool join(const struct tl_sigv4_incoming *in, struct tl_view name, struct tl_buf *out)
{
    size_t found = 0;
    for (size_t i = 0; i < in->header_count; i++) {
        if (!tl_view_eq_ignore_case(in->headers[i].name, name))
            continue;
        if (found++)
            tl_buf_add_char(out, ',');
        tl_buf_add_view(out, tl_view_trim(in->headers[i].value));
    }
    return found > 0;
}

struct signed_headers {
    struct tl_http_header rows[SIGNED_MAX];
    struct tl_buf values[SIGNED_MAX];
    size_t count;
};

static bool gather_headers(struct claim *c, struct signed_headers *h)
{
    struct tl_view rest = c->signed_headers;
    bool host = false, target = !header(c->in, "x-amz-target").data;
    while (rest.size) {
        struct tl_view name = tl_view_split(rest, ';', &rest);
        if (h->count == SIGNED_MAX)
            return deny(c, "InvalidSignatureException", "More than %d headers are signed.", SIGNED_MAX);
        struct tl_buf *value = &h->values[h->count];
        tl_buf_init(value, 1 << 16);
        /* The JavaScript SDK signs HTTP/2's own name of the host. */
        bool authority = tl_view_is(name, ":authority");
        bool there = join(c->in, authority ? TL_VIEW("host") : name, value);
        h->rows[h->count++] =
            (struct tl_http_header){ name, value->size ? tl_buf_view(value) : (struct tl_view){ "", 0 } };
        if (!there)
            return deny(c, "InvalidSignatureException", "The signed header '%.*s' is not in the request.",
                        TL_VIEW_ARG(name));
        host = host || authority || tl_view_is(name, "host");
        target = target || tl_view_is(name, "x-amz-target");
    }
    return (host && target) ||
           deny(c, "InvalidSignatureException", "The headers 'host' and 'x-amz-target' must be signed.");
}

static bool hash_body(struct claim *c, char hash[65])
{
    uint8_t digest[32];
    struct tl_view told = header(c->in, "x-amz-content-sha256");
    bool s3 = strcmp(c->in->service, "s3") == 0;
    if (s3 && (told.data || c->by_query)) { /* S3 signs what is told of the body; whoever reads the body compares */
        snprintf(hash, 65, "%.*s", TL_VIEW_ARG(told.data ? told : TL_VIEW(UNSIGNED)));
        return true;
    }
    tl_sha256(c->in->body, digest);
    tl_hex(digest, 32, hash);
    return !told.data || tl_view_is(told, hash) ||
           deny(c, "InvalidSignatureException",
                "The provided 'x-amz-content-sha256' header does not match what was computed.");
}

/* What was signed is all of the query but the signature itself. */
static void without_signature(struct tl_view query, struct tl_buf *out)
{
    while (query.size) {
        struct tl_view value, part = tl_view_split(query, '&', &query);
        if (tl_view_is(tl_view_split(part, '=', &value), "X-Amz-Signature"))
            continue;
        if (out->size)
            tl_buf_add_char(out, '&');
        tl_buf_add_view(out, part);
    }
}

static bool same(const char hex[65], struct tl_view signature)
{
    unsigned different = signature.size != 64;
    for (size_t i = 0; i < 64 && i < signature.size; i++) /* in constant time */
        different |= (unsigned)(unsigned char)(hex[i] ^ signature.data[i]);
    return !different;
}

static bool check_signature(struct tl_sigv4_keys *keys, struct claim *c, struct signed_headers *h,
                            struct tl_buf *query)
{
    char hash[65], hex[65], region[64], scope[256];
    struct tl_error error;
    if (!gather_headers(c, h) || !hash_body(c, hash))
        return false;
    if (c->by_query)
        without_signature(c->in->query, query);
    snprintf(region, sizeof region, "%.*s", TL_VIEW_ARG(c->region));
    snprintf(scope, sizeof scope, "%.*s/%s/%s/aws4_request", TL_VIEW_ARG(c->day), region, c->in->service);
    struct tl_sigv4_request r = { .method = c->in->method,
                                  .path = c->in->path,
                                  .query = c->by_query ? tl_buf_view(query) : c->in->query,
                                  .headers = h->rows,
                                  .header_count = h->count,
                                  .payload_hash = tl_view_of(hash),
                                  .region = region,
                                  .service = c->in->service,
                                  .now_ns = c->at_ns };
    if (!tl_sigv4_signature(&r, tl_view_of(c->when), scope, signing_key(keys, c), hex, &error))
        return deny(c, "InvalidSignatureException", "%s", error.text);
    return same(hex, c->signature) || deny(c, "InvalidSignatureException",
                                           "The request signature we calculated does not match the signature "
                                           "you provided. Check your AWS Secret Access Key and "
                                           "signing method. Consult the service documentation for details.");
}

bool tl_sigv4_verify(struct tl_sigv4_keys *keys, const struct tl_sigv4_incoming *in,
                     struct tl_sigv4_verdict *out)
{
    struct claim c = { .in = in, .verdict = out };
    struct signed_headers headers = { .count = 0 };
    struct tl_buf query;
    out->exception = NULL;
    out->message[0] = out->access_key[0] = '\0';
    tl_buf_init(&query, 1 << 16);
    bool ok = read_claim(&c) && read_scope(&c) && find_key(keys, &c) && check_date(&c) &&
              check_signature(keys, &c, &headers, &query);
    if (ok)
        snprintf(out->access_key, sizeof out->access_key, "%.*s", TL_VIEW_ARG(c.access));
    for (size_t i = 0; i < headers.count; i++)
        tl_buf_release(&headers.values[i]);
    tl_buf_release(&query);
    return ok;
}
