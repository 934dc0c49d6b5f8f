/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that list a table's folders cannot be told of a list, so they are turned to a merged file by what is atomic for them: in a folder,
 * the exchange of two folders' names; with Glue, the partition's place.
 *
 * The exchange. A new folder is made in the staging folder, of hard links: to the merged file, and to every file of the partition that is not
 * replaced. Then, with the table's lock held, links to what has come meanwhile are added, and both folders change names. A listing sees
 * the old folder or the new one. The old one lies in _merged/.gone until the next compaction, for a listing that had begun. */
#include "base/io.h"
#include "base/log.h"
#include "base/map.h"
#include "base/time.h"
#include "lake/compact_int.h"
#include "lake/table_lock.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define DELETE_AT_ONCE 1000
#define NAMES_MAX ((size_t)1 << 24)
#define ORPHAN_NS (60 * 60 * TL_NS_PER_S) /* beyond keep_ns: what another compaction has put may be about to be listed */
#define GONE "_merged/.gone"

static int64_t now_ms(void)
{
    return tl_io->wall_ns() / TL_NS_PER_MS;
}

static bool is_due(const struct tl_compact_job *j, int64_t since_ms)
{
    return now_ms() - since_ms >= j->o->keep_ns / TL_NS_PER_MS;
}

/* ---- closed partitions ---- */

/* "2025-09-27", "2025-09", "2025-09-27-14"; of a column 'year' "2025". */
static bool is_time(struct tl_view name, struct tl_view value)
{
    static const char shape[] = "dddd-dd-dd-dd";
    bool fits = value.size == 7 || value.size == 10 || value.size == 13 || (value.size == 4 && tl_view_is(name, "year"));
    for (size_t i = 0; fits && i < value.size; i++)
        fits = shape[i] == 'd' ? isdigit((unsigned char)value.data[i]) != 0 : value.data[i] == shape[i];
    return fits;
}

/* The last one of a partition's values that is a time; data NULL: none. */
static struct tl_view time_of(const char *partition)
{
    struct tl_view rest = tl_view_of(partition), found = { NULL, 0 };
    while (rest.data) {
        struct tl_view value, name = tl_view_split(tl_view_split(rest, '/', &rest), '=', &value);
        if (value.data && is_time(name, value))
            found = value;
    }
    return found;
}

bool tl_compact_is_closed(const struct tl_compact_job *j, const struct tl_compact_file *files, size_t count, size_t begin, size_t end)
{
    struct tl_view time = time_of(files[begin].partition);
    bool later = false;
    for (size_t i = begin; i < end; i++)
        if (files[i].held || tl_io->wall_ns() - files[i].modified_ns < j->o->keep_ns)
            return false;
    for (size_t i = 0; time.data && !later && i < count; i++) {
        struct tl_view other = time_of(files[i].partition);
        later = other.data && other.size == time.size && tl_view_cmp(other, time) > 0;
    }
    return later;
}

/* ---- the exchange ---- */

struct swap {
    struct tl_compact_job *j;
    const struct tl_merged_file *f;
    char plain[PATH_MAX], fresh[PATH_MAX]; /* the partition's folder, and the one to take its place */
    struct tl_map replaced;                /* names in the partition's folder */
    bool cannot;                           /* there is something else in the folder, or the file system exchanges none */
};

static bool fits(int size, const char *path, struct tl_error *error)
{
    return (size >= 0 && size < PATH_MAX) || tl_error_set(error, TL_INVALID, "'%.200s' is too long a path", path);
}

static bool find_places(struct swap *s, struct tl_error *error)
{
    const char *root = tl_store_root(s->j->store), *staging;
    struct tl_view partition = tl_merged_partition(s->f->file);
    uint64_t random;
    if (!tl_io->random(&random, sizeof random))
        return tl_error_set(error, TL_IO, "no random numbers from the system");
    if (!tl_store_stage(s->j->store, &staging, error))
        return false;
    partition.size -= partition.size ? 1 : 0;
    return fits(snprintf(s->plain, PATH_MAX, "%s/%s%s%.*s", root, s->j->path, partition.size ? "/" : "", TL_VIEW_ARG(partition)), root, error) &&
           fits(snprintf(s->fresh, PATH_MAX, "%s/swap-%016" PRIx64, staging, random), staging, error);
}

