/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a JSON document: refused, or walked from end to end. */
#include "codec/json.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void walk(struct tl_json v)
{
    struct tl_json_iter it;
    struct tl_json item;
    struct tl_view key, text;
    if (tl_json_string(v, &text) && text.size && !text.data)
        abort();
    for (tl_json_iter_init(&it, v); tl_json_next(&it, &key, &item);)
        walk(item);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct tl_json_parser *parser;
    struct tl_error error;
    struct tl_json root;
    if (!parser && !tl_json_parser_new(&parser, &error))
        abort();
    if (tl_json_parse_copy(parser, (struct tl_view){ (const char *)data, size }, &root, &error))
        walk(root);
    return 0;
}
