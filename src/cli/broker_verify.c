/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/broker_verify.h"

#include "broker/verify.h"
#include "codec/json_writer.h"

#include <inttypes.h>
#include <stdio.h>

static const char *const kinds[] = { "shard", "problem", "torn", "repaired", "note" };

static void print_text(const struct tl_verify_finding *f, void *user)
{
    (void)user;
    if (f->kind == TL_VERIFY_SHARD)
        printf("%-8s %s %s: %" PRIu64 " records, %" PRIu64 " bytes in %" PRIu64 " segments, counters %" PRIu64
               " to %" PRIu64 "\n",
               f->whole ? "ok" : "DAMAGED", f->stream, f->shard, f->records, f->bytes, f->segments, f->first,
               f->records ? f->next - 1 : 0);
    else
        printf("%-8s %s%s%s%s%s\n", f->kind == TL_VERIFY_PROBLEM ? "PROBLEM" : kinds[f->kind], f->stream,
               *f->stream ? " " : "", f->shard, *f->stream ? ": " : "", f->text);
}

static void print_json(const struct tl_verify_finding *f, void *user)
{
    struct tl_json_writer w;
    struct tl_buf line;
    (void)user;
    tl_buf_init(&line, 1 << 16);
    tl_json_writer_init(&w, &line);
    tl_json_begin_object(&w);
    tl_json_member_text(&w, "kind", kinds[f->kind]);
    tl_json_member_text(&w, "stream", f->stream);
    tl_json_member_text(&w, "shard", f->shard);
    if (f->kind == TL_VERIFY_SHARD) {
        tl_json_member_bool(&w, "whole", f->whole);
        tl_json_member_i64(&w, "records", (int64_t)f->records);
        tl_json_member_i64(&w, "bytes", (int64_t)f->bytes);
        tl_json_member_i64(&w, "segments", (int64_t)f->segments);
        tl_json_member_i64(&w, "first", (int64_t)f->first);
        tl_json_member_i64(&w, "next", (int64_t)f->next);
    } else
        tl_json_member_text(&w, "text", f->text);
    tl_json_end_object(&w);
    puts(tl_buf_text(&line));
    tl_buf_release(&line);
}

int tl_cli_broker_verify(const char *data_dir, bool repair, bool json)
{
    struct tl_error error;
    uint64_t problems;
    if (!tl_broker_verify(data_dir, repair, json ? print_json : print_text, NULL, &problems, &error))
        return tl_report(&error);
    if (problems)
        fprintf(stderr, "%" PRIu64 " problem%s\n", problems, problems == 1 ? "" : "s");
    return problems ? TL_EXIT_FAILED : TL_EXIT_OK;
}
