/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/pipeline_file.h"
#include "cli/places.h"
#include "cli/signals.h"
#include "cli/verify_engines.h"
#include "engine/inspect.h"
#include "lake/commit_log.h"
#include "lake/lake_verify.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define ULPS_DEFAULT 1000.0
#define ULPS_DEFAULT_TEXT "1000"
#define PAYLOAD_MAX ((size_t)1 << 32)

static const struct tl_option options[] = {
    { "profile", TL_OPTION_TEXT, "P", "the file's profile (default: its default)" },
    { "data", TL_OPTION_TEXT, "DIR", "the data folder (default " TL_DATA_DEFAULT ")" },
    { "lake", TL_OPTION_TEXT, "DIR", "a lake, a folder or s3://bucket/prefix, instead of --data" },
    { "state", TL_OPTION_TEXT, "DIR", "where its checkpoints are (default: in the lake)" },
    { "engines", TL_OPTION_TEXT, "LIST", "instead: compare the rows of these engines over --input: tapeline,spark,flink" },
    { "input", TL_OPTION_LIST, "GLOB", "with --engines: recorded NDJSON files, each a shard; SOURCE=GLOB where the pipeline has several sources" },
    { "ulps", TL_OPTION_DECIMAL, "N", "with --engines: how far sums of DOUBLE may be apart, STDDEV a thousand times that (default " ULPS_DEFAULT_TEXT ")" },
    { "master", TL_OPTION_TEXT, "URL", "with --engines: Spark's master (default local[*])" },
    { "jobmanager", TL_OPTION_TEXT, "URL", "with --engines: Flink's job manager (default http://127.0.0.1:8081)" },
    { "gateway", TL_OPTION_TEXT, "URL", "with --engines: Flink's SQL gateway (default: port 8083 of the job manager's machine)" },
};

struct verify {
    const struct tl_plan *plan;
    const struct tl_profile_plan *profile;
    char *lake, *state;
    struct tl_store *lake_store, *state_store;
    struct tl_glue *glue;
    struct tl_lake_verify_options options;
    const char **paths;
    char dead[512];
    struct tl_inspect commit;
};

static bool find_places(struct verify *v, const struct tl_args *args, struct tl_error *error)
{
    const char *data = tl_args_text(args, "data", TL_DATA_DEFAULT), *lake = v->profile && v->profile->lake ? v->profile->lake : "./lake";
    bool given = tl_args_has(args, "lake"), s3 = tl_store_is_s3(lake);
    v->lake = given ? strdup(tl_args_text(args, "lake", NULL)) : s3 ? strdup(lake) : tl_data_path(data, lake);
    if (tl_args_has(args, "state"))
        v->state = strdup(tl_args_text(args, "state", NULL));
    else
        v->state = given || s3 ? (v->lake ? strdup(v->lake) : NULL) : tl_data_path(data, "state");
    if (!v->lake || !v->state)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    /* Opening a store makes its folder: looking at what is not there is no reason to. */
    if (!tl_store_is_s3(v->lake) && !tl_file_exists(v->lake))
        return tl_error_set(error, TL_NOT_FOUND, "there is no lake at '%s'", v->lake);
    struct tl_store_options region = { .region = v->profile ? v->profile->region : NULL };
    return tl_store_open_with(&v->lake_store, v->lake, &region, error) &&
           ((!tl_store_is_s3(v->state) && !tl_file_exists(v->state)) || tl_store_open_with(&v->state_store, v->state, &region, error));
}

static bool read_checkpoint(struct verify *v, struct tl_error *error)
{
    struct tl_commit_log *log;
    struct tl_buf payload;
    if (!v->state_store)
        return true;
    if (!tl_commit_log_open(&log, v->state_store, v->plan->name, error))
        return false;
    tl_buf_init(&payload, PAYLOAD_MAX);
    bool ok = tl_commit_log_load(log, &v->options.has_commit, &v->options.committed, &payload, error);
    tl_buf_reset(&payload);
    ok = ok && tl_commit_log_load_intent(log, v->options.has_commit ? v->options.committed + 1 : 0, &v->options.has_intent, &payload, error);
    tl_buf_release(&payload);
    tl_commit_log_close(log);
    return ok;
}

/* What the newest commit lists; a commit that cannot be read is told by the next start. */
static void read_committed(struct verify *v)
{
    struct tl_engine_options place = { .plan = v->plan, .state_dir = v->state, .lake_region = v->profile ? v->profile->region : NULL };
    struct tl_error error;
    bool found;
    if (!v->options.has_commit)
        return;
    if (!tl_engine_inspect_stopped(&place, &found, &v->commit, &error))
        fprintf(stderr, "tapeline verify: the files of the newest commit are not compared: %s\n", error.text);
    else if (found && v->commit.epoch == v->options.committed) {
        v->options.committed_files = v->commit.files;
        v->options.committed_file_count = v->commit.file_count;
    }
}

