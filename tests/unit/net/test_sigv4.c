/* SPDX-License-Identifier: Apache-2.0 */
#include "support.h"

#include "base/time.h"
#include "net/digest.h"
#include "net/sigv4.h"

/* The key, date and requests of AWS's published signature test suite. */
static struct tl_aws_credentials suite_key(void)
{
    struct tl_aws_credentials key = { .access_key = "AKIDEXAMPLE", .secret_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
    return key;
}

static void assert_signature(const char *method, const char *path, const char *query, const char *signature)
{
    struct tl_aws_credentials key = suite_key();
    struct tl_http_header headers[] = { { TL_VIEW("X-Amz-Date"), TL_VIEW("20150830T123600Z") }, { TL_VIEW("Host"), TL_VIEW("example.amazonaws.com") } };
    struct tl_sigv4_request request = { .method = tl_view_of(method), .path = tl_view_of(path), .query = tl_view_of(query), .headers = headers,
                                        .header_count = 2, .region = "us-east-1", .service = "service" };
    uint8_t digest[32];
    char hash[65];
    struct tl_buf out;
    struct tl_error error;
    tl_sha256(TL_VIEW(""), digest);
    tl_hex(digest, 32, hash);
    request.payload_hash = tl_view_of(hash);
    assert_true(tl_time_parse(TL_VIEW("2015-08-30T12:36:00Z"), &request.now_ns));
    tl_buf_init(&out, 4096);
    test_ok(tl_sigv4_sign(&request, &key, &out, &error), &error);
    const char *at = strstr(tl_buf_text(&out), "Signature=");
    assert_non_null(at);
    assert_string_equal(at + 10, signature);
    assert_non_null(strstr(tl_buf_text(&out), "Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=host;x-amz-date"));
    tl_buf_release(&out);
}

static void the_suite_s_requests_are_signed_as_published(void **state)
{
    (void)state;
    assert_signature("GET", "/", "", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");                         /* get-vanilla */
    assert_signature("POST", "/", "", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b");                        /* post-vanilla */
    assert_signature("GET", "/", "Param2=value2&Param1=value1", "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"); /* query-order-key */
}

static void digests_are_those_of_their_standards(void **state)
{
    char hex[65];
    uint8_t out[32];
    (void)state;
    tl_md5(TL_VIEW("abc"), out);
    tl_hex(out, 16, hex);
    assert_string_equal(hex, "900150983cd24fb0d6963f7d28e17f72");
    tl_sha256(TL_VIEW("abc"), out);
    tl_hex(out, 32, hex);
    assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    tl_hmac_sha256(TL_VIEW("Jefe"), TL_VIEW("what do ya want for nothing?"), out);
    tl_hex(out, 32, hex);
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_suite_s_requests_are_signed_as_published),
        cmocka_unit_test(digests_are_those_of_their_standards),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
