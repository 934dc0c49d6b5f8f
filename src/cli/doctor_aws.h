/* SPDX-License-Identifier: Apache-2.0 */
/* cli/doctor_aws.h: the checks of `tapeline doctor` that ask AWS, or what stands for it. None of them changes
 * anything. */
#pragma once

#include "cli/doctor_report.h"
#include "engine/plan.h"

/* What of AWS the plan uses in the profile. */
struct tl_doctor_needs {
    bool kinesis; /* with our credentials: not the embedded broker */
    bool s3, glue;
    const char *region;      /* of the profile, or NULL */
    const char *kinesis_url; /* of the profile, or NULL */
};
struct tl_doctor_needs tl_doctor_needs_of(const struct tl_profile_plan *profile);

/* Region, endpoints, retries, credentials, identity and clock. False when no call can be signed. */
bool tl_doctor_check_account(struct tl_doctor *d, const struct tl_doctor_needs *needs);
/* url: of the embedded broker, or NULL for the rules. */
void tl_doctor_check_streams(struct tl_doctor *d, const struct tl_doctor_needs *needs,
                             const struct tl_plan *plan, const char *embedded_url);
void tl_doctor_check_bucket(struct tl_doctor *d, const struct tl_doctor_needs *needs, const char *lake);
void tl_doctor_check_databases(struct tl_doctor *d, const struct tl_doctor_needs *needs,
                               const struct tl_plan *plan);
