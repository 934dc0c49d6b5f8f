/* SPDX-License-Identifier: Apache-2.0 */
#include "net/aws_profile.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/file.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define SETTINGS_MAX ((size_t)1 << 16)
#define ARENA_MAX (16 * TL_AWS_FILE_MAX)

enum section_kind { SECTION_NONE, SECTION_OTHER, SECTION_PROFILE, SECTION_SERVICES };

struct setting {
    enum tl_aws_file file;
    enum section_kind kind;
    bool prefixed;              /* of [profile x], not of [x] */
    const char *section, *over; /* over: the setting that this one is nested in, or NULL */
    const char *key, *value;    /* key NULL: the section itself */
};

/* I1: count <= cap <= SETTINGS_MAX. I2: all texts lie in the arena. */
struct tl_aws_profiles {
    struct tl_arena arena;
    struct setting *settings;
    size_t count, cap;
    char paths[2][PATH_MAX];
};

struct reader {
    struct tl_aws_profiles *to;
    enum tl_aws_file file;
    const char *path;
    size_t line;
    enum section_kind kind;
    bool prefixed;
    const char *section;
    const char *key; /* the last one that was not nested; NULL: none in this section yet */
    struct tl_error *error;
};

static bool refuse(const struct reader *r, const char *what)
{
    return tl_error_set(r->error, TL_INVALID, "%s:%zu: %s", r->path, r->line, what);
}

static bool add(struct reader *r, const char *over, const char *key, const char *value)
{
    struct tl_aws_profiles *p = r->to;
    if (p->count == SETTINGS_MAX)
        return refuse(r, "too many settings");
    if (p->count == p->cap) {
        size_t cap = p->cap ? p->cap * 2 : 64;
        struct setting *more = realloc(p->settings, cap * sizeof *more);
        if (!more)
            return tl_error_set(r->error, TL_NO_MEMORY, "out of memory");
        p->settings = more;
        p->cap = cap;
    }
    p->settings[p->count++] = (struct setting){ .file = r->file,
                                                .kind = r->kind,
                                                .prefixed = r->prefixed,
                                                .section = r->section,
                                                .over = over,
                                                .key = key,
                                                .value = value };
    return tl_arena_ok(&p->arena, "the AWS config", r->error);
}

/* "services x" with the word "services" is x: quotes around it go. {NULL, 0} when it begins with another
 * word. */
static struct tl_view after_word(struct tl_view header, const char *word)
{
    size_t size = strlen(word);
    if (!tl_view_starts_with(header, tl_view_of(word)) || header.size == size ||
        (header.data[size] != ' ' && header.data[size] != '\t'))
        return (struct tl_view){ NULL, 0 };
    struct tl_view name = tl_view_trim((struct tl_view){ header.data + size, header.size - size });
    bool quoted = name.size >= 2 && (name.data[0] == '"' || name.data[0] == '\'') &&
                  name.data[name.size - 1] == name.data[0];
    return quoted ? (struct tl_view){ name.data + 1, name.size - 2 } : name;
}

static bool read_section(struct reader *r, struct tl_view line)
{
    struct tl_view rest, header = tl_view_split((struct tl_view){ line.data + 1, line.size - 1 }, ']', &rest);
    if (!rest.data)
        return refuse(r, "the section's name has no ']' at its end");
    header = tl_view_trim(header);
    struct tl_view profile = after_word(header, "profile"), services = after_word(header, "services");
    r->kind = SECTION_OTHER;
    r->key = NULL;
    r->prefixed = false;
    if (r->file == TL_AWS_FILE_CREDENTIALS || tl_view_is(header, "default")) {
        r->kind = SECTION_PROFILE;
    } else if (profile.data) {
        r->kind = SECTION_PROFILE;
        r->prefixed = true;
        header = profile;
    } else if (services.data) {
        r->kind = SECTION_SERVICES;
        header = services;
    }
    if (header.size == 0)
        return refuse(r, "the section has no name");
    r->section = tl_arena_text(&r->to->arena, header);
    return r->section ? add(r, NULL, NULL, NULL) : tl_arena_ok(&r->to->arena, "the AWS config", r->error);
}

static struct setting *last_setting(const struct reader *r)
{
    assert(r->key && r->to->count > 0);
    return &r->to->settings[r->to->count - 1];
}

