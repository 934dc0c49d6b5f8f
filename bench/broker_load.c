/* SPDX-License-Identifier: Apache-2.0 */
/* bench/broker_load.c: load for a Kinesis server over HTTP/1.1: broker_load [--cbor] ENDPOINT PID RECORDS
 * [SINGLES]. Puts RECORDS of 200 bytes by PutRecords (500 a call), SINGLES (RECORDS / 20) one by one by
 * PutRecord on 64 connections, reads all by GetRecords from TRIM_HORIZON, reads all again by
 * SubscribeToShard, and then measures how long a record takes from its put to a subscriber. PID is the
 * server's: its CPU time and memory are told.
 *
 * Raw sockets on one thread and requests made beforehand, so that the client is not what is measured; what it
 * spends itself is told at the end. Every answer is looked at: anything but 200, or a record refused, ends
 * the run. */
#include "base/view.h"
#include "codec/message.h"

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

#define LIVE_PUTS 500 /* one by one, for the latency to a subscriber */

static enum tl_wire wire;
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
    if (!after ||
        sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
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
                "Content-Type: application/x-amz-%s-1.1\r\nContent-Length: %zu\r\n\r\n",
                host, action, wire == TL_WIRE_CBOR ? "cbor" : "json", body.size);
    tl_buf_add_view(out, body);
}

/* A request that is one structure of strings: name, value, name, value ..., NULL. */
static void make_simple(struct tl_buf *out, const char *action, const char *const *members)
{
    struct tl_buf body;
    struct tl_msg_writer w;
    tl_buf_init(&body, 1 << 16);
    tl_msg_writer_init(&w, wire, &body);
    tl_msg_begin_structure(&w);
    for (; members[0]; members += 2)
        tl_msg_member_text(&w, members[0], members[1]);
    tl_msg_end_structure(&w);
    make_request(out, action, tl_buf_view(&body));
    tl_buf_release(&body);
}

static void add_record(struct tl_msg_writer *w, uint64_t key)
{
    char data[RECORD_SIZE], name[32];
    memset(data, 'x', sizeof data);
    snprintf(name, sizeof name, "k%" PRIu64, key);
    tl_msg_key(w, "Data");
    tl_msg_write_blob(w, (struct tl_view){ data, sizeof data });
    tl_msg_member_text(w, "PartitionKey", name);
}

static void make_batch(struct tl_buf *out, unsigned variant)
{
    struct tl_buf body;
    struct tl_msg_writer w;
    tl_buf_init(&body, (size_t)1 << 24);
    tl_msg_writer_init(&w, wire, &body);
    tl_msg_begin_structure(&w);
    tl_msg_member_text(&w, "StreamName", "load");
    tl_msg_key(&w, "Records");
    tl_msg_begin_list(&w);
    for (unsigned i = 0; i < RECORDS_PER_CALL; i++) {
        tl_msg_begin_structure(&w);
        add_record(&w, (variant * RECORDS_PER_CALL + i) % 1000);
        tl_msg_end_structure(&w);
    }
    tl_msg_end_list(&w);
    tl_msg_end_structure(&w);
    make_request(out, "PutRecords", tl_buf_view(&body));
    tl_buf_release(&body);
}

