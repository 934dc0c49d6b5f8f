/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/engine_spark.h"

#include "base/file.h"
#include "base/io.h"
#include "base/time.h"
#include "cli/child.h"
#include "cli/export_folder.h"
#include "cli/progress.h"
#include "cli/signals.h"
#include "codec/json.h"
#include "codec/json_tick.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define WORDS_MAX 4096
#define QUERIES_MAX 64 /* that are told apart */
#define FILES_MAX 2000 /* two words each */
#define LOOK_NS (200 * TL_NS_PER_MS)
#define STOP_NS (60 * TL_NS_PER_S)
#define MASTER_MS 5000
#define PROGRESS_MAX ((size_t)256 << 20)

/* ---- what is needed, before anything starts ---- */

/* spark-submit of SPARK_HOME, else the one in PATH. */
static bool find_spark(char out[512], struct tl_error *error)
{
    const char *home = getenv("SPARK_HOME"), *path = getenv("PATH");
    if (home && home[0]) {
        snprintf(out, 512, "%.480s/bin/spark-submit", home);
        return access(out, X_OK) == 0 || tl_error_set(error, TL_NOT_FOUND, "there is no Spark in SPARK_HOME: '%s' is not there", out);
    }
    for (struct tl_view rest = tl_view_of(path); rest.size;) {
        struct tl_view folder = tl_view_split(rest, ':', &rest);
        snprintf(out, 512, "%.*s/spark-submit", (int)(folder.size < 480 ? folder.size : 480), folder.data);
        if (folder.size && access(out, X_OK) == 0)
            return true;
    }
    return tl_error_set(error, TL_NOT_FOUND,
                        "no Spark was found: set SPARK_HOME, or bring spark-submit into PATH ('pip install pyspark==3.5.7 pyarrow pandas' has one)");
}

static bool connects(const struct addrinfo *a)
{
    int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0), failed = 0;
    socklen_t size = sizeof failed;
    if (fd < 0)
        return false;
    struct pollfd end = { .fd = fd, .events = POLLOUT };
    bool ok = connect(fd, a->ai_addr, a->ai_addrlen) == 0 ||
              (errno == EINPROGRESS && poll(&end, 1, MASTER_MS) == 1 && getsockopt(fd, SOL_SOCKET, SO_ERROR, &failed, &size) == 0 && !failed);
    tl_io->close(fd);
    return ok;
}

/* What is none of Spark's would end with a trace of Java's. */
static bool is_master(const char *master, struct tl_error *error)
{
    static const char *const starts[] = { "local", "spark://", "yarn", "k8s://", "mesos://" };
    for (size_t i = 0; i < TL_COUNT(starts); i++)
        if (strncmp(master, starts[i], strlen(starts[i])) == 0)
            return true;
    return tl_error_set(error, TL_INVALID, "--master '%s' is none of Spark's: local[N], spark://HOST:PORT, yarn, k8s://URL", master);
}

/* "spark://host:port[,host:port]": one of them takes connections. Other masters are Spark's matter. Spark itself would try for a minute
 * and then end with a trace. */
static bool master_answers(const char *master, struct tl_error *error)
{
    if (strncmp(master, "spark://", 8) != 0)
        return true;
    for (struct tl_view rest = tl_view_of(master + 8); rest.size;) {
        struct tl_view one = tl_view_split(rest, ',', &rest), port, host = tl_view_split(one, ':', &port);
        char name[256], service[16];
        struct addrinfo hints = { .ai_socktype = SOCK_STREAM }, *found = NULL;
        snprintf(name, sizeof name, "%.*s", TL_VIEW_ARG(host));
        snprintf(service, sizeof service, "%.*s", TL_VIEW_ARG(port));
        bool ok = false;
        if (getaddrinfo(name, port.size ? service : "7077", &hints, &found) == 0) {
            for (struct addrinfo *a = found; a && !ok; a = a->ai_next)
                ok = connects(a);
            freeaddrinfo(found);
        }
        if (ok)
            return true;
    }
    return tl_error_set(error, TL_UNAVAILABLE,
                        "the Spark master %s does not answer: is it started ($SPARK_HOME/sbin/start-master.sh, whose page names its URL)?", master);
}

/* ---- the job ---- */

struct spark {
    const struct tl_engine_request *request;
    char submit[512];
    char job[640], log[640], progress[640];
    const char *words[WORDS_MAX];
    size_t count;
    struct tl_arena texts;
    struct tl_child child;
};

