/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/observe.h"

#include "base/grow.h"
#include "base/io.h"
#include "engine/gate.h"
#include "engine/wire.h"

#include <assert.h>
#include <stdlib.h>

#define ROWS_MAX (1u << 28)
#define KEY_MAX (16u << 20)
#define OUT_MAX ((size_t)2 << 30)

struct tl_observe_row {
    uint64_t version;
    char *image; /* key and start, then the cells, as on the wire */
    uint32_t image_size, key_size;
    uint32_t before, after; /* index + 1 in the list by version */
    bool final;
};

bool tl_observe_init(struct tl_observe *o, const struct tl_view_exec *views, size_t count,
                     struct tl_error *error)
{
    *o = (struct tl_observe){ .view_count = count };
    pthread_mutex_init(&o->lock, NULL);
    tl_cond_init(&o->changed);
    o->views = calloc(count + 1, sizeof *o->views);
    if (!o->views)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < count; i++) {
        o->views[i].view = &views[i];
        tl_map_init(&o->views[i].map, ROWS_MAX);
    }
    return true;
}

void tl_observe_release(struct tl_observe *o)
{
    for (size_t i = 0; o->views && i < o->view_count; i++) {
        struct tl_observe_view *v = &o->views[i];
        for (uint32_t k = 0; k < v->row_count; k++)
            free(v->rows[k].image);
        free(v->rows);
        free(v->closed);
        tl_map_release(&v->map);
    }
    free(o->views);
    pthread_cond_destroy(&o->changed);
    pthread_mutex_destroy(&o->lock);
}

static void unlink_row(struct tl_observe_view *v, uint32_t index)
{
    struct tl_observe_row *row = &v->rows[index];
    if (row->before)
        v->rows[row->before - 1].after = row->after;
    else
        v->oldest = row->after;
    if (row->after)
        v->rows[row->after - 1].before = row->before;
    else
        v->newest = row->before;
    row->before = row->after = 0;
}

static void link_newest(struct tl_observe_view *v, uint32_t index)
{
    struct tl_observe_row *row = &v->rows[index];
    row->before = v->newest;
    row->after = 0;
    if (v->newest)
        v->rows[v->newest - 1].after = index + 1;
    else
        v->oldest = index + 1;
    v->newest = index + 1;
}

static void forget_row(struct tl_observe *o, struct tl_observe_view *v, uint32_t index)
{
    struct tl_observe_row *row = &v->rows[index];
    unlink_row(v, index);
    bool there = tl_map_remove(&v->map, (struct tl_view){ row->image, row->key_size });
    assert(there); /* I2 */
    (void)there;
    o->bytes -= row->image_size;
    free(row->image);
    *row = (struct tl_observe_row){ .after = v->free_list };
    v->free_list = index + 1;
}

/* A closed row joins the ring; the oldest leaves when it is full. */
static bool ring_add(struct tl_observe *o, struct tl_observe_view *v, uint32_t index)
{
    if (!v->closed)
        v->closed = calloc(TL_CLOSED_KEPT, sizeof *v->closed);
    if (!v->closed)
        return false;
    if (v->closed_count == TL_CLOSED_KEPT) {
        forget_row(o, v, v->closed[v->closed_first]);
        v->closed_first = (v->closed_first + 1) % TL_CLOSED_KEPT;
        v->closed_count--;
    }
    v->closed[(v->closed_first + v->closed_count++) % TL_CLOSED_KEPT] = index;
    return true;
}

/* The row of the group, made when absent: index + 1; 0: out of memory. */
static uint32_t row_of(struct tl_observe_view *v, struct tl_view key)
{
    bool added;
    uint64_t *place = tl_map_put(&v->map, key, &added);
    if (!place)
        return 0;
    if (!added)
        return (uint32_t)*place + 1;
    uint32_t index = v->free_list ? v->free_list - 1 : v->row_count;
    if (!v->free_list &&
        !tl_grow((void **)&v->rows, &v->row_cap, v->row_count + 1, sizeof *v->rows, ROWS_MAX)) {
        tl_map_remove(&v->map, key);
        return 0;
    }
    if (v->free_list)
        v->free_list = v->rows[index].after;
    else
        v->row_count++;
    v->rows[index] = (struct tl_observe_row){ .version = 0 };
    link_newest(v, index);
    *place = index;
    return index + 1;
}

static void put_cells(struct tl_buf *out, const struct tl_rows *rows, size_t row, size_t columns)
{
    for (size_t c = 0; c < columns; c++) {
        bool null = tl_rows_is_null(rows, row, c);
        tl_wire_put_u8(out, null);
        if (!null && rows->columns[c].def.type == TL_TYPE_VARCHAR)
            tl_wire_put_view(out, tl_rows_text(rows, row, c));
        else if (!null)
            tl_wire_put_i64(out, rows->columns[c].cells[row].i64); /* bits of a double too */
    }
}

