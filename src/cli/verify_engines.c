/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/verify_engines.h"

#include "base/file.h"
#include "base/io.h"
#include "base/time.h"
#include "cli/child.h"
#include "cli/dead_letters.h"
#include "cli/export_folder.h"
#include "cli/row_files.h"
#include "cli/rows_compare.h"
#include "cli/scratch.h"
#include "cli/signals.h"
#include "engine/engine.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#define ROWS_MAX ((size_t)4 << 30)
#define SHOWN_MAX 20

static const struct engine {
    const char *name;
    tl_engine_dump_rows *dump;
    bool elsewhere; /* its processes are no children of this one: what they take is not seen */
    int64_t session_tick_ns; /* of its sessions, where that is coarser than what its instants have; 0: it is not */
} engines[] = {
    { "flink", tl_flink_dump_rows, true, TL_NS_PER_MS },
    { "spark", tl_spark_dump_rows, false, 0 },
};

struct cost {
    double wall_s, cpu_s;
};
struct verify {
    const struct tl_verify_engines *o;
    struct tl_scratch scratch;
    struct tl_inputs inputs;
    char lake[640];
    struct tl_rows *ours; /* by view */
    size_t ours_count;
    struct tl_window_list *late;   /* by view: of the records that are late for its sessions, by us or by an engine so far */
    struct tl_differing *differing; /* by view: where its rows differ from the engine's, and why */
    uint64_t received, malformed;
    uint64_t unexplained;
};

