/* SPDX-License-Identifier: Apache-2.0 */
#include "kinesis/stream_names.h"

#include "base/grow.h"
#include "base/suggest.h"
#include "kinesis/client_int.h"

#include <stdlib.h>

#define PAGES_MAX 100
#define NAMES_MAX 10000
#define TOKEN_MAX 4096
#define NEAR_MAX 1000 /* looked through for a near one */

static bool take_names(struct tl_msg answer, struct tl_stream_names *out, struct tl_error *error)
{
    struct tl_msg list, name;
    struct tl_msg_iter it;
    struct tl_view text;
    if (!tl_msg_get(answer, "StreamNames", &list))
        return tl_kinesis_bad_answer(error, "ListStreams", "has no StreamNames");
    for (tl_msg_iter_init(&it, list); tl_msg_next(&it, NULL, &name);) {
        if (!tl_grow((void **)&out->names, &out->cap, out->count + 1, sizeof *out->names, NAMES_MAX))
            return tl_error_set(error, TL_LIMIT, "more than %d streams, or out of memory", NAMES_MAX);
        if (!tl_msg_string(name, &text) || !tl_kinesis_copy_token(text, out->names[out->count], TL_STREAM_NAME_MAX))
            return tl_kinesis_bad_answer(error, "ListStreams", "names something that is no stream");
        out->count++;
    }
    return true;
}

bool tl_kinesis_stream_names(struct tl_kinesis_client *c, struct tl_stream_names *out, struct tl_error *error)
{
    char token[TOKEN_MAX] = "";
    *out = (struct tl_stream_names){ .names = NULL };
    for (int page = 0; page < PAGES_MAX; page++) {
        struct tl_msg answer;
        struct tl_msg_writer w = tl_kinesis_begin(c, NULL);
        if (token[0])
            tl_msg_member_text(&w, "NextToken", token);
        tl_msg_end_structure(&w);
        if (!tl_kinesis_call_patiently(c, "ListStreams", &answer, error) || !take_names(answer, out, error))
            return false;
        if (!tl_msg_get_bool(answer, "HasMoreStreams", false) ||
            !tl_kinesis_copy_token(tl_msg_get_string(answer, "NextToken"), token, sizeof token))
            return true;
    }
    return true;
}

void tl_stream_names_release(struct tl_stream_names *names)
{
    free(names->names);
    *names = (struct tl_stream_names){ .names = NULL };
}

bool tl_stream_names_has(const struct tl_stream_names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (strcmp(names->names[i], name) == 0)
            return true;
    return false;
}

const char *tl_stream_names_near(const struct tl_stream_names *names, const char *name)
{
    const char *others[NEAR_MAX];
    size_t count = 0;
    for (size_t i = 0; i < names->count && count < NEAR_MAX; i++)
        if (strcmp(names->names[i], name) != 0)
            others[count++] = names->names[i];
    return tl_suggest(tl_view_of(name), others, count);
}
