/* SPDX-License-Identifier: Apache-2.0 */
/* sql/check_profiles.c: where things live. Variables are needed of the profile that is used, and of no other.
 */
#include "base/suggest.h"
#include "sql/checker.h"

#include <stdio.h>

static bool begins(const char *text, const char *with)
{
    return tl_view_starts_with(tl_view_of(text), tl_view_of(with));
}

static bool is_endpoint(const char *text)
{
    return (begins(text, "http://") && text[7]) || (begins(text, "https://") && text[8]);
}

/* What stands in the file when it holds a variable is known only once that is replaced. */
static void check_kinesis(struct tl_checker *c, const char *text, struct tl_diagnostic_place place)
{
    if (text && strcmp(text, "embedded") && strcmp(text, "aws") && !is_endpoint(text) && !strstr(text, "${"))
        tl_checker_fail(
            c, place, NULL,
            "'kinesis' is 'embedded', 'aws', or an endpoint that begins with http:// or https://");
}

static void check_lake(struct tl_checker *c, const char *text, struct tl_diagnostic_place place)
{
    if (!text || (!strstr(text, "://") && text[0]) || (begins(text, "s3://") && text[5] && text[5] != '/'))
        return;
    tl_checker_fail(c, place, NULL, "'lake' is a folder or 's3://bucket/prefix'");
}

static const struct {
    const char *option;
    size_t field; /* offset in struct tl_profile_plan */
    void (*check)(struct tl_checker *, const char *, struct tl_diagnostic_place);
} texts[] = {
    { "kinesis", offsetof(struct tl_profile_plan, kinesis), check_kinesis },
    { "lake", offsetof(struct tl_profile_plan, lake), check_lake },
    { "region", offsetof(struct tl_profile_plan, region), NULL },
};

static const char **field_of(struct tl_profile_plan *p, size_t text)
{
    return (const char **)((char *)p + texts[text].field);
}

static void fill_profile(struct tl_checker *c, const struct tl_ast_statement *s, struct tl_profile_plan *out)
{
    out->name = s->name.text;
    out->is_default = s->is_default;
    if (!tl_checker_options(c, &tl_profile_options, s))
        return;
    out->catalog = tl_options_text(&tl_profile_options, s, "catalog");
    out->glue_partitions = tl_options_text(&tl_profile_options, s, "glue_partitions");
    for (size_t i = 0; i < TL_COUNT(texts); i++) {
        const struct tl_ast_option *o = tl_options_find(s, texts[i].option);
        *field_of(out, i) = tl_options_text(&tl_profile_options, s, texts[i].option);
        if (o && texts[i].check)
            texts[i].check(c, o->text, o->place);
    }
}

static void expand_profile(struct tl_checker *c, const struct tl_ast_statement *s, struct tl_profile_plan *p)
{
    snprintf(c->needed_by, sizeof c->needed_by, " (needed by the profile '%.128s')", p->name);
    for (size_t i = 0; i < TL_COUNT(texts); i++) {
        const struct tl_ast_option *o = tl_options_find(s, texts[i].option);
        if (!o || !strstr(o->text, "${"))
            continue;
        *field_of(p, i) = tl_checker_expand(c, o->text, o->place);
        if (texts[i].check)
            texts[i].check(c, *field_of(p, i), o->place);
    }
    c->needed_by[0] = '\0';
}

/* One DEFAULT among several; the only one is it unsaid. */
static bool check_default(struct tl_checker *c)
{
    size_t count = 0, defaults = 0;
    const struct tl_ast_statement *wrong = NULL;
    for (const struct tl_ast_statement *s = c->statements; s; s = s->next) {
        if (s->kind != TL_AST_PROFILE)
            continue;
        count++;
        defaults += s->is_default;
        if (!wrong || (s->is_default && defaults == 2))
            wrong = s;
    }
    if (defaults == 0 && count == 1)
        c->plan->profiles[0].is_default = true;
    if (defaults == 1 || count <= 1)
        return true;
    tl_checker_fail(c, wrong->name.place, NULL,
                    defaults ? "only one profile can be DEFAULT"
                             : "of several profiles one is DEFAULT: write DEFAULT before its WITH");
    return false;
}

static void choose_profile(struct tl_checker *c)
{
    const char *names[64], *wanted = c->options->profile;
    size_t count = 0;
    for (; count < c->plan->profile_count && count < TL_COUNT(names); count++)
        names[count] = c->plan->profiles[count].name;
    const struct tl_profile_plan *chosen = tl_plan_profile(c->plan, wanted);
    size_t i = 0;
    for (const struct tl_ast_statement *s = c->statements; s; s = s->next)
        if (s->kind == TL_AST_PROFILE && &c->plan->profiles[i++] == chosen)
            expand_profile(c, s, &c->plan->profiles[i - 1]);
    if (!chosen)
        tl_checker_fail(c, (struct tl_diagnostic_place){ 0, 1 }, tl_suggest(tl_view_of(wanted), names, count),
                        "there is no profile '%s'", wanted);
}

void tl_check_profiles(struct tl_checker *c)
{
    static const struct tl_profile_plan none = { "local", true, "embedded", "./lake", "embedded", "register", NULL };
    size_t count = 0;
    for (const struct tl_ast_statement *s = c->statements; s; s = s->next)
        count += s->kind == TL_AST_PROFILE;
    c->plan->profiles = TL_ARENA_ARRAY(&c->plan->arena, count + 1, struct tl_profile_plan);
    if (!c->plan->profiles)
        return;
    for (const struct tl_ast_statement *s = c->statements; s; s = s->next)
        if (s->kind == TL_AST_PROFILE)
            fill_profile(c, s, &c->plan->profiles[c->plan->profile_count++]);
    if (count == 0)
        c->plan->profiles[c->plan->profile_count++] = none;
    if (check_default(c) && !c->failed)
        choose_profile(c);
}
