/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_run.c: the engine alone: over a Kinesis stream, or over files (backtest and benchmark). */
#include "base/time.h"
#include "cli/commands.h"
#include "cli/inputs.h"
#include "cli/last_error.h"
#include "cli/ledger_text.h"
#include "cli/output.h"
#include "cli/pipeline_file.h"
#include "cli/places.h"
#include "cli/report.h"
#include "cli/run_elsewhere.h"
#include "cli/signals.h"
#include "engine/engine.h"

#include <stdio.h>
#include <string.h>

static const struct tl_option options[] = {
    { "profile", TL_OPTION_TEXT, "P", "the file's profile to run with (default: its default)" },
    { "data", TL_OPTION_TEXT, "DIR", "folder of lake and state (default " TL_DATA_DEFAULT "; with --input: none)" },
    { "lake", TL_OPTION_TEXT, "DIR", "the lake's folder, instead of --data" },
    { "state", TL_OPTION_TEXT, "DIR", "the checkpoints' folder (default: in the lake)" },
    { "until-now", TL_OPTION_FLAG, NULL, "read what is in the stream now, close all windows, exit" },
    { "input", TL_OPTION_LIST, "GLOB", "read NDJSON files, each a shard, instead of the stream; SOURCE=GLOB where the pipeline has several sources" },
    { "create-stream", TL_OPTION_COUNT, "SHARDS", "make the streams that do not exist, with so many shards" },
    { "dump", TL_OPTION_TEXT, "VIEW", "print the view's rows as CSV at the end" },
    { "threads", TL_OPTION_COUNT, "N", "worker threads (default: one a processor)" },
    { "json", TL_OPTION_FLAG, NULL, "print the ledger as a JSON object, the last line of stdout" },
    { "engine", TL_OPTION_TEXT, "tapeline|spark|flink", "run the views on another engine, into the same lake (default: tapeline)" },
    { "master", TL_OPTION_TEXT, "URL", "with --engine spark: the cluster: spark://host:7077 (default: local[*], this machine)" },
    { "connector", TL_OPTION_TEXT, "NAME", "with --engine spark: its Kinesis source: qubole, awslabs or databricks (default: qubole)" },
    { "packages", TL_OPTION_TEXT, "LIST", "with --engine spark: Maven coordinates for spark-submit (default: the connector's)" },
    { "jobmanager", TL_OPTION_TEXT, "URL", "with --engine flink: its job manager (default http://127.0.0.1:8081)" },
    { "gateway", TL_OPTION_TEXT, "URL", "with --engine flink: its SQL gateway (default: port 8083 of the job manager's machine)" },
    { "parallelism", TL_OPTION_COUNT, "N", "with --engine flink: subtasks, as many as the stream has shards (default: as the cluster is set up)" },
    { "savepoint", TL_OPTION_TEXT, "PATH", "with --engine flink: go on from this savepoint" },
    { "savepoints", TL_OPTION_TEXT, "DIR", "with --engine flink: where a stop writes one (default: as the cluster is set up)" },
};

struct run {
    const struct tl_args *args;
    const struct tl_plan *plan;
    struct tl_places places;
    struct tl_inputs inputs;
    size_t dump_view; /* SIZE_MAX: none */
    char endpoint[512];
};

static bool expand_inputs(struct run *run, struct tl_error *error)
{
    size_t count;
    const char *const *patterns = tl_args_list(run->args, "input", &count);
    return tl_inputs_expand(&run->inputs, run->plan, patterns, count, error);
}

static bool find_dump_view(struct run *run, struct tl_error *error)
{
    const char *name = tl_args_text(run->args, "dump", NULL);
    run->dump_view = SIZE_MAX;
    for (size_t i = 0; name && i < run->plan->view_count; i++)
        if (strcmp(run->plan->views[i].name, name) == 0)
            run->dump_view = i;
    if (name && run->dump_view == SIZE_MAX)
        return tl_error_set(error, TL_NOT_FOUND, "--dump: the pipeline has no view '%s'", name);
    return true;
}

static bool print_rows(const struct tl_rows *rows, struct tl_error *error)
{
    struct tl_buf line;
    tl_buf_init(&line, 64 << 20);
    for (size_t c = 0; c < rows->column_count; c++)
        tl_buf_addf(&line, "%s%s", c ? "," : "", rows->columns[c].def.name);
    tl_buf_add_char(&line, '\n');
    bool ok = true, closed = false;
    for (size_t r = 0; ok && !closed && r <= rows->row_count; r++) {
        ok = tl_buf_ok(&line, "a row", error);
        ok = ok && tl_output_write(tl_buf_view(&line), &closed, error);
        tl_buf_reset(&line);
        for (size_t c = 0; r < rows->row_count && c < rows->column_count; c++) {
            if (c)
                tl_buf_add_char(&line, ',');
            tl_rows_cell_to_csv(rows, r, c, &line);
        }
        tl_buf_add_char(&line, '\n');
    }
    tl_buf_release(&line);
    return ok;
}

static bool dump(struct run *run, struct tl_engine *engine, struct tl_error *error)
{
    if (run->dump_view == SIZE_MAX)
        return true;
    struct tl_rows rows;
    if (!tl_engine_dump(engine, run->dump_view, &rows, error))
        return false;
    bool ok = print_rows(&rows, error);
    tl_rows_release(&rows);
    return ok;
}

static void stop_engine(void *engine)
{
    tl_engine_stop(engine);
}