/* Recorded input; else the stream. */
static bool reads_files(const struct spark *s)
{
    return s->request->inputs->files.gl_pathc > 0;
}

static void add(struct spark *s, const char *word)
{
    if (s->count + 1 < WORDS_MAX)
        s->words[s->count++] = word;
    s->words[s->count] = NULL;
}

static void add_two(struct spark *s, const char *option, const char *value)
{
    add(s, option);
    add(s, value);
}

static bool open_spark(struct spark *s, struct tl_error *error)
{
    const struct tl_engine_request *r = s->request;
    const char *master = r->master ? r->master : "local[*]";
    tl_arena_init(&s->texts, 16 << 20);
    if (!is_master(master, error) || !find_spark(s->submit, error) || !master_answers(master, error) ||
        !tl_export_folder_write(r->plan, tl_export_engine_find("spark"), &r->export, r->folder, NULL, error))
        return false;
    snprintf(s->job, sizeof s->job, "%.500s/%.100s.py", r->folder, r->plan->name);
    snprintf(s->log, sizeof s->log, "%.500s/spark.log", r->folder);
    add(s, s->submit);
    add_two(s, "--master", master);
    return true;
}

static void close_spark(struct spark *s)
{
    tl_child_kill(&s->child);
    tl_arena_release(&s->texts);
}

/* The files one by one: what a pattern means here and there may differ. */
static void add_inputs(struct spark *s)
{
    const struct tl_inputs *in = s->request->inputs;
    for (size_t i = 0; in && i < in->files.gl_pathc; i++) {
        char *path = realpath(in->files.gl_pathv[i], NULL);
        add(s, "--input");
        add(s, tl_arena_printf(&s->texts, "%s=%s", s->request->plan->sources[in->sources[i]].name, path ? path : in->files.gl_pathv[i]));
        free(path);
    }
}

bool tl_spark_dump_rows(const struct tl_engine_request *request, struct tl_error *error)
{
    struct spark s = { .request = request };
    char rows[640], out[640];
    bool ok = open_spark(&s, error);
    if (ok && request->inputs->files.gl_pathc > FILES_MAX)
        ok = tl_error_set(error, TL_LIMIT, "%zu input files: at most %d can be given to Spark at a time", request->inputs->files.gl_pathc, FILES_MAX);
    if (ok) {
        snprintf(rows, sizeof rows, "%.500s/rows", request->folder);
        snprintf(out, sizeof out, "%.500s/spark.out", request->folder);
        add_two(&s, "--conf", "spark.ui.enabled=false");
        add(&s, s.job);
        add_inputs(&s);
        add_two(&s, "--dump", rows);
        ok = tl_arena_ok(&s.texts, "the paths of the inputs", error) && tl_child_start(&s.child, s.words, NULL, out, s.log, error);
    }
    while (ok && !tl_child_wait(&s.child, LOOK_NS))
        if (__atomic_load_n(tl_signals_stopping(), __ATOMIC_RELAXED))
            ok = tl_error_set(error, TL_STOPPED, "stopped");
    ok = ok && tl_child_judge(&s.child, "spark-submit", s.log, error);
    close_spark(&s);
    return ok;
}

/* ---- a run that is followed ---- */

enum { LINE_PID, LINE_UI, LINE_QUERY, LINE_BATCH, LINE_ROWS, LINE_RECORDS, LINE_INPUT_RATE, LINE_RATE, LINE_BATCH_MS, LINE_STATE_ROWS, LINE_STATE_BYTES, LINE_LATE,
       LINE_WATERMARK, LINE_COLUMNS };
/* A line of the job's --progress. */
static const struct tl_column_def line_columns[] = {
    { "pid", TL_TYPE_BIGINT, false },        { "ui", TL_TYPE_VARCHAR, false },         { "query", TL_TYPE_VARCHAR, false },
    { "batch", TL_TYPE_BIGINT, false },      { "rows", TL_TYPE_BIGINT, false },        { "records", TL_TYPE_BIGINT, false },
    { "input_rate", TL_TYPE_DOUBLE, false }, { "rate", TL_TYPE_DOUBLE, false },        { "batch_ms", TL_TYPE_BIGINT, false },
    { "state_rows", TL_TYPE_BIGINT, false }, { "state_bytes", TL_TYPE_BIGINT, false }, { "late", TL_TYPE_BIGINT, false },
    { "watermark", TL_TYPE_TIMESTAMP, false },
};

