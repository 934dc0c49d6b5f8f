# SPDX-License-Identifier: Apache-2.0
"""kill -9 at any moment, then start again: every acknowledged record is still in the stream, every committed row is
still in the lake, no row twice, and in the end the rows are those of the stream's records."""
import csv
import glob
import io
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest
from datetime import datetime, timedelta, timezone

from tapeline import PIPELINE, REFERENCE, Server, kinesis, read_stream, run, seed, shared_absent

ROUNDS = 30
KEYS = ["AAPL", "MSFT", "AMZN", "GOOGL", "META", "NVDA", "TSLA", "NFLX", "AVGO", "AMD"]


class Writer(threading.Thread):
    """Puts ticks whose event time runs much faster than the clock, so that windows close all the time; notes what
    was acknowledged."""

    def __init__(self, endpoint, state, rnd):
        super().__init__(daemon=True)
        self.client, self.state, self.rnd, self.quit = kinesis(endpoint), state, rnd, threading.Event()

    def batch(self):
        out = []
        for _ in range(40):
            self.state["n"] += 1
            n = self.state["n"]
            late = self.rnd.random() < 0.01
            t = self.state["start"] + timedelta(seconds=n * 0.25 - (600 if late else self.rnd.random() * 20))
            tick = {"ticker": self.rnd.choice(KEYS), "date": "2024-01-%02d" % (n % 28 + 1), "timestamp": t.isoformat(),
                    "open": 1.0, "high": 2.0, "low": 0.5, "close": round(100 + self.rnd.random() * 50, 4), "volume": n}
            data = json.dumps(tick) if self.rnd.random() > 0.01 else "broken %d" % n
            out.append({"Data": data.encode(), "PartitionKey": tick["ticker"]})
        return out

    def run(self):
        while not self.quit.is_set():
            batch = self.batch()
            try:
                answer = self.client.put_records(StreamName="stock_stream", Records=batch)
            except Exception:
                return  # the process was killed: what it did not answer may be there or not
            for record, entry in zip(batch, answer["Records"]):
                if "SequenceNumber" in entry:
                    self.state["acked"][(entry["ShardId"], entry["SequenceNumber"])] = record["Data"]


def lake_rows(lake):
    out = run("query", "SELECT ticker, trade_date, window_start, window_end, avg_close, last_close FROM "
              "stock_streaming_database.avg_1min", "--lake", lake, "--format", "csv")
    return [tuple(r.values()) for r in csv.DictReader(io.StringIO(out.stdout))]


@unittest.skipIf(shared_absent(REFERENCE), shared_absent(REFERENCE) or "")
class PipelineKill(unittest.TestCase):
    def pipeline(self, folder):
        """The reference pipeline, without its feed, without clock steps, with commits every second."""
        text = open(PIPELINE).read()
        feed = text.index("CREATE FEED")
        text = text[:feed] + text[text.index(";", feed) + 1:].split("\n", 1)[1]
        for old, new in (("'LATEST'", "'TRIM_HORIZON'"), ("shard_idle = '30 s'", "shard_idle = '10 h'"),
                         ("flush_after = '5 min'", "flush_after = '10 h'"), ("commit_every = '1 min'", "commit_every = '1 s'"),
                         ("max_future_skew = '5 min'", "max_future_skew = '366 d'")):
            assert old in text, old
            text = text.replace(old, new)
        path = os.path.join(folder, "p.sql")
        with open(path, "w") as f:
            f.write(text)
        return path

    def test_thirty_kills(self):
        rnd = random.Random(seed())
        folder = tempfile.mkdtemp()
        try:
            self.kills(folder, rnd)
        finally:
            shutil.rmtree(folder)

    def kills(self, folder, rnd):
        pipeline, data = self.pipeline(folder), os.path.join(folder, "data")
        up = ["up", pipeline, "--data", data, "--listen", "127.0.0.1:0", "--aws-listen", "127.0.0.1:0"]
        state = {"n": 0, "acked": {}, "start": datetime(2024, 5, 1, tzinfo=timezone.utc)}
        committed = set()
        for round_ in range(ROUNDS):
            with Server(*up) as server:
                writer = Writer(server.aws, state, rnd)
                writer.start()
                time.sleep(rnd.random() * 1.6)
                server.kill()
                writer.quit.set()
                writer.join(10)
            if round_ % 6 == 5:
                rows = lake_rows(os.path.join(data, "lake"))
                keys = [(r[0], r[2]) for r in rows]
                self.assertEqual(len(keys), len(set(keys)), "a window twice, after kill %d" % round_)
                self.assertTrue(committed <= set(rows), "a committed row is gone or changed, after kill %d" % round_)
                committed = set(rows)
        self.assertGreater(len(state["acked"]), 1000)
        self.finish(folder, pipeline, data, up, state, committed)

    def finish(self, folder, pipeline, data, up, state, committed):
        """An undisturbed end; then the lake against the model over what the stream holds."""
        with Server(*up) as server:
            stream = read_stream(kinesis(server.aws), "stock_stream")
            count = sum(map(len, stream.values()))
            deadline = time.monotonic() + 60
            while server.status()["stats"]["ledger"]["received"] < count and time.monotonic() < deadline:
                time.sleep(0.2)
            self.assertEqual(server.status()["stats"]["ledger"]["received"], count)
            self.assertEqual(server.stop(), 0)
        held = {(shard, r[0]): r[2] for shard, rows in stream.items() for r in rows}
        for key, record in state["acked"].items():
            self.assertEqual(held.get(key), record, "an acknowledged record is lost or changed: %s %s" % key)
        for rows in stream.values():
            numbers = [int(r[0]) for r in rows]
            self.assertEqual(numbers, sorted(set(numbers)))
        rows = lake_rows(os.path.join(data, "lake"))
        self.assertTrue(committed <= set(rows))
        self.assert_equals_model(folder, stream, rows)

    def assert_equals_model(self, folder, stream, rows):
        """Every closed window's row is the model's; those of the model that are missing are still open."""
        files = []
        for shard in sorted(stream):
            files.append(os.path.join(folder, shard + ".ndjson"))
            with open(files[-1], "wb") as f:
                f.writelines(r[2] + b"\n" for r in stream[shard])
        subprocess.run([sys.executable, os.path.join(REFERENCE, "model.py"), "--out", folder, *files], check=True,
                       stdout=subprocess.DEVNULL)
        with open(os.path.join(folder, "avg_1min.csv"), newline="") as f:
            expected = {(r["ticker"], int(r["window_start"])): r for r in csv.DictReader(f)}
        got = {}
        for ticker, date, start, _, avg, last in rows:
            ns = int(datetime.fromisoformat(start).replace(tzinfo=timezone.utc).timestamp()) * 10**9
            self.assertNotIn((ticker, ns), got)
            got[(ticker, ns)] = (date, float(avg), float(last))
        self.assertGreater(len(got), 50)
        last_closed = max(ns for _, ns in got)
        for key, row in expected.items():
            if key[1] <= last_closed:
                self.assertIn(key, got)
                date, avg, last = got[key]
                self.assertEqual((date, last), (row["trade_date"], float(row["last_close"])), key)
                self.assertLessEqual(abs(avg - float(row["avg_close"])), abs(avg) * 2**-52)
        self.assertEqual({k for k in got if k not in expected}, set())


if __name__ == "__main__":
    unittest.main()
