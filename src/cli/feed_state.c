/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/feed_state.h"

#include "base/file.h"
#include "base/io.h"
#include "base/log.h"
#include "base/time.h"
#include "codec/json.h"
#include "codec/json_writer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
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
            loops = ok ? tl_json_get_i64(root, "loops", -1) : -1, base = ok ? tl_json_get_i64(root, "base", 0) : -1,
            total = ok ? tl_json_get_i64(root, "total", 0) : -1;
    struct tl_view producer = ok ? tl_json_get_string(root, "producer_id") : TL_VIEW("");
    if (producer.size == sizeof s->producer - 1 && !memchr(producer.data, 0, producer.size))
        memcpy(s->producer, producer.data, producer.size);
    tl_json_parser_free(parser);
    if (rows < 0 || loops < 0 || base < 0 || total < 0)
        return tl_error_set(error, TL_CORRUPT,
                            "'%s' does not say where the feed stands; remove it to begin anew", s->path);
    s->rows = (uint64_t)rows;
    s->loops = (uint64_t)loops;
    s->base = (uint64_t)base;
    s->total = (uint64_t)total;
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

static bool new_producer(struct tl_feed_state *s, struct tl_error *error)
{
    uint64_t id;
    if (!tl_io->random(&id, sizeof id))
        return tl_error_set(error, TL_IO, "no random numbers from the system");
    snprintf(s->producer, sizeof s->producer, "%016" PRIx64, id);
    s->dirty = true;
    return true;
}

bool tl_feed_state_open(struct tl_feed_state *s, const char *dir, const char *feed, struct tl_error *error)
{
    *s = (struct tl_feed_state){ .path = NULL, .lock_fd = -1 };
    if (!dir)
        return new_producer(s, error);
    if (!tl_dir_make(dir, error))
        return false;
    s->path = path_of(dir, feed);
    if (!s->path)
        return tl_error_set(error, TL_LIMIT,
                            "the path of the feed's state in '%.200s' is too long, or memory ran out", dir);
    if (!load(s, error) || (!s->producer[0] && !new_producer(s, error))) {
        tl_feed_state_release(s);
        return false;
    }
    s->saved_rows = s->rows;
    s->saved_loops = s->loops;
    return true;
}

bool tl_feed_state_lock(struct tl_feed_state *s, struct tl_error *error)
{
    struct tl_buf path;
    if (!s->path)
        return true;
    tl_buf_init(&path, 8192);
    tl_buf_addf(&path, "%s.lock", s->path);
    bool ok = tl_buf_ok(&path, "the path of a feed's state", error);
    if (ok) {
        s->lock_fd = tl_io->open(tl_buf_text(&path), O_RDWR | O_CREAT, 0666);
        ok = s->lock_fd >= 0 || tl_error_sys(error, errno, "cannot open '%s'", tl_buf_text(&path));
    }
    if (ok && tl_io->lock(s->lock_fd) != 0)
        ok = errno == EWOULDBLOCK ? tl_error_set(error, TL_CONFLICT, "another process sends this feed from '%s'", s->path)
                                  : tl_error_sys(error, errno, "cannot lock '%s'", tl_buf_text(&path));
    tl_buf_release(&path);
    return ok;
}

void tl_feed_state_release(struct tl_feed_state *s)
{
    if (s->lock_fd >= 0)
        tl_io->close(s->lock_fd);
    s->lock_fd = -1;
    free(s->path);
    s->path = NULL;
}

bool tl_feed_state_begin_pass(struct tl_feed_state *s, uint64_t first, uint64_t total, uint64_t *skip,
                              struct tl_error *error)
{
    assert(total > 0);
    bool other = s->total != 0 && s->total != total; /* a row is not the row it was */
    s->loops += s->rows / total; /* a pass that was complete when the last run ended */
    s->base += s->rows / total * total;
    s->rows %= total;
    s->total = total;
    s->pass = (struct tl_feed_pass){ .first = first, .skipped = s->rows, .base = s->base };
    *skip = s->rows;
    return !other || new_producer(s, error);
}

void tl_feed_state_end_pass(struct tl_feed_state *s)
{
    s->before = s->pass;
    s->has_before = true;
    s->rows = 0;
    s->base += s->total;
    s->loops++;
}

/* The place that settled means; false while it lies in a pass that is forgotten already (very short ones). */
static bool place_of(const struct tl_feed_state *s, uint64_t settled, uint64_t *rows, uint64_t *loops, uint64_t *base)
{
    bool between =
        s->has_before && s->pass.first == s->before.first; /* one has ended, the next has not begun */
    if (!between && settled >= s->pass.first) {
        *rows = s->pass.skipped + settled - s->pass.first;
        *loops = s->loops;
        *base = s->pass.base;
        return true;
    }
    if (!s->has_before || settled < s->before.first)
        return false;
    *rows = s->before.skipped + settled - s->before.first;
    *loops = s->loops - 1;
    *base = s->before.base;
    return true;
}

static bool write_place(const struct tl_feed_state *s, uint64_t rows, uint64_t loops, uint64_t base, struct tl_error *error)
{
    struct tl_buf text;
    struct tl_json_writer w;
    tl_buf_init(&text, FILE_MAX);
    tl_json_writer_init(&w, &text);
    tl_json_begin_object(&w);
    tl_json_member_i64(&w, "rows", (int64_t)rows);
    tl_json_member_i64(&w, "loops", (int64_t)loops);
    tl_json_member_text(&w, "producer_id", s->producer);
    tl_json_member_i64(&w, "base", (int64_t)base);
    tl_json_member_i64(&w, "total", (int64_t)s->total);
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
    uint64_t rows, loops, base;
    if ((!now && time - s->saved_ns < SAVE_EVERY_NS) || !place_of(s, settled, &rows, &loops, &base))
        return true;
    s->saved_ns = time;
    if (rows == s->saved_rows && loops == s->saved_loops && !s->dirty)
        return true;
    if (!write_place(s, rows, loops, base, error)) {
        if (now || error->code != TL_NO_SPACE)
            return false;
        tl_log_warn("feed", "the place cannot be noted, and is tried again: %s", error->text);
        return true;
    }
    s->dirty = false;
    s->saved_rows = rows;
    s->saved_loops = loops;
    return true;
}
