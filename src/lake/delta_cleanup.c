/* SPDX-License-Identifier: Apache-2.0 */
/* What of a Delta table may go: log entries that are older than delta.logRetentionDuration and that a checkpoint covers ("Metadata Cleanup" of
 * the Delta Transaction Log Protocol). Nothing behind that checkpoint is touched, so that each version from it on can still be read. */
#include "base/io.h"
#include "base/time.h"
#include "lake/delta_int.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DIGITS 20
#define CHECKPOINT ".checkpoint.parquet"
#define DAY_MS (INT64_C(24) * 3600 * 1000)

/* ---- how long: the table's properties ---- */

/* "weeks" is of 7 days; a month has no length, and Delta takes none. */
static bool unit_of(struct tl_view name, int64_t *ms)
{
    static const struct {
        const char *name;
        int64_t ms;
    } units[] = { { "week", 7 * DAY_MS }, { "day", DAY_MS }, { "hour", 3600000 }, { "minute", 60000 }, { "second", 1000 }, { "millisecond", 1 } };
    if (name.size > 1 && (name.data[name.size - 1] | 32) == 's')
        name.size--;
    for (size_t i = 0; i < TL_COUNT(units); i++)
        if (tl_view_eq_ignore_case(name, tl_view_of(units[i].name))) {
            *ms = units[i].ms;
            return true;
        }
    return false;
}

bool tl_delta_interval(struct tl_view text, int64_t *ms)
{
    int64_t sum = 0, count, unit;
    bool any = false;
    struct tl_view rest = tl_view_trim(text), word = tl_view_split(rest, ' ', &rest);
    if (tl_view_eq_ignore_case(word, TL_VIEW("interval")))
        word = tl_view_split(tl_view_trim(rest), ' ', &rest);
    for (; word.size; word = rest.data ? tl_view_split(tl_view_trim(rest), ' ', &rest) : (struct tl_view){ NULL, 0 }) {
        struct tl_view name = rest.data ? tl_view_split(tl_view_trim(rest), ' ', &rest) : (struct tl_view){ NULL, 0 };
        if (!tl_view_to_i64(word, &count) || count < 0 || !unit_of(name, &unit) || count > (INT64_MAX - sum) / unit)
            return false;
        sum += count * unit;
        any = true;
    }
    *ms = sum;
    return any;
}

static int64_t interval_or(struct tl_json configuration, const char *name, int64_t otherwise)
{
    int64_t ms;
    struct tl_view text = tl_json_get_string(configuration, name);
    if (!text.size)
        return otherwise;
    return tl_delta_interval(text, &ms) ? ms : INT64_MAX; /* what cannot be read is no reason to delete */
}

void tl_delta_retention_read(struct tl_json configuration, struct tl_delta_retention *out)
{
    *out = (struct tl_delta_retention){ .log_ms = interval_or(configuration, "delta.logRetentionDuration", 30 * DAY_MS),
                                        .removed_ms = interval_or(configuration, "delta.deletedFileRetentionDuration", 7 * DAY_MS) };
    if (tl_view_eq_ignore_case(tl_json_get_string(configuration, "delta.enableExpiredLogCleanup"), TL_VIEW("false")))
        out->log_ms = INT64_MAX;
}

/* ---- the log ---- */

/* "00000000000000000010.json" -> 10, and what stands behind the digits; -1 for other names. */
static int64_t version_of(const char *name, const char **ending)
{
    int64_t version;
    const char *slash = strrchr(name, '/'), *leaf = slash ? slash + 1 : name;
    if (strspn(leaf, "0123456789") != DIGITS)
        return -1;
    *ending = leaf + DIGITS;
    struct tl_view digits = { leaf, DIGITS };
    while (digits.size > 1 && digits.data[0] == '0')
        digits = (struct tl_view){ digits.data + 1, digits.size - 1 };
    return tl_view_to_i64(digits, &version) ? version : -1;
}

/* The newest checkpoint that is not newer than the newest commit from before cut_ms; -1: none. A commit is not older than the one before
 * it, whatever its file says. */
static int64_t find_cut(const struct tl_store_entries *log, int64_t cut_ms)
{
    const char *ending;
    int64_t newest = -1, checkpoint = -1, last_ms = INT64_MIN;
    for (size_t i = 0; i < log->count; i++) {
        int64_t version = version_of(log->items[i].name, &ending), ms = log->items[i].info.modified_ns / TL_NS_PER_MS;
        if (version < 0 || strcmp(ending, ".json") != 0)
            continue;
        last_ms = ms > last_ms ? ms : last_ms + 1;
        if (last_ms > cut_ms)
            break;
        newest = version;
    }
    for (size_t i = 0; i < log->count; i++) {
        int64_t version = version_of(log->items[i].name, &ending);
        if (version >= 0 && version <= newest && strcmp(ending, CHECKPOINT) == 0)
            checkpoint = version;
    }
    return checkpoint;
}

/* Of a commit, a checkpoint of any kind, a checksum; another writer's "<from>.<to>.compacted.json" too. */
static bool is_of_log(const char *ending)
{
    size_t size = strlen(ending);
    return strcmp(ending, ".json") == 0 || strcmp(ending, ".crc") == 0 || strncmp(ending, ".checkpoint.", 12) == 0 ||
           (size > 15 && strcmp(ending + size - 15, ".compacted.json") == 0);
}

bool tl_delta_clean_log(struct tl_store *store, const char *path, int64_t keep_ms, size_t *deleted, struct tl_error *error)
{
    char folder[PATH_MAX];
    struct tl_store_entries log;
    const char *ending;
    size_t count = 0;
    int64_t now = tl_io->wall_ns() / TL_NS_PER_MS;
    *deleted = 0;
    if (keep_ms >= now) /* for ever */
        return true;
    snprintf(folder, sizeof folder, "%s/_delta_log", path);
    if (!tl_store_walk(store, folder, &log, error))
        return false;
    int64_t cut = find_cut(&log, now - keep_ms);
    const char **names = calloc(log.count + 1, sizeof *names);
    bool ok = names || tl_error_set(error, TL_NO_MEMORY, "out of memory");
    /* Sorted: the oldest go first, so that a break leaves no hole in what is there. */
    for (size_t i = 0; ok && i < log.count; i++) {
        int64_t version = version_of(log.items[i].name, &ending);
        if (version >= 0 && version < cut && is_of_log(ending))
            names[count++] = log.items[i].name;
    }
    ok = ok && tl_store_delete_many(store, names, count, error);
    *deleted = ok ? count : 0;
    free(names);
    tl_store_entries_release(&log);
    return ok;
}
