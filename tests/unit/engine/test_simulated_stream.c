/* SPDX-License-Identifier: Apache-2.0 */
/* The consumer over a simulated stream (simulated_kinesis.h): after any mixture of splits, merges, throttles, expiries, lost,
 * cut, short and repeated answers, slow shards, retention, kills and repeated epochs, every record has been delivered once, and
 * those of a key in their order; and what retention deleted unread is an error or a gap that is counted (rules 1 and 10).
 *
 * A case is a list of steps, made from a seed. One that fails is made shorter, and printed. TL_SEED repeats a run; TL_CASES says
 * how many cases there are (default CASES). */
#include "simulated_kinesis.h"

#include "engine/checkpoint.h"
#include "engine/epoch.h"
#include "engine/run_loop.h"
#include "engine/shard_lineage.h"
#include "engine/shard_tree.h"
#include "engine/sinks.h"
#include "engine/source_kinesis.h"

#include <inttypes.h>
#include <setjmp.h>

#define CASES 2000
#define STEPS_MAX 300
#define DELIVERED_MAX 8192
#define EPOCHS_MAX 512

/* ---- what is delivered: in the place of engine/apply.h ---- */

struct delivery {
    unsigned key, n;
};
static struct {
    struct delivery items[DELIVERED_MAX];
    size_t count, committed, intended; /* as of the newest commit, of the intent behind it */
    struct delivery intent[DELIVERED_MAX];
} delivered;

bool tl_apply_init(struct tl_apply *a, const struct tl_plan *plan, size_t source, struct tl_error *error)
{
    (void)a, (void)plan, (void)source, (void)error;
    return true;
}
void tl_apply_release(struct tl_apply *a)
{
    (void)a;
}
bool tl_apply_flush(struct tl_apply *a, struct tl_shard_run *s, int64_t step)
{
    (void)a, (void)s, (void)step;
    return true;
}
bool tl_apply_rows(struct tl_apply *a, struct tl_shard_run *s, const struct tl_rows *rows)
{
    (void)a, (void)s, (void)rows;
    return true;
}
bool tl_apply_malformed(struct tl_apply *a, struct tl_shard_run *s, const char *reason, size_t offset, struct tl_view data,
                        const struct tl_origin *origin, int64_t step)
{
    (void)a, (void)s, (void)reason, (void)offset, (void)data, (void)origin, (void)step;
    return false;
}
bool tl_apply_record(struct tl_apply *a, struct tl_shard_run *s, struct tl_view text, const struct tl_origin *origin, int64_t step)
{
    (void)a, (void)origin, (void)step;
    char copy[32];
    struct delivery d;
    snprintf(copy, sizeof copy, "%.*s", TL_VIEW_ARG(text));
    if (sscanf(copy, "%u %u", &d.key, &d.n) != 2 || delivered.count == DELIVERED_MAX)
        return false;
    delivered.items[delivered.count++] = d;
    s->received++;
    return true;
}

/* ---- no lake: in the place of engine/sinks.h and lake/commit_log.h ---- */

bool tl_sinks_open(struct tl_engine *e, struct tl_error *error)
{
    (void)e, (void)error;
    return true;
}
void tl_sinks_close(struct tl_engine *e)
{
    (void)e;
}
bool tl_sinks_files_of(struct tl_engine *e, uint64_t epoch, struct tl_file_list *out, struct tl_error *error)
{
    (void)e, (void)epoch, (void)error;
    *out = (struct tl_file_list){ 0 };
    return true;
}
bool tl_sinks_want_view(const struct tl_engine *e, size_t view)
{
    (void)e, (void)view;
    return false;
}
bool tl_sinks_write(struct tl_engine *e, uint64_t epoch, const struct tl_rows *rows, const struct tl_rows *late,
                    const struct tl_rows *malformed, struct tl_file_list *files, struct tl_error *error)
{
    (void)e, (void)epoch, (void)rows, (void)late, (void)malformed, (void)files, (void)error;
    return true;
}

static struct {
    struct tl_buf commit, intent;
    uint64_t epoch, intent_epoch;
    bool any, has_intent;
    bool dies; /* between the next intent and its commit */
} commits;

