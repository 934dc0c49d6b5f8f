/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/flink_job.h"

#include "base/file.h"
#include "base/io.h"
#include "base/time.h"
#include "cli/command.h"
#include "cli/flink_api.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "codec/json_writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOOK_NS (500 * TL_NS_PER_MS)
#define STOP_NS (120 * TL_NS_PER_S)
#define NOTE_NS (5 * TL_NS_PER_S)
#define SILENT_NS (30 * TL_NS_PER_S)
#define NOTE_MAX ((size_t)64 << 10)
#define ABSENT "start a cluster ($FLINK_HOME/bin/start-cluster.sh), or say where its job manager is with --jobmanager URL"

static const struct tl_view nothing = { NULL, 0 };

bool tl_flink_job_manager_answers(const char *url, struct tl_error *error)
{
    struct tl_flink_api api;
    struct tl_json answer;
    bool ok = tl_flink_api_open(&api, url, ABSENT, error) && tl_flink_api_call(&api, "GET", "/overview", nothing, &answer, error);
    if (ok && !tl_json_get_string(answer, "flink-version").data)
        ok = tl_error_set(error, TL_UNAVAILABLE, "what answers at %s is no job manager of Flink: " ABSENT, url);
    else if (ok && tl_json_get_i64(answer, "taskmanagers", 0) == 0)
        ok = tl_error_set(error, TL_UNAVAILABLE, "the job manager at %s has no task manager: start one ($FLINK_HOME/bin/taskmanager.sh start)", url);
    tl_flink_api_close(&api);
    return ok;
}

/* ---- what there is to see ---- */

struct job {
    struct tl_flink_api api;
    const struct tl_flink_follow *what;
    const char *id, *name;
    char state[32];
    int64_t began_ns;
    int64_t read; /* records that have left the sources, the malformed ones too */
    char vertex[64]; /* behind a source: it has the watermark */
    int64_t checkpoints, failed, checkpoint_ms, state_bytes;
    int64_t watermark_ms; /* INT64_MIN: none yet */
    int64_t rate_from, rate_from_ns;
    double rate; /* records a second, of late */
    int64_t noted_ns;
};

static bool ask(struct job *j, const char *behind, struct tl_json *answer, struct tl_error *error)
{
    char path[512];
    snprintf(path, sizeof path, "/jobs/%.64s%.256s", j->id, behind);
    return tl_flink_api_call(&j->api, "GET", path, nothing, answer, error);
}

static void keep(char *out, size_t room, struct tl_view text)
{
    snprintf(out, room, "%.*s", (int)(text.size < room ? text.size : room - 1), text.data ? text.data : "");
}

static bool look_at_state(struct job *j, struct tl_error *error)
{
    struct tl_json answer, vertices, one;
    struct tl_json_iter it;
    if (!ask(j, "", &answer, error))
        return false;
    keep(j->state, sizeof j->state, tl_json_get_string(answer, "state"));
    j->read = 0;
    if (!tl_json_get(answer, "vertices", &vertices))
        return true;
    for (tl_json_iter_init(&it, vertices); tl_json_next(&it, NULL, &one);) {
        struct tl_view name = tl_json_get_string(one, "name");
        bool source = name.size > 7 && memcmp(name.data, "Source:", 7) == 0;
        if (source)
            j->read += tl_json_get_i64(tl_json_member(one, "metrics"), "write-records", 0);
        else if (!j->vertex[0])
            keep(j->vertex, sizeof j->vertex, tl_json_get_string(one, "id"));
    }
    return true;
}

static bool look_at_checkpoints(struct job *j, struct tl_error *error)
{
    struct tl_json answer;
    if (!ask(j, "/checkpoints", &answer, error))
        return false;
    struct tl_json counts = tl_json_member(answer, "counts"), last = tl_json_member(tl_json_member(answer, "latest"), "completed");
    j->checkpoints = tl_json_get_i64(counts, "completed", 0);
    j->failed = tl_json_get_i64(counts, "failed", 0);
    j->checkpoint_ms = tl_json_get_i64(last, "end_to_end_duration", 0);
    j->state_bytes = tl_json_get_i64(last, "state_size", 0);
    return true;
}

/* The least of the subtasks' is the job's. */
static bool look_at_watermark(struct job *j, struct tl_error *error)
{
    struct tl_json answer, one;
    struct tl_json_iter it;
    char path[128];
    snprintf(path, sizeof path, "/vertices/%s/watermarks", j->vertex);
    if (!j->vertex[0])
        return true;
    if (!ask(j, path, &answer, error))
        return false;
    int64_t least = INT64_MAX, ms;
    for (tl_json_iter_init(&it, answer); tl_json_next(&it, NULL, &one);) {
        struct tl_view text = tl_json_get_string(one, "value");
        if (tl_view_to_i64(text, &ms) && ms < least)
            least = ms;
    }
    bool plausible = least > INT64_MIN / TL_NS_PER_MS && least < INT64_MAX / TL_NS_PER_MS;
    j->watermark_ms = plausible ? least : INT64_MIN;
    return true;
}

