/* SPDX-License-Identifier: Apache-2.0 */
#include "engine/checkpoint.h"

#include "engine/evolve.h"

#include <inttypes.h>
#include <stdlib.h>

#define FORMAT 6
#define FORMAT_NO_PARTS 5   /* a commit says nothing of its plan but its fingerprint */
#define FORMAT_NO_LINEAGE 4 /* without hash ranges, orphans, gaps and the instant up to which all is read */
#define FORMAT_NO_HOLDER 3  /* an intent says nothing of who wrote it */
#define FORMAT_NO_DEDUP 2 /* without the count of duplicates, which was 0, and what is remembered for DEDUP BY */
#define FORMAT_OLDEST 1   /* also without the counts of filtered and placed records, which were 0 and aggregated */
#define SHARD_MIN 40 /* no shard takes fewer bytes */

enum { FLAG_STARTED = 1, FLAG_FINISHED = 2, FLAG_ORPHAN = 4, FLAG_RANGE = 8 };

static void write_position(const struct tl_shard_run *s, struct tl_buf *out)
{
    tl_wire_put_u32(out, (uint32_t)s->source);
    tl_wire_put_view(out, tl_view_of(s->name));
    tl_wire_put_view(out, tl_view_of(s->parent));
    tl_wire_put_view(out, tl_view_of(s->adjacent_parent));
    tl_wire_put_u8(out, (uint8_t)((s->started ? FLAG_STARTED : 0) | (s->finished ? FLAG_FINISHED : 0) |
                                  (s->orphan ? FLAG_ORPHAN : 0) | (s->has_range ? FLAG_RANGE : 0)));
    tl_wire_put_u8(out, (uint8_t)s->position.kind);
    tl_wire_put_i64(out, s->position.timestamp_ns);
    tl_wire_put_view(out, tl_view_of(s->position.sequence));
    tl_wire_put_u64(out, s->offset);
    tl_wire_put_u64(out, s->line);
    tl_wire_put_i64(out, s->floor);
    tl_wire_put_i64(out, s->position.read_until_ns);
    const uint64_t range[] = { s->first_hash.high, s->first_hash.low, s->last_hash.high, s->last_hash.low };
    for (size_t i = 0; i < TL_COUNT(range); i++)
        tl_wire_put_u64(out, range[i]);
}

/* What write_position wrote. */
struct place {
    uint32_t source;
    struct tl_view name;
    char parent[TL_SHARD_ID_MAX], adjacent_parent[TL_SHARD_ID_MAX];
    bool started, finished, orphan, has_range;
    struct tl_hash_key first_hash, last_hash;
    struct tl_shard_position position;
    uint64_t offset, line;
    int64_t floor;
};

static void read_lineage(struct tl_wire_reader *r, uint8_t flags, struct place *p)
{
    p->orphan = flags & FLAG_ORPHAN;
    p->has_range = flags & FLAG_RANGE;
    p->position.read_until_ns = tl_wire_i64(r);
    p->first_hash.high = tl_wire_u64(r);
    p->first_hash.low = tl_wire_u64(r);
    p->last_hash.high = tl_wire_u64(r);
    p->last_hash.low = tl_wire_u64(r);
}

static bool read_position(const struct tl_engine *e, struct tl_wire_reader *r, uint32_t format, struct place *p)
{
    memset(p, 0, sizeof *p);
    p->source = tl_wire_u32(r);
    p->name = tl_wire_view(r);
    tl_wire_text(r, p->parent, sizeof p->parent);
    tl_wire_text(r, p->adjacent_parent, sizeof p->adjacent_parent);
    uint8_t flags = tl_wire_u8(r), kind = tl_wire_u8(r);
    p->started = flags & FLAG_STARTED;
    p->finished = flags & FLAG_FINISHED;
    p->position.kind = (enum tl_position_kind)kind;
    p->position.timestamp_ns = tl_wire_i64(r);
    tl_wire_text(r, p->position.sequence, sizeof p->position.sequence);
    p->offset = tl_wire_u64(r);
    p->line = tl_wire_u64(r);
    p->floor = tl_wire_i64(r);
    if (format > FORMAT_NO_LINEAGE)
        read_lineage(r, flags, p);
    bool fits = p->name.size > 0 && !memchr(p->name.data, 0, p->name.size) && kind <= TL_POSITION_SHARD_END &&
                p->offset <= INT64_MAX && p->source < e->plan->source_count;
    r->failed = r->failed || !fits;
    return !r->failed;
}

