/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/feed_check.h"

#include "base/suggest.h"

#include <strings.h>

#define NAMES_MAX 256

static const struct tl_column_def *column_find(const struct tl_column_def *columns, size_t count,
                                               const char *name, size_t *at)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(columns[i].name, name) == 0) {
            *at = i;
            return &columns[i];
        }
    }
    return NULL;
}

static const char *suggest(const struct tl_column_def *columns, size_t count, const char *name)
{
    const char *names[NAMES_MAX];
    size_t n = 0;
    for (; n < count && n < NAMES_MAX; n++)
        names[n] = columns[n].name;
    return tl_suggest(tl_view_of(name), names, n);
}

/* Rule 7 of DESIGN section 2: a number for VARCHAR, a string for DOUBLE, a fraction for BIGINT are malformed.
 * Dates and instants are written as text. */
static bool types_fit(enum tl_type from, enum tl_type to)
{
    switch (to) {
    case TL_TYPE_VARCHAR:
    case TL_TYPE_DATE:
    case TL_TYPE_TIMESTAMP:
        return from == TL_TYPE_VARCHAR || from == TL_TYPE_DATE || from == TL_TYPE_TIMESTAMP;
    case TL_TYPE_DOUBLE:
        return from == TL_TYPE_DOUBLE || from == TL_TYPE_BIGINT || from == TL_TYPE_INTEGER;
    case TL_TYPE_BIGINT:
        return from == TL_TYPE_BIGINT || from == TL_TYPE_INTEGER;
    default:
        return from == to;
    }
}

static bool is_stamp(const struct tl_feed_plan *feed, const char *name)
{
    return feed->producer_stamp && (strcmp(name, TL_STAMP_ID) == 0 || strcmp(name, TL_STAMP_SEQ) == 0);
}

static bool check_column(const struct tl_feed_plan *feed, const struct tl_source_plan *source,
                         const struct tl_column_def *column, struct tl_error *error)
{
    size_t at;
    const struct tl_column_def *declared =
        column_find(source->columns, source->column_count, column->name, &at);
    if (!declared) {
        const char *near = suggest(source->columns, source->column_count, column->name);
        return tl_error_set(error, TL_INVALID,
                            "feed '%s' gives a column '%s' that source '%s' does not declare%s%s%s",
                            feed->name, column->name, source->name, near ? "; did you mean '" : "",
                            near ? near : "", near ? "'?" : "");
    }
    if (is_stamp(feed, column->name))
        return tl_error_set(error, TL_INVALID, "feed '%s' gives a column '%s', which producer_stamp writes", feed->name, column->name);
    if (!types_fit(column->type, declared->type))
        return tl_error_set(
            error, TL_INVALID,
            "feed '%s' gives %s for '%s', which source '%s' declares as %s: CAST(%s AS %s) in its SELECT",
            feed->name, tl_type_name(column->type), column->name, source->name, tl_type_name(declared->type),
            column->name, tl_type_name(declared->type));
    return true;
}

bool tl_feed_check(const struct tl_plan *plan, const struct tl_feed_plan *feed,
                   const struct tl_column_def *columns, size_t count, size_t *key, struct tl_error *error)
{
    const struct tl_source_plan *source = &plan->sources[feed->source];
    size_t at;
    for (size_t i = 0; i < count; i++) {
        if (!check_column(feed, source, &columns[i], error))
            return false;
        if (column_find(columns, i, columns[i].name, &at))
            return tl_error_set(error, TL_INVALID, "feed '%s' gives the column '%s' twice", feed->name,
                                columns[i].name);
    }
    for (size_t i = 0; i < source->column_count; i++)
        if (source->columns[i].not_null && !is_stamp(feed, source->columns[i].name) && !column_find(columns, count, source->columns[i].name, &at))
            return tl_error_set(error, TL_INVALID,
                                "feed '%s' gives no column '%s', which source '%s' declares NOT NULL",
                                feed->name, source->columns[i].name, source->name);
    if (!column_find(columns, count, feed->partition_key, key))
        return tl_error_set(error, TL_INVALID, "feed '%s': its partition key '%s' is no column of its SELECT",
                            feed->name, feed->partition_key);
    return true;
}

bool tl_feed_no_history(const struct tl_feed_plan *feed, struct tl_error *error)
{
    static const struct tl_view opening = { "LAKE('", 6 };
    struct tl_view path = { NULL, 0 };
    for (const char *at = feed->select; *at && !path.data; at++)
        if (strncasecmp(at, opening.data, opening.size) == 0)
            path = (struct tl_view){ at + opening.size, strcspn(at + opening.size, "'") };
    if (!path.data)
        return tl_error_set(error, TL_NOT_FOUND, "no history: the SELECT of feed '%s' has no rows",
                            feed->name);
    return tl_error_set(error, TL_NOT_FOUND,
                        "no history: LAKE('%.*s') has no rows for this feed (make some with 'tapeline "
                        "sample', or with 'tapeline ingest' and 'tapeline build')",
                        TL_VIEW_ARG(path));
}
