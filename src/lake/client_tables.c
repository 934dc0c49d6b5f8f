/* SPDX-License-Identifier: Apache-2.0 */
#include "lake/client_tables.h"

#include "lake/partition_path.h"

#include <stdlib.h>

#define FILE_NAME_MAX 240
#define ENDING ".json"

/* Letters, digits, '_' and '-' stay; others become %XX, so that no name leaves its folder. */
static void encode(struct tl_view name, struct tl_buf *out)
{
    for (size_t i = 0; i < name.size; i++) {
        char c = name.data[i];
        bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
        if (plain)
            tl_buf_add_char(out, c);
        else
            tl_buf_addf(out, "%%%02X", (unsigned char)c);
    }
}

bool tl_client_table_path(struct tl_view database, struct tl_view table, struct tl_buf *out)
{
    size_t begin;
    tl_buf_add_text(out, TL_CLIENT_TABLES "/");
    begin = out->size;
    encode(database, out);
    bool fits = database.size && out->size - begin <= FILE_NAME_MAX;
    if (table.data) {
        tl_buf_add_char(out, '/');
        begin = out->size;
        encode(table, out);
        fits = fits && table.size && out->size - begin <= FILE_NAME_MAX;
    }
    tl_buf_add_text(out, ENDING);
    return fits && !out->failed;
}

bool tl_client_tables_list(struct tl_store *store, struct tl_dir_list *out, struct tl_error *error)
{
    struct tl_store_entries entries;
    *out = (struct tl_dir_list){ 0 };
    if (!tl_store_walk(store, TL_CLIENT_TABLES, &entries, error))
        return false;
    out->names = calloc(entries.count + 1, sizeof *out->names);
    bool ok = out->names != NULL;
    for (size_t i = 0; ok && i < entries.count; i++) {
        out->names[out->count] = strdup(entries.items[i].name);
        ok = out->names[out->count] != NULL;
        out->count += ok;
    }
    tl_store_entries_release(&entries);
    if (!ok) {
        tl_dir_list_release(out);
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    }
    return true;
}

bool tl_client_table_names(const char *path, struct tl_buf *database, struct tl_buf *table)
{
    struct tl_view rest = tl_view_of(path), table_part;
    if (!tl_view_starts_with(rest, TL_VIEW(TL_CLIENT_TABLES "/")) || !tl_view_ends_with(rest, TL_VIEW(ENDING)))
        return false;
    rest = (struct tl_view){ rest.data + sizeof TL_CLIENT_TABLES, rest.size - sizeof TL_CLIENT_TABLES - (sizeof ENDING - 1) };
    struct tl_view database_part = tl_view_split(rest, '/', &table_part);
    if (!database_part.size || (table_part.data && (!table_part.size || memchr(table_part.data, '/', table_part.size))))
        return false;
    tl_partition_path_decode(database, database_part);
    tl_partition_path_decode(table, table_part);
    return !database->failed && !table->failed;
}