static void report_end(struct run *run, struct tl_engine *engine)
{
    struct tl_engine_stats stats;
    tl_engine_stats_get(engine, &stats);
    tl_ledger_print(stderr, &stats.ledger);
    if (run->places.lake)
        fprintf(stderr,
                "committed epoch %llu: %llu rows in %llu files this run; the longest epoch took %.0f ms, readers stood for %.0f ms at most\n",
                (unsigned long long)stats.epoch, (unsigned long long)stats.rows_committed,
                (unsigned long long)stats.files_committed, (double)stats.epoch_max_ns / 1e6,
                (double)stats.epoch_stop_max_ns / 1e6);
    if (tl_args_flag(run->args, "json"))
        tl_ledger_print_json(stdout, &stats.ledger);
}

static struct tl_report_server *open_reports(struct run *run, struct tl_engine *engine, const struct tl_kinesis_options *kinesis,
                                             const struct tl_profile_plan *profile)
{
    struct tl_report_options report = { .plan = run->plan,
                                        .state_dir = run->places.state,
                                        .profile = profile ? profile->name : NULL,
                                        .kinesis = *kinesis,
                                        .engine = engine };
    return run->places.state && run->inputs.files.gl_pathc == 0 ? tl_report_server_open(&report) : NULL; /* a backtest ends by itself */
}

/* Also for those who ask later what it was. */
static int tell_failure(const struct run *run, const struct tl_error *error)
{
    if (run->places.state)
        tl_last_error_write(run->places.state, run->plan, error);
    return tl_report(error);
}

static int run_engine(struct run *run)
{
    const struct tl_profile_plan *profile = tl_plan_profile(run->plan, tl_args_text(run->args, "profile", NULL));
    struct tl_glue_options glue;
    struct tl_engine_options engine_options = {
        .plan = run->plan,
        .glue = tl_places_glue(&run->places, profile, &glue),
        .inputs = (const char *const *)run->inputs.files.gl_pathv,
        .input_sources = run->inputs.sources,
        .input_count = run->inputs.files.gl_pathc,
        .kinesis = tl_pipeline_kinesis(profile, NULL, run->endpoint, tl_signals_stopping()),
        .lake_dir = run->places.lake,
        .state_dir = run->places.checkpoints,
        .lake_region = run->places.region,
        .lake_staging = run->places.staging,
        .threads = (unsigned)tl_args_count(run->args, "threads", 0),
        .until_now = tl_args_flag(run->args, "until-now"),
        .create_shards = (unsigned)tl_args_count(run->args, "create-stream", 0),
    };
    tl_pipeline_pace(&engine_options);
    struct tl_error error;
    struct tl_engine *engine;
    if (!tl_engine_open(&engine, &engine_options, &error))
        return tell_failure(run, &error);
    if (run->dump_view != SIZE_MAX)
        tl_engine_keep_rows(engine, run->dump_view);
    tl_signals_on_stop(stop_engine, engine);
    struct tl_report_server *reports = open_reports(run, engine, &engine_options.kinesis, profile);
    bool ok = tl_engine_run(engine, &error) && dump(run, engine, &error);
    tl_signals_on_stop(NULL, NULL);
    tl_report_server_close(reports);
    if (ok)
        report_end(run, engine);
    tl_engine_close(engine);
    if (ok && run->places.state)
        tl_last_error_write(run->places.state, run->plan, NULL);
    return ok ? TL_EXIT_OK : tell_failure(run, &error);
}

static int run_with_plan(const struct tl_args *args, const struct tl_plan *plan)
{
    struct run run = { .args = args, .plan = plan };
    struct tl_error error;
    int code;
    bool from_files = tl_args_has(args, "input");
    if (!expand_inputs(&run, &error) || !find_dump_view(&run, &error) ||
        !tl_places_open(&run.places, tl_args_text(args, "data", NULL), tl_args_text(args, "lake", NULL),
                        tl_args_text(args, "state", NULL), !from_files,
                        tl_plan_profile(plan, tl_args_text(args, "profile", NULL)), &error)) {
        code = tl_report(&error);
    } else {
        code = run_engine(&run);
        tl_places_close(&run.places);
    }
    tl_inputs_release(&run.inputs);
    return code;
}

static int run_run(const struct tl_args *args)
{
    if (tl_args_count(args, "threads", 0) > 256) {
        fputs("tapeline run: --threads is at most 256\n", stderr);
        return TL_EXIT_USAGE;
    }
    if (tl_args_count(args, "create-stream", 0) > 10000) {
        fputs("tapeline run: --create-stream makes at most 10000 shards\n", stderr);
        return TL_EXIT_USAGE;
    }
    struct tl_plan *plan = NULL;
    int code = tl_pipeline_file_load(tl_args_positional(args, 0), tl_args_text(args, "profile", NULL), &plan);
    if (code == TL_EXIT_OK)
        code = strcmp(tl_args_text(args, "engine", "tapeline"), "tapeline") == 0 ? run_with_plan(args, plan) : tl_run_elsewhere(args, plan);
    tl_plan_free(plan);
    return code;
}

const struct tl_command tl_command_run = {
    .name = "run",
    .summary = "run a pipeline's streaming views, over a stream or over files",
    .positional = "FILE",
    .positional_min = 1,
    .positional_max = 1,
    .options = options,
    .option_count = TL_COUNT(options),
    .examples = "  tapeline run pipelines/stock_stream.sql\n"
                "  tapeline run pipelines/stock_stream.sql --input 'ticks/*.ndjson' --lake out --dump avg_1min\n"
                "  tapeline run pipelines/stock_stream.sql --until-now --json\n"
                "  tapeline run pipelines/stock_stream.sql --engine spark --master spark://host:7077 --lake s3://bucket --state job\n"
                "  tapeline run pipelines/stock_stream.sql --engine flink --jobmanager http://host:8081 --lake s3://bucket --state job\n",
    .run = run_run,
};