static bool index_replaced(struct swap *s, struct tl_error *error)
{
    struct tl_view partition = tl_merged_partition(s->f->file);
    bool added;
    for (size_t i = 0; i < s->f->replaced_count; i++) {
        struct tl_view name = tl_view_of(s->f->replaced[i]);
        if (tl_merged_is_of(name.data) || !tl_view_starts_with(name, partition))
            continue;
        name = (struct tl_view){ name.data + partition.size, name.size - partition.size };
        if (!tl_map_put(&s->replaced, name, &added))
            return tl_error_set(error, TL_NO_MEMORY, "no memory for the names of replaced files");
    }
    return true;
}

/* Again: the same link is there already. */
static bool add_link(struct swap *s, const char *from, const char *leaf, struct tl_error *error)
{
    char to[PATH_MAX];
    if (!fits(snprintf(to, sizeof to, "%s/%s", s->fresh, leaf), s->fresh, error))
        return false;
    if (tl_io->link(from, to) == 0 || errno == EEXIST)
        return true;
    s->cannot = errno == EPERM || errno == EMLINK || errno == ENOTSUP; /* a folder among the files; no hard links here */
    return s->cannot || tl_error_sys(error, errno, "cannot link '%s' to '%s'", from, to);
}

static bool link_kept(struct swap *s, struct tl_error *error)
{
    struct tl_dir_list names;
    char from[PATH_MAX];
    if (!tl_dir_list(s->plain, &names, error))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && !s->cannot && i < names.count; i++) {
        if (strcmp(names.names[i], "_merged") == 0 || tl_map_find(&s->replaced, tl_view_of(names.names[i])))
            continue;
        ok = fits(snprintf(from, sizeof from, "%s/%s", s->plain, names.names[i]), s->plain, error) && add_link(s, from, names.names[i], error);
    }
    tl_dir_list_release(&names);
    return ok;
}

static bool link_merged(struct swap *s, struct tl_error *error)
{
    char from[PATH_MAX];
    return fits(snprintf(from, sizeof from, "%s/%s/%s", tl_store_root(s->j->store), s->j->path, s->f->file), s->f->file, error) &&
           add_link(s, from, strrchr(s->f->file, '/') + 1, error);
}

static bool sync_parent(const char *path, struct tl_error *error)
{
    char parent[PATH_MAX];
    snprintf(parent, sizeof parent, "%s", path);
    *strrchr(parent, '/') = '\0';
    return tl_dir_sync(parent, error);
}

/* The folder of a table without partitions holds _merged/, too, which moves behind it. Between both steps, and after a crash there, the folder is
 * a table without a list: the merged file under its listed name, and what is not replaced. */
static bool move_list(const struct swap *s, struct tl_error *error)
{
    char from[PATH_MAX], to[PATH_MAX];
    if (tl_merged_partition(s->f->file).size)
        return true;
    return fits(snprintf(from, sizeof from, "%s/_merged", s->fresh), s->fresh, error) &&
           fits(snprintf(to, sizeof to, "%s/_merged", s->plain), s->plain, error) &&
           (tl_io->rename(from, to) == 0 || tl_error_sys(error, errno, "cannot rename '%s' to '%s'", from, to));
}

/* With the table's lock held. */
static bool exchange(struct swap *s, struct tl_error *error)
{
    if (!link_kept(s, error) || s->cannot || !tl_dir_sync(s->fresh, error))
        return s->cannot;
    if (tl_io->exchange(s->fresh, s->plain) != 0) {
        s->cannot = errno == EINVAL || errno == ENOSYS || errno == ENOTSUP;
        return s->cannot || tl_error_sys(error, errno, "cannot exchange '%s' for '%s'", s->plain, s->fresh);
    }
    return move_list(s, error) && sync_parent(s->plain, error) && tl_dir_sync(s->plain, error);
}

/* What was the partition's folder stays for a listing that has begun. */
static bool put_away(const struct swap *s, struct tl_error *error)
{
    char gone[PATH_MAX], to[PATH_MAX];
    if (!fits(snprintf(gone, sizeof gone, "%s/%s/" GONE, tl_store_root(s->j->store), s->j->path), s->plain, error) ||
        !fits(snprintf(to, sizeof to, "%s/%s", gone, strrchr(s->fresh, '/') + 1), gone, error))
        return false;
    return tl_dir_make(gone, error) && (tl_io->rename(s->fresh, to) == 0 || tl_error_sys(error, errno, "cannot rename '%s' to '%s'", s->fresh, to));
}

