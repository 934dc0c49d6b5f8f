/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/child.h"

#include "base/file.h"
#include "base/io.h"
#include "base/spawn.h"
#include "base/time.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#define LOOK_NS (20 * TL_NS_PER_MS)
#define LEFT_BEHIND_NS (5 * TL_NS_PER_S)
#define LOG_MAX ((size_t)64 << 20)
#define SAID_MAX 600

extern char **environ;

static bool names_same(const char *a, const char *b)
{
    size_t n = strcspn(a, "=");
    return n == strcspn(b, "=") && strncmp(a, b, n) == 0;
}

/* This process's environment with those put over it; the array is to be freed. */
static char **merged(const char *const *over)
{
    size_t count = 0, more = 0, n = 0;
    while (environ[count])
        count++;
    while (over && over[more])
        more++;
    char **all = calloc(count + more + 1, sizeof *all);
    for (size_t i = 0; all && i < count; i++) {
        bool is_over = false;
        for (size_t m = 0; m < more; m++)
            is_over = is_over || names_same(environ[i], over[m]);
        if (!is_over)
            all[n++] = environ[i];
    }
    for (size_t m = 0; all && m < more; m++)
        all[n++] = (char *)over[m];
    return all;
}

bool tl_child_start(struct tl_child *c, const char *const *words, const char *const *environment, const char *out, const char *err,
                    struct tl_error *error)
{
    char **env = merged(environment);
    *c = (struct tl_child){ .pid = 0 };
    if (!env)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    int failed = tl_spawn(&c->pid, words, env, (struct tl_spawn_end){ .path = out }, (struct tl_spawn_end){ .path = err });
    free(env);
    if (failed) {
        c->pid = 0;
        return tl_error_sys(error, failed, "cannot run '%.200s'", words[0]);
    }
    return true;
}

bool tl_child_wait(struct tl_child *c, int64_t ns)
{
    int64_t until = tl_io->monotonic_ns() + ns;
    while (c->pid && !c->done) {
        pid_t pid = waitpid(c->pid, &c->status, WNOHANG);
        c->done = pid == c->pid || (pid < 0 && errno != EINTR);
        if (c->done || tl_io->monotonic_ns() >= until)
            break;
        tl_io->sleep_ns(LOOK_NS);
    }
    return !c->pid || c->done;
}

void tl_child_signal(struct tl_child *c, int signal)
{
    if (c->pid && !c->done)
        kill(-c->pid, signal);
}

void tl_child_kill(struct tl_child *c)
{
    if (!c->pid || c->done)
        return;
    kill(-c->pid, SIGKILL);
    kill(c->pid, SIGKILL);
    waitpid(c->pid, &c->status, 0);
    c->done = true;
}

/* The last lines of what it said, on one line. */
static void last_lines(const char *path, char out[SAID_MAX])
{
    struct tl_buf text;
    struct tl_error ignored;
    tl_buf_init(&text, LOG_MAX);
    struct tl_view said = tl_file_read(path, &text, &ignored) ? tl_view_trim(tl_buf_view(&text)) : TL_VIEW("");
    size_t size = said.size < SAID_MAX - 1 ? said.size : SAID_MAX - 1;
    const char *from = said.data + (said.size - size);
    for (size_t i = 0; i < size; i++)
        out[i] = (unsigned char)from[i] < ' ' || from[i] == 0x7f ? ' ' : from[i];
    out[size] = '\0';
    tl_buf_release(&text);
}

bool tl_child_judge(const struct tl_child *c, const char *name, const char *err, struct tl_error *error)
{
    char said[SAID_MAX];
    if (WIFEXITED(c->status) && WEXITSTATUS(c->status) == 0)
        return true;
    last_lines(err, said);
    if (WIFSIGNALED(c->status))
        return tl_error_set(error, TL_IO, "'%s' was ended by signal %d: %s", name, WTERMSIG(c->status), said);
    return tl_error_set(error, TL_IO, "'%s' ended with %d: %s", name, WEXITSTATUS(c->status), said);
}

void tl_child_adopt(void)
{
    prctl(PR_SET_CHILD_SUBREAPER, 1);
}

double tl_child_cpu_s(void)
{
    struct rusage usage;
    int64_t until = tl_io->monotonic_ns() + LEFT_BEHIND_NS;
    pid_t pid;
    while ((pid = waitpid(-1, NULL, WNOHANG)) >= 0 && tl_io->monotonic_ns() < until)
        if (pid == 0)
            tl_io->sleep_ns(LOOK_NS);
    if (getrusage(RUSAGE_CHILDREN, &usage) != 0)
        return 0;
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) + (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}
