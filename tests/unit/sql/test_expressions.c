/* SPDX-License-Identifier: Apache-2.0 */
/* An expression in a view means what it means in DuckDB: random typed expressions over random rows, by both.
 *
 * The differences that are meant are in docs/language.md ("Where DuckDB differs"), and are written out here as what DuckDB is asked:
 * what has no value is NULL (TRY, TRY_CAST, fin: a DOUBLE that is finite, inst: an instant between 1677 and 2262),
 * and the remainder of the least integer by -1 is 0 (HUGEINT). What DuckDB reads or
 * writes in more forms than we do is left out by what is generated, never by its value: texts that are cast to DATE or TIMESTAMP are
 * ISO-8601 or nonsense ('z' below; not hour 24), a TIMESTAMP is cast to VARCHAR at whole seconds, FLOOR and its like are of DOUBLEs (of a whole
 * number they are that number, and DuckDB's go through DOUBLE), instants are of whole microseconds, and of whole milliseconds where EPOCH_MS is
 * taken of one before 1970 (which DuckDB rounds up).
 *
 * TL_SEED repeats a run, TL_EXPRESSIONS sets their number. The first that differs is made small and printed. */
#include "support.h"

#include "base/time.h"
#include "engine/program.h"
#include "lake/duck.h"
#include "lake/duck_cursor.h"
#include "sql/pipeline.h"

#include <math.h>

#define ROWS 48
#define BATCH 100 /* expressions in one statement */
#define EXPRESSIONS 10000
#define NODES_MAX 400
#define DEPTH 4

/* ---- columns and their values ---- */

/* d DOUBLE, i BIGINT, j INTEGER, b BOOLEAN, t VARCHAR, D DATE, T TIMESTAMP; z: a VARCHAR that may be an ISO-8601 instant. */
static const struct column {
    const char *name;
    char letter;
} columns[] = {
    { "x", 'd' },  { "y", 'd' }, { "n", 'i' },  { "o", 'i' },  { "i", 'j' }, { "j", 'j' },  { "b", 'b' },  { "c", 'b' },
    { "s", 't' },  { "u", 't' }, { "p", 'D' },  { "q", 'D' },  { "m", 'T' }, { "w", 'T' },  { "iso", 'z' }, { "tiny", 'k' },
};
#define COLUMNS TL_COUNT(columns)

static enum tl_type type_of(char letter)
{
    switch (letter) {
    case 'd':
        return TL_TYPE_DOUBLE;
    case 'i':
        return TL_TYPE_BIGINT;
    case 'j':
    case 'k':
        return TL_TYPE_INTEGER;
    case 'b':
        return TL_TYPE_BOOLEAN;
    case 'D':
        return TL_TYPE_DATE;
    case 'T':
        return TL_TYPE_TIMESTAMP;
    default:
        return TL_TYPE_VARCHAR;
    }
}

static const double doubles[] = { 0,     -0.0,  1,     -1,     0.5,    1.5,    2.5,     -2.5,       0.1,     1e-5,  1234.5678, 1e15,
                                  1e16,  0.3,   1e300, -1e308, 5e-324, 1e-300, 2147483647.5, 9.2233720368547758e18,
                                  -9.2233720368547758e18, 100, 99.995, 3.14159 };
static const int64_t integers[] = { 0, 1, -1, 7, 10, INT64_MAX, INT64_MIN, (INT64_C(1) << 53) + 1, INT64_C(1) << 31, -400, 86400, 1709209845123 };
static const char *const texts[] = {
    "", "a", "Abc", "hello world", " pad ", "42", "-7", "+5", "3.14", "1e3", "-2.5", "9223372036854775808", "2147483648", "abc", "100%",
    "a_b", "a%b", "TRUE", "f", "yes", "No", "0", "maybe", "\xc3\x84\xc3\x96\xc3\xbc \xc3\x9f", "\xe6\x97\xa5\xe6\x9c\xac\xe8\xaa\x9e",
    ("e\xcc\x81" "a"), "\xf0\x9f\x98\x80x", "\xc2\xa0x\xc2\xa0", "\xc4\xb0\xc4\xb1", "it's", "x,y,z", ",,", "aaa", "AAPL", "aXbXc",
};
static const char *const instants[] = {
    "2024-02-29", "2024-02-29 12:34:56", "1969-12-31T23:59:59.5", "2024-01-01 00:00:00+05:30", "2000-01-01T00:00:00Z", "2023-02-29",
    "2024-13-01", "x", "", "2024-06-30 23:59:59.999999", "1700-01-01", "2024-01-01 25:00:00", "2024-01-01T10:20:30-08:00",
};

