/* SPDX-License-Identifier: Apache-2.0 */
/* query/query.c: the parent's side: starts the child, hands it the statement, takes its result, ends it when time is up. */
#include "query/query.h"

#include "base/file.h"
#include "base/io.h"
#include "base/time.h"
#include "lake/lake_cache.h"
#include "query/parquet_result.h"
#include "query/request.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define RESULT_MAX ((size_t)256 << 20)
#define STEP_MS 50
#define STATUS_MAX ((size_t)4 << 20) /* there may be thousands of columns */
#define ENVIRONMENT_MAX 16

/* The request is a file in memory: a child that dies early cannot hurt who writes it. */
struct pipes {
    int request, result[2], status[2]; /* read end, write end; -1: none */
};

static void close_end(int *fd)
{
    if (*fd >= 0)
        tl_io->close(*fd);
    *fd = -1;
}

static void close_pipes(struct pipes *p)
{
    int *all[] = { p->result, p->status };
    close_end(&p->request);
    for (size_t i = 0; i < TL_COUNT(all); i++) {
        close_end(&all[i][0]);
        close_end(&all[i][1]);
    }
}

static bool open_pipes(struct pipes *p, bool collect, struct tl_error *error)
{
    *p = (struct pipes){ -1, { -1, -1 }, { -1, -1 } };
    p->request = memfd_create("query", MFD_CLOEXEC);
    if (p->request >= 0 && pipe2(p->status, O_CLOEXEC) == 0 && (!collect || pipe2(p->result, O_CLOEXEC) == 0))
        return true;
    tl_error_sys(error, errno, "cannot make a pipe");
    close_pipes(p);
    return false;
}

static bool write_request(int fd, const struct tl_query_options *options, struct tl_error *error)
{
    struct tl_buf request;
    tl_buf_init(&request, TL_QUERY_REQUEST_MAX);
    tl_query_request_write(options, &request);
    bool ok = tl_buf_ok(&request, "the statement", error);
    for (size_t at = 0; ok && at < request.size;) {
        ssize_t n = tl_io->pwrite(fd, request.data + at, request.size - at, (off_t)at); /* leaves the offset where the child begins */
        ok = n > 0 || tl_error_sys(error, n < 0 ? errno : ENOSPC, "cannot hand over the statement");
        at += n > 0 ? (size_t)n : 0;
    }
    tl_buf_release(&request);
    return ok;
}

/* The child gets none of our environment (there are credentials in it) but what the loader and the sanitizers need. */
static void pick_environment(char *out[ENVIRONMENT_MAX])
{
    static const char *const kept[] = { "LD_LIBRARY_PATH=", "ASAN_OPTIONS=", "LSAN_OPTIONS=", "UBSAN_OPTIONS=", "TSAN_OPTIONS=" };
    size_t count = 0;
    for (char **e = environ; *e && count + 1 < ENVIRONMENT_MAX; e++)
        for (size_t i = 0; i < TL_COUNT(kept); i++)
            if (strncmp(*e, kept[i], strlen(kept[i])) == 0 && count + 1 < ENVIRONMENT_MAX)
                out[count++] = *e;
    out[count] = NULL;
}

static bool spawn(const struct pipes *p, int output_fd, pid_t *pid, struct tl_error *error)
{
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    sigset_t blocked, all;
    char name[] = "tapeline", command[] = "query-child", *environment[ENVIRONMENT_MAX];
    char *argv[] = { name, command, NULL };
    /* A terminal's Ctrl-C goes to the whole group: what becomes of the query is the parent's to decide. */
    sigemptyset(&blocked);
    sigaddset(&blocked, SIGINT);
    sigfillset(&all);
    pick_environment(environment);
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawnattr_setsigmask(&attributes, &blocked);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    int failed = posix_spawn_file_actions_adddup2(&actions, p->request, TL_QUERY_FD_REQUEST);
    failed = failed ? failed : posix_spawn_file_actions_adddup2(&actions, p->result[1] >= 0 ? p->result[1] : output_fd, TL_QUERY_FD_RESULT);
    failed = failed ? failed : posix_spawn_file_actions_adddup2(&actions, p->status[1], TL_QUERY_FD_STATUS);
    failed = failed ? failed : posix_spawn(pid, "/proc/self/exe", &actions, &attributes, argv, environment);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    return failed == 0 || tl_error_sys(error, failed, "cannot start the query's process");
}

