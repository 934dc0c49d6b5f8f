/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/aggregate.h"

#include "engine/distinct.h"
#include "engine/exact_sum.h"
#include "engine/spread.h"

#include <assert.h>
#include <stdlib.h>

#define TEXT_SMALL 16

struct text {
    uint32_t size, cap; /* cap 0: in small */
    union {
        char small[TEXT_SMALL];
        char *heap;
    } as;
};
/* COUNT */
struct count {
    uint64_t count;
};
/* SUM, AVG of DOUBLE */
struct real {
    struct tl_exact_sum sum;
    uint64_t count;
};
/* SUM, AVG of integers: 128 bits, which 2^64 records of 64 bits cannot leave. */
struct whole {
    uint64_t low;
    int64_t high;
    uint64_t count;
};
/* MIN, MAX, FIRST, LAST. */
enum held { HELD_NOTHING, HELD_NULL, HELD_VALUE };
struct value {
    int64_t time; /* FIRST, LAST */
    uint64_t held;
    union {
        int64_t i64;
        double f64;
    } as;
};
struct text_value {
    int64_t time;
    uint64_t held;
    struct text text;
};

#define DISTINCT_BYTES 64 /* a value in a set, about */

static bool is_integer(enum tl_type type)
{
    return type == TL_TYPE_INTEGER || type == TL_TYPE_BIGINT;
}

static bool is_number(enum tl_type type)
{
    return type == TL_TYPE_DOUBLE || is_integer(type);
}

static bool is_spread(enum tl_aggregate_kind kind)
{
    return kind == TL_AGG_STDDEV_SAMP || kind == TL_AGG_STDDEV_POP || kind == TL_AGG_VWAP;
}

static size_t item_size(const struct tl_aggregate_item *item)
{
    switch (item->kind) {
    case TL_AGG_COUNT_ALL:
    case TL_AGG_COUNT:
        return sizeof(struct count);
    case TL_AGG_SUM:
    case TL_AGG_AVG:
        return item->input == TL_TYPE_DOUBLE ? sizeof(struct real)
               : is_integer(item->input)     ? sizeof(struct whole)
                                             : 0;
    case TL_AGG_MIN:
    case TL_AGG_MAX:
    case TL_AGG_FIRST:
    case TL_AGG_LAST:
        return item->input == TL_TYPE_VARCHAR ? sizeof(struct text_value) : sizeof(struct value);
    case TL_AGG_COUNT_DISTINCT:
        return sizeof(struct tl_map *);
    case TL_AGG_STDDEV_SAMP:
    case TL_AGG_STDDEV_POP:
    case TL_AGG_VWAP:
        return is_number(item->input) && is_number(item->volume_type) ? sizeof(struct tl_spread) : 0;
    }
    return 0;
}

bool tl_aggregate_layout_init(struct tl_aggregate_layout *layout, const struct tl_view_plan *view,
                              const struct tl_source_plan *source, struct tl_error *error)
{
    *layout = (struct tl_aggregate_layout){ .count = view->aggregate_count };
    layout->items = calloc(layout->count ? layout->count : 1, sizeof *layout->items);
    if (!layout->items)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < layout->count; i++) {
        const struct tl_aggregate_plan *plan = &view->aggregates[i];
        assert(plan->kind == TL_AGG_COUNT_ALL || plan->column < source->column_count ||
               plan->column < source->slot_count);
        struct tl_aggregate_item *item = &layout->items[i];
        *item = (struct tl_aggregate_item){ .kind = plan->kind,
                                            .column = plan->column,
                                            .volume = plan->kind == TL_AGG_VWAP ? plan->volume : plan->column,
                                            .at = layout->size,
                                            .result = plan->type,
                                            .ignore_nulls = plan->ignore_nulls };
        bool takes = plan->kind != TL_AGG_COUNT_ALL;
        item->input = takes ? tl_slot_def(source, plan->column)->type : TL_TYPE_BIGINT;
        item->volume_type = takes ? tl_slot_def(source, item->volume)->type : TL_TYPE_BIGINT;
        size_t size = item_size(item);
        if (size == 0) {
            enum tl_type input = item->input; /* the items are gone before the message is made */
            tl_aggregate_layout_release(layout);
            return tl_error_set(error, TL_INVALID, "view '%s': aggregate %zu cannot be computed over %s",
                                view->name, i + 1, tl_type_name(input));
        }
        layout->size += size;
        layout->distinct = layout->distinct || item->kind == TL_AGG_COUNT_DISTINCT;
    }
    assert(layout->size % 8 == 0);
    return true;
}

