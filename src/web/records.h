/* SPDX-License-Identifier: Apache-2.0 */
/* web/records.h: a record of a stream as JSON. */
#pragma once

#include "codec/json_writer.h"
#include "kinesis/client.h"

/* {"shard":...,"sequence_number":...,"partition_key":...,"arrival":ms,"size":n,"data":text}; where it is no UTF-8 text, data is null and
 * "base64" has the bytes. */
void tl_web_record_write(struct tl_json_writer *w, const char *shard, const struct tl_record *record);
