/* SPDX-License-Identifier: Apache-2.0 */
#include "net/tls.h"

#include "base/file.h"
#include "base/io.h"
#include "base/log.h"
#include "base/time.h"

#include <errno.h>
#include <event2/bufferevent.h>
#include <event2/bufferevent_ssl.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>

#define DAYS 397 /* what browsers accept at most */
#define RENEW_DAYS 30
#define DAY_S (24L * 3600)
#define PEM_MAX ((size_t)1 << 20)
#define CIPHERS_1_2 "ECDHE+AESGCM:ECDHE+CHACHA20"

struct tl_tls {
    SSL_CTX *context;
};

/* what: "is not ...", without the file's name. */
static bool fail(struct tl_error *error, const char *path, const char *what)
{
    const char *reason = ERR_reason_error_string(ERR_peek_last_error());
    ERR_clear_error();
    return reason ? tl_error_set(error, TL_INVALID, "'%s' %s (%s)", path, what, reason)
                  : tl_error_set(error, TL_INVALID, "'%s' %s", path, what);
}

/* ---- the context ---- */

/* The first of ours that the client offers; without one the connection goes on as its first bytes say. */
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

/* OpenSSL would ask on the terminal. */
static int no_password(char *buf, int size, int writing, void *unused)
{
    (void)buf, (void)size, (void)writing, (void)unused;
    return -1;
}

static struct tl_tls *tls_new(void)
{
    struct tl_tls *tls = calloc(1, sizeof *tls);
    if (!tls)
        return NULL;
    SSL_CTX *context = tls->context = SSL_CTX_new(TLS_server_method());
    if (!context || !SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) ||
        !SSL_CTX_set_cipher_list(context, CIPHERS_1_2)) {
        tl_tls_free(tls);
        return NULL;
    }
    SSL_CTX_set_options(context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
    /* libevent tries a write again from a buffer that may have moved by then. (Partial writes it does not
     * know: it would go on with the next buffer.) */
    SSL_CTX_set_mode(context, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
    SSL_CTX_set_default_passwd_cb(context, no_password);
    SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
    return tls;
}

void tl_tls_free(struct tl_tls *tls)
{
    if (!tls)
        return;
    SSL_CTX_free(tls->context);
    free(tls);
}

/* Through tl_io, and for errors better than a library's. NULL after filling error. */
static BIO *read_pem(const char *path, const char *what, struct tl_error *error)
{
    struct tl_buf text;
    BIO *bio = NULL;
    tl_buf_init(&text, PEM_MAX);
    if (!tl_file_read(path, &text, error))
        tl_error_context(error, "the %s of TLS", what);
    else if (!(bio = BIO_new(BIO_s_mem())) || BIO_write(bio, tl_buf_text(&text), (int)text.size) < 0)
        tl_error_set(error, TL_NO_MEMORY, "out of memory");
    if (text.data)
        OPENSSL_cleanse(text.data, text.size);
    tl_buf_release(&text);
    return bio;
}

static bool load_chain(SSL_CTX *context, const char *path, struct tl_error *error)
{
    BIO *bio = read_pem(path, "certificate", error);
    if (!bio)
        return false;
    X509 *cert = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);
    bool ok = cert && SSL_CTX_use_certificate(context, cert) == 1;
    X509_free(cert);
    while (ok && (cert = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL)
        if (SSL_CTX_add0_chain_cert(context, cert) != 1) {
            X509_free(cert);
            ok = false;
        }
    BIO_free(bio);
    if (!ok)
        return fail(error, path,
                    "holds no certificate in PEM that can be used: give the server's, and after it "
                    "those that sign it");
    ERR_clear_error(); /* the end of the file is no error */
    return true;
}

static bool load_key(SSL_CTX *context, const char *path, const char *cert, struct tl_error *error)
{
    BIO *bio = read_pem(path, "key", error);
    if (!bio)
        return false;
    EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_password, NULL);
    bool locked = !key && ERR_GET_REASON(ERR_peek_last_error()) == PEM_R_BAD_PASSWORD_READ;
    BIO_free(bio);
    if (!key)
        return fail(error, path,
                    locked ? "needs a password: take it off with openssl pkey -in FILE -out NEW"
                           : "holds no private key in PEM");
    bool ok = SSL_CTX_use_PrivateKey(context, key) == 1 && SSL_CTX_check_private_key(context) == 1;
    EVP_PKEY_free(key);
    ERR_clear_error();
    return ok || tl_error_set(error, TL_INVALID,
                              "'%s' is not the key of the certificate in '%s': give the pair", path, cert);
}

static void warn_of_readers(const char *key)
{
    struct stat about;
    if (tl_io->stat(key, &about) == 0 && (about.st_mode & 0004))
        tl_log_warn("net", "the key '%s' can be read by every user: chmod 600 it", key);
}

bool tl_tls_open(struct tl_tls **out, const char *cert, const char *key, struct tl_error *error)
{
    *out = NULL;
    if (!cert || !key)
        return tl_error_set(error, TL_INVALID, "TLS wants both, a certificate and its key: the %s is missing",
                            cert ? "key" : "certificate");
    struct tl_tls *tls = tls_new();
    if (!tls)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    if (!load_chain(tls->context, cert, error) || !load_key(tls->context, key, cert, error)) {
        tl_tls_free(tls);
        return false;
    }
    warn_of_readers(key);
    *out = tls;
    return true;
}

/* ---- connections ---- */

