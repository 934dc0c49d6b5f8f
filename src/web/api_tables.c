/* SPDX-License-Identifier: Apache-2.0 */
/* GET /api/tables: the tables of the lake's catalog, what the files that readers take come to, by partition, and how compaction stands. */
#include "base/map.h"
#include "base/time.h"
#include "codec/json_writer.h"
#include "lake/catalog.h"
#include "lake/compact.h"
#include "lake/delta_log.h"
#include "lake/lake_scan.h"
#include "lake/merged.h"
#include "web/api.h"

#include <stdlib.h>

#define OUT_MAX (16u << 20)
#define FOLDERS_MAX ((size_t)1 << 24)
#define PARTITIONS_MAX 200 /* listed one by one; the sums are of all */

struct part { /* the live files of one partition */
    struct tl_view folder;
    uint64_t files, bytes;
};
struct sums {
    uint64_t files, bytes;
    int64_t newest_ms;
    struct tl_map folders; /* a partition's folder -> its place among all */
    struct part parts[PARTITIONS_MAX];
};

/* False: out of memory. */
static bool add_file(struct sums *s, const struct tl_store_entry *entry, size_t skip)
{
    bool added;
    struct tl_view folder = tl_merged_partition(entry->name + skip);
    uint64_t *place = tl_map_put(&s->folders, folder, &added);
    int64_t at = tl_floor_div(entry->info.modified_ns, TL_NS_PER_MS);
    if (!place)
        return false;
    if (added)
        *place = s->folders.count - 1;
    if (added && *place < PARTITIONS_MAX)
        s->parts[*place] = (struct part){ .folder = { folder.data, folder.size ? folder.size - 1 : 0 } }; /* without its last slash */
    if (*place < PARTITIONS_MAX) {
        s->parts[*place].files++;
        s->parts[*place].bytes += (uint64_t)entry->info.size;
    }
    s->files++;
    s->bytes += (uint64_t)entry->info.size;
    s->newest_ms = at > s->newest_ms ? at : s->newest_ms;
    return true;
}

/* Those that readers take; both lists are sorted. */
static bool add_live(struct sums *s, const struct tl_store_entries *entries, const struct tl_dir_list *live, size_t skip, struct tl_error *error)
{
    bool ok = true;
    for (size_t i = 0, e = 0; ok && i < live->count; i++) {
        while (e < entries->count && strcmp(entries->items[e].name, live->names[i]) < 0)
            e++;
        if (e < entries->count && strcmp(entries->items[e].name, live->names[i]) == 0)
            ok = add_file(s, &entries->items[e], skip);
    }
    return ok || tl_error_set(error, TL_NO_MEMORY, "out of memory for the lake's tables");
}

static void parts_write(const struct sums *s, struct tl_json_writer *w)
{
    tl_json_key(w, "list");
    tl_json_begin_array(w);
    for (size_t i = 0; i < s->folders.count && i < PARTITIONS_MAX; i++) {
        tl_json_begin_object(w);
        tl_json_member_string(w, "name", s->parts[i].folder);
        tl_json_member_i64(w, "files", (int64_t)s->parts[i].files);
        tl_json_member_i64(w, "bytes", (int64_t)s->parts[i].bytes);
        tl_json_end_object(w);
    }
    tl_json_end_array(w);
}

/* How often the engine compacts the table at this path; 0: it does not. */
static int64_t compact_every_ms(const struct tl_plan *plan, const char *path)
{
    for (size_t i = 0; i < plan->sink_count; i++)
        if (strcmp(plan->sinks[i].path, path) == 0)
            return plan->sinks[i].compact_ns / TL_NS_PER_MS;
    return 0;
}

static void compaction_write(const struct tl_compact_outlook *c, struct tl_json_writer *w)
{
    tl_json_key(w, "compaction");
    tl_json_begin_object(w);
    tl_json_member_i64(w, "small", (int64_t)c->small);
    tl_json_member_i64(w, "files", (int64_t)c->files);
    tl_json_member_i64(w, "partitions", (int64_t)c->partitions);
    tl_json_member_i64(w, "merged", (int64_t)c->merged);
    tl_json_member_i64(w, "waiting", (int64_t)c->waiting);
    tl_json_key(w, "last");
    if (c->last_ms)
        tl_json_write_i64(w, c->last_ms);
    else
        tl_json_write_null(w);
    tl_json_end_object(w);
}

