/* SPDX-License-Identifier: Apache-2.0 */
#include "query/athena_face.h"

#include <stdio.h>
#include <stdlib.h>

struct tl_athena_face {
    struct tl_aws_face *face;
};

bool tl_athena_face_open(struct tl_athena_face **out, struct tl_aws_face *face, struct tl_error *error)
{
    *out = calloc(1, sizeof **out);
    if (!*out)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    (*out)->face = face;
    return true;
}

void tl_athena_face_handle(struct tl_athena_face *athena, struct tl_http_exchange *x)
{
    struct tl_view action = tl_aws_action(x);
    char text[200];
    (void)athena;
    snprintf(text, sizeof text, "not supported by tapeline: %.*s", (int)(action.size < 100 ? action.size : 100), action.size ? action.data : "");
    tl_aws_answer_error(x, TL_AWS_ATHENA, 400, "InvalidRequestException", tl_view_of(text));
}

void tl_athena_face_stop(struct tl_athena_face *athena)
{
    (void)athena;
}

void tl_athena_face_close(struct tl_athena_face *athena)
{
    free(athena);
}
