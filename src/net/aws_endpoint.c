/* SPDX-License-Identifier: Apache-2.0 */
#include "net/aws_endpoint.h"

#include "base/view.h"
#include "net/aws_profile.h"

#include <stdio.h>
#include <stdlib.h>

#define ORIGIN_MAX 160

/* What the user has set, and where; text "" when nothing. */
struct found {
    char text[TL_AWS_URL_MAX], origin[ORIGIN_MAX];
};

static bool from_environment(struct found *out, const char *name)
{
    const char *value = getenv(name);
    if (!value || !value[0] || strlen(value) >= sizeof out->text)
        return false;
    snprintf(out->text, sizeof out->text, "%s", value);
    snprintf(out->origin, sizeof out->origin, "%.100s", name);
    return true;
}

static bool from_value(struct found *out, const char *value, const char *what, const char *of,
                       const char *name)
{
    if (!value || strlen(value) >= sizeof out->text)
        return false;
    snprintf(out->text, sizeof out->text, "%s", value);
    snprintf(out->origin, sizeof out->origin, "%.30s of %.30s '%.70s'", what, of, name);
    return true;
}

static bool is_true(const char *text)
{
    return text && tl_view_eq_ignore_case(tl_view_of(text), TL_VIEW("true"));
}

/* A setting that is both a variable and one of the profile. */
static bool is_set_true(const struct tl_aws_profiles *p, const char *variable, const char *key)
{
    const char *value = getenv(variable);
    if (value && value[0])
        return is_true(value);
    return p && is_true(tl_aws_profile_get(p, tl_aws_profile_name(NULL), key));
}

static bool find_region(const struct tl_aws_profiles *p, struct found *out)
{
    const char *profile = tl_aws_profile_name(NULL);
    return from_environment(out, "AWS_REGION") || from_environment(out, "AWS_DEFAULT_REGION") ||
           (p && from_value(out, tl_aws_profile_get(p, profile, "region"), "region", "profile", profile));
}

/* "kinesis" to "KINESIS", "secrets-manager" to "SECRETS_MANAGER" (and back with a small first). */
static void fold_service(const char *service, char first, char out[48])
{
    size_t i = 0;
    for (; service[i] && i < 47; i++) {
        char c = service[i];
        if (first == 'A' && c >= 'a' && c <= 'z')
            c = (char)(c - 32);
        else if (first == 'a' && c >= 'A' && c <= 'Z')
            c = (char)(c + 32);
        out[i] = c == '-' || c == ' ' ? '_' : c;
    }
    out[i] = '\0';
}

