/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ledger_text.h"

#include <inttypes.h>

void tl_ledger_print(FILE *out, const struct tl_ledger *l)
{
    fprintf(out,
            "received %" PRIu64 " = aggregated %" PRIu64 " + late %" PRIu64 " + malformed %" PRIu64
            " + duplicate %" PRIu64 " + filtered %" PRIu64 "; windows %" PRIu64 "\n",
            l->received, l->aggregated, l->late, l->malformed, l->duplicate, l->filtered, l->windows);
    if (l->gaps)
        fprintf(out, "gaps %" PRIu64 ": retention deleted records before they were read", l->gaps);
    if (l->gaps && l->gap_records)
        fprintf(out, ", up to %" PRIu64 " where that can be known", l->gap_records);
    if (l->gaps)
        fputs(" (on_data_loss = 'continue')\n", out);
}

void tl_ledger_print_json(FILE *out, const struct tl_ledger *l)
{
    fprintf(out,
            "{\"received\":%" PRIu64 ",\"aggregated\":%" PRIu64 ",\"late\":%" PRIu64 ",\"malformed\":%" PRIu64
            ",\"duplicate\":%" PRIu64 ",\"filtered\":%" PRIu64 ",\"windows\":%" PRIu64,
            l->received, l->aggregated, l->late, l->malformed, l->duplicate, l->filtered, l->windows);
    if (l->gaps)
        fprintf(out, ",\"gaps\":%" PRIu64 ",\"gap_records\":%" PRIu64, l->gaps, l->gap_records);
    fputs("}\n", out);
}
