/* SPDX-License-Identifier: Apache-2.0 */
/* The sources that are told by variables and by the shared files. */
#include "net/aws_provider_int.h"

#include "base/buf.h"
#include "base/file.h"
#include "base/time.h"
#include "codec/json.h"
#include "net/aws_sts.h"

#include <stdio.h>
#include <stdlib.h>

#define TOKEN_MAX ((size_t)20000) /* of STS */

bool tl_aws_copy_key(char *to, size_t room, struct tl_view from)
{
    if (from.size == 0 || from.size >= room)
        return false;
    for (size_t i = 0; i < from.size; i++)
        if (from.data[i] <= ' ' || from.data[i] > '~')
            return false;
    memcpy(to, from.data, from.size);
    to[from.size] = '\0';
    return true;
}

static enum tl_aws_found absent(struct tl_error *why, const char *text)
{
    (void)tl_error_set(why, TL_NOT_FOUND, "%s", text);
    return TL_AWS_ABSENT;
}

/* A pair of keys from where they were set: half a pair, or one that no header can carry, is an error and no
 * absence. */
static enum tl_aws_found take_keys(struct tl_aws_credentials *out, const char *access, const char *secret,
                                   const char *token, struct tl_error *why)
{
    bool ok;
    if (!access || !secret)
        ok = tl_error_set(why, TL_DENIED, "the %s is set without the %s",
                          access ? "access key id" : "secret access key",
                          access ? "secret access key" : "access key id");
    else
        ok =
            (tl_aws_copy_key(out->access_key, sizeof out->access_key, tl_view_of(access)) &&
             tl_aws_copy_key(out->secret_key, sizeof out->secret_key, tl_view_of(secret)) &&
             (!token || tl_aws_copy_key(out->session_token, sizeof out->session_token, tl_view_of(token)))) ||
            tl_error_set(why, TL_INVALID,
                         "the keys hold a blank or a character outside ASCII, or are too long");
    return ok ? TL_AWS_FOUND : TL_AWS_FAILED;
}

static const char *variable(const char *name)
{
    const char *value = getenv(name);
    return value && value[0] ? value : NULL;
}

enum tl_aws_found tl_aws_from_environment(struct tl_aws_walk *w, struct tl_aws_credentials *out,
                                          struct tl_error *why)
{
    const char *access = variable("AWS_ACCESS_KEY_ID"), *secret = variable("AWS_SECRET_ACCESS_KEY");
    (void)w;
    if (!access && !secret)
        return absent(why, "AWS_ACCESS_KEY_ID is not set");
    enum tl_aws_found found = take_keys(out, access, secret, variable("AWS_SESSION_TOKEN"), why);
    const char *until = variable("AWS_CREDENTIAL_EXPIRATION");
    if (found == TL_AWS_FOUND && until && !tl_time_parse(tl_view_of(until), &out->expires_ns)) {
        (void)tl_error_set(why, TL_INVALID, "AWS_CREDENTIAL_EXPIRATION is no time");
        found = TL_AWS_FAILED;
    }
    if (found == TL_AWS_FAILED)
        (void)tl_error_context(why, "environment");
    snprintf(out->origin, sizeof out->origin, "environment");
    return found;
}

/* The token is read anew each time: Kubernetes renews the file. */
static bool assume_with_token(struct tl_aws_walk *w, const struct tl_aws_role *role, const char *file,
                              struct tl_aws_credentials *out, struct tl_error *error)
{
    struct tl_buf text;
    char token[TOKEN_MAX + 1];
    tl_buf_init(&text, TOKEN_MAX + 2);
    bool ok = tl_file_read(file, &text, error);
    if (ok && !tl_aws_copy_key(token, sizeof token, tl_view_trim(tl_buf_view(&text))))
        ok = tl_error_set(error, TL_INVALID, "'%.200s' holds no token", file);
    if (!ok)
        (void)tl_error_context(error, "web identity token file");
    ok = ok && tl_aws_sts_assume_role_with_web_identity(role, token, out, &w->skew_ns, error);
    tl_buf_release(&text);
    return ok;
}

