/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/export.h"

#include <assert.h>
#include <stdio.h>

#define EXPORT_FILE_MAX ((size_t)8 << 20)

struct tl_buf *tl_export_add(struct tl_export *e, const char *stem, const char *ending)
{
    assert(e->count < TL_EXPORT_FILES_MAX);
    struct tl_export_file *file = &e->files[e->count++];
    snprintf(file->name, sizeof file->name, "%.100s%.24s", stem, ending);
    tl_buf_init(&file->text, EXPORT_FILE_MAX);
    return &file->text;
}

bool tl_export_ok(const struct tl_export *e, struct tl_error *error)
{
    for (size_t i = 0; i < e->count; i++)
        if (!tl_buf_ok(&e->files[i].text, e->files[i].name, error))
            return false;
    return true;
}

void tl_export_release(struct tl_export *e)
{
    for (size_t i = 0; i < e->count; i++)
        tl_buf_release(&e->files[i].text);
    e->count = 0;
}
