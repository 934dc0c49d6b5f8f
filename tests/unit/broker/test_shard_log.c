/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/io_fault.h"
#include "broker/shard_log.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define HEAD_SIZE 32 /* of a segment file */

struct seen {
    uint64_t count, first, last, expect_sum, sum;
    bool in_order;
};

static bool visit(const struct tl_log_record *record, void *user)
{
    struct seen *s = user;
    uint64_t value = 0;
    s->in_order = s->in_order && (s->count == 0 || record->counter > s->last);
    if (s->count++ == 0)
        s->first = record->counter;
    s->last = record->counter;
    if (tl_view_to_u64(record->data, &value))
        s->sum += value;
    return true;
}

static struct seen read_all(struct tl_shard_log *log, uint64_t from)
{
    struct seen s = { .in_order = true };
    struct tl_buf bytes;
    struct tl_error error;
    tl_buf_init(&bytes, (size_t)1 << 30);
    test_ok(tl_shard_log_read(log, from, &bytes, visit, &s, &error), &error);
    tl_buf_release(&bytes);
    assert_true(s.in_order);
    return s;
}

static void add(struct tl_log_batches *batches, uint64_t counter, int64_t arrival_ms, struct tl_view data)
{
    char *to = tl_log_batches_add(batches, counter, arrival_ms, TL_VIEW("key"), data.size);
    assert_non_null(to);
    memcpy(to, data.data, data.size);
}

/* count records whose data is their own number. */
static bool append(struct tl_shard_log *log, uint32_t count, int64_t arrival_ms, struct tl_error *error)
{
    struct tl_log_batches batches;
    uint64_t next = tl_shard_log_next(log);
    tl_log_batches_init(&batches, (size_t)1 << 30);
    for (uint32_t i = 0; i < count; i++) {
        char text[24];
        snprintf(text, sizeof text, "%llu", (unsigned long long)(next + i));
        add(&batches, next + i, arrival_ms, tl_view_of(text));
    }
    bool ok = tl_shard_log_write(log, &batches, error);
    tl_log_batches_release(&batches);
    return ok;
}

static struct tl_shard_log *open_log(const char *dir)
{
    struct tl_shard_log *log;
    struct tl_error error;
    test_ok(tl_shard_log_open(&log, dir, true, &error), &error);
    return log;
}

static void assert_holds(struct tl_shard_log *log, uint64_t count)
{
    struct seen s = read_all(log, 0);
    assert_int_equal(s.count, count);
    assert_int_equal(s.sum, count ? count * (count - 1) / 2 : 0);
}

static void what_was_written_is_read_after_opening_again(void **state)
{
    char *dir = test_dir_new();
    struct tl_error error;
    struct tl_shard_log *log = open_log(dir);
    (void)state;
    for (uint32_t i = 0; i < 50; i++)
        test_ok(append(log, 1 + i % 7, 1000 + i, &error), &error);
    uint64_t next = tl_shard_log_next(log);
    assert_holds(log, next);
    tl_shard_log_close(log);
    log = open_log(dir);
    assert_int_equal(tl_shard_log_next(log), next);
    assert_holds(log, next);
    struct seen tail = read_all(log, next - 3);
    assert_int_equal(tail.count, 3);
    assert_int_equal(tail.first, next - 3);
    tl_shard_log_close(log);
    test_dir_remove(dir);
}

static void an_instant_is_found(void **state)
{
    char *dir = test_dir_new();
    struct tl_error error;
    struct tl_shard_log *log = open_log(dir);
    struct tl_buf bytes;
    uint64_t counter;
    (void)state;
    tl_buf_init(&bytes, 1 << 26);
    for (int i = 0; i < 100; i++)
        test_ok(append(log, 10, 1000 + i * 10, &error), &error);
    test_ok(tl_shard_log_find(log, 0, &bytes, &counter, &error), &error);
    assert_int_equal(counter, 0);
    test_ok(tl_shard_log_find(log, 1500, &bytes, &counter, &error), &error);
    assert_int_equal(counter, 500);
    test_ok(tl_shard_log_find(log, 1501, &bytes, &counter, &error), &error);
    assert_int_equal(counter, 510);
    test_ok(tl_shard_log_find(log, 99999, &bytes, &counter, &error), &error);
    assert_int_equal(counter, 1000);
    tl_buf_release(&bytes);
    tl_shard_log_close(log);
    test_dir_remove(dir);
}

