/* SPDX-License-Identifier: Apache-2.0 */
/* sql/sql_text.h: typed expressions as SQL of another engine: one walk of the tree, and a table for each dialect.
 *
 * A dialect is data: for each operation (and, where it matters, the types it is of) a pattern that its arguments are put into. What a
 * dialect cannot say is a rule without a pattern, which names what to do instead. Parentheses are set where they are needed only:
 * what is written is read by people. CASE, COALESCE and the like, which the plan has as nodes of two or three, come out as one. */
#pragma once

#include "base/buf.h"
#include "engine/plan.h"

/* How tight an operator binds; from tight to loose. */
enum tl_sql_binds { TL_BINDS_CALL, TL_BINDS_SIGN, TL_BINDS_TIMES, TL_BINDS_PLUS, TL_BINDS_COMPARE, TL_BINDS_NOT, TL_BINDS_AND, TL_BINDS_OR };

#define TL_SQL_PART(part) ((part) + 1) /* of a rule: 0 is any */

/* The first rule that fits is the one: of the dialect's own, then of sql_standard.c, which has what engines write alike. In a pattern, for n = 1, 2, 3:
 *   $n  the argument as an operand: in parentheses if it binds as loosely as this operation or more so (the first may be alike)
 *   @n  the argument as it stands: where parentheses or commas are around it
 *   #n  as @n, but a 32-bit whole number: the dialect's int32
 *   ~n  a STRFTIME format, which is a literal, as a quoted Java pattern ("yyyy-MM-dd") */
struct tl_sql_rule {
    enum tl_op op;
    enum tl_type of;         /* type of the first argument; 0: any */
    enum tl_type to;         /* of the result; 0: any */
    unsigned args;           /* how many; 0: any */
    unsigned part;           /* TL_SQL_PART(TL_PART_...); 0: any */
    bool literal;            /* the last argument is a literal, and not below 0 */
    enum tl_sql_binds binds;
    const char *text;        /* the pattern; NULL: refused */
    const char *instead;     /* NULL text: what to do: "write it as ..." */
};
struct tl_sql_dialect {
    const char *engine;         /* "Spark", in messages */
    const struct tl_sql_rule *rules;
    size_t rule_count;
    const char *types[TL_TYPE_TIMESTAMP + 1]; /* by tl_type: "STRING" */
    const char *int32;          /* "INT(@1)" */
    const char *literals[TL_TYPE_TIMESTAMP + 1]; /* by type, @1 being the plain text: "@1L", "DATE '@1'" */
    bool backslash;             /* in strings: \' and \\ (else '' and \) */
    const char *const *reserved; /* words that cannot stand as names unquoted, in lower case, NULL-terminated; NULL: quote all names */
    int time_digits;            /* of a fraction in its TIMESTAMP: 6 or 9; more are cut */
    bool calcite;               /* intervals: nothing finer than SECOND, two digits of a unit; a DOUBLE is a number with an exponent */
};
struct tl_sql_writer {
    const struct tl_sql_dialect *dialect;
    const char *const *names; /* of slots; what begins with '=' is SQL behind it, and no name */
    struct tl_buf *out;
    const struct tl_plan *plan; /* for refusals, with */
    const char *subject;        /* "view 'avg_1min'" */
};

/* Adds the expression. False after a refusal, or where the buffer failed. */
TL_MUST_USE bool tl_sql_write(const struct tl_sql_writer *w, const struct tl_expr *e, struct tl_error *error);
/* Adds a name, in backticks where the dialect needs them. */
void tl_sql_write_name(const struct tl_sql_dialect *d, const char *name, struct tl_buf *out);
/* Adds a text in quotes. */
void tl_sql_write_text(const struct tl_sql_dialect *d, struct tl_view text, struct tl_buf *out);
/* "5 minutes" or, with quote, "'5' MINUTE": the largest unit, of DAY to MICROSECOND, of which ns, which is not below 0, is a whole
 * number (what is finer is rounded up). */
void tl_sql_write_span(int64_t ns, bool quote, struct tl_buf *out);
/* "INTERVAL '5' MINUTE", as the dialect writes it. */
void tl_sql_write_interval(const struct tl_sql_dialect *d, int64_t ns, struct tl_buf *out);
