/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/faults.h"

#include "base/log.h"
#include "base/metrics.h"
#include "base/suggest.h"
#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>

enum kind { THROTTLE, FAIL, PARTIAL, EXPIRE, DROP, LOSE, LATENCY, RESHARD, KINDS };
static const char *const names[KINDS] = { "throttle", "error", "partial", "expire",
                                          "drop",     "lose",  "latency", "reshard" };
#define FIRST_DURATION LATENCY

struct row {
    double chance;             /* of those below FIRST_DURATION */
    int64_t least_ns, most_ns; /* of the others */
    uint64_t state;
    struct tl_metric *count;
};
struct tl_faults {
    struct row rows[KINDS];
};

/* splitmix64 (Steele, Lea, Flood 2014): one step of a row. */
static uint64_t draw(struct row *r)
{
    uint64_t z = r->state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static double draw_unit(struct row *r)
{
    return (double)(draw(r) >> 11) * 0x1p-53;
}

static bool happens(struct tl_faults *f, enum kind kind)
{
    struct row *r = f ? &f->rows[kind] : NULL;
    if (!r || r->chance <= 0 || draw_unit(r) >= r->chance)
        return false;
    tl_metric_add(r->count, 1);
    tl_log_debug("broker", "fault on request: %s", names[kind]);
    return true;
}

static int64_t duration(struct tl_faults *f, enum kind kind)
{
    struct row *r = f ? &f->rows[kind] : NULL;
    if (!r || r->most_ns <= 0)
        return 0;
    return r->least_ns + (int64_t)(draw_unit(r) * (double)(r->most_ns - r->least_ns));
}

/* ---- the specification ---- */

static bool read_chance(struct row *r, struct tl_view name, struct tl_view text, struct tl_error *error)
{
    char copy[32], *end;
    if (text.size > 0 && text.size < sizeof copy) {
        memcpy(copy, text.data, text.size);
        copy[text.size] = '\0';
        r->chance = strtod(copy, &end);
        if (*end == '\0' && r->chance >= 0 && r->chance <= 1)
            return true;
    }
    return tl_error_set(error, TL_INVALID, "fault '%.*s': '%.*s' is no chance between 0 and 1, such as 0.05",
                        TL_VIEW_ARG(name), TL_VIEW_ARG(text));
}

/* "5ms", "2s", "1min" */
static bool read_duration(struct tl_view text, int64_t *out)
{
    static const struct {
        const char *unit;
        int64_t ns;
    } units[] = { { "ms", TL_NS_PER_MS }, { "s", TL_NS_PER_S }, { "min", 60 * TL_NS_PER_S } };
    size_t digits = 0;
    int64_t number;
    while (digits < text.size && text.data[digits] >= '0' && text.data[digits] <= '9')
        digits++;
    struct tl_view unit = { text.data + digits, text.size - digits };
    if (!digits || digits > 9 || !tl_view_to_i64((struct tl_view){ text.data, digits }, &number))
        return false;
    for (size_t i = 0; i < TL_COUNT(units); i++)
        if (tl_view_is(unit, units[i].unit)) {
            *out = number * units[i].ns;
            return *out <= 3600 * TL_NS_PER_S;
        }
    return false;
}

static bool read_durations(struct row *r, struct tl_view name, struct tl_view text, struct tl_error *error)
{
    const char *dots = text.size ? memmem(text.data, text.size, "..", 2) : NULL;
    struct tl_view first = text, second = text;
    if (dots) {
        first.size = (size_t)(dots - text.data);
        second = (struct tl_view){ dots + 2, text.size - first.size - 2 };
    }
    if (read_duration(first, &r->least_ns) && read_duration(second, &r->most_ns) &&
        r->least_ns <= r->most_ns && r->most_ns > 0)
        return true;
    return tl_error_set(error, TL_INVALID,
                        "fault '%.*s': '%.*s' is no time such as 20ms, 5s or 5ms..50ms (an hour at most)",
                        TL_VIEW_ARG(name), TL_VIEW_ARG(text));
}

static bool read_item(struct tl_faults *f, struct tl_view item, struct tl_error *error)
{
    struct tl_view value, name = tl_view_trim(tl_view_split(item, '=', &value));
    value = tl_view_trim(value);
    for (int kind = 0; kind < KINDS; kind++)
        if (tl_view_is(name, names[kind]))
            return kind < FIRST_DURATION ? read_chance(&f->rows[kind], name, value, error)
                                         : read_durations(&f->rows[kind], name, value, error);
    return tl_error_set(error, TL_INVALID,
                        "there is no fault '%.*s': throttle, error, partial, expire, drop, lose (each "
                        "=CHANCE), latency, reshard "
                        "(each =TIME)",
                        TL_VIEW_ARG(name));
}

bool tl_faults_new(struct tl_faults **out, const char *spec, uint64_t seed, struct tl_error *error)
{
    struct tl_faults *f = calloc(1, sizeof *f);
    struct tl_view rest = tl_view_of(spec);
    bool ok = f || tl_error_set(error, TL_NO_MEMORY, "out of memory");
    *out = NULL;
    for (int kind = 0; ok && kind < KINDS; kind++) {
        char labels[48];
        snprintf(labels, sizeof labels, "fault=\"%s\"", names[kind]);
        f->rows[kind].state = seed * KINDS + (uint64_t)kind;
        f->rows[kind].state = draw(&f->rows[kind]); /* near seeds make far rows */
        f->rows[kind].count = tl_metric_get(TL_METRIC_COUNTER, "tapeline_broker_faults_total",
                                            "faults made on request", labels);
    }
    if (ok && rest.size == 0)
        ok = tl_error_set(error, TL_INVALID, "no fault is named");
    while (ok && rest.size)
        ok = read_item(f, tl_view_split(rest, ',', &rest), error);
    if (ok)
        *out = f;
    else
        free(f);
    return ok;
}

void tl_faults_free(struct tl_faults *f)
{
    free(f);
}

/* ---- the decisions ---- */

bool tl_faults_throttle(struct tl_faults *f)
{
    return happens(f, THROTTLE);
}

bool tl_faults_fail(struct tl_faults *f)
{
    return happens(f, FAIL);
}

bool tl_faults_refuse_record(struct tl_faults *f)
{
    return happens(f, PARTIAL);
}

bool tl_faults_expire_iterator(struct tl_faults *f)
{
    return happens(f, EXPIRE);
}

bool tl_faults_drop(struct tl_faults *f)
{
    return happens(f, DROP);
}

bool tl_faults_lose(struct tl_faults *f)
{
    return happens(f, LOSE);
}

int64_t tl_faults_latency_ns(struct tl_faults *f)
{
    return duration(f, LATENCY);
}

int64_t tl_faults_reshard_ns(struct tl_faults *f)
{
    int64_t ns = duration(f, RESHARD);
    return ns ? ns / 2 + (int64_t)(draw_unit(&f->rows[RESHARD]) * (double)ns)
              : 0; /* half to one and a half of it */
}

uint64_t tl_faults_choose(struct tl_faults *f, uint64_t n)
{
    return n ? draw(&f->rows[RESHARD]) % n : 0;
}
