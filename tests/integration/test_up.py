# SPDX-License-Identifier: Apache-2.0
"""'tapeline up' as a whole: real history through feed, broker, engine, lake, query and page; stop and go on; flat memory."""
import csv
import glob
import io
import json
import os
import subprocess
import tempfile
import time
import unittest
import urllib.request

from tapeline import (CLIENT_ENV, PIPELINE, SHARED, Server, kinesis, read_stream, rss_kb, run, shared_absent, wait_for)

DAILY = os.path.join(SHARED, "data", "daily")
FREE = ["--listen", "127.0.0.1:0", "--aws-listen", "127.0.0.1:0"]


def fast_pipeline(folder, **replace):
    """The reference pipeline with windows that close within seconds: delay 1 s, windows of 2 s, commits every second."""
    text = open(PIPELINE).read()
    for old, new in (("INTERVAL '2' MINUTE", "INTERVAL '1' SECOND"), ("INTERVAL '1' MINUTE", "INTERVAL '2' SECOND"),
                     ("commit_every = '1 min'", "commit_every = '1 s'"), ("interval = '150 ms'", replace.pop("interval", "interval = '5 ms'")),
                     ("shard_idle = '30 s'", "shard_idle = '2 s'"), *replace.items()):
        assert old in text, old
        text = text.replace(old, new)
    path = os.path.join(folder, "p.sql")
    with open(path, "w") as f:
        f.write(text)
    return path


def rows(lake, sql):
    return list(csv.DictReader(io.StringIO(run("query", sql, "--lake", lake, "--format", "csv").stdout)))


