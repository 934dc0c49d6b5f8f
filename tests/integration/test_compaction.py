# SPDX-License-Identifier: Apache-2.0
"""Small files become few: by a sink's compact = '...' while its engine runs, by 'tapeline compact', in a folder and in a bucket, with who lists
the lake seeing each row once; and a view that gets a column more goes on in the same table."""
import json
import os
import resource
import signal
import subprocess
import tempfile
import time
import unittest

from duck import Duck, DuckError, visible_files
from fake_json import FakeGlue
from fake_s3 import FakeS3
from tapeline import BINARY, CLIENT_ENV, Server, broker, kinesis, run, wait_for

PIPELINE = """CREATE PIPELINE p;
CREATE PROFILE local DEFAULT WITH (kinesis = 'embedded', lake = './lake');
CREATE PROFILE aws WITH (kinesis = 'aws', lake = 's3://lake-b/l', catalog = 'glue'%(profile)s);
CREATE SOURCE ticks (ticker VARCHAR NOT NULL, ts VARCHAR NOT NULL, close DOUBLE%(column)s,
  event_time AS PARSE_TIMESTAMP(ts), WATERMARK FOR event_time AS event_time) WITH (stream = 's', start = 'TRIM_HORIZON');
CREATE VIEW v AS SELECT ticker, window_start, window_end, COUNT(*) AS n, SUM(close) AS total%(output)s
  FROM TUMBLE(ticks, event_time, INTERVAL '1' MINUTE) GROUP BY ticker, window_start, window_end EMIT FINAL;
CREATE SINK k FROM v WITH (path = 'v', table = 'd.v', partition_by = '%(by)s', commit_every = '1 s'%(sink)s);
"""
MINUTES = 10


