/* SPDX-License-Identifier: Apache-2.0 */
/* Open windows against a naive list: add, close, forget, snapshot (rules 5 and 9). */
#include "support.h"

#include "close_state.h"
#include "reference_plan.h"

#define S TL_NS_PER_S
#define MODEL_MAX 20000

struct model {
    struct {
        char key[12];
        int64_t start;
        uint64_t records;
    } groups[MODEL_MAX];
    size_t count;
};

static void model_add(struct model *m, const char *key, int64_t start)
{
    for (size_t i = 0; i < m->count; i++) {
        if (m->groups[i].start == start && strcmp(m->groups[i].key, key) == 0) {
            m->groups[i].records++;
            return;
        }
    }
    assert_true(m->count < MODEL_MAX);
    snprintf(m->groups[m->count].key, sizeof m->groups[0].key, "%s", key);
    m->groups[m->count].start = start;
    m->groups[m->count++].records = 1;
}

static size_t model_close(struct model *m, int64_t bound)
{
    size_t kept = 0, before = m->count;
    for (size_t i = 0; i < m->count; i++)
        if (m->groups[i].start + 60 * S > bound)
            m->groups[kept++] = m->groups[i];
    m->count = kept;
    return before - kept;
}

static void assert_same(const struct tl_window_state *w, const struct model *m)
{
    tl_window_state_check(w);
    assert_int_equal(w->live, m->count);
    uint64_t records = 0;
    for (size_t i = 0; i < m->count; i++) {
        const struct tl_window_entry *entry =
            tl_window_state_find(w, tl_view_of(m->groups[i].key), m->groups[i].start);
        assert_non_null(entry);
        assert_int_equal(entry->records, m->groups[i].records);
        records += entry->records;
    }
    assert_int_equal(tl_window_state_records(w), records);
}

static void through_the_wire(struct tl_window_state *w, const struct tl_view_exec *view)
{
    struct tl_buf bytes;
    tl_buf_init(&bytes, 64u << 20);
    tl_window_state_write(w, &bytes);
    tl_window_state_release(w);
    tl_window_state_init(w, view);
    struct tl_wire_reader r = tl_wire_of(tl_buf_view(&bytes));
    assert_true(tl_window_state_read(w, &r));
    assert_false(r.failed);
    assert_ptr_equal(r.at, r.end);
    tl_buf_release(&bytes);
}

static void add(struct tl_window_state *w, struct model *m, struct test_random *r, int64_t clock,
                uint64_t keys, uint64_t generation)
{
    char key[12];
    struct tl_tick_value values[COLUMNS];
    memset(values, 0, sizeof values);
    for (size_t i = 0; i < COLUMNS; i++)
        values[i].null = true;
    values[CLOSE] = (struct tl_tick_value){ .as.f64 = 1 };
    values[DATE] =
        (struct tl_tick_value){ .as.text = TL_VIEW("a date that is longer than what lies in the block") };
    snprintf(key, sizeof key, "%llu-%llu", (unsigned long long)generation,
             (unsigned long long)test_random_below(r, keys));
    int64_t start = tl_floor_div(clock + (int64_t)test_random_below(r, 300) * S, 60 * S) * 60 * S;
    assert_true(tl_window_state_add(w, tl_view_of(key), start, values, start));
    model_add(m, key, start);
}

/* A state of the reference pipeline's windows. */
struct fixture {
    struct reference_plan plan;
    struct tl_view_exec view;
    struct tl_window_state w;
};

static void fixture_open(struct fixture *f)
{
    struct tl_error error;
    reference_plan_init(&f->plan);
    test_ok(tl_view_exec_init(&f->view, &f->plan.plan, AVG_1MIN, &error), &error);
    tl_window_state_init(&f->w, &f->view);
}

static void fixture_close(struct fixture *f)
{
    tl_window_state_release(&f->w);
    tl_view_exec_release(&f->view);
}

