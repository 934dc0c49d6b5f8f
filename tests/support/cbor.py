# SPDX-License-Identifier: Apache-2.0
"""A small CBOR (RFC 8949), as the AWS SDK for Java speaks it to Kinesis: maps and lists of indefinite length, blobs as byte
strings, a time as tag 1 around whole milliseconds."""
import struct


class Time(int):
    """Milliseconds since 1970."""


def _head(major, value):
    for width, code, form in ((24, None, None), (1 << 8, 24, ">B"), (1 << 16, 25, ">H"), (1 << 32, 26, ">I"), (1 << 64, 27, ">Q")):
        if value < width:
            return bytes([major << 5 | (value if code is None else code)]) + (b"" if form is None else struct.pack(form, value))
    raise ValueError("%d does not fit in 64 bits" % value)


def encode(value, indefinite=True):
    if value is None or isinstance(value, bool):
        return {None: b"\xf6", True: b"\xf5", False: b"\xf4"}[value]
    if isinstance(value, Time):
        return b"\xc1" + encode(int(value))
    if isinstance(value, int):
        return _head(0, value) if value >= 0 else _head(1, -1 - value)
    if isinstance(value, float):
        return b"\xfb" + struct.pack(">d", value)
    if isinstance(value, bytes):
        return _head(2, len(value)) + value
    if isinstance(value, str):
        text = value.encode("utf-8", "surrogatepass")
        return _head(3, len(text)) + text
    if isinstance(value, list):
        body = b"".join(encode(v, indefinite) for v in value)
        return b"\x9f" + body + b"\xff" if indefinite else _head(4, len(value)) + body
    if isinstance(value, dict):
        body = b"".join(encode(k) + encode(v, indefinite) for k, v in value.items())
        return b"\xbf" + body + b"\xff" if indefinite else _head(5, len(value)) + body
    raise TypeError(type(value))


BREAK = object()


class _Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def take(self, n):
        if self.at + n > len(self.data):
            raise ValueError("CBOR ends too early, at byte %d" % self.at)
        self.at += n
        return self.data[self.at - n:self.at]

    def argument(self, info):
        if info < 24:
            return info
        if info > 27:
            raise ValueError("bad CBOR additional information %d" % info)
        return int.from_bytes(self.take(1 << (info - 24)), "big")

    def item(self):
        initial = self.take(1)[0]
        major, info = initial >> 5, initial & 31
        if major == 7:
            return self.simple(info)
        if info == 31 and 2 <= major <= 5:
            return self.indefinite(major)
        n = self.argument(info)
        if major == 0:
            return n
        if major == 1:
            return -1 - n
        if major == 2:
            return bytes(self.take(n))
        if major == 3:
            return self.take(n).decode()
        if major == 4:
            return [self.item() for _ in range(n)]
        if major == 5:
            return dict((self.item(), self.item()) for _ in range(n))
        inner = self.item()
        return Time(inner) if n == 1 and isinstance(inner, int) else inner

    def indefinite(self, major):
        parts = []
        while True:
            part = self.item()
            if part is BREAK:
                break
            parts.append(part)
        if major in (2, 3):
            return (b"" if major == 2 else "").join(parts)
        return parts if major == 4 else dict(zip(parts[::2], parts[1::2]))

    def simple(self, info):
        if info in (20, 21, 22, 23):
            return (False, True, None, None)[info - 20]
        if info == 31:
            return BREAK
        if info in (25, 26, 27):
            return struct.unpack({25: ">e", 26: ">f", 27: ">d"}[info], self.take(1 << (info - 24)))[0]
        raise ValueError("CBOR simple value %d" % info)


def decode(data):
    reader = _Reader(data)
    value = reader.item()
    if reader.at != len(data):
        raise ValueError("%d bytes after the CBOR value" % (len(data) - reader.at))
    return value
