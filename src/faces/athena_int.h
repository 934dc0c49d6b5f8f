/* SPDX-License-Identifier: Apache-2.0 */
/* faces/athena_int.h: what the files of the Athena face share.
 *
 * Threads: calls run on the faces' pool, statements on a pool of their own. The face's mutex (a leaf) guards the list of executions, their
 * fields, and what was saved by name; an execution that a thread holds is not freed (users > 0).
 * I1: an execution's state goes QUEUED, RUNNING, then one of SUCCEEDED, FAILED, CANCELLED, and stays.
 * I2: what has ended is on disk before anybody is told that it has. */
#pragma once

#include "base/work_pool.h"
#include "codec/json.h"
#include "codec/json_writer.h"
#include "faces/athena_face.h"
#include "faces/athena_statement.h"
#include "lake/catalog.h"
#include "query/query.h"

#include <pthread.h>

#define TL_ATHENA_ID_SIZE 37
#define TL_ATHENA_CATALOG "AwsDataCatalog"
#define TL_ATHENA_WORKGROUP "primary"
#define TL_ATHENA_ENGINE "Athena engine version 3"
#define TL_ATHENA_NAMES_MAX 1000 /* named queries, prepared statements */

enum tl_athena_state { TL_ATHENA_QUEUED, TL_ATHENA_RUNNING, TL_ATHENA_SUCCEEDED, TL_ATHENA_FAILED, TL_ATHENA_CANCELLED };
enum tl_athena_results { TL_ATHENA_NO_RESULTS, TL_ATHENA_CSV, TL_ATHENA_TEXT };

struct tl_athena_execution {
    char id[TL_ATHENA_ID_SIZE];
    char *sql, *database, *token;
    char *prefix;                    /* below the results' folder, "" or "a/b/" */
    char **parameters;
    size_t parameter_count;
    char type[16], substatement[40];
    enum tl_athena_state state;
    char *reason;                    /* of a failure */
    enum tl_code code;
    enum tl_athena_results results;
    char *location, *manifest;       /* "s3://..." of the result, and of UNLOAD's and CTAS' list of files */
    struct tl_trino_columns columns;
    int64_t submitted_ns, started_ns, ended_ns, scanned_bytes, result_bytes;
    int64_t updated; /* rows of a CTAS; -1: none */
    uint64_t rows;
    bool cancel;    /* atomic */
    unsigned users; /* threads that hold it outside the mutex */
    struct tl_athena_execution *newer, *older;
};

/* A named query or a prepared statement. */
struct tl_athena_saved {
    char id[TL_ATHENA_ID_SIZE]; /* of a named query */
    char *name, *description, *database, *sql, *token;
    int64_t changed_ns;
};

/* A table that a client has made. */
struct tl_athena_client {
    char *database, *name, *location, *file; /* location: "s3://.../"; file: of this machine */
    struct tl_column_def *columns;
    size_t column_count;
};

struct tl_athena_face {
    struct tl_aws_face *face;
    struct tl_work_pool *runs;
    char *folder; /* of the records */
    pthread_mutex_t mutex;
    struct tl_athena_execution *newest, *oldest;
    size_t count;
    struct tl_athena_saved queries[TL_ATHENA_NAMES_MAX], prepared[TL_ATHENA_NAMES_MAX];
    size_t query_count, prepared_count;
    struct tl_athena_client clients[TL_ATHENA_NAMES_MAX];
    size_t client_count;
    bool stopping; /* atomic */
};

/* ---- a call of the API ---- */

struct tl_athena_call {
    struct tl_athena_face *athena;
    struct tl_face_job *job;
    struct tl_json in;
    struct tl_json_writer out; /* the answer's object, open */
};
/* InvalidRequestException with AthenaErrorCode (NULL: INVALID_INPUT). Always false. */
bool tl_athena_invalid(struct tl_athena_call *call, const char *code, const char *fmt, ...) TL_PRINTF(3, 4);
bool tl_athena_fail(struct tl_athena_call *call, const char *type, const char *code, const char *fmt, ...) TL_PRINTF(4, 5);
/* What the lake or the system says. */
bool tl_athena_fail_of(struct tl_athena_call *call, const struct tl_error *error);
/* A text member; absent or empty: InvalidRequestException where it is needed, else {NULL, 0}. */
TL_MUST_USE bool tl_athena_text(struct tl_athena_call *call, const char *name, bool needed, struct tl_view *out);
/* MaxResults, in [1, most]. */
TL_MUST_USE bool tl_athena_max(struct tl_athena_call *call, int64_t most, int64_t absent, int64_t *out);
/* NextToken of lists: a number; 0 where there is none. */
TL_MUST_USE bool tl_athena_offset(struct tl_athena_call *call, size_t *out);
void tl_athena_next(struct tl_athena_call *call, size_t offset);
char *tl_athena_copy(struct tl_view v); /* NUL-terminated; NULL without memory or where v holds a NUL */
/* WorkGroup: absent or "primary". */
TL_MUST_USE bool tl_athena_workgroup(struct tl_athena_call *call);
/* CatalogName: absent or AwsDataCatalog. */
TL_MUST_USE bool tl_athena_catalog(struct tl_athena_call *call);