/* An indented line goes on with the value above it; a blank stands for the line's end. */
static bool read_continuation(struct reader *r, struct tl_view line)
{
    struct setting *s = last_setting(r);
    s->value = tl_arena_printf(&r->to->arena, "%s %.*s", s->value, TL_VIEW_ARG(line));
    return tl_arena_ok(&r->to->arena, "the AWS config", r->error);
}

static const char *lower(struct reader *r, struct tl_view name)
{
    char *text = tl_arena_text(&r->to->arena, name);
    for (char *c = text; c && *c; c++)
        if (*c >= 'A' && *c <= 'Z')
            *c = (char)(*c + 32);
    return text;
}

static bool read_setting(struct reader *r, struct tl_view line, bool nested)
{
    struct tl_view value, name = tl_view_trim(tl_view_split(line, '=', &value));
    if (!value.data)
        return refuse(r, "neither '[section]' nor 'name = value'");
    if (name.size == 0)
        return refuse(r, "there is no name before '='");
    const char *key = lower(r, name), *text = tl_arena_text(&r->to->arena, tl_view_trim(value));
    if (!key || !text)
        return tl_arena_ok(&r->to->arena, "the AWS config", r->error);
    if (!nested)
        r->key = key;
    return add(r, nested ? r->key : NULL, key, text);
}

static bool is_nested(const struct reader *r)
{
    const struct setting *last = last_setting(r);
    return last->over || last->value[0] == '\0';
}

static bool read_line(struct reader *r, struct tl_view line)
{
    bool indented = line.size && (line.data[0] == ' ' || line.data[0] == '\t');
    line = tl_view_trim(line);
    if (line.size == 0 || line.data[0] == '#' || line.data[0] == ';')
        return true;
    for (size_t i = 0; i < line.size; i++)
        if (((unsigned char)line.data[i] < ' ' && line.data[i] != '\t') || line.data[i] == 0x7f)
            return refuse(r, "a control character");
    if (line.data[0] == '[' && !indented)
        return read_section(r, line);
    if (r->kind == SECTION_NONE)
        return refuse(r, "a setting before the first '[section]'");
    if (r->kind == SECTION_OTHER)
        return true;
    if (indented && r->key && !is_nested(r))
        return read_continuation(r, line);
    return read_setting(r, line, indented && r->key);
}

static bool read_text(struct tl_aws_profiles *p, enum tl_aws_file file, const char *path, struct tl_view text,
                      struct tl_error *error)
{
    struct reader r = { .to = p, .file = file, .path = path, .error = error };
    if (text.size > TL_AWS_FILE_MAX)
        return tl_error_set(error, TL_LIMIT, "%s is larger than %zu bytes", path, TL_AWS_FILE_MAX);
    if (tl_view_starts_with(text, TL_VIEW("\xef\xbb\xbf")))
        text = (struct tl_view){ text.data + 3, text.size - 3 };
    while (text.data && text.size) {
        r.line++;
        if (!read_line(&r, tl_view_split(text, '\n', &text)))
            return false;
    }
    return true;
}

static struct tl_aws_profiles *make(struct tl_error *error)
{
    struct tl_aws_profiles *p = calloc(1, sizeof *p);
    if (p)
        tl_arena_init(&p->arena, ARENA_MAX);
    else
        (void)tl_error_set(error, TL_NO_MEMORY, "out of memory");
    return p;
}

bool tl_aws_profiles_parse(struct tl_aws_profiles **out, struct tl_view config, struct tl_view credentials,
                           struct tl_error *error)
{
    struct tl_aws_profiles *p = *out = make(error);
    if (p && read_text(p, TL_AWS_FILE_CONFIG, "config", config, error) &&
        read_text(p, TL_AWS_FILE_CREDENTIALS, "credentials", credentials, error))
        return true;
    tl_aws_profiles_free(p);
    *out = NULL;
    return false;
}

/* The file that the variable names, or ~/.aws/<name>; "~/" at its front is the home folder. */
static void find_path(const char *variable, const char *name, char out[PATH_MAX])
{
    const char *given = getenv(variable), *home = getenv("HOME");
    int size = 0;
    if (given && strncmp(given, "~/", 2) == 0 && home)
        size = snprintf(out, PATH_MAX, "%s/%s", home, given + 2);
    else if (given && given[0])
        size = snprintf(out, PATH_MAX, "%s", given);
    else if (home && home[0])
        size = snprintf(out, PATH_MAX, "%s/.aws/%s", home, name);
    if (size <= 0 || size >= PATH_MAX)
        out[0] = '\0';
}

