/* SPDX-License-Identifier: Apache-2.0 */
#include "base/metrics.h"

#include "base/view.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

static const double bounds[] = { 0.0001, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1,
                                 0.25,   0.5,    1,     2.5,    5,     10,   30,    60 };
#define BOUNDS TL_COUNT(bounds)

struct tl_metric {
    enum tl_metric_kind kind;
    char name[96], help[200], labels[160];
    _Atomic double value; /* counter, gauge; of a histogram the sum */
    _Atomic uint64_t buckets[BOUNDS + 1];
};

/* Registration is locked; values are atomics, so that writers never wait. Metrics live until exit.
 * I1: metrics[0 .. count) have distinct (name, labels); their order is that of the last tl_metrics_write. */
static struct {
    pthread_mutex_t lock;
    struct tl_metric *metrics[TL_METRICS_MAX];
    size_t count;
    uint64_t refused;          /* registrations that found no place; told in the page */
    struct tl_metric overflow; /* takes what they write */
} registry = { .lock = PTHREAD_MUTEX_INITIALIZER };

static struct tl_metric *find_locked(const char *name, const char *labels)
{
    for (size_t i = 0; i < registry.count; i++)
        if (strcmp(registry.metrics[i]->name, name) == 0 && strcmp(registry.metrics[i]->labels, labels) == 0)
            return registry.metrics[i];
    return NULL;
}

static struct tl_metric *add_locked(enum tl_metric_kind kind, const char *name, const char *help,
                                    const char *labels)
{
    struct tl_metric *m = NULL;
    if (registry.count < TL_METRICS_MAX && strlen(name) < sizeof m->name && strlen(labels) < sizeof m->labels)
        m = calloc(1, sizeof *m);
    if (!m) {
        registry.refused++;
        return &registry.overflow;
    }
    m->kind = kind;
    memcpy(m->name, name, strlen(name));
    memcpy(m->labels, labels, strlen(labels));
    size_t size = strlen(help);
    memcpy(m->help, help, size < sizeof m->help ? size : sizeof m->help - 1);
    registry.metrics[registry.count++] = m;
    return m;
}

struct tl_metric *tl_metric_get(enum tl_metric_kind kind, const char *name, const char *help,
                                const char *labels)
{
    pthread_mutex_lock(&registry.lock);
    struct tl_metric *m = find_locked(name, labels);
    if (!m)
        m = add_locked(kind, name, help, labels);
    pthread_mutex_unlock(&registry.lock);
    return m;
}

void tl_metric_add(struct tl_metric *m, double v)
{
    double old = atomic_load_explicit(&m->value, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&m->value, &old, old + v, memory_order_relaxed,
                                                  memory_order_relaxed))
        ;
}

void tl_metric_set(struct tl_metric *m, double v)
{
    atomic_store_explicit(&m->value, v, memory_order_relaxed);
}

void tl_metric_observe(struct tl_metric *m, double v)
{
    size_t i = 0;
    while (i < BOUNDS && v > bounds[i])
        i++;
    atomic_fetch_add_explicit(&m->buckets[i], 1, memory_order_relaxed);
    tl_metric_add(m, v);
}

static uint64_t histogram_count(const struct tl_metric *m)
{
    uint64_t count = 0;
    for (size_t i = 0; i <= BOUNDS; i++)
        count += atomic_load_explicit(&m->buckets[i], memory_order_relaxed);
    return count;
}

double tl_metric_value(const struct tl_metric *m)
{
    return m->kind == TL_METRIC_HISTOGRAM ? (double)histogram_count(m)
                                          : atomic_load_explicit(&m->value, memory_order_relaxed);
}

static void write_number(struct tl_buf *out, double v)
{
    tl_buf_add_char(out, ' ');
    tl_buf_add_double(out, v);
    tl_buf_add_char(out, '\n');
}

static void write_histogram(const struct tl_metric *m, struct tl_buf *out)
{
    const char *comma = m->labels[0] ? "," : "";
    uint64_t below = 0;
    for (size_t i = 0; i <= BOUNDS; i++) {
        below += atomic_load_explicit(&m->buckets[i], memory_order_relaxed);
        tl_buf_addf(out, "%s_bucket{%s%sle=\"", m->name, m->labels, comma);
        if (i < BOUNDS)
            tl_buf_add_double(out, bounds[i]);
        else
            tl_buf_add_text(out, "+Inf");
        tl_buf_add_text(out, "\"}");
        write_number(out, (double)below);
    }
    tl_buf_addf(out, m->labels[0] ? "%s_sum{%s}" : "%s_sum%s", m->name, m->labels);
    write_number(out, atomic_load_explicit(&m->value, memory_order_relaxed));
    tl_buf_addf(out, m->labels[0] ? "%s_count{%s}" : "%s_count%s", m->name, m->labels);
    write_number(out, (double)below);
}

static int by_name(const void *a, const void *b)
{
    const struct tl_metric *x = *(struct tl_metric *const *)a, *y = *(struct tl_metric *const *)b;
    int order = strcmp(x->name, y->name);
    return order ? order : strcmp(x->labels, y->labels);
}

static void write_head(const char *name, const char *help, enum tl_metric_kind kind, struct tl_buf *out)
{
    static const char *const kinds[] = { "counter", "gauge", "histogram" };
    tl_buf_addf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kinds[kind]);
}

void tl_metrics_write(struct tl_buf *out)
{
    pthread_mutex_lock(&registry.lock);
    qsort(registry.metrics, registry.count, sizeof *registry.metrics, by_name);
    for (size_t i = 0; i < registry.count; i++) {
        const struct tl_metric *m = registry.metrics[i];
        if (i == 0 || strcmp(registry.metrics[i - 1]->name, m->name) != 0)
            write_head(m->name, m->help, m->kind, out);
        if (m->kind == TL_METRIC_HISTOGRAM) {
            write_histogram(m, out);
            continue;
        }
        tl_buf_addf(out, m->labels[0] ? "%s{%s}" : "%s%s", m->name, m->labels);
        write_number(out, tl_metric_value(m));
    }
    if (registry.refused) {
        const char *name = "tapeline_metrics_refused_total"; /* rare enough to stand last, out of order */
        write_head(name, "Registrations that found no place in the registry.", TL_METRIC_COUNTER, out);
        tl_buf_add_text(out, name);
        write_number(out, (double)registry.refused);
    }
    pthread_mutex_unlock(&registry.lock);
}