typedef bool tl_athena_action(struct tl_athena_call *call);
/* athena_executions.c */
tl_athena_action tl_athena_start, tl_athena_get_execution, tl_athena_batch_get_execution, tl_athena_list_executions, tl_athena_stop, tl_athena_statistics;
/* athena_pages.c */
tl_athena_action tl_athena_get_results;
/* athena_catalogs.c */
tl_athena_action tl_athena_get_workgroup, tl_athena_list_workgroups, tl_athena_get_data_catalog, tl_athena_list_data_catalogs, tl_athena_get_database,
    tl_athena_list_databases, tl_athena_get_table, tl_athena_list_tables, tl_athena_list_engines;
/* athena_saved.c */
tl_athena_action tl_athena_create_named, tl_athena_get_named, tl_athena_list_named, tl_athena_batch_get_named, tl_athena_delete_named, tl_athena_update_named,
    tl_athena_create_prepared, tl_athena_get_prepared, tl_athena_list_prepared, tl_athena_delete_prepared, tl_athena_update_prepared;

/* ---- executions (athena_store.c): all with the mutex held, but open and close ---- */

TL_MUST_USE bool tl_athena_store_open(struct tl_athena_face *a, struct tl_error *error);
void tl_athena_store_close(struct tl_athena_face *a);
struct tl_athena_execution *tl_athena_find(struct tl_athena_face *a, struct tl_view id); /* NULL: none */
/* Takes it into the list, as the newest; the oldest that nobody uses goes where there are too many, with its result. */
void tl_athena_add(struct tl_athena_face *a, struct tl_athena_execution *e);
/* Writes its record; what fails is logged: the execution goes on. */
void tl_athena_save(struct tl_athena_face *a, const struct tl_athena_execution *e);
void tl_athena_execution_free(struct tl_athena_execution *e);
/* The result's file: NULL where there is none, or no memory. */
char *tl_athena_result_path(const struct tl_athena_face *a, const struct tl_athena_execution *e, const char *ending);

/* ---- running one (athena_run.c), on a thread of the runs' pool ---- */

struct tl_athena_run {
    struct tl_athena_face *athena;
    struct tl_athena_execution *execution;
};
void tl_athena_run_one(void *run); /* frees run */
/* SHOW and DESCRIBE (athena_show.c): the text, and the columns' names. */
TL_MUST_USE bool tl_athena_show(struct tl_athena_face *a, const struct tl_athena_statement *s, const char *database, struct tl_buf *out,
                                struct tl_trino_columns *columns, uint64_t *rows, struct tl_error *error);

/* ---- a short list in a file of its own (athena_list.c) ---- */

struct tl_athena_list {
    const char *file, *what; /* in the executions' folder; in messages */
    size_t max;              /* bytes */
    void (*write)(const struct tl_athena_face *a, struct tl_json_writer *w); /* members of an open object */
    void (*read)(struct tl_athena_face *a, struct tl_json root);             /* what cannot be one is left out */
};
TL_MUST_USE bool tl_athena_list_save(const struct tl_athena_face *a, const struct tl_athena_list *list, struct tl_error *error);
/* True where there is no file, too. */
TL_MUST_USE bool tl_athena_list_load(struct tl_athena_face *a, const struct tl_athena_list *list, struct tl_error *error);
/* A member's text, copied; NULL: there is none (or no memory). */
char *tl_athena_member(struct tl_json json, const char *name);

/* ---- what is saved by name (athena_saved.c) ---- */

TL_MUST_USE bool tl_athena_saved_open(struct tl_athena_face *a, struct tl_error *error);
void tl_athena_saved_close(struct tl_athena_face *a);
/* With the mutex held. NULL: none. */
struct tl_athena_saved *tl_athena_find_prepared(struct tl_athena_face *a, const char *name);
/* Puts, or with sql NULL removes, a prepared statement. Takes the mutex. TL_NOT_FOUND, TL_LIMIT. */
TL_MUST_USE bool tl_athena_prepare(struct tl_athena_face *a, const char *name, const char *sql, struct tl_error *error);

/* ---- tables that clients have made (athena_clients.c) ---- */

TL_MUST_USE bool tl_athena_clients_open(struct tl_athena_face *a, struct tl_error *error);
void tl_athena_clients_close(struct tl_athena_face *a);
/* Puts them behind the lake's. Takes the mutex. */
TL_MUST_USE bool tl_athena_add_clients(struct tl_athena_face *a, struct tl_catalog *catalog, struct tl_error *error);
bool tl_athena_is_client(const struct tl_catalog_table *t);
/* Takes the mutex. */
TL_MUST_USE bool tl_athena_drop_client(struct tl_athena_face *a, const char *database, const char *name, bool *found, struct tl_error *error);
/* "s3://.../" */
void tl_athena_add_location(const struct tl_athena_face *a, const struct tl_catalog_table *t, struct tl_buf *out);

/* ---- the lake's catalog ---- */

/* As the lake is now, with the clients' tables. The caller closes store and releases catalog. */
TL_MUST_USE bool tl_athena_load_catalog(struct tl_athena_face *a, struct tl_store **store, struct tl_catalog *catalog, struct tl_error *error);
/* NULL: none. Names are lower case. */
const struct tl_catalog_table *tl_athena_find_table(const struct tl_catalog *catalog, struct tl_view database, struct tl_view table);
/* The database's names in order of their first tables, each once: the i-th; NULL behind the last. */
const char *tl_athena_database_at(const struct tl_catalog *catalog, size_t i);
