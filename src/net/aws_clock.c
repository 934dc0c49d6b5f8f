/* SPDX-License-Identifier: Apache-2.0 */
#include "net/aws_clock.h"

#include "base/io.h"
#include "base/time.h"

/* An error that may have other causes is laid to the clock only if it is off by nearly what services allow.
 */
#define SKEW_MATTERS_NS (4 * TL_NS_PER_MIN)
#define SKEW_NAMED_NS (30 * TL_NS_PER_S)

int64_t tl_aws_clock_now(const struct tl_aws_clock *c)
{
    return tl_io->wall_ns() + c->skew_ns;
}

bool tl_aws_clock_measure(struct tl_view date, int64_t *skew_ns)
{
    int64_t theirs;
    if (!date.data || !tl_http_date_parse(date, &theirs))
        return false;
    *skew_ns = theirs + TL_NS_PER_S / 2 - tl_io->wall_ns(); /* the header has whole seconds */
    return true;
}

bool tl_aws_clock_correct(struct tl_aws_clock *c, struct tl_view code, struct tl_view date)
{
    static const struct {
        const char *name;
        int64_t least_ns;
    } codes[] = {
        { "RequestTimeTooSkewed", SKEW_NAMED_NS },    { "RequestExpired", SKEW_NAMED_NS },
        { "RequestInTheFuture", SKEW_NAMED_NS },      { "InvalidSignatureException", SKEW_MATTERS_NS },
        { "SignatureDoesNotMatch", SKEW_MATTERS_NS }, { "AuthFailure", SKEW_MATTERS_NS },
    };
    int64_t skew;
    if (!tl_aws_clock_measure(date, &skew))
        return false;
    int64_t change = skew > c->skew_ns ? skew - c->skew_ns : c->skew_ns - skew;
    for (size_t i = 0; i < TL_COUNT(codes); i++) {
        if (!tl_view_is(code, codes[i].name) || change < codes[i].least_ns)
            continue;
        c->skew_ns = skew;
        return true;
    }
    return false;
}
