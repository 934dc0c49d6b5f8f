# SPDX-License-Identifier: Apache-2.0
"""The batch layers: real prices from CSV to features, held against a computation in plain Python; incremental, idempotent, and walked
through from the CSV to the live chart as docs/lakehouse.md says."""
import csv
import glob
import hashlib
import io
import json
import math
import os
import re
import shutil
import subprocess
import tempfile
import time
import unittest
import urllib.request

from tapeline import BINARY, CLIENT_ENV, ROOT, SHARED, Server, run, shared_absent

DAILY = os.path.join(SHARED, "data", "daily")
WIDE = os.path.join(SHARED, "data", "AAPL_yfinance_multiheader.csv")
PIPELINE = os.path.join(ROOT, "pipelines", "lakehouse.sql")
ABSENT = shared_absent(DAILY)


def rows(lake, sql):
    text = run("query", sql, "--lake", lake, "--format", "csv", "--max-rows", "100000").stdout
    return list(csv.DictReader(io.StringIO(text)))


def tree(folder):
    """Every file below the folder and the hash of its bytes."""
    out = {}
    for path, _, names in os.walk(folder):
        for name in names:
            with open(os.path.join(path, name), "rb") as f:
                out[os.path.relpath(os.path.join(path, name), folder)] = hashlib.sha256(f.read()).hexdigest()
    return out


def read_prices(paths):
    """{ticker: {date: (close, volume)}}, later files winning, with Python's own CSV reader."""
    out = {}
    for path in paths:
        with open(path, newline="") as f:
            lines = list(csv.reader(f))
        if lines[0][0] == "Price":
            ticker, head, body = lines[1][1], lines[0], lines[3:]
        else:
            ticker, head, body = os.path.basename(path)[:-4], lines[0], lines[1:]
        for line in body:
            out.setdefault(ticker, {})[line[0][:10]] = (float(line[head.index("Close")]), int(line[head.index("Volume")]))
    return out


def mean(values):
    return math.fsum(values) / len(values)


def deviation(values):
    m = mean(values)
    return math.sqrt(math.fsum((v - m) ** 2 for v in values) / (len(values) - 1))


def last(values, i, n):
    """The n values up to and with number i; None where one is missing."""
    part = values[i - n + 1:i + 1] if i >= n - 1 else [None]
    return None if None in part else part


def over(f, values, i, n):
    part = last(values, i, n)
    return None if part is None else f(part)


def features(days):
    """The columns of docs/lakehouse.md for one ticker's [(date, close, volume)], by their definitions and nothing else."""
    close = [d[1] for d in days]
    volume = [d[2] for d in days]
    count = range(len(days))
    change = [None] + [close[i] - close[i - 1] for i in count[1:]]
    returns = [None] + [close[i] / close[i - 1] - 1 for i in count[1:]]
    sma = {n: [over(mean, close, i, n) for i in count] for n in (12, 20, 26, 50, 200)}
    macd = [None if sma[26][i] is None else sma[12][i] - sma[26][i] for i in count]
    out = []
    for i in count:
        moves = last(change, i, 14)
        rsi = None
        if moves:
            gain, loss = mean([max(m, 0) for m in moves]), mean([max(-m, 0) for m in moves])
            rsi = 100 - 100 / (1 + gain / loss) if loss else (100.0 if gain else None)
        signal, band = over(mean, macd, i, 9), over(deviation, close, i, 20)
        middle = sma[20][i]
        upper = None if middle is None else middle + 2 * band
        lower = None if middle is None else middle - 2 * band
        both = i > 0 and sma[200][i - 1] is not None
        out.append(dict(
            date=days[i][0], close=close[i], daily_return=returns[i], sma_20=middle, sma_50=sma[50][i], sma_200=sma[200][i],
            volatility_20=over(deviation, returns, i, 20), rsi_14=rsi, macd=macd[i], macd_signal=signal,
            macd_hist=None if signal is None else macd[i] - signal, bb_middle=middle, bb_upper=upper, bb_lower=lower,
            vol_ma_20=over(mean, volume, i, 20),
            buy_signal=rsi is not None and middle is not None and rsi < 30 and close[i] < lower,
            sell_signal=rsi is not None and middle is not None and rsi > 70 and close[i] > upper,
            golden_cross=both and sma[50][i] > sma[200][i] and sma[50][i - 1] <= sma[200][i - 1],
            death_cross=both and sma[50][i] < sma[200][i] and sma[50][i - 1] >= sma[200][i - 1]))
    return out


