/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/data_folder.h"
#include "cli/signals.h"
#include "cli/ticker.h"
#include "lake/ingest.h"

#include <inttypes.h>
#include <stdio.h>

static const struct tl_option options[] = {
    { "lake", TL_OPTION_TEXT, "DIR", "the lake's folder (default " TL_DATA_DEFAULT "/lake)" },
};

static void report(const struct tl_ingest_stats *s, const char *lake)
{
    if (s->files == 0)
        return;
    fprintf(stderr, "ingested %" PRIu64 " rows of %" PRIu64 " tickers from %" PRIu64 " files, %s to %s, into %s/" TL_PROCESSED_PATH ": ", s->rows,
            s->tickers, s->files, s->first_date, s->last_date, lake);
    if (s->changed)
        fprintf(stderr, "%" PRIu64 " rows new or changed, %" PRIu64 " partitions written\n", s->changed, s->partitions);
    else
        fputs("nothing has changed\n", stderr);
    if (s->rejected)
        fprintf(stderr, "%" PRIu64 " rows were rejected: tapeline query \"SELECT * FROM " TL_REJECTS_TABLE "\" --lake %s\n", s->rejected, lake);
    if (s->changed)
        fprintf(stderr, "next: 'tapeline build pipelines/lakehouse.sql --lake %s' makes what is computed of it\n", lake);
}

/* A file that cannot be read does not keep the others out. */
static int ingest_files(struct tl_ingest *g, const struct tl_args *args, struct tl_ingest_stats *stats)
{
    struct tl_error error;
    struct tl_ticker ticker;
    int code = TL_EXIT_OK;
    size_t count = tl_args_positional_count(args);
    tl_ticker_start(&ticker, "ingest");
    for (size_t i = 0; i < count && code < 128; i++) {
        const char *path = tl_args_positional(args, i), *slash = strrchr(path, '/');
        tl_ticker_set(&ticker, i, count, slash ? slash + 1 : path);
        if (__atomic_load_n(tl_signals_stopping(), __ATOMIC_ACQUIRE)) {
            code = 128 + tl_signals_received();
        } else if (!tl_ingest_file(g, path, stats, &error)) {
            tl_ticker_clear(&ticker);
            code = tl_report(&error);
        }
    }
    tl_ticker_stop(&ticker);
    return code;
}

static int ingest_run(const struct tl_args *args)
{
    struct tl_error error;
    struct tl_store *lake;
    struct tl_ingest *ingest;
    struct tl_ingest_stats stats = { 0 };
    if (!tl_store_open(&lake, tl_args_text(args, "lake", TL_DATA_DEFAULT "/lake"), &error))
        return tl_report(&error);
    int code;
    if (tl_ingest_open(&ingest, lake, &error)) {
        code = ingest_files(ingest, args, &stats);
        report(&stats, tl_store_root(lake));
        tl_ingest_close(ingest);
    } else {
        code = tl_report(&error);
    }
    tl_store_close(lake);
    return code;
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
                "  (the ticker is taken from a column, from a three-line header, or from the file's name;\n"
                "   what cannot be read is kept, with the reason, in " TL_REJECTS_TABLE ")\n",
    .run = ingest_run,
};
