/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as a statement of Athena's SQL: rewritten, or a message. What is rewritten has as many brackets that open as that close, and is not
 * refused by the lexer when its own text is read again (but for signs that only DuckDB has). */
#include "faces/athena_statement.h"
#include "trino/rewrite.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Brackets outside of quotes. */
static void check_balance(struct tl_view v)
{
    long depth = 0;
    char quote = 0;
    for (size_t i = 0; i < v.size; i++) {
        char c = v.data[i];
        if (quote)
            quote = c == quote ? 0 : quote;
        else if (c == '\'' || c == '"')
            quote = c;
        else if (c == '(')
            depth++;
        else if (c == ')' && --depth < 0)
            abort();
    }
    if (depth != 0 || quote)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tl_view sql = { (const char *)data, size };
    struct tl_arena arena;
    struct tl_trino_tokens tokens;
    struct tl_athena_statement statement;
    struct tl_error error;
    struct tl_buf out;
    size_t parameters;
    tl_arena_init(&arena, (size_t)64 << 20);
    tl_buf_init(&out, (size_t)1 << 20);
    if (tl_trino_lex(sql, &arena, &tokens, &error)) {
        bool known = tl_athena_statement_parse(&tokens, &arena, &statement, &error);
        if (tl_trino_rewrite(&tokens, 0, tokens.count, &arena, &out, &parameters, &error))
            check_balance(tl_buf_view(&out));
        tl_buf_reset(&out);
        if (tl_trino_rewrite_value(&tokens, 0, tokens.count, &arena, &out, &error))
            check_balance(tl_buf_view(&out));
        tl_buf_reset(&out);
        if (known && statement.to > tokens.count)
            abort();
    }
    tl_buf_release(&out);
    tl_arena_release(&arena);
    return 0;
}
