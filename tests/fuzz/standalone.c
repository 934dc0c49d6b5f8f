/* SPDX-License-Identifier: Apache-2.0 */
/* standalone.c: runs a fuzz target without libFuzzer: fuzz_<noun> CORPUS SECONDS [SEED]. Every file of the
 * corpus first, then inputs made from them by mutations, from a printed seed, for that long. Built with the
 * sanitizers it is part of the test run; it does not look for new paths as libFuzzer does (the preset "fuzz"
 * builds the same targets for that). */
#include <dirent.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define INPUTS_MAX 4096
#define INPUT_SIZE_MAX ((size_t)1 << 16)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
    uint8_t *data;
    size_t size;
};
static struct input inputs[INPUTS_MAX];
static size_t input_count;
static uint64_t state;
static uint8_t current[INPUT_SIZE_MAX];
static size_t current_size;

static uint64_t draw(uint64_t below)
{
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (z ^ z >> 31) % below;
}

static void load(const char *dir)
{
    DIR *d = opendir(dir);
    struct dirent *e;
    if (!d) {
        perror(dir);
        exit(1);
    }
    while ((e = readdir(d)) && input_count < INPUTS_MAX) {
        char path[4096];
        snprintf(path, sizeof path, "%s/%s", dir, e->d_name);
        FILE *f = e->d_name[0] == '.' ? NULL : fopen(path, "rb");
        if (!f)
            continue;
        struct input *in = &inputs[input_count++];
        in->data = malloc(INPUT_SIZE_MAX);
        if (!in->data)
            abort();
        in->size = fread(in->data, 1, INPUT_SIZE_MAX, f);
        fclose(f);
    }
    closedir(d);
}

/* What was run last is kept for who looks into it. */
static void died(int sig)
{
    static const char name[] = "fuzz-crash";
    FILE *f = fopen(name, "wb");
    if (f) {
        fwrite(current, 1, current_size, f);
        fclose(f);
        fprintf(stderr, "the input that did it is in ./%s\n", name);
    }
    signal(sig, SIG_DFL);
    raise(sig);
}

static void insert(size_t at, const uint8_t *data, size_t size)
{
    if (size > INPUT_SIZE_MAX - current_size)
        return;
    memmove(current + at + size, current + at, current_size - at);
    memcpy(current + at, data, size);
    current_size += size;
}

static void mutate(void)
{
    static const uint8_t edges[] = { 0, 1, 0x0a, 0x20, 0x22, 0x5f, 0x7f, 0x80, 0x9f, 0xbf, 0xfe, 0xff };
    size_t at = current_size ? draw(current_size) : 0, n;
    uint8_t byte;
    const struct input *other = &inputs[draw(input_count)];
    switch (draw(7)) {
    case 0:
        if (current_size)
            current[at] ^= (uint8_t)(1u << draw(8));
        break;
    case 1:
        if (current_size)
            current[at] = edges[draw(sizeof edges)];
        break;
    case 2:
        byte = (uint8_t)draw(256);
        insert(at, &byte, 1);
        break;
    case 3: /* a piece goes */
        n = current_size - at ? 1 + draw(current_size - at < 16 ? current_size - at : 16) : 0;
        memmove(current + at, current + at + n, current_size - at - n);
        current_size -= n;
        break;
    case 4: /* a piece comes twice */
        n = current_size - at ? 1 + draw(current_size - at < 64 ? current_size - at : 64) : 0;
        if (n) {
            uint8_t piece[64];
            memcpy(piece, current + at, n);
            insert(at, piece, n);
        }
        break;
    case 5: /* a piece of another */
        if (other->size) {
            size_t from = draw(other->size);
            insert(at, other->data + from, 1 + draw(other->size - from));
        }
        break;
    default: /* the end goes */
        current_size = at;
    }
}

int main(int argc, char **argv)
{
    if (argc < 3) {
        fprintf(stderr, "use: %s CORPUS SECONDS [SEED]\n", argv[0]);
        return 2;
    }
    uint64_t seed = argc > 3 ? strtoull(argv[3], NULL, 10) : (uint64_t)time(NULL);
    time_t until = time(NULL) + strtol(argv[2], NULL, 10);
    unsigned long runs = 0;
    state = seed;
    signal(SIGABRT, died);
    load(argv[1]);
    if (!input_count) {
        fprintf(stderr, "%s: no corpus in %s\n", argv[0], argv[1]);
        return 1;
    }
    for (size_t i = 0; i < input_count; i++, runs++) {
        current_size = inputs[i].size;
        memcpy(current, inputs[i].data, current_size);
        LLVMFuzzerTestOneInput(current, current_size);
    }
    for (; time(NULL) < until; runs++) {
        const struct input *in = &inputs[draw(input_count)];
        current_size = in->size;
        memcpy(current, in->data, current_size);
        for (uint64_t n = 1 + draw(6); n > 0; n--)
            mutate();
        LLVMFuzzerTestOneInput(current, current_size);
    }
    for (size_t i = 0; i < input_count; i++)
        free(inputs[i].data);
    const char *name = strrchr(argv[0], '/');
    printf("ok     %s: %zu files, %lu runs, seed %llu\n", name ? name + 1 : argv[0], input_count, runs,
           (unsigned long long)seed);
    return 0;
}
