/* SPDX-License-Identifier: Apache-2.0 */
#include "query/scanned.h"

#include "base/io.h"

#include <duckdb.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#define DEPTH_MAX 200 /* of a plan; DuckDB's own limit of nested expressions is below it by far */

int tl_scanned_open(void)
{
    return tl_io->open("/proc/self/io", O_RDONLY, 0);
}

int64_t tl_scanned_bytes(int fd)
{
    static const char name[] = "rchar: ";
    char text[512];
    ssize_t n = fd >= 0 ? tl_io->pread(fd, text, sizeof text - 1, 0) : -1;
    if (n <= 0)
        return 0;
    text[n] = '\0';
    const char *at = strstr(text, name);
    return at ? strtoll(at + sizeof name - 1, NULL, 10) : 0;
}

bool tl_scanned_profile(struct tl_duck *duck, struct tl_error *error)
{
    return tl_duck_run(duck, "SET enable_profiling = 'no_output'; SET custom_profiling_settings = '{\"EXTRA_INFO\": \"true\"}'", error);
}

/* "... Total Files Read=12 ..." among what an operator says about itself. */
static int64_t files_of(duckdb_profiling_info node)
{
    static const char name[] = "Total Files Read";
    duckdb_value value = duckdb_profiling_info_get_value(node, "EXTRA_INFO");
    char *text = value ? duckdb_get_varchar(value) : NULL;
    const char *at = text ? strstr(text, name) : NULL;
    int64_t files = 0;
    if (at) {
        at += sizeof name - 1;
        files = strtoll(at + strcspn(at, "0123456789"), NULL, 10);
    }
    duckdb_free(text);
    duckdb_destroy_value(&value);
    return files;
}

static int64_t files_below(duckdb_profiling_info node, int depth)
{
    int64_t files = files_of(node);
    for (idx_t i = 0; depth < DEPTH_MAX && i < duckdb_profiling_info_get_child_count(node); i++)
        files += files_below(duckdb_profiling_info_get_child(node, i), depth + 1);
    return files;
}

int64_t tl_scanned_files(struct tl_duck *duck)
{
    duckdb_profiling_info root = duckdb_get_profiling_info(tl_duck_connection(duck));
    return root ? files_below(root, 0) : -1;
}
