#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the unittest files of a folder: tests/run.py FOLDER [PATTERN]; prints a line a test and a closing line."""
import os
import sys
import time
import unittest


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


def main():
    folder = os.path.abspath(sys.argv[1])
    sys.path[:0] = [folder, os.path.join(os.path.dirname(os.path.abspath(__file__)), "support")]
    sys.dont_write_bytecode = True
    suite = unittest.TestLoader().discover(folder, pattern=sys.argv[2] if len(sys.argv) > 2 else "test_*.py")
    result = Result()
    suite.run(result)
    c = result.count
    print("%d passed, %d failed, %d skipped" % (c["passed"], c["failed"], c["skipped"]), flush=True)
    sys.exit(1 if c["failed"] or not c["passed"] else 0)


if __name__ == "__main__":
    main()
