/* SPDX-License-Identifier: Apache-2.0 */
/* cli/output.h: what a command prints on stdout. */
#pragma once

#include "base/error.h"
#include "base/view.h"

/* Writes to stdout. *closed: whoever read it has gone away (EPIPE), which is the end of printing and no error. */
TL_MUST_USE bool tl_output_write(struct tl_view text, bool *closed, struct tl_error *error);
/* What is buffered, too. */
TL_MUST_USE bool tl_output_flush(bool *closed, struct tl_error *error);
