/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/doctor_aws_int.h"

#include "base/time.h"
#include "net/aws_client.h"
#include "net/aws_retry.h"
#include "net/aws_sts.h"

#include <stdio.h>
#include <string.h>

#define SKEW_WARN_NS (60 * TL_NS_PER_S)

struct tl_doctor_needs tl_doctor_needs_of(const struct tl_profile_plan *profile)
{
    struct tl_doctor_needs needs = { .kinesis = false };
    if (!profile)
        return needs;
    const char *kinesis = profile->kinesis ? profile->kinesis : "embedded";
    needs.kinesis = strcmp(kinesis, "embedded") != 0;
    needs.kinesis_url = needs.kinesis && strcmp(kinesis, "aws") != 0 ? kinesis : NULL;
    needs.s3 = profile->lake && strncmp(profile->lake, "s3://", 5) == 0;
    needs.glue = profile->catalog && strcmp(profile->catalog, "glue") == 0;
    needs.region = profile->region;
    return needs;
}

void tl_doctor_fix_refusal(struct tl_doctor_check *check, const struct tl_error *error, const char *code,
                           const char *action, const char *on)
{
    if (tl_aws_code_is_expired(tl_view_of(code)))
        tl_doctor_fix(check, "renew the credentials: their session has ended");
    else if (strcmp(code, "InvalidClientTokenId") == 0 || strcmp(code, "UnrecognizedClientException") == 0 ||
             strcmp(code, "InvalidAccessKeyId") == 0)
        tl_doctor_fix(
            check,
            "the access key is not known there: look at 'credentials' above, and whether the endpoint is "
            "that of its account");
    else if (strcmp(code, "SignatureDoesNotMatch") == 0 || strcmp(code, "InvalidSignatureException") == 0)
        tl_doctor_fix(
            check,
            "the secret access key does not go with the access key, or the endpoint's region is another");
    else if (error->code == TL_DENIED)
        tl_doctor_fix(check, "allow %s on %s to the identity above", action, on);
    else if (error->code == TL_UNAVAILABLE || error->code == TL_TIMEOUT)
        tl_doctor_fix(check, "look at the endpoint, the network, and HTTPS_PROXY");
    else if (error->code == TL_THROTTLED)
        tl_doctor_fix(check, "try again later");
    else
        tl_doctor_fix(check, "what answers there does not answer as the service does: look at the endpoint above, and at "
                             "TAPELINE_LOG=net=debug");
}

static const char *const services[] = { "sts", "kinesis", "s3", "glue" };
#define SERVICES 4

static bool is_needed(const struct tl_doctor_needs *needs, size_t service)
{
    const bool all[SERVICES] = { true, needs->kinesis, needs->s3, needs->glue };
    return all[service];
}

/* *foreign: no service that is needed is AWS's own, so that nobody there would know our identity. */
static bool check_endpoints(struct tl_doctor *d, const struct tl_doctor_needs *needs, bool *foreign)
{
    bool ok = true, region_told = false, own_sts = false;
    *foreign = true;
    for (size_t i = 0; i < SERVICES; i++) {
        struct tl_aws_endpoint endpoint;
        struct tl_error error;
        char name[32];
        if (!is_needed(needs, i))
            continue;
        snprintf(name, sizeof name, "%s endpoint", services[i]);
        const char *url = strcmp(services[i], "kinesis") == 0 ? needs->kinesis_url : NULL;
        if (!tl_aws_endpoint_resolve(&endpoint, services[i], needs->region, url, &error)) {
            tl_doctor_fix(tl_doctor_add(d, TL_DOCTOR_FAIL, name, "%s", error.text),
                          "set AWS_REGION, and AWS_ENDPOINT_URL_<SERVICE> only where it is not AWS");
            ok = false;
            continue;
        }
        if (!region_told)
            tl_doctor_add(d, TL_DOCTOR_OK, "region", "%s (%s)", endpoint.region,
                          needs->region ? "of the pipeline file's profile" : endpoint.region_origin);
        region_told = true;
        own_sts = own_sts || (i == 0 && !endpoint.custom);
        *foreign = *foreign && (i == 0 || endpoint.custom);
        tl_doctor_add(d, TL_DOCTOR_OK, name, "%s (%s)", endpoint.url,
                      url ? "of the pipeline file's profile" : endpoint.origin);
    }
    *foreign = *foreign && own_sts;
    return ok;
}

