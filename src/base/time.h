/* SPDX-License-Identifier: Apache-2.0 */
/* base/time.h: instants are int64 nanoseconds since 1970-01-01 UTC, durations int64 nanoseconds.
 * The clock itself is tl_io's (base/io.h). The range is 1677-09-21 to 2262-04-11; what lies outside is
 * refused. */
#pragma once

#include "base/view.h"

#define TL_NS_PER_US INT64_C(1000)
#define TL_NS_PER_MS INT64_C(1000000)
#define TL_NS_PER_S INT64_C(1000000000)
#define TL_NS_PER_MIN (60 * TL_NS_PER_S)

/* ISO-8601 as rule 7 says: date, or date 'T'|' ' hh:mm[:ss[.1-9 digits]] [Z|(+|-)hh[:]mm]; none means UTC.
 * Hours to 23, seconds to 59, offsets to 18:59 (as reference/model.py has it). False otherwise. */
TL_MUST_USE bool tl_time_parse(struct tl_view text, int64_t *ns);

#define TL_TIME_TEXT_MAX 40
enum tl_time_style {
    TL_TIME_ISO_US, /* 2025-09-27T12:34:00.123456+00:00: as Python's isoformat() with microseconds */
    TL_TIME_ISO_MS, /* 2025-09-27T12:34:00.123Z */
    TL_TIME_SQL,    /* 2025-09-27 12:34:00, fraction only if not zero (3, 6 or 9 digits) */
};
/* Writes NUL-terminated text into out; returns its length. */
size_t tl_time_format(int64_t ns, enum tl_time_style style, char out[TL_TIME_TEXT_MAX]);

/* Days since 1970-01-01 of a civil date (proleptic Gregorian), and back. False when not a date. */
TL_MUST_USE bool tl_date_to_days(int year, int month, int day, int64_t *days);
void tl_days_to_date(int64_t days, int *year, int *month, int *day);
/* "YYYY-MM-DD" into out[11]. Years 0001 to 9999. */
void tl_date_format(int64_t days, char out[11]);

/* '150 ms', '30 s', '5 min', '1 h', '2 d', '1 minute', '1 day' ... : a decimal number, optional blank, unit.
 * Units: ns us ms s sec second(s) min minute(s) h hour(s) d day(s). False: wrong, negative, too large. */
TL_MUST_USE bool tl_duration_parse(struct tl_view text, int64_t *ns);
/* The shortest such text, for messages: "150 ms", "2 min", "1.5 s". Writes at most 32 bytes. */
void tl_duration_format(int64_t ns, char out[32]);

/* floor(a / b) for b > 0, also for negative a. */
static inline int64_t tl_floor_div(int64_t a, int64_t b)
{
    int64_t q = a / b;
    return q - (a % b < 0);
}
