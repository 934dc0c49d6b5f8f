/* SPDX-License-Identifier: Apache-2.0 */
/* faces/glue_face_int.h: inside the Glue face.
 *
 *   glue_face.c        from a request to its action; names, pages
 *   glue_docs.c        tables as documents, whoever made them
 *   glue_databases.c   actions of databases
 *   glue_tables.c      actions of tables
 *   glue_partitions.c  actions of partitions
 *
 * A document: {"version", "created", "updated", "TableInput": {...}, "versions": [{"version", "updated", "TableInput"}], "partitions":
 * [{"created", "PartitionInput": {...}}]}, in the words of the client's call. */
#pragma once

#include "codec/json_copy.h"
#include "faces/glue_face.h"
#include "lake/catalog.h"

#include <pthread.h>

#define TL_GLUE_NAME_SIZE 256
#define TL_GLUE_ACCOUNT "000000000000"
#define TL_GLUE_PAGE 100
#define TL_GLUE_PAGE_MAX 1000

struct tl_glue_face {
    struct tl_aws_face *face;
    struct tl_store *lake;
    pthread_mutex_t lock; /* held over an action that changes */
};
/* One request, on a thread of the pool. */
struct tl_glue_call {
    struct tl_glue_face *glue;
    struct tl_face_job *job;
    struct tl_json request;
    struct tl_json_writer w; /* of the answer: its object is begun and ended around the action */
    struct tl_catalog catalog;
};

bool tl_glue_fail(struct tl_glue_call *c, const char *code, const char *fmt, ...) TL_PRINTF(3, 4);
/* The request's member as a name, in small letters. Fails the call. */
TL_MUST_USE bool tl_glue_name(struct tl_glue_call *c, struct tl_json from, const char *member, char out[TL_GLUE_NAME_SIZE]);

/* A page of a list: items are offered one after the other, and those of the page wanted. */
struct tl_glue_page {
    int64_t at, first, max; /* of all; the page's */
    bool more;
};
TL_MUST_USE bool tl_glue_page_begin(struct tl_glue_call *c, int64_t max_default, struct tl_glue_page *page);
bool tl_glue_page_wants(struct tl_glue_page *page); /* the next item */
void tl_glue_page_end(struct tl_glue_call *c, const struct tl_glue_page *page); /* NextToken */

/* ---- documents ---- */

struct tl_glue_doc {
    struct tl_json_parser *parser;
    struct tl_json root;
    char database[TL_GLUE_NAME_SIZE], name[TL_GLUE_NAME_SIZE];
    const struct tl_catalog_table *pipeline; /* NULL: a client's */
};
/* The table; partitions: of what pipelines write they are looked up in the lake, and left out where they are not asked for. *found false is
 * no failure. */
TL_MUST_USE bool tl_glue_doc_find(struct tl_glue_call *c, const char *database, const char *name, bool partitions, struct tl_glue_doc *out, bool *found);
/* As above; EntityNotFoundException. */
TL_MUST_USE bool tl_glue_doc_get(struct tl_glue_call *c, const char *database, const char *name, bool partitions, struct tl_glue_doc *out);
/* As above, for a change: InvalidInputException where a pipeline writes it. */
TL_MUST_USE bool tl_glue_doc_get_own(struct tl_glue_call *c, const char *database, const char *name, struct tl_glue_doc *out);
void tl_glue_doc_release(struct tl_glue_doc *doc);
/* Calls each for every table of the database (NULL: of all) by name, without partitions; false ends it and is its failure. */
TL_MUST_USE bool tl_glue_each_table(struct tl_glue_call *c, const char *database, bool (*each)(struct tl_glue_call *c, const struct tl_glue_doc *doc, void *arg),
                                    void *arg);

struct tl_glue_change {
    const struct tl_glue_doc *old; /* NULL: a new table */
    const struct tl_json *input;   /* a new TableInput; NULL: the old one */
    bool archive;                  /* the old one is kept as a version */
    void (*partitions)(struct tl_json_writer *w, const struct tl_glue_doc *old, void *arg); /* the elements; NULL: the old ones */
    void *arg;
};
/* Writes the client's document. Fails the call. */
TL_MUST_USE bool tl_glue_doc_write(struct tl_glue_call *c, const char *database, const char *name, const struct tl_glue_change *change);
TL_MUST_USE bool tl_glue_doc_remove(struct tl_glue_call *c, const char *database, const char *name);
/* The Table of answers. */
void tl_glue_write_table_output(struct tl_json_writer *w, const struct tl_glue_doc *doc, struct tl_json input, int64_t version, int64_t updated_s);

/* ---- databases ---- */

/* Whether there is such a database, made by a client (*own) or by pipelines. Fails the call where that cannot be told. */
TL_MUST_USE bool tl_glue_database_find(struct tl_glue_call *c, const char *name, bool *found, bool *own, bool *of_pipelines);
TL_MUST_USE bool tl_glue_database_need(struct tl_glue_call *c, const char *name); /* EntityNotFoundException */

typedef bool tl_glue_action(struct tl_glue_call *c);
tl_glue_action tl_glue_create_database, tl_glue_get_database, tl_glue_get_databases, tl_glue_update_database, tl_glue_delete_database;
tl_glue_action tl_glue_create_table, tl_glue_get_table, tl_glue_get_tables, tl_glue_update_table, tl_glue_delete_table, tl_glue_search_tables,
    tl_glue_get_table_versions;
tl_glue_action tl_glue_create_partition, tl_glue_get_partition, tl_glue_get_partitions, tl_glue_update_partition, tl_glue_delete_partition,
    tl_glue_batch_create_partition, tl_glue_batch_get_partition, tl_glue_batch_delete_partition;