static struct tl_tick_value value(struct test_random *r, char letter)
{
    uint64_t pick = test_random_u64(r);
    struct tl_tick_value v = { .null = test_random_below(r, 7) == 0 };
    if (v.null)
        return v;
    bool odd = pick & 1;
    switch (letter) {
    case 'd':
        v.as.f64 = odd ? doubles[(pick >> 8) % TL_COUNT(doubles)]
                       : (double)(int64_t)test_random_u64(r) / (pick & 2 ? 1e16 : 0x1p60) * (pick & 4 ? 1 : 1e6);
        break;
    case 'i':
        v.as.i64 = odd ? integers[(pick >> 8) % TL_COUNT(integers)] : (int64_t)test_random_u64(r) >> (pick >> 8) % 60;
        break;
    case 'j':
        v.as.i64 = odd ? (pick & 2 ? INT32_MAX : INT32_MIN) + (int64_t)(pick & 2 ? 0 : (pick >> 8) % 3)
                       : (int64_t)((pick >> 8) % 2000) - 1000;
        break;
    case 'k':
        v.as.i64 = (int64_t)((pick >> 8) % 19) - 9;
        break;
    case 'b':
        v.as.i64 = odd;
        break;
    case 'D':
        v.as.i64 = odd ? (int64_t)((pick >> 8) % 800) + 19600 : (int64_t)((pick >> 8) % 40000) - 20000;
        break;
    case 'T':
        v.as.i64 = odd ? (int64_t)((pick >> 8) % 200000000) * 1000003000 - 30000000 * TL_NS_PER_S
                       : (int64_t)test_random_u64(r) / 1000 / (pick & 2 ? 1 : 1000) * 1000;
        break;
    case 'z':
        v.as.text = tl_view_of(instants[(pick >> 8) % TL_COUNT(instants)]);
        break;
    default:
        v.as.text = tl_view_of(texts[(pick >> 8) % TL_COUNT(texts)]);
    }
    return v;
}

/* ---- operations ---- */

/* signature: the result, then the arguments. x: one type, the same for all of them; l: a small whole number, written out; C: a
 * column of texts, some of them not ASCII (outside of an ASCII text DuckDB's SUBSTRING is another one); z, k as above. duck: what DuckDB is asked; NULL: the same. */
