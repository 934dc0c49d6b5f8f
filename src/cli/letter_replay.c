/* SPDX-License-Identifier: Apache-2.0 */
/* Two passes over the letters: the first finds that each id given means one letter, and that nothing is sent twice unknowingly; the second
 * sends. */
#include "cli/letter_replay.h"

#include "cli/dead_letters.h"
#include "cli/last_error.h"
#include "cli/letter_edit.h"
#include "cli/letter_list.h"
#include "cli/pipeline_file.h"
#include "cli/replayer.h"
#include "cli/report_args.h"
#include "cli/signals.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define RECORD_MAX ((size_t)64 << 20)
#define ID_PREFIX_MIN 4

struct replay {
    const struct tl_args *args;
    const struct tl_plan *plan;
    const struct tl_places *places;
    struct tl_replays replays;
    struct tl_replayer *replayers; /* by source, opened at its first letter */
    bool *open;
    char (*ids)[TL_LETTER_ID_MAX]; /* of the ids given, in full; "": not found */
    size_t id_count;
    struct tl_buf with, record, key;
    uint64_t chosen, skipped, late_as_is, maybe_repeats;
    bool dry;
    struct tl_error error;
    bool failed;
    char endpoint[512];
};

static bool fail(struct replay *r)
{
    r->failed = true;
    return false;
}

static bool may_be_sent(const struct replay *r, const char *id)
{
    enum tl_replay_state state = tl_replays_state(&r->replays, id);
    return tl_args_flag(r->args, "again") || (state != TL_REPLAY_SENT && state != TL_REPLAY_SENDING);
}

/* ---- the first pass ---- */

static struct tl_letter_edit edit_of(const struct replay *r, size_t source)
{
    struct tl_letter_edit edit = { .source = &r->plan->sources[source] };
    return edit;
}

/* --set and --unset share the list's memory: each is looked at before the other is asked for. */
static bool edit_letter(struct replay *r, const struct tl_letter *l, struct tl_view record, const char *producer, struct tl_buf *out)
{
    struct tl_letter_edit sets = edit_of(r, l->source), unsets = sets;
    struct tl_buf middle;
    sets.sets = tl_args_list(r->args, "set", &sets.set_count);
    sets.producer = producer;
    tl_buf_init(&middle, RECORD_MAX);
    bool ok = tl_letter_edit(&sets, record, &middle, &r->error);
    unsets.unsets = tl_args_list(r->args, "unset", &unsets.unset_count);
    ok = ok && tl_letter_edit(&unsets, tl_buf_view(&middle), out, &r->error);
    tl_buf_release(&middle);
    return ok;
}

static bool check_edits(struct replay *r, size_t source)
{
    struct tl_letter_edit sets = edit_of(r, source), unsets = sets;
    sets.sets = tl_args_list(r->args, "set", &sets.set_count);
    if (!tl_letter_edit_check(&sets, &r->error))
        return false;
    unsets.unsets = tl_args_list(r->args, "unset", &unsets.unset_count);
    return tl_letter_edit_check(&unsets, &r->error);
}

static bool sent_before(struct replay *r, const char *id)
{
    bool sent = tl_replays_state(&r->replays, id) == TL_REPLAY_SENT;
    tl_error_set(&r->error, TL_CONFLICT,
                 sent ? "dead letter %s was replayed already: --again sends it once more"
                      : "a replay of dead letter %s was begun, and it is not known whether it arrived: look into the stream "
                        "('tapeline tail ... --from ...'), then --again sends it once more",
                 id);
    return fail(r);
}

static bool find_one(void *user, const struct tl_letter *l)
{
    struct replay *r = user;
    for (size_t i = 0; i < r->id_count; i++) {
        const char *given = tl_args_positional(r->args, i + 1);
        if (!tl_view_starts_with(tl_view_of(l->id), tl_view_of(given)))
            continue;
        if (r->ids[i][0] && strcmp(r->ids[i], l->id) != 0) {
            tl_error_set(&r->error, TL_INVALID, "several dead letters begin with '%s': give more of it", given);
            return fail(r);
        }
        memcpy(r->ids[i], l->id, TL_LETTER_ID_MAX);
        if (!may_be_sent(r, l->id))
            return sent_before(r, l->id);
        if (!check_edits(r, l->source))
            return fail(r);
    }
    return true;
}

