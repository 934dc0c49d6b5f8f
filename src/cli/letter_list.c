/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/letter_list.h"

#include "base/time.h"
#include "cli/last_error.h"
#include "cli/replays.h"
#include "cli/report_args.h"
#include "codec/base64.h"
#include "codec/json_writer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define LIST_DEFAULT 20
#define LIST_MAX 100000
#define OUT_MAX ((size_t)256 << 20)
#define GROUPS_MAX 4096

/* Texts are copies. */
struct kept {
    char id[TL_LETTER_ID_MAX];
    char *table, *shard, *sequence, *reason;
    int64_t arrival_ns;
    enum tl_replay_state replayed;
};
struct list {
    const struct tl_args *args;
    const struct tl_replays *replays;
    struct tl_map groups; /* "table\0reason" -> index */
    struct {
        uint64_t records, replayed;
    } counts[GROUPS_MAX];
    struct kept *newest; /* a ring */
    size_t limit, next, kept;
    uint64_t total;
    bool failed;
};

bool tl_letter_is_wanted(const struct tl_args *args, const struct tl_letter *letter)
{
    const char *reason = tl_args_text(args, "reason", NULL);
    return !reason || tl_view_is(letter->reason, reason);
}

static char *copy_of(struct tl_view v)
{
    return strndup(v.data ? v.data : "", v.size);
}

static void release(struct kept *k)
{
    free(k->table);
    free(k->shard);
    free(k->sequence);
    free(k->reason);
    *k = (struct kept){ .table = NULL };
}

static bool count_letter(struct list *l, const struct tl_letter *letter, enum tl_replay_state replayed)
{
    char key[512];
    bool added;
    int size = snprintf(key, sizeof key, "%s%c%.*s", letter->table, 0, (int)(letter->reason.size < 200 ? letter->reason.size : 200),
                        letter->reason.data ? letter->reason.data : "");
    uint64_t *group = tl_map_put(&l->groups, (struct tl_view){ key, (size_t)size < sizeof key ? (size_t)size : sizeof key - 1 }, &added);
    if (!group) /* of more kinds than that, the rest are counted in all only */
        return true;
    if (added)
        *group = l->groups.count - 1;
    l->counts[*group].records++;
    l->counts[*group].replayed += replayed == TL_REPLAY_SENT;
    return true;
}

static bool keep(void *user, const struct tl_letter *letter)
{
    struct list *l = user;
    if (!tl_letter_is_wanted(l->args, letter))
        return true;
    enum tl_replay_state replayed = tl_replays_state(l->replays, letter->id);
    l->total++;
    if (!count_letter(l, letter, replayed) || l->limit == 0)
        return true;
    struct kept *k = &l->newest[l->next];
    release(k);
    *k = (struct kept){ .table = strdup(letter->table),
                        .shard = copy_of(letter->shard),
                        .sequence = copy_of(letter->sequence),
                        .reason = copy_of(letter->reason),
                        .arrival_ns = letter->arrival_ns,
                        .replayed = replayed };
    memcpy(k->id, letter->id, sizeof k->id);
    l->next = (l->next + 1) % l->limit;
    l->kept += l->kept < l->limit;
    l->failed = !k->table || !k->shard || !k->sequence || !k->reason;
    return !l->failed;
}

static const struct kept *kept_at(const struct list *l, size_t i)
{
    return &l->newest[(l->next + l->limit - l->kept + i) % l->limit];
}

static void instant_text(int64_t ns, char out[TL_TIME_TEXT_MAX])
{
    if (ns == INT64_MIN)
        snprintf(out, TL_TIME_TEXT_MAX, "-");
    else
        tl_time_format(ns, TL_TIME_ISO_MS, out);
}

static void print_list(const struct list *l)
{
    if (l->total == 0) {
        puts("no dead letters");
        return;
    }
    printf("%-28s %10s %10s  %s\n", "TABLE", "RECORDS", "REPLAYED", "REASON");
    for (size_t i = 0; i < l->groups.count; i++) {
        struct tl_view reason, table = tl_view_split(tl_map_key_at(&l->groups, i), '\0', &reason);
        printf("%-28.*s %10" PRIu64 " %10" PRIu64 "  ", TL_VIEW_ARG(table), l->counts[i].records, l->counts[i].replayed);
        tl_print_plain(reason);
        putchar('\n');
    }
    if (l->kept)
        printf("\n%-16s  %-24s  %-28s  %-8s  %s\n", "ID", "ARRIVED", "TABLE", "REPLAYED", "REASON");
    for (size_t i = 0; i < l->kept; i++) {
        const struct kept *k = kept_at(l, i);
        char at[TL_TIME_TEXT_MAX];
        instant_text(k->arrival_ns, at);
        printf("%s  %-24s  %-28s  %-8s  ", k->id, at, k->table, tl_replay_state_name(k->replayed));
        tl_print_plain(tl_view_of(k->reason));
        putchar('\n');
    }
    if (l->total > l->kept)
        printf("the newest %zu of %" PRIu64 " (--limit, --table, --reason)\n", l->kept, l->total);
}

