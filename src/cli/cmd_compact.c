/* SPDX-License-Identifier: Apache-2.0 */
#include "base/io.h"
#include "base/time.h"
#include "cli/commands.h"
#include "cli/data_folder.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "lake/catalog.h"
#include "lake/compact.h"
#include "lake/glue.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const struct tl_option options[] = {
    { "data", TL_OPTION_TEXT, "DIR", "the data folder whose lake it is (default " TL_DATA_DEFAULT ")" },
    { "lake", TL_OPTION_TEXT, "DIR", "a lake's folder or s3://bucket/prefix, instead of --data" },
    { "min-files", TL_OPTION_COUNT, "N", "leave partitions with fewer small files alone (default 8)" },
    { "keep", TL_OPTION_TEXT, "SPAN", "how long replaced files stay for queries that run (default '1 h')" },
    { "glue", TL_OPTION_FLAG, NULL, "a lake in S3: closed partitions that are registered in AWS Glue are pointed to the merged files" },
    { "no-listers", TL_OPTION_FLAG, NULL, "nobody but tapeline reads this lake in S3: delete what was replaced" },
};

struct compaction {
    struct tl_store *lake;
    struct tl_duck *duck;
    struct tl_compact_options options;
    struct tl_progress progress;
    struct tl_glue_move at; /* Glue, or NULL; the table at work */
};

static bool is_wanted(const struct tl_catalog_table *table, const char *name)
{
    char full[600];
    snprintf(full, sizeof full, "%s.%s", table->database, table->name);
    return !name || strcmp(name, full) == 0;
}

static void show_progress(void *arg, const struct tl_compact_stats *stats, size_t partition_count)
{
    struct compaction *c = arg;
    if (tl_progress_due(&c->progress, tl_io->monotonic_ns()))
        tl_progress_show(&c->progress, "%s.%s: partition %zu of %zu, %zu files merged into %zu", c->at.table->database, c->at.table->name, stats->partitions,
                         partition_count, stats->merged, stats->into);
}

/* Whether the table's listers can be turned through Glue. */
static bool choose_listers(struct compaction *c, bool none, struct tl_error *error)
{
    bool found, projected;
    c->options.listers = tl_store_folder(c->lake) ? TL_LISTERS_FOLDER : none ? TL_LISTERS_NONE : TL_LISTERS_KEPT;
    if (!c->at.glue || !c->at.table->partition_count)
        return true;
    if (!tl_glue_look(c->at.glue, c->at.table, &found, &projected, error))
        return false;
    if (found && !projected)
        c->options.listers = TL_LISTERS_POINTED;
    else
        fprintf(stderr, "%s.%s: %s: its small files stay for those that list them\n", c->at.table->database, c->at.table->name,
                found ? "Glue computes its partitions (glue_partitions = 'projection'), and these have no place that could be moved"
                      : "is not in Glue");
    return true;
}

static bool compact_table(struct compaction *c, bool no_listers, struct tl_error *error)
{
    const struct tl_catalog_table *t = c->at.table;
    struct tl_compact_stats stats = { .merged = 0 };
    bool ok = choose_listers(c, no_listers, error) && tl_compact_table(c->lake, c->duck, t->path, &c->options, &stats, error);
    if (ok || stats.merged)
        tl_progress_end(&c->progress, "%s.%s: %zu partitions looked at", t->database, t->name, stats.partitions);
    if (stats.merged || stats.deleted)
        printf("%s.%s: %zu files became %zu, in %zu partitions; %zu old files deleted\n", t->database, t->name, stats.merged, stats.into, stats.partitions,
               stats.deleted);
    if (ok && stats.kept)
        printf("%s.%s: %zu replaced files stay for programs that list the lake\n", t->database, t->name, stats.kept);
    return ok || tl_error_context(error, "table '%s.%s'", t->database, t->name);
}

static bool compact_tables(struct compaction *c, const char *name, bool no_listers, struct tl_error *error)
{
    struct tl_catalog catalog;
    bool found = false;
    if (!tl_catalog_load(c->lake, &catalog, error))
        return false;
    bool ok = tl_duck_open(&c->duck, error);
    for (size_t i = 0; ok && i < catalog.count; i++) {
        if (!is_wanted(&catalog.tables[i], name))
            continue;
        found = true;
        c->at.table = &catalog.tables[i];
        ok = compact_table(c, no_listers, error);
    }
    if (ok && name && !found)
        ok = tl_error_set(error, TL_NOT_FOUND, "there is no table '%s' in the lake '%s'", name, tl_store_root(c->lake));
    tl_duck_close(c->duck);
    tl_catalog_release(&catalog);
    return ok;
}

static bool open_lake(struct compaction *c, const struct tl_args *args, const char *root, struct tl_error *error)
{
    struct tl_glue_options glue = { .root = root, .cancel = tl_signals_stopping() };
    if (!tl_store_is_s3(root) && !tl_file_exists(root))
        return tl_error_set(error, TL_NOT_FOUND, "there is no lake at '%s' (give its folder with --data or --lake)", root);
    return tl_store_open(&c->lake, root, error) && (!tl_args_flag(args, "glue") || tl_glue_open(&c->at.glue, &glue, error));
}

static int compact_run(const struct tl_args *args)
{
    struct tl_error error;
    struct compaction c = { .options = { .min_files = tl_args_count(args, "min-files", TL_COMPACT_MIN_FILES), .point = tl_glue_point, .point_arg = &c.at, .progress = show_progress,
                                         .progress_arg = &c, .cancel = tl_signals_stopping() } };
    if (!tl_duration_parse(tl_view_of(tl_args_text(args, "keep", "1 h")), &c.options.keep_ns) || c.options.min_files < 2) {
        fputs("tapeline compact: --keep is a span such as '1 h', --min-files at least 2\n", stderr);
        return TL_EXIT_USAGE;
    }
    tl_progress_init(&c.progress, isatty(STDERR_FILENO));
    char *root = tl_args_has(args, "lake") ? strdup(tl_args_text(args, "lake", NULL)) : tl_data_path(tl_args_text(args, "data", TL_DATA_DEFAULT), "lake");
    bool ok = root || tl_error_set(&error, TL_NO_MEMORY, "out of memory");
    ok = ok && open_lake(&c, args, root, &error) && compact_tables(&c, tl_args_positional(args, 0), tl_args_flag(args, "no-listers"), &error);
    tl_glue_close(c.at.glue);
    tl_store_close(c.lake);
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
                "  tapeline compact stock_streaming_database.avg_1min --keep '10 min'\n"
                "  tapeline compact --lake s3://bucket/prefix --glue\n",
    .run = compact_run,
};
