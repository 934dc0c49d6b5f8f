/* SPDX-License-Identifier: Apache-2.0 */
/* test_sigv4_verify.c: requests that botocore 1.29 signed, taken as they are and refused as soon as anything
 * is altered. */
#include "support.h"

#include "net/sigv4_verify.h"

#define NOW INT64_C(1758976440000000000) /* 2025-09-27T12:34:00Z */
#define SECOND INT64_C(1000000000)
#define BODY "{\"StreamName\":\"ticks\",\"Data\":\"YQ==\",\"PartitionKey\":\"k\"}"
#define SCOPE "/20250927/eu-west-1/kinesis/aws4_request"
#define SIGNED "content-type;host;x-amz-date;x-amz-target"
#define SIGNATURE "a8abae7dd5ce2a8a9e8dfb6a2375c60d762ff8b09365f8a9dad0e7133b567bfc"
#define AUTHORIZATION                                                                                        \
    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE" SCOPE ", SignedHeaders=" SIGNED ", Signature=" SIGNATURE
#define PRESIGNED_SIGNATURE "d88ab19202bbf785049ffbc8007831fe07acd3173fdb7a1dd63389a0014da7fc"
#define PRESIGNED                                                                                            \
    "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIDEXAMPLE%2F20250927%2Feu-west-1%2Fkinesis%2Faws4_" \
    "request"                                                                                                \
    "&X-Amz-Date=20250927T123400Z&X-Amz-Expires=60&X-Amz-SignedHeaders=content-type%3Bhost%3Bx-amz-target&"  \
    "X-Amz-Signature=" PRESIGNED_SIGNATURE

static struct tl_sigv4_keys *keys;

static int set_up(void **state)
{
    char *dir = test_dir_new(), path[512];
    struct tl_error error;
    static const char text[] =
        "# those that may come in\n[one]\naws_access_key_id = AKIDEXAMPLE\n"
        "aws_secret_access_key=wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\nregion = eu-west-1\n\n[two]\n"
        "aws_access_key_id=AKIDTEMP\naws_secret_access_key=secret\naws_session_token = token/with+signs==\n";
    snprintf(path, sizeof path, "%s/credentials", dir);
    test_ok(tl_file_write_atomic(path, TL_VIEW(text), &error), &error);
    test_ok(tl_sigv4_keys_load(&keys, path, &error), &error);
    test_dir_remove(dir);
    (void)state;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tl_sigv4_keys_free(keys);
    return 0;
}

/* ---- a request that may be altered ---- */

struct request {
    const char *method, *path, *query, *body;
    struct {
        const char *name, *value;
    } headers[12]; /* a name of NULL is skipped */
    const char *service;
    int64_t now_ns;
};

static struct request good(void)
{
    return (struct request){ .method = "POST",
                             .path = "/",
                             .query = "b=2&a=%20x",
                             .body = BODY,
                             .headers = { { "Host", "127.0.0.1:4566" },
                                          { "Content-Type", "application/x-amz-json-1.1" },
                                          { "X-Amz-Target", "Kinesis_20131202.PutRecord" },
                                          { "X-Amz-Date", "20250927T123400Z" },
                                          { "Authorization", AUTHORIZATION },
                                          { "amz-sdk-invocation-id", "added after signing" } },
                             .service = "kinesis",
                             .now_ns = NOW };
}

static struct request presigned(void)
{
    struct request r = good();
    r.query = PRESIGNED;
    r.body = "";
    r.headers[3].name = r.headers[4].name = NULL;
    return r;
}

static struct tl_sigv4_verdict verify(const struct request *r)
{
    struct tl_http_header headers[12];
    struct tl_sigv4_verdict verdict;
    size_t count = 0;
    for (size_t i = 0; i < TL_COUNT(r->headers); i++)
        if (r->headers[i].name)
            headers[count++] =
                (struct tl_http_header){ tl_view_of(r->headers[i].name), tl_view_of(r->headers[i].value) };
    struct tl_sigv4_incoming in = { tl_view_of(r->method),
                                    tl_view_of(r->path),
                                    tl_view_of(r->query),
                                    tl_view_of(r->body),
                                    headers,
                                    count,
                                    r->service,
                                    r->now_ns };
    bool ok = tl_sigv4_verify(keys, &in, &verdict);
    assert_true(ok == (verdict.exception == NULL));
    return verdict;
}

static void accepted(const struct request *r, const char *access_key)
{
    struct tl_sigv4_verdict v = verify(r);
    if (v.exception)
        fail_msg("refused: %s: %s", v.exception, v.message);
    assert_string_equal(v.access_key, access_key);
}

