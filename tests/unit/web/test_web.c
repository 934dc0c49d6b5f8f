/* SPDX-License-Identifier: Apache-2.0 */
/* The page's server over a real socket. The engine and the query are stand-ins, defined here: the linker takes these before
 * those of tl_engine and tl_query. */
#include "support.h"

#include "base/io.h"
#include "codec/json.h"
#include "query/query.h"
#include "web/fixture.h"
#include "web/web.h"

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>

/* ---- the stand-in engine: two tables of rows, each with the version at which it last changed ---- */

#define ENTRIES_MAX 16

struct entry {
    uint64_t version;
    const char *ticker;
    int64_t end;
    double close;
    bool final;
};
struct tl_engine {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    uint64_t version;
    struct entry entries[2][ENTRIES_MAX];
    size_t counts[2];
    const char *waiting;
};
static struct tl_engine engine = { .mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };
static char lake_answer[1024];

static void engine_reset(void)
{
    pthread_mutex_lock(&engine.mutex);
    engine.version = 0;
    engine.counts[0] = engine.counts[1] = 0;
    engine.waiting = "";
    lake_answer[0] = '\0';
    pthread_mutex_unlock(&engine.mutex);
}

static void engine_put(size_t view, const char *ticker, int64_t end, double close, bool final)
{
    pthread_mutex_lock(&engine.mutex);
    size_t i = 0;
    while (i < engine.counts[view] &&
           (strcmp(engine.entries[view][i].ticker, ticker) != 0 || engine.entries[view][i].end != end))
        i++;
    assert_true(i < ENTRIES_MAX);
    engine.entries[view][i] = (struct entry){ ++engine.version, ticker, end, close, final };
    if (i == engine.counts[view])
        engine.counts[view]++;
    pthread_cond_broadcast(&engine.changed);
    pthread_mutex_unlock(&engine.mutex);
}

bool tl_engine_changes(struct tl_engine *e, size_t view, uint64_t *cursor, struct tl_rows *out, struct tl_error *error)
{
    (void)error;
    changes_init(out, view);
    pthread_mutex_lock(&e->mutex);
    for (size_t i = 0; i < e->counts[view]; i++) {
        const struct entry *entry = &e->entries[view][i];
        if (entry->version <= *cursor)
            continue;
        if (view == LATEST)
            latest_add(out, entry->ticker, entry->close);
        else
            average_add(out, entry->ticker, entry->end, entry->close, entry->final);
    }
    *cursor = e->version;
    pthread_mutex_unlock(&e->mutex);
    return true;
}

void tl_engine_wait_change(struct tl_engine *e, uint64_t *version, int64_t timeout_ns)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += timeout_ns % TL_NS_PER_S;
    until.tv_sec += timeout_ns / TL_NS_PER_S + until.tv_nsec / TL_NS_PER_S;
    until.tv_nsec %= TL_NS_PER_S;
    pthread_mutex_lock(&e->mutex);
    while (e->version == *version) {
        if (pthread_cond_timedwait(&e->changed, &e->mutex, &until) != 0)
            break;
    }
    *version = e->version;
    pthread_mutex_unlock(&e->mutex);
}

void tl_engine_stats_get(struct tl_engine *e, struct tl_engine_stats *out)
{
    *out = (struct tl_engine_stats){ .ledger = { .received = 5, .aggregated = 3, .late = 1, .malformed = 1, .windows = 2 },
                                     .input_rate = 6.5, .watermark_ns = 60 * TL_NS_PER_S, .shard_count = 1 };
    snprintf(out->shards[0].id, sizeof out->shards[0].id, "shardId-000000000000");
    out->shards[0].watermark_ns = INT64_MIN;
    pthread_mutex_lock(&e->mutex);
    snprintf(out->waiting, sizeof out->waiting, "%s", e->waiting);
    pthread_mutex_unlock(&e->mutex);
}

void tl_engine_latency_get(struct tl_engine *e, struct tl_engine_latency *out)
{
    (void)e;
    *out = (struct tl_engine_latency){ .stream_to_engine = { 3, 2 * TL_NS_PER_MS, 4 * TL_NS_PER_MS, 8 * TL_NS_PER_MS } };
}

int64_t tl_engine_take_shown(struct tl_engine *e)
{
    (void)e;
    return tl_io->wall_ns() - 30 * TL_NS_PER_MS;
}

bool tl_query_run(const struct tl_query_options *options, struct tl_query_result *result, struct tl_error *error)
{
    (void)options;
    *result = (struct tl_query_result){ 0 };
    if (!lake_answer[0])
        return tl_error_set(error, TL_NOT_FOUND, "there is no such table yet");
    tl_buf_init(&result->out, 1u << 20);
    tl_buf_add_text(&result->out, lake_answer);
    return true;
}

