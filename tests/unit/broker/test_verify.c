/* SPDX-License-Identifier: Apache-2.0 */
/* test_verify.c: a data folder checked offline: whole, torn, damaged, with folders too many and too few. */
#include "client.h"

#include "broker/verify.h"

#include <sys/stat.h>

struct found {
    size_t shards, whole, of_kind[5];
    uint64_t records;
    char text[4096];
};

static void note(const struct tl_verify_finding *f, void *user)
{
    struct found *found = user;
    found->of_kind[f->kind]++;
    if (f->kind == TL_VERIFY_SHARD) {
        found->shards++;
        found->whole += f->whole;
        found->records += f->records;
    } else {
        size_t at = strlen(found->text);
        snprintf(found->text + at, sizeof found->text - at, "%s\n", f->text);
    }
}

static struct found verify(const struct server *s, bool repair)
{
    struct found found = { 0 };
    struct tl_error error;
    uint64_t problems;
    test_ok(tl_broker_verify(s->dir, repair, note, &found, &problems, &error), &error);
    assert_int_equal(problems, found.of_kind[TL_VERIFY_PROBLEM]);
    return found;
}

/* Two shards, three records in the first one; the broker is closed. */
static int set_up_closed(void **state)
{
    set_up(state);
    struct server *s = *state;
    for (int i = 0; i < 3; i++)
        assert_answer(
            s, "PutRecord",
            "{\"StreamName\":\"ticks\",\"Data\":\"YWJj\",\"PartitionKey\":\"k\",\"ExplicitHashKey\":\"0\"}",
            200, "");
    tl_broker_close(s->broker);
    s->broker = NULL;
    return 0;
}

static int tear_down_closed(void **state)
{
    struct server *s = *state;
    tl_broker_close(s->broker);
    test_dir_remove(s->dir);
    return 0;
}

static void segment_path(const struct server *s, char out[512])
{
    snprintf(out, 512, "%s/broker/streams/1/shardId-000000000000/00000000000000000001.seg", s->dir);
}

static void what_is_whole_is_told_to_be(void **state)
{
    struct found f = verify(*state, false);
    assert_int_equal(f.shards, 2);
    assert_int_equal(f.whole, 2);
    assert_int_equal(f.records, 3);
    assert_string_equal(f.text, "");
}

static void a_torn_end_is_cut_only_when_asked_for(void **state)
{
    struct server *s = *state;
    char path[512];
    struct tl_buf bytes;
    struct tl_error error;
    segment_path(s, path);
    tl_buf_init(&bytes, 1 << 20);
    test_ok(tl_file_read(path, &bytes, &error), &error);
    size_t whole = bytes.size;
    tl_buf_add_text(&bytes, "half of what");
    test_ok(tl_file_write_atomic(path, tl_buf_view(&bytes), &error), &error);
    for (int i = 0; i < 2; i++) { /* looking changes nothing */
        struct found f = verify(s, false);
        assert_int_equal(f.of_kind[TL_VERIFY_TORN], 1);
        assert_int_equal(f.of_kind[TL_VERIFY_PROBLEM], 0);
        assert_int_equal(f.records, 3);
    }
    struct found f = verify(s, true);
    assert_int_equal(f.of_kind[TL_VERIFY_REPAIRED], 1);
    assert_string_equal(verify(s, false).text, "");
    tl_buf_reset(&bytes);
    test_ok(tl_file_read(path, &bytes, &error), &error);
    assert_int_equal(bytes.size, whole);
    tl_buf_release(&bytes);
}

/* Every byte before the last write, changed in turn: each is noticed, and --repair changes nothing of it. */
static void damage_is_told_and_never_repaired(void **state)
{
    struct server *s = *state;
    char path[512], offset[80];
    struct tl_buf bytes, after;
    struct tl_error error;
    segment_path(s, path);
    tl_buf_init(&bytes, 1 << 20);
    tl_buf_init(&after, 1 << 20);
    test_ok(tl_file_read(path, &bytes, &error), &error);
    size_t last_write =
        bytes.size - (bytes.size - 32) / 3; /* three writes of the same size behind the head */
    for (size_t at = 0; at < last_write; at += 5) {
        bytes.data[at] ^= 1;
        test_ok(tl_file_write_atomic(path, tl_buf_view(&bytes), &error), &error);
        struct found f = verify(s, true);
        assert_int_equal(f.of_kind[TL_VERIFY_PROBLEM], 1);
        assert_int_equal(f.whole, 1);
        snprintf(offset, sizeof offset, "is damaged at offset %zu",
                 at < 32 ? 0 : 32 + (at - 32) / ((bytes.size - 32) / 3) * ((bytes.size - 32) / 3));
        assert_non_null(strstr(f.text, offset));
        tl_buf_reset(&after);
        test_ok(tl_file_read(path, &after, &error), &error);
        assert_true(tl_view_eq(tl_buf_view(&after), tl_buf_view(&bytes)));
        bytes.data[at] ^= 1;
    }
    tl_buf_release(&bytes);
    tl_buf_release(&after);
}