bool tl_commit_log_open(struct tl_commit_log **out, struct tl_store *store, const char *pipeline, struct tl_error *error)
{
    (void)out, (void)store, (void)pipeline, (void)error;
    return true;
}
void tl_commit_log_close(struct tl_commit_log *log)
{
    (void)log;
}
bool tl_commit_log_tidy(struct tl_commit_log *log, struct tl_error *error)
{
    (void)log, (void)error;
    return true;
}
bool tl_commit_log_settle(struct tl_commit_log *log, struct tl_error *error)
{
    (void)log, (void)error;
    return true;
}
bool tl_commit_log_is_last(struct tl_commit_log *log, uint64_t epoch, bool *last, struct tl_error *error)
{
    (void)log, (void)error;
    *last = epoch == commits.epoch || !commits.any;
    return true;
}
bool tl_commit_log_check_fence(struct tl_commit_log *log, struct tl_error *error)
{
    (void)log, (void)error;
    return true;
}
bool tl_commit_log_load(struct tl_commit_log *log, bool *found, uint64_t *epoch, struct tl_buf *payload, struct tl_error *error)
{
    (void)log, (void)error;
    *found = commits.any;
    *epoch = commits.epoch;
    tl_buf_add_view(payload, tl_buf_view(&commits.commit));
    return true;
}
bool tl_commit_log_load_intent(struct tl_commit_log *log, uint64_t epoch, bool *found, struct tl_buf *payload,
                               struct tl_error *error)
{
    (void)log, (void)error;
    *found = commits.has_intent && commits.intent_epoch == epoch;
    if (*found)
        tl_buf_add_view(payload, tl_buf_view(&commits.intent));
    return true;
}
bool tl_commit_log_intent(struct tl_commit_log *log, uint64_t epoch, struct tl_view payload, struct tl_error *error)
{
    (void)log, (void)error;
    if (commits.has_intent && commits.intent_epoch == epoch && tl_view_eq(payload, tl_buf_view(&commits.intent)))
        return true; /* put again, to be durable */
    tl_buf_reset(&commits.intent);
    tl_buf_add_view(&commits.intent, payload);
    commits.intent_epoch = epoch;
    commits.has_intent = true;
    memcpy(delivered.intent, delivered.items, delivered.count * sizeof delivered.items[0]);
    delivered.intended = delivered.count;
    return true;
}
bool tl_commit_log_commit(struct tl_commit_log *log, uint64_t epoch, struct tl_view payload, struct tl_error *error)
{
    (void)log;
    if (commits.dies)
        return tl_error_set(error, TL_STOPPED, "killed");
    tl_buf_reset(&commits.commit);
    tl_buf_add_view(&commits.commit, payload);
    commits.epoch = epoch;
    commits.any = true;
    delivered.committed = delivered.count;
    return true;
}

/* ---- a case ---- */

enum step_kind {
    PUT,
    PUT_MANY,
    SPLIT,
    MERGE,
    READ,
    READ_ALL,
    TEND,
    COMMIT,
    COMMIT_KILLED,
    KILL,
    STOP,
    START,
    EXPIRE,
    WAIT,
    HOURS,
    SLOW,
    STEP_KINDS
};
static const struct {
    const char *name;
    unsigned weight, below; /* of the argument */
} kinds[STEP_KINDS] = {
    [PUT] = { "put", 30, SIM_KEYS },  [PUT_MANY] = { "put together", 6, SIM_KEYS },
    [SPLIT] = { "split", 4, 16 },     [MERGE] = { "merge", 3, 16 },
    [READ] = { "read", 30, 16 },      [READ_ALL] = { "read all", 6, 1 },
    [TEND] = { "tend", 10, 1 },       [COMMIT] = { "commit", 6, 1 },
    [COMMIT_KILLED] = { "commit, killed after the intent", 2, 1 },
    [KILL] = { "kill", 2, 1 },        [STOP] = { "stop", 1, 1 },
    [START] = { "start", 8, 1 },      [EXPIRE] = { "expire iterators", 2, 1 },
    [WAIT] = { "wait seconds", 4, 400 },
    [HOURS] = { "wait hours", 1, 30 }, [SLOW] = { "slow shard", 2, 16 },
};
struct step {
    enum step_kind kind;
    unsigned argument;
};
struct config {
    uint64_t seed;
    unsigned shards, faults;
    bool long_numbers, tells_children, lists_lag, pages, cbor, fanout, latest, goes_on, hours, loses;
};
struct case_list {
    struct config config;
    struct step steps[STEPS_MAX];
    size_t count;
};

