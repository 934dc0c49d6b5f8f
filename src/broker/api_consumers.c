/* SPDX-License-Identifier: Apache-2.0 */
/* broker/api_consumers.c: registering consumers for enhanced fan-out. */
#include "base/grow.h"
#include "base/io.h"
#include "base/time.h"
#include "broker/api_int.h"

#include <inttypes.h>
#include <stdio.h>

#define CREATING_MAX 5

static bool is_creating(const struct tl_broker_consumer *c)
{
    return c->busy_until_ns && tl_io->monotonic_ns() < c->busy_until_ns;
}

static void write_consumer(struct tl_api_call *call, const struct tl_broker_stream *s,
                           const struct tl_broker_consumer *c, bool with_stream)
{
    struct tl_msg_writer *w = &call->writer;
    tl_msg_begin_structure(w);
    tl_msg_member_text(w, "ConsumerName", c->info.name);
    tl_api_write_consumer_arn(call, "ConsumerARN", s, c);
    tl_msg_member_text(w, "ConsumerStatus", is_creating(c) ? "CREATING" : "ACTIVE");
    tl_msg_member_time_ms(w, "ConsumerCreationTimestamp", c->info.created_ms);
    if (with_stream)
        tl_api_write_stream_arn(call, "StreamARN", s);
    tl_msg_end_structure(w);
}

/* ---- registering ---- */

struct registering {
    struct tl_registry_consumer *info;
    struct tl_msg tags;
    bool has_tags;
};

static bool store(struct tl_registry *r, const void *arg, struct tl_error *error)
{
    const struct registering *g = arg;
    char resource[40];
    if (!tl_registry_add_consumer(r, g->info, error))
        return false;
    snprintf(resource, sizeof resource, "consumer:%" PRIu64, g->info->id);
    return !g->has_tags || tl_api_put_tags(r, resource, g->tags, error);
}

static bool has_room(struct tl_api_call *call, const struct tl_broker_stream *s)
{
    size_t creating = 0;
    for (size_t i = 0; i < s->consumer_count; i++)
        creating += is_creating(&s->consumers[i]);
    if (s->consumer_count >= TL_CONSUMERS_MAX)
        return tl_api_fail(call, "LimitExceededException",
                           "Stream %s under account " TL_ACCOUNT " has %d registered consumers already.",
                           s->info.name, TL_CONSUMERS_MAX);
    return !call->broker->limits || creating < CREATING_MAX ||
           tl_api_fail(call, "LimitExceededException",
                       "At most %d consumers can be in the state CREATING at a time.", CREATING_MAX);
}

/* Lists are in the order of names. */
static struct tl_broker_consumer *link_consumer(struct tl_broker_stream *s,
                                                const struct tl_registry_consumer *info)
{
    size_t at = 0;
    int64_t delay = s->broker->state_delays_ns[TL_STREAM_CREATING];
    while (at < s->consumer_count && strcmp(s->consumers[at].info.name, info->name) < 0)
        at++;
    memmove(s->consumers + at + 1, s->consumers + at, (s->consumer_count - at) * sizeof *s->consumers);
    s->consumers[at] =
        (struct tl_broker_consumer){ .info = *info,
                                     .busy_until_ns = delay ? tl_io->monotonic_ns() + delay : 0 };
    s->consumer_count++;
    return &s->consumers[at];
}

bool tl_api_register_consumer(struct tl_api_call *call)
{
    struct tl_view name = tl_msg_get_string(call->body, "ConsumerName");
    struct tl_broker_stream *s;
    if (!tl_api_stream(call, &s))
        return false;
    if (tl_stream_consumer(s, name))
        return tl_api_fail(call, "ResourceInUseException",
                           "Consumer %.*s under stream %s already exists for account " TL_ACCOUNT ".",
                           TL_VIEW_ARG(name), s->info.name);
    if (!has_room(call, s) || !tl_api_may_change(call))
        return false;
    if (!tl_grow((void **)&s->consumers, &s->consumer_cap, s->consumer_count + 1, sizeof *s->consumers,
                 TL_CONSUMERS_MAX * 4))
        return tl_api_out_of_memory(call);
    struct tl_registry_consumer info = { .stream = s->info.id,
                                         .created_ms = tl_io->wall_ns() / TL_NS_PER_MS };
    struct registering g = { .info = &info };
    g.has_tags = tl_msg_get(call->body, "Tags", &g.tags) && tl_msg_kind_of(g.tags) == TL_MSG_STRUCTURE;
    if (g.has_tags &&
        (!tl_api_tags_are_valid(call, g.tags) || !tl_api_may_have_tags(call, tl_msg_size(g.tags))))
        return false;
    memcpy(info.name, name.data, name.size); /* at most 128, says the table */
    if (!tl_api_store(call, store, &g))
        return false;
    struct tl_broker_consumer *c = link_consumer(s, &info);
    tl_msg_begin_structure(&call->writer);
    tl_msg_key(&call->writer, "Consumer");
    write_consumer(call, s, c, false);
    tl_msg_end_structure(&call->writer);
    return true;
}

/* ---- finding ---- */

