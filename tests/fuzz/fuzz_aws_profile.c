/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as the shared files of the AWS tools (what is before a line "---" as config, the rest as
 * credentials), and as the XML that a service answers with. What is found must be text of the input's own
 * size, without control characters. */
#include "net/aws_profile.h"
#include "net/aws_xml.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const char *value, size_t size)
{
    if (!value)
        return;
    if (!value[0] || strlen(value) > size)
        abort();
    for (const char *c = value; *c; c++)
        if (((unsigned char)*c < ' ' && *c != '\t') || *c == 0x7f)
            abort();
}

static void look(const struct tl_aws_profiles *p, const char *profile, size_t size)
{
    static const char *const keys[] = { "region", "aws_access_key_id", "credential_process", "services",
                                        "role_arn" };
    for (size_t i = 0; i < TL_COUNT(keys); i++) {
        check(tl_aws_profile_get(p, profile, keys[i]), size);
        if (tl_aws_profile_get(p, profile, keys[i]) && !tl_aws_profiles_has(p, profile))
            abort();
    }
    const char *services = tl_aws_profile_get(p, profile, "services");
    if (services)
        check(tl_aws_services_get(p, services, "kinesis", "endpoint_url"), size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tl_view all = { (const char *)data, size };
    struct tl_view config = all, credentials = { NULL, 0 };
    struct tl_aws_profiles *p;
    struct tl_error error;
    char text[32];
    const char *mark = size ? memmem(data, size, "---\n", 4) : NULL;
    if (mark) {
        config.size = (size_t)(mark - all.data);
        credentials = (struct tl_view){ mark + 4, size - config.size - 4 };
    }
    if (tl_aws_profiles_parse(&p, config, credentials, &error)) {
        look(p, "default", size);
        look(p, "a", size);
        tl_aws_profiles_free(p);
    } else if (!error.text[0]) {
        abort();
    }
    if (tl_aws_xml_text(all, "Code", text, sizeof text) && strlen(text) >= sizeof text)
        abort();
    return 0;
}
