/* SPDX-License-Identifier: Apache-2.0 */
/* test_message.c: bodies in JSON and CBOR: the captured ones, what is written and read in both, and hostile
 * ones. */
#include "support.h"

#include "codec/message.h"

struct parsed {
    struct tl_msg_parser *parser;
    char body[4096];
    struct tl_msg root;
};

static bool parse(struct parsed *p, enum tl_wire wire, const void *bytes, size_t size)
{
    struct tl_error error;
    assert_true(size + TL_JSON_PADDING <= sizeof p->body);
    memset(p->body, 0, sizeof p->body);
    memcpy(p->body, bytes, size);
    if (!p->parser)
        test_ok(tl_msg_parser_new(&p->parser, &error), &error);
    return tl_msg_parse(p->parser, wire, (struct tl_view){ p->body, size }, &p->root, &error);
}

/* From the Java SDK v2: indefinite maps, byte strings, tag 1 around milliseconds. */
static void what_the_java_sdk_sends_is_read(void **state)
{
    static const char put[] = "\xbf\x6aStreamName\x6ej1795456028702\x64"
                              "Data\x45hello\x6cPartitionKey\x62pk\xff";
    static const char time[] = "\xbf\x69Timestamp\xc1\x1b\x00\x00\x01\xa2\x09\x84\x8b\x54\xff";
    struct parsed p = { 0 };
    struct tl_msg m;
    struct tl_msg_blob blob;
    char data[5];
    int64_t ms = 0;
    (void)state;
    assert_true(parse(&p, TL_WIRE_CBOR, put, sizeof put - 1));
    assert_true(tl_view_is(tl_msg_get_string(p.root, "StreamName"), "j1795456028702"));
    assert_true(tl_msg_get(p.root, "Data", &m) && tl_msg_blob(m, &blob));
    assert_int_equal(blob.size, 5);
    assert_true(tl_msg_blob_write(&blob, data));
    assert_memory_equal(data, "hello", 5);
    assert_int_equal(tl_msg_size(p.root), 3);
    assert_true(parse(&p, TL_WIRE_CBOR, time, sizeof time - 1));
    assert_true(tl_msg_get(p.root, "Timestamp", &m) && tl_msg_time_ms(m, &ms));
    assert_int_equal(ms, 0x000001a209848b54);
    tl_msg_parser_free(p.parser);
}

static void write_all(struct tl_msg_writer *w)
{
    tl_msg_begin_structure(w);
    tl_msg_member_text(w, "text", "\xc3\xa9\"\n");
    tl_msg_member_text(w, "nothing", NULL);
    tl_msg_member_i64(w, "least", INT64_MIN);
    tl_msg_member_i64(w, "most", INT64_MAX);
    tl_msg_member_bool(w, "yes", true);
    tl_msg_member_time_ms(w, "when", 1795456030730);
    tl_msg_key(w, "blob");
    tl_msg_write_blob(w, (struct tl_view){ "\0\xff\x7f", 3 });
    tl_msg_key(w, "list");
    tl_msg_begin_list(w);
    for (int i = -300; i < 300; i += 7)
        tl_msg_write_i64(w, i);
    tl_msg_end_list(w);
    tl_msg_key(w, "empty");
    tl_msg_begin_structure(w);
    tl_msg_end_structure(w);
    tl_msg_end_structure(w);
}

static void check_all(struct tl_msg root)
{
    struct tl_msg m;
    struct tl_msg_blob blob;
    struct tl_msg_iter it;
    int64_t n, expected = -300;
    char bytes[3];
    assert_true(tl_view_is(tl_msg_get_string(root, "text"), "\xc3\xa9\"\n"));
    assert_true(tl_msg_get(root, "nothing", &m) && tl_msg_kind_of(m) == TL_MSG_NULL);
    assert_true(tl_msg_get_i64(root, "least", 0) == INT64_MIN &&
                tl_msg_get_i64(root, "most", 0) == INT64_MAX);
    assert_true(tl_msg_get_bool(root, "yes", false));
    assert_true(tl_msg_get(root, "when", &m) && tl_msg_time_ms(m, &n) && n == 1795456030730);
    assert_true(tl_msg_get(root, "blob", &m) && tl_msg_blob(m, &blob) && blob.size == 3 &&
                tl_msg_blob_write(&blob, bytes));
    assert_memory_equal(bytes, "\0\xff\x7f", 3);
    assert_true(tl_msg_get(root, "list", &m) && tl_msg_kind_of(m) == TL_MSG_LIST);
    for (tl_msg_iter_init(&it, m); tl_msg_next(&it, NULL, &m); expected += 7)
        assert_true(tl_msg_i64(m, &n) && n == expected);
    assert_int_equal(expected, 302);
    assert_true(tl_msg_get(root, "empty", &m) && tl_msg_kind_of(m) == TL_MSG_STRUCTURE &&
                tl_msg_size(m) == 0);
    assert_false(tl_msg_get(root, "absent", &m));
    assert_false(tl_msg_i64(root, &n));
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    for (int wire = TL_WIRE_JSON; wire <= TL_WIRE_CBOR; wire++) {
        struct parsed p = { 0 };
        struct tl_msg_writer w;
        struct tl_buf out;
        tl_buf_init(&out, sizeof p.body);
        tl_msg_writer_init(&w, (enum tl_wire)wire, &out);
        write_all(&w);
        assert_false(out.failed);
        assert_true(parse(&p, (enum tl_wire)wire, out.data, out.size));
        check_all(p.root);
        for (size_t size = 0; size < out.size; size++) /* no beginning of it is a document */
            assert_false(parse(&p, (enum tl_wire)wire, out.data, size));
        tl_buf_release(&out);
        tl_msg_parser_free(p.parser);
    }
}