static bool corrupt(const struct tl_engine *e, const char *what, uint64_t epoch, struct tl_error *error)
{
    return tl_error_set(error, TL_CORRUPT, "%s %" PRIu64 " of pipeline '%s' in '%s' cannot be read", what,
                        epoch, e->plan->name, e->state_dir);
}

static void write_bounds(const struct tl_engine *e, struct tl_buf *out)
{
    tl_wire_put_u32(out, (uint32_t)e->plan->source_count);
    for (size_t i = 0; i < e->plan->source_count; i++) {
        tl_wire_put_i64(out, e->sources[i].bounds.close);
        tl_wire_put_i64(out, e->sources[i].bounds.step);
    }
}

static void read_bounds(const struct tl_engine *e, struct tl_wire_reader *r, struct tl_bounds *bounds)
{
    r->failed = r->failed || tl_wire_u32(r) != e->plan->source_count;
    for (size_t i = 0; i < e->plan->source_count; i++) {
        int64_t close = tl_wire_i64(r), step = tl_wire_i64(r);
        r->failed = r->failed || close < step;
        bounds[i] = (struct tl_bounds){ close, step };
    }
}

void tl_checkpoint_write_intent(const struct tl_engine *e, uint64_t epoch, bool final, struct tl_buf *out)
{
    tl_wire_put_u32(out, FORMAT);
    tl_wire_put_u64(out, epoch);
    tl_buf_add(out, e->instance, sizeof e->instance);
    tl_wire_put_view(out, tl_view_of(e->holder));
    tl_wire_put_u8(out, final);
    write_bounds(e, out);
    tl_wire_put_u32(out, (uint32_t)e->shard_count);
    for (size_t i = 0; i < e->shard_count; i++)
        write_position(e->shards[i], out);
}

static void set_lineage(struct tl_shard_run *s, const struct place *p)
{
    memcpy(s->parent, p->parent, sizeof s->parent);
    memcpy(s->adjacent_parent, p->adjacent_parent, sizeof s->adjacent_parent);
    s->first_hash = p->first_hash;
    s->last_hash = p->last_hash;
    s->has_range = p->has_range;
    s->orphan = p->orphan;
}

static bool set_limit(struct tl_engine *e, const struct place *p, struct tl_error *error)
{
    char *name = strndup(p->name.data, p->name.size);
    if (!name)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    struct tl_shard_run *s = tl_engine_find_shard(e, p->source, name);
    bool ok = true;
    if (!s) { /* it joined in that epoch */
        ok = tl_engine_add_shard(e, p->source, name, &s, error);
        if (ok) {
            set_lineage(s, p);
            s->gaps = s->orphan; /* engine/shard_tree.c, lose_parent */
            s->floor = p->floor;
            s->started = !p->parent[0] && !p->adjacent_parent[0] && p->started;
        }
    }
    free(name);
    if (!ok)
        return false;
    if (e->from_files && s->finished && p->offset > s->offset) { /* between the epochs the file had grown */
        s->finished = false;
        s->floor = p->floor;
    }
    s->limited = true;
    s->limit_position = p->position;
    s->limit_offset = p->offset;
    s->limit_finished = p->finished;
    s->limit_started = p->started;
    return p->offset >= s->offset && (s->started || !s->finished);
}

