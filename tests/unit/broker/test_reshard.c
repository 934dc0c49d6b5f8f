/* SPDX-License-Identifier: Apache-2.0 */
/* test_reshard.c: splits, merges and scalings at random, with puts and restarts between them, from a printed
 * seed. Whatever was done: the open shards cover every hash key once, children begin above their parents,
 * each record stands in the one shard that was open for its key when it was put, and a reader that goes from
 * parents to children finds every record once and in order. */
#include "client.h"

#include "codec/json.h"
#include "kinesis/model.h"

#define STEPS 40
#define RECORDS_MAX 4000

static struct test_random seeded;

static uint64_t below(uint64_t n)
{
    return test_random_below(&seeded, n);
}

struct shard {
    char id[32], parent[32], adjacent[32], first[41], last[41], start[131], end[131];
};
struct shards {
    struct shard row[400];
    size_t count;
};

static void copy(struct tl_json object, const char *name, char *out, size_t size)
{
    struct tl_view v = tl_json_get_string(object, name);
    snprintf(out, size, "%.*s", (int)v.size, v.data ? v.data : "");
}

static struct tl_json parse(struct tl_json_parser *parser, const struct answer *a)
{
    struct tl_json root;
    struct tl_error error;
    test_ok(tl_json_parse_copy(parser, tl_view_of(a->body), &root, &error), &error);
    return root;
}

static void list(const struct server *s, struct tl_json_parser *parser, const char *filter,
                 struct shards *out)
{
    char body[200];
    snprintf(body, sizeof body, "{\"StreamName\":\"ticks\"%s}", filter);
    struct answer a = call(s, "ListShards", body);
    struct tl_json all, item, range;
    struct tl_json_iter it;
    assert_true(tl_json_get(parse(parser, &a), "Shards", &all));
    out->count = 0;
    for (tl_json_iter_init(&it, all); tl_json_next(&it, NULL, &item);) {
        struct shard *row = &out->row[out->count++];
        assert_true(out->count < TL_COUNT(out->row));
        copy(item, "ShardId", row->id, sizeof row->id);
        copy(item, "ParentShardId", row->parent, sizeof row->parent);
        copy(item, "AdjacentParentShardId", row->adjacent, sizeof row->adjacent);
        assert_true(tl_json_get(item, "HashKeyRange", &range));
        copy(range, "StartingHashKey", row->first, sizeof row->first);
        copy(range, "EndingHashKey", row->last, sizeof row->last);
        assert_true(tl_json_get(item, "SequenceNumberRange", &range));
        copy(range, "StartingSequenceNumber", row->start, sizeof row->start);
        copy(range, "EndingSequenceNumber", row->end, sizeof row->end);
    }
    tl_buf_release(&a.whole);
}

static const struct shard *find(const struct shards *all, const char *id)
{
    for (size_t i = 0; i < all->count; i++)
        if (strcmp(all->row[i].id, id) == 0)
            return &all->row[i];
    return NULL;
}

static struct tl_hash_key key_of(const char *text)
{
    struct tl_hash_key key;
    assert_true(tl_hash_key_parse(tl_view_of(text), &key));
    return key;
}

static struct tl_hash_key next_key(struct tl_hash_key key)
{
    key.high += ++key.low == 0;
    return key;
}

static int by_first(const void *a, const void *b)
{
    return tl_hash_key_cmp(key_of(((const struct shard *)a)->first),
                           key_of(((const struct shard *)b)->first));
}

static void check_cover(const struct server *s, struct tl_json_parser *parser, struct shards *open)
{
    list(s, parser, ",\"ShardFilter\":{\"Type\":\"AT_LATEST\"}", open);
    qsort(open->row, open->count, sizeof open->row[0], by_first);
    struct tl_hash_key expected = { 0, 0 };
    for (size_t i = 0; i < open->count; i++) {
        assert_int_equal(tl_hash_key_cmp(key_of(open->row[i].first), expected), 0);
        assert_string_equal(open->row[i].end, "");
        expected = next_key(key_of(open->row[i].last));
    }
    assert_true(expected.high == 0 && expected.low == 0); /* past 2^128-1 */
}

