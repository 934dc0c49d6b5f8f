# SPDX-License-Identifier: Apache-2.0
"""The disk shim sees every way in which a process changes files, and lets none through that it does not know."""
import os
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import shim
from shim import Shim

# Each way a process may change a file: through functions, through stdio, and by system calls without a function.
EVERYTHING = """
import ctypes, os, sys
libc, root = ctypes.CDLL(None, use_errno=True), sys.argv[1]
path = lambda name: os.path.join(root, name)
libc.fopen.restype = ctypes.c_void_p
libc.fclose.argtypes = [ctypes.c_void_p]
os.mkdir(path("d"))
fd = os.open(path("a"), os.O_RDWR | os.O_CREAT, 0o600)
os.write(fd, b"one")
os.pwrite(fd, b"two", 3)
os.writev(fd, [b"th", b"ree"])
os.pwritev(fd, [b"x"], 0)
os.ftruncate(fd, 4)
os.fsync(fd)
os.fdatasync(fd)
os.fchmod(fd, 0o644)
os.posix_fallocate(fd, 0, 10)
other = os.open(path("e"), os.O_RDWR | os.O_CREAT)
os.copy_file_range(fd, other, 2, 0, 0)
os.sendfile(other, fd, 0, 2)
f = libc.fopen(path("s").encode(), b"w")
libc.fputs(b"by stdio", ctypes.c_void_p(f))
libc.fclose(f)
os.rename(path("s"), path("t"))
os.link(path("t"), path("u"))
os.symlink("t", path("v"))
os.utime(path("t"))
os.chmod(path("t"), 0o600)
os.truncate(path("t"), 1)
os.unlink(path("u"))
os.rmdir(path("d"))
os.sync()
import socket
socket.socket(socket.AF_UNIX).bind(path("socket"))
socket.socket(socket.AF_INET).bind(("127.0.0.1", 0))
libc.syscall(%(mkdirat)d, -100, path("raw").encode(), 0o700)
libc.syscall(%(write)d, fd, b"raw", 3)
os.write(1, b"done")
""" % ({"mkdirat": 258, "write": 1} if os.uname().machine == "x86_64" else {"mkdirat": 34, "write": 64})
# By the second name where a machine has no call of the first.
EXPECTED = [("mkdir",), ("open",), ("write",), ("pwrite64",), ("writev",), ("pwritev",), ("ftruncate",), ("fsync",), ("fdatasync",),
            ("fchmod",), ("fallocate",), ("open",), ("copy_file_range",), ("sendfile",), ("open",), ("write",), ("rename",), ("link",),
            ("symlink",), ("utime",), ("chmod", "fchmod"), ("truncate",), ("unlink",), ("rmdir", "unlink"), ("bind",), ("mkdir",), ("write",)]

UNKNOWN = {
    "io_uring_setup": "libc.syscall(425, 1, 0)",
    "another program": "os.execv('/bin/true', ['true'])",
    "a call that no kernel has": "libc.syscall(4242)",
    "memory of a file": "import mmap; f = open(path('m'), 'w+b'); f.write(b'x'); f.flush(); mmap.mmap(f.fileno(), 1)",
}


class ShimTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.root = os.path.join(self.folder.name, "root")
        os.mkdir(self.root)
        self.shim = Shim(os.path.join(self.folder.name, "shim"))
        self.addCleanup(self.shim.close)

    def python(self, code, **how):
        return subprocess.run([sys.executable, "-c", code, self.root], env=self.shim.env(self.root, **how),
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)

    def test_every_way_to_change_a_file_is_seen(self):
        p = self.python(EVERYTHING)
        self.assertEqual((p.returncode, p.stdout), (0, "done"), p.stderr)
        got = [e.call for e in self.shim.events() if e.number]
        self.assertEqual(len(got), len(EXPECTED), got)
        for call, names in zip(got, EXPECTED):
            self.assertTrue(any(call.startswith(n) for n in names), "%s, expected one of %s: %s" % (call, names, got))
        self.assertEqual(self.shim[shim.CALLS], len(EXPECTED))

    def test_what_is_not_known_ends_the_process(self):
        for name, code in UNKNOWN.items():
            with self.subTest(name):
                p = self.python("import ctypes, os, sys; libc = ctypes.CDLL(None); path = lambda n: os.path.join(sys.argv[1], n)\n" + code)
                self.assertEqual(p.returncode, -signal.SIGABRT, p.stderr)
                self.assertIn("disk_shim: ", p.stderr)

    def test_a_point_is_hit_in_each_way(self):
        code = "import os, sys; fd = os.open(sys.argv[1] + '/f', os.O_CREAT | os.O_WRONLY); os.write(fd, b'0123456789'); os.fsync(fd)"
        for how, at, size in (("before", 2, 0), ("partial", 1, 5), ("after", 2, 10), ("before", 3, 10)):
            self.shim.forget()
            self.assertEqual(self.python(code, at=at, how=how).returncode, -signal.SIGKILL, how)
            self.assertEqual(os.path.getsize(os.path.join(self.root, "f")), size, how)
            os.unlink(os.path.join(self.root, "f"))
        self.shim.forget()
        p = self.python(code, at=2, how="errno:28")
        self.assertIn("No space left on device", p.stderr)
        self.assertEqual(self.shim[shim.STRUCK], 1)

    def test_clocks_move(self):
        code = "import time; print(time.time_ns(), time.monotonic_ns(), time.clock_gettime_ns(time.CLOCK_REALTIME))"
        self.shim[shim.CLOCK_NS] = -10**18
        self.shim[shim.MONOTONIC_NS] = 10**15
        wall, monotonic, again = map(int, self.python(code).stdout.split())
        self.assertLess(abs(wall + 10**18 - time.time_ns()), 60 * 10**9)
        self.assertLess(abs(again - wall), 60 * 10**9)
        self.assertLess(abs(monotonic - 10**15 - time.monotonic_ns()), 60 * 10**9)


if __name__ == "__main__":
    unittest.main()