static bool read_file(struct tl_aws_profiles *p, enum tl_aws_file file, struct tl_error *error)
{
    const char *path = p->paths[file];
    struct tl_buf text;
    tl_buf_init(&text, TL_AWS_FILE_MAX + 1);
    bool ok = !path[0] || tl_file_read(path, &text, error);
    if (ok)
        ok = read_text(p, file, path, tl_buf_view(&text), error);
    else if (error->code == TL_NOT_FOUND)
        ok = true;
    if (text.data)
        explicit_bzero(text.data, text.size); /* there are secrets in it */
    tl_buf_release(&text);
    return ok;
}

bool tl_aws_profiles_load(struct tl_aws_profiles **out, struct tl_error *error)
{
    struct tl_aws_profiles *p = *out = make(error);
    if (p) {
        find_path("AWS_CONFIG_FILE", "config", p->paths[TL_AWS_FILE_CONFIG]);
        find_path("AWS_SHARED_CREDENTIALS_FILE", "credentials", p->paths[TL_AWS_FILE_CREDENTIALS]);
    }
    if (p && read_file(p, TL_AWS_FILE_CONFIG, error) && read_file(p, TL_AWS_FILE_CREDENTIALS, error))
        return true;
    tl_aws_profiles_free(p);
    *out = NULL;
    return false;
}

void tl_aws_profiles_free(struct tl_aws_profiles *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->count; i++)
        if (p->settings[i].value)
            explicit_bzero((char *)(uintptr_t)p->settings[i].value, strlen(p->settings[i].value));
    free(p->settings);
    tl_arena_release(&p->arena);
    free(p);
}

const char *tl_aws_profile_name(bool *asked)
{
    static const char *const names[] = { "AWS_PROFILE", "AWS_DEFAULT_PROFILE" };
    const char *name = NULL;
    for (size_t i = 0; i < TL_COUNT(names) && !(name && name[0]); i++)
        name = getenv(names[i]);
    if (asked)
        *asked = name && name[0];
    return name && name[0] ? name : "default";
}

static bool is_same(const char *a, const char *b)
{
    return a && b ? strcmp(a, b) == 0 : a == b;
}

static const char *find(const struct tl_aws_profiles *p, const struct setting *wanted)
{
    const char *plain = NULL;
    for (size_t i = p->count; i-- > 0;) {
        const struct setting *s = &p->settings[i];
        if (s->file != wanted->file || s->kind != wanted->kind || !is_same(s->section, wanted->section) ||
            !is_same(s->over, wanted->over) || !is_same(s->key, wanted->key) || !s->value || !s->value[0])
            continue;
        if (s->prefixed)
            return s->value;
        if (!plain)
            plain = s->value;
    }
    return plain;
}

bool tl_aws_profiles_has(const struct tl_aws_profiles *p, const char *profile)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->settings[i].kind == SECTION_PROFILE && strcmp(p->settings[i].section, profile) == 0)
            return true;
    return false;
}

const char *tl_aws_profile_get_in(const struct tl_aws_profiles *p, enum tl_aws_file file, const char *profile,
                                  const char *key)
{
    struct setting wanted = { .file = file, .kind = SECTION_PROFILE, .section = profile, .key = key };
    return find(p, &wanted);
}

const char *tl_aws_profile_get(const struct tl_aws_profiles *p, const char *profile, const char *key)
{
    const char *value = tl_aws_profile_get_in(p, TL_AWS_FILE_CREDENTIALS, profile, key);
    return value ? value : tl_aws_profile_get_in(p, TL_AWS_FILE_CONFIG, profile, key);
}

const char *tl_aws_services_get(const struct tl_aws_profiles *p, const char *services, const char *service,
                                const char *key)
{
    struct setting wanted = {
        .file = TL_AWS_FILE_CONFIG, .kind = SECTION_SERVICES, .section = services, .over = service, .key = key
    };
    return find(p, &wanted);
}

const char *tl_aws_profiles_path(const struct tl_aws_profiles *p, enum tl_aws_file file)
{
    return p->paths[file];
}
