/* SPDX-License-Identifier: Apache-2.0 */
/* cli/commands.c: the table of commands; each row is defined in the file of its name. */
#include "cli/commands.h"

/* clang-format off */
const struct tl_command *const tl_commands[] = {
    &tl_command_up, &tl_command_run, &tl_command_broker, &tl_command_feed, &tl_command_query,
    &tl_command_check, &tl_command_explain, &tl_command_export,
    &tl_command_ingest, &tl_command_build, &tl_command_sample, &tl_command_compact, &tl_command_verify,
    &tl_command_status, &tl_command_why, &tl_command_tail, &tl_command_dead_letter, &tl_command_top,
    &tl_command_doctor, &tl_command_env, &tl_command_completion, &tl_command_man, &tl_command_version, NULL,
};
/* clang-format on */
