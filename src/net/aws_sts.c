/* SPDX-License-Identifier: Apache-2.0 */
#include "net/aws_sts.h"

#include "base/buf.h"
#include "base/io.h"
#include "base/time.h"
#include "net/aws_client.h"
#include "net/aws_provider_int.h"
#include "net/aws_xml.h"

#include <stdio.h>

#define ANSWER_MAX ((size_t)128 << 10)
#define BODY_MAX ((size_t)64 << 10) /* a web identity token is at most 20,000 characters */
#define TIMEOUT_NS (10 * TL_NS_PER_S)

static void add_parameter(struct tl_buf *body, const char *name, const char *value)
{
    if (!value)
        return;
    if (body->size)
        tl_buf_add_char(body, '&');
    tl_buf_addf(body, "%s=", name);
    for (const char *p = value; *p; p++) {
        bool plain = (*p >= 'A' && *p <= 'Z') || (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9') ||
                     strchr("-_.~", *p);
        if (plain)
            tl_buf_add_char(body, *p);
        else
            tl_buf_addf(body, "%%%02X", (unsigned char)*p);
    }
}

static bool call(struct tl_aws_client *c, const struct tl_buf *body, struct tl_error *error)
{
    struct tl_aws_request request = {
        .method = "POST",
        .content_type = "application/x-www-form-urlencoded; charset=utf-8",
        .body = tl_buf_view(body),
    };
    return tl_buf_ok(body, "the request", error) && tl_aws_client_send(c, &request, error);
}

static bool bad_answer(struct tl_error *error, const char *what)
{
    return tl_error_set(error, TL_IO, "sts: the answer has no %s", what);
}

static bool read_credentials(struct tl_view xml, struct tl_aws_credentials *out, struct tl_error *error)
{
    char text[sizeof out->session_token];
    if (!tl_aws_xml_text(xml, "AccessKeyId", text, sizeof text) ||
        !tl_aws_copy_key(out->access_key, sizeof out->access_key, tl_view_of(text)))
        return bad_answer(error, "AccessKeyId");
    if (!tl_aws_xml_text(xml, "SecretAccessKey", text, sizeof text) ||
        !tl_aws_copy_key(out->secret_key, sizeof out->secret_key, tl_view_of(text)))
        return bad_answer(error, "SecretAccessKey");
    if (!tl_aws_xml_text(xml, "SessionToken", text, sizeof text) ||
        !tl_aws_copy_key(out->session_token, sizeof out->session_token, tl_view_of(text)))
        return bad_answer(error, "SessionToken");
    if (!tl_aws_xml_text(xml, "Expiration", text, sizeof text) ||
        !tl_time_parse(tl_view_of(text), &out->expires_ns))
        return bad_answer(error, "Expiration");
    explicit_bzero(text, sizeof text);
    return true;
}

static bool assume(const char *action, const struct tl_aws_credentials *source,
                   const struct tl_aws_role *role, const char *token, struct tl_aws_credentials *out,
                   int64_t *skew_ns, struct tl_error *error)
{
    struct tl_aws_client_options options = {
        .service = "sts", .credentials = source, .answer_max = ANSWER_MAX, .timeout_ns = TIMEOUT_NS
    };
    struct tl_aws_client *c;
    struct tl_buf body;
    char session[64];
    if (!tl_aws_client_new(&c, &options, error))
        return false;
    snprintf(session, sizeof session, "tapeline-%lld", (long long)(tl_io->wall_ns() / TL_NS_PER_S));
    tl_buf_init(&body, BODY_MAX);
    add_parameter(&body, "Action", action);
    add_parameter(&body, "Version", "2011-06-15");
    add_parameter(&body, "RoleArn", role->arn);
    add_parameter(&body, "RoleSessionName", role->session_name ? role->session_name : session);
    add_parameter(&body, "ExternalId", role->external_id);
    add_parameter(&body, "DurationSeconds", role->duration);
    add_parameter(&body, "WebIdentityToken", token);
    bool ok =
        call(c, &body, error) && read_credentials(tl_buf_view(&tl_aws_client_response(c)->body), out, error);
    int64_t skew;
    if (tl_aws_client_skew(c, &skew))
        *skew_ns = skew;
    if (body.data)
        explicit_bzero(body.data, body.size);
    tl_buf_release(&body);
    tl_aws_client_free(c);
    return ok || tl_error_context(error, "%s of %.200s", action, role->arn);
}

bool tl_aws_sts_assume_role(const struct tl_aws_credentials *source, const struct tl_aws_role *role,
                            struct tl_aws_credentials *out, int64_t *skew_ns, struct tl_error *error)
{
    return assume("AssumeRole", source, role, NULL, out, skew_ns, error);
}

bool tl_aws_sts_assume_role_with_web_identity(const struct tl_aws_role *role, const char *token,
                                              struct tl_aws_credentials *out, int64_t *skew_ns,
                                              struct tl_error *error)
{
    return assume("AssumeRoleWithWebIdentity", NULL, role, token, out, skew_ns, error);
}

bool tl_aws_sts_caller_identity(struct tl_aws_chain *chain, const char *region, struct tl_aws_identity *out,
                                struct tl_error *error)
{
    struct tl_aws_client_options options = {
        .service = "sts", .region = region, .chain = chain, .answer_max = ANSWER_MAX, .timeout_ns = TIMEOUT_NS
    };
    struct tl_aws_client *c;
    struct tl_buf body;
    *out = (struct tl_aws_identity){ .arn = "" };
    if (!tl_aws_client_new(&c, &options, error))
        return false;
    snprintf(out->endpoint, sizeof out->endpoint, "%s", tl_aws_client_endpoint(c)->url);
    tl_buf_init(&body, BODY_MAX);
    add_parameter(&body, "Action", "GetCallerIdentity");
    add_parameter(&body, "Version", "2011-06-15");
    bool ok = call(c, &body, error);
    struct tl_view xml = tl_buf_view(&tl_aws_client_response(c)->body);
    if (ok && (!tl_aws_xml_text(xml, "Arn", out->arn, sizeof out->arn) ||
               !tl_aws_xml_text(xml, "Account", out->account, sizeof out->account) ||
               !tl_aws_xml_text(xml, "UserId", out->user_id, sizeof out->user_id)))
        ok = bad_answer(error, "Arn, Account and UserId");
    out->has_skew = tl_aws_client_skew(c, &out->skew_ns);
    tl_buf_release(&body);
    tl_aws_client_free(c);
    return ok;
}
