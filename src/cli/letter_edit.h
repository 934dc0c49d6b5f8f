/* SPDX-License-Identifier: Apache-2.0 */
/* cli/letter_edit.h: a record with other values in some of its columns. */
#pragma once

#include "engine/plan.h"

struct tl_letter_edit {
    const struct tl_source_plan *source;
    const char *const *sets; /* "close=1.5" */
    size_t set_count;
    const char *const *unsets; /* "volume" */
    size_t unset_count;
    const char *producer; /* written as producer_id; NULL: it stays as it is */
};
/* Every name is a column that the source declares, every value one of its type. What would be malformed all the same is not looked for. */
TL_MUST_USE bool tl_letter_edit_check(const struct tl_letter_edit *edit, struct tl_error *error);
static inline bool tl_letter_edit_is_none(const struct tl_letter_edit *edit)
{
    return edit->set_count == 0 && edit->unset_count == 0 && !edit->producer;
}
/* The record edited; members that are no columns stay. TL_INVALID: it is no JSON object. */
TL_MUST_USE bool tl_letter_edit(const struct tl_letter_edit *edit, struct tl_view record, struct tl_buf *out, struct tl_error *error);
/* The record's member as text, for a partition key; false: it has none, or is no JSON object. */
bool tl_letter_member(struct tl_view record, const char *name, struct tl_buf *out);
