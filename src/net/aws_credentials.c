/* SPDX-License-Identifier: Apache-2.0 */
#include "net/aws_credentials.h"

#include "base/file.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define FILE_MAX ((size_t)1 << 20)

static bool copy(char *to, size_t room, struct tl_view from)
{
    if (from.size == 0 || from.size >= room)
        return false;
    memcpy(to, from.data, from.size);
    to[from.size] = '\0';
    return true;
}

static struct tl_view environment(const char *name)
{
    return tl_view_of(getenv(name));
}

static const char *profile_name(void)
{
    const char *name = getenv("AWS_PROFILE");
    return name && name[0] ? name : "default";
}

/* The file that the variable names, or ~/.aws/<name>. */
static bool file_path(const char *variable, const char *name, char out[PATH_MAX])
{
    const char *given = getenv(variable), *home = getenv("HOME");
    int size = given && given[0] ? snprintf(out, PATH_MAX, "%s", given)
               : home            ? snprintf(out, PATH_MAX, "%s/.aws/%s", home, name)
                                 : PATH_MAX;
    return size < PATH_MAX;
}

/* Is [header] that of the profile? In the config file it is "profile x", but for "default". */
static bool is_section(struct tl_view header, const char *profile, bool config)
{
    header = tl_view_trim(header);
    if (config && !tl_view_is(header, "default")) {
        if (!tl_view_starts_with(header, TL_VIEW("profile ")))
            return false;
        header = tl_view_trim((struct tl_view){ header.data + 8, header.size - 8 });
    }
    return tl_view_is(header, profile);
}

/* The value of key in the profile's section; {NULL, 0} when there is none. *section says whether the section is there. */
static struct tl_view find_value(struct tl_view text, const char *profile, bool config, const char *key, bool *section)
{
    bool inside = false;
    struct tl_view found = { NULL, 0 };
    *section = false;
    while (text.data && text.size) {
        struct tl_view line = tl_view_split(text, '\n', &text), value;
        bool nested = line.size && (line.data[0] == ' ' || line.data[0] == '\t');
        line = tl_view_trim(line);
        if (line.size == 0 || line.data[0] == '#' || line.data[0] == ';')
            continue;
        if (line.data[0] == '[') {
            struct tl_view rest;
            inside = is_section(tl_view_split((struct tl_view){ line.data + 1, line.size - 1 }, ']', &rest), profile, config);
            *section = *section || inside;
            continue;
        }
        struct tl_view name = tl_view_trim(tl_view_split(line, '=', &value));
        if (inside && !nested && tl_view_is(name, key))
            found = tl_view_trim(value);
    }
    return found;
}

static bool from_environment(struct tl_aws_credentials *out)
{
    if (!copy(out->access_key, sizeof out->access_key, environment("AWS_ACCESS_KEY_ID")) ||
        !copy(out->secret_key, sizeof out->secret_key, environment("AWS_SECRET_ACCESS_KEY")))
        return false;
    copy(out->session_token, sizeof out->session_token, environment("AWS_SESSION_TOKEN"));
    snprintf(out->origin, sizeof out->origin, "environment");
    return true;
}

static bool from_file(struct tl_aws_credentials *out, const char *path, const char *profile, bool config, bool *section)
{
    struct tl_buf text;
    struct tl_error ignored;
    bool ignore;
    tl_buf_init(&text, FILE_MAX);
    *section = false;
    bool ok = tl_file_read(path, &text, &ignored);
    struct tl_view all = tl_buf_view(&text);
    ok = ok && copy(out->access_key, sizeof out->access_key, find_value(all, profile, config, "aws_access_key_id", section)) &&
         copy(out->secret_key, sizeof out->secret_key, find_value(all, profile, config, "aws_secret_access_key", &ignore));
    if (ok) {
        copy(out->session_token, sizeof out->session_token, find_value(all, profile, config, "aws_session_token", &ignore));
        snprintf(out->origin, sizeof out->origin, "profile '%.60s' in %.160s", profile, path);
    }
    tl_buf_release(&text);
    return ok;
}

/* Sources that the SDKs know and we do not: told by name when the profile asks for one. */
static const char *unsupported_source(const char *path, const char *profile, bool config)
{
    static const char *const keys[] = { "sso_session", "sso_start_url", "role_arn", "credential_process", "credential_source",
                                        "web_identity_token_file" };
    struct tl_buf text;
    struct tl_error ignored;
    const char *found = NULL;
    bool section;
    tl_buf_init(&text, FILE_MAX);
    if (tl_file_read(path, &text, &ignored))
        for (size_t i = 0; i < TL_COUNT(keys) && !found; i++)
            if (find_value(tl_buf_view(&text), profile, config, keys[i], &section).data)
                found = keys[i];
    tl_buf_release(&text);
    return found;
}

bool tl_aws_credentials_load(struct tl_aws_credentials *out, struct tl_error *error)
{
    static const struct {
        const char *variable, *name;
        bool config;
    } files[] = { { "AWS_SHARED_CREDENTIALS_FILE", "credentials", false }, { "AWS_CONFIG_FILE", "config", true } };
    *out = (struct tl_aws_credentials){ .origin = "" };
    if (from_environment(out))
        return true;
    const char *profile = profile_name(), *unsupported = NULL;
    bool known = false;
    for (size_t i = 0; i < TL_COUNT(files); i++) {
        char path[PATH_MAX];
        bool section;
        if (!file_path(files[i].variable, files[i].name, path))
            continue;
        if (from_file(out, path, profile, files[i].config, &section))
            return true;
        known = known || section;
        if (!unsupported)
            unsupported = unsupported_source(path, profile, files[i].config);
    }
    if (unsupported)
        return tl_error_set(error, TL_UNSUPPORTED, "AWS profile '%s' takes its credentials from %s, which is not supported by this version: set "
                            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY", profile, unsupported);
    return tl_error_set(error, TL_DENIED,
                        known ? "AWS profile '%s' has no aws_access_key_id and aws_secret_access_key"
                              : "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or add profile '%s' to "
                                "~/.aws/credentials", profile);
}

bool tl_aws_region(char out[64])
{
    if (copy(out, 64, environment("AWS_REGION")) || copy(out, 64, environment("AWS_DEFAULT_REGION")))
        return true;
    char path[PATH_MAX];
    struct tl_buf text;
    struct tl_error ignored;
    bool section, found = false;
    if (!file_path("AWS_CONFIG_FILE", "config", path))
        return false;
    tl_buf_init(&text, FILE_MAX);
    if (tl_file_read(path, &text, &ignored))
        found = copy(out, 64, find_value(tl_buf_view(&text), profile_name(), true, "region", &section));
    tl_buf_release(&text);
    return found;
}

bool tl_aws_endpoint(const char *service, char out[512])
{
    char name[128];
    struct tl_view ignore = environment("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS");
    if (tl_view_eq_ignore_case(ignore, TL_VIEW("true")))
        return false;
    snprintf(name, sizeof name, "AWS_ENDPOINT_URL_%s", service);
    return copy(out, 512, environment(name)) || copy(out, 512, environment("AWS_ENDPOINT_URL"));
}
