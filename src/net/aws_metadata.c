/* SPDX-License-Identifier: Apache-2.0 */
/* Credentials that the machine hands out over HTTP: the agent of a container (ECS, EKS Pod Identity;
 * "Container credential provider") and the metadata service of an EC2 instance, version 2 (EC2 User Guide,
 * "Use IMDSv2"). Neither is asked through a proxy. */
#include "net/aws_provider_int.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/io.h"
#include "base/time.h"
#include "net/aws_clock.h"
#include "net/http_client.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>

#define ANSWER_MAX ((size_t)64 << 10)
#define CONTAINER_ADDRESS "http://169.254.170.2"
#define CONTAINER_TIMEOUT_NS (2 * TL_NS_PER_S)
#define CONTAINER_ATTEMPTS 3
#define IMDS_ADDRESS "http://169.254.169.254"
#define IMDS_ADDRESS_V6 "http://[fd00:ec2::254]"
#define IMDS_TIMEOUT_NS TL_NS_PER_S /* AWS_METADATA_SERVICE_TIMEOUT's default */
#define IMDS_TTL "21600"
#define TOKEN_MAX 8192

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && value[0] ? value : NULL;
}

struct link {
    struct tl_http_client *http;
    struct tl_http_response response;
};

static bool open_link(struct link *l, struct tl_error *error)
{
    tl_http_response_init(&l->response, ANSWER_MAX);
    if (tl_http_client_new(&l->http, ANSWER_MAX, error))
        return true;
    tl_http_response_release(&l->response);
    return false;
}

static void close_link(struct link *l)
{
    if (l->response.body.data)
        explicit_bzero(l->response.body.data, l->response.body.size);
    tl_http_response_release(&l->response);
    tl_http_client_free(l->http);
}

/* One request with at most one header; its status is the caller's to judge. */
static bool ask(struct link *l, struct tl_aws_walk *w, const char *method, const char *url, const char *name,
                const char *value, int64_t timeout_ns, struct tl_error *error)
{
    struct tl_http_header header = { tl_view_of(name), tl_view_of(value) };
    struct tl_http_request request = {
        .method = method,
        .url = url,
        .headers = &header,
        .header_count = value ? 1 : 0,
        .body = strcmp(method, "PUT") == 0 ? TL_VIEW("") : (struct tl_view){ NULL, 0 },
        .timeout_ns = timeout_ns,
        .connect_timeout_ns = timeout_ns,
        .direct = true,
    };
    int64_t skew;
    if (!tl_http_client_send(l->http, &request, &l->response, error))
        return false;
    if (tl_aws_clock_measure(tl_http_response_header(&l->response, "date"), &skew))
        w->skew_ns = skew;
    return true;
}

/* ---- container ---- */

/* Plain HTTP carries secrets only to this machine and to the agents' own addresses. */
static bool is_allowed_host(struct tl_view authority)
{
    static const char *const hosts[] = { "169.254.170.2", "169.254.170.23", "localhost", "[::1]",
                                         "[fd00:ec2::23]" };
    struct tl_view port, host = authority;
    struct in_addr address;
    char text[64];
    if (authority.size && authority.data[0] == '[') {
        host = tl_view_split(authority, ']', &port);
        host.size += port.data ? 1 : 0;
    } else {
        host = tl_view_split(authority, ':', &port);
    }
    for (size_t i = 0; i < TL_COUNT(hosts); i++)
        if (tl_view_is(host, hosts[i]))
            return true;
    if (host.size == 0 || host.size >= sizeof text)
        return false;
    snprintf(text, sizeof text, "%.*s", TL_VIEW_ARG(host));
    return inet_pton(AF_INET, text, &address) == 1 && (ntohl(address.s_addr) >> 24) == 127;
}

static bool check_full_uri(const char *uri, struct tl_error *error)
{
    for (const char *p = uri; *p; p++)
        if (*p <= ' ' || *p > '~' || *p == '\\' || *p == '@')
            return tl_error_set(error, TL_INVALID,
                                "AWS_CONTAINER_CREDENTIALS_FULL_URI holds a character that it must not");
    if (strncmp(uri, "https://", 8) == 0)
        return true;
    struct tl_view authority = { uri + 7, strncmp(uri, "http://", 7) == 0 ? strcspn(uri + 7, "/?#") : 0 };
    if (authority.size && is_allowed_host(authority))
        return true;
    return tl_error_set(
        error, TL_INVALID,
        "AWS_CONTAINER_CREDENTIALS_FULL_URI '%.200s' is neither https nor http to this machine or to "
        "the agent of ECS or EKS",
        uri);
}