static bool make_and_exchange(struct swap *s, struct tl_error *error)
{
    struct tl_table_lock lock;
    if (tl_io->mkdir(s->fresh, 0777) != 0)
        return tl_error_sys(error, errno, "cannot make folder '%s'", s->fresh);
    if (!link_merged(s, error) || (!s->cannot && !link_kept(s, error)) || s->cannot)
        return s->cannot;
    if (!tl_dir_sync(s->fresh, error) || !tl_table_lock_open(&lock, s->j->store, s->j->path, error))
        return false;
    bool ok = exchange(s, error);
    tl_table_lock_close(&lock);
    return ok && (s->cannot || put_away(s, error));
}

static bool turn_folder(struct tl_compact_job *j, struct tl_merged_file *f, struct tl_error *error)
{
    struct swap s = { .j = j, .f = f };
    struct tl_error ignored;
    tl_map_init(&s.replaced, NAMES_MAX);
    bool ok = find_places(&s, error) && index_replaced(&s, error) && make_and_exchange(&s, error);
    if (s.fresh[0] && (!ok || s.cannot))
        (void)!tl_dir_remove(s.fresh, &ignored);
    tl_map_release(&s.replaced);
    if (!ok)
        return tl_error_context(error, "cannot turn listers of '%s' to the merged file", s.plain);
    if (s.cannot)
        tl_log_warn("lake", "'%s' cannot be exchanged for a folder with the merged file (the file system does not, or there is more in it than files): the "
                    "small files stay for programs that list it", s.plain);
    else
        f->turned_ms = now_ms();
    return true;
}

/* ---- turning, deleting, forgetting ---- */

static bool turn_pointer(struct tl_compact_job *j, struct tl_merged_file *f, struct tl_error *error)
{
    struct tl_view partition = tl_merged_partition(f->file);
    char name[PATH_MAX], folder[PATH_MAX];
    if (!partition.size)
        return true;
    if (!fits(snprintf(name, sizeof name, "%.*s", (int)partition.size - 1, partition.data), f->file, error) ||
        !fits(snprintf(folder, sizeof folder, "%.*s", (int)(strrchr(f->file, '/') - f->file), f->file), f->file, error))
        return false;
    if (!j->o->point(j->o->point_arg, name, folder, error))
        return false;
    f->turned_ms = now_ms();
    return true;
}

/* A pointer is moved at once: who has begun goes on with the small files, which stay for keep_ns after it. */
static bool turn(struct tl_compact_job *j, struct tl_merged_file *f, struct tl_error *error)
{
    if (f->turned_ms || !f->replaced_count)
        return true;
    bool ok = true;
    if (j->o->listers == TL_LISTERS_FOLDER && is_due(j, f->since_ms))
        ok = turn_folder(j, f, error);
    else if (j->o->listers == TL_LISTERS_POINTED)
        ok = turn_pointer(j, f, error);
    j->changed = j->changed || f->turned_ms;
    return ok;
}

static bool may_go(const struct tl_compact_job *j, const struct tl_merged_file *f)
{
    if (j->o->listers == TL_LISTERS_POINTED)
        return f->turned_ms && is_due(j, f->turned_ms);
    return is_due(j, f->since_ms);
}

/* *kept: names that stay for listers. */
static bool delete_names(struct tl_compact_job *j, const struct tl_merged_file *f, size_t *kept, struct tl_error *error)
{
    const char *names[DELETE_AT_ONCE];
    struct tl_arena arena;
    size_t count = 0;
    bool all = j->o->listers == TL_LISTERS_POINTED || j->o->listers == TL_LISTERS_NONE, ok = true;
    tl_arena_init(&arena, (size_t)1 << 30);
    for (size_t i = 0; ok && i < f->replaced_count; i++) {
        bool stays = !all && !tl_merged_is_of(f->replaced[i]);
        *kept += stays;
        if (!stays)
            names[count++] = tl_arena_printf(&arena, "%s/%s", j->path, f->replaced[i]);
        if (count < DELETE_AT_ONCE && (i + 1 < f->replaced_count || !count))
            continue;
        ok = tl_arena_ok(&arena, "the names of files", error) && tl_store_delete_many(j->store, names, count, error);
        count = 0;
        tl_arena_reset(&arena);
    }
    tl_arena_release(&arena);
    return ok;
}

