/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/checker.h"

#include "base/partition.h"
#include "base/suggest.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define PARTITIONS_MAX 8

void tl_checker_fail(struct tl_checker *c, struct tl_diagnostic_place place, const char *suggestion,
                     const char *fmt, ...)
{
    char message[480];
    va_list args;
    c->failed = true;
    if (c->quiet)
        return;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    tl_diagnostic_add(c->context, place, suggestion, "%s", message);
}

const char *tl_checker_text(struct tl_checker *c, struct tl_diagnostic_place place)
{
    struct tl_view text = c->context->text;
    if (place.at > text.size || place.size > text.size - place.at)
        return "";
    return tl_arena_text(&c->plan->arena, (struct tl_view){ text.data + place.at, place.size });
}

bool tl_checker_means(const struct tl_ast_name *name, const char *text)
{
    return name->quoted ? strcmp(name->text, text) == 0
                        : tl_view_eq_ignore_case(tl_view_of(name->text), tl_view_of(text));
}

size_t tl_checker_source(struct tl_checker *c, const struct tl_ast_name *name)
{
    const char *names[64];
    size_t count = 0;
    for (size_t i = 0; i < c->plan->source_count; i++) {
        if (c->plan->sources[i].of_view)
            continue;
        if (tl_checker_means(name, c->plan->sources[i].name))
            return i;
        if (count < TL_COUNT(names))
            names[count++] = c->plan->sources[i].name;
    }
    tl_checker_fail(c, name->place, tl_suggest(tl_view_of(name->text), names, count),
                    "there is no source '%s'", name->text);
    return SIZE_MAX;
}

size_t tl_checker_view(struct tl_checker *c, const struct tl_ast_name *name)
{
    const char *names[64];
    size_t count = 0;
    for (size_t i = 0; i < c->plan->view_count; i++) {
        if (tl_checker_means(name, c->plan->views[i].name))
            return i;
        if (count < TL_COUNT(names))
            names[count++] = c->plan->views[i].name;
    }
    tl_checker_fail(c, name->place, tl_suggest(tl_view_of(name->text), names, count), "there is no view '%s'",
                    name->text);
    return SIZE_MAX;
}

/* JSON tells "t" from "T", so a source may have both: an unquoted name then means the one written so, or is
 * told to be quoted. */
static size_t find_column(const struct tl_column_def *columns, size_t count, const struct tl_ast_name *name,
                          size_t *matches)
{
    size_t found = SIZE_MAX;
    *matches = 0;
    for (size_t i = 0; i < count; i++) {
        if (strcmp(columns[i].name, name->text) == 0) {
            *matches = 1;
            return i;
        }
        if (!tl_checker_means(name, columns[i].name))
            continue;
        found = found == SIZE_MAX ? i : found;
        ++*matches;
    }
    return found;
}

size_t tl_checker_column(struct tl_checker *c, const struct tl_column_def *columns, size_t count,
                         const struct tl_ast_name *name, const char *what)
{
    const char *names[256];
    size_t matches, at = find_column(columns, count, name, &matches);
    if (matches == 1)
        return at;
    if (matches > 1) {
        tl_checker_fail(c, name->place, NULL,
                        "%s has %zu columns that '%s' may mean: write one in double quotes, as \"%s\"", what,
                        matches, name->text, columns[at].name);
        return SIZE_MAX;
    }
    bool shown = c->context->out->count < TL_DIAGNOSTICS_MAX; /* else searching for a near name is in vain */
    size_t known = !shown ? 0 : count < TL_COUNT(names) ? count : TL_COUNT(names);
    for (size_t i = 0; i < known; i++)
        names[i] = columns[i].name;
    tl_checker_fail(c, name->place, tl_suggest(tl_view_of(name->text), names, known), "%s has no column '%s'",
                    what, name->text);
    return SIZE_MAX;
}

static const char *lookup(struct tl_checker *c, const char *name)
{
    return c->options->variables ? c->options->variables(name, c->options->user) : getenv(name);
}

const char *tl_checker_expand(struct tl_checker *c, const char *text, struct tl_diagnostic_place place)
{
    struct tl_buf out;
    tl_buf_init(&out, 1 << 20);
    const char *at = text, *open;
    while ((open = strstr(at, "${"))) {
        const char *close = strchr(open, '}');
        char name[128] = "";
        if (close && (size_t)(close - open - 2) < sizeof name)
            memcpy(name, open + 2, (size_t)(close - open - 2));
        const char *value = name[0] ? lookup(c, name) : NULL;
        if (!value) {
            if (name[0])
                tl_checker_fail(c, place, NULL, "the environment variable '%s' is not set%s", name,
                                c->needed_by);
            else
                tl_checker_fail(c, place, NULL, "a variable is written ${NAME}, of letters, digits and '_'");
            tl_buf_release(&out);
            return NULL;
        }
        tl_buf_add(&out, at, (size_t)(open - at));
        tl_buf_add_text(&out, value);
        at = close + 1;
    }
    tl_buf_add_text(&out, at);
    const char *expanded = tl_arena_text(&c->plan->arena, tl_buf_view(&out));
    tl_buf_release(&out);
    return expanded;
}

