/* SPDX-License-Identifier: Apache-2.0 */
/* Damaged checkpoints: never a crash, never wrong rows (rule 10). */
#include "engine_case.h"

#include "lake/commit_log.h"

#define T0 INT64_C(1758974400000000000)
#define S TL_NS_PER_S

struct fixture {
    struct reference_plan plan;
    struct tl_engine_options options;
    char path[4096], half[4096];
    const char *list[1];
    char *input, *lake;
};

static void add_ticks(struct tl_buf *text, int from, int to)
{
    for (int i = from; i < to; i++) {
        char line[256];
        tick_text(line, i % 3 ? "A" : "B", T0 + (int64_t)i * S, (double)i,
                  i % 2 ? "a date of more than sixteen bytes" : NULL);
        tl_buf_add_text(text, line);
        tl_buf_add_text(text, i % 50 == 49 ? "\nbad\n" : "\n");
    }
}

static void write_ticks(struct fixture *f, int count)
{
    struct tl_buf text;
    tl_buf_init(&text, 16u << 20);
    add_ticks(&text, 0, count);
    write_file(f->input, "a.ndjson", tl_buf_text(&text));
    tl_buf_release(&text);
}

static void fixture_open(struct fixture *f)
{
    memset(f, 0, sizeof *f);
    reference_plan_init(&f->plan);
    f->input = test_dir_new();
    f->lake = test_dir_new();
    snprintf(f->path, sizeof f->path, "%s/a.ndjson", f->input);
    f->list[0] = f->path;
    f->options = (struct tl_engine_options){ .plan = &f->plan.plan,
                                             .inputs = f->list,
                                             .input_count = 1,
                                             .lake_dir = f->lake,
                                             .state_dir = f->lake,
                                             .threads = 1 };
    write_ticks(f, 300);
}

static void fixture_close(struct fixture *f)
{
    test_dir_remove(f->input);
    test_dir_remove(f->lake);
}

/* The run is stopped at once, so that windows stay open in its commit. */
static void run(struct fixture *f, bool stop)
{
    struct tl_engine *e;
    struct tl_error error;
    test_ok(tl_engine_open(&e, &f->options, &error), &error);
    if (stop)
        tl_engine_stop(e);
    test_ok(tl_engine_run(e, &error), &error);
    tl_engine_close(e);
}

static bool try_run(struct fixture *f, struct tl_error *error)
{
    struct tl_engine *e;
    if (!tl_engine_open(&e, &f->options, error))
        return false;
    bool ok = tl_engine_run(e, error);
    tl_engine_close(e);
    return ok;
}

static void with_log(const char *dir, void (*what)(struct tl_commit_log *log, struct tl_buf *payload),
                     struct tl_buf *payload)
{
    struct tl_store *store;
    struct tl_commit_log *log;
    struct tl_error error;
    test_ok(tl_store_open(&store, dir, &error), &error);
    test_ok(tl_commit_log_open(&log, store, "stock_stream", &error), &error);
    what(log, payload);
    tl_commit_log_close(log);
    tl_store_close(store);
}

static void load_commit(struct tl_commit_log *log, struct tl_buf *payload)
{
    bool found;
    uint64_t epoch;
    struct tl_error error;
    test_ok(tl_commit_log_load(log, &found, &epoch, payload, &error), &error);
    assert_true(found && epoch == 1);
}

static void load_intent(struct tl_commit_log *log, struct tl_buf *payload)
{
    bool found;
    struct tl_error error;
    test_ok(tl_commit_log_load_intent(log, 1, &found, payload, &error), &error);
    assert_true(found);
}

static void store_commit(struct tl_commit_log *log, struct tl_buf *payload)
{
    struct tl_error error;
    test_ok(tl_commit_log_commit(log, 1, tl_buf_view(payload), &error), &error);
}

static void store_intent(struct tl_commit_log *log, struct tl_buf *payload)
{
    struct tl_error error;
    test_ok(tl_commit_log_intent(log, 1, tl_buf_view(payload), &error), &error);
}

static void damage(struct test_random *r, const struct tl_buf *good, struct tl_buf *bad)
{
    tl_buf_reset(bad);
    size_t size = test_random_below(r, 3) ? good->size : test_random_below(r, good->size);
    tl_buf_add(bad, good->data, size);
    for (size_t n = test_random_below(r, 4); n > 0 && size; n--)
        bad->data[test_random_below(r, size)] ^= (char)(1 << test_random_below(r, 8));
    if (test_random_below(r, 10) == 0)
        tl_buf_add_char(bad, 'x');
}

static bool is_told(const struct tl_error *error)
{
    return error->code == TL_CORRUPT || error->code == TL_INVALID || error->code == TL_UNSUPPORTED ||
           error->code == TL_NOT_FOUND || error->code == TL_LIMIT;
}

