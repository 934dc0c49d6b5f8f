/* SPDX-License-Identifier: Apache-2.0 */
/* store_tool: the object store by hand, for tests that compare a folder, S3 and what misbehaves: store_tool ROOT [REGION]. A line in, with
 * blanks between its parts; a line out: "ok ...", or "TL_CODE the error's text".
 *
 *   put|create NAME TEXT     publish NAME SIZE SEED (bytes of a generator)     get NAME      range NAME AT SIZE      head NAME
 *   fetch NAME (size and CRC32C of the copy)    delete NAME...    tree FOLDER  list FOLDER [BEGIN]      walk FOLDER  check NAME
 *
 * "%20" in a part is a blank and "%25" a percent sign. */
#include "codec/crc32c.h"
#include "lake/store.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define PARTS_MAX 4096

static char *parts[PARTS_MAX];
static size_t part_count;

static char *decode(struct tl_view text)
{
    char *out = malloc(text.size + 1), *to = out;
    for (size_t i = 0; i < text.size; i++) {
        bool escaped = text.data[i] == '%' && i + 2 < text.size && text.data[i + 1] == '2';
        *to++ = !escaped ? text.data[i] : text.data[i + 2] == '0' ? ' ' : '%';
        i += escaped ? 2 : 0;
    }
    *to = '\0';
    return out;
}

static void split(struct tl_view line)
{
    while (part_count > 0)
        free(parts[--part_count]);
    for (struct tl_view rest = tl_view_trim(line); rest.data && part_count < PARTS_MAX;)
        parts[part_count++] = decode(tl_view_split(rest, ' ', &rest));
}

static const char *part(size_t i)
{
    return i < part_count ? parts[i] : "";
}

static int64_t number(size_t i)
{
    int64_t value;
    return tl_view_to_i64(tl_view_of(part(i)), &value) ? value : 0;
}

static bool write_generated(const char *path, int64_t size, uint32_t seed)
{
    FILE *f = fopen(path, "wb");
    for (int64_t i = 0; f && i < size; i++) {
        seed = seed * 1664525u + 1013904223u;
        fputc((int)(seed >> 24), f);
    }
    return f && fclose(f) == 0;
}

static bool publish(struct tl_store *s, struct tl_error *error)
{
    const char *folder;
    char path[4200];
    if (!tl_store_stage(s, &folder, error))
        return false;
    snprintf(path, sizeof path, "%s/tool-%d", folder, 1);
    if (!write_generated(path, number(2), (uint32_t)number(3)))
        return tl_error_set(error, TL_IO, "cannot write '%s'", path);
    struct tl_store_file file = { .path = path, .name = part(1) };
    if (!tl_store_publish(s, &file, 1, error))
        return false;
    puts("ok");
    return true;
}

static bool print_bytes(bool ok, const struct tl_buf *out)
{
    if (ok)
        printf("ok %zu %s\n", out->size, out->size <= 200 && tl_view_is_utf8(tl_buf_view(out)) ? tl_buf_text(out) : "");
    return ok;
}

static bool fetch(struct tl_store *s, struct tl_buf *out, struct tl_error *error)
{
    const char *folder;
    char path[4200];
    struct tl_store_info info;
    if (!tl_store_stage(s, &folder, error))
        return false;
    snprintf(path, sizeof path, "%s/tool-fetched", folder);
    bool ok = tl_store_fetch(s, part(1), path, &info, error) && tl_file_read(path, out, error);
    if (ok)
        printf("ok %zu %08" PRIx32 " %d\n", out->size, tl_crc32c(0, out->data, out->size), info.size == (int64_t)out->size);
    remove(path);
    return ok;
}

static bool list(struct tl_store *s, struct tl_error *error)
{
    struct tl_dir_list names;
    if (!tl_store_list_from(s, part(1), part(2), &names, error))
        return false;
    printf("ok %zu", names.count);
    for (size_t i = 0; i < names.count; i++)
        printf(" [%s]", names.names[i]);
    puts("");
    tl_dir_list_release(&names);
    return true;
}

static bool walk(struct tl_store *s, struct tl_error *error)
{
    struct tl_store_entries entries;
    if (!tl_store_walk(s, part(1), &entries, error))
        return false;
    printf("ok %zu", entries.count);
    for (size_t i = 0; i < entries.count; i++)
        printf(" [%s]=%" PRId64, entries.items[i].name, entries.items[i].info.size);
    puts("");
    tl_store_entries_release(&entries);
    return true;
}

static bool told(bool ok)
{
    if (ok)
        puts("ok");
    return ok;
}

static bool run(struct tl_store *s, struct tl_buf *out, struct tl_error *error)
{
    const char *verb = part(0);
    struct tl_store_info info;
    tl_buf_reset(out);
    if (strcmp(verb, "put") == 0)
        return told(tl_store_put(s, part(1), tl_view_of(part(2)), error));
    if (strcmp(verb, "create") == 0)
        return told(tl_store_create(s, part(1), tl_view_of(part(2)), error));
    if (strcmp(verb, "publish") == 0)
        return publish(s, error);
    if (strcmp(verb, "get") == 0)
        return print_bytes(tl_store_get(s, part(1), out, error), out);
    if (strcmp(verb, "range") == 0)
        return print_bytes(tl_store_get_range(s, part(1), number(2), (size_t)number(3), NULL, out, error), out);
    if (strcmp(verb, "head") == 0) {
        bool ok = tl_store_head(s, part(1), &info, error);
        if (ok)
            printf("ok %" PRId64 " %s %d\n", info.size, info.etag, info.modified_ns > 0);
        return ok;
    }
    if (strcmp(verb, "fetch") == 0)
        return fetch(s, out, error);
    if (strcmp(verb, "delete") == 0)
        return told(tl_store_delete_many(s, (const char *const *)parts + 1, part_count - 1, error));
    if (strcmp(verb, "tree") == 0)
        return told(tl_store_delete_tree(s, part(1), error));
    if (strcmp(verb, "list") == 0)
        return list(s, error);
    if (strcmp(verb, "walk") == 0)
        return walk(s, error);
    if (strcmp(verb, "check") == 0)
        return told(tl_store_check_create(s, part(1), error));
    return tl_error_set(error, TL_INVALID, "no such verb '%s'", verb);
}

int main(int argc, char **argv)
{
    static char line[4 << 20];
    struct tl_store *s;
    struct tl_error error;
    struct tl_buf out;
    struct tl_store_options options = { .region = argc > 2 ? argv[2] : NULL };
    if (argc < 2)
        return 2;
    setvbuf(stdout, NULL, _IOLBF, 0);
    if (!tl_store_open_with(&s, argv[1], &options, &error)) {
        printf("%s %s\n", tl_code_name(error.code), error.text);
        return 1;
    }
    tl_buf_init(&out, 256 << 20);
    while (fgets(line, sizeof line, stdin)) {
        split(tl_view_of(line));
        if (!run(s, &out, &error))
            printf("%s %s\n", tl_code_name(error.code), error.text);
    }
    tl_buf_release(&out);
    tl_store_close(s);
    return 0;
}
