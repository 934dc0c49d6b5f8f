/* SPDX-License-Identifier: Apache-2.0 */
/* base/metrics.h: counting from many threads, and the page that Prometheus reads. */
#include "support.h"

#include "base/metrics.h"

#include <pthread.h>

static void assert_page_has(const char *wanted)
{
    struct tl_buf out;
    tl_buf_init(&out, 4 << 20);
    tl_metrics_write(&out);
    if (!strstr(tl_buf_text(&out), wanted))
        fail_msg("not in the page: %s\n%.3000s", wanted, tl_buf_text(&out));
    tl_buf_release(&out);
}

static void the_same_name_and_labels_give_the_same_metric(void **state)
{
    (void)state;
    struct tl_metric *a = tl_metric_get(TL_METRIC_COUNTER, "same_total", "Help.", "shard=\"0\"");
    assert_ptr_equal(tl_metric_get(TL_METRIC_COUNTER, "same_total", "Help.", "shard=\"0\""), a);
    assert_ptr_not_equal(tl_metric_get(TL_METRIC_COUNTER, "same_total", "Help.", "shard=\"1\""), a);
    assert_ptr_not_equal(tl_metric_get(TL_METRIC_COUNTER, "other_total", "Help.", "shard=\"0\""), a);
}

static void counters_and_gauges_are_written_with_help_once(void **state)
{
    (void)state;
    struct tl_metric *b = tl_metric_get(TL_METRIC_COUNTER, "ticks_total", "Ticks read.", "shard=\"b\"");
    struct tl_metric *a = tl_metric_get(TL_METRIC_COUNTER, "ticks_total", "Ticks read.", "shard=\"a\"");
    struct tl_metric *gauge = tl_metric_get(TL_METRIC_GAUGE, "lag_seconds", "Lag.", "");
    tl_metric_add(b, 2);
    tl_metric_add(a, 1);
    tl_metric_add(a, 0.5);
    tl_metric_set(gauge, 3);
    tl_metric_add(gauge, -4.25);
    assert_true(tl_metric_value(a) == 1.5 && tl_metric_value(gauge) == -1.25);
    assert_page_has("# HELP ticks_total Ticks read.\n# TYPE ticks_total counter\n"
                    "ticks_total{shard=\"a\"} 1.5\nticks_total{shard=\"b\"} 2\n");
    assert_page_has("# HELP lag_seconds Lag.\n# TYPE lag_seconds gauge\nlag_seconds -1.25\n");
}

static void histograms_have_cumulative_buckets_sum_and_count(void **state)
{
    (void)state;
    struct tl_metric *h = tl_metric_get(TL_METRIC_HISTOGRAM, "wait_seconds", "Wait.", "api=\"put\"");
    tl_metric_observe(h, 0.001); /* a bound belongs to its own bucket */
    tl_metric_observe(h, 0.002);
    tl_metric_observe(h, 1000);
    assert_true(tl_metric_value(h) == 3);
    assert_page_has("# TYPE wait_seconds histogram\nwait_seconds_bucket{api=\"put\",le=\"0.0001\"} 0\n");
    assert_page_has("wait_seconds_bucket{api=\"put\",le=\"0.001\"} "
                    "1\nwait_seconds_bucket{api=\"put\",le=\"0.0025\"} 2\n");
    assert_page_has(
        "wait_seconds_bucket{api=\"put\",le=\"60\"} 2\nwait_seconds_bucket{api=\"put\",le=\"+Inf\"} 3\n"
        "wait_seconds_sum{api=\"put\"} 1000.003\nwait_seconds_count{api=\"put\"} 3\n");
    tl_metric_observe(tl_metric_get(TL_METRIC_HISTOGRAM, "plain_seconds", "No labels.", ""), 1);
    assert_page_has("plain_seconds_bucket{le=\"1\"} 1\n");
    assert_page_has("plain_seconds_sum 1\nplain_seconds_count 1\n");
}

static void *count_to_ten_thousand(void *unused)
{
    for (int i = 0; i < 10000; i++) {
        tl_metric_add(tl_metric_get(TL_METRIC_COUNTER, "race_total", "Race.", ""), 1);
        if (i % 100 == 0) {
            struct tl_buf out;
            tl_buf_init(&out, 1 << 20);
            tl_metrics_write(&out);
            tl_buf_release(&out);
        }
    }
    return unused;
}

static void threads_lose_no_count(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (size_t i = 0; i < TL_COUNT(threads); i++)
        assert_int_equal(pthread_create(&threads[i], NULL, count_to_ten_thousand, NULL), 0);
    for (size_t i = 0; i < TL_COUNT(threads); i++)
        pthread_join(threads[i], NULL);
    assert_true(tl_metric_value(tl_metric_get(TL_METRIC_COUNTER, "race_total", "", "")) == 40000);
}

/* Last: the registry is full afterwards. */
static void past_the_maximum_there_is_one_metric_for_all_and_the_page_says_so(void **state)
{
    (void)state;
    char labels[300];
    struct tl_metric *last = NULL, *before = NULL;
    for (int i = 0; i < TL_METRICS_MAX + 10; i++) {
        snprintf(labels, sizeof labels, "n=\"%d\"", i);
        before = last;
        last = tl_metric_get(TL_METRIC_GAUGE, "many", "Many.", labels);
        assert_non_null(last);
        tl_metric_set(last, 1);
    }
    assert_ptr_equal(before, last);
    tl_metric_observe(last, 0.5); /* whatever it was meant to be */
    memset(labels, 'x', sizeof labels);
    labels[sizeof labels - 1] = '\0';
    assert_ptr_equal(tl_metric_get(TL_METRIC_GAUGE, "many", "Many.", labels), last);
    assert_page_has("\ntapeline_metrics_refused_total ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_name_and_labels_give_the_same_metric),
        cmocka_unit_test(counters_and_gauges_are_written_with_help_once),
        cmocka_unit_test(histograms_have_cumulative_buckets_sum_and_count),
        cmocka_unit_test(threads_lose_no_count),
        cmocka_unit_test(past_the_maximum_there_is_one_metric_for_all_and_the_page_says_so),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