static bool live_files(struct tl_store *store, const struct tl_catalog_table *table, struct tl_dir_list *out, struct tl_error *error)
{
    return tl_sink_format_is_text(table->format) ? tl_lake_table_files(store, table, out, error) : tl_lake_live(NULL, store, table->path, out, error);
}

static void table_write(const struct tl_catalog_table *table, const struct sums *s, const struct tl_compact_outlook *c, bool delta,
                        int64_t every_ms, struct tl_json_writer *w)
{
    struct tl_buf name;
    tl_buf_init(&name, 1u << 16);
    tl_buf_addf(&name, "%s.%s", table->database, table->name);
    tl_json_begin_object(w);
    tl_json_member_string(w, "name", tl_buf_view(&name));
    tl_json_member_text(w, "path", table->path);
    tl_json_member_text(w, "format", delta ? "delta" : tl_sink_format_name(table->format));
    tl_json_member_bool(w, "synthetic", table->synthetic);
    tl_catalog_write_shape(w, table);
    tl_json_member_i64(w, "partitions", (int64_t)s->folders.count);
    tl_json_member_i64(w, "files", (int64_t)s->files);
    tl_json_member_i64(w, "bytes", (int64_t)s->bytes);
    tl_json_key(w, "newest");
    if (s->files)
        tl_json_write_i64(w, s->newest_ms);
    else
        tl_json_write_null(w);
    tl_json_member_i64(w, "compact_every_ms", every_ms);
    compaction_write(c, w);
    parts_write(s, w);
    tl_json_end_object(w);
    tl_buf_release(&name);
}

static bool table_add(struct tl_store *store, const struct tl_plan *plan, const struct tl_catalog_table *table, struct sums *s,
                      struct tl_json_writer *w, struct tl_error *error)
{
    struct tl_store_entries entries = { 0 };
    struct tl_dir_list live = { 0 };
    struct tl_compact_outlook outlook;
    bool delta;
    *s = (struct sums){ .files = 0 };
    tl_map_init(&s->folders, FOLDERS_MAX);
    /* The log before the files: what it names is there, whatever is committed meanwhile. */
    bool ok = tl_delta_exists(store, table->path, &delta, error) && live_files(store, table, &live, error) &&
              tl_store_walk(store, table->path, &entries, error) && add_live(s, &entries, &live, strlen(table->path) + 1, error) &&
              tl_compact_look(store, table->path, &entries, &live, delta, TL_COMPACT_MIN_FILES, &outlook, error);
    if (ok)
        table_write(table, s, &outlook, delta, compact_every_ms(plan, table->path), w);
    tl_map_release(&s->folders);
    tl_dir_list_release(&live);
    tl_store_entries_release(&entries);
    return ok;
}

static bool tables_write(struct tl_store *store, const struct tl_catalog *catalog, struct tl_web_job *job, struct tl_error *error)
{
    struct tl_json_writer w;
    struct sums *sums = malloc(sizeof *sums);
    if (!sums)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for the lake's tables");
    tl_json_writer_init(&w, &job->out);
    tl_json_begin_object(&w);
    tl_json_key(&w, "tables");
    tl_json_begin_array(&w);
    bool ok = true;
    for (size_t i = 0; ok && i < catalog->count; i++)
        ok = table_add(store, job->web->options.plan, &catalog->tables[i], sums, &w, error);
    tl_json_end_array(&w);
    tl_json_end_object(&w);
    free(sums);
    return ok;
}

static bool run(struct tl_web_job *job, struct tl_error *error)
{
    struct tl_store *store;
    struct tl_catalog catalog;
    if (!job->web->options.lake_root)
        return tl_error_set(error, TL_NOT_FOUND, "this pipeline has no lake");
    if (!tl_store_open(&store, job->web->options.lake_root, error))
        return false;
    bool ok = tl_catalog_load(store, &catalog, error);
    if (ok) {
        ok = tables_write(store, &catalog, job, error);
        tl_catalog_release(&catalog);
    }
    tl_store_close(store);
    return ok;
}

void tl_web_get_tables(struct tl_web *w, struct tl_http_exchange *x)
{
    tl_web_jobs_add(w->jobs, (struct tl_web_job){ .run = run, .web = w, .x = x }, NULL, 0, OUT_MAX);
}
