/* SPDX-License-Identifier: Apache-2.0 */
/* cli/flink_script.h: the statements of a Flink SQL script, one by one: the SQL gateway takes no more at a time. */
#pragma once

#include "base/view.h"

/* The next statement, without its ';', of the rest of a script, which goes on behind it; comments stay in it. A statement set is one. False:
 * there is none any more. */
bool tl_flink_script_next(struct tl_view *rest, struct tl_view *statement);
/* The same statement behind its comments: views into it. */
struct tl_view tl_flink_script_bare(struct tl_view statement);
