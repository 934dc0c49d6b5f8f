/* SPDX-License-Identifier: Apache-2.0 */
#include "kinesis/aggregated.h"

#include "net/digest.h"

bool tl_aggregated_open(struct tl_kpl *k, struct tl_view data, const char **reason)
{
    uint8_t md5[TL_KPL_MD5_SIZE];
    tl_md5(tl_kpl_message(data), md5);
    return tl_kpl_open(k, data, md5, reason);
}
