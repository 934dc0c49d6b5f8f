/* SPDX-License-Identifier: Apache-2.0 */
/* cli/main.c: the process begins here. */
#include "cli/command.h"
#include "cli/log_format.h"
#include "cli/signals.h"
#include "query/query.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* What a command printed has reached its reader, or the exit code says that it did not. A reader that went
 * away (EPIPE) is none of our business. */
static int flush_output(int code)
{
    bool failed = ferror(stdout) != 0;
    if (fflush(stdout) != 0 || failed) {
        if (errno == EPIPE)
            return code;
        struct tl_error error;
        tl_error_sys(&error, errno, "cannot write to stdout");
        return tl_report(&error);
    }
    return code;
}

/* A shard that is written to has a file open, a client a socket: as many as the system allows, not as many as
 * a shell is given by habit (1024). Where it cannot be raised, opening one too many says so. */
static void raise_open_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

int main(int argc, char **argv)
{
    /* The confined child of a query: it must not start threads or take signals as the command does. */
    if (argc > 1 && strcmp(argv[1], "query-child") == 0)
        return tl_query_child_main(argc, argv);
    struct tl_error error;
    const char *format = getenv("TAPELINE_LOG_FORMAT");
    if (!tl_log_format_set(format && format[0] ? format : "text")) {
        fprintf(stderr, "tapeline: TAPELINE_LOG_FORMAT is text or json, not '%s'\n", format);
        return TL_EXIT_USAGE;
    }
    raise_open_files();
    if (!tl_signals_open(&error))
        return tl_report(&error);
    return flush_output(tl_command_dispatch(argc, argv));
}
