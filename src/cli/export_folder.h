/* SPDX-License-Identifier: Apache-2.0 */
/* cli/export_folder.h: the engines that a pipeline can be exported to, and the export as files. */
#pragma once

#include "sql/export.h"

#include <stdio.h>

struct tl_export_engine {
    const char *name; /* "spark" */
    bool (*write)(const struct tl_plan *plan, const struct tl_export_options *options, struct tl_export *out, struct tl_error *error);
};
/* NULL: there is none of that name. */
const struct tl_export_engine *tl_export_engine_find(const char *name);
/* Whether the engine can do what the plan says: where not, it is told before anything is started. */
TL_MUST_USE bool tl_export_check(const struct tl_plan *plan, const struct tl_export_engine *engine, const struct tl_export_options *options,
                                 struct tl_error *error);
/* Writes the files, the job last, so that where it stands all do; makes the folder. Files of the same names are replaced. Their
 * paths go to told, a line each, where it is not NULL. */
TL_MUST_USE bool tl_export_folder_write(const struct tl_plan *plan, const struct tl_export_engine *engine,
                                        const struct tl_export_options *options, const char *folder, FILE *told, struct tl_error *error);
