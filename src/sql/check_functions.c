/* SPDX-License-Identifier: Apache-2.0 */
#include "base/suggest.h"
#include "sql/check_expr_int.h"
#include "sql/functions.h"

#include <assert.h>

/* ---- what takes a part of time ---- */

/* 'hour', as the first argument. False after telling. */
static bool check_part(struct tl_expr_scope *s, const struct tl_ast_expr *e, enum tl_op op, enum tl_time_part *part)
{
    bool borders = op != TL_OP_EXTRACT; /* between which something is cut or counted: a day of the week has none of its own */
    bool known = tl_time_part_parse(e->args->text, part);
    if (known && (!borders || (*part != TL_PART_DOW && *part != TL_PART_DOY && *part != TL_PART_ISODOW)))
        return true;
    tl_checker_fail(s->c, e->args->place, NULL,
                    "'%.40s' is none of nanosecond, microsecond, millisecond, second, minute, hour, day, week, month, quarter, year%s",
                    e->args->text, borders ? "" : ", dow, isodow, doy");
    return false;
}

/* EXTRACT('hour', t), DATE_TRUNC('hour', t), DATE_DIFF('hour', from, to). */
static const struct tl_expr *check_time_part(struct tl_expr_scope *s, const struct tl_ast_expr *e, enum tl_op op)
{
    static const char *const forms[] = { "EXTRACT(HOUR FROM event_time)", "DATE_TRUNC('hour', event_time)",
                                         "DATE_DIFF('hour', from, to)" };
    const struct tl_ast_expr *of = e->args ? e->args->next : NULL;
    size_t wanted = op == TL_OP_DATE_DIFF ? 2 : 1, count = 0;
    for (const struct tl_ast_expr *a = of; a; a = a->next)
        count++;
    if (count != wanted || e->args->kind != TL_EXPR_STRING) {
        tl_checker_fail(s->c, e->place, NULL, "%s is written %s", e->text, forms[op - TL_OP_EXTRACT]);
        return NULL;
    }
    enum tl_time_part part = TL_PART_DAY;
    bool ok = check_part(s, e, op, &part);
    struct tl_expr *tree = ok ? tl_new_expr(s, op, op == TL_OP_TRUNCATE ? TL_TYPE_TIMESTAMP : TL_TYPE_BIGINT, e->place) : NULL;
    for (const struct tl_ast_expr *a = of; tree && a; a = a->next) {
        const struct tl_expr *t = tl_check_expr(s, a);
        bool date = t && t->type == TL_TYPE_DATE && op == TL_OP_TRUNCATE;
        t = date ? t : tl_expect(s, t, a, TL_TYPE_TIMESTAMP, e->text);
        if (!t || !tl_typed_add(s, tree, t, e->place))
            return NULL;
        tree->type = date ? TL_TYPE_DATE : tree->type;
        tree->part = part;
    }
    return tree;
}

/* STRFTIME(t, 'format'): the format is known, and so is right, before anything runs. */
static const struct tl_expr *check_strftime(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    const struct tl_ast_expr *format = e->args ? e->args->next : NULL;
    if (!format || format->next || format->kind != TL_EXPR_STRING) {
        tl_checker_fail(s->c, e->place, NULL, "%s is written STRFTIME(event_time, '%%Y-%%m-%%d %%H:%%M:%%S')", e->text);
        return NULL;
    }
    if (!tl_strftime_check(tl_view_of(format->text))) {
        tl_checker_fail(s->c, format->place, NULL, "a format has %%Y %%m %%d %%H %%M %%S %%g %%f %%n %%j %%V %%u %%%%, and at most %d bytes",
                        TL_STRFTIME_MAX);
        return NULL;
    }
    const struct tl_expr *t = tl_expect(s, tl_check_expr(s, e->args), e->args, TL_TYPE_TIMESTAMP, e->text);
    const struct tl_expr *by = t ? tl_typed_text(s, format->text, format->place) : NULL;
    return by ? tl_typed_node(s, TL_OP_STRFTIME, TL_TYPE_VARCHAR, e->place, t, by, NULL) : NULL;
}

/* ---- those of the table ---- */

static enum tl_type type_of_letter(char letter)
{
    switch (letter) {
    case 'd':
        return TL_TYPE_DOUBLE;
    case 'i':
        return TL_TYPE_BIGINT;
    case 'j':
        return TL_TYPE_INTEGER;
    case 't':
        return TL_TYPE_VARCHAR;
    case 'b':
        return TL_TYPE_BOOLEAN;
    default:
        assert(letter == 'T');
        return TL_TYPE_TIMESTAMP;
    }
}

