/* SPDX-License-Identifier: Apache-2.0 */
/* Any bytes as the last segment of a shard log: it is opened (cut, or refused), read, and written to. */
#include "base/file.h"
#include "broker/shard_log.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static volatile uint32_t seen;

static bool visit(const struct tl_log_record *record, void *user)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < record->data.size; i++)
        sum += (unsigned char)record->data.data[i];
    seen += sum; /* so that reading is not left out */
    ++*(uint64_t *)user;
    return true;
}

static void write_segment(const char *dir, const uint8_t *data, size_t size)
{
    char path[300];
    snprintf(path, sizeof path, "%s/00000000000000000001.seg", dir);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size)
        abort();
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static char dir[] = "/dev/shm/tapeline-fuzz-XXXXXX";
    static bool made;
    struct tl_shard_log *log;
    struct tl_error error;
    uint64_t read = 0, more = 0;
    if (!made && !mkdtemp(dir))
        abort();
    made = true;
    write_segment(dir, data, size);
    if (tl_shard_log_open(&log, dir, false, &error)) {
        struct tl_buf bytes;
        struct tl_log_batches batches;
        tl_buf_init(&bytes, (size_t)64 << 20);
        bool ok = tl_shard_log_read(log, 0, &bytes, visit, &read, &error);
        tl_log_batches_init(&batches, 1 << 20);
        uint64_t next = tl_shard_log_next(log);
        char *to = tl_log_batches_add(&batches, next ? next : 1, 1, TL_VIEW("key"), 4);
        if (to && ok) {
            memcpy(to, "data", 4);
            if (tl_shard_log_write(log, &batches, &error) &&
                (!tl_shard_log_read(log, 0, &bytes, visit, &more, &error) || more != read + 1))
                abort(); /* what was acknowledged must be readable */
        }
        tl_log_batches_release(&batches);
        tl_buf_release(&bytes);
        tl_shard_log_close(log);
    }
    if (!tl_dir_remove(dir, &error) || mkdir(dir, 0700) != 0)
        abort();
    return 0;
}