static bool find_endpoint(const struct tl_aws_profiles *p, const char *service, struct found *out)
{
    char capitals[48], small[48], variable[80];
    const char *profile = tl_aws_profile_name(NULL);
    if (is_set_true(p, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls"))
        return false;
    fold_service(service, 'A', capitals);
    fold_service(service, 'a', small);
    snprintf(variable, sizeof variable, "AWS_ENDPOINT_URL_%s", capitals);
    if (from_environment(out, variable) || from_environment(out, "AWS_ENDPOINT_URL"))
        return true;
    const char *services = p ? tl_aws_profile_get(p, profile, "services") : NULL;
    if (services && from_value(out, tl_aws_services_get(p, services, small, "endpoint_url"), "endpoint_url",
                               "services section", services))
        return true;
    return p && from_value(out, tl_aws_profile_get(p, profile, "endpoint_url"), "endpoint_url", "profile",
                           profile);
}

bool tl_aws_region(char out[TL_AWS_REGION_MAX])
{
    struct tl_error ignored;
    struct tl_aws_profiles *p;
    struct found found;
    if (!tl_aws_profiles_load(&p, &ignored))
        p = NULL; /* who needs the files says what is wrong with them */
    bool ok = find_region(p, &found) && strlen(found.text) < TL_AWS_REGION_MAX;
    if (ok)
        snprintf(out, TL_AWS_REGION_MAX, "%.63s", found.text);
    tl_aws_profiles_free(p);
    return ok;
}

bool tl_aws_endpoint(const char *service, char out[TL_AWS_URL_MAX])
{
    struct tl_error ignored;
    struct tl_aws_profiles *p;
    struct found found;
    if (!tl_aws_profiles_load(&p, &ignored))
        p = NULL;
    bool ok = find_endpoint(p, service, &found);
    if (ok)
        snprintf(out, TL_AWS_URL_MAX, "%s", found.text);
    tl_aws_profiles_free(p);
    return ok;
}

bool tl_aws_region_is_valid(const char *region)
{
    size_t size = strlen(region);
    return size > 0 && size < TL_AWS_REGION_MAX &&
           strspn(region, "abcdefghijklmnopqrstuvwxyz0123456789-") == size && region[0] != '-' &&
           region[size - 1] != '-';
}

static bool resolve_region(struct tl_aws_endpoint *out, const struct tl_aws_profiles *p, const char *service,
                           const char *region, struct tl_error *error)
{
    struct found found = { .origin = "as given" };
    if (region)
        snprintf(found.text, sizeof found.text, "%.100s", region);
    else if (!find_region(p, &found) && (out->custom || strcmp(service, "sts") == 0))
        found = (struct found){ "us-east-1", "none is set: us-east-1" };
    if (!found.text[0] && !region)
        return tl_error_set(
            error, TL_INVALID,
            "no AWS region: set AWS_REGION, or 'region' in the profile of the pipeline file or in "
            "~/.aws/config");
    if (!tl_aws_region_is_valid(found.text))
        return tl_error_set(error, TL_INVALID, "'%.100s' (%s) is not an AWS region such as us-east-1",
                            found.text, found.origin);
    snprintf(out->region, sizeof out->region, "%.63s", found.text);
    snprintf(out->region_origin, sizeof out->region_origin, "%s", found.origin);
    return true;
}

/* What a host name of AWS ends in, by the region's partition (partitions.json of the SDKs). */
static const char *domain_of(const char *region)
{
    static const struct {
        const char *prefix, *domain;
    } partitions[] = {
        { "cn-", "amazonaws.com.cn" },    { "us-gov-", "amazonaws.com" }, { "us-isob-", "sc2s.sgov.gov" },
        { "us-isof-", "csp.hci.ic.gov" }, { "us-iso-", "c2s.ic.gov" },    { "eu-isoe-", "cloud.adc-e.uk" },
        { "eusc-", "amazonaws.eu" },
    };
    for (size_t i = 0; i < TL_COUNT(partitions); i++)
        if (strncmp(region, partitions[i].prefix, strlen(partitions[i].prefix)) == 0)
            return partitions[i].domain;
    return "amazonaws.com";
}

/* Splits "http://host:port/path" into what is signed: host (without the scheme's own port, as curl sends it)
 * and path. */
static bool split_url(struct tl_aws_endpoint *out, const char *service, const char *url,
                      struct tl_error *error)
{
    const char *authority = NULL, *own_port = NULL;
    if (strncmp(url, "http://", 7) == 0) {
        authority = url + 7;
        own_port = ":80";
    } else if (strncmp(url, "https://", 8) == 0) {
        authority = url + 8;
        own_port = ":443";
    }
    if (!authority || strlen(url) >= TL_AWS_URL_MAX || strpbrk(url, "?#@\\ \"<>") || authority[0] == '/' ||
        !authority[0])
        return tl_error_set(error, TL_INVALID,
                            "the %s endpoint '%.200s' (%s) is not like http://127.0.0.1:4566", service, url,
                            out->origin);
    for (const char *p = url; *p; p++)
        if (*p < ' ' || *p > '~')
            return tl_error_set(error, TL_INVALID, "the %s endpoint (%s) holds a character that no URL has",
                                service, out->origin);
    size_t host_size = strcspn(authority, "/");
    struct tl_view path = tl_view_of(authority + host_size), host = { authority, host_size };
    while (path.size && path.data[path.size - 1] == '/')
        path.size--;
    if (host.size >= sizeof out->host || path.size + 2 > sizeof out->path)
        return tl_error_set(error, TL_INVALID, "the %s endpoint '%.200s' is too long", service, url);
    snprintf(out->path, sizeof out->path, "%.*s/", TL_VIEW_ARG(path));
    snprintf(out->url, sizeof out->url, "%.*s%s", (int)(authority - url + (ptrdiff_t)host_size), url,
             out->path);
    if (tl_view_ends_with(host, tl_view_of(own_port)))
        host.size -= strlen(own_port);
    snprintf(out->host, sizeof out->host, "%.*s", TL_VIEW_ARG(host));
    return true;
}

/* AWS's own endpoint of the service in out->region. */
static bool own_endpoint(struct tl_aws_endpoint *out, const struct tl_aws_profiles *p, const char *service,
                         struct tl_error *error)
{
    static const struct {
        const char *variable, *key;
    } refused[] = { { "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint" },
                    { "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint" } };
    char url[TL_AWS_URL_MAX];
    for (size_t i = 0; i < TL_COUNT(refused); i++)
        if (is_set_true(p, refused[i].variable, refused[i].key))
            return tl_error_set(
                error, TL_UNSUPPORTED,
                "%s is not supported by this version: set the endpoint's URL in AWS_ENDPOINT_URL_<SERVICE>",
                refused[i].variable);
    if (strcmp(service, "sts") == 0 && strncmp(out->region_origin, "none", 4) == 0)
        snprintf(url, sizeof url, "https://sts.amazonaws.com");
    else
        snprintf(url, sizeof url, "https://%s.%s.%s", service, out->region, domain_of(out->region));
    snprintf(out->origin, sizeof out->origin, "AWS's own for %s", out->region);
    return split_url(out, service, url, error);
}

bool tl_aws_endpoint_resolve(struct tl_aws_endpoint *out, const char *service, const char *region,
                             const char *url, struct tl_error *error)
{
    struct tl_aws_profiles *p;
    struct found found = { .origin = "as given" };
    *out = (struct tl_aws_endpoint){ .url = "" };
    if (!tl_aws_profiles_load(&p, error))
        return false;
    if (url && strlen(url) < sizeof found.text)
        snprintf(found.text, sizeof found.text, "%s", url);
    out->custom = url || find_endpoint(p, service, &found);
    snprintf(out->origin, sizeof out->origin, "%s", found.origin);
    bool ok = resolve_region(out, p, service, region, error);
    if (ok && out->custom)
        ok = split_url(out, service, url ? url : found.text, error);
    else if (ok)
        ok = own_endpoint(out, p, service, error);
    tl_aws_profiles_free(p);
    return ok;
}
