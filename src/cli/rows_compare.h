/* SPDX-License-Identifier: Apache-2.0 */
/* cli/rows_compare.h: the rows of one view, of tapeline and of another engine: equal, or each difference with the rule that explains it.
 *
 * Rows are paired by the keys and window bounds that the view selects. Explained is what docs/scaling.md lists, and nothing else:
 * the last digits of sums (rule 8) up to so many ulps; instants cut to microseconds; a window in which a late record lies, where the engine has
 * another way of telling what is late (rule 4); sessions that the engine parts, because it has them by milliseconds; and what reads rows that
 * are explained by one of the last two. */
#pragma once

#include "cli/window_list.h"
#include "engine/plan.h"

enum tl_difference_rule {
    TL_DIFFERENCE_NONE, /* no rule explains it */
    TL_DIFFERENCE_SUM,
    TL_DIFFERENCE_MICROSECONDS,
    TL_DIFFERENCE_LATE,
    TL_DIFFERENCE_SESSION,
    TL_DIFFERENCE_RULES
};
/* "sums rounded in another order (rule 8)" */
const char *tl_difference_text(enum tl_difference_rule rule);

/* Where rows lie that differ, by what explains them: the instants of their windows' bounds, by which the views that read them go. */
struct tl_differing {
    struct tl_window_list late, parted;
};
void tl_differing_release(struct tl_differing *differing);

struct tl_compare_options {
    const struct tl_plan *plan;
    size_t view;
    double ulps;                     /* the most that SUM explains, of what is made of several a multiple (cli/rows_roundings.h) */
    const struct tl_window_list *late; /* of the records that were late for the view, here or there. NULL: the engine tells late records as tapeline does */
    const struct tl_differing *below; /* of the view whose rows this one reads: result->differing of that comparison; NULL: none */
    int64_t session_tick_ns;         /* by which the engine's sessions go, coarser than ours: it may part some (cli/session_parts.h); 0: as fine */
    const char *engine;              /* "spark" */
    size_t shown_max;                /* differences that are written out */
};
struct tl_compare_result {
    uint64_t rows, other_rows, equal;
    uint64_t by_rule[TL_DIFFERENCE_RULES]; /* rows that differ, by what explains them */
    double ulps_max;                       /* seen */
    struct tl_differing differing;
    struct tl_buf shown;                   /* a line each difference that no rule explains, and the first of those that one does */
};
/* result goes to tl_compare_result_release() in any case. */
TL_MUST_USE bool tl_rows_compare(const struct tl_rows *ours, const struct tl_rows *others, const struct tl_compare_options *options,
                                 struct tl_compare_result *result, struct tl_error *error);
void tl_compare_result_release(struct tl_compare_result *result);
/* How many doubles lie between the two; infinity where one is NULL or they differ in sign. */
double tl_ulps_between(double a, double b);
