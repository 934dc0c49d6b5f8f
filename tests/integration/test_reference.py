# SPDX-License-Identifier: Apache-2.0
"""The reference pipeline over files gives the rows of the reference model: semantics rules 1, 2, 4, 5, 7, 8 and 9,
and rule 10: never a function of threads, restarts or where the rows go."""
import csv
import datetime
import glob
import hashlib
import io
import json
import os
import random
import subprocess
import sys
import tempfile
import unittest

from tapeline import PIPELINE, REFERENCE, run, seed, shared_absent

INPUT = os.path.join(REFERENCE, "input", "*.ndjson")


def instant(ns):
    """As CSV shows instants: '2025-09-27 12:34:00', the fraction only if not zero."""
    s, frac = divmod(int(ns), 10**9)
    text = (datetime.datetime(1970, 1, 1) + datetime.timedelta(seconds=s)).strftime("%Y-%m-%d %H:%M:%S")
    assert frac == 0
    return text


def windows_of(expected_csv):
    """The model's rows as DESIGN section 5 has them in CSV, and the values as doubles."""
    with open(expected_csv, newline="") as f:
        return [(r["ticker"], r["trade_date"], instant(r["window_start"]), instant(r["window_end"]),
                 float(r["avg_close"]), float(r["last_close"])) for r in csv.DictReader(f)]


def windows_in(text):
    return [(r["ticker"], r["trade_date"], r["window_start"], r["window_end"], float(r["avg_close"]), float(r["last_close"]))
            for r in csv.DictReader(io.StringIO(text))]


def model(folder, files):
    subprocess.run([sys.executable, os.path.join(REFERENCE, "model.py"), "--out", folder, *files], check=True,
                   stdout=subprocess.DEVNULL)


