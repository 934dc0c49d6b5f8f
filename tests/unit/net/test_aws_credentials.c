/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/io.h"
#include "base/time.h"
#include "net/aws_credentials.h"

#include <pthread.h>

#define NOON INT64_C(1758974400000000000) /* 2025-09-27T12:00:00Z */
#define THREADS 8

/* A credential_process that prints a file and leaves a mark in another; a clock that the test moves. */
struct world {
    char *dir;
    struct tl_io io;
    struct tl_aws_chain *chain;
};
static int64_t moved_ns; /* atomic: how far both clocks have been moved */

static int64_t wall(void)
{
    return NOON + __atomic_load_n(&moved_ns, __ATOMIC_RELAXED);
}

static int64_t monotonic(void)
{
    return tl_io_kernel.monotonic_ns() + __atomic_load_n(&moved_ns, __ATOMIC_RELAXED);
}

static void move(int64_t minutes)
{
    __atomic_add_fetch(&moved_ns, minutes * TL_NS_PER_MIN, __ATOMIC_RELAXED);
}

static void put(const struct world *w, const char *name, const char *text)
{
    struct tl_error error;
    char path[256];
    snprintf(path, sizeof path, "%s/%s", w->dir, name);
    test_ok(tl_file_write_atomic(path, tl_view_of(text), &error), &error);
}

static int begin(void **state)
{
    static const char *const names[] = { "AWS_ACCESS_KEY_ID",
                                         "AWS_SECRET_ACCESS_KEY",
                                         "AWS_WEB_IDENTITY_TOKEN_FILE",
                                         "AWS_PROFILE",
                                         "AWS_DEFAULT_PROFILE",
                                         "AWS_CONTAINER_CREDENTIALS_FULL_URI",
                                         "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" };
    struct world *w = calloc(1, sizeof *w);
    struct tl_error error;
    char text[1024];
    for (size_t i = 0; i < TL_COUNT(names); i++)
        unsetenv(names[i]);
    setenv("AWS_EC2_METADATA_DISABLED", "true", 1);
    w->dir = test_dir_new();
    snprintf(text, sizeof text, "%s/config", w->dir);
    setenv("AWS_CONFIG_FILE", text, 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null", 1);
    snprintf(text, sizeof text, "[default]\ncredential_process = /bin/sh '%s/tool' '%s'\n", w->dir, w->dir);
    put(w, "config", text);
    put(w, "tool", "echo run >>\"$1/runs\"; exec cat \"$1/answer\"\n");
    moved_ns = 0;
    w->io = tl_io_kernel;
    w->io.wall_ns = wall;
    w->io.monotonic_ns = monotonic;
    tl_io = &w->io;
    test_ok(tl_aws_chain_new(&w->chain, &error), &error);
    *state = w;
    return 0;
}

static int end(void **state)
{
    struct world *w = *state;
    tl_aws_chain_free(w->chain);
    tl_io = &tl_io_kernel;
    test_dir_remove(w->dir);
    free(w);
    return 0;
}

/* The answer from now on: keys with this name, ending at this time of the day (NULL: never). */
static void give(const struct world *w, const char *key, const char *until)
{
    char text[256];
    snprintf(text, sizeof text, "{\"Version\": 1, \"AccessKeyId\": \"%s\", \"SecretAccessKey\": \"s\"%s%s%s}",
             key, until ? ", \"Expiration\": \"2025-09-27T" : "", until ? until : "", until ? ":00Z\"" : "");
    put(w, "answer", text);
}

static size_t runs(const struct world *w)
{
    struct tl_error error;
    struct tl_buf text;
    char path[256];
    size_t count = 0;
    snprintf(path, sizeof path, "%s/runs", w->dir);
    tl_buf_init(&text, 1 << 16);
    test_ok(tl_file_read(path, &text, &error), &error);
    for (size_t i = 0; i < text.size; i++)
        count += text.data[i] == '\n';
    tl_buf_release(&text);
    return count;
}

static void assert_key(const struct world *w, const char *key)
{
    struct tl_aws_credentials got;
    struct tl_error error;
    test_ok(tl_aws_chain_get(w->chain, &got, &error), &error);
    assert_string_equal(got.access_key, key);
}

static void they_are_fetched_again_before_they_end(void **state)
{
    const struct world *w = *state;
    give(w, "first", "13:00");
    assert_key(w, "first");
    give(w, "second", "14:00");
    move(44);
    assert_key(w, "first"); /* 16 minutes are left */
    assert_int_equal(runs(w), 1);
    move(2);
    assert_key(w, "second");
    assert_key(w, "second");
    assert_int_equal(runs(w), 2);
}

static void those_that_never_end_are_fetched_once(void **state)
{
    const struct world *w = *state;
    give(w, "first", NULL);
    assert_key(w, "first");
    move(60 * 24 * 365);
    assert_key(w, "first");
    assert_int_equal(runs(w), 1);
}

static void old_ones_serve_while_they_are_valid(void **state)
{
    const struct world *w = *state;
    struct tl_aws_credentials got;
    struct tl_error error;
    give(w, "first", "13:00");
    assert_key(w, "first");
    put(w, "answer", "nonsense");
    move(50);
    assert_key(w, "first");
    assert_key(w, "first"); /* the source is not asked before each request */
    assert_int_equal(runs(w), 2);
    move(5);
    assert_key(w, "first");
    assert_int_equal(runs(w), 3);
    move(6);
    assert_false(tl_aws_chain_get(w->chain, &got, &error));
    assert_non_null(strstr(error.text, "the answer is not a JSON object"));
    assert_int_equal(error.code, TL_UNAVAILABLE); /* they were there before: to be waited for */
    give(w, "second", "14:00");
    assert_key(w, "second");
}

static void a_source_that_renews_late_is_asked_now_and_then(void **state)
{
    const struct world *w = *state;
    give(w, "first", "12:12");
    assert_key(w, "first");
    assert_key(w, "first");
    assert_int_equal(runs(w), 1);
    move(1);
    assert_key(w, "first");
    assert_key(w, "first");
    assert_int_equal(runs(w), 2);
}

static void what_has_ended_already_is_refused(void **state)
{
    const struct world *w = *state;
    struct tl_aws_credentials got;
    struct tl_error error;
    give(w, "first", "11:59");
    assert_false(tl_aws_chain_get(w->chain, &got, &error));
    assert_int_equal(error.code, TL_EXPIRED);
    assert_non_null(strstr(error.text, "credential_process of profile 'default' have ended already"));
}

static void a_source_that_never_worked_is_not_waited_for(void **state)
{
    const struct world *w = *state;
    struct tl_aws_credentials got;
    struct tl_error error;
    put(w, "answer", "nonsense");
    assert_false(tl_aws_chain_get(w->chain, &got, &error));
    assert_int_equal(error.code, TL_IO);
}

static void what_a_service_refuses_is_fetched_once_for_all_threads(void **state)
{
    const struct world *w = *state;
    struct tl_aws_credentials old;
    struct tl_error error;
    give(w, "first", "18:00");
    test_ok(tl_aws_chain_get(w->chain, &old, &error), &error);
    give(w, "second", "19:00");
    tl_aws_chain_reject(w->chain, &old);
    assert_key(w, "second");
    tl_aws_chain_reject(w->chain, &old); /* a thread that comes late */
    assert_key(w, "second");
    assert_int_equal(runs(w), 2);
}

static void *get_many(void *arg)
{
    const struct world *w = arg;
    struct tl_aws_credentials got;
    struct tl_error error;
    size_t good = 0;
    for (int i = 0; i < 200; i++)
        good += tl_aws_chain_get(w->chain, &got, &error) && strcmp(got.secret_key, "s") == 0;
    return (void *)good;
}

static void one_thread_fetches_and_the_others_wait_or_go_on(void **state)
{
    const struct world *w = *state;
    pthread_t threads[THREADS];
    give(w, "first", "13:00");
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < THREADS; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, get_many, (void *)(uintptr_t)w), 0);
        for (size_t i = 0; i < THREADS; i++) {
            void *good;
            assert_int_equal(pthread_join(threads[i], &good), 0);
            assert_int_equal((size_t)good, 200);
        }
        assert_int_equal(runs(w), round + 1);
        give(w, "second", "15:00");
        move(55);
    }
}