static void refused(const struct request *r, const char *exception, const char *part)
{
    struct tl_sigv4_verdict v = verify(r);
    if (!v.exception || strcmp(v.exception, exception) != 0 || !strstr(v.message, part))
        fail_msg("%s: %s\nnot %s: ...%s...", v.exception ? v.exception : "accepted", v.message, exception,
                 part);
    assert_string_equal(v.access_key, "");
}

#define BAD "InvalidSignatureException", "does not match the signature you provided"

/* ---- ---- */

static void what_botocore_signed_is_accepted(void **state)
{
    struct request r = good();
    (void)state;
    for (int i = 0; i < 3; i++) /* the second time with a key that is remembered */
        accepted(&r, "AKIDEXAMPLE");
    r.headers[1].value = "  application/x-amz-json-1.1 "; /* blanks around do not count */
    accepted(&r, "AKIDEXAMPLE");
    r = presigned();
    accepted(&r, "AKIDEXAMPLE");
    r = good();
    r.headers[4].value =
        "AWS4-HMAC-SHA256 Credential=AKIDTEMP" SCOPE
        ", SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;"
        "x-amz-target, Signature=955e6b210c12aa8ea737ff2e3bce37257e7378953e6149888cd12cd6b89dd705";
    r.headers[6].name = "X-Amz-Security-Token";
    r.headers[6].value = "token/with+signs==";
    accepted(&r, "AKIDTEMP");
    r.headers[6].value = "token/with+signs=";
    refused(&r, "UnrecognizedClientException", "The security token included in the request is invalid.");
    r.headers[6].name = NULL;
    refused(&r, "UnrecognizedClientException", "invalid");
}

static void whatever_is_altered_is_noticed(void **state)
{
    struct request r;
    (void)state;
    r = good(), r.method = "GET", refused(&r, BAD);
    r = good(), r.path = "/x", refused(&r, BAD);
    r = good(), r.query = "b=2&a=%20y", refused(&r, BAD);
    r = good(), r.query = "a=%20x&b=2",
    accepted(&r, "AKIDEXAMPLE"); /* the order of parameters is not signed */
    r = good(), r.body = BODY " ", refused(&r, BAD);
    r = good(), r.headers[0].value = "127.0.0.1:4567", refused(&r, BAD);
    r = good(), r.headers[2].value = "Kinesis_20131202.DeleteStream", refused(&r, BAD);
    r = good(), r.headers[3].value = "20250927T123401Z", refused(&r, BAD);
    r = good(), r.headers[6].name = "content-type", r.headers[6].value = "x", refused(&r, BAD);
    r = presigned(), r.body = "{}", refused(&r, BAD);
    r = presigned(), r.query = "c=1&" PRESIGNED, refused(&r, BAD);
    for (size_t i = 0; i < 64; i++) { /* every letter of the signature counts */
        char text[sizeof AUTHORIZATION];
        memcpy(text, AUTHORIZATION, sizeof text);
        char *at = strstr(text, SIGNATURE) + i;
        *at = *at == '0' ? '1' : '0';
        r = good(), r.headers[4].value = text, refused(&r, BAD);
    }
}

static void what_is_missing_is_named(void **state)
{
    struct request r;
    (void)state;
    r = good(), r.headers[4].name = NULL;
    refused(&r, "MissingAuthenticationTokenException", "Missing Authentication Token");
    r = good(), r.headers[4].value = "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=host";
    refused(&r, "IncompleteSignatureException",
            "Authorization header requires 'Signature' parameter. Authorization=AWS4-HMAC-SHA256 "
            "Credential=a, SignedHeaders=host");
    r = good(), r.headers[4].value = "AWS4-HMAC-SHA256 x", r.headers[3].name = NULL;
    refused(&r, "IncompleteSignatureException",
            "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' "
            "parameter. Authorization header "
            "requires 'SignedHeaders' parameter. Authorization header requires existence of either a "
            "'X-Amz-Date' or a 'Date' header. ");
    r = presigned(), r.query = "X-Amz-Algorithm=AWS4-HMAC-SHA256";
    refused(&r, "IncompleteSignatureException",
            "AWS query-string parameters must include 'X-Amz-Credential'. AWS query-string");
    r = good(), r.query = PRESIGNED;
    refused(&r, "InvalidSignatureException",
            "Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.");
    r = good(), r.headers[4].value = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE" SCOPE
                                     ", SignedHeaders=content-type;x-amz-date, Signature=x";
    refused(&r, "InvalidSignatureException", "must be signed");
    r = good(), r.headers[4].value = "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE" SCOPE
                                     ", SignedHeaders=host;x-absent, Signature=x";
    refused(&r, "InvalidSignatureException", "The signed header 'x-absent' is not in the request.");
    r = good(), r.headers[6].name = "x-amz-content-sha256",
    r.headers[6].value = "UNSIGNED-PAYLOAD"; /* is S3's alone */
    refused(&r, "InvalidSignatureException", "'x-amz-content-sha256' header does not match");
}

