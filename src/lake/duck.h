/* SPDX-License-Identifier: Apache-2.0 */
/* lake/duck.h: one DuckDB in memory, used as a Parquet writer and reader. Nothing above the lake sees DuckDB through it. */
#pragma once

#include "base/buf.h"
#include "base/error.h"
#include "base/type.h"

struct tl_duck;
/* One thread (the same rows give the same bytes), no extension is loaded from elsewhere. */
TL_MUST_USE bool tl_duck_open(struct tl_duck **out, struct tl_error *error);
void tl_duck_close(struct tl_duck *d);
/* Runs one statement; its result is dropped. Errors carry the first line of DuckDB's message. */
TL_MUST_USE bool tl_duck_run(struct tl_duck *d, const char *sql, struct tl_error *error);
/* The connection (duckdb_connection), for the files of this folder that stream data in or out. */
void *tl_duck_connection(struct tl_duck *d);
/* Adds v as an SQL string ('it''s') or an identifier ("a""b"). */
void tl_sql_add_string(struct tl_buf *out, struct tl_view v);
void tl_sql_add_name(struct tl_buf *out, struct tl_view v);
/* The type's name in DuckDB: an instant is TIMESTAMPTZ, in Parquet INT64 microseconds adjusted to UTC. */
const char *tl_sql_type(enum tl_type type);
/* TL_INVALID with the first line of DuckDB's message. Always false. */
bool tl_duck_error(struct tl_error *error, const char *message);