static bool find_all(struct replay *r)
{
    for (size_t i = 0; i < r->id_count; i++) {
        const char *given = tl_args_positional(r->args, i + 1);
        if (strlen(given) < ID_PREFIX_MIN)
            return tl_error_set(&r->error, TL_INVALID, "'%s' is too short for an id: at least %d digits of it", given, ID_PREFIX_MIN);
    }
    if (r->id_count == 0)
        return true;
    if (!tl_letters_each(r->plan, r->places->lake, tl_args_text(r->args, "table", NULL), find_one, r, &r->error) || r->failed)
        return false;
    for (size_t i = 0; i < r->id_count; i++)
        if (!r->ids[i][0])
            return tl_error_set(&r->error, TL_NOT_FOUND, "there is no dead letter '%s'", tl_args_positional(r->args, i + 1));
    return true;
}

/* ---- the second pass ---- */

static bool is_chosen(const struct replay *r, const struct tl_letter *l)
{
    if (r->id_count == 0)
        return tl_letter_is_wanted(r->args, l);
    for (size_t i = 0; i < r->id_count; i++)
        if (strcmp(r->ids[i], l->id) == 0)
            return true;
    return false;
}

static bool dedups_by_stamp(const struct tl_source_plan *s)
{
    for (size_t i = 0; i < s->dedup_count; i++)
        if (strcmp(s->named[s->dedup[i]].name, TL_STAMP_ID) == 0)
            return true;
    return false;
}

/* What goes into the stream: the file's bytes, the edited record, or the letter's own. */
static bool make_record(struct replay *r, const struct tl_letter *l, struct tl_view *out)
{
    const struct tl_source_plan *source = &r->plan->sources[l->source];
    char producer[TL_LETTER_ID_MAX + 8];
    size_t edits;
    tl_args_list(r->args, "set", &edits);
    bool edited = edits > 0 || tl_args_has(r->args, "unset");
    *out = l->data;
    if (r->with.size) {
        *out = tl_buf_view(&r->with);
        return true;
    }
    /* What was late is remembered for DEDUP BY: under its old stamp it would be a repeat of itself. */
    bool restamp = l->late && dedups_by_stamp(source);
    if (!edited && !restamp) {
        r->late_as_is += l->late;
        r->maybe_repeats += l->late && source->dedup_count > 0;
        return true;
    }
    snprintf(producer, sizeof producer, "replay-%s", l->id);
    tl_buf_reset(&r->record);
    if (!edit_letter(r, l, l->data, restamp ? producer : NULL, &r->record)) {
        tl_error_context(&r->error, "dead letter %s cannot be edited (--with FILE gives all of it anew)", l->id);
        return false;
    }
    r->late_as_is += l->late && !edited;
    *out = tl_buf_view(&r->record);
    return true;
}

/* The column that records of the source are spread by: a feed's, else the first key of a view. */
static const char *key_column(const struct tl_plan *plan, size_t source)
{
    for (size_t i = 0; i < plan->feed_count; i++)
        if (plan->feeds[i].source == source && plan->feeds[i].partition_key)
            return plan->feeds[i].partition_key;
    for (size_t v = 0; v < plan->view_count; v++)
        if (plan->views[v].source == source && plan->views[v].key_count)
            return plan->sources[source].slots[plan->views[v].keys[0]].def.name;
    return NULL;
}

static struct tl_view key_of(struct replay *r, const struct tl_letter *l, struct tl_view record)
{
    const char *given = tl_args_text(r->args, "key", NULL), *column = key_column(r->plan, l->source);
    if (given)
        return tl_view_of(given);
    tl_buf_reset(&r->key);
    if (column && tl_letter_member(record, column, &r->key) && r->key.size <= 256)
        return tl_buf_view(&r->key);
    /* A record that has none: any will do, the same each time. */
    return l->shard.size && l->shard.size <= 256 ? l->shard : TL_VIEW("replay");
}

static void tell_sent(void *user, const char *id, const char *shard, const char *sequence)
{
    (void)user;
    printf("%s -> %s %s\n", id, shard, sequence);
}

static struct tl_replayer *replayer_of(struct replay *r, size_t source)
{
    struct tl_replayer *out = &r->replayers[source];
    if (r->open[source])
        return out;
    const struct tl_profile_plan *profile = tl_plan_profile(r->plan, tl_args_text(r->args, "profile", NULL));
    struct tl_kinesis_options kinesis = tl_pipeline_kinesis(profile, NULL, r->endpoint, tl_signals_stopping());
    r->open[source] = true;
    if (!tl_replayer_open(out, &kinesis, r->plan->sources[source].stream, &r->replays, &r->error))
        return NULL;
    out->tell = tell_sent;
    return out;
}

static bool stopping(void)
{
    return __atomic_load_n(tl_signals_stopping(), __ATOMIC_ACQUIRE);
}