/* Shards found since (by a listing at this start) are not of that epoch: they wait. */
static void hold_others(struct tl_engine *e)
{
    for (size_t i = 0; i < e->shard_count; i++) {
        struct tl_shard_run *s = e->shards[i];
        if (s->limited)
            continue;
        s->limited = s->held = true;
        s->limit_position = s->position;
        s->limit_offset = s->offset;
        s->limit_finished = s->finished;
        s->limit_started = s->started;
    }
}

/* Up to the flag. */
static bool read_intent_head(struct tl_wire_reader *r, uint64_t epoch, uint32_t *format, char holder[TL_HOLDER_MAX])
{
    *format = tl_wire_u32(r);
    bool known = *format >= FORMAT_OLDEST && *format <= FORMAT && tl_wire_u64(r) == epoch;
    for (size_t i = 0; i < sizeof((struct tl_engine *)0)->instance; i++)
        tl_wire_u8(r);
    holder[0] = '\0';
    if (known && *format > FORMAT_NO_HOLDER)
        tl_wire_text(r, holder, TL_HOLDER_MAX);
    return known && !r->failed;
}

void tl_checkpoint_read_holder(uint64_t epoch, struct tl_view payload, char holder[TL_HOLDER_MAX])
{
    struct tl_wire_reader r = tl_wire_of(payload);
    uint32_t format;
    if (!read_intent_head(&r, epoch, &format, holder))
        holder[0] = '\0';
    for (char *p = holder; *p; p++) /* it may have come from anywhere, and goes to a terminal */
        if ((unsigned char)*p < ' ' || *p == 0x7f)
            *p = ' ';
}

bool tl_checkpoint_read_intent(struct tl_engine *e, uint64_t epoch, struct tl_view payload,
                               struct tl_bounds *bounds, struct tl_error *error)
{
    char holder[TL_HOLDER_MAX];
    struct tl_wire_reader r = tl_wire_of(payload);
    uint32_t format;
    bool known = read_intent_head(&r, epoch, &format, holder);
    tl_wire_u8(&r);
    read_bounds(e, &r, bounds);
    uint32_t count = tl_wire_count(&r, SHARD_MIN);
    if (!known || r.failed)
        return corrupt(e, "intent", epoch, error);
    for (size_t i = 0; i < e->plan->source_count; i++)
        if (bounds[i].close < e->sources[i].bounds.close || bounds[i].step < e->sources[i].bounds.step)
            return corrupt(e, "intent", epoch, error);
    error->code = TL_CORRUPT;
    for (uint32_t i = 0; i < count; i++) {
        struct place p;
        if (!read_position(e, &r, format, &p) || !set_limit(e, &p, error))
            return error->code == TL_NO_MEMORY ? false : corrupt(e, "intent", epoch, error);
    }
    hold_others(e);
    return r.at == r.end || corrupt(e, "intent", epoch, error);
}

static void write_shard(const struct tl_engine *e, const struct tl_shard_run *s, struct tl_buf *out)
{
    write_position(s, out);
    tl_wire_put_i64(out, s->watermark);
    tl_wire_put_i64(out, s->max_event_time);
    tl_wire_put_u64(out, s->received);
    tl_wire_put_u64(out, s->malformed);
    tl_wire_put_u64(out, s->duplicates);
    tl_wire_put_u64(out, s->gaps);
    tl_wire_put_u64(out, s->gap_records);
    if (s->dedup)
        tl_dedup_write(s->dedup, s->watermark, out);
    for (size_t v = 0; v < e->plan->view_count; v++) {
        if (e->plan->views[v].source != s->source)
            continue;
        tl_wire_put_u64(out, s->counts[v].aggregated);
        tl_wire_put_u64(out, s->counts[v].late);
        tl_wire_put_u64(out, s->counts[v].filtered);
        tl_wire_put_u64(out, s->counts[v].placed);
        tl_window_state_write(&s->states[v], out);
    }
}