static bool look(struct job *j, struct tl_error *error)
{
    return look_at_state(j, error) && look_at_checkpoints(j, error) && look_at_watermark(j, error);
}

/* The job manager counts anew every ten seconds or so: the rate is between two counts, and 0 where none has moved for long. A job that begins
 * anew counts from 0. */
static void take_rate(struct job *j, int64_t now)
{
    if (j->read == j->rate_from && now - j->rate_from_ns < SILENT_NS)
        return;
    double rate = (double)(j->read - j->rate_from) * 1e9 / (double)(now - j->rate_from_ns);
    j->rate = rate > 0 ? rate : 0;
    j->rate_from = j->read;
    j->rate_from_ns = now;
}

static void write_note(const struct job *j, struct tl_buf *out)
{
    struct tl_json_writer w;
    char page[600], watermark[TL_TIME_TEXT_MAX] = "";
    snprintf(page, sizeof page, "%.400s/#/job/%.64s", j->what->url, j->id);
    if (j->watermark_ms != INT64_MIN)
        tl_time_format(j->watermark_ms * TL_NS_PER_MS, TL_TIME_ISO_MS, watermark);
    tl_json_writer_init(&w, out);
    tl_json_begin_object(&w);
    tl_json_member_i64(&w, "pid", getpid());
    tl_json_member_text(&w, "ui", page);
    tl_json_member_text(&w, "state", j->state);
    tl_json_end_object(&w);
    tl_buf_add_char(out, '\n');
    tl_json_writer_init(&w, out);
    tl_json_begin_object(&w);
    tl_json_member_text(&w, "query", j->name);
    tl_json_member_i64(&w, "batch", j->checkpoints);
    tl_json_member_i64(&w, "batch_ms", j->checkpoint_ms);
    tl_json_member_i64(&w, "records", j->read);
    tl_json_member_double(&w, "input_rate", j->rate);
    tl_json_member_i64(&w, "state_bytes", j->state_bytes);
    tl_json_member_text(&w, "watermark", watermark[0] ? watermark : NULL);
    tl_json_end_object(&w);
    tl_buf_add_char(out, '\n');
}

/* The page's news: without them the job runs on. */
static void note(struct job *j)
{
    struct tl_buf text;
    struct tl_error error;
    tl_buf_init(&text, NOTE_MAX);
    write_note(j, &text);
    if (!tl_buf_ok(&text, "the progress", &error) || !tl_file_write_atomic(j->what->progress, tl_buf_view(&text), &error))
        fprintf(stderr, "flink: how the job stands is not written down: %s\n", error.text);
}

static void show(struct job *j, struct tl_progress *progress)
{
    char watermark[TL_TIME_TEXT_MAX] = "none yet";
    if (j->watermark_ms != INT64_MIN)
        tl_time_format(j->watermark_ms * TL_NS_PER_MS, TL_TIME_SQL, watermark);
    tl_progress_show(progress, "flink %s: %s, %" PRId64 " records, %.0f/s, checkpoints %" PRId64 " (the last took %" PRId64 " ms%s), watermark %s", j->name,
                     j->state, j->read, j->rate, j->checkpoints, j->checkpoint_ms, j->failed ? ", some failed" : "", watermark);
}

/* ---- the end ---- */

static bool has_ended(const struct job *j)
{
    static const char *const ends[] = { "FINISHED", "CANCELED", "FAILED", "SUSPENDED" };
    for (size_t i = 0; i < TL_COUNT(ends); i++)
        if (strcmp(j->state, ends[i]) == 0)
            return true;
    return false;
}

static bool tell_failure(struct job *j, struct tl_error *error)
{
    struct tl_json answer;
    if (!ask(j, "/exceptions", &answer, error))
        return false;
    struct tl_view trace = tl_json_get_string(answer, "root-exception");
    return tl_flink_explain(trace.size ? trace : TL_VIEW("the job failed, and says nothing why"), error);
}

static bool wait_for_end(struct job *j, struct tl_error *error)
{
    for (int64_t until = tl_io->monotonic_ns() + STOP_NS; tl_io->monotonic_ns() < until; tl_io->sleep_ns(LOOK_NS))
        if (!look_at_state(j, error) || has_ended(j))
            return has_ended(j);
    return tl_error_set(error, TL_TIMEOUT, "the job %s has not ended %d s after it was told to: its job manager knows why", j->id, (int)(STOP_NS / TL_NS_PER_S));
}

