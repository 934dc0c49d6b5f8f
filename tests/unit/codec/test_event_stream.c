/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "codec/event_stream.h"

#define MAX 100000

/* Lengths and headers byte by byte; the checksums are checked by reading. */
static void a_message_is_what_the_protocol_says(void **state)
{
    static const unsigned char expected[] = { 0, 0, 0,   0x1d, 0,   0,   0, 0x0d, 0, 0,   0,
                                              0, 4, 'n', 'a',  'm', 'e', 7, 0,    5, 'v', 'a' };
    struct tl_event_header header = { TL_VIEW("name"), TL_VIEW("value") };
    struct tl_buf out;
    (void)state;
    tl_buf_init(&out, MAX);
    tl_event_stream_write(&out, &header, 1, (struct tl_view){ NULL, 0 });
    assert_int_equal(out.size, 0x1d);
    assert_memory_equal(out.data, expected, 8);
    assert_memory_equal(out.data + 12, expected + 12, sizeof expected - 12);
    tl_buf_release(&out);
}

static void what_is_written_is_read_also_in_pieces(void **state)
{
    struct test_random r = test_random_new();
    (void)state;
    for (int round = 0; round < 300; round++) {
        struct tl_event_header headers[3] = { { TL_VIEW(":message-type"), TL_VIEW("event") },
                                              { TL_VIEW(":event-type"), TL_VIEW("SubscribeToShardEvent") },
                                              { TL_VIEW("empty"), TL_VIEW("") } };
        struct tl_event_message m;
        struct tl_error error;
        struct tl_buf out;
        char payload[500];
        size_t size = test_random_below(&r, sizeof payload), count = test_random_below(&r, 4);
        for (size_t i = 0; i < size; i++)
            payload[i] = (char)test_random_u64(&r);
        tl_buf_init(&out, MAX);
        tl_event_stream_write(&out, headers, count, (struct tl_view){ payload, size });
        size_t whole = out.size;
        tl_buf_add_text(&out, "what comes next");
        for (size_t have = 0; have < whole; have++)
            assert_int_equal(tl_event_stream_read((struct tl_view){ out.data, have }, MAX, &m, &error),
                             TL_EVENT_PARTIAL);
        assert_int_equal(tl_event_stream_read(tl_buf_view(&out), MAX, &m, &error), TL_EVENT_WHOLE);
        assert_int_equal(m.size, whole);
        assert_int_equal(m.header_count, count);
        assert_int_equal(m.payload.size, size);
        assert_memory_equal(m.payload.data, payload, size);
        if (count > 1)
            assert_true(tl_view_is(tl_event_header(&m, ":event-type"), "SubscribeToShardEvent"));
        assert_null(tl_event_header(&m, "absent").data);
        tl_buf_release(&out);
    }
}

static void every_flipped_bit_is_noticed(void **state)
{
    struct tl_event_header header = { TL_VIEW("name"), TL_VIEW("value") };
    struct tl_event_message m;
    struct tl_error error;
    struct tl_buf out;
    (void)state;
    tl_buf_init(&out, MAX);
    tl_event_stream_write(&out, &header, 1, TL_VIEW("payload"));
    for (size_t bit = 0; bit < out.size * 8; bit++) {
        out.data[bit / 8] ^= (char)(1 << bit % 8);
        assert_int_equal(tl_event_stream_read(tl_buf_view(&out), MAX, &m, &error), TL_EVENT_WRONG);
        out.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_int_equal(tl_event_stream_read(tl_buf_view(&out), out.size - 1, &m, &error),
                     TL_EVENT_WRONG); /* larger than allowed */
    assert_non_null(strstr(error.text, "larger than allowed"));
    tl_buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_message_is_what_the_protocol_says),
        cmocka_unit_test(what_is_written_is_read_also_in_pieces),
        cmocka_unit_test(every_flipped_bit_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