void tl_checkpoint_write_state(const struct tl_engine *e, uint64_t epoch, struct tl_buf *out)
{
    tl_wire_put_u32(out, FORMAT);
    tl_wire_put_u64(out, e->plan->fingerprint);
    tl_wire_put_u8(out, e->from_files);
    tl_wire_put_u64(out, epoch);
    tl_evolve_write(e, out);
    write_bounds(e, out);
    tl_wire_put_u32(out, (uint32_t)e->shard_count);
    for (size_t i = 0; i < e->shard_count; i++)
        write_shard(e, e->shards[i], out);
}

void tl_checkpoint_write_tail(const struct tl_engine *e, const struct tl_file_list *files, struct tl_buf *out)
{
    tl_wire_put_u32(out, (uint32_t)e->plan->view_count);
    for (size_t v = 0; v < e->plan->view_count; v++) {
        tl_wire_put_u64(out, e->totals[v].emitted);
        tl_wire_put_u64(out, e->totals[v].rows);
    }
    tl_wire_put_u32(out, (uint32_t)files->count);
    for (size_t i = 0; i < files->count; i++) {
        tl_wire_put_view(out, tl_view_of(files->names[i]));
        tl_wire_put_u64(out, files->row_counts[i]);
    }
}

static bool read_shard(struct tl_engine *e, struct tl_wire_reader *r, uint32_t format, struct tl_error *error)
{
    struct place p;
    if (!read_position(e, r, format, &p))
        return true;
    char *name = strndup(p.name.data, p.name.size);
    if (!name)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    struct tl_shard_run *s = NULL;
    bool twice = tl_engine_find_shard(e, p.source, name) != NULL;
    bool ok = twice || tl_engine_add_shard(e, p.source, name, &s, error);
    free(name);
    r->failed = r->failed || twice;
    if (!ok || twice)
        return ok;
    set_lineage(s, &p);
    s->started = p.started;
    s->finished = p.finished;
    s->position = p.position;
    s->offset = p.offset;
    s->line = p.line;
    s->floor = p.floor;
    s->watermark = tl_wire_i64(r);
    s->max_event_time = tl_wire_i64(r);
    s->received = tl_wire_u64(r);
    s->malformed = tl_wire_u64(r);
    s->duplicates = format <= FORMAT_NO_DEDUP ? 0 : tl_wire_u64(r);
    s->gaps = format <= FORMAT_NO_LINEAGE ? 0 : tl_wire_u64(r);
    s->gap_records = format <= FORMAT_NO_LINEAGE ? 0 : tl_wire_u64(r);
    if (s->dedup && format > FORMAT_NO_DEDUP && !tl_dedup_read(s->dedup, r))
        return tl_error_set(error, TL_NO_MEMORY, "out of memory while the checkpoint is loaded");
    for (size_t v = 0; v < e->plan->view_count && !r->failed; v++) {
        if (e->plan->views[v].source != s->source)
            continue;
        s->counts[v].aggregated = tl_wire_u64(r);
        s->counts[v].late = tl_wire_u64(r);
        s->counts[v].filtered = format == FORMAT_OLDEST ? 0 : tl_wire_u64(r);
        s->counts[v].placed = format == FORMAT_OLDEST ? s->counts[v].aggregated : tl_wire_u64(r);
        if (!tl_window_state_read(&s->states[v], r))
            return tl_error_set(error, TL_NO_MEMORY, "out of memory while the checkpoint is loaded");
    }
    return true;
}