static bool put_locked(struct tl_observe *o, struct tl_observe_view *v, struct tl_view key, bool final,
                       struct tl_buf *image)
{
    uint32_t found = row_of(v, key);
    if (!found)
        return false;
    struct tl_observe_row *row = &v->rows[found - 1];
    size_t size;
    char *bytes = tl_buf_take(image, &size);
    o->bytes = o->bytes - row->image_size + size;
    free(row->image);
    row->image = bytes;
    row->image_size = (uint32_t)size;
    row->key_size = (uint32_t)key.size;
    row->version = ++o->version;
    unlink_row(v, found - 1);
    link_newest(v, found - 1); /* I1 */
    bool closes = final && !row->final;
    row->final = final;
    return !closes || ring_add(o, v, found - 1);
}

bool tl_observe_put(struct tl_observe *o, size_t view, struct tl_view key, int64_t start, bool final,
                    const struct tl_rows *rows, size_t row)
{
    assert(view < o->view_count);
    struct tl_observe_view *v = &o->views[view];
    struct tl_buf image;
    tl_buf_init(&image, KEY_MAX);
    tl_wire_put_i64(&image, start);
    tl_buf_add_view(&image, key);
    size_t key_size = image.size;
    put_cells(&image, rows, row, v->view->plan->column_count);
    bool ok = !image.failed;
    if (ok) {
        char *bytes = image.data; /* stays where it is when taken */
        pthread_mutex_lock(&o->lock);
        ok = put_locked(o, v, (struct tl_view){ bytes, key_size }, final, &image);
        pthread_mutex_unlock(&o->lock);
    }
    tl_buf_release(&image);
    return ok;
}

void tl_observe_notify(struct tl_observe *o)
{
    pthread_mutex_lock(&o->lock);
    pthread_cond_broadcast(&o->changed);
    pthread_mutex_unlock(&o->lock);
}

static void get_row(const struct tl_observe_view *v, const struct tl_observe_row *row, struct tl_rows *out)
{
    struct tl_wire_reader r =
        tl_wire_of((struct tl_view){ row->image + row->key_size, row->image_size - row->key_size });
    size_t columns = v->view->plan->column_count;
    tl_rows_add(out);
    for (size_t c = 0; c < columns; c++) {
        if (tl_wire_u8(&r))
            continue;
        int64_t bits;
        double real;
        switch (v->view->plan->columns[c].type) {
        case TL_TYPE_VARCHAR:
            tl_rows_set_text(out, c, tl_wire_view(&r));
            break;
        case TL_TYPE_DOUBLE:
            bits = tl_wire_i64(&r);
            memcpy(&real, &bits, sizeof real);
            tl_rows_set_double(out, c, real);
            break;
        default:
            tl_rows_set_i64(out, c, tl_wire_i64(&r));
        }
    }
    tl_rows_set_i64(out, columns, row->final);
    assert(!r.failed);
}

static bool init_rows(const struct tl_view_plan *plan, struct tl_rows *out, struct tl_error *error)
{
    struct tl_column_def *defs = calloc(plan->column_count + 1, sizeof *defs);
    if (!defs) {
        *out = (struct tl_rows){ 0 };
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    }
    memcpy(defs, plan->columns, plan->column_count * sizeof *defs);
    defs[plan->column_count] =
        (struct tl_column_def){ .name = "final", .type = TL_TYPE_BOOLEAN, .not_null = true };
    bool ok = tl_rows_init(out, defs, plan->column_count + 1, OUT_MAX, error);
    free(defs);
    return ok;
}

bool tl_observe_changes(struct tl_observe *o, size_t view, uint64_t *cursor, struct tl_rows *out,
                        struct tl_error *error)
{
    assert(view < o->view_count);
    struct tl_observe_view *v = &o->views[view];
    atomic_store(&o->asked_ns, tl_io->monotonic_ns());
    if (!init_rows(v->view->plan, out, error))
        return false;
    pthread_mutex_lock(&o->lock);
    uint32_t first = v->newest;
    while (first && v->rows[first - 1].version > *cursor && v->rows[first - 1].before)
        first = v->rows[first - 1].before;
    for (uint32_t i = first; i; i = v->rows[i - 1].after)
        if (v->rows[i - 1].version > *cursor)
            get_row(v, &v->rows[i - 1], out);
    *cursor = o->version;
    pthread_mutex_unlock(&o->lock);
    return tl_rows_ok(out, v->view->plan->name, error);
}

void tl_observe_wait(struct tl_observe *o, uint64_t *version, int64_t timeout_ns)
{
    int64_t now = tl_io->monotonic_ns(), until = now + timeout_ns;
    atomic_store(&o->asked_ns, now);
    pthread_mutex_lock(&o->lock);
    while (o->version == *version && tl_io->monotonic_ns() < until)
        tl_cond_wait_until(&o->changed, &o->lock, until);
    *version = o->version;
    pthread_mutex_unlock(&o->lock);
}
