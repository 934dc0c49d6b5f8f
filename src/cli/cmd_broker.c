/* SPDX-License-Identifier: Apache-2.0 */
#include "base/time.h"
#include "broker/broker.h"
#include "cli/broker_verify.h"
#include "cli/commands.h"
#include "cli/data_folder.h"
#include "cli/pipeline_file.h"
#include "cli/signals.h"
#include "net/aws_credentials.h"

#include <stdio.h>
#include <string.h>

#define STATE_DELAY_MS_MAX 600000

static const struct tl_option options[] = {
    { "data", TL_OPTION_TEXT, "DIR", "where the streams are kept (default " TL_DATA_DEFAULT ")" },
    { "listen", TL_OPTION_TEXT, "ADDR",
      "address and port (default " TL_AWS_LISTEN_DEFAULT "; port 0 takes a free one)" },
    { "stream", TL_OPTION_LIST, "NAME:SHARDS",
      "a stream that is made at start if it is not there; may be given several times" },
    { "durability", TL_OPTION_TEXT, "fsync|os",
      "answer a put after its bytes are fsynced (default), or at once" },
    { "limits", TL_OPTION_TEXT, "on|off", "the service's limits of shards, calls and accounts (default on)" },
    { "credentials", TL_OPTION_TEXT, "FILE",
      "keys that may be used, as in ~/.aws/credentials; signatures are verified then" },
    { "tls-cert", TL_OPTION_TEXT, "FILE", "a certificate chain (PEM); the port then takes TLS as well" },
    { "tls-key", TL_OPTION_TEXT, "FILE", "its key (PEM)" },
    { "tls-self-signed", TL_OPTION_FLAG, NULL,
      "TLS with a certificate for localhost and 127.0.0.1, made in the data folder" },
    { "access-log", TL_OPTION_TEXT, "FILE", "a line of JSON for every request" },
    { "state-delay", TL_OPTION_COUNT, "MS",
      "how long a stream shows CREATING, UPDATING and DELETING (default 0, 100, 0)" },
    { "faults", TL_OPTION_TEXT, "SPEC",
      "faults on request: throttle=P,error=P,partial=P,expire=P,drop=P,lose=P,latency=T..T,reshard=T" },
    { "repair", TL_OPTION_FLAG, NULL, "with verify: cut what was never acknowledged, and nothing else" },
    { "json", TL_OPTION_FLAG, NULL, "with verify: a line of JSON for each shard and each finding" },
    { "seed", TL_OPTION_COUNT, "N", "of the faults: the same faults for the same N (default 1)" },
};

