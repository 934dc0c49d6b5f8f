/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/sql_text.h"

#include "base/time.h"
#include "sql/export_refuse.h"
#include "sql/sql_standard.h"

#include <assert.h>
#include <stdio.h>

static bool is_plain(const char *name)
{
    bool plain = name[0] == '_' || (name[0] >= 'a' && name[0] <= 'z') || (name[0] >= 'A' && name[0] <= 'Z');
    for (const char *p = name; *p && plain; p++)
        plain = *p == '_' || (*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9');
    return plain;
}

void tl_sql_write_name(const struct tl_sql_dialect *d, const char *name, struct tl_buf *out)
{
    bool quote = !d->reserved || !is_plain(name);
    for (size_t i = 0; !quote && d->reserved[i]; i++)
        quote = tl_view_eq_ignore_case(tl_view_of(name), tl_view_of(d->reserved[i]));
    if (!quote) {
        tl_buf_add_text(out, name);
        return;
    }
    tl_buf_add_char(out, '`');
    for (const char *p = name; *p; p++)
        tl_buf_add_text(out, *p == '`' ? "``" : (char[]){ *p, '\0' });
    tl_buf_add_char(out, '`');
}

void tl_sql_write_text(const struct tl_sql_dialect *d, struct tl_view text, struct tl_buf *out)
{
    tl_buf_add_char(out, '\'');
    for (size_t i = 0; i < text.size; i++) {
        char c = text.data[i];
        if (c == '\'')
            tl_buf_add_char(out, d->backslash ? '\\' : '\'');
        else if (c == '\\' && d->backslash)
            tl_buf_add_char(out, '\\');
        tl_buf_add_char(out, c);
    }
    tl_buf_add_char(out, '\'');
}

void tl_sql_write_span(int64_t ns, bool quote, struct tl_buf *out)
{
    static const struct {
        int64_t ns;
        const char *upper, *lower;
    } units[] = {
        { 1440 * TL_NS_PER_MIN, "DAY", "day" },       { 60 * TL_NS_PER_MIN, "HOUR", "hour" },
        { TL_NS_PER_MIN, "MINUTE", "minute" },        { TL_NS_PER_S, "SECOND", "second" },
        { TL_NS_PER_MS, "MILLISECOND", "millisecond" }, { TL_NS_PER_US, "MICROSECOND", "microsecond" },
    };
    size_t u = 0;
    while (u + 1 < TL_COUNT(units) && (ns % units[u].ns != 0 || (ns == 0 && u < 3)))
        u++;
    int64_t n = ns / units[u].ns + (ns % units[u].ns > 0);
    if (quote)
        tl_buf_addf(out, "'%lld' %s", (long long)n, units[u].upper);
    else
        tl_buf_addf(out, "%lld %s%s", (long long)n, units[u].lower, n == 1 ? "" : "s");
}

/* Calcite's units have two digits unless told otherwise, and the finest is a fraction of a second. */
static void write_calcite_interval(int64_t ns, struct tl_buf *out)
{
    static const struct {
        int64_t ns;
        const char *name;
    } units[] = { { 1440 * TL_NS_PER_MIN, "DAY" }, { 60 * TL_NS_PER_MIN, "HOUR" }, { TL_NS_PER_MIN, "MINUTE" }, { TL_NS_PER_S, "SECOND" } };
    for (size_t i = 0; i < TL_COUNT(units); i++)
        if (ns % units[i].ns == 0 && ns / units[i].ns <= 99 && (ns || i == 3)) {
            tl_buf_addf(out, "INTERVAL '%lld' %s", (long long)(ns / units[i].ns), units[i].name);
            return;
        }
    int64_t s = ns / TL_NS_PER_S, ms = ns % TL_NS_PER_S / TL_NS_PER_MS;
    if (s < 60)
        tl_buf_addf(out, "INTERVAL '%lld.%03lld' SECOND", (long long)s, (long long)ms);
    else
        tl_buf_addf(out, "INTERVAL '%lld %02lld:%02lld:%02lld.%03lld' DAY(3) TO SECOND(3)", (long long)(s / 86400), (long long)(s / 3600 % 24),
                    (long long)(s / 60 % 60), (long long)(s % 60), (long long)ms);
}

void tl_sql_write_interval(const struct tl_sql_dialect *d, int64_t ns, struct tl_buf *out)
{
    if (d->calcite) {
        write_calcite_interval(ns, out);
        return;
    }
    tl_buf_add_text(out, "INTERVAL ");
    tl_sql_write_span(ns, true, out);
}

/* ---- literals ---- */

/* The fraction that the engine has room for. */
static void add_instant(int64_t ns, int digits, struct tl_buf *out)
{
    char text[TL_TIME_TEXT_MAX];
    int64_t unit = digits == 6 ? TL_NS_PER_US : 1;
    tl_time_format(tl_floor_div(ns, unit) * unit, TL_TIME_SQL, text);
    tl_buf_add_text(out, text);
}

static void add_plain(const struct tl_sql_dialect *d, const struct tl_expr *e, struct tl_buf *out)
{
    char day[11];
    switch (e->type) {
    case TL_TYPE_DATE:
        tl_date_format(e->value.as.i64, day);
        tl_buf_add_text(out, day);
        break;
    case TL_TYPE_TIMESTAMP:
        add_instant(e->value.as.i64, d->time_digits, out);
        break;
    case TL_TYPE_DOUBLE:
        tl_buf_add_double(out, e->value.as.f64);
        break;
    case TL_TYPE_BOOLEAN:
        tl_buf_add_text(out, e->value.as.i64 ? "TRUE" : "FALSE");
        break;
    default:
        tl_buf_add_i64(out, e->value.as.i64);
    }
}

static void add_literal(const struct tl_sql_dialect *d, const struct tl_expr *e, struct tl_buf *out)
{
    if (e->value.null) {
        tl_buf_addf(out, "CAST(NULL AS %s)", d->types[e->type]);
        return;
    }
    if (e->type == TL_TYPE_VARCHAR) {
        tl_sql_write_text(d, e->value.as.text, out);
        return;
    }
    if (e->type == TL_TYPE_DOUBLE && d->calcite) { /* a DOUBLE is what has an exponent */
        size_t from = out->size;
        add_plain(d, e, out);
        tl_buf_add_text(out, out->size > from && memchr(out->data + from, 'e', out->size - from) ? "" : "E0");
        return;
    }
    for (const char *p = d->literals[e->type]; *p; p++) {
        if (p[0] == '@' && p[1] == '1') {
            add_plain(d, e, out);
            p++;
        } else {
            tl_buf_add_char(out, *p);
        }
    }
}

static bool is_literal(const struct tl_expr *e)
{
    return e->op == TL_OP_LITERAL && !e->value.null;
}

/* "%Y-%m" as 'yyyy-MM'. False: it holds what Java's patterns have no letter for in both engines. */
static bool add_java_pattern(struct tl_view format, struct tl_buf *out)
{
    static const struct {
        char c;
        const char *java;
    } known[] = { { 'Y', "yyyy" }, { 'm', "MM" }, { 'd', "dd" }, { 'H', "HH" }, { 'M', "mm" }, { 'S', "ss" }, { 'g', "SSS" }, { 'f', "SSSSSS" }, { 'j', "DDD" } };
    for (size_t i = 0; i < format.size; i++) {
        char c = format.data[i];
        const char *java = NULL;
        if (c == '%') {
            c = ++i < format.size ? format.data[i] : '\0';
            for (size_t k = 0; k < TL_COUNT(known); k++)
                java = known[k].c == c ? known[k].java : java;
            if (!java && c != '%')
                return false;
        }
        if (java)
            tl_buf_add_text(out, java);
        else if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'))
            tl_buf_addf(out, "'%c'", c); /* letters are fields, but in quotes */
        else if (c == '\'' || c == '[' || c == ']' || c == '{' || c == '}' || c == '#')
            tl_buf_addf(out, c == '\'' ? "''" : "'%c'", c);
        else
            tl_buf_add_char(out, c);
    }
    return true;
}

/* ---- the walk ---- */

static bool rule_fits(const struct tl_sql_rule *r, const struct tl_expr *e)
{
    if (r->op != e->op || (r->to && r->to != e->type) || (r->args && r->args != e->arg_count))
        return false;
    if ((r->of && (e->arg_count == 0 || e->args[0]->type != r->of)) || (r->part && r->part != TL_SQL_PART((unsigned)e->part)))
        return false;
    const struct tl_expr *last = e->arg_count ? e->args[e->arg_count - 1] : NULL;
    return !r->literal || (last && is_literal(last) && (last->type == TL_TYPE_VARCHAR || last->value.as.i64 >= 0));
}

static const struct tl_sql_rule *first_of(const struct tl_sql_rule *rules, size_t count, const struct tl_expr *e)
{
    for (size_t i = 0; i < count; i++)
        if (rule_fits(&rules[i], e))
            return &rules[i];
    return NULL;
}

static const struct tl_sql_rule *rule_find(const struct tl_sql_dialect *d, const struct tl_expr *e)
{
    const struct tl_sql_rule *own = first_of(d->rules, d->rule_count, e);
    return own ? own : first_of(tl_sql_standard, tl_sql_standard_count, e);
}

static bool refuse(const struct tl_sql_writer *w, const struct tl_expr *e, const char *instead, struct tl_error *error)
{
    char what[128];
    if (e->op == TL_OP_CAST)
        snprintf(what, sizeof what, "CAST of %s to %s", tl_type_name(e->args[0]->type), tl_type_name(e->type));
    else
        snprintf(what, sizeof what, "%s", tl_op_name(e->op));
    return tl_export_refuse(w->plan, e->place, error, "%s: %s is not exported to %s%s%s", w->subject, what, w->dialect->engine,
                        instead ? ": " : "", instead ? instead : "");
}

static enum tl_sql_binds binds_of(const struct tl_sql_dialect *d, const struct tl_expr *e)
{
    if (e->op == TL_OP_LITERAL && (e->type == TL_TYPE_DOUBLE ? e->value.as.f64 < 0 : e->type != TL_TYPE_VARCHAR && e->value.as.i64 < 0))
        return TL_BINDS_SIGN;
    if (e->op == TL_OP_LITERAL || e->op == TL_OP_COLUMN || e->op == TL_OP_IF || e->op == TL_OP_COALESCE)
        return TL_BINDS_CALL;
    if (e->op == TL_OP_LIKE)
        return TL_BINDS_COMPARE;
    if (e->op == TL_OP_ADD_NS && is_literal(e->args[1]))
        return TL_BINDS_PLUS;
    const struct tl_sql_rule *rule = rule_find(d, e);
    return rule ? rule->binds : TL_BINDS_CALL;
}

static bool write_operand(const struct tl_sql_writer *w, const struct tl_expr *arg, const struct tl_sql_rule *rule, bool first,
                          struct tl_error *error)
{
    enum tl_sql_binds inner = binds_of(w->dialect, arg);
    /* AND and OR may be written in a row whichever way they are nested; comparisons never. */
    bool chains = rule->binds == TL_BINDS_AND || rule->binds == TL_BINDS_OR || (first && rule->binds != TL_BINDS_COMPARE);
    bool parentheses = inner > rule->binds || (inner == rule->binds && inner != TL_BINDS_CALL && !chains);
    if (parentheses)
        tl_buf_add_char(w->out, '(');
    if (!tl_sql_write(w, arg, error))
        return false;
    if (parentheses)
        tl_buf_add_char(w->out, ')');
    return true;
}

static bool write_int32(const struct tl_sql_writer *w, const struct tl_expr *arg, struct tl_error *error)
{
    if (is_literal(arg) || arg->type == TL_TYPE_INTEGER) {
        if (is_literal(arg)) /* "to the end" is as many as there can be */
            tl_buf_add_i64(w->out, arg->value.as.i64 > INT32_MAX ? INT32_MAX : arg->value.as.i64);
        return is_literal(arg) || tl_sql_write(w, arg, error);
    }
    for (const char *p = w->dialect->int32; *p; p++) {
        if (p[0] != '@')
            tl_buf_add_char(w->out, *p);
        else if (!tl_sql_write(w, arg, error))
            return false;
        p += p[0] == '@';
    }
    return true;
}

static bool write_format(const struct tl_sql_writer *w, const struct tl_expr *e, const struct tl_expr *arg, struct tl_error *error)
{
    struct tl_buf pattern;
    tl_buf_init(&pattern, 1 << 16);
    bool ok = is_literal(arg) && add_java_pattern(arg->value.as.text, &pattern);
    if (ok)
        tl_sql_write_text(w->dialect, tl_buf_view(&pattern), w->out);
    ok = ok ? tl_buf_ok(&pattern, "a format", error) : refuse(w, e, "of its fields it has %Y %m %d %H %M %S %g %f %j %%", error);
    tl_buf_release(&pattern);
    return ok;
}

static bool write_hole(const struct tl_sql_writer *w, const struct tl_expr *e, const struct tl_sql_rule *rule, const char *hole,
                       struct tl_error *error)
{
    unsigned n = (unsigned)(hole[1] - '1');
    assert(n < e->arg_count);
    const struct tl_expr *arg = e->args[n];
    switch (hole[0]) {
    case '$':
        return write_operand(w, arg, rule, n == 0, error);
    case '#':
        return write_int32(w, arg, error);
    case '~':
        return write_format(w, e, arg, error);
    default:
        return tl_sql_write(w, arg, error);
    }
}

static bool is_hole(const char *p)
{
    return strchr("$@#~", p[0]) && p[1] >= '1' && p[1] <= '3';
}

static bool write_by_rule(const struct tl_sql_writer *w, const struct tl_expr *e, struct tl_error *error)
{
    const struct tl_sql_rule *rule = rule_find(w->dialect, e);
    if (!rule || !rule->text)
        return refuse(w, e, rule ? rule->instead : NULL, error);
    for (const char *p = rule->text; *p; p++) {
        if (!is_hole(p)) {
            tl_buf_add_char(w->out, *p);
            continue;
        }
        if (!write_hole(w, e, rule, p, error))
            return false;
        p++;
    }
    return true;
}

/* IF (a, b, IF (c, d, e)) is one CASE. */
static bool write_case(const struct tl_sql_writer *w, const struct tl_expr *e, struct tl_error *error)
{
    tl_buf_add_text(w->out, "CASE");
    for (; e->op == TL_OP_IF; e = e->args[2]) {
        tl_buf_add_text(w->out, " WHEN ");
        if (!tl_sql_write(w, e->args[0], error))
            return false;
        tl_buf_add_text(w->out, " THEN ");
        if (!tl_sql_write(w, e->args[1], error))
            return false;
    }
    if (e->op != TL_OP_LITERAL || !e->value.null) {
        tl_buf_add_text(w->out, " ELSE ");
        if (!tl_sql_write(w, e, error))
            return false;
    }
    tl_buf_add_text(w->out, " END");
    return true;
}

/* COALESCE(a, COALESCE(b, c)) and COALESCE(COALESCE(a, b), c) are one. */
static bool write_coalesced(const struct tl_sql_writer *w, const struct tl_expr *e, struct tl_error *error)
{
    for (unsigned i = 0; i < e->arg_count; i++) {
        const struct tl_expr *arg = e->args[i];
        if (i)
            tl_buf_add_text(w->out, ", ");
        if (!(arg->op == TL_OP_COALESCE ? write_coalesced(w, arg, error) : tl_sql_write(w, arg, error)))
            return false;
    }
    return true;
}

#define LIST_MAX 256

/* The leaves of a row of OR, from left to right; at most LIST_MAX. */
static size_t leaves_of(const struct tl_expr *e, const struct tl_expr **out, size_t count)
{
    if (e->op == TL_OP_OR)
        return leaves_of(e->args[1], out, leaves_of(e->args[0], out, count));
    if (count < LIST_MAX)
        out[count] = e;
    return count + 1;
}

/* x = 1 OR x = 2 is x IN (1, 2), as it was written. */
static bool is_list(const struct tl_expr *const *leaves, size_t count)
{
    bool list = count >= 2 && count <= LIST_MAX;
    for (size_t i = 0; list && i < count; i++)
        list = leaves[i]->op == TL_OP_EQ && is_literal(leaves[i]->args[1]) && tl_expr_equal(leaves[i]->args[0], leaves[0]->args[0]);
    return list;
}

static bool write_or(const struct tl_sql_writer *w, const struct tl_expr *e, struct tl_error *error)
{
    const struct tl_sql_rule in = { .op = TL_OP_EQ, .binds = TL_BINDS_COMPARE };
    const struct tl_expr *leaves[LIST_MAX];
    size_t count = leaves_of(e, leaves, 0);
    if (!is_list(leaves, count))
        return write_by_rule(w, e, error);
    if (!write_operand(w, leaves[0]->args[0], &in, true, error))
        return false;
    for (size_t i = 0; i < count; i++) {
        tl_buf_add_text(w->out, i ? ", " : " IN (");
        if (!tl_sql_write(w, leaves[i]->args[1], error))
            return false;
    }
    tl_buf_add_char(w->out, ')');
    return true;
}

/* Both engines take a backslash in a pattern for an escape unless told otherwise; here nothing is one unless told. */
static bool write_like(const struct tl_sql_writer *w, const struct tl_expr *e, struct tl_error *error)
{
    const struct tl_sql_rule like = { .op = TL_OP_LIKE, .binds = TL_BINDS_COMPARE };
    const struct tl_expr *of = e->args[1]->op == TL_OP_LOWER ? e->args[1]->args[0] : e->args[1]; /* ILIKE lowers its pattern */
    struct tl_view escape = e->args[2]->value.as.text, pattern = of->value.as.text;
    bool literal = is_literal(of);
    if (escape.size == 0 && (!literal || memchr(pattern.data, '\\', pattern.size))) {
        const char *unused = "!~^|#";
        while (literal && *unused && memchr(pattern.data, *unused, pattern.size))
            unused++;
        if (!literal || !*unused)
            return refuse(w, e, "name an escape character: LIKE pattern ESCAPE '!'", error);
        escape = (struct tl_view){ unused, 1 };
    }
    if (!write_operand(w, e->args[0], &like, true, error))
        return false;
    tl_buf_add_text(w->out, " LIKE ");
    if (!write_operand(w, e->args[1], &like, false, error))
        return false;
    if (escape.size) {
        tl_buf_add_text(w->out, " ESCAPE ");
        tl_sql_write_text(w->dialect, escape, w->out);
    }
    return true;
}

/* An instant and a literal of nanoseconds: t - INTERVAL '2' HOUR. */
static bool write_shifted(const struct tl_sql_writer *w, const struct tl_expr *e, struct tl_error *error)
{
    const struct tl_sql_rule shift = { .op = TL_OP_ADD_NS, .binds = TL_BINDS_PLUS };
    int64_t ns = e->args[1]->value.as.i64;
    if (!write_operand(w, e->args[0], &shift, true, error))
        return false;
    tl_buf_add_text(w->out, ns < 0 ? " - " : " + ");
    tl_sql_write_interval(w->dialect, ns < 0 ? -ns : ns, w->out);
    return true;
}

static bool is_shifted(const struct tl_expr *e)
{
    return e->op == TL_OP_ADD_NS && is_literal(e->args[1]) && e->args[1]->value.as.i64 != INT64_MIN;
}

bool tl_sql_write(const struct tl_sql_writer *w, const struct tl_expr *e, struct tl_error *error)
{
    switch (e->op) {
    case TL_OP_COLUMN:
        if (w->names[e->slot][0] == '=')
            tl_buf_addf(w->out, strchr(w->names[e->slot], ' ') ? "(%s)" : "%s", w->names[e->slot] + 1);
        else
            tl_sql_write_name(w->dialect, w->names[e->slot], w->out);
        break;
    case TL_OP_LITERAL:
        add_literal(w->dialect, e, w->out);
        break;
    case TL_OP_IF:
        if (!write_case(w, e, error))
            return false;
        break;
    case TL_OP_COALESCE:
        tl_buf_add_text(w->out, "COALESCE(");
        if (!write_coalesced(w, e, error))
            return false;
        tl_buf_add_char(w->out, ')');
        break;
    case TL_OP_OR:
        if (!write_or(w, e, error))
            return false;
        break;
    case TL_OP_LIKE:
        if (!write_like(w, e, error))
            return false;
        break;
    default:
        if (is_shifted(e) ? !write_shifted(w, e, error) : !write_by_rule(w, e, error))
            return false;
    }
    return tl_buf_ok(w->out, "an expression", error);
}
