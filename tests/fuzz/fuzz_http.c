/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes on a connection of the HTTP server: HTTP/1.1 or HTTP/2 by what they are. Whatever comes, the
 * server goes on. */
#include "net/http_server.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void handle(struct tl_http_exchange *x, void *user)
{
    struct tl_buf value;
    (void)user;
    tl_buf_init(&value, 1 << 16);
    tl_http_query_param(x, "a", &value);
    tl_http_respond(x, 200, "text/plain", NULL, 0, tl_http_body(x));
    tl_buf_release(&value);
}

static struct tl_http_server *open_server(void)
{
    struct tl_http_server *s;
    struct tl_error error;
    struct tl_http_server_options options = { .name = "fuzz", .body_max = 1 << 16, .handler = handle };
    if (!tl_http_server_open(&s, "127.0.0.1:0", &options, &error))
        abort();
    return s;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tl_http_server *server;
    if (!server)
        server = open_server();
    struct sockaddr_in to = { .sin_family = AF_INET,
                              .sin_port = htons((uint16_t)tl_http_server_port(server)),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    struct linger reset = { 1, 0 }; /* no connection waits for the end of another */
    char answer[65536];
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        abort();
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
    if (send(fd, data, size, MSG_NOSIGNAL) >= 0) {
        shutdown(fd, SHUT_WR);
        while (recv(fd, answer, sizeof answer, 0) > 0) {
        }
    }
    close(fd);
    return 0;
}