void tl_aggregate_layout_release(struct tl_aggregate_layout *layout)
{
    free(layout->items);
    free(layout->stored);
    *layout = (struct tl_aggregate_layout){ 0 };
}

static struct tl_view text_view(const struct text *t)
{
    return (struct tl_view){ t->cap ? t->as.heap : t->as.small, t->size };
}

static bool text_set(struct text *t, struct tl_view v)
{
    if (v.size > UINT32_MAX / 2)
        return false;
    size_t room = t->cap ? t->cap : TEXT_SMALL;
    if (v.size > room) {
        size_t cap = v.size + v.size / 4;
        char *heap = realloc(t->cap ? t->as.heap : NULL, cap);
        if (!heap)
            return false;
        t->as.heap = heap;
        t->cap = (uint32_t)cap;
    }
    if (v.size)
        memcpy(t->cap ? t->as.heap : t->as.small, v.data, v.size);
    t->size = (uint32_t)v.size;
    return true;
}

static void text_release(struct text *t)
{
    if (t->cap)
        free(t->as.heap);
    *t = (struct text){ 0 };
}

static void whole_add(struct whole *w, int64_t high, uint64_t low)
{
    uint64_t sum = w->low + low;
    w->high = (int64_t)((uint64_t)w->high + (uint64_t)high + (sum < low));
    w->low = sum;
}

/* True when a value of this time is to be taken (rule 1). */
static bool takes(enum tl_aggregate_kind kind, uint64_t held, int64_t held_time, int64_t time)
{
    if (held == HELD_NOTHING)
        return true;
    return kind == TL_AGG_FIRST ? time < held_time : time >= held_time;
}

static bool beats(enum tl_aggregate_kind kind, int order)
{
    return kind == TL_AGG_MIN ? order < 0 : order > 0;
}

static bool is_ordered(enum tl_aggregate_kind kind)
{
    return kind == TL_AGG_FIRST || kind == TL_AGG_LAST;
}

static int compare(enum tl_type type, const struct value *held, const struct tl_tick_value *v)
{
    if (type == TL_TYPE_DOUBLE)
        return (v->as.f64 > held->as.f64) - (v->as.f64 < held->as.f64);
    return (v->as.i64 > held->as.i64) - (v->as.i64 < held->as.i64);
}

static void update_value(const struct tl_aggregate_item *item, struct value *held,
                         const struct tl_tick_value *v, int64_t time)
{
    if (is_ordered(item->kind)) {
        if ((v->null && item->ignore_nulls) || !takes(item->kind, held->held, held->time, time))
            return;
    } else if (v->null || (held->held == HELD_VALUE && !beats(item->kind, compare(item->input, held, v)))) {
        return;
    }
    held->time = time;
    held->held = v->null ? HELD_NULL : HELD_VALUE;
    if (v->null)
        held->as.i64 = 0;
    else if (item->input == TL_TYPE_DOUBLE)
        held->as.f64 = v->as.f64;
    else
        held->as.i64 = v->as.i64;
}

static bool update_text(const struct tl_aggregate_item *item, struct text_value *held, bool null,
                        struct tl_view v, int64_t time)
{
    if (is_ordered(item->kind)) {
        if ((null && item->ignore_nulls) || !takes(item->kind, held->held, held->time, time))
            return true;
    } else if (null ||
               (held->held == HELD_VALUE && !beats(item->kind, tl_view_cmp(v, text_view(&held->text))))) {
        return true;
    }
    held->time = time;
    held->held = null ? HELD_NULL : HELD_VALUE;
    return text_set(&held->text, null ? (struct tl_view){ "", 0 } : v);
}

static bool update_sum(const struct tl_aggregate_item *item, void *at, const struct tl_tick_value *v)
{
    if (v->null)
        return true;
    if (item->input == TL_TYPE_DOUBLE) {
        struct real *sum = at;
        sum->count++;
        return tl_exact_sum_add(&sum->sum, v->as.f64);
    }
    struct whole *sum = at;
    sum->count++;
    whole_add(sum, v->as.i64 < 0 ? -1 : 0, (uint64_t)v->as.i64);
    return true;
}

