# SPDX-License-Identifier: Apache-2.0
"""What property tests share: many seeded cases, and the first that fails made small."""
import os
import traceback
import unittest
from concurrent.futures import ThreadPoolExecutor

import cases
from tapeline import seed

SUPPORTED = cases.FEATURES
SHRINK_RUNS = 200


def fails(case, check):
    """Why, or None."""
    try:
        check(case)
    except AssertionError as e:
        return str(e)
    except Exception:
        return traceback.format_exc()
    return None


def shrink(case, check):
    """The case with all left out that it also fails without, within a number of runs."""
    why, runs, again = fails(case, check), 0, True
    while again and why:
        again = False
        for small in cases.smaller(case):
            runs += 1
            if runs > SHRINK_RUNS:
                return case, why
            reason = fails(small, check)
            if reason:
                case, why, again = small, reason, True
                break
    return case, why or "it did not fail again"


def seeds(count):
    first = seed()
    return [first] if os.environ.get("TL_SEED") else range(first, first + count)


class Property(unittest.TestCase):
    def check_all(self, check, count, make=lambda s: cases.make(s, SUPPORTED), small=True):
        with ThreadPoolExecutor(4) as pool:
            answers = pool.map(lambda s: (s, fails(make(s), check)), seeds(count))
            for s, why in answers:
                if why:
                    pool.shutdown(cancel_futures=True)
                    case, small_why = shrink(make(s), check) if small else (make(s), why)
                    self.fail("TL_SEED=%d: %s\nmade smaller: %s\n%s" % (s, why, small_why, case))