struct follow {
    struct spark *s;
    struct tl_progress shown;
    struct tl_json_tick_decoder *decoder;
    pid_t job; /* the Python process, which ends the queries in order; 0: not known yet */
    struct {
        char name[64];
        int64_t batch;
        uint64_t records;
    } queries[QUERIES_MAX];
    size_t count;
    char line[400]; /* of the query that moved last */
    int64_t began_ns;
    bool killed;    /* it did not stop by itself */
};

static void take_pid(struct follow *f, const struct tl_tick_value *v)
{
    bool known = f->job == (pid_t)v[LINE_PID].as.i64;
    f->job = (pid_t)v[LINE_PID].as.i64;
    if (known || v[LINE_UI].null)
        return;
    fprintf(stderr, "Spark's own page     %.*s\n", TL_VIEW_ARG(v[LINE_UI].as.text));
}

/* True when the query has made a batch since it was last seen. */
static bool has_moved(struct follow *f, const struct tl_tick_value *v)
{
    size_t i = 0;
    while (i < f->count && !tl_view_is(v[LINE_QUERY].as.text, f->queries[i].name))
        i++;
    if (i == QUERIES_MAX)
        return false;
    bool moved = i == f->count || f->queries[i].batch != v[LINE_BATCH].as.i64;
    if (i == f->count)
        snprintf(f->queries[f->count++].name, sizeof f->queries[i].name, "%.*s", TL_VIEW_ARG(v[LINE_QUERY].as.text));
    f->queries[i].batch = v[LINE_BATCH].as.i64;
    f->queries[i].records = (uint64_t)v[LINE_RECORDS].as.i64;
    return moved;
}

static void take_progress(struct follow *f, const struct tl_tick_value *v)
{
    char watermark[TL_TIME_TEXT_MAX] = "none yet";
    if (!v[LINE_WATERMARK].null && v[LINE_WATERMARK].as.i64 > 0)
        tl_time_format(v[LINE_WATERMARK].as.i64, TL_TIME_SQL, watermark);
    if (!has_moved(f, v))
        return;
    snprintf(f->line, sizeof f->line,
             "%.*s: batch %lld, %lld records, %.0f records/s in, %.0f/s processed, %.1f s, state %lld rows %.1f MB, watermark %s%s",
             TL_VIEW_ARG(v[LINE_QUERY].as.text), (long long)v[LINE_BATCH].as.i64, (long long)v[LINE_ROWS].as.i64, v[LINE_INPUT_RATE].as.f64,
             v[LINE_RATE].as.f64, (double)v[LINE_BATCH_MS].as.i64 / 1e3, (long long)v[LINE_STATE_ROWS].as.i64,
             (double)v[LINE_STATE_BYTES].as.i64 / 1e6, watermark, v[LINE_LATE].as.i64 ? ", LATE GROUPS DROPPED" : "");
}

static void take_line(struct follow *f, struct tl_view line)
{
    struct tl_tick_value values[LINE_COLUMNS];
    size_t offset;
    if (tl_json_tick_decode(f->decoder, line.data, line.size, values, &offset))
        return; /* nothing of the job's */
    if (!values[LINE_PID].null)
        take_pid(f, values);
    else if (!values[LINE_QUERY].null)
        take_progress(f, values);
}

static bool has(struct tl_view line, const char *word)
{
    return line.size && memmem(line.data, line.size, word, strlen(word));
}

/* That Hadoop has no library of its own here is said each time, and means nothing. */
static bool has_warning(struct tl_view line)
{
    return (has(line, " WARN ") || has(line, " ERROR ")) && !has(line, "NativeCodeLoader");
}

/* A cluster without room for an executor says so in the log alone. */
static void tell_waiting(struct follow *f)
{
    struct tl_view said = TL_VIEW("");
    struct tl_error none_yet;
    struct tl_buf text;
    tl_buf_init(&text, PROGRESS_MAX);
    if (tl_file_read(f->s->log, &text, &none_yet))
        for (struct tl_view rest = tl_buf_view(&text); rest.size;) {
            struct tl_view line = tl_view_split(rest, '\n', &rest);
            said = has_warning(line) ? line : said;
        }
    tl_progress_show(&f->shown, "no batch yet after %.0f s%s%.*s", (double)(tl_io->monotonic_ns() - f->began_ns) / 1e9, said.size ? "; its log: " : "",
                     (int)(said.size < 300 ? said.size : 300), said.data);
    tl_buf_release(&text);
}