/* By ConsumerARN, or StreamARN and ConsumerName; all three must agree. */
static bool find_consumer(struct tl_api_call *call, struct tl_broker_stream **s,
                          struct tl_broker_consumer **c)
{
    struct tl_view arn = tl_msg_get_string(call->body, "ConsumerARN"),
                   stream = tl_msg_get_string(call->body, "StreamARN"),
                   name = tl_msg_get_string(call->body, "ConsumerName");
    if (arn.data) {
        if (!tl_api_resource(call, arn, s, c))
            return false;
        bool agrees = (!name.data || tl_view_is(name, (*c)->info.name)) &&
                      (!stream.data || tl_view_starts_with(arn, stream));
        return agrees || tl_api_fail(call, "InvalidArgumentException",
                                     "ConsumerARN, StreamARN and ConsumerName name different consumers.");
    }
    if (!stream.data || !name.data)
        return tl_api_fail(call, "InvalidArgumentException",
                           "Either ConsumerARN, or StreamARN and ConsumerName must be provided.");
    if (!tl_api_stream(call, s))
        return false;
    *c = tl_stream_consumer(*s, name);
    return *c || tl_api_fail(call, "ResourceNotFoundException",
                             "Consumer %.*s under stream %s, account " TL_ACCOUNT " not found.",
                             TL_VIEW_ARG(name), (*s)->info.name);
}

bool tl_api_describe_consumer(struct tl_api_call *call)
{
    struct tl_broker_stream *s;
    struct tl_broker_consumer *c;
    if (!find_consumer(call, &s, &c) || !tl_api_stream_rate(call, s, TL_RATE_DESCRIBE_CONSUMER, 20))
        return false;
    tl_msg_begin_structure(&call->writer);
    tl_msg_key(&call->writer, "ConsumerDescription");
    write_consumer(call, s, c, true);
    tl_msg_end_structure(&call->writer);
    return true;
}

/* ---- deregistering ---- */

static bool forget(struct tl_registry *r, const void *arg, struct tl_error *error)
{
    return tl_registry_remove_consumer(r, *(const uint64_t *)arg, error);
}

/* Gone when this is answered; its subscriptions end with ResourceNotFoundException. */
bool tl_api_deregister_consumer(struct tl_api_call *call)
{
    struct tl_broker_stream *s;
    struct tl_broker_consumer *c;
    if (!find_consumer(call, &s, &c) || !tl_api_stream_rate(call, s, TL_RATE_DEREGISTER_CONSUMER, 5) ||
        !tl_api_may_change(call))
        return false;
    if (is_creating(c))
        return tl_api_fail(call, "ResourceInUseException",
                           "Consumer %s under stream %s is not ACTIVE, instead in state CREATING",
                           c->info.name, s->info.name);
    uint64_t id = c->info.id;
    if (!tl_api_store(call, forget, &id))
        return false;
    size_t at = (size_t)(c - s->consumers);
    memmove(s->consumers + at, s->consumers + at + 1, (s->consumer_count - at - 1) * sizeof *s->consumers);
    s->consumer_count--;
    return true;
}

/* ---- listing ---- */

/* "stream:name of the last one" */
static bool list_from(struct tl_api_call *call, struct tl_broker_stream *s, char after[TL_STREAM_NAME_MAX])
{
    struct tl_view token = tl_msg_get_string(call->body, "NextToken");
    char place[2 * TL_STREAM_NAME_MAX];
    after[0] = '\0';
    if (!token.data)
        return tl_api_is_of_time(call, s);
    if (!tl_api_read_token(call, token, place, sizeof place))
        return false;
    struct tl_view name, stream = tl_view_split(tl_view_of(place), ':', &name);
    if (!tl_view_is(stream, s->info.name) || !name.data || name.size >= TL_STREAM_NAME_MAX)
        return tl_api_fail(call, "InvalidArgumentException", "Invalid NextToken.");
    memcpy(after, name.data, name.size);
    after[name.size] = '\0';
    return true;
}

bool tl_api_list_consumers(struct tl_api_call *call)
{
    struct tl_msg_writer *w = &call->writer;
    struct tl_broker_stream *s;
    char after[TL_STREAM_NAME_MAX];
    if (!tl_api_stream(call, &s) || !tl_api_stream_rate(call, s, TL_RATE_LIST_CONSUMERS, 5) ||
        !list_from(call, s, after))
        return false;
    size_t limit = (size_t)tl_msg_get_i64(call->body, "MaxResults", 100), from = 0;
    while (from < s->consumer_count && strcmp(s->consumers[from].info.name, after) <= 0)
        from++;
    size_t end = s->consumer_count - from < limit ? s->consumer_count : from + limit;
    tl_msg_begin_structure(w);
    tl_msg_key(w, "Consumers");
    tl_msg_begin_list(w);
    for (size_t i = from; i < end; i++)
        write_consumer(call, s, &s->consumers[i], false);
    tl_msg_end_list(w);
    if (end < s->consumer_count) {
        char place[2 * TL_STREAM_NAME_MAX];
        snprintf(place, sizeof place, "%s:%s", s->info.name, s->consumers[end - 1].info.name);
        tl_api_write_token(call, place);
    }
    tl_msg_end_structure(w);
    return true;
}
