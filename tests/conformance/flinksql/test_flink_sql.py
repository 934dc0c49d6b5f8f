# SPDX-License-Identifier: Apache-2.0
"""Exported scripts on a Flink cluster of its own, a job manager and two task managers from Maven's packages: the rows are those of tapeline,
over files, and over a stream of our broker with a task manager killed on the way. The SQL gateway is SqlGateway.java's."""
import csv
import glob
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.request

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "support"))
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "export"))
from random_ticks import write_ticks  # noqa: E402
from tapeline import BINARY, CLIENT_ENV, PIPELINE, REFERENCE, ROOT, broker, kinesis, run, shared_absent  # noqa: E402

EXPORT = os.path.join(ROOT, "tests", "conformance", "export")
BUILT = os.path.join(ROOT, "build", "conformance", "flinksql")
OPENS = ["--add-opens=java.base/%s=ALL-UNNAMED" % p for p in (
    "java.io java.lang java.lang.invoke java.net java.nio java.time java.util java.util.concurrent java.util.concurrent.atomic sun.nio.ch "
    "sun.security.action sun.util.calendar").split()]
MEMORY = {"task.heap.size": "512m", "framework.heap.size": "128m", "framework.off-heap.size": "128m", "task.off-heap.size": "64m", "managed.size": "64m",
          "network.min": "64m", "network.max": "64m", "jvm-metaspace.size": "256m", "jvm-overhead.min": "192m", "jvm-overhead.max": "192m"}
SHARDS = 4

# What the reference pipeline does not have: hopping windows and sessions, expressions, NULLs in FIRST and LAST.
MORE = """CREATE PIPELINE more;
CREATE SOURCE ticks (ticker VARCHAR NOT NULL, "date" VARCHAR, "timestamp" VARCHAR NOT NULL, open DOUBLE, high DOUBLE, low DOUBLE, close DOUBLE,
  volume BIGINT, event_time AS PARSE_TIMESTAMP("timestamp"), day AS CAST("date" AS DATE),
  mood AS CASE WHEN close > open THEN 'up' WHEN close < open THEN 'down' ELSE 'flat' END,
  WATERMARK FOR event_time AS event_time - INTERVAL '30' SECOND) WITH (stream = 'x');
CREATE VIEW hops AS SELECT UPPER(ticker) AS symbol, window_start, window_end, COUNT(*) AS n, COUNT(DISTINCT mood) AS moods, VWAP(close, volume) AS vwap,
    SUM(volume) AS volume, MIN(low) AS low, MAX(high) AS high, FIRST(mood) AS first_mood, LAST(volume IGNORE NULLS) AS last_volume,
    MAX(high) - MIN(low) AS spread, CASE WHEN COUNT(*) > 3 THEN 'busy' ELSE 'calm' END AS pace
  FROM HOP(ticks, event_time, INTERVAL '20' SECOND, INTERVAL '1' MINUTE) WHERE volume % 7 <> 0 AND ticker <> 'AMD'
  GROUP BY UPPER(ticker), window_start, window_end HAVING COUNT(*) > 1;
CREATE VIEW moods AS SELECT mood, day, COUNT(*) AS n, LAST("timestamp") AS newest, SUM(close) AS total FROM ticks GROUP BY mood, day;
CREATE VIEW sessions AS SELECT ticker, window_start, window_end, COUNT(*) AS n, LAST(close) AS last_close
  FROM SESSION(ticks, event_time, INTERVAL '3' SECOND) GROUP BY ticker, window_start, window_end;
CREATE VIEW offsets AS SELECT window_start, window_end, AVG(close) AS mean, STDDEV(close) AS deviation, LAST(close) AS last_close,
    EXTRACT(MINUTE FROM window_start) AS minute_of
  FROM TUMBLE(ticks, event_time, INTERVAL '90' SECOND, INTERVAL '15' SECOND) GROUP BY window_start, window_end;
"""
STREAM = """CREATE PIPELINE live;
CREATE PROFILE local DEFAULT WITH (kinesis = '%s', lake = './lake');
CREATE SOURCE ticks (ticker VARCHAR NOT NULL, "date" VARCHAR, "timestamp" VARCHAR NOT NULL, open DOUBLE, high DOUBLE, low DOUBLE,
  close DOUBLE NOT NULL, volume BIGINT, event_time AS PARSE_TIMESTAMP("timestamp"),
  WATERMARK FOR event_time AS event_time - INTERVAL '2' MINUTE) WITH (stream = 'ticks', start = 'TRIM_HORIZON', shard_idle = '1 h');
CREATE VIEW avg_1min AS SELECT ticker, FIRST("date") AS trade_date, window_start, window_end, AVG(close) AS avg_close, LAST(close) AS last_close
  FROM TUMBLE(ticks, event_time, INTERVAL '1' MINUTE) GROUP BY ticker, window_start, window_end EMIT FINAL;
CREATE SINK avg_1min_lake FROM avg_1min WITH (path = 'streaming/avg_1min', partition_by = 'ticker', commit_every = '2 s', table = 'db.avg_1min');
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def ask(url, **kw):
    with urllib.request.urlopen(urllib.request.Request(url, **kw), timeout=20) as answer:
        return json.load(answer)


class Cluster:
    def __init__(self, folder):
        self.folder, self.processes, self.managers = folder, [], {}
        with open(os.path.join(BUILT, "classpath")) as f:
            self.classpath = os.path.join(BUILT, "classes") + ":" + f.read().strip()
        self.port, rpc, gateway = free_port(), free_port(), free_port()
        os.mkdir(os.path.join(folder, "conf"))
        with open(os.path.join(folder, "conf", "flink-conf.yaml"), "w") as f:
            f.write("""jobmanager.rpc.address: 127.0.0.1
