/* SPDX-License-Identifier: Apache-2.0 */
/* codec/json_copy.h: a parsed value written again, as it was. */
#pragma once

#include "codec/json.h"
#include "codec/json_writer.h"

void tl_json_write_value(struct tl_json_writer *w, struct tl_json v);
/* The members of an object, without its braces; but that named except (NULL: all). */
void tl_json_write_members(struct tl_json_writer *w, struct tl_json object, const char *except);
