/* SPDX-License-Identifier: Apache-2.0 */
#include "net/aws_retry.h"

#include "base/time.h"
#include "base/view.h"
#include "net/aws_profile.h"
#include "net/retry.h"

#include <stdlib.h>

#define QUOTA 500
#define COST 5
#define COST_TIMEOUT 10
#define ATTEMPTS 3
#define ATTEMPTS_LEGACY 5
#define ATTEMPTS_MAX 100
#define BASE_NS TL_NS_PER_S
#define CAP_NS (20 * TL_NS_PER_S)

static const char *const mode_names[] = { "standard", "legacy", "adaptive" };

const char *tl_aws_retry_mode_name(enum tl_aws_retry_mode mode)
{
    return mode_names[mode];
}

static const char *setting(const struct tl_aws_profiles *p, const char *variable, const char *key)
{
    const char *value = getenv(variable);
    return value && value[0] ? value : tl_aws_profile_get(p, tl_aws_profile_name(NULL), key);
}

static bool read_mode(struct tl_aws_retry *out, const char *text, struct tl_error *error)
{
    for (size_t i = 0; text && i < TL_COUNT(mode_names); i++) {
        if (!tl_view_eq_ignore_case(tl_view_of(text), tl_view_of(mode_names[i])))
            continue;
        out->mode = (enum tl_aws_retry_mode)i;
        return true;
    }
    return !text ||
           tl_error_set(error, TL_INVALID,
                        "AWS_RETRY_MODE (retry_mode) is '%.60s': it is standard, legacy or adaptive", text);
}

static bool read_attempts(struct tl_aws_retry *out, const char *text, struct tl_error *error)
{
    uint64_t count = out->mode == TL_AWS_RETRY_LEGACY ? ATTEMPTS_LEGACY : ATTEMPTS;
    if (text && (!tl_view_to_u64(tl_view_of(text), &count) || count == 0 || count > ATTEMPTS_MAX))
        return tl_error_set(error, TL_INVALID, "AWS_MAX_ATTEMPTS (max_attempts) is '%.60s': it is 1 to %d",
                            text, ATTEMPTS_MAX);
    out->attempts = (unsigned)count;
    return true;
}

bool tl_aws_retry_load(struct tl_aws_retry *out, struct tl_error *error)
{
    struct tl_aws_profiles *p;
    *out = (struct tl_aws_retry){ .attempts = ATTEMPTS, .quota = QUOTA };
    if (!tl_aws_profiles_load(&p, error))
        return false;
    bool ok = read_mode(out, setting(p, "AWS_RETRY_MODE", "retry_mode"), error) &&
              read_attempts(out, setting(p, "AWS_MAX_ATTEMPTS", "max_attempts"), error);
    tl_aws_profiles_free(p);
    return ok;
}

bool tl_aws_retry_again(struct tl_aws_retry *r, unsigned attempt, enum tl_code code, int64_t *delay_ns)
{
    unsigned cost = code == TL_TIMEOUT ? COST_TIMEOUT : COST;
    if (!tl_code_is_retriable(code) || attempt + 1 >= r->attempts || r->quota < cost)
        return false;
    r->quota -= cost;
    r->taken = cost;
    *delay_ns = tl_retry_delay_ns(attempt, BASE_NS, CAP_NS);
    return true;
}

void tl_aws_retry_succeeded(struct tl_aws_retry *r)
{
    r->quota += r->taken ? r->taken : 1;
    if (r->quota > QUOTA)
        r->quota = QUOTA;
    r->taken = 0;
}
