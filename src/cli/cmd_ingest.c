/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/data_folder.h"
#include "lake/sample.h"

#include <stdio.h>

#define FILES_MAX 4096

static const struct tl_option options[] = {
    { "lake", TL_OPTION_TEXT, "DIR", "the lake's folder (default " TL_DATA_DEFAULT "/lake)" },
};

static int ingest(const struct tl_args *args, const char *const *paths, size_t count)
{
    struct tl_error error;
    struct tl_store *lake;
    struct tl_ingest_stats stats;
    if (!tl_store_open(&lake, tl_args_text(args, "lake", TL_DATA_DEFAULT "/lake"), &error))
        return tl_report(&error);
    int code = TL_EXIT_OK;
    if (tl_ingest_csv(lake, paths, count, &stats, &error))
        fprintf(stderr, "ingested %llu rows of %llu tickers from %llu files, %s to %s, into %s/curated/stocks_features\n",
                (unsigned long long)stats.rows, (unsigned long long)stats.tickers, (unsigned long long)stats.files,
                stats.first_date, stats.last_date, tl_store_root(lake));
    else
        code = tl_report(&error);
    tl_store_close(lake);
    return code;
}

static int ingest_run(const struct tl_args *args)
{
    const char *paths[FILES_MAX];
    size_t count = tl_args_positional_count(args);
    if (count > TL_COUNT(paths)) {
        fprintf(stderr, "tapeline ingest: at most %zu files at once\n", TL_COUNT(paths));
        return TL_EXIT_USAGE;
    }
    for (size_t i = 0; i < count; i++)
        paths[i] = tl_args_positional(args, i);
    return ingest(args, paths, count);
}

const struct tl_command tl_command_ingest = {
    .name = "ingest",
    .summary = "bring price history from yfinance CSV files into the lake",
    .positional = "CSV...",
    .positional_min = 1,
    .positional_max = 1 << 20,
    .options = options,
    .option_count = TL_COUNT(options),
    .examples = "  tapeline ingest prices/*.csv\n"
                "  (the ticker is taken from a column, from a three-line header, or from the file's name)\n",
    .run = ingest_run,
};
