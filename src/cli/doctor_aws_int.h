/* SPDX-License-Identifier: Apache-2.0 */
/* cli/doctor_aws_int.h: what the files of the doctor's AWS checks share. */
#pragma once

#include "base/error.h"
#include "cli/doctor_aws.h"

/* What to do about a call that was refused. code: AWS's name of the error, or ""; action:
 * "kinesis:GetRecords"; on: the resource, for the policy. */
void tl_doctor_fix_refusal(struct tl_doctor_check *check, const struct tl_error *error, const char *code,
                           const char *action, const char *on);