static double real_of(enum tl_type type, const struct tl_tick_value *v)
{
    return type == TL_TYPE_DOUBLE ? v->as.f64 : (double)v->as.i64;
}

static bool update_spread(const struct tl_aggregate_item *item, struct tl_spread *spread,
                          const struct tl_tick_value *v, const struct tl_tick_value *volume)
{
    if (v->null || volume->null)
        return true;
    double x = real_of(item->input, v);
    if (item->kind != TL_AGG_VWAP)
        return tl_spread_add(spread, x, x, x);
    double by = real_of(item->volume_type, volume);
    return tl_spread_add(spread, x, by, by);
}

bool tl_aggregate_update(const struct tl_aggregate_layout *layout, void *block,
                         const struct tl_tick_value *values, int64_t event_time)
{
    for (size_t i = 0; i < layout->count; i++) {
        const struct tl_aggregate_item *item = &layout->items[i];
        void *at = (char *)block + item->at;
        const struct tl_tick_value *v = &values[item->column];
        switch (item->kind) {
        case TL_AGG_COUNT_ALL:
            ((struct count *)at)->count++;
            break;
        case TL_AGG_COUNT:
            ((struct count *)at)->count += !v->null;
            break;
        case TL_AGG_SUM:
        case TL_AGG_AVG:
            if (!update_sum(item, at, v))
                return false;
            break;
        case TL_AGG_MIN:
        case TL_AGG_MAX:
        case TL_AGG_FIRST:
        case TL_AGG_LAST:
            if (item->input != TL_TYPE_VARCHAR)
                update_value(item, at, v, event_time);
            else if (!update_text(item, at, v->null, v->as.text, event_time))
                return false;
            break;
        case TL_AGG_COUNT_DISTINCT:
            if (!tl_distinct_add(at, item->input, v))
                return false;
            break;
        case TL_AGG_STDDEV_SAMP:
        case TL_AGG_STDDEV_POP:
        case TL_AGG_VWAP:
            if (!update_spread(item, at, v, &values[item->volume]))
                return false;
            break;
        }
    }
    return true;
}

static bool merge_sum(const struct tl_aggregate_item *item, void *into, const void *from)
{
    if (item->input == TL_TYPE_DOUBLE) {
        struct real *a = into;
        const struct real *b = from;
        a->count += b->count;
        return tl_exact_sum_merge(&a->sum, &b->sum);
    }
    struct whole *a = into;
    const struct whole *b = from;
    a->count += b->count;
    whole_add(a, b->high, b->low);
    return true;
}

static bool merge_value(const struct tl_aggregate_item *item, void *into, const void *from)
{
    if (item->input == TL_TYPE_VARCHAR) {
        const struct text_value *b = from;
        return b->held == HELD_NOTHING ||
               update_text(item, into, b->held == HELD_NULL, text_view(&b->text), b->time);
    }
    const struct value *b = from;
    struct tl_tick_value v = { .null = b->held == HELD_NULL };
    if (item->input == TL_TYPE_DOUBLE)
        v.as.f64 = b->as.f64;
    else
        v.as.i64 = b->as.i64;
    if (b->held != HELD_NOTHING)
        update_value(item, into, &v, b->time);
    return true;
}

static bool merge_item(const struct tl_aggregate_item *item, void *into, const void *from)
{
    switch (item->kind) {
    case TL_AGG_COUNT_ALL:
    case TL_AGG_COUNT:
        ((struct count *)into)->count += ((const struct count *)from)->count;
        return true;
    case TL_AGG_SUM:
    case TL_AGG_AVG:
        return merge_sum(item, into, from);
    case TL_AGG_COUNT_DISTINCT:
        return tl_distinct_merge(into, *(struct tl_map *const *)from);
    case TL_AGG_STDDEV_SAMP:
    case TL_AGG_STDDEV_POP:
    case TL_AGG_VWAP:
        return tl_spread_merge(into, from);
    default:
        return merge_value(item, into, from);
    }
}

