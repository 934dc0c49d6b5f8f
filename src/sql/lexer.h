/* SPDX-License-Identifier: Apache-2.0 */
/* sql/lexer.h: the text of a pipeline file as tokens. Comments (-- and slash-star), blanks and a byte-order
 * mark are left out.
 *
 * Taken is UTF-8 without control characters (but tab and line ends), so that no name or string holds a NUL or
 * a mark of ours (TL_FEED_NOW). A letter is A-Z, a-z, '_' and every character beyond ASCII that does not look
 * like a blank or a quote. */
#pragma once

#include "base/arena.h"
#include "sql/diagnostics.h"

enum tl_token_kind {
    TL_TOKEN_END,
    TL_TOKEN_WORD,
    TL_TOKEN_QUOTED,
    TL_TOKEN_STRING,
    TL_TOKEN_NUMBER,
    TL_TOKEN_SYMBOL
};

struct tl_token {
    enum tl_token_kind kind;
    size_t at, size;  /* bytes in the text, quotes included */
    const char *text; /* without quotes, doubled quotes made one; NUL-terminated */
};
struct tl_tokens {
    struct tl_token *items; /* the last is TL_TOKEN_END */
    size_t count;
};
#define TL_TOKENS_MAX 200000

/* False when a character or an unfinished string was found (told in the context), or memory ran out. Tokens
 * are in the arena. */
TL_MUST_USE bool tl_lex(struct tl_arena *arena, struct tl_diagnostic_context *context, struct tl_tokens *out);
