/* SPDX-License-Identifier: Apache-2.0 */
/* lake/trading_days.h: the days on which the New York Stock Exchange trades: weekdays but its holidays. Single closings (hurricanes, days of
 * mourning) are not in it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* days: since 1970-01-01. Years 1990 to 2100. */
bool tl_is_trading_day(int64_t days);
