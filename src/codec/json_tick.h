/* SPDX-License-Identifier: Apache-2.0 */
/* codec/json_tick.h: one flat JSON object into declared columns, strictly (rule 7), without allocating per
 * record.
 *
 * Accepted: one JSON object (RFC 8259, UTF-8), members by exact name, of a repeated name the last, unknown
 * ones ignored, null and absent alike. Refused: anything else, text after the object, and a value of another
 * type than declared: a number for VARCHAR, a string for a number, a fraction or exponent for an integer, a
 * number out of range. As Python's json does, and so the reference model: a byte order mark before the object
 * is passed over, and an integer beyond 64 bits is a DOUBLE. Not as Python does: lone surrogates (\ud800),
 * which have no UTF-8, are refused. */
#pragma once

#include "base/error.h"
#include "base/rows.h"
#include "base/value.h"

struct tl_json_tick_decoder;

TL_MUST_USE bool tl_json_tick_decoder_new(struct tl_json_tick_decoder **out,
                                          const struct tl_column_def *columns, size_t count,
                                          struct tl_error *error);
void tl_json_tick_decoder_free(struct tl_json_tick_decoder *d);
/* Texts among the values die with the next record. text[0..size) and TL_JSON_PADDING bytes after it are readable. One value a column into values. NULL, or the reason why
 * it is malformed: "not JSON", "not an object", "close is null", "close has a wrong type" (the first column
 * in order of declaration); it lives as long as the decoder. *offset: where it stops being JSON; 0 when it is
 * JSON, or the place is not known. */
const char *tl_json_tick_decode(struct tl_json_tick_decoder *d, const char *text, size_t size,
                                struct tl_tick_value *values, size_t *offset);
