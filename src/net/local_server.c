/* SPDX-License-Identifier: Apache-2.0 */
#include "net/local_server.h"

#include "base/io.h"
#include "base/time.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#define TEXT_MAX ((size_t)64 << 20)
#define SEND_S 5 /* for a reader that does not read */
#define POLL_MS 1000 /* should the wake-up be lost */

struct tl_local_server {
    tl_local_answer *answer;
    void *user;
    char path[PATH_MAX];
    int fd;
    bool stopping; /* an atomic */
    pthread_t thread;
    bool runs;
};

/* The socket as the system takes it: below a descriptor of its folder, since an address has room for 107 bytes. *folder to be closed. */
static bool address_of(const char *dir, const char *name, struct sockaddr_un *out, int *folder, struct tl_error *error)
{
    *out = (struct sockaddr_un){ .sun_family = AF_UNIX };
    *folder = tl_io->open(dir, O_PATH | O_DIRECTORY, 0);
    if (*folder < 0)
        return tl_error_sys(error, errno, "cannot open the folder '%s'", dir);
    int size = snprintf(out->sun_path, sizeof out->sun_path, "/proc/self/fd/%d/%s", *folder, name);
    if (size > 0 && (size_t)size < sizeof out->sun_path)
        return true;
    tl_io->close(*folder);
    return tl_error_set(error, TL_LIMIT, "'%s' is too long a name for a socket", name);
}

static bool bind_there(struct tl_local_server *s, const char *dir, const char *name, struct tl_error *error)
{
    struct sockaddr_un address;
    int folder;
    if (!address_of(dir, name, &address, &folder, error))
        return false;
    (void)tl_io->unlink(s->path); /* of a process that was killed: the caller holds the folder's lock */
    s->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    bool ok = s->fd >= 0 && fchmod(s->fd, 0600) == 0 && bind(s->fd, (struct sockaddr *)&address, sizeof address) == 0 &&
              listen(s->fd, 8) == 0;
    int failed = errno;
    tl_io->close(folder);
    return ok || tl_error_sys(error, failed, "cannot open the socket '%s'", s->path);
}

static void send_all(int fd, struct tl_view text)
{
    struct timeval limit = { .tv_sec = SEND_S };
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
    while (text.size > 0) {
        ssize_t n = send(fd, text.data, text.size, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return; /* it went away, or does not read */
        text = (struct tl_view){ text.data + n, text.size - (size_t)n };
    }
}

static void serve_one(struct tl_local_server *s)
{
    struct tl_buf text;
    int fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    tl_buf_init(&text, TEXT_MAX);
    s->answer(s->user, &text);
    if (!text.failed)
        send_all(fd, tl_buf_view(&text));
    tl_buf_release(&text);
    close(fd);
}

static void *serve(void *arg)
{
    struct tl_local_server *s = arg;
    while (!__atomic_load_n(&s->stopping, __ATOMIC_ACQUIRE)) {
        struct pollfd p = { .fd = s->fd, .events = POLLIN };
        if (poll(&p, 1, POLL_MS) > 0)
            serve_one(s);
    }
    return NULL;
}

bool tl_local_server_open(struct tl_local_server **out, const char *dir, const char *name, tl_local_answer *answer, void *user,
                          struct tl_error *error)
{
    *out = NULL;
    struct tl_local_server *s = calloc(1, sizeof *s);
    if (!s)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    s->answer = answer;
    s->user = user;
    s->fd = -1;
    int size = snprintf(s->path, sizeof s->path, "%s/%s", dir, name);
    bool ok = (size > 0 && (size_t)size < sizeof s->path) || tl_error_set(error, TL_LIMIT, "the path '%.200s' is too long", dir);
    ok = ok && bind_there(s, dir, name, error);
    int failed = ok ? pthread_create(&s->thread, NULL, serve, s) : 0;
    if (failed)
        ok = tl_error_sys(error, failed, "cannot start a thread");
    s->runs = ok;
    if (ok)
        *out = s;
    else
        tl_local_server_close(s);
    return ok;
}

void tl_local_server_close(struct tl_local_server *s)
{
    if (!s)
        return;
    __atomic_store_n(&s->stopping, true, __ATOMIC_RELEASE);
    if (s->runs) {
        (void)shutdown(s->fd, SHUT_RDWR); /* wakes it */
        pthread_join(s->thread, NULL);
        (void)tl_io->unlink(s->path);
    }
    if (s->fd >= 0)
        close(s->fd);
    free(s);
}

/* ---- the other side ---- */

static bool connect_to(int fd, const char *dir, const char *name, struct tl_error *error)
{
    struct sockaddr_un address;
    int folder;
    if (!address_of(dir, name, &address, &folder, error))
        return false;
    bool ok = connect(fd, (struct sockaddr *)&address, sizeof address) == 0;
    int failed = errno;
    tl_io->close(folder);
    if (ok)
        return true;
    (void)tl_error_sys(error, failed, "nothing answers on '%s/%s'", dir, name);
    if (failed == ECONNREFUSED || failed == EAGAIN)
        error->code = TL_UNAVAILABLE;
    return false;
}

static bool receive_all(int fd, int64_t timeout_ns, struct tl_buf *out, struct tl_error *error)
{
    int64_t end = tl_io->monotonic_ns() + timeout_ns;
    char part[16384];
    for (;;) {
        int64_t left = end - tl_io->monotonic_ns();
        struct pollfd p = { .fd = fd, .events = POLLIN };
        int ready = left > 0 ? poll(&p, 1, (int)(left / TL_NS_PER_MS) + 1) : 0;
        if (ready == 0)
            return tl_error_set(error, TL_TIMEOUT, "the process did not answer in time");
        ssize_t n = ready < 0 ? -1 : recv(fd, part, sizeof part, 0);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return tl_error_sys(error, errno, "cannot read from the process");
        if (n == 0)
            return tl_buf_ok(out, "the answer", error);
        tl_buf_add(out, part, (size_t)n);
    }
}

bool tl_local_fetch(const char *dir, const char *name, int64_t timeout_ns, struct tl_buf *out, struct tl_error *error)
{
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return tl_error_sys(error, errno, "cannot make a socket");
    bool ok = connect_to(fd, dir, name, error) && receive_all(fd, timeout_ns, out, error);
    close(fd);
    if (ok && out->size == 0)
        return tl_error_set(error, TL_UNAVAILABLE, "the process behind '%s/%s' is ending", dir, name);
    return ok;
}
