/* SPDX-License-Identifier: Apache-2.0 */
/* net/http_access.c: the access log: a line of JSON for every request, gathered and written in one piece a
 * tenth of a second later. What a client sends as a secret is never in it: no header's value, no query.
 *
 * The file is opened so that writing does not wait (a pipe whose reader sleeps). What cannot be written is
 * lost, in whole lines but for a disk that fills in the middle of one; that is told once, and again when it
 * works. */
#include "base/io.h"
#include "base/log.h"
#include "base/time.h"
#include "codec/json_writer.h"
#include "net/http_int.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#define GATHERED_MAX ((size_t)4 << 20)
#define GATHER_MS 100
#define LINE_MAX_SIZE ((size_t)256 << 10) /* a path of 16 KiB, each byte escaped, and notes */
#define NOTES_MAX 6
#define NOTE_MAX ((size_t)256)

struct tl_http_access_log {
    int fd;
    char *path, *server;
    struct tl_buf lines; /* what is to be written: begins with the rest of a line that was cut */
    struct tl_buf line;
    struct event *timer;
    bool armed, failing;
    size_t lost; /* lines, since it fails */
};

/* What is noted of one request. */
struct tl_http_access {
    int64_t began_ns, began_wall_ns;
    int status;
    uint64_t bytes_out;
    size_t note_count;
    struct {
        const char *key;
        size_t size;
        char value[NOTE_MAX];
    } notes[NOTES_MAX];
};

/* ---- writing ---- */

static void fail(struct tl_http_access_log *log, int failed)
{
    if (!log->failing)
        tl_log_error("net", "%s: the access log '%s' cannot be written: %s; its lines are lost until it can",
                     log->server, log->path, strerror(failed));
    log->failing = true;
}

static void recover(struct tl_http_access_log *log)
{
    if (log->failing)
        tl_log_info("net", "%s: the access log '%s' is written again; %zu lines were lost", log->server,
                    log->path, log->lost);
    log->failing = false;
    log->lost = 0;
}

static size_t count_lines(struct tl_view text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.size; i++)
        count += text.data[i] == '\n';
    return count;
}

/* One attempt: what a pipe does not take waits for the next. */
static void write_lines(struct tl_http_access_log *log)
{
    struct tl_view lines = tl_buf_view(&log->lines);
    if (!lines.size)
        return;
    ssize_t n = tl_io->write(log->fd, lines.data, lines.size);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        fail(log, n < 0 ? errno : ENOSPC);
        log->lost += count_lines(lines);
        tl_buf_reset(&log->lines);
        return;
    }
    memmove(log->lines.data, log->lines.data + n, lines.size - (size_t)n);
    log->lines.size = lines.size - (size_t)n;
    log->lines.data[log->lines.size] = '\0';
    if (log->lines.size == 0)
        recover(log);
}

static void arm(struct tl_http_access_log *log)
{
    struct timeval when = { .tv_usec = GATHER_MS * 1000 };
    if (!log->armed)
        log->armed = event_add(log->timer, &when) == 0;
}

static void due(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct tl_http_access_log *log = arg;
    log->armed = false;
    write_lines(log);
    if (log->lines.size)
        arm(log);
}

/* ---- life ---- */

static void log_free(struct tl_http_access_log *log)
{
    if (log->timer)
        event_free(log->timer);
    if (log->fd >= 0)
        tl_io->close(log->fd);
    tl_buf_release(&log->lines);
    tl_buf_release(&log->line);
    free(log->path);
    free(log->server);
    free(log);
}

