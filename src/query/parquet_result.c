/* SPDX-License-Identifier: Apache-2.0 */
/* DuckDB pulls the rows: they are a table function to it, and COPY asks for a batch at a time. */
#include "query/parquet_result.h"

#include "base/file.h"
#include "base/io.h"
#include "lake/duck.h"
#include "lake/duck_column.h"

#include <duckdb.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define SQL_MAX ((size_t)4 << 20)
#define BATCH_BYTES ((size_t)512 << 20)

struct pull {
    struct tl_typed_reader reader;
    struct tl_rows rows;
    bool failed;
    uint64_t count;
    struct tl_error *error; /* of the reader: DuckDB passes on no more than its text */
};

static void bind(duckdb_bind_info info)
{
    struct pull *p = duckdb_bind_get_extra_info(info);
    for (size_t i = 0; i < p->reader.column_count; i++) {
        duckdb_logical_type type = duckdb_create_logical_type((duckdb_type)tl_duck_type(p->reader.columns[i].type));
        duckdb_bind_add_result_column(info, p->reader.columns[i].name, type);
        duckdb_destroy_logical_type(&type);
    }
}

static void init(duckdb_init_info info)
{
    (void)info;
}

static void pull(duckdb_function_info info, duckdb_data_chunk chunk)
{
    struct pull *p = duckdb_function_get_extra_info(info);
    bool ok = !p->failed && tl_typed_reader_next(&p->reader, &p->rows, p->error);
    for (size_t c = 0; ok && c < p->reader.column_count; c++)
        ok = tl_duck_column_fill(duckdb_data_chunk_get_vector(chunk, c), &p->rows, c, NULL, p->rows.row_count, p->error);
    if (!ok) {
        p->failed = true;
        duckdb_function_set_error(info, p->error->text);
        return;
    }
    duckdb_data_chunk_set_size(chunk, p->rows.row_count);
    p->count += p->rows.row_count;
}

static bool register_pull(struct tl_duck *duck, struct pull *p, struct tl_error *error)
{
    duckdb_table_function function = duckdb_create_table_function();
    duckdb_table_function_set_name(function, "tl_result");
    duckdb_table_function_set_extra_info(function, p, NULL);
    duckdb_table_function_set_bind(function, bind);
    duckdb_table_function_set_init(function, init);
    duckdb_table_function_set_function(function, pull);
    bool ok = duckdb_register_table_function(tl_duck_connection(duck), function) == DuckDBSuccess;
    duckdb_destroy_table_function(&function);
    return ok || tl_error_set(error, TL_NO_MEMORY, "DuckDB takes no table function");
}

static bool copy_out(struct pull *p, const char *select, const char *codec, const char *path, struct tl_error *error)
{
    struct tl_duck *duck;
    struct tl_buf sql;
    if (!tl_duck_open(&duck, error))
        return false;
    tl_buf_init(&sql, SQL_MAX);
    tl_buf_addf(&sql, "COPY (%s) TO ", select ? select : "SELECT * FROM tl_result()");
    tl_sql_add_string(&sql, tl_view_of(path));
    tl_buf_addf(&sql, " (FORMAT parquet, COMPRESSION %s)", codec ? codec : "zstd");
    bool ok = tl_buf_ok(&sql, "the columns", error) && register_pull(duck, p, error);
    if (ok && !tl_duck_run(duck, tl_buf_text(&sql), error)) {
        ok = false;
        if (p->failed)
            *error = *p->error;
    }
    tl_buf_release(&sql);
    tl_duck_close(duck);
    return ok;
}

static bool send_file(const char *path, int fd, struct tl_error *error)
{
    char block[65536];
    int file = tl_io->open(path, O_RDONLY, 0);
    if (file < 0)
        return tl_error_sys(error, errno, "cannot open '%s'", path);
    ssize_t n;
    bool ok = true, gone = false;
    while (ok && !gone && (n = tl_io->read(file, block, sizeof block)) > 0) {
        errno = 0;
        ok = tl_file_write_all(fd, block, (size_t)n, error);
        gone = !ok && errno == EPIPE; /* who read it has seen enough: as with the other formats, no failure */
        ok = ok || gone;
    }
    if (ok && !gone && n < 0)
        ok = tl_error_sys(error, errno, "cannot read '%s'", path);
    tl_io->close(file);
    return ok;
}

/* For this user alone; DuckDB writes over it. */
static bool make_private(const char *path, struct tl_error *error)
{
    int file = tl_io->open(path, O_WRONLY | O_CREAT | O_EXCL, 0600);
    if (file < 0)
        return tl_error_sys(error, errno, "cannot make '%s' (TMPDIR says where)", path);
    tl_io->close(file);
    return true;
}

static bool temporary_name(char path[PATH_MAX], struct tl_error *error)
{
    uint64_t number;
    const char *folder = getenv("TMPDIR");
    if (!tl_io->random(&number, sizeof number))
        return tl_error_set(error, TL_IO, "no random number for a temporary file's name");
    return snprintf(path, PATH_MAX, "%s/tapeline-result-%016llx.parquet", folder && *folder ? folder : "/tmp", (unsigned long long)number) < PATH_MAX ||
           tl_error_set(error, TL_INVALID, "TMPDIR is too long");
}

bool tl_parquet_result(tl_typed_read *read, void *arg, const char *select, const char *codec, int fd, uint64_t *rows, struct tl_error *error)
{
    char path[PATH_MAX];
    struct tl_error pulled = { .code = TL_CORRUPT };
    struct pull p = { .error = &pulled };
    bool ok = temporary_name(path, error) && tl_typed_reader_open(&p.reader, read, arg, error);
    if (ok && (ok = tl_rows_init(&p.rows, p.reader.columns, p.reader.column_count, BATCH_BYTES, error))) {
        ok = make_private(path, error) && copy_out(&p, select, codec, path, error) && send_file(path, fd, error);
        tl_rows_release(&p.rows);
        tl_io->unlink(path);
    }
    tl_typed_reader_release(&p.reader);
    *rows = p.count;
    return ok;
}