enum tl_aws_found tl_aws_from_web_identity(struct tl_aws_walk *w, struct tl_aws_credentials *out,
                                           struct tl_error *why)
{
    const char *file = variable("AWS_WEB_IDENTITY_TOKEN_FILE");
    struct tl_aws_role role = { .arn = variable("AWS_ROLE_ARN"),
                                .session_name = variable("AWS_ROLE_SESSION_NAME") };
    if (!file)
        return absent(why, "AWS_WEB_IDENTITY_TOKEN_FILE is not set");
    snprintf(out->origin, sizeof out->origin, "web identity, role %.200s", role.arn ? role.arn : "");
    bool ok = role.arn
                  ? assume_with_token(w, &role, file, out, why)
                  : tl_error_set(why, TL_INVALID, "AWS_WEB_IDENTITY_TOKEN_FILE is set without AWS_ROLE_ARN");
    return ok ? TL_AWS_FOUND : TL_AWS_FAILED;
}

/* ---- profiles ---- */

static const char *get(const struct tl_aws_walk *w, const char *profile, const char *key)
{
    return tl_aws_profile_get(w->profiles, profile, key);
}

static bool has_keys(const struct tl_aws_walk *w, const char *profile)
{
    return get(w, profile, "aws_access_key_id") || get(w, profile, "aws_secret_access_key");
}

static enum tl_aws_found from_file(struct tl_aws_walk *w, enum tl_aws_file file, const char *profile,
                                   struct tl_aws_credentials *out, struct tl_error *why)
{
    const char *access = tl_aws_profile_get_in(w->profiles, file, profile, "aws_access_key_id");
    const char *secret = tl_aws_profile_get_in(w->profiles, file, profile, "aws_secret_access_key");
    if (!access && !secret)
        return TL_AWS_ABSENT;
    const char *path = tl_aws_profiles_path(w->profiles, file);
    snprintf(out->origin, sizeof out->origin, "profile '%.60s' in %.160s", profile, path);
    enum tl_aws_found found = take_keys(
        out, access, secret, tl_aws_profile_get_in(w->profiles, file, profile, "aws_session_token"), why);
    if (found == TL_AWS_FAILED)
        (void)tl_error_context(why, "profile '%.60s' in %.160s", profile, path);
    return found;
}

static enum tl_aws_found from_process(struct tl_aws_walk *w, const char *profile,
                                      struct tl_aws_credentials *out, struct tl_error *why)
{
    const char *command = get(w, profile, "credential_process");
    if (!command)
        return TL_AWS_ABSENT;
    snprintf(out->origin, sizeof out->origin, "credential_process of profile '%.60s'", profile);
    if (tl_aws_run_process(command, out, why))
        return TL_AWS_FOUND;
    (void)tl_error_context(why, "credential_process of profile '%.60s'", profile);
    return TL_AWS_FAILED;
}

/* Named, since a profile that is set up and passed over would end in somebody else's rights. */
static enum tl_aws_found no_sso(struct tl_aws_walk *w, const char *profile, struct tl_error *why)
{
    static const char *const keys[] = { "sso_session", "sso_start_url", "sso_account_id", "login_session" };
    for (size_t i = 0; i < TL_COUNT(keys); i++) {
        if (!get(w, profile, keys[i]))
            continue;
        (void)tl_error_set(
            why, TL_UNSUPPORTED,
            "profile '%.60s' has %s, and IAM Identity Center is not supported by this version: set "
            "credential_process = aws configure export-credentials --profile %.60s",
            profile, keys[i], profile);
        return TL_AWS_FAILED;
    }
    return TL_AWS_ABSENT;
}

static enum tl_aws_found walk_profile(struct tl_aws_walk *w, const char *profile,
                                      struct tl_aws_credentials *out, struct tl_error *why);

/* credential_source: another provider of the chain, by the SDKs' name of it. */
static enum tl_aws_found from_named_source(struct tl_aws_walk *w, const char *profile, const char *name,
                                           struct tl_aws_credentials *out, struct tl_error *why)
{
    static const struct {
        const char *name;
        enum tl_aws_found (*find)(struct tl_aws_walk *, struct tl_aws_credentials *, struct tl_error *);
    } sources[] = { { "Environment", tl_aws_from_environment },
                    { "EcsContainer", tl_aws_from_container },
                    { "Ec2InstanceMetadata", tl_aws_from_instance } };
    for (size_t i = 0; i < TL_COUNT(sources); i++) {
        if (!tl_view_eq_ignore_case(tl_view_of(name), tl_view_of(sources[i].name)))
            continue;
        if (sources[i].find(w, out, why) == TL_AWS_FOUND)
            return TL_AWS_FOUND;
        (void)tl_error_context(why, "credential_source %s of profile '%.60s'", sources[i].name, profile);
        return TL_AWS_FAILED;
    }
    (void)tl_error_set(why, TL_INVALID,
                       "profile '%.60s': credential_source is '%.60s', and not Environment, EcsContainer or "
                       "Ec2InstanceMetadata",
                       profile, name);
    return TL_AWS_FAILED;
}

