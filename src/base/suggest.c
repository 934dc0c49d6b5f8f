/* SPDX-License-Identifier: Apache-2.0 */
#include "base/suggest.h"

#define WORD_MAX 64

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Damerau-Levenshtein with adjacent swaps; both at most WORD_MAX long. */
static unsigned distance(struct tl_view a, struct tl_view b)
{
    unsigned rows[3][WORD_MAX + 1];
    for (unsigned j = 0; j <= b.size; j++)
        rows[0][j] = j;
    for (unsigned i = 1; i <= a.size; i++) {
        unsigned *now = rows[i % 3], *before = rows[(i - 1) % 3], *earlier = rows[(i + 1) % 3];
        now[0] = i;
        for (unsigned j = 1; j <= b.size; j++) {
            char x = lower(a.data[i - 1]), y = lower(b.data[j - 1]);
            now[j] = least(least(before[j] + 1, now[j - 1] + 1), before[j - 1] + (x != y));
            if (i > 1 && j > 1 && x == lower(b.data[j - 2]) && lower(a.data[i - 2]) == y)
                now[j] = least(now[j], earlier[j - 2] + 1);
        }
    }
    return rows[a.size % 3][b.size];
}

const char *tl_suggest(struct tl_view word, const char *const *names, size_t count)
{
    if (word.size == 0 || word.size > WORD_MAX)
        return NULL;
    unsigned allowed = word.size < 6 ? 1 : (unsigned)(word.size / 3);
    const char *best = NULL;
    for (size_t i = 0; i < count; i++) {
        struct tl_view name = tl_view_of(names[i]);
        if (name.size > WORD_MAX)
            continue;
        unsigned d = distance(word, name);
        if (d <= allowed && d < name.size) {
            allowed = d ? d - 1 : 0;
            best = names[i];
            if (d == 0)
                break;
        }
    }
    return best;
}
