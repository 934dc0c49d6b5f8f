/* SPDX-License-Identifier: Apache-2.0 */
#include "query/json_file.h"

#include "base/file.h"

bool tl_json_file_read(struct tl_json_file *out, const char *path, size_t max, struct tl_error *error)
{
    struct tl_buf text;
    *out = (struct tl_json_file){ .parser = NULL };
    tl_buf_init(&text, max);
    bool ok = tl_json_parser_new(&out->parser, error) && tl_file_read(path, &text, error) &&
              tl_json_parse_copy(out->parser, tl_buf_view(&text), &out->root, error);
    tl_buf_release(&text);
    if (!ok)
        tl_json_file_close(out);
    return ok;
}

void tl_json_file_close(struct tl_json_file *f)
{
    tl_json_parser_free(f->parser);
    *f = (struct tl_json_file){ .parser = NULL };
}
