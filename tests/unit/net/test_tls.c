/* SPDX-License-Identifier: Apache-2.0 */
/* TLS of the server: certificates, what is said when they are wrong, protocols on one port. */
#include "h2_client.h"

#include "base/io_fault.h"
#include "net/tls.h"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

#define YEAR_2026 INT64_C(1767225600000000000)
#define DAY (86400 * SECOND)

struct fixture {
    char *dir;
    char cert[256], key[256];
    struct peer peer;
    SSL_CTX *client;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->dir = test_dir_new();
    snprintf(f->cert, sizeof f->cert, "%s/tls-cert.pem", f->dir);
    snprintf(f->key, sizeof f->key, "%s/tls-key.pem", f->dir);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    tl_io_clock_clear();
    test_dir_remove(f->dir);
    free(f);
    return 0;
}

static void open_with(struct fixture *f, struct tl_http_server_options options)
{
    options.tls_self_signed = f->dir;
    peer_open(&f->peer, &options);
    f->client = SSL_CTX_new(TLS_client_method());
    assert_int_equal(SSL_CTX_load_verify_file(f->client, f->cert), 1);
    SSL_CTX_set_verify(f->client, SSL_VERIFY_PEER, NULL);
}

static int setup_server(void **state)
{
    setup(state);
    open_with(*state, (struct tl_http_server_options){ .header_timeout_ns = 10 * SECOND });
    return 0;
}

static int teardown_server(void **state)
{
    struct fixture *f = *state;
    peer_close(&f->peer);
    SSL_CTX_free(f->client);
    return teardown(state);
}

/* alpn: as on the wire; NULL: none. NULL when the handshake fails. */
static SSL *shake_hands(struct fixture *f, const char *alpn, const char *name)
{
    SSL *ssl = SSL_new(f->client);
    assert_non_null(ssl);
    SSL_set_fd(ssl, peer_connect(&f->peer));
    assert_int_equal(SSL_set1_host(ssl, name), 1);
    if (alpn)
        assert_int_equal(SSL_set_alpn_protos(ssl, (const unsigned char *)alpn, (unsigned)strlen(alpn)), 0);
    if (SSL_connect(ssl) == 1)
        return ssl;
    close(SSL_get_fd(ssl));
    SSL_free(ssl);
    return NULL;
}

static void hang_up(SSL *ssl)
{
    int fd = SSL_get_fd(ssl);
    SSL_free(ssl);
    close(fd);
}

static void ask_http_1_1(SSL *ssl, const char *path, char *out, size_t size, const char *wanted)
{
    char request[256];
    size_t used = 0;
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
    assert_true(SSL_write(ssl, request, (int)strlen(request)) > 0);
    out[0] = '\0';
    while (!strstr(out, wanted)) {
        int n = SSL_read(ssl, out + used, (int)(size - used - 1));
        if (n <= 0)
            fail_msg("ended before '%s': %s", wanted, out);
        used += (size_t)n;
        out[used] = '\0';
    }
}

/* ---- connections ---- */

static void alpn_chooses_the_protocol(void **state)
{
    static const struct {
        const char *offered, *chosen;
    } cases[] = { { "\x02h2", "h2" },
                  { "\x08http/1.1", "http/1.1" },
                  { "\x08http/1.1\x02h2", "h2" },
                  { "\x06spdy/1", "" },
                  { NULL, "" } };
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        const unsigned char *chosen;
        unsigned size;
        SSL *ssl = shake_hands(*state, cases[i].offered, "localhost");
        assert_non_null(ssl);
        SSL_get0_alpn_selected(ssl, &chosen, &size);
        assert_int_equal(size, strlen(cases[i].chosen));
        assert_memory_equal(chosen, cases[i].chosen, size);
        hang_up(ssl);
    }
}

