#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The house tests its own form: tests/house/house.py [--root DIR] [--build DIR]

Prints a line a check, what breaks it below it, a report (longest functions and files: to be read, not a gate), and
"N passed, N failed". The rules are those of docs/architecture.md and CONTRIBUTING.md. Each check is itself tested:
planted.py breaks a small clean house in every way there is a check for, and each must be seen.
"""
import argparse
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import checks  # noqa: E402
import planted  # noqa: E402
import report  # noqa: E402
from tree import Tree  # noqa: E402


def main():
    here = os.path.dirname(os.path.abspath(__file__))
    p = argparse.ArgumentParser()
    p.add_argument("--root", default=os.path.join(here, "..", ".."))
    p.add_argument("--build", default="build", help="folder of the release build, for its libtl_<layer>.a")
    a = p.parse_args()
    root = os.path.abspath(a.root)
    tree = Tree.read(root, os.path.join(root, a.build))
    passed = failed = 0
    for title, check in checks.ALL + [("every check sees what is planted for it", planted.problems)]:
        problems = check(tree)
        print("%-6s %s" % ("FAILED" if problems else "ok", title))
        for problem in problems:
            print("         " + problem)
        passed, failed = passed + (not problems), failed + bool(problems)
    report.show(tree)
    print("%d passed, %d failed" % (passed, failed), flush=True)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