def tick(minute, ticker="A", **more):
    return dict({"ticker": ticker, "ts": "2025-09-%02dT10:%02d:00Z" % (27 + minute // 60, minute % 60), "close": 1.5 + minute}, **more)


class Compaction(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.lake = os.path.join(self.folder.name, "lake")

    def tearDown(self):
        self.folder.cleanup()

    def pipeline(self, by="ticker", sink="", column="", output="", profile=""):
        path = os.path.join(self.folder.name, "p.sql")
        with open(path, "w") as f:
            f.write(PIPELINE % dict(by=by, sink=sink, column=column, output=output, profile=profile))
        return path

    def bucket(self, **settings):
        """A lake in S3 with three minutes in it, and the environment to reach it."""
        s3 = FakeS3()
        s3.buckets["lake-b"] = {}
        self.addCleanup(s3.close)
        env = s3.env(XDG_CACHE_HOME=self.folder.name, **settings)
        self.pipeline()
        self.minutes(0, 3, "--lake", "s3://lake-b/l", env=env)
        return s3, env

    def minutes(self, first, last, *more, later=1000, **kw):
        """An epoch a minute: a file more for each run. From the later-th on they are of the next day."""
        for i in range(first, last):
            with open(os.path.join(self.folder.name, "f%03d.ndjson" % i), "w") as f:
                for ticker in "AB":
                    f.write(json.dumps(tick(i if i < later else i + 60, ticker)) + "\n")
        inputs = []
        for i in range(last):
            inputs += ["--input", os.path.join(self.folder.name, "f%03d.ndjson" % i)]
            if i >= first:
                run("run", os.path.join(self.folder.name, "p.sql"), *inputs, *more, **kw)

    def more_files(self, ticker, count):
        """So many files in all in the folder of the ticker, which has two: the first epoch's again, under other names."""
        folder = os.path.join(self.lake, "v", "ticker=" + ticker)
        name, _ = sorted(os.listdir(folder))
        with open(os.path.join(folder, name), "rb") as f:
            data = f.read()
        for i in range(count - 2):
            with open(os.path.join(folder, "%s-%016x.parquet" % (name[:25], i)), "wb") as f:
                f.write(data)
        return folder

    def rows(self, lake=None, table="d.v", **kw):
        out = run("query", "SELECT ticker, window_start, n FROM %s ORDER BY ALL" % table, "--lake", lake or self.lake, "--format", "csv", **kw).stdout
        return out.splitlines()[1:]

    # ---- while the engine runs ----

    def test_a_running_engine_merges_the_files_of_its_sinks(self):
        with broker(os.path.join(self.folder.name, "broker"), "--durability", "os", "--stream", "s:1") as server:
            env = dict(CLIENT_ENV, AWS_ENDPOINT_URL_KINESIS=server.aws)
            client = kinesis(server.aws)
            plain = self.pipeline()
            for minute in range(2):
                client.put_record(StreamName="s", Data=json.dumps(tick(minute)).encode(), PartitionKey="A")
                run("run", plain, "--lake", self.lake, "--until-now", env=env)
            folder = self.more_files("A", MINUTES)
            engine = Server("run", self.pipeline(sink=", compact = '1 s'"), "--lake", self.lake, env=env,
                            wait=r"sink 'k': (\d+) files became 1, 0 replaced ones deleted")
            with engine:
                self.assertEqual(engine.aws, str(MINUTES - 1))  # the newest epoch's stays
                duck, seen, errors = Duck(), set(), 0
                while len(os.listdir(folder)) > 2:  # a program that lists the folder all the while
                    try:
                        seen.add(duck.rows("SELECT count(*), count(DISTINCT window_start) FROM read_parquet('%s/v/*/*.parquet')" % self.lake)[0])
                        time.sleep(0.01)
                    except DuckError:
                        errors += 1  # what it has listed is gone: it lists again
                duck.close()
                self.assertEqual(seen, {(str(MINUTES), "2")})
                self.assertLess(errors, 5)
                self.assertEqual(engine.stop(), 0)
        self.assertEqual(len(self.rows()), MINUTES)
        self.assertEqual(len(visible_files(os.path.join(self.lake, "v"))), 2)
        self.assertEqual(run("verify", self.pipeline(), "--lake", self.lake).stdout, "")

    def test_options_that_make_no_sense_are_refused(self):
        for sink, what in ((", compact = '10 ms'", "at least '1 s'"), (", compact = '1 h', format = 'csv'", "csv files are not merged")):
            p = run("check", self.pipeline(sink=sink).replace("table = 'd.v', ", ""), check=False)
            self.assertEqual(p.returncode, 3)
            self.assertIn(what, p.stderr)

    # ---- many files ----

    def test_many_files_in_bounded_memory(self):
        self.pipeline()
        self.minutes(0, 2, "--lake", self.lake)
        folder = self.more_files("A", 600)
        before = self.rows()
        run("compact", "d.v", "--lake", self.lake, "--keep", "0 s")
        peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
        self.assertEqual(self.rows(), before)
        self.assertEqual(len(os.listdir(folder)), 2)
        self.assertLess(peak, 400)

    def test_a_name_that_is_longer_than_a_folders_is_read_back_whole(self):
        self.pipeline(by="day(window_start), ticker")
        long, inputs = "x" * 299, []
        for i in range(3):
            inputs += ["--input", os.path.join(self.folder.name, "f%d.ndjson" % i)]
            with open(inputs[-1], "w") as f:
                for ticker in (long + "y", long + "/", "A"):
                    f.write(json.dumps(tick(i, ticker)) + "\n")
            run("run", os.path.join(self.folder.name, "p.sql"), *inputs, "--lake", self.lake)
        for _ in range(2):
            rows = self.rows()
            self.assertEqual(sorted({r.split(",")[0] for r in rows}), sorted(["A", long + "y", long + "/"]))
            self.assertEqual(len(rows), 9)
            self.assertEqual(run("verify", os.path.join(self.folder.name, "p.sql"), "--lake", self.lake).stdout, "")
            run("compact", "d.v", "--lake", self.lake, "--min-files", "2", "--keep", "0 s")
        out = run("query", "SELECT count(*) AS n FROM d.v WHERE ticker = '%s'" % (long + "y"), "--lake", self.lake, "--format", "csv").stdout
        self.assertEqual(out, "n\n3\n")

    # ---- a bucket, and Glue ----

    def test_closed_partitions_of_a_bucket_are_pointed_to_in_glue(self):
        s3 = FakeS3(region="us-east-1")
        s3.buckets["lake-b"] = {}
        self.addCleanup(s3.close)
        with FakeGlue() as glue:
            env = s3.env(AWS_ENDPOINT_URL_GLUE=glue.url, AWS_MAX_ATTEMPTS="2", XDG_CACHE_HOME=self.folder.name)
            self.pipeline(by="day(window_start), ticker")
            self.minutes(0, 6, "--profile", "aws", "--lake", "s3://lake-b/l", "--state", os.path.join(self.folder.name, "state"), env=env, later=4)
            partitions = glue.partitions["d", "v"]
            self.assertEqual(len(partitions), 4)  # two days, two tickers
            whole = self.rows("s3://lake-b/l", env=env)
            self.assertEqual(len(whole), 12)

            p = run("compact", "--lake", "s3://lake-b/l", "--keep", "0 s", "--min-files", "2", env=env)  # nobody is turned: all stays for who lists
            self.assertIn("d.v: 8 replaced files stay for programs that list the lake", p.stdout)
            self.assertEqual(len([n for n in s3.names("lake-b", "l/v/day=2025-09-27")]), 8)
            self.assertEqual(self.rows("s3://lake-b/l", env=env), whole)

            def located(values):
                """What Athena reads of a partition: the objects at its place."""
                place = partitions[values]["StorageDescriptor"]["Location"][len("s3://lake-b/"):]
                return [n for n in s3.names("lake-b", place) if n.endswith(".parquet")]
            seen = []
            s3.rule = lambda r: seen.append((r.action, len(located(("2025-09-27", "A")))))
            p = run("compact", "d.v", "--lake", "s3://lake-b/l", "--keep", "0 s", "--min-files", "2", "--glue", env=env)
            s3.rule = None
            self.assertLessEqual({n for _, n in seen}, {4, 1})  # the four files, or the one
            self.assertIn("_merged/day=2025-09-27/ticker=A/m-", partitions["2025-09-27", "A"]["StorageDescriptor"]["Location"])
            self.assertTrue(partitions["2025-09-28", "A"]["StorageDescriptor"]["Location"].endswith("/v/day=2025-09-28/ticker=A/"))  # still open
            self.assertEqual([len(located(v)) for v in sorted(partitions)], [1, 1, 2, 2])
            self.assertEqual(s3.names("lake-b", "l/v/day=2025-09-27"), [])
            self.assertEqual(self.rows("s3://lake-b/l", env=env), whole)
            p = run("verify", self.pipeline(by="day(window_start), ticker"), "--profile", "aws", "--lake", "s3://lake-b/l", "--state",
                    os.path.join(self.folder.name, "state"), env=env, check=False)
            self.assertEqual((p.returncode, p.stdout), (0, ""))

            # A column more: partitions keep their places.
            self.pipeline(by="day(window_start), ticker", output=", MAX(close) AS most")
            self.minutes(6, 7, "--profile", "aws", "--lake", "s3://lake-b/l", "--state", os.path.join(self.folder.name, "state"), env=env, later=4)
            moved = partitions["2025-09-27", "A"]["StorageDescriptor"]
            self.assertIn("_merged/", moved["Location"])
            self.assertEqual(moved["Columns"][-1], {"Name": "most", "Type": "double"})

            # Projected partitions have no place of their own.
            glue.tables["d", "v"]["Parameters"]["projection.enabled"] = "true"
            p = run("compact", "d.v", "--lake", "s3://lake-b/l", "--glue", env=env)
            self.assertIn("glue_partitions = 'projection'", p.stderr)

    def test_of_two_compactions_of_a_bucket_the_second_stops(self):
        s3, env = self.bucket(AWS_MAX_ATTEMPTS="2")
        state = {"done": False}

        def rule(r):
            if r.action == "PutObject" and r.key.endswith("current.json") and not state["done"]:
                state["done"] = True
                s3.rule = None
                run("compact", "d.v", "--lake", "s3://lake-b/l", "--min-files", "2", env=env)
        s3.rule = rule
        p = run("compact", "d.v", "--lake", "s3://lake-b/l", "--min-files", "2", env=env, check=False)
        self.assertEqual(p.returncode, 1)
        self.assertIn("another compaction of 's3://lake-b/l/v' is at work", p.stderr)
        self.assertEqual(len(self.rows("s3://lake-b/l", env=env)), 6)

    # ---- a statement reads what it needs ----

    def test_a_query_of_a_bucket_asks_for_its_partition_alone(self):
        s3, env = self.bucket(AWS_MAX_ATTEMPTS="2")

        def asked(where):
            s3.calls.clear()
            out = run("query", "SELECT ticker, window_start, n FROM d.v %s ORDER BY ALL" % where, "--lake", "s3://lake-b/l", "--format", "csv", env=env).stdout
            return out.splitlines()[1:], [key for action, key in s3.calls if action == "GetObject" and key.endswith(".parquet")], [a for a, _ in s3.calls]
        for merged in (False, True):
            rows, objects, calls = asked("WHERE ticker = 'A'")
            self.assertEqual((len(rows), {r.split(",")[0] for r in rows}), (3, {"A"}))
            self.assertEqual({"ticker=B" in o for o in objects}, {False})
            self.assertEqual(len(objects), 1 if merged else 3)  # the newest file is there already
            self.assertLessEqual(calls.count("ListObjectsV2"), 3)  # is it a Delta table; the partition; its merges
            self.assertEqual(asked("WHERE ticker = 'A'")[1], [])  # nothing has changed
            self.assertEqual(len(asked("WHERE ticker = 'A' OR n = 1")[0]), 6)
            self.assertEqual(len(asked("")[0]), 6)
            self.assertEqual(asked("WHERE ticker IN ('B', 'nobody')")[0], [r.replace("A", "B", 1) for r in rows])
            if not merged:
                run("compact", "d.v", "--lake", "s3://lake-b/l", "--min-files", "2", "--keep", "0 s", "--no-listers", env=env)

    def test_a_bucket_that_is_slow_for_a_while(self):
        s3, env = self.bucket()
        turn = [0]

        def rule(r):  # a third of all requests: refused, answered in part, done without an answer
            turn[0] += 1
            return {3: (503, "SlowDown"), 6: "lost" if r.action == "PutObject" else None, 9: "cut" if r.action == "GetObject" else None}.get(turn[0] % 10)
        s3.rule = rule
        run("compact", "d.v", "--lake", "s3://lake-b/l", "--min-files", "2", "--keep", "0 s", "--no-listers", env=env)
        self.assertEqual(len(self.rows("s3://lake-b/l", env=env)), 6)
        s3.rule = lambda r: (503, "SlowDown")
        for command in (["compact", "--lake", "s3://lake-b/l"], ["query", "FROM d.v", "--lake", "s3://lake-b/l"]):
            p = run(*command, env=dict(env, AWS_MAX_ATTEMPTS="1"), check=False)
            self.assertEqual(p.returncode, 1)
            self.assertIn("SlowDown", p.stderr)

    # ---- the log of a Delta table ----

    def test_old_versions_of_a_delta_log_in_a_bucket_go_that_a_checkpoint_covers(self):
        s3 = FakeS3()
        s3.buckets["lake-b"] = {}
        self.addCleanup(s3.close)
        env = s3.env(XDG_CACHE_HOME=self.folder.name)
        self.pipeline(sink=", format = 'delta'")
        self.minutes(0, 19, "--lake", "s3://lake-b/l", env=env)

        def versions():
            return sorted(int(k[len("l/v/_delta_log/"):-len(".json")]) for k in s3.buckets["lake-b"] if k.startswith("l/v/_delta_log/") and k.endswith(".json"))
        before = versions()
        self.assertEqual(before, list(range(len(before))), "all are young")
        for version in range(15):
            s3.buckets["lake-b"]["l/v/_delta_log/%020d.json" % version].when -= 40 * 86400
        self.minutes(19, 20, "--lake", "s3://lake-b/l", env=env)
        self.assertEqual(versions()[0], 9)  # of those that are old, the newest that has a checkpoint
        self.assertGreaterEqual(versions()[-1], 19)
        self.assertIn("l/v/_delta_log/%020d.checkpoint.parquet" % 9, s3.buckets["lake-b"])
        self.assertEqual(len(self.rows("s3://lake-b/l", env=env)), 40)
        self.assertEqual(run("verify", os.path.join(self.folder.name, "p.sql"), "--lake", "s3://lake-b/l", env=env).stdout, "")

    # ---- a column more ----

    def read(self, path, until, env):
        """Runs until that many records are read; a stop closes no windows."""
        engine = subprocess.Popen([BINARY, "run", path, "--lake", self.lake], env=env, stderr=subprocess.DEVNULL)
        try:
            wait_for("records", lambda: json.loads(run("status", path, "--lake", self.lake, "--json", env=env, check=False).stdout or "{}").get(
                "ledger", {}).get("received", 0) >= until)
            engine.send_signal(signal.SIGTERM)
            self.assertEqual(engine.wait(30), 0)
        finally:
            engine.kill()
            engine.wait()

    def test_a_column_more_goes_on_in_the_same_table(self):
        with broker(os.path.join(self.folder.name, "broker"), "--durability", "os", "--stream", "s:1") as server:
            env = dict(CLIENT_ENV, AWS_ENDPOINT_URL_KINESIS=server.aws)
            client = kinesis(server.aws)

            def put(*records):
                for r in records:
                    client.put_record(StreamName="s", Data=json.dumps(r).encode(), PartitionKey="A")

            put(tick(0), tick(1), tick(1))
            self.read(self.pipeline(), 3, env)
            put(tick(1, close=9.0), tick(2, volume=3), tick(2, volume=4), tick(3))
            wider = dict(column=", volume BIGINT", output=", MAX(close) AS most, SUM(volume) AS traded, COUNT(*) * 2 AS twice")
            run("run", self.pipeline(**wider), "--lake", self.lake, "--until-now", env=env)
            out = run("query", "SELECT minute(window_start) AS m, n, most, traded, twice FROM d.v ORDER BY 1", "--lake", self.lake, "--format", "csv").stdout
            # The window 10:01 had begun: what is new has not seen all of it. What is made of what was there is whole.
            self.assertEqual(out.splitlines()[1:], ["0,1,,,", "1,3,,,6", "2,2,3.5,7,4", "3,1,4.5,,2"])
            for change, what in ((dict(wider, output=""), "has no column 'most' any more"),
                                 (dict(wider, output=wider["output"].replace("MAX", "MIN")), "computes or declares the column 'most' in another way"),
                                 (dict(wider, column=", volume BIGINT, x BIGINT NOT NULL"), "new column that is NOT NULL"),
                                 (dict(wider, column=", volume DOUBLE"), "in another way")):
                p = run("run", self.pipeline(**change), "--lake", self.lake, "--until-now", env=env, check=False)
                self.assertEqual(p.returncode, 1, change)
                self.assertIn(what, p.stderr)
                self.assertIn("another pipeline name", p.stderr)
            put(tick(5, volume=1))
            run("run", self.pipeline(**wider), "--lake", self.lake, "--until-now", env=env)
            self.assertEqual(len(self.rows()), 5)

    def over(self, lower="", more="", windows=None):
        """The pipeline, with a view that reads the view."""
        path = self.pipeline(output=lower)
        with open(path) as f:
            text = f.read() + """CREATE VIEW w AS SELECT ticker, window_start, window_end, SUM(n) AS n%s
                FROM TUMBLE(v, window_end, INTERVAL '5' MINUTE) GROUP BY ticker, window_start, window_end EMIT FINAL;
                CREATE SINK wide FROM w WITH (path = 'w', table = 'd.w', commit_every = '1 s');""" % more
        with open(path, "w") as f:
            f.write(text.replace("TUMBLE(ticks, event_time, INTERVAL '1' MINUTE)", windows) if windows else text)
        return path

    def test_a_column_more_of_a_view_that_another_view_reads(self):
        with broker(os.path.join(self.folder.name, "broker"), "--durability", "os", "--stream", "s:1") as server:
            env = dict(CLIENT_ENV, AWS_ENDPOINT_URL_KINESIS=server.aws)
            client = kinesis(server.aws)

            def put(*minutes):
                for minute in minutes:
                    client.put_record(StreamName="s", Data=json.dumps(tick(minute)).encode(), PartitionKey="A")
            put(0, 7, 9)
            self.read(self.over(), 3, env)
            put(13, 14, 19, 30)
            run("run", self.over(", MAX(close) AS most", ", MAX(most) AS most, MIN(most) AS least"), "--lake", self.lake, "--until-now", env=env)
            rows = run("query", "SELECT minute(window_start) AS m, most FROM d.v ORDER BY 1", "--lake", self.lake, "--format", "csv").stdout.split()
            self.assertEqual(rows[1:], ["0,", "7,", "9,", "13,14.5", "14,15.5", "19,20.5", "30,31.5"])
            # The minute 10:09 had begun: its row, of 10:10, has no most, and so has the window that begins then, though nothing of it had been seen.
            rows = run("query", "SELECT minute(window_start) AS m, n, most, least FROM d.w ORDER BY 1", "--lake", self.lake, "--format", "csv").stdout.split()
            self.assertEqual(rows[1:], ["0,1,,", "5,1,,", "10,2,,", "15,1,15.5,15.5", "20,1,20.5,20.5", "30,1,31.5,31.5"])

    def test_no_column_more_of_sessions_that_another_view_reads(self):
        windows = "SESSION(ticks, event_time, INTERVAL '30' SECOND)"
        with broker(os.path.join(self.folder.name, "broker"), "--durability", "os", "--stream", "s:1") as server:
            env = dict(CLIENT_ENV, AWS_ENDPOINT_URL_KINESIS=server.aws)
            kinesis(server.aws).put_record(StreamName="s", Data=json.dumps(tick(0)).encode(), PartitionKey="A")
            run("run", self.over(windows=windows), "--lake", self.lake, "--until-now", env=env)
            p = run("run", self.over(", MAX(close) AS most", windows=windows), "--lake", self.lake, "--until-now", env=env, check=False)
            self.assertEqual(p.returncode, 1)
            self.assertIn("view 'v' has a new column, and another view reads its sessions", p.stderr)
            run("run", self.over(more=", MAX(n) AS most", windows=windows), "--lake", self.lake, "--until-now", env=env)


if __name__ == "__main__":
    unittest.main()
