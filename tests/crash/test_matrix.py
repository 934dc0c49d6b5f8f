# SPDX-License-Identifier: Apache-2.0
"""A sample of the crash matrix (crash_matrix.py runs the whole): rule 10, exactly-once."""
import random
import shutil
import tempfile
import unittest

import matrix
from engine_runs import FileRuns, StreamRuns
from power_cuts import PowerCuts
from tapeline import seed


class Sample(unittest.TestCase):
    def check(self, make, count):
        folder, number = tempfile.mkdtemp(), seed()
        subject = make(folder, number)
        try:
            outcome = matrix.sample(subject, random.Random(number), count)
        finally:
            subject.close()
            shutil.rmtree(folder)
        print(outcome.summary() + "; undisturbed: " + subject.size, flush=True)
        self.assertEqual(outcome.failures, [])
        self.assertGreater(sum(outcome.counts.values()), count // 3, "most points were not reached")

    def test_files(self):
        self.check(FileRuns, 8)

    def test_stream(self):
        self.check(StreamRuns, 5)

    def test_power_cuts(self):
        self.check(PowerCuts, 5)


if __name__ == "__main__":
    unittest.main()