static const struct operation {
    const char *signature, *ours, *duck;
} operations[] = {
    { "ddd", "($1 + $2)", "fin(TRY($1 + $2))" },
    { "ddd", "($1 - $2)", "fin(TRY($1 - $2))" },
    { "ddd", "($1 * $2)", "fin(TRY($1 * $2))" },
    { "ddd", "($1 / $2)", "fin(TRY($1 / $2))" },
    { "ddd", "($1 % $2)", "fin(TRY($1 % $2))" },
    { "dii", "($1 / $2)", "fin(TRY($1 / $2))" },
    { "ddi", "($1 * $2)", "fin(TRY($1 * $2))" },
    { "djd", "($1 - $2)", "fin(TRY($1 - $2))" },
    { "dd", "(- $1)", NULL },
    { "dd", "ABS($1)", NULL },
    { "dd", "FLOOR($1)", NULL },
    { "dd", "CEIL($1)", NULL },
    { "dd", "CEILING($1)", NULL },
    { "dd", "TRUNC($1)", NULL },
    { "dd", "ROUND($1)", NULL },
    { "ddl", "ROUND($1, $2)", NULL },
    { "dd", "SQRT($1)", "fin(TRY(SQRT($1)))" },
    { "dd", "EXP($1)", "fin(TRY(EXP($1)))" },
    { "dd", "LN($1)", "fin(TRY(LN($1)))" },
    { "dd", "LOG2($1)", "fin(TRY(LOG2($1)))" },
    { "dd", "LOG10($1)", "fin(TRY(LOG10($1)))" },
    { "ddd", "POWER($1, $2)", "fin(TRY(POWER($1, $2)))" },
    { "ddl", "POW($1, $2)", "fin(TRY(POW($1, $2)))" },
    { "di", "CAST($1 AS DOUBLE)", NULL },
    { "dj", "CAST($1 AS DOUBLE)", NULL },
    { "db", "CAST($1 AS DOUBLE)", NULL },
    { "dt", "CAST($1 AS DOUBLE)", "fin(TRY_CAST($1 AS DOUBLE))" },
    { "iii", "($1 + $2)", "TRY($1 + $2)" },
    { "iii", "($1 - $2)", "TRY($1 - $2)" },
    { "iii", "($1 * $2)", "TRY($1 * $2)" },
    { "iii", "($1 % $2)", "CAST(TRY(CAST($1 AS HUGEINT) % $2) AS BIGINT)" },
    { "iij", "($1 + $2)", "TRY($1 + $2)" },
    { "iji", "MOD($1, $2)", "CAST(TRY(CAST($1 AS HUGEINT) % $2) AS BIGINT)" },
    { "ii", "(- $1)", "TRY(- $1)" },
    { "ii", "ABS($1)", "TRY(ABS($1))" },
    { "jjj", "($1 + $2)", "TRY($1 + $2)" },
    { "jjj", "($1 - $2)", "TRY($1 - $2)" },
    { "jjj", "($1 * $2)", "TRY($1 * $2)" },
    { "jjj", "($1 % $2)", "CAST(TRY(CAST($1 AS HUGEINT) % $2) AS INTEGER)" },
    { "jj", "ABS($1)", "TRY(ABS($1))" },
    { "jd", "SIGN($1)", NULL },
    { "ji", "SIGN($1)", NULL },
    { "id", "CAST($1 AS BIGINT)", "TRY_CAST($1 AS BIGINT)" },
    { "jd", "CAST($1 AS INTEGER)", "TRY_CAST(round_even($1, 0) AS INTEGER)" },
    { "ji", "CAST($1 AS INTEGER)", "TRY_CAST($1 AS INTEGER)" },
    { "ij", "CAST($1 AS BIGINT)", NULL },
    { "ib", "CAST($1 AS BIGINT)", NULL },
    { "it", "CAST($1 AS BIGINT)", "TRY(CAST(TRY_CAST($1 AS HUGEINT) AS BIGINT))" },
    { "jt", "TRY_CAST($1 AS INTEGER)", "TRY(CAST(TRY_CAST($1 AS HUGEINT) AS INTEGER))" },
    { "it", "LENGTH($1)", NULL },
    { "it", "CHAR_LENGTH($1)", NULL },
    { "itt", "STRPOS($1, $2)", NULL },
    { "itt", "POSITION($1 IN $2)", NULL },
    { "iDD", "($1 - $2)", NULL },
    { "iT", "EPOCH_MS($1)", "EPOCH_MS(DATE_TRUNC('millisecond', $1))" },
    { "iT", "EPOCH_US($1)", NULL },
    { "iT", "EPOCH_NS($1)", NULL },
    { "iT", "YEAR($1)", NULL },
    { "iT", "QUARTER($1)", NULL },
    { "iT", "MONTH($1)", NULL },
    { "iT", "WEEK($1)", NULL },
    { "iT", "DAY($1)", NULL },
    { "iT", "DAYOFWEEK($1)", NULL },
    { "iT", "DAYOFYEAR($1)", NULL },
    { "iT", "HOUR($1)", NULL },
    { "iT", "MINUTE($1)", NULL },
    { "iT", "SECOND($1)", NULL },
    { "iD", "EXTRACT(DAY FROM $1)", NULL },
    { "iD", "EXTRACT(WEEK FROM $1)", NULL },
    { "iT", "EXTRACT(ISODOW FROM $1)", NULL },
    { "iT", "EXTRACT(MILLISECOND FROM $1)", NULL },
    { "iT", "EXTRACT(MICROSECOND FROM $1)", NULL },
    { "iTT", "DATE_DIFF('microsecond', $1, $2)", NULL },
    { "iTT", "DATE_DIFF('millisecond', $1, $2)", NULL },
    { "iTT", "DATE_DIFF('second', $1, $2)", NULL },
    { "iTT", "DATE_DIFF('minute', $1, $2)", NULL },
    { "iTT", "DATE_DIFF('hour', $1, $2)", NULL },
    { "iTT", "DATE_DIFF('day', $1, $2)", NULL },
    { "iTT", "DATE_DIFF('week', $1, $2)", NULL },
    { "iTT", "DATE_DIFF('month', $1, $2)", NULL },
    { "iTT", "DATE_DIFF('quarter', $1, $2)", NULL },
    { "iTT", "DATE_DIFF('year', $1, $2)", NULL },
    { "ttt", "($1 || $2)", NULL },
    { "tti", "($1 || $2)", NULL },
    { "ttt", "CONCAT($1, $2)", NULL },
    { "ttbd", "CONCAT($1, $2, $3)", NULL },
    { "tt", "UPPER($1)", NULL },
    { "tt", "LOWER($1)", NULL },
    { "tCl", "SUBSTRING($1, $2)", NULL },
    { "tCll", "SUBSTRING($1, $2, $3)", NULL },
    { "tCll", "SUBSTRING($1 FROM $2 FOR $3)", NULL },
    { "tCkk", "SUBSTR($1, $2, $3)", NULL },
    { "ttl", "LEFT($1, $2)", NULL },
    { "ttl", "RIGHT($1, $2)", NULL },
    { "ttk", "LEFT($1, $2)", NULL },
    { "tt", "TRIM($1)", NULL },
    { "tt", "LTRIM($1)", NULL },
    { "tt", "RTRIM($1)", NULL },
    { "ttt", "TRIM($1, $2)", NULL },
    { "ttt", "TRIM(LEADING $2 FROM $1)", NULL },
    { "ttt", "RTRIM($1, $2)", NULL },
    { "tttt", "REPLACE($1, $2, $3)", NULL },
    { "ttlt", "LPAD($1, $2, $3)", "TRY(LPAD($1, $2, $3))" },
    { "ttkt", "RPAD($1, $2, $3)", "TRY(RPAD($1, $2, $3))" },
    { "ttl", "REPEAT($1, $2)", NULL },
    { "tt", "REVERSE($1)", NULL },
    { "tttk", "SPLIT_PART($1, $2, $3)", NULL },
    { "ti", "CAST($1 AS VARCHAR)", NULL },
    { "tj", "CAST($1 AS VARCHAR)", NULL },
    { "td", "CAST($1 AS VARCHAR)", NULL },
    { "tb", "CAST($1 AS VARCHAR)", NULL },
    { "tD", "CAST($1 AS VARCHAR)", NULL },
    { "tT", "CAST(DATE_TRUNC('second', $1) AS VARCHAR)", NULL },
    { "tT", "STRFTIME($1, '%Y-%m-%dT%H:%M:%S.%f %j %g %V %u %%')", NULL },
    { "bxx", "($1 = $2)", NULL },
    { "bxx", "($1 <> $2)", NULL },
    { "bxx", "($1 < $2)", NULL },
    { "bxx", "($1 >= $2)", NULL },
    { "bij", "($1 <= $2)", NULL },
    { "bjd", "($1 > $2)", NULL },
    { "bDT", "($1 != $2)", NULL },
    { "bx", "($1 IS NULL)", NULL },
    { "bx", "($1 IS NOT NULL)", NULL },
    { "bxx", "($1 IS DISTINCT FROM $2)", NULL },
    { "bxx", "($1 IS NOT DISTINCT FROM $2)", NULL },
    { "bxxx", "($1 IN ($2, $3))", NULL },
    { "bxxx", "($1 NOT IN ($2, NULL, $3))", NULL },
    { "bxxx", "($1 BETWEEN $2 AND $3)", NULL },
    { "bxxx", "($1 NOT BETWEEN $2 AND $3)", NULL },
    { "bijd", "($1 IN ($2, $3))", NULL },
    { "bjid", "($1 BETWEEN $2 AND $3)", NULL },
    { "bTDT", "($1 BETWEEN $2 AND $3)", NULL },
    { "bbb", "($1 AND $2)", NULL },
    { "bbb", "($1 OR $2)", NULL },
    { "bb", "(NOT $1)", NULL },
    { "bb", "($1 IS TRUE)", NULL },
    { "bb", "($1 IS NOT FALSE)", NULL },
    { "bb", "($1 IS UNKNOWN)", NULL },
    { "btt", "($1 LIKE $2)", NULL },
    { "bt", "($1 LIKE '%a%')", NULL },
    { "bt", "($1 NOT LIKE '_a%')", NULL },
    { "bt", "($1 LIKE 'a!_b%' ESCAPE '!')", NULL },
    { "btt", "($1 ILIKE $2)", NULL },
    { "btt", "STARTS_WITH($1, $2)", NULL },
    { "btt", "ENDS_WITH($1, $2)", NULL },
    { "btt", "CONTAINS($1, $2)", NULL },
    { "bt", "CAST($1 AS BOOLEAN)", "TRY_CAST($1 AS BOOLEAN)" },
    { "bi", "CAST($1 AS BOOLEAN)", NULL },
    { "bd", "CAST($1 AS BOOLEAN)", NULL },
    { "DT", "CAST($1 AS DATE)", NULL },
    { "Dz", "CAST($1 AS DATE)", "CAST(inst(CAST(TRY_CAST($1 AS TIMESTAMPTZ) AS TIMESTAMP)) AS DATE)" },
    { "DD", "DATE_TRUNC('month', $1)", "CAST(DATE_TRUNC('month', $1) AS DATE)" },
    { "DD", "DATE_TRUNC('week', $1)", "CAST(DATE_TRUNC('week', $1) AS DATE)" },
    { "TD", "CAST($1 AS TIMESTAMP)", NULL },
    { "Tz", "CAST($1 AS TIMESTAMP)", "inst(CAST(TRY_CAST($1 AS TIMESTAMPTZ) AS TIMESTAMP))" },
    { "Tz", "PARSE_TIMESTAMP($1)", "inst(CAST(TRY_CAST($1 AS TIMESTAMPTZ) AS TIMESTAMP))" },
    { "TT", "($1 + INTERVAL '90' MINUTE)", "inst($1 + INTERVAL '90' MINUTE)" },
    { "TT", "($1 - INTERVAL '1500' MILLISECOND)", "inst($1 - INTERVAL '1500' MILLISECOND)" },
    { "TD", "($1 + INTERVAL '2' DAY)", "inst($1 + INTERVAL '2' DAY)" },
    { "TT", "DATE_TRUNC('millisecond', $1)", NULL },
    { "TT", "DATE_TRUNC('minute', $1)", NULL },
    { "TT", "DATE_TRUNC('hour', $1)", NULL },
    { "TT", "DATE_TRUNC('day', $1)", NULL },
    { "TT", "DATE_TRUNC('week', $1)", "inst(DATE_TRUNC('week', $1))" },
    { "TT", "DATE_TRUNC('quarter', $1)", "inst(DATE_TRUNC('quarter', $1))" },
    { "TT", "DATE_TRUNC('year', $1)", "inst(DATE_TRUNC('year', $1))" },
    { "Ti", "TO_TIMESTAMP_S($1)", "inst(TRY(make_timestamp_ms(TRY($1 * 1000))))" },
    { "Ti", "TO_TIMESTAMP_MS($1)", "inst(TRY(make_timestamp_ms($1)))" },
    { "Ti", "TO_TIMESTAMP_US($1)", "inst(TRY(make_timestamp($1)))" },
    { "xbxx", "CASE WHEN $1 THEN $2 ELSE $3 END", NULL },
    { "xbx", "CASE WHEN $1 THEN $2 END", NULL },
    { "tiit", "CASE $1 WHEN $2 THEN $3 WHEN 1 THEN 'one' ELSE 'other' END", NULL },
    { "xbxx", "IF($1, $2, $3)", "CASE WHEN $1 THEN $2 ELSE $3 END" },
    { "xxx", "COALESCE($1, $2)", NULL },
    { "xxx", "IFNULL($1, $2)", NULL },
    { "xxx", "NULLIF($1, $2)", NULL },
    { "xxx", "GREATEST($1, $2)", NULL },
    { "xxxx", "LEAST($1, $2, $3)", NULL },
};

