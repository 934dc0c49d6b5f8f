/* SPDX-License-Identifier: Apache-2.0 */
#include "net/retry.h"

#include "base/io.h"

int64_t tl_retry_delay_ns(unsigned attempt, int64_t base_ns, int64_t cap_ns)
{
    int64_t most = base_ns;
    while (attempt-- > 0 && most < cap_ns)
        most = most > cap_ns / 2 ? cap_ns : most * 2;
    most = most > cap_ns ? cap_ns : most;
    uint64_t random = 0;
    if (!tl_io->random(&random, sizeof random))
        return most;
    return (int64_t)(random % ((uint64_t)most + 1));
}
