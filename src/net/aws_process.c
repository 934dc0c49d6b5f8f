/* SPDX-License-Identifier: Apache-2.0 */
/* credential_process: a command of the user's that prints credentials (AWS SDKs and Tools Reference Guide,
 * "Process credential provider"). As botocore does, the line is split with the quotes of a shell and run
 * without one. */
#include "net/aws_provider_int.h"

#include "base/buf.h"
#include "base/io.h"
#include "base/spawn.h"
#include "base/time.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define WORDS_MAX 128
#define OUTPUT_MAX ((size_t)64 << 10)
#define TIME_LIMIT_NS (60 * TL_NS_PER_S)
#define WAIT_NS (5 * TL_NS_PER_MS)

extern char **environ;

enum quote { QUOTE_NONE = 0, QUOTE_SINGLE = '\'', QUOTE_DOUBLE = '"' };

/* Python's shlex.split(posix=True): inside "..." a backslash escapes only '"' and itself; outside, anything.
 */
bool tl_aws_split_command(const char *command, char **words, size_t max, struct tl_error *error)
{
    size_t count = 0;
    char quote = QUOTE_NONE;
    bool inside = false;
    assert(max >= 2);
    char *to = malloc(strlen(command) + 1);
    if (!to)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    words[0] = to;
    for (const char *p = command; *p; p++) {
        bool blank = *p == ' ' || *p == '\t';
        if (!quote && blank) {
            if (inside)
                *to++ = '\0';
            inside = false;
            continue;
        }
        if (!inside && count + 1 == max) {
            free(words[0]);
            return tl_error_set(error, TL_LIMIT, "the command has more than %zu words", max - 1);
        }
        if (!inside)
            words[count++] = to;
        inside = true;
        if (quote && *p == quote)
            quote = QUOTE_NONE;
        else if (!quote && (*p == QUOTE_SINGLE || *p == QUOTE_DOUBLE))
            quote = *p;
        else if (*p == '\\' && p[1] && (!quote || (quote == QUOTE_DOUBLE && (p[1] == '"' || p[1] == '\\'))))
            *to++ = *++p;
        else
            *to++ = *p;
    }
    *to = '\0';
    if (!quote && count > 0) {
        words[count] = NULL;
        return true;
    }
    free(words[0]);
    return tl_error_set(error, TL_INVALID,
                        quote ? "a quote of the command is not closed" : "the command is empty");
}

struct child {
    pid_t pid;
    int ends[2]; /* to read its output and its errors; -1: closed */
};

static void close_end(int *fd)
{
    if (*fd >= 0)
        tl_io->close(*fd);
    *fd = -1;
}

static bool spawn(struct child *c, char **words, struct tl_error *error)
{
    int out[2] = { -1, -1 }, err[2] = { -1, -1 };
    bool ok = pipe2(out, O_CLOEXEC) == 0 && pipe2(err, O_CLOEXEC) == 0;
    if (!ok)
        (void)tl_error_sys(error, errno, "cannot make a pipe");
    int failed = ok ? tl_spawn(&c->pid, (const char *const *)words, environ, (struct tl_spawn_end){ .fd = out[1] }, (struct tl_spawn_end){ .fd = err[1] }) : 0;
    if (failed)
        ok = tl_error_sys(error, failed, "cannot run '%.200s'", words[0]);
    close_end(&out[1]);
    close_end(&err[1]);
    if (!ok) {
        close_end(&out[0]);
        close_end(&err[0]);
    }
    c->ends[0] = out[0];
    c->ends[1] = err[0];
    return ok;
}

/* What is there to read now; closes the end at its end. What is over the limit is read and dropped:
 * texts[i].failed tells. */
static void drain(int *fd, struct tl_buf *text)
{
    char block[4096];
    ssize_t n = tl_io->read(*fd, block, sizeof block);
    if (n > 0)
        tl_buf_add(text, block, (size_t)n);
    else if (n == 0 || errno != EAGAIN)
        close_end(fd);
    explicit_bzero(block, sizeof block);
}