bool tl_aggregate_merge(const struct tl_aggregate_layout *layout, void *into, const void *from)
{
    for (size_t i = 0; i < layout->count; i++) {
        const struct tl_aggregate_item *item = &layout->items[i];
        if (!merge_item(item, (char *)into + item->at, (const char *)from + item->at))
            return false;
    }
    return true;
}

static bool is_sum(enum tl_aggregate_kind kind)
{
    return kind == TL_AGG_SUM || kind == TL_AGG_AVG;
}

static bool is_count(enum tl_aggregate_kind kind)
{
    return kind == TL_AGG_COUNT_ALL || kind == TL_AGG_COUNT;
}

void tl_aggregate_release(const struct tl_aggregate_layout *layout, void *block)
{
    for (size_t i = 0; i < layout->count; i++) {
        const struct tl_aggregate_item *item = &layout->items[i];
        void *at = (char *)block + item->at;
        if (is_sum(item->kind) && item->input == TL_TYPE_DOUBLE)
            tl_exact_sum_release(&((struct real *)at)->sum);
        else if (is_spread(item->kind))
            tl_spread_release(at);
        else if (item->kind == TL_AGG_COUNT_DISTINCT)
            tl_distinct_release(at);
        else if (!is_sum(item->kind) && !is_count(item->kind) && item->input == TL_TYPE_VARCHAR)
            text_release(&((struct text_value *)at)->text);
    }
}

size_t tl_aggregate_heap(const struct tl_aggregate_layout *layout, const void *block)
{
    size_t bytes = 0;
    for (size_t i = 0; i < layout->count; i++) {
        const struct tl_aggregate_item *item = &layout->items[i];
        const void *at = (const char *)block + item->at;
        if (item->kind == TL_AGG_COUNT_DISTINCT)
            bytes += tl_distinct_count(*(struct tl_map *const *)at) * DISTINCT_BYTES;
        else if (!is_sum(item->kind) && !is_count(item->kind) && !is_spread(item->kind) &&
                 item->input == TL_TYPE_VARCHAR)
            bytes += ((const struct text_value *)at)->text.cap;
    }
    return bytes;
}

static void real_result(const struct tl_aggregate_item *item, const struct real *real, struct tl_tick_value *out)
{
    out->null = real->count == 0;
    double sum = out->null ? 0 : tl_exact_sum_round(&real->sum);
    out->as.f64 = item->kind == TL_AGG_AVG && !out->null ? sum / (double)real->count : sum;
}

static void whole_result(const struct tl_aggregate_item *item, const struct whole *whole,
                         struct tl_tick_value *out)
{
    __extension__ typedef __int128 wide;
    wide sum = (wide)whole->high * ((wide)1 << 64) + (wide)whole->low;
    out->null = whole->count == 0;
    if (out->null)
        return;
    if (item->kind == TL_AGG_AVG)
        out->as.f64 = (double)sum / (double)whole->count;
    else if (item->result == TL_TYPE_DOUBLE)
        out->as.f64 = (double)sum;
    else if (sum >= INT64_MIN && sum <= INT64_MAX)
        out->as.i64 = (int64_t)sum;
    else
        out->null = true;
}

static void value_result(const struct tl_aggregate_item *item, const void *at, struct tl_tick_value *out)
{
    if (item->input == TL_TYPE_VARCHAR) {
        const struct text_value *v = at;
        out->null = v->held != HELD_VALUE;
        out->as.text = out->null ? (struct tl_view){ "", 0 } : text_view(&v->text);
        return;
    }
    const struct value *v = at;
    out->null = v->held != HELD_VALUE;
    out->as.i64 = out->null ? 0 : v->as.i64; /* a double's bits too */
}

static void spread_result(const struct tl_aggregate_item *item, const struct tl_spread *spread,
                          struct tl_tick_value *out)
{
    out->as.f64 = 0;
    out->null = item->kind == TL_AGG_VWAP
                    ? !tl_spread_mean(spread, &out->as.f64)
                    : !tl_spread_stddev(spread, item->kind == TL_AGG_STDDEV_POP, &out->as.f64);
}