/* ---- trees ---- */

struct node {
    const struct operation *op; /* NULL: a leaf, whose text is leaf */
    char letter;
    char leaf[64];
    struct node *args[3];
    size_t arg_count;
};
static struct node *new_node(struct node *pool, size_t *used, char letter)
{
    assert_true(*used < NODES_MAX);
    pool[*used] = (struct node){ .letter = letter };
    return &pool[(*used)++];
}

static void literal(struct test_random *r, struct node *n)
{
    static const char *const of_text[] = { "''", "'a'", "'%'", "'b%'", "','", "'AAPL'", "'it''s'", "'\xc3\xbc'", "'e'" };
    static const char *const of_integer[] = { "0", "1", "(-1)", "2147483647", "10" };
    static const char *const of_bigint[] = { "CAST(0 AS BIGINT)", "CAST(3 AS BIGINT)", "9223372036854775807", "CAST((-9223372036854775808) AS BIGINT)",
                                             "86400000000" };
    static const char *const of_double[] = { "0.5", "1e0", "(-2.25)", "1e308", ".1", "100.0" };
    uint64_t pick = test_random_u64(r) >> 8;
    const char *text;
    switch (n->letter) {
    case 'd':
        text = of_double[pick % TL_COUNT(of_double)];
        if (strcmp(text, "1e308") != 0 && strcmp(text, "1e0") != 0) { /* a DECIMAL to DuckDB */
            snprintf(n->leaf, sizeof n->leaf, "CAST(%s AS DOUBLE)", text);
            return;
        }
        break;
    case 'i':
        text = of_bigint[pick % TL_COUNT(of_bigint)];
        break;
    case 'j':
        text = of_integer[pick % TL_COUNT(of_integer)];
        break;
    case 'b':
        text = pick & 1 ? "TRUE" : "FALSE";
        break;
    case 'D':
        text = pick & 1 ? "DATE '2024-02-29'" : "DATE '1969-12-31'";
        break;
    case 'T':
        text = pick & 1 ? "TIMESTAMP '2024-02-29 23:59:59.999999'" : "TIMESTAMP '1970-01-01 00:00:00'";
        break;
    case 'l':
    case 'k':
        snprintf(n->leaf, sizeof n->leaf, "(%d)", (int)(pick % 12) - 4);
        return;
    default:
        text = of_text[pick % TL_COUNT(of_text)];
    }
    snprintf(n->leaf, sizeof n->leaf, "%s", text);
}

