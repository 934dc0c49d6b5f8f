/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/sink_format.h"

#include "base/compiler.h"

static const char *const names[] = { [TL_SINK_PARQUET] = "parquet", [TL_SINK_DELTA] = "delta", [TL_SINK_CSV] = "csv", [TL_SINK_JSON] = "json" };

const char *tl_sink_format_name(enum tl_sink_format format)
{
    return names[format];
}

enum tl_sink_format tl_sink_format_parse(struct tl_view name)
{
    for (size_t i = 0; i < TL_COUNT(names); i++)
        if (tl_view_is(name, names[i]))
            return (enum tl_sink_format)i;
    return TL_SINK_PARQUET;
}

bool tl_sink_format_is_text(enum tl_sink_format format)
{
    return format == TL_SINK_CSV || format == TL_SINK_JSON;
}

const char *tl_sink_format_ending(enum tl_sink_format format)
{
    return format == TL_SINK_CSV ? ".csv" : format == TL_SINK_JSON ? ".json" : ".parquet";
}