static struct {
    struct tl_plan plan;
    struct tl_source_plan source;
    struct tl_engine *engine;
    struct tl_stream_batch batch;
    struct tl_apply apply;
    const char *dir;
    struct tl_io io;
    bool long_ago;         /* time has passed in which retention may have deleted something */
    bool lost;             /* the engine has stopped with TL_CORRUPT, as is its policy */
    int64_t first_open_ms; /* what LATEST was resolved to; -1: not yet */
    int64_t opened_ms;     /* by the clock */
    uint64_t gaps_seen;
    char failure[1024];
} t;

/* The case fails; the text is kept. */
static bool fails(const char *fmt, ...) TL_PRINTF(1, 2);
static bool fails(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(t.failure, sizeof t.failure, fmt, args);
    va_end(args);
    return false;
}

static void kill_engine(void)
{
    tl_engine_close(t.engine);
    t.engine = NULL;
    delivered.count = delivered.committed;
}

/* An error of the engine: right only where records are lost, and that is the policy. */
static bool stopped(const struct config *c, const struct tl_error *error)
{
    kill_engine();
    if (error->code != TL_CORRUPT || !t.long_ago || c->goes_on)
        return fails("the engine ends: %s", error->text);
    t.lost = true;
    return true;
}

/* ---- the engine, step by step: what a worker and the engine's thread do (engine/worker.c, engine/run_loop.c) ---- */

static bool is_ready(const struct tl_shard_run *s)
{
    return s->started && !s->finished && !(s->limited && tl_shard_run_at_limit(s)) && s->next_read_ns <= sim.now_ns;
}

static bool read_shard(const struct config *c, struct tl_shard_run *s)
{
    struct tl_error error;
    s->busy = true;
    bool ok = tl_stream_batch_read(&t.batch, s, &t.engine->sources[0], &error) &&
              tl_stream_batch_apply(&t.batch, s, &t.apply, INT64_MIN, &error);
    s->busy = false;
    return ok || stopped(c, &error);
}

/* A shard that is ready, or time passes until one is. */
static bool read_some(const struct config *c, unsigned which)
{
    size_t ready[SIM_SHARDS_MAX], count = 0;
    int64_t soonest = sim.now_ns + TL_NS_PER_S;
    for (size_t i = 0; i < t.engine->shard_count; i++) {
        const struct tl_shard_run *s = t.engine->shards[i];
        if (is_ready(s))
            ready[count++] = i;
        else if (s->started && !s->finished && s->next_read_ns < soonest && s->next_read_ns > sim.now_ns)
            soonest = s->next_read_ns;
    }
    if (count)
        return read_shard(c, t.engine->shards[ready[which % count]]);
    sim.now_ns = soonest;
    return true;
}

static bool read_all(const struct config *c)
{
    for (unsigned i = 0; t.engine && i < 16; i++)
        if (!read_some(c, i))
            return false;
    return true;
}

static bool tend(const struct config *c)
{
    struct tl_error error;
    return tl_shard_tree_tend(t.engine, &error) || stopped(c, &error);
}

static bool commit(const struct config *c, enum tl_epoch_kind kind, const struct tl_bounds *bounds, bool killed)
{
    struct tl_epoch epoch;
    struct tl_error error;
    bool any, ok = tl_epoch_init(&epoch, t.engine, &error) && tl_epoch_take(&epoch, t.engine, kind, bounds, &any, &error);
    commits.dies = killed;
    if (ok && any)
        ok = tl_epoch_commit(&epoch, t.engine, &error);
    tl_epoch_release(&epoch);
    commits.dies = false;
    if (killed) {
        kill_engine();
        return true;
    }
    return ok || stopped(c, &error);
}