/* The type that all 'n' of a signature become: the widest number. 0: one is no number. */
static enum tl_type number_type(const char *signature, const struct tl_expr *const *args)
{
    enum tl_type type = TL_TYPE_INTEGER;
    for (size_t i = 0; signature[i]; i++) {
        if (signature[i] != 'n' || args[i]->type == TL_UNTYPED)
            continue;
        if (!tl_is_number(args[i]->type))
            return 0;
        type = tl_rank(args[i]->type) > tl_rank(type) ? args[i]->type : type;
    }
    return type;
}

static const struct tl_expr *apply_function(struct tl_expr_scope *s, const struct tl_ast_expr *e,
                                            const struct tl_function *f, const struct tl_expr *const *args)
{
    enum tl_type number = strchr(f->args, 'n') ? number_type(f->args, args) : TL_TYPE_DOUBLE;
    const struct tl_ast_expr *at = e->args;
    const struct tl_expr *typed[TL_EXPR_ARGS_MAX] = { NULL, NULL, NULL };
    if (!number) {
        tl_checker_fail(s->c, e->place, NULL, "%s takes a number", f->name);
        return NULL;
    }
    size_t count = 0;
    for (; f->args[count]; count++, at = at->next) {
        enum tl_type type = f->args[count] == 'n' ? number : type_of_letter(f->args[count]);
        typed[count] = tl_expect(s, args[count], at, type, f->name);
        if (!typed[count])
            return NULL;
    }
    if (f->op == TL_OP_SUBSTRING && count == 2 && !(typed[2] = tl_typed_i64(s, TL_TYPE_BIGINT, INT64_MAX, e->place)))
        return NULL;
    struct tl_expr *tree =
        tl_new_expr(s, f->op, f->result == 'n' ? number : type_of_letter(f->result), e->place);
    for (size_t i = 0; tree && i < TL_COUNT(typed) && typed[i]; i++)
        if (!tl_typed_add(s, tree, typed[i], e->place))
            return NULL;
    if (tree)
        tree->part = (enum tl_time_part)f->part;
    return tree;
}

static const struct tl_expr *unknown_function(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    static const char *const aggregates[] = { "COUNT", "SUM",  "AVG",    "MIN",       "MAX",        "FIRST",
                                              "LAST",  "VWAP", "STDDEV", "STDDEV_POP", "STDDEV_SAMP" };
    static const char *const windows[] = { "LAG",  "LEAD",       "ROW_NUMBER", "RANK",     "DENSE_RANK",
                                           "NTILE", "PERCENT_RANK", "CUME_DIST", "NTH_VALUE" };
    static const struct {
        const char *word, *ours;
    } synonyms[] = {
        { "FIRST_VALUE", "FIRST" }, { "LAST_VALUE", "LAST" },  { "MEAN", "AVG" },         { "AVERAGE", "AVG" },
        { "MINIMUM", "MIN" },       { "MAXIMUM", "MAX" },      { "NVL", "COALESCE" },     { "LEN", "LENGTH" },
        { "UCASE", "UPPER" },       { "LCASE", "LOWER" },      { "LOG", "LN or LOG10" },  { "TRUNCATE", "TRUNC" },
        { "IIF", "IF" },            { "LOCATE", "STRPOS" },    { "INSTR", "STRPOS" },     { "DATEDIFF", "DATE_DIFF" },
        { "TIMESTAMPDIFF", "DATE_DIFF" }, { "DATE_FORMAT", "STRFTIME" }, { "TO_CHAR", "STRFTIME" },
        { "TO_TIMESTAMP", "PARSE_TIMESTAMP" }, { "FROM_UNIXTIME", "TO_TIMESTAMP_S" }, { "VAR_SAMP", "STDDEV" },
    };
    const char *names[128];
    size_t count = 0;
    for (size_t i = 0; i < TL_COUNT(synonyms); i++)
        if (tl_view_eq_ignore_case(tl_view_of(e->text), tl_view_of(synonyms[i].word))) {
            tl_checker_fail(s->c, e->name.place, synonyms[i].ours, "there is no function '%s'", e->text);
            return NULL;
        }
    for (size_t i = 0; i < TL_COUNT(windows); i++)
        if (tl_view_eq_ignore_case(tl_view_of(e->text), tl_view_of(windows[i]))) {
            tl_checker_fail(s->c, e->name.place, NULL, "%s needs OVER, which is not supported by this version", e->text);
            return NULL;
        }
    for (size_t i = 0; i < tl_function_count && count < TL_COUNT(names); i++)
        names[count++] = tl_functions[i].name;
    for (size_t i = 0; tl_special_functions[i] && count < TL_COUNT(names); i++)
        names[count++] = tl_special_functions[i];
    for (size_t i = 0; i < TL_COUNT(aggregates) && count < TL_COUNT(names); i++)
        names[count++] = aggregates[i];
    tl_checker_fail(s->c, e->name.place, tl_suggest(tl_view_of(e->text), names, count),
                    "there is no function '%s'", e->text);
    return NULL;
}

