/* SPDX-License-Identifier: Apache-2.0 */
#include "sql/checker.h"

#include "base/suggest.h"
#include "sql/options.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

void tl_checker_fail(struct tl_checker *c, struct tl_diagnostic_place place, const char *suggestion, const char *fmt, ...)
{
    char message[480];
    va_list args;
    va_start(args, fmt);
    vsnprintf(message, sizeof message, fmt, args);
    va_end(args);
    tl_diagnostic_add(c->context, place, suggestion, "%s", message);
    c->failed = true;
}

size_t tl_checker_column(struct tl_checker *c, const struct tl_column_def *columns, size_t count, const struct tl_ast_name *name,
                         const char *what)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(columns[i].name, name->text) == 0)
            return i;
    for (size_t i = 0; i < count && !name->quoted; i++)
        if (tl_view_eq_ignore_case(tl_view_of(columns[i].name), tl_view_of(name->text)))
            return i;
    const char *names[256];
    size_t known = count < TL_COUNT(names) ? count : TL_COUNT(names);
    for (size_t i = 0; i < known; i++)
        names[i] = columns[i].name;
    tl_checker_fail(c, name->place, tl_suggest(tl_view_of(name->text), names, known), "%s has no column '%s'", what, name->text);
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
                tl_checker_fail(c, place, NULL, "the environment variable '%s' is not set", name);
            else
                tl_checker_fail(c, place, NULL, "a variable is written ${NAME}");
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

const char *tl_checker_path(struct tl_checker *c, const struct tl_ast_option *option)
{
    const char *path = tl_checker_expand(c, option->text, option->place);
    if (!path)
        return NULL;
    struct tl_view rest = tl_view_of(path);
    bool bad = path[0] == '/' || strlen(path) > 512;
    while (rest.size && !bad) {
        struct tl_view part = tl_view_split(rest, '/', &rest);
        bad = part.size == 0 || part.data[0] == '_' || part.data[0] == '.' || part.size > 200;
    }
    if (bad) {
        tl_checker_fail(c, option->place, NULL, "a path is relative to the lake, without '..', and its parts do not begin with '.' or '_'");
        return NULL;
    }
    return path;
}

bool tl_checker_partitions(struct tl_checker *c, const struct tl_ast_option *option, const struct tl_column_def *columns, size_t count,
                           const char *what, const char ***out, size_t *out_count)
{
    *out = NULL;
    *out_count = 0;
    if (!option)
        return true;
    struct tl_view rest = tl_view_of(option->text);
    const char **names = TL_ARENA_ARRAY(&c->plan->arena, rest.size / 2 + 1, const char *);
    while (rest.data && names) {
        struct tl_view part = tl_view_trim(tl_view_split(rest, ',', &rest));
        struct tl_ast_name name = { tl_arena_text(&c->plan->arena, part), false, option->place };
        if (!name.text)
            return false;
        size_t column = tl_checker_column(c, columns, count, &name, what);
        if (column == SIZE_MAX)
            return false;
        for (size_t i = 0; i < *out_count; i++) {
            if (strcmp(names[i], columns[column].name) == 0) {
                tl_checker_fail(c, option->place, NULL, "partition_by names the column '%s' twice", names[i]);
                return false;
            }
        }
        names[(*out_count)++] = columns[column].name;
    }
    *out = names;
    if (*out_count == count) {
        tl_checker_fail(c, option->place, NULL, "a column must be left for the file: partition_by names all of them");
        return false;
    }
    return names != NULL;
}

static size_t count_kind(const struct tl_checker *c, enum tl_ast_kind kind)
{
    size_t count = 0;
    for (const struct tl_ast_statement *s = c->statements; s; s = s->next)
        count += s->kind == kind;
    return count;
}

/* Sources, views and batch tables are read by name: they share their names. The others have names of their own kind. */
static bool same_space(enum tl_ast_kind a, enum tl_ast_kind b)
{
    bool table_a = a == TL_AST_SOURCE || a == TL_AST_VIEW || a == TL_AST_BATCH;
    bool table_b = b == TL_AST_SOURCE || b == TL_AST_VIEW || b == TL_AST_BATCH;
    return a == b || (table_a && table_b);
}