static int by_value(const void *a, const void *b)
{
    const struct delivery *x = a, *y = b;
    return x->key != y->key ? (x->key < y->key ? -1 : 1) : (x->n > y->n) - (x->n < y->n);
}

/* The records of the interrupted epoch, and no others. */
static bool check_repeated(void)
{
    size_t from = delivered.committed, count = delivered.count - from;
    static struct delivery a[DELIVERED_MAX], b[DELIVERED_MAX];
    if (delivered.count != delivered.intended)
        return fails("a repeated epoch has %zu records, not %zu", count, delivered.intended - from);
    memcpy(a, delivered.items + from, count * sizeof a[0]);
    memcpy(b, delivered.intent + from, count * sizeof b[0]);
    qsort(a, count, sizeof a[0], by_value);
    qsort(b, count, sizeof b[0], by_value);
    for (size_t i = 0; i < count; i++)
        if (by_value(&a[i], &b[i]) != 0)
            return fails("a repeated epoch has record %u/%u in place of %u/%u", a[i].key, a[i].n, b[i].key, b[i].n);
    return true;
}

static bool replay(const struct config *c)
{
    struct tl_bounds bounds[1];
    struct tl_error error;
    bool found = false, done = false, long_ago = t.long_ago;
    if (!tl_run_load_intent(t.engine, &found, bounds, &error))
        return stopped(c, &error);
    if (!found)
        return true;
    for (unsigned i = 0; !done; i++) {
        if (i > 20000)
            return fails("a repeated epoch does not come to its end");
        tl_lineage_advance(t.engine);
        if (!tl_run_replay_is_done(t.engine, &done, &error))
            return stopped(c, &error);
        if (!done && (!read_some(c, i) || !t.engine))
            return t.engine == NULL && t.lost;
    }
    if (!long_ago && !check_repeated())
        return false;
    if (!commit(c, TL_EPOCH_REPLAY, bounds, false) || !t.engine)
        return t.lost;
    tl_run_end_replay(t.engine);
    return true;
}

static bool start(const struct config *c)
{
    struct tl_error error;
    struct tl_engine_options options = { .plan = &t.plan,
                                         .kinesis = { .endpoint = "http://simulated", .region = "us-east-1", .embedded = true },
                                         .poll_ns = 2 * TL_NS_PER_S,
                                         .read_every_ns = c->shards % 2 ? 200 * TL_NS_PER_MS : 0,
                                         .lake_dir = t.dir,
                                         .state_dir = t.dir,
                                         .threads = 1 };
    bool opened = false;
    for (int i = 0; !opened && i < 100; i++) { /* a person starts it again */
        opened = tl_engine_open(&t.engine, &options, &error);
        if (!opened && !tl_code_is_retriable(error.code) && error.code != TL_LIMIT && error.code != TL_IO) {
            if (error.code == TL_CORRUPT && t.long_ago && !c->goes_on)
                return t.lost = true;
            return fails("the engine does not open: %s", error.text);
        }
    }
    if (!opened)
        return fails("the engine does not open in a hundred attempts: %s", error.text);
    if (t.first_open_ms < 0)
        t.opened_ms = sim_now_ms();
    if (t.first_open_ms < 0)
        t.first_open_ms = t.engine->shards[0]->position.timestamp_ns / TL_NS_PER_MS;
    delivered.committed = delivered.count;
    return replay(c);
}

/* ---- steps ---- */

static void put_together(unsigned key)
{
    unsigned count = 1 + (unsigned)test_random_below(&sim.random, 5);
    sim_put(key, count, true);
}

