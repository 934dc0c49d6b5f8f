/* SPDX-License-Identifier: Apache-2.0 */
#include "broker/broker.h"
#include "cli/commands.h"
#include "cli/data_folder.h"
#include "cli/pipeline_file.h"
#include "cli/signals.h"
#include "net/aws_credentials.h"

#include <stdio.h>

static const struct tl_option options[] = {
    { "data", TL_OPTION_TEXT, "DIR", "where the streams are kept (default " TL_DATA_DEFAULT ")" },
    { "listen", TL_OPTION_TEXT, "ADDR", "address and port (default " TL_AWS_LISTEN_DEFAULT "; port 0 takes a free one)" },
    { "durability", TL_OPTION_TEXT, "fsync|os", "answer a put after its bytes are fsynced (default), or at once" },
};

static int serve(const struct tl_args *args, const char *root, bool fsync)
{
    struct tl_error error;
    char region[64] = "us-east-1";
    tl_aws_region(region);
    struct tl_broker_options broker_options = {
        .data_dir = root,
        .listen = tl_args_text(args, "listen", TL_AWS_LISTEN_DEFAULT),
        .fsync = fsync,
        .region = region,
    };
    struct tl_broker *broker;
    if (!tl_broker_open(&broker, &broker_options, &error))
        return tl_report(&error);
    fprintf(stderr, "AWS endpoint  http://%s\n  aws kinesis list-streams --endpoint-url http://%s\n",
            tl_broker_address(broker), tl_broker_address(broker));
    tl_signals_wait();
    tl_broker_close(broker);
    fputs("stopped: everything acknowledged is on disk\n", stderr);
    return TL_EXIT_OK;
}

static int broker_run(const struct tl_args *args)
{
    const char *durability = tl_args_text(args, "durability", "fsync");
    bool fsync = strcmp(durability, "fsync") == 0;
    if (!fsync && strcmp(durability, "os") != 0) {
        fprintf(stderr, "tapeline broker: --durability is 'fsync' or 'os', not '%s'\n", durability);
        return TL_EXIT_USAGE;
    }
    struct tl_error error;
    struct tl_data_folder folder;
    if (!tl_data_folder_open(&folder, tl_args_text(args, "data", TL_DATA_DEFAULT), &error))
        return tl_report(&error);
    int code = serve(args, folder.root, fsync);
    tl_data_folder_close(&folder);
    return code;
}

const struct tl_command tl_command_broker = {
    .name = "broker",
    .summary = "run the embedded Kinesis server alone",
    .options = options,
    .option_count = TL_COUNT(options),
    .examples = "  tapeline broker --data ./kinesis\n"
                "  aws kinesis create-stream --stream-name ticks --shard-count 4 --endpoint-url http://127.0.0.1:4566\n",
    .run = broker_run,
};