jobmanager.rpc.port: %d
rest.address: 127.0.0.1
rest.bind-address: 127.0.0.1
rest.port: %d
jobmanager.memory.process.size: 1024m
taskmanager.host: 127.0.0.1
taskmanager.numberOfTaskSlots: 4
parallelism.default: %d
state.checkpoints.dir: file://%s/checkpoints
heartbeat.interval: 2000
heartbeat.timeout: 20000
pekko.ask.timeout: 60 s
restart-strategy.type: fixed-delay
restart-strategy.fixed-delay.delay: 1 s
restart-strategy.fixed-delay.attempts: 100
""" % (rpc, self.port, SHARDS, folder))
        try:
            self.start(gateway)
        except BaseException:
            self.close()
            raise

    def start(self, gateway):
        folder = self.folder
        self.java("jobmanager", "512m", "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint", "--configDir", os.path.join(folder, "conf"))
        for name in ("one", "two"):
            self.manager(name)
        self.java("gateway", "800m", "SqlGateway", str(gateway))
        self.jobmanager, self.gateway = "http://127.0.0.1:%d" % self.port, "http://127.0.0.1:%d" % gateway
        self.wait(lambda: ask(self.jobmanager + "/overview")["taskmanagers"] == 2 and ask(self.gateway + "/v2/info"), "a cluster", 240)

    def java(self, name, heap, *words):
        with open(os.path.join(self.folder, name + ".log"), "ab") as log:
            p = subprocess.Popen(["java", *OPENS, "-Xmx" + heap, "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", self.classpath, *words],
                                 stdout=log, stderr=log, stdin=subprocess.DEVNULL, cwd=self.folder)
        self.processes.append(p)
        return p

    def manager(self, name):
        words = [w for k, v in MEMORY.items() for w in ("-D", "taskmanager.memory.%s=%s" % (k, v))]
        self.managers[name] = self.java("taskmanager-" + name, "700m", "org.apache.flink.runtime.taskexecutor.TaskManagerRunner", "--configDir",
                                        os.path.join(self.folder, "conf"), "-D", "taskmanager.resource-id=" + name, "-D", "taskmanager.cpu.cores=2", *words)

    def wait(self, true, what, seconds):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                if true():
                    return
            except OSError:
                pass
            time.sleep(0.3)
        for path in sorted(glob.glob(self.folder + "/*.log")):
            with open(path, errors="replace") as log:
                what += "\n== %s\n%s" % (path, "".join(log.readlines()[-15:]))
        raise AssertionError("not within %d s: %s" % (seconds, what))

    def close(self):
        for p in self.processes:
            p.kill()
        for p in self.processes:
            p.wait(20)

    def options(self):
        return "--jobmanager", self.jobmanager, "--gateway", self.gateway


class FlinkSql(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.cluster = Cluster(cls.folder.name)

    @classmethod
    def tearDownClass(cls):
        cls.cluster.close()
        cls.folder.cleanup()

    def verify(self, pipeline, pattern):
        p = run("verify", pipeline, "--engines", "tapeline,flink", "--input", pattern, *self.cluster.options(), check=False, timeout=400)
        self.assertEqual((p.returncode, p.stdout.splitlines()[-1:]), (0, ["equal"]), p.stdout + p.stderr)
        return p.stdout

    @unittest.skipIf(shared_absent(REFERENCE), shared_absent(REFERENCE) or "")
    def test_the_reference_pipeline_has_the_same_rows(self):
        """rule 1, rule 2, rule 4, rule 7, rule 8"""
        told = self.verify(PIPELINE, os.path.join(REFERENCE, "input", "*.ndjson"))
        self.assertIn("view avg_1min: 308 rows of tapeline, 308 of flink", told)
        self.assertIn("malformed records: 11 of tapeline, 11 of flink", told)

    @unittest.skipIf(shared_absent(REFERENCE), shared_absent(REFERENCE) or "")
    def test_windows_and_expressions_have_the_same_rows(self):
        with tempfile.TemporaryDirectory() as folder:
            pipeline = os.path.join(folder, "more.sql")
            with open(pipeline, "w") as f:
                f.write(MORE)
            subprocess.run([sys.executable, os.path.join(REFERENCE, "gen_ticks.py"), "--out", folder, "--records", "6000", "--files", "3", "--seed", "7"],
                           check=True, stdout=subprocess.DEVNULL)
            self.verify(pipeline, os.path.join(folder, "*.json"))

    def test_views_over_views_have_the_same_rows(self):
        """rule 5; hops that are no whole number of slides; and of sessions, those alone are let differ that Flink parts within a millisecond"""
        pipeline = os.path.join(EXPORT, "chain.sql")
        for seed in (int(os.environ.get("TL_SEED", time.time())), 7):
            with self.subTest(seed=seed), tempfile.TemporaryDirectory() as folder:
                write_ticks(folder, 3, seed, two_times=True)
                told = self.verify(pipeline, os.path.join(folder, "*.ndjson"))
                for view in ("fives", "by_start", "quarters", "of_hops", "burst_minutes", "quiet"):
                    self.assertRegex(told, "view %s: [1-9]" % view)
                if seed == 7:
                    for view in ("bursts", "burst_minutes"):
                        self.assertRegex(told, "view %s: .* equal; [1-9][0-9]*: a session of ours is two there" % view)
                self.assertEqual({m for m in re.findall(r"view (\w+): .*a session of ours", told)} - {"bursts", "burst_minutes"}, set())

    def test_views_without_a_window_over_views_have_the_same_rows(self):
        """rule 5, and rule 4 where sessions are read"""
        with tempfile.TemporaryDirectory() as folder:
            seed = int(os.environ.get("TL_SEED", time.time()))
            write_ticks(folder, 3, seed, late=True)
            told = self.verify(os.path.join(EXPORT, "totals.sql"), os.path.join(folder, "*.ndjson"))
            for view in ("per_ticker", "overall", "odd_even", "ends", "of_fives", "of_hops", "of_bursts"):
                self.assertRegex(told, "view %s: [1-9]" % view, "TL_SEED=%d" % seed)

    def test_late_records_explain_what_differs(self):
        """rule 4: what Flink finds late for a session that is still open is told as such, also in the rows that are made of those"""
        for seed in (int(os.environ.get("TL_SEED", time.time())), 7):
            with self.subTest(seed=seed), tempfile.TemporaryDirectory() as folder:
                write_ticks(folder, 12, seed, late=True)
                told = self.verify(os.path.join(EXPORT, "late.sql"), os.path.join(folder, "*.ndjson"))
                self.assertEqual({m for m in re.findall(r"view (\w+): .*a late record", told)} & {"minutes", "hops", "fives"}, set())
                if seed == 7:
                    for view in ("bursts", "burst_minutes"):
                        self.assertRegex(told, "view %s: .* equal; .*1: a late record lies in the window" % view)

    def put(self, client, lines):
        """The lines of each shard to that shard, in order."""
        ranges = {s["ShardId"]: s["HashKeyRange"]["StartingHashKey"] for s in client.list_shards(StreamName="ticks")["Shards"]}
        for shard, of in zip(sorted(ranges), lines):
            for at in range(0, len(of), 400):
                records = [{"Data": line, "PartitionKey": "k", "ExplicitHashKey": ranges[shard]} for line in of[at:at + 400]]
                self.assertEqual(client.put_records(StreamName="ticks", Records=records)["FailedRecordCount"], 0)

    @unittest.skipIf(shared_absent(REFERENCE), shared_absent(REFERENCE) or "")
    def test_a_stream_survives_the_death_of_a_task_manager(self):
        """rule 1, rule 4, rule 5: of what windows have closed, each row once and equal"""
        lines = []
        for path in sorted(glob.glob(os.path.join(REFERENCE, "input", "*.ndjson"))):
            with open(path, "rb") as f:
                lines.append([line.rstrip() for line in f if line.strip()])
        last = b'{"ticker": "END", "timestamp": "2025-09-27T14:00:00Z", "close": 1}'
        with tempfile.TemporaryDirectory() as folder, broker(os.path.join(folder, "broker"), "--limits", "off") as server:
            client, pipeline, data = kinesis(server.aws), os.path.join(folder, "live.sql"), os.path.join(folder, "data")
            with open(pipeline, "w") as f:
                f.write(STREAM % server.aws)
            client.create_stream(StreamName="ticks", ShardCount=SHARDS)
            client.get_waiter("stream_exists").wait(StreamName="ticks")
            self.put(client, [of[:len(of) // 2] for of in lines])
            told = os.path.join(folder, "told")
            with open(told, "wb") as f:
                job = subprocess.Popen([BINARY, "run", pipeline, "--engine", "flink", "--data", data, *self.cluster.options(), "--parallelism", str(SHARDS), "--savepoints",
                                        "file://" + folder + "/savepoints"], stderr=f, stdin=subprocess.DEVNULL, env=CLIENT_ENV)
            try:
                rows = lambda: self.rows(data)
                self.cluster.wait(lambda: rows() or job.poll() is not None, "rows of the first half", 600)
                busy = {m for v in self.subtasks() for m in v}
                dies = "one" if "one" in busy else "two"
                self.cluster.managers[dies].kill()
                self.put(client, [of[len(of) // 2:] + [last] for of in lines])
                self.cluster.manager(dies)
                expected = run("run", pipeline, "--until-now", "--lake", os.path.join(folder, "ours"), "--dump", "avg_1min").stdout
                expected = {(r["ticker"], r["window_start"]): r for r in csv.DictReader(io.StringIO(expected)) if r["ticker"] != "END"}
                self.cluster.wait(lambda: len(rows()) >= len(expected) or job.poll() is not None, "all rows, after a task manager died", 600)
            finally:
                job.send_signal(signal.SIGTERM)
                code = job.wait(200)
            with open(told) as f:
                text = f.read()
            self.assertEqual(code, 0, text)
            self.assertRegex(text, r"stopped; go on from there with --savepoint file:\S+")
            with open(os.path.join(data, "lake", "_flink", "live", "progress.json")) as f:
                process, query = map(json.loads, f)
            self.assertEqual((process["state"], query["query"], query["records"] > 0, query["batch"] > 0), ("FINISHED", "live", True, True), "for the dashboard")
            self.assertGreater(query["watermark"], "2025-09-27T")
            dead = run("query", "SELECT COUNT(*) AS n FROM live.ticks_malformed", "--lake", os.path.join(data, "lake"), "--format", "csv").stdout.split()
            self.assertEqual(dead, ["n", "11"], "rule 7: what Flink could not read is found as a table")
            got = self.rows(data)
            self.assertEqual(len(got), len({(r["ticker"], r["window_start"]) for r in got}))
            self.assertEqual({(r["ticker"], r["window_start"]) for r in got}, set(expected))
            for r in got:
                e = expected[r["ticker"], r["window_start"]]
                self.assertEqual([r[c] for c in ("trade_date", "window_end")] + [float(r["last_close"])],
                                 [e[c] for c in ("trade_date", "window_end")] + [float(e["last_close"])])
                self.assertAlmostEqual(float(r["avg_close"]), float(e["avg_close"]), delta=1e-12 * float(e["avg_close"]))

    def subtasks(self):
        for job in ask(self.cluster.jobmanager + "/jobs/overview")["jobs"]:
            if job["state"] == "RUNNING":
                for v in ask(self.cluster.jobmanager + "/jobs/" + job["jid"])["vertices"]:
                    yield {s.get("taskmanager-id") for s in ask("%s/jobs/%s/vertices/%s" % (self.cluster.jobmanager, job["jid"], v["id"]))["subtasks"]}

    def rows(self, data):
        p = run("query", "SELECT * FROM db.avg_1min", "--lake", os.path.join(data, "lake"), "--format", "csv", check=False)
        return list(csv.DictReader(io.StringIO(p.stdout))) if p.returncode == 0 else []


if __name__ == "__main__":
    unittest.main()
