/* SPDX-License-Identifier: Apache-2.0 */
/* query/query.h: SQL over the lake, in a confined child process (DESIGN section 7): memory and CPU limits, no network, a read-only view
 * of the lake; its death is one failed query. Tables are those of the embedded catalog, as database.table. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "trino/type.h"

/* PARQUET: one file, to output_fd; the columns have the pipeline language's types (lake/duck_cursor.h). The others stream as rows come. */
enum tl_query_format {
    TL_QUERY_TABLE,
    TL_QUERY_CSV,
    TL_QUERY_JSON,
    TL_QUERY_PARQUET,
    /* Of Athena's SQL only: its CSV; a plan, line by line, as such; the columns alone. */
    TL_QUERY_ATHENA,
    TL_QUERY_ATHENA_PLAN,
    TL_QUERY_ATHENA_COLUMNS,
};
/* The value of a '?': an expression (rewritten, trino/rewrite.h), or where it is none (NULL, or it has columns) the text. Text NULL: it
 * has to be an expression. */
struct tl_query_parameter {
    const char *expression, *text;
};
/* The statement is Athena's SQL, rewritten; instants of tables are TIMESTAMP without a zone, as they are in Athena. */
/* A table that is not in the lake's catalog: a view over that SELECT, which is not the client's text. */
struct tl_query_view {
    const char *database, *name, *select;
};
struct tl_query_trino {
    const char *database; /* of names without one; NULL: none */
    const struct tl_query_parameter *parameters;
    size_t parameter_count;
    const struct tl_query_view *views;
    size_t view_count;
    const char *readable;       /* a folder besides the lake that the views read; NULL: none */
    uint64_t output_max;        /* bytes of output_fd, which is a file; 0: no limit */
    const char *parquet_select; /* PARQUET: what is made of the rows: "SELECT a, CAST(b AS DATE) AS b FROM tl_result()"; NULL: as they are */
    const char *parquet_codec;  /* NULL: zstd */
};
struct tl_query_options {
    const char *lake_root; /* a folder, or "s3://bucket/prefix": what the statement reads is fetched first (lake/lake_cache.h) */
    const char *region;    /* of the bucket; NULL: by the rules of the AWS SDKs */
    const char *sql;
    enum tl_query_format format;
    uint64_t row_max;     /* 0: 1,000,000; more: cut, and said in the result's *truncated; UINT64_MAX: none */
    int64_t timeout_ns;   /* 0: 60 s; INT64_MAX: none */
    size_t memory_max;    /* 0: 2 GiB */
    const bool *cancel;
    int output_fd;        /* where the result goes (stdout for the command); -1: into *out */
    const struct tl_query_trino *trino; /* NULL: DuckDB's SQL */
};
struct tl_query_result {
    struct tl_buf out; /* initialised by the callee, released by the caller with tl_query_result_release */
    uint64_t rows;
    bool truncated;
    int64_t elapsed_ns;
    struct tl_trino_columns columns; /* of Athena's formats */
    int64_t scanned_bytes;           /* read from files while the statement ran; 0 where the system does not tell */
    int64_t scanned_files;           /* opened by its scans; -1: not known */
};
TL_MUST_USE bool tl_query_run(const struct tl_query_options *options, struct tl_query_result *result, struct tl_error *error);
void tl_query_result_release(struct tl_query_result *result);
/* The child's side: main() calls it first thing when argv[1] is "query-child"; never returns to the caller's logic: returns the exit code. */
int tl_query_child_main(int argc, char **argv);
