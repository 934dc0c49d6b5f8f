/* SPDX-License-Identifier: Apache-2.0 */
/* POST /api/replay: a record into a stream of the pipeline: a dead letter again, as it was or mended. */
#include "codec/json_writer.h"
#include "web/api.h"

#include <stdlib.h>

#define DATA_MAX (128u << 10)
#define KEY_MAX 256

struct ask {
    char stream[TL_STREAM_NAME_MAX];
    char *data, *key;
};

static void release(void *args)
{
    struct ask *ask = args;
    free(ask->data);
    free(ask->key);
}

static bool run(struct tl_web_job *job, struct tl_error *error)
{
    const struct ask *ask = job->args;
    struct tl_kinesis_client *client;
    struct tl_kinesis_options options = tl_web_kinesis(job);
    struct tl_put_entry entry = { .data = tl_view_of(ask->data), .partition_key = tl_view_of(ask->key) };
    size_t failed = 0;
    if (!tl_kinesis_client_new(&client, &options, error))
        return false;
    bool ok = tl_kinesis_put_records(client, ask->stream, &entry, 1, &failed, error);
    tl_kinesis_client_free(client);
    if (!ok)
        return false;
    if (failed)
        return tl_error_set(error, entry.code == TL_THROTTLED ? TL_THROTTLED : TL_UNAVAILABLE, "the stream refused the record; try again");
    struct tl_json_writer w;
    tl_json_writer_init(&w, &job->out);
    tl_json_begin_object(&w);
    tl_json_member_text(&w, "shard", entry.shard);
    tl_json_member_text(&w, "sequence_number", entry.sequence);
    tl_json_end_object(&w);
    return true;
}

/* NULL, or what is wrong. */
static const char *ask_parse(const struct tl_web *w, struct tl_json root, struct ask *ask)
{
    struct tl_view stream = tl_json_get_string(root, "stream");
    ask->data = tl_web_body_text(root, "data");
    ask->key = tl_web_body_text(root, "partition_key");
    if (!ask->data || !ask->data[0] || strlen(ask->data) > DATA_MAX)
        return "data must be a text of 1 to 131072 bytes";
    if (!ask->key || !ask->key[0] || strlen(ask->key) > KEY_MAX)
        return "partition_key must be a text of 1 to 256 characters";
    if (!stream.data || stream.size >= sizeof ask->stream)
        return "say which stream";
    memcpy(ask->stream, stream.data, stream.size);
    return tl_web_knows_stream(w, ask->stream) ? NULL : "the pipeline reads no such stream; /api/plan lists them";
}

void tl_web_post_replay(struct tl_web *w, struct tl_http_exchange *x)
{
    struct tl_json_parser *parser;
    struct tl_json root;
    struct ask ask = { .data = NULL };
    if (!tl_web_body(x, &parser, &root))
        return;
    const char *wrong = ask_parse(w, root, &ask);
    tl_json_parser_free(parser);
    if (!wrong) {
        tl_web_jobs_add(w->jobs, (struct tl_web_job){ .run = run, .release = release, .web = w, .x = x }, &ask, sizeof ask, 64u << 10);
        return;
    }
    release(&ask);
    tl_web_answer_error(x, 400, wrong);
}