static bool send_one(void *user, const struct tl_letter *l)
{
    struct replay *r = user;
    struct tl_view record;
    if (stopping())
        return false;
    if (!is_chosen(r, l))
        return true;
    if (!may_be_sent(r, l->id)) {
        r->skipped++;
        return true;
    }
    if ((r->id_count == 0 && !check_edits(r, l->source)) || !make_record(r, l, &record))
        return fail(r);
    r->chosen++;
    struct tl_view key = key_of(r, l, record);
    if (r->dry) {
        tl_print_plain(key);
        putchar('\t');
        tl_print_plain(record);
        putchar('\n');
        return true;
    }
    struct tl_replayer *to = replayer_of(r, l->source);
    if (!to || !tl_replayer_add(to, l->id, key, record, &r->error))
        return fail(r);
    return true;
}

static bool send_all(struct replay *r)
{
    if (!tl_letters_each(r->plan, r->places->lake, tl_args_text(r->args, "table", NULL), send_one, r, &r->error) || r->failed)
        return false;
    for (size_t i = 0; i < r->plan->source_count; i++)
        if (r->open[i] && !tl_replayer_flush(&r->replayers[i], &r->error))
            return false;
    return true;
}

static void report(const struct replay *r)
{
    uint64_t sent = 0;
    for (size_t i = 0; i < r->plan->source_count; i++)
        sent += r->replayers[i].sent;
    if (r->dry)
        fprintf(stderr, "%" PRIu64 " would be replayed", r->chosen);
    else
        fprintf(stderr, "%" PRIu64 " replayed", sent);
    if (r->skipped)
        fprintf(stderr, "; %" PRIu64 " were replayed before, or perhaps were, and are left alone (--again)", r->skipped);
    fputc('\n', stderr);
    if (r->late_as_is)
        fprintf(stderr, "note: %" PRIu64 " late records go as they are: where their windows are closed they are late again (--set changes the time)\n",
                r->late_as_is);
    if (r->maybe_repeats)
        fprintf(stderr, "note: their source has DEDUP BY: what is remembered still is counted as duplicate\n");
}

static bool prepare(struct replay *r)
{
    const char *with = tl_args_text(r->args, "with", NULL);
    if (!r->places->state)
        return tl_error_set(&r->error, TL_UNSUPPORTED, "replays are noted in a folder: give one with --state");
    r->replayers = calloc(r->plan->source_count + 1, sizeof *r->replayers);
    r->open = calloc(r->plan->source_count + 1, sizeof *r->open);
    r->ids = calloc(r->id_count + 1, sizeof *r->ids);
    if (!r->replayers || !r->open || !r->ids)
        return tl_error_set(&r->error, TL_NO_MEMORY, "out of memory");
    if (with && !tl_file_read(with, &r->with, &r->error))
        return false;
    if (with && r->with.size == 0)
        return tl_error_set(&r->error, TL_INVALID, "'%s' is empty", with);
    char *folder = tl_pipeline_folder(r->places->state, r->plan);
    bool ok = folder ? tl_replays_open(&r->replays, folder, !r->dry, &r->error) : tl_error_set(&r->error, TL_NO_MEMORY, "out of memory");
    free(folder);
    return ok;
}

static void release(struct replay *r)
{
    for (size_t i = 0; r->replayers && r->open && i < r->plan->source_count; i++)
        if (r->open[i])
            tl_replayer_close(&r->replayers[i]);
    free(r->replayers);
    free(r->open);
    free(r->ids);
    tl_replays_close(&r->replays);
    tl_buf_release(&r->with);
    tl_buf_release(&r->record);
    tl_buf_release(&r->key);
}

int tl_letter_replay(const struct tl_args *args, const struct tl_plan *plan, const struct tl_places *places)
{
    struct replay r = { .args = args,
                        .plan = plan,
                        .places = places,
                        .replays = { .lock = { .fd = -1 }, .fd = -1 },
                        .id_count = tl_args_positional_count(args) - 1,
                        .dry = tl_args_flag(args, "dry-run") };
    tl_buf_init(&r.with, TL_KINESIS_RECORD_MAX);
    tl_buf_init(&r.record, RECORD_MAX);
    tl_buf_init(&r.key, 4096);
    bool ok = prepare(&r) && find_all(&r) && send_all(&r);
    if (ok)
        report(&r);
    int code = ok ? TL_EXIT_OK : tl_report(&r.error);
    if (ok && stopping())
        code = 128 + tl_signals_received();
    release(&r);
    return code;
}