/* A profile may name itself: its own keys are meant. Any other way back to a profile has no end. */
static enum tl_aws_found from_source_profile(struct tl_aws_walk *w, const char *profile, const char *source,
                                             struct tl_aws_credentials *out, struct tl_error *why)
{
    bool seen = false;
    for (size_t i = 0; i < w->depth; i++)
        seen = seen || strcmp(w->visited[i], source) == 0;
    bool own = strcmp(profile, source) == 0 && has_keys(w, source);
    if (!tl_aws_profiles_has(w->profiles, source)) {
        (void)tl_error_set(why, TL_INVALID, "profile '%.60s': its source_profile '%.60s' is in neither file",
                           profile, source);
        return TL_AWS_FAILED;
    }
    if ((seen && !own) || w->depth == TL_AWS_PROFILE_DEPTH) {
        (void)tl_error_set(why, TL_INVALID,
                           "profile '%.60s': its source_profile '%.60s' leads back, or too far", profile,
                           source);
        return TL_AWS_FAILED;
    }
    /* The keys of a source_profile go before its own role (botocore does so too). */
    for (int file = TL_AWS_FILE_CREDENTIALS; file >= TL_AWS_FILE_CONFIG; file--) {
        enum tl_aws_found found = from_file(w, (enum tl_aws_file)file, source, out, why);
        if (found != TL_AWS_ABSENT)
            return found;
    }
    enum tl_aws_found found = walk_profile(w, source, out, why);
    if (found == TL_AWS_ABSENT)
        (void)tl_error_context(why, "source_profile of profile '%.60s'", profile);
    return found == TL_AWS_ABSENT ? TL_AWS_FAILED : found;
}

static enum tl_aws_found source_of_role(struct tl_aws_walk *w, const char *profile,
                                        struct tl_aws_credentials *out, struct tl_error *why)
{
    const char *source = get(w, profile, "source_profile"), *name = get(w, profile, "credential_source");
    if (!source == !name) {
        (void)tl_error_set(why, TL_INVALID,
                           "profile '%.60s' has role_arn and %s source_profile %s credential_source", profile,
                           source ? "both" : "neither", source ? "and" : "nor");
        return TL_AWS_FAILED;
    }
    return source ? from_source_profile(w, profile, source, out, why)
                  : from_named_source(w, profile, name, out, why);
}

static enum tl_aws_found from_role(struct tl_aws_walk *w, const char *profile, struct tl_aws_credentials *out,
                                   struct tl_error *why)
{
    struct tl_aws_role role = { .arn = get(w, profile, "role_arn"),
                                .session_name = get(w, profile, "role_session_name"),
                                .external_id = get(w, profile, "external_id"),
                                .duration = get(w, profile, "duration_seconds") };
    const char *token_file = get(w, profile, "web_identity_token_file");
    struct tl_aws_credentials source = { .origin = "" };
    if (!role.arn)
        return TL_AWS_ABSENT;
    bool ok;
    if (token_file) {
        ok = assume_with_token(w, &role, token_file, out, why);
    } else if (get(w, profile, "mfa_serial")) {
        ok = tl_error_set(why, TL_UNSUPPORTED,
                          "it has mfa_serial, and asking for a code is not supported by this version: set "
                          "credential_process = aws configure export-credentials --profile %.60s",
                          profile);
    } else {
        enum tl_aws_found found = source_of_role(w, profile, &source, why);
        if (found != TL_AWS_FOUND)
            return found;
        ok = tl_aws_sts_assume_role(&source, &role, out, &w->skew_ns, why);
    }
    explicit_bzero(&source, sizeof source);
    snprintf(out->origin, sizeof out->origin, "role %.150s of profile '%.60s'", role.arn, profile);
    return ok || tl_error_context(why, "profile '%.60s'", profile) ? TL_AWS_FOUND : TL_AWS_FAILED;
}

