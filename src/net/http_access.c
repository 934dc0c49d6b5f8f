/* SPDX-License-Identifier: Apache-2.0 */
/* net/http_access.c: the access log: a line of JSON for every answer, gathered and written once in a turn of
 * the loop. What a client sends as a secret (Authorization and other headers) is never in it. */
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

struct tl_http_access_log {
    struct tl_http_server *server;
    int fd;
    char *path;
    struct tl_buf lines;
    struct event *timer;
    bool armed, told;
};

static void write_lines(struct tl_http_access_log *log)
{
    struct tl_view rest = tl_buf_view(&log->lines);
    while (rest.size) {
        ssize_t n = tl_io->write(log->fd, rest.data, rest.size);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0) {
            if (!log->told)
                tl_log_error("net",
                             "the access log '%s' cannot be written: %s; its lines are lost until it can",
                             log->path, strerror(errno));
            log->told = true;
            break;
        }
        rest = (struct tl_view){ rest.data + n, rest.size - (size_t)n };
    }
    log->told = log->told && rest.size > 0;
    tl_buf_reset(&log->lines);
}

static void due(evutil_socket_t fd, short what, void *arg)
{
    (void)fd, (void)what;
    struct tl_http_access_log *log = arg;
    log->armed = false;
    write_lines(log);
}

bool tl_http_access_open(struct tl_http_server *s, const char *path, struct tl_error *error)
{
    struct tl_http_access_log *log = calloc(1, sizeof *log);
    if (!log || !(log->path = strdup(path)) || !(log->timer = event_new(s->base, -1, EV_TIMEOUT, due, log))) {
        free(log ? log->path : NULL);
        free(log);
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    }
    tl_buf_init(&log->lines, GATHERED_MAX);
    log->server = s;
    log->fd = tl_io->open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    s->access = log;
    return log->fd >= 0 || tl_error_sys(error, errno, "cannot open the access log '%s'", path);
}

void tl_http_access_close(struct tl_http_access_log *log)
{
    if (!log)
        return;
    if (log->fd >= 0) {
        write_lines(log);
        tl_io->close(log->fd);
    }
    event_free(log->timer);
    tl_buf_release(&log->lines);
    free(log->path);
    free(log);
}

static void add_line(struct tl_http_access_log *log, const struct tl_http_exchange *x)
{
    char time[TL_TIME_TEXT_MAX];
    struct tl_json_writer w;
    tl_time_format(tl_io->wall_ns(), TL_TIME_ISO_MS, time);
    tl_json_writer_init(&w, &log->lines);
    tl_json_begin_object(&w);
    tl_json_member_text(&w, "time", time);
    tl_json_member_text(&w, "peer", x->peer);
    tl_json_member_text(&w, "protocol", tl_http_protocol(x));
    tl_json_member_bool(&w, "tls", x->is_tls);
    tl_json_member_text(&w, "method", x->method);
    tl_json_member_string(&w, "path", tl_buf_view(&x->path));
    tl_json_member_i64(&w, "status", x->status);
    tl_json_member_i64(&w, "bytes_in", (int64_t)x->body.size);
    tl_json_member_i64(&w, "bytes_out", (int64_t)x->bytes_out);
    tl_json_member_double(&w, "duration_ms",
                          (double)((tl_io->monotonic_ns() - x->began_ns) / TL_NS_PER_US) / 1000);
    for (size_t i = 0; i < x->note_count; i++)
        tl_json_member_text(&w, x->notes[i].key, x->notes[i].value);
    tl_json_end_object(&w);
    tl_buf_add_char(&log->lines, '\n');
}

void tl_http_access_add(struct tl_http_access_log *log, const struct tl_http_exchange *x)
{
    add_line(log, x);
    if (log->lines.failed || log->lines.size > GATHERED_MAX / 2)
        write_lines(log);
    if (log->armed)
        return;
    struct timeval when = { .tv_usec = GATHER_MS * 1000 };
    log->armed = event_add(log->timer, &when) == 0;
}