static void check_retries(struct tl_doctor *d)
{
    struct tl_aws_retry retry;
    struct tl_error error;
    if (!tl_aws_retry_load(&retry, &error)) {
        tl_doctor_fix(tl_doctor_add(d, TL_DOCTOR_FAIL, "retries", "%s", error.text),
                      "correct it, or leave it out");
        return;
    }
    bool adaptive = retry.mode == TL_AWS_RETRY_ADAPTIVE;
    struct tl_doctor_check *check = tl_doctor_add(
        d, adaptive ? TL_DOCTOR_WARN : TL_DOCTOR_OK, "retries", "%u attempts, mode %s%s", retry.attempts,
        tl_aws_retry_mode_name(retry.mode), adaptive ? ", done as standard" : "");
    if (adaptive)
        tl_doctor_fix(check, "nothing need be done: the producer has a rate control of its own");
}

static bool check_credentials(struct tl_doctor *d)
{
    struct tl_aws_credentials credentials;
    struct tl_aws_chain_report report;
    struct tl_error error;
    struct tl_doctor_check *check;
    bool ok = tl_aws_credentials_load(&credentials, &error);
    tl_aws_chain_report(tl_aws_chain_shared(), &report);
    if (ok && credentials.expires_ns) {
        char until[TL_TIME_TEXT_MAX];
        tl_time_format(credentials.expires_ns, TL_TIME_ISO_MS, until);
        check = tl_doctor_add(d, TL_DOCTOR_OK, "credentials", "%s; key %.4s..., until %s", credentials.origin,
                              credentials.access_key, until);
    } else if (ok) {
        check = tl_doctor_add(d, TL_DOCTOR_OK, "credentials", "%s; key %.4s...", credentials.origin,
                              credentials.access_key);
    } else {
        check = tl_doctor_add(d, TL_DOCTOR_FAIL, "credentials", "%.600s", error.text);
        tl_doctor_fix(
            check,
            "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE and its part of ~/.aws/config, "
            "or give the machine a role");
    }
    for (size_t i = 0; i < TL_AWS_PROVIDERS; i++)
        if (report.rows[i].found == TL_AWS_NOT_ASKED)
            tl_doctor_detail(check, "%s: not asked, %s", report.rows[i].provider, report.rows[i].text);
        else if (report.rows[i].found != TL_AWS_FOUND)
            tl_doctor_detail(check, "not %s: %s", report.rows[i].provider, report.rows[i].text);
    explicit_bzero(&credentials, sizeof credentials);
    return ok;
}

static void check_clock(struct tl_doctor *d, int64_t skew_ns)
{
    char text[32];
    int64_t off = skew_ns < 0 ? -skew_ns : skew_ns;
    tl_duration_format(off / TL_NS_PER_S * TL_NS_PER_S, text);
    if (off < 2 * TL_NS_PER_S)
        tl_doctor_add(d, TL_DOCTOR_OK, "clock", "as that of AWS, to a second or two");
    else if (off < SKEW_WARN_NS)
        tl_doctor_add(d, TL_DOCTOR_OK, "clock", "%s %s that of AWS", text, skew_ns > 0 ? "behind" : "before");
    else
        tl_doctor_fix(
            tl_doctor_add(
                d, TL_DOCTOR_WARN, "clock",
                "%s %s that of AWS; signatures are corrected by what it answers, event times are not", text,
                skew_ns > 0 ? "behind" : "before"),
            "set this machine's clock by NTP (timedatectl set-ntp true)");
}

static void check_identity(struct tl_doctor *d, const struct tl_doctor_needs *needs)
{
    struct tl_aws_identity identity;
    struct tl_error error;
    bool ok = tl_aws_sts_caller_identity(tl_aws_chain_shared(), needs->region, &identity, &error);
    if (ok) {
        tl_doctor_add(d, TL_DOCTOR_OK, "identity", "%.400s, account %s", identity.arn, identity.account);
    } else {
        struct tl_doctor_check *check = tl_doctor_add(d, TL_DOCTOR_FAIL, "identity", "%.600s", error.text);
        const char *code = strstr(error.text, "InvalidClientTokenId")    ? "InvalidClientTokenId"
                           : strstr(error.text, "SignatureDoesNotMatch") ? "SignatureDoesNotMatch"
                           : strstr(error.text, "ExpiredToken")          ? "ExpiredToken"
                                                                         : "";
        tl_doctor_fix_refusal(check, &error, code, "sts:GetCallerIdentity", "*");
    }
    if (identity.has_skew)
        check_clock(d, identity.skew_ns);
}

bool tl_doctor_check_account(struct tl_doctor *d, const struct tl_doctor_needs *needs)
{
    bool foreign;
    bool ok = check_endpoints(d, needs, &foreign);
    check_retries(d);
    ok = check_credentials(d) && ok;
    if (ok && foreign)
        tl_doctor_add(d, TL_DOCTOR_OK, "identity", "not asked: no service that is used is AWS's own");
    else if (ok)
        check_identity(d, needs);
    return ok;
}