static void column(struct test_random *r, struct node *n)
{
    size_t at = test_random_below(r, COLUMNS);
    while (columns[at].letter != n->letter)
        at = (at + 1) % COLUMNS;
    snprintf(n->leaf, sizeof n->leaf, "%s", columns[at].name);
}

static struct node *make(struct test_random *r, struct node *pool, size_t *used, char letter, int depth)
{
    static const char generic[] = "dijbtDT";
    struct node *n = new_node(pool, used, letter == 'C' ? 't' : letter);
    uint64_t pick = test_random_below(r, 10);
    if (letter == 'C') {
        column(r, n);
        return n;
    }
    if (letter == 'l' || letter == 'z' || letter == 'k' || depth == 0 || pick < 2 || *used > NODES_MAX - 100) {
        if (letter == 'l' || (letter != 'z' && test_random_below(r, 5) == 0))
            literal(r, n);
        else
            column(r, n);
        return n;
    }
    do
        n->op = &operations[test_random_below(r, TL_COUNT(operations))];
    while (n->op->signature[0] != letter && n->op->signature[0] != 'x');
    char x = n->op->signature[0] == 'x' ? letter : generic[test_random_below(r, sizeof generic - 1)];
    for (const char *s = n->op->signature + 1; *s; s++)
        n->args[n->arg_count++] = make(r, pool, used, *s == 'x' ? x : *s, depth - 1);
    return n;
}

static void render(const struct node *n, bool duck, struct tl_buf *out)
{
    if (!n->op) {
        tl_buf_add_text(out, n->leaf);
        return;
    }
    for (const char *p = duck && n->op->duck ? n->op->duck : n->op->ours; *p; p++) {
        if (*p == '$')
            render(n->args[*++p - '1'], duck, out);
        else
            tl_buf_add_char(out, *p);
    }
}

/* ---- both sides ---- */

struct table {
    struct tl_tick_value values[ROWS][COLUMNS];
    struct tl_duck *duck;
};
static const char *const duck_types[] = { [TL_TYPE_VARCHAR] = "VARCHAR", [TL_TYPE_BOOLEAN] = "BOOLEAN", [TL_TYPE_INTEGER] = "INTEGER",
                                          [TL_TYPE_BIGINT] = "BIGINT",   [TL_TYPE_DOUBLE] = "DOUBLE",   [TL_TYPE_DATE] = "DATE",
                                          [TL_TYPE_TIMESTAMP] = "TIMESTAMP" };

static void run(struct tl_duck *duck, const char *sql)
{
    struct tl_error error;
    test_ok(tl_duck_run(duck, sql, &error), &error);
}

static void add_value(struct tl_buf *sql, char letter, const struct tl_tick_value *v)
{
    if (v->null)
        tl_buf_add_text(sql, "NULL");
    else if (type_of(letter) == TL_TYPE_VARCHAR)
        tl_sql_add_string(sql, v->as.text);
    else if (letter == 'd')
        tl_buf_addf(sql, "CAST('%.17g' AS DOUBLE)", v->as.f64);
    else if (letter == 'T')
        tl_buf_addf(sql, "make_timestamp(%lld)", (long long)(v->as.i64 / 1000));
    else if (letter == 'D')
        tl_buf_addf(sql, "DATE '1970-01-01' + CAST(%lld AS INTEGER)", (long long)v->as.i64);
    else
        tl_buf_addf(sql, "CAST(%lld AS %s)", (long long)v->as.i64, duck_types[type_of(letter)]);
}

static void fill(struct table *t, struct test_random *r)
{
    struct tl_buf sql;
    tl_buf_init(&sql, 1 << 24);
    tl_buf_add_text(&sql, "CREATE OR REPLACE TABLE r (id INTEGER");
    for (size_t c = 0; c < COLUMNS; c++)
        tl_buf_addf(&sql, ", %s %s", columns[c].name, duck_types[type_of(columns[c].letter)]);
    tl_buf_add_text(&sql, "); INSERT INTO r VALUES ");
    for (size_t i = 0; i < ROWS; i++) {
        tl_buf_addf(&sql, "%s(%zu", i ? ", " : "", i);
        for (size_t c = 0; c < COLUMNS; c++) {
            t->values[i][c] = value(r, columns[c].letter);
            if (i == 0 && columns[c].letter == 't')
                t->values[i][c] = (struct tl_tick_value){ .as.text = TL_VIEW("na\xc3\xafve") };
            tl_buf_add_text(&sql, ", ");
            add_value(&sql, columns[c].letter, &t->values[i][c]);
        }
        tl_buf_add_text(&sql, ")");
    }
    run(t->duck, tl_buf_text(&sql));
    tl_buf_release(&sql);
}

