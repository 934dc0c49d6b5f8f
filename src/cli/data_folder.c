/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/data_folder.h"

#include <stdio.h>
#include <stdlib.h>

char *tl_data_path(const char *root, const char *name)
{
    if (name[0] == '/')
        return strdup(name);
    while (strncmp(name, "./", 2) == 0)
        name += 2;
    size_t size = strlen(root) + strlen(name) + 2;
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%s/%s", root, name);
    return path;
}

static bool check_format(const char *root, struct tl_error *error)
{
    char *path = tl_data_path(root, "format");
    if (!path)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    struct tl_buf text;
    tl_buf_init(&text, 4096);
    bool ok = false;
    uint64_t format = 0;
    if (!tl_file_exists(path)) {
        char line[32];
        snprintf(line, sizeof line, "%d\n", TL_DATA_FORMAT);
        ok = tl_file_write_atomic(path, tl_view_of(line), error);
    } else if (tl_file_read(path, &text, error)) {
        if (!tl_view_to_u64(tl_view_trim(tl_buf_view(&text)), &format) || format == 0)
            tl_error_set(error, TL_CORRUPT, "'%s' does not hold a format number: is '%s' a tapeline data folder?", path,
                         root);
        else if (format > TL_DATA_FORMAT)
            tl_error_set(error, TL_INVALID,
                         "data folder '%s' was written by a newer tapeline (format %llu, this one reads %d): upgrade "
                         "tapeline or choose another folder with --data",
                         root, (unsigned long long)format, TL_DATA_FORMAT);
        else
            ok = true;
    }
    tl_buf_release(&text);
    free(path);
    return ok;
}

bool tl_data_folder_open(struct tl_data_folder *folder, const char *root, struct tl_error *error)
{
    *folder = (struct tl_data_folder){ .lock = { .fd = -1 } };
    if (!tl_dir_make(root, error))
        return tl_error_context(error, "data folder '%s'", root);
    if (!tl_dir_lock_open(&folder->lock, root, error))
        return false;
    folder->root = strdup(root);
    if (folder->root && check_format(root, error))
        return true;
    if (!folder->root)
        tl_error_set(error, TL_NO_MEMORY, "out of memory");
    tl_data_folder_close(folder);
    return false;
}

void tl_data_folder_close(struct tl_data_folder *folder)
{
    tl_dir_lock_close(&folder->lock);
    free(folder->root);
    folder->root = NULL;
}
