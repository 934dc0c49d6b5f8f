/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "broker/registry.h"

#include <signal.h>
#include <sys/wait.h>

struct listed {
    size_t count;
    struct tl_registry_stream streams[8];
};

static bool note(const struct tl_registry_stream *stream, void *user, struct tl_error *error)
{
    struct listed *l = user;
    (void)error;
    assert_true(l->count < TL_COUNT(l->streams));
    l->streams[l->count] = *stream;
    l->streams[l->count++].key_id = NULL; /* it was only lent */
    return true;
}

static struct listed list(struct tl_registry *r)
{
    struct listed l = { 0 };
    struct tl_error error;
    test_ok(tl_registry_each(r, note, &l, &error), &error);
    return l;
}

static struct tl_registry *open_registry(const char *dir)
{
    struct tl_registry *r;
    struct tl_error error;
    char path[512];
    snprintf(path, sizeof path, "%s/streams.sqlite", dir);
    test_ok(tl_registry_open(&r, path, &error), &error);
    return r;
}

static bool try_add(struct tl_registry *r, const char *name, uint64_t *id, struct tl_error *error)
{
    struct tl_registry_stream s = { .created_ms = 1421279230123,
                                    .on_demand = true,
                                    .retention_hours = 24,
                                    .monitoring = 5,
                                    .max_record_kib = 2048,
                                    .warm_mibps = 7,
                                    .auto_distribution = true };
    snprintf(s.name, sizeof s.name, "%s", name);
    if (!tl_registry_begin(r, error))
        return false;
    if (!tl_registry_add_stream(r, &s, error)) {
        tl_registry_rollback(r);
        return false;
    }
    *id = s.id;
    return tl_registry_commit(r, error);
}

static uint64_t add(struct tl_registry *r, const char *name)
{
    struct tl_error error;
    uint64_t id;
    test_ok(try_add(r, name, &id, &error), &error);
    return id;
}

static void mark_deleting(struct tl_registry *r, uint64_t id)
{
    struct tl_error error;
    struct tl_registry_stream s = { .id = id, .deleting = true, .retention_hours = 24 };
    test_ok(tl_registry_begin(r, &error), &error);
    test_ok(tl_registry_save_stream(r, &s, &error), &error);
    test_ok(tl_registry_commit(r, &error), &error);
}

static void remove_stream(struct tl_registry *r, uint64_t id)
{
    struct tl_error error;
    test_ok(tl_registry_begin(r, &error), &error);
    test_ok(tl_registry_remove_stream(r, id, &error), &error);
    test_ok(tl_registry_commit(r, &error), &error);
}

static void what_was_added_is_there_after_opening_again(void **state)
{
    char *dir = test_dir_new();
    uint8_t key[32], again[32];
    struct tl_error error;
    (void)state;
    struct tl_registry *r = open_registry(dir);
    assert_int_equal(list(r).count, 0);
    test_ok(tl_registry_key(r, key, &error), &error);
    uint64_t id = add(r, "ticks");
    tl_registry_close(r);
    r = open_registry(dir);
    struct listed l = list(r);
    assert_int_equal(l.count, 1);
    assert_int_equal(l.streams[0].id, id);
    assert_string_equal(l.streams[0].name, "ticks");
    assert_int_equal(l.streams[0].created_ms, 1421279230123);
    assert_int_equal(l.streams[0].monitoring, 5);
    assert_int_equal(l.streams[0].max_record_kib, 2048);
    assert_int_equal(l.streams[0].warm_mibps, 7);
    assert_true(l.streams[0].auto_distribution);
    assert_true(l.streams[0].on_demand);
    assert_false(l.streams[0].deleting);
    assert_int_equal(l.streams[0].retention_hours, 24);
    test_ok(tl_registry_key(r, again, &error), &error);
    assert_memory_equal(key, again, 32); /* iterators outlive a restart */
    tl_registry_close(r);
    test_dir_remove(dir);
}

static void a_name_is_free_again_while_its_old_stream_is_deleted(void **state)
{
    char *dir = test_dir_new();
    struct tl_error error;
    (void)state;
    struct tl_registry *r = open_registry(dir);
    uint64_t first = add(r, "ticks");
    uint64_t twice;
    assert_false(try_add(r, "ticks", &twice, &error));
    mark_deleting(r, first);
    uint64_t second = add(r, "ticks");
    assert_int_not_equal(first, second); /* an id names a folder, and is never used again */
    assert_int_equal(list(r).count, 2);
    assert_true(list(r).streams[0].deleting);
    remove_stream(r, second);
    remove_stream(r, first);
    assert_int_equal(list(r).count, 0);
    assert_true(add(r, "ticks") > second);
    tl_registry_close(r);
    test_dir_remove(dir);
}