/* What is there to read now; closes the end at its end. False when too much came. */
static bool drain(int *fd, struct tl_buf *out)
{
    char block[65536];
    ssize_t n = tl_io->read(*fd, block, sizeof block);
    if (n > 0)
        tl_buf_add(out, block, (size_t)n);
    else
        close_end(fd);
    return !out->failed;
}

static bool is_cancelled(const bool *cancel)
{
    return cancel && __atomic_load_n(cancel, __ATOMIC_ACQUIRE);
}

/* TL_STOPPED or TL_TIMEOUT when the query has to be ended. */
static bool may_go_on(const struct tl_query_options *options, int64_t deadline, struct tl_error *error)
{
    char limit[32];
    if (is_cancelled(options->cancel))
        return tl_error_set(error, TL_STOPPED, "the query was stopped");
    if (tl_io->monotonic_ns() <= deadline)
        return true;
    tl_duration_format(options->timeout_ns ? options->timeout_ns : TL_QUERY_TIMEOUT_NS, limit);
    return tl_error_set(error, TL_TIMEOUT, "the query took longer than %s and was ended", limit);
}

/* ---- typed rows, for Parquet ---- */

struct typed_pipe {
    const struct tl_query_options *options;
    int64_t deadline;
    int fd;
    char block[65536];
    size_t at, size;
};

static bool fill(struct typed_pipe *t, struct tl_error *error)
{
    while (t->at == t->size) {
        struct pollfd ready = { t->fd, POLLIN, 0 };
        if (!may_go_on(t->options, t->deadline, error))
            return false;
        if (poll(&ready, 1, STEP_MS) <= 0)
            continue;
        ssize_t n = tl_io->read(t->fd, t->block, sizeof t->block);
        if (n <= 0)
            return tl_error_set(error, TL_CORRUPT, "the query's process ended before its rows did");
        t->at = 0;
        t->size = (size_t)n;
    }
    return true;
}

static bool read_typed(void *arg, void *data, size_t size, struct tl_error *error)
{
    struct typed_pipe *t = arg;
    for (char *to = data; size > 0;) {
        if (!fill(t, error))
            return false;
        size_t part = size < t->size - t->at ? size : t->size - t->at;
        memcpy(to, t->block + t->at, part);
        to += part;
        t->at += part;
        size -= part;
    }
    return true;
}

/* The rows go on to the output as they come. What the child says of its own failure counts more than where its rows broke off. */
static bool pass_parquet(struct pipes *p, const struct tl_query_options *options, int64_t deadline, struct tl_error *error)
{
    static const size_t size = sizeof(struct typed_pipe);
    uint64_t rows;
    struct typed_pipe *t = malloc(size);
    if (!t)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    *t = (struct typed_pipe){ .options = options, .deadline = deadline, .fd = p->result[0] };
    bool ok = tl_parquet_result(read_typed, t, options->trino ? options->trino->parquet_select : NULL, options->trino ? options->trino->parquet_codec : NULL,
                                options->output_fd, &rows, error);
    free(t);
    close_end(&p->result[0]);
    return ok;
}

/* Reads until the child has closed both pipes, or it has to be ended. */
static bool collect(struct pipes *p, const struct tl_query_options *options, int64_t deadline, struct tl_buf *status, struct tl_buf *result,
                    struct tl_error *error)
{
    while (p->status[0] >= 0 || p->result[0] >= 0) {
        struct pollfd fds[] = { { p->status[0], POLLIN, 0 }, { p->result[0], POLLIN, 0 } };
        if (!may_go_on(options, deadline, error))
            return false;
        if (poll(fds, 2, STEP_MS) <= 0)
            continue;
        if (fds[0].revents && !drain(&p->status[0], status))
            return tl_error_set(error, TL_CORRUPT, "the query's process told nonsense");
        if (fds[1].revents && !drain(&p->result[0], result))
            return tl_error_set(error, TL_LIMIT, "the result is larger than %zu bytes: add a LIMIT", RESULT_MAX);
    }
    return true;
}