#define BYTES(text)                                                                                          \
    {                                                                                                        \
        text, sizeof text - 1                                                                                \
    }

static void every_form_of_cbor_is_read(void **state)
{
    static const struct {
        struct {
            const char *bytes;
            size_t size;
        } in;
        double number;
    } rows[] = {
        { BYTES("\xa1\x61n\x00"), 0 },
        { BYTES("\xa1\x61n\x17"), 23 },
        { BYTES("\xa1\x61n\x18\xff"), 255 },
        { BYTES("\xa1\x61n\x19\xff\xff"), 65535 },
        { BYTES("\xa1\x61n\x1a\xff\xff\xff\xff"), 4294967295.0 },
        { BYTES("\xa1\x61n\x20"), -1 },
        { BYTES("\xa1\x61n\x38\xff"), -256 },
        { BYTES("\xa1\x61n\x39\xff\xff"), -65536 },
        { BYTES("\xa1\x61n\xf9\x3e\x00"), 1.5 },
        { BYTES("\xa1\x61n\xfa\x47\xc3\x50\x00"), 100000 },
        { BYTES("\xa1\x61n\xfb\x3f\xf8\x00\x00\x00\x00\x00\x00"), 1.5 },
        { BYTES("\xbf\x7f\x61n\xff\x01\xff"), 1 }, /* a key in pieces */
        { BYTES("\xa2\x61n\x01\x61n\x02"), 2 },    /* of a repeated name the last wins */
        { BYTES("\xa2\x61m\x9f\x80\xa0\x9f\xff\xff\x61n\x05"), 5 },
        { BYTES("\xa1\x61n\xc1\x07"), 7 },
    };
    struct parsed p = { 0 };
    (void)state;
    for (size_t i = 0; i < TL_COUNT(rows); i++) {
        struct tl_msg m;
        double d = -1;
        if (!parse(&p, TL_WIRE_CBOR, rows[i].in.bytes, rows[i].in.size))
            fail_msg("row %zu is not read", i);
        assert_true(tl_msg_get(p.root, "n", &m) && tl_msg_double(m, &d));
        assert_true(d == rows[i].number);
    }
    static const char pieces[] = "\xa1\x61"
                                 "b\x5f\x42"
                                 "ab\x41"
                                 "c\xff";
    struct tl_msg m;
    struct tl_msg_blob blob;
    char text[3];
    assert_true(parse(&p, TL_WIRE_CBOR, pieces, sizeof pieces - 1));
    assert_true(tl_msg_get(p.root, "b", &m) && tl_msg_blob(m, &blob) && blob.size == 3 &&
                tl_msg_blob_write(&blob, text));
    assert_memory_equal(text, "abc", 3);
    tl_msg_parser_free(p.parser);
}

static void hostile_cbor_is_refused(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
    } rows[] = {
        BYTES(""),
        BYTES("\x9b\x00\x00\x00\x00\x10\x00\x00\x00"), /* an array of 2^28 items in nine bytes */
        BYTES("\xbb\xff\xff\xff\xff\xff\xff\xff\xff"), /* a map of 2^64-1 */
        BYTES("\x5b\xff\xff\xff\xff\xff\xff\xff\xff"
              "a"),            /* a string of 2^64-1 bytes */
        BYTES("\xa1\x01\x01"), /* a key that is no text */
        BYTES("\xa1\x61n"),    /* a key without a value */
        BYTES("\xbf\x61n\xff"),
        BYTES("\xff"),
        BYTES("\x80\xff"),
        BYTES("\xa0\x00"),              /* something after the end */
        BYTES("\xa1\x61n\x62\xc3\x28"), /* text that is not UTF-8 */
        BYTES("\x5f\x61"
              "a\xff"), /* a byte string with a piece of text */
        BYTES("\x5f\x5f\xff\xff"),
        BYTES("\xc1"),
        BYTES("\x1c"),
        BYTES("\xf8\x00"),
    };
    struct parsed p = { 0 };
    char deep[100];
    (void)state;
    for (size_t i = 0; i < TL_COUNT(rows); i++)
        if (parse(&p, TL_WIRE_CBOR, rows[i].bytes, rows[i].size))
            fail_msg("row %zu is read", i);
    memset(deep, 0x81, sizeof deep); /* arrays of one, one in the other */
    deep[32] = 0x01;
    assert_true(parse(&p, TL_WIRE_CBOR, deep, 33));
    deep[32] = (char)0x81;
    deep[33] = 0x01;
    assert_false(parse(&p, TL_WIRE_CBOR, deep, 34));
    tl_msg_parser_free(p.parser);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_the_java_sdk_sends_is_read),
        cmocka_unit_test(what_is_written_is_read),
        cmocka_unit_test(every_form_of_cbor_is_read),
        cmocka_unit_test(hostile_cbor_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