static bool run_step(const struct config *c, const struct step *s)
{
    switch (s->kind) {
    case PUT:
        sim_put(s->argument, 1, false);
        return true;
    case PUT_MANY:
        put_together(s->argument);
        return true;
    case SPLIT:
        sim_split(s->argument);
        return true;
    case MERGE:
        sim_merge(s->argument);
        return true;
    case EXPIRE:
        sim.generation++;
        return true;
    case WAIT:
        sim.now_ns += s->argument * TL_NS_PER_S;
        return true;
    case HOURS:
        if (c->hours) {
            sim.now_ns += s->argument * 60 * TL_NS_PER_MIN;
            t.long_ago = true;
        }
        return true;
    case SLOW:
        sim.shards[s->argument % sim.shard_count].slow ^= true;
        return true;
    case START:
        return t.engine || start(c);
    default:
        break;
    }
    if (!t.engine)
        return true;
    switch (s->kind) {
    case READ:
        return read_some(c, s->argument);
    case READ_ALL:
        return read_all(c);
    case TEND:
        return tend(c);
    case COMMIT:
    case COMMIT_KILLED:
        return commit(c, TL_EPOCH_REGULAR, NULL, s->kind == COMMIT_KILLED);
    case STOP:
        if (!commit(c, TL_EPOCH_STOP, NULL, false))
            return false;
        /* fall through */
    default:
        if (t.engine)
            kill_engine();
        return true;
    }
}

/* Nothing is put any more, and the service is well: until nothing has come for longer than any wait. */
static bool drain(const struct config *c)
{
    sim.faults = 0;
    for (unsigned i = 0; i < sim.shard_count; i++)
        sim.shards[i].slow = false;
    if (!t.engine && !start(c))
        return false;
    int64_t quiet_since = sim.now_ns;
    for (unsigned i = 0; !t.lost && sim.now_ns - quiet_since < 20 * TL_NS_PER_S; i++) {
        size_t before = delivered.count;
        if (i > 200000)
            return fails("it does not come to rest");
        if (!tend(c) || (t.engine && !read_some(c, i)))
            return false;
        if (delivered.count != before)
            quiet_since = sim.now_ns;
    }
    return true;
}

/* A last record of each key tells of those that are lost before it. */
static bool finish(const struct config *c)
{
    if (!drain(c))
        return false;
    for (unsigned key = 0; !t.lost && key < SIM_KEYS; key++)
        sim_put(key, 1, false);
    return t.lost || drain(c);
}

/* ---- what has to hold ---- */

/* The record that holds counter n of the key. */
static const struct sim_record *record_of(unsigned key, unsigned n, bool *deleted)
{
    for (unsigned i = 0; i < sim.shard_count; i++)
        for (unsigned k = 0; k < sim.shards[i].count; k++) {
            const struct sim_record *r = &sim.shards[i].records[k];
            *deleted = k < sim.shards[i].kept || sim.shards[i].gone;
            if (r->key == key && r->first <= n && n < r->first + r->count)
                return r;
        }
    return NULL;
}

static bool check_missing(const struct config *c, unsigned key, unsigned from, unsigned to, bool *lost)
{
    for (unsigned n = from; n < to; n++) {
        bool deleted = false;
        const struct sim_record *r = record_of(key, n, &deleted);
        if (r->arrival_ms < (c->latest ? t.first_open_ms : t.long_ago ? t.opened_ms : 0))
            continue; /* before the pipeline's time; what is older than that may be gone before the first read */
        if (!deleted)
            return fails("record %u of key %u is not delivered (%s)", n, key, r->sequence);
        *lost = true;
    }
    return true;
}

static uint64_t count_gaps(void)
{
    uint64_t gaps = 0;
    for (size_t i = 0; i < t.engine->shard_count; i++)
        gaps += t.engine->shards[i]->gaps;
    return gaps;
}

static bool check(const struct config *c)
{
    unsigned next[SIM_KEYS] = { 0 };
    bool lost = false;
    for (size_t i = 0; i < delivered.count; i++) {
        const struct delivery *d = &delivered.items[i];
        if (d->n < next[d->key])
            return fails("record %u of key %u comes again, or out of order (%u was expected)", d->n, d->key, next[d->key]);
        if (!check_missing(c, d->key, next[d->key], d->n, &lost))
            return false;
        next[d->key] = d->n + 1;
    }
    if (t.lost)
        return true; /* it has said so; nothing was delivered twice or out of order */
    for (unsigned key = 0; key < SIM_KEYS; key++)
        if (!check_missing(c, key, next[key], sim.puts[key], &lost))
            return false;
    if (lost && count_gaps() == 0 && t.first_open_ms >= 0 && c->goes_on)
        return fails("records are lost, and no gap is counted");
    if (lost && !c->goes_on)
        return fails("records are lost in silence");
    if (!t.long_ago && count_gaps() > 0)
        return fails("a gap is counted where nothing is lost");
    return true;
}

