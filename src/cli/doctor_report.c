/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/doctor_report.h"

#include "codec/json_writer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static const char *const results[] = { "ok", "warn", "fail" };

void tl_doctor_release(struct tl_doctor *d)
{
    free(d->checks);
    *d = (struct tl_doctor){ .checks = NULL };
}

/* A new last check; the last one again when there can be no more. */
static struct tl_doctor_check *new_check(struct tl_doctor *d)
{
    static struct tl_doctor_check nowhere;
    if (d->count == TL_DOCTOR_CHECKS_MAX) {
        d->failed = true;
        return &d->checks[d->count - 1];
    }
    struct tl_doctor_check *more = realloc(d->checks, (d->count + 1) * sizeof *more);
    if (!more) {
        d->failed = true;
        return d->count ? &d->checks[d->count - 1] : &nowhere;
    }
    d->checks = more;
    return &d->checks[d->count++];
}

struct tl_doctor_check *tl_doctor_add(struct tl_doctor *d, enum tl_doctor_result result, const char *name,
                                      const char *fmt, ...)
{
    struct tl_doctor_check *check = new_check(d);
    va_list args;
    *check = (struct tl_doctor_check){ .result = result };
    snprintf(check->name, sizeof check->name, "%s", name);
    va_start(args, fmt);
    vsnprintf(check->text, sizeof check->text, fmt, args);
    va_end(args);
    return check;
}

void tl_doctor_fix(struct tl_doctor_check *check, const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    vsnprintf(check->fix, sizeof check->fix, fmt, args);
    va_end(args);
}

void tl_doctor_detail(struct tl_doctor_check *check, const char *fmt, ...)
{
    va_list args;
    if (check->detail_count == TL_DOCTOR_DETAILS_MAX)
        return;
    va_start(args, fmt);
    vsnprintf(check->details[check->detail_count++], sizeof check->details[0], fmt, args);
    va_end(args);
}

bool tl_doctor_has_failed(const struct tl_doctor *d)
{
    bool failed = d->failed;
    for (size_t i = 0; i < d->count; i++)
        failed = failed || d->checks[i].result == TL_DOCTOR_FAIL;
    return failed;
}

void tl_doctor_print(const struct tl_doctor *d)
{
    static const char *const words[] = { "ok  ", "WARN", "FAIL" };
    size_t counts[3] = { 0 };
    for (size_t i = 0; i < d->count; i++) {
        const struct tl_doctor_check *check = &d->checks[i];
        counts[check->result]++;
        printf("%s  %-14s  %s\n", words[check->result], check->name, check->text);
        for (size_t k = 0; k < check->detail_count; k++)
            printf("      %-14s  - %s\n", "", check->details[k]);
        if (check->fix[0])
            printf("      %-14s  to do: %s\n", "", check->fix);
    }
    printf("%zu ok, %zu to look at, %zu failed%s\n", counts[0], counts[1], counts[2],
           d->failed ? " (and more than can be shown)" : "");
}

void tl_doctor_print_json(const struct tl_doctor *d)
{
    struct tl_json_writer w;
    struct tl_buf out;
    tl_buf_init(&out, (size_t)8 << 20);
    tl_json_writer_init(&w, &out);
    tl_json_begin_object(&w);
    tl_json_member_bool(&w, "ok", !tl_doctor_has_failed(d));
    tl_json_key(&w, "checks");
    tl_json_begin_array(&w);
    for (size_t i = 0; i < d->count; i++) {
        const struct tl_doctor_check *check = &d->checks[i];
        tl_json_begin_object(&w);
        tl_json_member_text(&w, "check", check->name);
        tl_json_member_text(&w, "result", results[check->result]);
        tl_json_member_text(&w, "text", check->text);
        tl_json_key(&w, "details");
        tl_json_begin_array(&w);
        for (size_t k = 0; k < check->detail_count; k++)
            tl_json_write_text(&w, check->details[k]);
        tl_json_end_array(&w);
        tl_json_member_text(&w, "fix", check->fix[0] ? check->fix : NULL);
        tl_json_end_object(&w);
    }
    tl_json_end_array(&w);
    tl_json_end_object(&w);
    printf("%s\n", tl_buf_text(&out));
    tl_buf_release(&out);
}
