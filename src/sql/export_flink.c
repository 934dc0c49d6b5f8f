/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/export.h"

bool tl_export_flink(const struct tl_plan *plan, const struct tl_export_options *options, struct tl_export *out,
                     struct tl_error *error)
{
    (void)options;
    (void)out;
    return tl_error_set(error, TL_UNSUPPORTED, "pipeline '%s': this version does not export to Flink; 'tapeline export spark' does to Spark",
                        plan->name);
}
