/* SPDX-License-Identifier: Apache-2.0 */
/* bench/broker_load.c: load for a Kinesis server over HTTP/1.1: broker_load ENDPOINT PID RECORDS [SINGLES]. Puts RECORDS of
 * 200 bytes by PutRecords (500 a call), SINGLES (RECORDS / 20) one by one by PutRecord on 64 connections, then reads all by
 * GetRecords from TRIM_HORIZON. PID is the server's: its CPU time and memory are told.
 *
 * Raw sockets on one thread and requests made beforehand, so that the client is not what is measured: it spends less than a
 * third of the server's time. Every answer is looked at: anything but 200, or a record refused, ends the run. */
#include "base/view.h"
#include "codec/base64.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define SHARDS 4
#define RECORD_SIZE 200
#define RECORDS_PER_CALL 500
#define BATCH_CONNECTIONS 8
#define SINGLE_CONNECTIONS 64
#define STEPS 5 /* parts of the first load whose rates are told apart: does it fall as the stream fills? */
#define VARIANTS 16 /* different calls made beforehand */
#define ANSWER_MAX ((size_t)64 << 20)

static struct sockaddr_in server;
static char host[64];
static long pid;

struct connection {
    int fd;
    struct tl_buf answer;
    struct tl_view request; /* what of it is not sent */
    double began;
};
struct latencies {
    double *seconds;
    size_t count;
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void die(const char *what)
{
    fprintf(stderr, "broker_load: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- the server's process ---- */

static size_t read_proc(const char *name, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/%ld/%s", pid, name);
    FILE *f = fopen(path, "r");
    if (!f)
        die(path);
    size_t got = fread(text, 1, size - 1, f);
    fclose(f);
    text[got] = '\0';
    return got;
}

/* User and system time, in seconds. */
static double cpu_s(void)
{
    char text[1024];
    unsigned long user = 0, system = 0;
    read_proc("stat", text, sizeof text);
    const char *after = strrchr(text, ')');
    if (!after || sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        die("stat");
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static long rss_mb(void)
{
    char text[4096];
    long kb = 0;
    read_proc("status", text, sizeof text);
    const char *at = strstr(text, "VmRSS:");
    if (at)
        sscanf(at + 6, "%ld", &kb);
    return kb / 1024;
}

/* ---- requests ---- */

static void make_request(struct tl_buf *out, const char *action, struct tl_view body)
{
    tl_buf_init(out, (size_t)1 << 24);
    tl_buf_addf(out,
                "POST / HTTP/1.1\r\nHost: %s\r\nX-Amz-Target: Kinesis_20131202.%s\r\n"
                "Content-Type: application/x-amz-json-1.1\r\nContent-Length: %zu\r\n\r\n",
                host, action, body.size);
    tl_buf_add_view(out, body);
}

static void add_record(struct tl_buf *out, uint64_t key, const char *before)
{
    char data[RECORD_SIZE];
    memset(data, 'x', sizeof data);
    tl_buf_addf(out, "%s\"Data\":\"", before);
    tl_base64_add(out, (struct tl_view){ data, sizeof data });
    tl_buf_addf(out, "\",\"PartitionKey\":\"k%" PRIu64 "\"}", key);
}

static void make_batch(struct tl_buf *out, unsigned variant)
{
    struct tl_buf body;
    tl_buf_init(&body, (size_t)1 << 24);
    tl_buf_add_text(&body, "{\"StreamName\":\"load\",\"Records\":[");
    for (unsigned i = 0; i < RECORDS_PER_CALL; i++)
        add_record(&body, (variant * RECORDS_PER_CALL + i) % 1000, i ? ",{" : "{");
    tl_buf_add_text(&body, "]}");
    make_request(out, "PutRecords", tl_buf_view(&body));
    tl_buf_release(&body);
}

static void make_single(struct tl_buf *out, unsigned variant)
{
    struct tl_buf body;
    tl_buf_init(&body, (size_t)1 << 20);
    add_record(&body, variant * 7, "{\"StreamName\":\"load\",");
    make_request(out, "PutRecord", tl_buf_view(&body));
    tl_buf_release(&body);
}

/* ---- connections ---- */

static void open_connection(struct connection *c)
{
    int on = 1;
    *c = (struct connection){ .fd = socket(AF_INET, SOCK_STREAM, 0) };
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&server, sizeof server) != 0)
        die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    tl_buf_init(&c->answer, ANSWER_MAX);
}

static void close_connection(struct connection *c)
{
    close(c->fd);
    tl_buf_release(&c->answer);
}

static void send_some(struct connection *c)
{
    ssize_t n = send(c->fd, c->request.data, c->request.size, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (n < 0 && errno != EAGAIN)
        die("send");
    if (n > 0)
        c->request = (struct tl_view){ c->request.data + n, c->request.size - (size_t)n };
}

static void begin(struct connection *c, const struct tl_buf *request)
{
    tl_buf_reset(&c->answer);
    c->request = tl_buf_view(request);
    c->began = now_s();
    send_some(c);
}

/* The body of the whole answer; size 0 and data NULL while it is not whole. */
static struct tl_view answer_body(struct connection *c)
{
    struct tl_view none = { NULL, 0 };
    const char *end = c->answer.size ? memmem(c->answer.data, c->answer.size < 4096 ? c->answer.size : 4096, "\r\n\r\n", 4) : NULL;
    if (!end)
        return none;
    const char *length = strcasestr(c->answer.data, "\r\nContent-Length: ");
    size_t size = length && length < end ? strtoul(length + 18, NULL, 10) : 0;
    if ((size_t)(c->answer.data + c->answer.size - (end + 4)) < size)
        return none;
    if (strncmp(c->answer.data, "HTTP/1.1 200 ", 13) != 0) {
        fprintf(stderr, "broker_load: %.*s\n", (int)(c->answer.size < 2000 ? c->answer.size : 2000), c->answer.data);
        exit(1);
    }
    return (struct tl_view){ end + 4, size };
}

static void receive_some(struct connection *c)
{
    char block[262144];
    ssize_t n = recv(c->fd, block, sizeof block, 0);
    if (n <= 0)
        die("recv");
    tl_buf_add(&c->answer, block, (size_t)n);
}

static struct tl_view call(struct connection *c, const struct tl_buf *request)
{
    struct tl_view body;
    begin(c, request);
    while (c->request.size > 0) {
        struct pollfd p = { .fd = c->fd, .events = POLLOUT };
        poll(&p, 1, -1);
        send_some(c);
    }
    do {
        receive_some(c);
        body = answer_body(c);
    } while (!body.data);
    return body;
}

/* ---- putting ---- */

static int by_seconds(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void put(const struct tl_buf *requests, size_t connection_count, uint64_t calls, struct latencies *l)
{
    struct connection connections[SINGLE_CONNECTIONS];
    struct pollfd polled[SINGLE_CONNECTIONS];
    uint64_t sent = 0, answered = 0;
    for (size_t i = 0; i < connection_count; i++) {
        open_connection(&connections[i]);
        if (sent < calls)
            begin(&connections[i], &requests[sent++ % VARIANTS]);
    }
    while (answered < calls) {
        for (size_t i = 0; i < connection_count; i++)
            polled[i] = (struct pollfd){ .fd = connections[i].fd,
                                         .events = (short)(connections[i].request.size ? POLLIN | POLLOUT : POLLIN) };
        if (poll(polled, connection_count, 10000) <= 0)
            die("no answer for 10 s");
        for (size_t i = 0; i < connection_count; i++) {
            struct connection *c = &connections[i];
            if (c->request.size && (polled[i].revents & POLLOUT))
                send_some(c);
            if (!(polled[i].revents & (POLLIN | POLLHUP | POLLERR)))
                continue;
            receive_some(c);
            struct tl_view body = answer_body(c);
            if (!body.data)
                continue;
            if (memmem(body.data, body.size, "ErrorCode", 9))
                die("a record was refused");
            l->seconds[l->count++] = now_s() - c->began;
            answered++;
            if (sent < calls)
                begin(c, &requests[sent++ % VARIANTS]);
        }
    }
    for (size_t i = 0; i < connection_count; i++)
        close_connection(&connections[i]);
}

static void report(const char *what, uint64_t records, double wall, double cpu, struct latencies *l)
{
    qsort(l->seconds, l->count, sizeof *l->seconds, by_seconds);
    printf("broker   %s: %.0f records/s, %.2f server CPU s per million, p50 %.1f ms, p99 %.1f ms, RSS %ld MB\n", what,
           (double)records / wall, cpu / (double)records * 1e6, l->seconds[l->count / 2] * 1e3,
           l->seconds[l->count * 99 / 100] * 1e3, rss_mb());
    fflush(stdout);
}

static void put_all(const char *what, void (*make)(struct tl_buf *, unsigned), size_t connections, uint64_t per_call,
                    uint64_t calls, unsigned steps)
{
    struct tl_buf requests[VARIANTS];
    struct latencies l = { .seconds = malloc((size_t)(calls + 1) * sizeof(double)) };
    if (!l.seconds)
        die("memory");
    for (unsigned i = 0; i < VARIANTS; i++)
        make(&requests[i], i);
    double began = now_s(), cpu = cpu_s(), at = began;
    char rates[256] = "";
    for (unsigned i = 0; i < steps; i++) {
        uint64_t part = calls * (i + 1) / steps - calls * i / steps;
        put(requests, connections, part, &l);
        double then = now_s();
        snprintf(rates + strlen(rates), sizeof rates - strlen(rates), " %.0f", (double)(part * per_call) / (then - at));
        at = then;
    }
    report(what, calls * per_call, at - began, cpu_s() - cpu, &l);
    if (steps > 1)
        printf("broker     as the stream fills, records/s:%s\n", rates);
    for (unsigned i = 0; i < VARIANTS; i++)
        tl_buf_release(&requests[i]);
    free(l.seconds);
}

/* ---- getting ---- */

static uint64_t count_of(struct tl_view body, const char *word)
{
    uint64_t count = 0;
    size_t size = strlen(word);
    const char *end = body.data + body.size;
    for (const char *at = body.data; (at = memmem(at, (size_t)(end - at), word, size)); at += size)
        count++;
    return count;
}

/* The text of a member of the last 1,000 bytes. */
static void text_member(struct tl_view body, const char *name, char *out, size_t size)
{
    size_t from = body.size > 1000 ? body.size - 1000 : 0;
    const char *at = memmem(body.data + from, body.size - from, name, strlen(name));
    if (!at)
        die("an answer without what it should have");
    at += strlen(name);
    snprintf(out, size, "%.*s", (int)strcspn(at, "\""), at);
}

static uint64_t get_shard(struct connection *c, unsigned shard, struct latencies *l)
{
    char text[1024], iterator[600];
    struct tl_buf request;
    struct tl_view body;
    uint64_t records = 0, got;
    snprintf(text, sizeof text, "{\"StreamName\":\"load\",\"ShardId\":\"shardId-%012u\",\"ShardIteratorType\":\"TRIM_HORIZON\"}", shard);
    make_request(&request, "GetShardIterator", tl_view_of(text));
    text_member(call(c, &request), "\"ShardIterator\":\"", iterator, sizeof iterator);
    do {
        tl_buf_release(&request);
        snprintf(text, sizeof text, "{\"ShardIterator\":\"%s\",\"Limit\":10000}", iterator);
        make_request(&request, "GetRecords", tl_view_of(text));
        body = call(c, &request);
        l->seconds[l->count++] = now_s() - c->began;
        got = count_of(body, "\"PartitionKey\"");
        records += got;
        text_member(body, "\"NextShardIterator\":\"", iterator, sizeof iterator);
    } while (got > 0);
    tl_buf_release(&request);
    return records;
}

static void get_all(uint64_t expected)
{
    struct connection c;
    struct latencies l = { .seconds = malloc((size_t)(expected / 100 + 1000) * sizeof(double)) };
    if (!l.seconds)
        die("memory");
    open_connection(&c);
    double began = now_s(), cpu = cpu_s();
    uint64_t records = 0;
    for (unsigned i = 0; i < SHARDS; i++)
        records += get_shard(&c, i, &l);
    report("GetRecords, 10,000 a call", records, now_s() - began, cpu_s() - cpu, &l);
    if (records != expected) {
        fprintf(stderr, "broker_load: put %" PRIu64 " records and read %" PRIu64 "\n", expected, records);
        exit(1);
    }
    close_connection(&c);
    free(l.seconds);
}

static void create_stream(void)
{
    struct connection c;
    struct tl_buf request;
    char text[128];
    open_connection(&c);
    snprintf(text, sizeof text, "{\"StreamName\":\"load\",\"ShardCount\":%d}", SHARDS);
    make_request(&request, "CreateStream", tl_view_of(text));
    call(&c, &request);
    tl_buf_release(&request);
    make_request(&request, "DescribeStreamSummary", TL_VIEW("{\"StreamName\":\"load\"}"));
    while (count_of(call(&c, &request), "\"ACTIVE\"") == 0)
        poll(NULL, 0, 20);
    tl_buf_release(&request);
    close_connection(&c);
}

static bool parse_endpoint(const char *text)
{
    uint64_t port;
    struct tl_view rest, address;
    if (strncmp(text, "http://", 7) != 0)
        return false;
    snprintf(host, sizeof host, "%s", text + 7);
    address = tl_view_split(tl_view_of(host), ':', &rest);
    char name[64];
    snprintf(name, sizeof name, "%.*s", TL_VIEW_ARG(address));
    server.sin_family = AF_INET;
    if (!tl_view_to_u64(rest, &port) || port > 65535 || inet_pton(AF_INET, name, &server.sin_addr) != 1)
        return false;
    server.sin_port = htons((uint16_t)port);
    return true;
}

int main(int argc, char **argv)
{
    uint64_t records, singles, process;
    if ((argc != 4 && argc != 5) || !parse_endpoint(argv[1]) || !tl_view_to_u64(tl_view_of(argv[2]), &process) ||
        !tl_view_to_u64(tl_view_of(argv[3]), &records) || records < RECORDS_PER_CALL * STEPS ||
        (argc == 5 && !tl_view_to_u64(tl_view_of(argv[4]), &singles))) {
        fputs("usage: broker_load http://ADDRESS:PORT PID RECORDS [SINGLES]\n", stderr);
        return 2;
    }
    pid = (long)process;
    singles = argc == 5 ? singles : records / 20;
    uint64_t calls = records / RECORDS_PER_CALL;
    create_stream();
    put_all("PutRecords, 500 x 200 B a call", make_batch, BATCH_CONNECTIONS, RECORDS_PER_CALL, calls, STEPS);
    if (singles)
        put_all("PutRecord, 64 connections", make_single, SINGLE_CONNECTIONS, 1, singles, 1);
    get_all(calls * RECORDS_PER_CALL + singles);
    return 0;
}