static void check_names(struct tl_checker *c)
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
        if (!((*p >= 'a' && *p <= 'z') || (*p >= 'A' && *p <= 'Z') || (*p >= '0' && *p <= '9') || *p == '_' || *p == '-'))
            return false;
    return name[0] != '_' && name[0] != '-';
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
    /* The name becomes a folder of the checkpoints and a schema of dead letters. */
    if (!is_plain_name(found->name.text))
        tl_checker_fail(c, found->name.place, NULL, "a pipeline's name has letters, digits, '_' and '-', and begins with a letter or digit");
    c->plan->name = tl_arena_text(&c->plan->arena, tl_view_of(found->name.text));
}

static void fill_profile(struct tl_checker *c, const struct tl_ast_statement *s, struct tl_profile_plan *out)
{
    out->name = s->name.text;
    out->is_default = s->is_default;
    if (!tl_options_check(c->context, &tl_profile_options, s)) {
        c->failed = true;
        return;
    }
    out->kinesis = tl_options_text(&tl_profile_options, s, "kinesis");
    out->lake = tl_options_text(&tl_profile_options, s, "lake");
    out->catalog = tl_options_text(&tl_profile_options, s, "catalog");
    out->region = tl_options_text(&tl_profile_options, s, "region");
    const struct tl_ast_option *o = tl_options_find(s, "kinesis");
    if (strcmp(out->kinesis, "embedded") && strcmp(out->kinesis, "aws") && strncmp(out->kinesis, "http://", 7) &&
        strncmp(out->kinesis, "https://", 8) && strncmp(out->kinesis, "${", 2))
        tl_checker_fail(c, o->place, NULL, "'kinesis' is 'embedded', 'aws', or an endpoint that begins with http:// or https://");
}

/* Variables are needed of the profile that is used, and of no other. */
static void expand_profile(struct tl_checker *c, const char *chosen)
{
    size_t i = 0;
    for (const struct tl_ast_statement *s = c->statements; s; s = s->next) {
        if (s->kind != TL_AST_PROFILE)
            continue;
        struct tl_profile_plan *p = &c->plan->profiles[i++];
        if (strcmp(p->name, chosen) != 0)
            continue;
        const char **fields[] = { &p->kinesis, &p->lake, &p->region };
        static const char *const names[] = { "kinesis", "lake", "region" };
        for (size_t f = 0; f < TL_COUNT(fields); f++) {
            const struct tl_ast_option *o = tl_options_find(s, names[f]);
            if (o && *fields[f])
                *fields[f] = tl_checker_expand(c, *fields[f], o->place);
        }
    }
}

static void choose_profile(struct tl_checker *c)
{
    struct tl_plan *plan = c->plan;
    const char *names[64];
    size_t count = 0, defaults = 0;
    struct tl_diagnostic_place second = { 0, 1 };
    for (const struct tl_ast_statement *s = c->statements; s; s = s->next) {
        if (s->kind != TL_AST_PROFILE)
            continue;
        if (count < TL_COUNT(names))
            names[count++] = s->name.text;
        defaults += s->is_default;
        second = s->name.place;
    }
    if (defaults > 1 || (defaults == 0 && count > 1)) {
        tl_checker_fail(c, second, NULL, "of several profiles, one is DEFAULT");
        return;
    }
    if (count == 1)
        plan->profiles[0].is_default = true;
    if (c->options->profile && !tl_plan_profile(plan, c->options->profile)) {
        tl_checker_fail(c, second, tl_suggest(tl_view_of(c->options->profile), names, count), "there is no profile '%s'",
                        c->options->profile);
        return;
    }
    const struct tl_profile_plan *chosen = tl_plan_profile(plan, c->options->profile);
    if (chosen && !c->failed)
        expand_profile(c, chosen->name);
}

static void check_profiles(struct tl_checker *c)
{
    static const struct tl_profile_plan none = { "local", true, "embedded", "./lake", "embedded", NULL };
    size_t count = count_kind(c, TL_AST_PROFILE);
    c->plan->profiles = TL_ARENA_ARRAY(&c->plan->arena, count + 1, struct tl_profile_plan);
    if (!c->plan->profiles)
        return;
    for (const struct tl_ast_statement *s = c->statements; s; s = s->next)
        if (s->kind == TL_AST_PROFILE)
            fill_profile(c, s, &c->plan->profiles[c->plan->profile_count++]);
    if (count == 0)
        c->plan->profiles[c->plan->profile_count++] = none;
    choose_profile(c);
}

bool tl_check(struct tl_checker *c)
{
    check_pipeline(c);
    check_names(c);
    check_profiles(c);
    tl_check_sources(c);
    tl_check_views(c);
    tl_check_outputs(c);
    return !c->failed;
}
