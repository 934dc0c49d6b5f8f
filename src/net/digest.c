/* SPDX-License-Identifier: Apache-2.0 */
#define OPENSSL_SUPPRESS_DEPRECATED /* MD5() below */
#include "net/digest.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/md5.h>
#include <pthread.h>
#include <stdlib.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t context_key; /* a thread's context, freed when it ends */
static EVP_MD *sha256;

static void free_context(void *context)
{
    EVP_MD_CTX_free(context);
}

/* Fetched once: looking an algorithm up by name costs more than a short digest. */
static void fetch(void)
{
    sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
    if (!sha256 || pthread_key_create(&context_key, free_context) != 0)
        abort();
}

/* Once a record, of a key of a few bytes: EVP allocates and wipes a state each time, which costs four times the digest. */
void tl_md5(struct tl_view data, uint8_t out[16])
{
    (void)MD5((const unsigned char *)(data.size ? data.data : ""), data.size, out);
}

void tl_sha256(struct tl_view data, uint8_t out[32])
{
    pthread_once(&once, fetch);
    EVP_MD_CTX *context = pthread_getspecific(context_key);
    if (!context && (!(context = EVP_MD_CTX_new()) || pthread_setspecific(context_key, context) != 0))
        abort();
    if (EVP_DigestInit_ex2(context, sha256, NULL) != 1 || EVP_DigestUpdate(context, data.data, data.size) != 1 ||
        EVP_DigestFinal_ex(context, out, NULL) != 1)
        abort();
}

/* The library's own, under our name. */
static EVP_MD_CTX *context_of(struct tl_digest *d)
{
    return (EVP_MD_CTX *)d;
}

struct tl_digest *tl_digest_new(enum tl_digest_kind kind)
{
    const EVP_MD *kinds[] = { EVP_md5(), EVP_sha1(), EVP_sha256() };
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (!context || EVP_DigestInit_ex(context, kinds[kind], NULL) != 1)
        abort();
    return (struct tl_digest *)context;
}

void tl_digest_add(struct tl_digest *d, const void *data, size_t size)
{
    if (EVP_DigestUpdate(context_of(d), data, size) != 1)
        abort();
}

size_t tl_digest_end(struct tl_digest *d, uint8_t out[TL_DIGEST_MAX])
{
    unsigned size = 0;
    if (EVP_DigestFinal_ex(context_of(d), out, &size) != 1)
        abort();
    tl_digest_free(d);
    return size;
}

void tl_digest_free(struct tl_digest *d)
{
    EVP_MD_CTX_free(context_of(d));
}

void tl_hmac_sha256(struct tl_view key, struct tl_view data, uint8_t out[32])
{
    pthread_once(&once, fetch);
    if (!HMAC(sha256, key.size ? key.data : "", (int)key.size, (const uint8_t *)data.data, data.size, out, NULL))
        abort();
}

void tl_hex(const uint8_t *bytes, size_t size, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < size; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * size] = '\0';
}
