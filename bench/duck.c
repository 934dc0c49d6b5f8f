/* SPDX-License-Identifier: Apache-2.0 */
/* bench/duck.c: the yardstick: DuckDB over the same files, as batch SQL: duck THREADS SQL. Prints the number of rows; time and memory
 * are measured from outside, as those of tapeline are. */
#include <duckdb.h>

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    duckdb_config config;
    duckdb_database db;
    duckdb_connection connection;
    duckdb_result result;
    char *error = NULL;
    if (argc != 3) {
        fputs("usage: duck THREADS SQL\n", stderr);
        return 2;
    }
    if (duckdb_create_config(&config) != DuckDBSuccess ||
        duckdb_set_config(config, "threads", argv[1]) != DuckDBSuccess ||
        duckdb_open_ext(NULL, &db, config, &error) != DuckDBSuccess ||
        duckdb_connect(db, &connection) != DuckDBSuccess) {
        fprintf(stderr, "duck: %s\n", error ? error : "cannot open");
        return 1;
    }
    if (duckdb_query(connection, argv[2], &result) != DuckDBSuccess) {
        fprintf(stderr, "duck: %s\n", duckdb_result_error(&result));
        return 1;
    }
    printf("%llu\n", (unsigned long long)duckdb_row_count(&result));
    duckdb_destroy_result(&result);
    duckdb_disconnect(&connection);
    duckdb_close(&db);
    duckdb_destroy_config(&config);
    return 0;
}