static void strangers_and_what_is_missing_are_named(void **state)
{
    struct server *s = *state;
    char path[512];
    struct tl_error error;
    snprintf(path, sizeof path, "%s/broker/streams/77", s->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/broker/streams/1/shardId-000000000000/notes.txt", s->dir);
    test_ok(tl_file_write_atomic(path, TL_VIEW("mine"), &error), &error);
    struct found f = verify(s, false);
    assert_int_equal(f.of_kind[TL_VERIFY_NOTE], 2);
    assert_non_null(strstr(f.text, "/streams/77' is of no stream that the registry knows"));
    assert_non_null(strstr(f.text, "notes.txt' is no file of a shard"));
    snprintf(path, sizeof path, "%s/broker/streams/1/shardId-000000000001", s->dir);
    test_ok(tl_dir_remove(path, &error), &error);
    f = verify(s, false);
    assert_int_equal(f.of_kind[TL_VERIFY_PROBLEM], 1);
    assert_non_null(strstr(f.text, "shardId-000000000001' is not there"));
    uint64_t problems;
    assert_false(tl_broker_verify(path, false, note, &f, &problems, &error));
    assert_non_null(strstr(error.text, "there is no broker's data in this folder"));
}

/* A shard that is damaged does not keep the broker from starting, nor its other shards from working. */
static void the_other_shards_go_on(void **state)
{
    struct server *s = *state;
    char path[512], iterator[600], body[800];
    struct tl_buf bytes;
    struct tl_error error;
    segment_path(s, path);
    tl_buf_init(&bytes, 1 << 20);
    test_ok(tl_file_read(path, &bytes, &error), &error);
    bytes.data[32 + (bytes.size - 32) / 3 + 50] ^= 1; /* in the second of three writes */
    test_ok(tl_file_write_atomic(path, tl_buf_view(&bytes), &error), &error);
    tl_buf_release(&bytes);
    start(s);
    static const char other[] = "{\"StreamName\":\"ticks\",\"Data\":\"YQ==\",\"PartitionKey\":\"k\","
                                "\"ExplicitHashKey\":\"340282366920938463463374607431768211455\"}";
    assert_answer(s, "PutRecord", other, 200, "shardId-000000000001");
    assert_answer(
        s, "PutRecord",
        "{\"StreamName\":\"ticks\",\"Data\":\"YQ==\",\"PartitionKey\":\"k\",\"ExplicitHashKey\":\"0\"}", 500,
        "InternalFailure");
    struct answer a =
        call(s, "GetShardIterator",
             "{\"StreamName\":\"ticks\",\"ShardId\":\"0\",\"ShardIteratorType\":\"TRIM_HORIZON\"}");
    member(&a, "ShardIterator", iterator, sizeof iterator);
    tl_buf_release(&a.whole);
    snprintf(body, sizeof body, "{\"ShardIterator\":\"%s\"}", iterator);
    a = call(s, "GetRecords", body); /* what stands before the damage */
    assert_int_equal(a.status, 200);
    assert_non_null(strstr(a.body, "\"Data\":\"YWJj\""));
    member(&a, "NextShardIterator", iterator, sizeof iterator);
    tl_buf_release(&a.whole);
    snprintf(body, sizeof body, "{\"ShardIterator\":\"%s\"}", iterator);
    assert_answer(s, "GetRecords", body, 500,
                  "00000000000000000001.seg' is damaged at offset "); /* not as if there were no more */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up_closed, tear_down_closed)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(what_is_whole_is_told_to_be),
        TEST(a_torn_end_is_cut_only_when_asked_for),
        TEST(damage_is_told_and_never_repaired),
        TEST(strangers_and_what_is_missing_are_named),
        TEST(the_other_shards_go_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
