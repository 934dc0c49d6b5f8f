/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls.h"

#include "base/file.h"
#include "base/io.h"

#include <errno.h>
#include <event2/bufferevent_ssl.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define DAYS 825 /* what clients accept at most */
#define RENEW_DAYS 30
#define DAY_S (24L * 3600)

struct tl_tls {
    SSL_CTX *context;
};

/* what: with the file's name in it. */
static bool fail(struct tl_error *error, const char *path, const char *what)
{
    char reason[256] = "unknown";
    unsigned long code = ERR_peek_last_error();
    if (code)
        ERR_error_string_n(code, reason, sizeof reason);
    ERR_clear_error();
    const char *last = strrchr(reason, ':');
    return tl_error_set(error, TL_INVALID, "'%s' %s (%s)", path, what, last ? last + 1 : reason);
}

/* ---- the context ---- */

/* The first of ours that the client offers; without one the connection goes on as HTTP/1.1. */
static int choose_protocol(SSL *ssl, const unsigned char **out, unsigned char *size,
                           const unsigned char *offered, unsigned count, void *unused)
{
    static const unsigned char ours[] = "\x02h2\x08http/1.1";
    (void)ssl, (void)unused;
    return SSL_select_next_proto((unsigned char **)(uintptr_t)out, size, ours, sizeof ours - 1, offered,
                                 count) == OPENSSL_NPN_NEGOTIATED
               ? SSL_TLSEXT_ERR_OK
               : SSL_TLSEXT_ERR_NOACK;
}

static struct tl_tls *tls_new(void)
{
    struct tl_tls *tls = calloc(1, sizeof *tls);
    if (!tls)
        return NULL;
    tls->context = SSL_CTX_new(TLS_server_method());
    if (!tls->context || !SSL_CTX_set_min_proto_version(tls->context, TLS1_2_VERSION)) {
        tl_tls_free(tls);
        return NULL;
    }
    SSL_CTX_set_options(tls->context,
                        SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_CIPHER_SERVER_PREFERENCE);
    SSL_CTX_set_alpn_select_cb(tls->context, choose_protocol, NULL);
    return tls;
}

void tl_tls_free(struct tl_tls *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->context);
    free(tls);
}

static bool load(struct tl_tls *tls, const char *cert, const char *key, struct tl_error *error)
{
    if (SSL_CTX_use_certificate_chain_file(tls->context, cert) != 1)
        return fail(error, cert, "is no certificate chain in PEM that can be read: give one with --tls-cert");
    if (SSL_CTX_use_PrivateKey_file(tls->context, key, SSL_FILETYPE_PEM) != 1)
        return fail(
            error,
            "'%s' is not the key of that certificate, in PEM and without a password: give it with --tls-key",
            key);
    return SSL_CTX_check_private_key(tls->context) == 1 ||
           fail(error, key, "is not the key of that certificate");
}

bool tl_tls_open(struct tl_tls **out, const char *cert, const char *key, struct tl_error *error)
{
    *out = NULL;
    struct tl_tls *tls = tls_new();
    if (!tls)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    if (!load(tls, cert, key, error)) {
        tl_tls_free(tls);
        return false;
    }
    *out = tls;
    return true;
}

SSL *tl_tls_connection(struct tl_tls *tls)
{
    return SSL_new(tls->context);
}

struct bufferevent *tl_tls_bufferevent(struct event_base *base, evutil_socket_t fd, SSL *ssl)
{
    struct bufferevent *bev = bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING,
                                                             BEV_OPT_CLOSE_ON_FREE | BEV_OPT_DEFER_CALLBACKS);
    if (bev)
        bufferevent_openssl_set_allow_dirty_shutdown(
            bev, 1); /* requests carry their length: a cut is noticed without it */
    return bev;
}

/* ---- a certificate of our own ---- */

static bool add_extension(X509 *cert, int nid, const char *value)
{
    X509V3_CTX context;
    X509V3_set_ctx_nodb(&context);
    X509V3_set_ctx(&context, cert, cert, NULL, NULL, 0);
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
    bool ok = extension && X509_add_ext(cert, extension, -1) == 1;
    X509_EXTENSION_free(extension);
    return ok;
}