bool tl_http_access_log_open(struct tl_http_access_log **out, const char *path, const char *server,
                             struct event_base *base, struct tl_error *error)
{
    struct tl_http_access_log *log = calloc(1, sizeof *log);
    *out = NULL;
    if (!log)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    tl_buf_init(&log->lines, GATHERED_MAX);
    tl_buf_init(&log->line, LINE_MAX_SIZE);
    log->fd = tl_io->open(path, O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK, 0640);
    bool ok = log->fd >= 0 || tl_error_sys(error, errno, "cannot open the access log '%s'", path);
    log->path = strdup(path);
    log->server = strdup(server);
    log->timer = event_new(base, -1, EV_TIMEOUT, due, log);
    if (ok && (!log->path || !log->server || !log->timer))
        ok = tl_error_set(error, TL_NO_MEMORY, "out of memory");
    if (ok)
        *out = log;
    else
        log_free(log);
    return ok;
}

void tl_http_access_log_close(struct tl_http_access_log *log)
{
    if (!log)
        return;
    write_lines(log);
    log_free(log);
}

/* ---- one request ---- */

struct tl_http_access *tl_http_access_new(void)
{
    struct tl_http_access *a = malloc(sizeof *a);
    if (!a)
        return NULL;
    a->began_ns = tl_io->monotonic_ns();
    a->began_wall_ns = tl_io->wall_ns();
    a->status = 0;
    a->bytes_out = 0;
    a->note_count = 0;
    return a;
}

void tl_http_access_status(struct tl_http_access *a, int status)
{
    if (a)
        a->status = status;
}

void tl_http_access_bytes(struct tl_http_access *a, size_t body_size)
{
    if (a)
        a->bytes_out += body_size;
}

void tl_http_access_note(struct tl_http_access *a, const char *key, struct tl_view value)
{
    if (a->note_count == NOTES_MAX)
        return;
    size_t i = a->note_count++;
    a->notes[i].key = key;
    a->notes[i].size = value.size < NOTE_MAX ? value.size : NOTE_MAX;
    if (value.size)
        memcpy(a->notes[i].value, value.data, a->notes[i].size);
}

static void write_line(struct tl_http_access_log *log, const struct tl_http_exchange *x)
{
    const struct tl_http_access *a = x->access;
    char time[TL_TIME_TEXT_MAX];
    struct tl_json_writer w;
    tl_time_format(a->began_wall_ns, TL_TIME_ISO_MS, time);
    tl_json_writer_init(&w, &log->line);
    tl_json_begin_object(&w);
    tl_json_member_text(&w, "time", time);
    tl_json_member_text(&w, "server", log->server);
    tl_json_member_text(&w, "peer", x->peer);
    tl_json_member_text(&w, "protocol", tl_http_protocol(x));
    tl_json_member_bool(&w, "tls", x->is_tls);
    tl_json_member_text(&w, "method", x->method);
    tl_json_member_string(&w, "path", tl_buf_view(&x->path));
    tl_json_member_i64(&w, "status", a->status);
    tl_json_member_i64(&w, "bytes_in", (int64_t)x->body_come);
    tl_json_member_i64(&w, "bytes_out", (int64_t)a->bytes_out);
    tl_json_member_double(&w, "duration_ms",
                          (double)((tl_io->monotonic_ns() - a->began_ns) / TL_NS_PER_US) / 1000);
    if (x->aborted)
        tl_json_member_bool(&w, "aborted", true);
    for (size_t i = 0; i < a->note_count; i++)
        tl_json_member_string(&w, a->notes[i].key, (struct tl_view){ a->notes[i].value, a->notes[i].size });
    tl_json_end_object(&w);
    tl_buf_add_char(&log->line, '\n');
}

void tl_http_access_end(struct tl_http_access_log *log, struct tl_http_exchange *x)
{
    if (x->access->status || x->dispatched) { /* else the client went while it was asking */
        tl_buf_reset(&log->line);
        write_line(log, x);
        if (!log->line.failed && log->lines.size + log->line.size <= GATHERED_MAX) {
            tl_buf_add_view(&log->lines, tl_buf_view(&log->line));
        } else {
            fail(log, EAGAIN);
            log->lost++;
        }
        arm(log);
    }
    free(x->access);
    x->access = NULL;
}
