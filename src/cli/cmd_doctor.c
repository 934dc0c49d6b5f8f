/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/commands.h"
#include "cli/data_folder.h"
#include "cli/doctor_aws.h"
#include "cli/pipeline_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define ROOM_WARN ((uint64_t)1 << 30)

static const struct tl_option options[] = {
    { "profile", TL_OPTION_TEXT, "P", "of the pipeline file (default: the file's default)" },
    { "data", TL_OPTION_TEXT, "DIR", "the data folder (default " TL_DATA_DEFAULT ")" },
    { "json", TL_OPTION_FLAG, NULL, "the checks as JSON" },
};

static void check_folder(struct tl_doctor *d, const char *path)
{
    struct statvfs fs;
    struct tl_doctor_check *check;
    if (access(path, F_OK) != 0 && errno == ENOENT) {
        tl_doctor_add(d, TL_DOCTOR_OK, "data folder", "'%.300s' is not there yet: the first run makes it",
                      path);
        return;
    }
    if (access(path, W_OK | X_OK) != 0 || statvfs(path, &fs) != 0) {
        check = tl_doctor_add(d, TL_DOCTOR_FAIL, "data folder", "'%.300s' cannot be written to: %s", path,
                              strerror(errno));
        tl_doctor_fix(check, "give it to the user that runs tapeline, or name another with --data");
        return;
    }
    uint64_t room = (uint64_t)fs.f_bavail * fs.f_frsize;
    bool low = room < ROOM_WARN;
    check = tl_doctor_add(d, low ? TL_DOCTOR_WARN : TL_DOCTOR_OK, "data folder",
                          "'%.300s' has room for %llu MiB", path, (unsigned long long)(room >> 20));
    if (low)
        tl_doctor_fix(check, "make room: a full disk stops puts and commits");
}

/* The embedded broker needs no account; what else is local is looked at here. */
static void check_local(struct tl_doctor *d, const struct tl_args *args, const struct tl_plan *plan,
                        const struct tl_profile_plan *profile, const struct tl_doctor_needs *needs)
{
    char storage[512];
    if (!needs->kinesis || !needs->s3)
        check_folder(d, tl_args_text(args, "data", TL_DATA_DEFAULT));
    if (needs->kinesis)
        return;
    struct tl_kinesis_options kinesis = tl_pipeline_kinesis(profile, NULL, storage, NULL);
    tl_doctor_add(d, TL_DOCTOR_OK, "broker", "the embedded one, at %s; no AWS credentials are needed for it",
                  kinesis.endpoint);
    tl_doctor_check_streams(d, needs, plan, kinesis.endpoint);
}

static void examine(struct tl_doctor *d, const struct tl_args *args, const struct tl_plan *plan)
{
    const struct tl_profile_plan *profile = tl_plan_profile(plan, tl_args_text(args, "profile", NULL));
    struct tl_doctor_needs needs = tl_doctor_needs_of(profile);
    tl_doctor_add(d, TL_DOCTOR_OK, "pipeline", "%s, profile %s: kinesis %s, lake %s, catalog %s", plan->name,
                  profile ? profile->name : "(none)",
                  profile && profile->kinesis ? profile->kinesis : "embedded",
                  profile && profile->lake ? profile->lake : "./lake",
                  profile && profile->catalog ? profile->catalog : "embedded");
    check_local(d, args, plan, profile, &needs);
    if (!needs.kinesis && !needs.s3 && !needs.glue)
        return;
    if (!tl_doctor_check_account(d, &needs)) {
        tl_doctor_fix(
            tl_doctor_add(d, TL_DOCTOR_WARN, "the rest", "streams, bucket and database were not asked for"),
            "first what failed above");
        return;
    }
    if (needs.kinesis)
        tl_doctor_check_streams(d, &needs, plan, NULL);
    if (needs.s3)
        tl_doctor_check_bucket(d, &needs, profile->lake);
    if (needs.glue)
        tl_doctor_check_databases(d, &needs, plan);
}

static int doctor_run(const struct tl_args *args)
{
    struct tl_plan *plan = NULL;
    struct tl_doctor doctor = { .checks = NULL };
    int code = tl_pipeline_file_load(tl_args_positional(args, 0), tl_args_text(args, "profile", NULL), &plan);
    if (code != TL_EXIT_OK)
        return code;
    examine(&doctor, args, plan);
    if (tl_args_flag(args, "json"))
        tl_doctor_print_json(&doctor);
    else
        tl_doctor_print(&doctor);
    code = tl_doctor_has_failed(&doctor) ? TL_EXIT_FAILED : TL_EXIT_OK;
    tl_doctor_release(&doctor);
    tl_plan_free(plan);
    return code;
}

const struct tl_command tl_command_doctor = {
    .name = "doctor",
    .summary = "check AWS access and local folders, with what to do",
    .positional = "[FILE]",
    .positional_max = 1,
    .options = options,
    .option_count = TL_COUNT(options),
    .examples = "  tapeline doctor\n"
                "  AWS_PROFILE=trading tapeline doctor pipelines/stock_stream.sql --profile aws\n",
    .run = doctor_run,
};
