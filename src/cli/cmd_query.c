/* SPDX-License-Identifier: Apache-2.0 */
#include "base/time.h"
#include "cli/commands.h"
#include "cli/data_folder.h"
#include "cli/query_prompt.h"
#include "cli/signals.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define TIMEOUT_MAX_S UINT64_C(1000000000)

static const struct tl_option options[] = {
    { "data", TL_OPTION_TEXT, "DIR", "the data folder whose lake is queried (default " TL_DATA_DEFAULT ")" },
    { "lake", TL_OPTION_TEXT, "DIR", "a lake's folder, instead of --data" },
    { "format", TL_OPTION_TEXT, "table|csv|json|parquet", "of the result (default: table on a terminal, else csv)" },
    { "max-rows", TL_OPTION_COUNT, "N", "give at most so many rows (default: all)" },
    { "timeout", TL_OPTION_COUNT, "S", "end a query after so many seconds (default: never)" },
    { "engine", TL_OPTION_TEXT, "local|athena", "local (default), or Amazon Athena, by the AWS settings of the SDKs" },
    { "workgroup", TL_OPTION_TEXT, "W", "athena: the workgroup (default primary)" },
    { "database", TL_OPTION_TEXT, "D", "athena: the database of names without one" },
    { "results", TL_OPTION_TEXT, "S3URL", "athena: where it puts result files (default: the workgroup's place)" },
};

static int run_once(const struct tl_query_session *session, const char *sql)
{
    struct tl_error error;
    if (tl_query_session_run(session, sql, &error))
        return TL_EXIT_OK;
    int signal_number = tl_signals_received();
    return signal_number ? 128 + signal_number : tl_report(&error);
}

static int run(const struct tl_args *args, struct tl_query_session *session)
{
    uint64_t timeout = tl_args_count(args, "timeout", 0);
    session->row_max = tl_args_count(args, "max-rows", UINT64_MAX);
    session->timeout_ns = timeout == 0 || timeout > TIMEOUT_MAX_S ? INT64_MAX : (int64_t)timeout * TL_NS_PER_S;
    session->cancel = tl_signals_stopping();
    if (tl_args_positional_count(args))
        return run_once(session, tl_args_positional(args, 0));
    if (!isatty(STDIN_FILENO))
        return tl_query_script(session);
    if (session->format == TL_QUERY_PARQUET) {
        fputs("tapeline query: --format parquet goes with one statement: tapeline query \"SELECT ...\" --format parquet > FILE\n", stderr);
        return TL_EXIT_USAGE;
    }
    return tl_query_prompt(session);
}

static bool check(const struct tl_args *args, struct tl_query_session *session, bool *athena)
{
    const char *engine = tl_args_text(args, "engine", "local");
    const char *format = tl_args_text(args, "format", isatty(STDOUT_FILENO) ? "table" : "csv");
    *athena = strcmp(engine, "athena") == 0;
    if (!tl_query_format_parse(format, &session->format)) {
        fprintf(stderr, "tapeline query: --format is table, csv, json or parquet, not '%s'\n", format);
        return false;
    }
    if (!*athena && strcmp(engine, "local") != 0) {
        fprintf(stderr, "tapeline query: --engine is local or athena, not '%s'\n", engine);
        return false;
    }
    if (session->format == TL_QUERY_PARQUET && isatty(STDOUT_FILENO)) {
        fputs("tapeline query: a Parquet file is no text for a terminal: redirect it, > FILE.parquet\n", stderr);
        return false;
    }
    return true;
}

static int query_run(const struct tl_args *args)
{
    struct tl_query_session session = { .workgroup = tl_args_text(args, "workgroup", NULL), .database = tl_args_text(args, "database", NULL),
                                        .results = tl_args_text(args, "results", NULL) };
    bool athena;
    if (!check(args, &session, &athena))
        return TL_EXIT_USAGE;
    if (athena)
        return run(args, &session);
    char *lake = tl_args_has(args, "lake") ? strdup(tl_args_text(args, "lake", NULL))
                                           : tl_data_path(tl_args_text(args, "data", TL_DATA_DEFAULT), "lake");
    if (!lake) {
        fputs("tapeline: out of memory\n", stderr);
        return TL_EXIT_FAILED;
    }
    session.lake = lake;
    int code = run(args, &session);
    free(lake);
    return code;
}

const struct tl_command tl_command_query = {
    .name = "query",
    .summary = "run SQL over the lake",
    .positional = "[SQL]",
    .positional_max = 1,
    .options = options,
    .option_count = TL_COUNT(options),
    .examples = "  tapeline query \"SELECT * FROM stock_streaming_database.avg_1min ORDER BY window_end DESC LIMIT 10\"\n"
                "  tapeline query                               (a prompt, with history and completion)\n"
                "  tapeline query --format csv < report.sql     (statements, each ended by ';')\n"
                "  tapeline query \"SELECT * FROM curated.stocks_features\" --format parquet > features.parquet\n"
                "  tapeline query \"SELECT count(*) FROM db.t\" --engine athena --results s3://bucket/results/\n",
    .run = query_run,
};
