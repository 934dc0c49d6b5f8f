/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/query_session.h"

#include "base/file.h"
#include "base/io.h"
#include "cli/ticker.h"
#include "lake/duck_statement.h"
#include "query/athena.h"

#include <fcntl.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

bool tl_query_format_parse(const char *text, enum tl_query_format *out)
{
    static const char *const names[] = { "table", "csv", "json", "parquet" };
    static const enum tl_query_format formats[] = { TL_QUERY_TABLE, TL_QUERY_CSV, TL_QUERY_JSON, TL_QUERY_PARQUET };
    for (size_t i = 0; i < TL_COUNT(names); i++) {
        if (strcmp(text, names[i]) == 0) {
            *out = formats[i];
            return true;
        }
    }
    return false;
}

/* Where a result goes that another process writes as it comes. On a terminal it passes through here, so that the line that says for how
 * long the query has run is away before its first row. */
struct output {
    int fd; /* for the writer */
    bool relayed;
    int from;
    pthread_t thread;
    struct tl_ticker ticker;
};

static void *relay(void *arg)
{
    struct output *o = arg;
    struct tl_error ignored;
    char block[16384];
    bool first = true, ok = true;
    for (ssize_t n; (n = tl_io->read(o->from, block, sizeof block)) > 0; first = false) {
        if (first)
            tl_ticker_stop(&o->ticker);
        ok = ok && tl_file_write_all(STDOUT_FILENO, block, (size_t)n, &ignored); /* nobody reads it: to the end, for the writer's sake */
    }
    if (first)
        tl_ticker_stop(&o->ticker);
    return NULL;
}

static void output_begin(struct output *o, const char *text)
{
    int ends[2];
    *o = (struct output){ .fd = STDOUT_FILENO };
    if (isatty(STDERR_FILENO) != 1 || pipe2(ends, O_CLOEXEC) != 0)
        return;
    o->from = ends[0];
    tl_ticker_start(&o->ticker, text);
    o->relayed = pthread_create(&o->thread, NULL, relay, o) == 0;
    if (o->relayed) {
        o->fd = ends[1];
        return;
    }
    tl_ticker_stop(&o->ticker);
    tl_io->close(ends[0]);
    tl_io->close(ends[1]);
}

/* All of the result is printed, and the line is away. Twice is fine. */
static void output_end(struct output *o)
{
    if (!o->relayed)
        return;
    o->relayed = false;
    tl_io->close(o->fd);
    pthread_join(o->thread, NULL);
    tl_io->close(o->from);
}

static void tell_cut(bool truncated, uint64_t rows)
{
    if (truncated)
        fprintf(stderr, "tapeline query: cut after %" PRIu64 " rows (see --max-rows)\n", rows);
}

static bool run_local(const struct tl_query_session *s, const char *sql, struct output *out, struct tl_error *error)
{
    struct tl_query_result result;
    struct tl_query_options query = { .lake_root = s->lake, .sql = sql, .format = s->format, .row_max = s->row_max, .timeout_ns = s->timeout_ns,
                                      .cancel = s->cancel, .output_fd = out->fd };
    if (!tl_query_run(&query, &result, error))
        return false;
    output_end(out);
    tell_cut(result.truncated, result.rows);
    tl_query_result_release(&result);
    return true;
}

/* Athena bills what it reads by the megabyte, ten at least; statements that read no data are free. */
static void tell_cost(const struct tl_athena_result *r)
{
    int64_t megabytes = (r->scanned_bytes + (1 << 20) - 1) >> 20;
    fprintf(stderr, "athena: %" PRId64 " bytes scanned (billed as %" PRId64 " MB), %.1f s, query %s\n", r->scanned_bytes,
            !r->billed ? 0 : megabytes > 10 ? megabytes : 10, (double)r->engine_ms / 1e3, r->id);
}

static bool run_athena(const struct tl_query_session *s, const char *sql, struct output *out, struct tl_error *error)
{
    struct tl_athena_result result;
    struct tl_view text = tl_duck_statement_text(sql); /* Athena takes no ';' */
    char *statement = strndup(text.data, text.size);
    struct tl_athena_options options = { .sql = statement, .workgroup = s->workgroup, .database = s->database, .results = s->results,
                                         .format = s->format, .row_max = s->row_max, .timeout_ns = s->timeout_ns, .cancel = s->cancel,
                                         .output_fd = out->fd };
    if (!statement)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    bool ok = tl_athena_run(&options, &result, error);
    free(statement);
    output_end(out);
    if (ok)
        tell_cut(result.truncated, result.rows);
    if (ok)
        tell_cost(&result);
    return ok;
}

bool tl_query_session_run(const struct tl_query_session *s, const char *sql, struct tl_error *error)
{
    struct output out;
    output_begin(&out, s->lake ? "the query runs" : "the query runs at Athena");
    bool ok = s->lake ? run_local(s, sql, &out, error) : run_athena(s, sql, &out, error);
    output_end(&out);
    return ok;
}

size_t tl_query_statement_size(const char *text)
{
    struct tl_view statement = tl_duck_statement_text(text);
    const char *end = statement.data + statement.size;
    return *end == ';' ? (size_t)(end - text) + 1 : 0;
}

bool tl_query_is_blank(const char *text)
{
    struct tl_view statement = tl_duck_statement_text(text);
    const char *end = statement.data + statement.size;
    return tl_view_trim(statement).size == 0 && (*end == '\0' || tl_query_is_blank(end + 1));
}