static bool explain_death(int state, const struct tl_query_options *options, struct tl_error *error)
{
    int by = WIFSIGNALED(state) ? WTERMSIG(state) : 0;
    if (by == SIGPIPE)
        return true; /* who read the result has seen enough of it */
    if (is_cancelled(options->cancel))
        return tl_error_set(error, TL_STOPPED, "the query was stopped");
    if (by == SIGXFSZ)
        return tl_error_set(error, TL_LIMIT, "the result is larger than it may be: add a LIMIT, or use UNLOAD");
    if (by == SIGXCPU)
        return tl_error_set(error, TL_TIMEOUT, "the query used more processor time than it may");
    size_t memory_max = options->memory_max ? options->memory_max : TL_QUERY_MEMORY_MAX;
    return tl_error_set(error, TL_LIMIT, "the query's process died (%s %d): it may have needed more than the %zu MiB of memory it has",
                        by ? "signal" : "exit code", by ? by : WEXITSTATUS(state), memory_max >> 20);
}

static int64_t deadline_of(const struct tl_query_options *options)
{
    int64_t deadline, now = tl_io->monotonic_ns();
    int64_t timeout = options->timeout_ns ? options->timeout_ns : TL_QUERY_TIMEOUT_NS;
    return __builtin_add_overflow(now, timeout, &deadline) ? INT64_MAX : deadline;
}

static bool converse(struct pipes *p, const struct tl_query_options *options, pid_t pid, struct tl_query_result *result, struct tl_error *error)
{
    struct tl_buf status;
    struct tl_error of_parquet;
    int64_t deadline = deadline_of(options);
    int state = 0;
    bool parquet_failed = false;
    tl_buf_init(&status, STATUS_MAX);
    close_end(&p->request);
    close_end(&p->status[1]);
    close_end(&p->result[1]);
    if (options->format == TL_QUERY_PARQUET)
        parquet_failed = !pass_parquet(p, options, deadline, &of_parquet);
    bool ok = collect(p, options, deadline, &status, &result->out, error);
    if (!ok)
        kill(pid, SIGKILL);
    while (waitpid(pid, &state, 0) < 0 && errno == EINTR)
        ;
    if (ok)
        ok = status.size ? tl_query_status_read(tl_buf_view(&status), result, error) : explain_death(state, options, error);
    if (ok && parquet_failed) {
        *error = of_parquet;
        ok = false;
    }
    tl_buf_release(&status);
    return ok;
}

static bool run_in_folder(const struct tl_query_options *options, struct tl_query_result *result, struct tl_error *error)
{
    struct pipes pipes;
    pid_t pid;
    int64_t began = tl_io->monotonic_ns();
    *result = (struct tl_query_result){ .rows = 0 };
    tl_buf_init(&result->out, RESULT_MAX);
    if (strlen(options->sql) > TL_QUERY_SQL_MAX)
        return tl_error_set(error, TL_LIMIT, "the statement is longer than %zu bytes", TL_QUERY_SQL_MAX);
    if (options->format == TL_QUERY_PARQUET && options->output_fd < 0)
        return tl_error_set(error, TL_UNSUPPORTED, "a result as Parquet goes to a file descriptor");
    if (!tl_file_exists(options->lake_root))
        return tl_error_set(error, TL_NOT_FOUND, "there is no lake at '%s' (give its folder with --data or --lake)", options->lake_root);
    if (!open_pipes(&pipes, options->output_fd < 0 || options->format == TL_QUERY_PARQUET, error))
        return false;
    bool ok = write_request(pipes.request, options, error) && spawn(&pipes, options->output_fd, &pid, error) && converse(&pipes, options, pid, result, error);
    close_pipes(&pipes);
    result->elapsed_ns = tl_io->monotonic_ns() - began;
    if (!ok)
        tl_query_result_release(result);
    return ok;
}

/* The child has no network: what it reads of a lake in S3 is brought before. */
static bool run_in_bucket(const struct tl_query_options *options, struct tl_query_result *result, struct tl_error *error)
{
    struct tl_query_options local = *options;
    char *folder;
    *result = (struct tl_query_result){ .rows = 0 };
    if (!tl_lake_cache_sync(options->lake_root, options->region, options->sql, options->cancel, &folder, error))
        return false;
    local.lake_root = folder;
    bool ok = run_in_folder(&local, result, error);
    free(folder);
    return ok;
}

bool tl_query_run(const struct tl_query_options *options, struct tl_query_result *result, struct tl_error *error)
{
    return tl_store_is_s3(options->lake_root) ? run_in_bucket(options, result, error) : run_in_folder(options, result, error);
}

void tl_query_result_release(struct tl_query_result *result)
{
    tl_buf_release(&result->out);
    tl_trino_columns_release(&result->columns);
}
