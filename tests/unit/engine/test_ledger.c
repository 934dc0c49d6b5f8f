/* SPDX-License-Identifier: Apache-2.0 */
/* rule 9: a record that is not accounted for is a fatal error, and what breaches is told. */
#include "support.h"

#include "engine/ledger.h"
#include "reference_plan.h"

struct fixture {
    struct reference_plan plan;
    struct tl_view_exec views[VIEWS];
    struct tl_view_total totals[VIEWS];
    struct tl_shard_run *shards[2];
    struct tl_engine engine;
};

static void add_group(struct tl_shard_run *s, size_t view, int64_t start, uint64_t records)
{
    struct tl_window_entry *entry = tl_window_state_at(&s->states[view], TL_VIEW("A"), start);
    assert_non_null(entry);
    entry->records = records;
}

/* Two shards: 10 and 20 received; 3 late, 2 malformed; of avg_1min 15 written, 10 open. */
static void fixture_open(struct fixture *f)
{
    struct tl_error error;
    memset(f, 0, sizeof *f);
    reference_plan_init(&f->plan);
    for (size_t i = 0; i < VIEWS; i++)
        test_ok(tl_view_exec_init(&f->views[i], &f->plan.plan, i, &error), &error);
    for (size_t i = 0; i < 2; i++)
        test_ok(tl_shard_run_new(&f->shards[i], i ? "b" : "a", &f->plan.plan, 0, f->views, false, &error),
                &error);
    f->engine.plan = &f->plan.plan;
    f->engine.views = f->views;
    f->engine.totals = f->totals;
    f->engine.shards = f->shards;
    f->engine.shard_count = 2;
    f->shards[0]->received = 10;
    f->shards[0]->malformed = 2;
    f->shards[0]->counts[AVG_1MIN] = (struct tl_view_count){ .aggregated = 5, .late = 3, .placed = 5 };
    f->shards[0]->counts[LATEST_CLOSE] = (struct tl_view_count){ .aggregated = 8, .late = 0, .placed = 8 };
    f->shards[1]->received = 20;
    f->shards[1]->counts[AVG_1MIN] = f->shards[1]->counts[LATEST_CLOSE] = (struct tl_view_count){ .aggregated = 20, .late = 0, .placed = 20 };
    f->totals[AVG_1MIN] = (struct tl_view_total){ 15, 4 };
    add_group(f->shards[0], AVG_1MIN, 0, 4);
    add_group(f->shards[1], AVG_1MIN, 0, 6);
    add_group(f->shards[0], LATEST_CLOSE, 0, 8);
    add_group(f->shards[1], LATEST_CLOSE, 0, 20);
}

static void fixture_close(struct fixture *f)
{
    for (size_t i = 0; i < 2; i++)
        tl_shard_run_free(f->shards[i]);
    for (size_t i = 0; i < VIEWS; i++)
        tl_view_exec_release(&f->views[i]);
}

static void rule_9_a_balanced_ledger_and_its_sum(void **state)
{
    (void)state;
    struct fixture f;
    struct tl_error error;
    fixture_open(&f);
    test_ok(tl_ledger_check(&f.engine, NULL, &error), &error);
    struct tl_ledger sum = tl_ledger_sum(&f.engine);
    struct tl_ledger expected = { .received = 30, .aggregated = 25, .late = 3, .malformed = 2, .windows = 4 };
    assert_memory_equal(&sum, &expected, sizeof sum); /* of the windowed view */
    fixture_close(&f);
}

static void rule_9_every_kind_of_breach_is_fatal(void **state)
{
    (void)state;
    for (int kind = 0; kind < 5; kind++) {
        struct fixture f;
        struct tl_error error;
        fixture_open(&f);
        if (kind == 0)
            f.shards[1]->received++; /* dropped silently */
        else if (kind == 1)
            f.shards[0]->counts[AVG_1MIN].late--;
        else if (kind == 2)
            f.totals[AVG_1MIN].emitted++; /* written twice */
        else if (kind == 3)
            add_group(f.shards[1], AVG_1MIN, 0, 5); /* lost from a window */
        else
            add_group(f.shards[1], LATEST_CLOSE, 0, 19);
        assert_false(tl_ledger_check(&f.engine, NULL, &error));
        assert_int_equal(error.code, TL_CORRUPT);
        assert_non_null(strstr(error.text, "the ledger does not balance"));
        fixture_close(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_9_a_balanced_ledger_and_its_sum),
        cmocka_unit_test(rule_9_every_kind_of_breach_is_fatal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
