/* SPDX-License-Identifier: Apache-2.0 */
#include "net/aws_xml.h"

static struct tl_view skip(struct tl_view v, size_t size)
{
    return (struct tl_view){ v.data + size, v.size - size };
}

/* What follows "<name>" or "<name attributes>" in xml; {NULL, 0} when it is not there or closes itself. */
static struct tl_view after_opening(struct tl_view xml, struct tl_view name)
{
    while (xml.size) {
        struct tl_view rest;
        (void)tl_view_split(xml, '<', &rest);
        if (!rest.data)
            break;
        xml = rest;
        if (!tl_view_starts_with(xml, name) || xml.size == name.size ||
            !strchr("> \t\r\n", xml.data[name.size]))
            continue;
        struct tl_view text, tag = tl_view_split(xml, '>', &text);
        if (text.data && tag.data[tag.size - 1] != '/')
            return text;
    }
    return (struct tl_view){ NULL, 0 };
}

/* "#38" or "#x26" to its character below U+0080, which is all that services escape by number. */
static bool decode_number(struct tl_view name, char *out)
{
    unsigned value = 0;
    bool hex = name.size > 1 && name.data[1] == 'x';
    for (size_t i = hex ? 2 : 1; i < name.size; i++) {
        char c = name.data[i];
        unsigned digit = c >= '0' && c <= '9'          ? (unsigned)(c - '0')
                         : hex && c >= 'a' && c <= 'f' ? (unsigned)(c - 'a' + 10)
                         : hex && c >= 'A' && c <= 'F' ? (unsigned)(c - 'A' + 10)
                                                       : 99;
        value = value * (hex ? 16 : 10) + digit;
        if (digit == 99 || value > 0x7e)
            return false;
    }
    *out = (char)value;
    return value >= ' ' || value == '\t' || value == '\n' || value == '\r';
}

static bool decode(struct tl_view name, char *out)
{
    static const struct {
        const char *name;
        char c;
    } entities[] = { { "amp", '&' }, { "lt", '<' }, { "gt", '>' }, { "quot", '"' }, { "apos", '\'' } };
    for (size_t i = 0; i < TL_COUNT(entities); i++)
        if (tl_view_is(name, entities[i].name)) {
            *out = entities[i].c;
            return true;
        }
    return name.size > 1 && name.data[0] == '#' && decode_number(name, out);
}

bool tl_aws_xml_text(struct tl_view xml, const char *name, char *out, size_t room)
{
    struct tl_view close, text = after_opening(xml, tl_view_of(name));
    size_t used = 0;
    if (!text.data)
        return false;
    text = tl_view_split(text, '<', &close);
    if (!close.data || close.size < 1 || close.data[0] != '/' ||
        !tl_view_starts_with(skip(close, 1), tl_view_of(name)))
        return false;
    while (text.size) {
        char c = text.data[0];
        size_t size = 1;
        if (c == '&') {
            struct tl_view rest, entity = tl_view_split(skip(text, 1), ';', &rest);
            if (!rest.data || !decode(entity, &c))
                return false;
            size = entity.size + 2;
        }
        if (used + 1 >= room)
            return false;
        out[used++] = c;
        text = skip(text, size);
    }
    out[used] = '\0';
    return tl_view_is_utf8((struct tl_view){ out, used }) && !memchr(out, '\0', used);
}

bool tl_aws_xml_next(struct tl_view *rest, const char *name, struct tl_view *inner)
{
    struct tl_view text = after_opening(*rest, tl_view_of(name)), at = text;
    while (at.data) {
        struct tl_view close;
        (void)tl_view_split(at, '<', &close);
        if (!close.data)
            return false;
        if (close.size > 1 && close.data[0] == '/' && tl_view_starts_with(skip(close, 1), tl_view_of(name)) &&
            close.size > strlen(name) + 1 && strchr("> \t\r\n", close.data[strlen(name) + 1])) {
            *inner = (struct tl_view){ text.data, (size_t)(close.data - 1 - text.data) };
            *rest = skip(close, strlen(name) + 2);
            return true;
        }
        at = close;
    }
    return false;
}
