/* SPDX-License-Identifier: Apache-2.0 */
/* lake/client_tables.h: where the lake keeps tables that clients of its Glue API have made: a document of JSON each, in Glue's own words,
 * beside the catalog of what pipelines write. _tapeline/glue/<database>.json and _tapeline/glue/<database>/<table>.json. */
#pragma once

#include "lake/store.h"

/* The bucket by which clients of the AWS port mean the lake's folder: where their tables say that they are. */
#define TL_LAKE_BUCKET "tapeline-lake"
#define TL_CLIENT_TABLES "_tapeline/glue"
#define TL_CLIENT_DOCUMENT_MAX ((size_t)64 << 20)

/* The name of a document in the store; table {NULL, 0}: the database's own. False: the names are too long for a file. */
TL_MUST_USE bool tl_client_table_path(struct tl_view database, struct tl_view table, struct tl_buf *out);
/* All documents by their names in the store, sorted. */
TL_MUST_USE bool tl_client_tables_list(struct tl_store *store, struct tl_dir_list *out, struct tl_error *error);
/* A document's database and table, decoded; table is empty for a database's own. False: it is none. */
TL_MUST_USE bool tl_client_table_names(const char *path, struct tl_buf *database, struct tl_buf *table);
