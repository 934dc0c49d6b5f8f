/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/engine_spark.h"

#include "base/file.h"
#include "base/io.h"
#include "base/time.h"
#include "cli/child.h"
#include "cli/export_folder.h"
#include "cli/signals.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define WORDS_MAX 4096
#define FILES_MAX 2000 /* two words each */
#define LOOK_NS (200 * TL_NS_PER_MS)
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
    if (!find_spark(s->submit, error) || !master_answers(master, error) ||
        !tl_export_folder_write(r->plan, tl_export_engine_find("spark"), &r->export, r->folder, NULL, error))
        return false;
    snprintf(s->job, sizeof s->job, "%.500s/%.100s.py", r->folder, r->plan->name);
    snprintf(s->log, sizeof s->log, "%.500s/spark.log", r->folder);
    snprintf(s->progress, sizeof s->progress, "%.500s/progress.json", r->folder);
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
