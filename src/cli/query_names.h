/* SPDX-License-Identifier: Apache-2.0 */
/* cli/query_names.h: what the prompt of 'tapeline query' knows of the lake: names to complete, and what .tables and .schema print. */
#pragma once

#include "lake/catalog.h"

struct tl_query_names {
    char **items; /* sorted, each once: tables as database.table, columns, words of SQL, the prompt's commands */
    size_t count, cap;
};
/* lake NULL: words and commands alone. A lake whose catalog cannot be read has no names. */
TL_MUST_USE bool tl_query_names_load(struct tl_query_names *names, const char *lake, struct tl_error *error);
void tl_query_names_release(struct tl_query_names *names);
/* Those that begin with word (ASCII case ignored), or whose part behind the dot does; of "t.cl", which is no table, the columns "t.close". At
 * most max are put into out (each the caller's to free); the number of all. */
size_t tl_query_names_match(const struct tl_query_names *names, struct tl_view word, char **out, size_t max);

/* On stdout: "database.table  path"; with its columns where table is named or verbose. False, and an error, when there is no such table. */
TL_MUST_USE bool tl_query_tables_print(const char *lake, const char *table, bool verbose, struct tl_error *error);
