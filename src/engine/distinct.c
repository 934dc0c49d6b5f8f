/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/distinct.h"

#include "base/map.h"

#include <stdlib.h>

#define VALUES_MAX (1u << 30)

static bool put(struct tl_map **set, struct tl_view key)
{
    bool added;
    if (!*set) {
        *set = malloc(sizeof **set);
        if (!*set)
            return false;
        tl_map_init(*set, VALUES_MAX);
    }
    return tl_map_put(*set, key, &added) != NULL;
}

bool tl_distinct_add(struct tl_map **set, enum tl_type type, const struct tl_tick_value *v)
{
    if (v->null)
        return true;
    if (type == TL_TYPE_VARCHAR)
        return put(set, v->as.text);
    int64_t bits = v->as.i64;
    double zero = 0;
    if (type == TL_TYPE_DOUBLE && v->as.f64 == 0)
        memcpy(&bits, &zero, sizeof bits); /* -0 is 0 */
    return put(set, (struct tl_view){ (const char *)&bits, sizeof bits });
}

bool tl_distinct_merge(struct tl_map **set, const struct tl_map *from)
{
    for (size_t i = 0; from && i < from->count; i++)
        if (!put(set, tl_map_key_at(from, i)))
            return false;
    return true;
}

size_t tl_distinct_count(const struct tl_map *set)
{
    return set ? set->count : 0;
}

void tl_distinct_release(struct tl_map **set)
{
    if (*set)
        tl_map_release(*set);
    free(*set);
    *set = NULL;
}

void tl_distinct_write(const struct tl_map *set, struct tl_buf *out)
{
    tl_wire_put_u32(out, (uint32_t)tl_distinct_count(set));
    for (size_t i = 0; set && i < set->count; i++)
        tl_wire_put_view(out, tl_map_key_at(set, i));
}

bool tl_distinct_read(struct tl_map **set, struct tl_wire_reader *r)
{
    uint32_t count = tl_wire_count(r, 4);
    for (uint32_t i = 0; i < count && !r->failed; i++) {
        struct tl_view key = tl_wire_view(r);
        if (!r->failed && !put(set, key))
            return false;
    }
    return true;
}