static void both_protocols_are_served_in_tls_and_without(void **state)
{
    struct fixture *f = *state;
    char text[4096], *body = large_body();
    struct h2_client c;
    SSL *ssl = shake_hands(f, "\x08http/1.1", "127.0.0.1");
    assert_non_null(ssl);
    ask_http_1_1(ssl, "/request", text, sizeof text, "host is localhost");
    assert_non_null(strstr(text, "HTTP/1.1 tls=1 GET /request"));
    hang_up(ssl);
    ssl = shake_hands(f, "\x02h2", "localhost");
    assert_non_null(ssl);
    h2_open(&c, SSL_get_fd(ssl), ssl, NULL, 0);
    struct h2_answer *request = h2_get(&c, "/request"), *large = h2_get(&c, "/large");
    struct h2_answer *echo = h2_ask(&c, "POST", "/size", NULL, body, LARGE_SIZE);
    h2_expect(&c, request, 200, "HTTP/2 tls=1 GET /request?\nhost=localhost\nhost is localhost\n");
    h2_expect(&c, large, 200, NULL);
    assert_int_equal(large->size, LARGE_SIZE);
    assert_memory_equal(large->body, body, LARGE_SIZE);
    h2_expect(&c, echo, 200, "10485760 bytes");
    h2_close(&c);
    h2_open(&c, peer_connect(&f->peer), NULL, NULL, 0);
    h2_expect(&c, h2_get(&c, "/request"), 200,
              "HTTP/2 tls=0 GET /request?\nhost=localhost\nhost is localhost\n");
    h2_close(&c);
    int fd = peer_connect(&f->peer);
    peer_send_text(fd, "GET /request HTTP/1.1\r\nHost: localhost\r\n\r\n");
    peer_read_until(fd, "host is localhost", text, sizeof text);
    assert_non_null(strstr(text, "HTTP/1.1 tls=0 GET /request"));
    close(fd);
    free(body);
}

