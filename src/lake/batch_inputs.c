/* SPDX-License-Identifier: Apache-2.0 */
/* Prints are of bytes, not of times or sizes: a file that was written again with the same rows is the same. */
#include "lake/batch_inputs.h"

#include "base/arena.h"
#include "base/grow.h"
#include "lake/lake_scan.h"
#include "lake/partition_path.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define ARENA_MAX ((size_t)1 << 30)
#define PIECES_MAX ((size_t)1 << 20)
#define COLUMNS_MAX 16
#define INPUT_FILE_MAX ((size_t)4 << 30)

struct reader {
    struct tl_batch_inputs *in;
    struct tl_store *lake;
    const char *const *partition_by;
    size_t partition_count;
    const char *incremental_by;
    uint64_t total;
};

/* ---- a file's folders ---- */

static char hex_of(char c)
{
    return c >= '0' && c <= '9' ? (char)(c - '0') : c >= 'A' && c <= 'F' ? (char)(c - 'A' + 10) : c >= 'a' && c <= 'f' ? (char)(c - 'a' + 10) : -1;
}

/* "%3A" to ":"; NULL for a missing value. */
static const char *value_of(struct tl_arena *arena, struct tl_view escaped)
{
    char *out = tl_arena_text(arena, escaped);
    size_t size = 0;
    if (!out || tl_view_is(escaped, TL_PARTITION_NULL))
        return NULL;
    for (size_t i = 0; i < escaped.size; i++) {
        bool coded = escaped.data[i] == '%' && i + 2 < escaped.size && hex_of(escaped.data[i + 1]) >= 0 && hex_of(escaped.data[i + 2]) >= 0;
        out[size++] = coded ? (char)(hex_of(escaped.data[i + 1]) * 16 + hex_of(escaped.data[i + 2])) : escaped.data[i];
        i += coded ? 2 : 0;
    }
    out[size] = '\0';
    return out;
}

/* The value of the column in "a/ticker=AAPL/b/part.parquet". */
static bool find_value(struct tl_arena *arena, const char *file, const char *column, const char **value)
{
    struct tl_view rest = tl_view_of(file);
    while (rest.data) {
        struct tl_view escaped, name = tl_view_split(tl_view_split(rest, '/', &rest), '=', &escaped);
        if (!rest.data || !escaped.data || !tl_view_is(name, column))
            continue;
        *value = value_of(arena, escaped);
        return true;
    }
    return false;
}

static const char *folder_of(struct tl_arena *arena, const char *const *columns, const char *const *values, size_t count, const char *without)
{
    struct tl_buf out;
    tl_buf_init(&out, 1 << 20);
    for (size_t i = 0; i < count; i++) {
        if (without && strcmp(columns[i], without) == 0)
            continue;
        tl_buf_add_text(&out, out.size ? "/" : "");
        tl_partition_path_add(&out, tl_view_of(columns[i]), tl_view_of(values[i]));
    }
    const char *text = out.failed ? NULL : tl_arena_text(arena, tl_buf_view(&out));
    tl_buf_release(&out);
    return text;
}

/* ---- files to pieces ---- */

static bool hash_file(struct tl_store *lake, const char *name, uint64_t *hash, struct tl_error *error)
{
    struct tl_buf bytes;
    tl_buf_init(&bytes, INPUT_FILE_MAX);
    bool ok = tl_store_get(lake, name, &bytes, error);
    *hash = ok ? tl_view_hash(tl_buf_view(&bytes), tl_view_hash(tl_view_of(name), 0)) : 0;
    tl_buf_release(&bytes);
    return ok;
}

static struct tl_batch_piece *piece_of(struct reader *r, const char *const *values, struct tl_error *error)
{
    struct tl_batch_inputs *in = r->in;
    bool added;
    const char *folder = folder_of(in->arena, r->partition_by, values, r->partition_count, NULL);
    uint64_t *at = folder ? tl_map_put(&in->folders, tl_view_of(folder), &added) : NULL;
    if (!at || (added && !tl_grow((void **)&in->pieces, &in->cap, in->count + 1, sizeof *in->pieces, PIECES_MAX))) {
        tl_error_set(error, TL_LIMIT, "too many partitions, or memory ran out");
        return NULL;
    }
    if (!added)
        return &in->pieces[*at];
    *at = in->count++;
    struct tl_batch_piece *p = &in->pieces[*at];
    *p = (struct tl_batch_piece){ .folder = folder, .key = folder_of(in->arena, r->partition_by, values, r->partition_count, r->incremental_by) };
    const char **copy = TL_ARENA_ARRAY(in->arena, r->partition_count, const char *);
    for (size_t i = 0; copy && i < r->partition_count; i++) {
        copy[i] = values[i];
        if (strcmp(r->partition_by[i], r->incremental_by) == 0)
            p->by = values[i];
    }
    p->values = copy;
    if (copy && p->key)
        return p;
    tl_error_set(error, TL_NO_MEMORY, "out of memory");
    return NULL;
}

