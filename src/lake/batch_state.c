/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/batch_state.h"

#include "base/grow.h"
#include "codec/json.h"
#include "codec/json_writer.h"

#include <stdio.h>
#include <stdlib.h>

#define PARTITIONS_MAX ((size_t)1 << 20)
#define FILE_MAX ((size_t)512 << 20)
#define GONE "-" /* the print of a partition that was removed: it is not stored */

static bool name_of(const char *table, char out[512], struct tl_error *error)
{
    return snprintf(out, 512, "_tapeline/batch/%s.json", table) < 512 || tl_error_set(error, TL_INVALID, "'%s' is too long a table's name", table);
}

static bool is_gone(const char *print)
{
    return strcmp(print, GONE) == 0;
}

const char *tl_batch_state_print(const struct tl_batch_state *s, struct tl_view folder)
{
    const uint64_t *at = tl_map_find(&s->partitions, folder);
    return at && !is_gone(s->prints[*at]) ? s->prints[*at] : NULL;
}

void tl_batch_state_remove(struct tl_batch_state *s, struct tl_view folder)
{
    const uint64_t *at = tl_map_find(&s->partitions, folder);
    if (at)
        snprintf(s->prints[*at], TL_BATCH_PRINT_SIZE, "%s", GONE);
}

bool tl_batch_state_set(struct tl_batch_state *s, struct tl_view folder, const char *print, struct tl_error *error)
{
    bool added;
    uint64_t *at = tl_map_put(&s->partitions, folder, &added);
    if (!at || (added && !tl_grow((void **)&s->prints, &s->print_cap, s->partitions.count + 1, sizeof *s->prints, PARTITIONS_MAX)))
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    if (added)
        *at = s->partitions.count - 1;
    snprintf(s->prints[*at], TL_BATCH_PRINT_SIZE, "%s", print);
    return true;
}

static bool read_partitions(struct tl_batch_state *s, struct tl_json root, struct tl_error *error)
{
    struct tl_json list, item;
    struct tl_json_iter it;
    struct tl_view folder, print;
    char text[TL_BATCH_PRINT_SIZE];
    if (!tl_json_get(root, "partitions", &list) || tl_json_kind_of(list) != TL_JSON_OBJECT)
        return tl_error_set(error, TL_CORRUPT, "no partitions");
    for (tl_json_iter_init(&it, list); tl_json_next(&it, &folder, &item);) {
        if (!tl_json_string(item, &print) || print.size >= sizeof text)
            return tl_error_set(error, TL_CORRUPT, "no print");
        snprintf(text, sizeof text, "%.*s", TL_VIEW_ARG(print));
        if (!tl_batch_state_set(s, folder, text, error))
            return false;
    }
    return true;
}

static bool parse(struct tl_batch_state *s, struct tl_view text, const char *name, struct tl_error *error)
{
    struct tl_json_parser *parser;
    struct tl_json root;
    if (!tl_json_parser_new(&parser, error))
        return false;
    bool ok = tl_json_parse_copy(parser, text, &root, error) && tl_json_get_i64(root, "version", 0) == 1;
    if (ok) {
        struct tl_view definition = tl_json_get_string(root, "definition");
        s->exists = true;
        s->building = tl_json_get_bool(root, "building", true);
        snprintf(s->definition, sizeof s->definition, "%.*s", TL_VIEW_ARG(definition));
        ok = read_partitions(s, root, error);
    }
    tl_json_parser_free(parser);
    return ok || tl_error_set(error, TL_CORRUPT, "'%s' does not tell what was built: remove it and the table's folder, and build again", name);
}

bool tl_batch_state_load(struct tl_batch_state *s, struct tl_store *lake, const char *table, struct tl_error *error)
{
    char name[512];
    struct tl_buf text;
    *s = (struct tl_batch_state){ .exists = false };
    tl_map_init(&s->partitions, PARTITIONS_MAX);
    if (!name_of(table, name, error))
        return false;
    tl_buf_init(&text, FILE_MAX);
    bool ok = tl_store_get_tagged(lake, name, &text, s->etag, error);
    if (ok)
        ok = parse(s, tl_buf_view(&text), name, error);
    else
        ok = error->code == TL_NOT_FOUND;
    if (!s->exists)
        s->etag[0] = '\0';
    tl_buf_release(&text);
    if (!ok)
        tl_batch_state_release(s);
    return ok;
}

void tl_batch_state_release(struct tl_batch_state *s)
{
    tl_map_release(&s->partitions);
    free(s->prints);
    *s = (struct tl_batch_state){ .exists = false };
}

static bool second(struct tl_store *lake, struct tl_error *error)
{
    return tl_error_set(error, TL_CONFLICT, "another 'tapeline build' of this table has begun in '%s' since this one did: let it end, and build again",
                        tl_store_root(lake));
}

bool tl_batch_state_check(const struct tl_batch_state *s, struct tl_store *lake, const char *table, struct tl_error *error)
{
    char name[512];
    struct tl_store_info info;
    if (tl_store_folder(lake))
        return true; /* its lock is held */
    if (!name_of(table, name, error))
        return false;
    if (!tl_store_head(lake, name, &info, error))
        return error->code == TL_NOT_FOUND ? second(lake, error) : false;
    return strcmp(info.etag, s->etag) == 0 || second(lake, error);
}

bool tl_batch_state_store(struct tl_batch_state *s, struct tl_store *lake, const char *table, struct tl_error *error)
{
    char name[512];
    struct tl_buf out;
    struct tl_json_writer w;
    if (!name_of(table, name, error))
        return false;
    tl_buf_init(&out, FILE_MAX);
    tl_json_writer_init(&w, &out);
    tl_json_begin_object(&w);
    tl_json_member_i64(&w, "version", 1);
    tl_json_member_text(&w, "definition", s->definition);
    tl_json_member_bool(&w, "building", s->building);
    tl_json_key(&w, "partitions");
    tl_json_begin_object(&w);
    for (size_t i = 0; i < s->partitions.count; i++)
        if (!is_gone(s->prints[tl_map_value_at(&s->partitions, i)])) {
            tl_json_key_view(&w, tl_map_key_at(&s->partitions, i));
            tl_json_write_text(&w, s->prints[tl_map_value_at(&s->partitions, i)]);
        }
    tl_json_end_object(&w);
    tl_json_end_object(&w);
    tl_buf_add_char(&out, '\n');
    bool ok = tl_buf_ok(&out, "what was built", error) && tl_store_replace(lake, name, tl_buf_view(&out), s->etag, error);
    tl_buf_release(&out);
    return ok || (error->code == TL_CONFLICT && second(lake, error));
}
