/* SPDX-License-Identifier: Apache-2.0 */
/* Records that the Kinesis Producer Library has put together: taken apart whole, or not at all. */
#include "support.h"

#include "base/buf.h"
#include "kinesis/aggregated.h"
#include "net/digest.h"

struct fixture {
    struct tl_kpl kpl;
    struct tl_buf message, data;
    const char *reason;
};

static int set_up(void **state)
{
    struct fixture *x = calloc(1, sizeof *x);
    tl_buf_init(&x->message, 1 << 20);
    tl_buf_init(&x->data, 1 << 20);
    *state = x;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *x = *state;
    tl_kpl_release(&x->kpl);
    tl_buf_release(&x->message);
    tl_buf_release(&x->data);
    free(x);
    return 0;
}

static void varint(struct tl_buf *out, uint64_t v)
{
    for (; v >= 0x80; v >>= 7)
        tl_buf_add_char(out, (char)(v | 0x80));
    tl_buf_add_char(out, (char)v);
}

static void bytes_field(struct tl_buf *out, unsigned number, struct tl_view v)
{
    varint(out, number << 3 | 2);
    varint(out, v.size);
    tl_buf_add_view(out, v);
}

static void number_field(struct tl_buf *out, unsigned number, uint64_t v)
{
    varint(out, number << 3);
    varint(out, v);
}

static void record_field(struct tl_buf *out, uint64_t key, struct tl_view data)
{
    struct tl_buf record;
    tl_buf_init(&record, 1 << 20);
    number_field(&record, 1, key);
    bytes_field(&record, 3, data);
    bytes_field(out, 3, tl_buf_view(&record));
    tl_buf_release(&record);
}

/* Magic, message, MD5. */
static bool open_message(struct fixture *x)
{
    uint8_t md5[16];
    tl_buf_reset(&x->data);
    tl_buf_add(&x->data, "\xf3\x89\x9a\xc2", 4);
    tl_buf_add_view(&x->data, tl_buf_view(&x->message));
    tl_md5(tl_buf_view(&x->message), md5);
    tl_buf_add(&x->data, md5, sizeof md5);
    assert_true(tl_kpl_is_aggregated(tl_buf_view(&x->data)));
    return tl_aggregated_open(&x->kpl, tl_buf_view(&x->data), &x->reason);
}

/* An aggregated record of two users, byte by byte, as the library's protobuf has it. */
static void the_librarys_bytes_are_read(void **state)
{
    static const unsigned char record[] = {
        0xf3, 0x89, 0x9a, 0xc2, /* magic */
        0x0a, 0x01, 'a', 0x0a, 0x02, 'b', 'c', 0x12, 0x01, '7', /* key table, hash key table */
        0x1a, 0x07, 0x08, 0x00, 0x1a, 0x03, 'o', 'n', 'e', /* record 0 */
        0x1a, 0x09, 0x08, 0x01, 0x10, 0x00, 0x1a, 0x03, 't', 'w', 'o', /* record 1, with a hash key */
    };
    struct fixture *x = *state;
    struct tl_view data, key;
    tl_buf_add(&x->message, record + 4, sizeof record - 4);
    assert_true(open_message(x));
    assert_int_equal(x->kpl.record_count, 2);
    assert_true(tl_kpl_next(&x->kpl, &data, &key));
    assert_true(tl_view_is(data, "one") && tl_view_is(key, "a"));
    assert_true(tl_kpl_next(&x->kpl, &data, &key));
    assert_true(tl_view_is(data, "two") && tl_view_is(key, "bc"));
    assert_false(tl_kpl_next(&x->kpl, &data, &key));
}

/* Fields in any order, unknown ones in between, tables behind the records. */
static void fields_come_in_any_order(void **state)
{
    struct fixture *x = *state;
    struct tl_view data, key;
    record_field(&x->message, 0, TL_VIEW("first"));
    number_field(&x->message, 9, 77);
    bytes_field(&x->message, 15, TL_VIEW("later versions"));
    tl_buf_add(&x->message, "\x51" "12345678", 9); /* field 10, 64 bits */
    record_field(&x->message, 0, TL_VIEW(""));
    bytes_field(&x->message, 1, TL_VIEW("k"));
    assert_true(open_message(x));
    assert_true(tl_kpl_next(&x->kpl, &data, &key) && tl_view_is(data, "first") && tl_view_is(key, "k"));
    assert_true(tl_kpl_next(&x->kpl, &data, &key) && data.size == 0);
    assert_false(tl_kpl_next(&x->kpl, &data, &key));
}

static void what_is_damaged_is_told(void **state)
{
    static const struct {
        const char *bytes, *reason;
        size_t size;
    } cases[] = {
#define CASE(bytes, reason) { bytes, reason, sizeof bytes - 1 }
        CASE("\x1a\x04\x08\x00\x1a\x00", "key that is not there"),
        CASE("\x0a\x01k\x1a\x02\x08\x00", "damaged"),                     /* no data */
        CASE("\x0a\x01k\x1a\x02\x1a\x00", "damaged"),                     /* no key */
        CASE("\x0a\x01k\x1a\x06\x08\x00\x10\x00\x1a\x00", "not there"),   /* no such hash key */
        CASE("\x0a\x05k", "protobuf is damaged"),                          /* too short */
        CASE("\x08\x01", "protobuf is damaged"),                           /* a table that is a number */
        CASE("\x0b\x0c", "protobuf is damaged"),                           /* a group */
        CASE("\x02\x00", "protobuf is damaged"),                           /* field 0 */
        CASE("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "protobuf is damaged"), /* a length of 70 bits */
        CASE("\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "protobuf is damaged"), /* one that wraps */
        CASE("\x0a\x01\xff", "partition key that is none"),
    };
    struct fixture *x = *state;
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        tl_buf_reset(&x->message);
        tl_buf_add(&x->message, cases[i].bytes, cases[i].size);
        assert_false(open_message(x));
        if (!strstr(x->reason, cases[i].reason))
            fail_msg("case %zu: %s", i, x->reason);
    }
}

static void any_other_byte_and_the_checksum_does_not_match(void **state)
{
    struct fixture *x = *state;
    bytes_field(&x->message, 1, TL_VIEW("key"));
    record_field(&x->message, 0, TL_VIEW("value"));
    assert_true(open_message(x));
    for (size_t i = 4; i < x->data.size; i++) {
        x->data.data[i] ^= 1;
        assert_false(tl_aggregated_open(&x->kpl, tl_buf_view(&x->data), &x->reason));
        assert_non_null(strstr(x->reason, "checksum"));
        x->data.data[i] ^= 1;
    }
    for (size_t size = 4; size < x->data.size; size++)
        assert_false(tl_aggregated_open(&x->kpl, (struct tl_view){ x->data.data, size }, &x->reason));
    assert_false(tl_kpl_is_aggregated(TL_VIEW("\xf3\x89\x9a")));
    assert_false(tl_kpl_is_aggregated(TL_VIEW("{\"a\":1}")));
}

#define WITH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH(the_librarys_bytes_are_read),
        WITH(fields_come_in_any_order),
        WITH(what_is_damaged_is_told),
        WITH(any_other_byte_and_the_checksum_does_not_match),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
