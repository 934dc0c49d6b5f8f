/* SPDX-License-Identifier: Apache-2.0 */
/* Starts that find damage (rule 10): a damaged intent, a checkpoint that is gone. */
#include "engine_case.h"

#include "engine/recover.h"

#include <unistd.h>

#define T0 INT64_C(1758974400000000000)

struct recovery {
    struct reference_plan plan;
    struct tl_engine_options options;
    char path[4096];
    const char *list[1];
    char *input, *lake;
};

static void recovery_init(struct recovery *r)
{
    struct tl_buf text;
    memset(r, 0, sizeof *r);
    reference_plan_init(&r->plan);
    r->input = test_dir_new();
    r->lake = test_dir_new();
    snprintf(r->path, sizeof r->path, "%s/a.ndjson", r->input);
    r->list[0] = r->path;
    r->options = (struct tl_engine_options){
        .plan = &r->plan.plan, .inputs = r->list, .input_count = 1, .lake_dir = r->lake, .state_dir = r->lake, .threads = 1
    };
    tl_buf_init(&text, 1 << 20);
    for (int i = 0; i < 300; i++) {
        char line[256];
        tick_text(line, i % 2 ? "A" : "B", T0 + i * TL_NS_PER_S, i, "d");
        tl_buf_addf(&text, "%s\n", line);
    }
    write_file(r->input, "a.ndjson", tl_buf_text(&text));
    tl_buf_release(&text);
}

static void recovery_release(struct recovery *r)
{
    test_dir_remove(r->input);
    test_dir_remove(r->lake);
}

static bool recovery_run(struct recovery *r, struct tl_error *error)
{
    struct tl_engine *e;
    if (!tl_engine_open(&e, &r->options, error))
        return false;
    bool ok = tl_engine_run(e, error);
    tl_engine_close(e);
    return ok;
}

static void path_of_record(const struct recovery *r, const char *kind, unsigned epoch, char out[4200])
{
    snprintf(out, 4200, "%s/_tapeline/stock_stream/%s-%020u", r->lake, kind, epoch);
}

static void cut(const struct recovery *r, const char *kind, unsigned epoch)
{
    char path[4200];
    path_of_record(r, kind, epoch, path);
    assert_int_equal(truncate(path, 40), 0);
}

static void remove_record(const struct recovery *r, const char *kind, unsigned epoch)
{
    char path[4200];
    path_of_record(r, kind, epoch, path);
    assert_int_equal(unlink(path), 0);
}

/* Other positions than before: a file of the first try in a partition that the second does not write would stay. */
static void rule_10_a_damaged_intent_begins_its_epoch_anew_without_the_files_of_before(void **state)
{
    (void)state;
    struct recovery r;
    struct tl_error error;
    recovery_init(&r);
    test_ok(recovery_run(&r, &error), &error);
    char *windows = lake_windows(r.lake);
    assert_non_null(strstr(windows, "B,"));
    remove_record(&r, "commit", 1);
    cut(&r, "intent", 1);
    struct tl_buf text;
    tl_buf_init(&text, 1 << 20); /* the input has no B any more */
    char line[256];
    tick_text(line, "A", T0, 7, "d");
    tl_buf_addf(&text, "%s\n", line);
    write_file(r.input, "a.ndjson", tl_buf_text(&text));
    tl_buf_release(&text);
    test_ok(recovery_run(&r, &error), &error);
    assert_same_text(lake_windows(r.lake), strdup("A,d,2025-09-27 12:00:00,2025-09-27 12:01:00,7,7\n"));
    free(windows);
    recovery_release(&r);
}

static void a_damaged_intent_of_a_committed_epoch_is_an_error_and_changes_nothing(void **state)
{
    (void)state;
    struct recovery r;
    struct tl_error error;
    recovery_init(&r);
    test_ok(recovery_run(&r, &error), &error);
    char *windows = lake_windows(r.lake);
    cut(&r, "intent", 1);
    cut(&r, "commit", 1);
    assert_false(recovery_run(&r, &error));
    assert_int_equal(error.code, TL_CORRUPT);
    assert_non_null(strstr(error.text, "was committed and its commit cannot be read"));
    assert_same_text(lake_windows(r.lake), windows);
    recovery_release(&r);
}

static void a_lake_whose_checkpoint_is_gone_is_not_written_into(void **state)
{
    (void)state;
    struct recovery r;
    struct tl_error error;
    recovery_init(&r);
    test_ok(recovery_run(&r, &error), &error);
    char *windows = lake_windows(r.lake), *state_dir = test_dir_new();
    r.options.state_dir = state_dir;
    assert_false(recovery_run(&r, &error));
    assert_int_equal(error.code, TL_CONFLICT);
    assert_non_null(strstr(error.text, "there is no checkpoint of it in"));
    assert_same_text(lake_windows(r.lake), windows);
    test_dir_remove(state_dir);
    recovery_release(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rule_10_a_damaged_intent_begins_its_epoch_anew_without_the_files_of_before),
        cmocka_unit_test(a_damaged_intent_of_a_committed_epoch_is_an_error_and_changes_nothing),
        cmocka_unit_test(a_lake_whose_checkpoint_is_gone_is_not_written_into),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
