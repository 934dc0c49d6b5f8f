/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/data_folder.h"
#include "cli/pipeline_file.h"
#include "cli/places.h"
#include "cli/signals.h"
#include "cli/ticker.h"
#include "lake/batch_glue.h"
#include "lake/ingest.h"

#include <inttypes.h>
#include <stdio.h>

static const struct tl_option options[] = {
    { "lake", TL_OPTION_TEXT, "DIR", "the lake, a folder or s3://bucket/prefix, instead of --data" },
    { "data", TL_OPTION_TEXT, "DIR", "the data folder whose lake it is (default " TL_DATA_DEFAULT ")" },
    { "pipeline", TL_OPTION_TEXT, "FILE", "the file whose profile tells where the lake is, and whether AWS Glue is told (default: the built-in stock_stream)" },
    { "profile", TL_OPTION_TEXT, "P", "the file's profile (default: its default)" },
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

static int ingest_into(const struct tl_args *args, struct tl_store *lake, const struct tl_glue_options *glue)
{
    static const char *const tables[] = { TL_PROCESSED_TABLE, TL_REJECTS_TABLE };
    struct tl_error error;
    struct tl_ingest *ingest;
    struct tl_ingest_stats stats = { 0 };
    if (!tl_ingest_open(&ingest, lake, &error))
        return tl_report(&error);
    int code = ingest_files(ingest, args, &stats);
    report(&stats, tl_store_root(lake));
    tl_ingest_close(ingest);
    return tl_batch_glue_tell(glue, lake, tables, TL_COUNT(tables), &error) ? code : tl_report(&error);
}

static int ingest_of(const struct tl_args *args, const struct tl_profile_plan *profile)
{
    struct tl_error error;
    struct tl_places places;
    struct tl_glue_options glue;
    struct tl_store *lake;
    if (!tl_places_look(&places, tl_args_text(args, "data", NULL), tl_args_text(args, "lake", NULL), NULL, true, profile, &error))
        return tl_report(&error);
    struct tl_store_options store = { .region = places.region, .staging = places.staging };
    int code = tl_store_open_with(&lake, places.lake, &store, &error) ? ingest_into(args, lake, tl_places_glue(&places, profile, &glue))
                                                                      : tl_report(&error);
    tl_store_close(lake);
    tl_places_close(&places);
    return code;
}

static int ingest_run(const struct tl_args *args)
{
    struct tl_plan *plan = NULL;
    const char *profile = tl_args_text(args, "profile", NULL);
    int code = tl_pipeline_file_load(tl_args_text(args, "pipeline", NULL), profile, &plan);
    if (code == TL_EXIT_OK)
        code = ingest_of(args, tl_plan_profile(plan, profile));
    tl_plan_free(plan);
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
                "  tapeline ingest prices/*.csv --profile aws                        (to S3, and AWS Glue)\n"
                "  (the ticker is taken from a column, from a three-line header, or from the file's name;\n"
                "   what cannot be read is kept, with the reason, in " TL_REJECTS_TABLE ")\n",
    .run = ingest_run,
};