/* Letters, digits, '_', '-' and '.': what no shell, glob, URL or Hive reader takes for something else. */
static bool is_path_part(struct tl_view part, bool partition)
{
    if (part.size == 0 || part.size > 200 || part.data[0] == '_' || part.data[0] == '.')
        return false;
    for (size_t i = 0; i < part.size; i++) {
        char c = part.data[i];
        if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
              c == '-' || c == '.' || (partition && c == '=')))
            return false;
    }
    return true;
}

const char *tl_checker_path(struct tl_checker *c, const char *text, bool read,
                            struct tl_diagnostic_place place)
{
    const char *path = tl_checker_expand(c, text, place);
    if (!path)
        return NULL;
    struct tl_view rest = tl_view_of(path);
    bool good = rest.size > 0 && rest.size <= 512;
    while (good && rest.data)
        good = is_path_part(tl_view_split(rest, '/', &rest), read);
    if (good)
        return path;
    tl_checker_fail(c, place, NULL,
                    "a path is relative to the lake; its parts have letters, digits, '_', '-' and '.', and "
                    "do not begin with '.' or '_'");
    return NULL;
}

/* The unit of an instant as a folder's name: "day(window_start)". No column has the name that it takes. */
static bool check_unit(struct tl_checker *c, const struct tl_partition *p, const struct tl_ast_option *option,
                       const struct tl_column_def *columns, size_t count, size_t column)
{
    enum tl_type type = columns[column].type;
    if (type != TL_TYPE_TIMESTAMP && (type != TL_TYPE_DATE || p->unit == TL_PARTITION_HOUR)) {
        tl_checker_fail(c, option->place, NULL, "%.*s() is of a TIMESTAMP%s; '%s' is %s", TL_VIEW_ARG(p->name),
                        p->unit == TL_PARTITION_HOUR ? "" : " or DATE", columns[column].name, tl_type_name(type));
        return false;
    }
    for (size_t i = 0; i < count; i++) {
        if (!tl_view_eq_ignore_case(p->name, tl_view_of(columns[i].name)))
            continue;
        tl_checker_fail(c, option->place, NULL, "there is a column '%s' already, which %.*s(%s) would be called, too", columns[i].name,
                        TL_VIEW_ARG(p->name), columns[column].name);
        return false;
    }
    return true;
}

/* What one part of partition_by means, as it is written: a column, or a unit of one; NULL after telling what is wrong. */
static const char *partition_of(struct tl_checker *c, struct tl_view part, const struct tl_ast_option *option,
                                const struct tl_column_def *columns, size_t count, const char *what)
{
    struct tl_partition p = columns ? tl_partition_of(part) : (struct tl_partition){ part, part, TL_PARTITION_VALUE };
    struct tl_ast_name name = { tl_arena_text(&c->plan->arena, p.column), false, option->place };
    if (!name.text)
        return NULL;
    size_t column = columns ? tl_checker_column(c, columns, count, &name, what) : 0;
    if (column == SIZE_MAX)
        return NULL;
    const char *text = columns ? columns[column].name : name.text;
    if (p.unit != TL_PARTITION_VALUE)
        return check_unit(c, &p, option, columns, count, column)
                   ? tl_arena_printf(&c->plan->arena, "%.*s(%s)", TL_VIEW_ARG(p.name), text)
                   : NULL;
    if (is_path_part(tl_view_of(text), false))
        return text;
    tl_checker_fail(c, option->place, NULL,
                    "partition_by makes a folder's name of '%s': it has letters, digits, '_', '-' and '.' "
                    "only, and a letter or digit first",
                    text);
    return NULL;
}

/* A column of the file is left, and no two parts have one folder's name. */
static bool check_parts(struct tl_checker *c, const struct tl_ast_option *option, const char **parts, size_t part_count, size_t columns)
{
    size_t taken = 0;
    for (size_t i = 0; i < part_count; i++) {
        struct tl_partition p = tl_partition_of(tl_view_of(parts[i]));
        taken += p.unit == TL_PARTITION_VALUE;
        for (size_t j = 0; j < i; j++) {
            if (!tl_view_eq(p.name, tl_partition_of(tl_view_of(parts[j])).name))
                continue;
            tl_checker_fail(c, option->place, NULL, "partition_by names the column '%.*s' twice", TL_VIEW_ARG(p.name));
            return false;
        }
    }
    if (taken == columns)
        tl_checker_fail(c, option->place, NULL, "a column must be left for the file: partition_by names all of them");
    return taken != columns;
}

