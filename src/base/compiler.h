/* SPDX-License-Identifier: Apache-2.0 */
/* base/compiler.h: the few macros of the house, and nothing with a hidden return or jump in it. */
#pragma once

#define TL_MUST_USE __attribute__((warn_unused_result))
#define TL_PRINTF(fmt_at, args_at) __attribute__((format(printf, fmt_at, args_at)))
#define TL_COUNT(array) (sizeof(array) / sizeof((array)[0]))
