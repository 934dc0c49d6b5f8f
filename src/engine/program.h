/* SPDX-License-Identifier: Apache-2.0 */
/* engine/program.h: expressions made ready to run over batches of rows.
 *
 * A row is an array of values ("slots"). A program reads slots of up to TL_BATCH_ROWS rows into columns, runs one operation after
 * the other over whole columns, and writes each result to its slot of every row. It owns its columns: one thread at a time. */
#pragma once

#include "base/arena.h"
#include "base/buf.h"
#include "engine/expr.h"

#define TL_BATCH_ROWS 256

/* A column of values while a program runs. Where null[i], the value is a harmless one. */
struct tl_vector {
    union {
        int64_t *i64;
        double *f64;
        struct tl_view *text;
    } as;
    bool *null;
};
struct tl_instruction {
    const struct tl_expr *expr;
    struct tl_vector out;
    struct tl_vector args[TL_EXPR_ARGS_MAX];
};
struct tl_program_output {
    uint32_t instruction;
    size_t slot;
};
struct tl_program {
    struct tl_arena arena;
    struct tl_instruction *instructions; /* arguments before what takes them */
    size_t count, cap;
    struct tl_program_output *outputs;
    size_t output_count, output_cap;
    struct tl_arena text; /* of results, until the next tl_program_reset_text */
};

void tl_program_init(struct tl_program *p);
void tl_program_release(struct tl_program *p);
/* Adds an expression whose result goes to a slot. An expression may read what one added before writes, if a run lies between: all
 * slots are read as they were before the run, but for subexpressions. False: out of memory. */
TL_MUST_USE bool tl_program_add(struct tl_program *p, const struct tl_expr *expr, size_t slot, struct tl_error *error);
/* Runs over rows[0], rows[stride] ... count of them, count <= TL_BATCH_ROWS. Text results live until tl_program_reset_text.
 * False: out of memory, or there is more text in the results than there may be: fewer rows at a time may do. */
TL_MUST_USE bool tl_program_run(struct tl_program *p, struct tl_tick_value *rows, size_t stride, size_t count);
void tl_program_reset_text(struct tl_program *p);
static inline bool tl_program_is_empty(const struct tl_program *p)
{
    return p->output_count == 0;
}
