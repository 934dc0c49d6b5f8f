/* SPDX-License-Identifier: Apache-2.0 */
/* cli/ledger_text.h: the conservation ledger (rule 9), for people and for programs. */
#pragma once

#include "engine/engine.h"

#include <stdio.h>

void tl_ledger_print(FILE *out, const struct tl_ledger *ledger);
/* One line: {"received":...,"windows":...} as DESIGN section 5 says; where something was lost also "gaps" and "gap_records". */
void tl_ledger_print_json(FILE *out, const struct tl_ledger *ledger);