static void what_was_told_to_be_done_survives_a_kill(void **state)
{
    char *dir = test_dir_new();
    (void)state;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct tl_registry *r = open_registry(dir);
        uint64_t gone = add(r, "deleted");
        add(r, "kept");
        mark_deleting(r, gone);
        kill(getpid(), SIGKILL);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    struct tl_registry *r = open_registry(dir);
    struct listed l = list(r);
    assert_int_equal(l.count, 2);
    assert_true(l.streams[0].deleting);
    assert_string_equal(l.streams[1].name, "kept");
    assert_false(l.streams[1].deleting);
    tl_registry_close(r);
    test_dir_remove(dir);
}

static void what_is_no_registry_is_refused_by_name(void **state)
{
    char *dir = test_dir_new(), path[512];
    struct tl_registry *r;
    struct tl_error error;
    static const char junk[8192] = "This is not a database. ";
    (void)state;
    snprintf(path, sizeof path, "%s/streams.sqlite", dir);
    test_ok(tl_file_write_atomic(path, (struct tl_view){ junk, sizeof junk }, &error), &error);
    assert_false(tl_registry_open(&r, path, &error));
    assert_null(r);
    assert_int_equal(error.code, TL_CORRUPT);
    assert_non_null(strstr(error.text, path));
    test_dir_remove(dir);
}

/* ---- what belongs to a stream ---- */

struct seen {
    char text[2000];
};

static bool see_shard(const struct tl_registry_shard *s, void *user, struct tl_error *error)
{
    struct seen *seen = user;
    char first[TL_HASH_KEY_MAX], last[TL_HASH_KEY_MAX];
    size_t at = strlen(seen->text);
    (void)error;
    tl_hash_key_format(s->first, first);
    tl_hash_key_format(s->last, last);
    snprintf(seen->text + at, sizeof seen->text - at, "%u %s-%s of %d,%d made %d/%d closed %d; ", s->index,
             first, last, (int)s->parent, (int)s->adjacent, (int)s->created_ms, (int)s->sequence_s,
             (int)s->closed_ms);
    return true;
}

static bool see_pair(struct tl_view key, struct tl_view value, void *user, struct tl_error *error)
{
    struct seen *seen = user;
    size_t at = strlen(seen->text);
    (void)error;
    snprintf(seen->text + at, sizeof seen->text - at, "%.*s=%.*s;", TL_VIEW_ARG(key), TL_VIEW_ARG(value));
    return true;
}

static bool see_consumer(const struct tl_registry_consumer *c, void *user, struct tl_error *error)
{
    (void)error;
    snprintf(((struct seen *)user)->text, sizeof(struct seen), "%s", c->name);
    return true;
}

static void fill(struct tl_registry *r, uint64_t id, struct tl_registry_consumer *c)
{
    struct tl_registry_shard shard = { .index = 0,
                                       .created_ms = 12,
                                       .sequence_s = 3,
                                       .last = { UINT64_MAX, UINT64_MAX },
                                       .parent = -1,
                                       .adjacent = -1 };
    struct tl_error error;
    char resource[40];
    snprintf(resource, sizeof resource, "stream:%d", (int)id);
    test_ok(tl_registry_begin(r, &error), &error);
    test_ok(tl_registry_add_shard(r, id, &shard, &error), &error);
    test_ok(tl_registry_close_shard(r, id, 0, 99, &error), &error);
    shard = (struct tl_registry_shard){ .index = 1,
                                        .created_ms = 99,
                                        .sequence_s = 4,
                                        .first = { 0, 5 },
                                        .last = { 1, 0 },
                                        .parent = 0,
                                        .adjacent = -1 };
    test_ok(tl_registry_add_shard(r, id, &shard, &error), &error);
    test_ok(tl_registry_add_consumer(r, c, &error), &error);
    test_ok(tl_registry_set_tag(r, resource, TL_VIEW("k"), TL_VIEW("v"), &error), &error);
    test_ok(tl_registry_set_tag(r, resource, TL_VIEW("a"), TL_VIEW(""), &error), &error);
    test_ok(tl_registry_set_tag(r, resource, TL_VIEW("k"), TL_VIEW("w"), &error), &error);
    test_ok(tl_registry_set_policy(r, resource, TL_VIEW("{}"), &error), &error);
    test_ok(tl_registry_note_change(r, id, "scale", 5000, 1000, &error), &error);
    test_ok(tl_registry_note_change(r, id, "scale", 9000, 6000, &error), &error);
    test_ok(tl_registry_commit(r, &error), &error);
}

