/* SPDX-License-Identifier: Apache-2.0 */
/* engine/why.h: why a view gives no rows just now, from what inspect.h shows: the causes, the decisive one first, each with what to do.
 *
 * Pure: what it is told and nothing else. A cause's code is for programs and stays as it is. */
#pragma once

#include "engine/inspect.h"

#define TL_WHY_MAX 12

struct tl_why_cause {
    const char *code;  /* "watermark"; docs/operations.md has the list */
    const char *shard; /* which one; NULL: none in particular */
    const char *text, *fix; /* fix NULL: nothing is to be done */
};
struct tl_why { /* of a view; texts in the arena given */
    struct tl_arena *arena;
    struct tl_why_cause causes[TL_WHY_MAX];
    size_t count;
};
/* A feed of this process. */
struct tl_why_feed {
    const char *name;
    size_t source;
    bool running;
    const char *error; /* NULL: it has not failed */
};
/* What was asked of the service about a source's stream. */
struct tl_why_stream {
    bool asked, exists;
    const char *near; /* a stream with nearly that name; NULL: none */
};
struct tl_why_context {
    int64_t now_ns;
    const char *last_error;     /* stopped: what its last run ended with; NULL: nothing is known */
    bool killed;                /* stopped: it did not end by itself */
    bool knows_feeds;           /* feeds lists all that this process runs */
    const struct tl_why_feed *feeds;
    size_t feed_count;
    const struct tl_why_stream *streams; /* by source; NULL: nothing was asked */
};
/* in NULL: the pipeline has neither run nor a checkpoint. */
void tl_why_view(const struct tl_plan *plan, size_t view, const struct tl_inspect *in, const struct tl_why_context *context,
                 struct tl_arena *arena, struct tl_why *out);