static enum tl_aws_found walk_profile(struct tl_aws_walk *w, const char *profile,
                                      struct tl_aws_credentials *out, struct tl_error *why)
{
    w->visited[w->depth++] = profile;
    enum tl_aws_found found = from_role(w, profile, out, why);
    if (found == TL_AWS_ABSENT)
        found = from_file(w, TL_AWS_FILE_CREDENTIALS, profile, out, why);
    if (found == TL_AWS_ABSENT)
        found = from_process(w, profile, out, why);
    if (found == TL_AWS_ABSENT)
        found = from_file(w, TL_AWS_FILE_CONFIG, profile, out, why);
    if (found == TL_AWS_ABSENT)
        found = no_sso(w, profile, why);
    if (found == TL_AWS_ABSENT)
        (void)tl_error_set(why, TL_NOT_FOUND, "profile '%.60s' names no credentials", profile);
    w->depth--;
    return found;
}

enum tl_aws_found tl_aws_from_profile(struct tl_aws_walk *w, struct tl_aws_credentials *out,
                                      struct tl_error *why)
{
    bool asked;
    const char *profile = tl_aws_profile_name(&asked);
    const char *config = tl_aws_profiles_path(w->profiles, TL_AWS_FILE_CONFIG);
    const char *credentials = tl_aws_profiles_path(w->profiles, TL_AWS_FILE_CREDENTIALS);
    if (tl_aws_profiles_has(w->profiles, profile))
        return walk_profile(w, profile, out, why);
    (void)tl_error_set(why, asked ? TL_DENIED : TL_NOT_FOUND,
                       "there is no profile '%.60s' in '%.200s' or '%.200s'", profile, credentials, config);
    return asked ? TL_AWS_FAILED : TL_AWS_ABSENT;
}

/* ---- answers ---- */

static bool read_json(struct tl_aws_credentials *out, struct tl_json root, const char *token_name,
                      struct tl_error *error)
{
    struct tl_view token = tl_json_get_string(root, token_name),
                   until = tl_json_get_string(root, "Expiration");
    struct tl_view code = tl_json_get_string(root, "Code");
    if (code.data &&
        !tl_view_is(code, "Success")) { /* so IMDS tells of a role that cannot be taken, with status 200 */
        char name[64];
        return tl_error_set(error, TL_DENIED, "it answers %s instead of credentials",
                            tl_aws_copy_key(name, sizeof name, code) ? name : "an error");
    }
    if (!tl_aws_copy_key(out->access_key, sizeof out->access_key, tl_json_get_string(root, "AccessKeyId")) ||
        !tl_aws_copy_key(out->secret_key, sizeof out->secret_key,
                         tl_json_get_string(root, "SecretAccessKey")))
        return tl_error_set(error, TL_IO, "the answer has no AccessKeyId and SecretAccessKey");
    if (token.size && !tl_aws_copy_key(out->session_token, sizeof out->session_token, token))
        return tl_error_set(error, TL_IO, "the answer's %s is too long, or no token", token_name);
    if (until.data && !tl_time_parse(until, &out->expires_ns))
        return tl_error_set(error, TL_IO, "the answer's Expiration is no time");
    return true;
}

bool tl_aws_credentials_from_json(struct tl_aws_credentials *out, struct tl_view text, const char *token_name,
                                  bool has_version, struct tl_error *error)
{
    struct tl_json_parser *parser;
    struct tl_json root;
    struct tl_error wrong;
    if (!tl_json_parser_new(&parser, error))
        return false;
    bool ok = tl_json_parse_copy(parser, text, &root, &wrong) && tl_json_kind_of(root) == TL_JSON_OBJECT;
    if (!ok)
        (void)tl_error_set(error, TL_IO, "the answer is not a JSON object");
    if (ok && has_version && tl_json_get_i64(root, "Version", 0) != 1)
        ok = tl_error_set(error, TL_IO, "the answer's Version is not 1");
    ok = ok && read_json(out, root, token_name, error);
    tl_json_parser_free(parser);
    return ok;
}