/* False at the deadline. */
static bool collect(struct child *c, struct tl_buf texts[2], int64_t deadline)
{
    while (c->ends[0] >= 0 || c->ends[1] >= 0) {
        struct pollfd ends[2] = { { .fd = c->ends[0], .events = POLLIN },
                                  { .fd = c->ends[1], .events = POLLIN } };
        int64_t left = deadline - tl_io->monotonic_ns();
        if (left <= 0)
            return false;
        if (poll(ends, 2, (int)(left / TL_NS_PER_MS) + 1) < 0 && errno != EINTR)
            return false;
        for (size_t i = 0; i < 2; i++)
            if (ends[i].revents)
                drain(&c->ends[i], &texts[i]);
    }
    return true;
}

/* Its status; false when it is over its time: it is killed then, with all that it started. */
static bool reap(struct child *c, bool in_time, int64_t deadline, int *status)
{
    while (in_time && waitpid(c->pid, status, WNOHANG) == 0) {
        in_time = tl_io->monotonic_ns() < deadline;
        tl_io->sleep_ns(WAIT_NS);
    }
    if (in_time)
        return true;
    kill(-c->pid, SIGKILL);
    kill(c->pid, SIGKILL);
    waitpid(c->pid, status, 0);
    return false;
}

/* The first line that it wrote as an error, printable. */
static void first_line(const struct tl_buf *text, char out[200])
{
    struct tl_view rest, line = tl_view_trim(tl_view_split(tl_view_trim(tl_buf_view(text)), '\n', &rest));
    size_t n = line.size < 199 ? line.size : 199;
    for (size_t i = 0; i < n; i++)
        out[i] = (unsigned char)line.data[i] < ' ' || line.data[i] == 0x7f ? ' ' : line.data[i];
    out[n] = '\0';
}

static bool judge(bool in_time, int status, const struct tl_buf texts[2], struct tl_error *error)
{
    char said[200];
    first_line(&texts[1], said);
    if (!in_time)
        return tl_error_set(error, TL_TIMEOUT, "no answer within %lld s",
                            (long long)(TIME_LIMIT_NS / TL_NS_PER_S));
    if (WIFSIGNALED(status))
        return tl_error_set(error, TL_DENIED, "ended by signal %d", WTERMSIG(status));
    if (WEXITSTATUS(status) != 0)
        return tl_error_set(error, TL_DENIED, "exit code %d%s%s", WEXITSTATUS(status), said[0] ? ": " : "",
                            said);
    return tl_buf_ok(&texts[0], "its output", error);
}

bool tl_aws_run_process(const char *command, struct tl_aws_credentials *out, struct tl_error *error)
{
    char *words[WORDS_MAX];
    struct tl_buf texts[2];
    struct child child;
    if (!tl_aws_split_command(command, words, WORDS_MAX, error))
        return false;
    bool ok = spawn(&child, words, error);
    free(words[0]);
    if (!ok)
        return false;
    tl_buf_init(&texts[0], OUTPUT_MAX);
    tl_buf_init(&texts[1], OUTPUT_MAX);
    int64_t deadline = tl_io->monotonic_ns() + TIME_LIMIT_NS;
    int status = 0;
    bool in_time = collect(&child, texts, deadline);
    in_time = reap(&child, in_time, deadline, &status);
    close_end(&child.ends[0]);
    close_end(&child.ends[1]);
    ok = judge(in_time, status, texts, error) &&
         tl_aws_credentials_from_json(out, tl_buf_view(&texts[0]), "SessionToken", true, error);
    if (texts[0].data)
        explicit_bzero(texts[0].data, texts[0].size);
    tl_buf_release(&texts[0]);
    tl_buf_release(&texts[1]);
    return ok;
}
