/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/engine_flink.h"

#include "base/file.h"
#include "base/io.h"
#include "base/map.h"
#include "cli/export_folder.h"
#include "cli/flink_gateway.h"
#include "cli/flink_job.h"
#include "cli/flink_script.h"
#include "codec/json_writer.h"
#include "engine/dead_letters.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SCRIPT_MAX ((size_t)8 << 20)
#define ROWS_MAX ((size_t)4 << 30)
#define JOB_MANAGER "http://127.0.0.1:8081"
#define GATEWAY_PORT 8083

struct flink {
    const struct tl_engine_request *request;
    char job_manager[400], gateway_url[400], input[1200];
    struct tl_flink_gateway gateway;
    struct tl_buf script;
};

/* Without another word the gateway is on the job manager's machine, at Flink's usual port. */
static void find_urls(struct flink *f)
{
    const struct tl_engine_request *r = f->request;
    snprintf(f->job_manager, sizeof f->job_manager, "%.390s", r->jobmanager ? r->jobmanager : JOB_MANAGER);
    size_t size = strlen(f->job_manager);
    while (size && f->job_manager[size - 1] == '/')
        f->job_manager[--size] = '\0';
    if (!strstr(f->job_manager, "://")) {
        char host[380];
        snprintf(host, sizeof host, "%.379s", f->job_manager);
        snprintf(f->job_manager, sizeof f->job_manager, "http://%s", host);
    }
    const char *host = strstr(f->job_manager, "://") + 3;
    if (r->gateway)
        snprintf(f->gateway_url, sizeof f->gateway_url, "%.390s", r->gateway);
    else
        snprintf(f->gateway_url, sizeof f->gateway_url, "http://%.*s:%d", (int)strcspn(host, ":/"), host, GATEWAY_PORT);
}

/* ---- the files of a backtest ---- */

static int by_path(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static size_t real_sources(const struct tl_plan *plan)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->source_count; i++)
        count += !plan->sources[i].of_view;
    return count;
}

/* Flink reads a folder: one of links, whose names are in the order of the files' (rule 1); one a source where there are several. */
static bool stage_source(struct flink *f, size_t source, bool several, struct tl_error *error)
{
    const struct tl_inputs *in = f->request->inputs;
    const char **paths = calloc(in->files.gl_pathc + 1, sizeof *paths);
    char folder[1400];
    size_t count = 0;
    if (!paths)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    for (size_t i = 0; i < in->files.gl_pathc; i++)
        if (in->sources[i] == source)
            paths[count++] = in->files.gl_pathv[i];
    qsort(paths, count, sizeof *paths, by_path);
    snprintf(folder, sizeof folder, "%s%s%.128s", f->input, several ? "/" : "", several ? f->request->plan->sources[source].name : "");
    bool ok = tl_dir_make(folder, error);
    for (size_t i = 0; ok && i < count; i++) {
        char link[1500], *real = realpath(paths[i], NULL);
        snprintf(link, sizeof link, "%s/%06zu.ndjson", folder, i);
        if (!real || tl_io->symlink(real, link) != 0)
            ok = tl_error_sys(error, errno, "cannot link '%s' as '%s'", paths[i], link);
        free(real);
    }
    free(paths);
    return ok;
}

static bool stage_inputs(struct flink *f, struct tl_error *error)
{
    const struct tl_plan *plan = f->request->plan;
    char *folder = realpath(f->request->folder, NULL);
    snprintf(f->input, sizeof f->input, "%.1000s/input", folder ? folder : f->request->folder);
    free(folder);
    bool ok = tl_dir_remove(f->input, error);
    for (size_t i = 0; ok && i < plan->source_count; i++)
        ok = plan->sources[i].of_view || stage_source(f, i, real_sources(plan) > 1, error);
    return ok;
}

/* ---- the script ---- */

