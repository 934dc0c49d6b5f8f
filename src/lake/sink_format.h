/* SPDX-License-Identifier: Apache-2.0 */
/* lake/sink_format.h: what the files of a sink are. */
#pragma once

enum tl_sink_format {
    TL_SINK_PARQUET,
    TL_SINK_DELTA, /* Parquet files, and a log beside them that says which of them count */
    TL_SINK_CSV,  /* with a head line */
    TL_SINK_JSON, /* lines */
};
enum tl_sink_compression { TL_SINK_ZSTD, TL_SINK_SNAPPY }; /* of Parquet */