void tl_aggregate_value(const struct tl_aggregate_layout *layout, size_t i, const void *block,
                        struct tl_tick_value *out)
{
    assert(i < layout->count);
    const struct tl_aggregate_item *item = &layout->items[i];
    const void *at = (const char *)block + item->at;
    *out = (struct tl_tick_value){ .null = false };
    if (is_count(item->kind))
        out->as.i64 = (int64_t)((const struct count *)at)->count;
    else if (item->kind == TL_AGG_COUNT_DISTINCT)
        out->as.i64 = (int64_t)tl_distinct_count(*(struct tl_map *const *)at);
    else if (is_spread(item->kind))
        spread_result(item, at, out);
    else if (!is_sum(item->kind))
        value_result(item, at, out);
    else if (item->input == TL_TYPE_DOUBLE)
        real_result(item, at, out);
    else
        whole_result(item, at, out);
}

static void write_item(const struct tl_aggregate_item *item, const void *at, struct tl_buf *out)
{
    if (item->kind == TL_AGG_COUNT_ALL || item->kind == TL_AGG_COUNT) {
        tl_wire_put_u64(out, ((const struct count *)at)->count);
    } else if (item->kind == TL_AGG_COUNT_DISTINCT) {
        tl_distinct_write(*(struct tl_map *const *)at, out);
    } else if (is_spread(item->kind)) {
        tl_spread_write(at, out);
    } else if (item->kind == TL_AGG_SUM || item->kind == TL_AGG_AVG) {
        const struct whole *whole = at;
        const struct real *real = at;
        if (item->input == TL_TYPE_DOUBLE) {
            tl_exact_sum_write(&real->sum, out);
        } else {
            tl_wire_put_u64(out, whole->low);
            tl_wire_put_i64(out, whole->high);
        }
        tl_wire_put_u64(out, item->input == TL_TYPE_DOUBLE ? real->count : whole->count);
    } else {
        const struct value *value = at; /* time and held lie alike in both */
        tl_wire_put_i64(out, value->time);
        tl_wire_put_u8(out, (uint8_t)value->held);
        if (item->input == TL_TYPE_VARCHAR)
            tl_wire_put_view(out, text_view(&((const struct text_value *)at)->text));
        else
            tl_wire_put_i64(out, value->as.i64);
    }
}

void tl_aggregate_write(const struct tl_aggregate_layout *layout, const void *block, struct tl_buf *out)
{
    for (size_t i = 0; i < layout->count; i++)
        write_item(&layout->items[i], (const char *)block + layout->items[i].at, out);
}

static bool read_sum(const struct tl_aggregate_item *item, void *at, struct tl_wire_reader *r)
{
    if (item->input == TL_TYPE_DOUBLE) {
        struct real *real = at;
        bool ok = tl_exact_sum_read(&real->sum, r);
        real->count = tl_wire_u64(r);
        return ok;
    }
    struct whole *whole = at;
    whole->low = tl_wire_u64(r);
    whole->high = tl_wire_i64(r);
    whole->count = tl_wire_u64(r);
    return true;
}

static bool read_value(const struct tl_aggregate_item *item, void *at, struct tl_wire_reader *r)
{
    struct value *value = at;
    value->time = tl_wire_i64(r);
    value->held = tl_wire_u8(r);
    r->failed = r->failed || value->held > HELD_VALUE;
    if (item->input == TL_TYPE_VARCHAR)
        return text_set(&((struct text_value *)at)->text, tl_wire_view(r));
    value->as.i64 = tl_wire_i64(r);
    return true;
}

static bool read_item(const struct tl_aggregate_item *item, void *at, struct tl_wire_reader *r)
{
    if (is_count(item->kind)) {
        ((struct count *)at)->count = tl_wire_u64(r);
        return true;
    }
    if (item->kind == TL_AGG_COUNT_DISTINCT)
        return tl_distinct_read(at, r);
    if (is_spread(item->kind))
        return tl_spread_read(at, r);
    return is_sum(item->kind) ? read_sum(item, at, r) : read_value(item, at, r);
}

bool tl_aggregate_read(const struct tl_aggregate_layout *layout, void *block, struct tl_wire_reader *r)
{
    size_t count = layout->stored ? layout->stored_count : layout->count;
    for (size_t i = 0; i < count; i++) {
        const struct tl_aggregate_item *item = &layout->items[layout->stored ? layout->stored[i] : i];
        if (!read_item(item, (char *)block + item->at, r))
            return false;
    }
    return true;
}
