/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/report_args.h"

#include "cli/pipeline_file.h"
#include "cli/report.h"
#include "cli/signals.h"

#include <stdio.h>

#define REPORT_MAX ((size_t)64 << 20)

bool tl_args_places(const struct tl_args *args, const struct tl_plan *plan, struct tl_places *out)
{
    struct tl_error error;
    bool ok = tl_places_look(out, tl_args_text(args, "data", NULL), tl_args_text(args, "lake", NULL), tl_args_text(args, "state", NULL), true,
                             tl_plan_profile(plan, tl_args_text(args, "profile", NULL)), &error);
    if (ok && out->state && !tl_file_exists(out->state)) {
        tl_error_set(&error, TL_NOT_FOUND, "there is no folder '%s': name the pipeline's with --data, or --lake and --state", out->state);
        tl_places_close(out);
        ok = false;
    }
    if (!ok)
        tl_report(&error);
    return ok;
}

static bool find(const struct tl_args *args, const struct tl_places *places, struct tl_report_view *v, struct tl_error *error)
{
    char endpoint[512];
    const struct tl_profile_plan *profile = tl_plan_profile(v->plan, tl_args_text(args, "profile", NULL));
    struct tl_report_options options = { .plan = v->plan,
                                         .state_dir = places->state,
                                         .checkpoints = places->checkpoints,
                                         .region = places->region,
                                         .profile = profile ? profile->name : NULL,
                                         .kinesis = tl_pipeline_kinesis(profile, NULL, endpoint, tl_signals_stopping()) };
    return tl_report_find(&options, &v->text, error) && tl_json_parser_new(&v->parser, error) &&
           tl_json_parse_copy(v->parser, tl_buf_view(&v->text), &v->root, error);
}

int tl_report_load(const struct tl_args *args, const char *file, struct tl_report_view *v)
{
    struct tl_error error;
    *v = (struct tl_report_view){ .plan = NULL };
    tl_buf_init(&v->text, REPORT_MAX);
    int code = tl_pipeline_file_load(file, tl_args_text(args, "profile", NULL), &v->plan);
    if (code != TL_EXIT_OK)
        return code;
    struct tl_places places;
    if (!tl_args_places(args, v->plan, &places))
        return TL_EXIT_FAILED;
    bool ok = find(args, &places, v, &error);
    tl_places_close(&places);
    if (!ok)
        return tl_report(&error);
    struct tl_view busy = tl_json_get_string(v->root, "error");
    if (!busy.data)
        return TL_EXIT_OK;
    fprintf(stderr, "tapeline: the pipeline '%s' runs (process %lld), and does not answer just now: %.*s\n", v->plan->name,
            (long long)tl_json_get_i64(v->root, "pid", 0), TL_VIEW_ARG(busy));
    return TL_EXIT_FAILED;
}

void tl_report_view_release(struct tl_report_view *v)
{
    tl_json_parser_free(v->parser);
    tl_buf_release(&v->text);
    tl_plan_free(v->plan);
    *v = (struct tl_report_view){ .plan = NULL };
}

void tl_print_plain(struct tl_view text)
{
    for (size_t i = 0; i < text.size; i++) {
        unsigned char c = (unsigned char)text.data[i];
        putchar(c < ' ' || c == 0x7f ? '?' : c);
    }
}