static void check_line(const struct shards *all, const struct shard *child, const char *parent_id)
{
    const struct shard *parent = find(all, parent_id);
    assert_non_null(parent);
    assert_true(tl_sequence_cmp(tl_view_of(parent->end), tl_view_of(parent->start)) > 0);
    assert_true(tl_sequence_cmp(tl_view_of(child->start), tl_view_of(parent->end)) > 0);
}

static void check_lineage(const struct shards *all)
{
    for (size_t i = 0; i < all->count; i++) {
        if (all->row[i].parent[0])
            check_line(all, &all->row[i], all->row[i].parent);
        if (all->row[i].adjacent[0])
            check_line(all, &all->row[i], all->row[i].adjacent);
    }
}

/* ---- doing something ---- */

static void must(const struct server *s, const char *action, const char *body)
{
    assert_answer(s, action, body, 200, "");
}

static void split(const struct server *s, const struct shard *shard)
{
    struct tl_hash_key first = key_of(shard->first), last = key_of(shard->last);
    __extension__ typedef unsigned __int128 wide;
    wide a = (wide)first.high << 64 | first.low, b = (wide)last.high << 64 | last.low, middle;
    char text[TL_HASH_KEY_MAX], body[300];
    if (b - a < 8)
        return;
    middle = a + 2 + (((wide)test_random_u64(&seeded) << 64 | test_random_u64(&seeded)) % (b - a - 3));
    tl_hash_key_format((struct tl_hash_key){ (uint64_t)(middle >> 64), (uint64_t)middle }, text);
    snprintf(body, sizeof body,
             "{\"StreamName\":\"ticks\",\"ShardToSplit\":\"%s\",\"NewStartingHashKey\":\"%s\"}", shard->id,
             text);
    must(s, "SplitShard", body);
}

static void merge(const struct server *s, const struct shards *open, size_t at)
{
    char body[300];
    size_t other = at + 1 < open->count ? at + 1 : at - 1;
    if (open->count < 2)
        return;
    snprintf(body, sizeof body,
             "{\"StreamName\":\"ticks\",\"ShardToMerge\":\"%s\",\"AdjacentShardToMerge\":\"%s\"}",
             open->row[at].id, open->row[other].id);
    must(s, "MergeShards", body);
}

static void scale(const struct server *s, const struct shards *open)
{
    char body[200];
    size_t target = 1 + below(8);
    if (target == open->count)
        return;
    snprintf(body, sizeof body,
             "{\"StreamName\":\"ticks\",\"TargetShardCount\":%zu,\"ScalingType\":\"UNIFORM_SCALING\"}",
             target);
    must(s, "UpdateShardCount", body);
}

struct put {
    char shard[32], sequence[131];
    unsigned key;
};
struct history {
    struct put put[RECORDS_MAX];
    size_t count;
};

static void put_some(const struct server *s, struct history *h)
{
    for (size_t n = 1 + below(20); n > 0; n--) {
        struct put *p = &h->put[h->count];
        char body[200], data[16];
        p->key = (unsigned)(below(7));
        snprintf(data, sizeof data, "%08zu", h->count); /* base64 of six bytes */
        snprintf(body, sizeof body, "{\"StreamName\":\"ticks\",\"Data\":\"%s\",\"PartitionKey\":\"k%u\"}",
                 data, p->key);
        struct answer a = call(s, "PutRecord", body);
        assert_int_equal(a.status, 200);
        member(&a, "ShardId", p->shard, sizeof p->shard);
        member(&a, "SequenceNumber", p->sequence, sizeof p->sequence);
        tl_buf_release(&a.whole);
        assert_true(++h->count < RECORDS_MAX);
    }
}

/* ---- reading it all ---- */

struct reader {
    size_t count;
    bool seen[RECORDS_MAX];
    size_t last_of_key[7]; /* one more than the number of the record */
};

