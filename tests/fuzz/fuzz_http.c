/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes to the HTTP server, in pieces: it answers or closes, and goes on. The first byte says how they
 * are sent: bits 0-1 how large the pieces are, bit 2 HTTP/2's preface and SETTINGS before them, bit 3 a reset
 * at the end instead of an orderly close. */
#include "net/http_server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define TURNS 4 /* of the loop, after each piece: accept, read, answer, close */

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tl_http_server *server;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t turned = PTHREAD_COND_INITIALIZER;
static unsigned turns;

static void stream_closed(void *x)
{
    tl_http_stream_end(x);
}

/* Every way to answer is taken; which, the request's size says. */
static void handle(struct tl_http_exchange *x, void *unused)
{
    (void)unused;
    struct tl_view body = tl_http_body(x), path = tl_http_path(x);
    struct tl_http_header header = { TL_VIEW("X-Echo"), path };
    struct tl_buf copy;
    switch ((body.size + path.size) % 5) {
    case 0:
        tl_http_respond(x, 200, "text/plain", &header, 1, body);
        break;
    case 1:
        tl_buf_init(&copy, 1 << 20);
        tl_buf_add_view(&copy, body);
        tl_http_respond_take(x, 200, NULL, &header, 1, &copy);
        tl_buf_release(&copy);
        break;
    case 2:
        tl_http_stream_begin(x, 200, "text/event-stream", &header, 1, stream_closed, x);
        tl_http_stream_write(x, path);
        break; /* left open */
    case 3:
        tl_http_stream_begin(x, 200, "text/event-stream", NULL, 0, stream_closed, x);
        tl_http_stream_write(x, body);
        tl_http_stream_end(x);
        break;
    default:
        tl_http_exchange_drop(x);
    }
}

static void count_turn(void *unused)
{
    (void)unused;
    pthread_mutex_lock(&lock);
    turns++;
    pthread_cond_signal(&turned);
    pthread_mutex_unlock(&lock);
}

static void let_it_turn(void)
{
    for (unsigned i = 0; i < TURNS; i++) {
        pthread_mutex_lock(&lock);
        unsigned before = turns;
        pthread_mutex_unlock(&lock);
        if (!tl_http_server_post(server, count_turn, NULL))
            abort();
        pthread_mutex_lock(&lock);
        while (turns == before)
            pthread_cond_wait(&turned, &lock);
        pthread_mutex_unlock(&lock);
    }
}

static int connect_to_server(void)
{
    struct sockaddr_in address = { .sin_family = AF_INET,
                                   .sin_port = htons((uint16_t)tl_http_server_port(server)) };
    struct linger reset = { .l_onoff = 1 }; /* no port is left waiting */
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    inet_pton(AF_INET, "127.0.0.1", &address.sin_addr);
    if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof address) != 0)
        abort();
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    return fd;
}

static void send_in_pieces(int fd, const uint8_t *data, size_t size, unsigned how)
{
    static const size_t pieces[] = { 1 << 16, 17, 64, 1000 };
    size_t piece = pieces[how & 3], sent = 0;
    for (unsigned i = 0; size > 0; i++) {
        size_t now = size < piece || i == 40 ? size : piece; /* at most 40, then the rest */
        if (send(fd, data + sent, now, MSG_NOSIGNAL) < 0)
            return;
        let_it_turn();
        sent += now;
        size -= now;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0";
    struct tl_http_server_options options = {
        .name = "fuzz", .body_max = 5000, .output_max = 1000, .check_host = true, .handler = handle
    };
    struct tl_error error;
    char answer[4096];
    if (!server && !tl_http_server_open(&server, "127.0.0.1:0", &options, &error))
        abort();
    if (size == 0)
        return 0;
    int fd = connect_to_server();
    if (data[0] & 4 && send(fd, preface, sizeof preface - 1, MSG_NOSIGNAL) < 0)
        abort();
    send_in_pieces(fd, data + 1, size - 1, data[0]);
    if (!(data[0] & 8))
        shutdown(fd, SHUT_WR);
    let_it_turn();
    while (recv(fd, answer, sizeof answer, MSG_DONTWAIT) > 0)
        ;
    close(fd);
    let_it_turn(); /* the connection goes now, not in the next run */
    return 0;
}
