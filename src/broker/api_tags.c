/* SPDX-License-Identifier: Apache-2.0 */
/* broker/api_tags.c: tags, in both styles of the API: of streams by name, and of any resource by ARN. They
 * live in the registry only. */
#include "broker/api_int.h"

#include <inttypes.h>
#include <stdio.h>

/* ---- changing ---- */

/* Letters, digits, blanks, and some signs; letters of other scripts are not told from their signs. */
static bool is_tag_text(struct tl_view v)
{
    for (size_t i = 0; i < v.size; i++) {
        unsigned char c = (unsigned char)v.data[i];
        bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c >= 0x80;
        if (!letter && (c == 0 || !strchr(" \t\n_./=+-%@:", c)))
            return false;
    }
    return true;
}

bool tl_api_tags_are_valid(struct tl_api_call *call, struct tl_msg tags)
{
    struct tl_msg_iter it;
    struct tl_msg item;
    struct tl_view key, value;
    for (tl_msg_iter_init(&it, tags); tl_msg_next(&it, &key, &item);)
        if (!is_tag_text(key) || (tl_msg_string(item, &value) && !is_tag_text(value)))
            return tl_api_fail(call, "InvalidArgumentException",
                               "Some tags contain invalid characters. Valid characters: Unicode letters, "
                               "digits, white space, _ . / = + - "
                               "%% @ :.");
    return true;
}

bool tl_api_may_have_tags(struct tl_api_call *call, size_t count)
{
    return count <= TL_TAGS_MAX ||
           tl_api_fail(call, "InvalidArgumentException",
                       "Failed to add tags: a resource has at most %d tags, and would have %zu.", TL_TAGS_MAX,
                       count);
}

bool tl_api_put_tags(struct tl_registry *r, const char *resource, struct tl_msg tags, struct tl_error *error)
{
    struct tl_msg_iter it;
    struct tl_msg item;
    struct tl_view key, value;
    for (tl_msg_iter_init(&it, tags); tl_msg_next(&it, &key, &item);)
        if (tl_msg_string(item, &value) && !tl_registry_set_tag(r, resource, key, value, error))
            return false;
    return true;
}

/* How many there would be: those that are there, and the new ones among the request's. */
struct counting {
    struct tl_msg tags;
    size_t count;
};

static bool count_other(struct tl_view key, struct tl_view value, void *user, struct tl_error *error)
{
    struct counting *c = user;
    struct tl_msg_iter it;
    struct tl_msg item;
    struct tl_view name;
    (void)value, (void)error;
    for (tl_msg_iter_init(&it, c->tags); tl_msg_next(&it, &name, &item);)
        if (tl_view_eq(name, key))
            return true; /* replaced */
    c->count++;
    return true;
}

struct tagging {
    const char *resource;
    struct tl_msg tags;
};

static bool put(struct tl_registry *r, const void *arg, struct tl_error *error)
{
    const struct tagging *t = arg;
    return tl_api_put_tags(r, t->resource, t->tags, error);
}

static bool put_tags(struct tl_api_call *call, const char *resource)
{
    struct tagging t = { .resource = resource };
    struct tl_error error;
    if (!tl_msg_get(call->body, "Tags", &t.tags))
        return true;
    if (!tl_api_tags_are_valid(call, t.tags))
        return false;
    struct counting counting = { .tags = t.tags, .count = tl_msg_size(t.tags) };
    if (!tl_registry_tags(call->broker->registry, resource, count_other, &counting, &error))
        return tl_api_fail_internal(call, &error);
    return tl_api_may_have_tags(call, counting.count) && tl_api_may_change(call) &&
           tl_api_store(call, put, &t);
}

static bool remove_all(struct tl_registry *r, const void *arg, struct tl_error *error)
{
    const struct tagging *t = arg;
    struct tl_msg_iter it;
    struct tl_msg item;
    struct tl_view key;
    for (tl_msg_iter_init(&it, t->tags); tl_msg_next(&it, NULL, &item);)
        if (tl_msg_string(item, &key) && !tl_registry_remove_tag(r, t->resource, key, error))
            return false;
    return true;
}