static void scopes_and_keys_must_fit(void **state)
{
    static const struct {
        const char *credential, *exception, *part;
    } rows[] = {
        { "AKIDNOBODY/20250927/eu-west-1/kinesis/aws4_request", "UnrecognizedClientException", "invalid" },
        { "AKIDEXAMPLE/20250927/eu-west-1/kinesis", "IncompleteSignatureException",
          "exactly 5 slash-delimited elements" },
        { "AKIDEXAMPLE/20250927/eu-west-1/kinesis/aws4_request/x", "IncompleteSignatureException",
          "exactly 5" },
        { "AKIDEXAMPLE/20250927/eu-west-1/dynamodb/aws4_request", "InvalidSignatureException",
          "correct service: 'kinesis'" },
        { "AKIDEXAMPLE/20250927/eu-west-1/kinesis/aws3_request", "InvalidSignatureException",
          "'aws4_request', not 'aws3_request'" },
        { "AKIDEXAMPLE/20250926/eu-west-1/kinesis/aws4_request", "InvalidSignatureException",
          "'20250926' != '20250927'" },
        { "AKIDEXAMPLE/20250927/us-east-1/kinesis/aws4_request", BAD },
    };
    (void)state;
    for (size_t i = 0; i < TL_COUNT(rows); i++) {
        char text[400];
        struct request r = good();
        snprintf(text, sizeof text,
                 "AWS4-HMAC-SHA256 Credential=%s, SignedHeaders=" SIGNED ", Signature=" SIGNATURE,
                 rows[i].credential);
        r.headers[4].value = text;
        refused(&r, rows[i].exception, rows[i].part);
    }
}

static void clocks_may_differ_by_five_minutes(void **state)
{
    struct request r = good();
    (void)state;
    r.now_ns = NOW + 300 * SECOND, accepted(&r, "AKIDEXAMPLE");
    r.now_ns = NOW - 300 * SECOND, accepted(&r, "AKIDEXAMPLE");
    r.now_ns = NOW + 301 * SECOND;
    refused(&r, "InvalidSignatureException",
            "Signature expired: 20250927T123400Z is now earlier than 20250927T123401Z (20250927T123901Z - 5 "
            "min.)");
    r.now_ns = NOW - 301 * SECOND;
    refused(&r, "InvalidSignatureException",
            "Signature not yet current: 20250927T123400Z is still later than 20250927T123359Z "
            "(20250927T122859Z + 5 min.)");
    r.headers[3].value = "yesterday";
    refused(&r, "IncompleteSignatureException", "Got 'yesterday'");
    r = presigned(), r.now_ns = NOW + 60 * SECOND, accepted(&r, "AKIDEXAMPLE"); /* X-Amz-Expires=60 */
    r.now_ns = NOW + 61 * SECOND, refused(&r, "InvalidSignatureException", "Signature expired");
}

static void wrong_files_are_told_with_their_line(void **state)
{
    static const char *const rows[][2] = {
        { "", "holds no key" },
        { "# nothing\n", "holds no key" },
        { "[a]\naws_access_key_id = x\n[b]\n", "line 1: this section has no" },
        { "[a]\naws_access_key_id = x\naws_secret_access_key =\n", "line 3: there is no value" },
        { "aws_access_key_id = x\n", "line 1: a value before the first [section]" },
        { "[a\n", "line 1: ']' is missing" },
        { "[a]\nhello\n", "line 2: neither [section] nor name = value" },
    };
    char *dir = test_dir_new(), path[512];
    (void)state;
    snprintf(path, sizeof path, "%s/credentials", dir);
    for (size_t i = 0; i < TL_COUNT(rows); i++) {
        struct tl_sigv4_keys *none;
        struct tl_error error;
        test_ok(tl_file_write_atomic(path, tl_view_of(rows[i][0]), &error), &error);
        assert_false(tl_sigv4_keys_load(&none, path, &error));
        assert_null(none);
        assert_non_null(strstr(error.text, rows[i][1]));
        assert_non_null(strstr(error.text, path));
    }
    test_dir_remove(dir);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_botocore_signed_is_accepted),
        cmocka_unit_test(whatever_is_altered_is_noticed),
        cmocka_unit_test(what_is_missing_is_named),
        cmocka_unit_test(scopes_and_keys_must_fit),
        cmocka_unit_test(clocks_may_differ_by_five_minutes),
        cmocka_unit_test(wrong_files_are_told_with_their_line),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
