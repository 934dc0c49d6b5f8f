/* SPDX-License-Identifier: Apache-2.0 */
/* engine_case.h: runs of the engine in tests, and the rows they left in the lake, as sorted text. */
#pragma once

#include "support.h"

#include "engine/engine.h"
#include "lake/history.h"
#include "reference_plan.h"

#include <pthread.h>

/* "timestamp" as a minute of 2025-09-27 from 12:00, and seconds in it. */
static inline void tick_text(char out[256], const char *ticker, int64_t ns, double close, const char *date)
{
    char stamp[TL_TIME_TEXT_MAX];
    tl_time_format(ns, TL_TIME_ISO_US, stamp);
    int size =
        snprintf(out, 256, "{\"ticker\":\"%s\",\"timestamp\":\"%s\",\"close\":%.4f", ticker, stamp, close);
    if (date)
        snprintf(out + size, 256 - (size_t)size, ",\"date\":\"%s\"}", date);
    else
        snprintf(out + size, 256 - (size_t)size, "}");
}

static inline void write_file(const char *dir, const char *name, const char *text)
{
    char path[4096];
    struct tl_error error;
    snprintf(path, sizeof path, "%s/%s", dir, name);
    test_ok(tl_file_write_atomic(path, tl_view_of(text), &error), &error);
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The rows of a SELECT over the lake, one a line, sorted. "" when the table has no file yet. free() it. */
static inline char *lake_rows(const char *lake, const char *path, const char *columns)
{
    char sql[1024], folder[4096], *lines[100000];
    size_t count = 0;
    snprintf(folder, sizeof folder, "%s/%s", lake, path);
    if (!tl_file_exists(folder))
        return strdup("");
    snprintf(sql, sizeof sql, "SELECT %s FROM LAKE('%s')", columns, path);
    struct tl_history *h;
    struct tl_rows rows;
    struct tl_error error;
    test_ok(tl_history_open(&h, lake, sql, &error), &error);
    test_ok(tl_history_rows_init(h, &rows, &error), &error);
    for (bool done = false; !done;) {
        test_ok(tl_history_next(h, &rows, &done, &error), &error);
        for (size_t row = 0; row < rows.row_count; row++) {
            struct tl_buf line;
            tl_buf_init(&line, 1 << 20);
            for (size_t c = 0; c < rows.column_count; c++) {
                tl_buf_add_text(&line, c ? "," : "");
                tl_rows_cell_to_csv(&rows, row, c, &line);
            }
            tl_buf_add_char(&line, '\n');
            assert_true(count < TL_COUNT(lines));
            size_t size;
            lines[count++] = tl_buf_take(&line, &size);
        }
    }
    tl_rows_release(&rows);
    tl_history_close(h);
    qsort(lines, count, sizeof lines[0], compare_lines);
    struct tl_buf all;
    tl_buf_init(&all, 64u << 20);
    for (size_t i = 0; i < count; i++) {
        tl_buf_add_text(&all, lines[i]);
        free(lines[i]);
    }
    char *text = strdup(tl_buf_text(&all));
    tl_buf_release(&all);
    return text;
}

static inline char *lake_windows(const char *lake)
{
    return lake_rows(lake, "streaming/avg_1min",
                     "ticker, trade_date, window_start, window_end, avg_close, last_close");
}

static inline char *lake_late(const char *lake)
{
    return lake_rows(lake, "dead_letter/stock_stream/avg_1min_late",
                     "shard, sequence_number, ticker, event_time");
}

static inline char *lake_malformed(const char *lake)
{
    return lake_rows(lake, "dead_letter/stock_stream/ticks_malformed",
                     "shard, sequence_number, reason, data, encoding");
}

static inline void assert_same_text(char *got, char *expected)
{
    if (strcmp(got, expected) != 0)
        fail_msg("got\n%s\nexpected\n%s", got, expected);
    free(got);
    free(expected);
}
