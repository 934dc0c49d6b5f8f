#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs unittest files: tests/run.py [-j N] [-k PATTERN] FOLDER|FILE...; prints a line a test and a closing line.

A process each file, N at a time (twice the processors: most of a test's time is waiting), whole files printed as they end.
Tests of one file run one after the other, so what they share needs no lock."""
import argparse
import glob
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from concurrent.futures import ThreadPoolExecutor, as_completed

HERE = os.path.dirname(os.path.abspath(__file__))
FILE_TIMEOUT = 600  # s; a file that hangs is killed, and has failed
CLOSING = re.compile(r"^(\d+) passed, (\d+) failed, (\d+) skipped$", re.M)


class Result(unittest.TestResult):
    def __init__(self):
        super().__init__()
        self.count = dict(passed=0, failed=0, skipped=0)

    def startTest(self, test):
        super().startTest(test)
        self.began = time.monotonic()

    def tell(self, test, word, text=""):
        print("%-7s %6.1f s  %s%s" % (word, time.monotonic() - getattr(self, "began", time.monotonic()),
                                      test.id(), ("\n" + text) if text else ""), flush=True)

    def addSuccess(self, test):
        self.count["passed"] += 1
        self.tell(test, "ok")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self.count["failed"] += 1
        self.tell(test, "FAILED", self.failures[-1][1])

    def addError(self, test, err):
        super().addError(test, err)
        self.count["failed"] += 1
        self.tell(test, "ERROR", self.errors[-1][1])

    def addSkip(self, test, reason):
        self.count["skipped"] += 1
        self.tell(test, "SKIPPED", "  >>> " + reason)

    def addSubTest(self, test, subtest, err):
        super().addSubTest(test, subtest, err)
        if err is not None:
            self.count["failed"] += 1
            self.tell(subtest, "FAILED", (self.failures or self.errors)[-1][1])


def closing(c):
    return "%d passed, %d failed, %d skipped" % (c["passed"], c["failed"], c["skipped"])


def run_here(path, pattern):
    """The tests of one file, in this process; whether all is well."""
    folder = os.path.dirname(path)
    sys.path[:0] = [folder, os.path.join(HERE, "support")]
    sys.dont_write_bytecode = True
    loader = unittest.TestLoader()
    if pattern:
        loader.testNamePatterns = ["*%s*" % pattern]
    result = Result()
    loader.discover(folder, pattern=os.path.basename(path)).run(result)
    print(closing(result.count), flush=True)
    return not result.count["failed"]


def run_process(path, pattern):
    """(the file's output, its counts, what is wrong with it or None)"""
    command = [sys.executable, os.path.abspath(__file__), "--here", path] + (["-k", pattern] if pattern else [])
    with tempfile.TemporaryFile() as out:
        process = subprocess.Popen(command, stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, start_new_session=True)
        try:
            code = process.wait(FILE_TIMEOUT)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            code = process.wait()
        out.seek(0)
        text = out.read().decode(errors="replace")
    found = CLOSING.findall(text)
    count = dict(zip(("passed", "failed", "skipped"), map(int, found[-1]))) if found else None
    if count is None:
        return text, dict(passed=0, failed=1, skipped=0), "it ended with status %d (after at most %d s) before its closing line" % (code, FILE_TIMEOUT)
    if not pattern and not sum(count.values()):
        return text, dict(passed=0, failed=1, skipped=0), "there is no test in it"
    return CLOSING.sub("", text).rstrip("\n"), count, None if code == 0 else "see above"


def files_of(paths):
    files = []
    for path in map(os.path.abspath, paths):
        found = sorted(glob.glob(os.path.join(path, "test_*.py"))) if os.path.isdir(path) else [path]
        if not found or not all(map(os.path.isfile, found)):
            sys.exit("tests/run.py: there are no tests in %s" % path)
        files += found
    return files


def main():
    p = argparse.ArgumentParser()
    p.add_argument("-j", type=int, default=2 * (os.cpu_count() or 1))
    p.add_argument("-k", default="", help="only tests whose name holds this")
    p.add_argument("--here", action="store_true", help="one file, in this process")
    p.add_argument("paths", nargs="+")
    a = p.parse_args()
    files = files_of(a.paths)
    if a.here:
        sys.exit(0 if run_here(files[0], a.k) else 1)
    total, broken = dict(passed=0, failed=0, skipped=0), []
    with ThreadPoolExecutor(a.j) as pool:
        jobs = {pool.submit(run_process, f, a.k): f for f in files}
        for job in as_completed(jobs):
            text, count, wrong = job.result()
            name = os.path.relpath(jobs[job])
            print("-- %s: %s%s\n%s" % (name, closing(count), ", " + wrong if wrong else "", text), flush=True)
            total = {k: total[k] + count[k] for k in total}
            if wrong or count["failed"]:
                broken.append(name)
    if broken:
        print("FAILED files: " + " ".join(sorted(broken)))
    print(closing(total), flush=True)
    sys.exit(1 if total["failed"] or not total["passed"] else 0)


if __name__ == "__main__":
    main()