static bool remove_tags(struct tl_api_call *call, const char *resource)
{
    struct tagging t = { .resource = resource };
    return tl_msg_get(call->body, "TagKeys", &t.tags) && tl_api_may_change(call) &&
           tl_api_store(call, remove_all, &t);
}

/* ---- listing ---- */

struct listing {
    struct tl_msg_writer *writer;
    struct tl_view after;
    size_t left;
    bool more;
};

static bool write_tag(struct tl_view key, struct tl_view value, void *user, struct tl_error *error)
{
    struct listing *l = user;
    (void)error;
    if (l->after.data && tl_view_cmp(key, l->after) <= 0)
        return true;
    l->more = l->left == 0;
    if (l->more)
        return true;
    l->left--;
    tl_msg_begin_structure(l->writer);
    tl_msg_member_string(l->writer, "Key", key);
    tl_msg_member_string(l->writer, "Value", value);
    tl_msg_end_structure(l->writer);
    return true;
}

static bool write_tags(struct tl_api_call *call, const char *resource, struct listing *l)
{
    struct tl_error error;
    l->writer = &call->writer;
    tl_msg_begin_structure(&call->writer);
    tl_msg_key(&call->writer, "Tags");
    tl_msg_begin_list(&call->writer);
    if (!tl_registry_tags(call->broker->registry, resource, write_tag, l, &error))
        return tl_api_fail_internal(call, &error);
    tl_msg_end_list(&call->writer);
    return true;
}

/* ---- of streams ---- */

static bool stream_key(struct tl_api_call *call, char out[40])
{
    struct tl_broker_stream *s;
    if (!tl_api_stream(call, &s))
        return false;
    if (tl_stream_state(s) == TL_STREAM_DELETING)
        return tl_api_fail(call, "ResourceNotFoundException",
                           "Stream %s under account " TL_ACCOUNT " not found.", s->info.name);
    tl_api_resource_key(s, NULL, out);
    return true;
}

bool tl_api_add_tags_to_stream(struct tl_api_call *call)
{
    char key[40];
    return stream_key(call, key) && put_tags(call, key);
}

bool tl_api_remove_tags_from_stream(struct tl_api_call *call)
{
    char key[40];
    return stream_key(call, key) && remove_tags(call, key);
}

bool tl_api_list_tags_for_stream(struct tl_api_call *call)
{
    char key[40];
    struct listing l = { .after = tl_msg_get_string(call->body, "ExclusiveStartTagKey"),
                         .left = (size_t)tl_msg_get_i64(call->body, "Limit", TL_TAGS_MAX) };
    if (!stream_key(call, key) || !write_tags(call, key, &l))
        return false;
    tl_msg_member_bool(&call->writer, "HasMoreTags", l.more);
    tl_msg_end_structure(&call->writer);
    return true;
}

/* ---- of resources ---- */

static bool resource_key(struct tl_api_call *call, char out[40])
{
    struct tl_broker_stream *s;
    struct tl_broker_consumer *c;
    if (!tl_api_resource(call, tl_msg_get_string(call->body, "ResourceARN"), &s, &c))
        return false;
    tl_api_resource_key(s, c, out);
    return true;
}

bool tl_api_tag_resource(struct tl_api_call *call)
{
    char key[40];
    return resource_key(call, key) && put_tags(call, key);
}

bool tl_api_untag_resource(struct tl_api_call *call)
{
    char key[40];
    return resource_key(call, key) && remove_tags(call, key);
}

bool tl_api_list_tags_for_resource(struct tl_api_call *call)
{
    char key[40];
    struct listing l = { .left = SIZE_MAX };
    if (!resource_key(call, key) || !write_tags(call, key, &l))
        return false;
    tl_msg_end_structure(&call->writer);
    return true;
}
