/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/merged.h"

#include "codec/json.h"
#include "codec/json_writer.h"

#include <limits.h>
#include <stdio.h>

#define TEXT_MAX ((size_t)1 << 30)

static void name_of(const char *path, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "%s/_merged/current.json", path);
}

/* NULL for what is no name below the table. */
static const char *read_name(struct tl_arena *arena, struct tl_view name)
{
    struct tl_view rest = name;
    while (rest.data) {
        struct tl_view part = tl_view_split(rest, '/', &rest);
        if (part.size == 0 || tl_view_is(part, ".") || tl_view_is(part, ".."))
            return NULL;
    }
    return name.size ? tl_arena_text(arena, name) : NULL;
}

#define MARK "_merged/"

bool tl_merged_is_of(const char *name)
{
    return strncmp(name, MARK, sizeof MARK - 1) == 0;
}

static bool read_file(struct tl_merged *m, struct tl_json json, struct tl_merged_file *out)
{
    struct tl_json list, item;
    struct tl_json_iter it;
    out->file = read_name(&m->arena, tl_json_get_string(json, "file"));
    out->since_ms = tl_json_get_i64(json, "since", 0);
    out->turned_ms = tl_json_get_i64(json, "turned", 0);
    out->gone_ms = tl_json_get_i64(json, "gone", 0);
    if (!out->file || !tl_merged_is_of(out->file) || !tl_json_get(json, "replaces", &list) || tl_json_kind_of(list) != TL_JSON_ARRAY)
        return false;
    const char **names = TL_ARENA_ARRAY(&m->arena, tl_json_size(list), const char *);
    out->replaced = names;
    for (tl_json_iter_init(&it, list); names && tl_json_next(&it, NULL, &item);) {
        struct tl_view name;
        if (!tl_json_string(item, &name) || !(names[out->replaced_count] = read_name(&m->arena, name)))
            return false;
        out->replaced_count++;
    }
    return !m->arena.failed;
}

static bool read_all(struct tl_merged *m, struct tl_json root)
{
    struct tl_json list, item;
    struct tl_json_iter it;
    if (tl_json_get_i64(root, "version", 0) != 1 || !tl_json_get(root, "files", &list) || tl_json_kind_of(list) != TL_JSON_ARRAY)
        return false;
    m->files = TL_ARENA_ARRAY(&m->arena, tl_json_size(list), struct tl_merged_file);
    for (tl_json_iter_init(&it, list); m->files && tl_json_next(&it, NULL, &item);)
        if (!read_file(m, item, &m->files[m->count++]))
            return false;
    return !m->arena.failed;
}

bool tl_merged_load(struct tl_merged *out, struct tl_store *store, const char *path, struct tl_error *error)
{
    char name[PATH_MAX];
    struct tl_buf text;
    struct tl_json root;
    struct tl_json_parser *parser = NULL;
    *out = (struct tl_merged){ .count = 0 };
    tl_arena_init(&out->arena, TEXT_MAX);
    tl_buf_init(&text, TEXT_MAX);
    name_of(path, name);
    bool ok = tl_store_get_tagged(store, name, &text, out->etag, error);
    if (!ok && error->code == TL_NOT_FOUND) {
        tl_buf_release(&text);
        return true;
    }
    ok = ok && tl_json_parser_new(&parser, error) && tl_json_parse_copy(parser, tl_buf_view(&text), &root, error);
    if (ok && !read_all(out, root))
        ok = tl_error_set(error, TL_CORRUPT, "'%s/%s' is no list of merged files of this version", tl_store_root(store), name);
    if (parser)
        tl_json_parser_free(parser);
    tl_buf_release(&text);
    if (!ok)
        tl_merged_release(out);
    return ok;
}

void tl_merged_release(struct tl_merged *m)
{
    tl_arena_release(&m->arena);
    *m = (struct tl_merged){ .count = 0 };
}

bool tl_merged_save(struct tl_merged *m, struct tl_store *store, const char *path, struct tl_error *error)
{
    char name[PATH_MAX];
    struct tl_buf text;
    struct tl_json_writer w;
    tl_buf_init(&text, TEXT_MAX);
    tl_json_writer_init(&w, &text);
    tl_json_begin_object(&w);
    tl_json_member_i64(&w, "version", 1);
    tl_json_key(&w, "files");
    tl_json_begin_array(&w);
    for (size_t i = 0; i < m->count; i++) {
        tl_json_begin_object(&w);
        tl_json_member_text(&w, "file", m->files[i].file);
        tl_json_member_i64(&w, "since", m->files[i].since_ms);
        if (m->files[i].turned_ms)
            tl_json_member_i64(&w, "turned", m->files[i].turned_ms);
        if (m->files[i].gone_ms)
            tl_json_member_i64(&w, "gone", m->files[i].gone_ms);
        tl_json_key(&w, "replaces");
        tl_json_begin_array(&w);
        for (size_t r = 0; r < m->files[i].replaced_count; r++)
            tl_json_write_text(&w, m->files[i].replaced[r]);
        tl_json_end_array(&w);
        tl_json_end_object(&w);
    }
    tl_json_end_array(&w);
    tl_json_end_object(&w);
    name_of(path, name);
    bool ok = tl_buf_ok(&text, "the list of merged files", error) && tl_store_replace(store, name, tl_buf_view(&text), m->etag, error);
    if (!ok && error->code == TL_CONFLICT)
        tl_error_set(error, TL_CONFLICT, "another compaction of '%s/%s' is at work: this one stops, nothing is lost", tl_store_root(store), path);
    tl_buf_release(&text);
    return ok;
}

static const char *behind_mark(const char *file)
{
    return tl_merged_is_of(file) ? file + sizeof MARK - 1 : file;
}

struct tl_view tl_merged_partition(const char *file)
{
    const char *from = behind_mark(file), *end = strrchr(from, '/');
    if (!end)
        return TL_VIEW("");
    /* A merge has a folder of its own, "m-<hash>", below the partition's. */
    const char *own = end;
    while (own > from && own[-1] != '/')
        own--;
    if (from != file && strncmp(own, "m-", 2) == 0 && !memchr(own, '=', (size_t)(end - own)))
        return (struct tl_view){ from, (size_t)(own - from) };
    return (struct tl_view){ from, (size_t)(end + 1 - from) };
}

void tl_merged_listed_name(const char *file, struct tl_buf *out)
{
    const char *slash = strrchr(file, '/');
    tl_buf_add_view(out, tl_merged_partition(file));
    tl_buf_add_text(out, slash ? slash + 1 : file);
}
