// SPDX-License-Identifier: Apache-2.0
// codec/json.cc: simdjson's DOM behind codec/json.h. No logic here, no exception leaves.
extern "C" {
#include "codec/json.h"
}

#include <cstdlib>
#include <cstring>
#include <new>
#include <simdjson.h>

using simdjson::dom::element;
using simdjson::dom::element_type;

static_assert(sizeof(element) == sizeof(tl_json), "a value is a document and a place in it");
static_assert(simdjson::SIMDJSON_PADDING <= TL_JSON_PADDING, "what callers leave behind a text");

#define DEPTH_MAX 64

struct tl_json_parser {
    simdjson::dom::parser parser;
    char *copy = nullptr;
    size_t copy_cap = 0;
    ~tl_json_parser()
    {
        std::free(copy);
    }
};

static element element_of(struct tl_json v)
{
    element e;
    std::memcpy(static_cast<void *>(&e), &v, sizeof e);
    return e;
}

static struct tl_json value_of(element e)
{
    struct tl_json v;
    std::memcpy(&v, static_cast<void *>(&e), sizeof v);
    return v;
}

extern "C" bool tl_json_parser_new(struct tl_json_parser **out, struct tl_error *error)
{
    *out = new (std::nothrow) tl_json_parser;
    return *out ? true : tl_error_set(error, TL_NO_MEMORY, "out of memory");
}

extern "C" void tl_json_parser_free(struct tl_json_parser *p)
{
    delete p;
}

// The parser allocates for depth and length together; asking for the depth first keeps it bounded.
static bool make_room(struct tl_json_parser *p, size_t size)
{
    if (p->parser.capacity() >= size && p->parser.max_depth() == DEPTH_MAX)
        return true;
    return p->parser.allocate(size < 4096 ? 4096 : size, DEPTH_MAX) == simdjson::SUCCESS;
}

extern "C" bool tl_json_parse(struct tl_json_parser *p, const char *text, size_t size, struct tl_json *root,
                              struct tl_error *error)
{
    if (!make_room(p, size))
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for a JSON text of %zu bytes", size);
    element e;
    auto code = p->parser.parse(text, size, false).get(e);
    if (code == simdjson::MEMALLOC)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for a JSON text of %zu bytes", size);
    if (code != simdjson::SUCCESS)
        return tl_error_set(error, TL_INVALID, "not JSON: %s", simdjson::error_message(code));
    *root = value_of(e);
    return true;
}

extern "C" bool tl_json_parse_copy(struct tl_json_parser *p, struct tl_view text, struct tl_json *root,
                                   struct tl_error *error)
{
    if (text.size > SIZE_MAX / 2)
        return tl_error_set(error, TL_LIMIT, "a JSON text of %zu bytes is too large", text.size);
    if (p->copy_cap < text.size + TL_JSON_PADDING) {
        char *grown = static_cast<char *>(std::realloc(p->copy, text.size + TL_JSON_PADDING));
        if (!grown)
            return tl_error_set(error, TL_NO_MEMORY, "out of memory for a JSON text of %zu bytes", text.size);
        p->copy = grown;
        p->copy_cap = text.size + TL_JSON_PADDING;
    }
    if (text.size)
        std::memcpy(p->copy, text.data, text.size);
    std::memset(p->copy + text.size, 0, TL_JSON_PADDING);
    return tl_json_parse(p, p->copy, text.size, root, error);
}

extern "C" enum tl_json_kind tl_json_kind_of(struct tl_json v)
{
    switch (element_of(v).type()) {
    case element_type::ARRAY:
        return TL_JSON_ARRAY;
    case element_type::OBJECT:
        return TL_JSON_OBJECT;
    case element_type::INT64:
        return TL_JSON_INT;
    case element_type::UINT64:
        return TL_JSON_UINT;
    case element_type::DOUBLE:
        return TL_JSON_DOUBLE;
    case element_type::STRING:
        return TL_JSON_STRING;
    case element_type::BOOL:
        return TL_JSON_BOOL;
    default:
        return TL_JSON_NULL;
    }
}

extern "C" bool tl_json_get(struct tl_json v, const char *name, struct tl_json *out)
{
    simdjson::dom::object object;
    if (element_of(v).get(object) != simdjson::SUCCESS)
        return false;
    bool found = false;
    std::string_view wanted(name);
    for (auto field : object) {
        if (field.key == wanted) {
            *out = value_of(field.value);
            found = true;
        }
    }
    return found;
}

