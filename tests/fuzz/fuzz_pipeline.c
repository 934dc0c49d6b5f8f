/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a pipeline file: a plan or a message. */
#include "sql/pipeline.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tl_pipeline_options options = { .file_name = "fuzz.sql" };
    struct tl_diagnostics diagnostics;
    struct tl_plan *plan;
    tl_diagnostics_init(&diagnostics);
    bool ok =
        tl_pipeline_compile((struct tl_view){ (const char *)data, size }, &options, &plan, &diagnostics);
    if (ok != (diagnostics.count == 0) || ok != (plan != NULL))
        abort();
    tl_plan_free(plan);
    tl_diagnostics_release(&diagnostics);
    return 0;
}
