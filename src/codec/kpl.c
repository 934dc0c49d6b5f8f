/* SPDX-License-Identifier: Apache-2.0 */
#include "codec/kpl.h"

#include "base/grow.h"

#include <assert.h>
#include <stdlib.h>

#define MAGIC "\xf3\x89\x9a\xc2"
#define MAGIC_SIZE 4
#define KEY_BYTES_MAX 1024 /* 256 characters of UTF-8 */
#define KEYS_MAX ((size_t)1 << 24)

enum { WIRE_VARINT, WIRE_FIXED64, WIRE_BYTES, WIRE_FIXED32 = 5 };
enum { KEY_TABLE = 1, HASH_KEY_TABLE, RECORD };
enum { KEY_INDEX = 1, HASH_KEY_INDEX, DATA, TAG };

struct field {
    uint64_t number, value; /* value: of a varint */
    unsigned wire;
    struct tl_view bytes;
};
struct record {
    uint64_t key, hash_key;
    struct tl_view data;
    bool has_key, has_hash_key, has_data;
};

static bool read_varint(const char **at, const char *end, uint64_t *out)
{
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (*at == end)
            return false;
        uint64_t byte = (unsigned char)*(*at)++;
        if (shift == 63 && byte > 1)
            return false; /* more than 64 bits */
        value |= (byte & 0x7f) << shift;
        if (!(byte & 0x80)) {
            *out = value;
            return true;
        }
    }
    return false;
}

static bool skip(const char **at, const char *end, size_t size)
{
    if ((size_t)(end - *at) < size)
        return false;
    *at += size;
    return true;
}

static bool read_field(const char **at, const char *end, struct field *f)
{
    uint64_t tag;
    *f = (struct field){ .bytes = { NULL, 0 } };
    if (!read_varint(at, end, &tag))
        return false;
    f->number = tag >> 3;
    f->wire = tag & 7;
    if (f->number == 0)
        return false;
    if (f->wire == WIRE_VARINT)
        return read_varint(at, end, &f->value);
    if (f->wire == WIRE_FIXED64 || f->wire == WIRE_FIXED32)
        return skip(at, end, f->wire == WIRE_FIXED64 ? 8 : 4);
    if (f->wire != WIRE_BYTES || !read_varint(at, end, &f->value) || f->value > (uint64_t)(end - *at))
        return false; /* groups are not in these messages */
    f->bytes = (struct tl_view){ *at, (size_t)f->value };
    return skip(at, end, (size_t)f->value);
}

/* Unknown fields are passed over, as protobuf has it; known ones have their wire type. */
static bool read_record(struct tl_view bytes, struct record *out)
{
    const char *at = bytes.data, *end = bytes.data + bytes.size;
    struct field f;
    *out = (struct record){ .has_key = false };
    while (at < end) {
        if (!read_field(&at, end, &f))
            return false;
        unsigned wire = f.number == DATA || f.number == TAG ? WIRE_BYTES : WIRE_VARINT;
        if (f.number <= TAG && f.wire != wire)
            return false;
        if (f.number == KEY_INDEX) {
            out->key = f.value;
            out->has_key = true;
        } else if (f.number == HASH_KEY_INDEX) {
            out->hash_key = f.value;
            out->has_hash_key = true;
        } else if (f.number == DATA) {
            out->data = f.bytes;
            out->has_data = true;
        }
    }
    return out->has_key && out->has_data;
}

/* The tables, and how many records there are. */
static const char *read_tables(struct tl_kpl *k)
{
    static const char damaged[] = "aggregated record: its protobuf is damaged";
    const char *at = k->message.data, *end = at + k->message.size;
    struct field f;
    while (at < end) {
        if (!read_field(&at, end, &f) || (f.number <= RECORD && f.wire != WIRE_BYTES))
            return damaged;
        k->hash_key_count += f.number == HASH_KEY_TABLE;
        k->record_count += f.number == RECORD;
        if (f.number != KEY_TABLE)
            continue;
        if (f.bytes.size > KEY_BYTES_MAX || !tl_view_is_utf8(f.bytes))
            return "aggregated record: it has a partition key that is none";
        if (!tl_grow((void **)&k->keys, &k->key_cap, k->key_count + 1, sizeof *k->keys, KEYS_MAX))
            return "";
        k->keys[k->key_count++] = f.bytes;
    }
    return NULL;
}

static const char *check_records(const struct tl_kpl *k)
{
    const char *at = k->message.data, *end = at + k->message.size;
    struct field f;
    struct record r;
    while (at < end && read_field(&at, end, &f)) {
        if (f.number != RECORD)
            continue;
        if (!read_record(f.bytes, &r))
            return "aggregated record: one of its records is damaged";
        if (r.key >= k->key_count || (r.has_hash_key && r.hash_key >= k->hash_key_count))
            return "aggregated record: one of its records has a key that is not there";
    }
    return NULL;
}

bool tl_kpl_is_aggregated(struct tl_view data)
{
    return data.size >= MAGIC_SIZE && memcmp(data.data, MAGIC, MAGIC_SIZE) == 0;
}

struct tl_view tl_kpl_message(struct tl_view data)
{
    if (data.size < MAGIC_SIZE + TL_KPL_MD5_SIZE)
        return (struct tl_view){ NULL, 0 };
    return (struct tl_view){ data.data + MAGIC_SIZE, data.size - MAGIC_SIZE - TL_KPL_MD5_SIZE };
}

void tl_kpl_release(struct tl_kpl *k)
{
    free(k->keys);
    *k = (struct tl_kpl){ .keys = NULL };
}

bool tl_kpl_open(struct tl_kpl *k, struct tl_view data, const uint8_t md5[TL_KPL_MD5_SIZE], const char **reason)
{
    assert(tl_kpl_is_aggregated(data));
    k->message = tl_kpl_message(data);
    k->key_count = k->hash_key_count = k->record_count = 0;
    if (!k->message.data || memcmp(md5, data.data + data.size - TL_KPL_MD5_SIZE, TL_KPL_MD5_SIZE) != 0) {
        *reason = "aggregated record: its checksum does not match";
        return false;
    }
    const char *wrong = read_tables(k);
    if (!wrong)
        wrong = check_records(k);
    k->at = k->message.data;
    *reason = wrong && wrong[0] ? wrong : NULL;
    return !wrong;
}

bool tl_kpl_next(struct tl_kpl *k, struct tl_view *data, struct tl_view *partition_key)
{
    const char *end = k->message.data + k->message.size;
    struct field f;
    struct record r;
    while (k->at < end && read_field(&k->at, end, &f)) {
        if (f.number != RECORD)
            continue;
        bool ok = read_record(f.bytes, &r); /* as check_records() has found */
        assert(ok && r.key < k->key_count);
        if (!ok || r.key >= k->key_count)
            return false;
        *data = r.data;
        *partition_key = k->keys[r.key];
        return true;
    }
    return false;
}
