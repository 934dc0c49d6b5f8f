/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/query_prompt.h"

#include "base/io.h"
#include "base/time.h"
#include "cli/command.h"
#include "cli/query_names.h"
#include "cli/signals.h"

#include <errno.h>
#include <histedit.h>
#include <limits.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <wchar.h>

#define STATEMENT_MAX ((size_t)256 << 10)
#define SCRIPT_MAX ((size_t)64 << 20)
#define HISTORY_LINES 2000
#define MATCHES_MAX 200
#define POLL_MS 50

struct prompt {
    struct tl_query_session *session;
    EditLine *edit;
    History *history;
    char history_path[PATH_MAX]; /* "": none is kept */
    struct tl_query_names names;
    struct tl_buf statement; /* the lines so far */
    bool *interrupted;
    bool broken, done; /* broken: Ctrl-C ended the line */
};

/* ---- keys ---- */

static bool was_interrupted(struct prompt *p)
{
    return __atomic_exchange_n(p->interrupted, false, __ATOMIC_ACQ_REL);
}

/* The next character. Ctrl-C is a signal, which another thread takes: it is looked for here. */
static int read_key(EditLine *edit, wchar_t *out)
{
    struct prompt *p;
    mbstate_t state;
    char byte;
    memset(&state, 0, sizeof state);
    el_get(edit, EL_CLIENTDATA, &p);
    for (;;) {
        struct pollfd ready = { STDIN_FILENO, POLLIN, 0 };
        p->broken = was_interrupted(p);
        if (p->broken || __atomic_load_n(tl_signals_stopping(), __ATOMIC_ACQUIRE))
            return 0;
        if (poll(&ready, 1, POLL_MS) <= 0)
            continue;
        if (tl_io->read(STDIN_FILENO, &byte, 1) != 1)
            return 0;
        size_t taken = mbrtowc(out, &byte, 1, &state);
        if (taken == (size_t)-2)
            continue; /* within a character */
        if (taken == (size_t)-1) {
            memset(&state, 0, sizeof state);
            continue;
        }
        return 1;
    }
}

static bool is_word_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '.';
}

static size_t common_size(char *const *matches, size_t count)
{
    size_t size = strlen(matches[0]);
    for (size_t i = 1; i < count; i++) {
        size_t same = 0;
        while (same < size && matches[i][same] == matches[0][same])
            same++;
        size = same;
    }
    return size;
}

static void print_matches(char *const *matches, size_t count)
{
    putchar('\n');
    for (size_t i = 0; i < count; i++)
        printf("%s%s", matches[i], i + 1 < count ? "  " : "\n");
    fflush(stdout);
}

static unsigned char complete(EditLine *edit, int key)
{
    (void)key;
    struct prompt *p;
    char *matches[MATCHES_MAX];
    const LineInfo *line = el_line(edit);
    const char *begin = line->cursor;
    el_get(edit, EL_CLIENTDATA, &p);
    while (begin > line->buffer && is_word_char(begin[-1]))
        begin--;
    struct tl_view word = { begin, (size_t)(line->cursor - begin) };
    size_t count = tl_query_names_match(&p->names, word, matches, MATCHES_MAX), size = count ? common_size(matches, count) : 0;
    unsigned char answer = CC_ERROR;
    if (count && size > 0 && (count == 1 || size > word.size)) {
        char text[512];
        snprintf(text, sizeof text, "%.*s%s", (int)(size < 500 ? size : 500), matches[0], count == 1 && !strchr("('", matches[0][size - 1]) ? " " : "");
        el_deletestr(edit, (int)word.size);
        answer = el_insertstr(edit, text) == 0 ? CC_REFRESH : CC_ERROR;
    } else if (count > 1) {
        print_matches(matches, count);
        answer = CC_REDISPLAY;
    }
    for (size_t i = 0; i < count; i++)
        free(matches[i]);
    return answer;
}

static char *prompt_text(EditLine *edit)
{
    static char first[] = "tapeline> ", more[] = "     ...> ";
    struct prompt *p;
    el_get(edit, EL_CLIENTDATA, &p);
    return p->statement.size ? more : first;
}

/* ---- history ---- */

static void find_history(struct prompt *p)
{
    const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");
    struct tl_error ignored;
    char folder[PATH_MAX - 32];
    int size = -1;
    if (state && state[0] == '/')
        size = snprintf(folder, sizeof folder, "%s/tapeline", state);
    else if (home && home[0] == '/')
        size = snprintf(folder, sizeof folder, "%s/.local/state/tapeline", home);
    if (size > 0 && size < (int)sizeof folder && tl_dir_make(folder, &ignored))
        snprintf(p->history_path, sizeof p->history_path, "%s/query_history", folder);
}