bool tl_checker_partitions(struct tl_checker *c, const struct tl_ast_option *option,
                           const struct tl_column_def *columns, size_t count, const char *what,
                           const char ***out, size_t *out_count)
{
    *out_count = 0;
    *out = option ? TL_ARENA_ARRAY(&c->plan->arena, PARTITIONS_MAX, const char *) : NULL;
    struct tl_view rest = tl_view_of(option ? option->text : NULL);
    while (*out && rest.data) {
        const char *name =
            partition_of(c, tl_view_trim(tl_view_split(rest, ',', &rest)), option, columns, count, what);
        if (!name)
            return false;
        if (*out_count == PARTITIONS_MAX) {
            tl_checker_fail(c, option->place, NULL, "partition_by names at most %d columns", PARTITIONS_MAX);
            return false;
        }
        (*out)[(*out_count)++] = name;
    }
    return !option || (*out && check_parts(c, option, *out, *out_count, columns ? count : SIZE_MAX));
}

/* Sources, views and batch tables are read by name: they share their names. The others have names of their
 * own kind. */
static bool same_space(enum tl_ast_kind a, enum tl_ast_kind b)
{
    bool table_a = a == TL_AST_SOURCE || a == TL_AST_VIEW || a == TL_AST_BATCH;
    bool table_b = b == TL_AST_SOURCE || b == TL_AST_VIEW || b == TL_AST_BATCH;
    return a == b || (table_a && table_b);
}

static void check_twice(struct tl_checker *c)
{
    for (const struct tl_ast_statement *s = c->statements; s; s = s->next)
        for (const struct tl_ast_statement *t = c->statements; t != s; t = t->next)
            if (s->kind != TL_AST_PIPELINE && same_space(s->kind, t->kind) &&
                tl_view_eq_ignore_case(tl_view_of(s->name.text), tl_view_of(t->name.text))) {
                tl_checker_fail(c, s->name.place, NULL, "the name '%s' is taken already", s->name.text);
                break;
            }
}

static bool is_plain_name(const char *name)
{
    for (const char *p = name; *p; p++)
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '_' ||
              *p == '-'))
            return false;
    return name[0] != '_' && name[0] != '-';
}

/* Names become folders, tables and marks in checkpoints. A batch table's is a table's (check_outputs.c). */
static void check_name(struct tl_checker *c, const struct tl_ast_statement *s)
{
    static const char *const kinds[] = { "pipeline", "profile", "source", "feed", "view", "sink", "chart" };
    if (s->kind != TL_AST_BATCH && !is_plain_name(s->name.text))
        tl_checker_fail(c, s->name.place, NULL,
                        "a %s's name has letters, digits, '_' and '-', and begins with a letter or digit",
                        kinds[s->kind]);
}

/* "source ticks: start 'TRIM_HORIZON', shard_idle '30 s'" */
static void note_defaults(struct tl_checker *c, const struct tl_option_table *table,
                          const struct tl_ast_statement *s)
{
    bool first = true;
    for (size_t i = 0; i < table->count; i++) {
        if (!table->rules[i].absent || tl_options_find(s, table->rules[i].name))
            continue;
        tl_buf_addf(&c->defaults, first ? "  %s %s: " : ", ", table->statement, s->name.text);
        tl_buf_addf(&c->defaults, "%s = '%s'", table->rules[i].name, table->rules[i].absent);
        first = false;
    }
    if (!first)
        tl_buf_add_char(&c->defaults, '\n');
}

bool tl_checker_options(struct tl_checker *c, const struct tl_option_table *table,
                        const struct tl_ast_statement *s)
{
    bool ok = tl_options_check(c->context, table, s);
    note_defaults(c, table, s);
    c->failed = c->failed || !ok;
    return ok;
}

static void check_pipeline(struct tl_checker *c)
{
    const struct tl_ast_statement *found = NULL;
    for (const struct tl_ast_statement *s = c->statements; s; s = s->next) {
        if (s->kind != TL_AST_PIPELINE)
            continue;
        if (found)
            tl_checker_fail(c, s->place, NULL, "a file holds one pipeline");
        found = found ? found : s;
    }
    if (!found) {
        tl_checker_fail(c, (struct tl_diagnostic_place){ 0, 1 }, NULL, "CREATE PIPELINE name; is missing");
        return;
    }
    c->plan->name = tl_arena_text(&c->plan->arena, tl_view_of(found->name.text));
    c->plan->place = found->name.place;
    if (tl_checker_options(c, &tl_pipeline_options, found))
        c->plan->state_limit = tl_options_bytes(&tl_pipeline_options, found, "state_limit");
}

bool tl_check(struct tl_checker *c)
{
    tl_buf_init(&c->defaults, 1 << 20);
    check_pipeline(c);
    for (const struct tl_ast_statement *s = c->statements; s; s = s->next)
        check_name(c, s);
    check_twice(c);
    tl_check_profiles(c);
    tl_check_sources(c);
    tl_check_views(c);
    tl_check_dedup_spans(c);
    tl_check_outputs(c);
    c->plan->defaults = tl_arena_text(&c->plan->arena, tl_buf_view(&c->defaults));
    c->failed = c->failed || c->defaults.failed;
    tl_buf_release(&c->defaults);
    return !c->failed;
}