static void make_single(struct tl_buf *out, unsigned variant)
{
    struct tl_buf body;
    struct tl_msg_writer w;
    tl_buf_init(&body, (size_t)1 << 20);
    tl_msg_writer_init(&w, wire, &body);
    tl_msg_begin_structure(&w);
    tl_msg_member_text(&w, "StreamName", "load");
    add_record(&w, variant * 7);
    tl_msg_end_structure(&w);
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
    const char *end =
        c->answer.size ? memmem(c->answer.data, c->answer.size < 4096 ? c->answer.size : 4096, "\r\n\r\n", 4)
                       : NULL;
    if (!end)
        return none;
    const char *length = strcasestr(c->answer.data, "\r\nContent-Length: ");
    size_t size = length && length < end ? strtoul(length + 18, NULL, 10) : 0;
    if ((size_t)(c->answer.data + c->answer.size - (end + 4)) < size)
        return none;
    if (strncmp(c->answer.data, "HTTP/1.1 200 ", 13) != 0) {
        fprintf(stderr, "broker_load: %.*s\n", (int)(c->answer.size < 2000 ? c->answer.size : 2000),
                c->answer.data);
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
            polled[i] =
                (struct pollfd){ .fd = connections[i].fd,
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

/* l->count 0: without latencies. */
static void report(const char *what, uint64_t records, double wall, double cpu, struct latencies *l)
{
    char latency[80] = "";
    qsort(l->seconds, l->count, sizeof *l->seconds, by_seconds);
    if (l->count)
        snprintf(latency, sizeof latency, "p50 %.1f ms, p99 %.1f ms, ", l->seconds[l->count / 2] * 1e3,
                 l->seconds[l->count * 99 / 100] * 1e3);
    printf("broker   %s: %.0f records/s, %.2f server CPU s per million, %sRSS %ld MB\n", what,
           (double)records / wall, cpu / (double)records * 1e6, latency, rss_mb());
    fflush(stdout);
}

static void put_all(const char *what, void (*make)(struct tl_buf *, unsigned), size_t connections,
                    uint64_t per_call, uint64_t calls, unsigned steps)
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
        snprintf(rates + strlen(rates), sizeof rates - strlen(rates), " %.0f",
                 (double)(part * per_call) / (then - at));
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

/* The text of a member of the last 1,000 bytes: in JSON between quotes, in CBOR behind one or two bytes of
 * head. */
static bool text_member(struct tl_view body, const char *name, char *out, size_t size)
{
    size_t from = body.size > 1000 ? body.size - 1000 : 0, length;
    const char *at = memmem(body.data + from, body.size - from, name, strlen(name));
    if (!at)
        return false;
    at += strlen(name);
    if (wire == TL_WIRE_JSON) {
        at += 3; /* ":" and the quotes around it */
        length = strcspn(at, "\"");
    } else {
        bool wide = (unsigned char)*at == 0x78;
        length = wide ? (unsigned char)at[1] : (unsigned char)*at & 31;
        at += wide ? 2 : 1;
    }
    snprintf(out, size, "%.*s", (int)length, at);
    return true;
}

static void make_get(struct tl_buf *out, const char *iterator)
{
    const char *const members[] = { "ShardIterator", iterator, NULL };
    make_simple(out, "GetRecords", members);
}

static uint64_t get_shard(struct connection *c, unsigned shard, struct latencies *l)
{
    char id[32], iterator[600];
    const char *const members[] = { "StreamName",        "load",         "ShardId", id,
                                    "ShardIteratorType", "TRIM_HORIZON", NULL };
    struct tl_buf request;
    struct tl_view body;
    uint64_t records = 0, got;
    snprintf(id, sizeof id, "shardId-%012u", shard);
    make_simple(&request, "GetShardIterator", members);
    if (!text_member(call(c, &request), "ShardIterator", iterator, sizeof iterator))
        die("an answer without an iterator");
    do {
        tl_buf_release(&request);
        make_get(&request, iterator);
        body = call(c, &request);
        l->seconds[l->count++] = now_s() - c->began;
        got = count_of(body, "PartitionKey");
        records += got;
        if (!text_member(body, "NextShardIterator", iterator, sizeof iterator))
            die("an answer without an iterator");
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

/* ---- subscribing ---- */

#define WORD "PartitionKey"
#define WORD_SIZE (sizeof WORD - 1)

/* What has come of a subscription, and the end of it, where a word may have begun. */
struct subscriber {
    int fd;
    uint64_t records;
    char tail[WORD_SIZE];
    size_t tail_size;
};

static void subscribe(struct subscriber *s, const char *arn, unsigned shard, const char *type)
{
    struct connection c;
    struct tl_buf body, request;
    struct tl_msg_writer w;
    char id[32];
    snprintf(id, sizeof id, "shardId-%012u", shard);
    tl_buf_init(&body, 1 << 16);
    tl_msg_writer_init(&w, wire, &body);
    tl_msg_begin_structure(&w);
    tl_msg_member_text(&w, "ConsumerARN", arn);
    tl_msg_member_text(&w, "ShardId", id);
    tl_msg_key(&w, "StartingPosition");
    tl_msg_begin_structure(&w);
    tl_msg_member_text(&w, "Type", type);
    tl_msg_end_structure(&w);
    tl_msg_end_structure(&w);
    make_request(&request, "SubscribeToShard", tl_buf_view(&body));
    open_connection(&c);
    begin(&c, &request);
    *s = (struct subscriber){ .fd = c.fd };
    tl_buf_release(&c.answer);
    tl_buf_release(&body);
    tl_buf_release(&request);
}

static void receive_events(struct subscriber *s)
{
    static char block[(1 << 20) + WORD_SIZE];
    memcpy(block, s->tail, s->tail_size);
    ssize_t n = recv(s->fd, block + s->tail_size, 1 << 20, 0);
    if (n <= 0)
        die("a subscription has ended");
    size_t size = s->tail_size + (size_t)n;
    s->records += count_of((struct tl_view){ block, size }, WORD);
    s->tail_size = size < WORD_SIZE - 1 ? size : WORD_SIZE - 1;
    memcpy(s->tail, block + size - s->tail_size, s->tail_size);
}

static uint64_t wait_for_events(struct subscriber *all, uint64_t wanted)
{
    for (;;) {
        struct pollfd polled[SHARDS];
        uint64_t records = 0;
        for (size_t i = 0; i < SHARDS; i++) {
            records += all[i].records;
            polled[i] = (struct pollfd){ .fd = all[i].fd, .events = POLLIN };
        }
        if (records >= wanted)
            return records;
        if (poll(polled, SHARDS, 10000) <= 0)
            die("no event for 10 s");
        for (size_t i = 0; i < SHARDS; i++)
            if (polled[i].revents)
                receive_events(&all[i]);
    }
}

static void register_consumer(const char *name, char *arn, size_t size)
{
    struct connection c;
    struct tl_buf request;
    const char *const members[] = { "StreamARN", "arn:aws:kinesis:us-east-1:000000000000:stream/load",
                                    "ConsumerName", name, NULL };
    open_connection(&c);
    make_simple(&request, "RegisterStreamConsumer", members);
    if (!text_member(call(&c, &request), "ConsumerARN", arn, size))
        die("an answer without a consumer");
    tl_buf_release(&request);
    close_connection(&c);
}

static void subscribe_all(uint64_t expected)
{
    struct subscriber all[SHARDS];
    struct latencies none = { .seconds = (double[1]){ 0 } };
    char arn[300];
    register_consumer("all", arn, sizeof arn);
    double began = now_s(), cpu = cpu_s();
    for (unsigned i = 0; i < SHARDS; i++)
        subscribe(&all[i], arn, i, "TRIM_HORIZON");
    if (wait_for_events(all, expected) != expected)
        die("more records than were put");
    report("SubscribeToShard from TRIM_HORIZON, 4 shards", expected, now_s() - began, cpu_s() - cpu, &none);
    for (unsigned i = 0; i < SHARDS; i++)
        close(all[i].fd);
}

/* From the beginning of a put to the event at a subscriber, one at a time. */
static void subscribe_live(void)
{
    struct subscriber all[SHARDS];
    struct latencies l = { .seconds = (double[LIVE_PUTS]){ 0 } };
    struct connection c;
    char arn[300];
    register_consumer("live", arn, sizeof arn);
    for (unsigned i = 0; i < SHARDS; i++)
        subscribe(&all[i], arn, i, "LATEST");
    open_connection(&c);
    poll(NULL, 0, 200); /* all subscriptions have begun */
    double began = now_s(), cpu = cpu_s();
    for (unsigned i = 0; i < LIVE_PUTS; i++) {
        struct tl_buf request;
        make_single(&request, i);
        double at = now_s();
        call(&c, &request);
        wait_for_events(all, i + 1);
        l.seconds[l.count++] = now_s() - at;
        tl_buf_release(&request);
    }
    report("one PutRecord at a time to its event at a subscriber", LIVE_PUTS, now_s() - began, cpu_s() - cpu,
           &l);
    close_connection(&c);
    for (unsigned i = 0; i < SHARDS; i++)
        close(all[i].fd);
}

static void create_stream(void)
{
    struct connection c;
    struct tl_buf request, body;
    struct tl_msg_writer w;
    const char *const name[] = { "StreamName", "load", NULL };
    tl_buf_init(&body, 1 << 16);
    tl_msg_writer_init(&w, wire, &body);
    tl_msg_begin_structure(&w);
    tl_msg_member_text(&w, "StreamName", "load");
    tl_msg_member_i64(&w, "ShardCount", SHARDS);
    tl_msg_end_structure(&w);
    open_connection(&c);
    make_request(&request, "CreateStream", tl_buf_view(&body));
    call(&c, &request);
    tl_buf_release(&request);
    tl_buf_release(&body);
    make_simple(&request, "DescribeStreamSummary", name);
    while (count_of(call(&c, &request), "ACTIVE") == 0)
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
    if (argc > 1 && strcmp(argv[1], "--cbor") == 0) {
        wire = TL_WIRE_CBOR;
        argc--, argv++;
    }
    if ((argc != 4 && argc != 5) || !parse_endpoint(argv[1]) ||
        !tl_view_to_u64(tl_view_of(argv[2]), &process) || !tl_view_to_u64(tl_view_of(argv[3]), &records) ||
        records < RECORDS_PER_CALL * STEPS || (argc == 5 && !tl_view_to_u64(tl_view_of(argv[4]), &singles))) {
        fputs("usage: broker_load [--cbor] http://ADDRESS:PORT PID RECORDS [SINGLES]\n", stderr);
        return 2;
    }
    pid = (long)process;
    singles = argc == 5 ? singles : records / 20;
    uint64_t calls = records / RECORDS_PER_CALL, all = calls * RECORDS_PER_CALL + singles;
    create_stream();
    put_all("PutRecords, 500 x 200 B a call", make_batch, BATCH_CONNECTIONS, RECORDS_PER_CALL, calls, STEPS);
    if (singles)
        put_all("PutRecord, 64 connections", make_single, SINGLE_CONNECTIONS, 1, singles, 1);
    get_all(all);
    subscribe_all(all);
    subscribe_live();
    printf("broker   the load generator itself: %.2f CPU s\n", (double)clock() / CLOCKS_PER_SEC);
    return 0;
}
