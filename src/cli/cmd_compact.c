/* SPDX-License-Identifier: Apache-2.0 */
#include "base/time.h"
#include "cli/commands.h"
#include "cli/data_folder.h"
#include "cli/ticker.h"
#include "lake/catalog.h"
#include "lake/compact.h"

#include <stdio.h>
#include <stdlib.h>

static const struct tl_option options[] = {
    { "data", TL_OPTION_TEXT, "DIR", "the data folder whose lake it is (default " TL_DATA_DEFAULT ")" },
    { "lake", TL_OPTION_TEXT, "DIR", "a lake's folder or s3://bucket/prefix, instead of --data" },
    { "min-files", TL_OPTION_COUNT, "N", "leave partitions with fewer small files alone (default 8)" },
    { "keep", TL_OPTION_TEXT, "SPAN", "how long replaced files stay for queries that run (default '1 h')" },
};

static bool is_wanted(const struct tl_catalog_table *table, const char *name)
{
    char full[600];
    snprintf(full, sizeof full, "%s.%s", table->database, table->name);
    return !name || strcmp(name, full) == 0;
}

static bool compact_tables(struct tl_store *lake, const struct tl_compact_options *o, const char *name, struct tl_error *error)
{
    struct tl_catalog catalog;
    struct tl_duck *duck = NULL;
    struct tl_ticker ticker;
    bool found = false;
    if (!tl_catalog_load(lake, &catalog, error))
        return false;
    bool ok = tl_duck_open(&duck, error);
    tl_ticker_start(&ticker, "compact");
    for (size_t i = 0; ok && i < catalog.count; i++) {
        const struct tl_catalog_table *t = &catalog.tables[i];
        struct tl_compact_stats stats = { 0 };
        if (!is_wanted(t, name))
            continue;
        found = true;
        tl_ticker_set(&ticker, i, catalog.count, t->name);
        ok = tl_compact_table(lake, duck, t->path, o, &stats, error) || tl_error_context(error, "table '%s.%s'", t->database, t->name);
        tl_ticker_clear(&ticker);
        if (ok && (stats.merged || stats.deleted))
            printf("%s.%s: %zu files became %zu, in %zu partitions; %zu old files deleted\n", t->database, t->name, stats.merged, stats.into, stats.partitions,
                   stats.deleted);
    }
    tl_ticker_stop(&ticker);
    if (ok && name && !found)
        ok = tl_error_set(error, TL_NOT_FOUND, "there is no table '%s' in the lake '%s'", name, tl_store_root(lake));
    tl_duck_close(duck);
    tl_catalog_release(&catalog);
    return ok;
}

static int compact_run(const struct tl_args *args)
{
    struct tl_error error;
    struct tl_store *lake = NULL;
    struct tl_compact_options o = { .min_files = tl_args_count(args, "min-files", 8) };
    if (!tl_duration_parse(tl_view_of(tl_args_text(args, "keep", "1 h")), &o.keep_ns) || o.min_files < 2) {
        fputs("tapeline compact: --keep is a span such as '1 h', --min-files at least 2\n", stderr);
        return TL_EXIT_USAGE;
    }
    char *root = tl_args_has(args, "lake") ? strdup(tl_args_text(args, "lake", NULL)) : tl_data_path(tl_args_text(args, "data", TL_DATA_DEFAULT), "lake");
    bool ok = root || tl_error_set(&error, TL_NO_MEMORY, "out of memory");
    if (ok && !tl_store_is_s3(root) && !tl_file_exists(root))
        ok = tl_error_set(&error, TL_NOT_FOUND, "there is no lake at '%s' (give its folder with --data or --lake)", root);
    ok = ok && tl_store_open(&lake, root, &error) && compact_tables(lake, &o, tl_args_positional(args, 0), &error);
    tl_store_close(lake);
    free(root);
    return ok ? TL_EXIT_OK : tl_report(&error);
}

const struct tl_command tl_command_compact = {
    .name = "compact",
    .summary = "merge the small files of the lake's tables",
    .positional = "[TABLE]",
    .positional_max = 1,
    .options = options,
    .option_count = TL_COUNT(options),
    .examples = "  tapeline compact\n"
                "  tapeline compact stock_streaming_database.avg_1min --keep '10 min'\n",
    .run = compact_run,
};