extern "C" bool tl_json_string(struct tl_json v, struct tl_view *out)
{
    std::string_view text;
    if (element_of(v).get(text) != simdjson::SUCCESS)
        return false;
    *out = { text.data(), text.size() };
    return true;
}

extern "C" bool tl_json_i64(struct tl_json v, int64_t *out)
{
    return element_of(v).is_int64() && element_of(v).get(*out) == simdjson::SUCCESS;
}

extern "C" bool tl_json_double(struct tl_json v, double *out)
{
    return element_of(v).is_number() && element_of(v).get(*out) == simdjson::SUCCESS;
}

extern "C" bool tl_json_bool(struct tl_json v, bool *out)
{
    return element_of(v).get(*out) == simdjson::SUCCESS;
}

extern "C" struct tl_json tl_json_member(struct tl_json v, const char *name)
{
    static simdjson::dom::parser parser;
    static const struct tl_json null = value_of(parser.parse("null", 4).value_unsafe());
    struct tl_json member;
    return tl_json_get(v, name, &member) ? member : null;
}

extern "C" struct tl_view tl_json_get_string(struct tl_json v, const char *name)
{
    struct tl_json member;
    struct tl_view text = { nullptr, 0 };
    if (tl_json_get(v, name, &member))
        (void)tl_json_string(member, &text);
    return text;
}

extern "C" int64_t tl_json_get_i64(struct tl_json v, const char *name, int64_t absent)
{
    struct tl_json member;
    if (tl_json_get(v, name, &member))
        (void)tl_json_i64(member, &absent);
    return absent;
}

extern "C" double tl_json_get_double(struct tl_json v, const char *name, double absent)
{
    struct tl_json member;
    if (tl_json_get(v, name, &member))
        (void)tl_json_double(member, &absent);
    return absent;
}

extern "C" bool tl_json_get_bool(struct tl_json v, const char *name, bool absent)
{
    struct tl_json member;
    if (tl_json_get(v, name, &member))
        (void)tl_json_bool(member, &absent);
    return absent;
}

extern "C" size_t tl_json_size(struct tl_json v)
{
    simdjson::dom::array array;
    simdjson::dom::object object;
    size_t count = 0;
    if (element_of(v).get(array) == simdjson::SUCCESS)
        for (auto item : array) {
            (void)item;
            count++;
        }
    else if (element_of(v).get(object) == simdjson::SUCCESS)
        for (auto item : object) {
            (void)item;
            count++;
        }
    return count;
}

// An iterator of simdjson is a document and an index, as a value is: it is kept as such between the calls.
extern "C" void tl_json_iter_init(struct tl_json_iter *it, struct tl_json v)
{
    simdjson::dom::array array;
    simdjson::dom::object object;
    it->value = v;
    it->at = it->end = 0;
    if (element_of(v).get(array) == simdjson::SUCCESS) {
        auto at = array.begin(), end = array.end();
        it->at = value_of(*at).index;
        it->end = value_of(*end).index;
    } else if (element_of(v).get(object) == simdjson::SUCCESS) {
        auto at = object.begin(), end = object.end();
        std::memcpy(&it->at, reinterpret_cast<char *>(&at) + sizeof(void *), sizeof it->at);
        std::memcpy(&it->end, reinterpret_cast<char *>(&end) + sizeof(void *), sizeof it->end);
    }
}

static_assert(sizeof(simdjson::dom::object::iterator) == sizeof(tl_json), "an iterator is a document and an index");
static_assert(sizeof(simdjson::dom::array::iterator) == sizeof(tl_json), "an iterator is a document and an index");

extern "C" bool tl_json_next(struct tl_json_iter *it, struct tl_view *key, struct tl_json *item)
{
    if (it->at >= it->end)
        return false;
    struct tl_json place = { it->value.document, it->at };
    if (element_of(it->value).is_object()) {
        simdjson::dom::object::iterator at = element_of(it->value).get_object().value_unsafe().begin();
        std::memcpy(static_cast<void *>(&at), &place, sizeof at);
        std::string_view name = at.key();
        if (key)
            *key = { name.data(), name.size() };
        *item = value_of(at.value());
        ++at;
        std::memcpy(&place, static_cast<void *>(&at), sizeof place);
    } else {
        simdjson::dom::array::iterator at = element_of(it->value).get_array().value_unsafe().begin();
        std::memcpy(static_cast<void *>(&at), &place, sizeof at);
        if (key)
            *key = { nullptr, 0 };
        *item = value_of(*at);
        ++at;
        std::memcpy(&place, static_cast<void *>(&at), sizeof place);
    }
    it->at = place.index;
    return true;
}
