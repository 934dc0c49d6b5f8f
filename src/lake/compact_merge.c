/* SPDX-License-Identifier: Apache-2.0 */
/* DuckDB keeps what it has learned of each file it reads, some tens of KB: so many files are merged BATCH_FILES at a time into files of the
 * staging folder, and these into one. */
#include "base/io.h"
#include "lake/compact_int.h"
#include "lake/lake_scan.h"
#include "lake/store_int.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define BATCH_FILES 128

static int by_partition(const void *a, const void *b)
{
    const struct tl_compact_file *x = a, *y = b;
    int order = strcmp(x->partition, y->partition);
    return order ? order : strcmp(strrchr(x->name, '/'), strrchr(y->name, '/'));
}

void tl_compact_sort(struct tl_compact_file *files, size_t count)
{
    if (count)
        qsort(files, count, sizeof *files, by_partition);
}

size_t tl_compact_end(const struct tl_compact_file *files, size_t count, size_t begin)
{
    size_t end = begin + 1;
    while (end < count && strcmp(files[end].partition, files[begin].partition) == 0)
        end++;
    return end;
}

bool tl_compact_goes_on(const bool *cancel, struct tl_error *error)
{
    return !cancel || !__atomic_load_n(cancel, __ATOMIC_ACQUIRE) ||
           tl_error_set(error, TL_STOPPED, "the compaction was stopped; what it had merged by then holds");
}

static bool staged(const char *staging, const char *what, size_t number, char path[PATH_MAX], struct tl_error *error)
{
    return snprintf(path, PATH_MAX, "%s/compact-%s-%zu.parquet", staging, what, number) < PATH_MAX ||
           tl_error_set(error, TL_INVALID, "'%.200s' is too long a path", staging);
}

/* Adds the list of files as DuckDB can open them; of a bucket, copies of them. */
static bool add_inputs(struct tl_store *store, const struct tl_compact_file *files, size_t count, const char *staging, struct tl_dir_list *copies,
                       struct tl_buf *sql, struct tl_error *error)
{
    size_t cap = 0;
    for (size_t i = 0; i < count; i++) {
        char path[PATH_MAX];
        tl_buf_add_text(sql, i ? ", " : "");
        if (tl_store_folder(store)) {
            tl_lake_add_file(sql, store, files[i].name);
            continue;
        }
        if (!staged(staging, "in", i, path, error) || !tl_store_fetch(store, files[i].name, path, NULL, error) ||
            !tl_dir_list_add(copies, &cap, tl_view_of(path), error))
            return false;
        tl_sql_add_string(sql, tl_view_of(path));
    }
    return true;
}

/* inputs: a list as SQL has it. */
static bool copy(struct tl_duck *duck, struct tl_view inputs, const char *out, struct tl_error *error)
{
    struct tl_buf sql;
    tl_buf_init(&sql, (size_t)1 << 28);
    tl_buf_add_text(&sql, "COPY (SELECT * FROM read_parquet([");
    tl_buf_add_view(&sql, inputs);
    tl_buf_add_text(&sql, "], union_by_name = true, hive_partitioning = false)) TO ");
    tl_sql_add_string(&sql, tl_view_of(out));
    tl_buf_add_text(&sql, " (FORMAT parquet, COMPRESSION zstd)");
    bool ok = tl_buf_ok(&sql, "the list of files", error) && tl_duck_run(duck, tl_buf_text(&sql), error);
    tl_buf_release(&sql);
    return ok;
}

static bool merge_batch(struct tl_store *store, struct tl_duck *duck, const struct tl_compact_file *files, size_t count, const char *staging,
                        const char *out, struct tl_error *error)
{
    struct tl_dir_list copies = { 0 };
    struct tl_buf inputs;
    tl_buf_init(&inputs, (size_t)1 << 28);
    bool ok = add_inputs(store, files, count, staging, &copies, &inputs, error) && tl_buf_ok(&inputs, "the list of files", error) &&
              copy(duck, tl_buf_view(&inputs), out, error);
    for (size_t i = 0; i < copies.count; i++)
        tl_io->unlink(copies.names[i]);
    tl_dir_list_release(&copies);
    tl_buf_release(&inputs);
    return ok;
}

static bool merge_batches(struct tl_store *store, struct tl_duck *duck, const struct tl_compact_file *files, size_t count, const char *staging,
                          const char *out, const bool *cancel, struct tl_error *error)
{
    char path[PATH_MAX];
    struct tl_buf parts;
    size_t made = 0;
    bool ok = true;
    tl_buf_init(&parts, (size_t)1 << 26);
    for (size_t at = 0; ok && at < count; at += BATCH_FILES, made += ok) {
        size_t end = at + BATCH_FILES < count ? at + BATCH_FILES : count;
        ok = tl_compact_goes_on(cancel, error) && staged(staging, "part", made, path, error) &&
             merge_batch(store, duck, files + at, end - at, staging, path, error);
        tl_buf_add_text(&parts, at ? ", " : "");
        tl_sql_add_string(&parts, tl_view_of(path));
    }
    ok = ok && tl_buf_ok(&parts, "the list of files", error) && copy(duck, tl_buf_view(&parts), out, error);
    for (size_t i = 0; i <= made; i++) { /* one that failed in the middle, too */
        struct tl_error ignored;
        if (staged(staging, "part", i, path, &ignored))
            tl_io->unlink(path);
    }
    tl_buf_release(&parts);
    return ok;
}

bool tl_compact_merge(struct tl_store *store, struct tl_duck *duck, const struct tl_compact_file *files, size_t count, const char *name,
                      const bool *cancel, struct tl_error *error)
{
    const char *staging;
    char out[PATH_MAX];
    if (!tl_store_stage(store, &staging, error) || !staged(staging, "out", 0, out, error))
        return false;
    struct tl_store_file file = { .path = out, .name = name };
    bool ok = (count <= BATCH_FILES ? merge_batch(store, duck, files, count, staging, out, error)
                                    : merge_batches(store, duck, files, count, staging, out, cancel, error)) &&
              tl_store_publish(store, &file, 1, error);
    if (!ok) {
        tl_io->unlink(out);
        tl_error_context(error, "cannot merge %zu files into '%s/%s'", count, tl_store_root(store), name);
    }
    return ok;
}