static bool open_flink(struct flink *f, const struct tl_flink_options *options, struct tl_error *error)
{
    const struct tl_engine_request *r = f->request;
    struct tl_export_options export = r->export;
    char path[1400];
    tl_buf_init(&f->script, SCRIPT_MAX);
    find_urls(f);
    if (r->inputs && r->inputs->files.gl_pathc) {
        if (!stage_inputs(f, error))
            return false;
        export.input = f->input;
    }
    snprintf(path, sizeof path, "%.1000s/%.128s.sql", r->folder, r->plan->name);
    return tl_export_folder_write(r->plan, tl_export_engine_find("flink"), &export, r->folder, NULL, error) &&
           tl_file_read(path, &f->script, error) && tl_flink_job_manager_answers(f->job_manager, error) &&
           tl_flink_gateway_open(&f->gateway, f->gateway_url, f->job_manager, options, error);
}

static void close_flink(struct flink *f)
{
    tl_flink_gateway_close(&f->gateway);
    tl_buf_release(&f->script);
}

static bool is_statement_set(struct tl_view statement)
{
    struct tl_view bare = tl_flink_script_bare(statement);
    return bare.size > 21 && memcmp(bare.data, "EXECUTE STATEMENT SET", 21) == 0;
}

/* Runs the script; without the sinks it ends where rows can be asked for. */
static bool run_script(struct flink *f, bool sinks, struct tl_error *error)
{
    struct tl_view rest = tl_buf_view(&f->script), statement;
    while (tl_flink_script_next(&rest, &statement))
        if ((sinks || !is_statement_set(statement)) && !tl_flink_gateway_run(&f->gateway, statement, NULL, NULL, error))
            return false;
    return true;
}

/* ---- rows for a comparison ---- */

/* Rows as JSON lines. What changes comes as the row before and the row after: lines are counted. */
struct lines {
    const struct tl_column_def *columns;
    size_t count;
    struct tl_buf line;
    struct tl_map seen;
};

static void add_value(struct tl_json_writer *w, enum tl_type type, struct tl_view text)
{
    switch (type) {
    case TL_TYPE_BOOLEAN:
        tl_json_write_bool(w, tl_view_eq_ignore_case(text, TL_VIEW("true")));
        break;
    case TL_TYPE_INTEGER:
    case TL_TYPE_BIGINT:
    case TL_TYPE_DOUBLE:
        tl_json_write_raw(w, text); /* Java's text of a finite number is JSON */
        break;
    default:
        tl_json_write_string(w, text);
    }
}

static bool count_line(void *user, struct tl_view kind, struct tl_json fields, struct tl_error *error)
{
    struct lines *l = user;
    struct tl_json_writer w;
    struct tl_json_iter it;
    struct tl_json one;
    tl_buf_reset(&l->line);
    tl_json_writer_init(&w, &l->line);
    tl_json_begin_object(&w);
    tl_json_iter_init(&it, fields);
    for (size_t i = 0; i < l->count && tl_json_next(&it, NULL, &one); i++) {
        struct tl_view text;
        if (!tl_json_string(one, &text))
            continue;
        tl_json_key(&w, l->columns[i].name);
        add_value(&w, l->columns[i].type, text);
    }
    tl_json_end_object(&w);
    bool added, out = tl_view_is(kind, "UPDATE_BEFORE") || tl_view_is(kind, "DELETE");
    uint64_t *times = tl_buf_ok(&l->line, "a row", error) ? tl_map_put(&l->seen, tl_buf_view(&l->line), &added) : NULL;
    if (!times)
        return l->line.failed ? false : tl_error_set(error, TL_NO_MEMORY, "more rows than there is memory for");
    *times += out ? (uint64_t)-1 : 1;
    if (*times == 0)
        (void)tl_map_remove(&l->seen, tl_buf_view(&l->line));
    return true;
}

static bool write_lines(const struct lines *l, const char *folder, const char *table, struct tl_error *error)
{
    struct tl_buf text;
    char path[1400];
    snprintf(path, sizeof path, "%.1000s/rows/%.300s", folder, table);
    if (!tl_dir_make(path, error))
        return false;
    tl_buf_init(&text, ROWS_MAX);
    for (size_t i = 0; i < l->seen.count; i++)
        for (uint64_t n = tl_map_value_at(&l->seen, i); n > 0; n--) {
            tl_buf_add_view(&text, tl_map_key_at(&l->seen, i));
            tl_buf_add_char(&text, '\n');
        }
    snprintf(path, sizeof path, "%.1000s/rows/%.300s/rows.json", folder, table);
    bool ok = tl_buf_ok(&text, "the rows", error) && tl_file_write_atomic(path, tl_buf_view(&text), error);
    tl_buf_release(&text);
    return ok;
}

