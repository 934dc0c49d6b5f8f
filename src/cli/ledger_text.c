/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/ledger_text.h"

#include <inttypes.h>

void tl_ledger_print(FILE *out, const struct tl_ledger *l)
{
    fprintf(out,
            "received %" PRIu64 " = aggregated %" PRIu64 " + late %" PRIu64 " + malformed %" PRIu64
            " + duplicate %" PRIu64 " + filtered %" PRIu64 "; windows %" PRIu64 "\n",
            l->received, l->aggregated, l->late, l->malformed, l->duplicate, l->filtered, l->windows);
}

void tl_ledger_print_json(FILE *out, const struct tl_ledger *l)
{
    fprintf(out,
            "{\"received\":%" PRIu64 ",\"aggregated\":%" PRIu64 ",\"late\":%" PRIu64 ",\"malformed\":%" PRIu64
            ",\"duplicate\":%" PRIu64 ",\"filtered\":%" PRIu64 ",\"windows\":%" PRIu64 "}\n",
            l->received, l->aggregated, l->late, l->malformed, l->duplicate, l->filtered, l->windows);
}