static void rule_5_random_adds_and_closes_equal_the_model(void **state)
{
    (void)state;
    struct test_random r = test_random_new();
    static struct model m;
    struct fixture f;
    struct tl_error error;
    fixture_open(&f);
    m.count = 0;
    int64_t clock = -1000 * S;
    for (int round = 0; round < 60; round++) {
        bool watched = test_random_below(&r, 2);
        assert_true(tl_window_state_observe(&f.w, watched));
        for (int i = 0; i < 100; i++)
            add(&f.w, &m, &r, clock, 1 + test_random_below(&r, 200), (uint64_t)round / 10);
        if (test_random_below(&r, 4) == 0)
            through_the_wire(&f.w, &f.view);
        clock += (int64_t)test_random_below(&r, 120) * S;
        int64_t max = tl_window_state_max_end(&f.w);
        size_t gone = model_close(&m, clock);
        assert_int_equal(tl_window_state_closes(&f.w, clock), gone > 0);
        struct tl_closed closed;
        tl_closed_init(&closed, &f.view);
        close_state(&f.w, clock, &closed);
        assert_int_equal(closed.count, gone);
        assert_true(m.count == 0 || tl_window_state_max_end(&f.w) == max);
        test_ok(tl_closed_merge(&closed, &error), &error);
        assert_int_equal(closed.count, gone); /* one shard: nothing to merge */
        for (size_t i = 1; i < closed.count; i++)
            assert_true(tl_view_cmp(tl_closed_key(&closed, &closed.items[i - 1]),
                                    tl_closed_key(&closed, &closed.items[i])) <= 0);
        tl_closed_release(&closed);
        assert_same(&f.w, &m);
    }
    fixture_close(&f);
}

static void keys_that_never_come_back_are_forgotten(void **state)
{
    (void)state;
    struct fixture f;
    struct tl_tick_value values[COLUMNS];
    memset(values, 0, sizeof values);
    fixture_open(&f);
    for (int64_t minute = 0; minute < 50; minute++) {
        for (int i = 0; i < 1000; i++) {
            char key[32];
            snprintf(key, sizeof key, "order-%lld-%d", (long long)minute, i);
            assert_true(tl_window_state_add(&f.w, tl_view_of(key), minute * 60 * S, values, 0));
        }
        struct tl_closed closed;
        tl_closed_init(&closed, &f.view);
        close_state(&f.w, (minute - 1) * 60 * S, &closed);
        tl_closed_release(&closed);
    }
    tl_window_state_check(&f.w);
    assert_true(f.w.keys.count <= 6000);
    fixture_close(&f);
}

/* Beyond the chunks that are taken one by one: entries of several slabs do not share memory, and all of them come out. */
static void a_large_state_holds_each_group_apart(void **state)
{
    (void)state;
    enum { GROUPS = 60000 };
    struct fixture f;
    struct tl_tick_value values[COLUMNS];
    memset(values, 0, sizeof values);
    fixture_open(&f);
    for (int copies = 0; copies < 2; copies++)
        for (int i = 0; i < GROUPS; i++) {
            char key[12];
            snprintf(key, sizeof key, "k%d", i);
            for (int n = 0; n <= copies * (i % 3); n++)
                assert_true(tl_window_state_add(&f.w, tl_view_of(key), 0, values, 0));
        }
    assert_true(f.w.chunk_count > 60);
    tl_window_state_check(&f.w);
    for (int i = 0; i < GROUPS; i++) {
        char key[12];
        snprintf(key, sizeof key, "k%d", i);
        assert_int_equal(tl_window_state_find(&f.w, tl_view_of(key), 0)->records, 2 + i % 3);
    }
    assert_int_equal(tl_window_state_count_closing(&f.w, 60 * S - 1), 0);
    assert_int_equal(tl_window_state_count_closing(&f.w, 60 * S), GROUPS);
    fixture_close(&f);
}

static void damaged_snapshots_are_refused_or_read_but_do_no_harm(void **state)
{
    (void)state;
    struct test_random r = test_random_new();
    static struct model m;
    struct fixture f;
    struct tl_buf bytes;
    fixture_open(&f);
    m.count = 0;
    for (int i = 0; i < 50; i++)
        add(&f.w, &m, &r, 0, 20, 0);
    tl_buf_init(&bytes, 64u << 20);
    tl_window_state_write(&f.w, &bytes);
    tl_window_state_release(&f.w);
    for (int round = 0; round < 5000; round++) {
        size_t size = test_random_below(&r, 4) ? bytes.size : test_random_below(&r, bytes.size);
        char *copy = malloc(size + 1);
        memcpy(copy, bytes.data, size);
        for (size_t n = test_random_below(&r, 4); n > 0 && size; n--)
            copy[test_random_below(&r, size)] ^= (char)(1 << test_random_below(&r, 8));
        struct tl_wire_reader wire = tl_wire_of((struct tl_view){ copy, size });
        tl_window_state_init(&f.w, &f.view);
        assert_true(tl_window_state_read(&f.w, &wire));
        tl_window_state_check(&f.w);
        tl_window_state_release(&f.w);
        free(copy);
    }
    tl_buf_release(&bytes);
    tl_view_exec_release(&f.view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_5_random_adds_and_closes_equal_the_model),
        cmocka_unit_test(keys_that_never_come_back_are_forgotten),
        cmocka_unit_test(a_large_state_holds_each_group_apart),
        cmocka_unit_test(damaged_snapshots_are_refused_or_read_but_do_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
