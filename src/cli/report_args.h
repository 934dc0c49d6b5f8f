/* SPDX-License-Identifier: Apache-2.0 */
/* cli/report_args.h: the options that `status` and `why` share: whose state, and where it is; and its report as JSON. */
#pragma once

#include "cli/command.h"
#include "cli/places.h"
#include "codec/json.h"
#include "engine/plan.h"

#define TL_REPORT_OPTIONS                                                                                                              \
    { "profile", TL_OPTION_TEXT, "P", "the file's profile that it runs with (default: its default)" },                                 \
        { "data", TL_OPTION_TEXT, "DIR", "its data folder (default " TL_DATA_DEFAULT ")" },                                            \
        { "lake", TL_OPTION_TEXT, "DIR", "the lake's folder, where it was started with --lake" },                                      \
        { "state", TL_OPTION_TEXT, "DIR", "the checkpoints' folder, where it was started with --state" },                              \
        { "json", TL_OPTION_FLAG, NULL, "as JSON" }

struct tl_report_view { /* release with tl_report_view_release */
    struct tl_plan *plan;
    struct tl_buf text;
    struct tl_json_parser *parser;
    struct tl_json root;
};
/* Loads the pipeline file and gets its report. Returns TL_EXIT_OK, or another code after printing why not. */
int tl_report_load(const struct tl_args *args, const char *file, struct tl_report_view *out);
void tl_report_view_release(struct tl_report_view *v);
/* Where its things are by --data, --lake and --state; nothing is made. False after printing what is wrong. */
TL_MUST_USE bool tl_args_places(const struct tl_args *args, const struct tl_plan *plan, struct tl_places *out);
/* Prints text with control characters as '?': it may be from a record. */
void tl_print_plain(struct tl_view text);