static void see(struct reader *r, const struct history *h, struct tl_json record, const char *shard)
{
    char data[16], sequence[131];
    copy(record, "Data", data, sizeof data);
    copy(record, "SequenceNumber", sequence, sizeof sequence);
    size_t i = strtoul(data, NULL, 10);
    assert_true(i < h->count && !r->seen[i]);
    assert_string_equal(h->put[i].shard, shard);
    assert_string_equal(h->put[i].sequence, sequence);
    assert_true(r->last_of_key[h->put[i].key] <= i); /* the order of a key outlives every reshard */
    r->last_of_key[h->put[i].key] = i + 1;
    r->seen[i] = true;
    r->count++;
}

/* To the tip, or the end of a closed shard, whose answer then names its children and no iterator. */
static void read_shard(const struct server *s, struct tl_json_parser *parser, const struct history *h,
                       struct reader *r, const struct shard *shard)
{
    char body[900], iterator[600];
    snprintf(body, sizeof body,
             "{\"StreamName\":\"ticks\",\"ShardId\":\"%s\",\"ShardIteratorType\":\"TRIM_HORIZON\"}",
             shard->id);
    struct answer a = call(s, "GetShardIterator", body);
    member(&a, "ShardIterator", iterator, sizeof iterator);
    tl_buf_release(&a.whole);
    for (bool more = true; more;) {
        struct tl_json root, records, item, children;
        struct tl_json_iter it;
        snprintf(body, sizeof body, "{\"ShardIterator\":\"%s\",\"Limit\":%d}", iterator,
                 (int)(1 + below(50)));
        a = call(s, "GetRecords", body);
        assert_int_equal(a.status, 200);
        root = parse(parser, &a);
        assert_true(tl_json_get(root, "Records", &records));
        for (tl_json_iter_init(&it, records); tl_json_next(&it, NULL, &item);)
            see(r, h, item, shard->id);
        copy(root, "NextShardIterator", iterator, sizeof iterator);
        bool has_children = tl_json_get(root, "ChildShards", &children) && tl_json_size(children) > 0;
        assert_true(has_children == (iterator[0] == '\0'));
        assert_true(!has_children || shard->end[0]);
        more = iterator[0] && (tl_json_size(records) > 0 || shard->end[0]);
        tl_buf_release(&a.whole);
    }
}

/* In the order of their indexes parents come before their children. */
static void read_all(const struct server *s, struct tl_json_parser *parser, const struct history *h,
                     const struct shards *all)
{
    struct reader *r = calloc(1, sizeof *r);
    assert_non_null(r);
    for (size_t i = 0; i < all->count; i++)
        read_shard(s, parser, h, r, &all->row[i]);
    assert_int_equal(r->count, h->count);
    free(r);
}

static void whatever_is_done_no_record_is_lost_or_moved(void **state)
{
    struct server *s = *state;
    struct tl_json_parser *parser;
    struct tl_error error;
    struct shards *open = calloc(1, sizeof *open), *all = calloc(1, sizeof *all);
    struct history *h = calloc(1, sizeof *h);
    assert_true(open && all && h);
    test_ok(tl_json_parser_new(&parser, &error), &error);
    for (int step = 0; step < STEPS; step++) {
        check_cover(s, parser, open);
        put_some(s, h);
        size_t at = below(open->count);
        switch (below(5)) {
        case 0:
        case 1:
            split(s, &open->row[at]);
            break;
        case 2:
            merge(s, open, at);
            break;
        case 3:
            scale(s, open);
            break;
        default:
            tl_broker_close(s->broker);
            start(s);
        }
    }
    put_some(s, h);
    check_cover(s, parser, open);
    list(s, parser, "", all);
    check_lineage(all);
    read_all(s, parser, h, all);
    tl_json_parser_free(parser);
    free(open);
    free(all);
    free(h);
}

int main(void)
{
    seeded = test_random_new();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(whatever_is_done_no_record_is_lost_or_moved, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