static void open_table(struct table *t)
{
    struct tl_error error;
    test_ok(tl_duck_open(&t->duck, &error), &error);
    run(t->duck, "PRAGMA disable_optimizer"); /* which takes TRY_CAST(n AS INTEGER) > 1 for n > 1 */
    run(t->duck, "CREATE MACRO fin(v) AS list_filter([v], lambda a: isfinite(a))[1]");
    run(t->duck, "CREATE MACRO inst(v) AS list_filter([v], lambda a: a BETWEEN TIMESTAMP '1677-09-21 00:12:43.145225' AND "
                 "TIMESTAMP '2262-04-11 23:47:16.854775')[1]");
}

/* The plan of a source with the expressions as computed columns e0, e1 ...; NULL: refused, with what was told. */
static struct tl_plan *compile(const char *const *expressions, size_t count, struct tl_diagnostics *d)
{
    struct tl_pipeline_options options = { .file_name = "f" };
    struct tl_plan *plan;
    struct tl_buf text;
    tl_buf_init(&text, 1 << 24);
    tl_buf_add_text(&text, "CREATE PIPELINE p; CREATE SOURCE s (");
    for (size_t c = 0; c < COLUMNS; c++)
        tl_buf_addf(&text, "%s %s, ", columns[c].name, tl_type_name(type_of(columns[c].letter)));
    for (size_t i = 0; i < count; i++)
        tl_buf_addf(&text, "e%zu AS %s,\n", i, expressions[i]);
    tl_buf_add_text(&text, "at TIMESTAMP, WATERMARK FOR at AS at) WITH (stream = 's'); CREATE VIEW v AS SELECT COUNT(*) AS n FROM s;");
    tl_diagnostics_init(d);
    bool ok = tl_pipeline_compile(tl_buf_view(&text), &options, &plan, d);
    tl_buf_release(&text);
    return ok ? plan : NULL;
}

/* values: ROWS rows of the source's slots. Text lives with the program. */
static void evaluate(const struct tl_plan *plan, const struct table *t, struct tl_program *program, struct tl_tick_value *values)
{
    const struct tl_source_plan *s = &plan->sources[0];
    struct tl_error error;
    tl_program_init(program);
    for (size_t i = 0; i < s->slot_count; i++)
        if (s->slots[i].expr)
            test_ok(tl_program_add(program, s->slots[i].expr, i, &error), &error);
    for (size_t i = 0; i < ROWS; i++)
        memcpy(values + i * s->slot_count, t->values[i], sizeof t->values[i]);
    assert_true(tl_program_run(program, values, s->slot_count, ROWS));
}

/* What DuckDB gives, a row a row; false: it refuses. */
static bool ask(struct tl_duck *duck, const char *const *expressions, const enum tl_type *types, size_t count, struct tl_rows *rows,
                struct tl_error *error)
{
    struct tl_duck_cursor *cursor;
    struct tl_buf sql;
    bool done;
    tl_buf_init(&sql, 1 << 24);
    for (size_t i = 0; i < count; i++)
        tl_buf_addf(&sql, "%sCAST(%s AS %s) AS e%zu", i ? ", " : "SELECT ", expressions[i], duck_types[types[i]], i);
    tl_buf_add_text(&sql, " FROM r ORDER BY id");
    bool ok = tl_duck_cursor_open(&cursor, duck, tl_buf_text(&sql), 0, error);
    tl_buf_release(&sql);
    if (!ok)
        return false;
    test_ok(tl_rows_init(rows, tl_duck_cursor_columns(cursor), count, 1 << 26, error), error);
    ok = tl_duck_cursor_next(cursor, rows, &done, error);
    if (ok)
        assert_int_equal(rows->row_count, ROWS);
    else
        tl_rows_release(rows);
    tl_duck_cursor_close(cursor);
    return ok;
}

/* Bit for bit: 0 is not -0. */
static bool same(enum tl_type type, const struct tl_tick_value *v, const struct tl_rows *rows, size_t row, size_t column)
{
    if (v->null || tl_rows_is_null(rows, row, column))
        return v->null && tl_rows_is_null(rows, row, column);
    if (type == TL_TYPE_VARCHAR)
        return tl_view_eq(v->as.text, tl_rows_text(rows, row, column));
    union tl_cell cell = rows->columns[column].cells[row];
    return v->as.i64 == cell.i64; /* a double's bits too */
}

static size_t slot_of(const struct tl_source_plan *s, size_t expression)
{
    char name[32];
    snprintf(name, sizeof name, "e%zu", expression);
    for (size_t i = 0; i < s->named_count; i++)
        if (strcmp(s->named[i].name, name) == 0)
            return i;
    fail_msg("no %s", name);
    return 0;
}

/* The first expression and row that differ; SIZE_MAX: none, or (where may_refuse) one side refuses. ours, duck: their texts.
 * *differ, when not NULL: how many of the pairs were compared. */
