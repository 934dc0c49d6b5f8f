/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/export_folder.h"

#include "base/file.h"

static const struct tl_export_engine engines[] = {
    { "flink", tl_export_flink },
    { "spark", tl_export_spark },
};

const struct tl_export_engine *tl_export_engine_find(const char *name)
{
    for (size_t i = 0; i < TL_COUNT(engines); i++)
        if (strcmp(engines[i].name, name) == 0)
            return &engines[i];
    return NULL;
}

static bool write_file(const struct tl_export_file *file, const char *folder, FILE *told, struct tl_error *error)
{
    struct tl_buf path;
    tl_buf_init(&path, 1 << 16);
    tl_buf_addf(&path, "%s/%s", folder, file->name);
    bool ok = tl_buf_ok(&path, "a path", error) && tl_file_write_atomic(tl_buf_text(&path), tl_buf_view(&file->text), error);
    if (ok && told)
        fprintf(told, "%s\n", tl_buf_text(&path));
    tl_buf_release(&path);
    return ok;
}

bool tl_export_check(const struct tl_plan *plan, const struct tl_export_engine *engine, const struct tl_export_options *options, struct tl_error *error)
{
    struct tl_export files = { .count = 0 };
    bool ok = engine->write(plan, options, &files, error);
    tl_export_release(&files);
    return ok;
}

bool tl_export_folder_write(const struct tl_plan *plan, const struct tl_export_engine *engine, const struct tl_export_options *options,
                            const char *folder, FILE *told, struct tl_error *error)
{
    struct tl_export files = { .count = 0 };
    bool ok = engine->write(plan, options, &files, error) && tl_export_ok(&files, error) && tl_dir_make(folder, error);
    for (size_t i = files.count; ok && i > 0; i--)
        ok = write_file(&files.files[i - 1], folder, told, error);
    tl_export_release(&files);
    return ok;
}
