/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/window_list.h"

#include <stdlib.h>

bool tl_window_list_add(struct tl_window_list *list, int64_t start_ns, int64_t end_ns)
{
    if ((list->count & (list->count + 1)) == 0) { /* full at 2^n - 1 */
        size_t cap = 2 * list->count + 1;
        int64_t *starts = realloc(list->starts_ns, cap * sizeof *starts), *ends = starts ? realloc(list->ends_ns, cap * sizeof *ends) : NULL;
        list->starts_ns = starts ? starts : list->starts_ns;
        if (!ends)
            return false;
        list->ends_ns = ends;
    }
    list->starts_ns[list->count] = start_ns;
    list->ends_ns[list->count++] = end_ns;
    return true;
}

bool tl_window_list_overlaps(const struct tl_window_list *list, int64_t start_ns, int64_t end_ns)
{
    for (size_t i = 0; i < list->count; i++)
        if (list->starts_ns[i] < end_ns && list->ends_ns[i] > start_ns)
            return true;
    return false;
}

void tl_window_list_release(struct tl_window_list *list)
{
    free(list->starts_ns);
    free(list->ends_ns);
    *list = (struct tl_window_list){ 0 };
}
