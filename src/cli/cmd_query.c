/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/data_folder.h"
#include "cli/signals.h"
#include "query/query.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct tl_option options[] = {
    { "data", TL_OPTION_TEXT, "DIR", "the data folder whose lake is queried (default " TL_DATA_DEFAULT ")" },
    { "lake", TL_OPTION_TEXT, "DIR", "a lake's folder, instead of --data" },
    { "format", TL_OPTION_TEXT, "F", "table, csv, json or parquet (default: table on a terminal, else csv)" },
    { "max-rows", TL_OPTION_COUNT, "N", "give at most so many rows (default 1000000)" },
    { "engine", TL_OPTION_TEXT, "E", "local (default); athena is not in this version yet" },
};

static bool format_parse(const char *text, enum tl_query_format *out)
{
    static const char *const names[] = { "table", "csv", "json", "parquet" };
    static const enum tl_query_format formats[] = { TL_QUERY_TABLE, TL_QUERY_CSV, TL_QUERY_JSON, TL_QUERY_PARQUET };
    for (size_t i = 0; i < TL_COUNT(names); i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = formats[i];
            return true;
        }
    }
    return false;
}

static int run_query(const struct tl_args *args, const char *lake, enum tl_query_format format)
{
    struct tl_error error;
    struct tl_query_options query = {
        .lake_root = lake,
        .sql = tl_args_positional(args, 0),
        .format = format,
        .row_max = tl_args_count(args, "max-rows", 0),
        .cancel = tl_signals_stopping(),
        .output_fd = STDOUT_FILENO,
    };
    struct tl_query_result result;
    if (!tl_query_run(&query, &result, &error)) {
        int signal_number = tl_signals_received();
        return signal_number ? 128 + signal_number : tl_report(&error);
    }
    if (result.truncated)
        fprintf(stderr, "tapeline query: cut after %llu rows (see --max-rows)\n", (unsigned long long)result.rows);
    tl_query_result_release(&result);
    return TL_EXIT_OK;
}

static int query_run(const struct tl_args *args)
{
    const char *text = tl_args_text(args, "format", isatty(STDOUT_FILENO) ? "table" : "csv");
    enum tl_query_format format;
    if (!format_parse(text, &format)) {
        fprintf(stderr, "tapeline query: --format is table, csv, json or parquet, not '%s'\n", text);
        return TL_EXIT_USAGE;
    }
    const char *engine = tl_args_text(args, "engine", "local");
    if (strcmp(engine, "local") != 0) {
        fprintf(stderr, "tapeline query: --engine %s is not supported by this version (local is)\n", engine);
        return strcmp(engine, "athena") == 0 ? TL_EXIT_FAILED : TL_EXIT_USAGE;
    }
    char *lake = tl_args_has(args, "lake") ? strdup(tl_args_text(args, "lake", NULL))
                                           : tl_data_path(tl_args_text(args, "data", TL_DATA_DEFAULT), "lake");
    if (!lake) {
        fputs("tapeline: out of memory\n", stderr);
        return TL_EXIT_FAILED;
    }
    int code = run_query(args, lake, format);
    free(lake);
    return code;
}

const struct tl_command tl_command_query = {
    .name = "query",
    .summary = "run SQL over the lake",
    .positional = "SQL",
    .positional_min = 1,
    .positional_max = 1,
    .options = options,
    .option_count = TL_COUNT(options),
    .examples = "  tapeline query \"SELECT * FROM stock_streaming_database.avg_1min ORDER BY window_end DESC LIMIT 10\"\n"
                "  tapeline query \"SELECT * FROM curated.stocks_features LIMIT 5\" --format json\n",
    .run = query_run,
};
