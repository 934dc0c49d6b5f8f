/* SPDX-License-Identifier: Apache-2.0 */
/* trino/prelude.h: what the rewritten SQL (trino/rewrite.h) calls: settings, macros, and functions in C. */
#pragma once

#include "lake/duck.h"

/* Before the settings are locked. */
TL_MUST_USE bool tl_trino_prelude(struct tl_duck *duck, struct tl_error *error);