static bool delete_replaced(struct tl_compact_job *j, struct tl_merged_file *f, struct tl_error *error)
{
    size_t kept = 0;
    if (!f->replaced_count || f->gone_ms || !may_go(j, f))
        return true;
    if (!delete_names(j, f, &kept, error))
        return false;
    if (kept && !f->turned_ms) { /* for listers that are not turned */
        j->stats->kept += kept;
        return true;
    }
    j->stats->deleted += f->replaced_count; /* those of an exchanged folder went with it */
    f->gone_ms = now_ms();
    j->changed = true;
    return true;
}

static void forget(struct tl_compact_job *j, struct tl_merged_file *f)
{
    if (!f->replaced_count || !f->gone_ms || !is_due(j, f->gone_ms))
        return;
    f->replaced_count = 0;
    j->changed = true;
}

static bool clear_gone(struct tl_compact_job *j, struct tl_error *error)
{
    char name[PATH_MAX];
    if (!tl_store_folder(j->store))
        return true;
    return fits(snprintf(name, sizeof name, "%s/" GONE, j->path), j->path, error) && tl_store_delete_tree(j->store, name, error);
}

/* What a killed compaction was making. Of a lake one is at work at a time. */
static bool clear_staging(struct tl_compact_job *j, struct tl_error *error)
{
    const char *staging;
    struct tl_dir_list names;
    char path[PATH_MAX];
    if (!tl_store_folder(j->store))
        return true;
    if (!tl_store_stage(j->store, &staging, error) || !tl_dir_list(staging, &names, error))
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < names.count; i++)
        if (strncmp(names.names[i], "swap-", 5) == 0)
            ok = fits(snprintf(path, sizeof path, "%s/%s", staging, names.names[i]), staging, error) && tl_dir_remove(path, error);
    tl_dir_list_release(&names);
    return ok;
}

bool tl_compact_listers(struct tl_compact_job *j, struct tl_error *error)
{
    struct tl_merged *m = j->list;
    bool ok = clear_staging(j, error) && clear_gone(j, error);
    for (size_t i = 0; ok && i < m->count; i++)
        ok = turn(j, &m->files[i], error);
    ok = ok && tl_compact_save(j, error);
    for (size_t i = 0; ok && i < m->count; i++) {
        ok = delete_replaced(j, &m->files[i], error);
        forget(j, &m->files[i]);
    }
    return ok && tl_compact_save(j, error) && (j->o->keep_ns > 0 || clear_gone(j, error));
}

/* ---- what came to no list ---- */

static bool index_list(const struct tl_merged *m, struct tl_map *out)
{
    bool added, ok = true;
    tl_map_init(out, NAMES_MAX);
    for (size_t i = 0; ok && i < m->count; i++) {
        ok = tl_map_put(out, tl_view_of(m->files[i].file), &added) != NULL;
        for (size_t r = 0; ok && r < m->files[i].replaced_count; r++)
            if (tl_merged_is_of(m->files[i].replaced[r]))
                ok = tl_map_put(out, tl_view_of(m->files[i].replaced[r]), &added) != NULL;
    }
    return ok;
}

bool tl_compact_orphans(struct tl_compact_job *j, const struct tl_store_entries *entries, struct tl_error *error)
{
    struct tl_map known;
    size_t skip = strlen(j->path) + 1;
    bool ok = index_list(j->list, &known) || tl_error_set(error, TL_NO_MEMORY, "no memory for the list of merged files");
    for (size_t i = 0; ok && i < entries->count; i++) {
        const struct tl_store_entry *e = &entries->items[i];
        const char *name = e->name + skip;
        if (!tl_merged_is_of(name) || strncmp(name, GONE, sizeof GONE - 1) == 0 || !tl_view_ends_with(tl_view_of(name), TL_VIEW(".parquet")) ||
            tl_map_find(&known, tl_view_of(name)) || tl_io->wall_ns() - e->info.modified_ns < j->o->keep_ns + ORPHAN_NS)
            continue;
        ok = tl_store_delete(j->store, e->name, error);
        j->stats->deleted += ok;
    }
    tl_map_release(&known);
    return ok;
}
