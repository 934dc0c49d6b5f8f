/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/replays.h"

#include "base/io.h"
#include "base/time.h"
#include "codec/json.h"
#include "codec/json_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>

#define LEDGER_MAX ((size_t)1 << 30)
#define IDS_MAX 10000000u
#define LINE_MAX_BYTES 4096

static const char *const words[] = { "", "sending", "sent", "refused" };

const char *tl_replay_state_name(enum tl_replay_state state)
{
    static const char *const names[] = { "no", "perhaps", "yes", "refused" };
    return names[state];
}

/* In the map: the state, and above it how often it was sent. */
static bool take(struct tl_replays *r, struct tl_view id, enum tl_replay_state state)
{
    bool added;
    uint64_t *value = tl_map_put(&r->states, id, &added);
    if (value)
        *value = ((*value >> 2) + (state == TL_REPLAY_SENT)) << 2 | state;
    return value != NULL;
}

static bool take_line(struct tl_replays *r, struct tl_json_parser *parser, struct tl_view line)
{
    struct tl_error ignored;
    struct tl_json root;
    if (!tl_json_parse_copy(parser, line, &root, &ignored))
        return true; /* cut off */
    struct tl_view id = tl_json_get_string(root, "id"), state = tl_json_get_string(root, "state");
    for (size_t i = 1; i < TL_COUNT(words); i++)
        if (id.size && tl_view_is(state, words[i]))
            return take(r, id, (enum tl_replay_state)i);
    return true;
}

static bool load(struct tl_replays *r, struct tl_error *error)
{
    struct tl_buf text;
    struct tl_json_parser *parser = NULL;
    tl_buf_init(&text, LEDGER_MAX);
    if (!tl_file_read(r->path, &text, error)) {
        tl_buf_release(&text);
        return error->code == TL_NOT_FOUND;
    }
    bool ok = tl_json_parser_new(&parser, error);
    for (struct tl_view rest = tl_buf_view(&text); ok && rest.size;) {
        struct tl_view line = tl_view_split(rest, '\n', &rest);
        if (!take_line(r, parser, line))
            ok = tl_error_set(error, TL_NO_MEMORY, "out of memory for '%s'", r->path);
    }
    tl_json_parser_free(parser);
    tl_buf_release(&text);
    return ok;
}

/* A line that a crash cut off must not run into the next one. */
static bool begin_line(struct tl_replays *r, struct tl_error *error)
{
    struct stat st;
    char last = '\n';
    if (tl_io->fstat(r->fd, &st) != 0)
        return tl_error_sys(error, errno, "cannot look at '%s'", r->path);
    if (st.st_size > 0 && !tl_file_pread_all(r->fd, &last, 1, st.st_size - 1, error))
        return false;
    return last == '\n' || tl_file_write_all(r->fd, "\n", 1, error);
}

static bool open_for_writing(struct tl_replays *r, struct tl_error *error)
{
    if (!tl_dir_make(r->folder, error) || !tl_dir_lock_open(&r->lock, r->folder, error))
        return false;
    r->fd = tl_io->open(r->path, O_RDWR | O_APPEND | O_CREAT, 0666);
    if (r->fd < 0)
        return tl_error_sys(error, errno, "cannot open '%s'", r->path);
    return begin_line(r, error) && tl_dir_sync(r->folder, error);
}

bool tl_replays_open(struct tl_replays *r, const char *folder, bool write, struct tl_error *error)
{
    *r = (struct tl_replays){ .lock = { .fd = -1 }, .fd = -1 };
    tl_map_init(&r->states, IDS_MAX);
    size_t size = strlen(folder) + sizeof "/replays/ledger";
    r->folder = malloc(size);
    r->path = malloc(size);
    bool ok = (r->folder && r->path) || tl_error_set(error, TL_NO_MEMORY, "out of memory");
    if (ok) {
        snprintf(r->folder, size, "%s/replays", folder);
        snprintf(r->path, size, "%s/replays/ledger", folder);
        ok = (!write || open_for_writing(r, error)) && load(r, error);
    }
    if (!ok)
        tl_replays_close(r);
    return ok;
}

void tl_replays_close(struct tl_replays *r)
{
    if (r->fd >= 0)
        tl_io->close(r->fd);
    tl_dir_lock_close(&r->lock);
    tl_map_release(&r->states);
    free(r->folder);
    free(r->path);
    r->folder = r->path = NULL;
    r->fd = -1;
}

enum tl_replay_state tl_replays_state(const struct tl_replays *r, const char *id)
{
    const uint64_t *value = tl_map_find(&r->states, tl_view_of(id));
    return value ? (enum tl_replay_state)(*value & 3) : TL_REPLAY_NONE;
}

uint64_t tl_replays_count(const struct tl_replays *r, const char *id)
{
    const uint64_t *value = tl_map_find(&r->states, tl_view_of(id));
    return value ? *value >> 2 : 0;
}

bool tl_replays_note(struct tl_replays *r, const char *id, enum tl_replay_state state, const char *shard, const char *sequence,
                     struct tl_error *error)
{
    struct tl_buf line;
    struct tl_json_writer w;
    char at[TL_TIME_TEXT_MAX];
    tl_buf_init(&line, LINE_MAX_BYTES);
    tl_json_writer_init(&w, &line);
    tl_time_format(tl_io->wall_ns(), TL_TIME_ISO_MS, at);
    tl_json_begin_object(&w);
    tl_json_member_text(&w, "id", id);
    tl_json_member_text(&w, "state", words[state]);
    tl_json_member_text(&w, "time", at);
    if (shard[0]) {
        tl_json_member_text(&w, "shard", shard);
        tl_json_member_text(&w, "sequence_number", sequence);
    }
    tl_json_end_object(&w);
    tl_buf_add_char(&line, '\n');
    bool ok = tl_buf_ok(&line, "a line of the replays' ledger", error) && tl_file_write_all(r->fd, line.data, line.size, error) &&
              (take(r, tl_view_of(id), state) || tl_error_set(error, TL_NO_MEMORY, "out of memory"));
    tl_buf_release(&line);
    return ok || tl_error_context(error, "'%s'", r->path);
}

bool tl_replays_sync(struct tl_replays *r, struct tl_error *error)
{
    return tl_io->fdatasync(r->fd) == 0 || tl_error_sys(error, errno, "cannot sync '%s'", r->path);
}