class Up(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.data = os.path.join(self.folder.name, "data")
        self.lake = os.path.join(self.data, "lake")

    def tearDown(self):
        self.folder.cleanup()

    @unittest.skipIf(shared_absent(DAILY), shared_absent(DAILY) or "")
    def test_real_prices_end_to_end(self):
        """Real daily prices: ingested, fed, windowed, committed, queried; the lake's rows follow from the stream's records."""
        files = sorted(glob.glob(os.path.join(DAILY, "*.csv")))
        self.assertEqual(len(files), 9)
        out = run("ingest", "--lake", self.lake, *files)
        self.assertIn("9 tickers", out.stderr)
        with Server("up", fast_pipeline(self.folder.name), "--data", self.data, *FREE) as server:
            wait_for("rows in the lake", lambda: server.status()["stats"]["epoch"]["rows_committed"] > 20, 40)
            self.assertFalse(server.status()["synthetic"])
            stream = read_stream(kinesis(server.aws), "stock_stream")
            self.assertEqual(server.stop(), 0)
        ticks = [json.loads(r[2]) for shard in stream.values() for r in shard]
        self.assertEqual(list(ticks[0]), ["ticker", "date", "timestamp", "open", "high", "low", "close", "volume"])
        self.check_prices(ticks)
        got = rows(self.lake, "SELECT * FROM stock_streaming_database.avg_1min")
        self.assertGreater(len(got), 20)
        self.assertEqual(len({(r["ticker"], r["window_start"]) for r in got}), len(got))
        closes = {}
        for t in ticks:
            closes.setdefault((t["ticker"], t["date"]), []).append(t["close"])
        for r in got:  # a window's last close is a close that was sent for that ticker
            self.assertIn(float(r["last_close"]), [c for (k, _), v in closes.items() if k == r["ticker"] for c in v])

    def check_prices(self, ticks):
        """Every tick is a row of the CSV files, to the last digit of its doubles."""
        real = {}
        for path in glob.glob(os.path.join(DAILY, "*.csv")):
            ticker = os.path.basename(path)[:-4]
            with open(path, newline="") as f:
                for r in csv.DictReader(f):
                    real[(ticker, r["Date"][:10])] = tuple(float(r[c]) for c in ("Open", "High", "Low", "Close")) + (int(r["Volume"]),)
        for t in ticks:
            self.assertEqual((t["open"], t["high"], t["low"], t["close"], t["volume"]), real[(t["ticker"], t["date"])])

    def test_sample_is_made_once_and_labelled(self):
        with Server("up", "--data", self.data, *FREE) as server:
            self.assertTrue(server.status()["synthetic"])
            self.assertRegex("".join(server.lines), "synthetic")
            server.stop()
        days = rows(self.lake, "SELECT ticker, count(*) AS n, min(date) AS a, max(date) AS z FROM curated.stocks_features GROUP BY ticker ORDER BY ticker")
        self.assertEqual([(r["n"], r["a"], r["z"]) for r in days], [("252", "2024-01-02", "2024-12-31")] * 10)
        self.assertEqual([r["ticker"] for r in days], sorted("AAPL MSFT AMZN GOOGL META NVDA TSLA NFLX AVGO AMD".split()))

    def test_cli_boto3_and_page_see_the_same_stream(self):
        with Server("up", "--data", self.data, *FREE) as server:
            wait_for("ticks", lambda: server.status()["stats"]["ledger"]["received"] > 5)
            names = kinesis(server.aws).list_streams()["StreamNames"]
            out = subprocess.run(["/usr/bin/aws", "kinesis", "list-streams", "--endpoint-url", server.aws], env=CLIENT_ENV,
                                 stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
            self.assertEqual(out.returncode, 0, out.stderr)
            self.assertEqual(json.loads(out.stdout)["StreamNames"], names)
            self.assertEqual(names, ["stock_stream"])
            self.assertIn("stock_stream", server.get("/api/plan"))
            shards = {s["id"] for s in server.status()["stats"]["shards"]}
            self.assertEqual(shards, {s["ShardId"] for s in kinesis(server.aws).list_shards(StreamName="stock_stream")["Shards"]})
            self.assertEqual(server.get("/healthz").strip(), "ok")
            self.assertIn("tapeline_", server.get("/metrics"))

    def test_events_move_within_two_seconds(self):
        with Server("up", "--data", self.data, *FREE) as server:
            seen = {}
            began = time.monotonic()
            with urllib.request.urlopen(server.page + "/api/events", timeout=10) as events:
                self.assertTrue(events.headers["Content-Type"].startswith("text/event-stream"))
                name = None
                while len(seen) < 3 and time.monotonic() - began < 10:
                    line = events.readline().decode().rstrip("\n")
                    if line.startswith("event:"):
                        name = line[6:].strip()
                    if line.startswith("data:"):
                        body = json.loads(line[5:])
                        if name == "stats" or body.get("rows"):
                            seen.setdefault(name, time.monotonic() - began)
            self.assertEqual(set(seen), {"latest_close", "avg_1min", "stats"})

    def test_started_again_it_goes_on(self):
        """The second run reads on where the first stopped: no record twice, none lost, history included."""
        pipeline = fast_pipeline(self.folder.name)
        with Server("up", pipeline, "--data", self.data, *FREE) as server:
            wait_for("rows", lambda: server.status()["stats"]["epoch"]["rows_committed"] > 5, 40)
            self.assertEqual(server.stop(), 0)
        first = rows(self.lake, "SELECT * FROM stock_streaming_database.avg_1min")
        with Server("up", pipeline, "--data", self.data, *FREE) as server:
            self.assertTrue(server.status()["stats"]["restored"])
            wait_for("more rows", lambda: server.status()["stats"]["epoch"]["rows_committed"] > 5, 40)
            history = json.loads(server.get("/api/history?view=avg_1min"))
            self.assertGreaterEqual(len(history["rows"]), len(first) // 2)
            server.stop()
        again = rows(self.lake, "SELECT * FROM stock_streaming_database.avg_1min")
        key = lambda r: (r["ticker"], r["window_start"])
        self.assertEqual(len({key(r) for r in again}), len(again))
        by_key = {key(r): r for r in again}
        for r in first:
            self.assertEqual(by_key[key(r)], r)
        self.assertGreater(len(again), len(first))

    def test_memory_is_flat(self):
        """Over half a million records; ten minutes of them are in 'make bench'."""
        pipeline = fast_pipeline(self.folder.name, interval="interval = '20 us'")
        with Server("up", pipeline, "--data", self.data, *FREE) as server:
            reached = lambda n: wait_for("%d records" % n, lambda: server.status()["stats"]["ledger"]["received"] >= n, 120)
            reached(150_000)
            early = rss_kb(server.pid)
            reached(650_000)
            late = rss_kb(server.pid)
            print("RSS %d kB after 150,000 records, %d kB after 650,000" % (early, late), flush=True)
            self.assertLess(late, early * 1.15 + 8192)


if __name__ == "__main__":
    unittest.main()