static void write_instant(struct tl_json_writer *w, const char *name, int64_t ns)
{
    char at[TL_TIME_TEXT_MAX];
    instant_text(ns, at);
    tl_json_member_text(w, name, ns == INT64_MIN ? NULL : at);
}

static void write_list(const struct list *l, struct tl_buf *out)
{
    struct tl_json_writer w;
    tl_json_writer_init(&w, out);
    tl_json_begin_object(&w);
    tl_json_member_i64(&w, "records", (int64_t)l->total);
    tl_json_key(&w, "tables");
    tl_json_begin_array(&w);
    for (size_t i = 0; i < l->groups.count; i++) {
        struct tl_view reason, table = tl_view_split(tl_map_key_at(&l->groups, i), '\0', &reason);
        tl_json_begin_object(&w);
        tl_json_member_string(&w, "table", table);
        tl_json_member_string(&w, "reason", reason);
        tl_json_member_i64(&w, "records", (int64_t)l->counts[i].records);
        tl_json_member_i64(&w, "replayed", (int64_t)l->counts[i].replayed);
        tl_json_end_object(&w);
    }
    tl_json_end_array(&w);
    tl_json_key(&w, "newest");
    tl_json_begin_array(&w);
    for (size_t i = 0; i < l->kept; i++) {
        const struct kept *k = kept_at(l, i);
        tl_json_begin_object(&w);
        tl_json_member_text(&w, "id", k->id);
        tl_json_member_text(&w, "table", k->table);
        tl_json_member_text(&w, "reason", k->reason);
        tl_json_member_text(&w, "shard", k->shard);
        tl_json_member_text(&w, "sequence_number", k->sequence);
        write_instant(&w, "arrival_time", k->arrival_ns);
        tl_json_member_text(&w, "replayed", tl_replay_state_name(k->replayed));
        tl_json_end_object(&w);
    }
    tl_json_end_array(&w);
    tl_json_end_object(&w);
    tl_buf_add_char(out, '\n');
}

static bool print_json(struct tl_buf *out, struct tl_error *error)
{
    if (!tl_buf_ok(out, "the list", error))
        return false;
    fwrite(out->data, 1, out->size, stdout);
    return true;
}

static bool open_replays(const struct tl_plan *plan, const struct tl_places *places, struct tl_replays *out, struct tl_error *error)
{
    char *folder = places->state ? tl_pipeline_folder(places->state, plan) : strdup("/nonexistent");
    bool ok = folder ? tl_replays_open(out, folder, false, error) : tl_error_set(error, TL_NO_MEMORY, "out of memory");
    free(folder);
    return ok;
}

static bool make_list(struct list *l, const struct tl_plan *plan, const struct tl_places *places, struct tl_error *error)
{
    l->newest = calloc(l->limit + 1, sizeof *l->newest);
    if (!l->newest)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    if (!tl_letters_each(plan, places->lake, tl_args_text(l->args, "table", NULL), keep, l, error))
        return false;
    if (l->failed)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    if (!tl_args_flag(l->args, "json")) {
        print_list(l);
        return true;
    }
    struct tl_buf out;
    tl_buf_init(&out, OUT_MAX);
    write_list(l, &out);
    bool ok = print_json(&out, error);
    tl_buf_release(&out);
    return ok;
}

int tl_letter_list(const struct tl_args *args, const struct tl_plan *plan, const struct tl_places *places)
{
    struct tl_error error;
    struct tl_replays replays;
    uint64_t limit = tl_args_count(args, "limit", LIST_DEFAULT);
    if (!open_replays(plan, places, &replays, &error))
        return tl_report(&error);
    struct list *l = calloc(1, sizeof *l);
    bool ok = l != NULL || tl_error_set(&error, TL_NO_MEMORY, "out of memory");
    if (ok) {
        l->args = args;
        l->replays = &replays;
        l->limit = limit < LIST_MAX ? (size_t)limit : LIST_MAX;
        tl_map_init(&l->groups, GROUPS_MAX);
        ok = make_list(l, plan, places, &error);
        for (size_t i = 0; l->newest && i < l->limit; i++)
            release(&l->newest[i]);
        free(l->newest);
        tl_map_release(&l->groups);
        free(l);
    }
    tl_replays_close(&replays);
    return ok ? TL_EXIT_OK : tl_report(&error);
}

/* ---- show ---- */

struct show {
    const struct tl_args *args;
    const struct tl_replays *replays;
    struct tl_view id;
    size_t found;
    struct tl_buf text;
};

