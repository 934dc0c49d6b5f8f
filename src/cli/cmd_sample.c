/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/data_folder.h"
#include "lake/sample.h"

#include <stdio.h>
#include <stdlib.h>

static const struct tl_option options[] = {
    { "lake", TL_OPTION_TEXT, "DIR", "the lake's folder (default " TL_DATA_DEFAULT "/lake)" },
    { "year", TL_OPTION_COUNT, "YEAR", "the year (default 2024)" },
    { "tickers", TL_OPTION_COUNT, "N", "how many tickers (default 10)" },
    { "seed", TL_OPTION_COUNT, "N", "another seed gives other prices (default 1)" },
};

static int sample_run(const struct tl_args *args)
{
    struct tl_sample_options sample = {
        .year = (int)tl_args_count(args, "year", 2024),
        .tickers = (unsigned)tl_args_count(args, "tickers", 10),
        .seed = tl_args_count(args, "seed", 1),
    };
    if (tl_args_count(args, "year", 2024) > 2100 || tl_args_count(args, "year", 2024) < 1990 || sample.tickers < 1 ||
        tl_args_count(args, "tickers", 10) > 100000) {
        fputs("tapeline sample: --year is 1990 to 2100, --tickers is 1 to 100000\n", stderr);
        return TL_EXIT_USAGE;
    }
    struct tl_error error;
    struct tl_store *lake;
    struct tl_sample_stats stats;
    if (!tl_store_open(&lake, tl_args_text(args, "lake", TL_DATA_DEFAULT "/lake"), &error))
        return tl_report(&error);
    int code = TL_EXIT_OK;
    if (tl_sample_write(lake, &sample, &stats, &error))
        fprintf(stderr, "wrote %llu rows of synthetic history of %llu tickers, %s to %s, in %s/curated/stocks_features\n",
                (unsigned long long)stats.rows, (unsigned long long)stats.tickers, stats.first_date, stats.last_date,
                tl_store_root(lake));
    else
        code = tl_report(&error);
    tl_store_close(lake);
    return code;
}

const struct tl_command tl_command_sample = {
    .name = "sample",
    .summary = "write seeded synthetic price history into a lake",
    .options = options,
    .option_count = TL_COUNT(options),
    .examples = "  tapeline sample --year 2024 --tickers 10\n",
    .run = sample_run,
};