void tl_query_result_release(struct tl_query_result *result)
{
    tl_buf_release(&result->out);
}

/* ---- a client that reads slowly and believes nothing ---- */

static struct tl_web *web;

static void feed_status(void *user, struct tl_buf *json)
{
    (void)user;
    tl_buf_add_text(json, "{\"sent\":12}");
}

static int setup(void **state)
{
    struct tl_error error;
    engine_reset();
    struct tl_web_options options = { .listen = "127.0.0.1:0", .plan = &fixture_plan, .engine = &engine, .lake_root = "/nowhere",
                                      .aws_endpoint = "http://127.0.0.1:4566", .synthetic = true, .feed_status = feed_status };
    test_ok(tl_web_open(&web, &options, &error), &error);
    *state = web;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    tl_web_close(web);
    return 0;
}

static int client_open(const char *head)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const char *port = strrchr(tl_web_address(web), ':') + 1;
    struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons((uint16_t)strtol(port, NULL, 10)),
                              .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
    assert_int_equal(connect(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(write(fd, head, strlen(head)), (ssize_t)strlen(head));
    return fd;
}

/* Reads until the text has come, or the end (text NULL), for at most five seconds. */
static bool client_read(int fd, struct tl_buf *out, const char *text)
{
    struct pollfd one = { .fd = fd, .events = POLLIN };
    for (int rounds = 0; rounds < 500; rounds++) {
        if (text && strstr(tl_buf_text(out), text))
            return true;
        char chunk[4096];
        if (poll(&one, 1, 10) <= 0)
            continue;
        ssize_t got = read(fd, chunk, sizeof chunk);
        if (got <= 0)
            return text == NULL;
        tl_buf_add(out, chunk, (size_t)got);
    }
    return false;
}

/* The whole answer to one request, head and body; extra: more header lines. */
static const char *fetch(struct tl_buf *out, const char *method, const char *path, const char *extra)
{
    char head[2048];
    snprintf(head, sizeof head, "%s %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%s\r\n", method, path, extra);
    tl_buf_init(out, 1u << 24);
    int fd = client_open(head);
    assert_true(client_read(fd, out, NULL));
    close(fd);
    return tl_buf_text(out);
}

static void assert_status(const char *answer, int status)
{
    char expected[32];
    snprintf(expected, sizeof expected, "HTTP/1.1 %d ", status);
    if (strncmp(answer, expected, strlen(expected)) != 0)
        fail_msg("not %d: %.*s", status, 60, answer);
}

static void assert_fetch(const char *method, const char *path, const char *extra, int status, const char *part)
{
    struct tl_buf out;
    const char *answer = fetch(&out, method, path, extra);
    assert_status(answer, status);
    if (part && !strstr(answer, part))
        fail_msg("no '%s' in %s", part, answer);
    tl_buf_release(&out);
}

/* ---- the tests ---- */

static void every_answer_has_the_security_headers(void **state)
{
    (void)state;
    static const struct {
        const char *method, *path;
        int status;
    } cases[] = {
        { "GET", "/", 200 },       { "GET", "/api/plan", 200 },     { "GET", "/api/status", 200 }, { "GET", "/metrics", 200 },
        { "GET", "/healthz", 200 }, { "GET", "/api/history", 400 }, { "GET", "/nothing", 404 },    { "POST", "/api/plan", 405 },
        { "DELETE", "/", 405 },    { "HEAD", "/", 200 },            { "HEAD", "/api/events", 405 },
        { "GET", "/api/history?view=x", 404 }, { "GET", "/api/history?view=avg_1min&points=0", 400 },
        { "GET", "/api/history?view=avg_1min", 200 },
    };
    for (size_t i = 0; i < TL_COUNT(cases); i++) {
        struct tl_buf out;
        const char *answer = fetch(&out, cases[i].method, cases[i].path, "");
        assert_status(answer, cases[i].status);
        assert_non_null(strstr(answer, "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
                                       "connect-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; "
                                       "form-action 'none'\r\n"));
        assert_non_null(strstr(answer, "X-Content-Type-Options: nosniff\r\n"));
        assert_non_null(strstr(answer, "Referrer-Policy: no-referrer\r\n"));
        assert_non_null(strstr(answer, "Cross-Origin-Resource-Policy: same-origin\r\n"));
        tl_buf_release(&out);
    }
}

static void pages_of_other_origins_are_refused(void **state)
{
    (void)state;
    assert_fetch("GET", "/api/status", "Origin: http://evil.example\r\n", 403, NULL);
    assert_fetch("GET", "/api/events", "Origin: null\r\n", 403, NULL);
    assert_fetch("GET", "/api/events", "Sec-Fetch-Site: cross-site\r\n", 403, NULL);
    assert_fetch("GET", "/api/status", "Sec-Fetch-Site: same-site\r\n", 403, NULL);
    assert_fetch("GET", "/api/status", "Origin: http://localhost\r\nSec-Fetch-Site: same-origin\r\n", 200, NULL);
    assert_fetch("GET", "/", "Sec-Fetch-Site: cross-site\r\n", 200, NULL); /* a link to us */
    int fd = client_open("GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n");
    struct tl_buf out;
    tl_buf_init(&out, 1u << 20);
    assert_true(client_read(fd, &out, NULL));
    assert_status(tl_buf_text(&out), 403);
    tl_buf_release(&out);
    close(fd);
}

static void assets_come_packed_unpacked_and_not_at_all(void **state)
{
    (void)state;
    struct tl_buf out;
    assert_fetch("GET", "/", "", 200, "<!doctype html>");
    assert_fetch("GET", "/", "Accept-Encoding: gzip\r\n", 200, "Content-Encoding: gzip\r\n");
    const char *answer = fetch(&out, "HEAD", "/", "");
    const char *tag = strstr(answer, "ETag: ");
    assert_non_null(tag);
    assert_null(strstr(answer, "<!doctype"));
    char extra[128];
    snprintf(extra, sizeof extra, "If-None-Match: %.*s\r\n", (int)strcspn(tag + 6, "\r"), tag + 6);
    assert_fetch("GET", "/", extra, 304, NULL);
    tl_buf_release(&out);
}

static void status_and_plan_say_what_the_page_needs(void **state)
{
    (void)state;
    assert_fetch("GET", "/api/status", "", 200, "\"ledger\":{\"received\":5,\"aggregated\":3,\"late\":1,\"malformed\":1");
    assert_fetch("GET", "/api/status", "", 200, "\"feed\":{\"sent\":12}");
    assert_fetch("GET", "/api/status", "", 200, "\"watermark\":60000,");
    assert_fetch("GET", "/api/plan", "", 200, "\"charts\":[{\"name\":\"live\",\"view\":\"avg_1min\"");
    assert_fetch("GET", "/api/plan", "", 200, "\"profile\":\"local\",\"synthetic\":true");
    assert_fetch("GET", "/metrics", "", 200, "tapeline_engine_records_total{outcome=\"late\"} 1\n");
    assert_fetch("GET", "/metrics", "", 200, "\ntapeline_engine_shard_behind_records_estimated{shard=\"");
}

static void health_follows_the_engine(void **state)
{
    (void)state;
    assert_fetch("GET", "/healthz", "", 200, "\r\nok\n");
    engine.waiting = "the disk is full";
    assert_fetch("GET", "/healthz", "", 503, "the engine waits: the disk is full");
}

static void history_joins_lake_and_engine(void **state)
{
    (void)state;
    engine_put(AVERAGE, "A", 2, 2.5, true);
    engine_put(AVERAGE, "A", 3, 3.5, false);
    assert_fetch("GET", "/api/history?view=avg_1min", "", 200, "\"lake\":\"there is no such table yet\",\"rows\":[{\"ticker\":\"A\"");
    snprintf(lake_answer, sizeof lake_answer,
             "[{\"ticker\":\"A\",\"trade_date\":\"2024-01-01\",\"window_start\":0,\"window_end\":60000,\"avg_close\":1.5}]");
    assert_fetch("GET", "/api/history?view=avg_1min", "", 200,
                 "\"lake\":null,\"rows\":[{\"ticker\":\"A\",\"trade_date\":\"2024-01-01\",\"window_start\":0,\"window_end\":60000,"
                 "\"avg_close\":1.5,\"final\":true},{\"ticker\":\"A\",\"trade_date\":\"2024-01-01\",\"window_start\":60000,"
                 "\"window_end\":120000,\"avg_close\":2.5,\"final\":true}]}");
    assert_fetch("GET", "/api/history?view=avg_1min&points=1", "", 200, "\"truncated\":true");
}

static int events_open(struct tl_buf *out, const char *extra)
{
    char head[512];
    tl_buf_init(out, 1u << 24);
    snprintf(head, sizeof head, "GET /api/events HTTP/1.1\r\nHost: localhost\r\n%s\r\n", extra);
    return client_open(head);
}

static void a_new_viewer_gets_snapshots_and_then_changes(void **state)
{
    (void)state;
    struct tl_buf out;
    engine_put(LATEST, "A", 0, 1.5, false);
    int fd = events_open(&out, "");
    assert_true(client_read(fd, &out, "event: stats\n"));
    assert_non_null(strstr(tl_buf_text(&out), "event: latest_close\n"));
    assert_non_null(strstr(tl_buf_text(&out), "\"snapshot\":true,\"rows\":[{\"ticker\":\"A\",\"latest_close\":1.5,\"final\":false}]}"));
    assert_non_null(strstr(tl_buf_text(&out), "event: avg_1min\n")); /* empty, but said */
    tl_buf_reset(&out);
    engine_put(LATEST, "A", 0, 1.75, false);
    assert_true(client_read(fd, &out, "\"rows\":[{\"ticker\":\"A\",\"latest_close\":1.75,\"final\":false}]}\n\n"));
    assert_null(strstr(tl_buf_text(&out), "snapshot"));
    close(fd);
    tl_buf_release(&out);
}

/* The last "id: " line. */
static void last_id(const struct tl_buf *out, char id[128])
{
    const char *at = NULL;
    for (const char *c = tl_buf_text(out); (c = strstr(c, "\nid: ")); c++)
        at = c + 5;
    assert_non_null(at);
    snprintf(id, 128, "%.*s", (int)strcspn(at, "\n"), at);
}

static void a_returning_viewer_gets_what_changed_meanwhile(void **state)
{
    (void)state;
    struct tl_buf out;
    char id[128], header[256];
    engine_put(LATEST, "A", 0, 1, false);
    engine_put(LATEST, "B", 0, 2, false);
    int fd = events_open(&out, "");
    assert_true(client_read(fd, &out, "event: stats\n"));
    assert_true(client_read(fd, &out, "\"feed\""));
    last_id(&out, id);
    close(fd);
    engine_put(LATEST, "B", 0, 3, false); /* twice: the newest is enough */
    engine_put(LATEST, "B", 0, 4.5, false);
    snprintf(header, sizeof header, "Last-Event-ID: %s\r\n", id);
    tl_buf_release(&out);
    fd = events_open(&out, header);
    assert_true(client_read(fd, &out, "event: stats\n"));
    assert_non_null(strstr(tl_buf_text(&out), "\"rows\":[{\"ticker\":\"B\",\"latest_close\":4.5,\"final\":false}]}"));
    assert_null(strstr(tl_buf_text(&out), "\"A\""));
    assert_null(strstr(tl_buf_text(&out), "snapshot"));
    close(fd);
    tl_buf_release(&out);
}

static void an_id_of_another_life_starts_with_a_snapshot(void **state)
{
    (void)state;
    struct tl_buf out;
    engine_put(LATEST, "A", 0, 1, false);
    int fd = events_open(&out, "Last-Event-ID: 1.ff.ff\r\n");
    assert_true(client_read(fd, &out, "\"snapshot\":true,\"rows\":[{\"ticker\":\"A\""));
    close(fd);
    tl_buf_release(&out);
}

static void a_close_ends_the_streams_of_those_who_look(void **state)
{
    struct tl_error error;
    struct tl_buf out[8];
    int fds[8];
    for (size_t i = 0; i < TL_COUNT(fds); i++) {
        fds[i] = events_open(&out[i], "");
        assert_true(client_read(fds[i], &out[i], "event: stats\n"));
    }
    tl_web_close(web);
    for (size_t i = 0; i < TL_COUNT(fds); i++) {
        assert_true(client_read(fds[i], &out[i], NULL));
        close(fds[i]);
        tl_buf_release(&out[i]);
    }
    struct tl_web_options options = { .listen = "127.0.0.1:0", .plan = &fixture_plan, .engine = &engine };
    test_ok(tl_web_open(&web, &options, &error), &error); /* for the teardown */
    *state = web;
}

#define WEB_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WEB_TEST(every_answer_has_the_security_headers),
        WEB_TEST(pages_of_other_origins_are_refused),
        WEB_TEST(assets_come_packed_unpacked_and_not_at_all),
        WEB_TEST(status_and_plan_say_what_the_page_needs),
        WEB_TEST(health_follows_the_engine),
        WEB_TEST(history_joins_lake_and_engine),
        WEB_TEST(a_new_viewer_gets_snapshots_and_then_changes),
        WEB_TEST(a_returning_viewer_gets_what_changed_meanwhile),
        WEB_TEST(an_id_of_another_life_starts_with_a_snapshot),
        WEB_TEST(a_close_ends_the_streams_of_those_who_look),
    };
    return cmocka_run_group_tests_name("web", tests, NULL, NULL);
}
