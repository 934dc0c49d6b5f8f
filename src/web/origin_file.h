/* SPDX-License-Identifier: Apache-2.0 */
/* web/origin_file.h: which file of the lake holds a row. */
#pragma once

#include "codec/json_writer.h"
#include "web/web_int.h"

/* Adds "file" (its name relative to the lake) and "file_bytes": null where no file has a row of the key and window (by its end) of rows' first row. Runs
 * a query: on a job's thread. */
void tl_web_origin_file(struct tl_web_job *job, size_t view, const struct tl_rows *rows, int64_t end_ns, struct tl_json_writer *w);
