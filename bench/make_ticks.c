/* SPDX-License-Identifier: Apache-2.0 */
/* bench/make_ticks.c: NDJSON ticks of about 200 bytes, one file a shard: make_ticks DIR RECORDS TICKERS SHARDS. Seeded: the same arguments
 * give the same bytes. A fiftieth is out of order by up to 90 s, a thousandth late, a thousandth malformed. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SHARDS_MAX 64
#define SPAN_S 3600.0
#define BEGIN_S 1758974400 /* 2025-09-27 12:00 UTC */

static uint64_t state = 20250927;

static double uniform(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (double)(state >> 11) / 9007199254740992.0;
}

static void write_tick(FILE *out, unsigned ticker, double price, double t_s)
{
    time_t second = (time_t)t_s;
    struct tm tm;
    char stamp[32];
    gmtime_r(&second, &tm);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &tm);
    fprintf(out,
            "{\"ticker\": \"T%05u\", \"date\": \"2024-%02u-%02u\", \"timestamp\": \"%s.%06d+00:00\", \"open\": %.4f, \"high\": %.4f, "
            "\"low\": %.4f, \"close\": %.4f, \"volume\": %d}\n",
            ticker, 1 + ticker % 12, 1 + ticker % 28, stamp, (int)((t_s - (double)second) * 1e6), price, price * 1.001, price * 0.999,
            price * (0.9995 + 0.001 * uniform()), 1 + (int)(uniform() * 100000));
}

int main(int argc, char **argv)
{
    if (argc != 5) {
        fputs("usage: make_ticks DIR RECORDS TICKERS SHARDS\n", stderr);
        return 2;
    }
    long records = strtol(argv[2], NULL, 10), tickers = strtol(argv[3], NULL, 10), shards = strtol(argv[4], NULL, 10);
    FILE *files[SHARDS_MAX];
    if (records < 1 || tickers < 1 || tickers > 100000 || shards < 1 || shards > SHARDS_MAX) {
        fputs("make_ticks: a number is out of range\n", stderr);
        return 2;
    }
    for (long s = 0; s < shards; s++) {
        char path[4096];
        snprintf(path, sizeof path, "%s/shard-%03ld.ndjson", argv[1], s);
        files[s] = fopen(path, "w");
        if (!files[s]) {
            perror(path);
            return 1;
        }
    }
    for (long i = 0; i < records; i++) {
        unsigned ticker = (unsigned)(uniform() * (double)tickers);
        double t = BEGIN_S + (double)i * SPAN_S / (double)records, kind = uniform();
        if (kind < 0.02)
            t -= 1 + 89 * uniform();
        else if (kind < 0.021)
            t -= 150 + 750 * uniform();
        if (kind >= 0.021 && kind < 0.022)
            fputs("this is not JSON\n", files[ticker % shards]);
        else
            write_tick(files[ticker % shards], ticker, 20 + (double)(ticker % 480), t);
    }
    int code = 0;
    for (long s = 0; s < shards; s++)
        code |= fclose(files[s]) != 0;
    return code;
}
