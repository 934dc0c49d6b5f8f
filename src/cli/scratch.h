/* SPDX-License-Identifier: Apache-2.0 */
/* cli/scratch.h: a folder for the time of a command, below TMPDIR (/tmp). */
#pragma once

#include "base/error.h"

struct tl_scratch {
    char path[512]; /* "": none */
};
TL_MUST_USE bool tl_scratch_open(struct tl_scratch *s, struct tl_error *error);
void tl_scratch_close(struct tl_scratch *s); /* with all that is in it */
