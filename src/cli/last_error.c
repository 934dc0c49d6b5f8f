/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/last_error.h"

#include "base/file.h"
#include "base/io.h"
#include "base/time.h"

#include <stdio.h>
#include <stdlib.h>

#define NAME "last_error"
#define TEXT_MAX 4096

char *tl_pipeline_folder(const char *state_dir, const struct tl_plan *plan)
{
    size_t size = strlen(state_dir) + strlen(plan->name) + sizeof "/_tapeline/";
    char *path = malloc(size);
    if (path)
        snprintf(path, size, "%s/_tapeline/%s", state_dir, plan->name);
    return path;
}

static char *path_of(const char *state_dir, const struct tl_plan *plan)
{
    char *folder = tl_pipeline_folder(state_dir, plan);
    size_t size = folder ? strlen(folder) + sizeof "/" NAME : 0;
    char *path = folder ? malloc(size) : NULL;
    if (path)
        snprintf(path, size, "%s/" NAME, folder);
    free(folder);
    return path;
}

static void write_text(const char *state_dir, const struct tl_plan *plan, const char *path, const struct tl_error *error)
{
    struct tl_error ignored;
    struct tl_buf text;
    char at[TL_TIME_TEXT_MAX];
    char *folder = tl_pipeline_folder(state_dir, plan);
    tl_buf_init(&text, TEXT_MAX);
    tl_time_format(tl_io->wall_ns(), TL_TIME_ISO_MS, at);
    tl_buf_addf(&text, "%s: %s\n", at, error->text);
    if (folder && !text.failed && tl_dir_make(folder, &ignored))
        (void)!tl_file_write_atomic(path, tl_buf_view(&text), &ignored);
    tl_buf_release(&text);
    free(folder);
}

void tl_last_error_write(const char *state_dir, const struct tl_plan *plan, const struct tl_error *error)
{
    char *path = path_of(state_dir, plan);
    if (!path)
        return;
    if (error)
        write_text(state_dir, plan, path, error);
    else
        (void)tl_io->unlink(path);
    free(path);
}

void tl_last_error_read(const char *state_dir, const struct tl_plan *plan, char out[1024])
{
    struct tl_error ignored;
    struct tl_buf text;
    char *path = path_of(state_dir, plan);
    tl_buf_init(&text, TEXT_MAX);
    out[0] = '\0';
    if (path && tl_file_read(path, &text, &ignored))
        snprintf(out, 1024, "%.*s", TL_VIEW_ARG(tl_view_trim(tl_buf_view(&text))));
    tl_buf_release(&text);
    free(path);
}