/* "NAME:SHARDS" */
static bool make_stream(struct tl_broker *broker, const char *text, struct tl_error *error)
{
    char name[256];
    struct tl_view count, view = tl_view_split(tl_view_of(text), ':', &count);
    uint64_t shards;
    if (view.size == 0 || view.size > 128 || !tl_view_to_u64(count, &shards) || shards < 1 || shards > 10000)
        return tl_error_set(error, TL_INVALID,
                            "--stream '%s' is not of the form NAME:SHARDS, such as ticks:4", text);
    for (size_t i = 0; i < view.size; i++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-", view.data[i]))
            return tl_error_set(error, TL_INVALID,
                                "--stream '%s': a name has letters, digits, '_', '.' and '-'", text);
    memcpy(name, view.data, view.size);
    name[view.size] = '\0';
    return tl_broker_ensure_stream(broker, name, (uint32_t)shards, error);
}

static bool make_streams(struct tl_broker *broker, const struct tl_args *args, struct tl_error *error)
{
    size_t count;
    const char *const *streams = tl_args_list(args, "stream", &count);
    for (size_t i = 0; i < count; i++)
        if (!make_stream(broker, streams[i], error))
            return false;
    return true;
}

static int serve(const struct tl_args *args, const struct tl_broker_options *broker_options)
{
    struct tl_error error;
    struct tl_broker *broker;
    if (!tl_broker_open(&broker, broker_options, &error))
        return tl_report(&error);
    if (!make_streams(broker, args, &error)) {
        tl_broker_close(broker);
        return tl_report(&error);
    }
    const char *scheme = broker_options->tls_cert || broker_options->tls_self_signed ? "https" : "http";
    fprintf(stderr, "AWS endpoint  %s://%s\n  aws kinesis list-streams --endpoint-url %s://%s\n", scheme,
            tl_broker_address(broker), scheme, tl_broker_address(broker));
    tl_signals_wait();
    tl_broker_close(broker);
    fputs("stopped: everything acknowledged is on disk\n", stderr);
    return TL_EXIT_OK;
}

/* One of two words; the first is the default. */
static bool read_choice(const struct tl_args *args, const char *name, const char *yes, const char *no,
                        bool *out)
{
    const char *text = tl_args_text(args, name, yes);
    *out = strcmp(text, yes) == 0;
    if (*out || strcmp(text, no) == 0)
        return true;
    fprintf(stderr, "tapeline broker: --%s is '%s' or '%s', not '%s'\n", name, yes, no, text);
    return false;
}

static bool read_options(const struct tl_args *args, struct tl_broker_options *o)
{
    uint64_t delay_ms = tl_args_count(args, "state-delay", 0);
    *o = (struct tl_broker_options){
        .listen = tl_args_text(args, "listen", TL_AWS_LISTEN_DEFAULT),
        .credentials = tl_args_text(args, "credentials", NULL),
        .tls_cert = tl_args_text(args, "tls-cert", NULL),
        .tls_key = tl_args_text(args, "tls-key", NULL),
        .tls_self_signed = tl_args_flag(args, "tls-self-signed"),
        .access_log = tl_args_text(args, "access-log", NULL),
        .faults = tl_args_text(args, "faults", NULL),
        .seed = tl_args_count(args, "seed", 1),
        .state_delay_ns = tl_args_has(args, "state-delay") ? (int64_t)delay_ms * TL_NS_PER_MS : -1,
    };
    if (delay_ms > STATE_DELAY_MS_MAX) {
        fprintf(stderr, "tapeline broker: --state-delay is at most %d\n", STATE_DELAY_MS_MAX);
        return false;
    }
    if (!o->tls_cert != !o->tls_key) {
        fputs("tapeline broker: --tls-cert and --tls-key go together\n", stderr);
        return false;
    }
    if (o->tls_cert && o->tls_self_signed) {
        fputs("tapeline broker: --tls-self-signed makes its own certificate: leave --tls-cert and --tls-key "
              "out\n",
              stderr);
        return false;
    }
    return read_choice(args, "durability", "fsync", "os", &o->fsync) &&
           read_choice(args, "limits", "on", "off", &o->limits);
}

static int broker_run(const struct tl_args *args)
{
    struct tl_broker_options broker_options;
    struct tl_data_folder folder;
    struct tl_error error;
    char region[64] = "us-east-1";
    const char *what = tl_args_positional(args, 0);
    if (what && strcmp(what, "verify") != 0) {
        fprintf(stderr,
                "tapeline broker: '%s' is nothing that a broker does: 'verify', or nothing to serve\n", what);
        return TL_EXIT_USAGE;
    }
    if (!what && (tl_args_flag(args, "repair") || tl_args_flag(args, "json"))) {
        fputs("tapeline broker: --repair and --json go with 'verify'\n", stderr);
        return TL_EXIT_USAGE;
    }
    if (!read_options(args, &broker_options))
        return TL_EXIT_USAGE;
    const char *data = tl_args_text(args, "data", TL_DATA_DEFAULT);
    int64_t size;
    if (what && !tl_file_size(data, &size, &error)) /* what is not there is not made by looking at it */
        return tl_report(&error);
    if (!tl_data_folder_open(&folder, data, &error))
        return tl_report(&error);
    tl_aws_region(region);
    broker_options.data_dir = folder.root;
    broker_options.region = region;
    int code =
        what ? tl_cli_broker_verify(folder.root, tl_args_flag(args, "repair"), tl_args_flag(args, "json"))
             : serve(args, &broker_options);
    tl_data_folder_close(&folder);
    return code;
}

const struct tl_command tl_command_broker = {
    .name = "broker",
    .summary = "run the embedded Kinesis server alone, or check its data",
    .positional = "[verify]",
    .positional_max = 1,
    .options = options,
    .option_count = TL_COUNT(options),
    .examples =
        "  tapeline broker --data ./kinesis --stream ticks:4\n"
        "  tapeline broker --faults throttle=0.05,latency=5ms..50ms --seed 7\n"
        "  aws kinesis put-record --stream-name ticks --partition-key k --data aGVsbG8= --endpoint-url "
        "http://127.0.0.1:4566\n",
    .run = broker_run,
};