static void begin_case(const struct config *c)
{
    sim_reset(c->seed);
    sim.faults = c->faults;
    sim.long_numbers = c->long_numbers;
    sim.tells_children = c->tells_children;
    sim.lists_lag = c->lists_lag;
    sim.pages = c->pages;
    sim.loses = c->loses;
    for (unsigned i = 0; i < c->shards; i++)
        sim_shard_add(-1, -1, SIM_SLOTS / c->shards * i, i + 1 == c->shards ? SIM_SLOTS - 1 : SIM_SLOTS / c->shards * (i + 1) - 1);
    delivered.count = delivered.committed = delivered.intended = 0;
    commits.any = commits.has_intent = commits.dies = false;
    commits.epoch = 0;
    tl_buf_reset(&commits.commit);
    t.long_ago = t.lost = false;
    t.first_open_ms = -1;
    t.source = (struct tl_source_plan){ .name = "ticks",
                                        .stream = SIM_STREAM,
                                        .event_time = "event_time",
                                        .start = c->latest ? TL_START_LATEST : TL_START_TRIM_HORIZON,
                                        .on_data_loss = c->goes_on ? TL_DATA_LOSS_CONTINUE : TL_DATA_LOSS_FAIL,
                                        .read = c->fanout ? TL_READ_FANOUT : TL_READ_POLL,
                                        .cbor = c->cbor,
                                        .shard_idle_ns = TL_NS_PER_MIN,
                                        .flush_after_ns = TL_NS_PER_MIN };
    t.plan = (struct tl_plan){ .name = "p", .sources = &t.source, .source_count = 1 };
}

static bool run_case(const struct case_list *list)
{
    bool ok = true;
    begin_case(&list->config);
    for (size_t i = 0; ok && !t.lost && i < list->count; i++)
        ok = run_step(&list->config, &list->steps[i]);
    ok = ok && (t.lost || finish(&list->config)) && check(&list->config);
    if (t.engine)
        kill_engine();
    return ok;
}

static void make_case(struct case_list *list, uint64_t seed)
{
    struct test_random r = { seed * 2 + 1 };
    unsigned total = 0;
    for (int i = 0; i < 4; i++)
        test_random_u64(&r);
#define COIN() (test_random_below(&r, 2) == 0)
    list->config = (struct config){ .seed = seed,
                                    .shards = 1 + (unsigned)test_random_below(&r, 4),
                                    .faults = (unsigned)test_random_below(&r, 3) * 12,
                                    .long_numbers = COIN(),
                                    .tells_children = COIN(),
                                    .lists_lag = COIN(),
                                    .pages = COIN(),
                                    .cbor = COIN(),
                                    .fanout = COIN(),
                                    .latest = test_random_below(&r, 4) == 0,
                                    .goes_on = COIN(),
                                    .hours = test_random_below(&r, 3) == 0 };
    for (size_t i = 0; i < STEP_KINDS; i++)
        total += kinds[i].weight;
    list->count = 20 + (size_t)test_random_below(&r, STEPS_MAX - 20);
    for (size_t i = 0; i < list->count; i++) {
        unsigned at = (unsigned)test_random_below(&r, total), kind = 0;
        while (at >= kinds[kind].weight)
            at -= kinds[kind++].weight;
        list->steps[i] = (struct step){ (enum step_kind)kind, (unsigned)test_random_below(&r, kinds[kind].below) };
    }
}

/* ---- a shorter case ---- */

/* The list without steps [at, at + size); true when it fails too. */
static bool fails_without(struct case_list *list, size_t at, size_t size)
{
    static struct case_list shorter;
    shorter.config = list->config;
    shorter.count = list->count - size;
    memcpy(shorter.steps, list->steps, at * sizeof list->steps[0]);
    memcpy(shorter.steps + at, list->steps + at + size, (list->count - at - size) * sizeof list->steps[0]);
    if (run_case(&shorter))
        return false;
    *list = shorter;
    return true;
}

