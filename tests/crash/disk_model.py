# SPDX-License-Identifier: Apache-2.0
"""What is on the disk after a power cut, told from the log of all calls that changed it (tests/support/disk_shim.h).

A file's bytes are durable up to its last fsync, a folder's entries up to the folder's: that is all that POSIX promises. What was not
made durable may be there or not; a disk is built in one of these ways:

    nothing   nothing but what was made durable
    names     all names, as file systems do that journal them, but of the files only the bytes that were made durable
    bytes     all bytes, but only the names that were made durable
    some      each folder and each file has got some way on, by chance
    all       everything: what a killed process leaves, and what the lake must equal if the log holds every change"""
import os

O_TRUNC = os.O_TRUNC


class File:
    def __init__(self):
        self.changes, self.durable = [], 0  # (offset, bytes) or a length; how many of them are durable

    def bytes(self, count):
        out = bytearray()
        for change in self.changes[:count]:
            if isinstance(change, int):
                out[:] = out[:change] + bytes(max(0, change - len(out)))
            else:
                at, data = change
                out[:] = out.ljust(at, b"\0")
                out[at:at + len(data)] = data
        return bytes(out)


class Folder:
    def __init__(self):
        self.changes, self.durable = [], 0  # (name, what or None)

    def entries(self, count):
        out = {}
        for name, what in self.changes[:count]:
            if what is None:
                out.pop(name, None)
            else:
                out[name] = what
        return out


class Disk:
    """root is a folder whose own parent is not of this disk: it is there always."""

    def __init__(self, root):
        self.root, self.top, self.open = root, Folder(), {}

    def inside(self, path):
        return path == self.root or path.startswith(self.root + "/")

    def now(self, path):
        """What a path names now, or None."""
        at = self.top
        for name in os.path.relpath(path, self.root).split("/"):
            if name != ".":
                at = at.entries(len(at.changes)).get(name) if isinstance(at, Folder) else None
        return at

    def set(self, path, what):
        if path != self.root:
            self.now(os.path.dirname(path)).changes.append((os.path.basename(path), what))

    def file(self, event):
        """By its inode, since a renamed file has another path and a removed one none."""
        return self.open.get(event.inode)

    def replay(self, event):
        """Applies a logged call that was made and succeeded."""
        if not event.number or not event.made or event.result < 0:
            return
        getattr(self, "do_" + event.call.removesuffix("64"))(event)

    def do_openat(self, e):
        there = self.now(e.path)
        if there is None:
            there = File()
            self.set(e.path, there)
        elif e.offset & O_TRUNC:
            there.changes.append(0)
        self.open[e.inode] = there

    do_open = do_creat = do_openat

    def do_write(self, e):
        if e.size:
            self.file(e).changes.append((e.offset, e.data))

    do_writev = do_pwrite = do_pwritev = do_write

    def do_ftruncate(self, e):
        self.file(e).changes.append(e.offset)

    def do_fsync(self, e):
        what = self.now(e.path) if os.path.basename(e.path) and not e.path.endswith(" (deleted)") else None
        what = what if isinstance(what, Folder) else self.file(e)
        if what is not None:
            what.durable = len(what.changes)

    do_fdatasync = do_fsync

    def do_mkdir(self, e):
        if e.path != self.root:
            self.set(e.path, Folder())

    def do_bind(self, e):
        self.set(e.path, File())

    def do_rename(self, e):
        what = self.now(e.path)
        self.set(e.other, what)
        self.set(e.path, None)

    def do_link(self, e):
        self.set(e.other, self.now(e.path))

    def do_unlink(self, e):
        self.set(e.path, None)

    do_rmdir = do_unlink

    # ---- after the cut ----

    def build(self, to, way, rnd=None):
        """Writes the disk as it is found again into a new folder."""
        self.build_folder(self.top, to, way, rnd, {})

    def build_folder(self, folder, to, way, rnd, lengths):
        os.makedirs(to)
        for name, what in self.seen(folder, way in ("all", "names"), way, rnd, lengths, folder.entries).items():
            path = os.path.join(to, name)
            if isinstance(what, Folder):
                self.build_folder(what, path, way, rnd, lengths)
            else:
                with open(path, "wb") as f:
                    f.write(self.seen(what, way in ("all", "bytes"), way, rnd, lengths, what.bytes))

    def seen(self, what, whole, way, rnd, lengths, give):
        """A file with two names is one file: what chance says of it is remembered."""
        if way == "some":
            count = lengths.setdefault(id(what), rnd.randrange(what.durable, len(what.changes) + 1))
        else:
            count = len(what.changes) if whole else what.durable
        return give(count)