struct difference {
    size_t expression, row;
    char text[2000];
};
static void show(enum tl_type type, const struct tl_tick_value *v, const struct tl_rows *rows, struct difference *d)
{
    struct tl_column_def def = { "e", type, false };
    struct tl_rows mine;
    struct tl_error error;
    struct tl_buf a, b;
    tl_buf_init(&a, 1 << 24);
    tl_buf_init(&b, 1 << 24);
    test_ok(tl_rows_init(&mine, &def, 1, 1 << 24, &error), &error);
    tl_rows_add(&mine);
    if (!v->null && type == TL_TYPE_VARCHAR)
        tl_rows_set_text(&mine, 0, v->as.text);
    else if (!v->null && type == TL_TYPE_DOUBLE)
        tl_rows_set_double(&mine, 0, v->as.f64);
    else if (!v->null)
        tl_rows_set_i64(&mine, 0, v->as.i64);
    tl_rows_cell_to_csv(&mine, 0, 0, &a);
    tl_rows_cell_to_csv(rows, d->row, d->expression, &b);
    snprintf(d->text, sizeof d->text, "ours %s, DuckDB %s", v->null ? "NULL" : tl_buf_text(&a),
             tl_rows_is_null(rows, d->row, d->expression) ? "NULL" : tl_buf_text(&b));
    tl_rows_release(&mine);
    tl_buf_release(&a);
    tl_buf_release(&b);
}

enum outcome { EQUAL, DIFFER, REFUSED /* by us */ };
static enum outcome compare(const struct table *t, const char *const *ours, const char *const *duck, size_t count, struct difference *d)
{
    struct tl_diagnostics diagnostics;
    struct tl_plan *plan = compile(ours, count, &diagnostics);
    if (!plan) {
        snprintf(d->text, sizeof d->text, "%s", tl_buf_text(&diagnostics.text));
        tl_diagnostics_release(&diagnostics);
        return REFUSED;
    }
    tl_diagnostics_release(&diagnostics);
    const struct tl_source_plan *s = &plan->sources[0];
    struct tl_program program;
    struct tl_tick_value *values = calloc(ROWS * s->slot_count, sizeof *values);
    enum tl_type types[BATCH];
    struct tl_rows rows;
    struct tl_error error;
    enum outcome outcome = EQUAL;
    assert_non_null(values);
    evaluate(plan, t, &program, values);
    for (size_t i = 0; i < count; i++)
        types[i] = s->slots[slot_of(s, i)].def.type;
    d->expression = d->row = 0;
    if (!ask(t->duck, duck, types, count, &rows, &error)) {
        snprintf(d->text, sizeof d->text, "DuckDB: %s", error.text);
        outcome = DIFFER;
    } else {
        for (size_t i = 0; outcome == EQUAL && i < count; i++)
            for (size_t k = 0; outcome == EQUAL && k < ROWS; k++)
                if (!same(types[i], &values[k * s->slot_count + slot_of(s, i)], &rows, k, i)) {
                    *d = (struct difference){ .expression = i, .row = k };
                    show(types[i], &values[k * s->slot_count + slot_of(s, i)], &rows, d);
                    outcome = DIFFER;
                }
        tl_rows_release(&rows);
    }
    tl_program_release(&program);
    free(values);
    tl_plan_free(plan);
    return outcome;
}

/* ---- one that differs, made small ---- */

static bool still_differs(const struct table *t, const struct node *root, struct difference *d)
{
    struct tl_buf ours, duck;
    tl_buf_init(&ours, 1 << 20);
    tl_buf_init(&duck, 1 << 20);
    render(root, false, &ours);
    render(root, true, &duck);
    const char *const a[] = { tl_buf_text(&ours) }, *const b[] = { tl_buf_text(&duck) };
    struct difference now;
    bool differs = compare(t, a, b, 1, &now) == DIFFER;
    if (differs)
        *d = now;
    tl_buf_release(&ours);
    tl_buf_release(&duck);
    return differs;
}

/* Puts a smaller tree in the place of one, anywhere, while the whole still differs. True: it did. */
static bool shrink_at(const struct table *t, struct node *root, struct node *at, struct difference *d)
{
    if (!at->op)
        return false;
    struct node kept = *at;
    for (size_t i = 0; i < kept.arg_count; i++) {
        if (kept.args[i]->letter != kept.letter)
            continue;
        *at = *kept.args[i];
        if (still_differs(t, root, d))
            return true;
    }
    for (size_t c = 0; c < COLUMNS; c++) {
        if (columns[c].letter != kept.letter)
            continue;
        *at = (struct node){ .letter = kept.letter };
        snprintf(at->leaf, sizeof at->leaf, "%s", columns[c].name);
        if (still_differs(t, root, d))
            return true;
    }
    *at = kept;
    for (size_t i = 0; i < at->arg_count; i++)
        if (shrink_at(t, root, at->args[i], d))
            return true;
    return false;
}

static void report(const struct table *t, struct node *root)
{
    struct difference d = { 0 };
    struct tl_buf ours, duck, row;
    if (!still_differs(t, root, &d))
        fail_msg("it differs among others, and not alone");
    while (shrink_at(t, root, root, &d))
        ;
    tl_buf_init(&ours, 1 << 20);
    tl_buf_init(&duck, 1 << 20);
    tl_buf_init(&row, 1 << 20);
    render(root, false, &ours);
    render(root, true, &duck);
    for (size_t c = 0; c < COLUMNS; c++) {
        tl_buf_addf(&row, "%s%s = ", c ? ", " : "", columns[c].name);
        add_value(&row, columns[c].letter, &t->values[d.row][c]);
    }
    fail_msg("%s\n  DuckDB is asked %s\n  %s\n  where %s", tl_buf_text(&ours), tl_buf_text(&duck), d.text, tl_buf_text(&row));
}

static size_t wanted(size_t usual)
{
    const char *given = getenv("TL_EXPRESSIONS");
    return given ? strtoul(given, NULL, 10) : usual;
}

