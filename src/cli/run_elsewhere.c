/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/run_elsewhere.h"

#include "base/file.h"
#include "cli/engine_flink.h"
#include "cli/engine_spark.h"
#include "cli/export_folder.h"
#include "cli/pipeline_file.h"
#include "cli/places.h"
#include "engine/sink_table.h"
#include "lake/store.h"

#include <stdio.h>
#include <stdlib.h>

struct elsewhere {
    const struct tl_args *args;
    const struct tl_plan *plan;
    const struct tl_profile_plan *profile;
    struct tl_places places;
    struct tl_inputs inputs;
    struct tl_arena texts;
    char folder[1024], progress[1024];
};

/* What makes no sense there is refused, not passed over. */
static bool check_options(const struct tl_args *args, struct tl_error *error)
{
    static const char *const ours[] = { "dump", "threads", "json", "create-stream" };
    static const char *const of_spark[] = { "master", "connector", "packages", "until-now" }, *const of_flink[] = { "jobmanager", "gateway", "parallelism", "savepoint", "savepoints" };
    const char *engine = tl_args_text(args, "engine", "");
    const char *const *others = strcmp(engine, "flink") == 0 ? of_spark : of_flink;
    for (size_t i = 0; i < TL_COUNT(ours); i++)
        if (tl_args_has(args, ours[i]))
            return tl_error_set(error, TL_INVALID, "--%s is of tapeline's own engine: leave it out with --engine %s", ours[i], engine);
    size_t count = others == of_spark ? TL_COUNT(of_spark) : TL_COUNT(of_flink);
    for (size_t i = 0; i < count; i++)
        if (tl_args_has(args, others[i]))
            return tl_error_set(error, TL_INVALID, "--%s is nothing that --engine %s knows: leave it out", others[i], engine);
    return true;
}

/* Other machines want an absolute path; Spark's S3 goes by s3a. */
static const char *for_others(struct elsewhere *e, const char *place, const char *s3)
{
    if (strncmp(place, "s3://", 5) == 0)
        return tl_arena_printf(&e->texts, "%s%s", s3, place + 5);
    char *real = realpath(place, NULL);
    const char *path = tl_arena_printf(&e->texts, "%s", real ? real : place);
    free(real);
    return path;
}

/* The tables of the sinks and of the dead letters in the lake's own catalog, so that 'tapeline query' finds what the engine writes. */
static bool enter_tables(struct elsewhere *e, struct tl_error *error)
{
    struct tl_store *store;
    struct tl_store_options options = { .region = e->places.region };
    if (!tl_store_open_with(&store, e->places.lake, &options, error))
        return false;
    bool ok = tl_sink_tables_ensure(e->plan, store, error);
    tl_store_close(store);
    return ok;
}

static int run_on_spark(struct elsewhere *e, struct tl_error *error)
{
    char endpoint[512];
    struct tl_kinesis_options kinesis = tl_pipeline_kinesis(e->profile, NULL, endpoint, NULL);
    struct tl_engine_request request = { .plan = e->plan,
                                         .export = { .file_name = "the pipeline file", .profile = e->profile },
                                         .master = tl_args_text(e->args, "master", NULL),
                                         .folder = e->folder,
                                         .inputs = &e->inputs };
    struct tl_spark_options options = { .lake = for_others(e, e->places.lake, "s3a://"),
                                        .progress_folder = e->progress,
                                        .endpoint = kinesis.endpoint,
                                        .connector = tl_args_text(e->args, "connector", "qubole"),
                                        .packages = tl_args_text(e->args, "packages", NULL),
                                        .until_now = tl_args_flag(e->args, "until-now") };
    options.checkpoint = tl_arena_printf(&e->texts, "%s/_spark/%s", for_others(e, e->places.checkpoints, "s3a://"), e->plan->name);
    if (!tl_arena_ok(&e->texts, "paths", error))
        return tl_report(error);
    return tl_spark_run(&request, &options);
}

static int run_on_flink(struct elsewhere *e, struct tl_error *error)
{
    char endpoint[512];
    struct tl_kinesis_options kinesis = tl_pipeline_kinesis(e->profile, NULL, endpoint, NULL);
    struct tl_engine_request request = { .plan = e->plan,
                                         .export = { .file_name = "the pipeline file",
                                                     .profile = e->profile,
                                                     .lake = for_others(e, e->places.lake, "s3://"),
                                                     .endpoint = kinesis.endpoint },
                                         .jobmanager = tl_args_text(e->args, "jobmanager", NULL),
                                         .gateway = tl_args_text(e->args, "gateway", NULL),
                                         .folder = e->folder,
                                         .inputs = &e->inputs };
    struct tl_flink_options options = { .savepoint = tl_args_text(e->args, "savepoint", NULL),
                                        .parallelism = (unsigned)tl_args_count(e->args, "parallelism", 0),
                                        .savepoints = tl_args_text(e->args, "savepoints", NULL),
                                        .progress_folder = e->progress };
    if (!tl_arena_ok(&e->texts, "paths", error))
        return tl_report(error);
    return tl_flink_run(&request, &options);
}

static bool open_elsewhere(struct elsewhere *e, struct tl_error *error)
{
    size_t count;
    const struct tl_export_options export = { .file_name = "the pipeline file", .profile = e->profile, .input = tl_args_has(e->args, "input") ? "recorded files" : NULL };
    if (!tl_export_check(e->plan, tl_export_engine_find(tl_args_text(e->args, "engine", "")), &export, error))
        return false;
    const char *const *patterns = tl_args_list(e->args, "input", &count);
    if (!check_options(e->args, error) || !tl_inputs_expand(&e->inputs, e->plan, patterns, count, error) ||
        !tl_places_open(&e->places, tl_args_text(e->args, "data", NULL), tl_args_text(e->args, "lake", NULL), tl_args_text(e->args, "state", NULL),
                        true, e->profile, error))
        return false;
    if (!e->places.state)
        return tl_error_set(error, TL_INVALID, "the job and its log need a folder of this machine: say --state DIR");
    snprintf(e->folder, sizeof e->folder, "%.900s/%.100s", e->places.state, tl_args_text(e->args, "engine", ""));
    if (tl_store_is_s3(e->places.lake))
        snprintf(e->progress, sizeof e->progress, "%s", e->folder);
    else
        snprintf(e->progress, sizeof e->progress, "%.500s/_%.100s/%.200s", e->places.lake, tl_args_text(e->args, "engine", ""), e->plan->name);
    return tl_dir_make(e->folder, error) && tl_dir_make(e->progress, error) && enter_tables(e, error);
}

int tl_run_elsewhere(const struct tl_args *args, const struct tl_plan *plan)
{
    struct elsewhere e = { .args = args, .plan = plan, .profile = tl_plan_profile(plan, tl_args_text(args, "profile", NULL)) };
    const char *engine = tl_args_text(args, "engine", "");
    struct tl_error error;
    bool flink = strcmp(engine, "flink") == 0;
    if (!flink && strcmp(engine, "spark") != 0) {
        fprintf(stderr, "tapeline run: --engine: '%s' is none of tapeline, spark, flink\n", engine);
        return TL_EXIT_USAGE;
    }
    tl_arena_init(&e.texts, 1 << 20);
    e.places = (struct tl_places){ .data = { .lock = { .fd = -1 } }, .state_lock = { .fd = -1 } };
    int code = !open_elsewhere(&e, &error) ? tl_report(&error) : flink ? run_on_flink(&e, &error) : run_on_spark(&e, &error);
    tl_places_close(&e.places);
    tl_inputs_release(&e.inputs);
    tl_arena_release(&e.texts);
    return code;
}
