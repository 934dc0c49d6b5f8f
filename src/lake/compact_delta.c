/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "base/io.h"
#include "base/map.h"
#include "base/time.h"
#include "codec/json_writer.h"
#include "lake/compact_int.h"
#include "lake/delta_log.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define TRIES 50
#define NAMES_MAX ((size_t)1 << 24)

static void add_remove(const struct tl_delta_file *f, struct tl_buf *out)
{
    struct tl_json_writer w;
    tl_buf_add_text(out, "{\"remove\":");
    tl_json_writer_init(&w, out);
    tl_json_begin_object(&w);
    tl_json_member_text(&w, "path", f->path);
    tl_json_member_i64(&w, "deletionTimestamp", tl_io->wall_ns() / TL_NS_PER_MS);
    tl_json_member_bool(&w, "dataChange", false);
    tl_json_member_bool(&w, "extendedFileMetadata", true);
    tl_json_key(&w, "partitionValues");
    tl_json_write_raw(&w, tl_view_of(f->partition_values));
    tl_json_member_i64(&w, "size", f->size);
    tl_json_end_object(&w);
    tl_buf_add_text(out, "}\n");
}

/* path: as the log has it: the folder of one that is merged, and the new leaf, which needs no escapes. */
static void add_add(const struct tl_delta_file *of, const char *leaf, int64_t size, struct tl_buf *out)
{
    struct tl_json_writer w;
    struct tl_buf path;
    const char *slash = strrchr(of->path, '/');
    tl_buf_init(&path, 1 << 16);
    tl_buf_addf(&path, "%.*s%s", slash ? (int)(slash + 1 - of->path) : 0, of->path, leaf);
    tl_buf_add_text(out, "{\"add\":");
    tl_json_writer_init(&w, out);
    tl_json_begin_object(&w);
    tl_json_member_string(&w, "path", tl_buf_view(&path));
    tl_json_key(&w, "partitionValues");
    tl_json_write_raw(&w, tl_view_of(of->partition_values));
    tl_json_member_i64(&w, "size", size);
    tl_json_member_i64(&w, "modificationTime", tl_io->wall_ns() / TL_NS_PER_MS);
    tl_json_member_bool(&w, "dataChange", false);
    tl_json_end_object(&w);
    tl_buf_add_text(out, "}\n");
    out->failed = out->failed || path.failed;
    tl_buf_release(&path);
}

struct job {
    struct tl_store *store;
    struct tl_duck *duck;
    const char *path;
    const struct tl_delta_files *live;
    struct tl_compact_file *files;
    size_t count;
    const bool *cancel;
};

static bool merge_partition(struct job *j, size_t begin, size_t end, struct tl_buf *actions, struct tl_error *error)
{
    uint64_t random;
    char leaf[80];
    struct tl_store_info info;
    struct tl_buf name;
    if (!tl_io->random(&random, sizeof random))
        return tl_error_set(error, TL_IO, "no random numbers from the system");
    snprintf(leaf, sizeof leaf, "part-%020d-merged-%016" PRIx64 ".parquet", 0, random);
    tl_buf_init(&name, 4096);
    tl_buf_addf(&name, "%s/%s%s", j->path, j->files[begin].partition, leaf);
    bool ok = tl_buf_ok(&name, "a file's name", error) &&
              tl_compact_merge(j->store, j->duck, j->files + begin, end - begin, tl_buf_text(&name), j->cancel, error) &&
              tl_store_head(j->store, tl_buf_text(&name), &info, error);
    tl_buf_release(&name);
    for (size_t i = begin; ok && i < end; i++)
        add_remove(&j->live->items[j->files[i].index], actions);
    if (ok)
        add_add(&j->live->items[j->files[begin].index], leaf, info.size, actions);
    return ok && tl_buf_ok(actions, "a commit of a Delta table", error);
}

static bool is_live(const struct tl_delta_files *live, const char *name)
{
    for (size_t i = 0; i < live->count; i++)
        if (strcmp(live->items[i].name, name) == 0)
            return true;
    return false;
}

/* Epochs that were committed meanwhile only add: what is removed here must be there still. */
static bool still_there(const struct job *j, size_t begin, size_t end, struct tl_error *error)
{
    struct tl_delta_files now;
    if (!tl_delta_live(j->store, j->duck, j->path, &now, error))
        return false;
    bool ok = true;
    for (size_t i = begin; ok && i < end; i++)
        ok = is_live(&now, j->files[i].name) ||
             tl_error_set(error, TL_CONFLICT, "another compaction of the Delta table '%s/%s' was first: nothing was changed", tl_store_root(j->store), j->path);
    tl_delta_files_release(&now);
    return ok;
}

static bool commit(const struct job *j, size_t begin, size_t end, struct tl_view actions, struct tl_error *error)
{
    static const struct tl_delta_options none = { .app_id = "" };
    struct tl_delta_options options = none;
    options.path = j->path;
    for (unsigned try = 0; try < TRIES; try++) {
        struct tl_delta_log *log;
        bool done;
        if (!tl_delta_log_open(&log, j->store, j->duck, &options, error))
            return false;
        bool ok = still_there(j, begin, end, error) && tl_delta_log_commit(log, 0, actions, &done, error);
        bool again = !ok && error->code == TL_CONFLICT && strstr(error->text, "exists already");
        tl_delta_log_close(log);
        if (!again)
            return ok;
    }
    return false;
}