@unittest.skipIf(shared_absent(REFERENCE), shared_absent(REFERENCE) or "")
class Reference(unittest.TestCase):
    def assert_windows(self, got, expected):
        self.assertEqual([r[:4] + r[5:] for r in got], [r[:4] + r[5:] for r in expected])
        for g, e in zip(got, expected):  # rule 8: within one ulp of the exact sum
            self.assertLessEqual(abs(g[4] - e[4]), abs(e[4]) * 2**-52, (g, e))

    def test_dump_of_the_windows_equals_the_model(self):
        """rule 1, rule 2, rule 4, rule 5, rule 8"""
        expected = windows_of(os.path.join(REFERENCE, "expected", "avg_1min.csv"))
        for threads in (1, 2, 3):
            out = run("run", PIPELINE, "--input", INPUT, "--dump", "avg_1min", "--threads", threads)
            self.assert_windows(windows_in(out.stdout), expected)

    def test_dump_of_the_latest_close_equals_the_model(self):
        """rule 1"""
        out = run("run", PIPELINE, "--input", INPUT, "--dump", "latest_close")
        with open(os.path.join(REFERENCE, "expected", "latest_close.csv"), newline="") as f:
            expected = {r["ticker"]: float(r["latest_close"]) for r in csv.DictReader(f)}
        self.assertEqual({r["ticker"]: float(r["latest_close"]) for r in csv.DictReader(io.StringIO(out.stdout))}, expected)

    def test_ledger_is_the_last_line_of_json_output(self):
        """rule 9"""
        out = run("run", PIPELINE, "--input", INPUT, "--json")
        with open(os.path.join(REFERENCE, "expected", "ledger.json")) as f:
            self.assertEqual(json.loads(out.stdout.splitlines()[-1]), json.load(f))
        self.assertRegex(out.stderr, r"received 20000 = aggregated 19973 \+ late 16 \+ malformed 11")

    def test_lake_holds_the_rows_late_and_malformed_records(self):
        """rule 4, rule 7"""
        with tempfile.TemporaryDirectory() as lake:
            run("run", PIPELINE, "--input", INPUT, "--lake", lake)
            q = lambda sql: list(csv.DictReader(io.StringIO(run("query", sql, "--lake", lake, "--format", "csv").stdout)))
            rows = q("SELECT ticker, trade_date, window_start, window_end, avg_close, last_close "
                     "FROM stock_streaming_database.avg_1min ORDER BY ticker, window_start")
            got = [(r["ticker"], r["trade_date"], r["window_start"], r["window_end"], float(r["avg_close"]), float(r["last_close"]))
                   for r in rows]
            self.assert_windows(got, windows_of(os.path.join(REFERENCE, "expected", "avg_1min.csv")))
            with open(os.path.join(REFERENCE, "expected", "late.csv"), newline="") as f:
                late = sorted((r["file"], int(r["line"])) for r in csv.DictReader(f))
            rows = q("SELECT shard, sequence_number FROM stock_stream.avg_1min_late")
            self.assertEqual(sorted((os.path.basename(r["shard"]), int(r["sequence_number"])) for r in rows), late)
            with open(os.path.join(REFERENCE, "expected", "malformed.csv"), newline="") as f:
                malformed = sorted((r["file"], int(r["line"]), r["reason"]) for r in csv.DictReader(f))
            rows = q("SELECT shard, sequence_number, reason, data FROM stock_stream.ticks_malformed")
            self.assertEqual(sorted((os.path.basename(r["shard"]), int(r["sequence_number"]), r["reason"]) for r in rows), malformed)
            for r in rows:  # the raw bytes are kept
                with open(os.path.join(REFERENCE, "input", os.path.basename(r["shard"]))) as f:
                    self.assertEqual(r["data"], f.read().splitlines()[int(r["sequence_number"])])

    def test_a_second_run_on_the_same_lake_adds_nothing(self):
        """rule 10: a restart after the end finds nothing left to do"""
        with tempfile.TemporaryDirectory() as lake:
            run("run", PIPELINE, "--input", INPUT, "--lake", lake)
            before = files_of(lake)
            run("run", PIPELINE, "--input", INPUT, "--lake", lake)
            self.assertEqual(files_of(lake), before)

    def test_two_lakes_are_equal_byte_for_byte(self):
        """rule 10: with the same epoch log the files are equal"""
        with tempfile.TemporaryDirectory() as a, tempfile.TemporaryDirectory() as b:
            run("run", PIPELINE, "--input", INPUT, "--lake", a, "--threads", 1)
            run("run", PIPELINE, "--input", INPUT, "--lake", b, "--threads", 3)
            self.assertTrue(files_of(a))
            self.assertEqual(files_of(a), files_of(b))

    def test_random_inputs_equal_the_model(self):
        """rule 1, rule 2, rule 4, rule 5, rule 7, rule 8, rule 9 on seeded inputs of other shapes"""
        rnd = random.Random(seed())
        for _ in range(6):
            with tempfile.TemporaryDirectory() as folder:
                shape = ["--records", str(rnd.randrange(1, 6000)), "--tickers", str(rnd.randrange(1, 40)),
                         "--shards", str(rnd.randrange(1, 7)), "--span-s", str(rnd.choice([5, 300, 4000])),
                         "--seed", str(rnd.randrange(10**6)), "--out-of-order", "0.2", "--late", "0.05", "--bad", "0.05"]
                subprocess.run([sys.executable, os.path.join(REFERENCE, "gen_ticks.py"), "--out", folder, *shape],
                               check=True, stdout=subprocess.DEVNULL)
                files = sorted(glob.glob(os.path.join(folder, "shard-*.ndjson")))
                model(folder, files)
                with self.subTest(shape=" ".join(shape)):
                    out = run("run", PIPELINE, "--input", os.path.join(folder, "shard-*.ndjson"), "--dump", "avg_1min",
                              "--json", "--threads", rnd.randrange(1, 5))
                    body, ledger = out.stdout.rstrip("\n").rsplit("\n", 1)
                    with open(os.path.join(folder, "ledger.json")) as f:
                        self.assertEqual(json.loads(ledger), json.load(f))
                    self.assert_windows(windows_in(body), windows_of(os.path.join(folder, "avg_1min.csv")))


def files_of(lake):
    """{relative path: hash} of the data files of a lake."""
    out = {}
    for path in glob.glob(os.path.join(lake, "**", "*.parquet"), recursive=True):
        with open(path, "rb") as f:
            out[os.path.relpath(path, lake)] = hashlib.sha256(f.read()).hexdigest()
    return out


if __name__ == "__main__":
    unittest.main()