/* A commit whose payload is damaged though its checksum fits: an engine of another version, or a fault of
 * ours. */
static void damaged_commit_payloads_are_told_or_harmless(void **state)
{
    (void)state;
    struct test_random r = test_random_new();
    struct fixture f;
    struct tl_buf good, bad;
    fixture_open(&f);
    f.options.until_now = true;
    run(&f, false); /* all is read and closed */
    tl_buf_init(&good, 1 << 20);
    tl_buf_init(&bad, 1 << 20);
    with_log(f.lake, load_commit, &good);
    for (int round = 0; round < 300; round++) {
        struct tl_error error = { .text = "" };
        test_dir_remove(f.lake);
        f.lake = test_dir_new();
        f.options.lake_dir = f.options.state_dir = f.lake;
        damage(&r, &good, &bad);
        with_log(f.lake, store_commit, &bad);
        if (!try_run(&f, &error))
            assert_true(is_told(&error));
    }
    tl_buf_release(&good);
    tl_buf_release(&bad);
    fixture_close(&f);
}

static void damaged_intent_payloads_are_told_or_harmless(void **state)
{
    (void)state;
    struct test_random r = test_random_new();
    struct fixture f;
    struct tl_buf good, bad;
    fixture_open(&f);
    run(&f, false);
    tl_buf_init(&good, 1 << 20);
    tl_buf_init(&bad, 1 << 20);
    with_log(f.lake, load_intent, &good);
    for (int round = 0; round < 300; round++) {
        struct tl_error error = { .text = "" };
        test_dir_remove(f.lake);
        f.lake = test_dir_new();
        f.options.lake_dir = f.options.state_dir = f.lake;
        run(&f, true); /* stopped before it read: COMMIT(0) alone, or an epoch */
        char name[8192];
        snprintf(name, sizeof name, "%s/_tapeline/stock_stream/intent-00000000000000000001", f.lake);
        if (tl_file_exists(name))
            continue;
        damage(&r, &good, &bad);
        with_log(f.lake, store_intent, &bad);
        if (!try_run(&f, &error))
            assert_true(is_told(&error));
    }
    tl_buf_release(&good);
    tl_buf_release(&bad);
    fixture_close(&f);
}

/* Bits that turn on the disk: the commit before is used, its epoch repeated, and no row comes twice. */
static void rule_10_a_commit_damaged_on_the_disk_is_repeated(void **state)
{
    (void)state;
    struct fixture f;
    struct tl_buf bytes;
    struct tl_error error;
    char name[8192];
    fixture_open(&f);
    run(&f, false);
    char *windows = lake_windows(f.lake), *malformed = lake_malformed(f.lake);
    snprintf(name, sizeof name, "%s/_tapeline/stock_stream/commit-00000000000000000001", f.lake);
    tl_buf_init(&bytes, 1 << 20);
    test_ok(tl_file_read(name, &bytes, &error), &error);
    bytes.data[bytes.size / 2] ^= 1;
    test_ok(tl_file_write_atomic(name, tl_buf_view(&bytes), &error), &error);
    tl_buf_release(&bytes);
    run(&f, false);
    assert_same_text(lake_windows(f.lake), windows);
    assert_same_text(lake_malformed(f.lake), malformed);
    run(&f, false);
    fixture_close(&f);
}

static void an_interrupted_epoch_needs_its_input_again(void **state)
{
    (void)state;
    struct fixture f;
    struct tl_buf intent;
    struct tl_error error = { .text = "" };
    fixture_open(&f);
    run(&f, false);
    tl_buf_init(&intent, 1 << 20);
    with_log(f.lake, load_intent, &intent);
    test_dir_remove(f.lake);
    f.lake = test_dir_new();
    f.options.lake_dir = f.options.state_dir = f.lake;
    struct tl_engine *e;
    test_ok(tl_engine_open(&e, &f.options, &error), &error); /* COMMIT(0) */
    tl_engine_close(e);
    with_log(f.lake, store_intent, &intent);
    tl_buf_release(&intent);
    write_ticks(&f, 100); /* shorter than it was */
    assert_false(try_run(&f, &error));
    assert_int_equal(error.code, TL_CORRUPT);
    assert_non_null(strstr(error.text, "give the same inputs again"));
    write_ticks(&f, 300);
    test_ok(try_run(&f, &error), &error);
    fixture_close(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(damaged_commit_payloads_are_told_or_harmless),
        cmocka_unit_test(damaged_intent_payloads_are_told_or_harmless),
        cmocka_unit_test(rule_10_a_commit_damaged_on_the_disk_is_repeated),
        cmocka_unit_test(an_interrupted_epoch_needs_its_input_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
