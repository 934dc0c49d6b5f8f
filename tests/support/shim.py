# SPDX-License-Identifier: Apache-2.0
"""A process under tests/support/disk_shim.h: its environment, the words it shares with us, its log."""
import mmap
import os
import struct
from collections import namedtuple

from tapeline import CLIENT_ENV, ROOT

LIBRARY = os.path.join(os.path.dirname(os.environ.get("TAPELINE", os.path.join(ROOT, "build", "tapeline"))), "disk_shim.so")
CALLS, WRITES, CLOCK_NS, ERRNO, STRUCK, MONOTONIC_NS = range(6)
SIZE = 4096

# made: False for the call in whose place the process was killed; offset: the flags of an open; data: None unless asked for
Event = namedtuple("Event", "number call path other inode offset size result made data")


class Shim:
    """Files of its own in a folder that the caller removes."""

    def __init__(self, folder):
        os.makedirs(folder, exist_ok=True)
        self.control, self.log = os.path.join(folder, "control"), os.path.join(folder, "log")
        with open(self.control, "wb") as f:
            f.write(bytes(SIZE))
        with open(self.control, "r+b") as f:
            self.map = mmap.mmap(f.fileno(), SIZE)

    def close(self):
        self.map.close()

    def __getitem__(self, word):
        return struct.unpack_from("<q", self.map, 8 * word)[0]

    def __setitem__(self, word, value):
        struct.pack_into("<q", self.map, 8 * word, value)

    def forget(self):
        """As it was at first, with an empty log."""
        self.map[:] = bytes(SIZE)
        if os.path.exists(self.log):
            os.unlink(self.log)

    def env(self, *roots, at=None, how=None, env=CLIENT_ENV, data=False, **more):
        """more: read, tick, step of the header, as SHIM_READ and so on."""
        env = dict(env, LD_PRELOAD=LIBRARY, SHIM_CONTROL=self.control, SHIM_LOG=self.log, SHIM_ROOTS=":".join(roots))
        if at is not None:
            env.update(SHIM_AT=str(at), SHIM_HOW=how)
        if data:
            env["SHIM_DATA"] = "1"
        env.update({"SHIM_" + name.upper(): str(value) for name, value in more.items() if value is not None})
        return env

    def events(self, data=False):
        """The log; data: it was written with the bytes of writes."""
        out = []
        if not os.path.exists(self.log):
            return out
        with open(self.log, "rb") as f:
            for line in f:
                number, call, path, other, inode, offset, size, result = line.decode(errors="surrogateescape")[:-1].split("\t")
                body = f.read(int(size)) if data and int(size) > 0 else None
                out.append(Event(int(number), call.lstrip("!"), path, other, int(inode), int(offset), int(size), int(result),
                                 not call.startswith("!"), body))
        return out