static bool read_tail(struct tl_engine *e, struct tl_wire_reader *r)
{
    r->failed = r->failed || tl_wire_u32(r) != e->plan->view_count;
    for (size_t v = 0; v < e->plan->view_count; v++) {
        e->totals[v].emitted = tl_wire_u64(r);
        e->totals[v].rows = tl_wire_u64(r);
    }
    uint32_t files = tl_wire_count(r, 12); /* names for people and tools; the engine itself needs none */
    e->commit_files = e->looks_only ? TL_ARENA_ARRAY(&e->arena, files + 1, const char *) : NULL;
    e->commit_file_count = 0;
    for (uint32_t i = 0; i < files && !r->failed; i++) {
        struct tl_view name = tl_wire_view(r);
        tl_wire_u64(r);
        const char *text = e->commit_files ? tl_arena_text(&e->arena, name) : NULL;
        if (text)
            e->commit_files[e->commit_file_count++] = text;
    }
    return !r->failed && r->at == r->end;
}

/* The checkpoint belongs to what is about to run. */
static bool check_head(const struct tl_engine *e, uint32_t format, uint64_t fingerprint, bool from_files,
                       struct tl_error *error)
{
    const char *name = e->plan->name;
    if (format < FORMAT_OLDEST || format > FORMAT)
        return tl_error_set(error, TL_UNSUPPORTED,
                            "the checkpoint of pipeline '%s' in '%s' has format %u, this version reads %u to %u",
                            name, e->state_dir, format, FORMAT_OLDEST, FORMAT);
    if (fingerprint != e->plan->fingerprint && format <= FORMAT_NO_PARTS)
        return tl_error_set(
            error, TL_INVALID,
            "pipeline '%s' has changed since its checkpoint in '%s' was made (a source or a view is not the "
            "same): go on "
            "with the file as it was, or start anew with another --data folder or another pipeline name",
            name, e->state_dir);
    if (from_files != e->from_files)
        return tl_error_set(error, TL_INVALID,
                            "the checkpoint of pipeline '%s' in '%s' was made from %s, not from %s: use "
                            "another --data folder",
                            name, e->state_dir, from_files ? "files" : "a stream",
                            e->from_files ? "files" : "a stream");
    return true;
}

bool tl_checkpoint_is_of_files(struct tl_view payload)
{
    struct tl_wire_reader r = tl_wire_of(payload);
    tl_wire_u32(&r);
    tl_wire_u64(&r);
    return tl_wire_u8(&r) != 0;
}

/* Behind the head and the plan's parts. */
static bool read_states(struct tl_engine *e, struct tl_wire_reader *r, uint32_t format, uint64_t epoch, struct tl_error *error)
{
    struct tl_bounds *bounds = TL_ARENA_ARRAY(&e->arena, e->plan->source_count + 1, struct tl_bounds);
    if (!bounds)
        return tl_error_set(error, TL_NO_MEMORY, "out of memory");
    read_bounds(e, r, bounds);
    uint32_t shards = tl_wire_count(r, SHARD_MIN);
    for (uint32_t i = 0; i < shards && !r->failed; i++)
        if (!read_shard(e, r, format, error))
            return false;
    if (r->failed || !read_tail(e, r))
        return corrupt(e, "commit", epoch, error);
    for (size_t i = 0; i < e->plan->source_count; i++)
        e->sources[i].bounds = bounds[i];
    return true;
}

bool tl_checkpoint_read_commit(struct tl_engine *e, uint64_t epoch, struct tl_view payload,
                               struct tl_error *error)
{
    struct tl_wire_reader r = tl_wire_of(payload);
    uint32_t format = tl_wire_u32(&r);
    uint64_t fingerprint = tl_wire_u64(&r);
    bool from_files = tl_wire_u8(&r) != 0;
    if (r.failed)
        return corrupt(e, "commit", epoch, error);
    if (!check_head(e, format, fingerprint, from_files, error))
        return false;
    bool ok = tl_wire_u64(&r) == epoch || corrupt(e, "commit", epoch, error);
    if (ok && format > FORMAT_NO_PARTS)
        ok = tl_evolve_read(e, tl_wire_view(&r), fingerprint == e->plan->fingerprint, error);
    ok = ok && read_states(e, &r, format, epoch, error);
    tl_evolve_end(e);
    return ok;
}
