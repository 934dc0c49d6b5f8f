# SPDX-License-Identifier: Apache-2.0
"""The batch layers in a bucket: they end as in a folder, byte for byte, whatever happens to the requests: a kill before or after each, lost
answers, an outage, a right that is missing, a second ingest or build at the same time. Glue is told; the feed reads from there."""
import json
import os
import random
import re
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.request

from fake_json import FakeGlue
from fake_s3 import FakeS3
from tapeline import BINARY, PIPELINE, ROOT, Server, run

FULL = os.environ.get("TL_FULL") == "1"  # every crash point; else some, from a seeded start on
LAKEHOUSE = os.path.join(ROOT, "pipelines", "lakehouse.sql")
HEAD = "Date,Open,High,Low,Close,Volume\n"
LAKE = "s3://lake/p"


def days(year, first, count, price=10):
    return "".join("%d-03-%02d,%d,%d,%d,%d.5,%d\n" % (year, d, price, price + d, price - 1, price + d - 1, 100 + d) for d in range(first, first + count))


class LakehouseInS3(unittest.TestCase):
    def setUp(self):
        self.dir = tempfile.mkdtemp(prefix="tapeline-lakehouse-")
        self.addCleanup(shutil.rmtree, self.dir)
        self.s3 = FakeS3()
        self.addCleanup(self.s3.close)
        self.s3.buckets["lake"] = {}
        self.env = self.s3.env(TMPDIR=self.dir, XDG_CACHE_HOME=os.path.join(self.dir, "cache"), BUCKET="lake/p", AWS_MAX_ATTEMPTS="3")
        self.a = self.write("A.csv", HEAD + days(2023, 1, 25) + days(2024, 1, 20) + "2024-03-29,1,2,1,oops,5\n")
        self.b = self.write("B.csv", HEAD + days(2024, 1, 22, 20))

    def write(self, name, text):
        path = os.path.join(self.dir, name)
        with open(path, "w") as f:
            f.write(text)
        return path

    def ingest(self, *files, lake=LAKE, **kw):
        return run("ingest", *files, "--lake", lake, env=self.env, **kw)

    def build(self, *more, lake=LAKE, **kw):
        return run("build", LAKEHOUSE, *more, "--lake", lake, env=self.env, **kw)

    def folder(self, *files):
        """What a folder has after ingesting and building: {name: bytes}."""
        lake = tempfile.mkdtemp(dir=self.dir)
        self.ingest(*files, lake=lake)
        self.build(lake=lake)
        return self.tree(lake)

    @staticmethod
    def tree(lake):
        out = {}
        for path, _, names in os.walk(lake):
            for name in names:
                with open(os.path.join(path, name), "rb") as f:
                    out[os.path.relpath(os.path.join(path, name), lake)] = f.read()
        return {k: v for k, v in out.items() if "LOCK" not in k}

    def objects(self):
        return {k[2:]: v.body for k, v in self.s3.buckets["lake"].items()}

    def changes(self):
        """The calls since the last time that may change something."""
        calls = [c for c in self.s3.calls if c[0] not in ("GetObject", "HeadObject", "ListObjectsV2")]
        self.s3.calls.clear()
        return calls

    def same(self, expected, where=""):
        got = self.objects()
        self.assertEqual(sorted(got), sorted(expected), where)
        for name, bytes in expected.items():
            self.assertEqual(got[name], bytes, where + name)

    def test_a_bucket_ends_as_a_folder_does(self):
        self.ingest(self.a, self.b)
        p = self.build()
        self.assertRegex(p.stderr, r"67 rows in 3 of 3 partitions made")
        twin = tempfile.mkdtemp(dir=self.dir)
        self.ingest(self.a, self.b, lake=twin)
        self.build(lake=twin)
        expected = self.tree(twin)
        self.assertEqual(len([n for n in expected if n.endswith(".parquet")]), 7, sorted(expected))
        self.same(expected)
        # Nothing new: nothing is put.
        self.changes()
        self.assertIn("nothing has changed", self.ingest(self.b).stderr)
        self.assertIn("nothing has changed", self.build().stderr)
        self.assertEqual(self.changes(), [])
        # A day more: its partition alone is read and put again; and a file without rejects takes them away.
        more = self.write("A.csv", HEAD + days(2024, 21, 1))
        self.ingest(more)
        self.assertEqual(len([c for c in self.s3.calls if c[0] == "GetObject" and "processed/" in c[1]]), 1)
        self.assertRegex(self.build().stderr, r"21 rows in 1 of 3 partitions made")
        self.ingest(more, lake=twin)
        self.build(lake=twin)
        self.same(self.tree(twin))

    def test_files_of_others_are_told(self):
        self.ingest(self.b)
        name, = [n for n in self.s3.buckets["lake"] if "processed/stocks/ticker=B" in n]
        things = self.s3.buckets["lake"]
        things[os.path.dirname(name) + "/other.parquet"] = things[name]
        p = self.ingest(self.write("B.csv", HEAD + days(2024, 25, 1)), check=False)
        self.assertEqual(p.returncode, 1)
        self.assertIn("'s3://lake/p/processed/stocks/ticker=B/year=2024/other.parquet' was not written by tapeline: remove it", p.stderr)
        self.assertIn("ingest into another lake", p.stderr)
        del things[os.path.dirname(name) + "/other.parquet"]
        things["p/curated/stocks_features/x.parquet"] = things[name]
        p = self.build(check=False)
        self.assertEqual(p.returncode, 1)
        self.assertIn("'s3://lake/p/curated/stocks_features/x.parquet' was not made by a build of this table", p.stderr)

    # ---- kills ----

    def kill_at(self, nth, done, args):
        """True when the process was killed at its nth request."""
        seen, process = [0], []

        def rule(_):
            seen[0] += 1
            if seen[0] == nth:
                os.kill(process[0].pid, signal.SIGKILL)
                process[0].wait()
                return "lost" if done else "drop"
            return "drop" if seen[0] > nth else None
        self.s3.rule = rule
        with self.s3.lock:  # no request is looked at before the process is known
            process.append(subprocess.Popen([BINARY, *args], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=self.env))
        process[0].wait(120)
        self.s3.rule = None
        return seen[0] >= nth

    def sweep(self, args, again, begin, expected, step):
        step = 1 if FULL else step
        nth, points = 1 + (0 if FULL else random.randrange(step)), 0
        while True:
            killed = False
            for done in (False, True):
                self.s3.buckets["lake"] = dict(begin)
                if self.kill_at(nth, done, args):
                    killed, points = True, points + 1
                    again()
                    self.same(expected, "%s: request %d, %s: " % (args[0], nth, "done" if done else "not done"))
            if not killed:
                return points
            nth += step

    def test_each_request_of_an_ingest_is_a_crash_point(self):
        self.ingest(self.a)
        begin = dict(self.s3.buckets["lake"])
        more = self.write("A.csv", HEAD + days(2023, 26, 2) + "2024-03-30,1,2,x,4,5\n" + days(2024, 25, 1))
        self.ingest(more)
        expected = self.objects()
        random.seed(int(os.environ.get("TL_SEED", 7)))
        self.assertGreater(self.sweep(["ingest", more, "--lake", LAKE], lambda: self.ingest(more), begin, expected, 3), 5)

    def test_each_request_of_a_build_is_a_crash_point(self):
        self.ingest(self.a, self.b)
        self.build()
        self.ingest(self.write("A.csv", HEAD + days(2023, 26, 2)))
        begin = dict(self.s3.buckets["lake"])
        self.build()
        expected = self.objects()
        random.seed(int(os.environ.get("TL_SEED", 7)))
        self.assertGreater(self.sweep(["build", LAKEHOUSE, "--lake", LAKE], self.build, begin, expected, 5), 5)

    # ---- trouble ----

    def test_lost_answers_and_an_outage_double_nothing(self):
        expected, seen = self.folder(self.a, self.b), []

        def rule(r):  # each thing's first request is done and not answered; the second one of a put meets an outage
            key = (r.action, r.key, r.query.get("prefix"))
            seen.append(key)
            times = seen.count(key)
            return "lost" if times == 1 else (503, "SlowDown") if times == 2 and r.action == "PutObject" else None
        self.s3.rule = rule
        self.env["AWS_MAX_ATTEMPTS"] = "5"
        self.ingest(self.a, self.b)
        seen.clear()
        self.build()
        self.s3.rule = None
        self.same(expected)

    def test_a_missing_right_is_named_and_loses_nothing(self):
        expected = self.folder(self.a, self.b)
        for action, part, right in (("ListObjectsV2", "", "s3:ListBucket"), ("PutObject", "processed/", "s3:PutObject"), ("PutObject", "rejects/", "s3:PutObject"),
                                    ("PutObject", "catalog.json", "s3:PutObject"), ("GetObject", "catalog.json", "s3:GetObject")):
            self.s3.buckets["lake"] = {}
            self.s3.rule = lambda r: (403, "AccessDenied") if r.action == action and part in (r.key or r.query.get("prefix", "")) else None
            p = self.ingest(self.a, self.b, check=False)
            self.assertEqual(p.returncode, 1, (action, part))
            self.assertIn("%s is not allowed on 's3://lake" % right, p.stderr)
        self.s3.rule = None
        self.ingest(self.a, self.b)
        for action, part in (("GetObject", "processed/"), ("PutObject", "batch/"), ("PutObject", "curated/"), ("HeadObject", "batch/")):
            self.s3.rule = lambda r: (403, "AccessDenied") if r.action == action and part in r.key else None
            p = self.build(check=False)
            self.assertEqual(p.returncode, 1, (action, part))
            self.assertRegex(p.stderr, "s3:(Get|Put)Object is not allowed on 's3://lake")
            self.s3.rule = None
        self.build()
        self.same(expected)

    # ---- two at a time ----

    def between(self, what, then):
        """A rule that does something, once, as the first request of that kind comes in."""
        def rule(r):
            if r.action == what[0] and what[1] in r.key:
                self.s3.rule = None
                then()
        self.s3.rule = rule

    def test_two_ingests_of_one_partition_lose_no_day(self):
        parts = [HEAD + days(2024, first, 3) for first in (20, 4, 1)]
        self.ingest(self.write("A.csv", parts[0]))
        first, second = self.write("A.csv", parts[2]), self.write("A_late.csv", parts[1])
        self.between(("PutObject", "processed/stocks/ticker=A"), lambda: self.ingest(second))
        self.ingest(first)
        twin = tempfile.mkdtemp(dir=self.dir)
        for text in parts:
            self.ingest(self.write("A.csv", text), lake=twin)
        self.same(self.tree(twin))

    def test_of_two_builds_the_older_one_gives_way(self):
        self.ingest(self.a)
        more = self.write("B.csv", HEAD + days(2023, 1, 3))
        expected = self.folder(self.a, more)
        for what in (("PutObject", "curated/"), ("HeadObject", "batch/"), ("PutObject", "batch/")):
            self.s3.buckets["lake"] = {k: v for k, v in self.s3.buckets["lake"].items() if "curated" not in k and "ticker=B" not in k}
            self.between(what, lambda: (self.ingest(more), self.build()))
            p = self.build(check=False)
            self.assertEqual(p.returncode, 1, what)
            self.assertRegex(p.stderr, "another 'tapeline build' .*let it end, and build again")
            self.build()
            self.same(expected, str(what))

    # ---- large files ----

    def test_a_table_of_one_large_file_goes_up_in_parts(self):
        self.ingest(self.b)
        text = ("CREATE PIPELINE p;\nCREATE TABLE marts.big WITH (path = 'marts/big') AS SELECT r.range AS i, CAST(hash(r.range + %d) >> 1 AS BIGINT) AS h "
                "FROM (SELECT max(close) AS m FROM LAKE('processed/stocks')), range(2200000) r;\n")
        for seed in (0, 1):  # the second time it is replaced
            run("build", self.write("p.sql", text % seed), "--lake", LAKE, env=self.env)
            name, = [n for n in self.s3.buckets["lake"] if "marts/big" in n and n.endswith(".parquet")]
            self.assertRegex(self.s3.buckets["lake"][name].etag, '-[2-9]"$')
        self.assertEqual(self.s3.uploads, {})

    # ---- Glue, and the feed ----

    def test_glue_hears_of_the_batch_tables(self):
        with FakeGlue() as glue:
            env = dict(self.env, AWS_ENDPOINT_URL_GLUE=glue.url, BUCKET="lake/p")
            glue.trouble = [("CreateTable", 500, "InternalServiceException")]
            run("ingest", self.a, self.b, "--profile", "aws", env=env)
            run("build", LAKEHOUSE, "--profile", "aws", env=env)
            table = glue.tables["processed", "stocks"]
            self.assertEqual(table["StorageDescriptor"]["Location"], "s3://lake/p/processed/stocks/")
            self.assertEqual([(c["Name"], c["Type"]) for c in table["PartitionKeys"]], [("ticker", "string"), ("year", "bigint")])
            self.assertEqual(sorted(glue.partitions["processed", "stocks"]), [("A", "2023"), ("A", "2024"), ("B", "2024")])
            self.assertEqual(sorted(glue.partitions["curated", "stocks_features"]), [("A", "2023"), ("A", "2024"), ("B", "2024")])
            self.assertEqual(len(glue.partitions["processed", "stocks_rejects"]), 1)
            verify = lambda: run("verify", LAKEHOUSE, "--profile", "aws", "--lake", LAKE, env=env, check=False)  # noqa: E731
            p = verify()
            self.assertEqual((p.returncode, p.stdout), (0, ""), p.stderr)
            # What differs is told, and the next build mends it.
            del glue.partitions["curated", "stocks_features"]["B", "2024"]
            self.assertIn("curated.stocks_features: partition 'ticker=B/year=2024' is in the lake, and not in Glue", verify().stdout)
            run("build", LAKEHOUSE, "--profile", "aws", env=env)
            self.assertEqual(verify().stdout, "")
            # A mended file takes its rejects away; a table of another SELECT has other columns; a ticker that is gone has no partition.
            run("ingest", self.write("A.csv", HEAD + days(2024, 1, 1)), "--profile", "aws", env=env)
            self.assertEqual(glue.partitions["processed", "stocks_rejects"], {})
            for name in [n for n in self.s3.buckets["lake"] if "processed/stocks/ticker=B" in n]:
                del self.s3.buckets["lake"][name]
            with open(LAKEHOUSE) as f:
                other = self.write("other.sql", f.read().replace("vol_ma_20,\n       coalesce", "vol_ma_20, 1 AS one,\n       coalesce").replace("SELECT ticker, year, \"date\", open,", "SELECT ticker, year, \"date\","))
            run("build", other, "--profile", "aws", env=env)
            names = [c["Name"] for c in glue.tables["curated", "stocks_features"]["StorageDescriptor"]["Columns"]]
            self.assertIn("one", names)
            self.assertNotIn("open", names)
            self.assertEqual([c["Name"] for c in glue.partitions["curated", "stocks_features"]["A", "2024"]["StorageDescriptor"]["Columns"]], names)
            self.assertNotIn(("B", "2024"), glue.partitions["curated", "stocks_features"])
            del glue.partitions["processed", "stocks"]["B", "2024"]
            self.assertEqual(verify().stdout, "")
            # Glue is down: the lake is as it should be, and the error says so.
            glue.trouble = [(None, 500, "InternalServiceException")] * 50
            p = run("ingest", self.b, "--profile", "aws", env=env, check=False)
            self.assertEqual(p.returncode, 1)
            self.assertIn("the same command tells it again", p.stderr)

    def test_the_walk_through_in_s3(self):
        """The commands of docs/lakehouse.md for S3, as they stand but for the bucket's name."""
        with open(os.path.join(ROOT, "docs", "lakehouse.md")) as f:
            commands = re.findall(r"^```sh s3\n(.*?)^```$", f.read(), re.M | re.S)
        self.assertEqual(len(commands), 4)
        self.s3.buckets["my-bucket"] = {}
        os.mkdir(os.path.join(self.dir, "prices"))
        for path in (self.a, self.b):
            shutil.copy(path, os.path.join(self.dir, "prices"))
        os.symlink(os.path.join(ROOT, "pipelines"), os.path.join(self.dir, "pipelines"))
        with FakeGlue() as glue:
            env = dict(self.env, AWS_ENDPOINT_URL_GLUE=glue.url, PATH=os.path.dirname(BINARY) + ":" + self.env["PATH"])
            answers = []
            for command in commands:
                p = subprocess.run(command, shell=True, cwd=self.dir, env=dict(env, BUCKET="my-bucket/lakehouse"), text=True, capture_output=True, timeout=120)
                self.assertEqual(p.returncode, 0, command + p.stderr)
                answers.append(p.stdout)
            self.assertEqual(answers[2].splitlines(), ["ticker,days", "A,45", "B,22"])
            self.assertEqual(answers[3], "")
            self.assertIn(("curated", "stocks_features"), glue.tables)

    def test_the_feed_replays_what_was_built_in_the_bucket(self):
        with open(PIPELINE) as f:
            text = f.read()
        text = text.replace("CREATE PROFILE aws WITH (kinesis = 'aws', lake = 's3://${BUCKET}', catalog = 'glue'",
                            "CREATE PROFILE bucket WITH (kinesis = 'embedded', lake = 's3://${BUCKET}', catalog = 'embedded'")
        self.ingest(self.a, self.b)  # and 'up' builds
        env = dict(self.env, AWS_ACCESS_KEY_ID="AKIDEXAMPLE")
        with Server("up", self.write("p.sql", text), "--profile", "bucket", "--data", os.path.join(self.dir, "data"), "--listen", "127.0.0.1:0",
                    "--aws-listen", "127.0.0.1:0", "--speed", "20", env=env) as server:
            self.assertFalse(server.status()["synthetic"])
            seen, event, end = {}, "", time.monotonic() + 60
            with urllib.request.urlopen(server.page + "/api/events", timeout=60) as stream:
                while len(seen) < 2:
                    self.assertLess(time.monotonic(), end, "only %s came" % sorted(seen))
                    line = stream.readline().decode().strip()
                    event = line[7:] if line.startswith("event: ") else event
                    if line.startswith("data: ") and event == "latest_close":
                        seen.update((r["ticker"], r["latest_close"]) for r in json.loads(line[6:])["rows"])
            self.assertIn(seen["B"], {20 + d - 0.5 for d in range(1, 23)})
            self.assertEqual(server.stop(), 0)
        self.assertTrue([n for n in self.objects() if n.startswith("curated/stocks_features/ticker=A/year=2023/")])


if __name__ == "__main__":
    unittest.main()
