/* SPDX-License-Identifier: Apache-2.0 */
/* cli/cmd_tail.c: the records of a stream, printed as they come. */
#include "base/io.h"
#include "base/time.h"
#include "cli/commands.h"
#include "cli/output.h"
#include "cli/pipeline_file.h"
#include "cli/signals.h"
#include "cli/stream_tail.h"
#include "codec/base64.h"
#include "codec/json_writer.h"

#include <signal.h>
#include <stdio.h>

#define LINE_MAX_BYTES ((size_t)64 << 20)

static const struct tl_option options[] = {
    { "from", TL_OPTION_TEXT, "WHERE", "LATEST (default), TRIM_HORIZON, an instant, how long ago ('5 min'), or with --shard a sequence number: what comes after it" },
    { "shard", TL_OPTION_TEXT, "ID", "of one shard only, until its end" },
    { "key", TL_OPTION_TEXT, "KEY", "only with this partition key" },
    { "limit", TL_OPTION_COUNT, "N", "end after so many records" },
    { "until-now", TL_OPTION_FLAG, NULL, "end where there is nothing more to read; from TRIM_HORIZON unless --from says otherwise" },
    { "kinesis", TL_OPTION_TEXT, "WHERE", "embedded (default: AWS_ENDPOINT_URL_KINESIS, AWS_ENDPOINT_URL, or http://" TL_AWS_LISTEN_DEFAULT "), aws, or an endpoint" },
    { "region", TL_OPTION_TEXT, "R", "the AWS region (default: the environment's)" },
    { "json", TL_OPTION_FLAG, NULL, "a JSON object a record, data as text, or as base64 where it is not UTF-8" },
};

struct printing {
    const char *key;
    uint64_t limit, printed;
    bool json;
    struct tl_buf line;
    struct tl_error error;
    bool failed, closed; /* closed: whoever read it has seen enough */
};

/* Bytes of a record may be anything: a terminal shall not obey them. */
static void add_plain(struct tl_buf *out, struct tl_view v)
{
    bool utf8 = tl_view_is_utf8(v);
    for (size_t i = 0; i < v.size; i++) {
        unsigned char c = (unsigned char)v.data[i];
        if (c < ' ' || c == 0x7f || (!utf8 && c >= 0x80))
            tl_buf_addf(out, "\\x%02x", c);
        else
            tl_buf_add_char(out, (char)c);
    }
}

static void add_text(const struct tl_tail_record *r, struct tl_buf *out)
{
    char at[TL_TIME_TEXT_MAX];
    tl_time_format(r->arrival_ns, TL_TIME_ISO_MS, at);
    tl_buf_addf(out, "%s %s ", at, r->shard);
    add_plain(out, r->partition_key);
    tl_buf_add_char(out, ' ');
    add_plain(out, r->data);
    tl_buf_add_char(out, '\n');
}

static void add_json(const struct tl_tail_record *r, struct tl_buf *out)
{
    char at[TL_TIME_TEXT_MAX];
    struct tl_json_writer w;
    tl_json_writer_init(&w, out);
    tl_time_format(r->arrival_ns, TL_TIME_ISO_MS, at);
    tl_json_begin_object(&w);
    tl_json_member_text(&w, "shard", r->shard);
    tl_json_member_string(&w, "sequence_number", r->sequence);
    tl_json_member_text(&w, "arrival_time", at);
    tl_json_member_string(&w, "partition_key", r->partition_key);
    if (tl_view_is_utf8(r->data)) {
        tl_json_member_string(&w, "data", r->data);
    } else {
        tl_json_key(&w, "data_base64");
        tl_buf_add_char(out, '"');
        tl_base64_add(out, r->data);
        tl_buf_add_char(out, '"');
    }
    tl_json_end_object(&w);
    tl_buf_add_char(out, '\n');
}