/* Adds the names of what the newest version has, and of what was removed since then. */
static bool index_needed(const struct job *j, int64_t since_ms, struct tl_map *known, struct tl_error *error)
{
    struct tl_delta_files of[2] = { { 0 }, { 0 } };
    bool added, ok = tl_delta_live(j->store, j->duck, j->path, &of[0], error) &&
                     tl_delta_removed(j->store, j->duck, j->path, since_ms, &of[1], error);
    for (size_t k = 0; k < 2; k++) {
        for (size_t i = 0; ok && i < of[k].count; i++)
            ok = tl_map_put(known, tl_view_of(of[k].items[i].name), &added) || tl_error_set(error, TL_NO_MEMORY, "no memory for the names of files");
        tl_delta_files_release(&of[k]);
    }
    return ok;
}

static bool is_data(const struct job *j, const char *name)
{
    const char *behind = name + strlen(j->path) + 1;
    return behind[0] != '_' && behind[0] != '.' && tl_view_ends_with(tl_view_of(name), TL_VIEW(".parquet"));
}

/* How long a removed file stays, for readers of older versions and commits under way: the table says. */
static bool find_age(const struct job *j, int64_t keep_ns, int64_t *age_ns, struct tl_error *error)
{
    struct tl_delta_options options = { .app_id = "", .path = j->path };
    struct tl_delta_log *log;
    struct tl_delta_retention keep;
    if (!tl_delta_log_open(&log, j->store, j->duck, &options, error))
        return false;
    tl_delta_log_retention(log, &keep);
    tl_delta_log_close(log);
    *age_ns = keep.removed_ms > INT64_MAX / TL_NS_PER_MS ? INT64_MAX : keep.removed_ms * TL_NS_PER_MS;
    *age_ns = keep_ns > *age_ns ? keep_ns : *age_ns;
    return true;
}

/* Files that the newest version does not have, that were not removed lately, and that are older than any commit under way may be. */
static bool vacuum(const struct job *j, int64_t keep_ns, struct tl_compact_stats *stats, struct tl_error *error)
{
    struct tl_store_entries entries;
    struct tl_map known;
    int64_t age, now = tl_io->wall_ns();
    size_t count = 0;
    if (!find_age(j, keep_ns, &age, error))
        return false;
    if (age > now || !tl_store_walk(j->store, j->path, &entries, error))
        return age > now;
    tl_map_init(&known, NAMES_MAX);
    const char **names = calloc(entries.count + 1, sizeof *names);
    bool ok = names ? index_needed(j, (now - age) / TL_NS_PER_MS, &known, error) : tl_error_set(error, TL_NO_MEMORY, "out of memory");
    for (size_t i = 0; ok && i < entries.count; i++) {
        const struct tl_store_entry *e = &entries.items[i];
        if (is_data(j, e->name) && !tl_map_find(&known, tl_view_of(e->name)) && now - e->info.modified_ns >= age)
            names[count++] = e->name;
    }
    ok = ok && tl_store_delete_many(j->store, names, count, error);
    stats->deleted += ok ? count : 0;
    free(names);
    tl_map_release(&known);
    tl_store_entries_release(&entries);
    return ok;
}

bool tl_compact_delta(struct tl_store *store, struct tl_duck *duck, const char *path, const struct tl_compact_options *options,
                      struct tl_compact_stats *stats, struct tl_error *error)
{
    struct tl_delta_files live;
    struct tl_arena arena;
    size_t skip = strlen(path) + 1, partitions = 0;
    if (!tl_delta_live(store, duck, path, &live, error))
        return false;
    struct job j = { .store = store, .duck = duck, .path = path, .live = &live, .files = calloc(live.count + 1, sizeof *j.files), .cancel = options->cancel };
    tl_arena_init(&arena, (size_t)1 << 30);
    for (size_t i = 0; j.files && i < live.count; i++) {
        const char *name = live.items[i].name, *slash = strrchr(name, '/');
        if (live.items[i].size < TL_COMPACT_SMALL)
            j.files[j.count++] = (struct tl_compact_file){
                .name = name,
                .partition = tl_arena_text(&arena, (struct tl_view){ name + skip, (size_t)(slash + 1 - name) - skip }),
                .size = live.items[i].size,
                .index = i,
            };
    }
    bool ok = j.files ? tl_arena_ok(&arena, "the names of files", error) : tl_error_set(error, TL_NO_MEMORY, "out of memory");
    if (ok)
        tl_compact_sort(j.files, j.count);
    for (size_t begin = 0; ok && begin < j.count; begin = tl_compact_end(j.files, j.count, begin))
        partitions++;
    for (size_t begin = 0, end; ok && begin < j.count; begin = end) {
        struct tl_buf actions;
        end = tl_compact_end(j.files, j.count, begin);
        stats->partitions++;
        if (end - begin < options->min_files)
            continue;
        if (options->progress)
            options->progress(options->progress_arg, stats, partitions);
        tl_buf_init(&actions, (size_t)1 << 30);
        ok = tl_compact_goes_on(options->cancel, error) && merge_partition(&j, begin, end, &actions, error) && commit(&j, begin, end, tl_buf_view(&actions), error);
        tl_buf_release(&actions);
        stats->merged += ok ? end - begin : 0;
        stats->into += ok;
    }
    ok = ok && vacuum(&j, options->keep_ns, stats, error);
    free(j.files);
    tl_arena_release(&arena);
    tl_delta_files_release(&live);
    return ok;
}
