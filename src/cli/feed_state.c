/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/feed_state.h"

#include "base/file.h"
#include "base/io.h"
#include "base/time.h"
#include "codec/json.h"
#include "codec/json_writer.h"

#include <assert.h>
#include <stdlib.h>

#define FILE_MAX 4096
#define SAVE_EVERY_NS TL_NS_PER_S

/* The feed's name may be any quoted identifier: what a file name should not hold is written as %xx. */
static char *path_of(const char *dir, const char *feed)
{
    struct tl_buf path;
    tl_buf_init(&path, 4096);
    tl_buf_addf(&path, "%s/feed-", dir);
    for (const unsigned char *c = (const unsigned char *)feed; *c; c++) {
        bool plain = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9') ||
                     *c == '_' || *c == '-';
        tl_buf_addf(&path, plain ? "%c" : "%%%02x", *c);
    }
    tl_buf_add_text(&path, ".json");
    return tl_buf_take(&path, NULL);
}

static bool parse(struct tl_feed_state *s, struct tl_view text, struct tl_error *error)
{
    struct tl_json_parser *parser;
    struct tl_json root;
    if (!tl_json_parser_new(&parser, error))
        return false;
    bool ok = tl_json_parse_copy(parser, text, &root, error);
    int64_t rows = ok ? tl_json_get_i64(root, "rows", -1) : -1,
            loops = ok ? tl_json_get_i64(root, "loops", -1) : -1;
    tl_json_parser_free(parser);
    if (rows < 0 || loops < 0)
        return tl_error_set(error, TL_CORRUPT,
                            "'%s' does not say where the feed stands; remove it to begin anew", s->path);
    s->rows = (uint64_t)rows;
    s->loops = (uint64_t)loops;
    return true;
}

static bool load(struct tl_feed_state *s, struct tl_error *error)
{
    struct tl_buf text;
    tl_buf_init(&text, FILE_MAX);
    bool ok = tl_file_read(s->path, &text, error);
    if (ok)
        ok = parse(s, tl_buf_view(&text), error);
    else
        ok = error->code == TL_NOT_FOUND;
    tl_buf_release(&text);
    return ok;
}

bool tl_feed_state_open(struct tl_feed_state *s, const char *dir, const char *feed, struct tl_error *error)
{
    *s = (struct tl_feed_state){ .path = NULL };
    if (!dir)
        return true;
    if (!tl_dir_make(dir, error))
        return false;
    s->path = path_of(dir, feed);
    if (!s->path)
        return tl_error_set(error, TL_LIMIT,
                            "the path of the feed's state in '%.200s' is too long, or memory ran out", dir);
    if (!load(s, error)) {
        tl_feed_state_release(s);
        return false;
    }
    s->saved_rows = s->rows;
    s->saved_loops = s->loops;
    return true;
}

void tl_feed_state_release(struct tl_feed_state *s)
{
    free(s->path);
    s->path = NULL;
}

uint64_t tl_feed_state_begin_pass(struct tl_feed_state *s, uint64_t first, uint64_t total)
{
    assert(total > 0);
    s->loops += s->rows / total; /* a pass that was complete when the last run ended */
    s->rows %= total;
    s->pass = (struct tl_feed_pass){ .first = first, .skipped = s->rows };
    return s->rows;
}

void tl_feed_state_end_pass(struct tl_feed_state *s)
{
    s->before = s->pass;
    s->has_before = true;
    s->rows = 0;
    s->loops++;
}

/* The place that settled means; false while it lies in a pass that is forgotten already (very short ones). */
static bool place_of(const struct tl_feed_state *s, uint64_t settled, uint64_t *rows, uint64_t *loops)
{
    bool between =
        s->has_before && s->pass.first == s->before.first; /* one has ended, the next has not begun */
    if (!between && settled >= s->pass.first) {
        *rows = s->pass.skipped + settled - s->pass.first;
        *loops = s->loops;
        return true;
    }
    if (!s->has_before || settled < s->before.first)
        return false;
    *rows = s->before.skipped + settled - s->before.first;
    *loops = s->loops - 1;
    return true;
}

static bool write_place(const struct tl_feed_state *s, uint64_t rows, uint64_t loops, struct tl_error *error)
{
    struct tl_buf text;
    struct tl_json_writer w;
    tl_buf_init(&text, FILE_MAX);
    tl_json_writer_init(&w, &text);
    tl_json_begin_object(&w);
    tl_json_member_i64(&w, "rows", (int64_t)rows);
    tl_json_member_i64(&w, "loops", (int64_t)loops);
    tl_json_end_object(&w);
    tl_buf_add_char(&text, '\n');
    bool ok =
        tl_buf_ok(&text, "a feed's state", error) && tl_file_write_atomic(s->path, tl_buf_view(&text), error);
    tl_buf_release(&text);
    return ok;
}

bool tl_feed_state_save(struct tl_feed_state *s, uint64_t settled, bool now, struct tl_error *error)
{
    if (!s->path)
        return true;
    int64_t time = tl_io->monotonic_ns();
    uint64_t rows, loops;
    if ((!now && time - s->saved_ns < SAVE_EVERY_NS) || !place_of(s, settled, &rows, &loops))
        return true;
    s->saved_ns = time;
    if (rows == s->saved_rows && loops == s->saved_loops)
        return true;
    if (!write_place(s, rows, loops, error))
        return false;
    s->saved_rows = rows;
    s->saved_loops = loops;
    return true;
}
