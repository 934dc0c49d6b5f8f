# SPDX-License-Identifier: Apache-2.0
"""'tapeline feed' against 'tapeline broker': the records' form, pace, one pass, resume after every kind of end, clear errors."""
import collections
import datetime
import fcntl
import json
import os
import pty
import re
import signal
import socket
import struct
import subprocess
import tempfile
import termios
import time
import unittest

from tapeline import BINARY, CLIENT_ENV, PIPELINE, Server, kinesis, read_stream, run, wait_for

KEYS = ["ticker", "date", "timestamp", "open", "high", "low", "close", "volume"]
STREAM = "stock_stream"
ROWS = 2520  # ten tickers on the 252 trading days of 2024


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Feed(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.shared = tempfile.TemporaryDirectory()
        cls.lake = os.path.join(cls.shared.name, "lake")
        run("sample", "--lake", cls.lake)

    @classmethod
    def tearDownClass(cls):
        cls.shared.cleanup()

    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.data = os.path.join(self.folder.name, "broker")
        self.state = os.path.join(self.folder.name, "state")
        self.port = free_port()
        self.broker = None

    def tearDown(self):
        if self.broker:
            self.broker.kill()
        self.folder.cleanup()

    def start_broker(self):
        self.broker = Server("broker", "--data", self.data, "--limits", "off", "--listen", "127.0.0.1:%d" % self.port)

    def env(self):
        return dict(CLIENT_ENV, AWS_ENDPOINT_URL_KINESIS="http://127.0.0.1:%d" % self.port)

    def args(self, *more, file=PIPELINE, lake=None):
        return ["feed", file, "--lake", lake or self.lake, "--create-stream", "2", *more]

    def feed(self, *more, check=True, **kw):
        return run(*self.args(*more, **kw), env=self.env(), check=check)

    def start_feed(self, *more, **kw):
        return subprocess.Popen([BINARY, *self.args(*more, **kw)], env=self.env(), stdin=subprocess.DEVNULL,
                                stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)

    def end_feed(self, process, number):
        process.send_signal(number)
        process.communicate(timeout=30)
        return process.returncode

    def records(self):
        """(partition key, text) of all records, by shard and sequence number."""
        shards = read_stream(kinesis("http://127.0.0.1:%d" % self.port), STREAM)
        return [(key, data.decode()) for shard in shards.values() for _, key, data, _ in shard]

    def count(self):
        try:
            return len(self.records())
        except Exception:  # no stream yet, or the broker is away
            return 0

    def dates(self):
        """{ticker: its dates in stream order}; a ticker is on one shard."""
        dates = collections.defaultdict(list)
        for _, text in self.records():
            row = json.loads(text)
            dates[row["ticker"]].append(row["date"])
        return dates

    def changed(self, *replacements):
        text = open(PIPELINE).read()
        for old, new in replacements:
            self.assertIn(old, text)
            text = text.replace(old, new)
        path = os.path.join(self.folder.name, "p.sql")
        with open(path, "w") as f:
            f.write(text)
        return path

    def test_records_are_as_python_would_write_them(self):
        """Exact keys in order, json.dumps' own text, the instant of sending with microseconds and offset, key = ticker."""
        self.start_broker()
        before = datetime.datetime.now(datetime.timezone.utc)
        self.feed("--once", "--speed", "0")
        after = datetime.datetime.now(datetime.timezone.utc)
        records = self.records()
        self.assertEqual(len(records), ROWS)
        for key, text in records:
            row = json.loads(text)
            self.assertEqual(list(row), KEYS)
            self.assertEqual(text, json.dumps(row))
            self.assertEqual(row["ticker"], key)
            self.assertRegex(row["timestamp"], r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}\+00:00$")
            self.assertTrue(before <= datetime.datetime.fromisoformat(row["timestamp"]) <= after)
            self.assertRegex(row["date"], r"^2024-\d\d-\d\d$")
            self.assertEqual([type(row[k]) for k in KEYS[3:]], [float, float, float, float, int])
        dates = self.dates()
        self.assertEqual(len(dates), 10)
        for ticker, days in dates.items():
            self.assertEqual(days, sorted(set(days)), ticker)
            self.assertEqual(len(days), ROWS // 10)

    def test_pace(self):
        self.start_broker()
        for options, count, seconds in ((["--speed", "5"], 21, 0.6), (["--rate", "100"], 61, 0.6)):
            began = time.monotonic()
            self.feed(*options, "--limit", str(count))
            took = time.monotonic() - began
            self.assertGreater(took, seconds)
            self.assertLess(took, seconds + 3)
        stamps = sorted(json.loads(text)["timestamp"] for _, text in self.records())[:21]
        first, last = (datetime.datetime.fromisoformat(s) for s in (stamps[0], stamps[-1]))
        self.assertAlmostEqual((last - first).total_seconds(), 0.6, delta=0.1)

    def test_pace_of_each_key(self):
        """Each ticker ticks every 300 ms: 10 tickers, 3 records each, at once and not one after the other."""
        self.start_broker()
        began = time.monotonic()
        self.feed("--limit", "30", file=self.changed(("interval = '150 ms'", "interval = '300 ms', pace = 'key'")))
        self.assertGreater(time.monotonic() - began, 0.6)
        stamps = collections.defaultdict(list)
        for _, text in self.records():
            row = json.loads(text)
            stamps[row["ticker"]].append(datetime.datetime.fromisoformat(row["timestamp"]).timestamp())
        self.assertEqual(len(stamps), 10)
        for of_key in stamps.values():
            self.assertEqual(len(of_key), 3)
            self.assertAlmostEqual(of_key[2] - of_key[0], 0.6, delta=0.25)
        firsts = [s[0] for s in stamps.values()]
        self.assertLess(max(firsts) - min(firsts), 0.25)

    def recorded(self, *more):
        return self.changed(("NOW() AS \"timestamp\"", "\"date\" || 'T16:00:00Z' AS \"timestamp\""), ("interval = '150 ms'", "pace = 'event_time'"), *more)

    def test_pace_as_recorded(self):
        """A day takes 100 ms, and a week-end three of them: 2 January to 5 January, then 8 and 9 January."""
        self.start_broker()
        began = time.monotonic()
        self.feed("--speed", "864000", "--limit", "60", file=self.recorded())
        took = time.monotonic() - began
        self.assertGreater(took, 0.7)
        self.assertLess(took, 4)
        self.assertEqual({json.loads(t)["timestamp"] for _, t in self.records()}, {"2024-01-%02dT16:00:00Z" % d for d in (2, 3, 4, 5, 8, 9)})
        out = self.feed("--dry-run", file=self.changed(("interval = '150 ms'", "pace = 'event_time'")), check=False)
        self.assertEqual(out.returncode, 1)
        self.assertIn("needs the recorded instant in 'timestamp', and the SELECT gives NOW()", out.stderr)

    def stamped(self):
        return self.changed(("  open DOUBLE,", "  producer_id VARCHAR, producer_seq BIGINT, DEDUP BY (producer_id, producer_seq),\n  open DOUBLE,"),
                            ("partition_key = 'ticker'", "producer_stamp = true, partition_key = 'ticker'"),
                            ("start = 'LATEST'", "start = 'TRIM_HORIZON'"))

    def test_what_is_sent_twice_after_a_kill_counts_once(self):
        """rule 11: the same producer_id and producer_seq, and so no row of the history is aggregated twice."""
        self.start_broker()
        file = self.stamped()
        process = self.start_feed("--rate", "400", "--state", self.state, file=file)
        wait_for("the state", lambda: os.path.exists(os.path.join(self.state, "feed-history.json")) and self.count() > 100)
        self.end_feed(process, signal.SIGKILL)
        self.feed("--speed", "0", "--once", "--state", self.state, file=file)
        rows = [json.loads(t) for _, t in self.records()]
        self.assertEqual(len({r["producer_id"] for r in rows}), 1)
        self.assertEqual({r["producer_seq"] for r in rows}, set(range(ROWS)))
        repeats = len(rows) - ROWS
        self.assertGreater(repeats, 0)
        of_row = collections.defaultdict(set)
        for r in rows:
            of_row[r["producer_seq"]].add((r["ticker"], r["date"]))
        self.assertTrue(all(len(s) == 1 for s in of_row.values()))
        ledger = json.loads(run("run", file, "--lake", os.path.join(self.folder.name, "l"), "--until-now", "--json", env=self.env()).stdout)
        self.assertEqual((ledger["received"], ledger["duplicate"], ledger["aggregated"]), (len(rows), repeats, ROWS))

    def test_several_feeds_at_once(self):
        self.start_broker()
        text = open(PIPELINE).read()
        feed = text[text.index("CREATE FEED history"):text.index("CREATE VIEW latest_close")]
        file = self.changed(("CREATE VIEW latest_close", feed.replace("history", "other").replace("year = 2024", "year = 2024 AND ticker = 'AAPL'") + "CREATE VIEW latest_close"))
        out = self.feed("--speed", "0", "--once", "--state", self.state, file=file)
        self.assertRegex(out.stderr, "feed history: %d records acknowledged.*\\nfeed other: %d records acknowledged" % (ROWS, ROWS // 10))
        self.assertEqual(self.count(), ROWS + ROWS // 10)
        self.assertEqual(sorted(os.listdir(self.state)), ["feed-history.json", "feed-history.json.lock", "feed-other.json", "feed-other.json.lock"])
        out = self.feed("other", "--dry-run", file=file)  # --lake and the rest stand behind FILE
        self.assertEqual(len(out.stdout.splitlines()), 10)
        out = self.feed("othr", "--dry-run", file=file, check=False)
        self.assertEqual(out.returncode, 1)
        self.assertIn("has no feed 'othr'; did you mean 'other'?", out.stderr)

    def test_dry_run_prints_and_sends_nothing(self):
        for options, count in (([], 10), (["--limit", "3"], 3), (["--limit", "5000"], ROWS)):
            out = self.feed("--dry-run", *options)  # there is no broker
            lines = out.stdout.splitlines()
            self.assertEqual(len(lines), count)
            for line in lines[:10]:
                self.assertEqual(list(json.loads(line)), KEYS)

    def test_a_closed_pipe_is_quiet(self):
        p = subprocess.run("%s feed %s --lake %s --dry-run --limit 2000 | head -c 1; echo ${PIPESTATUS[0]}" % (BINARY, PIPELINE, self.lake), shell=True,
                           executable="/bin/bash", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60)
        self.assertEqual((p.stdout, p.stderr), ("{0\n", ""))

    def test_one_process_at_a_time_sends_a_feed(self):
        self.start_broker()
        process = self.start_feed("--rate", "50", "--state", self.state)
        wait_for("records", lambda: self.count() > 0)
        out = self.feed("--once", "--state", self.state, check=False)
        self.assertEqual(out.returncode, 1)
        self.assertIn("another process sends this feed", out.stderr)
        self.assertEqual(self.end_feed(process, signal.SIGTERM), 0)

    def test_without_once_it_begins_again(self):
        self.start_broker()
        self.feed("--speed", "0", "--limit", str(ROWS + 100))
        for ticker, days in self.dates().items():
            self.assertEqual(len(days), ROWS // 10 + 10)
            self.assertEqual(days[:10], days[-10:])

    def test_resume_after_a_limit_and_after_the_end(self):
        self.start_broker()
        self.feed("--speed", "0", "--limit", "1003", "--state", self.state)
        self.assertEqual(json.load(open(os.path.join(self.state, "feed-history.json")))["rows"], 1003)
        self.feed("--speed", "0", "--once", "--state", self.state)
        for days in self.dates().values():
            self.assertEqual(days, sorted(set(days)))
            self.assertEqual(len(days), ROWS // 10)
        self.feed("--speed", "0", "--once", "--state", self.state)  # a pass that is done is not a place to go on from
        self.assertEqual(self.count(), 2 * ROWS)

    def test_sigterm_drains_and_the_next_run_goes_on_exactly_there(self):
        self.start_broker()
        process = self.start_feed("--rate", "2000", "--state", self.state)
        wait_for("records", lambda: self.count() > 300)
        self.assertEqual(self.end_feed(process, signal.SIGTERM), 0)
        self.feed("--speed", "0", "--once", "--state", self.state)
        for days in self.dates().values():
            self.assertEqual(days, sorted(set(days)))
            self.assertEqual(len(days), ROWS // 10)

    def test_kill_9_repeats_at_most_what_was_not_noted_and_loses_nothing(self):
        self.start_broker()
        process = self.start_feed("--rate", "400", "--state", self.state)
        wait_for("the state", lambda: os.path.exists(os.path.join(self.state, "feed-history.json")))
        self.end_feed(process, signal.SIGKILL)
        noted = json.load(open(os.path.join(self.state, "feed-history.json")))["rows"]
        sent = self.count()
        self.assertLessEqual(noted, sent)
        self.feed("--speed", "0", "--once", "--state", self.state)
        self.assertEqual(self.count(), ROWS + sent - noted)
        for days in self.dates().values():
            self.assertEqual(len(set(days)), ROWS // 10)

    def test_a_broker_that_dies_is_waited_for(self):
        self.start_broker()
        process = self.start_feed("--rate", "500", "--once")
        wait_for("records", lambda: self.count() > 200)
        self.broker.kill()
        time.sleep(0.5)
        self.assertIsNone(process.poll())
        self.start_broker()
        _, err = process.communicate(timeout=60)
        self.assertEqual(process.returncode, 0, err)
        for days in self.dates().values():
            self.assertEqual(len(set(days)), ROWS // 10)

    def test_a_stop_while_the_broker_is_away_ends_in_seconds(self):
        self.start_broker()
        process = self.start_feed("--rate", "1500", "--state", self.state)
        wait_for("records", lambda: self.count() > 200)
        self.broker.kill()
        time.sleep(0.5)
        began = time.monotonic()
        self.assertEqual(self.end_feed(process, signal.SIGTERM), 0)
        self.assertLess(time.monotonic() - began, 12)
        self.start_broker()
        self.feed("--speed", "0", "--once", "--state", self.state)
        for days in self.dates().values():
            self.assertEqual(len(set(days)), ROWS // 10)

    def test_errors_say_what_to_do(self):
        def fails(pattern, *options, **kw):
            out = self.feed(*options, check=False, **kw)
            self.assertEqual(out.returncode, 1, out.stderr)
            self.assertRegex(out.stderr, pattern)
            self.assertEqual(len(out.stderr.splitlines()), 1, out.stderr)

        fails("is the broker running")
        empty = os.path.join(self.folder.name, "empty")
        fails(r"no history: LAKE\('curated/stocks_features'\).*tapeline sample", "--dry-run", lake=empty)
        self.assertFalse(os.path.exists(empty))
        fails("no rows for this feed", "--dry-run", file=self.changed(("year = 2024", "year = 1924")))
        fails(r"a column 'opn' that source 'ticks' does not declare; did you mean 'open'",
              "--dry-run", file=self.changed((" open, high, low, close, volume\n  FROM", " open AS opn, high, low, close, volume\n  FROM")))
        fails(r"gives no column 'close', which source 'ticks' declares NOT NULL",
              "--dry-run", file=self.changed((" low, close, volume\n  FROM", " low, volume\n  FROM")))
        fails(r"gives DOUBLE for 'volume', which source 'ticks' declares as BIGINT: CAST",
              "--dry-run", file=self.changed((" close, volume\n  FROM", " close, volume / 2.5 AS volume\n  FROM")))
        self.start_broker()
        out = run("feed", PIPELINE, "--lake", self.lake, env=self.env(), check=False)
        self.assertEqual(out.returncode, 1)
        self.assertRegex(out.stderr, r"there is no stream 'stock_stream' in region us-east-1 .*--create-stream")
        os.makedirs(self.state)
        with open(os.path.join(self.state, "feed-history.json"), "w") as f:
            f.write("{\"rows\":-1}")
        fails("feed-history.json' does not say where the feed stands", "--state", self.state)

    def test_progress_is_one_line_on_a_terminal_and_plain_elsewhere(self):
        self.start_broker()
        out = self.feed("--rate", "500", "--limit", "100")
        self.assertRegex(out.stderr, r"^feed history: 100 records acknowledged in .*, 0 refusals sent again\n$")
        main, terminal = pty.openpty()
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 160, 0, 0))  # wide enough for any rate
        process = subprocess.Popen([BINARY, *self.args("--rate", "200", "--limit", "200", "--once")], env=self.env(),
                                   stdin=subprocess.DEVNULL, stderr=terminal)
        os.close(terminal)
        text = b""
        try:
            while part := os.read(main, 4096):
                text += part
        except OSError:  # the terminal is closed
            pass
        os.close(main)
        self.assertEqual(process.wait(30), 0)
        lines = [line for line in re.split(r"\r", text.decode()) if line.strip()]
        self.assertGreater(len(lines), 3)
        self.assertRegex(lines[2], r"^\[#+-+\] +\d+ %  feed history: \d+ records, [A-Z]+ 2024-\d\d-\d\d [\d.]+, [\d.]+/s, throttled 0, [1-9]\d* s left")


if __name__ == "__main__":
    unittest.main()
