/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/batch_runner.h"

#include "cli/pipeline_file.h"
#include "cli/ticker.h"
#include "lake/batch_glue.h"
#include "lake/ingest.h"
#include "lake/lake_scan.h"
#include "lake/sample.h"

#include <inttypes.h>
#include <stdio.h>

#define TABLES_MAX 1000 /* statements in a file */

/* Does the table read what another one writes? */
struct reading {
    const char *path;
    bool found;
};

static bool note_path(void *arg, struct tl_view path, struct tl_error *error)
{
    (void)error;
    struct reading *r = arg;
    size_t size = strlen(r->path);
    r->found = r->found || (path.size >= size && memcmp(path.data, r->path, size) == 0 && (path.size == size || path.data[size] == '/'));
    return true;
}

static bool reads(const struct tl_batch_plan *table, const struct tl_batch_plan *other, struct tl_error *error)
{
    struct reading r = { other->path, false };
    return tl_lake_paths(table->select, note_path, &r, error) && r.found;
}

static void report(const struct tl_batch_plan *b, const struct tl_batch_stats *s)
{
    if (s->written == 0 && s->removed == 0)
        fprintf(stderr, "%s: nothing has changed (%" PRIu64 " files read, %" PRIu64 " partitions)\n", b->name, s->input_files, s->partitions);
    else
        fprintf(stderr, "%s: %" PRIu64 " rows in %" PRIu64 " of %" PRIu64 " partitions made, %" PRIu64 " removed, in %.1f s\n", b->name, s->rows, s->written,
                s->partitions, s->removed, (double)s->elapsed_ns / 1e9);
}

static bool build_one(const struct tl_batches *b, const struct tl_batch_plan *plan, struct tl_error *error)
{
    struct tl_batch_table table = { plan->name, plan->path, plan->select, plan->partition_by, plan->partition_count, plan->incremental_by };
    struct tl_batch_stats stats;
    char text[TL_TICKER_TEXT];
    struct tl_ticker ticker;
    snprintf(text, sizeof text, "builds %.100s", plan->name);
    tl_ticker_start(&ticker, text);
    bool ok = tl_batch_build(b->lake, &table, &b->options, &stats, error);
    tl_ticker_stop(&ticker);
    if (ok)
        report(plan, &stats);
    return ok && tl_batch_glue_tell(b->glue, b->lake, &plan->name, 1, error);
}

/* A table is ready when all that it reads of the file's other tables have been made. */
static bool is_ready(const struct tl_plan *plan, size_t i, const bool *done)
{
    struct tl_error ignored;
    for (size_t k = 0; k < plan->batch_count; k++)
        if (k != i && !done[k] && reads(&plan->batches[i], &plan->batches[k], &ignored))
            return false;
    return true;
}

static bool build_all(const struct tl_batches *b, const struct tl_plan *plan, struct tl_error *error)
{
    bool done[TABLES_MAX] = { false };
    for (size_t left = plan->batch_count; left > 0;) {
        size_t i = 0;
        while (i < plan->batch_count && (done[i] || !is_ready(plan, i, done)))
            i++;
        if (i == plan->batch_count)
            return tl_error_set(error, TL_INVALID, "tables of the file read each other in a circle");
        if (!build_one(b, &plan->batches[i], error))
            return false;
        done[i] = true;
        left--;
    }
    return true;
}

bool tl_batches_build(const struct tl_batches *b, const struct tl_plan *plan, size_t only, struct tl_error *error)
{
    for (size_t i = 0; i < plan->batch_count; i++)
        if (reads(&plan->batches[i], &plan->batches[i], error))
            return tl_error_set(error, TL_INVALID, "table %s reads what it makes", plan->batches[i].name);
    return only == SIZE_MAX ? build_all(b, plan, error) : build_one(b, &plan->batches[only], error);
}

bool tl_batches_build_history(const struct tl_batches *b, bool *built, struct tl_error *error)
{
    bool synthetic;
    struct tl_plan *plan = NULL;
    *built = false;
    if ((tl_history_exists(b->lake, &synthetic) && !synthetic) || !tl_ingest_exists(b->lake))
        return true;
    if (tl_pipeline_file_lakehouse(&plan) != TL_EXIT_OK)
        return tl_error_set(error, TL_CORRUPT, "the built-in lakehouse.sql is wrong");
    *built = tl_batches_build(b, plan, SIZE_MAX, error);
    tl_plan_free(plan);
    return *built;
}
