/* SPDX-License-Identifier: Apache-2.0 */
/* cli/row_files.h: rows that another engine wrote as JSON lines (cli/engine_request.h), read strictly. */
#pragma once

#include "base/rows.h"

/* All rows of the folder's files into out, which has the columns. A folder that is not there has none. */
TL_MUST_USE bool tl_row_files_read(const char *folder, struct tl_rows *out, struct tl_error *error);
