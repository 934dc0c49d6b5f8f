/* SPDX-License-Identifier: Apache-2.0 */
/* query/json_file.h: a file that is one JSON value, read whole. */
#pragma once

#include "codec/json.h"

struct tl_json_file {
    struct tl_json_parser *parser; /* owns what root and its members point to */
    struct tl_json root;
};
/* max: bytes of the file. False: nothing is to be closed. */
TL_MUST_USE bool tl_json_file_read(struct tl_json_file *out, const char *path, size_t max, struct tl_error *error);
void tl_json_file_close(struct tl_json_file *f);
