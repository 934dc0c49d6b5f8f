/* SPDX-License-Identifier: Apache-2.0 */
/* The chain as an object.
 *
 * I1: at most one thread walks the chain (refreshing); the others use what is there, or wait for it.
 * I2: held is empty, or was valid when it was taken. I3: generation counts what was taken, so that two
 * threads whose requests were refused with the same credentials ask once. */
#include "net/aws_credentials.h"

#include "base/io.h"
#include "base/log.h"
#include "base/time.h"
#include "net/aws_provider_int.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#define ADVISORY_NS (15 * TL_NS_PER_MIN)
#define MANDATORY_NS (10 * TL_NS_PER_MIN)
#define AGAIN_NS                                                                                             \
    (30 * TL_NS_PER_S) /* between walks that bring nothing better, while those at hand are good */

static const struct {
    const char *name;
    enum tl_aws_found (*find)(struct tl_aws_walk *, struct tl_aws_credentials *, struct tl_error *);
} providers[TL_AWS_PROVIDERS] = {
    { "environment", tl_aws_from_environment }, { "web identity", tl_aws_from_web_identity },
    { "profile", tl_aws_from_profile },         { "container", tl_aws_from_container },
    { "instance", tl_aws_from_instance },
};

struct tl_aws_chain {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct tl_aws_credentials held; /* access_key "": none */
    struct tl_aws_chain_report report;
    struct tl_error last; /* of the last walk, when it failed */
    bool refreshing;
    bool worked;    /* a walk has found credentials */
    uint64_t walks; /* that have ended */
    int64_t skew_ns;
    int64_t not_before_ns; /* monotonic: no advisory refresh until then */
};

bool tl_aws_chain_new(struct tl_aws_chain **out, struct tl_error *error)
{
    struct tl_aws_chain *c = *out = calloc(1, sizeof *c);
    if (!c)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for credentials");
    pthread_mutex_init(&c->lock, NULL);
    pthread_cond_init(&c->changed, NULL);
    for (size_t i = 0; i < TL_AWS_PROVIDERS; i++) {
        c->report.rows[i].provider = providers[i].name;
        c->report.rows[i].found = TL_AWS_NOT_ASKED;
    }
    return true;
}

void tl_aws_chain_free(struct tl_aws_chain *c)
{
    if (!c)
        return;
    pthread_mutex_destroy(&c->lock);
    pthread_cond_destroy(&c->changed);
    explicit_bzero(c, sizeof *c);
    free(c);
}

/* What the rows say of nothing found, for a person: each source and why it is not it. */
static bool none_found(const struct tl_aws_chain_report *report, struct tl_error *error)
{
    return tl_error_set(
        error, TL_DENIED,
        "no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or add profile '%.60s' "
        "to ~/.aws/credentials (%.150s; %.150s)",
        tl_aws_profile_name(NULL), report->rows[3].text, report->rows[4].text);
}

static void write_row(struct tl_aws_chain_report *report, size_t i, enum tl_aws_found found, const char *text)
{
    report->rows[i].found = found;
    snprintf(report->rows[i].text, sizeof report->rows[i].text, "%.319s", text);
}

/* Without the lock. */
static bool walk(struct tl_aws_credentials *out, struct tl_aws_chain_report *report, int64_t *skew_ns,
                 struct tl_error *error)
{
    struct tl_aws_profiles *profiles;
    bool readable = tl_aws_profiles_load(&profiles, error);
    for (size_t i = 0; i < TL_AWS_PROVIDERS; i++) {
        report->rows[i].provider = providers[i].name;
        write_row(report, i, TL_AWS_NOT_ASKED,
                  readable ? "an earlier one was found" : "the shared files cannot be read");
    }
    if (!readable)
        return tl_error_context(error, "AWS shared files");
    struct tl_aws_walk w = { .profiles = profiles };
    enum tl_aws_found found = TL_AWS_ABSENT;
    for (size_t i = 0; i < TL_AWS_PROVIDERS && found == TL_AWS_ABSENT; i++) {
        *out = (struct tl_aws_credentials){ .origin = "" };
        found = providers[i].find(&w, out, error);
        write_row(report, i, found, found == TL_AWS_FOUND ? out->origin : error->text);
    }
    for (size_t i = 0; i < TL_AWS_PROVIDERS && found == TL_AWS_FAILED; i++)
        if (report->rows[i].found == TL_AWS_NOT_ASKED)
            write_row(report, i, TL_AWS_NOT_ASKED, "an earlier one is set up, and failed");
    tl_aws_profiles_free(profiles);
    *skew_ns = w.skew_ns;
    if (found == TL_AWS_FOUND && out->expires_ns && out->expires_ns <= tl_io->wall_ns() + w.skew_ns)
        return tl_error_set(error, TL_EXPIRED, "the AWS credentials from %s have ended already", out->origin);
    return found == TL_AWS_FOUND || (found == TL_AWS_ABSENT && none_found(report, error));
}

