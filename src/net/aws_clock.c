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

static bool number(struct tl_view text, size_t at, size_t size, int *out)
{
    uint64_t value;
    if (!tl_view_to_u64((struct tl_view){ text.data + at, size }, &value))
        return false;
    *out = (int)value;
    return true;
}

static int month_of(struct tl_view name)
{
    static const char names[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    for (int i = 0; i < 12; i++)
        if (memcmp(name.data, names + (size_t)i * 3, 3) == 0)
            return i + 1;
    return 0;
}

bool tl_http_date_parse(struct tl_view text, int64_t *ns)
{
    static const char form[] = "Www, 00 Mmm 0000 00:00:00 GMT";
    int day, year, hour, minute, second;
    int64_t days;
    text = tl_view_trim(text);
    if (text.size != sizeof form - 1)
        return false;
    for (size_t i = 3; i < sizeof form - 1; i++)
        if (strchr(", :GMT", form[i]) && i != 8 && form[i] != text.data[i])
            return false;
    if (!number(text, 5, 2, &day) || !number(text, 12, 4, &year) || !number(text, 17, 2, &hour) ||
        !number(text, 20, 2, &minute) || !number(text, 23, 2, &second) || hour > 23 || minute > 59 ||
        second > 60 || year < 1970 || year > 2261)
        return false;
    int month = month_of((struct tl_view){ text.data + 8, 3 });
    if (!month || !tl_date_to_days(year, month, day, &days))
        return false;
    *ns = ((days * 24 + hour) * 3600 + minute * 60 + second) * TL_NS_PER_S;
    return true;
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
