/* SPDX-License-Identifier: Apache-2.0 */
#include "net/aws_chunked.h"

#include "base/bytes.h"

enum state { SIZE, DATA, DATA_END, TRAILER, DONE };

void tl_aws_chunked_init(struct tl_aws_chunked *d)
{
    d->state = SIZE;
    d->left = d->line_size = d->trailers_size = 0;
}

/* One byte of a line; *whole when it ends, without its line break. */
static bool add_to_line(struct tl_aws_chunked *d, char c, bool *whole)
{
    *whole = c == '\n';
    if (*whole) {
        if (d->line_size && d->line[d->line_size - 1] == '\r')
            d->line_size--;
        return true;
    }
    if (d->line_size == sizeof d->line || c == '\0')
        return false;
    d->line[d->line_size++] = c;
    return true;
}

static bool read_size(struct tl_aws_chunked *d)
{
    struct tl_view rest, digits = tl_view_trim(tl_view_split((struct tl_view){ d->line, d->line_size }, ';', &rest));
    d->left = 0;
    if (digits.size == 0 || digits.size > 12)
        return false;
    for (size_t i = 0; i < digits.size; i++) {
        int digit = tl_hex_digit(digits.data[i]);
        if (digit < 0)
            return false;
        d->left = d->left * 16 + (uint64_t)digit;
    }
    d->state = d->left ? DATA : TRAILER;
    return true;
}

static bool keep_trailer(struct tl_aws_chunked *d)
{
    if (d->line_size == 0) {
        d->state = DONE;
        return true;
    }
    if (d->line_size >= sizeof d->trailers - d->trailers_size)
        return false;
    memcpy(d->trailers + d->trailers_size, d->line, d->line_size);
    d->trailers_size += d->line_size;
    d->trailers[d->trailers_size++] = '\n';
    return true;
}

static bool line_is_read(struct tl_aws_chunked *d)
{
    bool ok = d->state == SIZE ? read_size(d) : d->state == TRAILER ? keep_trailer(d) : d->line_size == 0;
    if (d->state == DATA_END)
        d->state = SIZE;
    d->line_size = 0;
    return ok;
}

bool tl_aws_chunked_add(struct tl_aws_chunked *d, struct tl_view in, char *out, size_t *out_size)
{
    *out_size = 0;
    while (in.size) {
        if (d->state == DONE)
            return false; /* more than there may be */
        size_t taken = 1;
        bool whole = false;
        if (d->state == DATA) {
            taken = in.size < d->left ? in.size : (size_t)d->left;
            memmove(out + *out_size, in.data, taken);
            *out_size += taken;
            d->left -= taken;
            d->state = d->left ? DATA : DATA_END;
        } else if (!add_to_line(d, in.data[0], &whole) || (whole && !line_is_read(d))) {
            return false;
        }
        in = (struct tl_view){ in.data + taken, in.size - taken };
    }
    return true;
}

/* Some clients leave the empty line after the trailers out. */
bool tl_aws_chunked_is_whole(const struct tl_aws_chunked *d)
{
    return d->state == DONE || (d->state == TRAILER && d->line_size == 0);
}

struct tl_view tl_aws_chunked_trailer(const struct tl_aws_chunked *d, const char *name)
{
    struct tl_view rest = { d->trailers, d->trailers_size };
    while (rest.size) {
        struct tl_view value, line = tl_view_split(rest, '\n', &rest);
        struct tl_view key = tl_view_trim(tl_view_split(line, ':', &value));
        if (tl_view_eq_ignore_case(key, tl_view_of(name)))
            return tl_view_trim(value);
    }
    return (struct tl_view){ NULL, 0 };
}
