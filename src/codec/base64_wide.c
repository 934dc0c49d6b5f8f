/* SPDX-License-Identifier: Apache-2.0 */
/* codec/base64_wide.c: after W. Mula and D. Lemire, "Faster Base64 Encoding and Decoding Using AVX2
 * Instructions" (ACM Transactions on the Web 12, 2018): bits are moved to their places by multiplications,
 * letters are found by adding to each value what a small table gives for its range. */
#include "codec/base64_wide.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

/* 24 bytes, 12 in each half, as 32 numbers of six bits. */
AVX2 static __m256i split_bytes(__m256i in)
{
    const __m256i spread = _mm256_set_epi8(10, 11, 9, 10, 7, 8, 6, 7, 4, 5, 3, 4, 1, 2, 0, 1, 10, 11, 9, 10,
                                           7, 8, 6, 7, 4, 5, 3, 4, 1, 2, 0, 1);
    in = _mm256_shuffle_epi8(in, spread);
    __m256i even = _mm256_mulhi_epu16(_mm256_and_si256(in, _mm256_set1_epi32(0x0fc0fc00)),
                                      _mm256_set1_epi32(0x04000040));
    __m256i odd = _mm256_mullo_epi16(_mm256_and_si256(in, _mm256_set1_epi32(0x003f03f0)),
                                     _mm256_set1_epi32(0x01000010));
    return _mm256_or_si256(even, odd);
}

AVX2 static __m256i to_letters(__m256i numbers)
{
    const __m128i row = _mm_setr_epi8('a' - 26, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52, '0' - 52,
                                      '0' - 52, '0' - 52, '0' - 52, '0' - 52, '+' - 62, '/' - 63, 'A', 0, 0);
    const __m256i shift = _mm256_broadcastsi128_si256(row);
    __m256i range = _mm256_subs_epu8(numbers, _mm256_set1_epi8(51)); /* 0: a letter, 1..12: the rest */
    __m256i upper = _mm256_cmpgt_epi8(_mm256_set1_epi8(26), numbers);
    range = _mm256_or_si256(range, _mm256_and_si256(upper, _mm256_set1_epi8(13)));
    return _mm256_add_epi8(numbers, _mm256_shuffle_epi8(shift, range));
}

AVX2 static size_t encode(const unsigned char *from, size_t size, char *to)
{
    size_t done = 0;
    for (; size - done >= 28; done += 24, to += 32) { /* 28 are read */
        __m128i low = _mm_loadu_si128((const __m128i *)(const void *)(from + done));
        __m128i high = _mm_loadu_si128((const __m128i *)(const void *)(from + done + 12));
        __m256i letters = to_letters(split_bytes(_mm256_set_m128i(high, low)));
        _mm256_storeu_si256((__m256i *)(void *)to, letters);
    }
    return done;
}

/* 32 letters as numbers of six bits; false when one is no letter. */
AVX2 static int to_numbers(__m256i letters, __m256i *numbers)
{
    const __m128i low_row = _mm_setr_epi8(0x15, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x11, 0x13,
                                          0x1a, 0x1b, 0x1b, 0x1b, 0x1a);
    const __m128i high_row = _mm_setr_epi8(0x10, 0x10, 0x01, 0x02, 0x04, 0x08, 0x04, 0x08, 0x10, 0x10, 0x10,
                                           0x10, 0x10, 0x10, 0x10, 0x10);
    const __m128i shift_row = _mm_setr_epi8(0, 16, 19, 4, -65, -65, -71, -71, 0, 0, 0, 0, 0, 0, 0, 0);
    const __m256i slash = _mm256_set1_epi8(0x2f);
    __m256i high = _mm256_and_si256(_mm256_srli_epi32(letters, 4), slash),
            low = _mm256_and_si256(letters, slash);
    __m256i wrong_high = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(high_row), high);
    __m256i wrong_low = _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(low_row), low);
    if (!_mm256_testz_si256(wrong_low, wrong_high))
        return 0;
    __m256i at = _mm256_add_epi8(_mm256_cmpeq_epi8(letters, slash), high);
    *numbers = _mm256_add_epi8(letters, _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(shift_row), at));
    return 1;
}

/* 32 numbers of six bits as 24 bytes, and eight of no meaning. */
AVX2 static __m256i join_bytes(__m256i numbers)
{
    const __m128i order = _mm_setr_epi8(2, 1, 0, 6, 5, 4, 10, 9, 8, 14, 13, 12, -1, -1, -1, -1);
    __m256i pairs = _mm256_maddubs_epi16(numbers, _mm256_set1_epi32(0x01400140));
    __m256i fours = _mm256_madd_epi16(pairs, _mm256_set1_epi32(0x00011000));
    fours = _mm256_shuffle_epi8(fours, _mm256_broadcastsi128_si256(order));
    return _mm256_permutevar8x32_epi32(fours, _mm256_setr_epi32(0, 1, 2, 4, 5, 6, 7, 7));
}

AVX2 static size_t decode(const unsigned char *from, size_t size, char *to)
{
    size_t done = 0;
    for (; size - done >= 48;
         done += 32, to += 24) { /* 32 bytes are written: what is left makes 34 at least */
        __m256i numbers, letters = _mm256_loadu_si256((const __m256i *)(const void *)(from + done));
        if (!to_numbers(letters, &numbers))
            break;
        _mm256_storeu_si256((__m256i *)(void *)to, join_bytes(numbers));
    }
    return done;
}

size_t tl_base64_encode_wide(const unsigned char *from, size_t size, char *to)
{
    return __builtin_cpu_supports("avx2") ? encode(from, size, to) : 0;
}

size_t tl_base64_decode_wide(const unsigned char *from, size_t size, char *to)
{
    return __builtin_cpu_supports("avx2") ? decode(from, size, to) : 0;
}
#else
size_t tl_base64_encode_wide(const unsigned char *from, size_t size, char *to)
{
    (void)from, (void)size, (void)to;
    return 0;
}

size_t tl_base64_decode_wide(const unsigned char *from, size_t size, char *to)
{
    (void)from, (void)size, (void)to;
    return 0;
}
#endif
