/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_top.c: the dashboard's figures in a terminal, by ncurses: for those who are where no browser is. */
#include "base/io.h"
#include "base/time.h"
#include "cli/commands.h"
#include "cli/signals.h"
#include "cli/top_text.h"
#include "net/http_client.h"

#include <curses.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define URL_DEFAULT "http://127.0.0.1:8080"
#define RESPONSE_MAX (4u << 20)
#define TIMEOUT_NS (10 * TL_NS_PER_S)
#define WIDTH_PLAIN 200
#define ROWS_PLAIN 200

static const struct tl_option options[] = {
    { "once", TL_OPTION_FLAG, NULL, "print the figures once, as plain text, and end" },
    { "interval", TL_OPTION_DECIMAL, "S", "seconds between two looks (default 1)" },
};

struct look {
    struct tl_http_client *client;
    struct tl_http_response response;
    struct tl_json_parser *parser;
    char url[512], authorization[4200];
};

static bool look_open(struct look *l, const char *url, struct tl_error *error)
{
    const char *token = getenv("TAPELINE_TOKEN");
    size_t size = strlen(url);
    *l = (struct look){ .client = NULL };
    tl_http_response_init(&l->response, RESPONSE_MAX);
    while (size && url[size - 1] == '/')
        size--;
    if (snprintf(l->url, sizeof l->url, "%.*s/api/status", (int)size, url) >= (int)sizeof l->url)
        return tl_error_set(error, TL_INVALID, "the address is too long");
    if (token && snprintf(l->authorization, sizeof l->authorization, "Bearer %s", token) >= (int)sizeof l->authorization)
        return tl_error_set(error, TL_INVALID, "TAPELINE_TOKEN is too long");
    return tl_http_client_new(&l->client, RESPONSE_MAX, error) && tl_json_parser_new(&l->parser, error);
}

static void look_close(struct look *l)
{
    tl_http_client_free(l->client);
    tl_http_response_release(&l->response);
    tl_json_parser_free(l->parser);
}

static bool look(struct look *l, struct tl_json *status, struct tl_error *error)
{
    struct tl_http_header header = { TL_VIEW("Authorization"), tl_view_of(l->authorization) };
    struct tl_http_request request = { .method = "GET", .url = l->url, .headers = &header, .header_count = l->authorization[0] ? 1 : 0,
                                       .timeout_ns = TIMEOUT_NS };
    if (!tl_http_client_send(l->client, &request, &l->response, error))
        return false;
    if (l->response.status == 401)
        return tl_error_set(error, TL_DENIED, "the dashboard wants its token: set TAPELINE_TOKEN");
    if (l->response.status != 200)
        return tl_error_set(error, TL_UNAVAILABLE, "%s answered %d: is it the dashboard's address?", l->url, l->response.status);
    return tl_json_parse_copy(l->parser, tl_buf_view(&l->response.body), status, error);
}

/* ---- once ---- */

static void print_line(void *user, enum tl_top_tone tone, struct tl_view text)
{
    (void)tone;
    fprintf(user, "%.*s\n", TL_VIEW_ARG(text));
}

static int run_once(struct look *l)
{
    static struct tl_top top;
    struct tl_json status;
    struct tl_error error;
    if (!look(l, &status, &error))
        return tl_report(&error);
    tl_top_write(&top, status, WIDTH_PLAIN, ROWS_PLAIN, print_line, stdout);
    return TL_EXIT_OK;
}

/* ---- on a terminal ---- */

static void draw_line(void *user, enum tl_top_tone tone, struct tl_view text)
{
    int *row = user;
    static const attr_t tones[] = { [TL_TOP_PLAIN] = A_NORMAL, [TL_TOP_HEAD] = A_BOLD, [TL_TOP_DIM] = A_DIM, [TL_TOP_GOOD] = A_NORMAL, [TL_TOP_BAD] = A_BOLD };
    attr_t attributes = tones[tone];
    if (has_colors() && tone == TL_TOP_GOOD)
        attributes |= COLOR_PAIR(1);
    if (has_colors() && tone == TL_TOP_BAD)
        attributes |= COLOR_PAIR(2);
    attron(attributes);
    mvaddnstr((*row)++, 0, text.data, (int)text.size);
    attroff(attributes);
}

static void draw(struct look *l, struct tl_top *top)
{
    struct tl_json status;
    struct tl_error error;
    int row = 0;
    erase();
    if (look(l, &status, &error))
        tl_top_write(top, status, (size_t)COLS, (size_t)(LINES > 1 ? LINES - 1 : 1), draw_line, &row);
    else
        draw_line(&row, TL_TOP_BAD, tl_view_of(error.text));
    attron(A_DIM);
    mvaddnstr(LINES - 1, 0, "q ends", COLS);
    attroff(A_DIM);
    refresh();
}

static int run_screen(struct look *l, double interval_s)
{
    static struct tl_top top;
    setlocale(LC_CTYPE, "");
    SCREEN *screen = newterm(NULL, stdout, stdin);
    if (!screen) {
        fputs("tapeline top: this terminal is not known (TERM); --once prints plain text\n", stderr);
        return TL_EXIT_FAILED;
    }
    cbreak();
    noecho();
    curs_set(0);
    if (has_colors() && !getenv("NO_COLOR")) {
        start_color();
        use_default_colors();
        init_pair(1, COLOR_GREEN, -1);
        init_pair(2, COLOR_RED, -1);
    }
    timeout(100);
    int64_t next = 0;
    for (int key = ERR; key != 'q' && key != 'Q' && !__atomic_load_n(tl_signals_stopping(), __ATOMIC_ACQUIRE); key = getch()) {
        if (key != KEY_RESIZE && tl_io->monotonic_ns() < next)
            continue;
        draw(l, &top);
        next = tl_io->monotonic_ns() + (int64_t)(interval_s * (double)TL_NS_PER_S);
    }
    endwin();
    delscreen(screen);
    return TL_EXIT_OK;
}

static int top_run(const struct tl_args *args)
{
    struct look l;
    struct tl_error error;
    const char *url = tl_args_positional(args, 0);
    double interval = tl_args_decimal(args, "interval", 1);
    if (interval < 0.1 || interval > 3600) {
        fputs("tapeline top: --interval is 0.1 to 3600 seconds\n", stderr);
        return TL_EXIT_USAGE;
    }
    bool ok = look_open(&l, url ? url : URL_DEFAULT, &error);
    int code = !ok ? tl_report(&error) : tl_args_flag(args, "once") || !isatty(STDOUT_FILENO) ? run_once(&l) : run_screen(&l, interval);
    look_close(&l);
    return code;
}

const struct tl_command tl_command_top = {
    .name = "top",
    .summary = "a running pipeline's figures in this terminal, each second",
    .positional = "[URL]",
    .positional_max = 1,
    .options = options,
    .option_count = TL_COUNT(options),
    .examples = "  tapeline top\n"
                "  TAPELINE_TOKEN=... tapeline top https://dash.example.org\n"
                "  tapeline top --once                          (plain text, for scripts)\n",
    .run = top_run,
};