static void all_that_belongs_to_a_stream_comes_and_goes_with_it(void **state)
{
    char *dir = test_dir_new(), resource[40];
    struct tl_error error;
    struct seen seen = { "" };
    struct tl_buf policy;
    int64_t count;
    (void)state;
    struct tl_registry *r = open_registry(dir);
    uint64_t id = add(r, "ticks");
    struct tl_registry_consumer c = { .stream = id, .name = "reader", .created_ms = 7 };
    fill(r, id, &c);
    snprintf(resource, sizeof resource, "stream:%d", (int)id);
    test_ok(tl_registry_shards(r, id, see_shard, &seen, &error), &error);
    assert_string_equal(seen.text,
                        "0 0-340282366920938463463374607431768211455 of -1,-1 made 12/3 closed 99; "
                        "1 5-18446744073709551616 of 0,-1 made 99/4 closed 0; ");
    seen.text[0] = '\0';
    test_ok(tl_registry_tags(r, resource, see_pair, &seen, &error), &error);
    assert_string_equal(seen.text, "a=;k=w;");
    tl_buf_init(&policy, 100);
    test_ok(tl_registry_policy(r, resource, &policy, &error), &error);
    assert_string_equal(tl_buf_text(&policy), "{}");
    test_ok(tl_registry_changes(r, id, "scale", 0, &count, &error), &error);
    assert_int_equal(count, 1); /* the one at 5000 was to be forgotten */
    remove_stream(r, id);
    seen.text[0] = '\0';
    tl_buf_reset(&policy);
    test_ok(tl_registry_shards(r, id, see_shard, &seen, &error) &&
                tl_registry_tags(r, resource, see_pair, &seen, &error) &&
                tl_registry_consumers(r, id, see_consumer, &seen, &error) &&
                tl_registry_policy(r, resource, &policy, &error) &&
                tl_registry_changes(r, id, "scale", 0, &count, &error),
            &error);
    assert_string_equal(seen.text, "");
    assert_int_equal(policy.size, 0);
    assert_int_equal(count, 0);
    tl_buf_release(&policy);
    tl_registry_close(r);
    test_dir_remove(dir);
}

static void what_is_rolled_back_was_never_there(void **state)
{
    char *dir = test_dir_new();
    struct tl_error error;
    struct tl_registry_stream s = { .name = "gone" };
    (void)state;
    struct tl_registry *r = open_registry(dir);
    test_ok(tl_registry_begin(r, &error), &error);
    test_ok(tl_registry_add_stream(r, &s, &error), &error);
    tl_registry_rollback(r);
    assert_int_equal(list(r).count, 0);
    tl_registry_close(r);
    test_dir_remove(dir);
}

/* The format's number is SQLite's user_version: four bytes, big-endian, at offset 60 of the file. */
static void a_newer_format_is_refused_and_left_alone(void **state)
{
    char *dir = test_dir_new(), path[512];
    struct tl_registry *r;
    struct tl_error error;
    struct tl_buf before, after;
    (void)state;
    tl_registry_close(open_registry(dir));
    snprintf(path, sizeof path, "%s/streams.sqlite", dir);
    tl_buf_init(&before, 1 << 20);
    tl_buf_init(&after, 1 << 20);
    test_ok(tl_file_read(path, &before, &error), &error);
    before.data[63] = 7;
    test_ok(tl_file_write_atomic(path, tl_buf_view(&before), &error), &error);
    assert_false(tl_registry_open(&r, path, &error));
    assert_non_null(
        strstr(error.text,
               "was written by a newer tapeline (format 7, this one reads 2): upgrade tapeline or choose"));
    test_ok(tl_file_read(path, &after, &error), &error);
    assert_true(tl_view_eq(tl_buf_view(&before), tl_buf_view(&after)));
    tl_buf_release(&before);
    tl_buf_release(&after);
    test_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_added_is_there_after_opening_again),
        cmocka_unit_test(a_name_is_free_again_while_its_old_stream_is_deleted),
        cmocka_unit_test(what_was_told_to_be_done_survives_a_kill),
        cmocka_unit_test(all_that_belongs_to_a_stream_comes_and_goes_with_it),
        cmocka_unit_test(what_is_rolled_back_was_never_there),
        cmocka_unit_test(what_is_no_registry_is_refused_by_name),
        cmocka_unit_test(a_newer_format_is_refused_and_left_alone),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
