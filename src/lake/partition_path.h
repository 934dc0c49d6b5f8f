/* SPDX-License-Identifier: Apache-2.0 */
/* lake/partition_path.h: column=value folders, as Hive writes them. */
#pragma once

#include "base/buf.h"

#define TL_PARTITION_NULL "__HIVE_DEFAULT_PARTITION__"

/* Adds name=value, the value escaped: control characters, '"#%'*./:=?\{}[]^ and what is not UTF-8 become %XX, so that no value leaves
 * its folder. NULL (data NULL) and "" give __HIVE_DEFAULT_PARTITION__. A value whose escaped form is longer than 200 bytes is cut and
 * ended by '~' and a hash of the whole: the folder stays its own, and the whole value lies in the files, as a column '~name'. */
#define TL_PARTITION_CUT '~'
void tl_partition_path_add(struct tl_buf *out, struct tl_view name, struct tl_view value);
/* Adds what was escaped as %XX, with the letters that Hive and tapeline write; any other '%' stays. */
void tl_partition_path_decode(struct tl_buf *out, struct tl_view escaped);