/* The path of the only segment, and its size. */
static int64_t segment_of(const char *dir, char path[512])
{
    int64_t size;
    struct tl_error error;
    snprintf(path, 512, "%s/00000000000000000000.seg", dir);
    test_ok(tl_file_size(path, &size, &error), &error);
    return size;
}

static void a_tail_torn_at_any_byte_is_cut(void **state)
{
    (void)state;
    char *dir = test_dir_new(), path[512];
    struct tl_error error;
    struct tl_shard_log *log = open_log(dir);
    test_ok(append(log, 20, 1, &error), &error);
    int64_t before = segment_of(dir, path);
    test_ok(append(log, 5, 2, &error), &error);
    int64_t after = segment_of(dir, path);
    tl_shard_log_close(log);
    struct tl_buf whole;
    tl_buf_init(&whole, 1 << 20);
    test_ok(tl_file_read(path, &whole, &error), &error);
    for (int64_t cut = before; cut < after; cut++) {
        test_ok(tl_file_write_atomic(path, (struct tl_view){ whole.data, (size_t)cut }, &error), &error);
        log = open_log(dir);
        assert_holds(log, 20);
        assert_int_equal(segment_of(dir, path), before);
        test_ok(append(log, 5, 3, &error), &error); /* and it goes on */
        assert_holds(log, 25);
        tl_shard_log_close(log);
    }
    tl_buf_release(&whole);
    test_dir_remove(dir);
}

/* A write of several batches, of which a later one got to the disk whole and an earlier one did not: torn all
 * the same. */
static void a_torn_write_whose_end_is_whole_is_cut(void **state)
{
    (void)state;
    char *dir = test_dir_new(), path[512];
    struct tl_error error;
    struct tl_log_batches batches;
    static char block[200000];
    memset(block, 7, sizeof block);
    struct tl_shard_log *log = open_log(dir);
    test_ok(append(log, 20, 1, &error), &error);
    int64_t before = segment_of(dir, path);
    tl_log_batches_init(&batches, (size_t)1 << 30);
    for (uint64_t i = 0; i < 12; i++)
        add(&batches, 20 + i, 2, (struct tl_view){ block, sizeof block });
    test_ok(tl_shard_log_write(log, &batches, &error), &error);
    assert_int_equal(read_all(log, 20).count, 12);
    tl_shard_log_close(log);
    struct tl_buf whole;
    tl_buf_init(&whole, 1 << 24);
    test_ok(tl_file_read(path, &whole, &error), &error);
    memset(whole.data + before + 4096, 0, 4096); /* a page of the first batch did not make it */
    test_ok(tl_file_write_atomic(path, tl_buf_view(&whole), &error), &error);
    log = open_log(dir);
    assert_holds(log, 20);
    assert_int_equal(segment_of(dir, path), before);
    tl_shard_log_close(log);
    tl_buf_release(&whole);
    tl_log_batches_release(&batches);
    test_dir_remove(dir);
}

/* A record may hold anything, also the bytes of a batch of this very log's past: a torn tail is still cut,
 * and the copy is not taken for whole records that follow. */
static void a_record_that_looks_like_a_batch_is_none(void **state)
{
    (void)state;
    char *dir = test_dir_new(), *other = test_dir_new(), path[512];
    struct tl_error error;
    struct tl_buf copy, whole;
    tl_buf_init(&copy, 1 << 20);
    tl_buf_init(&whole, 1 << 20);
    struct tl_shard_log *log = open_log(other);
    test_ok(append(log, 3, 1, &error), &error);
    test_ok(append(log, 3, 1, &error), &error);
    tl_shard_log_close(log);
    segment_of(other, path);
    test_ok(tl_file_read(path, &copy, &error), &error);
    log = open_log(dir);
    test_ok(append(log, 20, 1, &error), &error);
    int64_t before = segment_of(dir, path);
    struct tl_log_batches batches;
    tl_log_batches_init(&batches, 1 << 20);
    add(&batches, 20, 2, tl_buf_view(&copy));
    add(&batches, 21, 2, TL_VIEW("end"));
    test_ok(tl_shard_log_write(log, &batches, &error), &error);
    tl_shard_log_close(log);
    test_ok(tl_file_read(path, &whole, &error), &error);
    whole.size--; /* torn behind the copy */
    test_ok(tl_file_write_atomic(path, tl_buf_view(&whole), &error), &error);
    log = open_log(dir);
    assert_holds(log, 20);
    assert_int_equal(segment_of(dir, path), before);
    tl_shard_log_close(log);
    tl_log_batches_release(&batches);
    tl_buf_release(&copy);
    tl_buf_release(&whole);
    test_dir_remove(dir);
    test_dir_remove(other);
}

