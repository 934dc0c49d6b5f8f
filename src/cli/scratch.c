/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/scratch.h"

#include "base/file.h"
#include "base/io.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

bool tl_scratch_open(struct tl_scratch *s, struct tl_error *error)
{
    const char *base = getenv("TMPDIR");
    uint64_t random;
    s->path[0] = '\0';
    if (!tl_io->random(&random, sizeof random))
        return tl_error_set(error, TL_IO, "no random bytes for the name of a temporary folder");
    int size = snprintf(s->path, sizeof s->path, "%s/tapeline-%016" PRIx64, base && base[0] ? base : "/tmp", random);
    if (size < 0 || (size_t)size >= sizeof s->path) {
        s->path[0] = '\0';
        return tl_error_set(error, TL_INVALID, "TMPDIR is too long");
    }
    return tl_dir_make(s->path, error) || tl_error_context(error, "the temporary folder (TMPDIR says where)");
}

void tl_scratch_close(struct tl_scratch *s)
{
    struct tl_error ignored; /* what cannot be removed stays: the command is over */
    if (s->path[0] && !tl_dir_remove(s->path, &ignored))
        fprintf(stderr, "tapeline: %s\n", ignored.text);
    s->path[0] = '\0';
}
