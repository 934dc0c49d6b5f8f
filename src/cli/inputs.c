/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/inputs.h"

#include <stdlib.h>

/* The source that "ticks=..." names, and the rest behind it; without one, the only source. SIZE_MAX: it has to be told. */
static size_t input_source(const struct tl_plan *plan, const char **pattern)
{
    size_t only = SIZE_MAX, count = 0;
    for (size_t i = 0; i < plan->source_count; i++) {
        const struct tl_source_plan *source = &plan->sources[i];
        size_t size = strlen(source->name);
        if (source->of_view)
            continue;
        if (strncmp(*pattern, source->name, size) == 0 && (*pattern)[size] == '=') {
            *pattern += size + 1;
            return i;
        }
        only = i;
        count++;
    }
    return count == 1 ? only : SIZE_MAX;
}

static bool expand_input(struct tl_inputs *inputs, const struct tl_plan *plan, const char *pattern, bool first, struct tl_error *error)
{
    size_t before = first ? 0 : inputs->files.gl_pathc, source = input_source(plan, &pattern);
    if (source == SIZE_MAX)
        return tl_error_set(error, TL_INVALID,
                            "--input '%s': the pipeline has several sources; say whose files they are: --input %s='%s'", pattern,
                            plan->sources[0].name, pattern);
    int failed = glob(pattern, GLOB_MARK | (first ? 0 : GLOB_APPEND), NULL, &inputs->files);
    if (failed == GLOB_NOMATCH)
        return tl_error_set(error, TL_NOT_FOUND, "--input: no file matches '%s'", pattern);
    if (failed)
        return tl_error_set(error, TL_IO, "--input: cannot read the folder of '%s'", pattern);
    size_t *sources = realloc(inputs->sources, inputs->files.gl_pathc * sizeof *sources);
    if (!sources)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    inputs->sources = sources;
    for (size_t i = before; i < inputs->files.gl_pathc; i++)
        sources[i] = source;
    return true;
}

bool tl_inputs_expand(struct tl_inputs *inputs, const struct tl_plan *plan, const char *const *patterns, size_t count,
                      struct tl_error *error)
{
    for (size_t i = 0; i < count; i++)
        if (!expand_input(inputs, plan, patterns[i], i == 0, error))
            return false;
    return true;
}

void tl_inputs_release(struct tl_inputs *inputs)
{
    globfree(&inputs->files);
    free(inputs->sources);
    *inputs = (struct tl_inputs){ .sources = NULL };
}