static void the_report_names_the_winner_and_the_others(void **state)
{
    const struct world *w = *state;
    struct tl_aws_chain_report report;
    tl_aws_chain_report(w->chain, &report);
    assert_int_equal(report.rows[0].found, TL_AWS_NOT_ASKED);
    give(w, "first", NULL);
    assert_key(w, "first");
    tl_aws_chain_report(w->chain, &report);
    assert_int_equal(report.rows[0].found, TL_AWS_ABSENT);
    assert_string_equal(report.rows[0].text, "AWS_ACCESS_KEY_ID is not set");
    assert_string_equal(report.rows[2].provider, "profile");
    assert_int_equal(report.rows[2].found, TL_AWS_FOUND);
    assert_string_equal(report.rows[2].text, "credential_process of profile 'default'");
    assert_int_equal(report.rows[4].found, TL_AWS_NOT_ASKED);
}

#define CASE(function) cmocka_unit_test_setup_teardown(function, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(they_are_fetched_again_before_they_end),
        CASE(those_that_never_end_are_fetched_once),
        CASE(old_ones_serve_while_they_are_valid),
        CASE(a_source_that_renews_late_is_asked_now_and_then),
        CASE(what_has_ended_already_is_refused),
        CASE(a_source_that_never_worked_is_not_waited_for),
        CASE(what_a_service_refuses_is_fetched_once_for_all_threads),
        CASE(one_thread_fetches_and_the_others_wait_or_go_on),
        CASE(the_report_names_the_winner_and_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