static void show_text(struct show *s, const struct tl_letter *l)
{
    char at[TL_TIME_TEXT_MAX], start[TL_TIME_TEXT_MAX], end[TL_TIME_TEXT_MAX], watermark[TL_TIME_TEXT_MAX];
    instant_text(l->arrival_ns, at);
    tl_buf_addf(&s->text, "id               %s\ntable            %s\nreason           %.*s\nshard            %.*s\nsequence number  %.*s\narrived          %s\n",
                l->id, l->table, TL_VIEW_ARG(l->reason), TL_VIEW_ARG(l->shard), TL_VIEW_ARG(l->sequence), at);
    if (l->late) {
        instant_text(l->window_start_ns, start);
        instant_text(l->window_end_ns, end);
        instant_text(l->watermark_ns, watermark);
        tl_buf_addf(&s->text, "window           %s to %s\nwatermark        %s\n", start, end, watermark);
    } else {
        tl_buf_addf(&s->text, "at byte          %" PRId64 "\n", l->offset);
    }
    enum tl_replay_state state = tl_replays_state(s->replays, l->id);
    tl_buf_addf(&s->text, "replayed         %s", tl_replay_state_name(state));
    if (tl_replays_count(s->replays, l->id) > 1)
        tl_buf_addf(&s->text, ", %" PRIu64 " times", tl_replays_count(s->replays, l->id));
    tl_buf_add_text(&s->text, "\n\n");
    tl_buf_add_view(&s->text, l->data);
    tl_buf_add_char(&s->text, '\n');
}

static void show_json(struct show *s, const struct tl_letter *l)
{
    struct tl_json_writer w;
    tl_json_writer_init(&w, &s->text);
    tl_json_begin_object(&w);
    tl_json_member_text(&w, "id", l->id);
    tl_json_member_text(&w, "table", l->table);
    tl_json_member_string(&w, "reason", l->reason);
    tl_json_member_string(&w, "shard", l->shard);
    tl_json_member_string(&w, "sequence_number", l->sequence);
    write_instant(&w, "arrival_time", l->arrival_ns);
    if (l->late) {
        write_instant(&w, "window_start", l->window_start_ns);
        write_instant(&w, "window_end", l->window_end_ns);
        write_instant(&w, "watermark", l->watermark_ns);
    } else {
        tl_json_member_i64(&w, "offset", l->offset);
    }
    tl_json_member_text(&w, "replayed", tl_replay_state_name(tl_replays_state(s->replays, l->id)));
    tl_json_member_i64(&w, "replays", (int64_t)tl_replays_count(s->replays, l->id));
    if (tl_view_is_utf8(l->data)) {
        tl_json_member_string(&w, "data", l->data);
    } else {
        tl_json_key(&w, "data_base64");
        tl_buf_add_char(&s->text, '"');
        tl_base64_add(&s->text, l->data);
        tl_buf_add_char(&s->text, '"');
    }
    tl_json_end_object(&w);
    tl_buf_add_char(&s->text, '\n');
}

static bool show_one(void *user, const struct tl_letter *l)
{
    struct show *s = user;
    if (!tl_view_starts_with(tl_view_of(l->id), s->id))
        return true;
    if (s->found++ == 0) {
        if (tl_args_flag(s->args, "json"))
            show_json(s, l);
        else
            show_text(s, l);
    }
    return s->found < 2;
}

static void print_shown(const struct show *s)
{
    if (tl_args_flag(s->args, "json")) {
        fwrite(s->text.data, 1, s->text.size, stdout);
        return;
    }
    for (struct tl_view rest = tl_buf_view(&s->text); rest.size;) {
        tl_print_plain(tl_view_split(rest, '\n', &rest));
        putchar('\n');
    }
}

int tl_letter_show(const struct tl_args *args, const struct tl_plan *plan, const struct tl_places *places)
{
    struct tl_error error;
    struct tl_replays replays;
    struct show s = { .args = args, .replays = &replays, .id = tl_view_of(tl_args_positional(args, 1)) };
    if (!open_replays(plan, places, &replays, &error))
        return tl_report(&error);
    tl_buf_init(&s.text, OUT_MAX);
    bool ok = tl_letters_each(plan, places->lake, tl_args_text(args, "table", NULL), show_one, &s, &error);
    if (ok && s.found == 0)
        ok = tl_error_set(&error, TL_NOT_FOUND, "there is no dead letter '%.*s'", TL_VIEW_ARG(s.id));
    if (ok && s.found > 1)
        ok = tl_error_set(&error, TL_INVALID, "several dead letters begin with '%.*s': give more of it", TL_VIEW_ARG(s.id));
    ok = ok && tl_buf_ok(&s.text, "the letter", &error);
    if (ok)
        print_shown(&s);
    tl_buf_release(&s.text);
    tl_replays_close(&replays);
    return ok ? TL_EXIT_OK : tl_report(&error);
}
