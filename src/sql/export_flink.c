/* SPDX-License-Identifier: Apache-2.0 */
/* A plan as a Flink SQL script: settings, then each source, each view, and the sinks as one job. */
#include "sql/export_flink.h"

#include "sql/export_names.h"
#include "sql/export_refuse.h"

extern const char tl_template_flink_readme_start[];

void tl_flink_add_name(struct tl_buf *out, const char *name, const char *ending)
{
    struct tl_buf whole;
    tl_buf_init(&whole, 1 << 12);
    tl_buf_addf(&whole, "%s%s", name, ending);
    tl_sql_write_name(&tl_flink_dialect, tl_buf_text(&whole), out);
    tl_buf_release(&whole);
}

bool tl_flink_add_sql(struct tl_flink_job *j, const struct tl_expr *e, const char *const *names, const char *subject)
{
    struct tl_sql_writer w = { .dialect = &tl_flink_dialect, .names = names, .out = j->out, .plan = j->plan, .subject = subject };
    return tl_sql_write(&w, e, j->error);
}

/* One setting is for the whole job: the least of the sources' and of the sinks'. */
static void write_settings(struct tl_flink_job *j)
{
    const struct tl_plan *plan = j->plan;
    int64_t every = 60000000000, idle = INT64_MAX;
    for (size_t i = 0; i < plan->sink_count; i++)
        every = i == 0 || plan->sinks[i].commit_every_ns < every ? plan->sinks[i].commit_every_ns : every;
    for (size_t i = 0; i < plan->source_count; i++)
        if (tl_export_reads(plan, i) && !plan->sources[i].of_view && plan->sources[i].shard_idle_ns < idle)
            idle = plan->sources[i].shard_idle_ns;
    tl_buf_addf(j->out,
                "SET 'pipeline.name' = '%s';\n"
                "SET 'execution.runtime-mode' = 'streaming';\n"
                "SET 'table.local-time-zone' = 'UTC';\n"
                "SET 'execution.checkpointing.mode' = 'EXACTLY_ONCE';\n"
                "SET 'execution.checkpointing.interval' = '",
                plan->name);
    tl_sql_write_span(every, false, j->out);
    tl_buf_add_text(j->out, "';\n");
    if (!j->options->input) {
        tl_buf_add_text(j->out, "SET 'table.exec.source.idle-timeout' = '");
        tl_sql_write_span(idle, false, j->out);
        tl_buf_add_text(j->out, "';  -- rule 6: a shard without records lets windows close\n");
    }
    tl_buf_add_char(j->out, '\n');
}

static bool fill_names(struct tl_flink_job *j)
{
    j->names = TL_ARENA_ARRAY(&j->arena, j->plan->source_count + 1, const char **);
    for (size_t i = 0; j->names && i < j->plan->source_count; i++) {
        j->names[i] = tl_export_source_names(&j->plan->sources[i], &j->arena);
        for (size_t c = 0; j->names[i] && j->plan->sources[i].of_view && c < j->plan->sources[i].column_count; c++)
            if (strncmp(j->names[i][c], "window_", 7) == 0) /* a window over the rows has columns of that name */
                j->names[i][c] = tl_arena_printf(&j->arena, "_%s", j->names[i][c]);
    }
    return tl_arena_ok(&j->arena, "the names of the sources", j->error);
}

static bool write_script(struct tl_flink_job *j)
{
    const struct tl_plan *plan = j->plan;
    if (plan->view_count == 0)
        return tl_export_refuse(plan, plan->place, j->error, "pipeline '%s' has no view: there is nothing to export; 'tapeline build' makes its tables",
                                plan->name);
    tl_buf_addf(j->out,
                "-- %s: the streaming views of %s as one Flink job.\n"
                "-- Written by 'tapeline export flink', for Flink 1.19; README.md says how it is run, and where its rows may differ. Rules are those of\n"
                "-- tapeline's docs/semantics.md. Stream, region and endpoint, and the lake, are those of the profile (--profile) and of --lake: with others,\n"
                "-- write it anew.\n\n",
                plan->name, j->options->file_name);
    if (!fill_names(j))
        return false;
    write_settings(j);
    for (size_t i = 0; i < plan->source_count; i++)
        if (tl_export_reads(plan, i) && !plan->sources[i].of_view && !tl_flink_write_source(j, i))
            return false;
    for (size_t i = 0; i < plan->view_count; i++)
        if (!tl_flink_write_view(j, &plan->views[i]))
            return false;
    return tl_flink_write_sinks(j);
}

bool tl_export_flink(const struct tl_plan *plan, const struct tl_export_options *options, struct tl_export *out,
                     struct tl_error *error)
{
    struct tl_flink_job j = { .plan = plan, .options = options, .error = error };
    tl_arena_init(&j.arena, 16 << 20);
    j.out = tl_export_add(out, plan->name, ".sql");
    bool ok = write_script(&j);
    if (ok)
        tl_export_add_readme(out, tl_template_flink_readme_start, plan, options);
    tl_arena_release(&j.arena);
    return ok && tl_export_ok(out, error);
}
