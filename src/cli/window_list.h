/* SPDX-License-Identifier: Apache-2.0 */
/* cli/window_list.h: windows of time in which rows of two engines may differ. */
#pragma once

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct tl_window_list {
    int64_t *starts_ns, *ends_ns;
    size_t count;
};
/* False: out of memory. */
TL_MUST_USE bool tl_window_list_add(struct tl_window_list *list, int64_t start_ns, int64_t end_ns);
/* One of the list has an instant in common with [start_ns, end_ns). */
bool tl_window_list_overlaps(const struct tl_window_list *list, int64_t start_ns, int64_t end_ns);
void tl_window_list_release(struct tl_window_list *list);