static void expressions_give_what_duckdb_gives(void **state)
{
    static struct node pools[BATCH][NODES_MAX];
    static struct tl_buf ours[BATCH], duck[BATCH];
    static struct table t;
    struct test_random r = test_random_new();
    size_t compared = 0, count = wanted(EXPRESSIONS), parts = 0;
    (void)state;
    open_table(&t);
    for (size_t done = 0; done < count; done += BATCH) {
        const char *our_texts[BATCH], *duck_texts[BATCH];
        struct node *roots[BATCH];
        struct difference d;
        fill(&t, &r);
        for (size_t i = 0; i < BATCH; i++) {
            size_t used = 0;
            roots[i] = make(&r, pools[i], &used, "dijbtDT"[test_random_below(&r, 7)], 1 + (int)test_random_below(&r, DEPTH));
            parts += used;
            tl_buf_init(&ours[i], 1 << 20);
            tl_buf_init(&duck[i], 1 << 20);
            render(roots[i], false, &ours[i]);
            render(roots[i], true, &duck[i]);
            our_texts[i] = tl_buf_text(&ours[i]);
            duck_texts[i] = tl_buf_text(&duck[i]);
        }
        enum outcome outcome = compare(&t, our_texts, duck_texts, BATCH, &d);
        if (outcome == REFUSED)
            fail_msg("refused: %s", d.text);
        for (size_t i = 0; outcome == DIFFER && i < BATCH; i++) /* DuckDB's refusals do not say of which */
            if (still_differs(&t, roots[i], &d))
                report(&t, roots[i]);
        assert_int_equal(outcome, EQUAL);
        compared += BATCH * ROWS;
        for (size_t i = 0; i < BATCH; i++) {
            tl_buf_release(&ours[i]);
            tl_buf_release(&duck[i]);
        }
    }
    print_message("%zu expressions of %zu parts over %d rows each: %zu values compared\n", count, parts, ROWS, compared);
    tl_duck_close(t.duck);
}

/* ---- precedence: the same text, without parentheses ---- */

/* Booleans, numbers, or all together. */
static const struct flavour {
    const char *leaves[8], *infix[8];
} flavours[] = {
    { { "b", "c", "TRUE", "NULL", "b", "c", "FALSE", "b" }, { " AND ", " OR ", " = ", " <> ", " AND ", " OR ", " IS DISTINCT FROM ", " < " } },
    { { "tiny", "1", "2", "tiny", "NULL", "tiny", "3", "tiny" }, { " + ", " - ", " * ", " % ", " - ", " + ", " = ", " < " } },
    { { "tiny", "b", "s", "u", "'a'", "1", "c", "NULL" }, { " || ", " LIKE ", " NOT ILIKE ", " AND ", " OR ", " + ", " = ", " - " } },
};

static void add_bare(struct test_random *r, const struct flavour *flavour, int depth, struct tl_buf *out)
{
    uint64_t pick = test_random_below(r, 20);
    if (depth == 0 || pick < 2) {
        tl_buf_add_text(out, flavour->leaves[test_random_below(r, 8)]);
        return;
    }
    bool brackets = pick == 3;
    tl_buf_add_text(out, brackets ? "(" : pick == 4 && flavour != &flavours[1] ? "NOT " : pick == 5 && flavour != flavours ? "- " : "");
    add_bare(r, flavour, depth - 1, out);
    if (pick == 6)
        tl_buf_add_text(out, test_random_below(r, 2) ? " IS NULL" : flavour == flavours ? " IS NOT TRUE" : " IS NOT NULL");
    else if (pick == 7)
        tl_buf_add_text(out, flavour == flavours ? " IN (TRUE, NULL)" : " NOT IN (1, 2)");
    if (pick == 8) {
        tl_buf_add_text(out, test_random_below(r, 2) ? " BETWEEN " : " NOT BETWEEN ");
        add_bare(r, flavour, depth - 1, out);
        tl_buf_add_text(out, " AND ");
        add_bare(r, flavour, depth - 1, out);
    } else if (pick > 8 || brackets) {
        tl_buf_add_text(out, flavour->infix[test_random_below(r, 8)]);
        add_bare(r, flavour, depth - 1, out);
    }
    if (brackets)
        tl_buf_add_char(out, ')');
}

/* Most of such texts have no types that fit, and we refuse them; where we do not, DuckDB gives the same. */
static void operators_bind_as_in_duckdb(void **state)
{
    static struct table t;
    struct test_random r = test_random_new();
    size_t taken = 0, tried = 0, count = wanted(EXPRESSIONS) / 20;
    (void)state;
    open_table(&t);
    fill(&t, &r);
    for (; taken < count; tried++) {
        struct tl_buf text;
        struct difference d;
        tl_buf_init(&text, 1 << 20);
        add_bare(&r, &flavours[test_random_below(&r, 20) * TL_COUNT(flavours) / 20], 4, &text);
        if (text.size < 20) { /* one operator or two prove little */
            tl_buf_release(&text);
            continue;
        }
        const char *const one[] = { tl_buf_text(&text) };
        enum outcome outcome = compare(&t, one, one, 1, &d);
        if (outcome == DIFFER)
            fail_msg("%s\n  %s (row %zu)", tl_buf_text(&text), d.text, d.row);
        taken += outcome == EQUAL;
        tl_buf_release(&text);
        assert_true(tried < count * 10000);
    }
    print_message("%zu of %zu texts had types that fit\n", taken, tried);
    tl_duck_close(t.duck);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(expressions_give_what_duckdb_gives),
        cmocka_unit_test(operators_bind_as_in_duckdb),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
