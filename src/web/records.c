/* SPDX-License-Identifier: Apache-2.0 */
#include "web/records.h"

#include "base/time.h"
#include "codec/base64.h"

void tl_web_record_write(struct tl_json_writer *w, const char *shard, const struct tl_record *record)
{
    tl_json_begin_object(w);
    tl_json_member_text(w, "shard", shard);
    tl_json_member_string(w, "sequence_number", record->sequence);
    tl_json_member_string(w, "partition_key", record->partition_key);
    tl_json_member_i64(w, "arrival", tl_floor_div(record->arrival_ns, TL_NS_PER_MS));
    tl_json_member_i64(w, "size", (int64_t)record->data.size);
    tl_json_key(w, "data");
    if (tl_view_is_utf8(record->data)) {
        tl_json_write_string(w, record->data);
    } else {
        tl_json_write_null(w);
        tl_json_key(w, "base64");
        struct tl_buf text;
        tl_buf_init(&text, TL_BASE64_SIZE(record->data.size) + 1);
        tl_base64_add(&text, record->data);
        tl_json_write_string(w, tl_buf_view(&text));
        w->out->failed = w->out->failed || text.failed;
        tl_buf_release(&text);
    }
    tl_json_end_object(w);
}