static bool print(void *user, const struct tl_tail_record *r)
{
    struct printing *p = user;
    if (p->key && !tl_view_is(r->partition_key, p->key))
        return true;
    tl_buf_reset(&p->line);
    if (p->json)
        add_json(r, &p->line);
    else
        add_text(r, &p->line);
    p->failed = !tl_buf_ok(&p->line, "a record", &p->error);
    p->failed = p->failed || !tl_output_write(tl_buf_view(&p->line), &p->closed, &p->error);
    if (p->failed || p->closed)
        return false;
    return p->limit == 0 || ++p->printed < p->limit;
}

static bool flush(void *user)
{
    struct printing *p = user;
    p->failed = !tl_output_flush(&p->closed, &p->error);
    return !p->failed && !p->closed;
}

static int wrong_from(const char *from)
{
    fprintf(stderr,
            "tapeline tail: --from is LATEST, TRIM_HORIZON, an instant ('2025-09-27T12:34:00Z'), how long ago ('5 min'), or with --shard a "
            "sequence number; not '%s'\n",
            from);
    return TL_EXIT_USAGE;
}

static bool is_sequence(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return digits > 10 && text[digits] == '\0' && digits < TL_SEQUENCE_MAX;
}

static int parse_from(const struct tl_args *args, struct tl_tail_options *o)
{
    const char *from = tl_args_text(args, "from", o->until_now ? "TRIM_HORIZON" : "LATEST");
    int64_t ns;
    if (tl_view_eq_ignore_case(tl_view_of(from), TL_VIEW("LATEST"))) {
        o->latest = true;
    } else if (tl_view_eq_ignore_case(tl_view_of(from), TL_VIEW("TRIM_HORIZON"))) {
        o->from.kind = TL_POSITION_TRIM_HORIZON;
    } else if (is_sequence(from)) {
        if (!o->shard)
            return wrong_from(from);
        o->from.kind = TL_POSITION_AFTER_SEQUENCE;
        snprintf(o->from.sequence, sizeof o->from.sequence, "%s", from);
    } else if (tl_duration_parse(tl_view_of(from), &ns)) {
        o->from = (struct tl_shard_position){ .kind = TL_POSITION_AT_TIMESTAMP, .timestamp_ns = tl_io->wall_ns() - ns };
    } else if (tl_time_parse(tl_view_of(from), &ns)) {
        o->from = (struct tl_shard_position){ .kind = TL_POSITION_AT_TIMESTAMP, .timestamp_ns = ns };
    } else {
        return wrong_from(from);
    }
    return TL_EXIT_OK;
}

static int tail_run(const struct tl_args *args)
{
    char endpoint[512];
    struct tl_profile_plan place = { .kinesis = tl_args_text(args, "kinesis", "embedded"), .region = tl_args_text(args, "region", NULL) };
    struct tl_tail_options o = { .kinesis = tl_pipeline_kinesis(&place, NULL, endpoint, tl_signals_stopping()),
                                 .stream = tl_args_positional(args, 0),
                                 .shard = tl_args_text(args, "shard", NULL),
                                 .until_now = tl_args_flag(args, "until-now") };
    struct printing p = { .key = tl_args_text(args, "key", NULL), .limit = tl_args_count(args, "limit", 0), .json = tl_args_flag(args, "json") };
    struct tl_error error;
    int code = parse_from(args, &o);
    if (code != TL_EXIT_OK)
        return code;
    tl_buf_init(&p.line, LINE_MAX_BYTES);
    if (!tl_tail_run(&o, print, flush, &p, &error))
        code = tl_report(&error);
    else if (p.failed)
        code = tl_report(&p.error);
    else if (tl_signals_received() == SIGINT)
        code = 128 + SIGINT;
    tl_buf_release(&p.line);
    return code;
}

const struct tl_command tl_command_tail = {
    .name = "tail",
    .summary = "print the records of a stream as they come",
    .positional = "STREAM",
    .positional_min = 1,
    .positional_max = 1,
    .options = options,
    .option_count = TL_COUNT(options),
    .examples = "  tapeline tail stock_stream --key AAPL\n"
                "  tapeline tail stock_stream --from '10 min' --json | jq .data\n"
                "  tapeline tail stock_stream --until-now --limit 20\n",
    .run = tail_run,
};
