/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_why.c: why a view gives no rows: the causes, the decisive one first. */
#include "base/suggest.h"
#include "cli/commands.h"
#include "cli/data_folder.h"
#include "cli/report_args.h"
#include "codec/json_writer.h"

#include <stdio.h>

static const struct tl_option options[] = { TL_REPORT_OPTIONS };

static bool find_view(const struct tl_report_view *v, const char *name, struct tl_json *out)
{
    struct tl_json views;
    struct tl_json_iter it;
    if (!tl_json_get(v->root, "views", &views))
        return false;
    for (tl_json_iter_init(&it, views); tl_json_next(&it, NULL, out);)
        if (tl_view_is(tl_json_get_string(*out, "name"), name))
            return true;
    return false;
}

static int unknown_view(const struct tl_plan *plan, const char *name)
{
    const char *names[64];
    size_t count = 0;
    for (size_t i = 0; i < plan->view_count && count < TL_COUNT(names); i++)
        names[count++] = plan->views[i].name;
    const char *near = tl_suggest(tl_view_of(name), names, count);
    fprintf(stderr, "tapeline why: the pipeline '%s' has no view '%s'", plan->name, name);
    if (near)
        fprintf(stderr, "; did you mean '%s'?", near);
    for (size_t i = 0; !near && i < count; i++)
        fprintf(stderr, "%s %s", i ? "," : "; it has", names[i]);
    fputc('\n', stderr);
    return TL_EXIT_USAGE;
}

static void print_causes(const char *name, struct tl_json view)
{
    struct tl_json causes, cause;
    struct tl_json_iter it;
    printf("%s: %lld rows so far\n", name, (long long)tl_json_get_i64(view, "rows", 0));
    if (!tl_json_get(view, "why", &causes))
        return;
    for (tl_json_iter_init(&it, causes); tl_json_next(&it, NULL, &cause);) {
        struct tl_view fix = tl_json_get_string(cause, "fix");
        fputs("  - ", stdout);
        tl_print_plain(tl_json_get_string(cause, "text"));
        putchar('\n');
        if (fix.data) {
            fputs("    to do: ", stdout);
            tl_print_plain(fix);
            putchar('\n');
        }
    }
    if (tl_json_size(causes) == 0)
        puts("  nothing holds it up");
}

static void write_cause(struct tl_json cause, struct tl_json_writer *w)
{
    static const char *const members[] = { "cause", "shard", "text", "fix" };
    tl_json_begin_object(w);
    for (size_t i = 0; i < TL_COUNT(members); i++) {
        struct tl_view text = tl_json_get_string(cause, members[i]);
        tl_json_key(w, members[i]);
        if (text.data)
            tl_json_write_string(w, text);
        else
            tl_json_write_null(w);
    }
    tl_json_end_object(w);
}

static int print_json(const struct tl_report_view *v, struct tl_json view)
{
    struct tl_error error;
    struct tl_buf out;
    struct tl_json_writer w;
    struct tl_json causes, cause;
    struct tl_json_iter it;
    tl_buf_init(&out, 1 << 20);
    tl_json_writer_init(&w, &out);
    tl_json_begin_object(&w);
    tl_json_member_string(&w, "pipeline", tl_json_get_string(v->root, "pipeline"));
    tl_json_member_string(&w, "state", tl_json_get_string(v->root, "state"));
    tl_json_member_string(&w, "view", tl_json_get_string(view, "name"));
    tl_json_member_i64(&w, "rows", tl_json_get_i64(view, "rows", 0));
    tl_json_key(&w, "why");
    tl_json_begin_array(&w);
    for (tl_json_iter_init(&it, tl_json_get(view, "why", &causes) ? causes : view); tl_json_next(&it, NULL, &cause);)
        write_cause(cause, &w);
    tl_json_end_array(&w);
    tl_json_end_object(&w);
    tl_buf_add_char(&out, '\n');
    bool ok = tl_buf_ok(&out, "the causes", &error);
    if (ok)
        fwrite(out.data, 1, out.size, stdout);
    tl_buf_release(&out);
    return ok ? TL_EXIT_OK : tl_report(&error);
}

static int tell(const struct tl_args *args, const struct tl_report_view *v, const char *name)
{
    struct tl_json view;
    if (!find_view(v, name, &view))
        return unknown_view(v->plan, name);
    if (!tl_args_flag(args, "json")) {
        print_causes(name, view);
        return TL_EXIT_OK;
    }
    return print_json(v, view);
}

static int why_run(const struct tl_args *args)
{
    struct tl_report_view v;
    int code = tl_report_load(args, tl_args_positional(args, 1), &v);
    if (code == TL_EXIT_OK)
        code = tell(args, &v, tl_args_positional(args, 0));
    tl_report_view_release(&v);
    return code;
}

const struct tl_command tl_command_why = {
    .name = "why",
    .summary = "say why a view gives no rows just now",
    .positional = "VIEW [FILE]",
    .positional_min = 1,
    .positional_max = 2,
    .options = options,
    .option_count = TL_COUNT(options),
    .examples = "  tapeline why avg_1min\n"
                "  tapeline why avg_1min pipelines/stock_stream.sql --data ./d\n",
    .run = why_run,
};