/* The file is replaced as a whole whenever a query has moved. */
static void look(struct follow *f)
{
    static const char behind[TL_JSON_PADDING];
    struct tl_buf text;
    struct tl_error none_yet;
    tl_buf_init(&text, PROGRESS_MAX);
    if (tl_file_exists(f->s->progress) && tl_file_read(f->s->progress, &text, &none_yet)) {
        size_t size = text.size;
        tl_buf_add(&text, behind, sizeof behind);
        for (struct tl_view rest = { text.data, text.failed ? 0 : size }; rest.size;)
            take_line(f, tl_view_split(rest, '\n', &rest));
    }
    tl_buf_release(&text);
    if (!tl_progress_due(&f->shown, tl_io->monotonic_ns()))
        return;
    if (f->line[0])
        tl_progress_show(&f->shown, "%s", f->line);
    else if (!reads_files(f->s))
        tell_waiting(f);
}

/* The most that a query has read: each reads the whole stream. */
static uint64_t records_read(const struct follow *f)
{
    uint64_t most = 0;
    for (size_t i = 0; i < f->count; i++)
        most = f->queries[i].records > most ? f->queries[i].records : most;
    return most;
}

static void wait_for_end(struct follow *f)
{
    int64_t asked = 0;
    while (!tl_child_wait(&f->s->child, LOOK_NS)) {
        look(f);
        if (!__atomic_load_n(tl_signals_stopping(), __ATOMIC_RELAXED))
            continue;
        if (asked && tl_io->monotonic_ns() - asked > STOP_NS) {
            fprintf(stderr, "Spark does not stop within %lld s and is ended: its checkpoint says how far it came\n", (long long)(STOP_NS / TL_NS_PER_S));
            tl_child_kill(&f->s->child);
            f->killed = true;
        }
        if (asked)
            continue;
        asked = tl_io->monotonic_ns();
        fputs(reads_files(f->s) ? "stopping: Spark gives up what it computes\n" : "stopping: Spark finishes what it has begun to write\n", stderr);
        if (f->job > 0)
            kill(f->job, SIGTERM);
        else
            tl_child_signal(&f->s->child, SIGTERM);
    }
    look(f);
}

/* A stream that was told to stop, and did, is in order; of recorded input something is missing then. */
static bool judge_stop(struct spark *s, bool killed, struct tl_error *error)
{
    if (killed)
        return tl_error_set(error, TL_TIMEOUT, "Spark did not stop and was ended: what it was writing is written anew by the next run (its log: '%s')", s->log);
    return !reads_files(s) || tl_child_judge(&s->child, "spark-submit", s->log, error) ||
           tl_error_set(error, TL_STOPPED, "stopped before all was written: the same again writes the same files (Spark's log: '%s')", s->log);
}

/* The job says what is wrong on a line that begins with the pipeline's name; Python on its last one. */
static bool judge_run(struct spark *s, bool killed, struct tl_error *error)
{
    struct tl_buf text;
    struct tl_view said = TL_VIEW("");
    char name[160];
    if (__atomic_load_n(tl_signals_stopping(), __ATOMIC_RELAXED))
        return judge_stop(s, killed, error);
    if (tl_child_judge(&s->child, "spark-submit", s->log, error))
        return true;
    struct tl_error reading;
    tl_buf_init(&text, PROGRESS_MAX);
    int size = snprintf(name, sizeof name, "%.128s: ", s->request->plan->name);
    if (tl_file_read(s->log, &text, &reading))
        for (struct tl_view rest = tl_buf_view(&text); rest.size;) {
            struct tl_view line = tl_view_split(rest, '\n', &rest);
            if (tl_view_starts_with(line, (struct tl_view){ name, (size_t)size }))
                said = line;
        }
    if (said.size)
        (void)tl_error_set(error, TL_IO, "%.*s", (int)(said.size < 600 ? said.size : 600), said.data);
    tl_buf_release(&text);
    return tl_error_context(error, "Spark (its log: '%s')", s->log);
}

#define DELTA_PACKAGE "io.delta:delta-spark_2.12:3.3.2"
#define S3_PACKAGE "org.apache.hadoop:hadoop-aws:3.3.4" /* of the Hadoop that Spark 3.5 is built with */
#define QUBOLE_PACKAGES \
    "com.qubole.spark:spark-sql-kinesis_2.12:1.2.0_spark-3.0,commons-lang:commons-lang:2.6,org.apache.httpcomponents:httpclient:4.5.14"