static void damage_in_the_middle_is_refused_by_name_and_offset(void **state)
{
    (void)state;
    char *dir = test_dir_new(), path[512], at_head[64], at_batch[64];
    struct tl_error error;
    struct tl_shard_log *log = open_log(dir);
    test_ok(append(log, 2, 1, &error), &error);
    int64_t first = segment_of(dir, path);
    test_ok(append(log, 2, 2, &error), &error);
    tl_shard_log_close(log);
    struct tl_buf whole;
    tl_buf_init(&whole, 1 << 20);
    test_ok(tl_file_read(path, &whole, &error), &error);
    snprintf(at_head, sizeof at_head, ".seg' is damaged at offset 0");
    snprintf(at_batch, sizeof at_batch, ".seg' is damaged at offset %d", HEAD_SIZE);
    for (int64_t bit = 0; bit < first * 8; bit++) {
        whole.data[bit / 8] ^= (char)(1 << bit % 8);
        test_ok(tl_file_write_atomic(path, tl_buf_view(&whole), &error), &error);
        log = open_log(dir); /* the other shards of a broker must go on */
        assert_non_null(strstr(tl_shard_log_damage(log), bit < HEAD_SIZE * 8 ? at_head : at_batch));
        assert_holds(log, 0); /* nothing wrong is given out */
        assert_false(append(log, 1, 3, &error));
        assert_int_equal(error.code, TL_CORRUPT);
        assert_non_null(strstr(error.text, "the shard takes no records"));
        tl_shard_log_close(log);
        whole.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    test_ok(tl_file_write_atomic(path, tl_buf_view(&whole), &error), &error);
    log = open_log(dir); /* and as it was, it is whole */
    assert_null(tl_shard_log_damage(log));
    assert_holds(log, 4);
    tl_shard_log_close(log);
    tl_buf_release(&whole);
    test_dir_remove(dir);
}

/* A sealed segment is not read at the start; damage there is told when it is read, and nothing wrong is given
 * out. */
static void damage_in_a_sealed_segment_is_told_when_read(void **state)
{
    (void)state;
    char *dir = test_dir_new(), path[512];
    struct tl_error error;
    struct tl_log_batches batches;
    static char block[1 << 20];
    struct tl_shard_log *log = open_log(dir);
    tl_log_batches_init(&batches, (size_t)1 << 30);
    for (int i = 0; i < 9; i++) {
        tl_log_batches_reset(&batches);
        for (uint64_t k = 0; k < 8; k++)
            add(&batches, tl_shard_log_next(log) + k, 1000, (struct tl_view){ block, sizeof block });
        test_ok(tl_shard_log_write(log, &batches, &error), &error);
    }
    tl_shard_log_close(log);
    segment_of(dir, path);
    int fd = tl_io->open(path, O_RDWR, 0);
    assert_int_equal(tl_io->pwrite(fd, "!", 1, 5 << 20), 1);
    tl_io->close(fd);
    log = open_log(dir);
    struct seen s = { .in_order = true };
    struct tl_buf bytes;
    tl_buf_init(&bytes, (size_t)1 << 26);
    assert_false(tl_shard_log_read(log, 0, &bytes, visit, &s, &error));
    assert_int_equal(error.code, TL_CORRUPT);
    assert_non_null(strstr(error.text, "00000000000000000000.seg' is damaged at offset"));
    assert_true(s.count < 8);
    tl_buf_release(&bytes);
    tl_log_batches_release(&batches);
    tl_shard_log_close(log);
    test_dir_remove(dir);
}

/* kill -9 in the middle of making a segment leaves a file without its head: it was never written to. */
static void a_segment_that_was_never_begun_is_dropped(void **state)
{
    (void)state;
    static const char *const left[] = { "", "TLS1", "01234567890123456789012345678901" };
    for (size_t i = 0; i < TL_COUNT(left); i++) {
        char *dir = test_dir_new(), path[512];
        struct tl_error error;
        struct tl_shard_log *log = open_log(dir);
        test_ok(append(log, 20, 1, &error), &error);
        tl_shard_log_close(log);
        snprintf(path, sizeof path, "%s/00000000000000000027.seg", dir);
        test_ok(tl_file_write_atomic(path, tl_view_of(left[i]), &error), &error);
        log = open_log(dir);
        assert_int_equal(tl_shard_log_next(log), 27); /* numbers up to there may have been told to a client */
        assert_int_equal(read_all(log, 0).count, 20);
        test_ok(append(log, 1, 1, &error), &error);
        assert_int_equal(read_all(log, 0).count, 21);
        tl_shard_log_close(log);
        log = open_log(dir);
        assert_int_equal(read_all(log, 0).count, 21);
        tl_shard_log_close(log);
        test_dir_remove(dir);
    }
}

/* What a call added is taken back as if it had never been: also over the edge of a batch. */
static void undo_leaves_no_trace(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    struct tl_error error;
    struct tl_log_batches batches;
    static char block[100000];
    struct tl_shard_log *log = open_log(dir);
    tl_log_batches_init(&batches, (size_t)1 << 30);
    for (uint64_t kept = 0, round = 0; round < 20; round++) {
        struct tl_log_mark mark = batches.at;
        for (uint64_t i = 0; i < round % 7; i++)
            add(&batches, kept + i, 1, (struct tl_view){ block, sizeof block });
        tl_log_batches_undo(&batches, &mark);
        char text[24];
        snprintf(text, sizeof text, "%llu", (unsigned long long)kept);
        add(&batches, kept++, 1, tl_view_of(text));
    }
    test_ok(tl_shard_log_write(log, &batches, &error), &error);
    assert_holds(log, 20);
    tl_log_batches_release(&batches);
    tl_shard_log_close(log);
    test_dir_remove(dir);
}

/* The clock may go back: what is found is still the first record in the log's order that arrived at or after
 * it. */
static void an_instant_is_found_also_when_the_clock_went_back(void **state)
{
    (void)state;
    char *dir = test_dir_new();
    struct tl_error error;
    struct tl_buf bytes;
    uint64_t counter;
    static const int64_t arrivals[] = { 1000, 5000, 2000, 3000, 6000 };
    struct tl_shard_log *log = open_log(dir);
    tl_buf_init(&bytes, 1 << 26);
    for (size_t i = 0; i < TL_COUNT(arrivals); i++)
        test_ok(append(log, 1, arrivals[i], &error), &error);
    static const int64_t asked[] = { 0, 1000, 1001, 2500, 5000, 5001, 6001 };
    static const uint64_t expected[] = { 0, 0, 1, 1, 1, 4, 5 };
    for (int reopened = 0; reopened < 2; reopened++) {
        for (size_t i = 0; i < TL_COUNT(asked); i++) {
            test_ok(tl_shard_log_find(log, asked[i], &bytes, &counter, &error), &error);
            assert_int_equal(counter, expected[i]);
        }
        tl_shard_log_close(log);
        log = open_log(dir);
    }
    tl_shard_log_close(log);
    tl_buf_release(&bytes);
    test_dir_remove(dir);
}

/* The n-th call that changes the disk fails, for each n: what was acknowledged is there after opening again,
 * and nothing else but what was being written. */
static void every_failing_call_loses_nothing_acknowledged(void **state)
{
    bool struck = true;
    (void)state;
    for (unsigned nth = 1; struck; nth++) {
        char *dir = test_dir_new();
        struct tl_error error;
        struct tl_shard_log *log = NULL;
        uint64_t acknowledged = 0;
        tl_io_fault_at(nth, nth % 2 ? EIO : ENOSPC, false);
        if (tl_shard_log_open(&log, dir, true, &error))
            while (acknowledged < 30 && append(log, 3, 1, &error))
                acknowledged += 3;
        struck = tl_io_fault_clear();
        if (log)
            tl_shard_log_close(log);
        log = open_log(dir);
        struct seen s = read_all(log, 0);
        assert_true(s.count >= acknowledged && s.count <= acknowledged + 3);
        tl_shard_log_close(log);
        test_dir_remove(dir);
    }
}

static void a_full_disk_refuses_and_goes_on_when_there_is_room(void **state)
{
    char *dir = test_dir_new();
    struct tl_error error;
    struct tl_shard_log *log = open_log(dir);
    (void)state;
    test_ok(append(log, 3, 1, &error), &error);
    tl_io_fault_at(1, ENOSPC, false); /* the write */
    assert_false(append(log, 3, 1, &error));
    assert_true(tl_io_fault_clear());
    assert_int_equal(error.code, TL_NO_SPACE);
    assert_holds(log, 3);
    test_ok(append(log, 3, 1, &error), &error);
    assert_holds(log, 6);
    tl_shard_log_close(log);
    test_dir_remove(dir);
}

static void a_failed_sync_closes_the_log_for_writing(void **state)
{
    char *dir = test_dir_new();
    struct tl_error error;
    struct tl_shard_log *log = open_log(dir);
    (void)state;
    test_ok(append(log, 3, 1, &error), &error);
    tl_io_fault_at(2, EIO, false); /* the write, then the sync */
    assert_false(append(log, 3, 1, &error));
    assert_true(tl_io_fault_clear());
    assert_false(append(log, 3, 1, &error));
    assert_non_null(strstr(error.text, "closed for writing"));
    assert_holds(log, 3);
    tl_shard_log_close(log);
    test_dir_remove(dir);
}

static void segments_roll_and_retention_removes_whole_ones(void **state)
{
    char *dir = test_dir_new();
    struct tl_error error;
    struct tl_shard_log *log = open_log(dir);
    struct tl_log_batches batches;
    static char block[1 << 20];
    (void)state;
    tl_log_batches_init(&batches, (size_t)1 << 30);
    for (int i = 0; i < 20; i++) { /* 160 MiB: three segments */
        tl_log_batches_reset(&batches);
        for (uint64_t k = 0; k < 8; k++)
            add(&batches, tl_shard_log_next(log) + k, 1000 + i, (struct tl_view){ block, sizeof block });
        test_ok(tl_shard_log_write(log, &batches, &error), &error);
    }
    assert_int_equal(read_all(log, 0).count, 160);
    assert_int_equal(read_all(log, 100).count, 60);
    tl_shard_log_close(log);
    log = open_log(dir);
    assert_int_equal(read_all(log, 100).count, 60);
    test_ok(tl_shard_log_trim(log, 1000, &error), &error);
    assert_int_equal(tl_shard_log_first(log), 0);
    test_ok(tl_shard_log_trim(log, 1010, &error), &error);
    uint64_t first = tl_shard_log_first(log);
    assert_true(first > 0 && first <= 80);
    struct seen s = read_all(log, 0);
    assert_int_equal(s.first, first);
    assert_int_equal(s.count, 160 - first);
    tl_log_batches_release(&batches);
    tl_shard_log_close(log);
    test_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_written_is_read_after_opening_again),
        cmocka_unit_test(an_instant_is_found),
        cmocka_unit_test(a_tail_torn_at_any_byte_is_cut),
        cmocka_unit_test(a_torn_write_whose_end_is_whole_is_cut),
        cmocka_unit_test(a_record_that_looks_like_a_batch_is_none),
        cmocka_unit_test(damage_in_the_middle_is_refused_by_name_and_offset),
        cmocka_unit_test(damage_in_a_sealed_segment_is_told_when_read),
        cmocka_unit_test(a_segment_that_was_never_begun_is_dropped),
        cmocka_unit_test(undo_leaves_no_trace),
        cmocka_unit_test(an_instant_is_found_also_when_the_clock_went_back),
        cmocka_unit_test(every_failing_call_loses_nothing_acknowledged),
        cmocka_unit_test(a_full_disk_refuses_and_goes_on_when_there_is_room),
        cmocka_unit_test(a_failed_sync_closes_the_log_for_writing),
        cmocka_unit_test(segments_roll_and_retention_removes_whole_ones),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