/* The Authorization header: the file goes before the variable, and is read anew each time. "" when neither is
 * set. */
static bool read_authorization(char out[TOKEN_MAX], struct tl_error *error)
{
    const char *file = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *token = variable("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    struct tl_buf text;
    out[0] = '\0';
    tl_buf_init(&text, TOKEN_MAX);
    bool ok = !file || tl_file_read(file, &text, error) ||
              tl_error_context(error, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    struct tl_view value = file ? tl_view_trim(tl_buf_view(&text)) : tl_view_of(token);
    bool printable = value.size < TOKEN_MAX;
    for (size_t i = 0; printable && i < value.size; i++)
        printable = value.data[i] >= ' ' && value.data[i] <= '~'; /* no second header out of it */
    if (ok && !printable)
        ok = tl_error_set(error, TL_INVALID, "the container's authorization token cannot stand in a header");
    if (ok)
        snprintf(out, TOKEN_MAX, "%.*s", TL_VIEW_ARG(value));
    tl_buf_release(&text);
    return ok;
}

static bool fetch_container(struct link *l, struct tl_aws_walk *w, const char *uri,
                            struct tl_aws_credentials *out, struct tl_error *error)
{
    char authorization[TOKEN_MAX];
    if (!read_authorization(authorization, error))
        return false;
    for (unsigned attempt = 0; attempt < CONTAINER_ATTEMPTS; attempt++) {
        if (attempt)
            tl_io->sleep_ns(TL_NS_PER_S / 2);
        if (!ask(l, w, "GET", uri, "Authorization", authorization[0] ? authorization : NULL,
                 CONTAINER_TIMEOUT_NS, error))
            continue;
        if (l->response.status == 200)
            return tl_aws_credentials_from_json(out, tl_buf_view(&l->response.body), "Token", false, error);
        bool passing = l->response.status >= 500 || l->response.status == 429;
        (void)tl_error_set(error, passing ? TL_UNAVAILABLE : TL_DENIED, "%.200s answers with status %d", uri,
                           l->response.status);
        if (!passing)
            return false;
    }
    return false;
}

enum tl_aws_found tl_aws_from_container(struct tl_aws_walk *w, struct tl_aws_credentials *out,
                                        struct tl_error *why)
{
    const char *relative = variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = variable("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    char uri[1024];
    struct link l;
    if (!relative && !full) {
        (void)tl_error_set(why, TL_NOT_FOUND,
                           "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and _FULL_URI are not set");
        return TL_AWS_ABSENT;
    }
    int size =
        snprintf(uri, sizeof uri, "%s%s", relative ? CONTAINER_ADDRESS : "", relative ? relative : full);
    bool ok = size < (int)sizeof uri ||
              tl_error_set(why, TL_INVALID, "the container's credentials URI is too long");
    if (ok && relative && (relative[0] != '/' || strpbrk(relative, " @\\\r\n")))
        ok = tl_error_set(why, TL_INVALID, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is no path");
    ok = ok && (relative || check_full_uri(uri, why));
    if (ok && open_link(&l, why)) {
        ok = fetch_container(&l, w, uri, out, why);
        close_link(&l);
    } else {
        ok = false;
    }
    snprintf(out->origin, sizeof out->origin, "container at %.200s", uri);
    return ok || tl_error_context(why, "container credentials") ? TL_AWS_FOUND : TL_AWS_FAILED;
}

/* ---- instance ---- */

static const char *setting(const struct tl_aws_walk *w, const char *name, const char *key)
{
    const char *value = variable(name);
    return value ? value : tl_aws_profile_get(w->profiles, tl_aws_profile_name(NULL), key);
}

static bool find_imds(const struct tl_aws_walk *w, char out[256], struct tl_error *error)
{
    const char *endpoint = setting(w, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint");
    const char *mode =
        setting(w, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ec2_metadata_service_endpoint_mode");
    bool v6 = mode && tl_view_eq_ignore_case(tl_view_of(mode), TL_VIEW("ipv6"));
    const char *base = endpoint ? endpoint : v6 ? IMDS_ADDRESS_V6 : IMDS_ADDRESS;
    size_t size = strlen(base);
    if (strncmp(base, "http://", 7) != 0 || size >= 200 || strpbrk(base, " @\\?#\r\n"))
        return tl_error_set(error, TL_INVALID,
                            "AWS_EC2_METADATA_SERVICE_ENDPOINT '%.150s' is not like " IMDS_ADDRESS, base);
    while (size && base[size - 1] == '/')
        size--;
    snprintf(out, 256, "%.*s/latest/", (int)size, base);
    return true;
}

static int64_t imds_timeout(const struct tl_aws_walk *w)
{
    const char *text = setting(w, "AWS_METADATA_SERVICE_TIMEOUT", "metadata_service_timeout");
    uint64_t seconds;
    if (!text || !tl_view_to_u64(tl_view_of(text), &seconds) || seconds == 0 || seconds > 60)
        return IMDS_TIMEOUT_NS;
    return (int64_t)seconds * TL_NS_PER_S;
}

/* Role names: letters, digits and +=,.@_- (IAM). */
static bool take_role(struct tl_view body, char out[160])
{
    struct tl_view rest, name = tl_view_trim(tl_view_split(body, '\n', &rest));
    if (name.size == 0 || name.size >= 160)
        return false;
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!plain && !strchr("+=,.@_-", c))
            return false;
    }
    snprintf(out, 160, "%.*s", TL_VIEW_ARG(name));
    return true;
}

/* Token, role, credentials. Nobody there, or no role: absent. A role whose credentials are not given: failed.
 */
static enum tl_aws_found fetch_instance(struct link *l, struct tl_aws_walk *w, const char *base,
                                        struct tl_aws_credentials *out, struct tl_error *why)
{
    static const char header[] = "X-aws-ec2-metadata-token";
    char url[512], token[1024], role[160];
    int64_t timeout = imds_timeout(w);
    snprintf(url, sizeof url, "%sapi/token", base);
    if (!ask(l, w, "PUT", url, "X-aws-ec2-metadata-token-ttl-seconds", IMDS_TTL, timeout, why))
        return TL_AWS_ABSENT;
    if (l->response.status != 200 ||
        !tl_aws_copy_key(token, sizeof token, tl_view_trim(tl_buf_view(&l->response.body)))) {
        (void)tl_error_set(why, TL_DENIED, "%.200s gives no token: status %d", url, l->response.status);
        return TL_AWS_ABSENT;
    }
    snprintf(url, sizeof url, "%smeta-data/iam/security-credentials/", base);
    if (!ask(l, w, "GET", url, header, token, timeout, why))
        return TL_AWS_FAILED;
    if (l->response.status != 200 || !take_role(tl_buf_view(&l->response.body), role)) {
        (void)tl_error_set(why, TL_NOT_FOUND, "the instance has no role: %.200s answers with status %d", url,
                           l->response.status);
        return l->response.status == 404 || l->response.status == 200 ? TL_AWS_ABSENT : TL_AWS_FAILED;
    }
    snprintf(url, sizeof url, "%smeta-data/iam/security-credentials/%s", base, role);
    snprintf(out->origin, sizeof out->origin, "instance role %s", role);
    if (!ask(l, w, "GET", url, header, token, timeout, why))
        return TL_AWS_FAILED;
    if (l->response.status != 200)
        (void)tl_error_set(why, TL_DENIED, "%.200s answers with status %d", url, l->response.status);
    else if (tl_aws_credentials_from_json(out, tl_buf_view(&l->response.body), "Token", false, why))
        return TL_AWS_FOUND;
    return TL_AWS_FAILED;
}

enum tl_aws_found tl_aws_from_instance(struct tl_aws_walk *w, struct tl_aws_credentials *out,
                                       struct tl_error *why)
{
    const char *disabled = variable("AWS_EC2_METADATA_DISABLED");
    char base[256];
    struct link l;
    if (disabled && tl_view_eq_ignore_case(tl_view_of(disabled), TL_VIEW("true"))) {
        (void)tl_error_set(why, TL_NOT_FOUND, "AWS_EC2_METADATA_DISABLED is true");
        return TL_AWS_ABSENT;
    }
    enum tl_aws_found found = TL_AWS_FAILED;
    if (find_imds(w, base, why) && open_link(&l, why)) {
        found = fetch_instance(&l, w, base, out, why);
        close_link(&l);
    }
    if (found != TL_AWS_FOUND)
        (void)tl_error_context(why, "instance metadata");
    return found;
}
