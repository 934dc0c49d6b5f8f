/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/output.h"

#include <errno.h>
#include <stdio.h>

static bool tell(bool ok, bool *closed, struct tl_error *error)
{
    *closed = !ok && errno == EPIPE;
    if (*closed)
        clearerr(stdout);
    return ok || *closed || tl_error_sys(error, errno, "cannot write to stdout");
}

bool tl_output_write(struct tl_view text, bool *closed, struct tl_error *error)
{
    *closed = false;
    return text.size == 0 || tell(fwrite(text.data, 1, text.size, stdout) == text.size, closed, error);
}

bool tl_output_flush(bool *closed, struct tl_error *error)
{
    return tell(fflush(stdout) == 0, closed, error);
}
