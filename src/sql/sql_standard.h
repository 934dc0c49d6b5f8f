/* SPDX-License-Identifier: Apache-2.0 */
/* sql/sql_standard.h: the rules of every dialect, behind its own. For sql_text.c. */
#pragma once

#include "sql/sql_text.h"

extern const struct tl_sql_rule tl_sql_standard[];
extern const size_t tl_sql_standard_count;
