/* SPDX-License-Identifier: Apache-2.0 */
/* engine/window_origin_int.h: what window_origin.c and origin_chain.c share. Private to the two. */
#pragma once

#include "engine/apply.h"
#include "engine/window_origin.h"

#define TL_ORIGIN_CHAIN_MAX 8
#define TL_ORIGIN_ROWS_MAX ((size_t)64 << 20)

/* A view, and which records or rows of what it reads may matter: by their event time. */
struct tl_origin_step {
    size_t view, source;
    int64_t from, until;
    struct tl_apply apply;
};
struct tl_window_origin {
    const struct tl_plan *plan;
    size_t view;
    int64_t start, end;
    struct tl_view_exec *views;                         /* of the whole plan: a shard knows views by their index */
    struct tl_origin_step steps[TL_ORIGIN_CHAIN_MAX];   /* from the view that reads a stream to the one that is asked for */
    size_t depth;
    struct tl_shard_run *shard; /* the one that records come from now */
    struct tl_closed closed;    /* of the shards before it: of the first step's view */
    struct tl_buf key;
    size_t shard_count;
    struct tl_rows upper; /* depth > 1: the rows that are the records of the row */
    uint64_t *upper_records;
    size_t upper_cap;
    bool has_upper;
};
static inline struct tl_origin_step *tl_origin_last(struct tl_window_origin *o)
{
    return &o->steps[o->depth - 1];
}
/* The steps to a view, and their spans: records whose windows end within a span, or begin there, lie up to a window's length beside it. */
TL_MUST_USE bool tl_origin_chain_find(struct tl_window_origin *o, struct tl_error *error);
/* depth > 1: what the shard has of all windows that may matter, copied. False: out of memory. */
TL_MUST_USE bool tl_origin_chain_leave(struct tl_window_origin *o);
/* depth > 1: from the rows of the first view, step by step, to the row. */
TL_MUST_USE bool tl_origin_chain_row(struct tl_window_origin *o, struct tl_rows *rows, struct tl_error *error);

/* window_origin.c: how many records of the shard's are inside, its parts of the window into out, and those as rows. */
uint64_t tl_origin_records_inside(const struct tl_window_origin *o);
TL_MUST_USE bool tl_origin_take(struct tl_window_origin *o, struct tl_closed *out);
TL_MUST_USE bool tl_origin_rows(struct tl_window_origin *o, size_t view, struct tl_closed *closed, struct tl_rows *rows, struct tl_error *error);