static void remember(struct prompt *p, const char *statement)
{
    HistEvent event;
    char *one_line = strdup(statement);
    if (!one_line)
        return;
    for (char *c = one_line; *c; c++)
        if (*c == '\n' && !strstr(statement, "--")) /* a comment ends with its line */
            *c = ' ';
    history(p->history, &event, H_ENTER, one_line);
    if (p->history_path[0])
        history(p->history, &event, H_SAVE, p->history_path);
    free(one_line);
}

static bool open_prompt(struct prompt *p, struct tl_error *error)
{
    HistEvent event;
    p->edit = el_init("tapeline", stdin, stdout, stderr);
    p->history = history_init();
    if (!p->edit || !p->history)
        return tl_error_set(error, TL_NO_MEMORY, "cannot set up the prompt");
    history(p->history, &event, H_SETSIZE, HISTORY_LINES);
    history(p->history, &event, H_SETUNIQUE, 1);
    find_history(p);
    if (p->history_path[0])
        history(p->history, &event, H_LOAD, p->history_path);
    el_set(p->edit, EL_CLIENTDATA, p);
    el_set(p->edit, EL_PROMPT, prompt_text);
    el_set(p->edit, EL_EDITOR, "emacs");
    el_set(p->edit, EL_HIST, history, p->history);
    el_set(p->edit, EL_ADDFN, "tl-complete", "complete a name", complete);
    el_set(p->edit, EL_BIND, "^I", "tl-complete", NULL);
    el_set(p->edit, EL_BIND, "^R", "em-inc-search-prev", NULL);
    el_set(p->edit, EL_GETCFN, read_key);
    return tl_query_names_load(&p->names, p->session->lake, error);
}

static void close_prompt(struct prompt *p)
{
    if (p->edit)
        el_end(p->edit);
    if (p->history)
        history_end(p->history);
    tl_query_names_release(&p->names);
    tl_buf_release(&p->statement);
}

/* ---- commands ---- */

static void help(void)
{
    puts("A statement ends with ';' and may take several lines. Tab completes, Ctrl-R searches the history,\n"
         "Ctrl-C ends a query (or throws away what was typed), Ctrl-D leaves.\n"
         "  .tables           the tables of the lake\n"
         "  .schema [TABLE]   their columns\n"
         "  .format F         table, csv or json\n"
         "  .quit");
}

static bool set_format(struct prompt *p, struct tl_view text, struct tl_error *error)
{
    char name[16];
    snprintf(name, sizeof name, "%.*s", TL_VIEW_ARG(text));
    enum tl_query_format format;
    if (!tl_query_format_parse(name, &format) || format == TL_QUERY_PARQUET)
        return tl_error_set(error, TL_INVALID, ".format is table, csv or json");
    p->session->format = format;
    return true;
}

static bool print_tables(struct prompt *p, struct tl_view table, bool verbose, struct tl_error *error)
{
    char name[512];
    while (table.size && table.data[table.size - 1] == ';')
        table.size--;
    snprintf(name, sizeof name, "%.*s", TL_VIEW_ARG(table));
    if (!p->session->lake)
        return tl_error_set(error, TL_UNSUPPORTED, "the tables are Athena's: SHOW TABLES IN a_database; DESCRIBE a_database.a_table;");
    return tl_query_tables_print(p->session->lake, name[0] ? name : NULL, verbose, error);
}

static bool run_command(struct prompt *p, struct tl_view line, struct tl_error *error)
{
    struct tl_view rest, word = tl_view_split(line, ' ', &rest);
    rest = tl_view_trim(rest);
    if (tl_view_is(word, ".quit") || tl_view_is(word, ".exit"))
        p->done = true;
    else if (tl_view_is(word, ".help"))
        help();
    else if (tl_view_is(word, ".tables"))
        return print_tables(p, (struct tl_view){ "", 0 }, false, error);
    else if (tl_view_is(word, ".schema"))
        return print_tables(p, rest, true, error);
    else if (tl_view_is(word, ".format"))
        return set_format(p, rest, error);
    else
        return tl_error_set(error, TL_INVALID, "there is no command '%.*s' (.help tells them)", TL_VIEW_ARG(word));
    return true;
}

/* ---- the loop ---- */

static void tell(const struct tl_error *error)
{
    fflush(stdout);
    fprintf(stderr, "%s\n", error->text);
}