static const struct tl_expr *check_table_function(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    const struct tl_expr *args[TL_EXPR_ARGS_MAX + 1];
    const struct tl_function *named = NULL;
    size_t count = 0;
    for (size_t i = 0; i < tl_function_count && !named; i++)
        if (tl_view_eq_ignore_case(tl_view_of(e->text), tl_view_of(tl_functions[i].name)))
            named = &tl_functions[i];
    if (!named)
        return unknown_function(s, e);
    for (const struct tl_ast_expr *a = e->args; a; a = a->next, count++)
        if (count < TL_COUNT(args) && !(args[count] = tl_check_expr(s, a)))
            return NULL;
    for (const struct tl_function *f = named;
         f < tl_functions + tl_function_count && strcmp(f->name, named->name) == 0; f++)
        if (strlen(f->args) == count)
            return apply_function(s, e, f, args);
    size_t most = strlen(named->args);
    for (const struct tl_function *f = named; f < tl_functions + tl_function_count && strcmp(f->name, named->name) == 0; f++)
        most = strlen(f->args);
    if (most > strlen(named->args))
        tl_checker_fail(s->c, e->place, NULL, "%s takes %zu or %zu arguments", named->name, strlen(named->args), most);
    else
        tl_checker_fail(s->c, e->place, NULL, "%s takes %zu argument%s", named->name, most, most == 1 ? "" : "s");
    return NULL;
}

static bool is_called(const struct tl_ast_expr *e, const char *name)
{
    return tl_view_eq_ignore_case(tl_view_of(e->text), tl_view_of(name));
}

/* The forms that the table cannot say. *is_form: it is one. */
static const struct tl_expr *check_form(struct tl_expr_scope *s, const struct tl_ast_expr *e, bool *is_form)
{
    *is_form = true;
    if (is_called(e, "COALESCE") || is_called(e, "IFNULL"))
        return tl_check_fold(s, e, TL_OP_COALESCE);
    if (is_called(e, "GREATEST"))
        return tl_check_fold(s, e, TL_OP_GREATEST);
    if (is_called(e, "LEAST"))
        return tl_check_fold(s, e, TL_OP_LEAST);
    if (is_called(e, "CONCAT"))
        return tl_check_concat(s, e);
    if (is_called(e, "NULLIF"))
        return tl_check_nullif(s, e);
    if (is_called(e, "IF"))
        return tl_check_if(s, e);
    if (is_called(e, "EXTRACT"))
        return check_time_part(s, e, TL_OP_EXTRACT);
    if (is_called(e, "DATE_TRUNC"))
        return check_time_part(s, e, TL_OP_TRUNCATE);
    if (is_called(e, "DATE_DIFF"))
        return check_time_part(s, e, TL_OP_DATE_DIFF);
    if (is_called(e, "STRFTIME"))
        return check_strftime(s, e);
    *is_form = false;
    return NULL;
}

const struct tl_expr *tl_check_function(struct tl_expr_scope *s, const struct tl_ast_expr *e)
{
    bool is_form;
    if (tl_is_aggregate_name(e->text)) {
        tl_checker_fail(s->c, e->place, NULL, "an aggregate stands in a view's SELECT or HAVING, not here%s",
                        s->view ? " (nor inside another one)" : "");
        return NULL;
    }
    if (e->star || e->distinct || e->ignore_nulls)
        return unknown_function(s, e);
    if (is_called(e, "NOW") || is_called(e, "CURRENT_TIMESTAMP") || is_called(e, "RANDOM")) {
        tl_checker_fail(s->c, e->place, NULL, "%s in a view would give other rows at each run (rule 10)%s", e->text,
                        is_called(e, "RANDOM") ? "" : ": the record's own time is its event time");
        return NULL;
    }
    const struct tl_expr *tree = check_form(s, e, &is_form);
    return is_form ? tree : check_table_function(s, e);
}
