/* SPDX-License-Identifier: Apache-2.0 */
/* lake/sink_format.h: what the files of a sink are. */
#pragma once

#include "base/view.h"

#include <stdbool.h>

enum tl_sink_format {
    TL_SINK_PARQUET,
    TL_SINK_DELTA, /* Parquet files, and a log beside them that says which of them count */
    TL_SINK_CSV,  /* with a head line */
    TL_SINK_JSON, /* lines */
};
enum tl_sink_compression { TL_SINK_ZSTD, TL_SINK_SNAPPY }; /* of Parquet */

const char *tl_sink_format_name(enum tl_sink_format format); /* "csv" */
/* A name that is none of them is Parquet: catalogs of before say nothing. */
enum tl_sink_format tl_sink_format_parse(struct tl_view name);
bool tl_sink_format_is_text(enum tl_sink_format format);
const char *tl_sink_format_ending(enum tl_sink_format format); /* of its files: ".csv" */