static bool find_paths(struct verify *v, struct tl_error *error)
{
    v->paths = calloc(v->plan->sink_count + 1, sizeof *v->paths);
    if (!v->paths)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < v->plan->sink_count; i++)
        v->paths[v->options.epoch_path_count++] = v->plan->sinks[i].path;
    snprintf(v->dead, sizeof v->dead, "dead_letter/%.400s", v->plan->name);
    v->paths[v->options.epoch_path_count++] = v->dead;
    v->options.epoch_paths = v->paths;
    return true;
}

static bool open_glue(struct verify *v, struct tl_error *error)
{
    struct tl_places places = { .lake = v->lake, .region = v->profile ? v->profile->region : NULL };
    struct tl_glue_options glue;
    if (!tl_places_glue(&places, v->profile, &glue))
        return true;
    glue.cancel = tl_signals_stopping();
    return tl_glue_open(&v->glue, &glue, error);
}

static int report(const struct verify *v, const struct tl_lake_verify_result *r)
{
    fputs(tl_buf_text(&r->lines), stdout);
    fprintf(stderr, "%" PRIu64 " tables, %" PRIu64 " files, %" PRIu64 " partitions; ", r->tables, r->files, r->partitions);
    if (v->options.has_commit)
        fprintf(stderr, "epoch %" PRIu64 " of pipeline %s; ", v->options.committed, v->plan->name);
    else
        fprintf(stderr, "no checkpoint of pipeline %s; ", v->plan->name);
    fprintf(stderr, "%s: %" PRIu64 " differences\n", v->glue ? "lake, catalog, Glue and checkpoint" : "lake, catalog and checkpoint", r->differences);
    return r->differences ? TL_EXIT_FAILED : TL_EXIT_OK;
}

static int verify_plan(const struct tl_args *args, const struct tl_plan *plan)
{
    struct verify v = { .plan = plan, .profile = tl_plan_profile(plan, tl_args_text(args, "profile", NULL)) };
    struct tl_lake_verify_result result = { .differences = 0 };
    struct tl_error error;
    int code;
    if (find_places(&v, args, &error) && read_checkpoint(&v, &error) && find_paths(&v, &error) && open_glue(&v, &error)) {
        read_committed(&v);
        v.options.lake = v.lake_store;
        v.options.glue = v.glue;
        code = tl_lake_verify(&v.options, &result, &error) ? report(&v, &result) : tl_report(&error);
        tl_buf_release(&result.lines);
    } else {
        code = tl_report(&error);
    }
    tl_inspect_release(&v.commit);
    tl_glue_close(v.glue);
    tl_store_close(v.lake_store);
    tl_store_close(v.state_store);
    free(v.paths);
    free(v.lake);
    free(v.state);
    return code;
}

static int verify_engines(const struct tl_args *args, const struct tl_plan *plan)
{
    struct tl_verify_engines v = { .plan = plan,
                                   .export = { .file_name = tl_pipeline_file_name(tl_args_positional(args, 0)),
                                               .profile = tl_plan_profile(plan, tl_args_text(args, "profile", NULL)) },
                                   .engines = tl_args_text(args, "engines", NULL),
                                   .master = tl_args_text(args, "master", NULL),
                                   .jobmanager = tl_args_text(args, "jobmanager", NULL),
                                   .gateway = tl_args_text(args, "gateway", NULL),
                                   .ulps = tl_args_decimal(args, "ulps", ULPS_DEFAULT) };
    v.patterns = tl_args_list(args, "input", &v.pattern_count);
    return tl_verify_engines_run(&v);
}

static int verify_run(const struct tl_args *args)
{
    struct tl_plan *plan = NULL;
    int code = tl_pipeline_file_load(tl_args_positional(args, 0), tl_args_text(args, "profile", NULL), &plan);
    if (code == TL_EXIT_OK)
        code = tl_args_has(args, "engines") ? verify_engines(args, plan) : verify_plan(args, plan);
    tl_plan_free(plan);
    return code;
}

const struct tl_command tl_command_verify = {
    .name = "verify",
    .summary = "compare lake, catalog and checkpoint, or the rows of several engines, and name every difference",
    .positional = "[FILE]",
    .positional_max = 1,
    .options = options,
    .option_count = TL_COUNT(options),
    .examples = "  tapeline verify                                       (the built-in stock_stream in " TL_DATA_DEFAULT ")\n"
                "  tapeline verify pipelines/stock_stream.sql --profile aws    (and AWS Glue)\n"
                "  tapeline verify pipelines/stock_stream.sql --engines tapeline,spark --input 'ticks/*.ndjson'\n"
                "  tapeline broker verify                                (the broker's logs are another matter)\n",
    .run = verify_run,
};