static void run_statements(struct prompt *p)
{
    size_t size;
    struct tl_error error;
    while ((size = tl_query_statement_size(tl_buf_text(&p->statement))) > 0) {
        char *statement = strndup(p->statement.data, size);
        memmove(p->statement.data, p->statement.data + size, p->statement.size - size + 1);
        p->statement.size -= size;
        if (statement && !tl_query_is_blank(statement)) {
            remember(p, statement);
            was_interrupted(p);
            if (!tl_query_session_run(p->session, statement, &error))
                tell(&error);
        }
        free(statement);
        was_interrupted(p); /* one that came with the end of the query */
    }
    if (tl_query_is_blank(tl_buf_text(&p->statement)))
        tl_buf_reset(&p->statement);
}

static void take_line(struct prompt *p, struct tl_view line)
{
    struct tl_error error;
    struct tl_view trimmed = tl_view_trim(line);
    if (p->statement.size == 0 && trimmed.size && trimmed.data[0] == '.') {
        char *copy = strndup(trimmed.data, trimmed.size);
        if (copy)
            remember(p, copy);
        free(copy);
        if (!run_command(p, trimmed, &error))
            tell(&error);
        fflush(stdout);
        return;
    }
    tl_buf_add_view(&p->statement, line);
    if (p->statement.failed) {
        fprintf(stderr, "the statement is longer than %zu bytes\n", STATEMENT_MAX);
        tl_buf_reset(&p->statement);
        return;
    }
    run_statements(p);
    /* Tables may have come. */
    struct tl_query_names names;
    if (p->statement.size == 0 && tl_query_names_load(&names, p->session->lake, &error)) {
        tl_query_names_release(&p->names);
        p->names = names;
    }
}

static void loop(struct prompt *p)
{
    while (!p->done) {
        int count = 0;
        p->broken = false;
        /* Before the prompt is seen: a Ctrl-D that comes sooner would be the terminal's own, and lost. */
        el_set(p->edit, EL_PREP_TERM, 1);
        const char *line = el_gets(p->edit, &count);
        if (p->broken) {
            fputs("^C\n", stdout);
            fflush(stdout);
            tl_buf_reset(&p->statement);
        } else if (!line || count <= 0) {
            fputs("\n", stdout);
            p->done = true;
        } else {
            take_line(p, (struct tl_view){ line, (size_t)count });
        }
    }
}

int tl_query_prompt(struct tl_query_session *session)
{
    struct tl_error error;
    struct prompt p = { .session = session, .interrupted = tl_signals_take_interrupts() };
    setlocale(LC_CTYPE, "");
    tl_buf_init(&p.statement, STATEMENT_MAX);
    session->cancel = p.interrupted;
    bool ok = open_prompt(&p, &error);
    if (ok) {
        puts("SQL over the lake; .help for help.");
        loop(&p);
    }
    close_prompt(&p);
    return ok ? TL_EXIT_OK : tl_report(&error);
}

/* ---- a script ---- */

static bool run_script(const struct tl_query_session *session, const char *text, struct tl_error *error)
{
    while (!tl_query_is_blank(text)) {
        size_t size = tl_query_statement_size(text), take = size ? size : strlen(text);
        char *statement = strndup(text, take);
        if (!statement)
            return tl_error_set(error, TL_NO_MEMORY, "out of memory");
        bool ok = tl_query_is_blank(statement) || tl_query_session_run(session, statement, error);
        free(statement);
        if (!ok)
            return false;
        text += take;
    }
    return true;
}

int tl_query_script(const struct tl_query_session *session)
{
    struct tl_error error;
    struct tl_buf text;
    char block[16384];
    ssize_t n;
    tl_buf_init(&text, SCRIPT_MAX);
    while ((n = tl_io->read(STDIN_FILENO, block, sizeof block)) > 0)
        tl_buf_add(&text, block, (size_t)n);
    bool ok = n == 0 ? tl_buf_ok(&text, "stdin", &error) : tl_error_sys(&error, errno, "cannot read stdin");
    if (ok && memchr(tl_buf_text(&text), '\0', text.size))
        ok = tl_error_set(&error, TL_INVALID, "stdin holds a NUL byte: it is no SQL");
    ok = ok && run_script(session, tl_buf_text(&text), &error);
    tl_buf_release(&text);
    if (!ok && tl_signals_received())
        return 128 + tl_signals_received();
    return ok ? TL_EXIT_OK : tl_report(&error);
}