static bool describe(X509 *cert, EVP_PKEY *key)
{
    uint64_t serial;
    if (!tl_io->random(&serial, sizeof serial))
        return false;
    X509_NAME *name = X509_get_subject_name(cert);
    return X509_set_version(cert, 2) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1) == 1 &&
           X509_gmtime_adj(X509_getm_notBefore(cert), -DAY_S) &&
           X509_gmtime_adj(X509_getm_notAfter(cert), DAYS * DAY_S) &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                      (const unsigned char *)"tapeline on this machine", -1, -1, 0) == 1 &&
           X509_set_issuer_name(cert, name) == 1 && X509_set_pubkey(cert, key) == 1 &&
           add_extension(cert, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1") &&
           add_extension(cert, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(cert, NID_key_usage, "critical,digitalSignature") &&
           add_extension(cert, NID_ext_key_usage, "serverAuth") &&
           add_extension(cert, NID_subject_key_identifier, "hash");
}

/* For its owner only: written under a name of its own, then renamed. */
static bool write_private(const char *path, BIO *pem, struct tl_error *error)
{
    char temporary[PATH_MAX], *text;
    long size = BIO_get_mem_data(pem, &text);
    if (snprintf(temporary, sizeof temporary, "%s.new", path) >= (int)sizeof temporary)
        return tl_error_sys(error, ENAMETOOLONG, "'%s'", path);
    if (tl_io->unlink(temporary) != 0 && errno != ENOENT)
        return tl_error_sys(error, errno, "cannot remove '%s'", temporary);
    int fd = tl_io->open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return tl_error_sys(error, errno, "cannot create '%s'", temporary);
    bool ok = tl_file_write_all(fd, text, (size_t)size, error);
    if (ok && tl_io->fsync(fd) != 0)
        ok = tl_error_sys(error, errno, "cannot write '%s'", temporary);
    tl_io->close(fd);
    if (ok && tl_io->rename(temporary, path) != 0)
        ok = tl_error_sys(error, errno, "cannot rename '%s'", temporary);
    return ok;
}

static bool make(const char *cert_path, const char *key_path, struct tl_error *error)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    BIO *key_pem = BIO_new(BIO_s_mem()), *cert_pem = BIO_new(BIO_s_mem());
    bool ok = key && cert && key_pem && cert_pem && describe(cert, key) &&
              X509_sign(cert, key, EVP_sha256()) > 0 &&
              PEM_write_bio_PKCS8PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL) == 1 &&
              PEM_write_bio_X509(cert_pem, cert) == 1;
    if (!ok)
        fail(error, cert_path, "cannot be made");
    ok = ok && write_private(key_path, key_pem, error) && write_private(cert_path, cert_pem, error);
    BIO_free(key_pem);
    BIO_free(cert_pem);
    X509_free(cert);
    EVP_PKEY_free(key);
    return ok;
}

/* Is there a certificate that will last for a while? */
static bool lasts(const char *path)
{
    struct tl_buf pem;
    struct tl_error ignored;
    bool ok = false;
    tl_buf_init(&pem, 1 << 20);
    if (tl_file_read(path, &pem, &ignored)) {
        BIO *bio = BIO_new_mem_buf(pem.data, (int)pem.size);
        X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
        time_t then = (time_t)(tl_io->wall_ns() / 1000000000 + RENEW_DAYS * DAY_S);
        ok = cert && X509_cmp_time(X509_get0_notAfter(cert), &then) > 0;
        X509_free(cert);
        BIO_free(bio);
    }
    ERR_clear_error();
    tl_buf_release(&pem);
    return ok;
}

bool tl_tls_open_self_signed(struct tl_tls **out, const char *dir, struct tl_error *error)
{
    char cert[PATH_MAX], key[PATH_MAX];
    struct tl_error ignored;
    *out = NULL;
    if (snprintf(cert, sizeof cert, "%s/tls-cert.pem", dir) >= (int)sizeof cert ||
        snprintf(key, sizeof key, "%s/tls-key.pem", dir) >= (int)sizeof key)
        return tl_error_sys(error, ENAMETOOLONG, "'%s'", dir);
    /* A crash between the two files leaves a pair that does not fit: then it is made again. */
    if (lasts(cert) && tl_tls_open(out, cert, key, &ignored))
        return true;
    return make(cert, key, error) && tl_tls_open(out, cert, key, error);
}