struct bufferevent *tl_tls_bufferevent_new(struct tl_tls *tls, struct event_base *base, int fd)
{
    SSL *ssl = SSL_new(tls->context);
    struct bufferevent *bev =
        ssl ? bufferevent_openssl_socket_new(base, fd, ssl, BUFFEREVENT_SSL_ACCEPTING, BEV_OPT_CLOSE_ON_FREE)
            : NULL;
    if (bev) /* requests carry their length: a cut is noticed without close_notify */
        bufferevent_openssl_set_allow_dirty_shutdown(bev, 1);
    else
        SSL_free(ssl);
    return bev;
}

const char *tl_tls_reason(struct bufferevent *bev)
{
    const char *reason = ERR_reason_error_string(bufferevent_get_openssl_error(bev));
    return reason ? reason : "by an error of TLS or of the socket";
}

void tl_tls_say_end(struct bufferevent *bev)
{
    SSL *ssl = bufferevent_openssl_get_ssl(bev);
    ERR_clear_error();
    if (ssl && SSL_is_init_finished(ssl) && !(SSL_get_shutdown(ssl) & SSL_SENT_SHUTDOWN))
        SSL_shutdown(ssl);
    ERR_clear_error();
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

/* Only for this machine, and no authority over others: it cannot sign. (With key_usage and without "sign"
 * some versions of OpenSSL would not take it as its own issuer.) */
static bool describe(X509 *cert, EVP_PKEY *key)
{
    uint64_t serial;
    time_t now = (time_t)(tl_io->wall_ns() / TL_NS_PER_S);
    if (!tl_io->random(&serial, sizeof serial))
        return false;
    X509_NAME *name = X509_get_subject_name(cert);
    return X509_set_version(cert, X509_VERSION_3) == 1 &&
           ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1) == 1 &&
           X509_time_adj_ex(X509_getm_notBefore(cert), -1, 0, &now) &&
           X509_time_adj_ex(X509_getm_notAfter(cert), DAYS - 1, 0, &now) &&
           X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                      (const unsigned char *)"tapeline on this machine", -1, -1, 0) == 1 &&
           X509_set_issuer_name(cert, name) == 1 && X509_set_pubkey(cert, key) == 1 &&
           add_extension(cert, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1") &&
           add_extension(cert, NID_basic_constraints, "critical,CA:FALSE") &&
           add_extension(cert, NID_ext_key_usage, "serverAuth") &&
           add_extension(cert, NID_subject_key_identifier, "hash") &&
           add_extension(cert, NID_authority_key_identifier, "keyid:always");
}

/* Written under a name of its own, then renamed. */
static bool write_pem(const char *path, mode_t mode, BIO *pem, struct tl_error *error)
{
    char temporary[PATH_MAX], *text;
    long size = BIO_get_mem_data(pem, &text);
    if (snprintf(temporary, sizeof temporary, "%s.new", path) >= (int)sizeof temporary)
        return tl_error_sys(error, ENAMETOOLONG, "'%s'", path);
    if (tl_io->unlink(temporary) != 0 && errno != ENOENT)
        return tl_error_sys(error, errno, "cannot remove '%s'", temporary);
    int fd = tl_io->open(temporary, O_WRONLY | O_CREAT | O_EXCL, mode);
    if (fd < 0)
        return tl_error_sys(error, errno, "cannot create '%s'", temporary);
    bool ok = tl_file_write_all(fd, text, (size_t)size, error) || tl_error_context(error, "'%s'", temporary);
    if (ok && tl_io->fsync(fd) != 0)
        ok = tl_error_sys(error, errno, "cannot write '%s'", temporary);
    tl_io->close(fd);
    if (ok && tl_io->rename(temporary, path) != 0)
        ok = tl_error_sys(error, errno, "cannot rename '%s'", temporary);
    if (!ok)
        tl_io->unlink(temporary);
    return ok;
}

static bool make_pems(BIO *key_pem, BIO *cert_pem)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *cert = X509_new();
    bool ok = key && cert && describe(cert, key) && X509_sign(cert, key, EVP_sha256()) > 0 &&
              PEM_write_bio_PKCS8PrivateKey(key_pem, key, NULL, NULL, 0, NULL, NULL) == 1 &&
              PEM_write_bio_X509(cert_pem, cert) == 1;
    X509_free(cert);
    EVP_PKEY_free(key);
    return ok;
}

static bool make(const char *cert_path, const char *key_path, struct tl_error *error)
{
    BIO *key_pem = BIO_new(BIO_s_secmem()), *cert_pem = BIO_new(BIO_s_mem());
    bool ok =
        (key_pem && cert_pem && make_pems(key_pem, cert_pem)) || fail(error, cert_path, "cannot be made");
    ok = ok && write_pem(key_path, 0600, key_pem, error) && write_pem(cert_path, 0644, cert_pem, error);
    BIO_free(key_pem);
    BIO_free(cert_pem);
    return ok;
}

/* Is there a certificate that will last for a while? */
static bool lasts(const char *path)
{
    struct tl_error ignored;
    BIO *bio = read_pem(path, "certificate", &ignored);
    X509 *cert = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
    time_t then = (time_t)(tl_io->wall_ns() / TL_NS_PER_S + RENEW_DAYS * DAY_S);
    bool ok = cert && X509_cmp_time(X509_get0_notAfter(cert), &then) > 0;
    X509_free(cert);
    BIO_free(bio);
    ERR_clear_error();
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
    if (tl_dir_make(dir, error) && make(cert, key, error) && tl_tls_open(out, cert, key, error)) {
        tl_log_info("net", "made a certificate for localhost: clients trust it by '%s'", cert);
        return true;
    }
    return tl_error_context(error, "a certificate for localhost");
}