class Lakehouse(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.lake = os.path.join(self.folder.name, "lake")

    def tearDown(self):
        self.folder.cleanup()

    def file(self, name, text):
        path = os.path.join(self.folder.name, name)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as f:
            f.write(text)
        return path

    def build(self, *args, lake=None, **kw):
        return run("build", PIPELINE, *args, "--lake", lake or self.lake, **kw)

    @unittest.skipIf(ABSENT, ABSENT or "")
    def test_features_are_those_of_plain_python(self):
        """Ten years of AAPL and three of eight others: each value of each day to 1e-9."""
        files = [WIDE] + sorted(glob.glob(os.path.join(DAILY, "*.csv")))
        prices = read_prices(files)
        run("ingest", "--lake", self.lake, *files)
        self.build()
        got = {}
        for row in rows(self.lake, "SELECT * FROM curated.stocks_features ORDER BY ticker, date"):
            got.setdefault(row["ticker"], []).append(row)
        self.assertEqual(sorted(got), sorted(prices))
        worst = 0.0
        for ticker, days in prices.items():
            expected = features(sorted((date, *v) for date, v in days.items()))
            self.assertEqual([r["date"] for r in got[ticker]], [e["date"] for e in expected])
            for r, e in zip(got[ticker], expected):
                self.assertEqual(r["year"], e["date"][:4])
                for name, value in e.items():
                    where = "%s %s %s: %r, not %r" % (ticker, e["date"], name, r[name], value)
                    if isinstance(value, bool):
                        self.assertEqual(r[name], str(value).lower(), where)
                    elif isinstance(value, float):
                        self.assertTrue(r[name], where)
                        off = abs(float(r[name]) - value) / max(1.0, abs(value))
                        worst = max(worst, off)
                        self.assertLessEqual(off, 1e-9, where)
                    elif value is None:
                        self.assertEqual(r[name], "", where)
        self.assertGreater(sum(r["golden_cross"] == "true" for t in got.values() for r in t), 5)
        self.assertGreater(sum(r["buy_signal"] == "true" for t in got.values() for r in t), 20)
        print("the largest difference is %.1e" % worst, flush=True)

    @unittest.skipIf(ABSENT, ABSENT or "")
    def test_day_by_day_is_as_all_at_once(self):
        """History that comes in pieces, in any order, ends in the same bytes; the same again changes none."""
        with open(os.path.join(DAILY, "NVDA.csv")) as f:
            head, *lines = f.readlines()
        pieces = [lines[300:600], lines[:300], lines[600:]]
        for piece in pieces:
            run("ingest", "--lake", self.lake, self.file("NVDA.csv", head + "".join(piece)))
            self.build()
        again = run("ingest", "--lake", self.lake, self.file("NVDA.csv", head + "".join(pieces[2])))
        self.assertIn("nothing has changed", again.stderr)
        before = tree(self.lake)
        run("ingest", "--lake", self.lake, os.path.join(DAILY, "NVDA.csv"))
        self.assertIn("nothing has changed", self.build().stderr)
        self.assertEqual(tree(self.lake), before)
        other = os.path.join(self.folder.name, "other")
        run("ingest", "--lake", other, os.path.join(DAILY, "NVDA.csv"))
        self.build(lake=other)
        for layer in ("processed", "curated"):
            self.assertEqual(tree(os.path.join(self.lake, layer)), tree(os.path.join(other, layer)))
        # The last year alone has changed, and is alone made again.
        run("ingest", "--lake", self.lake, self.file("NVDA.csv", head + "2025-11-10 00:00:00-05:00,1,2,1,2,5,0,0\n"))
        self.assertRegex(self.build().stderr, r"rows in 1 of 4 partitions made, 0 removed")

    def test_what_is_wrong_is_told(self):
        good = self.file("A.csv", "Date,Open,High,Low,Close,Volume\n2024-01-02,1,2,1,2,5\n2024-01-03,1,2,1,oops,5\n")
        bad = self.file("B.csv", "<html>not found</html>\n")
        p = run("ingest", bad, good, os.path.join(self.folder.name, "absent.csv"), "--lake", self.lake, check=False)
        self.assertEqual(p.returncode, 1)
        self.assertIn("B.csv' line 1: the header has no column 'Date'", p.stderr)
        self.assertIn("absent.csv", p.stderr)
        self.assertIn("1 rows were rejected", p.stderr)
        reject, = rows(self.lake, "SELECT * FROM processed.stocks_rejects")
        self.assertEqual((os.path.realpath(good), "3", "A", "not a number: 'oops'", "2024-01-03,1,2,1,oops,5"),
                         tuple(reject[k] for k in ("file", "line", "ticker", "reason", "data")))
        self.assertEqual(len(rows(self.lake, "SELECT * FROM processed.stocks")), 1)
        p = self.build("stock_features", check=False)
        self.assertEqual(p.returncode, 2)
        self.assertIn("did you mean 'curated.stocks_features'", p.stderr)
        self.build("stocks_features")
        p = run("build", PIPELINE, "--lake", os.path.join(self.folder.name, "empty"), check=False)
        self.assertEqual(p.returncode, 1)
        self.assertIn("LAKE('processed/stocks'): the lake has no Parquet files there", p.stderr)
        p = run("check", self.file("x.sql", open(PIPELINE).read().replace("incremental_by = 'year'", "incremental_by = 'month'")), check=False)
        self.assertEqual(p.returncode, 3)
        self.assertIn("'incremental_by' is one of the columns of 'partition_by'", p.stderr)

    def test_tables_that_read_each_other(self):
        """Made in the order that this asks for, whatever the file's; a circle is refused."""
        run("ingest", self.file("A.csv", "Date,Open,High,Low,Close,Volume\n2024-01-02,1,2,1,2,5\n2024-01-03,1,4,1,4,5\n"), "--lake", self.lake)
        text = ("CREATE PIPELINE p;\nCREATE TABLE marts.top WITH (path = 'marts/top') AS SELECT max(m) AS m FROM LAKE('marts/mean');\n"
                "CREATE TABLE marts.mean WITH (path = 'marts/mean', partition_by = 'ticker') AS\n"
                "  SELECT ticker, avg(close) AS m FROM LAKE('processed/stocks') GROUP BY ticker;\n")
        run("build", self.file("p.sql", text), "--lake", self.lake)
        self.assertEqual(rows(self.lake, "SELECT m FROM marts.top"), [{"m": "3"}])
        circle = self.file("c.sql", text.replace("LAKE('processed/stocks')", "LAKE('marts/top'), (SELECT 'x' AS ticker, 1 AS close)"))
        p = run("build", circle, "--lake", self.lake, check=False)
        self.assertIn("in a circle", p.stderr)

    @unittest.skipIf(ABSENT, ABSENT or "")
    def test_the_walk_through(self):
        """The commands of docs/lakehouse.md as they stand, but for the ports: from the CSV to the chart's events."""
        with open(os.path.join(ROOT, "docs", "lakehouse.md")) as f:
            commands = re.findall(r"^```sh\n(.*?)^```$", f.read(), re.M | re.S)
        self.assertEqual(len(commands), 8)
        home = self.folder.name
        shutil.copytree(DAILY, os.path.join(home, "prices"))
        os.symlink(os.path.join(ROOT, "pipelines"), os.path.join(home, "pipelines"))
        env = dict(CLIENT_ENV, PATH=os.path.dirname(BINARY) + ":" + CLIENT_ENV["PATH"])
        served = 0
        answers = {}
        for command in commands:
            if command.startswith("tapeline up"):
                self.serve(command, home, env)
                served += 1
                continue
            p = subprocess.run(command, shell=True, cwd=home, env=env, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE, timeout=120)
            self.assertEqual(p.returncode, 0, command + p.stderr)
            answers[command] = p.stdout
        self.assertEqual(served, 1)
        days = next(a for c, a in answers.items() if "AS days" in c)
        self.assertIn("NVDA,753,2022-11-08,2025-11-07\n", days)
        joined = next(a for c, a in answers.items() if "JOIN curated.stocks_features" in c)
        self.assertEqual(joined.splitlines()[0], "ticker,window_end,avg_close,sma_20")
        self.assertIn(",2024-01-", next(a for c, a in answers.items() if "rsi_14" in c).replace("\n", "\n,"))

    def serve(self, command, home, env):
        """'tapeline up' until the chart's view shows averages of the ingested prices."""
        args = command.split()[1:]
        for name in ("--listen", "--aws-listen"):
            args[args.index(name) + 1] = "127.0.0.1:0"
        here = os.getcwd()
        os.chdir(home)
        try:
            with Server(*args, env=env) as server:
                self.assertFalse(server.status()["synthetic"])
                prices = read_prices(glob.glob(os.path.join(home, "prices", "*.csv")))
                seen = self.chart_rows(server, "avg_1min", len(prices))
                for ticker, row in seen.items():
                    self.assertEqual(row["trade_date"][:4], "2024")
                    self.assertIn(row["last_close"], {v[0] for v in prices[ticker].values()})
                self.assertEqual(server.stop(), 0)
        finally:
            os.chdir(here)

    def chart_rows(self, server, view, tickers):
        seen, event = {}, ""
        with urllib.request.urlopen(server.page + "/api/events", timeout=60) as stream:
            end = time.monotonic() + 60
            while len(seen) < tickers:
                self.assertLess(time.monotonic(), end, "only %s were on the chart" % sorted(seen))
                line = stream.readline().decode().strip()
                event = line[7:] if line.startswith("event: ") else event
                if line.startswith("data: ") and event == view:
                    seen.update((r["ticker"], r) for r in json.loads(line[6:])["rows"])
        return seen


if __name__ == "__main__":
    unittest.main()
