/* SPDX-License-Identifier: Apache-2.0 */
/* support.h: what unit tests share: cmocka's includes in their order, temporary folders, seeded random
 * numbers. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/file.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

/* A fresh folder; give it to test_dir_remove. */
static inline char *test_dir_new(void)
{
    char *path = strdup("/tmp/tapeline-test-XXXXXX");
    assert_non_null(path);
    assert_non_null(mkdtemp(path));
    return path;
}

static inline void test_dir_remove(char *path)
{
    struct tl_error error;
    if (!tl_dir_remove(path, &error))
        fail_msg("%s", error.text);
    free(path);
}

struct test_random {
    uint64_t state;
};

/* TL_SEED repeats a run; else the time, printed. */
static inline struct test_random test_random_new(void)
{
    const char *given = getenv("TL_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL) * 1000003u + (uint64_t)getpid();
    print_message("TL_SEED=%llu\n", (unsigned long long)seed);
    return (struct test_random){ seed * 2 + 1 };
}

static inline uint64_t test_random_u64(struct test_random *r)
{
    r->state ^= r->state << 13;
    r->state ^= r->state >> 7;
    r->state ^= r->state << 17;
    return r->state * UINT64_C(0x2545f4914f6cdd1d);
}

/* In [0, below). */
static inline uint64_t test_random_below(struct test_random *r, uint64_t below)
{
    return test_random_u64(r) % below;
}

/* The shared reference data ($TL_SHARED, else ../shared beside the project), or NULL after saying so loudly.
 */
static inline const char *test_shared(void)
{
    static char path[4096];
    const char *given = getenv("TL_SHARED");
    if (given)
        snprintf(path, sizeof path, "%s", given);
    else
        snprintf(path, sizeof path, "%s/../shared", TL_SOURCE_DIR);
    if (access(path, R_OK) == 0)
        return path;
    print_message(">>> SHARED DATA ABSENT: %s is not there, this test proves nothing\n", path);
    return NULL;
}

static inline void test_ok(bool ok, const struct tl_error *error)
{
    if (!ok)
        fail_msg("%s (%s:%d)", error->text, error->file, error->line);
}
