/* SPDX-License-Identifier: Apache-2.0 */
/* cli/doctor_report.h: what `tapeline doctor` has found: a line a check, with what to do. */
#pragma once

#include "base/compiler.h"

#include <stdbool.h>
#include <stddef.h>

#define TL_DOCTOR_CHECKS_MAX 256
#define TL_DOCTOR_DETAILS_MAX 6

enum tl_doctor_result { TL_DOCTOR_OK, TL_DOCTOR_WARN, TL_DOCTOR_FAIL };
struct tl_doctor_check {
    char name[64]; /* "credentials", "stream 'ticks'" */
    enum tl_doctor_result result;
    char text[640], fix[640]; /* fix "": nothing to do */
    char details[TL_DOCTOR_DETAILS_MAX][400];
    size_t detail_count;
};
/* Grows to TL_DOCTOR_CHECKS_MAX; what is beyond is counted as one failed check. Init with { 0 }. */
struct tl_doctor {
    struct tl_doctor_check *checks;
    size_t count;
    bool failed; /* out of memory, or too many */
};
void tl_doctor_release(struct tl_doctor *d);
/* fmt is the text; the check stays valid until the next one is added. Never NULL. */
struct tl_doctor_check *tl_doctor_add(struct tl_doctor *d, enum tl_doctor_result result, const char *name,
                                      const char *fmt, ...) TL_PRINTF(4, 5);
void tl_doctor_fix(struct tl_doctor_check *check, const char *fmt, ...) TL_PRINTF(2, 3);
void tl_doctor_detail(struct tl_doctor_check *check, const char *fmt, ...) TL_PRINTF(2, 3);
/* On stdout. */
void tl_doctor_print(const struct tl_doctor *d);
void tl_doctor_print_json(const struct tl_doctor *d);
bool tl_doctor_has_failed(const struct tl_doctor *d);