static bool add_file(struct reader *r, const char *name, struct tl_error *error)
{
    const char *values[COLUMNS_MAX];
    uint64_t hash;
    if (!hash_file(r->lake, name, &hash, error))
        return false;
    r->total += hash * 2 + 1; /* the order of files does not count */
    r->in->file_count++;
    if (!r->incremental_by)
        return true;
    for (size_t i = 0; i < r->partition_count; i++)
        if (!find_value(r->in->arena, name, r->partition_by[i], &values[i]))
            return tl_error_set(error, TL_INVALID,
                                "incremental_by = '%s': the input '%s' is in no folder '%s=...', so that what it changes is not known "
                                "(leave the option out to make all of the table each time)",
                                r->incremental_by, name, r->partition_by[i]);
    struct tl_batch_piece *p = piece_of(r, values, error);
    if (p)
        p->own += hash * 2 + 1;
    return p != NULL;
}

static bool add_path(void *arg, struct tl_view path, struct tl_error *error)
{
    struct reader *r = arg;
    struct tl_dir_list files;
    const char *name = tl_arena_text(r->in->arena, path);
    if (!name)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    if (!tl_lake_files(r->lake, name, &files, error))
        return false;
    bool ok = files.count > 0 || tl_error_set(error, TL_NOT_FOUND, "LAKE('%s'): the lake has no Parquet files there", name);
    for (size_t i = 0; ok && i < files.count; i++)
        ok = add_file(r, files.names[i], error);
    tl_dir_list_release(&files);
    return ok;
}

/* ---- what depends on what ---- */

static int compare_by(const char *a, const char *b)
{
    int64_t x, y;
    if (!a || !b)
        return (a != NULL) - (b != NULL);
    if (tl_view_to_i64(tl_view_of(a), &x) && tl_view_to_i64(tl_view_of(b), &y))
        return (x > y) - (x < y);
    return strcmp(a, b);
}

static int by_key(const void *a, const void *b)
{
    const struct tl_batch_piece *x = a, *y = b;
    int order = strcmp(x->key, y->key);
    order = order ? order : compare_by(x->by, y->by);
    return order ? order : strcmp(x->folder, y->folder);
}

/* Windows look back: a partition depends on its own rows and on those before it. */
static void chain_prints(struct tl_batch_inputs *in)
{
    uint64_t chain = 0;
    if (in->count)
        qsort(in->pieces, in->count, sizeof *in->pieces, by_key);
    for (size_t i = 0; i < in->count; i++) {
        struct tl_batch_piece *p = &in->pieces[i];
        if (i == 0 || strcmp(p->key, p[-1].key) != 0)
            chain = 0;
        struct tl_view bytes = { (const char *)&p->own, sizeof p->own };
        chain = tl_view_hash(bytes, tl_view_hash(tl_view_of(p->folder), chain));
        snprintf(p->print, sizeof p->print, "%016" PRIx64, chain);
        *tl_map_find(&in->folders, tl_view_of(p->folder)) = i; /* sorted, it stands elsewhere */
    }
}

bool tl_batch_inputs_read(struct tl_batch_inputs *in, struct tl_store *lake, const char *sql, const char *const *partition_by,
                          size_t partition_count, const char *incremental_by, struct tl_error *error)
{
    struct reader r = { in, lake, partition_by, partition_count, incremental_by, .total = 0 };
    *in = (struct tl_batch_inputs){ .arena = calloc(1, sizeof *in->arena) };
    if (!in->arena)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    tl_arena_init(in->arena, ARENA_MAX);
    tl_map_init(&in->folders, PIECES_MAX);
    tl_map_init(&in->stale_keys, PIECES_MAX);
    bool ok = partition_count <= COLUMNS_MAX || tl_error_set(error, TL_LIMIT, "more than %d partition columns", COLUMNS_MAX);
    ok = ok && tl_lake_paths(sql, add_path, &r, error) && tl_arena_ok(in->arena, "the names of partitions", error);
    snprintf(in->print, sizeof in->print, "%016" PRIx64, r.total);
    chain_prints(in);
    if (!ok)
        tl_batch_inputs_release(in);
    return ok;
}

void tl_batch_inputs_release(struct tl_batch_inputs *in)
{
    free(in->pieces);
    tl_map_release(&in->folders);
    tl_map_release(&in->stale_keys);
    if (in->arena)
        tl_arena_release(in->arena);
    free(in->arena);
    *in = (struct tl_batch_inputs){ .count = 0 };
}

const struct tl_batch_piece *tl_batch_inputs_piece(const struct tl_batch_inputs *in, struct tl_view folder)
{
    const uint64_t *at = tl_map_find(&in->folders, folder);
    return at ? &in->pieces[*at] : NULL;
}

bool tl_batch_inputs_mark(struct tl_batch_inputs *in, struct tl_batch_piece *piece, struct tl_error *error)
{
    bool added;
    piece->stale = true;
    return tl_map_put(&in->stale_keys, tl_view_of(piece->key), &added) || tl_error_set(error, TL_NO_MEMORY, "out of memory");
}

bool tl_batch_inputs_wants(const struct tl_batch_inputs *in, const char *file, const char *const *partition_by, size_t partition_count,
                           const char *incremental_by)
{
    const char *values[COLUMNS_MAX] = { NULL };
    for (size_t i = 0; i < partition_count; i++)
        if (!find_value(in->arena, file, partition_by[i], &values[i]))
            return true;
    const char *key = folder_of(in->arena, partition_by, values, partition_count, incremental_by);
    return !key || tl_map_find(&in->stale_keys, tl_view_of(key));
}