static bool has_delta(const struct tl_plan *plan)
{
    for (size_t i = 0; i < plan->sink_count; i++)
        if (plan->sinks[i].format == TL_SINK_DELTA)
            return true;
    return false;
}

/* What Spark fetches from Maven: the connector, Delta, S3; or what the user says. */
static void add_packages(struct spark *s, const struct tl_spark_options *o)
{
    bool qubole = !reads_files(s) && strcmp(o->connector, "qubole") == 0, delta = has_delta(s->request->plan);
    bool s3 = strncmp(o->lake, "s3a://", 6) == 0 || strncmp(o->checkpoint, "s3a://", 6) == 0;
    const char *list = tl_arena_printf(&s->texts, "%s%s%s", qubole ? "," QUBOLE_PACKAGES : "", delta ? "," DELTA_PACKAGE : "", s3 ? "," S3_PACKAGE : "");
    const char *packages = o->packages ? o->packages : list && list[0] ? list + 1 : NULL;
    if (packages)
        add_two(s, "--packages", packages);
    if (!delta)
        return;
    add_two(s, "--conf", "spark.sql.extensions=io.delta.sql.DeltaSparkSessionExtension");
    add_two(s, "--conf", "spark.sql.catalog.spark_catalog=org.apache.spark.sql.delta.catalog.DeltaCatalog");
}

static bool add_stream(struct spark *s, const struct tl_spark_options *o, struct tl_error *error)
{
    add_packages(s, o);
    add(s, s->job);
    add_inputs(s);
    add_two(s, "--lake", o->lake);
    add_two(s, "--checkpoint", o->checkpoint);
    add_two(s, "--progress", s->progress);
    add_two(s, "--owner", tl_arena_printf(&s->texts, "%ld", (long)getpid()));
    if (reads_files(s))
        return tl_arena_ok(&s->texts, "the paths of the inputs", error);
    add_two(s, "--connector", o->connector);
    if (o->endpoint)
        add_two(s, "--endpoint", o->endpoint);
    if (o->until_now)
        add(s, "--once");
    return true;
}

/* Our own broker takes any; without some, the connector would ask for those of an EC2 instance. */
static const char *const any_keys[] = { "AWS_ACCESS_KEY_ID=tapeline", "AWS_SECRET_ACCESS_KEY=tapeline", NULL };

static bool run_spark(struct spark *s, const struct tl_spark_options *o, struct tl_error *error)
{
    struct follow f = { .s = s, .began_ns = tl_io->monotonic_ns() };
    char out[640];
    snprintf(s->progress, sizeof s->progress, "%.600s/progress.json", o->progress_folder);
    snprintf(out, sizeof out, "%.500s/spark.out", s->request->folder);
    if (!add_stream(s, o, error))
        return false;
    if (tl_file_exists(s->progress) && tl_io->unlink(s->progress) != 0)
        return tl_error_sys(error, errno, "cannot remove '%s' of an earlier run", s->progress);
    bool ok = tl_json_tick_decoder_new(&f.decoder, line_columns, LINE_COLUMNS, error) &&
              tl_child_start(&s->child, s->words, o->endpoint && !getenv("AWS_SECRET_ACCESS_KEY") ? any_keys : NULL, out, s->log, error);
    if (ok) {
        fprintf(stderr, "submitted %s to %s; its log is %s, what it prints %s\n", s->job, s->request->master ? s->request->master : "local[*]", s->log, out);
        tl_progress_init(&f.shown, true);
        wait_for_end(&f);
        ok = judge_run(s, f.killed, error);
        if (ok && reads_files(s))
            tl_progress_end(&f.shown, "%zu files read, and their rows written", s->request->inputs->files.gl_pathc);
        else if (ok)
            tl_progress_end(&f.shown, "%s%s%llu records read", f.line, f.line[0] ? "; " : "", (unsigned long long)records_read(&f));
    }
    tl_json_tick_decoder_free(f.decoder);
    return ok;
}

int tl_spark_run(const struct tl_engine_request *request, const struct tl_spark_options *options)
{
    struct spark s = { .request = request };
    struct tl_error error;
    bool ok = open_spark(&s, &error) && run_spark(&s, options, &error);
    close_spark(&s);
    return ok ? TL_EXIT_OK : tl_report(&error);
}
