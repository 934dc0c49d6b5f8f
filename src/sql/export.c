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

void tl_export_add_readme(struct tl_export *e, const char *template_text, const struct tl_plan *plan, const struct tl_export_options *options)
{
    struct tl_buf *out = tl_export_add(e, "README", ".md");
    const char *p = template_text;
    for (const char *at; (at = strchr(p, '@')) != NULL;) {
        bool name = strncmp(at, "@NAME@", 6) == 0, file = strncmp(at, "@FILE@", 6) == 0;
        tl_buf_add(out, p, (size_t)(at - p));
        tl_buf_add_text(out, name ? plan->name : file ? options->file_name : "@");
        p = at + (name || file ? 6 : 1);
    }
    tl_buf_add_text(out, p);
}

bool tl_export_reads(const struct tl_plan *plan, size_t source)
{
    for (size_t i = 0; i < plan->view_count; i++)
        if (plan->views[i].source == source)
            return true;
    return false;
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
