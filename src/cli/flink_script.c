/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/flink_script.h"

#include <string.h>

/* How long the text, name or comment is that begins here; 1: none does. */
static size_t token_size(struct tl_view at)
{
    const char *end = NULL;
    if (at.size > 1 && at.data[0] == '-' && at.data[1] == '-')
        end = memchr(at.data, '\n', at.size);
    else if (at.data[0] == '\'' || at.data[0] == '`')
        end = memchr(at.data + 1, at.data[0], at.size - 1); /* '' is one text and another behind it, which comes to the same */
    else
        return 1;
    return end ? (size_t)(end - at.data) + 1 : at.size;
}

static struct tl_view past(struct tl_view v, size_t size)
{
    return (struct tl_view){ v.data + size, v.size - size };
}

struct tl_view tl_flink_script_bare(struct tl_view statement)
{
    struct tl_view v = tl_view_trim(statement);
    while (v.size > 1 && v.data[0] == '-' && v.data[1] == '-')
        v = tl_view_trim(past(v, token_size(v)));
    return v;
}

static bool begins(struct tl_view text, const char *words)
{
    size_t size = strlen(words);
    return text.size >= size && memcmp(text.data, words, size) == 0;
}

bool tl_flink_script_next(struct tl_view *rest, struct tl_view *statement)
{
    struct tl_view whole = *rest;
    for (size_t at = 0; at < whole.size; at += token_size(past(whole, at))) {
        struct tl_view sofar = { whole.data, at }, bare;
        if (whole.data[at] != ';')
            continue;
        bare = tl_flink_script_bare(sofar);
        if (begins(bare, "EXECUTE STATEMENT SET") && !(bare.size > 4 && memcmp(bare.data + bare.size - 4, "\nEND", 4) == 0))
            continue;
        *statement = sofar;
        *rest = past(whole, at + 1);
        return true;
    }
    *rest = past(whole, whole.size);
    return false;
}
