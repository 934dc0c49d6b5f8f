/* SPDX-License-Identifier: Apache-2.0 */
/* broker/api_policies.c: resource policies. They are kept and given back; nothing here is decided by them:
 * whoever has a key of the broker may do everything. */
#include "broker/api_int.h"
#include "codec/json.h"

#define POLICY_MAX 20480

static bool resource_key(struct tl_api_call *call, char out[40])
{
    struct tl_broker_stream *s;
    struct tl_broker_consumer *c;
    if (!tl_api_resource(call, tl_msg_get_string(call->body, "ResourceARN"), &s, &c))
        return false;
    tl_api_resource_key(s, c, out);
    return true;
}

struct policy {
    const char *resource;
    struct tl_view text;
};

static bool put(struct tl_registry *r, const void *arg, struct tl_error *error)
{
    const struct policy *p = arg;
    return tl_registry_set_policy(r, p->resource, p->text, error);
}

static bool is_json_object(struct tl_view text)
{
    struct tl_json_parser *parser;
    struct tl_json root;
    struct tl_error error;
    if (!tl_json_parser_new(&parser, &error))
        return false;
    bool ok = tl_json_parse_copy(parser, text, &root, &error) && tl_json_kind_of(root) == TL_JSON_OBJECT;
    tl_json_parser_free(parser);
    return ok;
}

bool tl_api_put_policy(struct tl_api_call *call)
{
    char key[40];
    struct policy p = { key, tl_msg_get_string(call->body, "Policy") };
    if (!resource_key(call, key))
        return false;
    if (p.text.size > POLICY_MAX)
        return tl_api_fail(call, "LimitExceededException", "A policy has at most %d bytes.", POLICY_MAX);
    if (!is_json_object(p.text))
        return tl_api_fail(call, "InvalidArgumentException", "The policy is not a JSON object.");
    return tl_api_may_change(call) && tl_api_store(call, put, &p);
}

static bool read_policy(struct tl_api_call *call, struct tl_buf *text)
{
    char key[40];
    struct tl_error error;
    if (!resource_key(call, key))
        return false;
    if (!tl_registry_policy(call->broker->registry, key, text, &error))
        return tl_api_fail_internal(call, &error);
    struct tl_view arn = tl_msg_get_string(call->body, "ResourceARN");
    return text->size > 0 || tl_api_fail(call, "ResourceNotFoundException",
                                         "No resource policy found for resource ARN %.*s", TL_VIEW_ARG(arn));
}

bool tl_api_get_policy(struct tl_api_call *call)
{
    struct tl_buf text;
    tl_buf_init(&text, POLICY_MAX + 1);
    bool ok = read_policy(call, &text);
    if (ok) {
        tl_msg_begin_structure(&call->writer);
        tl_msg_member_string(&call->writer, "Policy", tl_buf_view(&text));
        tl_msg_end_structure(&call->writer);
    }
    tl_buf_release(&text);
    return ok;
}

static bool drop(struct tl_registry *r, const void *arg, struct tl_error *error)
{
    return tl_registry_remove_policy(r, arg, error);
}

bool tl_api_delete_policy(struct tl_api_call *call)
{
    char key[40];
    struct tl_buf text;
    tl_buf_init(&text, POLICY_MAX + 1);
    bool found = read_policy(call, &text);
    tl_buf_release(&text);
    return found && resource_key(call, key) && tl_api_may_change(call) && tl_api_store(call, drop, key);
}
