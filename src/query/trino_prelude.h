/* SPDX-License-Identifier: Apache-2.0 */
/* query/trino_prelude.h: what the rewritten SQL (query/trino_rewrite.h) calls: settings, macros, and functions in C. */
#pragma once

#include "lake/duck.h"

/* Before the settings are locked. */
TL_MUST_USE bool tl_trino_prelude(struct tl_duck *duck, struct tl_error *error);
