/* SPDX-License-Identifier: Apache-2.0 */
/* A short list of a face, kept whole in one file of its own beside the executions' records. */
#include "faces/athena_int.h"

#include "base/file.h"
#include "query/json_file.h"

#include <limits.h>
#include <stdio.h>

static bool path_of(const struct tl_athena_face *a, const struct tl_athena_list *list, char path[PATH_MAX], struct tl_error *error)
{
    return snprintf(path, PATH_MAX, "%s/%s", a->folder, list->file) < PATH_MAX || tl_error_set(error, TL_INVALID, "the folder's name is too long");
}

bool tl_athena_list_save(const struct tl_athena_face *a, const struct tl_athena_list *list, struct tl_error *error)
{
    struct tl_json_writer w;
    struct tl_buf text;
    char path[PATH_MAX];
    tl_buf_init(&text, list->max);
    tl_json_writer_init(&w, &text);
    tl_json_begin_object(&w);
    tl_json_member_i64(&w, "version", 1);
    list->write(a, &w);
    tl_json_end_object(&w);
    bool ok = tl_buf_ok(&text, list->what, error) && path_of(a, list, path, error) && tl_file_write_atomic(path, tl_buf_view(&text), error);
    tl_buf_release(&text);
    return ok;
}

bool tl_athena_list_load(struct tl_athena_face *a, const struct tl_athena_list *list, struct tl_error *error)
{
    struct tl_json_file file;
    char path[PATH_MAX];
    if (!path_of(a, list, path, error))
        return false;
    if (!tl_file_exists(path))
        return true;
    if (!tl_json_file_read(&file, path, list->max, error))
        return tl_error_context(error, "'%s' (%s; it may be removed)", path, list->what);
    list->read(a, file.root);
    tl_json_file_close(&file);
    return true;
}

char *tl_athena_member(struct tl_json json, const char *name)
{
    struct tl_view v = tl_json_get_string(json, name);
    return v.data ? tl_athena_copy(v) : NULL;
}