/* SELECT of all columns as text, which has all digits. names: what the table calls them. */
static bool dump_table(struct flink *f, const char *table, const struct tl_column_def *names, const struct tl_column_def *columns, size_t count,
                       struct tl_error *error)
{
    struct lines l = { .columns = columns, .count = count };
    struct tl_buf sql;
    tl_buf_init(&sql, 1 << 20);
    tl_buf_init(&l.line, 64 << 20);
    tl_map_init(&l.seen, SIZE_MAX / 64);
    for (size_t i = 0; i < count; i++)
        tl_buf_addf(&sql, "%sCAST(`%s` AS STRING)", i ? ", " : "SELECT ", names[i].name);
    tl_buf_addf(&sql, " FROM `%s`", table);
    bool ok = tl_buf_ok(&sql, "a statement", error) && tl_flink_gateway_run(&f->gateway, tl_buf_view(&sql), count_line, &l, error) &&
              write_lines(&l, f->request->folder, table, error);
    tl_map_release(&l.seen);
    tl_buf_release(&l.line);
    tl_buf_release(&sql);
    return ok;
}

static bool dump_view(struct flink *f, size_t view, struct tl_error *error)
{
    const struct tl_view_plan *v = &f->request->plan->views[view];
    return dump_table(f, v->name, v->columns, v->columns, v->column_count, error);
}

/* The script finds more records late for sessions than tapeline does: those that would join one that is still open. */
static bool dump_late_of_sessions(struct flink *f, size_t view, struct tl_error *error)
{
    static const struct tl_column_def bounds[] = { { .name = "window_start", .type = TL_TYPE_TIMESTAMP }, { .name = "window_end", .type = TL_TYPE_TIMESTAMP } };
    const struct tl_plan *plan = f->request->plan;
    const struct tl_view_plan *v = &plan->views[view];
    struct tl_dead_columns columns;
    struct tl_arena arena;
    char table[256];
    if (v->window != TL_WINDOW_SESSION || plan->sources[v->source].of_view)
        return true;
    snprintf(table, sizeof table, "%.200s_late", v->name);
    tl_arena_init(&arena, 1 << 20);
    bool ok = tl_dead_late_columns(plan, view, &arena, &columns, error) &&
              dump_table(f, table, columns.defs + columns.count - TL_DEAD_LATE_OWN, bounds, TL_COUNT(bounds), error);
    tl_arena_release(&arena);
    return ok;
}

bool tl_flink_dump_rows(const struct tl_engine_request *request, struct tl_error *error)
{
    static const struct tl_column_def malformed[] = { { .name = "sequence_number", .type = TL_TYPE_VARCHAR } };
    const struct tl_plan *plan = request->plan;
    struct flink f = { .request = request };
    bool ok = open_flink(&f, NULL, error) && run_script(&f, false, error);
    for (size_t i = 0; ok && i < plan->view_count; i++)
        ok = dump_view(&f, i, error) && dump_late_of_sessions(&f, i, error);
    for (size_t i = 0; ok && i < plan->source_count; i++) {
        char table[256];
        snprintf(table, sizeof table, "%.200s_malformed", plan->sources[i].name);
        ok = plan->sources[i].of_view || dump_table(&f, table, malformed, malformed, 1, error);
    }
    close_flink(&f);
    return ok;
}

/* ---- a job that runs on ---- */

int tl_flink_run(const struct tl_engine_request *request, const struct tl_flink_options *options)
{
    struct flink f = { .request = request };
    struct tl_error error;
    bool ok = open_flink(&f, options, &error) && run_script(&f, true, &error);
    if (ok && !f.gateway.job[0])
        ok = tl_error_set(&error, TL_INVALID, "the SQL gateway started no job");
    char job[64];
    snprintf(job, sizeof job, "%s", f.gateway.job);
    int code = ok ? TL_EXIT_OK : tl_report(&error);
    close_flink(&f);
    char progress[1200];
    snprintf(progress, sizeof progress, "%.1100s/progress.json", options->progress_folder);
    const struct tl_flink_follow follow = { f.job_manager, job, request->plan->name, options->savepoints, progress };
    return ok ? tl_flink_job_follow(&follow) : code;
}