/* Sixteen wait for answers; then reading stops, with the rest in TLS's own buffer, and must go on later. */
static void requests_in_a_row_are_answered_in_tls(void **state)
{
    struct fixture *f = *state;
    struct peer *p = &f->peer;
    char text[65536];
    struct tl_buf asked;
    SSL *ssl = shake_hands(f, "\x08http/1.1", "localhost");
    assert_non_null(ssl);
    tl_buf_init(&asked, 1 << 20);
    for (int i = 0; i < 40; i++)
        tl_buf_add_text(&asked, "GET /park HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert_int_equal(SSL_write(ssl, asked.data, (int)asked.size), (int)asked.size);
    for (unsigned handled = 16; handled < 40; handled += 16) {
        peer_wait(p, &p->handled, handled);
        assert_int_equal(atomic_load(&p->handled), handled);
        peer_call(p, peer_release_parked, p);
    }
    peer_wait(p, &p->handled, 40);
    peer_call(p, peer_release_parked, p);
    ask_http_1_1(ssl, "/last", text, sizeof text, "\r\n\r\n/last");
    tl_buf_release(&asked);
    hang_up(ssl);
}

static void streams_and_slow_readers_in_tls(void **state)
{
    struct fixture *f = *state;
    char text[4096];
    SSL *slow = shake_hands(f, NULL, "localhost"), *quick = shake_hands(f, NULL, "localhost");
    assert_true(slow && quick);
    static const char flood[] = "GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n";
    assert_true(SSL_write(slow, flood, sizeof flood - 1) > 0);
    ask_http_1_1(quick, "/stream", text, sizeof text, "3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n");
    hang_up(slow);
    peer_wait(&f->peer, &f->peer.closed_streams, 1);
    hang_up(quick);
}

static void old_tls_and_weak_ciphers_are_refused(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(SSL_CTX_set_max_proto_version(f->client, TLS1_2_VERSION), 1);
    SSL *ssl = shake_hands(f, NULL, "localhost");
    assert_non_null(ssl);
    assert_int_equal(SSL_get_secure_renegotiation_support(ssl), 1);
    assert_int_equal(SSL_renegotiate(ssl), 1);
    SSL_do_handshake(ssl);
    char byte;
    assert_true(SSL_read(ssl, &byte, 1) <= 0); /* refused: the server answers with an alert */
    hang_up(ssl);
    assert_int_equal(SSL_CTX_set_cipher_list(f->client, "AES128-SHA:ECDHE-ECDSA-AES128-SHA"), 1);
    assert_null(shake_hands(f, NULL, "localhost"));
    assert_int_equal(SSL_CTX_set_cipher_list(f->client, "DEFAULT:@SECLEVEL=0"), 1);
    assert_int_equal(SSL_CTX_set_min_proto_version(f->client, TLS1_VERSION), 1);
    assert_int_equal(SSL_CTX_set_max_proto_version(f->client, TLS1_1_VERSION), 1);
    assert_null(shake_hands(f, NULL, "localhost"));
    ERR_clear_error();
}

static void the_certificate_is_for_this_machine_only(void **state)
{
    static const char *const good[] = { "localhost", "127.0.0.1", "::1" };
    for (size_t i = 0; i < TL_COUNT(good); i++) {
        SSL *ssl = shake_hands(*state, NULL, good[i]);
        assert_non_null(ssl);
        hang_up(ssl);
    }
    assert_null(shake_hands(*state, NULL, "example.com"));
    ERR_clear_error();
}

static void what_only_looks_like_tls_is_closed(void **state)
{
    struct fixture *f = *state;
    int fd = peer_connect(&f->peer);
    assert_true(peer_send(fd, "\x16\x03\x01\x40\x00 nonsense nonsense", 22));
    shutdown(fd, SHUT_WR);
    free(peer_read_all(fd, NULL));
    close(fd);
    for (int i = 0; i < 50; i++) { /* gone before a byte, after one, in the middle of the handshake */
        fd = peer_connect(&f->peer);
        assert_true(i % 3 == 0 || peer_send(fd, "\x16\x03\x01\x02\x00\x01", i % 3 == 1 ? 1 : 6));
        close(fd);
    }
    SSL *ssl = shake_hands(f, NULL, "localhost");
    assert_non_null(ssl);
    hang_up(ssl);
}

static void an_end_is_told_by_close_notify(void **state)
{
    struct fixture *f = *state;
    char text[4096];
    SSL *ssl = shake_hands(f, NULL, "localhost");
    assert_non_null(ssl);
    static const char request[] = "GET /stream HTTP/1.0\r\nHost: localhost\r\n\r\n";
    assert_true(SSL_write(ssl, request, sizeof request - 1) > 0);
    int n;
    while ((n = SSL_read(ssl, text, sizeof text)) > 0)
        ;
    assert_int_equal(SSL_get_error(ssl, n), SSL_ERROR_ZERO_RETURN);
    hang_up(ssl);
}

static void handshakes_must_come_in_time(void **state)
{
    struct fixture *f = *state;
    open_with(f, (struct tl_http_server_options){ .header_timeout_ns = 50 * MS });
    int silent = peer_connect(&f->peer), half = peer_connect(&f->peer);
    assert_true(peer_send(half, "\x16\x03\x01\x02\x00\x01", 6));
    free(peer_read_all(silent, NULL));
    free(peer_read_all(half, NULL));
    close(silent);
    close(half);
    peer_close(&f->peer);
    SSL_CTX_free(f->client);
}

static void cleartext_can_be_refused(void **state)
{
    struct fixture *f = *state;
    static const char *const asked[] = { "GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n", h2_preface };
    open_with(f, (struct tl_http_server_options){ .tls_only = true });
    for (size_t i = 0; i < TL_COUNT(asked); i++) {
        int fd = peer_connect(&f->peer);
        peer_send_text(fd, asked[i]);
        char *text = peer_read_all(fd, NULL);
        assert_non_null(strstr(text, "HTTP/1.1 400 "));
        assert_non_null(strstr(text, "https"));
        free(text);
        close(fd);
    }
    SSL *ssl = shake_hands(f, "\x02h2", "localhost");
    assert_non_null(ssl);
    hang_up(ssl);
    assert_int_equal(atomic_load(&f->peer.handled), 0);
    peer_close(&f->peer);
    SSL_CTX_free(f->client);
}

/* ---- files ---- */

static void write_text(const char *path, const char *text)
{
    struct tl_error error;
    test_ok(tl_file_write_atomic(path, tl_view_of(text), &error), &error);
}

static char *read_text(const char *path)
{
    struct tl_buf text;
    struct tl_error error;
    tl_buf_init(&text, 1 << 20);
    test_ok(tl_file_read(path, &text, &error), &error);
    char *copy = strdup(tl_buf_text(&text));
    tl_buf_release(&text);
    return copy;
}

static void make_certificate(struct fixture *f)
{
    struct tl_tls *tls;
    struct tl_error error;
    test_ok(tl_tls_open_self_signed(&tls, f->dir, &error), &error);
    tl_tls_free(tls);
}

static void the_own_certificate_is_kept_until_it_must_be_made_again(void **state)
{
    struct fixture *f = *state;
    struct stat about;
    tl_io_clock_set(YEAR_2026);
    make_certificate(f);
    assert_int_equal(stat(f->key, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    char *first = read_text(f->cert), *first_key = read_text(f->key);
    tl_io_clock_set(YEAR_2026 + 365 * DAY); /* of 396 */
    make_certificate(f);
    char *kept = read_text(f->cert);
    assert_string_equal(kept, first);
    tl_io_clock_set(YEAR_2026 + 367 * DAY);
    make_certificate(f);
    char *second = read_text(f->cert);
    assert_string_not_equal(second, first);
    write_text(f->key, first_key); /* as a crash between the two would leave them */
    make_certificate(f);
    char *third = read_text(f->cert);
    assert_string_not_equal(third, second);
    write_text(f->cert, "nonsense");
    make_certificate(f);
    assert_int_equal(stat(f->key, &about), 0);
    assert_int_equal(about.st_mode & 0777, 0600);
    char *all[] = { first, first_key, kept, second, third };
    for (size_t i = 0; i < TL_COUNT(all); i++)
        free(all[i]);
}

static void every_failure_in_making_it_leaves_a_pair_or_none(void **state)
{
    struct fixture *f = *state;
    bool struck = true;
    for (unsigned nth = 1; struck; nth++) {
        struct tl_tls *tls = NULL;
        struct tl_error error;
        unlink(f->cert);
        unlink(f->key);
        tl_io_fault_at(nth, ENOSPC, true);
        bool ok = tl_tls_open_self_signed(&tls, f->dir, &error);
        struck = tl_io_fault_clear();
        assert_true(ok == !struck || ok);
        if (!ok)
            assert_non_null(strstr(error.text, f->dir));
        tl_tls_free(tls);
        make_certificate(f);
    }
}

static void expect_failure(const char *cert, const char *key, const char *first, const char *second)
{
    struct tl_tls *tls;
    struct tl_error error;
    assert_false(tl_tls_open(&tls, cert, key, &error));
    assert_null(tls);
    if (!strstr(error.text, first) || !strstr(error.text, second))
        fail_msg("'%s' does not say '%s' and '%s'", error.text, first, second);
}

static void wrong_files_are_named_and_told_what_to_do(void **state)
{
    struct fixture *f = *state;
    char other[256], locked[256], other_cert[300], other_key[300];
    snprintf(other, sizeof other, "%s/other", f->dir);
    snprintf(locked, sizeof locked, "%s/locked.pem", f->dir);
    snprintf(other_cert, sizeof other_cert, "%s/tls-cert.pem", other);
    snprintf(other_key, sizeof other_key, "%s/tls-key.pem", other);
    make_certificate(f);
    struct tl_tls *tls;
    struct tl_error error;
    test_ok(tl_tls_open_self_signed(&tls, other, &error), &error); /* makes the folder */
    tl_tls_free(tls);
    FILE *file = fopen(f->key, "r");
    EVP_PKEY *key = PEM_read_PrivateKey(file, NULL, NULL, NULL);
    fclose(file);
    file = fopen(locked, "w");
    assert_int_equal(PEM_write_PKCS8PrivateKey(file, key, EVP_aes_128_cbc(), "secret", 6, NULL, NULL), 1);
    fclose(file);
    EVP_PKEY_free(key);
    expect_failure("/nowhere/cert.pem", f->key, "/nowhere/cert.pem", "No such file");
    expect_failure(f->cert, "/nowhere/key.pem", "/nowhere/key.pem", "No such file");
    expect_failure(f->key, f->key, f->key, "holds no certificate");
    expect_failure(f->cert, f->cert, f->cert, "holds no private key");
    expect_failure(f->cert, other_key, other_key, "is not the key of the certificate");
    expect_failure(other_cert, f->key, other_cert, "give the pair");
    expect_failure(f->cert, locked, locked, "openssl pkey");
    expect_failure(f->cert, NULL, "key is missing", "both");
    expect_failure(NULL, f->key, "certificate is missing", "both");
    test_ok(tl_tls_open(&tls, f->cert, f->key, &error), &error);
    tl_tls_free(tls);
}

static void options_that_do_not_fit_are_refused(void **state)
{
    struct fixture *f = *state;
    struct tl_error error;
    struct tl_http_server *server;
    struct tl_http_server_options both = { .name = "x",
                                           .handler = peer_handle,
                                           .tls_cert = f->cert,
                                           .tls_key = f->key,
                                           .tls_self_signed = f->dir },
                                  none = { .name = "x", .handler = peer_handle, .tls_only = true };
    assert_false(tl_http_server_open(&server, "127.0.0.1:0", &both, &error));
    assert_int_equal(error.code, TL_INVALID);
    assert_false(tl_http_server_open(&server, "127.0.0.1:0", &none, &error));
    assert_int_equal(error.code, TL_INVALID);
}

#define WITH_SERVER(test) cmocka_unit_test_setup_teardown(test, setup_server, teardown_server)
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_SERVER(alpn_chooses_the_protocol),
        WITH_SERVER(both_protocols_are_served_in_tls_and_without),
        WITH_SERVER(requests_in_a_row_are_answered_in_tls),
        WITH_SERVER(streams_and_slow_readers_in_tls),
        WITH_SERVER(old_tls_and_weak_ciphers_are_refused),
        WITH_SERVER(the_certificate_is_for_this_machine_only),
        WITH_SERVER(what_only_looks_like_tls_is_closed),
        WITH_SERVER(an_end_is_told_by_close_notify),
        WITH_FOLDER(handshakes_must_come_in_time),
        WITH_FOLDER(cleartext_can_be_refused),
        WITH_FOLDER(the_own_certificate_is_kept_until_it_must_be_made_again),
        WITH_FOLDER(every_failure_in_making_it_leaves_a_pair_or_none),
        WITH_FOLDER(wrong_files_are_named_and_told_what_to_do),
        WITH_FOLDER(options_that_do_not_fit_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
