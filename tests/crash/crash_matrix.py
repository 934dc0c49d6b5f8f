#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""The whole crash matrix: tests/crash/crash_matrix.py [-j N] [-n COUNT] [SUBJECT...]; 'make crash-matrix'.

Prints a table for each subject, and every run that broke something. -n: that many runs at random of each (TL_SEED repeats them) in
place of all."""
import argparse
import os
import random
import shutil
import sys
import tempfile
import time

sys.dont_write_bytecode = True
HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, os.path.join(os.path.dirname(HERE), "support")]

import matrix
from engine_runs import FileRuns, StreamRuns
from power_cuts import PowerCuts
from tapeline import seed

SUBJECTS = {s.name: s for s in (FileRuns, StreamRuns, PowerCuts)}


def tell(outcome, n, how, why):
    if why:
        print("BROKEN: %s, point %d, %s: %s" % (outcome.subject.name, n, how, why), flush=True)
    elif outcome.runs % 100 == 0:
        print("%s: %d runs" % (outcome.subject.name, outcome.runs), file=sys.stderr, flush=True)


def run_one(make, number, count, workers):
    folder, began = tempfile.mkdtemp(prefix="tapeline-crash-"), time.monotonic()
    subject = make(folder, number)
    try:
        outcome = matrix.sample(subject, random.Random(number), count, workers, tell) if count else \
            matrix.whole(subject, workers, tell)
    finally:
        subject.close()
        shutil.rmtree(folder, ignore_errors=True)
    print("\n%s\n\n%s (%d s)\nundisturbed: %s\n" % (outcome.table(), outcome.summary(), time.monotonic() - began, subject.size),
          flush=True)
    return not outcome.failures


def main():
    p = argparse.ArgumentParser()
    p.add_argument("-j", type=int, default=2 * (os.cpu_count() or 1))
    p.add_argument("-n", type=int, default=0)
    p.add_argument("subjects", nargs="*", help="; ".join(SUBJECTS))
    a = p.parse_args()
    unknown = set(a.subjects) - set(SUBJECTS)
    if unknown:
        p.error("there is no subject %s: %s" % (", ".join(unknown), ", ".join(SUBJECTS)))
    number = seed()
    good = [run_one(SUBJECTS[name], number, a.n, a.j) for name in a.subjects or SUBJECTS]
    print("exactly-once holds" if all(good) else "BROKEN: exactly-once does not hold")
    sys.exit(0 if all(good) else 1)


if __name__ == "__main__":
    main()
