/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/program.h"

#include "base/grow.h"
#include "engine/kernels.h"

#include <assert.h>
#include <stdlib.h>

#define COLUMNS_MAX ((size_t)256 << 20)
#define TEXT_MAX ((size_t)256 << 20)

void tl_program_init(struct tl_program *p)
{
    *p = (struct tl_program){ .count = 0 };
    tl_arena_init(&p->arena, COLUMNS_MAX);
    tl_arena_init(&p->text, TEXT_MAX);
}

void tl_program_release(struct tl_program *p)
{
    free(p->instructions);
    free(p->outputs);
    tl_arena_release(&p->arena);
    tl_arena_release(&p->text);
}

static size_t value_size(enum tl_type type)
{
    return type == TL_TYPE_VARCHAR ? sizeof(struct tl_view) : sizeof(int64_t);
}

/* A literal's column is filled once. */
static void fill_literal(const struct tl_expr *expr, struct tl_vector *out)
{
    for (size_t i = 0; i < TL_BATCH_ROWS; i++) {
        out->null[i] = expr->value.null;
        if (expr->type == TL_TYPE_VARCHAR)
            out->as.text[i] = expr->value.null ? (struct tl_view){ "", 0 } : expr->value.as.text;
        else
            out->as.i64[i] = expr->value.null ? 0 : expr->value.as.i64; /* a double's bits too */
    }
}

/* The instruction that computes an equal expression, or SIZE_MAX: what is written twice is computed once. */
static size_t find(const struct tl_program *p, const struct tl_expr *expr)
{
    for (size_t i = 0; i < p->count; i++)
        if (tl_expr_equal(p->instructions[i].expr, expr))
            return i;
    return SIZE_MAX;
}

static bool compile(struct tl_program *p, const struct tl_expr *expr, uint32_t *out)
{
    size_t there = find(p, expr);
    if (there != SIZE_MAX) {
        *out = (uint32_t)there;
        return true;
    }
    struct tl_instruction in = { .expr = expr };
    for (unsigned i = 0; i < expr->arg_count; i++) {
        uint32_t arg;
        if (!compile(p, expr->args[i], &arg))
            return false;
        in.args[i] = p->instructions[arg].out;
    }
    in.out.as.i64 = tl_arena_alloc_array(&p->arena, TL_BATCH_ROWS, value_size(expr->type), 16);
    in.out.null = tl_arena_alloc_array(&p->arena, TL_BATCH_ROWS, sizeof *in.out.null, 16);
    if (!in.out.as.i64 || !in.out.null ||
        !tl_grow((void **)&p->instructions, &p->cap, p->count + 1, sizeof in, UINT32_MAX))
        return false;
    if (expr->op == TL_OP_LITERAL)
        fill_literal(expr, &in.out);
    *out = (uint32_t)p->count;
    p->instructions[p->count++] = in;
    return true;
}

bool tl_program_add(struct tl_program *p, const struct tl_expr *expr, size_t slot, struct tl_error *error)
{
    uint32_t instruction;
    if (!compile(p, expr, &instruction) ||
        !tl_grow((void **)&p->outputs, &p->output_cap, p->output_count + 1, sizeof *p->outputs, UINT32_MAX))
        return tl_error_set(error, TL_NO_MEMORY, "out of memory for an expression");
    p->outputs[p->output_count++] = (struct tl_program_output){ instruction, slot };
    return true;
}

static void load(const struct tl_instruction *in, const struct tl_tick_value *rows, size_t stride,
                 size_t count)
{
    const struct tl_tick_value *v = rows + in->expr->slot;
    if (in->expr->type == TL_TYPE_VARCHAR) {
        for (size_t i = 0; i < count; i++, v += stride) {
            in->out.null[i] = v->null;
            in->out.as.text[i] = v->null ? (struct tl_view){ "", 0 } : v->as.text;
        }
        return;
    }
    for (size_t i = 0; i < count; i++, v += stride) {
        in->out.null[i] = v->null;
        in->out.as.i64[i] = v->null ? 0 : v->as.i64;
    }
}

static void store(const struct tl_instruction *in, struct tl_tick_value *rows, size_t stride, size_t slot,
                  size_t count)
{
    struct tl_tick_value *v = rows + slot;
    for (size_t i = 0; i < count; i++, v += stride) {
        v->null = in->out.null[i];
        if (in->expr->type == TL_TYPE_VARCHAR)
            v->as.text = in->out.as.text[i];
        else
            v->as.i64 = in->out.as.i64[i];
    }
}

static void join_nulls(const struct tl_instruction *in, size_t count)
{
    memset(in->out.null, 0, count * sizeof *in->out.null);
    for (unsigned a = 0; a < in->expr->arg_count; a++)
        for (size_t i = 0; i < count; i++)
            in->out.null[i] |= in->args[a].null[i];
}

/* What a later operation finds where this one has no value. */
static void tidy_nulls(const struct tl_instruction *in, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!in->out.null[i])
            continue;
        if (in->expr->type == TL_TYPE_VARCHAR)
            in->out.as.text[i] = (struct tl_view){ "", 0 };
        else
            in->out.as.i64[i] = 0;
    }
}

static bool run_one(struct tl_program *p, const struct tl_instruction *in, size_t count)
{
    bool ok = true;
    enum tl_op op = in->expr->op;
    if (!tl_kernel_takes_nulls(op))
        join_nulls(in, count);
    if (op == TL_OP_CAST || op == TL_OP_PARSE_TIMESTAMP)
        ok = tl_kernel_cast(in, count, &p->text);
    else if (op >= TL_OP_EQ && op <= TL_OP_GE)
        tl_kernel_compare(in, count);
    else if (op >= TL_OP_AND && op <= TL_OP_LEAST)
        tl_kernel_logic(in, count);
    else if (op >= TL_OP_NEGATE && op <= TL_OP_LOG10)
        tl_kernel_number(in, count);
    else if ((op >= TL_OP_CONCAT && op <= TL_OP_SPLIT_PART) || op == TL_OP_STRFTIME)
        ok = tl_kernel_text(in, count, &p->text);
    else
        tl_kernel_time(in, count);
    tidy_nulls(in, count);
    return ok;
}

bool tl_program_run(struct tl_program *p, struct tl_tick_value *rows, size_t stride, size_t count)
{
    assert(count <= TL_BATCH_ROWS);
    for (size_t i = 0; i < p->count; i++) {
        const struct tl_instruction *in = &p->instructions[i];
        if (in->expr->op == TL_OP_COLUMN)
            load(in, rows, stride, count);
        else if (in->expr->op != TL_OP_LITERAL && !run_one(p, in, count))
            return false;
    }
    for (size_t i = 0; i < p->output_count; i++)
        store(&p->instructions[p->outputs[i].instruction], rows, stride, p->outputs[i].slot, count);
    return true;
}

void tl_program_reset_text(struct tl_program *p)
{
    tl_arena_reset(&p->text);
}