static void shorten(struct case_list *list)
{
    for (size_t size = list->count / 2; size > 0; size /= 2)
        for (size_t at = 0; at + size <= list->count;)
            at += fails_without(list, at, size) ? 0 : size;
    bool *const switches[] = { &list->config.pages, &list->config.lists_lag, &list->config.cbor, &list->config.fanout,
                               &list->config.latest, &list->config.long_numbers };
    for (size_t i = 0; i < TL_COUNT(switches); i++) {
        bool before = *switches[i];
        *switches[i] = false;
        if (before && run_case(list))
            *switches[i] = true;
    }
    for (size_t at = 0; at < list->count;)
        at += fails_without(list, at, 1) ? 0 : 1;
    (void)run_case(list); /* its own failure */
}

static void print_case(const struct case_list *list)
{
    const struct config *c = &list->config;
    print_message("seed %" PRIu64 ", %u shards, faults %u%%%s%s%s%s%s%s%s%s:\n", c->seed, c->shards, c->faults,
                  c->long_numbers ? ", long numbers" : "", c->tells_children ? ", children told" : "",
                  c->lists_lag ? ", lists lag" : "", c->pages ? ", pages" : "", c->cbor ? ", CBOR" : "", c->fanout ? ", fanout" : "",
                  c->latest ? ", LATEST" : "", c->goes_on ? ", on_data_loss = continue" : "");
    for (size_t i = 0; i < list->count; i++)
        print_message("  %s %u\n", kinds[list->steps[i].kind].name, list->steps[i].argument);
}

/* ---- tests ---- */

static void every_record_is_delivered_once_and_in_order(void **state)
{
    (void)state;
    const char *given = getenv("TL_CASES");
    unsigned long cases = given ? strtoul(given, NULL, 10) : CASES, lost = 0, calls = 0;
    struct test_random seeds = test_random_new();
    static struct case_list list;
    for (unsigned long i = 0; i < cases; i++) {
        make_case(&list, i == 0 ? seeds.state / 2 : test_random_u64(&seeds) >> 1);
        bool ok = run_case(&list);
        lost += t.lost;
        calls += sim.calls;
        if (ok)
            continue;
        print_message("case %lu fails: %s\n", i, t.failure);
        shorten(&list);
        print_case(&list);
        fail_msg("%s", t.failure);
    }
    print_message("%lu cases, %lu calls; %lu stopped because records were lost\n", cases, calls, lost);
}

/* The test of the test: a service that loses records is found out, and the case that shows it is short. */
static void a_service_that_loses_records_is_found_out(void **state)
{
    (void)state;
    static struct case_list list;
    unsigned found = 0;
    for (uint64_t seed = 1; seed <= 6; seed++) {
        make_case(&list, seed);
        list.config.hours = false;
        list.config.loses = true;
        if (run_case(&list))
            continue;
        found++;
        shorten(&list);
        assert_true(strstr(t.failure, "is not delivered") || strstr(t.failure, "the engine ends"));
        assert_true(list.count <= 12);
        assert_false(run_case(&list)); /* it can be repeated */
    }
    assert_true(found >= 5);
}

/* What the engine logs is about troubles that are made here. */
static ssize_t write_nothing_to_stderr(int fd, const void *data, size_t size)
{
    return fd == STDERR_FILENO ? (ssize_t)size : tl_io_kernel.write(fd, data, size);
}

static int set_up(void **state)
{
    (void)state;
    t.io = tl_io_kernel;
    t.io.write = write_nothing_to_stderr;
    t.io.wall_ns = t.io.monotonic_ns = sim_clock;
    t.io.sleep_ns = sim_sleep;
    t.io.random = sim_random_bytes;
    tl_io = &t.io;
    t.dir = test_dir_new();
    tl_stream_batch_init(&t.batch);
    tl_buf_init(&commits.commit, 64 << 20);
    tl_buf_init(&commits.intent, 64 << 20);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    tl_io = &tl_io_kernel;
    sim_reset(0);
    tl_stream_batch_release(&t.batch);
    tl_buf_release(&commits.commit);
    tl_buf_release(&commits.intent);
    test_dir_remove((char *)(uintptr_t)t.dir);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_record_is_delivered_once_and_in_order),
        cmocka_unit_test(a_service_that_loses_records_is_found_out),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