/* *location: where it was written; "" and false: it was not, error says why. */
static bool take_savepoint(struct job *j, const char *folder, char location[1024], struct tl_error *error)
{
    struct tl_json_writer w;
    struct tl_buf body;
    struct tl_json answer;
    char path[256], request[64];
    tl_buf_init(&body, 1 << 16);
    tl_json_writer_init(&w, &body);
    tl_json_begin_object(&w);
    tl_json_member_bool(&w, "drain", false);
    if (folder)
        tl_json_member_text(&w, "targetDirectory", folder);
    tl_json_end_object(&w);
    snprintf(path, sizeof path, "/jobs/%s/stop", j->id);
    bool ok = tl_buf_ok(&body, "the request", error) && tl_flink_api_call(&j->api, "POST", path, tl_buf_view(&body), &answer, error);
    tl_buf_release(&body);
    if (!ok)
        return false;
    keep(request, sizeof request, tl_json_get_string(answer, "request-id"));
    snprintf(path, sizeof path, "/savepoints/%s", request);
    for (int64_t until = tl_io->monotonic_ns() + STOP_NS; tl_io->monotonic_ns() < until; tl_io->sleep_ns(LOOK_NS)) {
        if (!ask(j, path, &answer, error))
            return false;
        if (!tl_view_is(tl_json_get_string(tl_json_member(answer, "status"), "id"), "COMPLETED"))
            continue;
        struct tl_json operation = tl_json_member(answer, "operation");
        keep(location, 1024, tl_json_get_string(operation, "location"));
        return location[0] ? true : tl_flink_explain(tl_json_get_string(tl_json_member(operation, "failure-cause"), "stack-trace"), error);
    }
    return tl_error_set(error, TL_TIMEOUT, "its savepoint was not complete after %d s", (int)(STOP_NS / TL_NS_PER_S));
}

static bool stop(struct job *j, const char *savepoints, struct tl_error *error)
{
    char location[1024] = "", path[128];
    struct tl_json answer;
    fprintf(stderr, "stopping the job %s with a savepoint\n", j->id);
    if (take_savepoint(j, savepoints, location, error)) {
        if (!wait_for_end(j, error))
            return false;
        fprintf(stderr, "stopped; go on from there with --savepoint %s\n", location);
        return true;
    }
    fprintf(stderr, "no savepoint (%s): cancelling the job, whose last checkpoint stands for what is in the lake\n", error->text);
    snprintf(path, sizeof path, "/jobs/%s?mode=cancel", j->id);
    if (!tl_flink_api_call(&j->api, "PATCH", path, nothing, &answer, error) || !wait_for_end(j, error))
        return false;
    fprintf(stderr, "cancelled\n");
    return true;
}

/* ---- the whole ---- */

static bool follow(struct job *j, const char *savepoints, struct tl_error *error)
{
    struct tl_progress progress;
    bool stopping = false;
    tl_progress_init(&progress, true);
    while (!stopping) {
        if (!look(j, error))
            return false;
        if (has_ended(j))
            break;
        int64_t now = tl_io->monotonic_ns();
        take_rate(j, now);
        if (now - j->noted_ns >= NOTE_NS) {
            note(j);
            j->noted_ns = now;
        }
        if (tl_progress_due(&progress, now))
            show(j, &progress);
        tl_io->sleep_ns(LOOK_NS);
        stopping = __atomic_load_n(tl_signals_stopping(), __ATOMIC_RELAXED);
    }
    tl_progress_end(&progress, "flink %s: %s after %.1f s, %" PRId64 " records, %" PRId64 " checkpoints", j->name, stopping ? "told to stop" : j->state,
                    (double)(tl_io->monotonic_ns() - j->began_ns) / 1e9, j->read, j->checkpoints);
    if (stopping && !stop(j, savepoints, error))
        return false;
    note(j);
    if (stopping)
        return true;
    if (strcmp(j->state, "FINISHED") == 0)
        return true;
    return strcmp(j->state, "FAILED") == 0 ? tell_failure(j, error)
                                           : tl_error_set(error, TL_STOPPED, "somebody else has ended the job %s: it is %s", j->id, j->state);
}

int tl_flink_job_follow(const struct tl_flink_follow *what)
{
    struct job j = { .what = what, .id = what->job, .name = what->name, .began_ns = tl_io->monotonic_ns(), .watermark_ms = INT64_MIN };
    struct tl_error error;
    j.rate_from_ns = j.noted_ns = j.began_ns;
    fprintf(stderr, "flink runs the job %s: %s/#/job/%s\n", what->name, what->url, what->job);
    bool ok = tl_flink_api_open(&j.api, what->url, "the cluster that runs the job is gone, or cannot be reached", &error) &&
              follow(&j, what->savepoints, &error);
    tl_flink_api_close(&j.api);
    return ok ? TL_EXIT_OK : tl_report(&error);
}