static int64_t left_locked(const struct tl_aws_chain *c)
{
    if (!c->held.access_key[0])
        return -1;
    return c->held.expires_ns ? c->held.expires_ns - (tl_io->wall_ns() + c->skew_ns) : INT64_MAX;
}

/* Walks the chain with the lock released meanwhile, and takes what it finds. */
static void refresh_locked(struct tl_aws_chain *c)
{
    struct tl_aws_credentials found;
    struct tl_aws_chain_report report;
    struct tl_error error = { .text = "" };
    int64_t skew = c->skew_ns;
    c->refreshing = true;
    pthread_mutex_unlock(&c->lock);
    bool ok = walk(&found, &report, &skew, &error);
    pthread_mutex_lock(&c->lock);
    c->refreshing = false;
    c->walks++;
    c->report = report;
    c->last = error;
    if (ok) {
        c->last.code = 0;
        c->worked = true;
        c->held = found;
        c->skew_ns = skew;
        /* A source that renews late (IMDS: five minutes before the end) is not asked before each request. */
        c->not_before_ns = left_locked(c) < ADVISORY_NS ? tl_io->monotonic_ns() + AGAIN_NS : 0;
    } else {
        /* What has worked may work again: who reads or writes a stream waits for that, and does not end. */
        if (c->worked && error.code != TL_INVALID && error.code != TL_UNSUPPORTED &&
            error.code != TL_NO_MEMORY)
            c->last.code = TL_UNAVAILABLE;
        c->not_before_ns = tl_io->monotonic_ns() + AGAIN_NS;
        if (left_locked(c) > 0)
            tl_log_warn("net", "AWS credentials from %s cannot be renewed, and go on until they end: %s",
                        c->held.origin, error.text);
    }
    explicit_bzero(&found, sizeof found);
    pthread_cond_broadcast(&c->changed);
}

/* Until the walk that is under way has ended. */
static void wait_locked(struct tl_aws_chain *c)
{
    for (uint64_t walks = c->walks; c->walks == walks;)
        pthread_cond_wait(&c->changed, &c->lock);
}

bool tl_aws_chain_get(struct tl_aws_chain *c, struct tl_aws_credentials *out, struct tl_error *error)
{
    bool ok, tried = false;
    pthread_mutex_lock(&c->lock);
    for (;;) {
        int64_t left = left_locked(c);
        bool due = left < ADVISORY_NS && (left <= 0 || tl_io->monotonic_ns() >= c->not_before_ns);
        ok = left > 0;
        if (!due || (tried && (ok || c->last.code))) /* else: taken back by another thread since */
            break;
        tried = true;
        if (!c->refreshing)
            refresh_locked(c);
        else if (left < MANDATORY_NS)
            wait_locked(c);
        else
            break;
    }
    if (ok)
        *out = c->held;
    else
        *error = c->last;
    pthread_mutex_unlock(&c->lock);
    return ok;
}

void tl_aws_chain_reject(struct tl_aws_chain *c, const struct tl_aws_credentials *refused)
{
    pthread_mutex_lock(&c->lock);
    if (strcmp(c->held.access_key, refused->access_key) == 0 &&
        strcmp(c->held.session_token, refused->session_token) == 0)
        c->held.access_key[0] = '\0';
    pthread_mutex_unlock(&c->lock);
}

void tl_aws_chain_report(struct tl_aws_chain *c, struct tl_aws_chain_report *out)
{
    pthread_mutex_lock(&c->lock);
    *out = c->report;
    pthread_mutex_unlock(&c->lock);
}

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct tl_aws_chain *shared;

static void make_shared(void)
{
    struct tl_error error;
    if (!tl_aws_chain_new(&shared, &error))
        abort(); /* a kilobyte cannot be had: nothing else will do */
}

struct tl_aws_chain *tl_aws_chain_shared(void)
{
    pthread_once(&once, make_shared);
    return shared;
}

bool tl_aws_credentials_load(struct tl_aws_credentials *out, struct tl_error *error)
{
    return tl_aws_chain_get(tl_aws_chain_shared(), out, error);
}
