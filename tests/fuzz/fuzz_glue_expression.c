/* SPDX-License-Identifier: Apache-2.0 */
/* Any text as a filter of partitions: it is a filter for one partition exactly where it is for another. */
#include "faces/glue_expression.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tl_glue_key keys[] = { { { "a", 1 }, { "int", 3 }, { "1", 1 } }, { { "b", 1 }, { "string", 6 }, { "x", 1 } } };
    struct tl_error error;
    bool first, second;
    bool ok = tl_glue_expression_matches((struct tl_view){ (const char *)data, size }, keys, 2, &first, &error);
    if (!ok && !error.text[0])
        abort();
    keys[0].value = TL_VIEW("2");
    keys[1].value = TL_VIEW("__HIVE_DEFAULT_PARTITION__");
    if (tl_glue_expression_matches((struct tl_view){ (const char *)data, size }, keys, 2, &second, &error) != ok)
        abort();
    return 0;
}
