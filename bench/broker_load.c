/* SPDX-License-Identifier: Apache-2.0 */
/* bench/broker_load.c: load for a Kinesis server over HTTP: broker_load ENDPOINT PID RECORDS. Puts RECORDS of 200 bytes by PutRecords (500 a
 * call, the product's own producer), then reads them all by GetRecords from TRIM_HORIZON. PID is the server's: its CPU time is told. */
#include "kinesis/client.h"
#include "kinesis/producer.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define SHARDS 4
#define RECORD_SIZE 200

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* User and system time of a process, in seconds. */
static double cpu_s(long pid)
{
    char path[64], text[1024];
    unsigned long user = 0, system = 0;
    snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    FILE *f = fopen(path, "r");
    if (!f)
        return 0;
    size_t size = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[size] = '\0';
    const char *after = strrchr(text, ')');
    if (!after || sscanf(after + 1, " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &system) != 2)
        return 0;
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

static void die(const struct tl_error *error)
{
    fprintf(stderr, "broker_load: %s\n", error->text);
    exit(1);
}

static void report(const char *what, uint64_t records, double wall, double cpu)
{
    printf("broker   %s: %.0f records/s, %.2f server CPU s per million\n", what, (double)records / wall, cpu / (double)records * 1e6);
    fflush(stdout);
}

static void put_all(const struct tl_kinesis_options *kinesis, long pid, uint64_t records)
{
    struct tl_producer_options options = { .kinesis = *kinesis, .stream = "load", .linger_ns = 20000000 };
    struct tl_producer *producer;
    struct tl_error error;
    char data[RECORD_SIZE], key[32];
    memset(data, 'x', sizeof data);
    if (!tl_producer_open(&producer, &options, &error))
        die(&error);
    double began = now_s(), cpu = cpu_s(pid);
    for (uint64_t i = 0; i < records; i++) {
        int size = snprintf(key, sizeof key, "k%" PRIu64, i % 1000);
        if (!tl_producer_add(producer, (struct tl_view){ key, (size_t)size }, (struct tl_view){ data, sizeof data }, &error))
            die(&error);
    }
    if (!tl_producer_flush(producer, &error))
        die(&error);
    report("PutRecords, 500 x 200 B a call", records, now_s() - began, cpu_s(pid) - cpu);
    tl_producer_close(producer);
}

static uint64_t get_shard(struct tl_kinesis_client *client, const char *shard, struct tl_record_batch *batch)
{
    char iterator[TL_ITERATOR_MAX];
    struct tl_error error;
    uint64_t records = 0;
    if (!tl_kinesis_get_shard_iterator(client, "load", shard, TL_ITERATOR_TRIM_HORIZON, NULL, 0, iterator, &error))
        die(&error);
    for (;;) {
        if (!tl_kinesis_get_records(client, iterator, TL_KINESIS_RECORDS_PER_GET, batch, &error))
            die(&error);
        records += batch->count;
        if (batch->count == 0 && batch->millis_behind == 0)
            return records;
        snprintf(iterator, sizeof iterator, "%s", batch->next_iterator);
    }
}

static void get_all(const struct tl_kinesis_options *kinesis, long pid, uint64_t expected)
{
    struct tl_kinesis_client *client;
    struct tl_record_batch batch;
    struct tl_shard_list shards;
    struct tl_error error;
    tl_record_batch_init(&batch);
    if (!tl_kinesis_client_new(&client, kinesis, &error) || !tl_kinesis_list_shards(client, "load", &shards, &error))
        die(&error);
    double began = now_s(), cpu = cpu_s(pid);
    uint64_t records = 0;
    for (size_t i = 0; i < shards.count; i++)
        records += get_shard(client, shards.shards[i].id, &batch);
    report("GetRecords, 10,000 a call", records, now_s() - began, cpu_s(pid) - cpu);
    if (records != expected)
        fprintf(stderr, "broker_load: put %" PRIu64 " records and read %" PRIu64 "\n", expected, records);
    tl_shard_list_release(&shards);
    tl_record_batch_release(&batch);
    tl_kinesis_client_free(client);
}

int main(int argc, char **argv)
{
    uint64_t records, pid;
    if (argc != 4 || !tl_view_to_u64(tl_view_of(argv[2]), &pid) || !tl_view_to_u64(tl_view_of(argv[3]), &records) || records == 0) {
        fputs("usage: broker_load ENDPOINT PID RECORDS\n", stderr);
        return 2;
    }
    struct tl_kinesis_options kinesis = { .endpoint = argv[1], .embedded = true };
    struct tl_kinesis_client *client;
    struct tl_error error;
    if (!tl_kinesis_client_new(&client, &kinesis, &error) || !tl_kinesis_create_stream(client, "load", SHARDS, &error) ||
        !tl_kinesis_wait_active(client, "load", INT64_C(10000000000), &error))
        die(&error);
    tl_kinesis_client_free(client);
    put_all(&kinesis, (long)pid, records);
    get_all(&kinesis, (long)pid, records);
    return 0;
}