static double self_cpu_s(void)
{
    struct rusage u;
    if (getrusage(RUSAGE_SELF, &u) != 0)
        return 0;
    return (double)(u.ru_utime.tv_sec + u.ru_stime.tv_sec) + (double)(u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1e6;
}

/* ---- tapeline's rows ---- */

static void stop_engine(void *engine)
{
    tl_engine_stop(engine);
}

static bool take_rows(struct verify *v, struct tl_engine *engine, struct tl_error *error)
{
    struct tl_engine_stats stats;
    tl_engine_stats_get(engine, &stats);
    v->received = stats.ledger.received;
    v->malformed = stats.ledger.malformed;
    for (size_t i = 0; i < v->o->plan->view_count; i++, v->ours_count++)
        if (!tl_engine_dump(engine, i, &v->ours[i], error))
            return false;
    return true;
}

static bool run_tapeline(struct verify *v, struct cost *cost, struct tl_error *error)
{
    struct tl_engine *engine;
    struct tl_engine_options options = { .plan = v->o->plan,
                                         .inputs = (const char *const *)v->inputs.files.gl_pathv,
                                         .input_sources = v->inputs.sources,
                                         .input_count = v->inputs.files.gl_pathc,
                                         .lake_dir = v->lake,
                                         .state_dir = v->lake };
    int64_t began = tl_io->monotonic_ns();
    double cpu = self_cpu_s();
    snprintf(v->lake, sizeof v->lake, "%s/lake", v->scratch.path);
    if (!tl_engine_open(&engine, &options, error))
        return false;
    for (size_t i = 0; i < v->o->plan->view_count; i++)
        tl_engine_keep_rows(engine, i);
    tl_signals_on_stop(stop_engine, engine);
    bool ok = tl_engine_run(engine, error) && take_rows(v, engine, error);
    tl_signals_on_stop(NULL, NULL);
    tl_engine_close(engine);
    *cost = (struct cost){ (double)(tl_io->monotonic_ns() - began) / 1e9, self_cpu_s() - cpu };
    return ok;
}

static bool keep_late(void *user, const struct tl_letter *letter)
{
    return tl_window_list_add(user, letter->window_start_ns, letter->window_end_ns);
}

/* Of recorded files the engines tell late records as tapeline does, but for sessions. */
static bool has_own_late(const struct tl_plan *plan, const struct tl_view_plan *view)
{
    return view->window == TL_WINDOW_SESSION && !plan->sources[view->source].of_view;
}

static bool find_late(struct verify *v, struct tl_error *error)
{
    for (size_t i = 0; i < v->o->plan->view_count; i++) {
        const struct tl_view_plan *view = &v->o->plan->views[i];
        char table[300];
        snprintf(table, sizeof table, "%.250s_late", view->name);
        if (has_own_late(v->o->plan, view) && !tl_letters_each(v->o->plan, v->lake, table, keep_late, &v->late[i], error))
            return false;
    }
    return true;
}

/* ---- the others' ---- */

static void tell_cost(const struct verify *v, const char *name, const struct cost *cost)
{
    printf("%-8s %" PRIu64 " records in %.2f s, %.2f CPU s: %.2f CPU s per million records, its start included\n", name, v->received, cost->wall_s,
           cost->cpu_s, v->received ? cost->cpu_s * 1e6 / (double)v->received : 0);
}

static void tell_view(struct verify *v, const struct engine *e, size_t view, const struct tl_compare_result *r)
{
    printf("view %s: %" PRIu64 " rows of tapeline, %" PRIu64 " of %s: %" PRIu64 " equal", v->o->plan->views[view].name, r->rows, r->other_rows,
           e->name, r->equal);
    if (r->by_rule[TL_DIFFERENCE_SUM])
        printf("; %" PRIu64 " within %.0f ulps: %s", r->by_rule[TL_DIFFERENCE_SUM], r->ulps_max, tl_difference_text(TL_DIFFERENCE_SUM));
    for (int rule = TL_DIFFERENCE_MICROSECONDS; rule < TL_DIFFERENCE_RULES; rule++)
        if (r->by_rule[rule])
            printf("; %" PRIu64 ": %s", r->by_rule[rule], tl_difference_text((enum tl_difference_rule)rule));
    if (r->by_rule[TL_DIFFERENCE_NONE])
        printf("; %" PRIu64 " DIFFER, %s", r->by_rule[TL_DIFFERENCE_NONE], tl_difference_text(TL_DIFFERENCE_NONE));
    printf("\n%s", tl_buf_text(&r->shown));
}

/* What the engine finds late and we do not. */
static bool add_late_of(struct verify *v, const char *folder, size_t view, struct tl_error *error)
{
    static const struct tl_column_def bounds[] = { { .name = "window_start", .type = TL_TYPE_TIMESTAMP }, { .name = "window_end", .type = TL_TYPE_TIMESTAMP } };
    struct tl_rows rows;
    char path[1400];
    snprintf(path, sizeof path, "%.700s/rows/%.300s_late", folder, v->o->plan->views[view].name);
    bool ok = tl_rows_init(&rows, bounds, 2, ROWS_MAX, error) && tl_row_files_read(path, &rows, error);
    for (size_t i = 0; ok && i < rows.row_count; i++)
        ok = tl_window_list_add(&v->late[view], rows.columns[0].cells[i].i64, rows.columns[1].cells[i].i64) ||
             tl_error_set(error, TL_NO_MEMORY, "out of memory");
    tl_rows_release(&rows);
    return ok;
}

static bool compare_view(struct verify *v, const struct engine *e, const char *folder, size_t view, struct tl_error *error)
{
    const struct tl_view_plan *plan = &v->o->plan->views[view];
    struct tl_rows rows;
    struct tl_compare_result result = { .rows = 0 };
    char path[1400];
    struct tl_compare_options options = { .plan = v->o->plan, .view = view, .ulps = v->o->ulps, .engine = e->name, .shown_max = SHOWN_MAX,
                                            .session_tick_ns = e->session_tick_ns };
    const struct tl_source_plan *source = &v->o->plan->sources[plan->source];
    if (source->of_view)
        options.below = &v->differing[source->view];
    if (has_own_late(v->o->plan, plan)) {
        if (!add_late_of(v, folder, view, error))
            return false;
        options.late = &v->late[view];
    }
    snprintf(path, sizeof path, "%.700s/rows/%.300s", folder, plan->name);
    if (!tl_rows_init(&rows, plan->columns, plan->column_count, ROWS_MAX, error))
        return false;
    bool ok = tl_row_files_read(path, &rows, error) && tl_rows_compare(&v->ours[view], &rows, &options, &result, error);
    if (ok)
        tell_view(v, e, view, &result);
    v->unexplained += result.by_rule[TL_DIFFERENCE_NONE];
    tl_differing_release(&v->differing[view]);
    v->differing[view] = result.differing;
    result.differing = (struct tl_differing){ 0 };
    tl_compare_result_release(&result);
    tl_rows_release(&rows);
    return ok || tl_error_context(error, "view '%s' of %s", plan->name, e->name);
}

/* Malformed records are counted, where the engine keeps them. */
static bool compare_malformed(struct verify *v, const struct engine *e, const char *folder, struct tl_error *error)
{
    static const struct tl_column_def defs[] = { { .name = "sequence_number", .type = TL_TYPE_VARCHAR } };
    struct tl_rows rows;
    bool ok = tl_rows_init(&rows, defs, 1, ROWS_MAX, error), kept = false;
    for (size_t i = 0; ok && i < v->o->plan->source_count; i++) {
        char path[1400];
        snprintf(path, sizeof path, "%.700s/rows/%.300s_malformed", folder, v->o->plan->sources[i].name);
        kept = kept || tl_file_exists(path);
        ok = tl_row_files_read(path, &rows, error);
    }
    if (ok && kept) {
        bool same = rows.row_count == v->malformed;
        printf("malformed records: %" PRIu64 " of tapeline, %zu of %s%s\n", v->malformed, rows.row_count, e->name, same ? "" : ": THEY DIFFER");
        v->unexplained += !same;
    }
    tl_rows_release(&rows);
    return ok;
}

static bool run_engine(struct verify *v, const struct engine *e, struct cost *cost, struct tl_error *error)
{
    char folder[640];
    snprintf(folder, sizeof folder, "%.500s/%s", v->scratch.path, e->name);
    struct tl_engine_request request = {
        .plan = v->o->plan, .export = v->o->export, .master = v->o->master, .jobmanager = v->o->jobmanager, .gateway = v->o->gateway,
        .folder = folder, .inputs = &v->inputs
    };
    int64_t began = tl_io->monotonic_ns();
    double cpu = tl_child_cpu_s();
    if (!tl_dir_make(folder, error) || !e->dump(&request, error))
        return tl_error_context(error, "%s", e->name);
    *cost = (struct cost){ (double)(tl_io->monotonic_ns() - began) / 1e9, tl_child_cpu_s() - cpu };
    if (e->elsewhere)
        printf("%-8s %" PRIu64 " records in %.2f s, a job for each view; what its cluster took is not seen from here\n", e->name, v->received, cost->wall_s);
    else
        tell_cost(v, e->name, cost);
    bool ok = true;
    for (size_t i = 0; ok && i < v->o->plan->view_count; i++)
        ok = compare_view(v, e, folder, i, error);
    return ok && compare_malformed(v, e, folder, error);
}

/* ---- all of it ---- */

static bool find_engines(const struct tl_verify_engines *o, const struct engine **found, size_t *count, struct tl_error *error)
{
    bool tapeline = false;
    *count = 0;
    for (struct tl_view rest = tl_view_of(o->engines); rest.size;) {
        struct tl_view name = tl_view_trim(tl_view_split(rest, ',', &rest));
        const struct engine *e = NULL;
        for (size_t i = 0; i < TL_COUNT(engines); i++)
            e = tl_view_is(name, engines[i].name) ? &engines[i] : e;
        if (tl_view_is(name, "tapeline"))
            tapeline = true;
        else if (!e)
            return tl_error_set(error, TL_INVALID, "--engines: '%.*s' is none of tapeline, spark, flink", TL_VIEW_ARG(name));
        else if (*count < TL_COUNT(engines))
            found[(*count)++] = e;
    }
    return (tapeline && *count) || tl_error_set(error, TL_INVALID, "--engines: name tapeline and what its rows are compared with: --engines tapeline,spark");
}

static bool verify_all(struct verify *v, struct tl_error *error)
{
    const struct engine *others[TL_COUNT(engines)];
    size_t count;
    struct cost cost;
    struct tl_export_options export = v->o->export;
    export.input = "recorded files";
    if (!find_engines(v->o, others, &count, error))
        return false;
    if (v->o->pattern_count == 0)
        return tl_error_set(error, TL_INVALID, "--engines compares recorded input: name it with --input GLOB");
    for (size_t i = 0; i < count; i++)
        if (!tl_export_check(v->o->plan, tl_export_engine_find(others[i]->name), &export, error))
            return false;
    if (!tl_inputs_expand(&v->inputs, v->o->plan, v->o->patterns, v->o->pattern_count, error) || !tl_scratch_open(&v->scratch, error) ||
        !run_tapeline(v, &cost, error) || !find_late(v, error))
        return false;
    tell_cost(v, "tapeline", &cost);
    tl_child_adopt();
    for (size_t i = 0; i < count; i++)
        if (!run_engine(v, others[i], &cost, error))
            return false;
    return true;
}

static void release(struct verify *v)
{
    for (size_t i = 0; i < v->ours_count; i++)
        tl_rows_release(&v->ours[i]);
    for (size_t i = 0; v->late && v->differing && i < v->o->plan->view_count; i++) {
        tl_window_list_release(&v->late[i]);
        tl_differing_release(&v->differing[i]);
    }
    free(v->ours);
    free(v->late);
    free(v->differing);
    tl_inputs_release(&v->inputs);
    tl_scratch_close(&v->scratch);
}

int tl_verify_engines_run(const struct tl_verify_engines *o)
{
    struct verify v = { .o = o };
    struct tl_error error;
    v.ours = calloc(o->plan->view_count + 1, sizeof *v.ours);
    v.late = calloc(o->plan->view_count + 1, sizeof *v.late);
    v.differing = calloc(o->plan->view_count + 1, sizeof *v.differing);
    bool ok = (v.ours && v.late && v.differing) || tl_error_set(&error, TL_NO_MEMORY, "out of memory");
    ok = ok && verify_all(&v, &error);
    int code = !ok ? tl_report(&error) : v.unexplained ? TL_EXIT_FAILED : TL_EXIT_OK;
    if (ok)
        puts(v.unexplained ? "NOT EQUAL" : "equal");
    release(&v);
    return code;
}
